//! The work of the timer benchmarks, done without a runtime: an ordered collection, and a thread that sleeps
//! until the next deadline.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

use brigade_benches::results::median;

use crate::{
    measure::{Job, Measured, check, repeat_plain},
    work::timers::lengths,
};

/// Measures `timers` and `timer_light` without a runtime.
pub(crate) fn heap(job: Job, sleeps: usize) -> Measured {
    let sleeps = job.size(sleeps);
    let mut late = Vec::with_capacity(sleeps);
    let pass = || {
        late.clear();
        let mut heap: BinaryHeap<_> = lengths(sleeps)
            .map(|length| Reverse(Instant::now() + length))
            .collect();
        while let Some(Reverse(next)) = heap.peek().copied() {
            let now = Instant::now();
            if next <= now {
                heap.pop();
                late.push((now - next).as_secs_f64() * 1e6);
            } else {
                thread::sleep(next - now);
            }
        }
        check(late.len() == sleeps, "the number of sleeps");
    };
    let cost = repeat_plain(job, sleeps, pass);
    Measured(vec![
        ("cpu", cost.cpu * 1e9),
        ("late", median(late).unwrap_or_default()),
    ])
}

/// Measures `timer_cancel` without a runtime.
pub(crate) fn tree(job: Job) -> Measured {
    const TIMERS: usize = 20_000;
    let start = Instant::now();
    let mut armed = BTreeMap::new();
    for at in 0..10_000u64 {
        armed.insert((start + Duration::from_millis(100_000 + 7 * at), at), ());
    }
    let pass = || {
        for at in 0..TIMERS {
            let time = Duration::from_millis(1_000 + (at * 7919 % 60_000) as u64);
            let key = (Instant::now() + time, 0);
            armed.insert(black_box(key), ());
            armed.remove(black_box(&key));
        }
        check(armed.len() == 10_000, "the other timers are still armed");
    };
    repeat_plain(job, TIMERS, pass).nanos()
}
