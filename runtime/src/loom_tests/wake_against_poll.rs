//! A task is woken while it is queued, polled, or asleep. In each case, a later poll sees what the waking
//! thread wrote before the wake. In tokio #7589, the poll after a wake of a queued task could miss what the
//! waking thread had written.

use std::task::Poll;

use loom::thread;

use super::{Line, Outcomes, explore, spawn};
use crate::sync::{Arc, AtomicBool, Ordering};

/// Counts polls. A model reads the count only to find out which outcome it reached.
type Mark = std::sync::atomic::AtomicUsize;

#[test]
fn a_poll_follows_that_sees_what_was_written() {
    static SEEN: Outcomes<4> = Outcomes::of([
        "woken before the first poll",
        "woken during the first poll",
        "woken after the first poll",
        "polled once, and saw it",
    ]);
    explore(3, &SEEN, || {
        let (line, scheduler) = Line::open();
        let told = Arc::new(AtomicBool::new(false));
        let (begun, ended) = (Arc::new(Mark::new(0)), Arc::new(Mark::new(0)));
        let (handle, waker) = spawn(&scheduler, {
            let (told, begun, ended) = (told.clone(), begun.clone(), ended.clone());
            std::future::poll_fn(move |_| {
                begun.fetch_add(1, Ordering::Relaxed);
                // Relaxed, because the wake alone must order this load.
                let seen = told.load(Ordering::Relaxed);
                ended.fetch_add(1, Ordering::Relaxed);
                if seen { Poll::Ready(()) } else { Poll::Pending }
            })
        });
        let sender = thread::spawn({
            let (begun, ended) = (begun.clone(), ended.clone());
            move || {
                told.store(true, Ordering::Relaxed);
                let before = (begun.load(Ordering::Relaxed), ended.load(Ordering::Relaxed));
                waker.wake();
                let after = (begun.load(Ordering::Relaxed), ended.load(Ordering::Relaxed));
                if before == after {
                    SEEN.saw(match before {
                        (0, _) => "woken before the first poll",
                        (1, 0) => "woken during the first poll",
                        _ => "woken after the first poll",
                    });
                }
            }
        });
        line.run_until(|| handle.is_finished());
        if begun.load(Ordering::Relaxed) == 1 {
            SEEN.saw("polled once, and saw it");
        }
        sender.join().unwrap();
        drop((handle, scheduler));
        line.assert_left();
    });
}

/// Two threads each write a flag and then wake the task.
#[test]
fn also_with_two_wakers() {
    static SEEN: Outcomes<3> = Outcomes::of(["one poll", "two polls", "three polls"]);
    explore(2, &SEEN, || {
        let (line, scheduler) = Line::open();
        let told = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let polls = Arc::new(Mark::new(0));
        let (handle, waker) = spawn(&scheduler, {
            let (told, polls) = (told.clone(), polls.clone());
            std::future::poll_fn(move |_| {
                polls.fetch_add(1, Ordering::Relaxed);
                let seen = told.each_ref().map(|told| told.load(Ordering::Relaxed));
                if seen == [true, true] {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
        });
        let senders = told.map(|told| {
            let waker = waker.clone();
            thread::spawn(move || {
                told.store(true, Ordering::Relaxed);
                waker.wake_by_ref();
            })
        });
        drop(waker);
        line.run_until(|| handle.is_finished());
        SEEN.saw(match polls.load(Ordering::Relaxed) {
            1 => "one poll",
            2 => "two polls",
            _ => "three polls",
        });
        for sender in senders {
            sender.join().unwrap();
        }
        drop((handle, scheduler));
        line.assert_left();
    });
}
