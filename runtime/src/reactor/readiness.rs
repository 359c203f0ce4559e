//! Is one direction of a source ready, and who waits for it?
//!
//! **Job.** The OS tells of readiness once, when it begins (*edge-triggered*). So somebody has to
//! remember it: this file does, for one direction of one source.
//!
//! **Owns** one word and a list of wakers.
//!
//! **Never** calls the OS, and never clones, wakes or drops a waker under its lock (tokio #5429).
//!
//! # The word
//!
//! | bits | meaning |
//! |---|---|
//! | 0 | READY: try, it may work |
//! | 1 | GONE: the runtime of the source was dropped |
//! | 2 | ENDED: the event said that the other end is done, or of an error |
//! | 3.. | tick: the number of events so far, 61 bits wide |
//!
//! ```text
//!   not ready ─── set(): tick + 1, wakers out ───► READY ◄──┐ set(): tick + 1
//!   not ready ◄── clear(), if the tick is as seen ─ READY ──┘
//!   either ────── set_gone(): for ever ──────────► READY and GONE
//! ```
//!
//! # The race between clearing and a new event
//!
//! A task sees READY, tries, and is told `WouldBlock`. It must clear READY before it waits. But
//! between its try and its clearing a new event may arrive, and to clear that one would be to
//! sleep for ever. So each event raises the tick, and clearing is a compare-and-swap against the
//! word that was read *before* the try: it fails when an event came between. The tick is as wide
//! as the word allows, since a stale narrow one will match some day (tokio #6133, #8331).
//!
//! # The race between waiting and an event
//!
//! ```text
//!   task                                   reactor
//!   T1  READY? no                          R1  lock; word := READY, tick + 1
//!   T2  lock; READY? then try again        R2  take all wakers; unlock
//!   T3  put the waker in; unlock           R3  wake them
//! ```
//!
//! Whichever lock comes first, either T2 sees READY or R2 sees the waker. The tick rises under the
//! same lock as the list is emptied, so a future's [`WaiterKey`] of this tick is in the list, and
//! one of an older tick is not.

use std::task::{Context, Poll, Waker};

use slab::Slab;

use crate::sync::{AtomicU64, Mutex, Ordering, lock};
use crate::task::waker::{is_dead, wake_quietly};

const READY: u64 = 1 << 0;
const GONE: u64 = 1 << 1;
const ENDED: u64 = 1 << 2;
const TICK: u64 = 1 << 3;

/// What the word was when a task looked at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seen(u64);

impl Seen {
    /// The runtime was dropped: no event will come any more.
    pub(crate) fn is_gone(self) -> bool {
        self.0 & GONE != 0
    }
}

/// One direction of a source.
pub(crate) struct Readiness {
    word: AtomicU64,
    waiters: Mutex<Waiters>,
}

/// The wakers that wait. Nearly always there is at most one, which needs no allocation.
#[derive(Default)]
struct Waiters {
    first: Option<Waker>,
    rest: Option<Box<Slab<Waiter>>>,
}

struct Waiter {
    waker: Waker,
    /// A future holds the key, and will take the waker away when it is dropped.
    keyed: bool,
}

/// Where a future left its waker, so that it can take it out again.
///
/// An event takes all wakers out and raises the tick; a later waiter may then get the same index.
/// So a place is valid only while the tick is what it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaiterKey {
    index: usize,
    tick: u64,
}

impl Readiness {
    pub(crate) fn new(ready: bool) -> Self {
        Readiness {
            word: AtomicU64::new(u64::from(ready)),
            waiters: Mutex::new(Waiters::default()),
        }
    }

    /// `Some` if it is worth trying.
    #[inline]
    pub(crate) fn ready(&self) -> Option<Seen> {
        // Acquire pairs with the Release of `set`.
        let word = self.word.load(Ordering::Acquire);
        (word & (READY | GONE) != 0).then_some(Seen(word))
    }

    /// The try that began with `seen` said `WouldBlock`: it is not ready, unless an event came
    /// since.
    pub(crate) fn clear(&self, seen: Seen) {
        let _ = self.word.compare_exchange(
            seen.0,
            seen.0 & !READY,
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
    }

    /// The try that began with `seen` got less than it had room for. Where the OS tells of every new
    /// edge that means that there is no more, and the next try would only hear `WouldBlock`: a system
    /// call saved. But the end of the stream comes with no further edge once it was announced, so
    /// then the source stays ready until it is read.
    pub(crate) fn drained(&self, seen: Seen) {
        if seen.0 & ENDED == 0 {
            self.clear(seen);
        }
    }

    /// An event: becomes ready, and hands the wakers out, to be woken once no lock is held.
    pub(crate) fn set(&self, woken: &mut Vec<Waker>) {
        self.raise(READY, woken);
    }

    /// As `set`, for an event that no other may follow.
    pub(crate) fn set_ended(&self, woken: &mut Vec<Waker>) {
        self.raise(READY | ENDED, woken);
    }

    /// No event will come any more: whoever waits shall find out.
    pub(crate) fn set_gone(&self, woken: &mut Vec<Waker>) {
        self.raise(READY | GONE, woken);
    }

    fn raise(&self, flags: u64, woken: &mut Vec<Waker>) {
        let mut waiters = lock(&self.waiters);
        // R1. Release pairs with `ready`. Wrapping: the tick runs over the end into nothing.
        let _ = self
            .word
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |word| {
                Some(word.wrapping_add(TICK) | flags)
            });
        // R2
        woken.extend(waiters.first.take());
        if let Some(rest) = waiters.rest.take() {
            drop(waiters);
            // The box is freed outside of the lock; the wakers move over one by one.
            woken.extend(rest.into_iter().map(|(_, waiter)| waiter.waker));
        }
    }

