//! Exercise 5: tasks get permits in the order in which they asked, and no permit is lost.

use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Waker};

use brigade_exercises::semaphore::Semaphore;
use brigade_tests::watch;

#[test]
fn nobody_overtakes() {
    watch("nobody_overtakes", || {
        static STOVE: std::sync::LazyLock<Semaphore> =
            std::sync::LazyLock::new(|| Semaphore::new(1));
        static ORDER: Mutex<String> = Mutex::new(String::new());
        let note = |name| ORDER.lock().unwrap().push(name);
        brigade::SingleThread::new().unwrap().block_on(async {
            let first = STOVE.acquire().await;
            note('a');
            let others = ['b', 'c'].map(|name| {
                brigade::spawn(async move {
                    let _permit = STOVE.acquire().await;
                    note(name);
                })
            });
            // Let both other tasks join the queue.
            brigade::yield_now().await;
            drop(first);
            // Try again immediately, before the other tasks are polled.
            let _again = STOVE.acquire().await;
            note('a');
            drop(_again);
            for other in others {
                other.await.unwrap();
            }
        });
        assert_eq!(*ORDER.lock().unwrap(), "abca");
    });
}

#[test]
fn who_gives_up_passes_it_on() {
    let stove = Semaphore::new(1);
    let mut cx = Context::from_waker(Waker::noop());
    let mut last = pin!(stove.acquire());
    {
        let first = pin!(stove.acquire()).poll(&mut cx);
        let mut second = Box::pin(stove.acquire());
        assert!(second.as_mut().poll(&mut cx).is_pending());
        assert!(last.as_mut().poll(&mut cx).is_pending());
        // The permit goes to the second waiter, which is dropped before it takes the permit.
        drop(first);
    }
    assert!(last.as_mut().poll(&mut cx).is_ready());
}
