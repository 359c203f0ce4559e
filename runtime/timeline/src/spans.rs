//! Spans of time: what each task and each worker did, and when.
//!
//! A [`Timeline`] is a list of events. [`spans()`] reads it once, from front to back. Everything else in this
//! crate uses the result: the figures, the advice and the drawings. A record may have gaps, because the
//! recorder's buffers are bounded, and because a record can be taken while tasks run. So no code here assumes
//! that each beginning has an end.

mod curves;
mod off_core;
mod parts;
mod reader;
mod waking;

pub(crate) use self::curves::cover;

use std::time::Duration;

use brigade::timeline::{LaneKind, Outcome, Timeline, WakeEffect};

/// Turns a record into spans, in time proportional to the number of events.
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

/// A run as spans of time, see [`spans()`].
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Spans {
    /// When the run begins, that is, the time of its first event.
    pub begin: Duration,
    /// When the run ends: the time of its last event, or the end of the record if the run had not ended by
    /// then.
    pub end: Duration,
    /// The tasks, with the same indices as [`Timeline::tasks`].
    pub tasks: Vec<TaskSpans>,
    /// The threads, with the same indices as [`Timeline::lanes`].
    pub lanes: Vec<LaneSpans>,
    /// All polls, in the order in which they began.
    pub polls: Vec<Poll>,
    /// All wakes and spawns, in order of time.
    pub wakes: Vec<Wake>,
    /// The moments at which a task began to await the handle of another task.
    pub joins: Vec<Join>,
    /// The *concurrency*: pairs of an instant and the number of tasks that are in flight from this instant
    /// on.
    pub in_flight: Vec<(Duration, usize)>,
    /// The *parallelism*: pairs of an instant and the number of tasks that are being polled from this instant
    /// on. Polls that take no time are left out.
    pub at_once: Vec<(Duration, usize)>,
    /// The largest number of tasks that were ready but not running at one instant.
    pub queued_max: usize,
    /// The number of workers.
    pub workers: usize,
    /// The number of events that did not fit into the recorder's buffers.
    pub dropped: u64,
}

/// The kind of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum TaskKind {
    /// A spawned task.
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
    /// The kind of the task.
    pub kind: TaskKind,
    /// The states of the task, from its beginning to its end, without a gap.
    pub spans: Vec<Span>,
    /// The polls of the task, as indices into [`Spans::polls`].
    pub polls: Vec<usize>,
    /// When the task was spawned, or first appeared. `None` if the record has no event about the task.
    pub begun: Option<Duration>,
    /// When the task ended. `None` if the task was alive when the record ended.
    pub ended: Option<Duration>,
    /// How the task ended.
    pub ending: Option<Ending>,
    /// The task that spawned this task.
    pub spawned_by: Option<usize>,
    /// When another task or thread asked to abort the task.
    pub aborted: Option<Duration>,
    /// When the task began to wait although no waker of it was left. From then on, nothing could wake the
    /// task.
    pub stranded: Option<Duration>,
    /// The number of times the task was woken.
    pub wakes: u64,
    /// The number of polls during which the task woke itself.
    pub self_woken: u64,
    /// The number of wakes that had no effect. Wakes from the end of an awaited task are not counted.
    pub wakes_nowhere: u64,
    /// The number of wakes that came from the end of an awaited task and had no effect.
    pub joins_nowhere: u64,
}

/// A span of a task's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Span {
    /// When the span begins.
    pub from: Duration,
    /// When the span ends.
    pub to: Duration,
    /// The state of the task in this span.
    pub state: State,
    /// For a running task, the poll, as an index into [`Spans::polls`].
    pub poll: Option<usize>,
    /// For a waiting task, the wake that ended the wait, as an index into [`Spans::wakes`].
    pub wake: Option<usize>,
    /// For a waiting task, true if it awaited the handle of another task.
    pub joins: bool,
}

/// The state of a task at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum State {
    /// The task is ready, but no worker polls it.
    Queued,
    /// A thread is polling the task.
    Running,
    /// The task is waiting to be woken.
    Waiting,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Ending {
    /// The task ran to its end.
    Finished,
    /// The task was dropped, because it was aborted or its executor closed.
    Cancelled,
    /// The task panicked.
    Panicked,
}

/// One poll of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Poll {
    /// The polled task.
    pub task: usize,
    /// The polling thread, as an index into [`Timeline::lanes`].
    pub lane: usize,
    /// When the poll began.
    pub begin: Duration,
    /// When the poll ended. If the record lacks the beginning or the end of the poll, `begin` and `end` are
    /// both the time that is known.
    pub end: Duration,
    /// The outcome of the poll. `None` if the record ends before the poll does, or lacks the end of the poll.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub outcome: Option<Outcome>,
    /// The wake or spawn that caused the poll, as an index into [`Spans::wakes`].
    pub cause: Option<usize>,
    /// How long the polling thread was off the core during the poll. `None` if the record does not show this.
    pub off_core: Option<OffCore>,
}

