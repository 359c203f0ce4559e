//! The blocking pool: threads for closures that would block an executor's thread. Such closures read files,
//! look up names, or compute for a long time.
//!
//! A *job* is an ordinary task that calls a closure and completes in its first poll. So the handle of a job
//! is an ordinary [`JoinHandle`]. The pool has two *lanes*, each with threads of its own. One lane runs the
//! jobs of `spawn_blocking`. The other lane runs name lookups, so lookups never wait behind a user's jobs.
//!
//! The state of a lane is a [`Roster`] behind one lock. The roster gains and loses threads only while that
//! lock is held. So a submitter never relies on a thread that has failed to start or is about to end. If a
//! lane has no thread and cannot start one, the submitter gets the job back.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::builder::Threads;
use crate::reactor::Reactor;
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, lock};
use crate::task::cell::Reserved;
use crate::task::raw::{RawTask, Runnable, Unbound};
use crate::task::scheduler_ref::{Schedule, SchedulerRef};
use crate::task::state::Writer;
use crate::task::{JoinError, JoinHandle};
use crate::timer::Clock;
use crate::trace::Probe;
use crate::trace::recorder::{Recorder, Role};

/// The maximum number of threads for name lookups. Arbitrary: not measured.
const LOOKUP_THREADS: usize = 64;

/// The two lanes of an executor's pool.
pub(crate) struct Pool {
    scheduler: SchedulerRef,
    jobs: Arc<Lane>,
    lookups: Arc<Lane>,
}

/// The kind of a job, which selects its lane.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A closure of the user.
    Job,
    Lookup,
}

/// A queue of jobs and the threads that run them.
struct Lane {
    kind: Kind,
    roster: Mutex<Roster<Unbound, Seat>>,
    /// Notified when the last thread has ended.
    empty: Condvar,
    threads: Threads,
    probe: Probe,
    /// Set only if time is virtual. The clock stands still while jobs run. The reactor is notified when no job
    /// runs any more.
    virtual_time: OnceLock<(Arc<Clock>, Arc<Reactor>)>,
}

/// The data that a lane's lock guards. Each method is one step, done under the lock. A test tries these steps
/// in all orders.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Roster<J, S> {
    queue: VecDeque<J>,
    /// The threads that wait for a job. The last element is the thread that went idle last.
    idle: Vec<S>,
    /// The number of threads that run a job or are about to take a job. At least 1 while jobs are queued.
    busy: usize,
    /// The number of busy threads whose job waits in `Handle::block_on`. Counted only if the executor's
    /// clock is virtual.
    parked: usize,
    max: usize,
    closed: bool,
    /// The number of threads that have not ended: idle or busy, or running their stop hook.
    alive: usize,
}

/// The condition variable on which one idle thread waits.
#[derive(Clone)]
struct Seat(Arc<Condvar>);

/// The next action of a thread.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Next<J> {
    Run(J),
    Wait,
    End,
}

impl<J, S: Clone + PartialEq> Roster<J, S> {
    fn new(max: usize) -> Self {
        Roster {
            queue: VecDeque::new(),
            idle: Vec::new(),
            busy: 0,
            parked: 0,
            max,
            closed: false,
            alive: 0,
        }
    }

    /// Queues a job, and returns the idle thread that the caller must notify. If no thread is idle and fewer
    /// than `max` are busy, calls `start` to start one. Returns the job as an error if no thread can run it.
    fn submit(&mut self, job: J, start: impl FnOnce() -> bool) -> Result<Option<S>, J> {
        // Take the thread that went idle last, so that the other threads time out when jobs are rare.
        let called = self.idle.pop();
        if called.is_some() {
            self.busy += 1;
        } else if self.busy < self.max && start() {
            self.busy += 1;
            self.alive += 1;
        } else if self.busy == 0 {
            return Err(job);
        }
        self.queue.push_back(job);
        Ok(called)
    }

