//! The base for an executor outside of this crate. It provides tasks, wakers, an event loop, a clock,
//! parking without missed wakes, and shutdown.
//!
//! The executor itself is a loop and a [`Queue`], which decides the order of tasks; see
//! `examples/priority.rs`. Only a [`Ready`] can run its task, and only once. Dropping a `Ready` cancels its
//! task. A faulty queue cannot cause undefined behaviour. The module is public, but hidden in the
//! documentation, because it may change at any time.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//!
//! use brigade::custom::{Queue, Ready, Runtime};
//!
//! /// Runs the task that was pushed last.
//! #[derive(Default)]
//! struct Stack(Mutex<Vec<Ready>>);
//!
//! impl Stack {
//!     fn pop(&self) -> Option<Ready> {
//!         self.0.lock().unwrap().pop()
//!     }
//! }
//!
//! impl Queue for Stack {
//!     fn push(&self, task: Ready) {
//!         self.0.lock().unwrap().push(task);
//!     }
//! }
//!
//! let stack = Arc::new(Stack::default());
//! let runtime = Runtime::new(stack.clone())?;
//! let handle = runtime.handle();
//! let tasks = [1, 2, 3].map(|number| handle.spawn(async move { print!("{number} ") }));
//! runtime.enter("Stack::run", || {
//!     while let Some(task) = stack.pop() {
//!         task.run(); // 3, 2, 1
//!     }
//! });
//! assert!(tasks.iter().all(|task| task.is_finished()));
//! # std::io::Result::Ok(())
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::task::Waker;

use crate::blocking::Pool;
use crate::builder::Settings;
use crate::context;
use crate::coop;
use crate::driver::{self, Driver};
use crate::handle::Handle;
use crate::handle::Shared;
use crate::metrics::{Counters, Depths};
use crate::reactor::{self, Reactor};
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, Weak, fence, lock};
use crate::task::owned::UNBOUND;
use crate::task::raw::{RawTask, Runnable, TaskRef, Unbound};
use crate::task::scheduler_ref::{Schedule, SchedulerRef};
use crate::task::waker::{catch_quietly, drop_quietly};
use crate::task::{JoinHandle, spawn_task};
use crate::timer::Clock;
use crate::timer::Timers;
use crate::trace::Probe;

/// A queue of ready tasks.
pub trait Queue: Send + Sync {
    /// Adds a ready task to the queue. Any thread may call this method. `wake` calls it, so it must not
    /// block. It should not run or drop a task, because the caller of `wake` may hold a lock that the task's
    /// code takes. A panic is caught.
    fn push(&self, task: Ready);
}

impl<F: Fn(Ready) + Send + Sync> Queue for F {
    fn push(&self, task: Ready) {
        self(task);
    }
}

/// The right to run one task, once. Dropping the `Ready` cancels the task.
pub struct Ready(
    // `None` only during `run` and `drop`. The reference keeps the task in memory: a closing runtime may end
    // the task while this `Ready` is still in a queue.
    Option<TaskRef>,
);

impl Ready {
    fn new(task: &Runnable) -> Self {
        Ready(Some(task.raw().to_ref()))
    }

    /// Polls the task once. If the task is woken during the poll or later, it is pushed again. Does nothing
    /// if the runtime has closed.
    pub fn run(mut self) {
        // The poll may drop the last spawner of this queue. If the task was woken during the poll, the push
        // that follows then drops its `Ready`. This reference keeps the task and its scheduler alive.
        let Some(task) = self.0.take() else { return };
        coop::nested(|| task.raw().run_unless_seized());
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.raw().cancel();
        }
    }
}

/// Keeps a queue alive. A panic of the queue's destructor is caught, because a wake may drop the last task of
/// the queue, and a wake must not panic.
struct Kept(Option<Arc<dyn Queue>>);

impl Drop for Kept {
    fn drop(&mut self) {
        drop_quietly(self.0.take());
    }
}

/// The parts of the executor that its tasks use.
struct Scheduler {
    /// The runtime, the spawners and the living tasks keep the queue alive. A completed task does not. So a
    /// push after the runtime has closed makes no reference cycle of queue, `Ready`, task and scheduler.
    queue: Weak<dyn Queue>,
    core: Arc<Core>,
}

/// The state that all spawners of a runtime share.
struct Core {
    /// The living tasks with their queues. The key is the task's number, so that `close` always ends the
    /// tasks in the same order. `None` once the runtime is closing.
    living: Mutex<Option<BTreeMap<u64, (TaskRef, Kept)>>>,
    parked: AtomicBool,
    reactor: Arc<Reactor>,
    counters: Arc<Counters>,
}

