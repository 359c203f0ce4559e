//! The handle's side of a task: wait for the output, take it, or let go.
//!
//! **Job.** Put the waker of whoever awaits into the task's slot, so that it is called when the output
//! is there; move the output out, once; and when the handle is dropped, leave behind what the executor
//! will have to clear away.
//!
//! **Owns**, by the state word: the slot of the waker while JOINER is clear, the output once TAKEN is
//! set by this side. A handle on a foreign thread touches neither until the task is RETIRED; until then
//! it writes letters, and what they ask is done here on the owner's thread (or anywhere, once the executor
//! is closed; then it is the handle that may touch both, and a letter leaves them alone).
//!
//! **Never** polls or drops a future.

use std::task::{Poll, Waker};

use super::super::cell::{JOIN_POSTED, drop_quietly};
use super::super::home::Access;
use super::super::letter::Letter;
use super::super::state::{Detach, Join, Snapshot, Writer};
use super::super::waker::{self, Joiner, JoinerSlot, wake_quietly};
use super::RawTask;
use crate::recorder::Recorder;
use crate::sync::Ordering;

impl RawTask {
    pub(in crate::task) fn is_finished(self) -> bool {
        self.state().load().is_complete()
    }

    /// How the task's handle, which calls, may write the state word on this thread; `None`: not at all, it
    /// has to ask by letter.
    #[inline(always)]
    fn writer_of_handle(self, state: Snapshot) -> Option<Writer> {
        if state.is_retired() {
            // Nobody else writes any more, so it makes no difference which thread this is.
            return Some(Writer::Sole);
        }
        match self.home().access() {
            Access::Owner => Some(Writer::Sole),
            Access::Shared => Some(Writer::OneOfMany),
            Access::Foreign => None,
        }
    }

    /// Whether the output is there; if not, `waker` is called when it is. The caller is the
    /// task's handle.
    // What it does when all is done already is compiled into its callers, what it does before that is not.
    #[inline(always)]
    pub(in crate::task) fn poll_join(self, waker: &Waker) -> Poll<()> {
        let state = self.state().load();
        let Some(writer) = self.writer_of_handle(state) else {
            return self.join_from_afar(waker);
        };
        if let Some(recorder) = self.home().recorder() {
            self.join_on_record(recorder);
        }
        if state.is_complete() {
            // Nothing need be written: the load acquired the output.
            return Poll::Ready(());
        }
        self.await_completion(writer, waker)
    }

    #[cold]
    #[inline(never)]
    fn join_on_record(self, recorder: &Recorder) {
        if self.home().access() != Access::Foreign {
            recorder.report_join(self.number());
        }
    }

