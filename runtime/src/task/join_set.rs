//! A set of tasks that are awaited together, in the order in which they finish.
//!
//! Checking all N handles at each of N joins would cost N² checks. So each member has a waker of its
//! own, which puts the member's index into a list. A join checks only the members in that list.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::task::{Context, Poll, Wake, Waker};

use slab::Slab;

use crate::context;
use crate::coop;
use crate::handle::{self, Handle};
use crate::sync::{Mutex, lock};
use crate::task::waker::{drop_quietly, wake_quietly};
use crate::task::{AbortHandle, Id, JoinError, JoinHandle, spawn, spawn_task};

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
    woken: std::sync::Arc<Woken>,
}

struct Member<T> {
    handle: JoinHandle<T>,
    waker: Waker,
}

/// The state that the wakers of the members share.
#[derive(Default)]
struct Woken(Mutex<State>);

#[derive(Default)]
struct State {
    /// The indices of members to check: finished ones, and new ones without a registered waker.
    members: VecDeque<usize>,
    /// The waker of the task that waits for the set.
    waiter: Option<Waker>,
}

impl Woken {
    fn push(&self, index: usize) {
        let waiter = {
            let mut state = lock(&self.0);
            state.members.push_back(index);
            state.waiter.take()
        };
        // Wake outside the lock, because a foreign waker may use this set.
        waiter.into_iter().for_each(wake_quietly);
    }

    /// Takes an index out of the list. If the list is empty, registers `waiter` (if given), which `push` then
    /// wakes.
    fn take(&self, waiter: Option<&Waker>) -> Option<usize> {
        // Clone and drop wakers outside of the lock, because a waker's clone or drop may run foreign code.
        let fresh = waiter.cloned();
        let mut state = lock(&self.0);
        let index = state.members.pop_front();
        let unused = match (index, fresh) {
            // The new waiter replaces the old one: the set may have moved to another task.
            (None, Some(fresh)) => state.waiter.replace(fresh),
            (_, fresh) => fresh,
        };
        drop(state);
        drop_quietly(unused); // A panic would lose the index.
        index
    }
}

/// The waker of one member.
struct MemberWaker {
    index: usize,
    woken: std::sync::Arc<Woken>,
}

impl Wake for MemberWaker {
    fn wake(self: std::sync::Arc<Self>) {
        self.woken.push(self.index);
    }
}

/// A future that waits for a member. If it is dropped early, the set drops the waker of the waiting task.
struct Next<'a, T>(&'a mut JoinSet<T>);

impl<T> Drop for Next<'_, T> {
    fn drop(&mut self) {
        let waiter = lock(&self.0.woken.0).waiter.take();
        drop_quietly(waiter);
    }
}

impl<T> JoinSet<T> {
    /// Makes an empty set; see [`JoinSet`] for an example.
    pub fn new() -> Self {
        JoinSet {
            members: Slab::new(),
            woken: std::sync::Arc::default(),
        }
    }

