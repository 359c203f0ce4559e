//! The work of some benchmarks, done by rayon's pool instead of a runtime: closures on work-stealing threads.
//! A closure that waits blocks its thread, but a task does not.

use std::sync::{
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    mpsc,
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::{
    measure::{Job, Measured, check, repeat_plain},
    runtime::workers,
    work::many_work::{Piece, SKEW, speed_up},
};

const TASKS: usize = 100_000;

fn pool() -> &'static ThreadPool {
    let pool = ThreadPoolBuilder::new()
        .num_threads(workers())
        .build()
        .expect("a pool");
    // The pool is leaked, because some closures are spawned and not joined. It ends with the process.
    Box::leak(Box::new(pool))
}

/// Measures `m_spawn_outside` with rayon.
pub(crate) fn outside(job: Job) -> Measured {
    static DONE: AtomicUsize = AtomicUsize::new(0);
    static SUM: AtomicUsize = AtomicUsize::new(0);
    let pool = pool();
    let pass = || {
        let (tell, told) = mpsc::channel();
        DONE.store(0, Relaxed);
        SUM.store(0, Relaxed);
        for number in 0..TASKS {
            let tell = tell.clone();
            pool.spawn(move || {
                SUM.fetch_add(number, Relaxed);
                if DONE.fetch_add(1, Relaxed) + 1 == TASKS {
                    tell.send(()).expect("the measuring thread waits");
                }
            });
        }
        told.recv().expect("a message from the last task");
        check(
            SUM.load(Relaxed) == TASKS * (TASKS - 1) / 2,
            "the sum of the results",
        );
    };
    repeat_plain(job, TASKS, pass).nanos()
}

/// Measures `m_spawn_worker` with rayon.
pub(crate) fn worker(job: Job) -> Measured {
    let pool = pool();
    let pass = || {
        let sum = AtomicUsize::new(0);
        pool.scope(|scope| {
            for number in 0..TASKS {
                let sum = &sum;
                scope.spawn(move |_| {
                    sum.fetch_add(number, Relaxed);
                });
            }
        });
        check(
            sum.into_inner() == TASKS * (TASKS - 1) / 2,
            "the sum of the results",
        );
    };
    repeat_plain(job, TASKS, pass).nanos()
}

/// Measures `m_chained` with rayon.
pub(crate) fn chained(job: Job) -> Measured {
    const CHAINS: usize = 100;
    const DEPTH: usize = 1_000;
    fn link(depth: usize, chains: usize, tell: mpsc::Sender<usize>) {
        rayon::spawn(move || match (depth, chains) {
            (DEPTH, CHAINS) => tell
                .send(depth * chains)
                .expect("the measuring thread waits"),
            (DEPTH, _) => link(1, chains + 1, tell),
            _ => link(depth + 1, chains, tell),
        });
    }
    let pool = pool();
    let pass = || {
        let (tell, told) = mpsc::channel();
        pool.spawn(move || link(1, 1, tell));
        check(told.recv() == Ok(CHAINS * DEPTH), "the last link");
    };
    repeat_plain(job, CHAINS * DEPTH, pass).nanos()
}

/// Measures `m_skew` with rayon.
pub(crate) fn skew(job: Job) -> Measured {
    let pool = pool();
    futures_executor::block_on(speed_up(job, &SKEW, async |pieces: Vec<Piece>| {
        let sum = AtomicU64::new(0);
        pool.scope(|scope| {
            for piece in pieces {
                let sum = &sum;
                scope.spawn(move |_| {
                    sum.fetch_add(piece.work(), Relaxed);
                });
            }
        });
        sum.into_inner()
    }))
}
