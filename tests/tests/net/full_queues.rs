//! A send to a full queue fails, and the failure itself causes an event. The sender must not retry in a busy
//! loop.
#![cfg(target_os = "linux")]

use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brigade::Executor;
use brigade::io::{Interest, Registered};
use brigade::net::UnixDatagram;
use brigade::time::{sleep, timeout};
use brigade_tests::{Kitchen, ManyCooks, on_both};
use futures::FutureExt;

use crate::HANG;

/// Returns a receiver with a full queue, a socket that can send to it, and the number of queued datagrams.
async fn full_queue(path: &std::path::Path) -> (UnixDatagram, UnixDatagram, usize) {
    let receiver = UnixDatagram::bind(path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    let mut queued = 0;
    loop {
        let send = sender.send_to(b"soup", path);
        match timeout(Duration::from_millis(20), send).await {
            Ok(sent) => assert_eq!(sent.unwrap(), 4),
            Err(_) => return (receiver, sender, queued),
        }
        queued += 1;
    }
}

/// A failed `sendto` to a full Unix socket causes an event that reports the sender's socket as writable. The
/// send must not become a busy loop, and must still succeed once the queue has space.
fn a_send_to_a_full_queue_does_not_spin<K: Kitchen>() {
    K::open().block_on(async {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("receiver");
        let (receiver, sender, queued) = full_queue(&path).await;
        let polls = AtomicUsize::new(0);
        let mut send = pin!(sender.send_to(b"rice", &path));
        let mut send = poll_fn(|cx| {
            polls.fetch_add(1, Ordering::Relaxed);
            send.as_mut().poll(cx)
        });
        let early = timeout(Duration::from_millis(500), &mut send).await;
        assert!(early.is_err(), "the queue was not full");
        let tried = polls.load(Ordering::Relaxed);
        assert!(tried < 100, "{tried} polls while nothing happened");
        let mut buffer = [0; 8];
        for _ in 0..queued {
            assert_eq!(receiver.recv(&mut buffer).await.unwrap(), 4);
        }
        let sent = timeout(HANG, send).await.expect("the sender hangs");
        assert_eq!(sent.unwrap(), 4);
        assert_eq!(receiver.recv(&mut buffer).await.unwrap(), 4);
        assert_eq!(&buffer[..4], b"rice");
    });
}

/// The user's own system calls must not be repeated in a busy loop, whether they are made in a future, in a
/// poll function, or in a loop of `try_` calls.
fn own_sends_to_a_full_queue_do_not_spin<K: Kitchen>() {
    K::open().block_on(async {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("receiver");
        let (receiver, _sender, _queued) = full_queue(&path).await;
        for way in 0..3 {
            let socket = mio::net::UnixDatagram::unbound().unwrap();
            let socket = Registered::new(socket, Interest::WRITABLE).unwrap();
            let tries = AtomicUsize::new(0);
            let send = |socket: &mio::net::UnixDatagram| {
                tries.fetch_add(1, Ordering::Relaxed);
                socket.send_to(b"soup", &path)
            };
            let mut sending = pin!(async {
                match way {
                    0 => socket.write_with(send).await,
                    1 => poll_fn(|cx| socket.poll_write_with(cx, send)).await,
                    _ => loop {
                        socket.writable().await.unwrap();
                        match socket.try_write_with(send) {
                            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                            sent => break sent,
                        }
                    },
                }
            });
            let early = timeout(Duration::from_millis(300), sending.as_mut()).await;
            assert!(early.is_err(), "the queue was not full");
            let tried = tries.load(Ordering::Relaxed);
            assert!(
                tried < 100,
                "way {way}: {tried} tries while nothing happened"
            );
            // Make space for one datagram.
            receiver.recv(&mut [0; 8]).await.unwrap();
            let sent = timeout(HANG, sending).await;
            assert_eq!(
                sent.unwrap_or_else(|_| panic!("way {way} hangs")).unwrap(),
                4
            );
        }
    });
}

/// A call that waits for both directions must not spin. The sender's own queue has a datagram, so the event
/// of each failed send also reports the socket as readable.
fn a_call_for_both_directions_does_not_spin<K: Kitchen>() {
    K::open().block_on(async {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("receiver");
        let (receiver, sender, _queued) = full_queue(&path).await;
        drop(sender);
        let own_path = place.path().join("sender");
        let sender = UnixDatagram::bind(&own_path).unwrap();
        let other = UnixDatagram::unbound().unwrap();
        other.send_to(b"x", &own_path).await.unwrap();
        let both = Interest::READABLE | Interest::WRITABLE;
        for own_loop in [false, true] {
            let tries = AtomicUsize::new(0);
            let send = || {
                tries.fetch_add(1, Ordering::Relaxed);
                let to = socket2::SockAddr::unix(&path).unwrap();
                socket2::SockRef::from(&sender).send_to(b"rice", &to)
            };
            let mut sending = pin!(async {
                if !own_loop {
                    return sender.async_io(both, send).await;
                }
                loop {
                    let (readable, writable) = (pin!(sender.readable()), pin!(sender.writable()));
                    futures::future::select(readable, writable).await;
                    match sender.try_io(both, send) {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        sent => return sent,
                    }
                }
            });
            let early = timeout(Duration::from_millis(300), sending.as_mut()).await;
            assert!(early.is_err(), "the queue was not full");
            let tried = tries.load(Ordering::Relaxed);
            assert!(tried < 100, "{tried} tries while nothing happened");
            receiver.recv(&mut [0; 8]).await.unwrap();
            let sent = timeout(HANG, sending).await;
            assert_eq!(sent.expect("the sender hangs").unwrap(), 4);
        }
        // The datagram is still there, and its event was not lost.
        let received = timeout(HANG, sender.recv(&mut [0; 8])).await;
        assert_eq!(received.expect("the reader hangs").unwrap(), 1);
    });
}

/// After a failed send, the sender pauses before it tries again. After a read shutdown, every event also
/// reports the shutdown. Such an event must not end the pause.
fn a_call_after_a_read_shutdown_does_not_spin<K: Kitchen>() {
    K::open().block_on(async {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("receiver");
        let (receiver, sender, _queued) = full_queue(&path).await;
        socket2::SockRef::from(&sender)
            .shutdown(std::net::Shutdown::Read)
            .unwrap();
        let tries = AtomicUsize::new(0);
        let send = || {
            tries.fetch_add(1, Ordering::Relaxed);
            let to = socket2::SockAddr::unix(&path).unwrap();
            socket2::SockRef::from(&sender).send_to(b"rice", &to)
        };
        let mut sending = pin!(sender.async_io(Interest::READABLE | Interest::WRITABLE, send));
        let early = timeout(Duration::from_millis(300), sending.as_mut()).await;
        assert!(early.is_err(), "the queue was not full");
        let tried = tries.load(Ordering::Relaxed);
        assert!(tried < 100, "{tried} tries while nothing happened");
        receiver.recv(&mut [0; 8]).await.unwrap();
        let sent = timeout(HANG, sending).await;
        assert_eq!(sent.expect("the sender hangs").unwrap(), 4);
    });
}

/// Two tasks send through one socket. The queue of one receiver is full. The task that sends to the other
/// receiver must not wait for the full queue.
fn a_sender_does_not_starve_behind_another<K: Kitchen>() {
    K::open().block_on(async {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("full");
        let (_full, sender, _queued) = full_queue(&path).await;
        let sender = Arc::new(sender);
        let free_path = place.path().join("free");
        let free = UnixDatagram::bind(&free_path).unwrap();
        for by_poll_function in [false, true] {
            let send = |to: std::path::PathBuf| {
                let sender = sender.clone();
                async move {
                    if by_poll_function {
                        poll_fn(|cx| sender.poll_send_to(cx, b"rice", &to)).await
                    } else {
                        sender.send_to(b"rice", &to).await
                    }
                }
            };
            let stuck = brigade::spawn(send(path.clone()));
            // Wait until the first task has failed so often that it pauses before each try.
            sleep(Duration::from_millis(50)).await;
            let others = [(); 3].map(|()| brigade::spawn(send(free_path.clone())));
            for other in others {
                let sent = timeout(HANG, other).await.expect("the other sender hangs");
                assert_eq!(sent.unwrap().unwrap(), 4);
                free.recv(&mut [0; 8]).await.unwrap();
            }
            stuck.abort();
            assert!(stuck.await.unwrap_err().is_aborted());
        }
    });
}

/// A task can read from a socket while another task's call for both directions of that socket fails again and
/// again.
fn a_reader_does_not_starve_behind_a_failing_call<K: Kitchen>() {
    K::open().block_on(async {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("full");
        let (_full, sender, _queued) = full_queue(&path).await;
        drop(sender);
        let own_path = place.path().join("own");
        let socket = Arc::new(UnixDatagram::bind(&own_path).unwrap());
        let caller = socket.clone();
        let stuck = brigade::spawn(async move {
            let call = || {
                let to = socket2::SockAddr::unix(&path).unwrap();
                socket2::SockRef::from(&*caller).send_to(b"rice", &to)
            };
            caller
                .async_io(Interest::READABLE | Interest::WRITABLE, call)
                .await
        });
        let other = UnixDatagram::unbound().unwrap();
        for _ in 0..5 {
            other.send_to(b"x", &own_path).await.unwrap();
        }
        for _ in 0..5 {
            let received = timeout(HANG, socket.recv(&mut [0; 8])).await;
            assert_eq!(received.expect("the reader hangs").unwrap(), 1);
        }
        stuck.abort();
        assert!(stuck.await.unwrap_err().is_aborted());
    });
}

/// One event wakes three tasks. The calls of two of them fail and clear the readiness. The third task must
/// still make its call, because no other event comes before it has read.
fn a_reader_gets_its_try_beside_calls_that_fail<K: Kitchen>() {
    K::open().block_on(async {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("own");
        let socket = Arc::new(UnixDatagram::bind(&path).unwrap());
        let fail = || {
            let socket = socket.clone();
            brigade::spawn(async move {
                let call = || -> std::io::Result<()> { Err(ErrorKind::WouldBlock.into()) };
                socket.async_io(Interest::READABLE, call).await
            })
        };
        let other = UnixDatagram::unbound().unwrap();
        for _ in 0..10 {
            let first = fail();
            let reader = socket.clone();
            let reads = brigade::spawn(async move { reader.recv(&mut [0; 8]).await.unwrap() });
            let last = fail();
            // Let all three wait before the event comes.
            sleep(Duration::from_millis(2)).await;
            other.send_to(b"x", &path).await.unwrap();
            let received = timeout(HANG, reads).await.expect("the reader hangs");
            assert_eq!(received.unwrap(), 1);
            first.abort();
            last.abort();
        }
    });
}

/// When a shared stream is full, the writes of all tasks fail together. These failures must not cause a
/// pause.
fn many_writers_do_not_pause<K: Kitchen>() {
    const BYTES: usize = 16 << 20;
    let time = |writers: usize| {
        K::open().block_on(async move {
            let (here, there) = brigade::net::UnixStream::pair().unwrap();
            let here = Arc::new(here);
            let began = std::time::Instant::now();
            let mut set = brigade::task::JoinSet::new();
            for _ in 0..writers {
                let here = here.clone();
                set.spawn(async move {
                    let buffer = vec![0; 16 << 10];
                    for _ in 0..BYTES / writers / buffer.len() {
                        here.write_all(&buffer).await.unwrap();
                    }
                });
            }
            there.read_exact(&mut vec![0; BYTES]).await.unwrap();
            set.join_all().await;
            began.elapsed()
        })
    };
    let (few, many) = (time(4), time(32));
    // In a version in which these failures caused pauses, many writers took forty times as long as a few.
    assert!(
        many < 12 * few,
        "{many:?} with many writers, {few:?} with few"
    );
}

/// After many failures in a row, a call is repeated only when an event comes.
fn a_call_sleeps_after_the_last_event<K: Kitchen>() {
    K::open().block_on(async {
        let (here, there) = brigade::net::UnixStream::pair().unwrap();
        let mut sent = 0;
        while let Ok(more) = timeout(Duration::from_millis(20), here.write(&[0; 65536])).await {
            sent += more.unwrap();
        }
        let tries = AtomicUsize::new(0);
        let call = || {
            tries.fetch_add(1, Ordering::Relaxed);
            socket2::SockRef::from(&here).send(b"soup")
        };
        let mut sending = pin!(here.async_io(Interest::READABLE | Interest::WRITABLE, call));
        // Each byte that arrives causes an event. The call is then repeated, and fails because there is no
        // space to write.
        for _ in 0..20 {
            there.write_all(b"x").await.unwrap();
            assert!(
                timeout(Duration::from_millis(5), &mut sending)
                    .await
                    .is_err()
            );
        }
        assert!(
            timeout(Duration::from_millis(200), &mut sending)
                .await
                .is_err()
        );
        let before = tries.load(Ordering::Relaxed);
        assert!(before > 8, "only {before} tries");
        assert!(
            timeout(Duration::from_millis(400), &mut sending)
                .await
                .is_err()
        );
        assert_eq!(tries.load(Ordering::Relaxed), before);
        there.read_exact(&mut vec![0; sent]).await.unwrap();
        let sent = timeout(HANG, sending).await;
        assert_eq!(sent.expect("the sender hangs").unwrap(), 4);
    });
}

/// A socket may be dropped, or lose its executor, while it pauses between sends.
fn a_sender_that_pauses_may_be_dropped<K: Kitchen>() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("receiver");
    let executor = K::open();
    let (_receiver, sender) = executor.block_on(async {
        let (receiver, sender, _) = full_queue(&path).await;
        let pausing = sender.send_to(b"rice", &path);
        assert!(timeout(Duration::from_millis(50), pausing).await.is_err());
        drop(sender);
        let sender = UnixDatagram::unbound().unwrap();
        let pausing = sender.send_to(b"rice", &path);
        assert!(timeout(Duration::from_millis(50), pausing).await.is_err());
        (receiver, sender)
    });
    drop(executor);
    let sent = sender.send_to(b"rice", &path).now_or_never();
    assert!(
        sent.expect("the send waits for an executor that was dropped")
            .is_err()
    );
}

