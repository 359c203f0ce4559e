//! The figures of a run, which are computed from its spans.
//!
//! The figures describe how concurrent the run was ([`in_flight_max`](Figures::in_flight_max)), how parallel
//! it was ([`at_once_max`](Figures::at_once_max)), and where the time went. [`TaskFigures`] defines the parts
//! of a task's life, and [`Figures::critical_path`] defines the critical path.

mod critical_path;
pub(crate) mod stall;
mod sum;

pub(crate) use self::sum::of_spans;

use std::time::Duration;

use brigade::timeline::{LaneKind, Timeline};

use crate::spans::Ending;

/// Computes the figures in time proportional to the number of events.
///
/// ```
/// use brigade::{Executor, SingleThread};
///
/// let executor = SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(async {
///     let tasks: Vec<_> = (0..3).map(|_| brigade::spawn(brigade::yield_now())).collect();
///     for task in tasks {
///         task.await.unwrap();
///     }
/// });
/// let figures = brigade_timeline::figures(&executor.timeline().unwrap());
/// assert_eq!(figures.in_flight_max, 3); // concurrency
/// assert_eq!(figures.at_once_max, 1); // parallelism
/// assert_eq!(figures.finished, 3);
/// # std::io::Result::Ok(())
/// ```
pub fn figures(timeline: &Timeline) -> Figures {
    of_spans(&crate::spans(timeline))
}

/// The figures of a run, see [`figures()`].
///
/// *Tasks* are spawned tasks. The main future of `block_on` is not counted, and neither is a job of
/// [`spawn_blocking`](brigade::spawn_blocking) that has begun. A job that has not begun counts as a task,
/// because the record does not distinguish it from a task.
///
/// With [virtual time](brigade::SingleThreadBuilder::virtual_time), a run that only waits has the same
/// figures on every machine:
///
/// ```
/// use std::time::Duration;
/// use brigade::{SingleThread, time};
///
/// let executor = SingleThread::builder().virtual_time(true).record_timeline(true).build()?;
/// executor.block_on(async {
///     let dishes = [2, 3].map(|hours| {
///         brigade::spawn(time::sleep(Duration::from_secs(hours * 3600)))
///     });
///     for dish in dishes {
///         dish.await.unwrap();
///     }
/// });
/// let figures = brigade_timeline::figures(&executor.timeline().unwrap());
/// assert_eq!((figures.spawned, figures.finished), (2, 2));
/// assert_eq!(figures.waiting_share, 1.0);
/// // They waited at the same time.
/// assert_eq!(figures.span, Duration::from_secs(3 * 3600));
/// assert_eq!(figures.critical_path, figures.span);
/// # std::io::Result::Ok(())
/// ```
///
/// # Records with gaps
///
/// A recorder's buffers are bounded, and threads record an event a moment before or after it happens. If
/// part of the record is missing, the figures use a cautious interpretation:
///
/// - A task whose beginning is missing begins with its first event.
/// - A poll whose beginning or end is missing is counted, but its time counts as waiting.
/// - A task that is polled without a wake counts as waiting until the poll.
/// - If events were [dropped](Timeline::dropped), the record ends with its last event.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Figures {
    /// The number of spawned tasks in the record.
    pub spawned: usize,
    /// The number of these tasks that ran to their end.
    pub finished: usize,
    /// The number of these tasks that were dropped, because they were aborted or their executor closed.
    pub cancelled: usize,
    /// The number of these tasks that panicked.
    pub panicked: usize,
    /// The number of jobs of the blocking pool that began.
    pub blocking_jobs: usize,
    /// The largest number of tasks in flight at one instant: the *concurrency* of the run. A task is in
    /// flight from its spawn to its end.
    pub in_flight_max: usize,
    /// The largest number of tasks that were being polled at one instant: the *parallelism* of the run. It is
    /// at most [`in_flight_max`](Self::in_flight_max), and at most the number of workers.
    ///
    /// If one poll ends at the nanosecond at which another poll begins, the two polls do not overlap.
    pub at_once_max: usize,
    /// The largest number of tasks that were ready but not running at one instant.
    pub queued_max: usize,
    /// The time in which tasks ran, as a share of their lives, from 0 to 1. The sum of this share,
    /// `queued_share` and `waiting_share` is 1. All three are 0 if no task lived for a nanosecond.
    pub running_share: f64,
    /// The time in which tasks were ready but not running, as a share of their lives.
    pub queued_share: f64,
    /// The time in which tasks waited, as a share of their lives.
    pub waiting_share: f64,
    /// The longest poll on a worker, whether of a task or of the main future.
    pub longest_poll: Option<LongestPoll>,
    /// The longest period in which the event loop was blocked although a task could have used it.
    pub longest_stall: Option<Stall>,
    /// The number of wakes.
    pub wakes: u64,
    /// The number of wakes that had no effect, because the task was already ready or complete.
    pub wakes_nowhere: u64,
    /// How many of the wakes without effect came from the end of an awaited task. Such wakes are normal if
    /// many tasks end before the awaiting task is polled.
    pub joins_nowhere: u64,
    /// The total time spent in polls, on all workers.
    pub work: Duration,
    /// The part of [`work`](Self::work) in which the workers' threads blocked: they slept, or waited for a
    /// lock or a device. Zero if the system does not report it.
    pub blocked: Duration,
    /// How long the OS kept the workers' threads from running although they could run. Zero if the system
    /// does not report it.
    pub preempted: Duration,
    /// The CPU time of the workers' threads. `None` if the system does not report it, or if the run was too
    /// short to read the CPU clock twice.
    pub cpu: Option<Duration>,
    /// The time from the beginning of the first task, which may be the main future, to the end of the last.
    pub span: Duration,
    /// How long the run would have taken if each ready task had been polled immediately. This is the length
    /// of the longest chain of cause and effect. The length is at least the running time of any one task, and
    /// at most [`span`](Self::span).
    ///
    /// The chain that leads to an instant of a task's life follows these rules:
    ///
    /// - *Running* lengthens the chain by the time that the task runs.
    /// - *Waiting* for an event or a timer also lengthens it. If a busy event loop notices an event late, the
    ///   delay counts as waiting, because the record does not show when the event happened.
    /// - If *another task wakes the task*, or an awaited task ends, then the longer of the two tasks' chains
    ///   continues. The task's own waiting does not count then, because the chain of the other task already
    ///   covers that time.
    /// - If *another task spawns the task*, the task's chain continues the chain of the spawning task.
    /// - *Being queued* does not change the chain.
    /// - If the record does not show which task spawned the task, the length of the chain at the spawn is the
    ///   time since the first task began.
    ///
    /// Jobs of the blocking pool and the main future are parts of chains like any other task.
    pub critical_path: Duration,
    /// The number of workers.
    pub workers: usize,
    /// The share of the workers' [`present`](LaneFigures::present) time that they spent in polls, from 0 to
    /// 1.
    pub busy: f64,
    /// The figures of the threads, with the same indices as [`Timeline::lanes`].
    pub lanes: Vec<LaneFigures>,
    /// The figures of the tasks, with the same indices as [`Timeline::tasks`].
    pub tasks: Vec<TaskFigures>,
}

