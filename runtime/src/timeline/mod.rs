//! The record of a run, event by event.
//!
//! A [`Timeline`] is the record of one run of an executor that was built with `record_timeline(true)`. It
//! shows when and on which thread each task was polled, what woke the task, and when threads slept. It
//! contains only data, and does not refer to the executor.
//!
//! The crate `brigade-timeline` turns it into figures, advice and drawings.

mod collect;

use std::time::Duration;

use crate::task::Id;

/// The record of a run: see the [module](self).
///
/// ```
/// use brigade::timeline::{Outcome, What};
/// use brigade::{SingleThread, task};
///
/// let executor = SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(async {
///     let soup = task::Builder::new().name("soup").spawn(brigade::yield_now());
///     soup.await.unwrap();
/// });
///
/// let timeline = executor.timeline().unwrap();
/// let mut names = timeline.tasks.iter().map(|task| task.name.as_deref());
/// let soup = names.position(|name| name == Some("soup")).unwrap();
/// let ends = timeline.events.iter().filter_map(|event| match event.what {
///     What::PollEnd { task, outcome } if task == soup => Some(outcome),
///     _ => None,
/// });
/// assert!(ends.eq([Outcome::Pending, Outcome::Ready]));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeline {
    /// The threads that took part in the run. Events refer to a thread by its index in this vector.
    pub lanes: Vec<Lane>,
    /// The tasks, in the order in which they appeared. Events refer to a task by its index in this vector.
    pub tasks: Vec<Task>,
    /// The events in order of time. Events of the same instant on one thread are in the order in which
    /// they happened.
    pub events: Vec<Event>,
    /// The time from when the executor was built until the timeline was taken.
    pub length: Duration,
    /// The number of events that were not recorded because the record was full.
    pub dropped: u64,
}

/// A thread.
///
/// ```
/// use brigade::timeline::LaneKind;
///
/// let executor = brigade::WorkStealing::builder().workers(2).record_timeline(true).build()?;
/// executor.block_on(async { brigade::spawn(async {}).await.unwrap() });
///
/// let lanes = executor.timeline().unwrap().lanes;
/// for lane in &lanes {
///     println!("{}: {:?}", lane.name, lane.kind);
/// }
/// // The thread that was in `block_on` polls no tasks: it is not a worker.
/// assert!(lanes.iter().any(|lane| lane.kind == LaneKind::Outside));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lane {
    /// The thread's name: `worker 0`, for example, or the name of an outside thread that woke or spawned a
    /// task.
    pub name: String,
    /// The kind of thread.
    pub kind: LaneKind,
}

/// The role of a thread in the executor.
///
/// ```
/// use brigade::timeline::LaneKind;
///
/// let executor = brigade::SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(async {
///     brigade::spawn_blocking(|| "washing up").await.unwrap();
/// });
/// let lanes = executor.timeline().unwrap().lanes;
/// assert!(lanes.iter().any(|lane| lane.kind == LaneKind::Worker(0)));
/// assert!(lanes.iter().any(|lane| lane.kind == LaneKind::Blocking));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LaneKind {
    /// The thread polls tasks. It is the worker with this number, or the only thread of a `SingleThread`,
    /// which has number 0.
    Worker(usize),
    /// The thread belongs to the blocking pool.
    Blocking,
    /// The thread polled the main future of `WorkStealing::block_on`, or it woke or spawned a task from
    /// outside the executor.
    Outside,
}

/// A task.
///
/// ```
/// let executor = brigade::SingleThread::builder().record_timeline(true).build()?;
/// let id = executor.block_on(async {
///     let dish = brigade::spawn(async {});
///     let id = dish.id();
///     dish.await.unwrap();
///     id
/// });
/// let timeline = executor.timeline().unwrap();
/// let dish = timeline.tasks.iter().find(|task| task.id == id).unwrap();
/// assert_eq!(dish.name, None);
/// assert!(!dish.is_main);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Task {
    /// The id that the task had. Ids differ from run to run.
    pub id: Id,
    /// The task's name, if [`task::Builder`](crate::task::Builder) gave it one, or `main` for the main future
    /// of `block_on`.
    pub name: Option<String>,
    /// True for the main future of `block_on`, which the [`metrics`](crate::Metrics) do not count as a
    /// task.
    pub is_main: bool,
}

/// Something that happened.
///
/// ```
/// let executor = brigade::SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(brigade::yield_now());
///
/// let timeline = executor.timeline().unwrap();
/// for event in &timeline.events {
///     println!("{:?}, {}: {:?}", event.at, timeline.lanes[event.lane].name, event.what);
/// }
/// assert!(timeline.events.is_sorted_by_key(|event| event.at));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The time since the executor was built, by the executor's clock.
    pub at: Duration,
    /// The thread, as an index into [`Timeline::lanes`].
    pub lane: usize,
    /// What happened.
    pub what: What,
}