/// The pause of a socket uses a timer of the socket's own executor. The current executor of the sending
/// thread may be another one, even one that does not run or was dropped.
fn a_pause_belongs_to_the_sockets_executor<K: Kitchen>() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("receiver");
    let receiver = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    receiver.set_nonblocking(true).unwrap();
    let executor = ManyCooks::<1>::open();
    let sender = executor.block_on(async { Arc::new(UnixDatagram::unbound().unwrap()) });
    let send = || sender.send_to(b"rice", &path);
    let other = K::open();
    other.block_on(async {
        // Fill the queue, and cancel the send during a pause.
        while timeout(Duration::from_millis(100), send()).await.is_ok() {}
    });
    while receiver.recv(&mut [0; 8]).is_ok() {}
    // The other executor still exists, but it no longer runs.
    let sent = executor.block_on(async { timeout(HANG, send()).await });
    assert_eq!(sent.expect("the sender hangs").unwrap(), 4);

    let handle = other.handle();
    drop(other);
    let reader = std::thread::spawn(move || {
        receiver.set_nonblocking(false).unwrap();
        for _ in 0..51 {
            std::thread::sleep(Duration::from_millis(1));
            receiver.recv(&mut [0; 8]).unwrap();
        }
    });
    // The current executor was dropped, so its timers are closed.
    let _guard = handle.enter();
    for _ in 0..50 {
        assert_eq!(brigade_tests::park_on(send()).unwrap(), 4);
    }
    reader.join().unwrap();
}

