//! Exercise 6, solved: a third executor, which polls the tasks of two lanes in turn.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use brigade::custom::{Queue, Ready, Runtime, Spawner};
use brigade::task::JoinHandle;

/// The ready tasks of one lane, in order of arrival.
#[derive(Default)]
struct Line(Mutex<VecDeque<Ready>>);

impl Queue for Line {
    fn push(&self, task: Ready) {
        self.0.lock().unwrap().push_back(task);
    }
}

/// One worker for two lanes (groups of tasks). The worker takes tasks from the lanes alternately.
pub struct Shares {
    runtime: Runtime,
    lines: [Arc<Line>; 2],
    lanes: [Spawner; 2],
    /// The lane to take from next.
    turn: Cell<usize>,
}

impl Shares {
    /// Makes an executor without tasks.
    pub fn new() -> io::Result<Self> {
        let lines = [Arc::new(Line::default()), Arc::new(Line::default())];
        let runtime = Runtime::new(lines[0].clone())?;
        let lanes = [
            runtime.spawner(lines[0].clone()),
            runtime.spawner(lines[1].clone()),
        ];
        Ok(Shares {
            runtime,
            lines,
            lanes,
            turn: Cell::new(0),
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
        let first = self.turn.replace(1 - self.turn.get());
        let pop = |lane: usize| self.lines[lane].0.lock().unwrap().pop_front();
        pop(first).or_else(|| pop(1 - first))
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