impl Core {
    /// Unparks the executor's thread, if it is parked. These are steps P2 and P3 of
    /// [`inbox`](crate::queue::inbox). The caller's push is step P1.
    fn notify(&self) {
        // Pairs with the fence in `park_unless`: either the executor sees the push, or this thread
        // sees that the executor parks.
        fence(Ordering::SeqCst);
        if self.parked.load(Ordering::Relaxed) && self.parked.swap(false, Ordering::Relaxed) {
            self.reactor.notify();
        }
    }
}

impl Scheduler {
    fn push(&self, task: Ready) {
        // The queue is gone only if the runtime has closed. The task is then dropped.
        let Some(queue) = self.queue.upgrade() else {
            return;
        };
        // A wake must not panic, because the panic could end a worker of another executor. If `push` panics,
        // the task is dropped, and so cancelled.
        catch_quietly(|| queue.push(task));
        // The runtime may have closed meanwhile, so this may be the last reference to the queue.
        drop_quietly(queue);
        self.core.notify();
    }
}

impl Schedule for Scheduler {
    fn bind(&self, task: Unbound) {
        let queue = Kept(self.queue.upgrade());
        let ready = {
            let mut living = lock(&self.core.living);
            // If the runtime is closing, this drops the task. The lock is released first, because `task` was
            // declared before the guard.
            let Some(living) = &mut *living else { return };
            living.insert(task.raw().number(), (task.raw().to_ref(), queue));
            // Mark the task as bound, so that its end is counted. The map needs no index, so any index
            // other than UNBOUND works.
            task.raw().set_owned_index(0);
            self.core.counters.in_flight.up();
            // Do this before the lock is released: after that, the runtime may close and end the task.
            Ready::new(&task.bind())
        };
        self.push(ready);
    }

    fn schedule(&self, task: Runnable) {
        self.push(Ready::new(&task));
    }

    fn unbind(&self, task: RawTask) {
        if task.owned_index() == UNBOUND {
            return;
        }
        let known = lock(&self.core.living)
            .as_mut()
            .and_then(|living| living.remove(&task.number()));
        // Drop the references outside of the lock, because they may be the last ones.
        drop(known);
        self.core.counters.in_flight.down();
    }
}

/// Spawns tasks into one queue of a [`Runtime`].
pub struct Spawner {
    scheduler: SchedulerRef,
    _queue: Kept,
}

impl Spawner {
    /// Spawns a task.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn_task!(self.scheduler.clone(), "task", None, future)
    }
}

/// Unparks an executor's thread, for wakers that belong to no task.
#[derive(Clone)]
pub struct Notify(Arc<Core>);

impl Notify {
    /// Ends [`Runtime::park_unless`]. The caller must first make the closure `ready` of that call return true.
    pub fn notify(&self) {
        self.0.notify();
    }
}

/// The base of an executor on one thread. Dropping the runtime [closes](Self::close) it, but takes no
/// [`Ready`] out of a queue.
pub struct Runtime {
    shared: Arc<Shared>,
    driver: RefCell<Driver>,
    core: Arc<Core>,
    _queue: Kept,
    /// Makes the runtime `!Send` and `!Sync`, because two threads must not share `parked`.
    thread: PhantomData<*const ()>,
}

impl Runtime {
    /// Makes a runtime. Inside [`enter`](Self::enter), free functions such as `brigade::spawn` push into
    /// `queue`.
    ///
    /// # Errors
    /// Returns an error if the OS has no descriptors left for the event loop.
    pub fn new(queue: Arc<dyn Queue>) -> io::Result<Self> {
        let (reactor, event_loop) = reactor::new()?;
        let counters = Arc::new(Counters::new(1));
        let core = Arc::new(Core {
            living: Mutex::new(Some(BTreeMap::new())),
            parked: AtomicBool::new(false),
            reactor: reactor.clone(),
            counters: counters.clone(),
        });
        let notified = reactor.clone();
        let clock = Arc::new(Clock::new(false));
        let timers = Arc::new(Timers::new(clock, 1, move || notified.notify()));
        reactor.serve(&timers);
        let settings = Settings::new();
        Ok(Runtime {
            shared: Arc::new(Shared {
                scheduler: scheduler(&queue, &core),
                reactor,
                os_timers: timers.clone(),
                timers,
                pool: Pool::new(settings.threads, settings.max_blocking_threads, None),
                counters,
                depths: Arc::new(Unknown),
            }),
            driver: RefCell::new(Driver::new(event_loop, None, None, None)),
            core,
            _queue: Kept(Some(queue)),
            thread: PhantomData,
        })
    }

