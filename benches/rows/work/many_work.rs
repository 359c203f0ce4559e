//! Measures tasks that compute. The figures show how much faster two workers are than one thread.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use brigade_benches::results::median;

use crate::{
    measure::{Job, Measured, Meter, check},
    runtime::Many,
};

/// The work of a benchmark: groups of tasks, in the order in which they are spawned. Each entry has the
/// number of tasks in the group, and how long each task computes.
pub(crate) type Shape = [(usize, Duration)];

/// The work of `m_fanout`.
pub(crate) const FANOUT: [(usize, Duration); 1] = [(1_000, Duration::from_micros(50))];

/// The work of `m_skew`.
pub(crate) const SKEW: [(usize, Duration); 2] = [
    (2_000, Duration::from_micros(20)),
    (8, Duration::from_millis(5)),
];

/// The work of one task: a number of steps, each of which depends on the previous one. The work is measured
/// in steps, not in time, because a task does no work while it is preempted.
#[derive(Clone, Copy)]
pub(crate) struct Piece {
    steps: u64,
    seed: u64,
}

impl Piece {
    pub(crate) fn work(self) -> u64 {
        let mut state = black_box(self.seed);
        for _ in 0..self.steps {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
        }
        // Return only a few bits, so that the sum over all pieces does not overflow.
        black_box(state) >> 40
    }
}

/// Returns how many steps this machine takes in a microsecond.
fn steps_per_us() -> f64 {
    const STEPS: u64 = 2_000_000;
    let time = |seed| {
        let start = Instant::now();
        check(Piece { steps: STEPS, seed }.work() < 1 << 24, "few bits");
        start.elapsed().as_secs_f64() * 1e6
    };
    STEPS as f64 / median((0..9).map(time).collect()).unwrap_or(1.0)
}

fn pieces(shape: &Shape) -> Vec<Piece> {
    let rate = steps_per_us();
    let mut pieces = Vec::new();
    for (count, time) in shape {
        let steps = (rate * time.as_secs_f64() * 1e6) as u64;
        pieces.extend((0..*count).map(|seed| Piece {
            steps,
            seed: seed as u64,
        }));
    }
    pieces
}

/// Does the work on one thread and then with `parallel`, and repeats both until the budget is used up.
/// Returns the median speed-up, and the median CPU time of the parallel runs.
pub(crate) async fn speed_up(
    job: Job,
    shape: &Shape,
    parallel: impl AsyncFn(Vec<Piece>) -> u64,
) -> Measured {
    const LEAST: usize = 3;
    let pieces = pieces(shape);
    let until = Instant::now() + 2 * job.budget;
    let (mut ratios, mut cpu) = (Vec::new(), Vec::new());
    while ratios.len() < LEAST || Instant::now() < until {
        let meter = Meter::start();
        let expected: u64 = pieces.iter().map(|piece| piece.work()).sum();
        let alone = meter.stop();
        let meter = Meter::start();
        let sum = parallel(pieces.clone()).await;
        let together = meter.stop();
        check(sum == expected, "the sum of the pieces");
        ratios.push(alone.wall / together.wall);
        cpu.push(together.cpu * 1e3);
    }
    let speedup = median(ratios).unwrap_or_default();
    Measured(vec![
        ("speedup", speedup),
        ("cpu", median(cpu).unwrap_or_default()),
    ])
}

async fn spawn_all<R: Many>(pieces: Vec<Piece>) -> u64 {
    let tasks: Vec<_> = pieces
        .into_iter()
        .map(|piece| R::spawn(async move { piece.work() }))
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    sum
}

/// The benchmark `m_fanout`: the tasks are spawned from outside the workers.
pub(crate) fn fanout<R: Many>(job: Job) -> Measured {
    R::block_on(speed_up(job, &FANOUT, async |pieces: Vec<Piece>| {
        spawn_all::<R>(pieces).await
    }))
}

/// The benchmark `m_skew`: one worker spawns all tasks, and the other workers must steal some.
pub(crate) fn skew<R: Many>(job: Job) -> Measured {
    R::block_on(speed_up(job, &SKEW, async |pieces: Vec<Piece>| {
        R::spawn(spawn_all::<R>(pieces)).await
    }))
}
