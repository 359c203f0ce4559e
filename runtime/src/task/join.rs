//! Joining: how the output of a task passes from the executor to the handle.
//!
//! Two sides hold a task. The executor holds the task until it has stored the output and called the
//! handle's waker. The `JoinHandle` holds the task until the handle is dropped. The two sides share one
//! reference. Each side ends its hold by one write to the *join word*, and the last side releases the
//! reference. Until RELEASED is set, every write is an atomic read-modify-write. So a handle of any
//! executor may be polled and dropped on any thread.
//!
//! ```text
//!   handle waits           ┌── offer ──►  HANDLE WAKER ──┐
//!                       HANDLE                           │ complete: WakeJoiner
//!   handle polls again     ▲ └─ reclaim ─┘               ▼
//!                          │                      HANDLE WAKER DONE
//!   complete: LeaveToHandle│                             │ release, after the wake
//!                          ▼                             ▼
//!                   HANDLE DONE RELEASED   ◄─────────────┘
//! ```
//!
//! While the WAKER flag is set, only the executor may access the waker's slot. While the flag is clear,
//! only the handle may access it. DONE passes the output to the handle. RELEASED ends the executor's hold.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::task::{Poll, Waker};

use super::raw::RawTask;
use super::waker::{self, drop_quietly, wake_quietly};
use crate::sync::{AtomicU8, Ordering};

/// A `JoinHandle` exists. Set when the task is made. Cleared when the handle is dropped, unless both
/// RELEASED and TAKEN are set.
const HANDLE: u8 = 1 << 0;
/// The slot holds a waker and belongs to the executor. Set and cleared by the handle, until DONE is set.
const WAKER: u8 = 1 << 1;
/// The output is stored. Set once, by the executor.
const DONE: u8 = 1 << 2;
/// The executor no longer touches the task. Set once, by the executor, with DONE or later.
const RELEASED: u8 = 1 << 3;
/// The handle has taken the output, or dropped it.
const TAKEN: u8 = 1 << 4;
/// A wake from another thread is in the owner's inbox. This flag is in the join word, because other threads
/// may write only this byte. Set by the first waker, cleared by the owner.
const WAKE_SENT: u8 = 1 << 5;
/// An abort from another thread is in the owner's inbox. Never cleared, because one abort is enough.
const ABORT_SENT: u8 = 1 << 6;

/// The flags at one instant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Word(u8);

/// The duty of the caller after the output was stored.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Complete {
    /// The caller leaves the task to the handle.
    LeaveToHandle,
    /// The caller calls the waker in the slot, then ends the executor's hold.
    WakeJoiner,
    /// There is no handle: the caller drops the output and releases the reference.
    DropOutput,
}

/// The duty of the caller after the handle was dropped.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Detach {
    /// The caller now owns the slot. The caller drops the waker in the slot and tries again.
    SlotFirst,
    /// The task is done: the caller drops the output and tries again.
    OutputFirst,
    /// The executor has released the task: the caller releases the reference.
    EndReference,
    /// The executor will release the reference. The caller no longer touches the task.
    Nothing,
}

impl Word {
    /// The word of a new task, which has a handle.
    pub(super) const JOINED: Word = Word(HANDLE);
    /// The word of a `block_on`'s main task, which has no handle.
    pub(super) const DETACHED: Word = Word(0);

    fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    fn with(self, flags: u8) -> Word {
        Word(self.0 | flags)
    }

    fn without(self, flags: u8) -> Word {
        Word(self.0 & !flags)
    }

    /// Records that the executor has stored the output.
    fn complete(self) -> (Word, Complete) {
        debug_assert!(!self.has(DONE));
        if !self.has(HANDLE) {
            (self.with(DONE | RELEASED), Complete::DropOutput)
        } else if self.has(WAKER) {
            // Do not set RELEASED yet, because the executor still reads the slot. A handle that is dropped
            // meanwhile must not free the task (rayon #929).
            (self.with(DONE), Complete::WakeJoiner)
        } else {
            (self.with(DONE | RELEASED), Complete::LeaveToHandle)
        }
    }

    /// Records that the executor has called the waker. Returns whether the executor must release
    /// the reference.
    fn release(self) -> (Word, bool) {
        (self.with(RELEASED), !self.has(HANDLE))
    }

    /// Returns whether the task is done. If not, takes the slot back for the handle.
    fn reclaim(self) -> (Word, bool) {
        if self.has(DONE) {
            (self, true)
        } else {
            (self.without(WAKER), false)
        }
    }

    /// Returns whether the task is done. If not, gives the slot with its waker to the executor.
    fn offer(self) -> (Word, bool) {
        if self.has(DONE) {
            (self, true)
        } else {
            (self.with(WAKER), false)
        }
    }

    /// Takes the output for the handle. Returns whether the output was still there.
    fn take(self) -> (Word, bool) {
        debug_assert!(self.has(DONE) && self.has(HANDLE));
        (self.with(TAKEN), !self.has(TAKEN))
    }

