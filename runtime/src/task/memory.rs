//! The memory of tasks, which is reused.
//!
//! Many tasks live for a microsecond. Returning the memory of each to the allocator and requesting it
//! again takes a third of all instructions between spawning and joining a task. So a thread that works
//! for an executor keeps the memory of tasks that end on it, in one list for each size, and reuses it
//! for new tasks. The lists are bounded. They are freed when the thread stops working for executors.
//!
//! Reused memory hides a use after free from the tools that look for one. So nothing is kept in Miri, in
//! models, and with `--cfg brigade_unrecycled`, which the sanitizer lanes set.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// The largest size that is kept. Arbitrary: larger futures do more work than their memory costs.
const LARGEST: usize = 504;

/// The number of sizes up to the largest, each with a list.
const SIZES: usize = LARGEST / STEP + 1;

/// How many bytes a list keeps. Arbitrary: 700 tasks of the smallest future.
const KEPT: usize = 64 * 1024;

/// Sizes are 8 more than a multiple of this, like malloc's chunks, so rounding up to them wastes
/// nothing.
const STEP: usize = 16;

/// A piece of memory in a list. This link is its first word.
struct Piece {
    next: *mut Piece,
}

/// The pieces of one size.
struct List {
    first: Cell<*mut Piece>,
    /// How many there are.
    length: Cell<usize>,
}

struct Lists {
    /// Memory is kept, because the thread works for an executor.
    open: Cell<bool>,
    by_size: [List; SIZES],
}

thread_local! {
    // Without a destructor, so that it can be read at any time of a thread's life.
    static LISTS: Lists = const {
        Lists {
            open: Cell::new(false),
            by_size: [const { List { first: Cell::new(ptr::null_mut()), length: Cell::new(0) } }; SIZES],
        }
    };
}

/// Returns the list for values of a type, and the layout of its pieces; `None` if such memory is not
/// kept.
const fn list_of<T>() -> Option<(usize, Layout)> {
    let off = cfg!(any(miri, loom, brigade_unrecycled));
    if off || size_of::<T>() < STEP || size_of::<T>() > LARGEST || align_of::<T>() > STEP {
        return None;
    }
    let list = (size_of::<T>() + STEP - 9) / STEP;
    match Layout::from_size_align(list * STEP + 8, STEP) {
        Ok(layout) => Some((list, layout)),
        Err(_) => None,
    }
}

/// Returns memory for a value, not written yet.
#[inline(always)]
pub(super) fn allocate<T>() -> NonNull<T> {
    let Some((list, layout)) = (const { list_of::<T>() }) else {
        return from_allocator(const { Layout::new::<T>() }).cast();
    };
    LISTS.with(|lists| {
        let list = &lists.by_size[list];
        let Some(piece) = NonNull::new(list.first.get()) else {
            return from_allocator(layout).cast();
        };
        // SAFETY: a piece in a list belongs to this thread, and begins with its link.
        list.first.set(unsafe { (*piece.as_ptr()).next });
        list.length.set(list.length.get() - 1);
        piece.cast()
    })
}

#[inline(never)]
fn from_allocator(layout: Layout) -> NonNull<u8> {
    // SAFETY: no cell is empty, since it has a header.
    let memory = unsafe { alloc(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Frees the memory of a value, or keeps it.
///
/// # Safety
/// It came from [`allocate`] for the same type, and is not used any more.
#[inline(always)]
pub(super) unsafe fn free<T>(memory: NonNull<T>) {
    let Some((list, layout)) = (const { list_of::<T>() }) else {
        // SAFETY: the caller upholds it.
        return unsafe { dealloc(memory.as_ptr().cast(), const { Layout::new::<T>() }) };
    };
    LISTS.with(|lists| {
        let (list, piece) = (&lists.by_size[list], memory.as_ptr().cast::<Piece>());
        let length = list.length.get();
        if lists.open.get() && length < KEPT / layout.size() {
            // SAFETY: the caller owns the memory, which is large enough and aligned for a link.
            unsafe { (*piece).next = list.first.get() };
            list.first.set(piece);
            list.length.set(length + 1);
        } else {
            // SAFETY: the caller upholds it.
            unsafe { dealloc(piece.cast(), layout) };
        }
    });
}

/// Makes the thread keep the memory of tasks while it lives. These values nest as calls do.
pub(crate) struct Keeping {
    was_open: bool,
}

impl Keeping {
    pub(crate) fn begin() -> Self {
        Keeping {
            was_open: LISTS.with(|lists| lists.open.replace(true)),
        }
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        if self.was_open {
            return;
        }
        LISTS.with(|lists| {
            lists.open.set(false);
            for (number, list) in lists.by_size.iter().enumerate() {
                let layout = Layout::from_size_align(number * STEP + 8, STEP);
                let layout = layout.expect("as in `list_of`");
                let mut first = list.first.replace(ptr::null_mut());
                list.length.set(0);
                while !first.is_null() {
                    // SAFETY: a piece in a list belongs to this thread, and begins with its link.
                    let next = unsafe { (*first).next };
                    // SAFETY: all pieces of this list were allocated with this layout.
                    unsafe { dealloc(first.cast(), layout) };
                    first = next;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Small = [u64; 11];

    fn address<T>(memory: NonNull<T>) -> usize {
        memory.as_ptr().addr()
    }

    fn kept() -> usize {
        LISTS.with(|lists| lists.by_size.iter().map(|list| list.length.get()).sum())
    }

    fn in_turn() {
        let memory = allocate::<Small>();
        // SAFETY: it came from `allocate` just now.
        unsafe { free(memory) };
    }

    #[test]
    fn pieces_have_room_and_waste_less_than_a_step() {
        fn check<T>() {
            if let Some((list, layout)) = list_of::<T>() {
                assert!(list < SIZES && layout.align() >= align_of::<T>());
                assert!((size_of::<T>()..size_of::<T>() + STEP).contains(&layout.size()));
            }
        }
        check::<Small>();
        check::<[u8; 40]>();
        check::<[u8; 41]>();
        check::<[u128; 3]>();
        check::<[u64; 63]>();
        assert!(list_of::<[u64; 64]>().is_none());
        assert!(list_of::<u8>().is_none());
    }

    #[test]
    #[cfg_attr(any(miri, brigade_unrecycled), ignore = "nothing is kept")]
    fn memory_is_used_again_while_it_is_kept() {
        in_turn();
        assert_eq!(kept(), 0);
        {
            let _keeping = Keeping::begin();
            let (one, other) = (allocate::<Small>(), allocate::<Small>());
            // SAFETY: both came from `allocate`.
            unsafe {
                free(one);
                free(other);
            }
            assert_eq!(kept(), 2);
            drop(Keeping::begin());
            assert_eq!(kept(), 2);
            // Of another size.
            let larger = allocate::<[u64; 13]>();
            assert_eq!(address(allocate::<Small>()), address(other));
            assert_eq!(address(allocate::<Small>()), address(one));
            // SAFETY: all came from `allocate`.
            unsafe {
                free(larger);
                free(one);
                free(other);
            }
            assert_eq!(kept(), 3);
        }
        assert_eq!(kept(), 0);
    }

    #[test]
    #[cfg_attr(any(miri, brigade_unrecycled), ignore = "nothing is kept")]
    fn kept_memory_is_bounded() {
        let _keeping = Keeping::begin();
        let all: Vec<_> = (0..2000).map(|_| allocate::<Small>()).collect();
        for memory in all {
            // SAFETY: it came from `allocate`.
            unsafe { free(memory) };
        }
        assert_eq!(kept(), KEPT / 88);
    }
}
