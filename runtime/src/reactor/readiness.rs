//! Records whether one direction of a source is ready, and which tasks wait for it.
//!
//! The OS reports readiness once, when it begins (*edge-triggered*), so the reactor must remember it.
//! [`Readiness`] stores the readiness in one atomic word, and the wakers of the waiting tasks beside the
//! word. If no task is waiting, an event takes no lock. No waker is cloned, woken or dropped while the lock
//! is held (tokio #5429).
//!
//! # The word
//!
//! | bit | meaning | set by | cleared by |
//! |---|---|---|---|
//! | READY | a try may succeed | an event | `clear`, `note_failure`, `hold` |
//! | FRESH | no call that may write has failed since the last event | an event | `note_failure`, `hold` |
//! | GONE | the executor was dropped | `set_gone` | never |
//! | WAITING | wakers are stored | a waiter, with the lock held | an event, with the lock held |
//! | SHORT_READ_DRAINS | a read that does not fill its buffer leaves no bytes behind | `new` | the first `set_last` or `drains_no_more` |
//! | HELD | events take effect only at `release` | `hold` | `release`, `set_gone` |
//! | PUT_OFF | `release` will raise an event | an event, `hold`, `raise_at_release` | `release`, `set_gone` |
//! | tick (57 bits) | counts the events | an event (adds 1) | never |
//!
//! WAITING may be set beside READY: a [`Peek`](super::Direction::Peek) waits for the next event in any case.
//!
//! # The race between clearing and a new event
//!
//! A task sees READY, tries, and gets `WouldBlock`. It must clear READY before it waits. A new event may
//! arrive between the try and the clearing. If the task then cleared READY, it would lose this event and
//! sleep forever. So each event increments the tick, and the task clears READY by a compare-and-swap against
//! the word from *before* the try. The compare-and-swap fails if an event came in between. The tick is as
//! wide as the word allows, because a narrow tick could wrap to the same value (tokio #6133, #8331).
//!
//! # The race between waiting and an event
//!
//! ```text
//!   task                                    reactor
//!   T1  READY? no                           R1  WAITING? no: word := READY, tick + 1; done
//!   T2  lock; READY or a new tick? try      R2  lock; word := READY, tick + 1, no WAITING
//!       no: word := WAITING                 R3  take all wakers; unlock
//!   T3  store the waker; unlock             R4  wake them
//! ```
//!
//! R1 and T2 are compare-and-swaps on one word. If R1 comes first, T2 sees the new tick. If T2 comes first, R1
//! sees WAITING, and R2 waits for the lock until the end of T3. While a waker is stored, WAITING is set, so only
//! R2 can increment the tick. R3 takes the waker out under the same lock. So a future's waker is stored
//! only while the tick in the future's [`WaiterKey`] is the current tick.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use crate::sync::{AtomicU64, Mutex, Ordering, lock};
use crate::task::waker::{drop_quietly, is_dead};

const READY: u64 = 1 << 0;
const GONE: u64 = 1 << 1;
const WAITING: u64 = 1 << 2;
const SHORT_READ_DRAINS: u64 = 1 << 3;
const HELD: u64 = 1 << 4;
const PUT_OFF: u64 = 1 << 5;
const FRESH: u64 = 1 << 6;
const TICK: u64 = 1 << 7;

/// The readiness word, as it was before a try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ReadySnapshot(u64);

impl ReadySnapshot {
    /// Returns whether the executor was dropped. No more events come then.
    pub(crate) fn is_gone(self) -> bool {
        self.0 & GONE != 0
    }
}

/// One direction of a source.
pub(crate) struct Readiness {
    word: AtomicU64,
    waiters: Mutex<Waiters>,
}

/// The stored wakers. In nearly all programs only one task waits for a direction, and its waker needs no
/// allocation.
#[derive(Default)]
struct Waiters {
    /// The waker of the task that called a poll function last.
    task: Option<Waker>,
    /// The waker of the future whose key has index 1.
    future: Option<Waker>,
    more: Option<Box<More>>,
}

/// The wakers that do not fit into [`Waiters`] itself.
#[derive(Default)]
struct More {
    /// The wakers of other tasks that called a poll function since the last event.
    tasks: BTreeMap<Identity, Waker>,
    /// When `tasks` has this length, the wakers of completed tasks are removed.
    sweep_at: usize,
    /// The wakers of the futures whose keys have index 2 or higher.
    futures: Slab<Waker>,
}

/// The addresses of a waker's data and function table. Wakers with the same identity wake the same task.
type Identity = (usize, usize);

/// The position of a future's waker. The future removes its waker with this key, which is valid until the
/// tick changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaiterKey {
    tick: u64,
    /// Never 0, so that `Option<WaiterKey>` is as small as `WaiterKey`.
    index: NonZeroU32,
}