    /// Removes the job for which `is` returns true, if this job is queued.
    fn withdraw(&mut self, is: impl Fn(&J) -> bool) -> Option<J> {
        let at = self.queue.iter().position(is)?;
        self.queue.remove(at)
    }

    /// Returns the next action of a thread that has no job.
    fn next(&mut self, thread: &S) -> Next<J> {
        if let Some(job) = self.queue.pop_front() {
            return Next::Run(job);
        }
        self.busy -= 1;
        if self.closed {
            return Next::End;
        }
        self.idle.push(thread.clone());
        Next::Wait
    }

    /// Returns the next action of an idle thread whose wait has ended because of a notification, a timeout,
    /// the end of the pool, or a spurious wake.
    fn rise(&mut self, thread: &S, timed_out: bool) -> Next<J> {
        match self.idle.iter().position(|it| it == thread) {
            // A submitter took this thread from the list, so the thread must look for a job, even if it timed
            // out.
            None => self.next(thread),
            Some(at) if timed_out || self.closed => {
                self.idle.remove(at);
                Next::End
            }
            Some(_) => Next::Wait,
        }
    }

    /// Closes the lane. Returns the queued jobs, which the caller cancels, and the idle threads, which the
    /// caller notifies.
    fn close(&mut self) -> (VecDeque<J>, Vec<S>) {
        self.closed = true;
        (std::mem::take(&mut self.queue), self.idle.clone())
    }

    fn is_busy(&self) -> bool {
        self.busy > self.parked
    }
}

impl Pool {
    pub(crate) fn new(
        threads: Threads,
        max_threads: usize,
        recorder: Option<Arc<Recorder>>,
    ) -> Self {
        let lane = |kind, max| {
            Arc::new(Lane {
                kind,
                roster: Mutex::new(Roster::new(max)),
                empty: Condvar::new(),
                threads: threads.clone(),
                probe: Probe::new(recorder.clone()),
                virtual_time: OnceLock::new(),
            })
        };
        Pool {
            jobs: lane(Kind::Job, max_threads),
            // In a closed world (see `Builder::closed_world`), `max_threads` is 0. Then this lane must not
            // start threads either.
            lookups: lane(
                Kind::Lookup,
                LOOKUP_THREADS.min(max_threads.saturating_mul(LOOKUP_THREADS)),
            ),
            scheduler: SchedulerRef::shared(Arc::new(Jobs), Probe::new(recorder)),
        }
    }

