//! A thread awaits a task of an executor that runs on another thread. Meanwhile the task completes and
//! `block_on` ends. The waiting thread is woken, even if the executor then does nothing for a long time.

use std::future::Future;
use std::task::{Context, Poll, Waker};

use loom::alloc::Track;
use loom::thread;

use super::{Outcomes, Stranger, explore};
use crate::SingleThread;

const AT_ONCE: &str = "the output was there at the first look";
const AT_THE_LAST_MOMENT: &str = "the output came while the handle left its waker";
const WOKEN: &str = "the handle was woken";

#[test]
fn a_thread_that_joins_is_woken_though_block_on_ends() {
    static SEEN: Outcomes<3> = Outcomes::of([AT_ONCE, AT_THE_LAST_MOMENT, WOKEN]);
    explore(3, &SEEN, || {
        let executor = SingleThread::new().unwrap();
        let mut handle = Box::pin(executor.spawn(async { Track::new(7) }));
        let waiting = thread::spawn(move || {
            let stranger = Stranger::new();
            let waker = Waker::from(stranger.clone());
            let mut saw = if handle.is_finished() {
                AT_ONCE
            } else {
                AT_THE_LAST_MOMENT
            };
            loop {
                match handle.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(output) => {
                        SEEN.saw(saw);
                        return output.unwrap().into_inner();
                    }
                    Poll::Pending => {
                        stranger.0.wait();
                        saw = WOKEN;
                    }
                }
            }
        });
        // The task and the main future end in the same turn of the loop.
        executor.block_on(async {});
        assert_eq!(waiting.join().unwrap(), 7);
    });
}
