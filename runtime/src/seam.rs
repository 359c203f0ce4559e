//! The seam, for executors that are not brigade's own.
//!
//! **Job.** Everything that an executor needs besides its order of tasks: tasks and wakers, an event
//! loop and a clock, sleeping without missing a wake, shutdown. What is left to write is a [`Queue`]
//! and a loop; `examples/priority.rs` is one, in fewer than 150 lines.
//!
//! **Owns** the parts that its tasks, sockets and timers use, and a reference to every living task.
//!
//! **Never** chooses which task runs next.
//!
//! It is public but hidden, since it is here to be read and tried: it may change at any time. Inside
//! of brigade the seam is [`Schedule`], whose contract is partly `unsafe` in spirit: a task that is in
//! two queues, or run after its executor closed, breaks the state machine. Here the types keep the
//! contract: a [`Ready`] is the only right to run its task, can be used once, and cancels the task
//! when it is thrown away. So whatever a [`Queue`] does, memory stays safe.
//!
//! What makes it shorter than the two executors of the house also makes it slower: a lock and a hash
//! table for the living tasks, and one thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::task::Waker;

use crate::blocking::Pool;
use crate::builder::Settings;
use crate::context::{self, Entered};
use crate::coop;
use crate::driver::{self, Driver};
use crate::handle::Handle;
use crate::metrics::{Counters, Depths};
use crate::probe::Probe;
use crate::reactor::{self, Reactor};
use crate::shared::Shared;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, fence, lock};
use crate::task::raw::{RawTask, Runnable, TaskRef, Unbound};
use crate::task::scheduler_ref::{Schedule, SchedulerRef};
use crate::task::{JoinHandle, spawn_task};
use crate::timer::Timers;
use crate::timer::clock::Clock;

/// Where tasks wait that are ready.
pub trait Queue: Send + Sync {
    /// Takes a task in, from any thread. It is called inside of `wake`: it must not block, and must
    /// not run or drop a task.
    fn push(&self, task: Ready);
}

/// The right to run one task, once. Dropping it cancels the task.
pub struct Ready(ManuallyDrop<Runnable>);

impl Ready {
    fn new(task: Runnable) -> Self {
        Ready(ManuallyDrop::new(task))
    }

    /// Polls the task once. If it is woken meanwhile or later it is pushed again.
    pub fn run(self) {
        let mut ready = ManuallyDrop::new(self);
        // SAFETY: it is taken once, since `ready` is never dropped.
        let task = unsafe { ManuallyDrop::take(&mut ready.0) };
        coop::refill();
        task.run(&Probe::off());
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        // SAFETY: it is taken once, here.
        unsafe { ManuallyDrop::take(&mut self.0) }.cancel();
    }
}

/// What the tasks see of their executor.
struct Lobby {
    queue: Arc<dyn Queue>,
    crowd: Arc<Crowd>,
}

/// The living tasks, and whether their executor sleeps.
struct Crowd {
    /// `None` once the executor is closing.
    living: Mutex<Option<HashMap<u64, TaskRef>>>,
    asleep: AtomicBool,
    reactor: Arc<Reactor>,
    counters: Arc<Counters>,
}

impl Crowd {
    /// Something was made ready: see to it that the executor is up. The same two sides as in
    /// [`letter_box`](crate::queue::letter_box): the caller has put it in (P1), here are P2 and P3.
    fn call(&self) {
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed) {
            self.reactor.ring();
        }
    }
}

impl Schedule for Lobby {
    fn bind(&self, task: Unbound) {
        {
            let mut living = lock(&self.crowd.living);
            // A closing executor drops the task, after the lock, which was taken later.
            let Some(living) = &mut *living else { return };
            living.insert(task.raw().number(), task.raw().to_ref());
            self.crowd.counters.in_flight.up();
        }
        self.schedule(task.bind());
    }

    fn schedule(&self, task: Runnable) {
        self.queue.push(Ready::new(task));
        self.crowd.call();
    }

    fn unbind(&self, task: RawTask) {
        let known = lock(&self.crowd.living)
            .as_mut()
            .and_then(|living| living.remove(&task.number()));
        // The reference ends outside of the lock.
        drop(known);
        self.crowd.counters.in_flight.down();
    }
}

/// A way into an executor: tasks that are spawned here wait in its queue.
pub struct Lane(SchedulerRef);

impl Lane {
    /// Spawns a task.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn_task!(self.0.clone(), "task", None, future)
    }
}

/// Ends the sleep of an executor, for wakers that are no task's.
#[derive(Clone)]
pub struct Bell(Arc<Crowd>);

