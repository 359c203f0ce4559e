//! Tests that wakers work on any thread at any time: no wake is lost, and one wake causes at most one poll.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;

use brigade::Executor;
use brigade_tests::{Kitchen, Tally, on_both, wake_a_clone};

/// Returns a future that sends its waker at every poll and is ready once `done` is set.
fn pupil(
    polls: Tally,
    wakers: mpsc::Sender<Waker>,
    done: Arc<AtomicBool>,
) -> impl Future<Output = ()> + Send {
    poll_fn(move |cx| {
        polls.add();
        if done.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        let _ = wakers.send(cx.waker().clone());
        Poll::Pending
    })
}

/// Yields until `there` returns true. Only the watchdog bounds the wait.
async fn until(there: impl Fn() -> bool) {
    while !there() {
        brigade::yield_now().await;
    }
}

/// Any number of wakes during a poll cause exactly one more poll.
fn a_wake_during_the_poll_means_one_more<K: Kitchen>() {
    let executor = K::open();
    let polls = Tally::new();
    let counted = polls.clone();
    let task = executor.spawn(poll_fn(move |cx| {
        counted.add();
        if counted.get() == 3 {
            return Poll::Ready(());
        }
        for _ in 0..10 {
            cx.waker().wake_by_ref();
            wake_a_clone(cx.waker());
        }
        Poll::Pending
    }));
    executor.block_on(task).unwrap();
    assert_eq!(polls.get(), 3);
}

/// Several wakes of a queued task cause only one poll.
fn wakes_of_a_queued_task_are_one<K: Kitchen>() {
    if !K::ONE_COOK {
        // On several workers, the task may run between two of the wakes.
        return;
    }
    let executor = K::open();
    let (polls, done) = (Tally::new(), Arc::default());
    let (send, receive) = mpsc::channel();
    drop(executor.spawn(pupil(polls.clone(), send, done)));
    executor.block_on(async {
        until(|| polls.get() == 1).await;
        let waker = receive.recv().unwrap();
        for _ in 0..100 {
            waker.wake_by_ref();
        }
        for _ in 0..5 {
            brigade::yield_now().await;
        }
    });
    assert_eq!(polls.get(), 2);
}

/// A task can be woken by value, by reference, through a clone, and through a clone of a clone.
fn every_way_to_wake_wakes<K: Kitchen>() {
    let executor = K::open();
    let ways: [fn(Waker); 4] = [
        |waker| waker.wake(),
        |waker| waker.wake_by_ref(),
        |waker| wake_a_clone(&waker),
        |waker| {
            let clone = waker.clone();
            drop(waker);
            clone.clone().wake_by_ref();
        },
    ];
    for way in ways {
        for elsewhere in [false, true] {
            let (polls, done) = (Tally::new(), Arc::<AtomicBool>::default());
            let (send, receive) = mpsc::channel();
            let task = executor.spawn(pupil(polls.clone(), send, done.clone()));
            executor.block_on(async {
                until(|| polls.get() == 1).await;
                let waker = receive.recv().unwrap();
                done.store(true, Ordering::SeqCst);
                if elsewhere {
                    thread::spawn(move || way(waker));
                } else {
                    way(waker);
                }
                task.await.unwrap();
            });
            assert_eq!(polls.get(), 2);
        }
    }
}

/// A wake after completion does nothing, on any thread.
fn a_wake_after_completion_does_nothing<K: Kitchen>() {
    let executor = K::open();
    let (polls, done) = (Tally::new(), Arc::<AtomicBool>::default());
    let (send, receive) = mpsc::channel();
    let task = executor.spawn(pupil(polls.clone(), send, done.clone()));
    let waker = executor.block_on(async {
        until(|| polls.get() == 1).await;
        let waker = receive.recv().unwrap();
        done.store(true, Ordering::SeqCst);
        waker.wake_by_ref();
        task.await.unwrap();
        waker
    });
    waker.wake_by_ref();
    let other = waker.clone();
    thread::spawn(move || {
        other.wake_by_ref();
        wake_a_clone(&other);
    })
    .join()
    .unwrap();
    executor.block_on(brigade::yield_now());
    waker.wake();
    assert_eq!(polls.get(), 2);
}

