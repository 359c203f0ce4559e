//! Tests the use of process-wide resources: descriptors, their limit, and signals. Each test runs in a
//! separate process.
#![cfg(target_os = "linux")]

use std::fs;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use brigade::Executor;
use brigade::net::{TcpListener, TcpStream};
use brigade::time::{sleep, timeout};
use brigade_tests::{Kitchen, Tally, descriptors, on_both, pair, text_of};
use futures::StreamExt;

/// Returns the number that the next opened descriptor will get. If the process's limit on descriptors is set
/// to this number, the process can open no descriptor.
fn next_descriptor() -> u64 {
    fs::File::open("/dev/null").unwrap().as_raw_fd() as u64
}

/// Waits until only `count` descriptors are still open. The threads of a dropped executor may close their
/// descriptors a little after the drop.
fn wait_for_descriptors(count: usize) {
    while descriptors() != count {
        thread::yield_now();
    }
}

/// mio #1031: an executor that is dropped closes all its descriptors.
fn executors_give_their_descriptors_back<K: Kitchen>() {
    let before = descriptors();
    for _ in 0..20 {
        let executor = K::open();
        executor.block_on(async {
            let (client, server) = pair().await;
            client.write_all(b"soup").await.unwrap();
            drop(brigade::spawn(async move {
                let _ = server.read(&mut [0; 64]).await;
                let _ = server.read(&mut [0; 64]).await;
            }));
            brigade::yield_now().await;
        });
    }
    wait_for_descriptors(before);
}

/// If a read, an accept or a connect is dropped, aborted or timed out midway, it leaves no descriptor behind.
fn cancellation_leaves_no_descriptors<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let before = descriptors();
        for _ in 0..50 {
            {
                let mut accept = pin!(listener.accept());
                let _ = futures::poll!(accept.as_mut());
            }
            {
                let mut connect = pin!(TcpStream::connect(address));
                let _ = futures::poll!(connect.as_mut());
            }
            let _ = timeout(Duration::from_micros(1), TcpStream::connect("192.0.2.1:9")).await;
            let task = brigade::spawn(async move {
                let stream = TcpStream::connect(address).await.unwrap();
                let _ = stream.read(&mut [0]).await;
            });
            brigade::yield_now().await;
            task.abort();
            let _ = task.await;
            let refused = TcpStream::connect("127.0.0.1:1").await;
            assert!(refused.is_err());
        }
        // Some connections were made meanwhile and wait in the listener's queue.
        while timeout(Duration::from_millis(20), listener.accept())
            .await
            .is_ok()
        {}
        assert_eq!(descriptors(), before);
    });
}

/// tokio #6329: without free descriptors, making an executor, a listener or a stream fails and leaves no
/// descriptor behind.
fn failing_constructors_leave_no_descriptors<K: Kitchen>() {
    let executor = K::open();
    let (_soft, hard) = rlimit::Resource::NOFILE.get().unwrap();
    executor.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (before, next) = (descriptors(), next_descriptor());
        for spare in 0..4 {
            rlimit::Resource::NOFILE.set(next + spare, hard).unwrap();
            if K::ONE_COOK {
                let built = brigade::SingleThread::new();
                assert!(built.is_err() || spare > 0);
            }
            if spare == 0 {
                assert!(TcpStream::connect(address).await.is_err());
                assert!(TcpListener::bind("127.0.0.1:0").await.is_err());
            }
            rlimit::Resource::NOFILE.set(hard, hard).unwrap();
            assert_eq!(descriptors(), before, "with {spare} free descriptors");
        }
    });
}

