//! A task ends and its output is taken, while another thread asks an abort handle whether the task has
//! ended. If the handle reports the end, that thread also sees what the task wrote before its end.

use loom::cell::UnsafeCell;
use loom::thread;

use super::{Line, Outcomes, explore, spawn, wait_for};
use crate::sync::Arc;
use crate::test_support;

#[test]
fn who_sees_the_end_sees_what_came_before() {
    static SEEN: Outcomes<2> = Outcomes::of(["the end was seen", "the end was not seen"]);
    explore(2, &SEEN, || {
        let (line, scheduler) = Line::open();
        #[expect(
            clippy::arc_with_non_send_sync,
            reason = "loom allows this type on other threads, and checks each access"
        )]
        let note = Arc::new(UnsafeCell::new(0));
        let (handle, waker) = spawn(&scheduler, {
            let note = note.clone();
            async move {
                note.with_mut(|note| {
                    // SAFETY: loom checks that no access is concurrent.
                    unsafe { *note = 1 }
                });
            }
        });
        let third = thread::spawn({
            let (abort, note) = (handle.abort_handle(), note.clone());
            move || {
                let finished = abort.is_finished();
                SEEN.saw(if finished {
                    "the end was seen"
                } else {
                    "the end was not seen"
                });
                if finished {
                    let wrote = note.with(|note| {
                        // SAFETY: loom checks that no write is concurrent.
                        unsafe { *note }
                    });
                    assert_eq!(wrote, 1);
                }
            }
        });
        let runner = thread::spawn({
            let line = line.clone();
            move || test_support::run(line.pop().unwrap())
        });
        wait_for(handle).unwrap();
        third.join().unwrap();
        runner.join().unwrap();
        drop((scheduler, waker, note));
        line.assert_left();
    });
}
