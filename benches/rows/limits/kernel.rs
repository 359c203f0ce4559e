//! Measures the kernel's share of the work of some benchmarks, without a runtime.

use std::{
    sync::{Arc, mpsc},
    thread,
};

use mio::{Events, Poll, Token, Waker};

use crate::{
    measure::{Job, Measured, Meter, check, pin_to_one_cpu, repeat_plain},
    work::idle::{NAP, told},
};

/// Measures `cross_wake` without a runtime: one thread wakes the other thread's poll through an eventfd, and
/// is woken through a channel of the standard library.
pub(crate) fn cross_wake(job: Job) -> Measured {
    const TRIPS: u64 = 2_000;
    pin_to_one_cpu();
    let mut poll = Poll::new().expect("a poll");
    let waker = Arc::new(Waker::new(poll.registry(), Token(0)).expect("an eventfd"));
    let mut events = Events::with_capacity(8);
    let pass = || {
        let (to_thread, at_thread) = mpsc::channel::<u64>();
        let waker = waker.clone();
        let thread = thread::spawn(move || {
            let mut sum = 0;
            for _ in 0..TRIPS {
                waker.wake().expect("an eventfd");
                sum += at_thread.recv().expect("the other thread answers");
            }
            sum
        });
        for number in 0..TRIPS {
            poll.poll(&mut events, None).expect("a poll");
            to_thread
                .send(number + 1)
                .expect("the other thread is there");
        }
        let sum = thread.join().expect("the thread ends well");
        check(sum == TRIPS * (TRIPS + 1) / 2, "the sum of the answers");
    };
    repeat_plain(job, TRIPS as usize, pass).micros()
}

/// Measures `idle` without a runtime: a poll that only waits for its timeout.
pub(crate) fn sleep(_: Job) -> Measured {
    let meter = Meter::start();
    let mut poll = Poll::new().expect("a poll");
    poll.poll(&mut Events::with_capacity(8), Some(NAP))
        .expect("a poll");
    told(&meter)
}
