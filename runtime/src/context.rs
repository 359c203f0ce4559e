//! The current executor of a thread, which free functions such as `brigade::spawn` use.
//!
//! Each thread has a list of executors. The first entry of the list is the current executor. A thread adds an
//! entry when it runs or drops an executor, runs a job of a blocking pool, or calls `Handle::enter`. A
//! thread-local points to the first entry. The thread-local has no destructor, so it can be read at any time,
//! even in destructors of other thread-locals.
//!
//! A user may drop the guards of `Handle::enter` in any order, `forget` a guard, or keep a guard in a
//! thread-local. So each entry has its own memory and its own `Arc`. A forgotten entry is leaked and stays
//! valid.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use crate::handle::Shared;
use crate::sync::{Arc, thread_local};
use crate::task::memory::Keeping;
use crate::task::scheduler_ref::RefCache;
use crate::task::state::Writer;
use crate::trace::recorder::Interrupted;

thread_local! {
    static CURRENT: Cell<*const Node> = const { Cell::new(ptr::null()) };
    static MODE: Cell<Mode> = const { Cell::new(Mode::MayBlock) };
}

/// The activity of an executor on this thread, which decides whether the thread may block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    MayBlock,
    /// An executor polls tasks here, so no other executor may block the thread.
    Polls,
    /// An executor drops its tasks here. It serves no timers or sockets, so destructors must not block.
    Closes,
}

struct Node {
    shared: Arc<Shared>,
    /// The next older entry.
    below: Cell<*const Node>,
    origin: Origin,
}

/// The reason why an executor is current.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// A guard, which the user may drop at any time.
    Guard,
    /// A job of the executor's blocking pool.
    Job,
    /// A `block_on`, a worker, or the drop of the executor.
    Executor,
}

/// An entry of the thread's list. Dropping the entry removes it from the list, at any position.
pub(crate) struct Entry(NonNull<Node>);

impl Entry {
    pub(crate) fn of_guard(shared: Arc<Shared>) -> Self {
        Entry::new(shared, Origin::Guard)
    }

    fn new(shared: Arc<Shared>, origin: Origin) -> Self {
        let node = NonNull::from(Box::leak(Box::new(Node {
            shared,
            below: Cell::new(CURRENT.get()),
            origin,
        })));
        CURRENT.set(node.as_ptr());
        Entry(node)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let this = self.0.as_ptr().cast_const();
        // SAFETY: `new` leaked the box, and only this line takes it back. An entry is not `Send`, so no
        // other thread uses the list.
        let node = unsafe { Box::from_raw(self.0.as_ptr()) };
        let mut above = CURRENT.get();
        if above == this {
            CURRENT.set(node.below.get());
        } else {
            // A guard that was made after this entry still exists.
            loop {
                // SAFETY: `above` is in the list. All nodes of the list are alive, because a node leaves the
                // list before it is freed. `this` is below `above`, so the loop finds it.
                let link = unsafe { &(*above).below };
                if link.get() == this {
                    link.set(node.below.get());
                    break;
                }
                above = link.get();
            }
        }
    }
}

/// Keeps the executor current on the thread while the `Entered` lives. Only functions of the runtime hold an
/// `Entered`, so the newest one is dropped first.
pub(crate) struct Entered<'a> {
    _entry: Entry,
    was: Mode,
    _interrupted: Interrupted,
    _cache: RefCache<'a>,
    _memory: Keeping,
}

/// Makes `shared` current while the executor is dropped. Destructors of tasks may spawn, but not block.
pub(crate) fn enter_closing(shared: &Arc<Shared>) -> Entered<'_> {
    enter_as(shared, Mode::Closes, Origin::Executor)
}

/// Makes `shared` current for a job of the blocking pool. The job may spawn and block.
pub(crate) fn enter(shared: &Arc<Shared>) -> Entered<'_> {
    enter_as(shared, MODE.get(), Origin::Job)
}

