//! What to do about it: advice that follows from the figures of a run.
//!
//! **Job.** Say in one or two sentences what would make a program better, and on which figures that
//! rests.
//!
//! **Owns** nothing.
//!
//! **Never** says anything that the figures do not carry: each rule has a least size of sample and a
//! threshold, which have names here. A run about which there is nothing to say gets no advice.

mod in_line;
mod words;

use std::time::Duration;

use super::{Figures, TaskFigures, Timeline};

/// A run shorter than this says more about starting up (threads, page faults, cold caches) than
/// about its tasks. Thin air.
const SHORTEST_RUN: Duration = Duration::from_millis(10);

/// With one task there is nothing to do at the same time.
const FEWEST_TASKS: usize = 2;

/// Of a record with gaps, the shares of time count only if no more than one event in so many is
/// missing: what is missing is the run's end, and nobody knows what the tasks did there.
const LEAST_PER_DROPPED: u64 = 100;

/// Tasks that wait for so much of their lives do little else.
const WAITING_HEAVY: f64 = 0.8;

/// Up to here nobody stands in a queue worth speaking of. Thin air.
const HARDLY_QUEUED: f64 = 0.05;

/// Work that one worker alone could have done in half of the run, so that workers were not what
/// tasks waited for: not even by way of other tasks, whose results they await.
const LITTLE_WORK: f64 = 0.5;

/// Workers that are in polls for so much have hardly any time left: the rest is the executor's.
const COMPUTE_HEAVY: f64 = 0.8;

/// A gain that is worth another thread. Two runs of one program differ by a few percent; this is
/// well over that.
const WORTH_A_COOK: f64 = 1.2;

/// A poll that holds up a loop. Longer than the slice for which an OS takes a core away in favour of
/// another thread (3 to 4 ms on Linux), so that a task is seldom blamed for that: only on a machine
/// with far more to do than cores. Shorter than a frame at 60 Hz (16.67 ms), so that who draws hears
/// of it.
const LONG_POLL: Duration = Duration::from_millis(10);

/// A task that asks in a loop is polled thousands of times a millisecond; a lock or a budget that
/// yields now and then is not polled so often without doing something.
const MANY_POLLS: u64 = 1000;

/// Polls that on average take less do no work worth a turn: a look at a flag takes well under a
/// microsecond, in a debug build a few.
const SHORT_POLL: Duration = Duration::from_micros(10);

/// The share of polls after which a busy-polling task has woken itself; the others are its first one
/// and those that somebody else asked for.
const MOSTLY_SELF_WOKEN: f64 = 0.9;

/// Tasks that are ready but not running for more than they do anything else.
const QUEUEING: f64 = 0.5;

/// Fewer wakes are no sample, and cost nothing: a wake takes some tens of nanoseconds.
const MANY_WAKES: u64 = 1000;

/// Three wakes in vain for each one that was of use. A socket that becomes readable and writable at
/// once makes one for one.
const MOSTLY_NOWHERE: f64 = 0.75;

/// A task that nothing can wake and that is there for less than this may have been the last thing
/// before the end of the record. Thin air.
const LONG_STRANDED: Duration = Duration::from_millis(10);

