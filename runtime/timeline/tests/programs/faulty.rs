//! Programs with one fault each, and corrected versions of them.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{Read as _, Write as _};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use brigade::net::{TcpListener, TcpStream};
use brigade_timeline::Kind;

use super::{JoinAll, Program, compute, compute_and_yield, ms, sleep, spawn};

/// A fault: its name, the advice that it should get, the minimum number of workers, the faulty program, and
/// the corrected version.
pub(crate) struct Faulty {
    pub(crate) name: &'static str,
    pub(crate) kinds: &'static [Kind],
    pub(crate) workers: usize,
    /// True if the corrected version must be faster, but not by more than the advice promises.
    pub(crate) gains: bool,
    pub(crate) program: fn(usize) -> Program,
    pub(crate) mended: fn(usize) -> Program,
}

macro_rules! program {
    ($workers:pat => $body:expr) => {
        |$workers: usize| -> Program { Box::pin(async move { $body }) }
    };
}

pub(crate) const ALL: &[Faulty] = &[
    Faulty {
        name: "tasks that call std's sleep",
        kinds: &[Kind::Blocking],
        workers: 1,
        gains: false,
        program: program!(workers => {
            let ticker = spawn("ticker", super::healthy::tick(20, 5));
            let all: Vec<_> = (0..4 * workers).map(|_| spawn("nap", async { std::thread::sleep(ms(12)) })).collect();
            for task in all { task.await.unwrap(); }
            ticker.await.unwrap();
        }),
        mended: program!(workers => {
            let ticker = spawn("ticker", super::healthy::tick(20, 5));
            let all: Vec<_> = (0..4 * workers).map(|_| spawn("nap", sleep(12))).collect();
            for task in all { task.await.unwrap(); }
            ticker.await.unwrap();
        }),
    },
    Faulty {
        name: "many short calls of std's sleep",
        kinds: &[Kind::Blocking],
        workers: 1,
        gains: false,
        program: program!(_ => {
            let all: Vec<_> = (0..40).map(|_| spawn("nap", async { std::thread::sleep(ms(2)) })).collect();
            for task in all { task.await.unwrap(); }
        }),
        mended: program!(_ => {
            let all: Vec<_> = (0..40).map(|_| spawn("nap", sleep(2))).collect();
            for task in all { task.await.unwrap(); }
        }),
    },
    Faulty {
        name: "a task that uses a socket of std",
        kinds: &[Kind::Blocking],
        workers: 1,
        gains: false,
        program: program!(_ => {
            let address = slow_server();
            let others: Vec<_> = (0..4).map(|_| spawn("other", sleep(20))).collect();
            let fetch = spawn("fetch", async move { fetch_of_std(address) });
            fetch.await.unwrap();
            for task in others { task.await.unwrap(); }
        }),
        mended: program!(_ => {
            let address = slow_server();
            let others: Vec<_> = (0..4).map(|_| spawn("other", sleep(20))).collect();
            let fetch = spawn("fetch", async move {
                brigade::spawn_blocking(move || fetch_of_std(address)).await.unwrap();
            });
            fetch.await.unwrap();
            for task in others { task.await.unwrap(); }
        }),
    },
    Faulty {
        name: "a lock of std that a thread holds for long",
        kinds: &[Kind::Blocking],
        workers: 1,
        gains: false,
        program: program!(_ => {
            let shared = Arc::new(Mutex::new(0));
            let held = shared.clone();
            let holder = std::thread::spawn(move || for _ in 0..5 {
                let mut guard = held.lock().unwrap();
                std::thread::sleep(ms(15));
                *guard += 1;
                drop(guard);
                std::thread::sleep(ms(1));
            });
            let all: Vec<_> = (0..10).map(|n| {
                let shared = shared.clone();
                spawn("adder", async move { sleep(n).await; *shared.lock().unwrap() += 1; })
            }).collect();
            for task in all { task.await.unwrap(); }
            holder.join().unwrap();
        }),
        mended: program!(_ => {
            let shared = Arc::new(Mutex::new(0));
            let all: Vec<_> = (0..10).map(|n| {
                let shared = shared.clone();
                spawn("adder", async move { sleep(n).await; *shared.lock().unwrap() += 1; })
            }).collect();
            for task in all { task.await.unwrap(); }
        }),
    },
    Faulty {
        name: "a task that computes without a yield beside tickers",
        kinds: &[Kind::Computing],
        workers: 1,
        gains: false,
        program: program!(workers => {
            let tickers: Vec<_> = (0..2).map(|_| spawn("ticker", super::healthy::tick(60, 4))).collect();
            sleep(10).await;
            let hogs: Vec<_> = (0..workers).map(|_| spawn("hog", async { compute(120_000) })).collect();
            for task in hogs { task.await.unwrap(); }
            for task in tickers { task.await.unwrap(); }
        }),
        mended: program!(workers => {
            let tickers: Vec<_> = (0..2).map(|_| spawn("ticker", super::healthy::tick(60, 4))).collect();
            sleep(10).await;
            let hogs: Vec<_> = (0..workers).map(|_| spawn("hog", compute_and_yield(120))).collect();
            for task in hogs { task.await.unwrap(); }
            for task in tickers { task.await.unwrap(); }
        }),
    },
    Faulty {
        name: "a long computation before small tasks",
        kinds: &[Kind::Computing],
        workers: 1,
        gains: false,
        program: program!(workers => {
            let hogs: Vec<_> = (0..workers).map(|_| spawn("hog", async { compute(80_000); sleep(1).await; compute(80_000) })).collect();
            let small: Vec<_> = (0..20).map(|n| spawn("small", async move { sleep(1 + n).await; compute(20) })).collect();
            for task in hogs { task.await.unwrap(); }
            for task in small { task.await.unwrap(); }
        }),
        mended: program!(workers => {
            let hogs: Vec<_> = (0..workers).map(|_| spawn("hog", compute_and_yield(160))).collect();
            let small: Vec<_> = (0..20).map(|n| spawn("small", async move { sleep(1 + n).await; compute(20) })).collect();
            for task in hogs { task.await.unwrap(); }
            for task in small { task.await.unwrap(); }
        }),
    },
    Faulty {
        name: "all futures joined in one task",
        kinds: &[Kind::OneBusyWorker],
        workers: 2,
        gains: true,
        program: program!(_ => {
            let parts = (0..4).map(|_| Some(Box::pin(compute_and_yield(30)) as Pin<Box<dyn Future<Output = u64> + Send>>));
            spawn("all", JoinAll(parts.collect())).await.unwrap();
        }),
        mended: program!(_ => {
            let parts: Vec<_> = (0..4).map(|_| spawn("part", compute_and_yield(30))).collect();
            for part in parts { part.await.unwrap(); }
        }),
    },
    Faulty {
        name: "all work in the main future",
        kinds: &[Kind::OneBusyWorker],
        workers: 2,
        gains: true,
        program: program!(_ => {
            for _ in 0..4 { compute_and_yield(30).await; }
        }),
        mended: program!(_ => {
            let parts: Vec<_> = (0..4).map(|_| spawn("part", compute_and_yield(30))).collect();
            for part in parts { part.await.unwrap(); }
        }),
    },
    Faulty {
        name: "sleeps awaited in a loop",
        kinds: &[Kind::AwaitsInLoop],
        workers: 1,
        gains: true,
        program: program!(_ => {
            for n in 0..12 { sleep(10 + n).await; }
        }),
        mended: program!(_ => {
            let all: Vec<_> = (0..12).map(|n| spawn("one", sleep(10 + n))).collect();
            for task in all { task.await.unwrap(); }
        }),
    },
    Faulty {
        name: "requests awaited in a loop",
        kinds: &[Kind::AwaitsInLoop],
        workers: 1,
        gains: true,
        program: program!(_ => {
            let (address, server) = serve(10).await;
            let client = spawn("client", async move { for _ in 0..10 { fetch(address).await; } });
            client.await.unwrap();
            server.abort();
        }),
        mended: program!(_ => {
            let (address, server) = serve(10).await;
            let all: Vec<_> = (0..10).map(|_| spawn("client", fetch(address))).collect();
            for task in all { task.await.unwrap(); }
            server.abort();
        }),
    },
    Faulty {
        name: "spawn and await in a loop, waiting",
        kinds: &[Kind::SpawnInLoop],
        workers: 1,
        gains: true,
        program: program!(_ => {
            for n in 0..10 { spawn("step", sleep(8 + n)).await.unwrap(); }
        }),
        mended: program!(_ => {
            let all: Vec<_> = (0..10).map(|n| spawn("step", sleep(8 + n))).collect();
            for task in all { task.await.unwrap(); }
        }),
    },
    Faulty {
        name: "spawn and await in a loop, computing",
        kinds: &[Kind::SpawnInLoop],
        workers: 2,
        gains: true,
        program: program!(_ => {
            for _ in 0..8 { spawn("step", compute_and_yield(15)).await.unwrap(); }
        }),
        mended: program!(_ => {
            let all: Vec<_> = (0..8).map(|_| spawn("step", compute_and_yield(15))).collect();
            for task in all { task.await.unwrap(); }
        }),
    },
    Faulty {
        name: "an async lock held across a wait",
        kinds: &[Kind::InLine],
        workers: 1,
        gains: true,
        program: program!(_ => {
            let lock = Arc::new(async_lock::Mutex::new(0));
            let all: Vec<_> = (0..8).map(|_| {
                let lock = lock.clone();
                spawn("payer", async move { let mut sum = lock.lock().await; sleep(10).await; *sum += 1; })
            }).collect();
            for task in all { task.await.unwrap(); }
        }),
        mended: program!(_ => {
            let lock = Arc::new(async_lock::Mutex::new(0));
            let all: Vec<_> = (0..8).map(|_| {
                let lock = lock.clone();
                spawn("payer", async move { sleep(10).await; *lock.lock().await += 1; })
            }).collect();
            for task in all { task.await.unwrap(); }
        }),
    },
    Faulty {
        name: "a semaphore with one permit",
        kinds: &[Kind::InLine],
        workers: 1,
        gains: true,
        program: program!(_ => limited(1).await),
        mended: program!(_ => limited(8).await),
    },
    Faulty {
        name: "all tasks are woken for one item",
        kinds: &[Kind::Herd],
        workers: 1,
        gains: false,
        program: program!(_ => queue(true).await),
        mended: program!(_ => queue(false).await),
    },
    Faulty {
        name: "a task that yields until a flag is set",
        kinds: &[Kind::BusyPolling],
        workers: 1,
        gains: false,
        program: program!(_ => {
            let flag = Arc::<AtomicBool>::default();
            let seen = flag.clone();
            let asker = spawn("asker", async move { while !seen.load(Relaxed) { brigade::yield_now().await; } });
            let setter = spawn("setter", async move { sleep(60).await; flag.store(true, Relaxed); });
            setter.await.unwrap();
            asker.await.unwrap();
        }),
        mended: program!(_ => told().await),
    },
    Faulty {
        name: "a task that sleeps until a flag is set",
        kinds: &[Kind::TimerPolling],
        workers: 1,
        gains: false,
        program: program!(_ => {
            let flag = Arc::<AtomicBool>::default();
            let seen = flag.clone();
            let asker = spawn("asker", async move { while !seen.load(Relaxed) { sleep(5).await; } });
            let setter = spawn("setter", async move {
                for n in 0..6 { sleep(20 + 3 * n).await; compute(50); }
                flag.store(true, Relaxed);
            });
            setter.await.unwrap();
            asker.await.unwrap();
        }),
        mended: program!(_ => told().await),
    },
    Faulty {
        name: "a main future that sleeps until a job is done",
        kinds: &[Kind::TimerPolling],
        workers: 1,
        gains: false,
        program: program!(_ => {
            let flag = Arc::<AtomicBool>::default();
            let set = flag.clone();
            let job = brigade::spawn_blocking(move || { std::thread::sleep(ms(150)); set.store(true, Relaxed); });
            while !flag.load(Relaxed) { sleep(3).await; }
            job.await.unwrap();
        }),
        mended: program!(_ => {
            brigade::spawn_blocking(|| std::thread::sleep(ms(150))).await.unwrap();
        }),
    },
    Faulty {
        name: "thousands of tiny jobs",
        kinds: &[Kind::TinyJobs],
        workers: 1,
        gains: false,
        program: program!(_ => {
            for _ in 0..10 {
                let jobs: Vec<_> = (0..200).map(|n| brigade::spawn_blocking(move || n + 1)).collect();
                for job in jobs { job.await.unwrap(); }
            }
        }),
        mended: program!(_ => {
            let jobs: Vec<_> = (0..2).map(|n| brigade::spawn_blocking(move || (0..1000).map(|m| m + n).sum::<u64>())).collect();
            for job in jobs { job.await.unwrap(); }
        }),
    },
    Faulty {
        name: "hundreds of computing jobs",
        kinds: &[Kind::ManyJobs],
        workers: 1,
        gains: false,
        program: program!(_ => {
            let jobs: Vec<_> = (0..200).map(|_| brigade::spawn_blocking(|| compute(6_000))).collect();
            for job in jobs { job.await.unwrap(); }
        }),
        mended: program!(_ => {
            let tasks: Vec<_> = (0..20).map(|_| spawn("task", compute_and_yield(2))).collect();
            for task in tasks { task.await.unwrap(); }
        }),
    },
    Faulty {
        name: "hundreds of blocking jobs",
        kinds: &[Kind::ManyJobs],
        workers: 1,
        gains: false,
        program: program!(_ => {
            let jobs: Vec<_> = (0..200).map(|_| brigade::spawn_blocking(|| std::thread::sleep(ms(60)))).collect();
            for job in jobs { job.await.unwrap(); }
        }),
        mended: program!(_ => {
            let tasks: Vec<_> = (0..200).map(|_| spawn("task", sleep(60))).collect();
            for task in tasks { task.await.unwrap(); }
        }),
    },
    Faulty {
        name: "a future that forgets its waker",
        kinds: &[Kind::Stranded],
        workers: 1,
        gains: false,
        program: program!(_ => {
            let lost = spawn("lost", std::future::pending::<()>());
            sleep(60).await;
            drop(lost);
        }),
        mended: program!(_ => told().await),
    },
    Faulty {
        name: "one worker computes, the machine has two cores",
        kinds: &[Kind::MoreWorkers],
        workers: 0,
        gains: false,
        program: program!(_ => {
            let all: Vec<_> = (0..8).map(|_| spawn("chop", compute_and_yield(15))).collect();
            for task in all { task.await.unwrap(); }
        }),
        mended: program!(_ => told().await),
    },
];

