//! The handles: what the spawner keeps of a task.
//!
//! [`JoinHandle`] is a future of the task's output; [`AbortHandle`] can end the task. How the output gets from
//! the executor to the handle is in `task::join`.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::error::JoinError;
use super::id::Id;
use super::raw::{RawTask, TaskRef};
use crate::coop;

/// A task that was spawned: await it to get its output.
///
/// Dropping the handle *detaches* the task: it runs on, and its output is dropped when it is done.
/// To end a task, [`abort`](Self::abort) it.
///
/// The handle may be sent to another thread and awaited there, under any executor, if the output
/// is `Send`.
///
/// # Panics
/// Polling it again after it was ready panics.
///
/// # Cancel safety
/// Awaiting `&mut handle` inside a `select` loses nothing: the output stays until it is taken.
///
/// ```
/// # let executor = brigade::SingleThread::new().unwrap();
/// # executor.block_on(async {
/// let dish = brigade::spawn(async { "noodles" });
/// assert_eq!(dish.await.unwrap(), "noodles");
/// # });
/// ```
pub struct JoinHandle<T> {
    task: RawTask,
    /// Like owning a `T`: sendable where `T` is.
    output: PhantomData<T>,
}

// SAFETY: the handle gives access to the output only. Where `T: Send` the output may be taken on
// another thread; the join word may be written on any thread, and the rest of the task is not the handle's.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: through `&JoinHandle` one can abort and ask for the state, which any thread may.
unsafe impl<T> Sync for JoinHandle<T> {}

impl<T> Unpin for JoinHandle<T> {}

// A panic leaves tasks and handles usable: a task's state changes by single transitions, and its panic is
// its output.
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// The handle of a task whose output is `Result<T, JoinError>`. The caller gives the handle's
    /// claim.
    pub(crate) fn new(task: RawTask) -> Self {
        JoinHandle {
            task,
            output: PhantomData,
        }
    }

    /// Ends the task: its future is dropped at the next opportunity of its executor instead of
    /// being polled, and the handle gives [`JoinError::is_aborted`]. A task that is complete
    /// already keeps its output; one that is being polled ends after that poll.
    ///
    /// ```
    /// # let executor = brigade::SingleThread::new().unwrap();
    /// # executor.block_on(async {
    /// let idle = brigade::spawn(std::future::pending::<()>());
    /// idle.abort();
    /// assert!(idle.await.unwrap_err().is_aborted());
    /// # });
    /// ```
    pub fn abort(&self) {
        self.task.abort();
    }

    /// A handle that can end the task and nothing else; it does not keep the output.
    ///
    /// ```
    /// # brigade::run(async {
    /// let idle = brigade::spawn(std::future::pending::<()>());
    /// let (one, other) = (idle.abort_handle(), idle.abort_handle());
    /// other.abort();
    /// assert!(idle.await.unwrap_err().is_aborted());
    /// one.abort(); // Nothing is left to end.
    /// # });
    /// ```
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle {
            task: self.task.to_ref(),
        }
    }

    /// Returns whether the future is gone: it completed, panicked or was aborted.
    ///
    /// ```
    /// # brigade::run(async {
    /// let dish = brigade::spawn(brigade::yield_now());
    /// while !dish.is_finished() {
    ///     brigade::yield_now().await;
    /// }
    /// dish.await.unwrap();
    /// # });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// The task's identity.
    ///
    /// ```
    /// # brigade::run(async {
    /// let dish = brigade::spawn(async {});
    /// println!("{} is on the stove", dish.id()); // #1 or so
    /// assert_eq!(dish.id(), dish.abort_handle().id());
    /// # });
    /// ```
    pub fn id(&self) -> Id {
        self.task.id()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(self.task.poll_join(cx.waker()));
        // A task that joins one finished task after the other must let others run in between.
        ready!(coop::poll_spend(cx));
        Poll::Ready(self.take_output())
    }
}

impl<T> JoinHandle<T> {
    /// Polls for a caller that spends budget itself.
    pub(super) fn poll_unbudgeted(&self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        self.task.poll_join(cx.waker()).map(|()| self.take_output())
    }

    /// The output. `poll_join` has returned `Ready`.
    #[inline(always)]
    fn take_output(&self) -> Result<T, JoinError> {
        let mut output = MaybeUninit::<Result<T, JoinError>>::uninit();
        // SAFETY: the task was spawned with this output type, and the handle is its only one.
        let there = unsafe { self.task.take_output(output.as_mut_ptr().cast()) };
        assert!(there, "a JoinHandle was polled after it gave its output");
        // SAFETY: `take_output` wrote it.
        unsafe { output.assume_init() }
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        self.task.detach();
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id())
            .field("is_finished", &self.is_finished())
            .finish()
    }
}

/// Ends a task from anywhere; see [`JoinHandle::abort`].
///
/// It may be cloned, sent to any thread and kept for ever: it keeps the task's memory, but neither
/// its future nor its output.
///
/// ```
/// # let executor = brigade::SingleThread::new().unwrap();
/// # executor.block_on(async {
/// let idle = brigade::spawn(std::future::pending::<()>());
/// let stop = idle.abort_handle();
/// std::thread::spawn(move || stop.abort());
/// assert!(idle.await.unwrap_err().is_aborted());
/// # });
/// ```
#[derive(Clone)]
pub struct AbortHandle {
    task: TaskRef,
}

impl UnwindSafe for AbortHandle {}
impl RefUnwindSafe for AbortHandle {}

impl AbortHandle {
    /// Ends the task; see [`JoinHandle::abort`].
    ///
    /// ```
    /// # brigade::run(async {
    /// let idle = brigade::spawn(std::future::pending::<()>());
    /// let stop = idle.abort_handle();
    /// stop.abort();
    /// stop.abort(); // Once more does nothing.
    /// assert!(idle.await.unwrap_err().is_aborted());
    /// # });
    /// ```
    pub fn abort(&self) {
        self.task.raw().abort();
    }

    /// Returns whether the future is gone: it completed, panicked or was aborted.
    ///
    /// ```
    /// # brigade::run(async {
    /// let dish = brigade::spawn(async {});
    /// let stop = dish.abort_handle();
    /// dish.await.unwrap();
    /// assert!(stop.is_finished());
    /// # });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.task.raw().is_finished()
    }

    /// The task's identity.
    ///
    /// ```
    /// # brigade::run(async {
    /// let dish = brigade::spawn(async {});
    /// assert_eq!(dish.abort_handle().id(), dish.id());
    /// # });
    /// ```
    pub fn id(&self) -> Id {
        self.task.raw().id()
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle")
            .field("id", &self.id())
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