    /// Waits as a task that may be polled again but has no destructor here, as `poll_read` has
    /// to. The waker stays until the next event.
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Seen> {
        // T1
        if let Some(seen) = self.ready() {
            return Poll::Ready(seen);
        }
        // The clone is made before the lock is taken.
        let waker = cx.waker().clone();
        let mut waiters = lock(&self.waiters);
        // T2
        if let Some(seen) = self.ready() {
            drop(waiters);
            return Poll::Ready(seen);
        }
        // T3
        let (unused, stale, crowd) = if waiters.contains(&waker) {
            (Some(waker), None, None)
        } else {
            let stale = waiters.dead();
            let crowd = waiters.crowd();
            waiters.insert(waker, false);
            (None, stale, crowd)
        };
        drop(waiters);
        drop((unused, stale));
        crowd.into_iter().flatten().for_each(wake_quietly);
        Poll::Pending
    }

    /// Waits as a future that keeps the key and calls [`forget`](Self::forget) when it is dropped.
    pub(crate) fn poll_ready_keyed(
        &self,
        cx: &mut Context<'_>,
        key: &mut Option<WaiterKey>,
    ) -> Poll<Seen> {
        if let Some(seen) = self.ready() {
            return Poll::Ready(seen);
        }
        let waker = cx.waker().clone();
        let mut waiters = lock(&self.waiters);
        // T2
        let word = self.word.load(Ordering::Acquire);
        if word & (READY | GONE) != 0 {
            drop(waiters);
            return Poll::Ready(Seen(word));
        }
        // T3
        let tick = word / TICK;
        let old = match *key {
            Some(mine) if mine.tick == tick => waiters.replace(mine.index, waker),
            _ => {
                let index = waiters.insert(waker, true);
                *key = Some(WaiterKey { index, tick });
                None
            }
        };
        drop(waiters);
        drop(old);
        Poll::Pending
    }

    /// The future that waited with `key` is dropped.
    pub(crate) fn forget(&self, key: WaiterKey) {
        let mut waiters = lock(&self.waiters);
        if self.word.load(Ordering::Acquire) / TICK == key.tick {
            let mine = waiters.remove(key.index);
            drop(waiters);
            drop(mine);
        }
    }
}

impl Waiters {
    fn contains(&self, waker: &Waker) -> bool {
        let rest = self.rest.iter().flat_map(|rest| rest.iter());
        let mut all = self
            .first
            .iter()
            .chain(rest.map(|(_, waiter)| &waiter.waker));
        all.any(|other| other.will_wake(waker))
    }

    /// Index 0 is the first, `n` the entry `n - 1` of the rest.
    fn insert(&mut self, waker: Waker, keyed: bool) -> usize {
        if self.first.is_none() {
            self.first = Some(waker);
            return 0;
        }
        let rest = self.rest.get_or_insert_default();
        rest.insert(Waiter { waker, keyed }) + 1
    }

    fn slot(&mut self, index: usize) -> Option<&mut Waker> {
        match index {
            0 => self.first.as_mut(),
            n => Some(&mut self.rest.as_mut()?.get_mut(n - 1)?.waker),
        }
    }

    fn replace(&mut self, index: usize, waker: Waker) -> Option<Waker> {
        match self.slot(index) {
            Some(slot) => Some(std::mem::replace(slot, waker)),
            None => Some(waker),
        }
    }

    fn remove(&mut self, index: usize) -> Option<Waker> {
        match index {
            0 => self.first.take(),
            n => Some(self.rest.as_mut()?.try_remove(n - 1)?.waker),
        }
    }

    /// When too many wait who cannot be told from those that have gone, takes them all out, to be
    /// woken: who is still there registers again.
    fn crowd(&mut self) -> Option<Vec<Waker>> {
        /// Each of them is looked at whenever one more comes. Thin air.
        const CROWD: usize = 1024;
        let rest = self.rest.as_mut()?;
        if rest.len() < CROWD {
            return None;
        }
        let all = rest.iter().filter(|(_, waiter)| !waiter.keyed);
        let all: Vec<usize> = all.map(|(index, _)| index).collect();
        Some(
            all.into_iter()
                .map(|index| rest.remove(index).waker)
                .collect(),
        )
    }

    /// Takes out wakers of tasks that are complete, now and then: many short tasks may each have
    /// polled a source once that never became ready, and nobody tells us when they end. A keyed
    /// waiter's place is not ours to give to somebody else.
    fn dead(&mut self) -> Option<Vec<Waker>> {
        /// Looking costs a walk over all; at powers of two from here it is paid for by as many
        /// insertions. Thin air.
        const WORTH_LOOKING: usize = 32;
        let rest = self.rest.as_mut()?;
        if rest.len() < WORTH_LOOKING || !rest.len().is_power_of_two() {
            return None;
        }
        let dead: Vec<usize> = rest
            .iter()
            .filter(|(_, waiter)| !waiter.keyed && is_dead(&waiter.waker))
            .map(|(index, _)| index)
            .collect();
        Some(
            dead.into_iter()
                .map(|index| rest.remove(index).waker)
                .collect(),
        )
    }
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests;
