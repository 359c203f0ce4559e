//! Spawning with a name.
//!
//! **Job.** [`Builder`]: what a task is called in timelines and traces. **Owns** nothing. **Never** does
//! anything else that `spawn` does not.

use std::future::Future;

use crate::context;
use crate::spawn;
use crate::task::{JoinHandle, spawn_task};

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
    /// No name yet.
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

    /// The task's name. It need not be unique.
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
    /// Outside of an executor.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let scheduler = context::expect("task::Builder::spawn", |shared| shared.home.clone());
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
    /// Outside of a [`SingleThread`](crate::SingleThread).
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        spawn_task!(spawn::local_scheduler(), "local", self.name, future)
    }
}
