//! Tests that timers, sockets, other threads and other tasks are served, however busy a task is.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use brigade::time::{interval, sleep, timeout};
use brigade::{Executor, SingleThread};
use brigade_tests::{Kitchen, Tally, on_both, one_cook, pair, poll_once, to_and_fro};

/// Wakes itself in every poll, forever.
async fn hog() {
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    })
    .await;
}

/// tokio #5209, #8212: timers fire while tasks wake themselves.
fn self_waking_tasks_do_not_starve_timers<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let hogs: Vec<_> = (0..8).map(|_| brigade::spawn(hog())).collect();
        for _ in 0..10 {
            sleep(Duration::from_millis(1)).await;
        }
        hogs.iter().for_each(|hog| hog.abort());
    });
}

/// Sockets are served while tasks wake themselves.
fn self_waking_tasks_do_not_starve_sockets<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let hogs: Vec<_> = (0..8).map(|_| brigade::spawn(hog())).collect();
        to_and_fro(pair().await).await;
        hogs.iter().for_each(|hog| hog.abort());
    });
}

/// Tasks wake themselves in every poll. The main future and the tasks that another thread spawns must still
/// run.
fn self_waking_tasks_do_not_starve_anybody<K: Kitchen>() {
    let executor = K::open();
    let handle = executor.handle();
    executor.block_on(async {
        let hogs: Vec<_> = (0..8).map(|_| brigade::spawn(hog())).collect();
        let elsewhere = thread::spawn(move || {
            for n in 0..100 {
                let task = handle.spawn(async move { n });
                assert_eq!(brigade_tests::park_on(task).unwrap(), n);
            }
        });
        while !elsewhere.is_finished() {
            brigade::yield_now().await;
        }
        elsewhere.join().unwrap();
        hogs.iter().for_each(|hog| hog.abort());
    });
}

/// A task that reads a socket that is always ready yields now and then, so no other task starves.
fn an_always_ready_socket_starves_nobody<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let (client, server) = pair().await;
        drop(client);
        let reads = Tally::new();
        let counted = reads.clone();
        // At the end of the stream, every read is ready immediately.
        let greedy = brigade::spawn(async move {
            loop {
                assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
                counted.add();
            }
        });
        for _ in 0..5 {
            sleep(Duration::from_millis(1)).await;
        }
        assert!(reads.get() > 0);
        greedy.abort();
        assert!(greedy.await.unwrap_err().is_aborted());
    });
}

/// Two tasks loop over operations that are always ready. The first task waits for a socket that is always
/// writable, and the second reads the end of a stream through futures-io. No other task may starve.
fn other_ready_sockets_starve_nobody<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let (client, server) = pair().await;
        let sink = brigade::spawn(async move {
            let mut buffer = vec![0; 1 << 16];
            while server.read(&mut buffer).await.unwrap() > 0 {}
        });
        let greedy = brigade::spawn(async move {
            loop {
                client.writable().await.unwrap();
                let _ = client.try_write(&[]);
            }
        });
        let (peer, end) = pair().await;
        drop(peer);
        let greedy_too = brigade::spawn(async move {
            let mut end = &end;
            loop {
                let count = futures::AsyncReadExt::read(&mut end, &mut [0]).await;
                assert_eq!(count.unwrap(), 0);
            }
        });
        for _ in 0..5 {
            sleep(Duration::from_millis(1)).await;
        }
        greedy.abort();
        greedy_too.abort();
        sink.await.unwrap();
    });
}

/// If the period of an interval is shorter than the work per tick, a tick is always due. A task that awaits
/// such ticks must yield too.
fn an_always_due_interval_starves_nobody<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let greedy = brigade::spawn(async {
            let mut interval = interval(Duration::from_nanos(1));
            loop {
                interval.tick().await;
            }
        });
        for _ in 0..5 {
            sleep(Duration::from_millis(1)).await;
        }
        greedy.abort();
        assert!(greedy.await.unwrap_err().is_aborted());
    });
}

/// If a task awaits deadlines that have passed, or timeouts of zero, it yields, so that other tasks run.
fn past_deadlines_starve_nobody<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let sleeper = brigade::spawn(async {
            loop {
                sleep(Duration::ZERO).await;
            }
        });
        let hasty = brigade::spawn(async {
            loop {
                let _ = timeout(Duration::ZERO, pending::<()>()).await;
            }
        });
        for _ in 0..5 {
            sleep(Duration::from_millis(1)).await;
        }
        for greedy in [sleeper, hasty] {
            greedy.abort();
            assert!(greedy.await.unwrap_err().is_aborted());
        }
    });
}

/// A computation that calls `consume_budget` lets other tasks run, but yields only rarely.
fn consume_budget_starves_nobody<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let greedy = brigade::spawn(async {
            loop {
                brigade::task::consume_budget().await;
            }
        });
        for _ in 0..5 {
            sleep(Duration::from_millis(1)).await;
        }
        greedy.abort();
        assert!(greedy.await.unwrap_err().is_aborted());
        // `consume_budget` is ready immediately while budget is left.
        assert!(poll_once(pin!(brigade::task::consume_budget())).is_ready());
    });
}

/// futures-rs #2047: other threads spawn tasks all the time. The executor must still serve its timers.
fn a_flood_of_spawns_starves_nobody<K: Kitchen>() {
    let executor = K::open();
    let ran = Tally::new();
    let handle = executor.handle();
    executor.block_on(async {
        let floods: Vec<_> = (0..2)
            .map(|_| {
                let (handle, ran) = (handle.clone(), ran.clone());
                thread::spawn(move || {
                    for _ in 0..50_000 {
                        let ran = ran.clone();
                        drop(handle.spawn(async move { ran.add() }));
                    }
                })
            })
            .collect();
        for _ in 0..5 {
            sleep(Duration::from_millis(1)).await;
        }
        while ran.get() < 100_000 {
            brigade::yield_now().await;
        }
        for flood in floods {
            flood.join().unwrap();
        }
    });
}

/// futures-rs #2047: the executor carries out the operations of other threads in portions, and polls tasks
/// between two portions. This test measures the largest portion: each task counts the operations since the
/// previous poll of any task.
fn waiting_operations_of_another_thread_starve_nobody() {
    const OPERATIONS: u64 = 10_000;
    let executor = SingleThread::new().unwrap();
    let handle = executor.handle();
    let seen = Arc::new(Mutex::new((0, 0)));
    let look = || {
        let (handle, seen) = (handle.clone(), seen.clone());
        async move {
            let now = handle.metrics().workers[0].injector_takes;
            let (before, largest) = &mut *seen.lock().unwrap();
            *largest = (now - *before).max(*largest);
            *before = now;
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| (0..OPERATIONS).for_each(|_| drop(handle.spawn(look()))));
    });
    // All operations have been sent. The executor begins to carry them out.
    executor.block_on(async {
        while seen.lock().unwrap().0 < OPERATIONS {
            brigade::yield_now().await;
        }
    });
    let largest = seen.lock().unwrap().1;
    assert!(
        largest <= OPERATIONS / 4,
        "{largest} operations without a poll of any task"
    );
}

on_both! {
    self_waking_tasks_do_not_starve_timers,
    self_waking_tasks_do_not_starve_sockets,
    self_waking_tasks_do_not_starve_anybody,
    an_always_ready_socket_starves_nobody,
    other_ready_sockets_starve_nobody,
    an_always_due_interval_starves_nobody,
    past_deadlines_starve_nobody,
    consume_budget_starves_nobody,
    a_flood_of_spawns_starves_nobody,
}

one_cook! {
    waiting_operations_of_another_thread_starve_nobody,
}
