//! The handles of a spawned task.
//!
//! [`JoinHandle`] is a future of the task's output; [`AbortHandle`] can end the task. `task::join`
//! passes the output from the executor to the handle.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use super::error::JoinError;
use super::id::Id;
use super::raw::{RawTask, TaskRef};
use crate::coop;

/// The handle of a spawned task. Await it to get the task's output.
///
/// Dropping the handle *detaches* the task: the task continues, and its output is dropped when the task is
/// done. To end a task, [`abort`](Self::abort) it.
///
/// If the output is `Send`, the handle may be sent to another thread and awaited there, under any executor.
///
/// # Panics
/// Panics if it is polled again after it returned `Ready`.
///
/// # Cancel safety
/// Awaiting `&mut handle` inside a `select` loses nothing: the output stays in the task until it is taken.
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
    /// The handle is `Send` if the output is `Send`.
    output: PhantomData<T>,
}

// SAFETY: the handle gives access only to the output. If `T: Send`, the output may be taken on another
// thread. Any thread may write the join word, and the handle has no access to the rest of the task.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: any thread may abort the task and read its state through `&JoinHandle`.
unsafe impl<T> Sync for JoinHandle<T> {}

impl<T> Unpin for JoinHandle<T> {}

// A panic leaves tasks and handles usable. A task's state changes by a single write, so a panic cannot leave
// it half changed. A panic of the future becomes the task's output.
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// Makes the handle of a task whose output is `Result<T, JoinError>`. The handle keeps the task alive.
    pub(crate) fn new(task: RawTask) -> Self {
        JoinHandle {
            task,
            output: PhantomData,
        }
    }

    /// Ends the task. Its executor drops the future at the next opportunity instead of polling it, and the
    /// handle returns an error for which [`JoinError::is_aborted`] is true. A completed task keeps its
    /// output. A task that is being polled ends after that poll.
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

    /// Returns a handle that can end the task but does not keep the task's output.
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

    /// Returns the task's identity.
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

    // Without `always`, the compiler might not inline this function, because it contains a test for a
    // recorder. A call would cost more than this test.
    #[inline(always)]
    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(self.task.poll_join(cx.waker()));
        // A task that joins many finished tasks must let other tasks run in between.
        ready!(coop::poll_spend(cx));
        Poll::Ready(self.take_output())
    }
}

impl<T> JoinHandle<T> {
    /// Polls for the end of the task. Spends no budget; the caller must spend it.
    pub(super) fn poll_end(&self, waker: &Waker) -> Poll<()> {
        self.task.poll_join(waker)
    }

    /// Takes the output. `poll_join` must have returned `Ready`.
    #[inline(always)]
    #[track_caller]
    pub(super) fn take_output(&self) -> Result<T, JoinError> {
        let mut output = MaybeUninit::<Result<T, JoinError>>::uninit();
        // SAFETY: the task was spawned with this output type, and this is its only handle.
        let there = unsafe { self.task.take_output(output.as_mut_ptr().cast()) };
        assert!(
            there,
            "a JoinHandle was polled after it returned its output"
        );
        // SAFETY: `take_output` wrote the output.
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

/// Ends a task from any thread; see [`JoinHandle::abort`].
///
/// This handle may be cloned, sent to any thread and kept forever. It keeps the task's memory alive, but
/// not the future or the output.
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
    /// stop.abort(); // A second call does nothing.
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

    /// Returns the task's identity.
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