/// Without free descriptors, `accept` waits without spinning, and continues once descriptors are free. No
/// connection is lost. The stream of connections must behave in the same way.
fn accept_survives_the_want_of_descriptors<K: Kitchen>() {
    for as_stream in [false, true] {
        let executor = K::open();
        executor.block_on(async {
            let listener = Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
            let address = listener.local_addr().unwrap();
            let polls = Tally::new();
            let (_soft, hard) = rlimit::Resource::NOFILE.get().unwrap();
            // The clients already have their descriptors, but the executor can open no more.
            let guests: Vec<_> = (0..5)
                .map(|_| std::net::TcpStream::connect(address).unwrap())
                .collect();
            let spare = fs::File::open("/dev/null").unwrap();
            rlimit::Resource::NOFILE
                .set(next_descriptor(), hard)
                .unwrap();
            let accepted = Tally::new();
            let task = brigade::spawn({
                let (polls, accepted) = (polls.clone(), accepted.clone());
                async move {
                    let mut kept = Vec::new();
                    let work = async {
                        if as_stream {
                            let mut incoming = listener.incoming().take(5);
                            while let Some(stream) = incoming.next().await {
                                kept.push(stream.unwrap());
                                accepted.add();
                            }
                        } else {
                            for _ in 0..5 {
                                kept.push(listener.accept().await.unwrap().0);
                                accepted.add();
                            }
                        }
                    };
                    let mut work = pin!(work);
                    poll_fn(|cx| {
                        polls.add();
                        work.as_mut().poll(cx)
                    })
                    .await;
                }
            });
            let before = Instant::now();
            while before.elapsed() < Duration::from_millis(300) {
                sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(accepted.get(), 0);
            // The task retries at longer and longer intervals, so it does not spin.
            assert!(polls.get() < 40, "{} polls", polls.get());
            // One free descriptor lets one client be accepted.
            drop(spare);
            while accepted.get() == 0 {
                sleep(Duration::from_millis(10)).await;
            }
            rlimit::Resource::NOFILE.set(hard, hard).unwrap();
            task.await.unwrap();
            assert_eq!(accepted.get(), 5);
            drop(guests);
        });
    }
}

/// Without free descriptors, each call of `poll_accept` returns the OS's error. The connection is not lost.
fn poll_accept_returns_the_want_of_descriptors<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let guest = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_soft, hard) = rlimit::Resource::NOFILE.get().unwrap();
        rlimit::Resource::NOFILE
            .set(next_descriptor(), hard)
            .unwrap();
        for _ in 0..3 {
            let refused = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(libc::EMFILE));
        }
        rlimit::Resource::NOFILE.set(hard, hard).unwrap();
        let (_stream, peer) = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
        assert_eq!(peer, guest.local_addr().unwrap());
    });
}

/// mio #1523, polling b9ab821: signals interrupt system calls all the time. The tasks must not notice the
/// interruptions.
fn a_storm_of_signals_is_not_noticed<K: Kitchen>() {
    static SIGNALS: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn count(_signal: libc::c_int) {
        SIGNALS.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: the handler only adds to an atomic, which is allowed in a signal handler. Without SA_RESTART,
    // the signal interrupts every system call that can be interrupted.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let handler: extern "C" fn(libc::c_int) = count;
        action.sa_sigaction = handler as libc::sighandler_t;
        assert_eq!(
            libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()),
            0
        );
    }
    let stop = Arc::new(AtomicBool::new(false));
    let storm = thread::spawn({
        let stop = stop.clone();
        move || {
            while !stop.load(Ordering::Relaxed) {
                for entry in fs::read_dir("/proc/self/task").unwrap() {
                    let name = entry.unwrap().file_name();
                    let thread: libc::pid_t = name.to_str().unwrap().parse().unwrap();
                    // SAFETY: the call takes only numbers. If the thread has ended, the call returns an
                    // error, which is ignored.
                    unsafe { libc::syscall(libc::SYS_tkill, thread, libc::SIGUSR1) };
                }
                thread::sleep(Duration::from_micros(50));
            }
        }
    });
    let executor = K::open();
    executor.block_on(async {
        let (client, server) = pair().await;
        let echo = brigade::spawn(async move {
            let mut buffer = [0; 1024];
            loop {
                let count = server.read(&mut buffer).await.unwrap();
                if count == 0 {
                    return;
                }
                server.write_all(&buffer[..count]).await.unwrap();
            }
        });
        for n in 0..50_u64 {
            let duration = Duration::from_micros(n * 100);
            let before = Instant::now();
            sleep(duration).await;
            assert!(before.elapsed() >= duration);
            client.write_all(&n.to_be_bytes()).await.unwrap();
            let mut answer = [0; 8];
            let mut have = 0;
            while have < 8 {
                have += client.read(&mut answer[have..]).await.unwrap();
            }
            assert_eq!(u64::from_be_bytes(answer), n);
            assert_eq!(brigade::spawn_blocking(move || n).await.unwrap(), n);
            let refused = TcpStream::connect("127.0.0.1:1").await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            drop(pair().await);
        }
        drop(client);
        echo.await.unwrap();
    });
    stop.store(true, Ordering::Relaxed);
    storm.join().unwrap();
    assert!(SIGNALS.load(Ordering::Relaxed) > 100);
}

