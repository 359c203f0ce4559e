//! What the tasks of the single-thread executor see of it: a run queue and a letter box.
//!
//! **Job.** Implement [`Schedule`] for one thread. On that thread, spawning, waking and finishing a
//! task touch ordinary memory: no lock, no atomic read-modify-write. From any other thread there is
//! one way in, the letter box.
//!
//! **Owns** the run queue and the registry, which only the owner's thread can open.
//!
//! **Never** has its cell open while code of a user runs: that code may come back here.

use std::cell::RefMut;

use crate::queue::letter_box::LetterBox;
use crate::queue::run_queue::RunQueue;
use crate::reactor::Reactor;
use crate::sync::{Arc, OwnerCell};
use crate::task::home::{Home, Schedule};
use crate::task::letter::Letter;
use crate::task::raw::{RawTask, Runnable};
use crate::task::registry::Registry;

/// See the module.
pub(super) struct Scheduler {
    local: OwnerCell<Local>,
    letters: LetterBox<Arc<Reactor>>,
}

struct Local {
    queue: RunQueue,
    registry: Registry,
    closing: bool,
}

impl Scheduler {
    pub(super) fn new(bell: Arc<Reactor>, seed: Option<u64>) -> Self {
        Scheduler {
            local: OwnerCell::new(Local {
                queue: RunQueue::new(seed),
                registry: Registry::new(),
                closing: false,
            }),
            letters: LetterBox::new(bell),
        }
    }

    /// For the methods that the executor calls, which cannot leave its thread.
    #[inline(always)]
    fn local(&self) -> RefMut<'_, Local> {
        self.local
            .open()
            .expect("an executor is on the thread that made it")
    }

    #[inline(always)]
    pub(super) fn pop(&self) -> Option<Runnable> {
        self.local().queue.pop()
    }

    pub(super) fn queued(&self) -> usize {
        self.local().queue.len()
    }

    pub(super) fn letters(&self) -> &LetterBox<Arc<Reactor>> {
        &self.letters
    }

    /// Takes one task out of the queue, wherever it is.
    pub(super) fn unqueue(&self, task: RawTask) {
        self.local().queue.remove(task);
    }

    /// Tasks in flight: now, and at most.
    pub(super) fn in_flight(&self) -> (usize, usize) {
        let local = self.local();
        (local.registry.len(), local.registry.most())
    }

    /// Gives back what a great crowd of tasks needed, when it has gone.
    pub(super) fn forget_peak(&self) {
        let local = &mut *self.local();
        local.queue.forget_peak();
        local.registry.forget_peak();
    }

    /// Cancels all tasks, on this thread, and turns letters away from now on.
    ///
    /// 1. `closing`: nothing is admitted and nothing is queued any more.
    /// 2. The queue is emptied. Its tasks are in the registry too.
    /// 3. One by one the tasks are taken from the registry and cancelled. Dropping a future may
    ///    run anything: it may wake other tasks (a no-op now), spawn (cancelled at once), drop
    ///    handles. So the cell is not open meanwhile, and the search begins anew each time.
    /// 4. All tasks are retired: the home is unbound, so whatever handles and wakers still write they
    ///    write by compare-and-swap, and letters are carried out wherever they are.
    pub(super) fn close(&self, home: &Home) {
        {
            let mut local = self.local();
            local.closing = true;
            local.queue.clear();
        }
        let mut from = 0;
        loop {
            let task = self.local().registry.any(&mut from);
            match task {
                Some(task) => task.shut_down(),
                None => break,
            }
        }
        home.unbind();
        self.letters.close();
    }
}

impl Schedule for Scheduler {
    #[inline]
    fn admit(&self, task: Runnable) -> Result<(), Runnable> {
        let mut local = match self.local.open() {
            Some(local) if !local.closing => local,
            // Closing, or closed and unbound.
            _ => return Err(task),
        };
        let local = &mut *local;
        local.registry.insert(task.raw());
        local.queue.push(task);
        Ok(())
    }

    #[inline]
    fn schedule(&self, task: Runnable) {
        match self.local.open() {
            Some(mut local) if !local.closing => local.queue.push(task),
            // Its task is cancelled, or will be.
            _ => {
                let _ = task.into_queue();
            }
        }
    }

    #[inline]
    fn reschedule(&self, task: Runnable) {
        match self.local.open() {
            Some(mut local) if !local.closing => local.queue.push_yielded(task),
            // As in `schedule`.
            _ => {
                let _ = task.into_queue();
            }
        }
    }

    #[inline]
    fn forget(&self, task: RawTask) {
        self.local().registry.remove(task);
    }

    fn post(&self, letter: Letter) {
        self.letters.post(letter);
    }
}
