//! Runs all kinds of operations at the same time, and then checks that no task is lost and nothing leaks.
//!
//! Each round makes an executor and tasks. The tasks yield, sleep, wake each other across threads, await
//! children, abort each other, panic, and use sockets. At the end of a round, every future has been dropped
//! exactly once, and every handle has returned one result. As many descriptors are open, and as many bytes
//! are allocated, as before.
//!
//! The default run is short. With `BRIGADE_STRESS_ROUNDS=200`, the run has millions of tasks.
//! `BRIGADE_STRESS_SEED=7` selects a different seed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brigade::net::{TcpListener, TcpStream};
use brigade::time::{sleep, timeout};
use brigade::{Executor, SingleThread, WorkStealing};
use brigade_tests::{Counting, Dice, Far, at_rest, setting, threads};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The number of tasks per round.
const TASKS: usize = 5_000;
/// The number of socket pairs per round.
const PAIRS: usize = 20;

/// Counts of what happened to the tasks of a round.
#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    dropped: AtomicUsize,
    done: AtomicUsize,
    panicked: AtomicUsize,
    aborted: AtomicUsize,
}

/// Every future owns one `Life`. Making the `Life` counts the future as begun, and dropping it counts the
/// future as dropped.
struct Life(Arc<Counts>);

impl Life {
    fn new(counts: &Arc<Counts>) -> Self {
        counts.begun.fetch_add(1, Ordering::Relaxed);
        Life(counts.clone())
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs one task with random actions.
fn live(
    mut dice: Dice,
    life: Life,
    far: Far,
    depth: u64,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        for _ in 0..dice.roll(4) {
            match dice.roll(8) {
                0 | 1 => brigade::yield_now().await,
                2 => sleep(Duration::from_micros(dice.roll(3_000))).await,
                3 => far.wake().await,
                4 if depth < 3 => {
                    let child = Life::new(&life.0);
                    let child = live(dice.clone(), child, far.clone(), depth + 1);
                    let counts = life.0.clone();
                    count(&counts, brigade::spawn(child).await);
                }
                5 => {
                    let late = timeout(
                        Duration::from_micros(dice.roll(500)),
                        std::future::pending::<()>(),
                    );
                    assert!(late.await.is_err());
                }
                6 if dice.roll(10) == 0 => std::panic::panic_any("as the dice say"),
                _ => {
                    let counts = life.0.clone();
                    let own = Life::new(&counts);
                    let idle = brigade::spawn(async move {
                        let _own = own;
                        std::future::pending::<()>().await;
                    });
                    if dice.roll(2) == 0 {
                        brigade::yield_now().await;
                    }
                    idle.abort();
                    count(&counts, idle.await);
                }
            }
        }
    })
}

fn count(counts: &Counts, result: Result<(), brigade::task::JoinError>) {
    let place = match result {
        Ok(()) => &counts.done,
        Err(error) if error.is_panic() => &counts.panicked,
        Err(_) => &counts.aborted,
    };
    place.fetch_add(1, Ordering::Relaxed);
}

/// Connects two sockets, exchanges bytes and closes them.
async fn talk(listener: Arc<TcpListener>, life: Life) {
    let _life = life;
    let address = listener.local_addr().unwrap();
    let client = brigade::spawn(async move {
        let stream = TcpStream::connect(address).await.unwrap();
        for _ in 0..10 {
            stream.write_all(b"twelve bytes").await.unwrap();
            let mut answer = [0; 12];
            let mut had = 0;
            while had < 12 {
                had += stream.read(&mut answer[had..]).await.unwrap();
            }
            assert_eq!(&answer, b"twelve bytes");
        }
    });
    let (stream, _) = listener.accept().await.unwrap();
    let mut buffer = [0; 64];
    loop {
        let count = stream.read(&mut buffer).await.unwrap();
        if count == 0 {
            break;
        }
        stream.write_all(&buffer[..count]).await.unwrap();
    }
    client.await.unwrap();
}

async fn round(seed: u64, far: Far, counts: Arc<Counts>) {
    let mut dice = Dice(seed);
    let listener = Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
    let mut handles: Vec<_> = (0..PAIRS)
        .map(|_| brigade::spawn(talk(listener.clone(), Life::new(&counts))))
        .collect();
    for number in 0..TASKS {
        let life = Life::new(&counts);
        let task = live(dice.others(), life, far.clone(), 0);
        handles.push(brigade::spawn(task));
        if number % 64 == 0 {
            brigade::yield_now().await;
        }
        if dice.roll(20) == 0 {
            let some = dice.roll(handles.len() as u64) as usize;
            // Do not abort the sockets' tasks, because each end of a pair needs the other end.
            handles[some.max(PAIRS.min(handles.len() - 1))].abort();
        }
    }
    for handle in handles {
        count(&counts, handle.await);
    }
    // Leave tasks in several states. Dropping the executor must drop them.
    for number in 0..50 {
        let life = Life::new(&counts);
        let left = brigade::spawn(async move {
            let _life = life;
            match number % 3 {
                0 => std::future::pending().await,
                1 => sleep(Duration::from_secs(3_600)).await,
                _ => brigade::yield_now().await,
            }
        });
        drop(left);
    }
}

fn run_round(executor: impl Executor, seed: u64) -> usize {
    let counts = Arc::new(Counts::default());
    let (far, thread) = Far::begin();
    executor.block_on(round(seed, far, counts.clone()));
    drop(executor);
    thread.join().unwrap();
    let begun = counts.begun.load(Ordering::Relaxed);
    assert_eq!(counts.dropped.load(Ordering::Relaxed), begun, "seed {seed}");
    let ended = [&counts.done, &counts.panicked, &counts.aborted];
    let ended: usize = ended.iter().map(|it| it.load(Ordering::Relaxed)).sum();
    // If a parent was aborted while it awaited a child, the child's end is not counted. The ends of the last
    // fifty tasks, which were detached, are not counted either.
    assert!(ended + 50 <= begun && ended >= TASKS + PAIRS, "seed {seed}");
    assert!(counts.panicked.load(Ordering::Relaxed) > 0);
    assert!(counts.aborted.load(Ordering::Relaxed) > 0);
    assert_eq!(
        Arc::strong_count(&counts),
        1,
        "seed {seed}: something still holds a task's future"
    );
    begun
}

#[test]
fn everything_at_once_and_the_counts_balance() {
    let seed = setting("BRIGADE_STRESS_SEED").unwrap_or(1);
    let rounds = setting("BRIGADE_STRESS_ROUNDS").unwrap_or(4);
    // These panics are expected and need not be printed.
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<&str>() != Some(&"as the dice say") {
            print(info);
        }
    }));
    let both = |seed| {
        let one = run_round(SingleThread::new().unwrap(), seed);
        one + run_round(WorkStealing::with_workers(4).unwrap(), seed)
    };
    // Some memory is allocated only once per process. These runs allocate it, so that it does not count as
    // leaked below.
    let mine = threads();
    both(seed);
    both(seed);
    let before = at_rest(mine);
    let mut tasks = 0;
    for number in 1..=rounds {
        tasks += both(seed + number);
    }
    let after = at_rest(mine);
    println!(
        "{tasks} tasks in {rounds} rounds; descriptors and live bytes before {before:?}, after {after:?}"
    );
    assert_eq!(
        after, before,
        "descriptors and live bytes, after and before"
    );
}