/// What would make a program better: see [`Timeline::advice`].
///
/// Shares are from 0 to 1. [`Display`](std::fmt::Display) puts it in words, with the figures.
///
/// ```
/// use std::time::Duration;
/// use brigade::timeline::Advice;
/// use brigade::{SingleThread, time};
///
/// let executor = SingleThread::builder().virtual_time(true).record_timeline(true).build()?;
/// executor.block_on(async {
///     let wait = || brigade::spawn(time::sleep(Duration::from_secs(1)));
///     for dish in [wait(), wait(), wait()] {
///         dish.await.unwrap();
///     }
/// });
/// let advice = executor.timeline().unwrap().advice(8);
/// assert!(matches!(advice[..], [Advice::WaitingHeavy { cooks: 1, in_flight_max: 3, .. }]));
/// println!("{}", advice[0]);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Advice {
    /// Tasks wait for events most of the time and workers have little to do: more cooks will not
    /// help.
    #[non_exhaustive]
    WaitingHeavy {
        /// How much of the tasks' time was waiting.
        waiting_share: f64,
        /// How much of the workers' time was spent in polls.
        busy: f64,
        /// How many workers there were.
        cooks: usize,
        /// The most tasks in flight.
        in_flight_max: usize,
    },
    /// Workers compute all the time and there are cores for more of them: more cooks will help.
    #[non_exhaustive]
    ComputeHeavy {
        /// How much of the workers' time was spent in polls.
        busy: f64,
        /// How many workers there were.
        cooks: usize,
        /// How many cores there are.
        cores: usize,
        /// How many times as fast it can be on all cores, at best; see
        /// [`Figures::speed_up_bound`].
        at_best: f64,
        /// The chain of work that cannot be done at the same time.
        critical_path: Duration,
        /// How long the run was.
        span: Duration,
    },
    /// The event loop stood still because of a poll.
    #[non_exhaustive]
    BlockedLoop {
        /// The task's label; see [`Task::label`](super::Task::label).
        label: String,
        /// The task: an index into [`Timeline::tasks`].
        task: usize,
        /// The thread's name.
        cook: String,
        /// How many workers there were.
        cooks: usize,
        /// For how long.
        lasted: Duration,
        /// How many others got no turn; see [`Stall::held`](super::Stall::held).
        held: usize,
        /// Of these, how many were ready for certain.
        ready: usize,
    },
    /// A task asks again and again instead of waiting to be woken.
    #[non_exhaustive]
    BusyPolling {
        /// The task's label; see [`Task::label`](super::Task::label).
        label: String,
        /// The task: an index into [`Timeline::tasks`].
        task: usize,
        /// How often it was polled.
        polls: u64,
        /// In how many of these polls it woke itself.
        self_woken: u64,
        /// How long a poll took on average.
        mean_poll: Duration,
        /// How many other tasks did the same.
        others: usize,
    },
    /// A task waits for ever: it returned `Pending` and nobody kept its waker.
    #[non_exhaustive]
    Stranded {
        /// The task's label; see [`Task::label`](super::Task::label).
        label: String,
        /// The task: an index into [`Timeline::tasks`].
        task: usize,
        /// In how many polls.
        polls: u64,
        /// How long it had waited when the record ended.
        waited: Duration,
        /// How many other tasks wait for ever.
        others: usize,
    },
    /// Tasks wait for events one at a time, and meanwhile for one another.
    #[non_exhaustive]
    InLine {
        /// How many had to wait for another task before they could wait for an event.
        tasks: usize,
        /// How long tasks waited for events, added up.
        events: Duration,
        /// How long the run was.
        span: Duration,
        /// How much of the tasks' time they waited for one another.
        waiting_share: f64,
    },
    /// Tasks are ready but have to wait for a worker, and more workers are no way out.
    #[non_exhaustive]
    Queueing {
        /// How much of the tasks' time they were ready but not running.
        queued_share: f64,
        /// The most of them at one instant.
        queued_max: usize,
        /// How much of the workers' time was spent in polls.
        busy: f64,
        /// How many workers there were.
        cooks: usize,
        /// How many cores there are.
        cores: usize,
        /// How many times as fast it can be on all cores, at best; see
        /// [`Figures::speed_up_bound`].
        at_best: f64,
    },
    /// Most wakes change nothing.
    #[non_exhaustive]
    WakesNowhere {
        /// How many wakes there were. Ends of awaited tasks that led nowhere are not counted.
        wakes: u64,
        /// Of these, how many led nowhere.
        nowhere: u64,
        /// The label of the task that most of these were for.
        label: String,
        /// That task: an index into [`Timeline::tasks`].
        task: usize,
        /// How many were for that task.
        of_task: u64,
    },
}

impl Timeline {
    /// What would make the program better, if the figures of this run carry any advice.
    ///
    /// `cores` is how many the machine has for this program: what
    /// [`available_parallelism`](std::thread::available_parallelism) says.
    ///
    /// # Panics
    /// As [`figures`](Self::figures) does.
    ///
    /// ```
    /// use std::time::Duration;
    /// use brigade::{Executor, SingleThread, time};
    ///
    /// let executor = SingleThread::builder().record_timeline(true).build()?;
    /// executor.block_on(async {
    ///     let dishes: Vec<_> = (0..10)
    ///         .map(|_| brigade::spawn(time::sleep(Duration::from_millis(30))))
    ///         .collect();
    ///     for dish in dishes {
    ///         dish.await.unwrap();
    ///     }
    /// });
    /// for advice in executor.timeline().unwrap().advice(2) {
    ///     println!("{advice}"); // that more cooks will not help
    /// }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn advice(&self, cores: usize) -> Vec<Advice> {
        let figures = self.figures();
        let adviser = Adviser {
            timeline: self,
            figures: &figures,
            cores: cores.max(1),
        };
        // First what is wrong in a place that can be named.
        let rules = [
            adviser.blocked_loop(),
            adviser.busy_polling(),
            adviser.stranded(),
            adviser.in_line(),
            adviser.waiting_heavy(),
            adviser.compute_heavy().or_else(|| adviser.queueing()),
            adviser.wakes_nowhere(),
        ];
        rules.into_iter().flatten().collect()
    }
}

struct Adviser<'a> {
    timeline: &'a Timeline,
    figures: &'a Figures,
    cores: usize,
}

