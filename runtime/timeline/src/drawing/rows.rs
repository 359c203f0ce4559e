//! Converts spans to the rows of a Gantt chart.

use std::time::Duration;

use brigade::timeline::{LaneKind, Timeline};

use super::axis::{Nanos, Window};
use super::gantt::{CookRow, End, Gantt, Poll, Span, State, TaskRow, Wake, Waker};
use super::names::visible;
use crate::spans::{self, Ending, Source, Spans, TaskKind, TaskSpans};

/// Returns the rows of a run. `worker` is the program's word for a worker.
pub(super) fn rows(timeline: &Timeline, spans: &Spans, worker: &str) -> Gantt {
    let mut cooks: Vec<CookRow> = (0..spans.lanes.len())
        .map(|lane| lane_row(timeline, spans, lane, worker))
        .filter(|row| row.is_worker() || !row.polls.is_empty())
        .collect();
    cooks.sort_by_key(|row| match row.kind {
        LaneKind::Worker(number) => (0, number),
        LaneKind::Outside => (1, 0),
        LaneKind::Blocking => (2, 0),
    });
    let tasks = spans.tasks.iter().enumerate();
    let tasks = tasks.filter(|(_, task)| !task.spans.is_empty());
    Gantt {
        window: Window {
            begin: nanos(spans.begin),
            end: nanos(spans.end),
        },
        cooks,
        tasks: tasks
            .map(|(index, task)| task_row(timeline, spans, index, task))
            .collect(),
        wakes: spans
            .wakes
            .iter()
            .filter_map(|wake| waker(spans, wake))
            .collect(),
        in_flight_max: spans.in_flight_max(),
        at_once_max: spans.at_once_max(),
        dropped: spans.dropped,
        worker: worker.to_owned(),
    }
}

pub(super) fn nanos(time: Duration) -> Nanos {
    Nanos::try_from(time.as_nanos()).unwrap_or(Nanos::MAX)
}

/// Returns the name of a thread. For a worker, the name is `worker` (a word such as "cook") and its number.
pub(super) fn lane_name(timeline: &Timeline, lane: usize, worker: &str) -> String {
    match timeline.lanes[lane].kind {
        LaneKind::Worker(number) => format!("{worker} {number}"),
        LaneKind::Blocking | LaneKind::Outside => timeline.lanes[lane].name.clone(),
    }
}

/// Returns the name of a task. If it has no name, returns its kind and number.
pub(super) fn task_name(timeline: &Timeline, spans: &Spans, task: usize) -> String {
    match (&timeline.tasks[task].name, spans.tasks[task].kind) {
        (None, TaskKind::Job) => format!("blocking job {task}"),
        _ => visible(&timeline.tasks[task].label(task)),
    }
}

fn lane_row(timeline: &Timeline, spans: &Spans, lane: usize, worker: &str) -> CookRow {
    let its = &spans.lanes[lane];
    let polls = its.polls.iter().map(|&poll| {
        let poll = &spans.polls[poll];
        Poll {
            task: poll.task,
            from: nanos(poll.begin),
            to: nanos(poll.end),
            blocked: nanos(poll.blocked()),
            preempted: nanos(poll.preempted()),
        }
    });
    CookRow {
        lane,
        name: visible(&lane_name(timeline, lane, worker)),
        kind: its.kind,
        polls: polls.collect(),
        asleep: its
            .parks
            .iter()
            .map(|&(from, to)| (nanos(from), nanos(to)))
            .collect(),
    }
}

fn task_row(timeline: &Timeline, spans: &Spans, index: usize, task: &TaskSpans) -> TaskRow {
    let time_in = |state| nanos(task.time_in(state));
    let stretches = task.spans.iter().map(|span| Span {
        from: nanos(span.from),
        to: nanos(span.to),
        state: match span.state {
            spans::State::Queued => State::Queued,
            spans::State::Waiting => State::Waiting,
            spans::State::Running => {
                State::Running(span.poll.map_or(0, |poll| spans.polls[poll].lane))
            }
        },
    });
    TaskRow {
        task: index,
        name: task_name(timeline, spans, index),
        is_main: task.kind == TaskKind::Main,
        counts: task.is_task(),
        end: match task.ending {
            Some(Ending::Finished) => End::Done,
            Some(Ending::Panicked) => End::Panicked,
            Some(Ending::Cancelled) => End::Dropped,
            None if task.stranded.is_some() => End::Stranded,
            None => End::Open,
        },
        polls: task.polls.len(),
        running: time_in(spans::State::Running),
        queued: time_in(spans::State::Queued),
        waiting: time_in(spans::State::Waiting),
        spans: stretches.collect(),
    }
}

fn ends(poll: &spans::Poll) -> (Nanos, Nanos) {
    (nanos(poll.begin), nanos(poll.end))
}

/// Converts a wake that queued its task, or that came during the task's poll and caused another poll. Returns
/// `None` for a spawn, and for a wake without effect.
fn waker(spans: &Spans, wake: &spans::Wake) -> Option<Wake> {
    if wake.effect == brigade::timeline::WakeEffect::Nothing {
        return None;
    }
    let waker = match wake.source {
        Source::Spawn(_) => return None,
        Source::Task(by) | Source::Join(by) => Waker::Task(by),
        Source::Timer => Waker::Timer,
        Source::Io => Waker::Io,
        Source::Thread => Waker::Outside,
    };
    Some(Wake {
        at: nanos(wake.at),
        task: wake.task,
        waker,
        from: wake.from.map(|poll| ends(&spans.polls[poll])),
        polled: wake.to.map(|poll| ends(&spans.polls[poll])),
    })
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
