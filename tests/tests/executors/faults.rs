//! Tests what happens if the OS refuses descriptors, threads or stack, and if operations are cancelled
//! midway. Nothing may panic, hang or leak. Each test runs in a separate process.
#![cfg(target_os = "linux")]

use std::cell::RefCell;
use std::fs;
use std::future::{Future, pending};
use std::io;
use std::os::fd::AsRawFd;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use brigade::io::{Interest, Registered};
use brigade::net::{
    TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream, lookup_host,
};
use brigade::time::{sleep, timeout};
use brigade::{Executor, SingleThread, WorkStealing};
use brigade_tests::{
    CountingWaker, Dropped, Kitchen, Tally, descriptors, in_child, live_bytes, on_both, one_cook,
    pair, threads,
};

/// Lowers the limit on descriptors so that only a few more can be opened. Dropping a `Want` restores the
/// limit.
struct Want(u64);

impl Want {
    fn all_but(spare: u64) -> Self {
        let (_soft, hard) = rlimit::Resource::NOFILE.get().unwrap();
        let next = fs::File::open("/dev/null").unwrap().as_raw_fd();
        let next = u64::try_from(next).unwrap();
        rlimit::Resource::NOFILE.set(next + spare, hard).unwrap();
        Want(hard)
    }
}

impl Drop for Want {
    fn drop(&mut self) {
        rlimit::Resource::NOFILE.set(self.0, self.0).unwrap();
    }
}

/// mio #1031, tokio #6329: if too few descriptors are free, an operation that needs them returns an error.
/// Other operations still work.
fn every_maker_of_descriptors_can_be_refused<K: Kitchen>() {
    let folder = std::env::temp_dir().join(format!("brigade-faults-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name);
    let executor = K::open();
    executor.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let unix = UnixListener::bind(path("there")).unwrap();
        // Make a lookup before the descriptors are counted, because the first lookup starts a thread and
        // opens the resolver's files.
        lookup_host("localhost:1").await.unwrap();
        let before = descriptors();
        for spare in 0..6 {
            let want = Want::all_but(spare);
            let mut refused = Vec::new();
            let mut note = |name: &str, error: Option<io::Error>| {
                if let Some(error) = error {
                    refused.push(format!("{name}: {error}"));
                }
            };
            note("SingleThread::new", SingleThread::new().err());
            note(
                "WorkStealing::with_workers",
                WorkStealing::with_workers(2).err(),
            );
            note(
                "TcpListener::bind",
                TcpListener::bind("127.0.0.1:0").await.err(),
            );
            note(
                "TcpStream::connect",
                TcpStream::connect(address).await.err(),
            );
            note(
                "UdpSocket::bind",
                UdpSocket::bind("127.0.0.1:0").await.err(),
            );
            note("UnixListener::bind", UnixListener::bind(path("new")).err());
            note(
                "UnixStream::connect",
                UnixStream::connect(path("there")).await.err(),
            );
            note("UnixStream::pair", UnixStream::pair().err());
            note(
                "UnixDatagram::bind",
                UnixDatagram::bind(path("datagrams")).err(),
            );
            note("UnixDatagram::unbound", UnixDatagram::unbound().err());
            note("UnixDatagram::pair", UnixDatagram::pair().err());
            // The lookup may succeed or fail, because the resolver may need a descriptor.
            let _ = lookup_host("localhost:1").await;
            let _ = fs::remove_file(path("new"));
            let _ = fs::remove_file(path("datagrams"));
            // Timers, wakes from other threads and the pool need no descriptor.
            sleep(Duration::from_millis(1)).await;
            let (send, receive) = async_channel::bounded(1);
            let far = thread::spawn(move || send.send_blocking(1).unwrap());
            assert_eq!(receive.recv().await.unwrap(), 1);
            far.join().unwrap();
            assert_eq!(brigade::spawn_blocking(|| 2).await.unwrap(), 2);
            drop(want);
            match spare {
                0 => assert_eq!(refused.len(), 11, "{refused:#?}"),
                1 => assert_eq!(refused.len(), 4, "{refused:#?}"),
                _ => {}
            }
            while timeout(Duration::from_millis(10), listener.accept())
                .await
                .is_ok()
            {}
            while timeout(Duration::from_millis(10), unix.accept())
                .await
                .is_ok()
            {}
            while descriptors() != before {
                sleep(Duration::from_millis(1)).await;
            }
        }
        let (client, server) = pair().await;
        client.write_all(b"soup").await.unwrap();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 4);
    });
    fs::remove_dir_all(folder).unwrap();
}

/// tokio #6329: the OS refuses to monitor some sources (epoll accepts no regular files). Such a source leaves
/// nothing behind.
fn refused_sources_leave_nothing<K: Kitchen>() {
    K::open().block_on(async {
        let file = fs::File::open(std::env::current_exe().unwrap()).unwrap();
        let number = file.as_raw_fd();
        let refuse = || {
            let source = NotWatched(number);
            Registered::new(source, Interest::READABLE).err().unwrap();
        };
        refuse();
        let before = (descriptors(), live_bytes());
        for _ in 0..10_000 {
            refuse();
        }
        assert_eq!(descriptors(), before.0);
        // The bound is not 0, because other threads may allocate meanwhile.
        assert!(live_bytes() - before.1 < 10_000);
    });
}

