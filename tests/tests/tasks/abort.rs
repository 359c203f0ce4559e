//! Tests aborting tasks in every state and from every thread.

use std::future::pending;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

use brigade::Executor;
use brigade::task::AbortHandle;
use brigade_tests::{Kitchen, Tally, noisy, on_both, park_on, text_of};

/// Lets the executor poll all ready tasks and process the messages of other threads.
async fn settle() {
    for _ in 0..3 {
        brigade::yield_now().await;
    }
}

/// A task that is aborted before its first poll is never polled. On several workers, the first poll may come
/// before the abort.
fn before_the_first_poll<K: Kitchen>() {
    let executor = K::open();
    let (polls, drops) = (Tally::new(), Tally::new());
    let (counted, spy) = (polls.clone(), drops.on_drop());
    let task = executor.spawn(async move {
        let _spy = spy;
        counted.add();
        pending::<()>().await;
    });
    task.abort();
    assert!(executor.block_on(task).unwrap_err().is_aborted());
    assert_eq!(drops.get(), 1);
    if K::ONE_COOK {
        assert_eq!(polls.get(), 0);
    }
}

fn while_it_is_idle<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    executor.block_on(async {
        let (begun, ready) = async_channel::bounded(1);
        let spy = drops.on_drop();
        let task = brigade::spawn(async move {
            let _spy = spy;
            begun.send(()).await.unwrap();
            pending::<()>().await;
        });
        ready.recv().await.unwrap();
        task.abort();
        // A second abort has no effect.
        task.abort();
        assert!(task.await.unwrap_err().is_aborted());
    });
    assert_eq!(drops.get(), 1);
}

/// A task aborts itself inside its poll. That poll continues to its end, and no other poll follows.
fn from_inside_itself<K: Kitchen>() {
    let executor = K::open();
    let turns = Tally::new();
    executor.block_on(async {
        let (send, receive) = async_channel::bounded::<AbortHandle>(1);
        let counted = turns.clone();
        let task = brigade::spawn(async move {
            let me = receive.recv().await.unwrap();
            me.abort();
            counted.add();
            assert!(!me.is_finished());
            brigade::yield_now().await;
            counted.add();
        });
        send.send(task.abort_handle()).await.unwrap();
        assert!(task.await.unwrap_err().is_aborted());
    });
    assert_eq!(turns.get(), 1);
}

/// A task aborts itself inside its last poll. The handle still returns the output.
fn from_inside_its_last_poll<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    executor.block_on(async {
        let (send, receive) = async_channel::bounded::<AbortHandle>(1);
        let output = drops.on_drop();
        let task = brigade::spawn(async move {
            receive.recv().await.unwrap().abort();
            output
        });
        send.send(task.abort_handle()).await.unwrap();
        assert!(task.await.is_ok());
    });
    assert_eq!(drops.get(), 1);
}

/// tokio #3662, #3157: a thread without an executor aborts a task.
fn from_another_thread<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    let spy = drops.on_drop();
    let task = executor.spawn(async move {
        let _spy = spy;
        pending::<()>().await;
    });
    let abort = task.abort_handle();
    thread::spawn(move || abort.abort()).join().unwrap();
    assert!(executor.block_on(task).unwrap_err().is_aborted());
    assert_eq!(drops.get(), 1);
    let task = executor.spawn(pending::<()>());
    let abort = task.abort_handle();
    let elsewhere = thread::spawn(move || {
        abort.abort();
        park_on(task)
    });
    executor.block_on(async {
        while !elsewhere.is_finished() {
            brigade::yield_now().await;
        }
    });
    assert!(elsewhere.join().unwrap().unwrap_err().is_aborted());
}

fn after_it_is_complete<K: Kitchen>() {
    let executor = K::open();
    let task = executor.spawn(async { 42 });
    let abort = task.abort_handle();
    executor.block_on(async {
        while !task.is_finished() {
            brigade::yield_now().await;
        }
    });
    task.abort();
    let elsewhere = abort.clone();
    thread::spawn(move || elsewhere.abort()).join().unwrap();
    executor.block_on(settle());
    assert!(abort.is_finished());
    assert_eq!(executor.block_on(task).unwrap(), 42);
    abort.abort();
}

