//! The types of `crate::sync` in a model: loom's types, wrappers around them, and replacements for types that
//! loom lacks.

pub(crate) use loom::{
    cell::UnsafeCell,
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicUsize as SeldomWritten, Ordering, fence},
    },
};

use loom::sync::atomic as looms;
use std::cell::Cell;

/// Loom's atomics, changed so that loom explores all orders.
///
/// Loom must decide for which steps of two threads it tries both orders. For this decision, loom remembers
/// only the last access to each atomic. Suppose that one thread loads a word. Then a second thread loads the
/// word in a compare-and-swap loop, and writes it. Loom then remembers only the second load, so it never
/// tries the write before the first load. For example, in all 59 executions of a model of a worker's ring,
/// the owner found the ring full, because loom never tried a steal before the owner's load. So here, each
/// load first writes a word that no thread reads. The write is Relaxed, so it orders nothing in the model.
/// But loom tries both orders of two such writes.
///
/// Each such write adds executions, so `SeldomWritten` omits it. A `SeldomWritten` holds, for example, the
/// owner of a scheduler. Every operation on a task reads the owner, but the owner changes only once.
macro_rules! atomics {
    ($($name:ident$(<$param:ident>)?: $value:ty;)*) => {$(
        pub(crate) struct $name$(<$param>)? {
            inner: looms::$name$(<$param>)?,
            before_load: looms::AtomicBool,
        }

        #[allow(dead_code)]
        impl$(<$param>)? $name$(<$param>)? {
            pub(crate) fn new(value: $value) -> Self {
                Self {
                    inner: looms::$name::new(value),
                    before_load: looms::AtomicBool::new(false),
                }
            }

            pub(crate) fn load(&self, order: Ordering) -> $value {
                self.before_load.swap(true, Ordering::Relaxed);
                self.inner.load(order)
            }

            pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                self.inner.swap(value, order)
            }

            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.inner.compare_exchange(current, new, success, failure)
            }

            pub(crate) fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.inner.compare_exchange_weak(current, new, success, failure)
            }

            pub(crate) fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                mut f: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                let mut now = self.load(fetch);
                while let Some(next) = f(now) {
                    match self.compare_exchange(now, next, set, fetch) {
                        Ok(before) => return Ok(before),
                        Err(seen) => now = seen,
                    }
                }
                Err(now)
            }
        }
    )*};
}

macro_rules! numbers {
    ($($name:ident: $value:ty;)*) => {$(
        #[allow(dead_code)]
        impl $name {
            pub(crate) fn store(&self, value: $value, order: Ordering) {
                self.inner.store(value, order);
            }

            pub(crate) fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                self.inner.fetch_add(value, order)
            }

            pub(crate) fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                self.inner.fetch_sub(value, order)
            }

            pub(crate) fn fetch_max(&self, value: $value, order: Ordering) -> $value {
                self.inner.fetch_max(value, order)
            }

            pub(crate) fn fetch_min(&self, value: $value, order: Ordering) -> $value {
                self.inner.fetch_min(value, order)
            }

            pub(crate) fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                self.inner.fetch_or(value, order)
            }

            pub(crate) fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                self.inner.fetch_and(value, order)
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new(0)
            }
        }
    )*};
}

atomics! {
    AtomicBool: bool;
    AtomicPtr<T>: *mut T;
    AtomicU8: u8;
    AtomicU32: u32;
    AtomicU64: u64;
    AtomicUsize: usize;
}

numbers! {
    AtomicU8: u8;
    AtomicU32: u32;
    AtomicU64: u64;
    AtomicUsize: usize;
}

impl<T> AtomicPtr<T> {
    pub(crate) fn store(&self, value: *mut T, order: Ordering) {
        self.inner.store(value, order);
    }
}

impl AtomicBool {
    /// Stores the value with a swap. Some flags are both stored and swapped. Loom may put a plain store
    /// directly before a swap that did not read the stored value. The memory model forbids this order.
    pub(crate) fn store(&self, value: bool, order: Ordering) {
        self.inner.swap(value, order);
    }
}

pub(crate) mod thread {
    //! Threads and parking. A model has no time, so a timed park never times out. Loom's own `unpark` would
    //! also wake a thread that waits for a lock, so parking uses a token.

