//! Measures the cost of a sleep, how late it ends, and the cost of a timer that never fires.

use std::{
    future::poll_fn,
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use brigade_benches::results::median;

use crate::{
    measure::{Job, Measured, check, repeat},
    runtime::Timed,
    work::turns::Yield,
};

/// The length of the longest sleep. The other lengths are spread evenly between 0 and this length.
pub(crate) const SPREAD: Duration = Duration::from_millis(200);

/// Returns the lengths of the sleeps in an order that is neither rising nor falling.
pub(crate) fn lengths(sleeps: usize) -> impl Iterator<Item = Duration> {
    // This step has no factor in common with the number of sleeps, so every length occurs once.
    const STEP: usize = 7919;
    let step = SPREAD / sleeps as u32;
    (0..sleeps).map(move |at| step * (at * STEP % sleeps) as u32)
}

/// The benchmark `timers`: the deadlines are so close together that many timers fire in one iteration of the
/// event loop.
pub(crate) fn many<R: Timed>(job: Job) -> Measured {
    sleeps::<R>(job, job.size(100_000))
}

/// The benchmark `timer_light`: the event loop needs a separate iteration for each timer.
pub(crate) fn few<R: Timed>(job: Job) -> Measured {
    sleeps::<R>(job, 1_000)
}

fn sleeps<R: Timed>(job: Job, sleeps: usize) -> Measured {
    let mut late = Vec::new();
    let pass = async || {
        let tasks: Vec<_> = lengths(sleeps)
            .map(|length| R::spawn(late_by(length, R::sleep)))
            .collect();
        late.clear();
        for task in tasks {
            late.push(task.await);
        }
        check(late.len() == sleeps, "the number of sleeps");
    };
    let cost = R::block_on(repeat(job, sleeps, pass));
    let p50 = median(late).unwrap_or_default();
    Measured(vec![("cpu", cost.cpu * 1e9), ("late", p50)])
}

/// Sleeps, and returns how late the sleep ended, in microseconds.
pub(crate) async fn late_by<S: Future>(length: Duration, sleep: impl Fn(Duration) -> S) -> f64 {
    let start = Instant::now();
    sleep(length).await;
    let slept = start.elapsed();
    check(slept >= length, "no sleep ends before its time");
    (slept - length).as_secs_f64() * 1e6
}

/// The benchmark `timer_cancel`: the cost of a timeout that does not fire.
pub(crate) fn cancel<R: Timed>(job: Job) -> Measured {
    const OTHERS: usize = 10_000;
    R::block_on(async move {
        for at in 0..OTHERS {
            let time = Duration::from_millis(100_000 + 7 * at as u64);
            R::detach(R::sleep(time));
        }
        // Await a task that is queued behind the sleeping tasks. When this task ends, all sleeping tasks have
        // armed their timers.
        R::spawn(async {}).await;
        let pass = async || arm_and_drop(R::sleep).await;
        // End the process here, because the sleeping tasks would take minutes to end.
        repeat(job, TIMERS, pass).await.nanos().finish()
    })
}

/// The number of timers in a pass of `timer_cancel`.
pub(crate) const TIMERS: usize = 20_000;

/// Arms and drops [`TIMERS`] timers, and polls each of them once.
pub(crate) async fn arm_and_drop<S: Future<Output = ()>>(sleep: impl Fn(Duration) -> S) {
    /// After how many timers the task yields. tokio limits a task to 128 operations per poll. After that, its
    /// timers return `Pending` without being armed. The yields ensure that every timer is armed.
    const BETWEEN_YIELDS: usize = 64;
    for at in 0..TIMERS {
        let time = Duration::from_millis(1_000 + (at * 7919 % 60_000) as u64);
        let armed = {
            let mut sleep = pin!(sleep(time));
            poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx).is_pending())).await
        };
        check(armed, "the timer is armed");
        if at % BETWEEN_YIELDS == 0 {
            Yield::default().await;
        }
    }
}
