//! Joining: how the output of a task passes from the executor to the handle.
//!
//! The executor and the `JoinHandle` share one counted reference to the task. The first side that is done
//! with the task writes to the *join word*: the handle stores DETACHED, or the executor stores DONE. After
//! this write, the first side must not touch the task, because the second side may free the task. The
//! second side releases the reference.
//!
//! Before the end of the task, only the handle writes the word:
//!
//! ```text
//!               polled              polled with another waker
//!       JOINED ────────► a waker ◄───┐
//!         │               │   └──────┘
//!         │ dropped       │ dropped
//!         └──► DETACHED ◄─┘
//! ```
//!
//! When the output is stored, the executor swaps DONE into the word. The previous value tells the executor
//! what to do:
//!
//! | previous value | the executor | then the task is held by |
//! |---|---|---|
//! | JOINED | does nothing | the handle |
//! | a waker | calls the waker | the handle |
//! | DETACHED | drops the output and releases the reference | neither side |
//!
//! From then on, only the handle writes the word: it stores TAKEN when it takes the output. Every write up
//! to and including DONE is an atomic read-modify-write, so handle and executor may be on different
//! threads. The waker is *in* the word, as one pointer. So the swap takes the waker and gives up the task
//! in one step.

use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::task::{Poll, Waker};

use super::cell::Header;
use super::raw::RawTask;
use super::waker::{self, drop_quietly, wake_quietly};
use crate::sync::{AtomicPtr, Ordering};

/// A value of the join word: one of four constants, or a [`JoinWaker`], which points to a task or to a box.
/// Tasks and boxes are aligned to 4 bytes or more, so no such pointer equals a constant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Word(*mut ());

impl Word {
    /// The task has no handle: the handle was dropped, or this is the main task of a `block_on`.
    pub(super) const DETACHED: Word = Word::constant(0);
    /// The handle exists, and has registered no waker.
    pub(super) const JOINED: Word = Word::constant(1);
    /// The output is stored. From now on, only the handle writes the word.
    const DONE: Word = Word::constant(2);
    /// The handle has taken the output.
    const TAKEN: Word = Word::constant(3);

    const fn constant(address: usize) -> Word {
        Word(ptr::without_provenance_mut(address))
    }

    fn is_done(self) -> bool {
        self == Word::DONE || self == Word::TAKEN
    }

    /// Returns the waker, unless the word is a constant.
    ///
    /// # Safety
    /// The caller has replaced this value in the word, so no other caller gets the waker.
    unsafe fn waker(self) -> Option<JoinWaker> {
        (self.0.addr() > Word::TAKEN.0.addr()).then(|| {
            // SAFETY: the address is not 0.
            JoinWaker(unsafe { NonNull::new_unchecked(self.0) })
        })
    }
}

const _: () = assert!(align_of::<Header>() >= 4 && align_of::<Waker>() >= 4);

pub(super) struct JoinWord(AtomicPtr<()>);

impl JoinWord {
    pub(super) fn new(word: Word) -> Self {
        JoinWord(AtomicPtr::new(word.0))
    }

    /// Acquire pairs with the Release of each write: a thread that sees DONE sees the output.
    #[inline(always)]
    fn load(&self) -> Word {
        Word(self.0.load(Ordering::Acquire))
    }

    /// Stores DONE and returns the previous value. Release pairs with `load`, for the output. Acquire: the caller
    /// sees the registered waker, or if the handle was dropped, everything that happened before the drop.
    #[inline(always)]
    fn complete(&self) -> Word {
        Word(self.0.swap(Word::DONE.0, Ordering::AcqRel))
    }

    /// Replaces `from` by `to`, unless the executor has stored DONE since `from` was loaded. Release pairs
    /// with `complete`. Acquire: if the exchange fails, the caller sees the output.
    fn replace(&self, from: Word, to: Word) -> bool {
        let replaced =
            (self.0).compare_exchange(from.0, to.0, Ordering::Release, Ordering::Acquire);
        replaced.is_ok()
    }

