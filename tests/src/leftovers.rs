//! What a process holds, before a test and after it: descriptors, threads, bytes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

/// The system's allocator, with a count of the bytes that are allocated and not freed.
///
/// It is used where a test says so: `#[global_allocator] static ALLOCATOR: Counting = Counting;`.
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

/// The bytes that are allocated and not freed.
///
/// # Panics
/// If [`Counting`] is not the allocator: nothing would ever leak.
pub fn live_bytes() -> i64 {
    let live = LIVE.load(Ordering::Relaxed);
    assert!(live > 0, "nobody counts");
    live
}

/// How many descriptors are open. 0 where the OS does not tell.
pub fn descriptors() -> usize {
    // One is the directory itself.
    fs::read_dir("/proc/self/fd").map_or(0, |list| list.count() - 1)
}

/// How many threads there are. 0 where the OS does not tell.
pub fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Descriptors and live bytes, once the threads of executors that were dropped are gone as well: the
/// drop waits for their work, not for the OS to end them.
pub fn at_rest(with_threads: usize) -> (usize, i64) {
    while threads() > with_threads {
        thread::yield_now();
    }
    (descriptors(), live_bytes())
}
