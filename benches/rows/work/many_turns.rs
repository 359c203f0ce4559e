//! Measures the cost of letting another task run, on two workers: by a yield, and by a message.

use async_channel::bounded;

use crate::{
    measure::{Job, Measured, check, repeat},
    runtime::Many,
    work::turns::Yield,
};

/// The benchmark `m_yield`.
pub(crate) fn yields<R: Many>(job: Job) -> Measured {
    const TASKS: usize = 200;
    const YIELDS: usize = 1_000;
    let pass = async || {
        let sum = R::spawn(async {
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    R::spawn(async {
                        for _ in 0..YIELDS {
                            Yield::default().await;
                        }
                        YIELDS
                    })
                })
                .collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await;
            }
            sum
        });
        check(sum.await == TASKS * YIELDS, "the sum of the yields");
    };
    R::block_on(repeat(job, TASKS * YIELDS, pass)).nanos()
}

const PAIRS: usize = 1_000;

/// Spawns two tasks that make `trips` round trips. Returns the handle of the first task, whose output is the
/// sum of the answers.
fn pair<R: Many>(trips: usize) -> R::Handle<usize> {
    let (to_pong, at_pong) = bounded::<usize>(1);
    let (to_ping, at_ping) = bounded::<usize>(1);
    R::detach(async move {
        for _ in 0..trips {
            let number = at_pong.recv().await.expect("ping calls");
            to_ping.send(number + 1).await.expect("ping is there");
        }
    });
    R::spawn(async move {
        let mut sum = 0;
        for number in 0..trips {
            to_pong.send(number).await.expect("pong is there");
            sum += at_ping.recv().await.expect("pong answers");
        }
        sum
    })
}

async fn all_pairs<R: Many>(trips: usize) {
    let pairs: Vec<_> = (0..PAIRS).map(|_| pair::<R>(trips)).collect();
    let mut sum = 0;
    for pair in pairs {
        sum += pair.await;
    }
    check(
        sum == PAIRS * trips * (trips + 1) / 2,
        "the sum of the answers",
    );
}

/// The benchmark `m_pairs`: all pairs communicate at the same time.
pub(crate) fn pairs<R: Many>(job: Job) -> Measured {
    const TRIPS: usize = 100;
    let pass = async || R::spawn(all_pairs::<R>(TRIPS)).await;
    R::block_on(repeat(job, PAIRS * TRIPS, pass)).nanos()
}

/// The benchmark `m_pairs_spawn`: each pair makes a single round trip.
pub(crate) fn pairs_spawn<R: Many>(job: Job) -> Measured {
    const TIMES: usize = 10;
    let pass = async || {
        R::spawn(async {
            for _ in 0..TIMES {
                all_pairs::<R>(1).await;
            }
        })
        .await;
    };
    R::block_on(repeat(job, PAIRS * TIMES, pass)).nanos()
}
