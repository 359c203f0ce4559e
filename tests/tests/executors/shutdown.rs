//! Tests that dropping an executor releases its tasks, futures and wakers exactly once, and leaves nothing
//! behind.

use std::future::pending;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use brigade::net::{TcpListener, TcpStream};
use brigade::task::JoinHandle;
use brigade::time::sleep;
use brigade::{Executor, Handle, SingleThread};
use brigade_tests::{Dropped, Kitchen, Tally, on_both, one_cook, park_on};

/// Awaits a handle after its executor was dropped.
fn joined<T>(handle: JoinHandle<T>) -> Result<T, brigade::task::JoinError> {
    park_on(handle)
}

/// tokio #3473, #2535: an idle task is dropped once, with its executor, and its handle reports that it was
/// aborted.
fn futures_are_dropped_exactly_once<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    let handles: Vec<_> = (0..100)
        .map(|n| {
            let spy = drops.on_drop();
            executor.spawn(async move {
                let _spy = spy;
                for _ in 0..n % 3 {
                    brigade::yield_now().await;
                }
                pending::<()>().await;
            })
        })
        .collect();
    executor.block_on(brigade::yield_now());
    drop(executor);
    assert_eq!(drops.get(), 100);
    for handle in handles {
        assert!(handle.is_finished());
        assert!(joined(handle).unwrap_err().is_aborted());
    }
    assert_eq!(drops.get(), 100);
}

/// tokio #1916, #7499, compio #502: a spawn in a `Drop` during shutdown neither panics nor loses the future.
/// The future is dropped immediately and its handle is aborted.
fn a_spawn_in_drop_at_shutdown_is_aborted<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    let (send, receive) = mpsc::channel();
    let inner = drops.clone();
    let spawner = Dropped(move || {
        let spy = inner.on_drop();
        let late = brigade::spawn(async move {
            let _spy = spy;
        });
        send.send(late).unwrap();
    });
    drop(executor.spawn(async move {
        let _spawner = spawner;
        pending::<()>().await;
    }));
    executor.block_on(brigade::yield_now());
    drop(executor);
    let late = receive.recv().unwrap();
    assert!(joined(late).unwrap_err().is_aborted());
    assert_eq!(drops.get(), 1);
}

/// An executor's list of tasks has several parts. Once the first future is dropped at shutdown, no part
/// accepts new tasks. The test spawns enough tasks to reach every part.
fn every_spawn_in_drop_at_shutdown_is_refused_at_once<K: Kitchen>() {
    const DROPS: usize = 20;
    const SPAWNS: usize = 500;
    let executor = K::open();
    let refused = Tally::new();
    let counted = refused.clone();
    let on_a_worker = executor.spawn(async move {
        for _ in 0..DROPS {
            let refused = counted.clone();
            let spawner = Dropped(move || {
                let late = (0..SPAWNS).map(|_| brigade::spawn(async {}));
                late.filter(JoinHandle::is_finished)
                    .for_each(|_| refused.add());
            });
            drop(brigade::spawn(async move {
                let _spawner = spawner;
                pending::<()>().await;
            }));
        }
    });
    executor.block_on(on_a_worker).unwrap();
    drop(executor);
    assert_eq!(refused.get(), DROPS * SPAWNS);
}

/// A future's `Drop` may spawn a future whose `Drop` spawns another, and so on.
fn spawns_in_drop_may_nest<K: Kitchen>() {
    fn chain(depth: usize, drops: Tally) -> impl Future<Output = ()> + Send {
        let spy = Dropped(move || {
            drops.add();
            if depth > 0 {
                drop(brigade::spawn(boxed(depth - 1, drops.clone())));
            }
        });
        async move {
            let _spy = spy;
            pending::<()>().await;
        }
    }
    fn boxed(depth: usize, drops: Tally) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(chain(depth, drops))
    }
    let executor = K::open();
    let drops = Tally::new();
    drop(executor.spawn(chain(20, drops.clone())));
    drop(executor);
    assert_eq!(drops.get(), 21);
}

