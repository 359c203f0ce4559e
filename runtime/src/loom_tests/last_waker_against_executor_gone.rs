//! An executor is dropped while another thread drops or uses the last waker of one of its tasks. The
//! scheduler lives until both the executor and the waker are gone, and is then freed once (async-executor
//! #163).

use loom::alloc::Track;
use loom::thread;

use super::{Outcomes, explore, waker_of};
use crate::sync::{Arc, ThreadToken};
use crate::task::raw::{RawTask, Runnable, Unbound};
use crate::task::scheduler_ref::{Schedule, SchedulerRef};
use crate::test_support::new_task_of;
use crate::trace::Probe;

/// A scheduler that runs no task. Its `Drop` records the thread that frees the scheduler.
struct Tell {
    _track: Track<()>,
    freed_on: Arc<std::sync::Mutex<Vec<ThreadToken>>>,
}

impl Drop for Tell {
    fn drop(&mut self) {
        self.freed_on.lock().unwrap().push(ThreadToken::current());
    }
}

impl Schedule for Tell {
    fn bind(&self, task: Unbound) {
        drop(task);
    }

    fn schedule(&self, _task: Runnable) {}

    fn unbind(&self, _task: RawTask) {}
}

const BY_WAKER: &str = "the waker was last";
const BY_EXECUTOR: &str = "the executor was last";

fn end_both_at_once(seen: &'static Outcomes<2>, wake: bool) {
    explore(None, seen, move || {
        let freed_on = Arc::new(std::sync::Mutex::new(Vec::new()));
        let tell = Arc::new(Tell {
            _track: Track::new(()),
            freed_on: freed_on.clone(),
        });
        let scheduler = SchedulerRef::shared(tell, Probe::off());
        let stranger = {
            // Take references in batches, as a thread of the executor does.
            let _cache = scheduler.open_cache();
            let (task, handle) = new_task_of(&scheduler, std::future::pending::<()>());
            let waker = waker_of(task.raw());
            drop((task, handle));
            thread::spawn(move || {
                if wake {
                    waker.wake();
                } else {
                    drop(waker);
                }
            })
        };
        drop(scheduler);
        stranger.join().unwrap();
        let freed_on = freed_on.lock().unwrap();
        assert_eq!(freed_on.len(), 1);
        seen.saw(if freed_on[0] == ThreadToken::current() {
            BY_EXECUTOR
        } else {
            BY_WAKER
        });
    });
}

#[test]
fn the_scheduler_is_freed_by_the_last() {
    static SEEN: Outcomes<2> = Outcomes::of([BY_WAKER, BY_EXECUTOR]);
    end_both_at_once(&SEEN, false);
}

#[test]
fn also_where_the_waker_is_used() {
    static SEEN: Outcomes<2> = Outcomes::of([BY_WAKER, BY_EXECUTOR]);
    end_both_at_once(&SEEN, true);
}
