//! The waker: how the world outside tells a task to run again.
//!
//! **Job.** A [`std::task::Waker`] is a pointer and a table of four functions. Here the pointer is
//! the task's header, and the functions count references and call `RawTask::wake_by_ref`. One
//! table serves all tasks of all executors.
//!
//! **Owns** [`JoinerSlot`]: who awaits a task's handle, in eight bytes.
//!
//! **Never** runs a task or drops a future: waking is safe under any lock, on any thread, also
//! when the executor is gone.

use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::cell::{Header, catch_quietly};
use super::raw::{RawTask, TaskRef};

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, release);

/// # Safety
/// `data` came from [`raw_waker`].
#[inline(always)]
unsafe fn task(data: *const ()) -> RawTask {
    // SAFETY: `raw_waker` made `data` from a pointer that is not null.
    RawTask(unsafe { NonNull::new_unchecked(data.cast_mut().cast::<Header>()) })
}

fn raw_waker(task: RawTask) -> RawWaker {
    RawWaker::new(task.0.as_ptr().cast_const().cast(), &VTABLE)
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the waker that is being cloned came from `raw_waker` and holds a reference.
    raw_waker(unsafe { task(data) }.to_ref().into_raw())
}

unsafe fn wake(data: *const ()) {
    // SAFETY: the waker came from `raw_waker` and gives its reference up.
    let task = TaskRef::from_raw(unsafe { task(data) });
    // The reference lasts until the wake is done: the executor may run and free the task before
    // `schedule` returns (async-task #11).
    task.raw().wake_by_ref();
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the waker came from `raw_waker` and holds a reference.
    unsafe { task(data) }.wake_by_ref();
}

unsafe fn release(data: *const ()) {
    // SAFETY: the waker came from `raw_waker` and gives its reference up.
    drop(TaskRef::from_raw(unsafe { task(data) }));
}

/// A waker for `task` that is not counted: the caller must keep the task alive as long as it
/// exists, and must not drop it.
#[inline(always)]
pub(crate) fn borrowed(task: RawTask) -> Waker {
    // SAFETY: the table keeps the contract of `RawWaker`: all four functions may be called from
    // any thread, and clones are counted.
    unsafe { Waker::from_raw(raw_waker(task)) }
}

/// Wakes, and stops a panic of the waker: a foreign waker may do anything, and others wait behind
/// it (tokio #4055).
pub(crate) fn wake_quietly(waker: Waker) {
    catch_quietly(|| waker.wake());
}

/// A place for one waker in one pointer.
///
/// Most joiners are tasks of brigade, and of a task's waker only the data pointer is needed: the
/// table is always the same. A foreign waker is boxed. The lowest bit, free in both since they are
/// aligned, tells them apart.
pub(super) struct JoinerSlot(*mut ());

const BOXED: usize = 1;

/// What was in the slot.
pub(super) struct Joiner(NonNull<()>);

impl JoinerSlot {
    pub(super) const EMPTY: JoinerSlot = JoinerSlot(ptr::null_mut());

    /// Stores a waker of `waiter`, unless it is there already. What was there before is returned, to be
    /// dropped by the caller where dropping does no harm.
    #[inline]
    pub(super) fn set(&mut self, waiter: RawTask) -> Option<Joiner> {
        let data = waiter.0.as_ptr().cast();
        if ptr::eq(self.0, data) {
            return None;
        }
        // The slot owns this reference.
        waiter.to_ref().into_raw();
        self.replace(data)
    }

    /// Stores `waker`. What was there before is returned, as with `set`.
    pub(super) fn put(&mut self, waker: Waker) -> Option<Joiner> {
        if task_of(&waker).is_some() {
            // The slot keeps the waker's reference.
            let data = ManuallyDrop::new(waker).data();
            self.replace(data.cast_mut())
        } else {
            let boxed = Box::into_raw(Box::new(waker)).cast::<()>();
            self.replace(boxed.map_addr(|addr| addr | BOXED))
        }
    }

    pub(super) fn take(&mut self) -> Option<Joiner> {
        self.replace(ptr::null_mut())
    }

    fn replace(&mut self, with: *mut ()) -> Option<Joiner> {
        NonNull::new(std::mem::replace(&mut self.0, with)).map(Joiner)
    }
}

impl Joiner {
    fn into_waker(self) -> Waker {
        let data = ManuallyDrop::new(self).0;
        if data.addr().get() & BOXED != 0 {
            let boxed = data.as_ptr().map_addr(|addr| addr & !BOXED);
            // SAFETY: `put` made it from a box of a waker, and it is taken back once.
            *unsafe { Box::from_raw(boxed.cast::<Waker>()) }
        } else {
            // SAFETY: `put` made it from a reference of a task, which goes over to the waker.
            borrowed(unsafe { task(data.as_ptr()) })
        }
    }

