//! Collects what the tasks waited for: external events, or other tasks.

use std::time::Duration;

use crate::spans::{Source, Spans, State, TaskKind};

/// A wait for an event that no task of this run caused: a timer, a socket, a blocking job, or a thread.
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

/// All waits of a run.
pub(super) struct Waits {
    /// Waits for external events, sorted by their beginning.
    pub(super) outside: Vec<Outside>,
    /// The waits of each task for external events, in order.
    of_task: Vec<Vec<Outside>>,
    /// For each task, how long it waited to be woken by other tasks. Waits for the end of a task are left
    /// out.
    pub(super) for_tasks: Vec<Duration>,
    /// For each task, the times at which other tasks woke it. Wakes at the end of a task are left out.
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

/// Returns the sum of the lengths of the intervals, and the length of their union.
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

/// Returns how much of `one` is covered by `others`. `one` is sorted and has no overlaps.
pub(super) fn covered(one: &[(Duration, Duration)], others: &[(Duration, Duration)]) -> Duration {
    let both = one.iter().chain(others).copied();
    let (_, all) = sum_and_union(both);
    let (_, union_of_one) = sum_and_union(one.iter().copied());
    let (_, union_of_others) = sum_and_union(others.iter().copied());
    (union_of_one + union_of_others).saturating_sub(all)
}

/// A timer is in time if it fires at most this many milliseconds late: one tick of the wheel (1.05 ms) and a
/// margin.
const TICK: f64 = 1.15;

/// At least this share of a ticker's timers must fire in time. On a busy machine, some timers fire late.
const IN_TIME: f64 = 0.5;
/// The share for fewer than `FEW` timers. It is higher, because a few timers may be in time by chance.
const FEW_IN_TIME: f64 = 0.8;
const FEW: usize = 10;

/// If the period is short, many timers are in time by chance. So the required share is at least the share
/// expected by chance plus this amount.
const BY_CHANCE: f64 = 0.35;

/// Returns whether these timers belong to a ticker, which ticks at fixed instants. In a loop of sleeps, each
/// late sleep delays the next one.
///
/// A ticker's period is usually round, such as 10 ms. So its ticks come just after the points of a grid with
/// a round period. The sleeps of a loop drift away from any such grid.
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
        // With a period this short, the drift of a loop of sleeps is not visible.
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

/// A grid has one point every `period`. For each grid that has a point at one of the instants, computes the
/// share of the instants that lie at most `TICK` after a point. Returns the largest of these shares.
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
