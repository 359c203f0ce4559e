//! Where a task goes when it is woken: its executor, as the task sees it.
//!
//! **Job.** The one seam between tasks and executors, inside of brigade (what `seam.rs` shows to
//! executors outside is built on it). A task holds a [`Home`]; behind it stands
//! something that implements [`Schedule`]: the single-thread executor, the work-stealing executor,
//! the blocking pool, or one you write. The task knows nothing else of them.
//!
//! **Owns** the reference count that keeps a home alive as long as one of its tasks or wakers is,
//! perhaps long after the executor itself is gone.
//!
//! **Never** runs a task.
//!
//! # Counting without counting: the purse
//!
//! A task must keep its home alive: a waker may call `schedule` at any time from any thread. An
//! `Arc` would do, at two atomic read-modify-writes a task, all of them on one word that every
//! thread fights for. Instead, a thread that works for a home draws [`BATCH`] references at once
//! into a thread-local *purse* and hands them out with a plain subtraction. A task that is freed
//! on such a thread pays its reference back into the purse; on any other thread, directly into the
//! home. The count is never too low, and exact once all purses are closed.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::letter::Letter;
use super::raw::{RawTask, Runnable};
use crate::recorder::Recorder;
use crate::sync::{AtomicUsize, Ordering, SeldomWritten, ThreadToken, thread_local};

/// What an executor does for its tasks.
///
/// As long as a home is bound to a thread, all methods but `post` are called on that thread only:
/// [`RawTask`] asks [`Home::access`] first and writes a letter otherwise. Once it is unbound, `admit`
/// and `schedule` may be called on any thread, and refuse.
pub(crate) trait Schedule: Send + Sync {
    /// Takes a newborn task: remembers it until [`forget`](Self::forget) and puts it into a run
    /// queue. Gives it back when the executor is closing; the caller then cancels it.
    fn admit(&self, task: Runnable) -> Result<(), Runnable>;

    /// Puts a woken task into a run queue. Never blocks, never runs user code: it is called from
    /// inside `wake`, perhaps under a lock of the user.
    fn schedule(&self, task: Runnable);

    /// Puts a task that was woken during its own poll into a run queue: behind whatever is ready.
    fn reschedule(&self, task: Runnable) {
        self.schedule(task);
    }

    /// The task is about to complete: it leaves the list of those to cancel at shutdown.
    fn forget(&self, task: RawTask);

    /// Takes a letter from a thread that does not own the home. When the executor is closed it is
    /// carried out at once. A home that never was bound to a thread gets none. The caller keeps the home
    /// alive until this returns, whatever the letter takes along.
    fn post(&self, letter: Letter);
}

/// An executor, as its tasks see it.
pub(crate) struct Home {
    refs: AtomicUsize,
    /// The thread that the home is bound to, as a number; `NOBODY` if it is bound to none, and once
    /// its executor is closed.
    owner: SeldomWritten,
    scheduler: Arc<dyn Schedule>,
    /// Where what happens to the tasks is written down, if it is.
    recorder: Option<Arc<Recorder>>,
}

/// No thread has this number.
const NOBODY: usize = 0;

/// How the calling thread may touch the tasks of a home.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// The home is bound to this thread: plain loads and stores.
    Owner,
    /// The home is bound to no thread, or not any more: compare-and-swap (or, once the task is RETIRED, its
    /// handle plainly).
    Shared,
    /// The home is bound to another thread: by letter.
    Foreign,
}

impl Home {
    /// Who is calling?
    #[inline(always)]
    pub(crate) fn access(&self) -> Access {
        // Acquire pairs with `unbind`: what the owner wrote plainly comes before what anybody writes
        // afterwards.
        match self.owner.load(Ordering::Acquire) {
            NOBODY => Access::Shared,
            owner if owner == ThreadToken::current().number() => Access::Owner,
            _ => Access::Foreign,
        }
    }

    /// The executor is closed and its tasks are retired: whatever is left to be written, by handles
    /// and bounced letters on any thread, is written by compare-and-swap from here on. Called by the
    /// owner.
    pub(crate) fn unbind(&self) {
        self.owner.store(NOBODY, Ordering::Release);
    }

    /// Built with `--cfg brigade_unrecorded` there never is one, and the compiler leaves out whatever
    /// asks: `benches/recorder` measures against that what asking costs.
    #[inline(always)]
    pub(crate) fn recorder(&self) -> Option<&Arc<Recorder>> {
        self.recorder.as_ref().filter(|_| !cfg!(brigade_unrecorded))
    }

    #[inline(always)]
    pub(crate) fn scheduler(&self) -> &dyn Schedule {
        &*self.scheduler
    }
}

/// A counted reference to a [`Home`].
pub(crate) struct HomeRef(NonNull<Home>);

// SAFETY: `Home` is `Sync` (its scheduler is `Send + Sync`, its owner a number), and the count is
// atomic, so references may be moved, shared and dropped on any thread.
unsafe impl Send for HomeRef {}
// SAFETY: as above.
unsafe impl Sync for HomeRef {}

