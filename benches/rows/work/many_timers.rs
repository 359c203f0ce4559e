//! Timers that several workers arm and cancel at the same time.

use std::time::Duration;

use brigade_benches::results::median;

use crate::{
    measure::{Job, Measured, repeat},
    runtime::{ManyTimed, workers},
    work::timers::{TIMERS, arm_and_drop, late_by, lengths},
};

/// The benchmark `m_timers`.
pub(crate) fn sleeps<R: ManyTimed>(job: Job) -> Measured {
    let sleeps = job.size(100_000);
    let mut late = Vec::new();
    let pass = async || {
        late = R::spawn(async move {
            let tasks: Vec<_> = lengths(sleeps)
                .map(|length| R::spawn(late_by(length, R::sleep)))
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

/// The benchmark `m_timer_cancel`.
pub(crate) fn cancel<R: ManyTimed>(job: Job) -> Measured {
    const OTHERS: usize = 10_000;
    R::block_on(async move {
        for at in 0..OTHERS {
            let time = Duration::from_millis(100_000 + 7 * at as u64);
            R::detach(R::sleep(time));
        }
        let pass = async || {
            let tasks: Vec<_> = (0..workers())
                .map(|_| R::spawn(arm_and_drop(R::sleep)))
                .collect();
            for task in tasks {
                task.await;
            }
        };
        // End the process here, because the 10k armed timers would still sleep for minutes.
        repeat(job, TIMERS * workers(), pass).await.nanos().finish()
    })
}
