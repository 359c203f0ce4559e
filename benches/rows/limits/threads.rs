//! The work of some benchmarks, done by std's threads and channels instead of a runtime.

use std::{
    sync::{
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use brigade_benches::results::median;

use crate::{
    measure::{Job, Measured, Meter, check},
    runtime::workers,
    work::{
        idle::{NAP, told},
        many_work::{FANOUT, Piece, speed_up},
        wake::REST,
    },
};

/// Measures `m_fanout` with threads that take pieces of work from a shared counter.
pub(crate) fn fanout(job: Job) -> Measured {
    futures_executor::block_on(speed_up(job, &FANOUT, async |pieces: Vec<Piece>| {
        let (next, sum) = (AtomicUsize::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..workers() {
                scope.spawn(|| {
                    while let Some(piece) = pieces.get(next.fetch_add(1, Relaxed)) {
                        sum.fetch_add(piece.work(), Relaxed);
                    }
                });
            }
        });
        sum.into_inner()
    }))
}

/// Measures `m_idle` with threads that wait for a message.
pub(crate) fn idle(_: Job) -> Measured {
    let mut hands = Vec::new();
    for _ in 0..workers() {
        let (hand, dealt) = mpsc::channel::<()>();
        thread::spawn(move || dealt.recv());
        hands.push(hand);
    }
    thread::sleep(Duration::from_millis(100));
    let meter = Meter::start();
    thread::sleep(NAP);
    told(&meter)
}

/// Measures `m_wake` with a thread that waits for a message.
pub(crate) fn wake(job: Job) -> Measured {
    let wakes = (job.budget.as_millis() as usize * 2).max(100);
    let (to_thread, at_thread) = mpsc::channel::<Instant>();
    let thread = thread::spawn(move || -> Vec<f64> {
        at_thread
            .iter()
            .map(|sent| sent.elapsed().as_secs_f64() * 1e6)
            .collect()
    });
    thread::sleep(REST * 5);
    let meter = Meter::start();
    for _ in 0..wakes {
        thread::sleep(REST);
        to_thread.send(Instant::now()).expect("the thread is there");
    }
    thread::sleep(REST);
    let cpu = meter.stop().cpu;
    drop(to_thread);
    let late = thread.join().expect("the thread ends well");
    check(late.len() == wakes, "the number of wakes");
    let p50 = median(late).unwrap_or_default();
    Measured(vec![("p50", p50), ("cpu", cpu * 1e6 / wakes as f64)])
}
