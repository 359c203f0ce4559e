//! Counts the descriptors, threads and bytes that a process holds.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

/// The system's allocator, which also counts the bytes that are allocated and not yet freed.
///
/// A test opts in with `#[global_allocator] static ALLOCATOR: Counting = Counting;`.
pub struct Counting;

static LIVE: AtomicI64 = AtomicI64::new(0);

// SAFETY: every call is passed on to the system's allocator, with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same for the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`, which is the same for the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Returns the number of bytes that are allocated and not yet freed.
///
/// # Panics
/// Panics if [`Counting`] is not the allocator, because the count would then always be 0.
pub fn live_bytes() -> i64 {
    let live = LIVE.load(Ordering::Relaxed);
    assert!(live > 0, "`Counting` is not the global allocator");
    live
}

/// Returns the number of open descriptors, or 0 if the OS does not report it.
pub fn descriptors() -> usize {
    // Do not count the descriptor of the directory itself.
    fs::read_dir("/proc/self/fd").map_or(0, |list| list.count() - 1)
}

/// Returns the number of threads, or 0 if the OS does not report it.
pub fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Waits until at most `with_threads` threads are left. Returns how many descriptors are open, and how many
/// bytes are allocated and not yet freed. Dropping an executor waits until its threads have done their work,
/// but the OS may end the threads a little later.
pub fn at_rest(with_threads: usize) -> (usize, i64) {
    while threads() > with_threads {
        thread::yield_now();
    }
    (descriptors(), live_bytes())
}