    #[cold]
    fn join_from_afar(self, waker: &Waker) -> Poll<()> {
        let letter = Letter::join(self.to_ref(), waker.clone());
        // Relaxed: posting releases it.
        let posted = &self.header().posted;
        posted.fetch_or(JOIN_POSTED, Ordering::Relaxed);
        self.home().scheduler().post(letter);
        // The owner may have completed the task meanwhile and have read its letters for the last time.
        // Posting ended with a fence; if the owner's came before, the task is seen to be RETIRED here,
        // else the owner sees the letter (`LetterBox::rest`).
        if self.state().load().is_retired() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    #[inline(never)]
    fn await_completion(self, writer: Writer, waker: &Waker) -> Poll<()> {
        let Some(waiter) = waker::task_of(waker) else {
            // First: a stranger's waker may panic when it is cloned, and nothing has happened then.
            let waker = waker.clone();
            self.void_letters();
            return self.join_as(writer, |slot| slot.put(waker)).map(drop);
        };
        self.void_letters();
        self.join_as(writer, |slot| slot.set(waiter)).map(drop)
    }

    /// The handle is polled here: what it posted elsewhere before says nothing any more.
    #[inline(always)]
    fn void_letters(self) {
        let posted = &self.header().posted;
        // Relaxed: the handle came here through something that synchronises, and letters are read here.
        if posted.load(Ordering::Relaxed) & JOIN_POSTED != 0 {
            posted.fetch_and(!JOIN_POSTED, Ordering::Relaxed);
        }
    }

    /// `fill` puts a waker into the slot and takes out what was there. If the task turns out to be
    /// complete after that, the waker comes back.
    #[inline(always)]
    fn join_as(
        self,
        writer: Writer,
        fill: impl FnOnce(&mut JoinerSlot) -> Option<Joiner>,
    ) -> Poll<Option<Joiner>> {
        if self.state().apply(writer, Snapshot::reclaim_slot) == Join::Complete {
            return Poll::Ready(None);
        }
        let old = self.header().joiner.with_mut(|slot| {
            // SAFETY: JOINER is clear, so until the offer the slot is the handle's.
            fill(unsafe { &mut *slot })
        });
        drop(old);
        match self.state().apply(writer, Snapshot::offer_slot) {
            Join::Wait => Poll::Pending,
            Join::Complete => Poll::Ready(self.empty_slot()),
        }
    }

    /// A letter of a handle on another thread, which waits, has come.
    pub(in crate::task) fn receive_joiner(self, waker: Waker) {
        if self.home().access() != Access::Owner {
            // The executor is closed: the handle comes to the slot itself now, so it must be left alone.
            return wake_quietly(waker);
        }
        if self.header().posted.load(Ordering::Relaxed) & JOIN_POSTED == 0 {
            // The handle has been polled on this thread since, and somebody else waits.
            return drop_quietly(waker);
        }
        let mut waker = Some(waker);
        let joined = self.join_as(Writer::Sole, |slot| {
            slot.put(waker.take().expect("the slot is filled once"))
        });
        // Ready also where the handle has been dropped meanwhile: a wake too many.
        if let Poll::Ready(came_back) = joined {
            if let Some(joiner) = came_back {
                joiner.wake();
            }
            if let Some(waker) = waker {
                wake_quietly(waker);
            }
        }
    }

    /// Moves the output to `into`, a `*mut Result<T, JoinError>`, unless it was taken before. The
    /// caller is the handle and has seen `poll_join` answer `Ready`.
    ///
    /// # Safety
    /// `into` points to room for the output of this very task.
    #[inline(always)]
    pub(in crate::task) unsafe fn take_output(self, into: *mut ()) -> bool {
        let writer = self.writer_of_handle(self.state().load());
        let writer = writer.expect("complete, and here or retired");
        let there = self.state().apply(writer, Snapshot::take);
        if there {
            // SAFETY: TAKEN was set just now, so the output is this caller's.
            unsafe { (self.header().vtable.read_output)(self.0, into) };
        }
        there
    }

    /// The handle is dropped: on the thread of the task, or on any thread of a shared home, or
    /// anywhere once the task is retired; otherwise by letter.
    // As with `poll_join`: where all is done it is compiled into its callers.
    #[inline]
    pub(in crate::task) fn detach(self) {
        let state = self.state().load();
        if state.is_spent() {
            // Nobody will look at HANDLE again: no need to write.
            return self.release();
        }
        let Some(writer) = self.writer_of_handle(state) else {
            return self.detach_from_afar();
        };
        self.detach_as(writer);
    }

    #[cold]
    fn detach_from_afar(self) {
        // The letter takes the handle's claim along. Without another reference task, home and letter box
        // could be gone before `post` is done with them.
        let _alive = self.to_ref();
        self.home().scheduler().post(Letter::detach(self));
    }

    #[inline(never)]
    fn detach_as(self, writer: Writer) {
        loop {
            match self.state().apply(writer, Snapshot::detach) {
                Detach::OutputFirst => {
                    if self.state().apply(writer, Snapshot::take) {
                        // SAFETY: TAKEN was set just now, so the output is this caller's.
                        unsafe { (self.header().vtable.drop_output)(self.0) };
                    }
                }
                Detach::SlotFirst => drop(self.empty_slot()),
                Detach::Release => return self.release(),
                Detach::Nothing => return,
            }
        }
    }
}
