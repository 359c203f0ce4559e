//! A worker puts tasks into its LIFO slot and takes them out. The monitor may also take a task out (tokio
//! #4941). Each task comes out once. The thread that takes a task sees what the worker wrote before the
//! put.

use loom::cell::UnsafeCell;
use loom::thread;

use super::{Line, Outcomes, explore};
use crate::queue::stealing::LifoSlot;
use crate::sync::Arc;
use crate::test_support::new_task_of;

#[test]
fn a_task_comes_out_once() {
    static SEEN: Outcomes<4> = Outcomes::of([
        "the monitor took the first",
        "the monitor took the second",
        "the monitor found nothing",
        "the second put displaced the first",
    ]);
    explore(None, &SEEN, || {
        let (line, scheduler) = Line::open();
        #[expect(
            clippy::arc_with_non_send_sync,
            reason = "loom allows this type on other threads, and checks each access"
        )]
        let note = Arc::new(UnsafeCell::new(0));
        let task = || {
            let (task, handle) = new_task_of(&scheduler, std::future::pending::<()>());
            (task.bind(), handle)
        };
        let ((first, handle1), (second, handle2)) = (task(), task());
        let (raw_first, raw_second) = (first.raw(), second.raw());
        let slot = Arc::new(LifoSlot::new());
        let monitor = thread::spawn({
            let (slot, note) = (slot.clone(), note.clone());
            move || {
                let taken = slot.take();
                SEEN.saw(match &taken {
                    Some(task) if task.raw() == raw_first => "the monitor took the first",
                    Some(_) => "the monitor took the second",
                    None => "the monitor found nothing",
                });
                if let Some(task) = taken {
                    // The write before the put is visible.
                    let wrote = note.with(|note| {
                        // SAFETY: loom checks that no write is concurrent.
                        unsafe { *note }
                    });
                    assert!(wrote == 1);
                    return Some(task);
                }
                None
            }
        });
        note.with_mut(|note| {
            // SAFETY: loom checks that no access is concurrent.
            unsafe { *note = 1 }
        });
        let mut out = Vec::new();
        out.extend(slot.put(first));
        let put_out = slot.put(second);
        if put_out.is_some() {
            SEEN.saw("the second put displaced the first");
        }
        out.extend(put_out);
        out.extend(slot.take());
        out.extend(monitor.join().unwrap());
        out.extend(slot.take());
        assert_eq!(out.len(), 2);
        let found = |task| out.iter().any(|other| other.raw() == task);
        assert!(found(raw_first) && found(raw_second));
        for task in out {
            task.cancel();
        }
        drop((handle1, handle2, scheduler));
        line.assert_left();
    });
}
