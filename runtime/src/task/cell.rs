//! The one allocation of a task: header, then the future, then in its place the output.
//!
//! **Job.** Lay a task out in memory and do the five things that need to know the type of its
//! future: poll it, drop it unpolled, hand the output over, drop the output, free the memory.
//! Everything else in the runtime sees a [`Header`].
//!
//! **Owns** the memory, until [`free`].
//!
//! **Never** reads or writes the state word: `task::raw` does, and calls in here only when the
//! state gives it the right to.
//!
//! ```text
//!             Cell<F>
//!   ┌────────┬─────────────────────┐  0
//!   │ Header │ vtable              │     how to poll, drop, read and free this F
//!   │        │ home                │     where it goes when woken
//!   │        │ joiner              │     who awaits the handle, in eight bytes
//!   │        │ refs, index         │     who keeps it; where the executor's registry has it
//!   │        │ id, state, posted   │     its name (48 bits); what happens to it
//!   ├────────┴─────────────────────┤  40
//!   │ F, later its Output          │
//!   └──────────────────────────────┘
//! ```

use std::future::Future;
use std::mem::{ManuallyDrop, needs_drop};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr::{self, NonNull};
use std::task::{Context, Poll};

use super::error::JoinError;
use super::home::Home;
use super::id::PackedId;
use super::registry;
use super::state::{Snapshot, State};
use super::waker::JoinerSlot;
use crate::sync::{AtomicU8, AtomicU32, UnsafeCell};

/// What every task begins with, whatever its future is.
pub(crate) struct Header {
    pub(super) vtable: &'static Vtable,
    /// One reference of the home, counted.
    pub(super) home: NonNull<Home>,
    /// Who awaits the handle. Whose it is at an instant, the JOINER flag says.
    pub(super) joiner: UnsafeCell<JoinerSlot>,
    /// Wakers and abort handles, and one for executor and join handle together.
    pub(super) refs: AtomicU32,
    /// Where the executor's registry keeps the task. Written when it is admitted, and read when it
    /// leaves: by its executor alone.
    pub(super) registry_index: UnsafeCell<u32>,
    pub(super) id: PackedId,
    pub(super) state: State,
    /// What of other threads is in the owner's letter box: [`WAKE_POSTED`], [`ABORT_POSTED`],
    /// [`JOIN_POSTED`].
    pub(super) posted: AtomicU8,
}

/// As the picture says, where pointers have eight bytes; loom's cells and atomics are larger.
#[cfg(all(not(loom), target_pointer_width = "64"))]
const _: () = assert!(size_of::<Header>() == 40);

/// Set by a waker on another thread, cleared by the owner before it wakes: one letter is enough for any
/// number of wakes.
pub(super) const WAKE_POSTED: u8 = 1 << 0;
/// Set by the first abort on another thread: one is enough for ever.
pub(super) const ABORT_POSTED: u8 = 1 << 1;
/// The handle was last polled on another thread, which has posted its waker. Cleared by a poll on the
/// owner's: the letters of earlier polls say nothing any more.
pub(super) const JOIN_POSTED: u8 = 1 << 2;

/// What depends on the type of the future.
pub(super) struct Vtable {
    /// Polls. Unless it answers `Pending`, the future is gone and the output stored.
    /// The caller runs the task (RUNNING) and the future is there.
    pub(super) poll: unsafe fn(NonNull<Header>, &mut Context<'_>) -> Polled,
    /// Drops the future and stores "aborted" (or the panic of the future's `Drop`) as output.
    /// The caller runs the task and the future is there.
    pub(super) cancel: unsafe fn(NonNull<Header>),
    /// Moves the output to the pointer, a `*mut Result<F::Output, JoinError>`.
    /// The caller owns the output.
    pub(super) read_output: unsafe fn(NonNull<Header>, *mut ()),
    /// Drops the output. The caller owns it.
    pub(super) drop_output: unsafe fn(NonNull<Header>),
    /// Frees the memory. The caller had the last reference; future and output are gone.
    pub(super) free: unsafe fn(NonNull<Header>),
}

/// How a poll ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Polled {
    Pending,
    Ready,
    Panicked,
}

/// A task with its future.
#[repr(C)]
struct Cell<F: Future> {
    header: Header,
    stage: UnsafeCell<Stage<F>>,
}

/// The future, and later the output in its place. The state word knows which: the future until
/// COMPLETE, the output from then until TAKEN.
union Stage<F: Future> {
    future: ManuallyDrop<F>,
    output: ManuallyDrop<Result<F::Output, JoinError>>,
}

