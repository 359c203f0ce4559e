//! A task drains a source and clears the source's readiness, while a new event comes. The new event reaches
//! both this task and a task that waits only for the next event (tokio #6133).

use std::task::Poll;

use loom::thread;

use super::{Outcomes, explore, wait_for};
use crate::reactor::readiness::Readiness;
use crate::sync::{Arc, AtomicUsize, Ordering};

#[test]
fn no_event_is_cleared_that_was_not_seen() {
    static SEEN: Outcomes<3> = Outcomes::of([
        "all was read in one go",
        "it was drained, and the next event came later",
        "an event came between the try and the clearing",
    ]);
    explore(None, &SEEN, || {
        let readiness = Arc::new(Readiness::new(false, false));
        // How many bytes wait in the socket. All accesses are AcqRel, because in a real OS, locks order the
        // arrival of bytes and the socket's events.
        let bytes = Arc::new(AtomicUsize::new(1));
        let mut woken = Vec::new();
        readiness.set(&mut woken);
        let far_end = thread::spawn({
            let (readiness, bytes) = (readiness.clone(), bytes.clone());
            move || {
                bytes.fetch_add(1, Ordering::AcqRel);
                let mut woken = Vec::new();
                readiness.set(&mut woken);
                woken.into_iter().for_each(std::task::Waker::wake);
            }
        });
        let (mut read, mut drained, mut overtaken) = (0, 0, 0);
        wait_for(std::future::poll_fn(|cx| {
            while let Poll::Ready(seen) = readiness.poll_ready(cx, None) {
                let count = bytes.swap(0, Ordering::AcqRel);
                read += count;
                if read == 2 {
                    return Poll::Ready(());
                }
                if count == 0 {
                    readiness.clear(seen);
                    drained += 1;
                    overtaken += usize::from(readiness.ready().is_some());
                }
            }
            Poll::Pending
        }));
        SEEN.saw(match (drained, overtaken) {
            (0, _) => "all was read in one go",
            (_, 0) => "it was drained, and the next event came later",
            _ => "an event came between the try and the clearing",
        });
        far_end.join().unwrap();
    });
}

/// A task whose call failed waits for the next event. When the event comes, another task runs first, fails to
/// read, and clears the readiness. Even so, the waiting task tries its call again.
#[test]
fn a_failed_call_is_tried_again_after_the_event() {
    static SEEN: Outcomes<2> = Outcomes::of([
        "the event came before the first try",
        "the event came after the first try",
    ]);
    explore(None, &SEEN, || {
        let readiness = Arc::new(Readiness::new(true, false));
        let errors = Arc::new(AtomicUsize::new(0));
        let others = thread::spawn({
            let (readiness, errors) = (readiness.clone(), errors.clone());
            move || {
                errors.store(1, Ordering::Release);
                let mut woken = Vec::new();
                readiness.set(&mut woken);
                readiness.clear(readiness.ready().unwrap());
                woken.into_iter().for_each(std::task::Waker::wake);
            }
        });
        let (mut failed, mut key, mut tries) = (None, None, 0);
        wait_for(std::future::poll_fn(|cx| {
            while let Poll::Ready(seen) = readiness.poll_event(cx, failed.take(), Some(&mut key)) {
                (key, tries) = (None, tries + 1);
                if errors.load(Ordering::Acquire) == 1 {
                    return Poll::Ready(());
                }
                failed = Some(seen);
            }
            Poll::Pending
        }));
        SEEN.saw(match tries {
            1 => "the event came before the first try",
            _ => "the event came after the first try",
        });
        others.join().unwrap();
    });
}