    /// Returns how many tasks are in the set, finished or not.
    ///
    /// ```
    /// brigade::run(async {
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     dishes.spawn(async { "soup" });
    ///     dishes.spawn(async { "salad" });
    ///     assert_eq!(dishes.len(), 2);
    ///     dishes.join_next().await;
    ///     assert!(dishes.len() == 1 && !dishes.is_empty());
    /// });
    /// ```
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns whether the set is empty; see [`len`](Self::len) for an example.
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
    /// Panics if it is called outside of an executor.
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let scheduler = context::expect("JoinSet::spawn", |shared| shared.scheduler.clone());
        self.insert(spawn_task!(scheduler, "task", None, future))
    }

    /// Spawns a task onto an executor and puts it into the set.
    ///
    /// ```
    /// let kitchen = brigade::WorkStealing::with_workers(1)?;
    /// let mut dishes = brigade::task::JoinSet::new();
    /// dishes.spawn_on(async { "soup" }, &kitchen.handle());
    /// assert_eq!(kitchen.block_on(dishes.join_all()), ["soup"]);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn spawn_on<F>(&mut self, future: F, handle: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let scheduler = handle.shared.scheduler.clone();
        self.insert(spawn_task!(scheduler, "task", None, future))
    }

    /// Spawns a task whose future need not be `Send`; see [`brigade::spawn_local`](crate::spawn_local).
    ///
    /// ```
    /// use std::rc::Rc;
    ///
    /// brigade::SingleThread::new()?.block_on(async {
    ///     let pot = Rc::new("soup");
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     dishes.spawn_local(async move { *pot });
    ///     assert_eq!(dishes.join_all().await, ["soup"]);
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Panics
    /// Panics if it is called outside of a [`SingleThread`](crate::SingleThread).
    #[track_caller]
    pub fn spawn_local<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
        T: 'static,
    {
        let scheduler = spawn::local_scheduler("JoinSet::spawn_local");
        self.insert(spawn_task!(scheduler, "local", None, future))
    }

    /// Runs a closure that may block; see [`brigade::spawn_blocking`](crate::spawn_blocking).
    ///
    /// ```
    /// brigade::run(async {
    ///     let mut files = brigade::task::JoinSet::new();
    ///     files.spawn_blocking(|| std::fs::read("Cargo.toml"));
    ///     assert!(files.join_next().await.unwrap().unwrap().is_ok());
    /// });
    /// ```
    ///
    /// # Panics
    /// Panics if it is called outside of an executor.
    #[track_caller]
    pub fn spawn_blocking<F>(&mut self, work: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let shared = context::expect("JoinSet::spawn_blocking", |shared| shared.clone());
        self.insert(handle::spawn_blocking(shared, work))
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
            woken: self.woken.clone(),
        }));
        entry.insert(Member { handle, waker });
        // Put the new member into the list, because only a poll of its handle registers the waker.
        self.woken.push(index);
        abort
    }

    /// Waits for the next task to finish and returns its result, or `None` if the set is empty.
    ///
    /// ```
    /// brigade::run(async {
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     dishes.spawn(async { panic!("burnt") });
    ///     // Only that task is lost.
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
        Some(self.next_finished().await?.handle.take_output())
    }

    /// Waits like [`join_next`](Self::join_next), and also returns the task's identity.
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
        let member = self.next_finished().await?;
        Some((member.handle.id(), member.handle.take_output()))
    }

    /// Polls for the result that [`join_next_with_id`](Self::join_next_with_id) waits for. When a result
    /// may be available, the task that polled last is woken.
    ///
    /// ```
    /// brigade::run(async {
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     dishes.spawn(async { "soup" });
    ///     let (_, dish) = std::future::poll_fn(|cx| dishes.poll_join_next(cx)).await.unwrap();
    ///     assert_eq!(dish.unwrap(), "soup");
    /// });
    /// ```
    pub fn poll_join_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(Id, Result<T, JoinError>)>> {
        self.poll_finished(cx)
            .map(|member| member.map(|it| (it.handle.id(), it.handle.take_output())))
    }

    async fn next_finished(&mut self) -> Option<Member<T>> {
        let next = Next(self);
        let member = std::future::poll_fn(|cx| next.0.poll_finished(cx)).await;
        // No waker is registered any more: `push` has taken it out.
        std::mem::forget(next);
        member
    }

    /// Polls for a finished member and removes it. The output stays in the task.
    fn poll_finished(&mut self, cx: &mut Context<'_>) -> Poll<Option<Member<T>>> {
        loop {
            if self.members.is_empty() {
                // Spend budget, because a task may poll an empty set in a loop.
                return coop::poll_spend(cx).map(|()| None);
            }
            let Some(index) = self.woken.take(Some(cx.waker())) else {
                return Poll::Pending;
            };
            // Each check spends budget, even if the member is not ready. An empty list spends none.
            // Otherwise a task that polls many sets could use up its budget in every poll before it reaches
            // the last set.
            if !coop::try_spend() {
                lock(&self.woken.0).members.push_front(index);
                return coop::deny(cx);
            }
            if let Some(member) = self.remove_if_finished(index) {
                return Poll::Ready(Some(member));
            }
        }
    }

    fn remove_if_finished(&mut self, index: usize) -> Option<Member<T>> {
        // A waker may be called after its member was removed. If the index then belongs to another member,
        // that member is polled needlessly.
        let member = self.members.get_mut(index)?;
        let ended = member.handle.poll_end(&member.waker).is_ready();
        ended.then(|| self.members.remove(index))
    }

    /// Returns the result of a finished task, if there is one. May miss a task that ends during the call.
    ///
    /// A loop that only calls this function lets no other task run, so use [`join_next`](Self::join_next)
    /// for a large set.
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
        while let Some(index) = self.woken.take(None) {
            if let Some(member) = self.remove_if_finished(index) {
                return Some(member.handle.take_output());
            }
        }
        None
    }

    /// Waits for all tasks and returns their values, in the order in which they finished.
    ///
    /// ```
    /// brigade::run(async {
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     dishes.spawn(async { 20 });
    ///     dishes.spawn(async { 25 });
    ///     assert_eq!(dishes.join_all().await.iter().sum::<i32>(), 45);
    /// });
    /// ```
    ///
    /// # Panics
    /// Panics if a task was aborted; the reported line is in this library. If a task panicked, resumes that
    /// panic. Either way, the remaining tasks are aborted.
    ///
    /// # Cancel safety
    /// Not cancel safe: dropping the future drops the set, which aborts the tasks.
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
        let members = self.members.iter();
        members.for_each(|(_, member)| member.handle.abort());
    }

    /// Aborts all tasks and waits until they have ended.
    ///
    /// ```
    /// brigade::run(async {
    ///     let pot = std::sync::Arc::new(());
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     let held = pot.clone();
    ///     dishes.spawn(async move {
    ///         let _held = held;
    ///         std::future::pending::<()>().await
    ///     });
    ///     dishes.shutdown().await;
    ///     assert_eq!(std::sync::Arc::strong_count(&pot), 1);
    /// });
    /// ```
    ///
    /// # Cancel safety
    /// The first poll aborts the tasks. If the future is dropped, tasks that have not ended stay in the
    /// set.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Detaches all tasks and empties the set. The tasks continue.
    ///
    /// ```
    /// brigade::run(async {
    ///     let mut dishes = brigade::task::JoinSet::new();
    ///     dishes.spawn(async { "soup" });
    ///     dishes.detach_all();
    ///     assert!(dishes.is_empty()); // The task continues.
    /// });
    /// ```
    pub fn detach_all(&mut self) {
        self.members.clear();
        // Replace the list, because it may still contain indices of detached members.
        let waiter = lock(&std::mem::take(&mut self.woken).0).waiter.take();
        waiter.into_iter().for_each(wake_quietly);
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.abort_all();
        let waiter = lock(&self.woken.0).waiter.take();
        drop_quietly(waiter);
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
