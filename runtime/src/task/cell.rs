//! The one allocation of a task: a header, then the future. The output later takes the place of the future.
//!
//! Five operations depend on the type of the future: poll it, cancel it, read its output, drop its output,
//! free the memory. This file implements them behind a table of functions. All other code sees only a
//! [`Header`]. No function here checks the state: the caller must have the right to the operation.
//!
//! ```text
//!             Cell<F>
//!   ┌────────┬─────────────────────┐  0
//!   │ Header │ vtable              │     how to poll, drop, read and free this F
//!   │        │ scheduler           │     where the task goes when it is woken
//!   │        │ join                │     the waker of the handle, or the state of the join
//!   │        │ refs, owned_index   │     reference count; index in the list of living tasks
//!   │        │ id, state, sent     │     its id (48 bits), its state, and messages under way
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
use super::id::{Id, PackedId};
use super::join::{JoinWord, Word};
use super::join_handle::JoinHandle;
use super::memory;
use super::owned;
use super::raw::{RawTask, RemoteOp, Sent, Unbound};
use super::scheduler_ref::SchedulerRef;
use super::state::{Snapshot, State};
use super::waker::drop_quietly;
use crate::sync::{AtomicU32, UnsafeCell};
use crate::trace::spans::TaskSpan;

/// The first part of every task, whatever the type of its future.
pub(crate) struct Header {
    pub(super) vtable: &'static Vtable,
    pub(super) scheduler: SchedulerRef,
    pub(super) join: JoinWord,
    /// Counts wakers, abort handles and messages, plus one for executor and join handle together, plus one
    /// while SPARE is set.
    pub(super) refs: AtomicU32,
    /// The index in the executor's list of living tasks. Only the executor reads and writes it.
    pub(super) owned_index: UnsafeCell<u32>,
    pub(super) id: PackedId,
    pub(super) state: State,
    pub(super) sent: Sent,
    /// Every access to the cell's `stage` goes through this field, so that loom sees the access. Without
    /// loom, the field has no size.
    stage: UnsafeCell<()>,
}

/// Checks that the header has the size in the diagram. Loom's cells and atomics are larger.
#[cfg(all(not(loom), target_pointer_width = "64"))]
const _: () = assert!(size_of::<Header>() == 40);

