//! Spawning with a name.
//!
//! **Job.** [`Builder`]: what a task is called in timelines and traces. **Owns** nothing. **Never** does
//! anything else that `spawn` does not.

use std::future::Future;

use crate::spawn;
use crate::task::JoinHandle;

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
    pub fn new() -> Self {
        Builder { name: None }
    }

    /// The task's name. It need not be unique.
    pub fn name(mut self, name: &'a str) -> Self {
        self.name = Some(name);
        self
    }

    /// Spawns the task; see [`brigade::spawn`](fn@crate::spawn).
    ///
    /// # Panics
    /// Outside of an executor.
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn::spawn_named(future, self.name)
    }

    /// Spawns the task onto this thread; see [`brigade::spawn_local`](crate::spawn_local).
    ///
    /// # Panics
    /// Outside of a [`SingleThread`](crate::SingleThread).
    pub fn spawn_local<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        spawn::spawn_local_named(future, self.name)
    }
}
