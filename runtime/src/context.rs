//! Which executor is running on this thread?
//!
//! **Job.** Let free functions like `brigade::spawn` find their executor: a pointer in a
//! thread-local, set for as long as an executor runs on the thread.
//!
//! **Owns** two thread-locals.
//!
//! **Never** outlives the guard that set it: entering nests, and leaving restores what was there
//! (async-executor #55). The thread-locals have no destructors, so they can be read at any time of
//! a thread's life, also from other thread-locals' destructors.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

use crate::shared::Shared;
use crate::sync::{Arc, thread_local};
use crate::task::ref_cache::RefCache;

thread_local! {
    static CURRENT: Cell<*const Arc<Shared>> = const { Cell::new(ptr::null()) };
    /// An executor polls tasks on this thread: it must not be blocked by another one.
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// For as long as it lives, the executor is the thread's current one.
pub(crate) struct Entered<'a> {
    previous: (*const Arc<Shared>, bool),
    _cache: RefCache<'a>,
    /// Not `Send`: it speaks of this thread.
    thread: PhantomData<*const ()>,
}

/// Makes `shared` current, for code that may spawn but is not polled: the blocking pool, the drop
/// of an executor.
pub(crate) fn enter(shared: &Arc<Shared>) -> Entered<'_> {
    enter_as(shared, RUNNING.get())
}

/// Makes `shared` current for a thread that will poll tasks.
///
/// # Panics
/// If an executor is running on this thread already: it would stand still until the inner one is
/// done, which may wait for the outer one.
pub(crate) fn enter_running<'a>(shared: &'a Arc<Shared>, function: &str) -> Entered<'a> {
    assert!(
        !RUNNING.get(),
        "{function} was called inside a brigade executor, which would stand still meanwhile: \
         `.await` the future instead, or call {function} inside `brigade::spawn_blocking`"
    );
    enter_as(shared, true)
}

fn enter_as(shared: &Arc<Shared>, running: bool) -> Entered<'_> {
    Entered {
        previous: (
            CURRENT.replace(ptr::from_ref(shared)),
            RUNNING.replace(running),
        ),
        _cache: shared.home.open_cache(),
        thread: PhantomData,
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.set(self.previous.0);
        RUNNING.set(self.previous.1);
    }
}

/// Gives `f` the current executor, if there is one.
#[inline(always)]
pub(crate) fn with<R>(f: impl FnOnce(Option<&Arc<Shared>>) -> R) -> R {
    let current = CURRENT.get();
    // SAFETY: the pointer is null, or was made from a reference that `Entered` borrows and that
    // is still alive, since `Entered` resets the pointer when it is dropped. The reference does
    // not leave `f`.
    f(unsafe { current.as_ref() })
}

/// Gives `f` the current executor.
///
/// # Panics
/// If there is none, naming `function`.
#[inline(always)]
pub(crate) fn expect<R>(function: &str, f: impl FnOnce(&Arc<Shared>) -> R) -> R {
    with(|shared| match shared {
        Some(shared) => f(shared),
        None => outside(function),
    })
}

#[cold]
fn outside(function: &str) -> ! {
    panic!(
        "{function} was called outside of a brigade executor: call it from a future that runs \
         inside `brigade::run`, or inside `block_on` of a `SingleThread` or `WorkStealing`"
    )
}
