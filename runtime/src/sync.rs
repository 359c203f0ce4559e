//! std or loom, chosen here and nowhere else.
//!
//! **Job.** Every atomic, lock and unsafe cell of the runtime comes through this file, so that one
//! `--cfg loom` swaps them all for loom's and the models in the tests explore the very code that
//! ships.
//!
//! **Owns** two small tools that std lacks:
//!
//! - [`ThreadToken`]: which thread am I? One instruction, no system call.
//! - [`OwnerCell`]: a `RefCell` that may be *shared* between threads but *opened* only on one.
//!
//! **Never** decides anything about tasks, queues or time.

// One `Arc` everywhere: std's also under loom, whose own knows no `dyn`. That counting references works
// is std's affair.
pub(crate) use std::sync::Arc;

#[cfg(not(loom))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

/// std's atomics, also in models: for counters that decide nothing, so that loom tries no orders for them.
pub(crate) mod counting {
    pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize};
}

#[cfg(not(loom))]
pub(crate) use crossbeam_channel as channel;
// `SeldomWritten` is an atomic like the others. In models it is one that loom explores less of: see
// `models::sync`.
#[cfg(not(loom))]
pub(crate) use std::{sync::atomic::AtomicUsize as SeldomWritten, thread, thread_local};

#[cfg(loom)]
pub(crate) use crate::loom_tests::sync::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Condvar, Mutex, MutexGuard,
    Ordering, SeldomWritten, UnsafeCell, channel, fence, thread, thread_local,
};

/// std's `UnsafeCell` behind loom's interface: access is a closure over the raw pointer, so that
/// loom can see where each access begins and ends.
#[cfg(not(loom))]
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    /// Gives `f` a pointer for writing. The caller answers for exclusive access.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// A `fence(SeqCst)` for the place directly after an atomic read-modify-write of the same thread.
///
/// On x86-64 that operation is a full barrier itself, so only the compiler has to be told, and the fence
/// (20 to 30 cycles) is left out. Models and Miri, which know the abstract machine alone, get the fence.
#[inline(always)]
pub(crate) fn fence_after_read_modify_write() {
    if cfg!(all(target_arch = "x86_64", not(loom), not(miri))) {
        std::sync::atomic::compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// Locks, whether or not a thread panicked while it held the lock.
///
/// No code of a user runs under any lock of the runtime, so a poisoned lock can only mean that the
/// runtime itself panicked between two statements that each leave the data whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Names a thread while it lives.
///
/// It is the address of a thread-local byte: reading it is one instruction. A thread that is born
/// after another has died may get the same token, which is harmless here: whatever was bound to
/// the dead thread is not being touched by it any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ThreadToken(usize);

impl ThreadToken {
    /// The token of the thread that calls.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(crate) fn current() -> Self {
        std::thread_local!(static MARK: u8 = const { 0 });
        ThreadToken(MARK.with(|mark| std::ptr::from_ref(mark).addr()))
    }

    #[cfg(loom)]
    pub(crate) fn current() -> Self {
        ThreadToken(crate::loom_tests::sync::thread_number())
    }

    /// As a number, which is not 0.
    #[inline(always)]
    pub(crate) fn number(self) -> usize {
        self.0
    }
}

/// A cell whose *reference* may travel to any thread, while its *content* is reached only on the thread
/// that made it.
///
/// The single-thread executor keeps its run queue in one, so that wakers on any thread can hold the executor
/// alive, while the queue itself needs no lock, no atomic and no borrow flag.
pub(crate) struct OwnerCell<T> {
    owner: ThreadToken,
    value: std::cell::UnsafeCell<T>,
    /// The cell is open. Only to catch a fault of the runtime in tests.
    #[cfg(debug_assertions)]
    open: std::cell::Cell<bool>,
}

// SAFETY: `value` is reached only through `with`, which checks that the caller is the one owner
// thread, so no two threads ever touch it at a time. `T: Send` because the last reference, and
// with it the drop of `T`, may be on another thread.
unsafe impl<T: Send> Sync for OwnerCell<T> {}

impl<T> OwnerCell<T> {
    /// A cell that belongs to the calling thread.
    pub(crate) fn new(value: T) -> Self {
        OwnerCell {
            owner: ThreadToken::current(),
            value: std::cell::UnsafeCell::new(value),
            #[cfg(debug_assertions)]
            open: std::cell::Cell::new(false),
        }
    }

    /// Runs `f` on the value, or returns `None` where the value belongs to another thread.
    ///
    /// # Safety
    /// `f` does not reach this cell again: it calls no code of the user, neither a waker nor a destructor.
    #[inline(always)]
    pub(crate) unsafe fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        if self.owner != ThreadToken::current() {
            return None;
        }
        #[cfg(debug_assertions)]
        assert!(!self.open.replace(true), "an OwnerCell was opened twice");
        // SAFETY: only the owner thread gets here, and not again before `f` returns.
        let result = f(unsafe { &mut *self.value.get() });
        #[cfg(debug_assertions)]
        self.open.set(false);
        Some(result)
    }
}
