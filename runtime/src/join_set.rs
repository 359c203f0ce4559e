//! Many tasks as one: await them in the order in which they finish.
//!
//! **Job.** Keep the handles of a changing crowd of tasks, and know which are done without asking
//! each of them: awaiting N handles in turn with a fresh look at all costs N² looks.
//!
//! **Owns** the handles, not the tasks. **Never** polls a future of a task: it awaits handles.
//!
//! # How
//!
//! Each task in the set is awaited under a waker of its own, whose job is to put the task's index
//! into the set's list of finished ones and to wake whoever waits for the set. So a look at the set
//! looks at that list only.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};

use slab::Slab;

use crate::handle::Handle;
use crate::spawn;
use crate::sync::{Mutex, lock};
use crate::task::{AbortHandle, Id, JoinError, JoinHandle};

/// A set of spawned tasks with the same output type.
///
/// Dropping the set aborts the tasks in it.
///
/// ```
/// use brigade::task::JoinSet;
///
/// brigade::run(async {
///     let mut dishes = JoinSet::new();
///     for i in 0..10 {
///         dishes.spawn(async move { i });
///     }
///     let mut sum = 0;
///     while let Some(dish) = dishes.join_next().await {
///         sum += dish.unwrap();
///     }
///     assert_eq!(sum, 45);
/// });
/// ```
pub struct JoinSet<T> {
    members: Slab<Member<T>>,
    finished: std::sync::Arc<Finished>,
}

struct Member<T> {
    handle: JoinHandle<T>,
    waker: Waker,
}

/// What the wakers of the members share.
struct Finished {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Members to look at: new ones and woken ones.
    ready: VecDeque<usize>,
    /// Who waits for the set.
    waiter: Option<Waker>,
}

/// The waker of one member.
struct MemberWaker {
    index: usize,
    finished: std::sync::Arc<Finished>,
}

impl Wake for MemberWaker {
    fn wake(self: std::sync::Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &std::sync::Arc<Self>) {
        let waiter = {
            let mut state = lock(&self.finished.state);
            state.ready.push_back(self.index);
            state.waiter.take()
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }
}

impl<T> JoinSet<T> {
    /// An empty set.
    ///
    /// ```
    /// let dishes = brigade::task::JoinSet::<&str>::new();
    /// assert!(dishes.is_empty());
    /// ```
    pub fn new() -> Self {
        JoinSet {
            members: Slab::new(),
            finished: std::sync::Arc::new(Finished {
                state: Mutex::new(State::default()),
            }),
        }
    }

    /// How many tasks are in it, finished or not.
    ///
    /// ```
    /// brigade::run(async {
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     dishes.spawn(async { "soup" });
    ///     dishes.spawn(async { "salad" });
    ///     assert_eq!(dishes.len(), 2);
    ///     dishes.join_next().await;
    ///     assert_eq!(dishes.len(), 1);
    ///     assert!(!dishes.is_empty());
    /// });
    /// ```
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it is empty; see [`len`](Self::len) for an example.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Spawns a task onto the current executor and puts it into the set.
    ///
    /// ```
    /// brigade::run(async {
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     let burnt = dishes.spawn(std::future::pending::<()>());
    ///     burnt.abort();
    ///     assert!(dishes.join_next().await.unwrap().unwrap_err().is_aborted());
    /// });
    /// ```
    ///
    /// # Panics
    /// Outside of an executor.
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        self.insert(spawn::spawn(future))
    }

