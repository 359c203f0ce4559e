//! Finds the times in which the event loop was blocked.

use std::time::Duration;

use super::Stall;
use crate::spans::{Spans, State, TaskKind};

/// A period in which every worker is in a poll. It ends when the first of these polls ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FullTime {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
    /// The poll that had lasted longest when the period ended.
    pub(crate) poll: usize,
}

impl FullTime {
    pub(crate) fn length(&self) -> Duration {
        self.to - self.from
    }
}

/// Returns all periods in which every worker is in a poll, in order of time.
pub(crate) fn full_times(spans: &Spans) -> Vec<FullTime> {
    let polls = spans.polls.iter().enumerate();
    let polls = polls.filter(|(_, poll)| spans.is_worker(poll.lane) && poll.begin < poll.end);
    let mut ends: Vec<(Duration, bool, usize)> = polls
        .flat_map(|(index, poll)| [(poll.begin, true, index), (poll.end, false, index)])
        .collect();
    ends.sort_unstable();
    // The open polls, in the order in which they began, which is the order of their indices.
    let mut open: Vec<usize> = Vec::new();
    let mut since = Duration::ZERO;
    let mut found = Vec::new();
    for (at, begins, poll) in ends {
        if begins {
            open.push(poll);
            since = at;
            continue;
        }
        if open.len() == spans.workers && at > since {
            let poll = *open.iter().min().unwrap_or(&poll);
            let from = since;
            found.push(FullTime { from, to: at, poll });
        }
        open.retain(|&other| other != poll);
    }
    found
}

/// Returns the longest period in which all workers were in polls although another task could have used a
/// worker.
pub(super) fn longest(spans: &Spans) -> Option<Stall> {
    let (held, ready) = (Crowd::new(spans, false), Crowd::new(spans, true));
    let mut times = full_times(spans);
    times.sort_by_key(|time| std::cmp::Reverse(time.length()));
    let time = times.into_iter().find(|time| held.at(time.to) > 0)?;
    let poll = &spans.polls[time.poll];
    Some(Stall {
        task: poll.task,
        lane: poll.lane,
        begun: time.from,
        lasted: time.length(),
        held: held.at(time.to),
        ready: ready.at(time.to),
    })
}

/// The periods in which tasks are kept from running: the sorted beginnings and the sorted ends of these
/// periods.
struct Crowd {
    from: Vec<Duration>,
    to: Vec<Duration>,
}

impl Crowd {
    fn new(spans: &Spans, only_ready: bool) -> Self {
        let tasks = spans.tasks.iter().filter(|task| task.kind != TaskKind::Job);
        let counts = |state: State, joins: bool| match state {
            State::Queued => true,
            State::Waiting => !only_ready && !joins,
            State::Running => false,
        };
        let stretches = tasks.flat_map(|task| &task.spans);
        let stretches = stretches.filter(|span| counts(span.state, span.joins));
        let (mut from, mut to): (Vec<_>, Vec<_>) =
            stretches.map(|span| (span.from, span.to)).unzip();
        from.sort_unstable();
        to.sort_unstable();
        Crowd { from, to }
    }

    /// Returns the number of tasks that are kept from running just before `at`.
    fn at(&self, at: Duration) -> usize {
        let begun = self.from.partition_point(|&from| from < at);
        begun - self.to.partition_point(|&to| to < at)
    }
}