impl Bell {
    /// Something was made ready that [`Hall::sleep_unless`] asks about.
    pub fn ring(&self) {
        self.0.call();
    }
}

/// What an executor on one thread stands on.
pub struct Hall {
    shared: Arc<Shared>,
    driver: RefCell<Driver>,
    crowd: Arc<Crowd>,
    /// Neither `Send` nor `Sync`: two threads would share one `asleep`.
    thread: PhantomData<*const ()>,
}

/// For as long as it lives, the executor is the thread's current one.
pub struct Inside<'a>(#[expect(dead_code, reason = "it is owned")] Entered<'a>);

impl Hall {
    /// A hall whose free functions, `brigade::spawn` above all, lead into `queue`.
    ///
    /// # Errors
    /// If the OS has no descriptors left for the event loop.
    pub fn new(queue: Arc<dyn Queue>) -> io::Result<Self> {
        let (reactor, event_loop) = reactor::new()?;
        let counters = Arc::new(Counters::new(1));
        let crowd = Arc::new(Crowd {
            living: Mutex::new(Some(HashMap::new())),
            asleep: AtomicBool::new(false),
            reactor: reactor.clone(),
            counters: counters.clone(),
        });
        let settings = Settings::new();
        let notified = reactor.clone();
        let timers = Timers::new(Arc::new(Clock::new(false)), move || notified.ring());
        Ok(Hall {
            shared: Arc::new(Shared {
                home: home(queue, &crowd),
                reactor,
                timers: Arc::new(timers),
                pool: Pool::new(settings.threads, settings.max_blocking_threads, None),
                counters,
                depths: Arc::new(Elsewhere),
            }),
            driver: RefCell::new(Driver::new(event_loop, None, None)),
            crowd,
            thread: PhantomData,
        })
    }

    /// A further way in, by another queue. Which one a task goes through it keeps for life.
    pub fn lane(&self, queue: Arc<dyn Queue>) -> Lane {
        Lane(home(queue, &self.crowd))
    }

    /// The way in that `brigade::spawn` takes.
    pub fn handle(&self) -> Handle {
        Handle {
            shared: self.shared.clone(),
        }
    }

    /// What ends [`sleep_unless`](Self::sleep_unless).
    pub fn bell(&self) -> Bell {
        Bell(self.crowd.clone())
    }

    /// Makes this the current executor of the thread, which is about to run its tasks.
    ///
    /// # Panics
    /// If another one runs on this thread.
    pub fn enter(&self, function: &str) -> Inside<'_> {
        Inside(context::enter_running(&self.shared, function))
    }

    /// Looks at the OS and the clock.
    pub fn look(&self) {
        self.drive(|driver, reactor, timers, woken| driver.poll(reactor, timers, woken));
    }

    /// Sleeps until there is an event, a timer, a push or a ring, unless `ready` says that there is
    /// something to do. S1 to S4 of [`letter_box`](crate::queue::letter_box).
    pub fn sleep_unless(&self, ready: impl FnOnce() -> bool) {
        self.crowd.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if !ready() {
            self.drive(|driver, reactor, timers, woken| {
                driver.park(reactor, timers, None, woken);
            });
        }
        self.crowd.asleep.store(false, Ordering::Relaxed);
    }

    fn drive(&self, how: impl FnOnce(&mut Driver, &Reactor, &Timers, &mut Vec<Waker>)) {
        let mut woken = Vec::new();
        let (reactor, timers) = (&self.shared.reactor, &self.shared.timers);
        how(&mut self.driver.borrow_mut(), reactor, timers, &mut woken);
        driver::wake_all(&mut woken);
    }

    /// Cancels every task: those that wait are pushed first, and then `take` hands out whatever is in
    /// the queues, to be thrown away. Nothing is admitted any more.
    pub fn close(&self, take: impl FnMut() -> Option<Ready>) {
        let _entered = context::enter(&self.shared);
        let living = lock(&self.crowd.living).take();
        for task in living.into_iter().flat_map(HashMap::into_values) {
            task.raw().abort();
        }
        std::iter::from_fn(take).for_each(drop);
        self.shared.pool.close();
        driver::close(&self.shared.reactor, &self.shared.timers);
    }
}

fn home(queue: Arc<dyn Queue>, crowd: &Arc<Crowd>) -> SchedulerRef {
    let crowd = crowd.clone();
    SchedulerRef::shared(Arc::new(Lobby { queue, crowd }), Probe::off())
}

/// How long the queues are, only their owner knows.
struct Elsewhere;

impl Depths for Elsewhere {
    fn global(&self) -> usize {
        0
    }

    fn local(&self, _worker: usize) -> usize {
        0
    }
}
