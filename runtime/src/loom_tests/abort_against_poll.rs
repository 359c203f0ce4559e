//! A task that would wait forever is aborted while it is queued, polled, or asleep. In the second model,
//! another thread also wakes it. The task ends, and its future is dropped once.

use std::task::Poll;

use loom::alloc::Track;
use loom::thread;

use super::{Line, Outcomes, explore, spawn, wait_for};
use crate::sync::{Arc, Ordering};

type Mark = std::sync::atomic::AtomicUsize;

#[test]
fn it_ends_whenever_that_is() {
    static SEEN: Outcomes<3> = Outcomes::of([
        "aborted before its poll",
        "aborted during its poll",
        "aborted after its poll",
    ]);
    explore(None, &SEEN, || {
        let (line, scheduler) = Line::open();
        let polls = Arc::new(Mark::new(0));
        let track = Track::new(());
        let (handle, waker) = spawn(&scheduler, {
            let polls = polls.clone();
            std::future::poll_fn(move |_| {
                let _ = &track;
                polls.fetch_add(1, Ordering::Relaxed);
                Poll::<()>::Pending
            })
        });
        drop(waker);
        let abort = handle.abort_handle();
        let aborter = thread::spawn(move || abort.abort());
        line.run_until(|| handle.is_finished());
        aborter.join().unwrap();
        let polls = polls.load(Ordering::Relaxed);
        SEEN.saw(match (polls, line.submitted.load(Ordering::Relaxed)) {
            (0, _) => "aborted before its poll",
            (1, 1) => "aborted during its poll",
            _ => "aborted after its poll",
        });
        assert!(wait_for(handle).unwrap_err().is_aborted());
        drop(scheduler);
        line.assert_left();
    });
}

#[test]
fn also_where_it_is_woken_meanwhile() {
    static SEEN: Outcomes<2> = Outcomes::of(["it was polled again", "it was polled at most once"]);
    explore(2, &SEEN, || {
        let (line, scheduler) = Line::open();
        let polls = Arc::new(Mark::new(0));
        let track = Track::new(());
        let (handle, waker) = spawn(&scheduler, {
            let polls = polls.clone();
            std::future::poll_fn(move |_| {
                let _ = &track;
                polls.fetch_add(1, Ordering::Relaxed);
                Poll::<()>::Pending
            })
        });
        let wake = thread::spawn(move || waker.wake());
        let abort = handle.abort_handle();
        let abort = thread::spawn(move || abort.abort());
        line.run_until(|| handle.is_finished());
        SEEN.saw(match polls.load(Ordering::Relaxed) {
            0 | 1 => "it was polled at most once",
            _ => "it was polled again",
        });
        wake.join().unwrap();
        abort.join().unwrap();
        assert!(wait_for(handle).unwrap_err().is_aborted());
        drop(scheduler);
        line.assert_left();
    });
}
