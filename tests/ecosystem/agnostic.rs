//! Runs libraries that work with any runtime, without glue: combinators, channels and locks, including
//! tokio's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_lock::{Barrier, Mutex, RwLock, Semaphore};
use brigade::Executor;
use brigade::net::{TcpListener, TcpStream};
use brigade::time::{interval, sleep};
use brigade::{spawn, yield_now};
use brigade_tests::{Kitchen, on_both};
use futures::channel::{mpsc, oneshot};
use futures::future::{FutureExt, join_all, select, try_join_all};
use futures::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};
use futures::stream::{self, FuturesUnordered, StreamExt, TryStreamExt};
use futures::{SinkExt, pin_mut};
use futures_concurrency::prelude::*;

const MS: Duration = Duration::from_millis(1);

/// Sleeps for `milliseconds`, and returns `number`.
async fn after(milliseconds: u32, number: u32) -> u32 {
    sleep(MS * milliseconds).await;
    number
}

/// futures-util: combinators join many futures, limit how many run at the same time, select the future that
/// is ready first, and share one output.
fn futures_combinators<K: Kitchen>() {
    K::open().block_on(async {
        assert_eq!(
            join_all((0..20).map(|n| after(n % 4, n))).await,
            Vec::from_iter(0..20)
        );
        let all: Result<Vec<_>, ()> = try_join_all((0..9).map(|n| after(1, n).map(Ok))).await;
        assert_eq!(all.unwrap().len(), 9);

        let mut unordered: FuturesUnordered<_> = (0..50).map(|n| spawn(after(n % 7, n))).collect();
        let mut sum = 0;
        while let Some(number) = unordered.next().await {
            sum += number.unwrap();
        }
        assert_eq!(sum, 49 * 50 / 2);

        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let jobs = stream::iter(0..100).map(|number| {
            let (now, most) = (now.clone(), most.clone());
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                number
            }
        });
        let done: Vec<_> = jobs.buffer_unordered(8).collect().await;
        assert_eq!((done.len(), most.load(Ordering::SeqCst)), (100, 8));

        let (fast, slow) = (after(1, 1), after(3_600_000, 2));
        pin_mut!(fast, slow);
        assert_eq!(select(fast, slow).await.factor_first().0, 1);

        let shared = after(1, 7).boxed().shared();
        let (here, there) = futures::join!(shared.clone(), spawn(shared));
        assert_eq!((here, there.unwrap()), (7, 7));

        let mut ticks = interval(MS).fuse();
        let mut first = spawn(after(5, 3)).fuse();
        let mut ticked = 0;
        let number = loop {
            futures::select! {
                _ = ticks.next() => ticked += 1,
                number = first => break number.unwrap(),
            }
        };
        assert!(number == 3 && ticked >= 1);
    });
}

/// futures-channel: channels connect tasks with each other and with threads.
fn futures_channels<K: Kitchen>() {
    K::open().block_on(async {
        let (mut send, receive) = mpsc::channel(2);
        let producer = spawn(async move {
            for number in 0..1000 {
                send.send(number).await.unwrap();
            }
        });
        assert_eq!(receive.collect::<Vec<_>>().await, Vec::from_iter(0..1000));
        producer.await.unwrap();
        let (send, receive) = oneshot::channel();
        std::thread::spawn(move || send.send(5).unwrap());
        assert_eq!(receive.await, Ok(5));
        let (send, receive) = oneshot::channel::<()>();
        drop(send);
        assert!(receive.await.is_err());
    });
}

/// futures-util's adapters work over a socket: buffers, lines, copy, split.
fn futures_io_adapters<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (reader, mut writer) = AsyncReadExt::split(stream);
            futures::io::copy(reader, &mut writer).await.unwrap();
            writer.close().await.unwrap();
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let mut writer = BufWriter::new(&stream);
        for number in 0..2000 {
            writer
                .write_all(format!("dish {number}\n").as_bytes())
                .await
                .unwrap();
        }
        writer.flush().await.unwrap();
        writer.close().await.unwrap();
        let lines: Vec<String> = BufReader::new(&stream).lines().try_collect().await.unwrap();
        assert_eq!(lines.len(), 2000);
        assert_eq!(lines[1234], "dish 1234");
        server.await.unwrap();
    });
}

