//! Custom executors: what a queue may do with its tasks, and what may outlive the runtime.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use brigade::custom::{Ready, Runtime, Spawner};

use super::Drops;

/// The tasks that were pushed. If this is `None`, the queue cancels a pushed task instead of keeping it.
type Kept = Arc<Mutex<Option<Vec<Ready>>>>;

fn keep(kept: &Kept) -> Arc<impl Fn(Ready) + Send + Sync + use<>> {
    let kept = kept.clone();
    Arc::new(move |task| {
        let mut kept = kept.lock().unwrap();
        match &mut *kept {
            Some(tasks) => tasks.push(task),
            None => {
                // Cancelling runs code of the task, so release the lock first.
                drop(kept);
                drop(task);
            }
        }
    })
}

fn kept() -> Kept {
    Arc::new(Mutex::new(Some(Vec::new())))
}

/// The queue's method `push` cancels the task. Only this task still keeps its scheduler alive.
#[test]
fn a_task_is_cancelled_in_the_push_after_its_poll() {
    let (runtime, drops, kept) = (
        Runtime::new(keep(&kept())).unwrap(),
        Drops::default(),
        kept(),
    );
    let spawner: Arc<Mutex<Option<Spawner>>> = Arc::default();
    let (last, guard) = (spawner.clone(), drops.guard());
    let task = async move {
        let _guard = guard;
        drop(last.lock().unwrap().take());
        brigade::yield_now().await;
    };
    let first = runtime.spawner(keep(&kept));
    drop(first.spawn(task));
    *spawner.lock().unwrap() = Some(first);
    let ready = kept.lock().unwrap().take().unwrap().pop().unwrap();
    ready.run();
    assert_eq!(drops.count(), 1);
}

/// Wakers, handles and ready tasks outlive the runtime, and a task is run after the runtime's end.
#[test]
fn what_outlives_its_runtime_is_harmless() {
    let (kept, drops) = (kept(), Drops::default());
    let runtime = Runtime::new(keep(&kept)).unwrap();
    let (handle, waker) = (runtime.handle(), Arc::new(Mutex::new(None)));
    let (slot, guard) = (waker.clone(), drops.guard());
    let waits = handle.spawn(poll_fn(move |cx| {
        let _guard = &guard;
        *slot.lock().unwrap() = Some(cx.waker().clone());
        Poll::<()>::Pending
    }));
    let never_run = handle.spawn(async {});
    let take = || kept.lock().unwrap().as_mut().unwrap().pop();
    let (second, first) = (take().unwrap(), take().unwrap());
    runtime.enter("the test", || first.run());
    drop(runtime);
    assert!(waits.is_finished() && drops.count() == 1);
    // The runtime's drop has ended this task too. Only `second` still keeps it in memory.
    assert!(never_run.is_finished());
    drop(never_run);
    second.run();
    waker.lock().unwrap().take().unwrap().wake();
    assert!(handle.spawn(async {}).is_finished());
}

/// Another thread runs the task that this thread spawned, and wakes race the task's polls.
#[test]
fn ready_tasks_change_threads() {
    let kept = kept();
    let runtime = Runtime::new(keep(&kept)).unwrap();
    let task = runtime.handle().spawn(async {
        for _ in 0..3 {
            brigade::yield_now().await;
        }
        7
    });
    let queue = kept.clone();
    let runner = std::thread::spawn(move || {
        let take = || queue.lock().unwrap().as_mut().unwrap().pop();
        while let Some(ready) = take() {
            ready.run();
        }
    });
    assert_eq!(super::wait_for(task).unwrap(), 7);
    runner.join().unwrap();
}