    /// Spawns a task onto an executor and puts it into the set.
    ///
    /// ```
    /// let kitchen = brigade::WorkStealing::with_workers(1)?;
    /// let mut dishes = brigade::task::JoinSet::new();
    /// // From outside.
    /// dishes.spawn_on(async { "soup" }, &kitchen.handle());
    /// assert_eq!(kitchen.block_on(dishes.join_all()), ["soup"]);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn spawn_on<F>(&mut self, future: F, handle: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        self.insert(handle.spawn(future))
    }

    /// Spawns a task whose future need not be `Send`; see
    /// [`brigade::spawn_local`](crate::spawn_local).
    ///
    /// ```
    /// use std::rc::Rc;
    ///
    /// brigade::SingleThread::new()?.block_on(async {
    ///     let pot = Rc::new("soup");
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     for _ in 0..2 {
    ///         let pot = pot.clone();
    ///         dishes.spawn_local(async move { *pot });
    ///     }
    ///     assert_eq!(dishes.join_all().await, ["soup", "soup"]);
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Panics
    /// Outside of a [`SingleThread`](crate::SingleThread).
    #[track_caller]
    pub fn spawn_local<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
        T: 'static,
    {
        self.insert(spawn::spawn_local(future))
    }

    /// Runs a closure that may block; see [`brigade::spawn_blocking`](crate::spawn_blocking).
    ///
    /// ```
    /// brigade::run(async {
    ///     let mut files = brigade::task::JoinSet::new();
    ///     files.spawn_blocking(|| std::fs::read("Cargo.toml"));
    ///     let file = files.join_next().await.unwrap().unwrap();
    ///     assert!(file.is_ok());
    /// });
    /// ```
    ///
    /// # Panics
    /// Outside of an executor.
    #[track_caller]
    pub fn spawn_blocking<F>(&mut self, work: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.insert(spawn::spawn_blocking(work))
    }

    /// Puts a task that was spawned elsewhere into the set.
    ///
    /// ```
    /// brigade::run(async {
    ///     let named = brigade::task::Builder::new().name("soup").spawn(async { 1 });
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     dishes.insert(named);
    ///     assert_eq!(dishes.join_all().await, [1]);
    /// });
    /// ```
    pub fn insert(&mut self, handle: JoinHandle<T>) -> AbortHandle {
        let abort = handle.abort_handle();
        let entry = self.members.vacant_entry();
        let index = entry.key();
        let waker = Waker::from(std::sync::Arc::new(MemberWaker {
            index,
            finished: self.finished.clone(),
        }));
        entry.insert(Member { handle, waker });
        // It has to be polled once to have its waker registered.
        let waiter = {
            let mut state = lock(&self.finished.state);
            state.ready.push_back(index);
            state.waiter.take()
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
        abort
    }

    /// Waits for the next task to finish and gives its result; `None` if the set is empty.
    ///
    /// ```
    /// brigade::run(async {
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     dishes.spawn(async { panic!("burnt") });
    ///     // Only that one is lost.
    ///     assert!(dishes.join_next().await.unwrap().unwrap_err().is_panic());
    ///     dishes.spawn(async { "soup" });
    ///     assert_eq!(dishes.join_next().await.unwrap().unwrap(), "soup");
    ///     assert!(dishes.join_next().await.is_none());
    /// });
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future loses no result.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        Some(self.join_next_with_id().await?.1)
    }

    /// As [`join_next`](Self::join_next), with the task's identity.
    ///
    /// ```
    /// brigade::run(async {
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     let soup = dishes.spawn(async { 1 }).id();
    ///     dishes.spawn(async { 2 });
    ///     while let Some((id, dish)) = dishes.join_next_with_id().await {
    ///         assert_eq!(id == soup, dish.unwrap() == 1);
    ///     }
    /// });
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future loses no result.
    pub async fn join_next_with_id(&mut self) -> Option<(Id, Result<T, JoinError>)> {
        std::future::poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// As [`join_next_with_id`](Self::join_next_with_id), as a poll function. The last task that polled
    /// it is woken when there is something to look at.
    ///
    /// ```
    /// use std::future::poll_fn;
    ///
    /// brigade::run(async {
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     dishes.spawn(async { "soup" });
    ///     let (_, dish) = poll_fn(|cx| dishes.poll_join_next(cx)).await.unwrap();
    ///     assert_eq!(dish.unwrap(), "soup");
    /// });
    /// ```
    pub fn poll_join_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(Id, Result<T, JoinError>)>> {
        self.look(Some(cx.waker()))
    }

    /// Looks at members until one gives its result; if none does, `waiter` is woken when there is
    /// something to look at.
    fn look(&mut self, waiter: Option<&Waker>) -> Poll<Option<(Id, Result<T, JoinError>)>> {
        loop {
            if self.members.is_empty() {
                return Poll::Ready(None);
            }
            let Some(index) = self.next_ready(waiter) else {
                return Poll::Pending;
            };
            // A late wake may speak of a member that is gone, or of the next one at its index: then
            // there is nothing at it, or a look too many.
            let Some(member) = self.members.get_mut(index) else {
                continue;
            };
            let mut member_cx = Context::from_waker(&member.waker);
            if let Poll::Ready(result) = Pin::new(&mut member.handle).poll(&mut member_cx) {
                let id = self.members.remove(index).handle.id();
                return Poll::Ready(Some((id, result)));
            }
        }
    }

    /// A member to look at; or `None`, and `waiter` is woken once there is one. Without a waiter,
    /// whoever waits already goes on waiting.
    fn next_ready(&self, waiter: Option<&Waker>) -> Option<usize> {
        let fresh = waiter.cloned();
        let mut state = lock(&self.finished.state);
        let ready = state.ready.pop_front();
        let unused = match (ready, fresh) {
            (None, Some(fresh)) => state.waiter.replace(fresh),
            (_, fresh) => fresh,
        };
        drop(state);
        drop(unused);
        ready
    }

    /// A finished task's result, if there is one already.
    ///
    /// ```
    /// brigade::run(async {
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     let soup = dishes.spawn(brigade::yield_now());
    ///     while !soup.is_finished() {
    ///         brigade::yield_now().await;
    ///     }
    ///     assert!(dishes.try_join_next().is_some());
    ///     dishes.spawn(std::future::pending::<()>());
    ///     assert!(dishes.try_join_next().is_none());
    /// });
    /// ```
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        match self.look(None) {
            Poll::Ready(joined) => joined.map(|(_, result)| result),
            Poll::Pending => None,
        }
    }

    /// Waits for all tasks and gives their values, in the order in which they finished.
    ///
    /// ```
    /// brigade::run(async {
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     for i in 0..10 {
    ///         dishes.spawn(async move { i });
    ///     }
    ///     assert_eq!(dishes.join_all().await.iter().sum::<i32>(), 45);
    /// });
    /// ```
    ///
    /// # Panics
    /// If a task panicked, with its panic; if one was aborted. The others are aborted then.
    ///
    /// # Cancel safety
    /// None: dropping the future drops the set with it, and so aborts the tasks.
    pub async fn join_all(mut self) -> Vec<T> {
        let mut values = Vec::with_capacity(self.len());
        while let Some(result) = self.join_next().await {
            match result.map_err(JoinError::try_into_panic) {
                Ok(value) => values.push(value),
                Err(Ok(panic)) => std::panic::resume_unwind(panic),
                Err(Err(error)) => panic!("JoinSet::join_all: {error}"),
            }
        }
        values
    }

    /// Aborts all tasks; they stay in the set until they are joined.
    ///
    /// ```
    /// brigade::run(async {
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     dishes.spawn(std::future::pending::<()>());
    ///     dishes.abort_all();
    ///     assert_eq!(dishes.len(), 1);
    ///     assert!(dishes.join_next().await.unwrap().unwrap_err().is_aborted());
    /// });
    /// ```
    pub fn abort_all(&self) {
        for (_, member) in &self.members {
            member.handle.abort();
        }
    }

    /// Aborts all tasks and waits until they are gone.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// brigade::run(async {
    ///     let pot = Arc::new(());
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     let held = pot.clone();
    ///     dishes.spawn(async move {
    ///         let _held = held;
    ///         std::future::pending::<()>().await
    ///     });
    ///     dishes.shutdown().await;
    ///     // What the task held it holds no more.
    ///     assert_eq!(Arc::strong_count(&pot), 1);
    /// });
    /// ```
    ///
    /// # Cancel safety
    /// The tasks are aborted by the first poll; dropping the future leaves those that are not gone yet
    /// in the set.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Lets all tasks run on by themselves: the set is empty afterwards.
    ///
    /// ```
    /// brigade::run(async {
    ///     let (send, receive) = std::sync::mpsc::channel();
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     dishes.spawn(async move { send.send("soup").unwrap() });
    ///     dishes.detach_all();
    ///     drop(dishes); // Aborts none.
    ///     while receive.try_recv().is_err() {
    ///         brigade::yield_now().await;
    ///     }
    /// });
    /// ```
    pub fn detach_all(&mut self) {
        self.members.clear();
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.abort_all();
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish()
    }
}
