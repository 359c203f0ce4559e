//! An executor goes, while the last waker of one of its tasks, on another thread, is dropped or used:
//! the home outlives both, and is freed once, by whoever is last (async-executor #163).

use loom::alloc::Track;
use loom::thread;

use super::{Outcomes, explore, waker_of};
use crate::sync::{Arc, ThreadToken};
use crate::task::JoinHandle;
use crate::task::home::{HomeRef, Purse, Schedule};
use crate::task::letter::Letter;
use crate::task::raw::{RawTask, Runnable};

/// An executor that runs nothing, and tells on which thread it is freed.
struct Home {
    _track: Track<()>,
    freed_on: Arc<std::sync::Mutex<Vec<ThreadToken>>>,
}

impl Drop for Home {
    fn drop(&mut self) {
        self.freed_on.lock().unwrap().push(ThreadToken::current());
    }
}

impl Schedule for Home {
    fn admit(&self, _task: Runnable) -> Result<(), Runnable> {
        Ok(())
    }

    fn schedule(&self, task: Runnable) {
        let _ = task.into_queue();
    }

    fn forget(&self, _task: RawTask) {}

    /// It is closed: a letter is carried out wherever it is.
    fn post(&self, letter: Letter) {
        drop(letter);
    }
}

const BY_WAKER: &str = "the waker was last";
const BY_EXECUTOR: &str = "the executor was last";

fn end_both_at_once(seen: &'static Outcomes<2>, wake: bool) {
    explore(None, seen, move || {
        let freed_on = Arc::new(std::sync::Mutex::new(Vec::new()));
        let home = HomeRef::shared(Arc::new(Home {
            _track: Track::new(()),
            freed_on: freed_on.clone(),
        }));
        let stranger = {
            // As a thread of the executor does: it counts references in a purse.
            let _purse = Purse::open(&home);
            let (runnable, raw) = RawTask::new(std::future::pending::<()>(), home.clone());
            let handle = JoinHandle::<()>::new(raw);
            let waker = waker_of(raw);
            runnable.cancel();
            drop(handle);
            thread::spawn(move || {
                if wake {
                    waker.wake();
                } else {
                    drop(waker);
                }
            })
        };
        drop(home);
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
fn the_home_is_freed_by_the_last() {
    static SEEN: Outcomes<2> = Outcomes::of([BY_WAKER, BY_EXECUTOR]);
    end_both_at_once(&SEEN, false);
}

#[test]
fn also_where_the_waker_is_used() {
    static SEEN: Outcomes<2> = Outcomes::of([BY_WAKER, BY_EXECUTOR]);
    end_both_at_once(&SEEN, true);
}
