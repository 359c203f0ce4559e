//! An executor is dropped while another thread wakes one of its tasks. The task's future is dropped exactly
//! once. A `SingleThread` drops it on the executor's own thread. The handle returns "aborted", and the waker
//! stays usable (async-executor #163, tokio #3869, #6439).

use std::task::{Poll, Waker};

use loom::alloc::Track;
use loom::thread;

use super::{Outcomes, explore, wait_for};
use crate::sync::{Arc, Ordering, ThreadToken};
use crate::task::JoinHandle;
use crate::{Executor, SingleThread, WorkStealing};

/// Records the polls and drops of the task's future in types of std, which loom does not see.
#[derive(Clone, Default)]
struct Told {
    polls: Arc<std::sync::atomic::AtomicUsize>,
    dropped_on: Arc<std::sync::Mutex<Vec<ThreadToken>>>,
}

struct Inside(Told, #[expect(dead_code, reason = "it is owned")] Track<()>);

impl Drop for Inside {
    fn drop(&mut self) {
        let mut dropped_on = self.0.dropped_on.lock().unwrap();
        dropped_on.push(ThreadToken::current());
    }
}

impl Told {
    fn is_dropped(&self) -> bool {
        !self.dropped_on.lock().unwrap().is_empty()
    }
}

/// Spawns a task that waits forever after its first poll. Returns its handle and its waker.
fn sleeper(executor: &impl Executor, told: &Told) -> (JoinHandle<()>, Waker) {
    let given = Arc::new(std::sync::Mutex::new(None));
    let mut task = None;
    let waker = executor.block_on(std::future::poll_fn(|cx| {
        task.get_or_insert_with(|| {
            let (main, given) = (cx.waker().clone(), given.clone());
            let inside = Inside(told.clone(), Track::new(()));
            executor.spawn(std::future::poll_fn(move |cx| {
                inside.0.polls.fetch_add(1, Ordering::Relaxed);
                *given.lock().unwrap() = Some(cx.waker().clone());
                main.wake_by_ref();
                Poll::Pending
            }))
        });
        match given.lock().unwrap().take() {
            Some(waker) => Poll::Ready(waker),
            None => Poll::Pending,
        }
    }));
    (task.unwrap(), waker)
}

#[test]
fn one_cook() {
    static SEEN: Outcomes<2> = Outcomes::of([
        "the future was there when the wake was done",
        "the future was gone before the wake",
    ]);
    explore(None, &SEEN, || {
        let executor = SingleThread::new().unwrap();
        let told = Told::default();
        let (task, waker) = sleeper(&executor, &told);
        let stranger = thread::spawn({
            let told = told.clone();
            move || {
                if told.is_dropped() {
                    SEEN.saw("the future was gone before the wake");
                }
                waker.wake();
                if !told.is_dropped() {
                    SEEN.saw("the future was there when the wake was done");
                }
            }
        });
        drop(executor);
        stranger.join().unwrap();
        assert_eq!(*told.dropped_on.lock().unwrap(), [ThreadToken::current()]);
        assert!(wait_for(task).unwrap_err().is_aborted());
    });
}

#[test]
fn many_cooks() {
    static SEEN: Outcomes<3> = Outcomes::of([
        "the wake led to a poll",
        "the wake came too late for a poll",
        "the future was gone before the wake",
    ]);
    explore(2, &SEEN, || {
        let executor = WorkStealing::with_workers(1).unwrap();
        let told = Told::default();
        let (task, waker) = sleeper(&executor, &told);
        let stranger = thread::spawn({
            let told = told.clone();
            move || {
                if told.is_dropped() {
                    SEEN.saw("the future was gone before the wake");
                }
                waker.wake();
            }
        });
        drop(executor);
        // The executor's drop has waited until the future was dropped.
        assert_eq!(told.dropped_on.lock().unwrap().len(), 1);
        stranger.join().unwrap();
        SEEN.saw(match told.polls.load(Ordering::Relaxed) {
            1 => "the wake came too late for a poll",
            _ => "the wake led to a poll",
        });
        assert!(wait_for(task).unwrap_err().is_aborted());
    });
}