/// A task's waker may outlive the executor. The waker of a main future may outlive the call of `block_on`.
fn wakers_outlive_their_executor<K: Kitchen>() {
    let executor = K::open();
    let (send, receive) = mpsc::channel();
    let polls = Tally::new();
    drop(executor.spawn(pupil(polls.clone(), send.clone(), Arc::default())));
    executor.block_on(poll_fn(|cx| {
        let _ = send.send(cx.waker().clone());
        if polls.get() == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }));
    drop(executor);
    drop(send);
    let wakers: Vec<_> = receive.iter().collect();
    assert!(wakers.len() >= 2);
    let use_up = |wakers: Vec<Waker>| {
        for waker in wakers {
            waker.wake_by_ref();
            drop(waker.clone());
            assert!(waker.will_wake(&waker.clone()));
            waker.wake();
        }
    };
    let elsewhere = wakers.clone();
    thread::spawn(move || use_up(elsewhere)).join().unwrap();
    use_up(wakers);
    assert_eq!(polls.get(), 1);
}

/// glommio #194, monoio #121: another thread drops ten thousand wakers of one task, and one waker of each of
/// ten thousand tasks.
fn thousands_of_wakers_are_dropped_elsewhere<K: Kitchen>() {
    let executor = K::open();
    let wakers = Arc::new(Mutex::new(Vec::new()));
    let many = wakers.clone();
    let one = executor.spawn(poll_fn(move |cx| {
        many.lock()
            .unwrap()
            .extend((0..10_000).map(|_| cx.waker().clone()));
        Poll::Ready(())
    }));
    let each: Vec<_> = (0..10_000)
        .map(|_| {
            let wakers = wakers.clone();
            executor.spawn(poll_fn(move |cx| {
                wakers.lock().unwrap().push(cx.waker().clone());
                Poll::Ready(())
            }))
        })
        .collect();
    executor.block_on(async {
        one.await.unwrap();
        for task in each {
            task.await.unwrap();
        }
    });
    let wakers = std::mem::take(&mut *wakers.lock().unwrap());
    assert_eq!(wakers.len(), 20_000);
    let elsewhere = thread::spawn(move || drop(wakers));
    executor.block_on(brigade::yield_now());
    drop(executor);
    elsewhere.join().unwrap();
}

