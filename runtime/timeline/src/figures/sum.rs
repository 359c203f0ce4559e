//! Sums up spans into figures.

use std::time::Duration;

use brigade::timeline::LaneKind;

use super::{Figures, LaneFigures, LongestPoll, TaskFigures, critical_path, share, stall};
use crate::spans::{Ending, LaneSpans, Mark, Source, Spans, State, TaskKind, TaskSpans};

pub(crate) fn of_spans(spans: &Spans) -> Figures {
    let tasks = || spans.tasks.iter().filter(|task| task.is_task());
    let ended = |how| tasks().filter(|task| task.ending == Some(how)).count();
    let time = |state| tasks().map(|task| task.time_in(state)).sum::<Duration>();
    let times = [State::Running, State::Queued, State::Waiting].map(time);
    let life: Duration = times.iter().sum();
    let [running_share, queued_share, waiting_share] = times.map(|time| share(time, life));
    let began = spans.tasks.iter().filter_map(|task| task.begun).min();
    let over = spans.tasks.iter().filter_map(|task| task.spans.last());
    let over = over.map(|span| span.to).max();
    let lanes: Vec<LaneFigures> = spans
        .lanes
        .iter()
        .map(|lane| of_lane(spans, lane))
        .collect();
    let workers = || {
        lanes
            .iter()
            .filter(|lane| matches!(lane.kind, LaneKind::Worker(_)))
    };
    let work = workers().map(|lane| lane.in_polls).sum();
    let wakes = || {
        spans
            .wakes
            .iter()
            .filter(|wake| !matches!(wake.source, Source::Spawn(_)))
    };
    let joins_nowhere = spans.tasks.iter().map(|task| task.joins_nowhere).sum();
    let figures = Figures {
        spawned: tasks().filter(|task| task.begun.is_some()).count(),
        finished: ended(Ending::Finished),
        cancelled: ended(Ending::Cancelled),
        panicked: ended(Ending::Panicked),
        blocking_jobs: spans
            .tasks
            .iter()
            .filter(|task| task.kind == TaskKind::Job)
            .count(),
        in_flight_max: spans.in_flight_max(),
        at_once_max: spans.at_once_max(),
        queued_max: spans.queued_max,
        running_share,
        queued_share,
        waiting_share,
        longest_poll: longest_poll(spans),
        longest_stall: stall::longest(spans),
        wakes: wakes().count() as u64,
        wakes_nowhere: joins_nowhere
            + spans
                .tasks
                .iter()
                .map(|task| task.wakes_nowhere)
                .sum::<u64>(),
        joins_nowhere,
        work,
        blocked: workers().map(|lane| lane.blocked).sum(),
        preempted: workers().map(|lane| lane.preempted).sum(),
        cpu: workers().map(|lane| lane.cpu).sum(),
        span: over
            .unwrap_or_default()
            .saturating_sub(began.unwrap_or_default()),
        critical_path: critical_path::length(spans),
        workers: spans.workers,
        busy: share(work, workers().map(|lane| lane.present).sum()),
        tasks: spans
            .tasks
            .iter()
            .map(|task| of_task(spans, task))
            .collect(),
        lanes,
    };
    debug_assert!(figures.at_once_max <= figures.in_flight_max);
    debug_assert!(figures.critical_path <= figures.span);
    figures
}

fn longest_poll(spans: &Spans) -> Option<LongestPoll> {
    let polls = spans.polls.iter().filter(|poll| spans.is_worker(poll.lane));
    // If several polls are equally long, take the first.
    let longest = polls.rev().max_by_key(|poll| poll.length())?;
    Some(LongestPoll {
        task: longest.task,
        lane: longest.lane,
        begun: longest.begin,
        took: longest.length(),
        blocked: longest.blocked(),
        preempted: longest.preempted(),
    })
}

fn of_lane(spans: &Spans, lane: &LaneSpans) -> LaneFigures {
    let polls = || lane.polls.iter().map(|&poll| &spans.polls[poll]);
    let in_polls = polls().map(|poll| poll.length()).sum();
    let present = lane.present.iter().map(|(from, to)| *to - *from).sum();
    let steals = lane
        .marks
        .iter()
        .filter(|(_, mark)| matches!(mark, Mark::Steal(_)));
    LaneFigures {
        kind: lane.kind,
        polls: lane.polls.len() as u64,
        in_polls,
        blocked: polls().map(|poll| poll.blocked()).sum(),
        preempted: lane.preempted.unwrap_or_default(),
        cpu: lane.cpu,
        present,
        busy: share(in_polls, present),
        parks: lane.parks.len() as u64,
        steals: steals.count() as u64,
    }
}

fn of_task(spans: &Spans, task: &TaskSpans) -> TaskFigures {
    let polls = || task.polls.iter().map(|&poll| &spans.polls[poll]);
    TaskFigures {
        begun: task.begun,
        ended: task.ended,
        ending: task.ending,
        is_blocking: task.kind == TaskKind::Job,
        running: task.time_in(State::Running),
        queued: task.time_in(State::Queued),
        waiting: task.time_in(State::Waiting),
        blocked: polls().map(|poll| poll.blocked()).sum(),
        preempted: polls().map(|poll| poll.preempted()).sum(),
        polls: task.polls.len() as u64,
        self_woken: task.self_woken,
        wakes: task.wakes,
        wakes_nowhere: task.wakes_nowhere,
        stranded: task.stranded,
    }
}