/// A task that wakes itself forever can be aborted.
fn a_busy_task<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let task = brigade::spawn(std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        brigade::yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_aborted());
    });
}

/// If a panic happens while an aborted future is dropped, the panic reaches the task's handle.
fn a_task_that_panics_in_drop<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let task = brigade::spawn(async {
            let _noise = noisy("spilt");
            pending::<()>().await;
        });
        brigade::yield_now().await;
        // With several workers, the task's first poll may not have happened yet. Give the task time.
        settle().await;
        task.abort();
        let error = task.await.unwrap_err();
        if error.is_panic() {
            assert_eq!(text_of(&*error.into_panic()), "spilt");
        } else {
            assert!(!K::ONE_COOK);
        }
        assert_eq!(brigade::spawn(async { 1 }).await.unwrap(), 1);
    });
}

/// Aborting a task wakes the task that awaits the aborted task's handle.
fn the_joiner_is_woken<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let task = brigade::spawn(pending::<()>());
        let abort = task.abort_handle();
        let (begun, ready) = async_channel::bounded(1);
        let joiner = brigade::spawn(async move {
            begun.send(()).await.unwrap();
            task.await.unwrap_err().is_aborted()
        });
        ready.recv().await.unwrap();
        settle().await;
        abort.abort();
        assert!(joiner.await.unwrap());
    });
}

/// Abort handles may be kept forever. They keep neither the task's future nor its output alive.
fn handles_outlive_the_executor<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    let (future, output) = (drops.on_drop(), drops.on_drop());
    let idle = executor.spawn(async move {
        let _future = future;
        pending::<()>().await;
    });
    let complete = executor.spawn(async move { output });
    let aborts = [idle.abort_handle(), complete.abort_handle()];
    drop((idle, complete));
    executor.block_on(settle());
    let (is_gone, gone) = mpsc::channel::<()>();
    let elsewhere = thread::spawn({
        let aborts = aborts.clone();
        move || {
            gone.recv().unwrap();
            aborts.iter().for_each(AbortHandle::abort);
            aborts
        }
    });
    drop(executor);
    is_gone.send(()).unwrap();
    assert_eq!(drops.get(), 2);
    let others = elsewhere.join().unwrap();
    for abort in aborts.iter().chain(&others) {
        abort.abort();
        assert!(abort.is_finished());
        assert_eq!(format!("{}", abort.id()), format!("{}", abort.clone().id()));
    }
}

/// Another thread aborts tasks while the tasks complete. Each task ends once, as aborted or as completed.
fn races_with_completion<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    let (mut aborted, mut done) = (0, 0);
    for _ in 0..30 {
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                let spy = drops.on_drop();
                executor.spawn(async move {
                    let _spy = spy;
                    for _ in 0..n % 7 {
                        brigade::yield_now().await;
                    }
                })
            })
            .collect();
        let aborts: Vec<_> = tasks.iter().map(|task| task.abort_handle()).collect();
        let elsewhere = thread::spawn(move || aborts.iter().for_each(AbortHandle::abort));
        executor.block_on(async {
            for task in tasks {
                match task.await {
                    Ok(()) => done += 1,
                    Err(error) => {
                        assert!(error.is_aborted());
                        aborted += 1;
                    }
                }
            }
        });
        elsewhere.join().unwrap();
    }
    assert_eq!((done + aborted, drops.get()), (3000, 3000));
}

on_both! {
    before_the_first_poll,
    while_it_is_idle,
    from_inside_itself,
    from_inside_its_last_poll,
    from_another_thread,
    after_it_is_complete,
    a_busy_task,
    a_task_that_panics_in_drop,
    the_joiner_is_woken,
    handles_outlive_the_executor,
    races_with_completion,
}
