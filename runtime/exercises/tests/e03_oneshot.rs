//! Exercise 3: a future wakes the task that polled it last.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use brigade_exercises::oneshot::channel;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn who_polled_last_is_woken() {
    let (sender, receiver) = channel();
    let mut receiver = pin!(receiver);
    let tasks = [Arc::new(Count::default()), Arc::new(Count::default())];
    for task in &tasks {
        let waker = Waker::from(task.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(receiver.as_mut().poll(&mut cx).is_pending());
    }
    sender.send(42);
    let woken = tasks.map(|task| task.0.load(Ordering::SeqCst));
    assert_eq!(woken, [0, 1]);
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(receiver.as_mut().poll(&mut cx), Poll::Ready(42));
}
