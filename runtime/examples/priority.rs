//! A third executor: one worker that always polls the most urgent task that is ready.
//!
//! `brigade::custom` provides tasks, wakers, sockets, timers, joins, aborts and shutdown. This example adds
//! the order: instead of a queue, it uses a map that is sorted by urgency and then by arrival. Each urgency
//! has a spawner, so a woken task keeps its urgency. To run it: `cargo run -p brigade --example priority`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::{collections::BTreeMap, io, pin::pin};

use brigade::custom::{Notify, Ready, Runtime, Spawner};
use brigade::task::JoinHandle;
use brigade::{Executor, Handle, Metrics, timeline::Timeline};

/// The driver is polled after at most this many task polls. Arbitrary: not measured.
const STRETCH: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    Urgent,
    Normal,
    Later,
}

/// All ready tasks, the most urgent first. Tasks of equal urgency are in order of arrival.
#[derive(Default)]
struct Board {
    ready: Mutex<BTreeMap<(Urgency, u64), Ready>>,
    arrivals: AtomicU64,
}

impl Board {
    fn put(&self, urgency: Urgency, task: Ready) {
        let number = self.arrivals.fetch_add(1, Ordering::Relaxed);
        self.ready.lock().unwrap().insert((urgency, number), task);
    }

    fn take(&self) -> Option<Ready> {
        Some(self.ready.lock().unwrap().pop_first()?.1)
    }
}

/// The waker of the main future. A wake sets the flag and notifies the runtime.
struct MainWaker(AtomicBool, Notify);

impl Wake for MainWaker {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
        self.1.notify();
    }
}

pub(crate) struct Priority {
    runtime: Runtime,
    board: Arc<Board>,
    spawners: [Spawner; 3],
}

impl Priority {
    pub(crate) fn new() -> io::Result<Self> {
        let board = Arc::new(Board::default());
        let queue = |urgency| {
            let board = board.clone();
            Arc::new(move |task| board.put(urgency, task))
        };
        let runtime = Runtime::new(queue(Urgency::Normal))?;
        let all = [Urgency::Urgent, Urgency::Normal, Urgency::Later];
        Ok(Priority {
            spawners: all.map(|urgency| runtime.spawner(queue(urgency))),
            runtime,
            board,
        })
    }

    pub(crate) fn spawn_at<F>(&self, urgency: Urgency, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.spawners[urgency as usize].spawn(future)
    }
}

impl Executor for Priority {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let main = Arc::new(MainWaker(AtomicBool::new(true), self.runtime.notifier()));
        let waker = Waker::from(main.clone());
        self.runtime.enter("Priority::block_on", || {
            loop {
                if main.0.swap(false, Ordering::Acquire) {
                    let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
                    if let Poll::Ready(output) = polled {
                        return output;
                    }
                }
                (0..STRETCH)
                    .map_while(|_| self.board.take())
                    .for_each(Ready::run);
                let is_empty = || self.board.ready.lock().unwrap().is_empty();
                let ready = || main.0.load(Ordering::Relaxed) || !is_empty();
                if ready() {
                    self.runtime.poll_driver();
                } else {
                    self.runtime.park_unless(ready);
                }
            }
        })
    }

    fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.spawn_at(Urgency::Normal, future)
    }

    fn workers(&self) -> usize {
        1
    }

    fn handle(&self) -> Handle {
        self.runtime.handle()
    }

    fn metrics(&self) -> Metrics {
        self.runtime.handle().metrics()
    }

    fn timeline(&self) -> Option<Timeline> {
        None
    }
}

impl Drop for Priority {
    fn drop(&mut self) {
        self.runtime.close(|| self.board.take());
    }
}

fn main() -> io::Result<()> {
    let kitchen = Priority::new()?;
    let washing = kitchen.spawn_at(Urgency::Later, async { println!("wash up") });
    kitchen.spawn_at(Urgency::Urgent, async { println!("the pot boils over") });
    kitchen.block_on(washing).expect("no dish burns");
    Ok(())
}