impl Readiness {
    /// If `short_read_drains` is true, a new event reports any data that come after a short read.
    pub(crate) fn new(ready: bool, short_read_drains: bool) -> Self {
        let drains = if short_read_drains {
            SHORT_READ_DRAINS
        } else {
            0
        };
        Readiness {
            word: AtomicU64::new(if ready { READY | FRESH } else { 0 } | drains),
            waiters: Mutex::new(Waiters::default()),
        }
    }

    /// Returns the word if a try may succeed.
    #[inline]
    pub(crate) fn ready(&self) -> Option<ReadySnapshot> {
        // Acquire pairs with the Release of `raise`.
        let word = self.word.load(Ordering::Acquire);
        (word & (READY | GONE) != 0).then_some(ReadySnapshot(word))
    }

    /// Returns the word, for a try that needs no READY.
    pub(crate) fn now(&self) -> ReadySnapshot {
        // Acquire pairs with the Release of `raise`.
        ReadySnapshot(self.word.load(Ordering::Acquire))
    }

    /// Returns whether a short read still drains the source.
    pub(crate) fn drains(&self) -> bool {
        self.word.load(Ordering::Relaxed) & SHORT_READ_DRAINS != 0
    }

    /// Notes that from now on, a short read may leave bytes behind.
    pub(crate) fn drains_no_more(&self) {
        // Relaxed suffices: the compare-and-swap of `clear` fails if this change came first.
        self.word.fetch_and(!SHORT_READ_DRAINS, Ordering::Relaxed);
    }

    /// Clears READY after a try that got `WouldBlock`, unless an event came since `seen` was read.
    pub(crate) fn clear(&self, seen: ReadySnapshot) {
        self.unset(READY, seen);
    }

    /// Clears FRESH after a call that may write got `WouldBlock`. If `clear` is true, also clears READY. Does
    /// nothing if an event came since `seen` was read.
    pub(crate) fn note_failure(&self, seen: ReadySnapshot, clear: bool) {
        self.unset(FRESH | if clear { READY } else { 0 }, seen);
    }

    /// Returns whether no call that may write has failed since the last event.
    pub(crate) fn is_fresh(&self) -> bool {
        self.word.load(Ordering::Relaxed) & FRESH != 0
    }