/// Makes `shared` current for a thread that will poll tasks.
///
/// # Panics
/// Panics if an executor is running on this thread already.
#[track_caller]
pub(crate) fn enter_running<'a>(shared: &'a Arc<Shared>, function: &str) -> Entered<'a> {
    refuse_nested(function);
    enter_as(shared, Mode::Polls, Origin::Executor)
}

/// # Panics
/// Panics if an executor is running on this thread already. The outer executor would stand still until the
/// inner executor is done, so both could wait forever.
#[track_caller]
pub(crate) fn refuse_nested(function: &str) {
    assert!(
        MODE.get() == Mode::MayBlock,
        "{function} was called inside a brigade executor, which would be blocked: \
         `.await` the future instead, or call {function} inside `brigade::spawn_blocking`"
    );
}

fn enter_as(shared: &Arc<Shared>, mode: Mode, origin: Origin) -> Entered<'_> {
    Entered {
        _entry: Entry::new(shared.clone(), origin),
        was: MODE.replace(mode),
        _interrupted: Interrupted::begin(),
        _cache: shared.scheduler.open_cache(),
        _memory: Keeping::begin(),
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        MODE.set(self.was);
    }
}

/// Returns whether an executor polls tasks on this thread.
pub(crate) fn is_running() -> bool {
    MODE.get() == Mode::Polls
}

/// Returns the executor whose job this thread runs.
pub(crate) fn executor_of_job() -> Option<Arc<Shared>> {
    nearest(Origin::Job).cloned()
}

/// Returns whether this thread is in a `block_on` of `shared`, either as the owner thread or in a job of
/// `shared`.
pub(crate) fn waits_inside(shared: &Arc<Shared>) -> bool {
    let is = |origin| nearest(origin).is_some_and(|it| Arc::ptr_eq(it, shared));
    let is_owner = || shared.scheduler.writer() == Some(Writer::Owner);
    is(Origin::Executor) && (is_owner() || is(Origin::Job))
}

/// Returns the executor of the newest entry with this origin.
fn nearest<'a>(origin: Origin) -> Option<&'a Arc<Shared>> {
    let mut node = CURRENT.get();
    loop {
        // SAFETY: as in `with`. The callers run no user code, so no entry leaves the list meanwhile.
        let entry = unsafe { node.as_ref() }?;
        if entry.origin == origin {
            return Some(&entry.shared);
        }
        node = entry.below.get();
    }
}

/// Calls `f` with the current executor, if there is one.
#[inline(always)]
pub(crate) fn with<R>(f: impl FnOnce(Option<&Arc<Shared>>) -> R) -> R {
    // SAFETY: the pointer is null, or points to a live node of the list. If the node is not a guard's, a
    // caller of this function holds the entry, so the node outlives this call.
    let node = unsafe { CURRENT.get().as_ref() };
    // Clone a guard's executor, because `f` may run user code that drops the guard.
    let kept = node.and_then(|node| (node.origin == Origin::Guard).then(|| node.shared.clone()));
    f(kept.as_ref().or(node.map(|node| &node.shared)))
}

/// Does the same as [`with`], but passes `None` if a guard made the executor current.
#[inline(always)]
pub(crate) fn with_running<R>(f: impl FnOnce(Option<&Arc<Shared>>) -> R) -> R {
    // SAFETY: as in `with`.
    let node = unsafe { CURRENT.get().as_ref() };
    let running = node.filter(|node| node.origin != Origin::Guard);
    f(running.map(|node| &node.shared))
}

/// Calls `f` with the current executor.
///
/// # Panics
/// Panics if there is no current executor. The message names `function`.
#[inline(always)]
#[track_caller]
pub(crate) fn expect<R>(function: &str, f: impl FnOnce(&Arc<Shared>) -> R) -> R {
    match with(|shared| shared.map(f)) {
        Some(value) => value,
        None => outside(function),
    }
}

#[cold]
#[track_caller]
fn outside(function: &str) -> ! {
    panic!(
        "{function} was called outside of a brigade executor. If the program has none, start one with \
         `brigade::run(future)` and call {function} in that future. If it has built a `SingleThread` or \
         `WorkStealing`, call {function} inside of its `block_on`, or use its `Handle`"
    )
}