impl HomeRef {
    /// A home whose tasks stay on the calling thread.
    pub(crate) fn bound_and_recorded(
        scheduler: Arc<dyn Schedule>,
        recorder: Option<Arc<Recorder>>,
    ) -> Self {
        Self::new(ThreadToken::current().number(), scheduler, recorder)
    }

    /// A home whose tasks run on any thread.
    pub(crate) fn shared_and_recorded(
        scheduler: Arc<dyn Schedule>,
        recorder: Option<Arc<Recorder>>,
    ) -> Self {
        Self::new(NOBODY, scheduler, recorder)
    }

    /// As `shared_and_recorded`, for tests of what runs on it.
    #[cfg(test)]
    pub(crate) fn shared(scheduler: Arc<dyn Schedule>) -> Self {
        Self::new(NOBODY, scheduler, None)
    }

    /// As `bound_and_recorded`, for tests of what runs on it.
    #[cfg(test)]
    #[allow(dead_code)]
    pub(crate) fn bound(scheduler: Arc<dyn Schedule>) -> Self {
        Self::new(ThreadToken::current().number(), scheduler, None)
    }

    fn new(owner: usize, scheduler: Arc<dyn Schedule>, recorder: Option<Arc<Recorder>>) -> Self {
        HomeRef(NonNull::from(Box::leak(Box::new(Home {
            refs: AtomicUsize::new(1),
            owner: SeldomWritten::new(owner),
            scheduler,
            recorder,
        }))))
    }

    /// Turns the reference into a pointer for a task's header; `from_raw` is its counterpart.
    pub(crate) fn into_raw(self) -> NonNull<Home> {
        let raw = self.0;
        std::mem::forget(self);
        raw
    }

    /// Takes back what `into_raw` gave.
    ///
    /// # Safety
    /// `raw` came from `into_raw`, and each such pointer is taken back once.
    pub(crate) unsafe fn from_raw(raw: NonNull<Home>) -> Self {
        HomeRef(raw)
    }
}

impl Deref for HomeRef {
    type Target = Home;

    #[inline(always)]
    fn deref(&self) -> &Home {
        // SAFETY: this reference is counted, so the home has not been freed.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for HomeRef {
    #[inline]
    fn clone(&self) -> Self {
        if !Purse::draw(self.0) {
            // Relaxed: whoever clones holds a reference already.
            self.refs.fetch_add(1, Ordering::Relaxed);
        }
        HomeRef(self.0)
    }
}

impl Drop for HomeRef {
    #[inline]
    fn drop(&mut self) {
        if !Purse::pay_in(self.0) {
            // SAFETY: the reference is this one, and it ends here.
            unsafe { release(self.0, 1) };
        }
    }
}

/// Ends `count` references and frees the home with the last of them.
///
/// # Safety
/// The caller owns `count` references and uses none of them afterwards.
unsafe fn release(home: NonNull<Home>, count: usize) {
    // SAFETY: the caller's references keep the home alive up to the subtraction. Nothing but the
    // atomic is borrowed, and only for that operation.
    // Release: what this thread did with the home comes before its end on another one.
    if unsafe { (*home.as_ptr()).refs.fetch_sub(count, Ordering::Release) } == count {
        // SAFETY: that was the last reference; the box came from `HomeRef::new`.
        // Acquire pairs with the Release of all the others. A load and not a fence, which
        // ThreadSanitizer does not know.
        unsafe {
            (*home.as_ptr()).refs.load(Ordering::Acquire);
            drop(Box::from_raw(home.as_ptr()));
        }
    }
}

/// References drawn at a time. Thin air (chosen without a measurement): large enough that the atomic operation behind it costs
/// a task nothing that could be measured.
const BATCH: usize = 1024;

thread_local! {
    /// Whose references the purse of this thread holds, and how many.
    static PURSE: (Cell<*const Home>, Cell<usize>) =
        const { (Cell::new(ptr::null()), Cell::new(0)) };
}

/// The right to draw references of one home without counting them one by one: see the module's
/// header. It lasts as long as a thread works for the home; purses nest as such stays do.
pub(crate) struct Purse<'a> {
    previous: (*const Home, usize),
    home: PhantomData<&'a HomeRef>,
}

impl<'a> Purse<'a> {
    /// Opens a purse for `home` on this thread.
    pub(crate) fn open(home: &'a HomeRef) -> Self {
        PURSE.with(|(whose, spare)| Purse {
            previous: (whose.replace(home.0.as_ptr()), spare.replace(0)),
            home: PhantomData,
        })
    }

