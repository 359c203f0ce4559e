//! Exercise 6: a third executor, which polls the tasks of two lanes in turn.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use brigade::custom::{Queue, Ready, Runtime, Spawner};
use brigade::task::JoinHandle;

/// The ready tasks, in order of arrival. Both lanes share this queue.
#[derive(Default)]
struct Line(Mutex<VecDeque<Ready>>);

impl Queue for Line {
    fn push(&self, task: Ready) {
        self.0.lock().unwrap().push_back(task);
    }
}

/// One worker for two lanes (groups of tasks).
///
/// In this version, many tasks in one lane delay the other lane. Give each lane a queue, and take from the
/// queues in turn.
pub struct Shares {
    runtime: Runtime,
    line: Arc<Line>,
    lanes: [Spawner; 2],
}

impl Shares {
    /// Makes an executor without tasks.
    pub fn new() -> io::Result<Self> {
        let line = Arc::new(Line::default());
        let runtime = Runtime::new(line.clone())?;
        let lanes = [runtime.spawner(line.clone()), runtime.spawner(line.clone())];
        Ok(Shares {
            runtime,
            line,
            lanes,
        })
    }

    /// Spawns a task into lane 0 or 1.
    pub fn spawn<F>(&self, lane: usize, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.lanes[lane].spawn(future)
    }

    fn take(&self) -> Option<Ready> {
        self.line.0.lock().unwrap().pop_front()
    }

    /// Polls tasks until none is ready, and returns the number of polls.
    pub fn run_until_idle(&self) -> usize {
        self.runtime.enter("Shares::run_until_idle", || {
            let tasks = std::iter::from_fn(|| self.take());
            tasks.map(Ready::run).count()
        })
    }
}

impl Drop for Shares {
    fn drop(&mut self) {
        self.runtime.close(|| self.take());
    }
}