/// The part of a poll in which its thread was not on a core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OffCore {
    /// The time in which the thread gave the core away: it slept, or waited for a lock or a device.
    pub blocked: Duration,
    /// The time in which another thread had the core although this thread could run.
    pub preempted: Duration,
}

/// An event that made a task ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Wake {
    /// When the event happened.
    pub at: Duration,
    /// The task that was woken or spawned.
    pub task: usize,
    /// The thread on which the event happened.
    pub lane: usize,
    /// The source of the wake.
    pub source: Source,
    /// The effect of the wake.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub effect: WakeEffect,
    /// The poll during which the wake happened, as an index into [`Spans::polls`].
    pub from: Option<usize>,
    /// The poll that followed the wake, as an index into [`Spans::polls`].
    pub to: Option<usize>,
}

/// The cause that made a task ready. The number in a variant is the index of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Source {
    /// The task was spawned by the task with this index. `None` if no task spawned it.
    Spawn(Option<usize>),
    /// A poll of the task with this index made the wake. A task may wake itself.
    Task(usize),
    /// The task with this index ended, and the woken task awaited its handle.
    Join(usize),
    /// The OS reported an event.
    Io,
    /// A timer fired.
    Timer,
    /// A thread that is not a worker woke the task, or the record does not show the cause.
    Thread,
}

/// The moment at which a task began to await another task's handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Join {
    /// When it happened.
    pub at: Duration,
    /// The task that is awaited.
    pub task: usize,
    /// The task that awaits the handle.
    pub by: usize,
}

/// The activity of a thread.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LaneSpans {
    /// The kind of the thread.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub kind: LaneKind,
    /// The polls on this thread, as indices into [`Spans::polls`], in order of time. They do not overlap.
    pub polls: Vec<usize>,
    /// The times in which the thread was parked.
    pub parks: Vec<(Duration, Duration)>,
    /// The periods in which the thread belonged to the executor, awake or parked.
    pub present: Vec<(Duration, Duration)>,
    /// Events on this thread that took no time.
    pub marks: Vec<(Duration, Mark)>,
    /// The CPU time of the thread, from the first reading of its CPU clock to the last.
    pub cpu: Option<Duration>,
    /// How long the thread could run but had no core, from the first reading of its CPU clock to the last.
    pub preempted: Option<Duration>,
}

/// An event on a thread that took no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Mark {
    /// The OS reported this number of events.
    Io(usize),
    /// The thread fired this number of timers.
    Timers(usize),
    /// The thread took tasks from the queue of the worker with this number.
    Steal(usize),
    /// The thread, which is outside the executor, woke this task.
    Woke(usize),
    /// The thread polled this task, and afterwards no waker of the task was left.
    Stranded(usize),
}

impl Spans {
    /// Returns the largest number of tasks in flight at one instant.
    pub fn in_flight_max(&self) -> usize {
        self.in_flight.iter().map(|step| step.1).max().unwrap_or(0)
    }

    /// Returns the largest number of tasks polled at one instant.
    pub fn at_once_max(&self) -> usize {
        let most = self.at_once.iter().map(|step| step.1).max().unwrap_or(0);
        // A poll that takes no time counts too. On a virtual clock, no poll takes time.
        let any = |poll: &Poll| self.tasks[poll.task].kind == TaskKind::Task;
        most.max(usize::from(self.polls.iter().any(any)))
    }

    pub(crate) fn is_worker(&self, lane: usize) -> bool {
        matches!(self.lanes[lane].kind, LaneKind::Worker(_))
    }
}

impl TaskSpans {
    /// Returns whether this is a spawned task: neither a main future nor a job of the blocking pool.
    pub fn is_task(&self) -> bool {
        self.kind == TaskKind::Task
    }

    /// Returns the total time that the task spent in this state.
    pub fn time_in(&self, state: State) -> Duration {
        let spans = self.spans.iter().filter(|span| span.state == state);
        spans.map(Span::length).sum()
    }
}

impl Span {
    /// Returns the length of the span.
    pub fn length(&self) -> Duration {
        self.to - self.from
    }
}

impl Poll {
    /// Returns the length of the poll.
    pub fn length(&self) -> Duration {
        self.end - self.begin
    }

    /// Returns how long the thread blocked during the poll.
    pub fn blocked(&self) -> Duration {
        self.off_core.unwrap_or_default().blocked
    }

    /// Returns how long other threads had the thread's core during the poll.
    pub fn preempted(&self) -> Duration {
        self.off_core.unwrap_or_default().preempted
    }

    /// Returns how long the thread was on a core, or the whole length of the poll if this is unknown.
    pub fn on_core(&self) -> Duration {
        let off = self.blocked() + self.preempted();
        self.length().saturating_sub(off)
    }
}

#[cfg(test)]
mod tests;