    /// Clears `flags`, unless an event came since `seen` was read.
    fn unset(&self, flags: u64, seen: ReadySnapshot) {
        // Ignore the flags that other calls (READY, FRESH), waiters (WAITING) and pauses (HELD) change.
        let is_same = |word: u64| (word ^ seen.0) & !(READY | FRESH | WAITING | HELD) == 0;
        let clear = |word: u64| is_same(word).then_some(word & !flags);
        // These orderings suffice, because step T2 reads the word again before the task waits.
        let _ = self
            .word
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, clear);
    }

    /// Clears READY after a short read, if the OS reports the next data with a new event. The read began with
    /// the word `seen`, and returned `count` bytes in a buffer of `room` bytes. Clearing saves a try that
    /// would only get `WouldBlock`.
    #[inline]
    pub(crate) fn note_read(&self, seen: ReadySnapshot, count: usize, room: usize) {
        if 0 < count && count < room && seen.0 & SHORT_READ_DRAINS != 0 {
            self.clear(seen);
        }
    }

    /// Does what [`note_failure`](Self::note_failure) does, even if an event came. Puts off all events since
    /// `seen` was read: they take effect at [`release`](Self::release), which the caller must call later. Does
    /// nothing if the executor is gone.
    pub(crate) fn hold(&self, seen: ReadySnapshot, clear: bool) {
        let clear = FRESH | if clear { READY } else { 0 };
        let held = |word: u64| {
            let put_off = if word / TICK == seen.0 / TICK {
                0
            } else {
                PUT_OFF
            };
            // HELD may be set already, because another call may have begun the pause.
            (word & GONE == 0).then_some(word & !clear | HELD | put_off)
        };
        // The orderings are the same as in `clear`.
        let _ = self
            .word
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, held);
    }

    /// Makes the next [`release`](Self::release) raise an event. The caller must call `release` later.
    pub(crate) fn raise_at_release(&self) {
        // Relaxed suffices, because the caller ensures that `release` comes later.
        self.word.fetch_or(PUT_OFF, Ordering::Relaxed);
    }

    /// Ends [`hold`](Self::hold). An event that was put off takes effect now.
    pub(crate) fn release(&self, woken: &mut Vec<Waker>) {
        let quiet = |word: u64| (word & PUT_OFF == 0).then_some(word & !HELD);
        // The orderings are the same as in `clear`.
        let ended = self
            .word
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, quiet);
        if ended.is_err() {
            self.raise(READY | FRESH, HELD | PUT_OFF, woken);
        }
    }

    /// Records an event. The caller wakes `woken` after it has released its locks.
    pub(crate) fn set(&self, woken: &mut Vec<Waker>) {
        self.raise(READY | FRESH, 0, woken);
    }

    /// Like [`set`](Self::set), for the end of the stream, an error or urgent data. After such an event, a
    /// short read may leave bytes behind.
    pub(crate) fn set_last(&self, woken: &mut Vec<Waker>) {
        self.raise(READY | FRESH, SHORT_READ_DRAINS, woken);
    }

    /// Records that the executor was dropped. No more events come, so waiting tasks get an error.
    pub(crate) fn set_gone(&self, woken: &mut Vec<Waker>) {
        self.raise(READY | FRESH | GONE, HELD | PUT_OFF, woken);
    }

    fn raise(&self, set: u64, clear: u64, woken: &mut Vec<Waker>) {
        let held = HELD & !clear;
        // The addition wraps, because the tick may overflow.
        let raised = |word: u64| (word.wrapping_add(TICK) | set) & !(clear | WAITING);
        let mut word = self.word.load(Ordering::Relaxed);
        // R1
        while word & (WAITING | held) == 0 {
            // Release pairs with `ready`. Acquire pairs with step T2 of an earlier waiter.
            match self.word.compare_exchange_weak(
                word,
                raised(word),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        let mut waiters = lock(&self.waiters);
        // R2. The orderings are the same as in R1.
        let raise = |word: u64| match word & held {
            0 => Some(raised(word)),
            _ => Some(word & !clear | PUT_OFF),
        };
        let before = self
            .word
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, raise);
        if before.is_ok_and(|word| word & held != 0) {
            return;
        }
        // R3
        let Waiters { task, future, more } = std::mem::take(&mut *waiters);
        drop(waiters);
        let first = woken.len();
        if let Some(waker) = task {
            woken.push(waker);
        }
        if let Some(waker) = future {
            woken.push(waker);
        }
        if let Some(more) = more {
            woken.extend(more.tasks.into_values());
            woken.extend(more.futures.into_iter().map(|(_, waker)| waker));
        }
        // The task that is polled first may take all data and clear READY. Then the other tasks wait again.
        // For fairness, the order of the wakers changes with each event.
        let woken = &mut woken[first..];
        if woken.len() > 1 {
            let tick = before.unwrap_or_default() / TICK;
            let turn = tick.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
            woken.rotate_left(turn as usize % woken.len());
        }
    }

    /// Returns the word if a try may succeed. Otherwise stores the task's waker until the next event.
    ///
    /// A future passes a `key`, and calls [`forget`](Self::forget) when it is dropped. If an event has woken
    /// the future, this method returns the word even if another call has cleared READY since the event. A poll
    /// function has no destructor, so it passes no key. Its waker stays until the next event.
    #[inline]
    pub(crate) fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        key: Option<&mut Option<WaiterKey>>,
    ) -> Poll<ReadySnapshot> {
        // T1
        let seen = self.now();
        if seen.0 & (READY | GONE) != 0 {
            return Poll::Ready(seen);
        }
        let since = tick_of(&key).unwrap_or(seen.0 / TICK);
        self.wait(cx, READY | GONE, since, key)
    }

    /// Waits for an event. If a try failed just now, `failed` is the word before this try, and an event counts
    /// if it came after that word was read. Otherwise, if the future with `key` waits already, an event
    /// counts if it came after the wait began. Otherwise, returns immediately.
    pub(crate) fn poll_event(
        &self,
        cx: &mut Context<'_>,
        failed: Option<ReadySnapshot>,
        key: Option<&mut Option<WaiterKey>>,
    ) -> Poll<ReadySnapshot> {
        match failed.map(|seen| seen.0 / TICK).or(tick_of(&key)) {
            None => Poll::Ready(self.now()),
            Some(since) => self.wait(cx, GONE, since, key),
        }
    }

    /// Returns the word if one of `flags` is set or the tick is no longer `since`. Otherwise stores the task's
    /// waker.
    fn wait(
        &self,
        cx: &mut Context<'_>,
        flags: u64,
        since: u64,
        key: Option<&mut Option<WaiterKey>>,
    ) -> Poll<ReadySnapshot> {
        let may_try = |word: u64| word & flags != 0 || word / TICK != since;
        let seen = self.now();
        if may_try(seen.0) {
            return Poll::Ready(seen);
        }
        // Clone the waker before taking the lock.
        let waker = cx.waker().clone();
        let mut waiters = lock(&self.waiters);
        // T2. If a try may succeed, Acquire pairs with the Release of `raise`. Otherwise, Release pairs with
        // the Acquire of `raise`, which sees WAITING.
        let waiting = |word: u64| (!may_try(word)).then_some(word | WAITING);
        let before = self
            .word
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, waiting);
        if let Err(word) = before {
            drop(waiters);
            drop_quietly(waker);
            return Poll::Ready(ReadySnapshot(word));
        }
        // T3
        let mut dead = Vec::new();
        let unused = match key {
            None => waiters.put_task(waker, &mut dead),
            Some(key) => waiters.put_future(waker, since, key),
        };
        drop(waiters);
        drop_quietly((unused, dead));
        Poll::Pending
    }

    /// Removes the waker of a future that is being dropped.
    pub(crate) fn forget(&self, key: WaiterKey) {
        let is_stored = || self.now().0 / TICK == key.tick;
        if !is_stored() {
            return;
        }
        let mut waiters = lock(&self.waiters);
        // Check again, because an event may have come before the lock was taken.
        if is_stored() {
            let Waiters { future, more, .. } = &mut *waiters;
            let mine = match key.in_slab() {
                None => future.take(),
                Some(n) => more.as_mut().and_then(|more| more.futures.try_remove(n)),
            };
            drop(waiters);
            drop_quietly(mine);
        }
    }
}