/// Threads of the blocking pool have their executor's name, and end with the executor.
fn blocking_threads_go_with_their_executor<K: Kitchen>() {
    let stoves = || {
        let tasks = fs::read_dir("/proc/self/task").unwrap();
        let names =
            tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|name| name.starts_with("stove-bl")).count()
    };
    let executor = K::build(brigade_tests::Settings {
        name: "stove",
        max_blocking_threads: 4,
        ..brigade_tests::Settings::default()
    });
    let meeting = Arc::new(std::sync::Barrier::new(4));
    executor.block_on(async {
        let jobs: Vec<_> = (0..4)
            .map(|_| {
                let meeting = meeting.clone();
                brigade::spawn_blocking(move || {
                    meeting.wait();
                })
            })
            .collect();
        for job in jobs {
            job.await.unwrap();
        }
    });
    assert_eq!(stoves(), 4);
    drop(executor);
    while stoves() > 0 {
        thread::yield_now();
    }
}

/// If waiting for events fails, `block_on` of the single-thread executor panics. On the work-stealing
/// executor, the workers close the executor, and awaiting one of its tasks returns an error.
fn a_wait_that_fails_is_not_kept_silent<K: Kitchen>() {
    let executor = K::open();
    let ticking = executor.spawn(async {
        // Replace the epoll descriptors inside a task. At that time, no other thread opens or closes a
        // descriptor.
        spoil_every_event_loop();
        loop {
            sleep(Duration::from_millis(1)).await;
        }
    });
    let outcome = catch_unwind(AssertUnwindSafe(|| executor.block_on(ticking)));
    if K::ONE_COOK {
        let payload = outcome.unwrap_err();
        assert!(text_of(&*payload).contains("waiting for events failed"));
    } else {
        assert!(outcome.unwrap().unwrap_err().is_aborted());
    }
}

/// Replaces every epoll descriptor with one on which the OS cannot wait.
fn spoil_every_event_loop() {
    let null = fs::File::open("/dev/null").unwrap();
    let mut spoilt = 0;
    for entry in fs::read_dir("/proc/self/fd").unwrap() {
        let path = entry.unwrap().path();
        let is_event_loop =
            fs::read_link(&path).is_ok_and(|target| target.as_os_str() == "anon_inode:[eventpoll]");
        if is_event_loop {
            let number = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
            // SAFETY: both descriptors are open, and no code reads from them through Rust's types.
            assert_eq!(unsafe { libc::dup2(null.as_raw_fd(), number) }, number);
            spoilt += 1;
        }
    }
    assert!(spoilt > 0);
}

/// A `Signal` receives only signals that are raised while it exists. After the only `Signal` was dropped, its
/// handler stays installed and ignores later signals.
fn a_signal_from_before_is_not_heard<K: Kitchen>() {
    use brigade::signal::{Kind, Signal};
    // SAFETY: `raise` takes a number. The first `Signal` has installed a handler, so the process does not
    // end.
    let raise = || assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
    K::open().block_on(async {
        let earlier = Signal::new(Kind::USER1).unwrap();
        raise();
        earlier.recv().await.unwrap();
        drop(earlier);
        raise();
        let later = Signal::new(Kind::USER1).unwrap();
        assert!(
            timeout(Duration::from_millis(50), later.recv())
                .await
                .is_err()
        );
        raise();
        later.recv().await.unwrap();
    });
}

/// The end of `main` does not wait for a running job of the pool. The job ends with the process.
fn the_end_of_main_takes_a_running_job_along<K: Kitchen>() {
    let (begin, begun) = std::sync::mpsc::channel();
    let executor = K::open();
    drop(executor.handle().spawn_blocking(move || {
        begin.send(()).unwrap();
        thread::sleep(Duration::from_secs(3600));
    }));
    begun.recv().unwrap();
}

on_both! {
    ; alone:
    a_signal_from_before_is_not_heard,
    the_end_of_main_takes_a_running_job_along,
    a_wait_that_fails_is_not_kept_silent,
    executors_give_their_descriptors_back,
    cancellation_leaves_no_descriptors,
    failing_constructors_leave_no_descriptors,
    accept_survives_the_want_of_descriptors,
    poll_accept_returns_the_want_of_descriptors,
    a_storm_of_signals_is_not_noticed,
    blocking_threads_go_with_their_executor,
}