/// tokio #3869 (h2 #546), #1972, #1929: two tasks share a lock and wake each other in `Drop` while they hold
/// it. `wake` must not run the other task's `Drop`, which would deadlock.
fn tasks_that_wake_each_other_in_drop_do_not_deadlock<K: Kitchen>() {
    struct Pair {
        wakers: [Option<Waker>; 2],
        dropped: usize,
    }
    struct Member(Arc<Mutex<Pair>>, usize);
    impl Drop for Member {
        fn drop(&mut self) {
            let mut pair = self.0.lock().unwrap();
            pair.dropped += 1;
            if let Some(other) = &pair.wakers[1 - self.1] {
                other.wake_by_ref();
            }
            // Wake the other task by value as well.
            if let Some(other) = pair.wakers[1 - self.1].take() {
                other.wake();
            }
        }
    }
    let executor = K::open();
    let pair = Arc::new(Mutex::new(Pair {
        wakers: [None, None],
        dropped: 0,
    }));
    let (ready, count) = async_channel::unbounded();
    for index in 0..2 {
        let (member, ready) = (Member(pair.clone(), index), ready.clone());
        drop(executor.spawn(std::future::poll_fn(move |cx| {
            let waker = cx.waker().clone();
            member.0.lock().unwrap().wakers[member.1] = Some(waker);
            let _ = ready.try_send(());
            Poll::<()>::Pending
        })));
    }
    executor.block_on(async {
        count.recv().await.unwrap();
        count.recv().await.unwrap();
    });
    drop(executor);
    assert_eq!(pair.lock().unwrap().dropped, 2);
}

/// tokio #2046, #1948: at shutdown, a task's `Drop` may wake another task, spawn a third and drop the handle
/// of a fourth.
fn drop_may_do_anything_at_shutdown<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    let (wakers, waker) = mpsc::channel::<Waker>();
    let waiting = executor.spawn({
        let spy = drops.on_drop();
        std::future::poll_fn(move |cx| {
            let _spy = &spy;
            let _ = wakers.send(cx.waker().clone());
            Poll::<()>::Pending
        })
    });
    let detached = executor.spawn({
        let spy = drops.on_drop();
        async move {
            let _spy = spy;
            pending::<()>().await;
        }
    });
    let tally = drops.clone();
    let mut detached = Some(detached);
    let everything = Dropped(move || {
        for waker in waker.try_iter() {
            waker.wake();
        }
        let spy = tally.on_drop();
        drop(brigade::spawn(async move {
            let _spy = spy;
        }));
        detached.take().expect("dropped once").abort();
        tally.add();
    });
    let everything = executor.spawn(async move {
        let _everything = everything;
        pending::<()>().await;
    });
    executor.block_on(brigade::yield_now());
    drop(executor);
    assert_eq!(drops.get(), 4);
    assert!(joined(waiting).unwrap_err().is_aborted());
    assert!(joined(everything).unwrap_err().is_aborted());
}

/// tokio #5861, #3473, #8360: after the drop of an executor, no source, timer, join or handle keeps the
/// executor's tasks alive.
fn nothing_outlives_the_executor<K: Kitchen>() {
    let executor = K::open();
    let kept = Arc::new(());
    let tracked: Weak<()> = Arc::downgrade(&kept);
    let handle: Handle = executor.handle();
    executor.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (begun, ready) = async_channel::unbounded();
        let client = TcpStream::connect(address).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let spawn = |future: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
            let (kept, begun) = (kept.clone(), begun.clone());
            brigade::spawn(async move {
                begun.try_send(()).unwrap();
                future.await;
                drop(kept);
            })
        };
        let tasks = [
            spawn(Box::pin(async move {
                let _ = client.read(&mut [0]).await;
            })),
            spawn(Box::pin(async move {
                let _ = futures::AsyncReadExt::read(&mut &server, &mut [0]).await;
            })),
            spawn(Box::pin(async move {
                let _ = listener.accept().await;
            })),
            spawn(Box::pin(sleep(Duration::from_secs(3600)))),
            spawn(Box::pin(pending())),
        ];
        let [a, b, c, d, e] = tasks;
        let join = spawn(Box::pin(async move {
            let _ = futures::join!(a, b, c, d, e);
        }));
        drop(join);
        for _ in 0..6 {
            ready.recv().await.unwrap();
        }
        brigade::yield_now().await;
    });
    assert!(Arc::strong_count(&kept) > 1);
    drop(kept);
    drop(executor);
    assert!(tracked.upgrade().is_none());
    drop(handle);
}

