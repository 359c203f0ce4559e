//! Reuses the memory of finished tasks.
//!
//! Many tasks live for a microsecond. Freeing and allocating the memory of such a task takes a third of all
//! instructions between spawn and join. So a thread of an executor keeps the memory of tasks that end on it,
//! and reuses it for new tasks. There is one bounded list for each size. The thread frees its lists when it
//! stops working for executors.
//!
//! Reused memory hides a use-after-free from tools that detect such bugs. So no memory is kept under Miri, in
//! loom models, or with `--cfg brigade_unrecycled`, which is set for sanitizers.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// The size, in bytes, of the largest cell whose memory is kept. Arbitrary: the work of a larger future
/// probably outweighs the cost of the allocation.
const LARGEST: usize = 504;

const SIZES: usize = LARGEST / STEP + 1;

/// The maximum number of bytes that a list keeps. Arbitrary: a list of the smallest size has space for
/// more than 1,000 tasks.
const KEPT: usize = 64 * 1024;

/// The size of a list's pieces is a multiple of this step, plus 8 bytes. The chunks of glibc's malloc have
/// the same sizes, so rounding up wastes nothing.
const STEP: usize = 16;

/// A piece of memory in a list. Its first word is the link to the next piece.
struct Piece {
    next: *mut Piece,
}

/// The pieces of one size.
struct List {
    first: Cell<*mut Piece>,
    length: Cell<usize>,
}

impl List {
    const fn new() -> Self {
        List {
            first: Cell::new(ptr::null_mut()),
            length: Cell::new(0),
        }
    }

    #[inline(always)]
    fn take(&self) -> Option<NonNull<u8>> {
        let piece = NonNull::new(self.first.get())?;
        // SAFETY: the list owns the pieces in it, and each of them begins with a link.
        self.first.set(unsafe { (*piece.as_ptr()).next });
        self.length.set(self.length.get() - 1);
        Some(piece.cast())
    }

    /// # Safety
    /// The memory came from the allocator with the layout of this list. The caller owns it and no longer
    /// uses it.
    #[inline(always)]
    unsafe fn put(&self, memory: NonNull<u8>) {
        let piece = memory.as_ptr().cast::<Piece>();
        // SAFETY: the list owns the memory now. Each piece is large enough and aligned for a link.
        unsafe { (*piece).next = self.first.get() };
        self.first.set(piece);
        self.length.set(self.length.get() + 1);
    }
}

struct Lists {
    /// Set while the thread works for an executor.
    open: Cell<bool>,
    by_size: [List; SIZES],
}

thread_local! {
    // The lists have no destructor, so a thread can read them until it ends.
    static LISTS: Lists = const {
        Lists {
            open: Cell::new(false),
            by_size: [const { List::new() }; SIZES],
        }
    };
}

/// Returns the index of the list for values of type `T`, or `None` if their memory is not kept.
const fn list_of<T>() -> Option<usize> {
    let off = cfg!(any(miri, loom, brigade_unrecycled));
    if off || size_of::<T>() < STEP || size_of::<T>() > LARGEST || align_of::<T>() > STEP {
        return None;
    }
    Some((size_of::<T>() + STEP - 9) / STEP)
}

const fn layout_of(list: usize) -> Layout {
    match Layout::from_size_align(list * STEP + 8, STEP) {
        Ok(layout) => layout,
        Err(_) => unreachable!(),
    }
}

/// Returns the maximum number of pieces in a list: a multiple of 8, because glibc's malloc reverses the order
/// of freed chunks in groups of 8. If the maximum were not such a multiple, each new group would take chunks
/// from two old groups. Over time, the order of the tasks' addresses becomes random. If many tasks exist, the
/// processor then cannot prefetch them (measured: 158 ns instead of 78 ns for each of 100,000 tasks).
const fn most(list: usize) -> usize {
    KEPT / layout_of(list).size() / 8 * 8
}

