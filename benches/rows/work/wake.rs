//! Measures the cost of waking a runtime from a thread outside the runtime.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use async_channel::bounded;
use brigade_benches::results::median;

use crate::{
    measure::{Job, Measured, Meter, check, pin_to_one_cpu, repeat},
    runtime::{Many, One},
};

/// The benchmark `cross_wake`. Both threads share one CPU, so each round trip takes two context switches.
/// This CPU is never idle, so the figure does not depend on how the machine wakes an idle CPU.
pub(crate) fn cross_wake<R: One>(job: Job) -> Measured {
    const TRIPS: u64 = 2_000;
    pin_to_one_cpu();
    let pass = async || {
        let (to_task, at_task) = bounded::<u64>(1);
        let (to_thread, at_thread) = mpsc::channel::<u64>();
        let task = R::spawn(async move {
            while let Ok(number) = at_task.recv().await {
                if to_thread.send(number + 1).is_err() {
                    break;
                }
            }
        });
        let thread = thread::spawn(move || {
            let mut sum = 0;
            for number in 0..TRIPS {
                to_task.send_blocking(number).expect("the task is there");
                sum += at_thread.recv().expect("the task answers");
            }
            sum
        });
        task.await;
        let sum = thread.join().expect("the thread ends well");
        check(sum == TRIPS * (TRIPS + 1) / 2, "the sum of the answers");
    };
    R::block_on(repeat(job, TRIPS as usize, pass)).micros()
}

/// How long the runtime rests before each wake. This is long enough for every worker to park.
pub(crate) const REST: Duration = Duration::from_millis(2);

/// The benchmark `m_wake`: an outside thread wakes a task of an idle runtime.
pub(crate) fn from_idle<R: Many>(job: Job) -> Measured {
    let wakes = (job.budget.as_millis() as usize * 2).max(100);
    R::block_on(async move {
        // The channel has space for all messages, so that `try_send` succeeds even if a wake is very late.
        let (to_task, at_task) = bounded::<Instant>(wakes);
        let task = R::spawn(async move {
            let mut late = Vec::with_capacity(wakes);
            while let Ok(sent) = at_task.recv().await {
                late.push(sent.elapsed().as_secs_f64() * 1e6);
            }
            late
        });
        thread::sleep(REST * 5);
        let meter = Meter::start();
        for _ in 0..wakes {
            thread::sleep(REST);
            check(
                to_task.try_send(Instant::now()).is_ok(),
                "the task took the last message",
            );
        }
        thread::sleep(REST);
        let cpu = meter.stop().cpu;
        drop(to_task);
        let late = task.await;
        check(late.len() == wakes, "the number of wakes");
        let p50 = median(late).unwrap_or_default();
        Measured(vec![("p50", p50), ("cpu", cpu * 1e6 / wakes as f64)])
    })
}