    /// Records that the handle is dropped. Once HANDLE is cleared, the task may be freed, so the caller must
    /// first drop what the handle owns.
    fn detach(self) -> (Word, Detach) {
        if !self.has(DONE) && self.has(WAKER) {
            (self.without(WAKER), Detach::SlotFirst)
        } else if self.has(DONE) && !self.has(TAKEN) {
            (self, Detach::OutputFirst)
        } else if self.has(RELEASED) {
            (self.without(HANDLE), Detach::EndReference)
        } else {
            (self.without(HANDLE), Detach::Nothing)
        }
    }
}

pub(super) struct JoinState(AtomicU8);

impl JoinState {
    pub(super) fn new(word: Word) -> Self {
        JoinState(AtomicU8::new(word.0))
    }

    /// Acquire pairs with the Release in `apply`: a thread that sees DONE sees the output.
    #[inline(always)]
    fn load(&self) -> Word {
        Word(self.0.load(Ordering::Acquire))
    }

    #[inline(always)]
    fn apply<R>(&self, step: impl Fn(Word) -> (Word, R)) -> R {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            let (next, answer) = step(Word(now));
            // AcqRel: this word passes the slot and the output between the two sides.
            match self
                .0
                .compare_exchange_weak(now, next.0, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return answer,
                Err(seen) => now = seen,
            }
        }
    }

    /// Records that a wake is on its way to the owner. Returns whether the caller must send a message: one
    /// message serves all wakes. Release pairs with `receive_wake`, where the owner acquires everything
    /// that the wakers did before.
    pub(super) fn send_wake(&self) -> bool {
        self.0.fetch_or(WAKE_SENT, Ordering::AcqRel) & WAKE_SENT == 0
    }

    /// Records that the owner has the message. A later wake sends another message.
    pub(super) fn receive_wake(&self) {
        self.0.fetch_and(!WAKE_SENT, Ordering::AcqRel);
    }

    /// Records that an abort is on its way to the owner. Returns whether it is the first.
    pub(super) fn send_abort(&self) -> bool {
        // Relaxed: an abort carries no data.
        self.0.fetch_or(ABORT_SENT, Ordering::Relaxed) & ABORT_SENT == 0
    }

    #[inline(always)]
    fn take(&self) -> bool {
        let now = self.load();
        if now.has(RELEASED) {
            // The executor no longer writes the word, so a plain store suffices. The store may overwrite a
            // concurrent WAKE_SENT or ABORT_SENT, which has no effect on a finished task.
            let (next, there) = now.take();
            // Release: a thread that loads this word also sees everything that came before DONE.
            self.0.store(next.0, Ordering::Release);
            there
        } else {
            self.apply(Word::take)
        }
    }
}

/// The executor's side.
impl RawTask {
    /// Passes the stored output to the handle, if a handle exists. The run state must be DONE.
    #[inline(always)]
    pub(super) fn hand_over_output(self) {
        match self.header().join.apply(Word::complete) {
            Complete::LeaveToHandle => {}
            Complete::WakeJoiner => self.wake_joiner(),
            Complete::DropOutput => {
                // SAFETY: no handle is left, so the executor owns the output.
                unsafe { (self.header().vtable.drop_output)(self.0) };
                self.release();
            }
        }
    }

    #[inline(never)]
    fn wake_joiner(self) {
        // SAFETY: WAKER and DONE are set, so the slot belongs to the executor.
        if let Some(joiner) = unsafe { self.replace_join_waker(None) } {
            joiner.wake();
        }
        if self.header().join.apply(Word::release) {
            self.release();
        }
    }

    /// Puts a waker into the slot and returns the previous waker.
    ///
    /// # Safety
    /// The caller owns the slot; see WAKER.
    unsafe fn replace_join_waker(self, with: Option<JoinWaker>) -> Option<JoinWaker> {
        self.header().join_waker.with_mut(|slot| {
            // SAFETY: the caller upholds the contract.
            std::mem::replace(unsafe { &mut *slot }, with)
        })
    }
}

/// The handle's side.
impl RawTask {
    pub(in crate::task) fn is_finished(self) -> bool {
        self.header().join.load().has(DONE)
    }

    /// Returns `Ready` if the output is stored. Otherwise registers `waker`, to be called at the task's
    /// end.
    #[inline(always)]
    pub(super) fn poll_join(self, waker: &Waker) -> Poll<()> {
        self.scheduler().probe().joined(self);
        let now = self.header().join.load();
        if now.has(DONE) {
            // Loading the word acquired the output.
            Poll::Ready(())
        } else {
            self.wait(now, waker)
        }
    }

