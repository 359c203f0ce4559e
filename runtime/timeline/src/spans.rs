//! Spans of time: what each task and each worker did from when to when.
//!
//! A [`Timeline`] is a list of moments. [`spans()`] reads it once, from front to back. Everything else
//! in this crate uses the result: the figures, the advice, each drawing and the page. A record may have
//! gaps, because its buffers are bounded and it can be taken while tasks run. So nothing here relies on
//! an end after each beginning.

mod curves;
mod off_core;
mod parts;
mod reader;
mod waking;

pub(crate) use self::curves::cover;

use std::time::Duration;

use brigade::timeline::{LaneKind, Outcome, Timeline, WakeEffect};

/// Turns a record into spans. Takes time in proportion to the number of events.
///
/// ```
/// use brigade::{Executor, SingleThread, task};
/// use brigade_timeline::State;
///
/// let executor = SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(async {
///     task::Builder::new().name("soup").spawn(brigade::yield_now()).await.unwrap();
/// });
/// let spans = brigade_timeline::spans(&executor.timeline().unwrap());
/// let soup = spans.tasks[1].spans.iter().map(|span| span.state);
/// let states = [State::Queued, State::Running, State::Queued, State::Running];
/// assert!(soup.eq(states)); // it yielded once
/// # std::io::Result::Ok(())
/// ```
pub fn spans(timeline: &Timeline) -> Spans {
    reader::read(timeline)
}

/// A run as spans of time: see [`spans()`].
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Spans {
    /// When the run begins: its first event.
    pub begin: Duration,
    /// When the run ends: its last event, or the end of the record if a task is still alive.
    pub end: Duration,
    /// The tasks, as in [`Timeline::tasks`].
    pub tasks: Vec<TaskSpans>,
    /// The threads, as in [`Timeline::lanes`].
    pub lanes: Vec<LaneSpans>,
    /// All polls, in the order in which they began.
    pub polls: Vec<Poll>,
    /// All wakes and spawns, in order of time.
    pub wakes: Vec<Wake>,
    /// Each time a task began to await the handle of another one.
    pub joins: Vec<Join>,
    /// How many tasks were in flight from each instant on: *concurrency*.
    pub in_flight: Vec<(Duration, usize)>,
    /// How many tasks were being polled from each instant on: *parallelism*. Polls that take no time are
    /// left out.
    pub at_once: Vec<(Duration, usize)>,
    /// The most tasks that were ready and not running.
    pub queued_max: usize,
    /// How many workers there were.
    pub workers: usize,
    /// How many events the recorder had no room for.
    pub dropped: u64,
}

/// The kind of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum TaskKind {
    /// A task that was spawned.
    #[default]
    Task,
    /// The main future of `block_on`.
    Main,
    /// A job of the blocking pool.
    Job,
}

/// The life of a task.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TaskSpans {
    /// Its kind.
    pub kind: TaskKind,
    /// Its states, from its beginning to its end, without a gap.
    pub spans: Vec<Span>,
    /// Its polls, as indices into [`Spans::polls`].
    pub polls: Vec<usize>,
    /// When it was spawned, or first appeared.
    pub begun: Option<Duration>,
    /// When it ended.
    pub ended: Option<Duration>,
    /// How it ended.
    pub ending: Option<Ending>,
    /// The task that spawned it.
    pub spawned_by: Option<usize>,
    /// When another task or thread requested its end.
    pub aborted: Option<Duration>,
    /// Since when it has had no waker, so that nothing can wake it.
    pub stranded: Option<Duration>,
    /// How often it was woken.
    pub wakes: u64,
    /// Polls during which it woke itself.
    pub self_woken: u64,
    /// Wakes without effect, other than by the end of a task that it awaited.
    pub wakes_nowhere: u64,
    /// Wakes without effect by the end of an awaited task.
    pub joins_nowhere: u64,
}

/// A span of a task's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Span {
    /// When it begins.
    pub from: Duration,
    /// When it ends.
    pub to: Duration,
    /// The state of the task.
    pub state: State,
    /// For a running task: the poll, as an index into [`Spans::polls`].
    pub poll: Option<usize>,
    /// For a waiting task: the wake that ended the wait, as an index into [`Spans::wakes`].
    pub wake: Option<usize>,
    /// For a waiting task: whether it awaited the handle of another task.
    pub joins: bool,
}

/// The state of a task at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum State {
    /// It is ready, and no worker polls it.
    Queued,
    /// A thread polls it.
    Running,
    /// It waits to be woken.
    Waiting,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Ending {
    /// It ran to its end.
    Finished,
    /// It was dropped: aborted, or its executor closed.
    Cancelled,
    /// It panicked.
    Panicked,
}

