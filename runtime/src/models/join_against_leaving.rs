//! Another thread awaits a task while its executor completes it and `block_on` ends: the thread is told,
//! though nobody may come for its letter for a long time.

use std::future::Future;
use std::task::{Context, Poll, Waker};

use loom::alloc::Track;
use loom::thread;

use super::{Outcomes, Stranger, explore};
use crate::SingleThread;

const AT_ONCE: &str = "it was there at the first look";
const AFTER_POSTING: &str = "it was there when the letter was posted";
const BY_LETTER: &str = "the letter was read";

#[test]
fn who_waits_elsewhere_is_told() {
    static SEEN: Outcomes<3> = Outcomes::of([AT_ONCE, AFTER_POSTING, BY_LETTER]);
    explore(3, &SEEN, || {
        let executor = SingleThread::new().unwrap();
        let mut handle = Box::pin(executor.spawn(async { Track::new(7) }));
        let waiting = thread::spawn(move || {
            let stranger = Stranger::new();
            let waker = Waker::from(stranger.clone());
            let mut saw = if handle.is_finished() {
                AT_ONCE
            } else {
                AFTER_POSTING
            };
            loop {
                match handle.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(output) => {
                        SEEN.saw(saw);
                        return output.unwrap().into_inner();
                    }
                    Poll::Pending => {
                        stranger.0.wait();
                        saw = BY_LETTER;
                    }
                }
            }
        });
        // Task and main future end in one turn.
        executor.block_on(async {});
        assert_eq!(waiting.join().unwrap(), 7);
    });
}
