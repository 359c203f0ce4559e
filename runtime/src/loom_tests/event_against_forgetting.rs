//! A waiting future is dropped while an event comes. Afterwards the waker of the dropped future is no
//! longer stored. A second waiting task is woken, wherever the two wakers were stored (tokio #5861).

use std::task::{Context, Waker};

use loom::thread;

use super::{Outcomes, Stranger, explore};
use crate::reactor::readiness::Readiness;
use crate::sync::Arc;

#[test]
fn one_leaves_and_the_other_is_woken() {
    static SEEN: Outcomes<2> = Outcomes::of(["both were woken", "the one that stayed was woken"]);
    explore(None, &SEEN, || {
        let readiness = Arc::new(Readiness::new(false, false));
        let waiters = [(); 2].map(|()| Stranger::new());
        let keys = waiters.each_ref().map(|waiter| {
            let mut key = None;
            let waker = Waker::from(waiter.clone());
            let mut cx = Context::from_waker(&waker);
            assert!(readiness.poll_ready(&mut cx, Some(&mut key)).is_pending());
            key.unwrap()
        });
        let reactor = thread::spawn({
            let readiness = readiness.clone();
            move || {
                let mut woken = Vec::new();
                readiness.set(&mut woken);
                let count = woken.len();
                woken.into_iter().for_each(Waker::wake);
                count
            }
        });
        readiness.forget(keys[0]);
        // A new waiter may get the slot of the dropped future, before or after the event.
        let late = Stranger::new();
        let mut key = None;
        let waker = Waker::from(late.clone());
        let mut cx = Context::from_waker(&waker);
        let waits = readiness.poll_ready(&mut cx, Some(&mut key)).is_pending();
        waiters[1].0.wait();
        let count = reactor.join().unwrap();
        if waits {
            late.0.wait();
        }
        SEEN.saw(match count - usize::from(waits) {
            1 => "the one that stayed was woken",
            _ => "both were woken",
        });
        drop(waker);
        assert_eq!(Arc::strong_count(&waiters[0]), 1);
        assert_eq!(Arc::strong_count(&waiters[1]), 1);
        assert_eq!(Arc::strong_count(&late), 1);
    });
}