/// One poll of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Poll {
    /// The task.
    pub task: usize,
    /// The thread, as an index into [`Timeline::lanes`].
    pub lane: usize,
    /// When it began.
    pub begin: Duration,
    /// When it ended. If the record lacks one of the two ends, both are equal to the known one.
    pub end: Duration,
    /// How it ended. `None` if the record ends before, or lacks the end.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub outcome: Option<Outcome>,
    /// The wake or spawn that led to it, as an index into [`Spans::wakes`].
    pub cause: Option<usize>,
    /// How much of it the thread spent off the core, if the record tells.
    pub off_core: Option<OffCore>,
}

/// The part of a poll in which its thread was on no core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OffCore {
    /// The thread itself gave the core away: it slept, waited for a lock, or for a device.
    pub blocked: Duration,
    /// The OS gave the core to another thread, although this one could run.
    pub preempted: Duration,
}

/// An event that made a task ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Wake {
    /// When it happened.
    pub at: Duration,
    /// The task that was woken.
    pub task: usize,
    /// The thread on which it happened.
    pub lane: usize,
    /// The source of the wake.
    pub source: Source,
    /// The effect of the wake.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub effect: WakeEffect,
    /// The poll that made the wake.
    pub from: Option<usize>,
    /// The poll that followed from it.
    pub to: Option<usize>,
}

/// What made a task ready. Tasks are given by their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Source {
    /// It was spawned, by a task or from outside.
    Spawn(Option<usize>),
    /// The poll of a task woke it.
    Task(usize),
    /// A task whose handle it awaited ended.
    Join(usize),
    /// The OS reported an event.
    Io,
    /// A timer fired.
    Timer,
    /// A thread that is not a worker, or an event that is not on record.
    Thread,
}

/// A task begins to await another task's handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Join {
    /// When it happened.
    pub at: Duration,
    /// The task that is awaited.
    pub task: usize,
    /// The task that awaits it.
    pub by: usize,
}

/// What a thread did.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LaneSpans {
    /// What kind of thread it is.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub kind: LaneKind,
    /// Its polls, as indices into [`Spans::polls`], in order of time and never two at once.
    pub polls: Vec<usize>,
    /// The times in which it was parked.
    pub parks: Vec<(Duration, Duration)>,
    /// The times in which it took part in the run.
    pub present: Vec<(Duration, Duration)>,
    /// The moments on it, which took no time.
    pub marks: Vec<(Duration, Mark)>,
    /// CPU time of the thread between its first and its last reading.
    pub cpu: Option<Duration>,
    /// How long the OS kept the thread from a core, in the same time, although it could run.
    pub preempted: Option<Duration>,
}

/// A moment on a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Mark {
    /// The OS reported this many events.
    Io(usize),
    /// This many timers fired.
    Timers(usize),
    /// It took tasks from the queue of the worker with this number.
    Steal(usize),
    /// It woke this task from outside.
    Woke(usize),
    /// It polled this task, and no waker of it is left.
    Stranded(usize),
}

impl Spans {
    /// Returns the most tasks in flight at one instant.
    pub fn in_flight_max(&self) -> usize {
        self.in_flight.iter().map(|step| step.1).max().unwrap_or(0)
    }

    /// Returns the most tasks polled at one instant.
    pub fn at_once_max(&self) -> usize {
        let most = self.at_once.iter().map(|step| step.1).max().unwrap_or(0);
        // A poll that takes no time, as on a virtual clock, still counts.
        let any = |poll: &Poll| self.tasks[poll.task].kind == TaskKind::Task;
        most.max(usize::from(self.polls.iter().any(any)))
    }

    pub(crate) fn is_worker(&self, lane: usize) -> bool {
        matches!(self.lanes[lane].kind, LaneKind::Worker(_))
    }
}

impl TaskSpans {
    /// Returns whether it was spawned and is not a job of the blocking pool.
    pub fn is_task(&self) -> bool {
        self.kind == TaskKind::Task
    }

    /// Returns how long it was in a state.
    pub fn time_in(&self, state: State) -> Duration {
        let spans = self.spans.iter().filter(|span| span.state == state);
        spans.map(Span::length).sum()
    }
}

impl Span {
    /// Returns how long it is.
    pub fn length(&self) -> Duration {
        self.to - self.from
    }
}

impl Poll {
    /// Returns how long it took.
    pub fn length(&self) -> Duration {
        self.end - self.begin
    }

    /// Returns how long it was blocked.
    pub fn blocked(&self) -> Duration {
        self.off_core.unwrap_or_default().blocked
    }

    /// Returns how long other threads had the core.
    pub fn preempted(&self) -> Duration {
        self.off_core.unwrap_or_default().preempted
    }

    /// Returns how long it was on a core, or its whole length if the record does not tell.
    pub fn on_core(&self) -> Duration {
        let off = self.blocked() + self.preempted();
        self.length().saturating_sub(off)
    }
}

#[cfg(test)]
mod tests;