    /// Queues a job. If no thread can run the job, returns the job, and the caller must run it.
    pub(crate) fn spawn<W, T>(&self, kind: Kind, work: W) -> (JoinHandle<T>, Option<Rejected>)
    where
        W: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let cell = Reserved::new(self.scheduler.clone(), "blocking", None);
        // SAFETY: the pointer refers to uninitialised memory in this cell, of the size and type of the future.
        unsafe { std::ptr::write(cell.future(), Job(Some(work))) };
        // SAFETY: the future was written just now.
        let (job, task) = unsafe { cell.written() };
        self.scheduler.probe().spawned(task, None);
        let handle = JoinHandle::new(task);
        let lane = match kind {
            Kind::Job => &self.jobs,
            Kind::Lookup => &self.lookups,
        };
        (handle, lane.submit(job))
    }

    /// Queues a name lookup. Like [`spawn`](Self::spawn), returns the job if no thread can run it.
    pub(crate) fn look_up<W, T>(&self, work: W) -> (Lookup<T>, Option<Rejected>)
    where
        W: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (handle, rejected) = self.spawn(Kind::Lookup, work);
        let lane = self.lookups.clone();
        (Lookup { handle, lane }, rejected)
    }

    /// Makes `clock` stand still while jobs run. The pool notifies `reactor` when the last job of a lane
    /// ends, and when a job begins to wait.
    pub(crate) fn use_virtual_time(&self, clock: &Arc<Clock>, reactor: &Arc<Reactor>) {
        for lane in [&self.jobs, &self.lookups] {
            // This function is called once, before any job exists.
            let _ = lane.virtual_time.set((clock.clone(), reactor.clone()));
        }
    }

    /// In virtual time, stops the clock if a job can run, and otherwise lets the clock move. Submitting or
    /// waking a job also stops the clock, under the lock of the job's lane.
    pub(crate) fn hold_clock(&self) {
        if let Some((clock, _)) = self.jobs.virtual_time.get() {
            // Lock both lanes at once. If they were locked in turn, a lookup could end in between and wake
            // the job that waits for it. Then neither lane would look busy, although the job can run.
            let (jobs, lookups) = (lock(&self.jobs.roster), lock(&self.lookups.roster));
            clock.hold(jobs.is_busy() || lookups.is_busy());
        }
    }

    #[cfg(test)]
    fn is_busy(&self) -> bool {
        let (jobs, lookups) = (lock(&self.jobs.roster), lock(&self.lookups.roster));
        jobs.is_busy() || lookups.is_busy()
    }

    /// Calls `park` with the lock held. `park` marks the calling job as waiting in `Handle::block_on`, or
    /// returns false if the job's future was woken. If `park` returns true, counts one more waiting job.
    pub(crate) fn park_job(&self, park: impl FnOnce() -> bool) {
        let mut roster = lock(&self.jobs.roster);
        if park() {
            roster.parked += 1;
            drop(roster);
            if let Some((_, reactor)) = self.jobs.virtual_time.get() {
                reactor.notify();
            }
        }
    }

    /// Undoes [`park_job`](Self::park_job) if `unpark` returns true. Returns the result of `unpark`.
    pub(crate) fn unpark_job(&self, unpark: impl FnOnce() -> bool) -> bool {
        let mut roster = lock(&self.jobs.roster);
        let unparked = unpark();
        roster.parked -= usize::from(unparked);
        if let (true, Some((clock, _))) = (unparked, self.jobs.virtual_time.get()) {
            clock.hold(true);
        }
        unparked
    }

    /// Cancels the jobs that have not begun. Each thread ends as soon as it runs no job.
    pub(crate) fn close(&self) {
        self.jobs.close();
        self.lookups.close();
    }

    /// Waits until the threads for the user's jobs have ended, at most until `deadline`. The caller has
    /// closed the pool. Does not wait for lookups, because their results are no longer needed.
    pub(crate) fn wait_for_jobs(&self, deadline: Option<Instant>) {
        let mut roster = lock(&self.jobs.roster);
        while roster.alive > 0 {
            let left = deadline.map_or(Duration::MAX, |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                break;
            }
            roster = wait(&self.jobs.empty, roster, left).0;
        }
    }

    /// Returns three counts: threads, idle threads and queued jobs.
    pub(crate) fn depths(&self) -> [usize; 3] {
        [&self.jobs, &self.lookups]
            .map(|lane| {
                let roster = lock(&lane.roster);
                let idle = roster.idle.len();
                [roster.busy + idle, idle, roster.queue.len()]
            })
            .into_iter()
            .fold([0; 3], |sum, lane| {
                std::array::from_fn(|i| sum[i] + lane[i])
            })
    }
}

impl Lane {
    /// Queues a job. Returns the job if no thread can run it.
    fn submit(self: &Arc<Self>, job: Unbound) -> Option<Rejected> {
        let mut roster = lock(&self.roster);
        if roster.closed {
            drop(roster);
            // Dropping the job cancels it.
            drop(job);
            return None;
        }
        // Keep the lock while `start` starts a thread, which takes about ten microseconds. Without the lock,
        // each of two submitters could rely on the thread that the other is starting, and both starts could
        // fail.
        let submitted = roster.submit(job, || self.start());
        if let Some((clock, _)) = self.virtual_time.get() {
            clock.hold(true);
        }
        drop(roster);
        match submitted {
            Ok(called) => {
                if let Some(Seat(thread)) = called {
                    thread.notify_one();
                }
                None
            }
            Err(job) => Some(Rejected(job)),
        }
    }