/// Allocates a task for `future`. `home` is a reference that the task keeps.
#[inline(always)]
pub(super) fn allocate<F: Future>(
    future: F,
    home: NonNull<Home>,
    snapshot: Snapshot,
) -> NonNull<Header> {
    let cell = Box::new(Cell::<F> {
        header: Header {
            vtable: const {
                &Vtable {
                    poll: poll::<F>,
                    cancel: cancel::<F>,
                    read_output: read_output::<F>,
                    drop_output: drop_output::<F>,
                    free: free::<F>,
                }
            },
            home,
            joiner: UnsafeCell::new(JoinerSlot::EMPTY),
            refs: AtomicU32::new(1),
            registry_index: UnsafeCell::new(registry::NOWHERE),
            id: PackedId::next(),
            state: State::new(snapshot),
            posted: AtomicU8::new(0),
        },
        stage: UnsafeCell::new(Stage {
            future: ManuallyDrop::new(future),
        }),
    });
    NonNull::from(Box::leak(cell)).cast()
}

/// The stage of a task whose future is an `F`.
///
/// # Safety
/// `task` points to a live `Cell<F>` whose stage is the caller's for as long as `f` runs.
unsafe fn with_stage<F: Future, R>(task: NonNull<Header>, f: impl FnOnce(*mut Stage<F>) -> R) -> R {
    let cell = task.cast::<Cell<F>>().as_ptr();
    // SAFETY: the cell is live. Only a shared reference to an `UnsafeCell` is made.
    unsafe { (*cell).stage.with_mut(f) }
}

unsafe fn poll<F: Future>(task: NonNull<Header>, cx: &mut Context<'_>) -> Polled {
    let step = |stage: *mut Stage<F>| {
        // SAFETY: the caller runs the task, so the stage is its own and holds the future.
        // `ManuallyDrop<F>` has the layout of `F`.
        let future: *mut F = unsafe { (&raw mut (*stage).future).cast() };
        let polled = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the future is in a heap cell and is dropped there: it never moves.
            unsafe { Pin::new_unchecked(&mut *future) }.poll(cx)
        }));
        let (polled, output) = match polled {
            Ok(Poll::Pending) => return Polled::Pending,
            Ok(Poll::Ready(output)) => (Polled::Ready, Ok(output)),
            Err(payload) => (Polled::Panicked, Err(JoinError::panic(payload))),
        };
        // SAFETY: the stage is the caller's and holds the future, which `replace` ends.
        unsafe { replace(stage, output) };
        polled
    };
    // SAFETY: passed on from the caller.
    unsafe { with_stage(task, step) }
}

unsafe fn cancel<F: Future>(task: NonNull<Header>) {
    // SAFETY: the caller runs the task, so the stage is its own and holds the future.
    unsafe { with_stage::<F, _>(task, |stage| replace(stage, Err(JoinError::aborted()))) }
}

/// Drops the future and stores the output in its place. A panic in the future's `Drop` becomes
/// the output, so that it reaches the handle and nobody else.
///
/// # Safety
/// The stage is the caller's and holds the future.
unsafe fn replace<F: Future>(stage: *mut Stage<F>, output: Result<F::Output, JoinError>) {
    let mut output = output;
    if needs_drop::<F>() {
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the stage holds the future, and nobody reads it as one again.
            unsafe { ManuallyDrop::drop(&mut (*stage).future) };
        }));
        if let Err(payload) = dropped {
            let lost = std::mem::replace(&mut output, Err(JoinError::panic(payload)));
            drop_quietly(lost);
        }
    }
    // SAFETY: the stage is the caller's; the write drops nothing.
    unsafe { ptr::write(&raw mut (*stage).output, ManuallyDrop::new(output)) };
}

unsafe fn read_output<F: Future>(task: NonNull<Header>, into: *mut ()) {
    let step = |stage: *mut Stage<F>| {
        // SAFETY: the caller owns the output, and `into` points to room for it.
        unsafe { ptr::write(into.cast(), ptr::read(&raw const (*stage).output)) };
    };
    // SAFETY: passed on from the caller.
    unsafe { with_stage(task, step) }
}

unsafe fn drop_output<F: Future>(task: NonNull<Header>) {
    // SAFETY: the caller owns the output: it may move it out, once.
    let output = unsafe {
        with_stage(task, |stage: *mut Stage<F>| {
            ptr::read(&raw const (*stage).output)
        })
    };
    drop_quietly(ManuallyDrop::into_inner(output));
}

unsafe fn free<F: Future>(task: NonNull<Header>) {
    // SAFETY: the caller had the last reference to this cell, which came from a `Box`. Nothing is left to
    // be dropped in it.
    drop(unsafe { Box::from_raw(task.cast::<ManuallyDrop<Cell<F>>>().as_ptr()) });
}

/// Drops a value that nobody is left to hear from: a panic in its `Drop` ends here (tokio #4412).
pub(super) fn drop_quietly<T>(value: T) {
    if needs_drop::<T>() {
        catch_quietly(|| drop(value));
    }
}

/// Calls code of a user whose panic would reach nobody. Should the panic's payload panic in its own
/// `Drop`, what that one panics with is leaked.
pub(super) fn catch_quietly(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload))).map_err(std::mem::forget);
    }
}
