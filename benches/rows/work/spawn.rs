//! Measures the cost of a task from its spawn to its result, on one thread.
//!
//! Except in `spawn_cold`, the passes share one vector of handles, so that no pass takes page faults on a new
//! vector.

use crate::{
    measure::{Job, Measured, Meter, check, repeat},
    runtime::One,
};

const TASKS: usize = 100_000;
const BATCH: usize = 1_000;

/// Spawns `tasks` tasks, then awaits them in the same order.
async fn spawn_and_join<R: One>(tasks: usize, handles: &mut Vec<R::Handle<usize>>) {
    handles.extend((0..tasks).map(|number| R::spawn(async move { number })));
    let mut sum = 0;
    for handle in handles.drain(..) {
        sum += handle.await;
    }
    check(
        sum == tasks * (tasks - 1) / 2,
        "the sum of the tasks' results",
    );
}

/// The benchmark `spawn_join`: all tasks exist at the same time, and need much more memory than a cache has.
pub(crate) fn join<R: One>(job: Job) -> Measured {
    let tasks = job.size(TASKS);
    let mut handles = Vec::new();
    R::block_on(repeat(job, tasks, async || {
        spawn_and_join::<R>(tasks, &mut handles).await
    }))
    .nanos()
}

/// The benchmark `spawn_cold`: the first tasks of a process, which use memory that comes directly from the
/// kernel. It has only one pass, because a second pass would reuse the memory of the first.
pub(crate) fn cold<R: One>(_: Job) -> Measured {
    R::block_on(async {
        R::spawn(async {}).await;
        let meter = Meter::start();
        spawn_and_join::<R>(TASKS, &mut Vec::new()).await;
        meter.stop().over(TASKS).nanos()
    })
}

/// The benchmark `spawn_batch`: as many tasks as in `spawn_join`, but only a few of them exist at the same
/// time, so their memory stays in the cache.
pub(crate) fn batch<R: One>(job: Job) -> Measured {
    let mut handles = Vec::new();
    let pass = async || {
        for _ in 0..TASKS / BATCH {
            spawn_and_join::<R>(BATCH, &mut handles).await;
        }
    };
    R::block_on(repeat(job, TASKS, pass)).nanos()
}

/// The benchmark `spawn_await`: one task after the other.
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