/// A socket is connected to a receiver with a full queue, and sends to another receiver. The OS reports only
/// whether the first receiver has space, so the send must not wait for this report.
fn a_connected_sender_reaches_other_receivers<K: Kitchen>() {
    K::open().block_on(async {
        let place = tempfile::tempdir().unwrap();
        let [path, other_path] = ["full", "other"].map(|name| place.path().join(name));
        let _full = UnixDatagram::bind(&path).unwrap();
        let other = UnixDatagram::bind(&other_path).unwrap();
        for from_std in [false, true] {
            let sender = if from_std {
                let sender = std::os::unix::net::UnixDatagram::unbound().unwrap();
                sender.connect(&path).unwrap();
                UnixDatagram::try_from(sender).unwrap()
            } else {
                let sender = UnixDatagram::unbound().unwrap();
                sender.connect(&path).unwrap();
                while timeout(Duration::from_millis(20), sender.send(b"soup"))
                    .await
                    .is_ok()
                {}
                sender
            };
            let send = async |way| match way {
                0 => sender.send_to(b"rice", &other_path).await,
                1 => poll_fn(|cx| sender.poll_send_to(cx, b"rice", &other_path)).await,
                _ => loop {
                    match sender.try_send_to(b"rice", &other_path) {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        sent => break sent,
                    }
                    sender.writable().await.unwrap();
                },
            };
            for way in 0..3 {
                let sent = send(way).now_or_never().expect("the send has to wait");
                assert_eq!(sent.unwrap(), 4);
                let mut queued = 1;
                while sender.try_send_to(b"soup", &other_path).is_ok() {
                    queued += 1;
                }
                // Now neither receiver has space.
                let mut sending = pin!(send(way));
                let early = timeout(Duration::from_millis(100), sending.as_mut()).await;
                assert!(early.is_err(), "the queue was not full");
                for _ in 0..queued {
                    other.recv(&mut [0; 8]).await.unwrap();
                }
                let sent = timeout(HANG, sending).await;
                let sent = sent.unwrap_or_else(|_| panic!("way {way} hangs"));
                assert_eq!(sent.unwrap(), 4);
                other.recv(&mut [0; 8]).await.unwrap();
            }
        }
    });
}

on_both! {
    a_connected_sender_reaches_other_receivers,
    a_pause_belongs_to_the_sockets_executor,
    a_send_to_a_full_queue_does_not_spin,
    own_sends_to_a_full_queue_do_not_spin,
    a_sender_that_pauses_may_be_dropped,
    a_call_for_both_directions_does_not_spin,
    many_writers_do_not_pause,
    a_call_sleeps_after_the_last_event,
    a_call_after_a_read_shutdown_does_not_spin,
    a_sender_does_not_starve_behind_another,
    a_reader_does_not_starve_behind_a_failing_call,
    a_reader_gets_its_try_beside_calls_that_fail,
}