/// What happened. A number in a field `task` or `by` is the task's index in [`Timeline::tasks`].
///
/// This example finds which task spawned which:
///
/// ```
/// use brigade::timeline::What;
///
/// let executor = brigade::SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(async { brigade::spawn(async {}).await.unwrap() });
///
/// let timeline = executor.timeline().unwrap();
/// let mut spawns = timeline.events.iter().filter_map(|event| match event.what {
///     What::Spawn { task, by } => Some((&timeline.tasks[task], by)),
///     _ => None,
/// });
/// let (_, by) = spawns.find(|(task, _)| !task.is_main).unwrap();
/// assert!(timeline.tasks[by.unwrap()].is_main);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// A task was spawned.
    Spawn {
        /// The new task.
        task: usize,
        /// The task that spawned the new task. `None` if it was spawned outside of a task.
        by: Option<usize>,
    },
    /// A poll began. On the blocking pool, a closure began.
    PollBegin {
        /// The task.
        task: usize,
    },
    /// A poll ended.
    PollEnd {
        /// The task.
        task: usize,
        /// How it ended.
        outcome: Outcome,
    },
    /// A poll has ended, and no waker of the task is left. So the task can never be woken.
    Stranded {
        /// The task.
        task: usize,
    },
    /// A task was dropped instead of being polled, because it had been aborted or its executor was closed.
    Cancel {
        /// The task.
        task: usize,
    },
    /// A task was woken.
    Wake {
        /// The task.
        task: usize,
        /// The task whose poll woke this task. `None` if an event, a timer, or an outside thread woke the
        /// task.
        by: Option<usize>,
        /// The effect of the wake.
        effect: WakeEffect,
    },
    /// A task began to await another task's handle.
    Join {
        /// The task that is awaited.
        task: usize,
        /// The task that awaits the handle.
        by: usize,
    },
    /// A handle requested the abort of a task.
    Abort {
        /// The task.
        task: usize,
        /// The task whose poll made the request. `None` if it was made outside of a task.
        by: Option<usize>,
    },
    /// A worker took tasks from another worker's queue.
    Steal {
        /// The other worker's number (see [`LaneKind::Worker`]).
        from: usize,
    },
    /// A thread went to sleep because it had nothing to do.
    Park,
    /// A parked thread woke up.
    Unpark,
    /// The OS reported events on I/O sources, such as sockets. These events cause the wakes that follow on
    /// this thread.
    IoReady {
        /// The number of events.
        events: usize,
    },
    /// Timers were due. These timers cause the wakes that follow on this thread.
    TimersFired {
        /// The number of timers.
        timers: usize,
    },
    /// The CPU clock of the thread was read. This happens at the end of a poll and before or after a park,
    /// at most once per millisecond. It happens only on 64-bit Linux.
    CpuTime {
        /// The CPU time that the thread has used so far.
        used: Duration,
        /// The total time so far in which the thread was ready to run but had no core. `None` if the system
        /// does not report this time.
        delayed: Option<Duration>,
        /// True if the thread gave its core away since the previous reading: it slept, or it waited for a
        /// lock or a device. Parking does not count.
        blocked: bool,
    },
}

/// The outcome of a poll.
///
/// ```
/// use brigade::timeline::{Outcome, What};
///
/// let executor = brigade::SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(async {
///     let dish = brigade::spawn(async { panic!("burnt") });
///     assert!(dish.await.unwrap_err().is_panic());
/// });
/// let is_panic = |what| matches!(what, What::PollEnd { outcome: Outcome::Panicked, .. });
/// let events = executor.timeline().unwrap().events;
/// assert_eq!(events.iter().filter(|event| is_panic(event.what)).count(), 1);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The task waits.
    Pending,
    /// The task is complete.
    Ready,
    /// The task panicked, and is complete.
    Panicked,
}

/// The effect of a wake.
///
/// ```
/// use brigade::timeline::{What, WakeEffect};
///
/// let executor = brigade::SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(async {
///     // A task yields by waking itself: it will be polled again.
///     brigade::spawn(brigade::yield_now()).await.unwrap();
/// });
/// let is_again = |what| matches!(what, What::Wake { effect: WakeEffect::Again, .. });
/// let events = executor.timeline().unwrap().events;
/// assert!(events.iter().any(|event| is_again(event.what)));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WakeEffect {
    /// The task was idle and went into a run queue.
    Queued,
    /// The task was being polled and will be polled again.
    Again,
    /// The wake had no effect, because the task was already in a run queue or was complete.
    Nothing,
}

impl Timeline {
    /// Builds a timeline by hand, for tests of code that draws or analyses timelines.
    #[doc(hidden)]
    pub fn from_parts(
        lanes: Vec<Lane>,
        tasks: Vec<Task>,
        events: Vec<Event>,
        length: Duration,
    ) -> Self {
        Timeline {
            lanes,
            tasks,
            events,
            length,
            dropped: 0,
        }
    }
}

impl Lane {
    #[doc(hidden)]
    pub fn new(name: &str, kind: LaneKind) -> Self {
        Lane {
            name: name.into(),
            kind,
        }
    }
}

impl Task {
    #[doc(hidden)]
    pub fn new(id: u64, name: Option<&str>) -> Self {
        Task {
            id: Id::from_number(id),
            name: name.map(Into::into),
            is_main: name == Some("main"),
        }
    }

    /// Returns the name of the task, or `task` and its index if it has no name.
    ///
    /// `index` is the task's index in [`Timeline::tasks`].
    ///
    /// ```
    /// let executor = brigade::SingleThread::builder().record_timeline(true).build()?;
    /// executor.block_on(async { brigade::spawn(async {}).await.unwrap() });
    ///
    /// let tasks = executor.timeline().unwrap().tasks;
    /// let labels: Vec<_> = tasks.iter().enumerate().map(|(index, task)| task.label(index)).collect();
    /// assert_eq!(labels, ["main", "task 1"]);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn label(&self, index: usize) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => format!("task {index}"),
        }
    }
}

impl Event {
    #[doc(hidden)]
    pub fn new(at: Duration, lane: usize, what: What) -> Self {
        Event { at, lane, what }
    }
}