/// futures-concurrency: join, race, merge, and a concurrent stream with a limit.
fn futures_concurrency_operators<K: Kitchen>() {
    K::open().block_on(async {
        assert_eq!((after(2, 1), after(1, 2)).join().await, (1, 2));
        assert_eq!([after(2, 1), after(1, 2)].join().await, [1, 2]);
        assert_eq!((after(3_600_000, 1), after(1, 2)).race().await, 2);
        let both: Result<(u32, u32), ()> =
            (after(1, 1).map(Ok), after(1, 2).map(Ok)).try_join().await;
        assert_eq!(both, Ok((1, 2)));

        let ticks = (interval(MS).take(5), interval(2 * MS).take(3)).merge();
        assert_eq!(ticks.count().await, 8);
        let (send, receive) = async_channel::bounded(4);
        let producer = spawn(async move {
            for number in 0..100 {
                send.send(number).await.unwrap();
            }
        });
        let sum = Arc::new(AtomicUsize::new(0));
        let added = sum.clone();
        receive
            .co()
            .limit(std::num::NonZero::new(5))
            .for_each(move |number| {
                let added = added.clone();
                async move {
                    yield_now().await;
                    added.fetch_add(number, Ordering::SeqCst);
                }
            })
            .await;
        producer.await.unwrap();
        assert_eq!(sum.load(Ordering::SeqCst), 99 * 100 / 2);
    });
}

/// async-channel: with many producers and consumers, no message is lost and none arrives twice.
fn async_channel_many_to_many<K: Kitchen>() {
    K::open().block_on(async {
        let (send, receive) = async_channel::bounded(3);
        for part in 0..4 {
            let send = send.clone();
            drop(spawn(async move {
                for number in 0..500 {
                    send.send(part * 500 + number).await.unwrap();
                }
            }));
        }
        drop(send);
        let consumers = (0..4).map(|_| {
            let receive = receive.clone();
            spawn(async move { receive.collect::<Vec<_>>().await })
        });
        let taken = join_all(Vec::from_iter(consumers)).await;
        let mut all: Vec<u32> = taken.into_iter().flat_map(Result::unwrap).collect();
        all.sort_unstable();
        assert_eq!(all, Vec::from_iter(0..2000));
    });
}

/// async-lock: a mutex is held across awaits, readers share a lock, and a semaphore and a barrier keep their
/// counts.
fn async_lock_locks<K: Kitchen>() {
    K::open().block_on(async {
        let sum = Arc::new(Mutex::new(0));
        let shelf = Arc::new(RwLock::new(vec![0; 8]));
        let (ovens, inside) = (Arc::new(Semaphore::new(3)), Arc::new(AtomicUsize::new(0)));
        let barrier = Arc::new(Barrier::new(16));
        let tasks = (0..16).map(|cook| {
            let (sum, shelf, ovens) = (sum.clone(), shelf.clone(), ovens.clone());
            let (inside, barrier) = (inside.clone(), barrier.clone());
            spawn(async move {
                for _ in 0..20 {
                    let mut sum = sum.lock().await;
                    let seen = *sum;
                    yield_now().await;
                    *sum = seen + 1;
                }
                shelf.write().await[cook % 8] += 1;
                let oven = ovens.acquire_arc().await;
                assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
                yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                drop(oven);
                let leads = barrier.wait().await.is_leader();
                assert_eq!(shelf.read().await.iter().sum::<u32>(), 16);
                leads
            })
        });
        let leaders = join_all(Vec::from_iter(tasks)).await;
        assert_eq!(
            leaders
                .into_iter()
                .filter(|it| *it.as_ref().unwrap())
                .count(),
            1
        );
        assert_eq!(*sum.lock().await, 320);
    });
}

