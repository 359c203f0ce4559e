//! A third executor: one cook who always takes the most urgent dish that is ready.
//!
//! Tasks, wakers, sockets, timers, joins, aborts and shutdown are brigade's, through
//! `brigade::seam`. What is its own is the order: a map sorted by urgency, then by arrival, in the
//! place of a queue. How urgent a task is, the lane knows through which it came in.
//! To see it: `cargo run -p brigade --example priority`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::{collections::BTreeMap, io, pin::pin};

use brigade::seam::{Bell, Hall, Lane, Queue, Ready};
use brigade::task::JoinHandle;
use brigade::{Executor, Handle, Metrics, timeline::Timeline};

/// Polls between two looks at the OS and the main future. Thin air.
const STRETCH: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    Urgent,
    Normal,
    Later,
}

/// All tasks that are ready: the most urgent first, those of one urgency in order of arrival.
#[derive(Default)]
struct Board {
    ready: Mutex<BTreeMap<(Urgency, u64), Ready>>,
    arrivals: AtomicU64,
}

impl Board {
    fn take(&self) -> Option<Ready> {
        Some(self.ready.lock().unwrap().pop_first()?.1)
    }

    fn any(&self) -> bool {
        !self.ready.lock().unwrap().is_empty()
    }
}

/// The way to the board for tasks of one urgency.
struct Hatch(Urgency, Arc<Board>);

impl Queue for Hatch {
    fn push(&self, task: Ready) {
        let Hatch(urgency, board) = self;
        let number = board.arrivals.fetch_add(1, Ordering::Relaxed);
        board.ready.lock().unwrap().insert((*urgency, number), task);
    }
}

/// The main future was woken.
struct MainWaker(AtomicBool, Bell);

impl Wake for MainWaker {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
        self.1.ring();
    }
}

pub(crate) struct Priority {
    hall: Hall,
    board: Arc<Board>,
    lanes: [Lane; 3],
}

impl Priority {
    pub(crate) fn new() -> io::Result<Self> {
        let board = Arc::new(Board::default());
        let hatch = |urgency| Arc::new(Hatch(urgency, board.clone()));
        let hall = Hall::new(hatch(Urgency::Normal))?;
        let lanes = [Urgency::Urgent, Urgency::Normal, Urgency::Later];
        let lanes = lanes.map(|urgency| hall.lane(hatch(urgency)));
        Ok(Priority { hall, board, lanes })
    }

    pub(crate) fn spawn_at<F>(&self, urgency: Urgency, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.lanes[urgency as usize].spawn(future)
    }
}

impl Executor for Priority {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _inside = self.hall.enter("Priority::block_on");
        let mut future = pin!(future);
        let main = Arc::new(MainWaker(AtomicBool::new(true), self.hall.bell()));
        let waker = Waker::from(main.clone());
        loop {
            if main.0.swap(false, Ordering::Acquire) {
                let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
                if let Poll::Ready(output) = polled {
                    return output;
                }
            }
            let tasks = std::iter::from_fn(|| self.board.take());
            tasks.take(STRETCH).for_each(Ready::run);
            let ready = || main.0.load(Ordering::Relaxed) || self.board.any();
            if ready() {
                self.hall.look();
            } else {
                self.hall.sleep_unless(ready);
            }
        }
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
        self.hall.handle()
    }

    fn metrics(&self) -> Metrics {
        self.hall.handle().metrics()
    }

    fn timeline(&self) -> Option<Timeline> {
        None
    }
}

impl Drop for Priority {
    fn drop(&mut self) {
        self.hall.close(|| self.board.take());
    }
}

fn main() -> io::Result<()> {
    let kitchen = Priority::new()?;
    let washing = kitchen.spawn_at(Urgency::Later, async { println!("wash up") });
    drop(kitchen.spawn_at(Urgency::Urgent, async { println!("the pot boils over") }));
    kitchen.block_on(washing).expect("no dish burns");
    Ok(())
}
