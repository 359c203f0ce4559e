//! Timers where several workers arm and cancel them at the same time.

use std::time::{Duration, Instant};

use brigade_benches::results::median;

use crate::{
    measure::{Job, Measured, check, repeat},
    runtime::{ManyTimed, workers},
    work::{
        timers::{BETWEEN_YIELDS, arm_and_drop, lengths},
        turns::Yield,
    },
};

/// Row `m_timers`.
pub(crate) fn sleeps<R: ManyTimed>(job: Job) -> Measured {
    let sleeps = job.size(100_000);
    let mut late = Vec::new();
    let pass = async || {
        late = R::spawn(async move {
            let start = |length| async move {
                let start = Instant::now();
                R::sleep(length).await;
                let slept = start.elapsed();
                check(slept >= length, "no sleep ends before its time");
                (slept - length).as_secs_f64() * 1e6
            };
            let tasks: Vec<_> = lengths(sleeps)
                .map(|length| R::spawn(start(length)))
                .collect();
            let mut late = Vec::with_capacity(sleeps);
            for task in tasks {
                late.push(task.await);
            }
            late
        })
        .await;
    };
    let cost = R::block_on(repeat(job, sleeps, pass));
    let p50 = median(late).unwrap_or_default();
    Measured(vec![("cpu", cost.cpu * 1e9), ("late", p50)])
}

/// Row `m_timer_cancel`.
pub(crate) fn cancel<R: ManyTimed>(job: Job) -> Measured {
    const OTHERS: usize = 10_000;
    const TIMERS: usize = 20_000;
    let one = async || {
        let mut armed = 0;
        for at in 0..TIMERS {
            let time = Duration::from_millis(1_000 + (at * 7919 % 60_000) as u64);
            armed += usize::from(arm_and_drop(R::sleep(time)).await);
            if at % BETWEEN_YIELDS == 0 {
                Yield::default().await;
            }
        }
        armed
    };
    R::block_on(async move {
        for at in 0..OTHERS {
            let time = Duration::from_millis(100_000 + 7 * at as u64);
            R::detach(R::sleep(time));
        }
        let pass = async || {
            let tasks: Vec<_> = (0..workers()).map(|_| R::spawn(one())).collect();
            for task in tasks {
                check(task.await == TIMERS, "the number of armed timers");
            }
        };
        // Ended here: the others still sleep for minutes.
        repeat(job, TIMERS * workers(), pass).await.nanos().finish()
    })
}