impl Figures {
    /// Returns an upper bound on the speed-up with this number of workers. It assumes that the run takes as
    /// long as the longer of two times: a worker's equal share of the work, and the critical path.
    ///
    /// Returns 1 for a run without any work.
    ///
    /// ```
    /// # use brigade::{Executor, SingleThread};
    /// # let executor = SingleThread::builder().record_timeline(true).build()?;
    /// # executor.block_on(async {});
    /// let figures = brigade_timeline::figures(&executor.timeline().unwrap());
    /// println!("8 workers: at best {:.1} times as fast", figures.speed_up_bound(8));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn speed_up_bound(&self, workers: usize) -> f64 {
        let shared = self.work.as_secs_f64() / workers.max(1) as f64;
        let least = shared.max(self.critical_path.as_secs_f64());
        if least > 0.0 {
            (self.span.as_secs_f64() / least).min(workers.max(1) as f64)
        } else {
            1.0
        }
    }
}

/// The figures of a thread.
///
/// ```
/// let executor = brigade::SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(async {
///     brigade::spawn(brigade::yield_now()).await.unwrap();
/// });
/// let timeline = executor.timeline().unwrap();
/// let worker = &brigade_timeline::figures(&timeline).lanes[0];
/// assert_eq!(worker.polls, 4); // the main future and the task, twice each
/// assert!(worker.in_polls <= worker.present);
/// assert_eq!(worker.steals, 0); // there is no other worker
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LaneFigures {
    /// The kind of the thread.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub kind: LaneKind,
    /// The number of polls on this thread, including those of the main future.
    pub polls: u64,
    /// The time spent in polls.
    pub in_polls: Duration,
    /// The part of [`in_polls`](Self::in_polls) in which the thread blocked.
    pub blocked: Duration,
    /// How long the OS kept the thread from running although it could run.
    pub preempted: Duration,
    /// The thread's CPU time.
    pub cpu: Option<Duration>,
    /// How long the thread worked for the executor, awake or parked: the time from its first event to its
    /// last, without the times between two calls of `block_on`.
    pub present: Duration,
    /// [`in_polls`](Self::in_polls) as a share of [`present`](Self::present), from 0 to 1.
    pub busy: f64,
    /// The number of times the thread parked.
    pub parks: u64,
    /// The number of times the thread took tasks from another worker.
    pub steals: u64,
}