/// The operations that depend on the type of the future.
pub(super) struct Vtable {
    /// Polls the future, which still exists; the caller must have set RUNNING. If the result is not
    /// `Pending`, the future is then gone and the output is stored.
    pub(super) poll: unsafe fn(NonNull<Header>, &mut Context<'_>) -> Polled,
    /// Drops the future, which still exists; the caller must have set RUNNING. The output becomes the error
    /// "aborted", or the panic of the future's `Drop`.
    pub(super) cancel: unsafe fn(NonNull<Header>),
    /// Moves the output to the pointer, a `*mut Result<F::Output, JoinError>`. The caller owns the output.
    pub(super) read_output: unsafe fn(NonNull<Header>, *mut ()),
    /// Drops the output. The caller owns the output.
    pub(super) drop_output: unsafe fn(NonNull<Header>),
    /// Frees the memory. The caller had the last reference; future and output are gone.
    pub(super) free: unsafe fn(NonNull<Header>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Polled {
    Pending,
    Ready,
    Panicked,
}

#[repr(C)]
struct Cell<F: Future> {
    header: Header,
    stage: Stage<F>,
}

/// Holds the future until the task is done, then the output until it is taken.
union Stage<F: Future> {
    future: ManuallyDrop<Spanned<F>>,
    output: ManuallyDrop<Result<F::Output, JoinError>>,
}

/// A future with its `tracing` span. The span has no size unless the feature `tracing` is on.
struct Spanned<F> {
    span: TaskSpan,
    future: F,
}

/// A cell whose future is not written yet. The public function that receives the future writes the future
/// into the cell with `spawn_task!`. If this function passed the future on by value, copies of a large
/// future could overflow the stack.
pub(crate) struct Reserved<F: Future>(NonNull<Cell<F>>);

impl<F: Future> Reserved<F> {
    /// Makes a cell. `kind` and `name` become fields of the task's `tracing` span.
    #[inline(always)]
    pub(crate) fn new(scheduler: SchedulerRef, kind: &'static str, name: Option<&str>) -> Self {
        Self::with_state(scheduler, Word::JOINED, TaskSpan::open(kind, name))
    }

    #[inline(always)]
    pub(super) fn with_state(scheduler: SchedulerRef, join: Word, span: TaskSpan) -> Self {
        let id = PackedId::next();
        span.number(id.get().number());
        let cell = memory::allocate::<Cell<F>>();
        // SAFETY: the cell was allocated just now. Header and span are written before they are read.
        unsafe {
            // Build the header in place, after the allocation. If the header were built on the stack and
            // copied, the wide loads of the copy would wait for the small stores before them.
            (&raw mut (*cell.as_ptr()).header).write(Header {
                vtable: const {
                    &Vtable {
                        poll: poll::<F>,
                        cancel: cancel::<F>,
                        read_output: read_output::<F>,
                        drop_output: drop_output::<F>,
                        free: free::<F>,
                    }
                },
                scheduler,
                join: JoinWord::new(join),
                refs: AtomicU32::new(1),
                owned_index: UnsafeCell::new(owned::UNBOUND),
                id,
                state: State::new(Snapshot::SPAWNED),
                sent: Sent::new(),
                stage: UnsafeCell::new(()),
            });
            (&raw mut (*spanned(cell)).span).write(span);
        }
        Reserved(cell)
    }

    /// Returns the address of the future.
    #[inline(always)]
    pub(crate) fn future(&self) -> *mut F {
        // SAFETY: this `Reserved` owns the cell.
        unsafe { &raw mut (*spanned(self.0)).future }
    }

    /// Hands the initialised task to its executor, and returns the task's handle.
    ///
    /// # Safety
    /// The future must have been written to [`future`](Self::future).
    #[inline(always)]
    pub(crate) unsafe fn spawn(self, name: Option<&str>) -> JoinHandle<F::Output> {
        // SAFETY: the caller upholds the contract.
        let (unbound, task) = unsafe { self.written() };
        task.scheduler().probe().spawned(task, name);
        let handle = JoinHandle::new(task);
        if task.scheduler().writer().is_some() {
            task.scheduler().bind(unbound);
        } else {
            task.scheduler().post(RemoteOp::Spawn(unbound));
        }
        handle
    }

    /// Returns the initialised task, which no executor has bound, and a pointer for its handle.
    ///
    /// # Safety
    /// The future must have been written to [`future`](Self::future).
    #[inline(always)]
    pub(crate) unsafe fn written(self) -> (Unbound, RawTask) {
        let task = RawTask(self.0.cast());
        // SAFETY: a new task is QUEUED, and this `Unbound` is the only right to run it.
        (unsafe { Unbound::new(task) }, task)
    }
}

/// Returns the future and the span of a cell.
///
/// # Safety
/// The cell is allocated.
unsafe fn spanned<F: Future>(cell: NonNull<Cell<F>>) -> *mut Spanned<F> {
    // SAFETY: the caller upholds the contract. `ManuallyDrop` has the layout of the value in it.
    unsafe { (&raw mut (*cell.as_ptr()).stage.future).cast() }
}

/// Calls `f` with the stage of a task whose future is an `F`.
///
/// # Safety
/// `task` points to a live `Cell<F>`, and the caller owns its stage while `f` runs.
unsafe fn with_stage<F: Future, R>(task: NonNull<Header>, f: impl FnOnce(*mut Stage<F>) -> R) -> R {
    let cell = task.cast::<Cell<F>>().as_ptr();
    // SAFETY: the cell is live. No reference to the stage is made here.
    unsafe { (*cell).header.stage.with_mut(|_| f(&raw mut (*cell).stage)) }
}

unsafe fn poll<F: Future>(task: NonNull<Header>, cx: &mut Context<'_>) -> Polled {
    // SAFETY: the caller keeps the task alive.
    let id = || unsafe { task.as_ref() }.id.get();
    let step = |stage: *mut Stage<F>| {
        // SAFETY: the caller has set RUNNING and so owns the stage, which holds the future.
        // `ManuallyDrop` has the layout of the value in it.
        let Spanned { span, future } = unsafe { &mut *(&raw mut (*stage).future).cast() };
        // SAFETY: the future is in a heap cell and is dropped there, so it never moves.
        let future: Pin<&mut F> = unsafe { Pin::new_unchecked(future) };
        let poll = || span.in_poll(|| future.poll(cx));
        let (polled, output) = match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Poll::Pending) => return Polled::Pending,
            Ok(Poll::Ready(output)) => (Polled::Ready, Ok(output)),
            Err(payload) => (Polled::Panicked, Err(JoinError::panic(id(), payload))),
        };
        // SAFETY: the caller owns the stage, which holds the future until `replace` drops it.
        unsafe { replace(stage, id, output) };
        polled
    };
    // SAFETY: the caller upholds the contract.
    unsafe { with_stage(task, step) }
}

unsafe fn cancel<F: Future>(task: NonNull<Header>) {
    // SAFETY: the caller keeps the task alive.
    let id = || unsafe { task.as_ref() }.id.get();
    let output = Err(JoinError::aborted(id()));
    // SAFETY: the caller has set RUNNING and so owns the stage, which holds the future.
    unsafe { with_stage::<F, _>(task, |stage| replace(stage, id, output)) }
}

/// Drops the future and stores the output in its place. A panic in the future's `Drop` becomes the
/// output, so only the handle sees it.
///
/// # Safety
/// The caller owns the stage, which holds the future.
unsafe fn replace<F: Future>(
    stage: *mut Stage<F>,
    id: impl FnOnce() -> Id,
    mut output: Result<F::Output, JoinError>,
) {
    if needs_drop::<Spanned<F>>() {
        // SAFETY: the stage holds the future.
        let spanned: *mut Spanned<F> = unsafe { (&raw mut (*stage).future).cast() };
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: span and future are not read again. The span moves into a local variable, so it is
            // dropped last, even if the future's `Drop` panics.
            unsafe {
                let span = ptr::read(&raw const (*spanned).span);
                span.enter(|| ptr::drop_in_place(&raw mut (*spanned).future));
            }
        }));
        if let Err(payload) = dropped {
            let lost = std::mem::replace(&mut output, Err(JoinError::panic(id(), payload)));
            drop_quietly(lost);
        }
    }
    // SAFETY: the caller owns the stage; the write drops nothing.
    unsafe { ptr::write(&raw mut (*stage).output, ManuallyDrop::new(output)) };
}

unsafe fn read_output<F: Future>(task: NonNull<Header>, into: *mut ()) {
    let step = |stage: *mut Stage<F>| {
        // SAFETY: the caller owns the output, and `into` points to memory for it.
        unsafe { ptr::write(into.cast(), ptr::read(&raw const (*stage).output)) };
    };
    // SAFETY: the caller upholds the contract.
    unsafe { with_stage(task, step) }
}

unsafe fn drop_output<F: Future>(task: NonNull<Header>) {
    // SAFETY: the caller owns the output and moves it out only here.
    let output = unsafe {
        with_stage(task, |stage: *mut Stage<F>| {
            ptr::read(&raw const (*stage).output)
        })
    };
    drop_quietly(ManuallyDrop::into_inner(output));
}

unsafe fn free<F: Future>(task: NonNull<Header>) {
    let cell = task.cast::<Cell<F>>();
    // SAFETY: the caller had the last reference to this cell. Only the cell's scheduler must still be
    // dropped: the join word is DONE or TAKEN, so it holds no waker.
    unsafe {
        let scheduler = ptr::read(&raw const (*cell.as_ptr()).header.scheduler);
        memory::free(cell);
        drop(scheduler);
    }
}
