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

/// Timers fire up to a tick of the wheel late: 1.05 ms.
const TICK: f64 = 1.15;

/// Of a ticker's timers so many fire in time; the others are late on a busy machine. Of a few instants
/// more must lie on a grid than of many, since a few may lie there by chance.
const IN_TIME: f64 = 0.5;
const FEW_IN_TIME: f64 = 0.8;
const FEW: usize = 10;

/// On a fine grid many lie by chance; so many more must.
const BY_CHANCE: f64 = 0.35;

/// Returns whether timers that fired at these instants are those of a ticker, which ticks at fixed instants,
/// and not of one sleep after the other, each of which adds its lateness to the next.
///
/// A ticker has a period that people choose, and its ticks fall just behind the multiples of that. The
/// sleeps of a loop drift away from any such grid.
pub(super) fn is_ticker(fired: &[Duration]) -> bool {
    if fired.len() < 5 {
        return false;
    }
    let at = |instant: &Duration| instant.as_secs_f64() * 1e3;
    let mut gaps: Vec<f64> = fired
        .windows(2)
        .map(|pair| at(&pair[1]) - at(&pair[0]))
        .collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    gaps.sort_by(f64::total_cmp);
    let median = gaps[gaps.len() / 2];
    if median < 2.5 {
        // The grid is too fine to drift away from.
        return mean < 1.06 || (mean - 2.0).abs() < 0.03;
    }
    let round = |period: f64| match period {
        ..=20.5 => period.round(),
        _ => (period / 5.0).round() * 5.0,
    };
    let step = if median <= 20.5 { 1.0 } else { 5.0 };
    let in_time = if fired.len() < FEW {
        FEW_IN_TIME
    } else {
        IN_TIME
    };
    let near = [round(median) - step, round(median), round(median) + step];
    near.into_iter()
        .chain([50.0 / 3.0, 100.0 / 3.0])
        .any(|period| {
            let fits = (median - period).abs() < TICK.max(period / 50.0);
            fits && on_grid(fired.iter().map(at), period) >= in_time.max(TICK / period + BY_CHANCE)
        })
}

/// The largest share of the instants that lie within a tick behind the points of any grid of this period.
fn on_grid(instants: impl Iterator<Item = f64>, period: f64) -> f64 {
    let mut phases: Vec<f64> = instants.map(|at| at.rem_euclid(period)).collect();
    phases.sort_by(f64::total_cmp);
    let within = |from: &f64| {
        let behind = |phase: &&f64| (**phase - from).rem_euclid(period) <= TICK;
        phases.iter().filter(behind).count()
    };
    let step = phases.len().div_ceil(64);
    let most = phases.iter().step_by(step).map(within).max().unwrap_or(0);
    most as f64 / phases.len() as f64
}
