//! A task ends on a worker that did not spawn it. Meanwhile the worker that spawned it leaves at shutdown.
//! The ended task is not cancelled afterwards. A task that has not ended is cancelled exactly once (compare
//! async-executor #163).

use loom::thread;

use super::{Outcomes, explore};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering};
use crate::task::owned::UNBOUND;
use crate::task::raw::{RawTask, Runnable, Unbound};
use crate::task::scheduler_ref::{Schedule, SchedulerRef};
use crate::test_support::new_task_of;
use crate::trace::Probe;
use crate::work_stealing::owned::{OwnedTasks, WorkerTasks};

struct Executor {
    owned: OwnedTasks,
    unbound: AtomicUsize,
}

impl Schedule for Executor {
    fn bind(&self, task: Unbound) {
        drop(task);
    }

    fn schedule(&self, _task: Runnable) {}

    fn unbind(&self, task: RawTask) {
        if task.owned_index() == UNBOUND {
            return;
        }
        self.unbound.fetch_add(1, Ordering::Relaxed);
        self.owned.remove(task);
    }
}

#[test]
fn what_ended_elsewhere_is_not_cancelled() {
    static SEEN: Outcomes<2> = Outcomes::of([
        "the spawner left first",
        "the spawner was told before it left",
    ]);
    explore(3, &SEEN, || {
        let executor = Arc::new(Executor {
            owned: OwnedTasks::new(2),
            unbound: AtomicUsize::new(0),
        });
        let scheduler = SchedulerRef::shared(executor.clone(), Probe::off());
        let task = || {
            let (task, handle) = new_task_of(&scheduler, std::future::pending::<()>());
            (task.bind(), handle)
        };
        let (ending, ended) = task();
        let (living, lived) = task();
        let spawner = WorkerTasks::new(0);
        spawner.insert(&executor.owned, ending.raw());
        spawner.insert(&executor.owned, living.raw());
        // No worker runs the living task, as if the task stayed in a run queue.
        let _ = living;
        let told = Arc::new(AtomicBool::new(false));
        let leaving = thread::spawn({
            let (executor, told) = (executor.clone(), told.clone());
            move || {
                spawner.exchange(&executor.owned);
                SEEN.saw(if told.load(Ordering::Relaxed) {
                    "the spawner was told before it left"
                } else {
                    "the spawner left first"
                });
                spawner.leave(&executor.owned);
            }
        });
        let thief = WorkerTasks::new(1);
        // The thief removes the task once, as a worker does when it unbinds the task.
        thief.remove(&executor.owned, ending.raw());
        ending.raw().set_owned_index(UNBOUND);
        ending.cancel();
        // This frees the task, so no worker may follow an entry that points to the task.
        drop(ended);
        thief.leave(&executor.owned);
        told.store(true, Ordering::Relaxed);
        leaving.join().unwrap();
        executor.owned.cancel_all();
        assert_eq!(executor.unbound.load(Ordering::Relaxed), 1);
        assert!(lived.is_finished());
    });
}