/// compio #948, tokio #7589: if a wake begins after a poll began, another poll follows. That poll sees the
/// values that the waking thread wrote. Four threads add to a count and wake the task. The task must see the
/// final count.
fn no_wake_is_lost_in_a_storm<K: Kitchen>() {
    const THREADS: usize = 4;
    const EACH: usize = 5_000;
    let executor = K::open();
    // The accesses are relaxed on purpose, because the wake itself must publish the value.
    let news = Arc::new(AtomicUsize::new(0));
    let waker = Arc::new(Mutex::new(None::<Waker>));
    let task = executor.spawn({
        let (news, waker) = (news.clone(), waker.clone());
        poll_fn(move |cx| {
            let old = waker.lock().unwrap().replace(cx.waker().clone());
            drop(old);
            if news.load(Ordering::Relaxed) == THREADS * EACH {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
    });
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (news, waker) = (news.clone(), waker.clone());
            thread::spawn(move || {
                for n in 0..EACH {
                    news.fetch_add(1, Ordering::Relaxed);
                    let waker = waker.lock().unwrap().clone();
                    match waker {
                        Some(waker) if n % 2 == 0 => waker.wake(),
                        Some(waker) => waker.wake_by_ref(),
                        None => {}
                    }
                }
            })
        })
        .collect();
    executor.block_on(task).unwrap();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// tokio #1768, #8372: a task exchanges messages with another thread, which sleeps and is woken each time. If
/// an unpark were lost, the task and the thread would both wait forever.
fn ping_pong_with_another_thread<K: Kitchen>() {
    const ROUNDS: usize = 10_000;
    let executor = K::open();
    let (ping, pong) = (async_channel::bounded(1), async_channel::bounded(1));
    let elsewhere = thread::spawn({
        let (ping, pong) = (ping.1, pong.0);
        move || {
            for n in 0..ROUNDS {
                assert_eq!(ping.recv_blocking().unwrap(), n);
                pong.send_blocking(n).unwrap();
            }
        }
    });
    executor.block_on(async {
        let (ping, pong) = (ping.0, pong.1);
        let task = brigade::spawn(async move {
            for n in 0..ROUNDS {
                ping.send(n).await.unwrap();
                assert_eq!(pong.recv().await.unwrap(), n);
            }
        });
        task.await.unwrap();
    });
    elsewhere.join().unwrap();
}

/// Another thread can wake the main future of `block_on`.
fn the_main_future_is_woken_from_elsewhere<K: Kitchen>() {
    let executor = K::open();
    for _ in 0..500 {
        let (send, receive) = async_channel::bounded(1);
        let elsewhere = thread::spawn(move || send.send_blocking(42).unwrap());
        assert_eq!(executor.block_on(receive.recv()).unwrap(), 42);
        elsewhere.join().unwrap();
    }
}

/// rayon #854, #1064: in a chain of ten thousand tasks, each of which wakes the next, the wakes do not
/// recurse.
fn a_long_chain_of_joins_does_not_recurse<K: Kitchen>() {
    let executor = K::open();
    let last = executor.block_on(async {
        let (open, gate) = async_channel::bounded::<()>(1);
        let mut task = brigade::spawn(async move {
            gate.recv().await.unwrap();
            0
        });
        for _ in 0..10_000 {
            let before = task;
            task = brigade::spawn(async move { before.await.unwrap() + 1 });
        }
        brigade::yield_now().await;
        open.send(()).await.unwrap();
        task.await.unwrap()
    });
    assert_eq!(last, 10_000);
}

/// compio #1044: a wake never blocks, even if thousands of wakes and spawns wait to be processed.
fn a_wake_never_blocks<K: Kitchen>() {
    const TASKS: usize = 1_000;
    let executor = K::open();
    let (send, receive) = mpsc::channel();
    let done = Arc::<AtomicBool>::default();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| executor.spawn(pupil(Tally::new(), send.clone(), done.clone())))
        .collect();
    let mut wakers = Vec::new();
    executor.block_on(async {
        while wakers.len() < TASKS {
            wakers.extend(receive.try_iter());
            brigade::yield_now().await;
        }
    });
    // From here on, no thread can poll a task, because no thread is in `block_on`, and the code below blocks
    // all workers.
    let gate = Arc::new(Mutex::new(()));
    let shut = gate.lock().unwrap();
    let busy = Tally::new();
    if !K::ONE_COOK {
        for _ in 0..executor.workers() {
            let (gate, busy) = (gate.clone(), busy.clone());
            drop(executor.spawn(async move {
                busy.add();
                drop(gate.lock());
            }));
        }
        while busy.get() < executor.workers() {
            thread::yield_now();
        }
    }
    done.store(true, Ordering::SeqCst);
    let handle = executor.handle();
    let elsewhere = thread::spawn(move || {
        wakers.into_iter().for_each(Waker::wake);
        let spawned = (0..TASKS).map(|n| handle.spawn(async move { n }));
        spawned.collect::<Vec<_>>()
    });
    let spawned = elsewhere.join().unwrap();
    drop(shut);
    executor.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
        for (n, task) in spawned.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), n);
        }
    });
}

on_both! {
    a_wake_never_blocks,
    a_wake_during_the_poll_means_one_more,
    wakes_of_a_queued_task_are_one,
    every_way_to_wake_wakes,
    a_wake_after_completion_does_nothing,
    wakers_outlive_their_executor,
    thousands_of_wakers_are_dropped_elsewhere,
    no_wake_is_lost_in_a_storm,
    ping_pong_with_another_thread,
    the_main_future_is_woken_from_elsewhere,
    a_long_chain_of_joins_does_not_recurse,
}
