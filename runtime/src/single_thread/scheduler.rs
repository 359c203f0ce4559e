//! The tasks' view of the single-thread executor: a run queue, the list of living tasks, and the inbox.
//!
//! The executor's thread needs no lock for the queue and the states of tasks. Other threads use only the
//! inbox. No user code runs while [`Local`] is borrowed, because such code might call this scheduler
//! again.

use crate::metrics::Counters;
use crate::queue::inbox::Inbox;
use crate::queue::local::LocalQueue;
use crate::reactor::Reactor;
use crate::sync::channel::Receiver;
use crate::sync::{Arc, OwnerCell};
use crate::task::owned::OwnedList;
use crate::task::raw::RemoteOp;
use crate::task::raw::{RawTask, Runnable, Unbound};
use crate::task::scheduler_ref::{Schedule, SchedulerRef};

/// The part of the executor that tasks use.
pub(super) struct Scheduler {
    local: OwnerCell<Local>,
    inbox: Inbox,
    reactor: Arc<Reactor>,
    counters: Arc<Counters>,
}

/// The state that only the owner thread may access.
struct Local {
    queue: LocalQueue,
    owned: OwnedList,
    /// `None` once the executor is closed.
    receiver: Option<Receiver<RemoteOp>>,
    closing: bool,
}

impl Local {
    // This is a function, not a closure, so that it can be inlined.
    #[inline(always)]
    fn pop(&mut self) -> Option<Runnable> {
        self.queue.pop()
    }
}

impl Scheduler {
    pub(super) fn new(reactor: Arc<Reactor>, counters: Arc<Counters>, seed: Option<u64>) -> Self {
        let (inbox, receiver) = Inbox::new();
        Scheduler {
            local: OwnerCell::new(Local {
                queue: LocalQueue::new(seed),
                owned: OwnedList::new(),
                receiver: Some(receiver),
                closing: false,
            }),
            inbox,
            reactor,
            counters,
        }
    }

    /// Lends the owner thread's state to `f`, if the caller is on that thread. `f` must not run user code.
    #[inline(always)]
    fn local<R>(&self, f: impl FnOnce(&mut Local) -> R) -> Option<R> {
        // SAFETY: no `f` in this file accesses the cell again. `Local` consists of lists of pointers, and
        // dropping a pointer runs no code.
        unsafe { self.local.with(f) }
    }

    #[inline(always)]
    pub(super) fn pop(&self) -> Option<Runnable> {
        self.local(Local::pop)?
    }

    /// Returns how many tasks are ready, if the caller is on the executor's thread.
    #[inline(always)]
    pub(super) fn queued(&self) -> Option<usize> {
        self.local(|local| local.queue.len())
    }

    pub(super) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Returns the next operation from another thread.
    #[inline]
    pub(super) fn receive(&self) -> Option<RemoteOp> {
        // This check is cheaper than `try_recv`.
        if self.inbox.is_empty() {
            return None;
        }
        self.local(|local| local.receiver.as_ref()?.try_recv().ok())?
    }

    /// Takes a task out of the queue.
    pub(super) fn unqueue(&self, task: RawTask) {
        self.local(|local| local.queue.remove(task));
    }

    pub(super) fn shrink_after_burst(&self) {
        self.local(|local| {
            local.queue.shrink_after_burst();
            local.owned.shrink_after_burst();
        });
    }

    /// Cancels all tasks, on this thread, and closes the inbox.
    ///
    /// 1. Sets `closing`: from now on no task is bound or queued.
    /// 2. Empties the queue. Its tasks are also on the list of living tasks.
    /// 3. Finds the living tasks one by one and cancels them. Dropping a future runs user code, which may
    ///    wake other tasks (no effect now), spawn tasks (cancelled immediately) or drop handles. So
    ///    `Local` is not borrowed while a future is dropped.
    /// 4. Now all tasks are done. Unbinds them from this thread, then closes the inbox and drops the
    ///    operations in it. A sender that finds the inbox closed drops its operation itself.
    pub(super) fn close(&self, this: &SchedulerRef) {
        self.local(|local| {
            local.closing = true;
            local.queue.clear();
        });
        let mut from = 0;
        while let Some(Some(task)) = self.local(|local| local.owned.any(&mut from)) {
            task.cancel();
        }
        this.unbind_thread();
        let receiver = self.local(|local| local.receiver.take());
        drop(receiver);
    }
}

impl Schedule for Scheduler {
    #[inline]
    fn bind(&self, task: Unbound) {
        let refused = self.local(|local| {
            if local.closing {
                return Some(task);
            }
            let task = task.bind();
            local.owned.insert(task.raw());
            local.queue.push(task);
            self.counters.in_flight.up_alone();
            None
        });
        // Drop the future only after the borrow of `Local` has ended.
        drop(refused);
    }

    #[inline]
    fn schedule(&self, task: Runnable) {
        self.local(|local| {
            if !local.closing {
                local.queue.push(task);
            }
            // Otherwise `close` cancels the task, or has cancelled it.
        });
    }

    #[inline]
    fn reschedule(&self, task: Runnable) {
        self.local(|local| {
            if !local.closing {
                local.queue.push_yielded(task);
            }
        });
    }

    #[inline]
    fn unbind(&self, task: RawTask) {
        self.local(|local| {
            if local.owned.remove(task) {
                self.counters.in_flight.down_alone();
            }
        });
    }

    fn post(&self, op: RemoteOp) {
        if self.inbox.send(op) {
            self.reactor.notify();
        }
    }
}