/// tokio::sync: channels and locks work unchanged between tasks of brigade, and between a thread and a task.
fn tokio_sync<K: Kitchen>() {
    use tokio::sync::{Mutex, Notify, RwLock, Semaphore, broadcast, mpsc, oneshot, watch};
    K::open().block_on(async {
        let (send, mut receive) = mpsc::channel(2);
        let (unbounded, mut all) = mpsc::unbounded_channel();
        for part in 0..4 {
            let (send, unbounded) = (send.clone(), unbounded.clone());
            drop(spawn(async move {
                for number in 0..250 {
                    send.send(part * 250 + number).await.unwrap();
                    unbounded.send(number).unwrap();
                }
            }));
        }
        drop((send, unbounded));
        let mut seen = Vec::new();
        while let Some(number) = receive.recv().await {
            seen.push(number);
        }
        seen.sort_unstable();
        assert_eq!(seen, Vec::from_iter(0..1000));
        let mut count = 0;
        while all.recv().await.is_some() {
            count += 1;
        }
        assert_eq!(count, 1000);

        let (send, receive) = oneshot::channel();
        std::thread::spawn(move || send.send(5).unwrap());
        assert_eq!(receive.await, Ok(5));
        let (send, receive) = oneshot::channel::<()>();
        drop(send);
        assert!(receive.await.is_err());

        let (send, mut receive) = broadcast::channel(4);
        let (changed, mut seen) = watch::channel(0);
        let told = spawn(async move { receive.recv().await.unwrap() });
        let waits = spawn(async move { *seen.wait_for(|it| *it == 9).await.unwrap() });
        send.send("soup").unwrap();
        for number in 1..10 {
            changed.send(number).unwrap();
            yield_now().await;
        }
        assert_eq!((told.await.unwrap(), waits.await.unwrap()), ("soup", 9));

        let (sum, shelf) = (Arc::new(Mutex::new(0)), Arc::new(RwLock::new([0; 8])));
        let (ovens, inside) = (Arc::new(Semaphore::new(3)), Arc::new(AtomicUsize::new(0)));
        let (notify, done) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        for cook in 0..16 {
            let (sum, shelf, ovens) = (sum.clone(), shelf.clone(), ovens.clone());
            let (inside, notify, done) = (inside.clone(), notify.clone(), done.clone());
            drop(spawn(async move {
                for _ in 0..20 {
                    let mut sum = sum.lock().await;
                    let seen = *sum;
                    yield_now().await;
                    *sum = seen + 1;
                }
                shelf.write().await[cook % 8] += 1;
                let oven = ovens.acquire_owned().await.unwrap();
                assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
                yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                drop(oven);
                done.fetch_add(1, Ordering::SeqCst);
                notify.notify_one();
            }));
        }
        while done.load(Ordering::SeqCst) < 16 {
            notify.notified().await;
        }
        assert_eq!(*sum.lock().await, 320);
        assert_eq!(*shelf.read().await, [2; 8]);
    });
}

/// `select!` and `join!` of tokio work unchanged. With `biased;` the branches are polled in order.
fn tokio_select_and_join<K: Kitchen>() {
    K::open().block_on(async {
        for _ in 0..20 {
            let first = tokio::select! {
                biased;
                number = after(3_600_000, 1) => number,
                number = async { 2 } => number,
                number = async { 3 } => number,
            };
            assert_eq!(first, 2);
        }
        let any = tokio::select! {
            number = after(3_600_000, 1) => number,
            number = after(1, 2) => number,
        };
        assert_eq!(any, 2);
        let mut ticks = interval(MS);
        let mut task = spawn(after(5, 3));
        let mut ticked = 0;
        let number = loop {
            tokio::select! {
                _ = ticks.tick() => ticked += 1,
                number = &mut task => break number.unwrap(),
            }
        };
        assert!(number == 3 && ticked >= 1);
        assert_eq!(tokio::join!(after(2, 1), after(1, 2)), (1, 2));
        let tried = tokio::try_join!(after(1, 1).map(Ok), after(3_600_000, 2).map(Ok), async {
            Err::<(), _>("burnt")
        });
        assert_eq!(tried, Err("burnt"));
    });
}

