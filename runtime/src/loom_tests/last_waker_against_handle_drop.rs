//! The last three references to a task end at the same time. A waker is used or dropped, the handle is
//! dropped, and the executor completes the task. The reference that ends last frees the memory, once
//! (async-task #11, tokio #5172).

use loom::alloc::Track;
use loom::thread;

use super::{Outcomes, explore, spawn};
use crate::sync::{Arc, Mutex, ThreadToken, lock};
use crate::task::raw::{RawTask, Runnable, Unbound};
use crate::task::scheduler_ref::{Schedule, SchedulerRef};
use crate::test_support;
use crate::trace::Probe;

const BY_WAKER: &str = "the waker was last";
const BY_HANDLE: &str = "the handle was last";
const BY_EXECUTOR: &str = "the executor was last";

/// A scheduler that is freed with its only task. Its `Drop` records the thread that frees the scheduler.
struct Last {
    ready: Mutex<Option<Runnable>>,
    at: std::sync::Mutex<Arc<std::sync::Mutex<Vec<ThreadToken>>>>,
}

impl Schedule for Last {
    fn bind(&self, task: Unbound) {
        self.schedule(task.bind());
    }

    fn schedule(&self, task: Runnable) {
        let before = lock(&self.ready).replace(task);
        assert!(before.is_none(), "a task is in the queue twice");
    }

    fn unbind(&self, _task: RawTask) {}
}

impl Drop for Last {
    fn drop(&mut self) {
        let at = self.at.lock().unwrap();
        at.lock().unwrap().push(ThreadToken::current());
    }
}

fn end_all_at_once(seen: &'static Outcomes<3>, wake: bool) {
    explore(if wake { Some(3) } else { None }, seen, move || {
        let freed = Arc::new(std::sync::Mutex::new(Vec::new()));
        let last = Arc::new(Last {
            ready: Mutex::new(None),
            at: std::sync::Mutex::new(freed.clone()),
        });
        let scheduler = SchedulerRef::shared(last.clone(), Probe::off());
        let track = Track::new(());
        let (handle, waker) = spawn(&scheduler, async move { track });
        let task = lock(&last.ready).take().unwrap();
        drop((scheduler, last));
        let executor = thread::spawn(move || {
            test_support::run(task);
            ThreadToken::current()
        });
        let waking = thread::spawn(move || {
            if wake {
                waker.wake();
            } else {
                drop(waker);
            }
            ThreadToken::current()
        });
        drop(handle);
        let (executor, waking) = (executor.join().unwrap(), waking.join().unwrap());
        let freed = freed.lock().unwrap();
        let [freed] = freed[..] else {
            panic!("freed {} times", freed.len())
        };
        seen.saw(if freed == executor {
            BY_EXECUTOR
        } else if freed == waking {
            BY_WAKER
        } else {
            BY_HANDLE
        });
    });
}

#[test]
fn the_last_one_frees_the_memory() {
    static SEEN: Outcomes<3> = Outcomes::of([BY_WAKER, BY_HANDLE, BY_EXECUTOR]);
    end_all_at_once(&SEEN, false);
}

/// A wake keeps its reference to the task until the wake is done, even if the task completes meanwhile.
#[test]
fn also_where_the_waker_is_used() {
    static SEEN: Outcomes<3> = Outcomes::of([BY_WAKER, BY_HANDLE, BY_EXECUTOR]);
    end_all_at_once(&SEEN, true);
}
