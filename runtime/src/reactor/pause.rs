//! Delays the next try after several failed writes. A failed write may itself cause the event that the writer
//! waits for.
//!
//! If the receiver of a Unix datagram has no space, `sendto` allocates memory for the datagram and frees the
//! memory again. Freeing the memory makes the sender's socket writable, which is an event. A task that tried
//! again after each such event would never stop, and would keep a processor busy. So if several writes in a
//! row fail, each after its own event, a pause begins. Events that come during the pause are *put off*: they
//! take effect when it ends. If the failed call waited for both directions, the events of both are put off,
//! because each event reports all directions that are ready.

use std::task::Waker;
use std::time::Duration;

use super::source::Source;
use crate::sync::{Arc, AtomicU32, Mutex, MutexGuard, Ordering, Weak, lock};
use crate::timer::{Armed, Timers};

/// The number of writes that may fail in a row before a pause begins. Arbitrary: on a socket without the
/// problem above, even several writing tasks rarely cause more failures in a row.
const FREE: u32 = 8;

/// The length of the first pause. Each failure after it doubles the length, up to 64 ms. The limit is
/// arbitrary: 16 tries per second cost almost nothing, and a receiver that was not reading hardly notices a
/// delay of 64 ms.
const SHORTEST: Duration = Duration::from_millis(1);
/// How many times the length doubles.
const DOUBLINGS: u32 = 6;

/// The pauses of one source: see the module's documentation.
pub(super) struct Pause {
    /// The timers of the executor that delivers the source's events.
    timers: Option<Weak<Timers>>,
    /// The number of writes that failed in a row.
    pub(super) failures: AtomicU32,
    /// The timer of the current pause.
    under_way: Mutex<Option<Box<Armed>>>,
}

impl Pause {
    pub(super) fn new(timers: Option<Weak<Timers>>) -> Self {
        Pause {
            timers,
            failures: AtomicU32::new(0),
            under_way: Mutex::new(None),
        }
    }

    /// Notes that a write did not fail.
    #[inline]
    pub(super) fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// Counts a failed write to `source`. If a pause begins or is under way, returns the pause's lock. While
    /// the caller keeps the lock, the pause does not end.
    #[cold]
    pub(super) fn failed(
        &self,
        source: &Arc<Source>,
    ) -> Option<MutexGuard<'_, Option<Box<Armed>>>> {
        let before = self.failures.fetch_add(1, Ordering::Relaxed);
        if before < FREE {
            return None;
        }
        self.begin(source)
    }

    /// Begins a pause unless one is under way, and returns the pause's lock.
    pub(super) fn begin(&self, source: &Arc<Source>) -> Option<MutexGuard<'_, Option<Box<Armed>>>> {
        // If the executor is gone, no more events come, so no pause is needed.
        let timers = self.timers.as_ref()?.upgrade()?;
        let mut under_way = lock(&self.under_way);
        if under_way.is_none() {
            let failures = self.failures.load(Ordering::Relaxed);
            let length = SHORTEST * (1 << failures.saturating_sub(FREE + 1).min(DOUBLINGS));
            let waker = Waker::from(source.clone());
            *under_way = Some(Box::new(timers.arm(Some(timers.now() + length), &waker)?));
        }
        Some(under_way)
    }

    /// Disarms the pause's timer, because the timer's waker keeps the source alive.
    pub(super) fn end(&self) {
        let armed = lock(&self.under_way).take();
        drop(armed);
    }
}
