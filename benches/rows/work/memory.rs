//! Measures the memory that a waiting task takes.

use std::{
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    task::{Context, Poll, Waker},
};

use crate::{
    measure::{Job, Measured, check, resident},
    runtime::One,
};

/// How many tasks have been polled. This may be a static, because a process measures only once.
static PARKED: AtomicUsize = AtomicUsize::new(0);

/// A future that keeps its own waker and is never woken, like a task that waits for a lock or a message.
struct Parked {
    waker: Option<Waker>,
    parked: &'static AtomicUsize,
}

impl Future for Parked {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        check(
            self.waker.replace(cx.waker().clone()).is_none(),
            "a parked task is polled once",
        );
        self.parked.fetch_add(1, Relaxed);
        Poll::Pending
    }
}

/// The future of each task. It takes 32 bytes, and allocates nothing on the heap.
pub(crate) async fn park() {
    Parked {
        waker: None,
        parked: &PARKED,
    }
    .await;
}

/// The benchmark `idle_mem`.
pub(crate) fn parked<R: One>(job: Job) -> Measured {
    let tasks = job.size(1_000_000);
    R::block_on(async move {
        R::spawn(async {}).await;
        let before = resident();
        for _ in 0..tasks {
            R::detach(park());
        }
        // Await a task that is queued behind the others. A yield does not suffice, because some runtimes run
        // no other task when the main future yields.
        while PARKED.load(Relaxed) < tasks {
            R::spawn(async {}).await;
        }
        check(PARKED.load(Relaxed) == tasks, "the number of parked tasks");
        // End the process here, so that a million tasks need not be dropped.
        Measured(vec![("bytes", (resident() - before) / tasks as f64)]).finish()
    })
}