/// tokio-util: a `TaskTracker` waits for tasks of brigade, and a `CancellationToken` ends them.
fn tokio_util_tracker_and_token<K: Kitchen>() {
    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;
    K::open().block_on(async {
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let ended = Arc::new(AtomicUsize::new(0));
        for number in 0..20 {
            let (stop, ended) = (stop.child_token(), ended.clone());
            drop(spawn(tracker.track_future(async move {
                let slept = stop.run_until_cancelled(after(3_600_000, number)).await;
                assert_eq!(slept, None);
                ended.fetch_add(1, Ordering::SeqCst);
            })));
        }
        tracker.close();
        assert_eq!(tracker.len(), 20);
        stop.cancel();
        tracker.wait().await;
        assert_eq!((ended.load(Ordering::SeqCst), tracker.len()), (20, 0));
    });
}

tokio::task_local! {
    static TABLE: u32;
}

/// tokio's task-locals work in a scope around a future. As in tokio, a spawned task does not inherit them.
fn tokio_task_locals<K: Kitchen>() {
    K::open().block_on(async {
        let tasks = (0..20).map(|table| {
            spawn(TABLE.scope(table, async move {
                for _ in 0..20 {
                    yield_now().await;
                    assert_eq!(TABLE.get(), table);
                }
                let inner = spawn(async { TABLE.try_with(|_| ()).is_err() });
                assert!(inner.await.unwrap());
                TABLE
                    .scope(100, async { assert_eq!(TABLE.get(), 100) })
                    .await;
                TABLE.with(|it| *it)
            }))
        });
        let tables = join_all(Vec::from_iter(tasks)).await;
        let tables = Vec::from_iter(tables.into_iter().map(Result::unwrap));
        assert_eq!(tables, Vec::from_iter(0..20));
        assert!(TABLE.try_with(|_| ()).is_err());
    });
}

/// tokio's `duplex` needs no runtime. `copy_bidirectional` works over `compat()` of tokio-util.
fn tokio_duplex_and_copy_bidirectional<K: Kitchen>() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_util::compat::FuturesAsyncReadCompatExt;
    K::open().block_on(async {
        // The proxy copies between a duplex and a socket. A server at the socket's other end echoes.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let echo = spawn(async move {
            let (reader, mut writer) = AsyncReadExt::split(listener.accept().await.unwrap().0);
            futures::io::copy(reader, &mut writer).await.unwrap();
            writer.close().await.unwrap();
        });
        let (guest, mut near) = tokio::io::duplex(64);
        let proxy = spawn(async move {
            let mut far = TcpStream::connect(address).await.unwrap().compat();
            tokio::io::copy_bidirectional(&mut near, &mut far)
                .await
                .unwrap()
        });
        let (mut reader, mut writer) = tokio::io::split(guest);
        let sent = vec![7; 100_000];
        let size = sent.len() as u64;
        let sender = spawn(async move {
            writer.write_all(&sent).await.unwrap();
            writer.shutdown().await.unwrap();
        });
        let mut back = Vec::new();
        reader.read_to_end(&mut back).await.unwrap();
        assert!(back == vec![7; 100_000]);
        assert_eq!(proxy.await.unwrap(), (size, size));
        futures::join!(sender, echo).0.unwrap();
    });
}

on_both! {
    tokio_sync,
    tokio_select_and_join,
    tokio_util_tracker_and_token,
    tokio_task_locals,
    tokio_duplex_and_copy_bidirectional,
    futures_combinators,
    futures_channels,
    futures_io_adapters,
    futures_concurrency_operators,
    async_channel_many_to_many,
    async_lock_locks,
}
