//! Uses the kernel's counts to check that an idle executor uses almost no processor time.
#![cfg(target_os = "linux")]

use std::fs;
use std::future::pending;
use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use brigade::Executor;
use brigade::net::{TcpListener, TcpStream};
use brigade::time::sleep;
use brigade_tests::{Kitchen, ManyCooks, on_both, watch};

/// The context switches and the processor time of all threads of this process except the measuring thread.
#[derive(Clone, Copy, Debug)]
struct Usage {
    switches: u64,
    cpu: Duration,
}

/// Adds up the counts of every thread except this one.
fn others() -> Usage {
    let me = thread_id();
    let mut usage = Usage {
        switches: 0,
        cpu: Duration::ZERO,
    };
    for entry in fs::read_dir("/proc/self/task").unwrap() {
        let directory = entry.unwrap().path();
        if directory.ends_with(&me) {
            continue;
        }
        let status = fs::read_to_string(directory.join("status")).unwrap();
        usage.switches += status
            .lines()
            .filter_map(|line| line.split_once("ctxt_switches:"))
            .map(|(_, count)| count.trim().parse::<u64>().unwrap())
            .sum::<u64>();
        // The first field is the time on a processor, in nanoseconds.
        let schedstat = fs::read_to_string(directory.join("schedstat")).unwrap();
        let nanos = schedstat.split_whitespace().next().unwrap();
        usage.cpu += Duration::from_nanos(nanos.parse().unwrap());
    }
    usage
}

/// Returns this thread's name in `/proc/self/task`.
fn thread_id() -> String {
    let path = fs::read_link("/proc/thread-self").unwrap();
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Runs `work` on an executor, on a separate thread that then stays in `block_on`. For two seconds, measures
/// all threads except this one.
fn measure<K: Kitchen, F: Future<Output = ()>>(work: impl FnOnce() -> F + Send) -> Usage {
    let (ready, is_ready) = std::sync::mpsc::channel();
    let (end, ended) = async_channel::bounded::<()>(1);
    thread::scope(|scope| {
        scope.spawn(move || {
            let executor = K::open();
            executor.block_on(async {
                work().await;
                ready.send(()).unwrap();
                ended.recv().await.unwrap();
            });
        });
        is_ready.recv().unwrap();
        // Let the threads settle first. They must be idle for the two seconds after that.
        thread::sleep(Duration::from_millis(300));
        let before = others();
        thread::sleep(Duration::from_secs(2));
        let after = others();
        end.send_blocking(()).unwrap();
        Usage {
            switches: after.switches - before.switches,
            cpu: after.cpu - before.cpu,
        }
    })
}

fn assert_idle(usage: Usage) {
    // Allow a few switches, because the kernel may move threads between processors.
    assert!(usage.switches <= 5, "{usage:?}");
    assert!(usage.cpu < Duration::from_millis(1), "{usage:?}");
}

fn with_nothing_to_do<K: Kitchen>() {
    assert_idle(measure::<K, _>(|| async {}));
}

/// Some tasks wait for sockets, some for timers of an hour, and some forever.
fn with_waiting_tasks<K: Kitchen>() {
    assert_idle(measure::<K, _>(|| async {
        for n in 0..100 {
            drop(brigade::spawn(pending::<()>()));
            drop(brigade::spawn(sleep(Duration::from_secs(3600 + n))));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for _ in 0..20 {
            let client = TcpStream::connect(address).await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            for stream in [client, server] {
                drop(brigade::spawn(async move {
                    // Wait until the stream is writable, which shows that its first event has come. Then
                    // begin a read that never ends.
                    stream.writable().await.unwrap();
                    let _ = stream.read(&mut [0]).await;
                }));
            }
        }
        drop(brigade::spawn(async move {
            let _ = listener.accept().await;
        }));
        sleep(Duration::from_millis(20)).await;
    }));
}

/// mio #933, #1087: some connections are not read, although their peer has closed one half or both. Another
/// connection has a full buffer and a peer that does not read.
fn with_half_closed_and_full_sockets<K: Kitchen>() {
    assert_idle(measure::<K, _>(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for n in 0..3 {
            let client = TcpStream::connect(address).await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            match n {
                0 => client.shutdown(std::net::Shutdown::Write).unwrap(),
                1 => {
                    let filling = brigade::spawn(async move {
                        let _ = client.write_all(&vec![0; 64 << 20]).await;
                    });
                    drop(filling);
                    drop(brigade::spawn(async move {
                        let _server = server;
                        pending::<()>().await;
                    }));
                    continue;
                }
                _ => drop(client),
            }
            drop(brigade::spawn(async move {
                // Wait once until the socket is writable, and then keep the socket. The peer is gone or
                // silent.
                server.writable().await.unwrap();
                let _server = server;
                pending::<()>().await;
            }));
        }
        sleep(Duration::from_millis(50)).await;
    }));
}

/// After a burst of tasks and blocking jobs, the executor is idle again.
fn after_a_burst<K: Kitchen>() {
    assert_idle(measure::<K, _>(|| async {
        let tasks: Vec<_> = (0..10_000)
            .map(|_| brigade::spawn(brigade::yield_now()))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let jobs: Vec<_> = (0..10).map(|_| brigade::spawn_blocking(|| ())).collect();
        for job in jobs {
            job.await.unwrap();
        }
        sleep(Duration::from_millis(10)).await;
    }));
}

/// If another worker is the monitor, an event wakes only the worker in the driver. The test counts the parks
/// of all workers while a client thread causes many events. It uses the best of a few tries, because the
/// monitor's timeout may expire during an event on a busy machine.
fn an_event_gets_one_worker_up<K: Kitchen>() {
    const TURNS: u64 = 400;
    let executor = K::open();
    let address = executor.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(brigade::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let mut byte = [0];
                while stream.read(&mut byte).await.unwrap() > 0 {
                    stream.write_all(&byte).await.unwrap();
                }
            }
        }));
        address
    });
    let client = move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        for _ in 0..TURNS {
            stream.write_all(b"?").unwrap();
            stream.read_exact(&mut [0]).unwrap();
        }
    };
    let parks = || -> u64 {
        let metrics = executor.metrics();
        metrics.workers.iter().map(|worker| worker.parks).sum()
    };
    let best = (0..5).map(|_| {
        let before = parks();
        executor
            .block_on(async { brigade::spawn_blocking(client).await })
            .unwrap();
        parks() - before
    });
    let best = best.min().unwrap();
    assert!(best * 2 < TURNS * 3, "{best} parks in {TURNS} turns");
}

/// A worker that finds a due timer itself must not also be woken for that timer.
#[test]
fn a_timer_gets_the_only_worker_up_once() {
    const NAME: &str = concat!(module_path!(), "::a_timer_gets_the_only_worker_up_once");
    watch(NAME, || {
        const TURNS: u64 = 50;
        let executor = ManyCooks::<1>::open();
        let sleeper = executor.spawn(async {
            for _ in 0..TURNS {
                sleep(Duration::from_millis(1)).await;
            }
        });
        executor.block_on(sleeper).unwrap();
        let parks = executor.metrics().workers[0].parks;
        assert!(parks * 2 < TURNS * 3, "{parks} parks in {TURNS} turns");
    });
}

on_both! {
    ; alone: with_nothing_to_do, with_waiting_tasks, with_half_closed_and_full_sockets, after_a_burst,
    an_event_gets_one_worker_up,
}
