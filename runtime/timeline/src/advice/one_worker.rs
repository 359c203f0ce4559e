//! Finds runs in which only one worker at a time is busy, and explains why.

use std::time::Duration;

use super::waits::sum_and_union;
use super::words::{Percent, Time, times, workers};
use super::{Advice, Adviser, Kind, WORKER};
use crate::figures::share;

/// At least one worker must be busy in at least this share of the run.
const MOSTLY_WORK: f64 = 0.5;

/// The maximum of a quotient: the sum of all workers' times in polls, divided by the time in which at least
/// one worker was in a poll. Up to this quotient, two workers are hardly ever busy at the same time.
const HARDLY_TOGETHER: f64 = 1.1;

/// One task, which is named as the cause, must do at least this share of the work.
const ALL_OF_IT: f64 = 0.8;

impl Adviser<'_> {
    pub(super) fn one_busy_worker(&self) -> Option<Advice> {
        let spans = self.spans;
        // If other programs use the cores, report nothing, because the idle workers may have had no core.
        if spans.workers < 2 || self.cores < 2 || self.is_crowded() {
            return None;
        }
        let of_pool = brigade::timeline::LaneKind::Blocking;
        let polls = || {
            spans
                .polls
                .iter()
                .filter(|poll| spans.lanes[poll.lane].kind != of_pool)
        };
        let (sum, any) = sum_and_union(polls().map(|poll| (poll.begin, poll.end)));
        let blocked: Duration = polls().map(|poll| poll.blocked()).sum();
        let span = self.figures.span;
        if any < span.mul_f64(MOSTLY_WORK)
            || sum > any.mul_f64(HARDLY_TOGETHER)
            || blocked > sum.mul_f64(1.0 - MOSTLY_WORK)
        {
            return None;
        }
        let mut work = vec![Duration::ZERO; spans.tasks.len()];
        for poll in polls() {
            work[poll.task] += poll.length();
        }
        let (task, most) = work.iter().enumerate().max_by_key(|(_, work)| **work)?;
        let part = share(*most, sum);
        if part < ALL_OF_IT {
            return None;
        }
        let count = spans.workers.min(self.cores);
        let left = span.saturating_sub(any) + any / u32::try_from(count).unwrap_or(1);
        let at_best = span.as_secs_f64() / left.as_secs_f64();
        let text = format!(
            "One {WORKER} at a time was busy, for {} of the run's {}, and {} of that work was done in {}. \
             A task runs on one {WORKER} at a time, and so do futures that are joined inside it. Spawn these \
             futures as tasks: with {}, the program would be at best about {} times as fast.",
            Time(any),
            Time(span),
            Percent(part),
            self.label(task),
            workers(spans.workers),
            times(at_best),
        );
        Some(Advice {
            kind: Kind::OneBusyWorker,
            tasks: vec![task],
            place: None,
            at_best: Some(at_best),
            text,
        })
    }
}
