//! What a task costs from its spawn to its result, on one thread.

use crate::{
    measure::{Job, Measured, check, repeat},
    runtime::One,
};

const TASKS: usize = 100_000;
const BATCH: usize = 1_000;

/// Spawns `tasks` tasks, then awaits them in the order they were spawned.
async fn spawn_and_join<R: One>(tasks: usize) {
    let handles: Vec<_> = (0..tasks)
        .map(|number| R::spawn(async move { number }))
        .collect();
    let mut sum = 0;
    for handle in handles {
        sum += handle.await;
    }
    check(
        sum == tasks * (tasks - 1) / 2,
        "the sum of the tasks' results",
    );
}

/// Row `spawn_join`: all tasks are there at once, far more than a cache holds.
pub(crate) fn join<R: One>(job: Job) -> Measured {
    let tasks = job.size(TASKS);
    R::block_on(repeat(job, tasks, async || {
        spawn_and_join::<R>(tasks).await
    }))
    .nanos()
}

/// Row `spawn_batch`: as many tasks, few at once, so their memory is warm.
pub(crate) fn batch<R: One>(job: Job) -> Measured {
    let pass = async || {
        for _ in 0..TASKS / BATCH {
            spawn_and_join::<R>(BATCH).await;
        }
    };
    R::block_on(repeat(job, TASKS, pass)).nanos()
}

/// Row `spawn_await`: one task after the other.
pub(crate) fn each<R: One>(job: Job) -> Measured {
    const EACH: usize = 20_000;
    let pass = async || {
        let mut sum = 0;
        for number in 0..EACH {
            sum += R::spawn(async move { number }).await;
        }
        check(
            sum == EACH * (EACH - 1) / 2,
            "the sum of the tasks' results",
        );
    };
    R::block_on(repeat(job, EACH, pass)).nanos()
}
