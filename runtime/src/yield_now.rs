//! Letting others run.
//!
//! **Job.** One future that is not ready once, and wakes itself. **Owns** nothing. **Never** sleeps: the
//! task is ready again at once, behind all others that are.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::coop;

/// Lets every other task that is ready run, and the executor look at the OS and the clock, before
/// this one goes on.
///
/// A long computation should do this now and then: a task is never interrupted, so nothing else
/// happens on its thread until it waits or yields.
///
/// ```
/// let one_cook = brigade::SingleThread::new().unwrap();
/// one_cook.block_on(async {
///     let other = brigade::spawn(async {});
///     brigade::yield_now().await;
///     assert!(other.is_finished());
/// });
/// ```
///
/// # Cancel safety
/// Nothing is lost when it is dropped.
pub fn yield_now() -> impl Future<Output = ()> + Send {
    YieldNow { yielded: false }
}

struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        coop::note_yield();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
