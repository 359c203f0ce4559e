//! Pauses between writes whose failure causes the event that they wait for.
//!
//! A `sendto` on a Unix socket whose receiver has no room takes memory for the datagram, finds no room, and
//! gives the memory back, which makes the sender's socket writable: an event. A task that trusts such events
//! tries for ever and keeps a processor busy. So writes that fail in a row, each after an event of its own,
//! are spaced out: for the length of a pause, events have no effect.

use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::Source;
use crate::sync::{Arc, AtomicU32, Mutex, Ordering, lock};
use crate::task::waker::wake_quietly;
use crate::time::{Sleep, now};

/// How many writes may fail in a row without a pause. Arbitrary: more than other tasks and processes that
/// write to the same socket are likely to cause by being faster.
const FREE: u32 = 8;

/// The first pause, and how often it is doubled at most: 64 ms. Arbitrary: 16 tries a second cost nothing,
/// and the delay is short for a receiver that was not reading anyway.
const SHORTEST: Duration = Duration::from_millis(1);
const DOUBLINGS: u32 = 6;

/// The pause of one source's write direction.
#[derive(Default)]
pub(super) struct Pause {
    /// Writes that failed in a row.
    failures: AtomicU32,
    /// The pause under way.
    sleep: Mutex<Option<Box<Sleep>>>,
}

impl Pause {
    #[inline]
    pub(super) fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// Notes that a write to `source` failed. Returns whether that began a pause: then `source` is held.
    pub(super) fn failed(&self, source: &Arc<Source>) -> bool {
        let before = self.failures.fetch_add(1, Ordering::Relaxed);
        before >= FREE && self.begin(before - FREE, source)
    }

    #[cold]
    fn begin(&self, number: u32, source: &Arc<Source>) -> bool {
        let mut pause = lock(&self.sleep);
        if pause.is_none() {
            let length = SHORTEST * (1 << number.min(DOUBLINGS));
            let mut sleep = Box::new(Sleep::new(Some(now() + length)));
            let waker = Waker::from(source.clone());
            // No timer can be armed outside of an executor: then every event counts, as ever.
            if sleep.poll_anywhere(&mut Context::from_waker(&waker)) != Some(Poll::Pending) {
                return false;
            }
            *pause = Some(sleep);
        }
        // With the lock held, so that the end of the pause comes after it.
        source.write.hold();
        true
    }

    /// Disarms the timer, whose waker keeps the source alive.
    pub(super) fn end(&self) {
        let sleep = lock(&self.sleep).take();
        drop(sleep);
    }
}

/// The waker of the timer: the pause is over.
impl Wake for Source {
    fn wake(self: Arc<Self>) {
        self.pause.end();
        let mut woken = Vec::new();
        self.write.release(&mut woken);
        woken.into_iter().for_each(wake_quietly);
    }
}