    #[inline(never)]
    fn wait(self, now: Word, waker: &Waker) -> Poll<()> {
        let join = &self.header().join;
        // Clone first, because a foreign waker may panic when it is cloned.
        let waker = JoinWaker::new(waker.clone());
        // A clear WAKER stays clear, because only the handle sets it.
        if now.has(WAKER) && join.apply(Word::reclaim) {
            return Poll::Ready(());
        }
        // SAFETY: WAKER is clear, so the slot belongs to the handle until the offer.
        drop(unsafe { self.replace_join_waker(Some(waker)) });
        if join.apply(Word::offer) {
            // SAFETY: the offer was refused, so the slot still belongs to the handle.
            drop(unsafe { self.replace_join_waker(None) });
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Moves the output to `into`, unless it was taken before. Returns whether the output was moved. Only
    /// the handle may call this, after `poll_join` returned `Ready`.
    ///
    /// # Safety
    /// `into` is a valid `*mut Result<T, JoinError>` for the output of this task.
    #[inline(always)]
    pub(super) unsafe fn take_output(self, into: *mut ()) -> bool {
        let there = self.header().join.take();
        if there {
            // SAFETY: TAKEN was set just now, so this caller owns the output.
            unsafe { (self.header().vtable.read_output)(self.0, into) };
        }
        there
    }

    /// Ends the handle's hold on the task.
    #[inline]
    pub(super) fn detach(self) {
        let now = self.header().join.load();
        if now.has(RELEASED) && now.has(TAKEN) {
            // HANDLE is not read again, so there is no need to clear it.
            self.release();
        } else {
            self.detach_unfinished();
        }
    }

    #[inline(never)]
    fn detach_unfinished(self) {
        let join = &self.header().join;
        loop {
            match join.apply(Word::detach) {
                Detach::OutputFirst => {
                    if join.take() {
                        // SAFETY: TAKEN was set just now, so this caller owns the output.
                        unsafe { (self.header().vtable.drop_output)(self.0) };
                    }
                }
                // SAFETY: WAKER was cleared just now, so the slot belongs to the handle.
                Detach::SlotFirst => drop(unsafe { self.replace_join_waker(None) }),
                Detach::EndReference => return self.release(),
                Detach::Nothing => return,
            }
        }
    }
}

/// The waker of the task or thread that awaits a handle. It takes eight bytes: a pointer to a task, or to a
/// boxed waker.
///
/// Most joiners are tasks of brigade. Their wakers all have the same table of functions, so the pointer to
/// the task is enough. Both kinds of pointer are aligned, so the lowest bit can mark a boxed waker.
pub(super) struct JoinWaker(NonNull<()>);

/// The bit that marks a pointer to a boxed waker.
const BOXED: usize = 1;

impl JoinWaker {
    pub(super) fn new(waker: Waker) -> Self {
        let data = if waker::is_own(&waker) {
            // The waker's reference passes to this value.
            ManuallyDrop::new(waker).data().cast_mut()
        } else {
            let boxed = Box::into_raw(Box::new(waker)).cast::<()>();
            boxed.map_addr(|addr| addr | BOXED)
        };
        JoinWaker(NonNull::new(data).expect("neither a task nor a box is at address 0"))
    }

    fn into_waker(self) -> Waker {
        let data = ManuallyDrop::new(self).0.as_ptr();
        if data.addr() & BOXED != 0 {
            let boxed = data.map_addr(|addr| addr & !BOXED).cast::<Waker>();
            // SAFETY: `new` made the pointer from a boxed waker, and the pointer is taken back once.
            *unsafe { Box::from_raw(boxed) }
        } else {
            // SAFETY: `new` took the pointer from one of our wakers, together with its reference.
            unsafe { waker::from_data(data) }
        }
    }

    #[inline]
    pub(super) fn wake(self) {
        if self.0.addr().get() & BOXED != 0 {
            wake_quietly(self.into_waker());
        } else {
            // Our own wakers do not panic.
            self.into_waker().wake();
        }
    }
}

impl Drop for JoinWaker {
    fn drop(&mut self) {
        drop_quietly(JoinWaker(self.0).into_waker());
    }
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;
    use crate::test_support::{Count, idle_task};

    #[test]
    fn a_foreign_waker_is_woken_or_dropped_once() {
        let count = Arc::new(Count::default());
        JoinWaker::new(count.clone().into()).wake();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        drop(JoinWaker::new(count.clone().into()));
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert_eq!(Arc::strong_count(&count), 1);
    }

    #[test]
    fn the_waker_of_a_task_keeps_its_reference() {
        let (handle, own) = idle_task();
        let joiner = JoinWaker::new(own.clone());
        assert!(joiner.0.addr().get() & BOXED == 0);
        let back = joiner.into_waker();
        assert!(back.will_wake(&own));
        drop(own);
        JoinWaker::new(back).wake();
        assert!(handle.is_finished());
    }

    /// tokio #4055: a waker's panic does not reach the code that calls or drops the waker.
    #[test]
    fn a_waker_that_panics_is_contained() {
        struct Bomb;
        impl Wake for Bomb {
            fn wake(self: Arc<Self>) {
                panic!("a foreign waker panics");
            }
        }
        struct DropBomb;
        impl Wake for DropBomb {
            fn wake(self: Arc<Self>) {}
        }
        impl Drop for DropBomb {
            fn drop(&mut self) {
                panic!("a foreign waker panics as it is dropped");
            }
        }
        JoinWaker::new(Arc::new(Bomb).into()).wake();
        drop(JoinWaker::new(Arc::new(DropBomb).into()));
    }
}
