//! Tests handles, wakes and spawns on threads other than the executor's.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;

use brigade::Executor;
use brigade_tests::{Kitchen, on_both, one_cook, park_on, poll_with};

/// A handle is polled on another thread and then awaited on the executor's thread. The task that awaits the
/// handle must be woken.
fn the_last_poll_of_a_handle_counts_wherever_the_first_was<K: Kitchen>() {
    let executor = K::open();
    let answer = executor.block_on(async {
        let (open, gate) = async_channel::bounded::<()>(1);
        let mut handle = brigade::spawn(async move { gate.recv().await.is_ok() });
        let handle = thread::scope(|scope| {
            let poll = scope.spawn(move || {
                assert!(poll_with(&mut handle, Waker::noop()).is_pending());
                handle
            });
            poll.join().unwrap()
        });
        let opener = brigade::spawn(async move {
            brigade::yield_now().await;
            open.send(()).await.unwrap();
        });
        let answer = handle.await.unwrap();
        opener.await.unwrap();
        answer
    });
    assert!(answer);
}

/// A task and the main future end in the same iteration of the event loop, while another thread awaits the
/// task. That thread must be woken.
fn a_thread_that_joins_is_woken_though_block_on_ends<K: Kitchen>() {
    let executor = K::open();
    for polls_before in 0..70 {
        let (done, is_done) = mpsc::channel();
        executor.block_on(async {
            // Each round begins at a different point of the event loop's iteration.
            for _ in 0..polls_before {
                brigade::yield_now().await;
            }
            let (open, gate) = async_channel::bounded::<()>(1);
            let mut handle = brigade::spawn(async move { gate.recv().await.is_ok() });
            brigade::yield_now().await;
            let (polled, is_polled) = mpsc::channel();
            thread::spawn(move || {
                let _ = polled.send(poll_with(&mut handle, Waker::noop()).is_pending());
                done.send(park_on(handle).unwrap()).unwrap();
            });
            assert!(is_polled.recv().unwrap());
            open.send(()).await.unwrap();
            brigade::yield_now().await;
        });
        assert!(is_done.recv().unwrap());
    }
}

/// Threads await tasks while another thread wakes other tasks of the same executor. Meanwhile `block_on`
/// ends. Every thread that awaits must be woken.
fn joins_on_other_threads_survive_wakes_and_the_end_of_block_on<K: Kitchen>() {
    const TASKS: usize = 64;
    let executor = K::open();
    for _ in 0..20 {
        let (done, is_done) = mpsc::channel();
        let joined = executor.block_on(async {
            let wakers = Arc::new(Mutex::new(Vec::new()));
            for _ in 0..TASKS {
                let wakers = wakers.clone();
                drop(brigade::spawn(poll_fn(move |cx| {
                    wakers.lock().unwrap().push(cx.waker().clone());
                    Poll::<()>::Pending
                })));
            }
            let handles: Vec<_> = (0..4)
                .map(|_| brigade::spawn(brigade::yield_now()))
                .collect();
            let joining = handles.into_iter().map(|handle| {
                let done = done.clone();
                thread::spawn(move || {
                    park_on(handle).unwrap();
                    done.send(()).unwrap();
                })
            });
            let joining: Vec<_> = joining.collect();
            brigade::yield_now().await;
            let waking = thread::spawn(move || {
                let wakers = std::mem::take(&mut *wakers.lock().unwrap());
                wakers.into_iter().for_each(Waker::wake);
            });
            for _ in 0..8 {
                brigade::yield_now().await;
            }
            (joining, waking)
        });
        for _ in 0..joined.0.len() {
            is_done.recv().expect("every thread that joins is woken");
        }
        joined.1.join().unwrap();
        for thread in joined.0 {
            thread.join().unwrap();
        }
    }
}

/// One thread wakes tasks endlessly, faster than they can be polled, while another thread spawns a task. The
/// spawned task must run soon.
fn a_spawn_is_not_kept_waiting_by_wakes() {
    let executor = brigade::SingleThread::new().unwrap();
    let (handle, stop) = (executor.handle(), Arc::new(AtomicBool::new(false)));
    let polls = Arc::new(AtomicUsize::new(0));
    let (waking, waited) = executor.block_on(async {
        let wakers = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..200 {
            let (wakers, polls, mut first) = (wakers.clone(), polls.clone(), true);
            drop(brigade::spawn(poll_fn(move |cx| {
                if std::mem::take(&mut first) {
                    wakers.lock().unwrap().push(cx.waker().clone());
                }
                polls.fetch_add(1, Ordering::Relaxed);
                // Make each poll take longer than a wake.
                (0..500).for_each(|n| {
                    std::hint::black_box(n);
                });
                Poll::<()>::Pending
            })));
        }
        brigade::yield_now().await;
        let waking = thread::spawn({
            let stop = stop.clone();
            move || {
                let wakers = std::mem::take(&mut *wakers.lock().unwrap());
                assert_eq!(wakers.len(), 200);
                while !stop.load(Ordering::Relaxed) {
                    wakers.iter().for_each(Waker::wake_by_ref);
                }
            }
        });
        while polls.load(Ordering::Relaxed) < 2000 {
            brigade::yield_now().await;
        }
        let spawning = {
            let polls = polls.clone();
            thread::spawn(move || {
                let before = polls.load(Ordering::Relaxed);
                let task = handle.spawn(async move { polls.load(Ordering::Relaxed) });
                (before, task)
            })
        };
        while !spawning.is_finished() {
            brigade::yield_now().await;
        }
        let (before, task) = spawning.join().unwrap();
        let waited = task.await.unwrap() - before;
        stop.store(true, Ordering::Relaxed);
        (waking, waited)
    });
    waking.join().unwrap();
    // Wakes that came before the spawn cause at most one poll of each task. The bound is higher, because more
    // wakes may arrive while the other thread spawns the task.
    assert!(
        waited < 100_000,
        "{waited} polls before the new task's first"
    );
}

one_cook! {
    a_spawn_is_not_kept_waiting_by_wakes,
}

on_both! {
    the_last_poll_of_a_handle_counts_wherever_the_first_was,
    a_thread_that_joins_is_woken_though_block_on_ends,
    joins_on_other_threads_survive_wakes_and_the_end_of_block_on,
}
