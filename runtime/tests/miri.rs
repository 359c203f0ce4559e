//! Small whole programs for Miri (`.ci/miri`). Each program uses an executor as users do. Together, the
//! programs reach all `unsafe` code of the runtime through the public API.
//!
//! Miri runs them under many seeds. A seed decides which thread continues after every step, which value a
//! weakly ordered load sees, and when a compare-and-swap fails spuriously. The programs also run without
//! Miri.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use brigade::{SingleThread, WorkStealing};

#[path = "miri/custom.rs"]
mod custom;
#[path = "miri/tasks.rs"]
mod tasks;
#[path = "miri/threads.rs"]
mod threads;
#[path = "miri/world.rs"]
mod world;

fn one_cook() -> SingleThread {
    SingleThread::new().unwrap()
}

fn two_cooks() -> WorkStealing {
    WorkStealing::with_workers(2).unwrap()
}

/// Counts how many times its guards are dropped.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicUsize>);

struct Dropped(Drops);

impl Drops {
    fn guard(&self) -> Dropped {
        Dropped(self.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Awaits a future on a thread without an executor, with a waker that is not brigade's.
fn wait_for<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
