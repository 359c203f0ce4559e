//! The data that all drawings except the HTML page share: what each thread and each task did, and when.
//!
//! A timeline is a list of events, but a drawing needs spans of time. A [`Gantt`] is computed once from the
//! run's spans (by [`rows`](super::rows)). Each of these drawings shows it: one row for each thread, one row
//! for each task, and the wakes that connect them.
//!
//! A task's row has no gaps from its spawn to its end. At every instant the task is in one of three
//! states:
//!
//! ```text
//!            poll begins                 pending
//!   queued ──────────────▶ running ────────────────▶ waiting
//!     ▲                       │ woken meanwhile         │
//!     ├───────────────────────┘                         │ woken
//!     └─────────────────────────────────────────────────┘
//! ```
//!
//! A big run has too many rows. [`Gantt::choose`] picks the most useful ones, and [`Density`] summarises
//! the others.

use std::{collections::BTreeSet, time::Duration};

use brigade::timeline::LaneKind;

use super::axis::{Nanos, Window};
use crate::units;

/// A share that is too small to see, but greater than any rounding error of the arithmetic.
const TRACE: f64 = 1e-6;

/// A run as rows.
#[derive(Debug)]
pub(super) struct Gantt {
    /// The time from the first event to the last, or to the end of the record if the run had not ended by
    /// then.
    pub(super) window: Window,
    /// The workers in the order of their numbers, then the other threads that polled tasks.
    pub(super) cooks: Vec<CookRow>,
    /// The tasks that have at least one event, in the order in which they appeared.
    pub(super) tasks: Vec<TaskRow>,
    /// The wakes, in order of time.
    pub(super) wakes: Vec<Wake>,
    /// The *concurrency*: the maximum number of tasks in flight at one instant.
    pub(super) in_flight_max: usize,
    /// The *parallelism*: the maximum number of tasks polled at one instant.
    pub(super) at_once_max: usize,
    /// The number of events that did not fit into the recorder's buffers.
    pub(super) dropped: u64,
    /// What the recorded program calls a worker, such as `cook`.
    pub(super) worker: String,
}

/// The row of a thread.
#[derive(Debug)]
pub(super) struct CookRow {
    /// The index of the thread in `Timeline::lanes`.
    pub(super) lane: usize,
    pub(super) name: String,
    pub(super) kind: LaneKind,
    /// The polls on this thread, in order of time. They do not overlap.
    pub(super) polls: Vec<Poll>,
    /// The times in which the thread was parked, in order.
    pub(super) asleep: Vec<(Nanos, Nanos)>,
}

/// A poll in the row of its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Poll {
    pub(super) task: usize,
    pub(super) from: Nanos,
    pub(super) to: Nanos,
    /// How long the thread blocked during the poll.
    pub(super) blocked: Nanos,
    /// How long other threads had the core during the poll.
    pub(super) preempted: Nanos,
}

/// The row of a task.
#[derive(Debug)]
pub(super) struct TaskRow {
    /// The index of the task in `Timeline::tasks`.
    pub(super) task: usize,
    pub(super) name: String,
    pub(super) is_main: bool,
    /// True if the metrics count this row as a task. They count neither main futures nor jobs of the blocking
    /// pool.
    pub(super) counts: bool,
    /// The spans of the task's life, in order of time and without gaps.
    pub(super) spans: Vec<Span>,
    pub(super) end: End,
    pub(super) polls: usize,
    /// The total time in which the task was running.
    pub(super) running: Nanos,
    /// The total time in which the task was ready but not running.
    pub(super) queued: Nanos,
    /// The total time in which the task waited.
    pub(super) waiting: Nanos,
}

/// A span of a task's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Nanos,
    pub(super) to: Nanos,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The thread of this lane is polling the task.
    Running(usize),
    /// The task is ready, but no thread is polling it yet.
    Queued,
    /// The task is waiting to be woken.
    Waiting,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The task had not ended when the record ended.
    Open,
    Done,
    Panicked,
    /// The task was dropped unfinished, because it was aborted or its executor was closed.
    Dropped,
    /// When the record ended, the task was waiting, and nothing held its waker.
    Stranded,
}

/// A wake that led to a poll, or would have led to one if the record had continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wake {
    pub(super) at: Nanos,
    pub(super) task: usize,
    pub(super) waker: Waker,
    /// The beginning and the end of the poll that made the wake.
    pub(super) from: Option<(Nanos, Nanos)>,
    /// The beginning and the end of the poll that followed the wake.
    pub(super) polled: Option<(Nanos, Nanos)>,
}

/// The source of a wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waker {
    Task(usize),
    Timer,
    Io,
    /// A thread that does not belong to the executor.
    Outside,
}

impl Gantt {
    #[cfg(test)]
    pub(super) fn new(timeline: &brigade::timeline::Timeline) -> Self {
        super::rows::rows(timeline, &crate::spans(timeline), "worker")
    }

