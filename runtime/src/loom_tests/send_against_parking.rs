//! The owner of an inbox parks while another thread sends a wake or a new task. The owner is notified,
//! or sees the operation before it parks (heph #437).

use std::task::Poll;

use loom::thread;

use super::{Outcomes, explore};
use crate::SingleThread;
use crate::sync::{Arc, AtomicBool, Ordering};

#[test]
fn no_wake_is_slept_through() {
    static SEEN: Outcomes<2> = Outcomes::of(["the owner parked", "the owner did not park"]);
    explore(4, &SEEN, || {
        let executor = SingleThread::new().unwrap();
        let told = Arc::new(AtomicBool::new(false));
        let mut sender = None;
        executor.block_on(std::future::poll_fn(|cx| {
            sender.get_or_insert_with(|| {
                let (told, waker) = (told.clone(), cx.waker().clone());
                thread::spawn(move || {
                    told.store(true, Ordering::Relaxed);
                    waker.wake();
                })
            });
            if told.load(Ordering::Relaxed) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        SEEN.saw(match executor.metrics().workers[0].parks {
            0 => "the owner did not park",
            _ => "the owner parked",
        });
        sender.unwrap().join().unwrap();
    });
}

#[test]
fn no_new_task_is_slept_through() {
    static SEEN: Outcomes<2> = Outcomes::of(["the owner parked", "the owner did not park"]);
    explore(3, &SEEN, || {
        let executor = SingleThread::new().unwrap();
        let handle = executor.handle();
        let (send, receive) = std::sync::mpsc::channel();
        let mut sender = None;
        executor.block_on(std::future::poll_fn(|cx| {
            sender.get_or_insert_with(|| {
                let (handle, waker, send) = (handle.clone(), cx.waker().clone(), send.clone());
                thread::spawn(move || {
                    let task = handle.spawn(async move {
                        send.send(()).unwrap();
                        waker.wake();
                    });
                    drop(task);
                })
            });
            match receive.try_recv() {
                Ok(()) => Poll::Ready(()),
                Err(_) => Poll::Pending,
            }
        }));
        SEEN.saw(match executor.metrics().workers[0].parks {
            0 => "the owner did not park",
            _ => "the owner parked",
        });
        sender.unwrap().join().unwrap();
    });
}
