//! Two threads wake one task of a single-thread executor, and the task also wakes itself once. If a wake
//! begins after a poll has begun, another poll follows. In compio #948, the second of two overlapping wakes
//! saw a stale flag of the first wake, and did not queue the task.

use std::task::Poll;

use loom::thread;

use super::{Outcomes, explore};
use crate::SingleThread;
use crate::sync::{Arc, AtomicBool, Ordering};

#[test]
fn a_poll_follows_every_wake() {
    static SEEN: Outcomes<3> = Outcomes::of([
        "one poll after the first",
        "two polls after the first",
        "three polls after the first",
    ]);
    explore(2, &SEEN, || {
        let executor = SingleThread::new().unwrap();
        let told = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let mut rearmed = false;
        let mut senders = Vec::new();
        let mut polls = 0;
        executor.block_on(std::future::poll_fn(|cx| {
            if polls == 0 {
                senders.extend(told.clone().map(|told| {
                    let waker = cx.waker().clone();
                    thread::spawn(move || {
                        told.store(true, Ordering::Relaxed);
                        waker.wake();
                    })
                }));
            }
            polls += 1;
            let seen = told.each_ref().map(|told| told.load(Ordering::Relaxed));
            if seen == [true, true] {
                return Poll::Ready(());
            }
            if seen != [false, false] && !rearmed {
                rearmed = true;
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        }));
        SEEN.saw(match polls {
            0..=2 => "one poll after the first",
            3 => "two polls after the first",
            _ => "three polls after the first",
        });
        for sender in senders {
            sender.join().unwrap();
        }
    });
}
