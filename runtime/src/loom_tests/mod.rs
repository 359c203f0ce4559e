//! Models of the runtime's races. Loom runs the threads of a model in every order of steps that the memory
//! model allows.
//!
//! Each race has its own file, which has the name of the race. The models run the code that ships; [`sync`]
//! and [`os`] replace what loom cannot run. A model names its *outcomes*. The model fails if any of these
//! outcomes is never reached, because a race that never happens proves nothing.
//!
//! `.ci/loom` runs all models; `.ci/loom NAME` runs models whose name contains `NAME`. If exploring every
//! order takes too long, a model bounds the number of preemptions. Most races already occur with two
//! preemptions. The variable `LOOM_MAX_PREEMPTIONS` replaces the bounds of all models.

pub(crate) mod os;
pub(crate) mod sync;

mod abort_against_completion;
mod abort_against_poll;
mod arm_against_falling_asleep;
mod batch_against_last_searcher;
mod custom_close_against_wake;
mod end_against_abort_handle;
mod end_elsewhere_against_leaving;
mod event_against_clearing;
mod event_against_forgetting;
mod event_against_waiting;
mod handle_drop_against_completion;
mod join_against_completion;
mod join_against_block_on_end;
mod last_searcher_leaves;
mod last_waker_against_executor_gone;
mod last_waker_against_handle_drop;
mod push_against_custom_park;
mod send_against_closing;
mod send_against_parking;
mod push_against_last_sleeper;
mod put_against_monitor;
mod put_against_take;
mod shutdown_against_spawn;
mod shutdown_against_wake;
mod steal_against_pop;
mod steal_against_steal;
mod two_wakers_one_rearming;
mod unpark_against_park;
mod wake_against_poll;

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Wake, Waker};
use std::time::Instant;

use loom::sync::Notify;

use crate::queue::inject::Injector;
use crate::queue::stealing::Ring;
use crate::sync::{Mutex, Ordering, SeldomWritten, lock};
use crate::task::raw::{RawTask, Runnable, Unbound};
use crate::task::scheduler_ref::{Schedule, SchedulerRef};
use crate::task::{JoinHandle, waker};
use crate::test_support::{self, new_task_of};
use crate::trace::Probe;
use crate::work_stealing::idle::Idle;
use crate::work_stealing::park::Parker;