/// Returns uninitialised memory for a value.
#[inline(always)]
pub(super) fn allocate<T>() -> NonNull<T> {
    let Some(list) = (const { list_of::<T>() }) else {
        return from_allocator(const { Layout::new::<T>() }).cast();
    };
    let kept = LISTS.with(|lists| lists.by_size[list].take());
    kept.unwrap_or_else(|| from_allocator(layout_of(list)))
        .cast()
}

#[inline(never)]
fn from_allocator(layout: Layout) -> NonNull<u8> {
    // SAFETY: the layout is not empty, because each cell has a header.
    let memory = unsafe { alloc(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Frees or keeps the memory of a value.
///
/// # Safety
/// The memory came from [`allocate`] for the same type, and is no longer used.
#[inline(always)]
pub(super) unsafe fn free<T>(memory: NonNull<T>) {
    let memory = memory.cast::<u8>();
    let Some(list) = (const { list_of::<T>() }) else {
        // SAFETY: the caller upholds the contract.
        return unsafe { dealloc(memory.as_ptr(), const { Layout::new::<T>() }) };
    };
    LISTS.with(|lists| {
        let kept = &lists.by_size[list];
        if lists.open.get() && kept.length.get() < most(list) {
            // SAFETY: the caller upholds the contract; `allocate` used the layout of this list.
            unsafe { kept.put(memory) };
        } else {
            // SAFETY: as for `put`.
            unsafe { dealloc(memory.as_ptr(), layout_of(list)) };
        }
    });
}

/// While a `Keeping` lives, its thread keeps the memory of tasks. If a thread has several `Keeping`s, it
/// drops the newest first.
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
                while let Some(piece) = list.take() {
                    // SAFETY: the piece was allocated with this list's layout.
                    unsafe { dealloc(piece.as_ptr(), layout_of(number)) };
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Small = [u64; 11];

    fn kept() -> usize {
        LISTS.with(|lists| lists.by_size.iter().map(|list| list.length.get()).sum())
    }

    #[test]
    fn pieces_have_room_and_waste_less_than_a_step() {
        fn check<T>() {
            if let Some(list) = list_of::<T>() {
                let layout = layout_of(list);
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
    fn a_list_gives_back_what_was_put_in_last() {
        let list = List::new();
        assert!(list.take().is_none());
        let layout = layout_of(5);
        let pieces = [(); 3].map(|()| from_allocator(layout));
        for piece in pieces {
            // SAFETY: the piece came from the allocator with the list's layout.
            unsafe { list.put(piece) };
        }
        assert_eq!(list.length.get(), 3);
        for piece in pieces.into_iter().rev() {
            assert_eq!(list.take(), Some(piece));
            // The test owns the whole piece again.
            // SAFETY: the piece came from the allocator with `layout`, which has the size of a `Small`.
            unsafe {
                piece.cast::<Small>().write([7; 11]);
                dealloc(piece.as_ptr(), layout);
            }
        }
        assert!(list.take().is_none() && list.length.get() == 0);
    }

    #[test]
    #[cfg_attr(any(miri, brigade_unrecycled), ignore = "nothing is kept")]
    fn memory_is_used_again_while_it_is_kept() {
        let give_up = |memory: [NonNull<Small>; 2]| {
            for memory in memory {
                // SAFETY: the memory came from `allocate` and is no longer used.
                unsafe { free(memory) };
            }
        };
        let two = || [(); 2].map(|()| allocate::<Small>());
        give_up(two());
        assert_eq!(kept(), 0);
        {
            let _keeping = Keeping::begin();
            let [one, other] = two();
            give_up([one, other]);
            drop(Keeping::begin());
            assert_eq!(kept(), 2);
            assert_eq!(two(), [other, one]);
            give_up([one, other]);
        }
        assert_eq!(kept(), 0);
    }

    #[test]
    #[cfg_attr(any(miri, brigade_unrecycled), ignore = "nothing is kept")]
    fn kept_memory_is_bounded() {
        let _keeping = Keeping::begin();
        let all: Vec<_> = (0..2000).map(|_| allocate::<Small>()).collect();
        for memory in all {
            // SAFETY: the memory came from `allocate` and is no longer used.
            unsafe { free(memory) };
        }
        assert_eq!(kept(), KEPT / 88);
    }
}