/// A source whose descriptor the OS refuses to monitor.
struct NotWatched(i32);

impl mio::event::Source for NotWatched {
    fn register(
        &mut self,
        registry: &mio::Registry,
        token: mio::Token,
        interests: mio::Interest,
    ) -> io::Result<()> {
        mio::unix::SourceFd(&self.0).register(registry, token, interests)
    }

    fn reregister(
        &mut self,
        registry: &mio::Registry,
        token: mio::Token,
        interests: mio::Interest,
    ) -> io::Result<()> {
        mio::unix::SourceFd(&self.0).reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &mio::Registry) -> io::Result<()> {
        mio::unix::SourceFd(&self.0).deregister(registry)
    }
}

/// tokio #5861, #6329: ten thousand operations of every kind are cancelled while they wait. They leave no
/// descriptor, no waker and no memory behind.
fn ten_thousand_cancellations_leave_nothing<K: Kitchen>() {
    const OPERATIONS: usize = 10_000;
    let executor = K::open();
    let counting = CountingWaker::new();
    let waker = Waker::from(counting.clone());
    executor.block_on(async {
        let (_silent, full) = pair().await;
        // This block is larger than the buffers of a socket.
        let block = vec![0; 64 << 20];
        while full.try_write(&block).is_ok() {}
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let datagrams = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut buffer = [0; 64];
        let mut give_up = |number: usize| {
            let waker = &waker;
            match number % 9 {
                0 => poll_and_drop(waker, full.read(&mut buffer)),
                1 => poll_and_drop(waker, full.write_all(&block)),
                2 => poll_and_drop(waker, listener.accept()),
                3 => poll_and_drop(waker, async {
                    // No host answers at this address. Without a network, the connect fails immediately.
                    let _ = TcpStream::connect("192.0.2.1:9").await;
                    pending::<()>().await;
                }),
                4 => poll_and_drop(waker, full.readable()),
                5 => poll_and_drop(waker, datagrams.recv_from(&mut buffer)),
                6 => poll_and_drop(waker, sleep(Duration::from_secs(3_600))),
                7 => poll_and_drop(
                    waker,
                    timeout(Duration::from_secs(60), full.peek(&mut buffer)),
                ),
                _ => {
                    let task = brigade::spawn(pending::<()>());
                    let abort = task.abort_handle();
                    poll_and_drop(waker, task);
                    abort.abort();
                }
            }
        };
        (0..OPERATIONS).for_each(&mut give_up);
        settle().await;
        let before = (descriptors(), Arc::strong_count(&counting));
        // The caches of task memory stop growing after some rounds, but a leak would grow in every round.
        let mut grown = i64::MAX;
        for _ in 0..20 {
            let live = live_bytes();
            (0..OPERATIONS).for_each(&mut give_up);
            settle().await;
            let after = (descriptors(), Arc::strong_count(&counting));
            assert_eq!(after, before, "descriptors and wakers");
            grown = live_bytes() - live;
            // The bound is not 0, because other threads may allocate meanwhile.
            if grown < OPERATIONS as i64 {
                break;
            }
        }
        assert!(
            grown < OPERATIONS as i64,
            "{grown} bytes left after {OPERATIONS} cancelled operations"
        );
    });
    drop(waker);
    assert_eq!(Arc::strong_count(&counting), 1);
}

/// Polls a future once, asserts that it has to wait, and drops it.
#[track_caller]
fn poll_and_drop<F: Future>(waker: &Waker, future: F) {
    let mut future = pin!(future);
    let polled = future.as_mut().poll(&mut Context::from_waker(waker));
    assert!(polled.is_pending(), "the future did not have to wait");
}

/// Waits until all aborted tasks have ended.
async fn settle() {
    loop {
        let metrics = brigade::Handle::current().metrics();
        for _ in 0..10 {
            brigade::yield_now().await;
        }
        if metrics.in_flight == 0 {
            return;
        }
        sleep(Duration::from_millis(1)).await;
    }
}

/// A `Large` whose first byte has this value is never ready.
const IDLE: u8 = u8::MAX;

/// A future with 1 MiB of bytes, which is ready at the second poll.
struct Large {
    bytes: [u8; 1 << 20],
    polled: bool,
}

impl Future for Large {
    type Output = usize;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        if self.bytes[0] == IDLE {
            return Poll::Pending;
        }
        if !self.polled {
            self.polled = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.bytes.iter().map(|&byte| usize::from(byte)).sum())
    }
}

