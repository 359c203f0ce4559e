//! The free functions that spawn onto the executor of this thread.

use std::future::Future;
use std::pin::{Pin, pin};

use crate::context;
use crate::handle;
use crate::task::JoinHandle;
use crate::task::scheduler_ref::SchedulerRef;
use crate::task::spawn_task;
use crate::task::state::Writer;

/// Spawns a task onto the current executor. The task runs on its own, concurrently with its spawner.
///
/// ```
/// brigade::run(async {
///     let a = brigade::spawn(async { 1 });
///     let b = brigade::spawn(async { 2 });
///     assert_eq!(a.await.unwrap() + b.await.unwrap(), 3);
/// });
/// ```
///
/// # Panics
/// Panics outside of an executor. If the executor is being dropped, `spawn` drops the future, and the
/// handle returns an error for which [`JoinError::is_aborted`](crate::task::JoinError::is_aborted) is true.
#[inline]
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let scheduler = context::expect("brigade::spawn", |shared| shared.scheduler.clone());
    spawn_task!(scheduler, "task", None, future)
}

/// Spawns a task whose future need not be `Send`: it is polled and dropped on this thread.
///
/// ```
/// use std::rc::Rc;
///
/// let executor = brigade::SingleThread::new().unwrap();
/// executor.block_on(async {
///     let here = Rc::new(5);
///     let task = brigade::spawn_local(async move { *here });
///     assert_eq!(task.await.unwrap(), 5);
/// });
/// ```
///
/// # Panics
/// Panics outside of a [`SingleThread`](crate::SingleThread). The tasks of `WorkStealing` change
/// threads, so they must be `Send`.
#[inline]
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let scheduler = local_scheduler("brigade::spawn_local");
    spawn_task!(scheduler, "local", None, future)
}

/// Returns the scheduler of the current executor, whose tasks are bound to this thread.
///
/// # Panics
/// Panics if there is no such executor. The message names `function`.
#[track_caller]
pub(crate) fn local_scheduler(function: &str) -> SchedulerRef {
    let scheduler = context::expect(function, |shared| shared.scheduler.clone());
    // Check outside the closure, because a panic in the closure would not report the caller's line.
    assert!(
        scheduler.writer() == Some(Writer::Owner),
        "{function} was called outside of a SingleThread executor: a task whose future \
         is not `Send` needs an executor that stays on this thread; use `brigade::spawn`, or \
         `SingleThread`"
    );
    scheduler
}

/// Runs a closure that may block, in a bounded pool of threads. The pool grows and shrinks with the work.
///
/// Use this function for files, for name lookups, and for foreign code that blocks. Aborting the task through
/// its handle has an effect only before the closure begins. Dropping the executor cancels closures that have
/// not begun, but does not wait for closures that have begun.
///
/// ```
/// brigade::run(async {
///     let bytes = brigade::spawn_blocking(|| std::fs::read("Cargo.toml")).await.unwrap();
///     assert!(!bytes.unwrap().is_empty());
/// });
/// ```
///
/// # Panics
/// Panics outside of an executor. If the OS refuses to start a thread and the pool has no thread, the
/// closure runs as a task of the executor. The closure is not lost, but it delays other tasks.
#[track_caller]
pub fn spawn_blocking<F, T>(work: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let shared = context::expect("brigade::spawn_blocking", |shared| shared.clone());
    handle::spawn_blocking(shared, work)
}

/// Spawns a task that has a name, for timelines and traces.
///
/// ```
/// brigade::run(async {
///     let water = brigade::task::Builder::new()
///         .name("boil water")
///         .spawn(async { 100 });
///     assert_eq!(water.await.unwrap(), 100);
/// });
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `spawn` is called"]
pub struct Builder<'a> {
    name: Option<&'a str>,
}

impl<'a> Builder<'a> {
    /// Makes a builder without a name.
    ///
    /// ```
    /// # brigade::run(async {
    /// let nameless = brigade::task::Builder::new().spawn(async { 42 });
    /// assert_eq!(nameless.await.unwrap(), 42);
    /// # });
    /// ```
    pub fn new() -> Self {
        Builder { name: None }
    }

    /// Sets the task's name. The name need not be unique.
    ///
    /// ```
    /// use brigade::{SingleThread, task};
    ///
    /// let executor = SingleThread::builder().record_timeline(true).build()?;
    /// executor.block_on(async {
    ///     task::Builder::new().name("soup").spawn(async {}).await.unwrap();
    /// });
    /// assert_eq!(executor.timeline().unwrap().tasks[1].name.as_deref(), Some("soup"));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn name(mut self, name: &'a str) -> Self {
        self.name = Some(name);
        self
    }

    /// Spawns the task; see [`brigade::spawn`](fn@crate::spawn).
    ///
    /// ```
    /// # brigade::run(async {
    /// let soup = brigade::task::Builder::new().name("soup").spawn(async { "soup" });
    /// assert_eq!(soup.await.unwrap(), "soup");
    /// # });
    /// ```
    ///
    /// # Panics
    /// Panics outside of an executor.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let scheduler = context::expect("task::Builder::spawn", |shared| shared.scheduler.clone());
        spawn_task!(scheduler, "task", self.name, future)
    }

    /// Spawns the task onto this thread; see [`brigade::spawn_local`](crate::spawn_local).
    ///
    /// ```
    /// use std::rc::Rc;
    ///
    /// brigade::SingleThread::new()?.block_on(async {
    ///     let pot = Rc::new("soup");
    ///     let soup = brigade::task::Builder::new().name("soup").spawn_local(async move { *pot });
    ///     assert_eq!(soup.await.unwrap(), "soup");
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Panics
    /// Panics outside of a [`SingleThread`](crate::SingleThread).
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let scheduler = local_scheduler("task::Builder::spawn_local");
        spawn_task!(scheduler, "local", self.name, future)
    }
}

/// Calls a closure with the pinned future of a `block_on`. A large future is moved to the heap.
macro_rules! pinned {
    ($type:ty, $future:ident, $f:expr) => {
        if const { $crate::task::spawn::is_large::<$type>() } {
            $f($crate::task::spawn::boxed!($future).as_mut())
        } else {
            $crate::task::spawn::on_stack($future, $f)
        }
    };
}
pub(crate) use pinned;

#[inline]
pub(crate) fn on_stack<F: Future, R>(future: F, f: impl FnOnce(Pin<&mut F>) -> R) -> R {
    f(pin!(future))
}

/// Returns whether a future or closure should be on the heap instead of the stack.
pub(crate) const fn is_large<F>() -> bool {
    // Arbitrary: a stack of 2 MiB has space for a hundred such futures.
    size_of::<F>() > 16 * 1024
}

/// Moves a future or closure to the heap. This is a macro, because a function such as `Box::new` would copy
/// its argument in a debug build.
macro_rules! to_heap {
    ($value:expr) => {{
        let mut place = ::std::boxed::Box::new_uninit();
        // SAFETY: the place is fresh and of the value's type.
        unsafe { ::std::ptr::write(place.as_mut_ptr(), $value) };
        // SAFETY: written just now.
        unsafe { place.assume_init() }
    }};
}
pub(crate) use to_heap;

macro_rules! boxed {
    ($future:expr) => {
        ::std::boxed::Box::into_pin($crate::task::spawn::to_heap!($future))
    };
}
pub(crate) use boxed;
