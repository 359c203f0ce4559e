//! The blocking pool: threads for work that would hold an executor up.
//!
//! **Job.** Run closures that block (files, name lookups, long computations in other people's
//! code) on threads of their own, as many as are needed up to a bound, and let the threads go when
//! they have had nothing to do for a while.
//!
//! **Owns** its threads and a queue of jobs. A job is an ordinary task of a home that is this
//! pool, so its handle is an ordinary [`JoinHandle`].
//!
//! **Never** loses a job: if no thread can be started the closure is handed back to the caller.
//!
//! Dropping the executor cancels jobs that have not begun; one that is running runs to its end on
//! its thread, and nobody waits for it.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use crate::reactor::Reactor;
use crate::recorder::{Recorder, Role};
use crate::spans::TaskSpan;
use crate::sync::{Arc, Condvar, Mutex, lock};
use crate::task::JoinHandle;
use crate::task::home::{HomeRef, Schedule};
use crate::task::letter::Letter;
use crate::task::raw::{RawTask, Runnable};

/// How many threads unless the builder says otherwise. The work waits for devices and other
/// machines rather than for processors, hence many; tokio's bound is the same.
pub(crate) const DEFAULT_THREADS: usize = 512;

/// How long a thread waits for another job before it ends. Thin air: longer than a burst, shorter
/// than a person's patience with a process list.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// See the module.
pub(crate) struct Pool {
    home: HomeRef,
    core: Arc<Core>,
}

struct Core {
    state: Mutex<State>,
    /// Rung once for each job that is left to an idle thread.
    job: Condvar,
    name: String,
    recorder: Option<Arc<Recorder>>,
}

/// A job for which there was no thread. Dropping it cancels it.
pub(crate) struct Stranded(Option<Runnable>);

impl Stranded {
    pub(crate) fn run(mut self) {
        if let Some(job) = self.0.take() {
            job.run();
        }
    }
}

impl Drop for Stranded {
    fn drop(&mut self) {
        if let Some(job) = self.0.take() {
            job.cancel();
        }
    }
}

struct State {
    jobs: VecDeque<RawTask>,
    threads: usize,
    idle: usize,
    max_threads: usize,
    closed: bool,
    /// To be notified when the last job has ended.
    when_idle: Option<Arc<Reactor>>,
}

impl State {
    fn is_busy(&self) -> bool {
        self.idle < self.threads || !self.jobs.is_empty()
    }
}

impl Pool {
    pub(crate) fn new(name: String, max_threads: usize, recorder: Option<Arc<Recorder>>) -> Self {
        let core = Arc::new(Core {
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                threads: 0,
                idle: 0,
                max_threads,
                closed: false,
                when_idle: None,
            }),
            job: Condvar::new(),
            name,
            recorder: recorder.clone(),
        });
        Pool {
            home: HomeRef::shared_and_recorded(core.clone(), recorder),
            core,
        }
    }

    /// Queues a job and sees to it that there is a thread for it. If none can be started and none is
    /// there, a job comes back, and the caller runs it.
    pub(crate) fn spawn<W, T>(&self, work: W) -> (JoinHandle<T>, Option<Stranded>)
    where
        W: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let span = TaskSpan::open("blocking", None);
        let job = Job(Some(span.around_closure(work)));
        let (runnable, task) = RawTask::new(job, self.home.clone());
        span.number(task.number());
        task.report_spawn(None);
        let handle = JoinHandle::new(task);
        (
            handle,
            self.core.submit(runnable).map(|job| Stranded(Some(job))),
        )
    }

    /// Notifies `reactor` each time the last job has ended.
    pub(crate) fn notify_when_idle(&self, reactor: Arc<Reactor>) {
        lock(&self.core.state).when_idle = Some(reactor);
    }

    /// Returns whether a job is queued or running.
    pub(crate) fn is_busy(&self) -> bool {
        lock(&self.core.state).is_busy()
    }

    /// Cancels the jobs that have not begun and lets the threads go.
    pub(crate) fn close(&self) {
        let jobs = {
            let mut state = lock(&self.core.state);
            state.closed = true;
            std::mem::take(&mut state.jobs)
        };
        self.core.job.notify_all();
        // Outside of the lock: this drops closures of the user.
        for job in jobs {
            Runnable::from_queue(job).cancel();
        }
    }
}

impl Core {
    /// Queues a job, and starts a thread if all are busy and there may be more. One lock for both:
    /// otherwise two jobs could count on the same idle thread, or on one that is just ending.
    /// Answers a job that nobody is there to run.
    fn submit(self: &Arc<Self>, job: Runnable) -> Option<Runnable> {
        {
            let mut state = lock(&self.state);
            if state.closed {
                drop(state);
                job.cancel();
                return None;
            }
            // A closed world: see `SingleThread`'s builder.
            if state.max_threads == 0 {
                return Some(job);
            }
            state.jobs.push_back(job.into_queue());
            if state.idle >= state.jobs.len() || state.threads >= state.max_threads {
                drop(state);
                self.job.notify_one();
                return None;
            }
            state.threads += 1;
        }
        let core = self.clone();
        let started = thread::Builder::new()
            .name(format!("{}-blocking", self.name))
            .spawn(move || core.work());
        if started.is_ok() {
            return None;
        }
        let mut state = lock(&self.state);
        state.threads -= 1;
        if state.threads > 0 {
            // Another thread of the pool will come to it.
            return None;
        }
        // Not necessarily the one that was put in: but one of them.
        state.jobs.pop_front().map(Runnable::from_queue)
    }

    /// The life of a thread of the pool.
    fn work(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.join(Role::Blocking);
        }
        let mut state = lock(&self.state);
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                // A panic of the job goes to its handle.
                Runnable::from_queue(job).run();
                state = lock(&self.state);
                continue;
            }
            if state.closed {
                break;
            }
            state.idle += 1;
            if let Some(reactor) = state.when_idle.as_ref().filter(|_| !state.is_busy()) {
                reactor.ring();
            }
            let (guard, timeout) = wait(&self.job, state);
            state = guard;
            state.idle -= 1;
            if timeout && state.jobs.is_empty() {
                break;
            }
        }
        state.threads -= 1;
    }
}

impl Schedule for Core {
    /// Jobs are queued by `submit`.
    fn admit(&self, task: Runnable) -> Result<(), Runnable> {
        Err(task)
    }

    /// A job is queued from its birth, and ready after its one poll: nothing ever wakes it.
    fn schedule(&self, task: Runnable) {
        let _ = task.into_queue();
    }

    fn forget(&self, _task: RawTask) {}

    fn post(&self, letter: Letter) {
        drop(letter);
    }
}

fn wait<'a, T>(
    condition: &Condvar,
    guard: crate::sync::MutexGuard<'a, T>,
) -> (crate::sync::MutexGuard<'a, T>, bool) {
    let (guard, timeout) = condition
        .wait_timeout(guard, KEEP_ALIVE)
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    (guard, timeout.timed_out())
}

/// A closure as a future that is ready at its first poll.
struct Job<W>(Option<W>);

impl<W> Unpin for Job<W> {}

impl<W: FnOnce() -> T, T> Future for Job<W> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<T> {
        let work = self.0.take().expect("a job is polled once");
        Poll::Ready(work())
    }
}