    /// Wakes who waits.
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

impl Drop for Joiner {
    fn drop(&mut self) {
        let waker = Joiner(self.0).into_waker();
        super::raw::drop_value(waker);
    }
}

/// The task that a waker wakes, if it is one of ours.
#[inline(always)]
pub(super) fn task_of(waker: &Waker) -> Option<RawTask> {
    // SAFETY: the table is ours, so the pointer came from `raw_waker`; the waker holds a reference.
    ptr::eq(waker.vtable(), &VTABLE).then(|| unsafe { task(waker.data()) })
}

/// Whether waking would do nothing, since the task is complete. `false` if it is not known.
pub(crate) fn is_dead(waker: &Waker) -> bool {
    task_of(waker).is_some_and(RawTask::is_finished)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Poll, Wake};

    use super::*;
    use crate::task::JoinHandle;
    use crate::task::home::{HomeRef, Schedule};
    use crate::task::letter::Letter;
    use crate::task::raw::Runnable;

    /// Counts how often its task was scheduled, and forgets it.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Schedule for Counting {
        fn admit(&self, _task: Runnable) -> Result<(), Runnable> {
            Ok(())
        }
        fn schedule(&self, task: Runnable) {
            self.0.fetch_add(1, Ordering::SeqCst);
            // Run on the spot: only a test may do that.
            task.run();
        }
        fn forget(&self, _task: RawTask) {}
        fn post(&self, _letter: Letter) {}
    }

    /// A task that hands out its waker at its first poll and ends at its second.
    fn idle_task() -> (Arc<Counting>, JoinHandle<()>, Waker) {
        let scheduler = Arc::new(Counting::default());
        let (send, receive) = std::sync::mpsc::channel();
        let mut polls = 0;
        let future = std::future::poll_fn(move |cx| {
            polls += 1;
            let _ = send.send(cx.waker().clone());
            if polls == 2 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        let (runnable, raw) = RawTask::new(future, HomeRef::shared(scheduler.clone()));
        let handle = JoinHandle::new(raw);
        runnable.run();
        (scheduler, handle, receive.recv().unwrap())
    }

    #[derive(Default)]
    struct Stranger(AtomicUsize);

    impl Wake for Stranger {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_waker_schedules_its_task_once() {
        let (scheduler, handle, waker) = idle_task();
        assert!(!is_dead(&waker));
        assert!(waker.will_wake(&waker.clone()));
        waker.wake_by_ref();
        assert_eq!(scheduler.0.load(Ordering::SeqCst), 1);
        assert!(handle.is_finished() && is_dead(&waker));
        let clone = waker.clone();
        clone.wake();
        waker.wake();
        assert_eq!(scheduler.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_strangers_waker_is_never_called_dead() {
        assert!(!is_dead(&Waker::from(Arc::new(Stranger::default()))));
        assert!(!is_dead(Waker::noop()));
    }

    #[test]
    fn a_slot_keeps_what_it_has_and_gives_back_the_old() {
        let (stranger, mut slot) = (Arc::new(Stranger::default()), JoinerSlot::EMPTY);
        let foreign = Waker::from(stranger.clone());
        let (_scheduler, _handle, own) = idle_task();
        assert!(task_of(&foreign).is_none());
        let task = task_of(&own).unwrap();
        assert!(slot.set(task).is_none());
        // It is there already.
        assert!(slot.set(task).is_none());
        let old = slot.put(foreign.clone()).unwrap();
        assert!(old.into_waker().will_wake(&own));
        assert_eq!(Arc::strong_count(&stranger), 3);
        let old = slot.put(own.clone()).unwrap();
        old.wake();
        assert_eq!(stranger.0.load(Ordering::SeqCst), 1);
        assert_eq!(Arc::strong_count(&stranger), 2);
        slot.take().unwrap().wake();
        assert!(slot.take().is_none());
        assert!(is_dead(&own));
    }

    #[test]
    fn a_joiner_that_is_not_woken_is_dropped() {
        let stranger = Arc::new(Stranger::default());
        let mut slot = JoinerSlot::EMPTY;
        drop(slot.put(Waker::from(stranger.clone())));
        drop(slot.take());
        let (_scheduler, handle, own) = idle_task();
        drop(slot.put(own));
        drop(slot.take());
        // Its executor's claim ends with it.
        handle.abort();
        assert_eq!(Arc::strong_count(&stranger), 1);
        assert_eq!(stranger.0.load(Ordering::SeqCst), 0);
    }

    /// tokio #4055: wakers behind one that panics are still called.
    #[test]
    fn a_panic_of_a_waker_is_stopped() {
        struct Bomb;
        impl Wake for Bomb {
            fn wake(self: Arc<Self>) {
                panic!("a stranger's waker panics");
            }
        }
        let stranger = Arc::new(Stranger::default());
        for waker in [Arc::new(Bomb).into(), Waker::from(stranger.clone())] {
            wake_quietly(waker);
        }
        let mut slot = JoinerSlot::EMPTY;
        drop(slot.put(Arc::new(Bomb).into()));
        slot.take().unwrap().wake();
        assert_eq!(stranger.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_panic_of_a_waker_that_is_dropped_is_stopped() {
        struct Bomb;
        impl Wake for Bomb {
            fn wake(self: Arc<Self>) {}
        }
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("a stranger's waker panics as it goes");
            }
        }
        let mut slot = JoinerSlot::EMPTY;
        drop(slot.put(Arc::new(Bomb).into()));
        drop(slot.put(Arc::new(Bomb).into()));
        drop(slot.take());
    }
}
