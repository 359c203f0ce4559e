//! Measures the cost of a task from its spawn to its result, on two workers.

use std::{mem, pin::Pin};

use async_channel::{Sender, bounded};

use crate::{
    measure::{Job, Measured, check, repeat},
    runtime::Many,
};

const TASKS: usize = 100_000;

/// Spawns and awaits tasks. Returns the empty vector of handles, so that the next pass can reuse it.
async fn spawn_and_join<R: Many>(
    tasks: usize,
    mut handles: Vec<R::Handle<usize>>,
) -> Vec<R::Handle<usize>> {
    handles.extend((0..tasks).map(|number| R::spawn(async move { number })));
    let mut sum = 0;
    for handle in handles.drain(..) {
        sum += handle.await;
    }
    check(
        sum == tasks * (tasks - 1) / 2,
        "the sum of the tasks' results",
    );
    handles
}

/// The benchmark `m_spawn_outside`: every task is spawned from outside the workers.
pub(crate) fn outside<R: Many>(job: Job) -> Measured {
    let tasks = job.size(TASKS);
    let mut handles = Vec::new();
    let pass = async || handles = spawn_and_join::<R>(tasks, mem::take(&mut handles)).await;
    R::block_on(repeat(job, tasks, pass)).nanos()
}

/// The benchmark `m_spawn_worker`: every task is spawned by a worker.
pub(crate) fn worker<R: Many>(job: Job) -> Measured {
    let tasks = job.size(TASKS);
    let mut handles = Vec::new();
    let pass = async || {
        let task = spawn_and_join::<R>(tasks, mem::take(&mut handles));
        handles = R::spawn(task).await;
    };
    R::block_on(repeat(job, tasks, pass)).nanos()
}

/// The benchmark `m_spawn_await`. With one spawning task per worker, this is the benchmark `m_spawn_all`.
pub(crate) fn each<R: Many>(job: Job, spawners: usize) -> Measured {
    const EACH: usize = 20_000;
    let pass = async || {
        let spawner = async || {
            let mut sum = 0;
            for number in 0..EACH {
                sum += R::spawn(async move { number }).await;
            }
            sum
        };
        let spawners: Vec<_> = (0..spawners).map(|_| R::spawn(spawner())).collect();
        for sum in spawners {
            check(
                sum.await == EACH * (EACH - 1) / 2,
                "the sum of the tasks' results",
            );
        }
    };
    R::block_on(repeat(job, EACH * spawners, pass)).nanos()
}

/// Returns a chain of `depth` tasks, each of which awaits the next one.
fn chain<R: Many>(depth: usize) -> Pin<Box<dyn Future<Output = usize> + Send>> {
    Box::pin(async move {
        if depth == 1 {
            return 1;
        }
        R::spawn(chain::<R>(depth - 1)).await + 1
    })
}

/// The benchmark `m_recursive`.
pub(crate) fn recursive<R: Many>(job: Job) -> Measured {
    const CHAINS: usize = 300;
    const DEPTH: usize = 300;
    let pass = async || {
        let sum = R::spawn(async {
            let chains: Vec<_> = (0..CHAINS).map(|_| R::spawn(chain::<R>(DEPTH))).collect();
            let mut sum = 0;
            for chain in chains {
                sum += chain.await;
            }
            sum
        });
        check(sum.await == CHAINS * DEPTH, "the sum of the depths");
    };
    R::block_on(repeat(job, CHAINS * DEPTH, pass)).nanos()
}

/// A pass consists of `CHAINS` chains of `LINKS` tasks, one chain after the other. With so many tasks, the
/// cost of starting and awaiting the pass from outside the workers hardly affects the figure.
const LINKS: usize = 1_000;
const CHAINS: usize = 100;

fn link<R: Many>(depth: usize, chains: usize, done: Sender<usize>) {
    R::detach(async move {
        match (depth, chains) {
            (LINKS, CHAINS) => done.send(depth * chains).await.expect("the end is awaited"),
            (LINKS, _) => link::<R>(1, chains + 1, done),
            _ => link::<R>(depth + 1, chains, done),
        }
    });
}

/// The benchmark `m_chained`: each task spawns the next one and ends.
pub(crate) fn chained<R: Many>(job: Job) -> Measured {
    let pass = async || {
        let (done, end) = bounded(1);
        R::spawn(async { link::<R>(1, 1, done) }).await;
        check(end.recv().await == Ok(LINKS * CHAINS), "the last link");
    };
    R::block_on(repeat(job, LINKS * CHAINS, pass)).nanos()
}
