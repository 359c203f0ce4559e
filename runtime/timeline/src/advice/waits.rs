//! What tasks waited for: something outside, or one another.

use std::time::Duration;

use crate::spans::{Source, Spans, State, TaskKind};

/// A wait for something that no task of this run did: a timer, a socket, a blocking job, a thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outside {
    pub(super) task: usize,
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) timer: bool,
    pub(super) io: bool,
}

impl Outside {
    pub(super) fn length(&self) -> Duration {
        self.to - self.from
    }
}

/// All of a run.
pub(super) struct Waits {
    /// In order of their beginnings.
    pub(super) outside: Vec<Outside>,
    /// For each task its own, in order.
    of_task: Vec<Vec<Outside>>,
    /// For each task: how long it waited to be woken by another one, other than by its end.
    pub(super) for_tasks: Vec<Duration>,
    /// For each task: when other tasks woke it, other than by their end.
    pub(super) let_through: Vec<Vec<Duration>>,
}

impl Waits {
    pub(super) fn of(spans: &Spans) -> Self {
        let mut waits = Waits {
            outside: Vec::new(),
            of_task: vec![Vec::new(); spans.tasks.len()],
            for_tasks: vec![Duration::ZERO; spans.tasks.len()],
            let_through: vec![Vec::new(); spans.tasks.len()],
        };
        for (task, life) in spans.tasks.iter().enumerate() {
            if life.kind == TaskKind::Job {
                continue;
            }
            for span in life
                .spans
                .iter()
                .filter(|span| span.state == State::Waiting)
            {
                let Some(wake) = span.wake.map(|wake| &spans.wakes[wake]) else {
                    continue;
                };
                let is_job = |by: usize| spans.tasks[by].kind == TaskKind::Job;
                match wake.source {
                    Source::Join(by) | Source::Task(by) if !is_job(by) => {
                        if let Source::Task(_) = wake.source {
                            waits.for_tasks[task] += span.length();
                            waits.let_through[task].push(span.to);
                        }
                    }
                    source => waits.outside.push(Outside {
                        task,
                        from: span.from,
                        to: span.to,
                        timer: source == Source::Timer,
                        io: source == Source::Io,
                    }),
                }
            }
        }
        waits.outside.sort_by_key(|wait| (wait.from, wait.to));
        for wait in &waits.outside {
            waits.of_task[wait.task].push(*wait);
        }
        waits
    }

    pub(super) fn of_task(&self, task: usize) -> &[Outside] {
        &self.of_task[task]
    }
}

/// How long the intervals are, added up, and how long any of them lasts.
pub(super) fn sum_and_union(
    intervals: impl Iterator<Item = (Duration, Duration)>,
) -> (Duration, Duration) {
    let mut intervals: Vec<_> = intervals.collect();
    intervals.sort_unstable();
    let (mut sum, mut union, mut until) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for (from, to) in intervals {
        sum += to.saturating_sub(from);
        union += to.saturating_sub(from.max(until));
        until = until.max(to);
    }
    (sum, union)
}

/// How much of `one` (in order of time, without overlap) the others cover.
pub(super) fn covered(one: &[(Duration, Duration)], others: &[(Duration, Duration)]) -> Duration {
    let both = one.iter().chain(others).copied();
    let (_, all) = sum_and_union(both);
    let (_, union_of_one) = sum_and_union(one.iter().copied());
    let (_, union_of_others) = sum_and_union(others.iter().copied());
    (union_of_one + union_of_others).saturating_sub(all)
}

/// Whether timers that fired at these instants are those of a ticker, which ticks at fixed instants,
/// and not of one sleep after the other, each of which adds its lateness to the next.
///
/// A ticker makes up for a late tick with a shorter gap; a sleep never ends early. So a ticker has gaps
/// below its mean period, which is a whole number of milliseconds.
pub(super) fn is_ticker(fired: &[Duration]) -> bool {
    let gaps: Vec<f64> = fired
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_secs_f64() * 1e3)
        .collect();
    if gaps.len() < 4 {
        return false;
    }
    let count = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / count;
    let least = gaps.iter().copied().fold(f64::MAX, f64::min);
    let round = mean.round();
    let is_round = (mean - round).abs() <= (1.2 / count).max(0.002 * mean);
    if is_round && least < round - 0.05 {
        return true;
    }
    let moment = |pairs: &mut dyn Iterator<Item = (f64, f64)>| -> f64 {
        pairs.map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    let variance = moment(&mut gaps.iter().map(|&gap| (gap, gap)));
    let lagged = moment(&mut gaps.windows(2).map(|pair| (pair[0], pair[1])));
    variance / count > 0.01 && lagged / variance < -0.25
}