    #[inline(always)]
    fn draw(home: NonNull<Home>) -> bool {
        PURSE.with(|(whose, spare)| {
            if !ptr::eq(whose.get(), home.as_ptr()) {
                return false;
            }
            if spare.get() == 0 {
                // SAFETY: the purse borrows a `HomeRef`, so the home is alive. Relaxed as in
                // `HomeRef::clone`.
                unsafe { (*home.as_ptr()).refs.fetch_add(BATCH, Ordering::Relaxed) };
                spare.set(BATCH);
            }
            spare.set(spare.get() - 1);
            true
        })
    }

    #[inline(always)]
    fn pay_in(home: NonNull<Home>) -> bool {
        PURSE.with(|(whose, spare)| {
            let mine = ptr::eq(whose.get(), home.as_ptr());
            if mine {
                spare.set(spare.get() + 1);
            }
            mine
        })
    }
}

impl Drop for Purse<'_> {
    fn drop(&mut self) {
        let (home, spare) = PURSE.with(|(whose, spare)| {
            (
                whose.replace(self.previous.0),
                spare.replace(self.previous.1),
            )
        });
        if spare > 0 {
            // SAFETY: `spare` references of `home` were drawn or paid in and not handed out; the
            // borrowed `HomeRef` keeps the home alive besides.
            unsafe { release(NonNull::new_unchecked(home.cast_mut()), spare) };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::tests::Nowhere;

    /// A home, and what tells whether it is still there.
    fn open() -> (HomeRef, std::sync::Weak<Nowhere>) {
        let scheduler = Arc::new(Nowhere);
        let alive = Arc::downgrade(&scheduler);
        (HomeRef::shared(scheduler), alive)
    }

    fn counted(home: &HomeRef) -> usize {
        home.refs.load(Ordering::SeqCst)
    }

    #[test]
    fn a_bound_home_knows_its_thread_until_it_is_unbound() {
        let home = HomeRef::bound(Arc::new(Nowhere));
        let elsewhere = || thread::scope(|scope| scope.spawn(|| home.access()).join().unwrap());
        assert_eq!(
            (home.access(), elsewhere()),
            (Access::Owner, Access::Foreign)
        );
        home.unbind();
        assert_eq!(
            (home.access(), elsewhere()),
            (Access::Shared, Access::Shared)
        );
    }

    #[test]
    fn the_last_reference_frees_the_home_on_any_thread() {
        let (home, alive) = open();
        let other = home.clone();
        drop(home);
        assert_eq!(alive.strong_count(), 1);
        // SAFETY: what `into_raw` gave is taken back once.
        let other = unsafe { HomeRef::from_raw(other.into_raw()) };
        thread::spawn(|| drop(other)).join().unwrap();
        assert_eq!(alive.strong_count(), 0);
    }

    /// That is what a purse is for: no atomic operation for a task.
    #[test]
    fn a_purse_draws_once_a_batch() {
        let (home, alive) = open();
        {
            let _purse = Purse::open(&home);
            let mut drawn: Vec<_> = (0..BATCH).map(|_| home.clone()).collect();
            assert_eq!(counted(&home), 1 + BATCH);
            // What was paid in is handed out again.
            drawn.pop();
            drawn.push(home.clone());
            assert_eq!(counted(&home), 1 + BATCH);
            drawn.push(home.clone());
            assert_eq!(counted(&home), 1 + 2 * BATCH);
        }
        drop(home);
        assert_eq!(alive.strong_count(), 0);
    }

    #[test]
    fn the_count_is_exact_once_the_purse_is_closed() {
        let (home, alive) = open();
        let before = [home.clone(), home.clone()];
        let purse = Purse::open(&home);
        let drawn = [home.clone(), home.clone(), home.clone()];
        // References that were counted without a purse go into it too.
        drop(before);
        drop(purse);
        assert_eq!(counted(&home), 1 + drawn.len());
        // A purse that was not used changes nothing.
        drop(Purse::open(&home));
        assert_eq!(counted(&home), 1 + drawn.len());
        drop((home, drawn));
        assert_eq!(alive.strong_count(), 0);
    }

    /// As a thread that works for one home and works for another meanwhile: a `block_on` inside a task.
    #[test]
    fn purses_nest() {
        let ((outer, outer_alive), (inner, inner_alive)) = (open(), open());
        let outer_purse = Purse::open(&outer);
        let mut drawn = vec![outer.clone()];
        {
            let _inner_purse = Purse::open(&inner);
            drawn.push(inner.clone());
            // Not the purse's home: counted one by one.
            drawn.push(outer.clone());
            assert_eq!(counted(&outer), 1 + BATCH + 1);
            assert_eq!(counted(&inner), 1 + BATCH);
        }
        assert_eq!(counted(&inner), 2);
        // The outer purse is what it was.
        drawn.push(outer.clone());
        assert_eq!(counted(&outer), 1 + BATCH + 1);
        drop(drawn);
        drop(outer_purse);
        assert_eq!((counted(&outer), counted(&inner)), (1, 1));
        drop((outer, inner));
        assert_eq!(
            (outer_alive.strong_count(), inner_alive.strong_count()),
            (0, 0)
        );
    }
}