    /// Returns a spawner for another queue. A task returns to the queue of its spawner each time it is
    /// woken.
    pub fn spawner(&self, queue: Arc<dyn Queue>) -> Spawner {
        Spawner {
            scheduler: scheduler(&queue, &self.core),
            _queue: Kept(Some(queue)),
        }
    }

    /// Returns a handle, which spawns tasks into the queue that was passed to [`new`](Self::new).
    pub fn handle(&self) -> Handle {
        Handle {
            shared: self.shared.clone(),
        }
    }

    /// Returns an object that ends [`park_unless`](Self::park_unless) from any thread.
    pub fn notifier(&self) -> Notify {
        Notify(self.core.clone())
    }

    /// Runs `f` with this runtime as the thread's current executor. This method returns no guard, because a
    /// user could `forget` the guard, and then free the runtime while it is current.
    ///
    /// # Panics
    /// Panics if an executor runs on this thread already; the message names `function`.
    #[track_caller]
    pub fn enter<R>(&self, function: &str, f: impl FnOnce() -> R) -> R {
        let _entered = context::enter_running(&self.shared, function);
        f()
    }

    /// Polls the OS and the clock, and wakes the tasks of ready sources and due timers.
    pub fn poll_driver(&self) {
        let mut woken: Vec<Waker> = Vec::new();
        let (reactor, timers) = (&self.shared.reactor, &self.shared.timers);
        self.driver.borrow_mut().poll(reactor, timers, &mut woken);
        // Release the driver before the wakes, because a foreign waker may call any method.
        driver::wake_all(&mut woken);
    }

    /// Parks until there is an event, a due timer, a push or a [`Notify::notify`]. Does not park if `ready`
    /// returns true. These are steps S1 to S4 of [`inbox`](crate::queue::inbox).
    pub fn park_unless(&self, ready: impl FnOnce() -> bool) {
        self.core.parked.store(true, Ordering::Relaxed);
        // Pairs with the fence in `notify`.
        fence(Ordering::SeqCst);
        let mut woken: Vec<Waker> = Vec::new();
        if !ready() {
            let (reactor, timers) = (&self.shared.reactor, &self.shared.timers);
            let now = timers.clock().now_nanos();
            (self.driver.borrow_mut()).park(reactor, timers, now, None, &mut woken);
        }
        // Do this before the wakes, so that the pushes of woken tasks do not end the next sleep.
        self.core.parked.store(false, Ordering::Relaxed);
        driver::wake_all(&mut woken);
    }

    /// Cancels every task and accepts no new tasks. A task that another thread is polling is cancelled when
    /// the poll ends. Then calls `take` until it returns `None`, and drops each `Ready` that it takes out of
    /// the queues. A `Ready` that another thread pushes after this call has no effect.
    pub fn close(&self, take: impl FnMut() -> Option<Ready>) {
        // Destructors of tasks may ask for the current runtime.
        let _entered = context::enter_closing(&self.shared);
        let _closing = Closing(&self.shared);
        let living = lock(&self.core.living).take();
        // Do not rely on `take`: another thread may have marked a task as queued, but not pushed it yet.
        for (task, _queue) in living.into_iter().flat_map(BTreeMap::into_values) {
            task.raw().cancel_or_abort();
        }
        std::iter::from_fn(take).for_each(drop);
    }
}

/// Closes the pool, the reactor and the timers, even if the user's code panics.
struct Closing<'a>(&'a Shared);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // `living` keeps the waiting tasks alive, and they keep `living` alive. `close` breaks this cycle.
        if lock(&self.core.living).is_some() {
            self.close(|| None);
        }
    }
}

fn scheduler(queue: &Arc<dyn Queue>, core: &Arc<Core>) -> SchedulerRef {
    let (queue, core) = (Arc::downgrade(queue), core.clone());
    SchedulerRef::shared(Arc::new(Scheduler { queue, core }), Probe::off())
}

/// Reports no queue lengths, because only the executor knows them.
struct Unknown;

impl Depths for Unknown {
    fn global(&self) -> usize {
        0
    }

    fn local(&self, _worker: usize) -> usize {
        0
    }
}