    /// Leaves out the main futures, and the threads that are not workers.
    pub(super) fn without_main(mut self) -> Self {
        self.tasks.retain(|row| !row.is_main);
        self.cooks.retain(CookRow::is_worker);
        self
    }

    /// Returns the number of tasks and the number of workers, as the metrics count them.
    pub(super) fn counts(&self) -> (usize, usize) {
        let tasks = self.tasks.iter().filter(|row| row.counts).count();
        // A worker may be missing from the record if it had no event.
        let cooks = self.cooks.iter().map(|row| match row.kind {
            LaneKind::Worker(number) => number + 1,
            LaneKind::Blocking | LaneKind::Outside => 0,
        });
        (tasks, cooks.max().unwrap_or(0))
    }

    /// Returns the number of rows that are jobs of the blocking pool, which the metrics do not count as
    /// tasks.
    fn jobs(&self) -> usize {
        let jobs = self.tasks.iter().filter(|row| !row.counts && !row.is_main);
        jobs.count()
    }

    /// Returns the figures that the drawings show above the picture.
    pub(super) fn figures(&self) -> [String; 5] {
        let (tasks, cooks) = self.counts();
        let tasks = units::counted(tasks, "task");
        [
            match self.jobs() {
                0 => tasks,
                jobs => format!("{tasks} and {}", units::counted(jobs, "blocking job")),
            },
            units::counted(cooks, &self.worker),
            time(self.window.end.saturating_sub(self.window.begin)),
            format!("in flight at most {}", units::count(self.in_flight_max)),
            format!("at once at most {}", units::count(self.at_once_max)),
        ]
    }

    /// Returns a warning if the record is incomplete.
    pub(super) fn warning(&self) -> Option<String> {
        let dropped = usize::try_from(self.dropped).unwrap_or(usize::MAX);
        (dropped > 0).then(|| {
            format!(
                "incomplete: no room for {}",
                units::counted(dropped, "event")
            )
        })
    }

    /// Returns the row of the task with this index in `Timeline::tasks`.
    pub(super) fn task(&self, index: usize) -> Option<&TaskRow> {
        let row = self.tasks.binary_search_by_key(&index, |row| row.task);
        row.ok().map(|row| &self.tasks[row])
    }

    /// Returns the row number of the thread with this lane.
    pub(super) fn cook_row(&self, lane: usize) -> usize {
        self.cooks
            .iter()
            .position(|cook| cook.lane == lane)
            .unwrap_or(0)
    }

    /// Chooses at most `room` rows to draw. Returns the chosen rows and the rest, as indices into
    /// [`tasks`](Self::tasks).
    ///
    /// In a big run, most tasks are alike. The chosen rows are the main future, some tasks that failed, the
    /// tasks that ran longest, were ready longest or lived longest, and the first of the other tasks.
    pub(super) fn choose(&self, room: usize) -> Choice {
        let all = self.tasks.len();
        if all <= room {
            return Choice {
                shown: (0..all).collect(),
                rest: Vec::new(),
            };
        }
        let mut chosen = BTreeSet::new();
        let mut take = |most: usize, rows: &mut dyn Iterator<Item = usize>| {
            let mut left = most.min(room - chosen.len());
            for row in rows {
                if left == 0 {
                    break;
                }
                left -= usize::from(chosen.insert(row));
            }
        };
        let rows = || 0..all;
        take(1, &mut rows().filter(|&row| self.tasks[row].is_main));
        let went_wrong = |row: &usize| !matches!(self.tasks[*row].end, End::Done | End::Open);
        take(room / 4, &mut rows().filter(went_wrong));
        for measure in [TaskRow::ran, TaskRow::lay_ready, TaskRow::lived] {
            let mut longest: Vec<usize> = rows().collect();
            longest.sort_by_key(|&row| std::cmp::Reverse(measure(&self.tasks[row])));
            take(room / 5, &mut longest.into_iter());
        }
        take(room, &mut rows());
        Choice {
            rest: rows().filter(|row| !chosen.contains(row)).collect(),
            shown: chosen.into_iter().collect(),
        }
    }

    /// For each of `bins` equal parts of the run, returns how many of the tasks in `rows` were in each state,
    /// on average.
    pub(super) fn density(
        &self,
        rows: impl Iterator<Item = usize> + Clone,
        bins: usize,
    ) -> Density {
        let fill = |wanted: fn(State) -> bool| {
            let spans = rows.clone().flat_map(|row| &self.tasks[row].spans);
            let wanted = spans.filter(|span| wanted(span.state));
            self.window
                .fill(bins, wanted.map(|span| (span.from, span.to)))
        };
        Density {
            running: fill(|state| matches!(state, State::Running(_))),
            queued: fill(|state| state == State::Queued),
            waiting: fill(|state| state == State::Waiting),
        }
    }

    /// For each part of the run, returns how many tasks were in each state. Counts the same tasks as the
    /// metrics.
    pub(super) fn in_flight(&self, bins: usize) -> Density {
        let rows = 0..self.tasks.len();
        self.density(rows.filter(|&row| self.tasks[row].counts), bins)
    }
}

