//! A task ends on another worker than the one that spawned it, while that one leaves at shutdown: it is not
//! cancelled afterwards, and a task that lives is, exactly once (the kind of async-executor #163).

use loom::thread;

use super::{Outcomes, explore};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering};
use crate::task::JoinHandle;
use crate::task::home::{HomeRef, Schedule};
use crate::task::letter::Letter;
use crate::task::raw::{RawTask, Runnable};
use crate::work_stealing::owned::{OwnedTasks, WorkerTasks};

struct Executor {
    owned: OwnedTasks,
    forgotten: AtomicUsize,
}

impl Schedule for Executor {
    fn admit(&self, task: Runnable) -> Result<(), Runnable> {
        Err(task)
    }

    fn schedule(&self, task: Runnable) {
        let _ = task.into_queue();
    }

    fn forget(&self, task: RawTask) {
        self.forgotten.fetch_add(1, Ordering::Relaxed);
        self.owned.remove(task);
    }

    fn post(&self, letter: Letter) {
        drop(letter);
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
            forgotten: AtomicUsize::new(0),
        });
        let home = HomeRef::shared(executor.clone());
        let task = || {
            let (runnable, raw) = RawTask::new(std::future::pending::<()>(), home.clone());
            (runnable, JoinHandle::<()>::new(raw))
        };
        let (ending, ended) = task();
        let (living, lived) = task();
        let spawner = WorkerTasks::new(0, &executor.owned);
        spawner.insert(&executor.owned, ending.raw());
        spawner.insert(&executor.owned, living.raw());
        let _ = living.into_queue();
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
        let thief = WorkerTasks::new(1, &executor.owned);
        thief.remove(&executor.owned, ending.raw());
        ending.cancel();
        // Freed: a place that still points to it must not be followed.
        drop(ended);
        thief.leave(&executor.owned);
        told.store(true, Ordering::Relaxed);
        leaving.join().unwrap();
        executor.owned.cancel_all();
        assert_eq!(executor.forgotten.load(Ordering::Relaxed), 1);
        assert!(lived.is_finished());
    });
}
