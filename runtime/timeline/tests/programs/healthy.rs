//! Programs that should get no advice.

use std::sync::Arc;

use brigade::net::{TcpListener, TcpStream};
use brigade::time::interval;

use super::{Program, compute, compute_and_yield, ms, sleep, spawn};

macro_rules! program {
    ($workers:pat => $body:expr) => {
        |$workers: usize| -> Program { Box::pin(async move { $body }) }
    };
}

/// The name of a program, and the function that makes it for a number of workers.
pub(crate) type Healthy = (&'static str, fn(usize) -> Program);

/// Ticks `times` times, with `millis` milliseconds between two ticks.
pub(crate) async fn tick(times: u64, millis: u64) -> u64 {
    let mut ticks = interval(ms(millis));
    let mut sum = 0;
    for _ in 0..times {
        ticks.tick().await;
        sum += compute(10) & 1;
    }
    sum
}

pub(crate) const ALL: &[Healthy] = &[
    (
        "a fan-out of waits",
        program!(_ => {
            let all: Vec<_> = (0..50).map(|n| spawn("one", async move { sleep(20 + n % 7).await; sleep(10).await })).collect();
            for task in all { task.await.unwrap(); }
        }),
    ),
    (
        "a fan-out of waits in steps",
        program!(_ => {
            let all: Vec<_> = (0..10).map(|_| spawn("one", async { for _ in 0..15 { sleep(4).await } })).collect();
            for task in all { task.await.unwrap(); }
        }),
    ),
    (
        "as many computing tasks as workers",
        program!(workers => {
            let all: Vec<_> = (0..workers * 2).map(|_| spawn("chop", async { compute(20_000) })).collect();
            for task in all { task.await.unwrap(); }
        }),
    ),
    (
        "a computation that yields beside a ticker",
        program!(workers => {
            let ticker = spawn("ticker", tick(25, 4));
            let all: Vec<_> = (0..workers).map(|_| spawn("chop", compute_and_yield(60))).collect();
            for task in all { task.await.unwrap(); }
            ticker.await.unwrap();
        }),
    ),
    (
        "a pipeline",
        program!(_ => {
            let (first, second) = (async_channel::bounded::<u64>(4), async_channel::bounded::<u64>(4));
            let source = spawn("source", async move { for n in 0..30 { sleep(2).await; first.0.send(n).await.unwrap() } });
            let middle = spawn("middle", async move { while let Ok(n) = first.1.recv().await { sleep(2).await; second.0.send(n).await.unwrap() } });
            let sink = spawn("sink", async move { let mut sum = 0; while let Ok(n) = second.1.recv().await { sum += n } sum });
            source.await.unwrap();
            middle.await.unwrap();
            assert_eq!(sink.await.unwrap(), 435);
        }),
    ),
    (
        "an actor",
        program!(_ => {
            let (sender, receiver) = async_channel::bounded::<(u64, async_channel::Sender<u64>)>(16);
            let actor = spawn("actor", async move { let mut sum = 0; while let Ok((n, reply)) = receiver.recv().await { sum += n; let _ = reply.send(sum).await; } });
            let askers: Vec<_> = (0..8).map(|n| {
                let sender = sender.clone();
                spawn("asker", async move { for _ in 0..30 {
                    let reply = async_channel::bounded(1);
                    sender.send((n, reply.0)).await.unwrap();
                    reply.1.recv().await.unwrap();
                    sleep(1).await;
                } })
            }).collect();
            drop(sender);
            for task in askers { task.await.unwrap(); }
            actor.await.unwrap();
        }),
    ),
    (
        "a limiter of four",
        program!(_ => {
            let permits = Arc::new(async_lock::Semaphore::new(4));
            let all: Vec<_> = (0..24).map(|_| {
                let permits = permits.clone();
                spawn("request", async move { let _permit = permits.acquire().await; sleep(8).await })
            }).collect();
            for task in all { task.await.unwrap(); }
        }),
    ),
    (
        "tickers",
        program!(_ => {
            let all: Vec<_> = [5, 10, 20].map(|period| spawn("ticker", tick(200 / period, period))).into();
            for task in all { task.await.unwrap(); }
        }),
    ),
    (
        "one ticker",
        program!(_ => { spawn("ticker", tick(20, 10)).await.unwrap(); }),
    ),
    (
        "an echo server with guests",
        program!(_ => {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = spawn("server", async move { loop {
                let (stream, _) = listener.accept().await.unwrap();
                drop(spawn("echo", async move {
                    let mut bytes = [0; 64];
                    while let Ok(n @ 1..) = stream.read(&mut bytes).await { stream.write_all(&bytes[..n]).await.unwrap() }
                }));
            } });
            let guests: Vec<_> = (0..8).map(|_| spawn("guest", async move {
                let stream = TcpStream::connect(address).await.unwrap();
                let mut bytes = [0; 64];
                for _ in 0..100 { stream.write_all(b"hello").await.unwrap(); stream.read(&mut bytes).await.unwrap(); }
            })).collect();
            for task in guests { task.await.unwrap(); }
            server.abort();
        }),
    ),
    (
        "a few jobs of the pool",
        program!(_ => {
            let jobs: Vec<_> = (0..6).map(|_| brigade::spawn_blocking(|| std::thread::sleep(ms(10)))).collect();
            for job in jobs { job.await.unwrap(); }
        }),
    ),
    (
        "a message to all",
        program!(_ => {
            let senders: Vec<_> = (0..12).map(|_| async_channel::bounded::<u64>(4)).collect();
            let (senders, receivers): (Vec<_>, Vec<_>) = senders.into_iter().unzip();
            let guests: Vec<_> = receivers.into_iter().map(|receiver| spawn("guest", async move { let mut sum = 0; while let Ok(n) = receiver.recv().await { sum += n } sum })).collect();
            for n in 0..30 { sleep(2).await; for sender in &senders { sender.send(n).await.unwrap() } }
            drop(senders);
            for task in guests { task.await.unwrap(); }
        }),
    ),
    (
        "a pool of workers behind a channel",
        program!(_ => {
            let (sender, receiver) = async_channel::bounded::<u64>(8);
            let hands: Vec<_> = (0..4).map(|_| { let receiver = receiver.clone(); spawn("hand", async move { while let Ok(n) = receiver.recv().await { sleep(3 + n % 3).await } }) }).collect();
            for n in 0..40 { sender.send(n).await.unwrap() }
            drop(sender);
            for task in hands { task.await.unwrap(); }
        }),
    ),
    (
        "requests with a timeout",
        program!(_ => {
            let all: Vec<_> = (0..20).map(|n| spawn("request", async move { let _ = brigade::time::timeout(ms(30), sleep(15 + n * 2)).await; })).collect();
            for task in all { task.await.unwrap(); }
        }),
    ),
];