impl CookRow {
    pub(super) fn is_worker(&self) -> bool {
        matches!(self.kind, LaneKind::Worker(_))
    }

    /// For each of `bins` equal parts of the run, returns the share of the part in which the thread polled
    /// tasks. If a poll was too short for the clock to measure, the share of its part is at least [`TRACE`],
    /// because the poll did happen.
    pub(super) fn busy(&self, window: Window, bins: usize) -> Vec<f64> {
        let mut busy = window.fill(bins, self.polls.iter().map(|poll| (poll.from, poll.to)));
        for poll in self.polls.iter().filter(|poll| poll.from == poll.to) {
            let at = (window.place(poll.from) * bins as f64) as usize;
            let part = &mut busy[at.min(bins - 1)];
            *part = part.max(TRACE);
        }
        busy
    }

    /// Describes briefly in what share of the run the thread polled tasks.
    pub(super) fn verdict(&self, window: Window) -> String {
        match self.busy(window, 1)[0] {
            share if share > TRACE && share < 0.005 => "<1 % busy".to_owned(),
            share if share > 0.995 && share < 1.0 - TRACE => ">99 % busy".to_owned(),
            share if share > 0.99 => format!("{:.0} % busy", share * 100.0),
            share => format!("{} busy", units::percent(share)),
        }
    }
}

impl TaskRow {
    fn ran(&self) -> Nanos {
        self.running
    }

    fn lay_ready(&self) -> Nanos {
        self.queued
    }

    /// Describes briefly how long the task lived. If the task did not finish, describes its end instead.
    pub(super) fn verdict(&self) -> String {
        match self.end {
            End::Done => time(self.lived()),
            End::Open => "unfinished".to_owned(),
            End::Panicked => "panicked".to_owned(),
            End::Dropped => "dropped".to_owned(),
            End::Stranded => "stranded".to_owned(),
        }
    }

    /// Returns how long the task lived.
    pub(super) fn lived(&self) -> Nanos {
        self.running + self.queued + self.waiting
    }
}

/// Formats a length of time for readers.
pub(super) fn time(length: Nanos) -> String {
    units::duration(Duration::from_nanos(length))
}

/// The rows that are drawn, and the rows that are left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) shown: Vec<usize>,
    pub(super) rest: Vec<usize>,
}

/// The average number of tasks in each state, for each part of a run.
#[derive(Debug)]
pub(super) struct Density {
    pub(super) running: Vec<f64>,
    pub(super) queued: Vec<f64>,
    pub(super) waiting: Vec<f64>,
}

impl Density {
    /// Returns, for each part, the average number of tasks in all three states together.
    pub(super) fn all(&self) -> Vec<f64> {
        let states = self.running.iter().zip(&self.queued).zip(&self.waiting);
        states
            .map(|((running, queued), waiting)| running + queued + waiting)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::samples::{self, Script},
        *,
    };
    use brigade::timeline::Outcome::{Pending, Ready};

    #[test]
    fn a_small_run_is_shown_whole() {
        let gantt = Gantt::new(&samples::kitchen());
        assert_eq!(
            gantt.choose(4),
            Choice {
                shown: vec![0, 1, 2, 3],
                rest: vec![]
            }
        );
    }

    #[test]
    fn of_a_big_run_main_and_the_extremes_are_shown() {
        let mut script = Script::new(1);
        script.task("main");
        for task in 1..=100 {
            script.task("");
            script.poll(task * 10, 0, task as usize, 5, Ready);
        }
        // The longest poll, the longest life and a failure all come late in the list.
        script.task("long poll").poll(2000, 0, 101, 500, Ready);
        script.task("long life").poll(3000, 0, 102, 1, Pending);
        script
            .task("failure")
            .poll(4000, 0, 103, 1, brigade::timeline::Outcome::Panicked);
        script.poll(5000, 0, 0, 1, Ready);
        let gantt = Gantt::new(&script.done(6000));

        let choice = gantt.choose(10);
        assert_eq!(choice.shown.len(), 10);
        assert_eq!(choice.shown.len() + choice.rest.len(), gantt.tasks.len());
        let names: Vec<&str> = choice
            .shown
            .iter()
            .map(|&row| &*gantt.tasks[row].name)
            .collect();
        for name in ["main", "task 1", "long poll", "long life", "failure"] {
            assert!(names.contains(&name), "{name} is missing: {names:?}");
        }
        for room in 0..12 {
            assert_eq!(gantt.choose(room).shown.len(), room);
        }
    }

    #[test]
    fn density_counts_tasks() {
        let gantt = Gantt::new(&samples::fetch(50));
        let all = gantt.in_flight(20).all();
        assert!(
            all.iter()
                .all(|&tasks| (0.0..=50.0 + 1e-6).contains(&tasks)),
            "{all:?}"
        );
        assert!(all.iter().any(|&tasks| tasks > 40.0), "{all:?}");
    }
}