    /// Takes the output for the handle. The word must be DONE or TAKEN. Returns whether the output was still
    /// there.
    #[inline(always)]
    fn take(&self) -> bool {
        let there = self.load() == Word::DONE;
        // Release: a thread that loads TAKEN also sees everything that came before DONE.
        self.0.store(Word::TAKEN.0, Ordering::Release);
        there
    }
}

/// The executor's side.
impl RawTask {
    /// Passes the stored output to the handle, if a handle exists. The run state must be DONE.
    #[inline(always)]
    pub(super) fn hand_over_output(self) {
        let before = self.header().join.complete();
        // From here on, the handle may free the task, if the handle still exists.
        if before != Word::JOINED {
            self.end_of(before);
        }
    }

    #[inline(never)]
    fn end_of(self, before: Word) {
        // SAFETY: DONE has replaced the value.
        match unsafe { before.waker() } {
            Some(joiner) => joiner.wake(),
            None => {
                // SAFETY: no handle is left, so the executor owns the output.
                unsafe { (self.header().vtable.drop_output)(self.0) };
                self.release_shared();
            }
        }
    }
}

/// The handle's side.
impl RawTask {
    pub(in crate::task) fn is_finished(self) -> bool {
        self.header().join.load().is_done()
    }

    /// Returns `Ready` if the output is stored. Otherwise registers `waker`, to be called at the task's
    /// end.
    #[inline(always)]
    pub(super) fn poll_join(self, waker: &Waker) -> Poll<()> {
        self.scheduler().probe().joined(self);
        let now = self.header().join.load();
        if now.is_done() {
            // The load of the word acquired the output.
            Poll::Ready(())
        } else {
            self.wait(now, waker)
        }
    }

    #[inline(never)]
    fn wait(self, now: Word, waker: &Waker) -> Poll<()> {
        // The word may already hold a waker of the task to which `waker` belongs. No other task can have this
        // address, because the stored waker keeps its task alive.
        if now == Word(waker.data().cast_mut()) && waker::is_own(waker) {
            return Poll::Pending;
        }
        let new = JoinWaker::new(waker.clone());
        if self.header().join.replace(now, Word(new.0.as_ptr())) {
            std::mem::forget(new);
            // SAFETY: the new waker has replaced the value.
            drop(unsafe { now.waker() });
            Poll::Pending
        } else {
            Poll::Ready(())
        }
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
            // SAFETY: the word became TAKEN just now, so this caller owns the output.
            unsafe { (self.header().vtable.read_output)(self.0, into) };
        }
        there
    }

    /// Called when the handle is dropped. An output that was not taken is dropped now if the task is done,
    /// otherwise at the task's end.
    #[inline]
    pub(super) fn detach(self) {
        let now = self.header().join.load();
        if now == Word::TAKEN {
            self.release_shared();
        } else {
            self.detach_unread(now);
        }
    }

    #[inline(never)]
    fn detach_unread(self, now: Word) {
        let join = &self.header().join;
        if !now.is_done() && join.replace(now, Word::DETACHED) {
            // The executor may free the task from here on.
            // SAFETY: DETACHED has replaced the value.
            return drop(unsafe { now.waker() });
        }
        // SAFETY: the word is DONE, so the handle owns the output.
        unsafe { (self.header().vtable.drop_output)(self.0) };
        self.release_shared();
    }
}

/// The waker of the task or thread that awaits a handle. It takes eight bytes: a pointer to a task, or to a
/// boxed waker.
///
/// Most handles are awaited by tasks of brigade. The wakers of these tasks all have the same table of
/// functions, so the pointer to the task is enough. Both kinds of pointer are aligned, so the lowest bit
/// can mark a boxed waker.
pub(super) struct JoinWaker(NonNull<()>);

const BOXED: usize = 1;

impl JoinWaker {
    pub(super) fn new(waker: Waker) -> Self {
        let data = if waker::is_own(&waker) {
            // The waker's reference passes to the `JoinWaker`.
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
