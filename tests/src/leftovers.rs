//! Counts what a process holds before and after a test: descriptors, threads and bytes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

/// The system's allocator, with a count of the bytes that are allocated and not yet freed.
///
/// A test opts in with `#[global_allocator] static ALLOCATOR: Counting = Counting;`.
pub struct Counting;

static LIVE: AtomicI64 = AtomicI64::new(0);

// SAFETY: all is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Returns the number of bytes that are allocated and not yet freed.
///
/// # Panics
/// If [`Counting`] is not the allocator, because then no leak could be found.
pub fn live_bytes() -> i64 {
    let live = LIVE.load(Ordering::Relaxed);
    assert!(live > 0, "nobody counts");
    live
}

/// Returns the number of open descriptors, or 0 if the OS does not report it.
pub fn descriptors() -> usize {
    // Leave out the descriptor of the directory itself.
    fs::read_dir("/proc/self/fd").map_or(0, |list| list.count() - 1)
}

/// Returns the number of threads, or 0 if the OS does not report it.
pub fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Returns the numbers of descriptors and live bytes, once at most `with_threads` threads are left. Dropping
/// an executor waits for the work of its threads, but not until the OS has ended them.
pub fn at_rest(with_threads: usize) -> (usize, i64) {
    while threads() > with_threads {
        thread::yield_now();
    }
    (descriptors(), live_bytes())
}
