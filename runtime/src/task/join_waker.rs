//! The waker of the task or thread that awaits a handle, in eight bytes.
//!
//! Most joiners are tasks of brigade. The waker of such a task is a pointer and a table of functions that is
//! always the same, so the pointer is enough. Any other waker is boxed. Both pointers are aligned, and the
//! lowest bit tells them apart.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::task::Waker;

use super::waker::{self, drop_quietly, wake_quietly};

/// The waker: a pointer to a task, or to a boxed waker.
pub(super) struct JoinWaker(NonNull<()>);

/// Set in the pointer to a boxed waker.
const BOXED: usize = 1;

impl JoinWaker {
    pub(super) fn new(waker: Waker) -> Self {
        let data = if waker::is_own(&waker) {
            // The reference of the waker goes over to this value.
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
            // SAFETY: `new` made it from a box of a waker, and it is taken back once.
            *unsafe { Box::from_raw(boxed) }
        } else {
            // SAFETY: `new` took it from one of our wakers, whose reference goes over to this one.
            unsafe { waker::from_data(data) }
        }
    }

    /// Wakes the joiner.
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
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
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

    /// tokio #4055: the wakers behind one that panics are still called.
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
