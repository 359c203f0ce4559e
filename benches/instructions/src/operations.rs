//! The operations that are counted.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use brigade::net::{TcpListener, TcpStream};
use brigade::{Executor, SingleThread, WorkStealing};

/// How many tasks exist at the same time in the operations `spawn_join` and `yield`.
const CROWD: u64 = 100;

/// Repeats an operation `count` times, on a `SingleThread` or on a `WorkStealing` with two workers.
pub(crate) fn run(executor: &str, operation: &str, count: u64) {
    match executor {
        "one" => run_on(&SingleThread::new().unwrap(), operation, count),
        "many" => run_on(&WorkStealing::with_workers(2).unwrap(), operation, count),
        other => panic!("no executor is called {other}"),
    }
}

/// Runs the operation in a task, so that a `WorkStealing` runs it on a worker.
fn run_on(executor: &impl Executor, operation: &str, count: u64) {
    let task = match operation {
        "spawn_join" => executor.spawn(spawn_join(count)),
        "spawn_await" => executor.spawn(spawn_await(count)),
        "chained" => executor.spawn(chained(count)),
        "yield" => executor.spawn(yields(count)),
        "ping_pong" => executor.spawn(ping_pong(count)),
        "timer" => executor.spawn(timer(count)),
        "echo" => executor.spawn(echo(count)),
        other => panic!("no operation is called {other}"),
    };
    executor.block_on(task).unwrap();
}

async fn spawn_join(count: u64) {
    let mut handles = Vec::with_capacity(CROWD as usize);
    for _ in 0..count / CROWD {
        handles.extend((0..CROWD).map(|number| brigade::spawn(async move { number })));
        for handle in handles.drain(..) {
            handle.await.unwrap();
        }
    }
}

async fn spawn_await(count: u64) {
    for number in 0..count {
        brigade::spawn(async move { number }).await.unwrap();
    }
}

/// Spawns a chain of tasks, in which each task spawns the next one.
async fn chained(count: u64) {
    fn link(left: u64, end: async_channel::Sender<()>) {
        drop(brigade::spawn(async move {
            match left {
                0 => end.send(()).await.unwrap(),
                _ => link(left - 1, end),
            }
        }));
    }
    let (end, ended) = async_channel::bounded(1);
    link(count, end);
    ended.recv().await.unwrap();
}

/// Lets [`CROWD`] tasks yield in turn.
async fn yields(count: u64) {
    let yields = |_| {
        brigade::spawn(async move {
            for _ in 0..count / CROWD {
                brigade::yield_now().await;
            }
        })
    };
    for task in (0..CROWD).map(yields).collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// Makes round trips between two tasks over two channels, one in each direction.
async fn ping_pong(count: u64) {
    let (ping, pinged) = async_channel::bounded(1);
    let (pong, ponged) = async_channel::bounded(1);
    let other = brigade::spawn(async move {
        while pinged.recv().await.is_ok() {
            pong.send(()).await.unwrap();
        }
    });
    for _ in 0..count {
        ping.send(()).await.unwrap();
        ponged.recv().await.unwrap();
    }
    drop(ping);
    other.await.unwrap();
}

/// Arms a timer and drops it before it fires.
async fn timer(count: u64) {
    for _ in 0..count {
        let mut sleep = pin!(brigade::time::sleep(Duration::from_secs(3600)));
        poll_fn(|cx| {
            assert!(sleep.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        // Arming timers uses the task's budget. If no budget is left, this call yields, and the next poll has
        // a new budget.
        brigade::task::consume_budget().await;
    }
}

/// Sends 64 bytes to a server, which sends them back.
async fn echo(count: u64) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = brigade::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 64];
        while stream.read(&mut buffer).await.unwrap() > 0 {
            stream.write_all(&buffer).await.unwrap();
        }
    });
    let stream = TcpStream::connect(address).await.unwrap();
    let mut buffer = [0; 64];
    for _ in 0..count {
        stream.write_all(&buffer).await.unwrap();
        stream.read_exact(&mut buffer).await.unwrap();
    }
    drop(stream);
    server.await.unwrap();
}
