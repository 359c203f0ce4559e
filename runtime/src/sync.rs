//! Atomics, locks and cells: std's, or loom's with `--cfg loom`.
//!
//! All code in which threads can race uses these types, so the models in `loom_tests` explore the shipped
//! code. Two types that std lacks are here too: [`ThreadToken`] and [`OwnerCell`].

// This is std's `Arc` even under loom, because loom's `Arc` does not support `dyn`.
pub(crate) use std::sync::{Arc, Weak};

#[cfg(not(loom))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

/// std's atomics, even in models. Only counters use them, and no code depends on the counters. So loom need
/// not explore the orders of these accesses.
pub(crate) mod counting {
    pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize};
}

#[cfg(not(loom))]
pub(crate) use crossbeam_channel as channel;
// `SeldomWritten` is an atomic like the others. In models, loom explores fewer orders of its accesses: see
// `loom_tests::sync`.
#[cfg(not(loom))]
pub(crate) use std::{sync::atomic::AtomicUsize as SeldomWritten, thread, thread_local};

#[cfg(loom)]
pub(crate) use crate::loom_tests::sync::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Condvar, Mutex, MutexGuard,
    Ordering, SeldomWritten, UnsafeCell, channel, fence, thread, thread_local,
};

/// std's `UnsafeCell` with loom's interface: a closure gets the raw pointer. In models, loom's own type sees
/// where each access begins and ends.
#[cfg(not(loom))]
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    /// Calls `f` with a pointer for writing. The caller guarantees exclusive access.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Acts as a `fence(SeqCst)`. Call it directly after an atomic read-modify-write.
///
/// On x86-64 the read-modify-write is itself a full barrier, so a compiler fence suffices. This saves 20 to
/// 30 cycles. Models and Miri check against Rust's memory model, so they need the full fence.
#[inline(always)]
pub(crate) fn fence_after_read_modify_write() {
    if cfg!(all(target_arch = "x86_64", not(loom), not(miri))) {
        std::sync::atomic::compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// Locks the mutex, even if a thread panicked while it held the lock.
///
/// No user code runs under a lock of the runtime, so only the runtime's own code can panic there. That code
/// leaves the data valid after each statement.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Identifies a thread while it lives.
///
/// The token is the address of a thread-local byte. One instruction computes it. A new thread may get the
/// token of an ended thread. This is harmless, because the ended thread no longer uses the data that belongs
/// to the token. The C library or the OS synchronises the two threads when it gives the byte's memory to the
/// new thread. So the new thread sees everything that the ended thread did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ThreadToken(usize);

impl ThreadToken {
    /// Returns the token of the calling thread.
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

    /// Returns the token as a number, which is not 0.
    #[inline(always)]
    pub(crate) fn number(self) -> usize {
        self.0
    }
}

/// A cell that any thread may refer to. Only the thread that made the cell may access its content.
///
/// The single-thread executor keeps its run queue in such a cell. So wakers on any thread can refer to the
/// executor, and still the queue needs no lock, atomic or borrow flag.
pub(crate) struct OwnerCell<T> {
    owner: ThreadToken,
    value: std::cell::UnsafeCell<T>,
    /// True while `with` runs. Detects a nested access in debug builds.
    #[cfg(debug_assertions)]
    open: std::cell::Cell<bool>,
}

// SAFETY: `value` is reached only through `with`, which checks that the caller is the owner thread. So no two
// threads touch it at the same time. `T` must be `Send`, because another thread may drop the last reference,
// which also drops the value.
unsafe impl<T: Send> Sync for OwnerCell<T> {}

impl<T> OwnerCell<T> {
    /// Makes a cell that belongs to the calling thread.
    pub(crate) fn new(value: T) -> Self {
        OwnerCell {
            owner: ThreadToken::current(),
            value: std::cell::UnsafeCell::new(value),
            #[cfg(debug_assertions)]
            open: std::cell::Cell::new(false),
        }
    }

    /// Runs `f` on the value, or returns `None` if the value belongs to another thread.
    ///
    /// # Safety
    /// `f` must not access this cell again. So `f` must not call user code, such as a waker or a destructor.
    #[inline(always)]
    pub(crate) unsafe fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        if self.owner != ThreadToken::current() {
            return None;
        }
        #[cfg(debug_assertions)]
        assert!(!self.open.replace(true), "an OwnerCell was opened twice");
        // SAFETY: only the owner thread gets here, and `f` does not access this cell again.
        let result = f(unsafe { &mut *self.value.get() });
        #[cfg(debug_assertions)]
        self.open.set(false);
        Some(result)
    }
}