/// A panic in the `Drop` of one future does not prevent other futures from being dropped.
fn a_panic_in_drop_at_shutdown_reaches_only_its_handle<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    let handles: Vec<_> = (0..3)
        .map(|_| {
            let (spy, noise) = (drops.on_drop(), brigade_tests::noisy("burnt"));
            executor.spawn(async move {
                let (_spy, _noise) = (spy, noise);
                pending::<()>().await;
            })
        })
        .collect();
    executor.block_on(brigade::yield_now());
    drop(executor);
    assert_eq!(drops.get(), 3);
    for handle in handles {
        assert!(joined(handle).unwrap_err().is_panic());
    }
}

/// If an executor is dropped inside another executor, the outer executor stays current.
fn an_executor_may_be_dropped_inside_another<K: Kitchen>() {
    let outer = K::open();
    let drops = Tally::new();
    let answer = outer.block_on(async {
        let inner = K::open();
        let spy = drops.on_drop();
        drop(inner.spawn(async move {
            let _spy = spy;
            pending::<()>().await;
        }));
        drop(inner);
        brigade::spawn(async { 42 }).await.unwrap()
    });
    assert_eq!((answer, drops.get()), (42, 1));
}

/// Tasks pause between two calls of `block_on` and continue in the second call.
fn tasks_stand_still_between_two_stays() {
    let executor = SingleThread::new().unwrap();
    let turns = Tally::new();
    let counted = turns.clone();
    let task = executor.spawn(async move {
        for _ in 0..3 {
            counted.add();
            brigade::yield_now().await;
        }
    });
    assert_eq!(turns.get(), 0);
    executor.block_on(async {});
    let after_one = turns.get();
    assert!(after_one <= 1);
    executor.block_on(task).unwrap();
    assert_eq!(turns.get(), 3);
}

/// A detached task that has no waker is kept in memory until it is aborted or its executor is dropped.
fn a_task_that_nothing_can_wake_is_kept_until_shutdown<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    let [detached, aborted] = [(); 2].map(|()| {
        let spy = drops.on_drop();
        executor.spawn(async move {
            let _spy = spy;
            // The future keeps no waker.
            pending::<()>().await;
        })
    });
    let abort = aborted.abort_handle();
    drop((detached, aborted));
    executor.block_on(async {
        while executor.metrics().global_queue_depth > 0 {
            brigade::yield_now().await;
        }
        sleep(Duration::from_millis(5)).await;
        assert_eq!((drops.get(), executor.metrics().in_flight), (0, 2));
        abort.abort();
        while drops.get() == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    });
    drop(executor);
    assert_eq!(drops.get(), 2);
}

/// If a destructor calls `block_on` at shutdown, the call panics, because no thread serves timers and sockets
/// any more. The panic affects nothing else.
fn blocking_in_drop_at_shutdown_panics<K: Kitchen>() {
    let executor = K::open();
    let handle = executor.handle();
    let (send, receive) = mpsc::channel();
    let blocks = Dropped(move || {
        let blocked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            handle.block_on(sleep(Duration::from_millis(3)));
        }));
        send.send(blocked.is_err()).unwrap();
    });
    drop(executor.spawn(async move {
        let _blocks = blocks;
        pending::<()>().await;
    }));
    executor.block_on(brigade::yield_now());
    drop(executor);
    assert!(receive.recv().unwrap());
}

on_both! {
    blocking_in_drop_at_shutdown_panics,
    a_task_that_nothing_can_wake_is_kept_until_shutdown,
    futures_are_dropped_exactly_once,
    a_spawn_in_drop_at_shutdown_is_aborted,
    every_spawn_in_drop_at_shutdown_is_refused_at_once,
    spawns_in_drop_may_nest,
    tasks_that_wake_each_other_in_drop_do_not_deadlock,
    drop_may_do_anything_at_shutdown,
    nothing_outlives_the_executor,
    a_panic_in_drop_at_shutdown_reaches_only_its_handle,
    an_executor_may_be_dropped_inside_another,
}

one_cook! {
    tasks_stand_still_between_two_stays,
}