    use std::io;
    use std::num::NonZero;
    use std::sync::Arc;
    use std::time::Duration;

    use loom::sync::Notify;
    pub(crate) use loom::thread::{Builder, JoinHandle, yield_now};

    #[derive(Clone)]
    pub(crate) struct Thread(Arc<Notify>);

    loom::thread_local! {
        static CURRENT: Thread = Thread(Arc::new(Notify::new()));
    }

    impl Thread {
        pub(crate) fn unpark(&self) {
            self.0.notify();
        }

        /// Returns the id of the calling thread. No caller needs the id of another thread.
        pub(crate) fn id(&self) -> loom::thread::ThreadId {
            loom::thread::current().id()
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

/// Returns a number that identifies the calling thread and is never 0. As in the shipped code, the number is
/// an address.
pub(crate) fn thread_number() -> usize {
    loom::thread_local!(static MARK: Box<u8> = Box::new(0));
    MARK.with(|mark| std::ptr::from_ref(&**mark).addr())
}

pub(crate) mod channel {
    //! The part of crossbeam's unbounded channel that the runtime uses, built from loom's types.
    //!
    //! Here, reading the length synchronises like an Acquire load. Crossbeam's read of the length
    //! synchronises more strongly, so what a model proves is also true with crossbeam.

    use std::collections::VecDeque;
    use std::sync::Arc;

    use super::{AtomicUsize, Mutex, Ordering};
    use crate::sync::lock;

    struct Shared<T> {
        /// `None` once the receiver is gone.
        items: Mutex<Option<VecDeque<T>>>,
        length: AtomicUsize,
    }

    impl<T> Shared<T> {
        fn is_empty(&self) -> bool {
            self.length.load(Ordering::Acquire) == 0
        }
    }

    pub(crate) struct Sender<T>(Arc<Shared<T>>);

    pub(crate) struct Receiver<T>(Arc<Shared<T>>);

    pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
        let shared = Arc::new(Shared {
            items: Mutex::new(Some(VecDeque::new())),
            length: AtomicUsize::new(0),
        });
        (Sender(shared.clone()), Receiver(shared))
    }

    impl<T> Sender<T> {
        pub(crate) fn send(&self, item: T) -> Result<(), T> {
            let mut items = lock(&self.0.items);
            let Some(items) = &mut *items else {
                return Err(item);
            };
            items.push_back(item);
            self.0.length.store(items.len(), Ordering::Release);
            Ok(())
        }

        pub(crate) fn len(&self) -> usize {
            self.0.length.load(Ordering::Acquire)
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.0.is_empty()
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn len(&self) -> usize {
            self.0.length.load(Ordering::Acquire)
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.0.is_empty()
        }

        pub(crate) fn try_recv(&self) -> Result<T, ()> {
            let mut items = lock(&self.0.items);
            let items = items.as_mut().expect("the receiver is there");
            let item = items.pop_front().ok_or(())?;
            self.0.length.store(items.len(), Ordering::Release);
            Ok(item)
        }
    }

    impl<T> Drop for Receiver<T> {
        /// Drops the items that were sent but not received, as crossbeam does.
        fn drop(&mut self) {
            let left = lock(&self.0.items).take();
            drop(left);
        }
    }
}

/// A thread-local of a model's thread, with the interface of std's `LocalKey`.
///
/// All threads of a model run on one thread of the OS, so they would share a thread-local from std.
pub(crate) struct Local<T: 'static>(pub(crate) &'static loom::thread::LocalKey<T>);

impl<T> Local<T> {
    pub(crate) fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.0.with(f)
    }
}

impl<T> Local<Cell<T>> {
    pub(crate) fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    pub(crate) fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }

    pub(crate) fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

macro_rules! thread_local_of_a_model {
    ($($(#[$meta:meta])* static $name:ident: $type:ty = const $value:block;)*) => {$(
        $(#[$meta])*
        static $name: $crate::loom_tests::sync::Local<$type> = {
            loom::thread_local!(static INNER: $type = $value);
            $crate::loom_tests::sync::Local(&INNER)
        };
    )*};
}
pub(crate) use thread_local_of_a_model as thread_local;