/// crossbeam #1146, #1159: after a future of 1 MiB was spawned, it is not copied onto a stack again. Threads
/// with 512 KiB of stack poll, cancel and drop it.
fn a_large_future_on_a_small_stack<K: Kitchen>() {
    const SMALL: usize = 512 << 10;
    // In a debug build, the thread that makes the future needs stack for several copies.
    const ROOMY: usize = 64 << 20;
    if !in_child(&[("RUST_MIN_STACK", &SMALL.to_string())]) {
        return;
    }
    // This thread and the workers have the default stack size, which is small here.
    let small = thread::spawn(|| {
        let executor = K::open();
        let handle = executor.handle();
        let make = move || {
            let large = || Large {
                bytes: [3; 1 << 20],
                polled: false,
            };
            let aborted = handle.spawn(large());
            aborted.abort();
            let mut idle = large();
            idle.bytes[0] = IDLE;
            let left = handle.spawn(idle);
            (handle.spawn(large()), aborted, left)
        };
        let roomy = thread::Builder::new()
            .stack_size(ROOMY)
            .spawn(make)
            .unwrap();
        let (whole, aborted, left) = roomy.join().unwrap();
        executor.block_on(async {
            assert_eq!(whole.await.unwrap(), 3 << 20);
            let _ = aborted.await;
        });
        // The remaining task is dropped with its executor.
        drop(executor);
        assert!(left.is_finished());
    });
    small.join().unwrap();
}

/// tokio #8406: if no thread can be started, making a `WorkStealing` fails and leaves nothing behind. A
/// `SingleThread` needs no thread.
fn a_crew_that_cannot_be_hired() {
    if !in_child(&[("RUST_MIN_STACK", &(1_usize << 46).to_string())]) {
        return;
    }
    let before = (descriptors(), threads());
    for _ in 0..20 {
        assert!(WorkStealing::with_workers(3).is_err());
        assert_eq!(SingleThread::new().unwrap().block_on(async { 1 }), 1);
    }
    assert_eq!((descriptors(), threads()), before);
}

/// tokio #3662: when a thread ends, its thread-local values are dropped after the thread's executor or worker
/// has ended. The destructors of these values may wake tasks, spawn tasks and drop handles. Each call works
/// or returns an error.
fn thread_locals_may_do_anything_as_they_go<K: Kitchen>() {
    type Late = Dropped<Box<dyn FnMut()>>;
    thread_local! {
        static LATE: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    let (late, refused) = (Tally::new(), Tally::new());
    let whole = {
        let (late, refused) = (late.clone(), refused.clone());
        move || {
            let executor = K::open();
            let leave_something = async move {
                let task = brigade::spawn(pending::<()>());
                let abort = task.abort_handle();
                let waker = std::future::poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                let handle = brigade::Handle::current();
                let mut task = Some(task);
                let go: Box<dyn FnMut()> = Box::new(move || {
                    waker.wake_by_ref();
                    abort.abort();
                    drop(task.take());
                    let result = handle.spawn(async {});
                    drop(waker.clone());
                    result.abort();
                    late.add();
                    if brigade::Handle::try_current().is_none() {
                        refused.add();
                    }
                });
                LATE.set(Some(Dropped(go)));
            };
            executor.block_on(executor.spawn(leave_something)).unwrap();
        }
    };
    thread::spawn(whole).join().unwrap();
    // Dropping an executor waits until its workers' threads have ended and dropped their thread-local values.
    assert_eq!((late.get(), refused.get()), (1, 1));
}

/// polling #37, tokio #4301: a program that this process starts inherits no descriptor of an executor. With
/// such a descriptor, the program could change what this process monitors.
fn no_descriptor_survives_exec<K: Kitchen>() {
    let numbers = || -> Vec<String> {
        let folder = fs::read_dir("/proc/self/fd").unwrap();
        let names = folder.map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    };
    let inherited = numbers();
    let executor = K::open();
    executor.block_on(async {
        let (_client, _server) = pair().await;
        let _listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _datagrams = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let _ends = (UnixStream::pair().unwrap(), UnixDatagram::pair().unwrap());
        let mut watched = 0;
        for number in numbers().iter().filter(|it| !inherited.contains(it)) {
            let Ok(info) = fs::read_to_string(format!("/proc/self/fdinfo/{number}")) else {
                // This descriptor belonged to the listing of `/proc/self/fd`, which has ended.
                continue;
            };
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
            let flags = i32::from_str_radix(flags.unwrap().trim(), 8).unwrap();
            assert_ne!(flags & libc::O_CLOEXEC, 0, "{number}: {info}");
            watched += 1;
        }
        assert!(watched >= 10, "{watched}");
    });
}

on_both! {
    ; alone:
    no_descriptor_survives_exec,
    every_maker_of_descriptors_can_be_refused,
    refused_sources_leave_nothing,
    ten_thousand_cancellations_leave_nothing,
    thread_locals_may_do_anything_as_they_go,
}

mod small {
    use brigade_tests::{ManyCooks, OneCook, watch};

    #[test]
    fn one_cook() {
        watch(concat!(module_path!(), "::one_cook"), || {
            super::a_large_future_on_a_small_stack::<OneCook>();
        });
    }

    #[test]
    fn many_cooks() {
        watch(concat!(module_path!(), "::many_cooks"), || {
            super::a_large_future_on_a_small_stack::<ManyCooks<2>>();
        });
    }
}

one_cook! {
    a_crew_that_cannot_be_hired,
}
