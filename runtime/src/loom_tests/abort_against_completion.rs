//! A task is aborted while it completes. The handle always returns either the output or "aborted", and
//! the future is dropped once.

use loom::alloc::Track;
use loom::thread;

use super::{Line, Outcomes, explore, spawn, wait_for};
use crate::test_support;

#[test]
fn the_output_or_aborted() {
    static SEEN: Outcomes<2> = Outcomes::of(["it completed", "it was aborted"]);
    explore(3, &SEEN, || {
        let (line, scheduler) = Line::open();
        let track = Track::new(7);
        let (handle, waker) = spawn(&scheduler, async move { track });
        drop(waker);
        let runner = thread::spawn({
            let line = line.clone();
            move || test_support::run(line.pop().unwrap())
        });
        let abort = handle.abort_handle();
        abort.abort();
        drop(abort);
        match wait_for(handle) {
            Ok(track) => {
                assert_eq!(track.into_inner(), 7);
                SEEN.saw("it completed");
            }
            Err(error) => {
                assert!(error.is_aborted());
                SEEN.saw("it was aborted");
            }
        }
        runner.join().unwrap();
        assert!(line.pop().is_none());
        drop(scheduler);
        line.assert_left();
    });
}