    /// Starts a thread. Returns whether the OS allowed it.
    fn start(self: &Arc<Self>) -> bool {
        let lane = self.clone();
        let suffix = match self.kind {
            Kind::Job => "blocking",
            Kind::Lookup => "lookup",
        };
        let started = self.threads.start(suffix, move || {
            lane.work();
            // The thread drops this `Alive` after its stop hook.
            Alive(lane)
        });
        started.is_ok()
    }

    /// Runs jobs until the pool closes, or until no job has come for the keep-alive time.
    fn work(&self) {
        if let Some(recorder) = self.probe.recorder() {
            recorder.join(Role::Blocking);
        }
        let seat = Seat(Arc::new(Condvar::new()));
        let mut roster = lock(&self.roster);
        let mut next = roster.next(&seat);
        loop {
            // Notify the reactor before each wait, not only after a job: a thread that looks for a job also
            // counts as busy, even if it finds none.
            if let (Some((_, reactor)), false) = (self.virtual_time.get(), roster.is_busy()) {
                reactor.notify();
            }
            next = match next {
                Next::Run(job) => {
                    drop(roster);
                    // A panic of the job goes to its handle.
                    job.bind().run(Writer::Shared, &self.probe);
                    roster = lock(&self.roster);
                    roster.next(&seat)
                }
                Next::Wait => {
                    let (guard, timed_out) = wait(&seat.0, roster, self.threads.keep_alive);
                    roster = guard;
                    roster.rise(&seat, timed_out)
                }
                Next::End => return,
            };
        }
    }

    fn close(&self) {
        let (jobs, threads) = lock(&self.roster).close();
        for Seat(thread) in threads {
            thread.notify_one();
        }
        // Drop the jobs outside of the lock, because their destructors are user code.
        drop(jobs);
    }
}

/// Counts a thread that has not ended yet.
struct Alive(Arc<Lane>);

impl Drop for Alive {
    fn drop(&mut self) {
        let mut roster = lock(&self.0.roster);
        roster.alive -= 1;
        if roster.alive == 0 {
            self.0.empty.notify_all();
        }
    }
}

impl PartialEq for Seat {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A job that no thread can run. Dropping the `Rejected` cancels the job.
pub(crate) struct Rejected(Unbound);

impl Rejected {
    pub(crate) fn run(self) {
        self.0.bind().run(Writer::Shared, &Probe::off());
    }
}

/// The future of a name lookup. If it is dropped before the lookup has begun, the lookup is not made.
pub(crate) struct Lookup<T> {
    handle: JoinHandle<T>,
    lane: Arc<Lane>,
}

impl<T> Future for Lookup<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.handle).poll(cx)
    }
}

impl<T> Drop for Lookup<T> {
    fn drop(&mut self) {
        if !self.handle.is_finished() {
            // Abort the job too: if the pool has handed it back to the submitter, it is not in the queue.
            self.handle.abort();
            let id = self.handle.id();
            let job = lock(&self.lane.roster).withdraw(|job| job.raw().id() == id);
            drop(job);
        }
    }
}

/// The scheduler of jobs. Its methods need not queue a job, because `Lane::submit` has queued it, and one
/// poll completes it.
struct Jobs;

impl Schedule for Jobs {
    fn bind(&self, task: Unbound) {
        drop(task);
    }

    fn schedule(&self, _task: Runnable) {}

    fn unbind(&self, _task: RawTask) {}
}

/// Waits for a notification, and returns whether the time ran out.
fn wait<'a, T>(
    condition: &Condvar,
    guard: MutexGuard<'a, T>,
    at_most: Duration,
) -> (MutexGuard<'a, T>, bool) {
    let (guard, timeout) = condition
        .wait_timeout(guard, at_most)
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

#[cfg(all(test, not(loom)))]
mod tests;
