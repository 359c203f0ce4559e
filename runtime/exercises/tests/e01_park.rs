//! Exercise 1: a future that is woken once is polled twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use brigade_exercises::park::block_on;
use brigade_tests::watch;

#[test]
fn a_future_is_polled_only_when_it_was_woken() {
    watch("a_future_is_polled_only_when_it_was_woken", || {
        let (polls, ready) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (counted, told) = (polls.clone(), ready.clone());
        block_on(std::future::poll_fn(move |cx| {
            if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                let (polls, ready, waker) = (counted.clone(), told.clone(), cx.waker().clone());
                std::thread::spawn(move || {
                    // Wait here, so that a wrong executor has time to poll the future again, although nothing
                    // has woken it.
                    let begun = Instant::now();
                    while polls.load(Ordering::SeqCst) < 3
                        && begun.elapsed() < Duration::from_millis(200)
                    {
                        std::thread::yield_now();
                    }
                    ready.store(true, Ordering::SeqCst);
                    waker.wake();
                });
            }
            match told.load(Ordering::SeqCst) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        }));
        assert_eq!(polls.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn a_wake_during_the_poll_is_not_lost() {
    watch("a_wake_during_the_poll_is_not_lost", || {
        let mut polls = 0;
        block_on(std::future::poll_fn(|cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            match polls {
                5 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        assert_eq!(polls, 5);
    });
}
