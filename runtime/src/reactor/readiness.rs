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
//!
//! ---
//!
//! *Stop 17 of 42.*
//! *Previous: [`reactor`](crate::reactor); next: [`reactor::source`](crate::reactor::source).*

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
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }

    impl Count {
        fn get(&self) -> usize {
            self.0.load(std::sync::atomic::Ordering::SeqCst)
        }
    }

    fn waiter() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (count.clone(), count.into())
    }

    /// Lets an event come and wakes who waited; answers how many.
    fn event(readiness: &Readiness) -> usize {
        let mut woken = Vec::new();
        readiness.set(&mut woken);
        let count = woken.len();
        woken.into_iter().for_each(Waker::wake);
        count
    }

    fn wait(readiness: &Readiness, waker: &Waker) -> Poll<Seen> {
        readiness.poll_ready(&mut Context::from_waker(waker))
    }

    fn wait_keyed(readiness: &Readiness, waker: &Waker, key: &mut Option<WaiterKey>) -> Poll<Seen> {
        readiness.poll_ready_keyed(&mut Context::from_waker(waker), key)
    }

    /// tokio #6133, #8331: however many events come between the look and the clearing, the clearing
    /// of the old look erases none of them. 2^k of them would fool a counter k bits wide.
    #[test]
    fn a_stale_clear_never_erases_an_event() {
        let readiness = Readiness::new(false);
        let mut events = 0_u64;
        event(&readiness);
        let seen = readiness.ready().unwrap();
        // Miri takes minutes for the width of half a word.
        let most = if cfg!(miri) { 9 } else { 17 };
        for k in 0..=most {
            while events < 1 << k {
                event(&readiness);
                events += 1;
            }
            readiness.clear(seen);
            assert!(readiness.ready().is_some(), "2^{k} events");
        }
        readiness.clear(readiness.ready().unwrap());
        assert!(readiness.ready().is_none());
    }

    /// The same at the end of the counter, and across it.
    #[test]
    fn the_tick_wraps() {
        let readiness = Readiness::new(false);
        readiness
            .word
            .store(!(READY | GONE | ENDED), Ordering::SeqCst);
        let (count, waker) = waiter();
        let mut key = None;
        assert!(wait_keyed(&readiness, &waker, &mut key).is_pending());
        assert_eq!(event(&readiness), 1);
        assert_eq!(readiness.word.load(Ordering::SeqCst), READY);
        let seen = readiness.ready().unwrap();
        event(&readiness);
        readiness.clear(seen);
        assert!(readiness.ready().is_some());
        readiness.forget(key.unwrap());
        assert_eq!(count.get(), 1);
    }

    #[test]
    fn an_event_wakes_everybody_once() {
        let readiness = Readiness::new(false);
        let waiters: Vec<_> = (0..100).map(|_| waiter()).collect();
        for (_, waker) in &waiters {
            assert!(wait(&readiness, waker).is_pending());
            // A second poll of the same task adds nothing.
            assert!(wait(&readiness, waker).is_pending());
        }
        assert_eq!(event(&readiness), 100);
        assert!(waiters.iter().all(|(count, _)| count.get() == 1));
        assert_eq!(event(&readiness), 0);
        assert!(wait(&readiness, Waker::noop()).is_ready());
    }

    /// tokio #5861: a future that is dropped takes its waker along, and no other.
    #[test]
    fn a_forgotten_waiter_leaves_nothing_behind() {
        let readiness = Readiness::new(false);
        let waiters: Vec<_> = (0..10).map(|_| waiter()).collect();
        let mut keys = [None; 10];
        for ((_, waker), key) in waiters.iter().zip(&mut keys) {
            assert!(wait_keyed(&readiness, waker, key).is_pending());
        }
        for key in keys.iter().step_by(2) {
            readiness.forget(key.unwrap());
        }
        assert_eq!(event(&readiness), 5);
        for (index, (count, _)) in waiters.iter().enumerate() {
            assert_eq!(count.get(), index % 2, "waiter {index}");
            // The test's own waker and count.
            assert_eq!(Arc::strong_count(count), 2);
        }
    }

    #[test]
    fn a_key_from_before_an_event_takes_nobody_out() {
        let readiness = Readiness::new(false);
        let ((_, early), (count, late)) = (waiter(), waiter());
        let mut key = None;
        assert!(wait_keyed(&readiness, &early, &mut key).is_pending());
        event(&readiness);
        readiness.clear(readiness.ready().unwrap());
        assert!(wait(&readiness, &late).is_pending());
        readiness.forget(key.unwrap());
        assert_eq!(event(&readiness), 1);
        assert_eq!(count.get(), 1);
    }

    #[test]
    fn a_future_that_changes_tasks_is_woken_in_the_last_one() {
        let readiness = Readiness::new(false);
        let ((first, before), (second, after)) = (waiter(), waiter());
        let mut key = None;
        assert!(wait_keyed(&readiness, &before, &mut key).is_pending());
        assert!(wait_keyed(&readiness, &after, &mut key).is_pending());
        assert_eq!(event(&readiness), 1);
        assert_eq!((first.get(), second.get()), (0, 1));
    }

    /// A future may outlive the task that polled it first. When that task's dead waker is swept out
    /// another waiter may get its place, which then is not the old future's to empty.
    #[test]
    fn a_future_of_a_dead_task_takes_nobody_elses_place() {
        use crate::task::home::{HomeRef, Schedule};
        use crate::task::letter::Letter;
        use crate::task::raw::{RawTask, Runnable};

        struct Nowhere;
        impl Schedule for Nowhere {
            fn admit(&self, _task: Runnable) -> Result<(), Runnable> {
                Ok(())
            }
            fn schedule(&self, _task: Runnable) {}
            fn forget(&self, _task: RawTask) {}
            fn post(&self, _letter: Letter) {}
        }

        // A task that hands its waker out and ends.
        let (send, receive) = std::sync::mpsc::channel();
        let giver = std::future::poll_fn(move |cx| {
            send.send(cx.waker().clone()).unwrap();
            Poll::Ready(())
        });
        let (task, raw) = RawTask::new(giver, HomeRef::shared(std::sync::Arc::new(Nowhere)));
        let handle = crate::task::JoinHandle::<()>::new(raw);
        task.run();
        let dead = receive.recv().unwrap();
        assert!(handle.is_finished());

        let readiness = Readiness::new(false);
        let others: Vec<_> = (0..64).map(|_| waiter()).collect();
        assert!(wait(&readiness, &others[0].1).is_pending());
        // Its future waits beyond its task's end ...
        let mut key = None;
        assert!(wait_keyed(&readiness, &dead, &mut key).is_pending());
        // ... until the crowd is large enough for a sweep ...
        for (_, waker) in &others[1..] {
            assert!(wait(&readiness, waker).is_pending());
        }
        // ... and is dropped.
        readiness.forget(key.unwrap());
        event(&readiness);
        for (index, (count, _)) in others.iter().enumerate() {
            assert_eq!(count.get(), 1, "waiter {index}");
        }
    }

    /// tokio #5429: what a waker's `Drop` does may come back to the very same readiness.
    #[test]
    fn a_waker_may_come_back_while_it_is_dropped() {
        struct Meddler(Arc<Readiness>);
        impl Wake for Meddler {
            fn wake(self: Arc<Self>) {}
        }
        impl Drop for Meddler {
            fn drop(&mut self) {
                let _ = wait(&self.0, Waker::noop());
                let _ = self.0.ready();
                let mut woken = Vec::new();
                self.0.set(&mut woken);
            }
        }
        let readiness = Arc::new(Readiness::new(false));
        let meddler = || Waker::from(Arc::new(Meddler(readiness.clone())));
        let mut key = None;
        assert!(wait_keyed(&readiness, &meddler(), &mut key).is_pending());
        // Replaced: the first one is dropped.
        assert!(wait_keyed(&readiness, Waker::noop(), &mut key).is_pending());
        assert!(readiness.ready().is_some());
        readiness.clear(readiness.ready().unwrap());
        assert!(wait_keyed(&readiness, &meddler(), &mut key).is_pending());
        readiness.forget(key.unwrap());
        assert!(readiness.ready().is_some());
    }

    #[test]
    fn once_gone_it_stays_gone() {
        let readiness = Readiness::new(false);
        let (count, waker) = waiter();
        assert!(wait(&readiness, &waker).is_pending());
        let mut woken = Vec::new();
        readiness.set_gone(&mut woken);
        woken.into_iter().for_each(Waker::wake);
        assert_eq!(count.get(), 1);
        let seen = readiness.ready().unwrap();
        assert!(seen.is_gone());
        readiness.clear(seen);
        assert!(readiness.ready().unwrap().is_gone());
    }
}