/// The figures of a task.
///
/// At every instant between its beginning and its end, a task is in one of three states. Its life is
/// therefore the sum of three times, exact to the nanosecond.
///
/// | state | from | until |
/// |---|---|---|
/// | *queued*: ready but not running | its spawn; a wake; the end of a poll during which it was woken | its next poll begins |
/// | *running* | a poll begins | the poll ends |
/// | *waiting* | the end of a poll during which it was not woken | a wake |
///
/// ```
/// use brigade_timeline::Ending;
///
/// let executor = brigade::SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(async { brigade::spawn(brigade::yield_now()).await.unwrap() });
///
/// let figures = brigade_timeline::figures(&executor.timeline().unwrap());
/// let dish = &figures.tasks[1]; // 0 is the main future
/// assert_eq!((dish.polls, dish.self_woken), (2, 1));
/// assert_eq!(dish.ending, Some(Ending::Finished));
/// assert_eq!(dish.running + dish.queued + dish.waiting, dish.life());
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TaskFigures {
    /// When the task was spawned, or first appeared. `None` if the record has no event about the task.
    pub begun: Option<Duration>,
    /// When the task ended. `None` if the task was alive when the record ended.
    pub ended: Option<Duration>,
    /// How the task ended.
    pub ending: Option<Ending>,
    /// True for a job of the blocking pool.
    pub is_blocking: bool,
    /// The time in which the task was being polled.
    pub running: Duration,
    /// The part of [`running`](Self::running) in which the worker's thread blocked.
    pub blocked: Duration,
    /// The part of [`running`](Self::running) in which other threads had the core.
    pub preempted: Duration,
    /// The time in which the task was ready but not running.
    pub queued: Duration,
    /// The time in which the task waited.
    pub waiting: Duration,
    /// The number of polls of the task.
    pub polls: u64,
    /// The number of polls during which the task woke itself.
    pub self_woken: u64,
    /// The number of times the task was woken.
    pub wakes: u64,
    /// How many of these wakes had no effect. Wakes from the end of an awaited task are not counted.
    pub wakes_nowhere: u64,
    /// When the task began to wait although no waker of it was left. From then on, nothing could wake the
    /// task.
    pub stranded: Option<Duration>,
}

impl TaskFigures {
    /// Returns the time from the beginning of the task to its end, or to the end of the record.
    ///
    /// ```
    /// use std::time::Duration;
    /// use brigade::{SingleThread, time};
    ///
    /// let executor = SingleThread::builder().virtual_time(true).record_timeline(true).build()?;
    /// executor.block_on(async {
    ///     brigade::spawn(time::sleep(Duration::from_secs(60))).await.unwrap();
    /// });
    /// let figures = brigade_timeline::figures(&executor.timeline().unwrap());
    /// assert_eq!(figures.tasks[1].life(), Duration::from_secs(60));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn life(&self) -> Duration {
        self.running + self.queued + self.waiting
    }
}

/// The longest poll of a run.
///
/// ```
/// use std::time::Duration;
///
/// let executor = brigade::SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(async {
///     let rude = brigade::spawn(async { std::thread::sleep(Duration::from_millis(5)) });
///     rude.await.unwrap();
/// });
/// let timeline = executor.timeline().unwrap();
/// let longest = brigade_timeline::figures(&timeline).longest_poll.unwrap();
/// println!("{} took {:?}", timeline.tasks[longest.task].label(longest.task), longest.took);
/// assert!(longest.took >= Duration::from_millis(5));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LongestPoll {
    /// The polled task, as an index into [`Timeline::tasks`].
    pub task: usize,
    /// The polling thread, as an index into [`Timeline::lanes`].
    pub lane: usize,
    /// When the poll began.
    pub begun: Duration,
    /// How long the poll took.
    pub took: Duration,
    /// The part of the poll in which the worker's thread blocked.
    pub blocked: Duration,
    /// The part of the poll in which other threads had the core.
    pub preempted: Duration,
}

/// A period in which every worker was in a poll, although another task could have used a worker. During this
/// period, no worker checked queues, sockets or timers. If there is only one worker, every poll that keeps
/// another task from running is such a period.
///
/// ```
/// use std::time::Duration;
///
/// let executor = brigade::SingleThread::builder().record_timeline(true).build()?;
/// executor.block_on(async {
///     let rude = brigade::spawn(async { std::thread::sleep(Duration::from_millis(5)) });
///     let other = brigade::spawn(async {});
///     rude.await.unwrap();
///     other.await.unwrap();
/// });
/// let stall = brigade_timeline::figures(&executor.timeline().unwrap()).longest_stall.unwrap();
/// assert!(stall.lasted >= Duration::from_millis(5));
/// assert!(stall.held >= 1); // the other one
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stall {
    /// The task whose poll had lasted longest when the stall ended, as an index into [`Timeline::tasks`].
    pub task: usize,
    /// The thread of that poll, as an index into [`Timeline::lanes`].
    pub lane: usize,
    /// When the stall began, that is, when the last worker began a poll.
    pub begun: Duration,
    /// How long the stall lasted, until the first of the workers' polls ended.
    pub lasted: Duration,
    /// The number of tasks that could not run when the stall ended, including the main future. These tasks
    /// had begun and not ended, were not being polled, and did not await other tasks.
    pub held: usize,
    /// How many of these tasks were certainly ready when the stall ended. Whether the rest of them were ready
    /// is unknown, because the event loop did not check.
    pub ready: usize,
}

pub(super) fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() {
        0.0
    } else {
        part.as_secs_f64() / whole.as_secs_f64()
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
