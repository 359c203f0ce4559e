//! std or loom, chosen here and nowhere else.
//!
//! **Job.** Every atomic, lock and unsafe cell of the runtime comes through this file, so that one
//! `--cfg loom` swaps them all for loom's and the models in the tests explore the very code that
//! ships.
//!
//! **Owns** three small tools that std lacks:
//!
//! - [`ThreadToken`]: which thread am I? One instruction, no system call.
//! - [`OwnerCell`]: a `RefCell` that may be *shared* between threads but *opened* only on one.
//! - [`Guarded`]: a value that is either such a cell (one cook: no lock) or a mutex (many cooks).
//!
//! **Never** decides anything about tasks, queues or time.

// std's also under loom, whose own knows no `dyn`: that counting references works is std's affair.
pub(crate) use std::sync::Arc;

#[cfg(not(loom))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

#[cfg(loom)]
pub(crate) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

#[cfg(not(loom))]
pub(crate) use std::thread;

#[cfg(loom)]
pub(crate) mod thread {
    //! Parking in a model. It knows no time: a park with an end is one without. loom's own `unpark`
    //! would also wake a thread that waits for a lock, hence the token.

    use std::io;
    use std::num::NonZero;
    use std::sync::Arc;
    use std::time::Duration;

    use loom::sync::Notify;
    pub(crate) use loom::thread::{Builder, JoinHandle};

    #[derive(Clone)]
    pub(crate) struct Thread(Arc<Notify>);

    loom::thread_local! {
        static CURRENT: Thread = Thread(Arc::new(Notify::new()));
    }

    impl Thread {
        pub(crate) fn unpark(&self) {
            self.0.notify();
        }
    }

    pub(crate) fn current() -> Thread {
        CURRENT.with(Thread::clone)
    }

    pub(crate) fn park() {
        current().0.wait();
    }

    pub(crate) fn park_timeout(_at_most: Duration) {
        park();
    }

    pub(crate) fn available_parallelism() -> io::Result<NonZero<usize>> {
        std::thread::available_parallelism()
    }
}

#[cfg(loom)]
pub(crate) use loom::cell::UnsafeCell;
#[cfg(loom)]
pub(crate) use modelled_local as thread_local;
#[cfg(not(loom))]
pub(crate) use std::thread_local;

#[cfg(not(loom))]
pub(crate) use crossbeam_channel as channel;

#[cfg(loom)]
pub(crate) mod channel {
    //! The part of crossbeam's unbounded channel that the runtime uses, in a form that loom sees.
    //!
    //! Asking for the length synchronises no more than an Acquire load does, which is less than
    //! crossbeam's does: what holds here holds there.

    use std::collections::VecDeque;
    use std::sync::Arc;

    use super::{AtomicUsize, Mutex, Ordering, lock};

    struct Shared<T> {
        items: Mutex<VecDeque<T>>,
        length: AtomicUsize,
    }

    pub(crate) struct Sender<T>(Arc<Shared<T>>);

    pub(crate) struct Receiver<T>(Arc<Shared<T>>);

    pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
        let shared = Arc::new(Shared {
            items: Mutex::new(VecDeque::new()),
            length: AtomicUsize::new(0),
        });
        (Sender(shared.clone()), Receiver(shared))
    }

    impl<T> Sender<T> {
        pub(crate) fn send(&self, item: T) -> Result<(), T> {
            let mut items = lock(&self.0.items);
            items.push_back(item);
            self.0.length.store(items.len(), Ordering::Release);
            Ok(())
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn try_recv(&self) -> Result<T, ()> {
            let mut items = lock(&self.0.items);
            let item = items.pop_front().ok_or(())?;
            self.0.length.store(items.len(), Ordering::Release);
            Ok(item)
        }

        pub(crate) fn len(&self) -> usize {
            self.0.length.load(Ordering::Acquire)
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.len() == 0
        }
    }
}

/// A thread-local of a model's thread, with the interface of std's.
///
/// All threads of a model are one thread of the OS, so std's own would be shared between them.
#[cfg(loom)]
pub(crate) struct Local<T: 'static>(pub(crate) &'static loom::thread::LocalKey<T>);

#[cfg(loom)]
impl<T> Local<T> {
    pub(crate) fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.0.with(f)
    }
}

#[cfg(loom)]
impl<T> Local<std::cell::Cell<T>> {
    pub(crate) fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(|cell| cell.get())
    }

    pub(crate) fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }

    pub(crate) fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

#[cfg(loom)]
macro_rules! modelled_local {
    ($($(#[$meta:meta])* static $name:ident: $type:ty = const $value:block;)*) => {$(
        $(#[$meta])*
        static $name: $crate::sync::Local<$type> = {
            loom::thread_local!(static INNER: $type = $value);
            $crate::sync::Local(&INNER)
        };
    )*};
}
#[cfg(loom)]
pub(crate) use modelled_local;

use std::cell::{RefCell, RefMut};

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
        loom::thread_local!(static MARK: Box<u8> = Box::new(0));
        ThreadToken(MARK.with(|mark| std::ptr::from_ref(&**mark).addr()))
    }

    /// As a number, which is not 0.
    #[inline(always)]
    pub(crate) fn number(self) -> usize {
        self.0
    }
}

/// A `RefCell` whose *reference* may travel to any thread, while its *content* is reached only on
/// the thread that made it.
///
/// The single-thread executor keeps its run queue in one, so that wakers on any thread can hold
/// the executor alive, while the queue itself needs no lock and no atomic.
pub(crate) struct OwnerCell<T> {
    owner: ThreadToken,
    value: RefCell<T>,
}

// SAFETY: `value` is reached only through `open`, which checks that the caller is the one owner
// thread, so no two threads ever touch it at a time. `T: Send` because the last reference, and
// with it the drop of `T`, may be on another thread.
unsafe impl<T: Send> Sync for OwnerCell<T> {}

impl<T> OwnerCell<T> {
    /// A cell that belongs to the calling thread.
    pub(crate) fn new(value: T) -> Self {
        OwnerCell {
            owner: ThreadToken::current(),
            value: RefCell::new(value),
        }
    }

    /// Opens the cell, if the caller is the owner thread.
    ///
    /// # Panics
    /// If it is open already: a fault of the runtime, never of its user.
    #[inline(always)]
    pub(crate) fn open(&self) -> Option<RefMut<'_, T>> {
        (self.owner == ThreadToken::current()).then(|| self.value.borrow_mut())
    }
}

/// A value that one thread owns without a lock, or that many threads share under one.
pub(crate) enum Guarded<T> {
    /// One cook: only the owner thread gets in.
    Owned(OwnerCell<T>),
    /// Many cooks.
    Locked(Mutex<T>),
}

impl<T> Guarded<T> {
    /// Runs `f` on the value, or answers `None` where the value belongs to another thread.
    ///
    /// `f` must not run code of a user: a waker or a destructor that came back here would find
    /// the value open.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        match self {
            Guarded::Owned(cell) => cell.open().map(|mut value| f(&mut value)),
            Guarded::Locked(mutex) => Some(f(&mut lock(mutex))),
        }
    }
}