async fn told() {
    let (sender, receiver) = async_channel::bounded::<()>(1);
    let told = spawn("told", async move { receiver.recv().await.unwrap() });
    let teller = spawn("teller", async move {
        sleep(60).await;
        sender.send(()).await.unwrap()
    });
    teller.await.unwrap();
    told.await.unwrap();
}

async fn limited(permits: usize) {
    let permits = Arc::new(async_lock::Semaphore::new(permits));
    let all: Vec<_> = (0..10)
        .map(|_| {
            let permits = permits.clone();
            spawn("request", async move {
                let _permit = permits.acquire().await;
                sleep(9).await;
            })
        })
        .collect();
    for task in all {
        task.await.unwrap();
    }
}

/// A queue. A push wakes either all tasks that wait for an item, or only one of them.
#[derive(Default)]
struct Queue(Mutex<(VecDeque<u64>, Vec<Waker>, bool)>);

impl Queue {
    fn push(&self, item: Option<u64>, all: bool) {
        let mut state = self.0.lock().unwrap();
        match item {
            Some(item) => state.0.push_back(item),
            None => state.2 = true,
        }
        let count = if all || state.2 {
            state.1.len()
        } else {
            1.min(state.1.len())
        };
        let woken: Vec<Waker> = state.1.drain(..count).collect();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }
}

