//! Letters of a handle that is awaited on another thread: late ones, and those that nobody comes for.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::task::Waker;
use std::thread;

use brigade::Executor;
use brigade_tests::{
    CountingWaker, Hooks, Kitchen, hooked_waker, on_both, one_cook, park_on, poll_with,
};

/// The letter of a poll elsewhere is not yet read when the handle is awaited at home: who polled last is
/// woken.
fn a_later_poll_counts_more_than_an_earlier_letter<K: Kitchen>() {
    let executor = K::open();
    let answer = executor.block_on(async {
        let (open, gate) = async_channel::bounded::<()>(1);
        let mut handle = brigade::spawn(async move { gate.recv().await.is_ok() });
        let handle = thread::scope(|scope| {
            let poll = scope.spawn(move || {
                assert!(poll_with(&mut handle, Waker::noop()).is_pending());
                handle
            });
            poll.join().unwrap()
        });
        let opener = brigade::spawn(async move {
            brigade::yield_now().await;
            open.send(()).await.unwrap();
        });
        let answer = handle.await.unwrap();
        opener.await.unwrap();
        answer
    });
    assert!(answer);
}

/// Task and main future end in one turn, and the letter of a thread that awaits the task is still in the
/// box: nobody comes for it again.
fn whoever_waits_elsewhere_is_told_though_block_on_ends<K: Kitchen>() {
    let executor = K::open();
    for polls_before in 0..70 {
        let (done, is_done) = mpsc::channel();
        executor.block_on(async {
            // Somewhere in a turn.
            for _ in 0..polls_before {
                brigade::yield_now().await;
            }
            let (open, gate) = async_channel::bounded::<()>(1);
            let mut handle = brigade::spawn(async move { gate.recv().await.is_ok() });
            brigade::yield_now().await;
            let (polled, is_polled) = mpsc::channel();
            thread::spawn(move || {
                let _ = polled.send(poll_with(&mut handle, Waker::noop()).is_pending());
                done.send(park_on(handle).unwrap()).unwrap();
            });
            assert!(is_polled.recv().unwrap());
            open.send(()).await.unwrap();
            brigade::yield_now().await;
        });
        assert!(is_done.recv().unwrap());
    }
}

/// One cook closes: who posts next carries out what is left in its box, while a task that never was
/// admitted is still being dropped. Its handle comes to the slot itself by then, and an older letter of
/// its own must leave that alone.
fn letters_that_come_too_late_leave_the_handle_alone() {
    /// Orders the threads in time.
    #[derive(Clone, Default)]
    struct Steps(Arc<AtomicUsize>);
    impl Steps {
        fn go(&self, to: usize) {
            self.0.fetch_max(to, Ordering::Relaxed);
        }
        fn reach(&self, step: usize) {
            while self.0.load(Ordering::Relaxed) < step {
                thread::yield_now();
            }
        }
    }
    /// The future of the task, which is dropped by the closing owner.
    struct Slow(Steps);
    impl Drop for Slow {
        fn drop(&mut self) {
            self.0.go(1);
            self.0.reach(4);
        }
    }
    /// The first letter's waker, called or dropped in the midst of the second.
    struct First(Steps);
    impl Hooks for First {
        fn on_wake(&self) {
            self.on_drop();
        }
        fn on_drop(&self) {
            self.0.go(2);
            self.0.reach(3);
        }
    }
    /// Holds a thread that has found itself foreign until the owner closes.
    struct Held(Steps, usize, Barrier);
    impl Hooks for Held {
        fn on_clone(&self) {
            self.2.wait();
            self.0.reach(self.1);
        }
    }
    for dropped in [false, true] {
        let steps = Steps::default();
        let executor = brigade::SingleThread::new().unwrap();
        let handle = executor.handle();
        let mut other = executor.spawn(pending::<()>());
        let held = Held(steps.clone(), if dropped { 1 } else { 3 }, Barrier::new(3));
        let held = Arc::new(held);
        let last = CountingWaker::new();
        let waiting = thread::spawn({
            let (steps, held, last) = (steps.clone(), held.clone(), last.clone());
            move || {
                let slow = Slow(steps.clone());
                let mut task = handle.spawn(async move {
                    let _slow = slow;
                    pending::<()>().await
                });
                let first = hooked_waker(Arc::new(First(steps.clone())));
                if dropped {
                    assert!(poll_with(&mut task, &first).is_pending());
                }
                assert!(poll_with(&mut task, Waker::noop()).is_pending());
                held.2.wait();
                if dropped {
                    steps.reach(2);
                    drop(task);
                    steps.go(3);
                    return None;
                }
                steps.reach(1);
                assert!(poll_with(&mut task, &last.clone().into()).is_pending());
                steps.go(3);
                Some(task)
            }
        });
        let posting = thread::spawn({
            let (steps, held) = (steps.clone(), held.clone());
            move || {
                let _ = poll_with(&mut other, &hooked_waker(held));
                steps.go(4);
            }
        });
        held.2.wait();
        drop(executor);
        posting.join().unwrap();
        if let Some(task) = waiting.join().unwrap() {
            assert!(task.is_finished());
            // A wake too many does no harm.
            assert!(last.count() >= 1, "who polled last was not told");
        }
    }
}

one_cook! { letters_that_come_too_late_leave_the_handle_alone }

on_both! {
    a_later_poll_counts_more_than_an_earlier_letter,
    whoever_waits_elsewhere_is_told_though_block_on_ends,
}