/// The outcomes of a model, and how many executions reached each outcome. The counts are std's atomics,
/// which loom does not see. So the counts add no steps to an execution, and last longer than one execution.
struct Outcomes<const N: usize>([(&'static str, AtomicUsize); N]);

impl<const N: usize> Outcomes<N> {
    const fn of(names: [&'static str; N]) -> Self {
        let mut outcomes = [const { ("", AtomicUsize::new(0)) }; N];
        let mut n = 0;
        while n < N {
            outcomes[n].0 = names[n];
            n += 1;
        }
        Outcomes(outcomes)
    }

    fn saw(&self, name: &str) {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found
            .expect("a declared outcome")
            .1
            .fetch_add(1, Ordering::Relaxed);
    }
}

/// Explores a model. `preemptions`, if given, bounds the preemptions in one execution.
fn explore<const N: usize>(
    preemptions: impl Into<Option<usize>>,
    outcomes: &Outcomes<N>,
    model: impl Fn() + Send + Sync + 'static,
) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(preemptions.into());
    builder.max_branches = 20_000;
    let bound = builder.preemption_bound;
    let executions = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    builder.check({
        let executions = executions.clone();
        move || {
            executions.fetch_add(1, Ordering::Relaxed);
            model();
        }
    });
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("?").replace("loom_tests::", "");
    let mut report = format!(
        "model {name}: {} executions, {}, {:.1} s",
        executions.load(Ordering::Relaxed),
        bound.map_or("every order".into(), |bound| format!("{bound} preemptions")),
        began.elapsed().as_secs_f64(),
    );
    for (outcome, count) in &outcomes.0 {
        report += &format!("\n      {:>8} x {outcome}", count.load(Ordering::Relaxed));
    }
    // Print everything in one call, because models run in parallel.
    println!("{report}");
    for (outcome, count) in &outcomes.0 {
        let reached = count.load(Ordering::Relaxed) > 0;
        assert!(reached, "{name}: never reached: {outcome}");
    }
}

/// A minimal scheduler: a queue of ready tasks that any thread may run.
struct Line {
    ready: Mutex<VecDeque<Runnable>>,
    /// Wakes the one thread that runs the tasks.
    bell: Notify,
    /// How many times a task was queued. A model reads this number only to find out which outcome it reached.
    submitted: AtomicUsize,
}

impl Line {
    /// Makes the queue, and a scheduler reference to it.
    fn open() -> (Arc<Line>, SchedulerRef) {
        let line = Arc::new(Line {
            ready: Mutex::new(VecDeque::new()),
            bell: Notify::new(),
            submitted: AtomicUsize::new(0),
        });
        (line.clone(), SchedulerRef::shared(line, Probe::off()))
    }

    fn pop(&self) -> Option<Runnable> {
        lock(&self.ready).pop_front()
    }

    /// Runs ready tasks until `done` returns true.
    fn run_until(&self, done: impl Fn() -> bool) {
        loop {
            match self.pop() {
                Some(task) => test_support::run(task),
                None if done() => return,
                None => self.bell.wait(),
            }
        }
    }

    /// Checks that all tasks and wakers, and so all references to the scheduler, are gone.
    fn assert_left(self: Arc<Self>) {
        assert_eq!(
            Arc::strong_count(&self),
            1,
            "a task or a reference to its scheduler is still there"
        );
    }
}

impl Schedule for Line {
    fn bind(&self, task: Unbound) {
        self.schedule(task.bind());
    }

    fn schedule(&self, task: Runnable) {
        let mut ready = lock(&self.ready);
        assert!(!ready.contains(&task), "a task is in the queue twice");
        ready.push_back(task);
        self.submitted.fetch_add(1, Ordering::Relaxed);
        drop(ready);
        self.bell.notify();
    }

    fn unbind(&self, _task: RawTask) {}
}

/// Spawns a task as the executors do. Returns its handle and a waker.
fn spawn<F: Future>(scheduler: &SchedulerRef, future: F) -> (JoinHandle<F::Output>, Waker) {
    let (task, handle) = new_task_of(scheduler, future);
    let waker = waker_of(task.raw());
    scheduler.bind(task);
    (handle, waker)
}

fn waker_of(task: RawTask) -> Waker {
    Waker::clone(&waker::borrowed(task))
}

/// A waker that is not brigade's, for a waiting thread of the model.
struct Stranger(Notify);

impl Stranger {
    fn new() -> Arc<Self> {
        Arc::new(Stranger(Notify::new()))
    }
}

impl Wake for Stranger {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

/// Polls `future` to its end on the calling thread of the model.
fn wait_for<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let stranger = Stranger::new();
    let waker = Waker::from(stranger.clone());
    loop {
        let mut cx = std::task::Context::from_waker(&waker);
        match future.as_mut().poll(&mut cx) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => stranger.0.wait(),
        }
    }
}

// ---- rings of numbers, each with one owner at a time ------------------------------------------

/// Pushes an item, or returns it if the ring is full.
fn push(ring: &Ring<u32>, item: u32) -> Option<u32> {
    // SAFETY: in each model, a ring has one owner at a time, and only the owner pushes and pops.
    unsafe { ring.push(item) }.err()
}

fn pop(ring: &Ring<u32>) -> Option<u32> {
    // SAFETY: as in `push`.
    unsafe { ring.pop() }
}

fn drain(ring: &Ring<u32>) -> Vec<u32> {
    std::iter::from_fn(|| pop(ring)).collect()
}

fn steal(victim: &Ring<u32>, mine: &Ring<u32>) -> Option<u32> {
    // SAFETY: as in `push`; the caller owns `mine`.
    unsafe { victim.steal_into(mine) }
}

// ---- workers whose tasks are numbers ----------------------------------------------------------

/// The parts that the workers of `work_stealing` share, without reactor and clock: the idle protocol, the
/// injector and the parkers.
struct Staff {
    idle: Idle,
    injector: Injector<u32>,
    parkers: Vec<Parker>,
    /// The number of tasks that are not yet done. The workers leave when this number is 0. No race depends
    /// on the number, so loom need not try more orders for it.
    left: SeldomWritten,
}

/// The counts of one worker.
#[derive(Default)]
struct Worked {
    /// How many times the worker was woken to search.
    woken: usize,
    /// How many times the worker was the last searcher and woke another worker.
    woke: usize,
    /// How many times the worker saw a task just before parking, and did not park.
    turned_back: usize,
}

impl Staff {
    fn of(workers: usize, tasks: usize) -> Arc<Self> {
        Arc::new(Staff {
            idle: Idle::new(workers),
            injector: Injector::new(),
            parkers: (0..workers).map(|_| Parker::new()).collect(),
            left: SeldomWritten::new(tasks),
        })
    }

    /// Makes a task ready. Returns whether a worker was woken for it.
    fn push(&self, task: u32) -> bool {
        self.injector.push(task);
        self.notify()
    }

    fn notify(&self) -> bool {
        let sleeper = self.idle.to_wake(|_| false);
        if let Some(sleeper) = sleeper {
            self.parkers[sleeper].unpark(|| ());
        }
        sleeper.is_some()
    }

    fn is_closed(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }

    fn start(
        self: &Arc<Self>,
        worker: usize,
        run: impl Fn(u32) + 'static,
    ) -> loom::thread::JoinHandle<Worked> {
        let staff = self.clone();
        loom::thread::spawn(move || staff.work(worker, run))
    }

    /// Runs the loop of `work_stealing::worker::Worker::run`, with numbers as tasks.
    fn work(&self, worker: usize, run: impl Fn(u32)) -> Worked {
        let mut worked = Worked::default();
        let mut searching = false;
        self.parkers[worker].belong_to_current();
        while !self.is_closed() {
            let mut task = self.injector.pop();
            if task.is_none() && !searching && self.idle.start_searching() {
                searching = true;
                task = self.injector.pop();
            }
            let Some(task) = task else {
                self.sleep(worker, &mut searching, &mut worked);
                continue;
            };
            if std::mem::take(&mut searching)
                && self.idle.stop_searching()
                && !self.injector.is_empty()
            {
                worked.woke += usize::from(self.notify());
            }
            run(task);
            if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
                for parker in &self.parkers {
                    parker.unpark(|| ());
                }
            }
        }
        worked
    }

    fn sleep(&self, worker: usize, searching: &mut bool, worked: &mut Worked) {
        self.idle.fall_asleep(worker, std::mem::take(searching));
        let found = !self.injector.is_empty();
        if !found && !self.is_closed() {
            self.parkers[worker].park(None);
        }
        *searching = self.idle.rise(worker, found);
        if found {
            worked.turned_back += 1;
        } else if *searching {
            worked.woken += 1;
        }
    }
}