struct Pop<'a>(&'a Queue);

impl Future for Pop<'_> {
    type Output = Option<u64>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u64>> {
        let mut state = self.0.0.lock().unwrap();
        if let Some(item) = state.0.pop_front() {
            return Poll::Ready(Some(item));
        }
        if state.2 {
            return Poll::Ready(None);
        }
        state.1.push(cx.waker().clone());
        Poll::Pending
    }
}

async fn queue(all: bool) {
    let queue = Arc::<Queue>::default();
    let takers: Vec<_> = (0..20)
        .map(|_| {
            let queue = queue.clone();
            spawn("taker", async move {
                while let Some(item) = Pop(&queue).await {
                    compute(item);
                    sleep(1).await;
                }
            })
        })
        .collect();
    for _ in 0..40 {
        sleep(2).await;
        queue.push(Some(5), all);
    }
    sleep(3).await;
    queue.push(None, true);
    for taker in takers {
        taker.await.unwrap();
    }
}

/// Starts a thread with a server that answers one connection, after 40 ms.
fn slow_server() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::thread::sleep(ms(40));
        stream.write_all(b"done").unwrap();
    });
    address
}

fn fetch_of_std(address: std::net::SocketAddr) {
    let mut answer = String::new();
    std::net::TcpStream::connect(address)
        .unwrap()
        .read_to_string(&mut answer)
        .unwrap();
    assert_eq!(answer, "done");
}

/// Starts a task with a server that answers each connection after this number of milliseconds.
async fn serve(millis: u64) -> (std::net::SocketAddr, brigade::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = spawn("server", async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            drop(spawn("answer", async move {
                sleep(millis).await;
                stream.write_all(b"done").await.unwrap();
            }));
        }
    });
    (address, server)
}

async fn fetch(address: std::net::SocketAddr) {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut answer = [0; 8];
    assert_eq!(stream.read(&mut answer).await.unwrap(), 4);
}