impl Adviser<'_> {
    /// Whether the run is long enough, and its record whole enough, for shares of time.
    fn shares_count(&self) -> bool {
        let events = self.timeline.events.len() as u64;
        self.figures.span >= SHORTEST_RUN
            && self.figures.in_flight_max >= FEWEST_TASKS
            && self.timeline.dropped <= events / LEAST_PER_DROPPED
    }

    fn label(&self, task: usize) -> String {
        self.timeline.tasks[task].label(task)
    }

    fn waiting_heavy(&self) -> Option<Advice> {
        let figures = self.figures;
        let fires = self.shares_count()
            && figures.waiting_share >= WAITING_HEAVY
            && figures.queued_share <= HARDLY_QUEUED
            && figures.work <= figures.span.mul_f64(LITTLE_WORK);
        fires.then_some(Advice::WaitingHeavy {
            waiting_share: figures.waiting_share,
            busy: figures.busy,
            cooks: figures.workers,
            in_flight_max: figures.in_flight_max,
        })
    }

    fn compute_heavy(&self) -> Option<Advice> {
        let figures = self.figures;
        let at_best = figures.speed_up_bound(self.cores);
        let fires = self.shares_count()
            && figures.workers < self.cores
            && figures.busy >= COMPUTE_HEAVY
            && at_best >= WORTH_A_COOK;
        fires.then_some(Advice::ComputeHeavy {
            busy: figures.busy,
            cooks: figures.workers,
            cores: self.cores,
            at_best,
            critical_path: figures.critical_path,
            span: figures.span,
        })
    }

    fn queueing(&self) -> Option<Advice> {
        let figures = self.figures;
        let fires = self.shares_count()
            && figures.queued_share >= QUEUEING
            && figures.busy >= COMPUTE_HEAVY;
        fires.then_some(Advice::Queueing {
            queued_share: figures.queued_share,
            queued_max: figures.queued_max,
            busy: figures.busy,
            cooks: figures.workers,
            cores: self.cores,
            at_best: figures.speed_up_bound(self.cores),
        })
    }

    fn blocked_loop(&self) -> Option<Advice> {
        let stall = self.figures.longest_stall?;
        (stall.lasted >= LONG_POLL).then(|| Advice::BlockedLoop {
            label: self.label(stall.task),
            task: stall.task,
            cook: self.timeline.lanes[stall.lane].name.clone(),
            cooks: self.figures.workers,
            lasted: stall.lasted,
            held: stall.held,
            ready: stall.ready,
        })
    }

    fn busy_polling(&self) -> Option<Advice> {
        let tasks = self.figures.tasks.iter().enumerate();
        let busy = tasks.filter(|(_, task)| is_busy_polling(task));
        let others = busy.clone().count().saturating_sub(1);
        let (index, task) = busy.max_by_key(|(_, task)| task.polls)?;
        Some(Advice::BusyPolling {
            label: self.label(index),
            task: index,
            polls: task.polls,
            self_woken: task.self_woken,
            mean_poll: mean_poll(task),
            others,
        })
    }

    fn stranded(&self) -> Option<Advice> {
        let end = self.timeline.end();
        // Who was aborted was not waited for.
        let waits = |task: &TaskFigures| match task.ending {
            None => Some(end.saturating_sub(task.stranded?)),
            Some(_) => None,
        };
        let tasks = self.figures.tasks.iter().enumerate();
        let stranded = tasks
            .filter_map(|(index, task)| Some((waits(task)?, index)))
            .filter(|(waited, _)| *waited >= LONG_STRANDED);
        let others = stranded.clone().count().saturating_sub(1);
        let (waited, index) = stranded.max()?;
        Some(Advice::Stranded {
            label: self.label(index),
            task: index,
            polls: self.figures.tasks[index].polls,
            waited,
            others,
        })
    }

    fn wakes_nowhere(&self) -> Option<Advice> {
        let figures = self.figures;
        let wakes = figures.wakes - figures.joins_nowhere;
        let nowhere = figures.wakes_nowhere - figures.joins_nowhere;
        if wakes < MANY_WAKES || ratio(nowhere, wakes) < MOSTLY_NOWHERE {
            return None;
        }
        let tasks = figures.tasks.iter().enumerate();
        let (index, task) = tasks.max_by_key(|(_, task)| task.wakes_nowhere)?;
        Some(Advice::WakesNowhere {
            wakes,
            nowhere,
            label: self.label(index),
            task: index,
            of_task: task.wakes_nowhere,
        })
    }
}

fn is_busy_polling(task: &TaskFigures) -> bool {
    task.polls >= MANY_POLLS
        && ratio(task.self_woken, task.polls) >= MOSTLY_SELF_WOKEN
        && mean_poll(task) < SHORT_POLL
        // On a virtual clock no poll takes any time, which says nothing.
        && !task.running.is_zero()
}

fn mean_poll(task: &TaskFigures) -> Duration {
    let polls = u32::try_from(task.polls).unwrap_or(u32::MAX);
    task.running / polls.max(1)
}

fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod stuck_tests;
#[cfg(test)]
mod tests;
