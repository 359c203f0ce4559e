//! How much a task may do in one poll before others have a turn.
//!
//! **Job.** A socket that is always ready would keep its task polling for ever: no await in the loop
//! ever waits. So each successful look at a source spends from a budget that is refilled before
//! every poll; when it is used up, the source says `Pending` and wakes the task at once.
//!
//! **Owns** two thread-locals, for the thread's current poll.
//!
//! **Never** interrupts anything: what never asks a source never spends.

use std::cell::Cell;
use std::task::{Context, Poll};

use crate::sync::thread_local;

/// Operations on sources in one poll. Thin air: enough that the yield between costs nothing, few
/// enough that 1,000 busy tasks still come round in milliseconds.
const OPERATIONS: u32 = 128;

thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(OPERATIONS) };
    static YIELDED: Cell<bool> = const { Cell::new(false) };
}

/// A new poll begins.
#[inline(always)]
pub(crate) fn refill() {
    LEFT.set(OPERATIONS);
}

/// Spends one operation, or yields. Under another executor, which does not refill, the yield does.
#[inline]
pub(crate) fn poll_spend(cx: &mut Context<'_>) -> Poll<()> {
    let left = LEFT.get();
    if left > 0 {
        LEFT.set(left - 1);
        return Poll::Ready(());
    }
    refill();
    note_yield();
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// The running task lets others run: the executor then looks at the OS and the clock as soon as
/// everything that is ready now has had its turn.
pub(crate) fn note_yield() {
    YIELDED.set(true);
}

/// Whether a task has yielded since the last time this was asked.
#[inline(always)]
pub(crate) fn take_yield() -> bool {
    YIELDED.get() && YIELDED.replace(false)
}
