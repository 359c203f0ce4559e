//! What the tasks of the single-thread executor see of it: a run queue, the list of living tasks, and the
//! inbox.
//!
//! On the executor's thread, spawning, waking and finishing a task touch ordinary memory. From any other
//! thread there is one way in, the inbox. No code of the user runs while [`Local`] is open, since that code may
//! come back here.

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

/// The shared half of the executor.
pub(super) struct Scheduler {
    local: OwnerCell<Local>,
    inbox: Inbox,
    reactor: Arc<Reactor>,
    counters: Arc<Counters>,
}

/// What the owner thread alone reaches.
struct Local {
    queue: LocalQueue,
    owned: OwnedList,
    /// `None` once the executor is closed.
    receiver: Option<Receiver<RemoteOp>>,
    closing: bool,
}

impl Local {
    // A function and no closure, so that it can be inlined.
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

    /// Opens what is the owner thread's, if the caller is on it. `f` runs no code of the user.
    #[inline(always)]
    fn local<R>(&self, f: impl FnOnce(&mut Local) -> R) -> Option<R> {
        // SAFETY: every `f` in this file touches the parts of `Local` and nothing else: these are lists of
        // pointers, and dropping one of those runs nothing.
        unsafe { self.local.with(f) }
    }

    #[inline(always)]
    pub(super) fn pop(&self) -> Option<Runnable> {
        self.local(Local::pop)?
    }

    /// How many tasks are ready, if the caller is on the executor's thread.
    #[inline(always)]
    pub(super) fn queued(&self) -> Option<usize> {
        self.local(|local| local.queue.len())
    }

    pub(super) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// The next operation that another thread has sent.
    #[inline]
    pub(super) fn receive(&self) -> Option<RemoteOp> {
        // To ask first is cheaper than to try.
        if self.inbox.is_empty() {
            return None;
        }
        self.local(|local| local.receiver.as_ref()?.try_recv().ok())?
    }

    /// Takes one task out of the queue, wherever it is.
    pub(super) fn unqueue(&self, task: RawTask) {
        self.local(|local| local.queue.remove(task));
    }

    /// Gives back the memory that a burst of tasks needed, when it is over.
    pub(super) fn shrink_after_burst(&self) {
        self.local(|local| {
            local.queue.shrink_after_burst();
            local.owned.shrink_after_burst();
        });
    }

    /// Cancels all tasks, on this thread, and closes the inbox.
    ///
    /// 1. `closing`: nothing is bound and nothing is queued any more.
    /// 2. The queue is emptied. Its tasks are on the list too.
    /// 3. One by one the tasks are found on the list and cancelled. Dropping a future may run anything:
    ///    it may wake other tasks (no effect now), spawn (cancelled at once), drop handles. So `Local` is
    ///    not open meanwhile, and the search begins anew each time.
    /// 4. All tasks are done. They are bound to no thread any more, and then the inbox is closed: a
    ///    sender that is refused drops its operation itself. What was in it is dropped here.
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
        // Its future is dropped only now.
        drop(refused);
    }

    #[inline]
    fn schedule(&self, task: Runnable) {
        self.local(|local| {
            if !local.closing {
                local.queue.push(task);
            }
            // Otherwise the task is cancelled, or will be.
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