impl Drop for Readiness {
    /// Catches the panics of foreign wakers, because a second panic during unwinding would abort the process.
    fn drop(&mut self) {
        let Waiters { task, future, more } = std::mem::take(&mut *lock(&self.waiters));
        drop_quietly(task);
        drop_quietly(future);
        if let Some(more) = more {
            more.tasks.into_values().for_each(drop_quietly);
            more.futures
                .into_iter()
                .for_each(|(_, waker)| drop_quietly(waker));
        }
    }
}

/// Returns the tick at which the future with `key` began to wait.
fn tick_of(key: &Option<&mut Option<WaiterKey>>) -> Option<u64> {
    key.as_deref()?.map(|key| key.tick)
}

impl WaiterKey {
    fn in_slab(self) -> Option<usize> {
        (self.index.get() as usize).checked_sub(2)
    }
}

impl Waiters {
    /// Stores the waker of a poll function, once for each task. Returns a waker for the caller to drop, and
    /// moves the wakers of completed tasks to `dead`.
    ///
    /// A waker that is displaced from the field `task` moves to the map `tasks`, because its task may still
    /// be waiting. If the task were woken instead, two tasks that share a direction would wake each other
    /// forever.
    fn put_task(&mut self, waker: Waker, dead: &mut Vec<Waker>) -> Option<Waker> {
        /// If this many wakers are stored, the wakers of completed tasks are removed. The next limit is twice
        /// the number of wakers that are left. Arbitrary: not measured.
        const SWEEP_AT: usize = 32;
        if self.task.as_ref().is_some_and(|it| it.will_wake(&waker)) {
            return Some(waker);
        }
        let more = self.more.as_mut();
        let twice = more.and_then(|more| more.tasks.remove(&identity(&waker)));
        let Some(displaced) = self.task.replace(waker) else {
            return twice;
        };
        let more = self.more.get_or_insert_default();
        let unused = more.tasks.insert(identity(&displaced), displaced).or(twice);
        if more.tasks.len() >= more.sweep_at.max(SWEEP_AT) {
            let all = std::mem::take(&mut more.tasks).into_iter();
            let (gone, alive): (BTreeMap<_, _>, _) = all.partition(|(_, it)| is_dead(it));
            more.tasks = alive;
            more.sweep_at = 2 * more.tasks.len();
            dead.extend(gone.into_values());
        }
        unused
    }

    /// Stores the waker of a future. If `key` has this `tick`, replaces and returns the future's old waker.
    fn put_future(
        &mut self,
        waker: Waker,
        tick: u64,
        key: &mut Option<WaiterKey>,
    ) -> Option<Waker> {
        if let Some(mine) = key.filter(|mine| mine.tick == tick) {
            let place = match mine.in_slab() {
                None => self.future.as_mut(),
                Some(n) => self.more.as_mut().and_then(|more| more.futures.get_mut(n)),
            };
            // See "The race between waiting and an event" above.
            let place = place.expect("a key of the current tick has its waker stored");
            return Some(std::mem::replace(place, waker));
        }
        let index = if self.future.is_none() {
            self.future = Some(waker);
            NonZeroU32::MIN
        } else {
            let place = self.more.get_or_insert_default().futures.insert(waker);
            let index = u32::try_from(place + 2).ok().and_then(NonZeroU32::new);
            index.expect("brigade: 2^32 futures wait for one source")
        };
        *key = Some(WaiterKey { index, tick });
        None
    }
}

fn identity(waker: &Waker) -> Identity {
    (
        waker.data().addr(),
        std::ptr::from_ref(waker.vtable()).addr(),
    )
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests;
