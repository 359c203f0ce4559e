//! Tests Unix sockets, pipes, and other sources that mio can monitor.
#![cfg(unix)]

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use brigade::Executor;
use brigade::io::{Interest, Registered};
use brigade::net::{UnixDatagram, UnixListener, UnixStream};
use brigade_tests::{Kitchen, on_both, park_on};
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};

/// A unique path. Dropping the value removes the file at this path.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("brigade-{}-{number}.sock", std::process::id());
        Place(std::env::temp_dir().join(name))
    }
}

impl AsRef<Path> for Place {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn streams_there_and_back<K: Kitchen>() {
    K::open().block_on(async {
        let place = Place::new();
        let listener = UnixListener::bind(&place).unwrap();
        let echo = brigade::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.unwrap();
            AsyncWriteExt::write_all(&mut stream, &all).await.unwrap();
        });
        let mut stream = UnixStream::connect(&place).await.unwrap();
        assert_eq!(
            stream.peer_addr().unwrap().as_pathname(),
            Some(place.as_ref())
        );
        let all = vec![7; 1 << 20];
        stream.write_all(&all).await.unwrap();
        stream.close().await.unwrap();
        let mut back = Vec::new();
        stream.read_to_end(&mut back).await.unwrap();
        assert!(back == all);
        echo.await.unwrap();
    });
}

fn pairs_and_half_closes<K: Kitchen>() {
    K::open().block_on(async {
        let (one, other) = UnixStream::pair().unwrap();
        one.write_all(b"soup").await.unwrap();
        one.shutdown(Shutdown::Write).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(other.read(&mut buffer).await.unwrap(), 4);
        assert_eq!(other.read(&mut buffer).await.unwrap(), 0);
        other.write_all(b"rice").await.unwrap();
        one.readable().await.unwrap();
        assert_eq!(one.try_read(&mut buffer).unwrap(), 4);
        assert_eq!(
            one.try_read(&mut buffer).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        drop(one);
        assert_eq!(
            other.write(b"late").await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
    });
}

fn connections_that_cannot_be_made<K: Kitchen>() {
    K::open().block_on(async {
        let place = Place::new();
        let missing = UnixStream::connect(&place).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        drop(UnixListener::bind(&place).unwrap());
        let refused = UnixStream::connect(&place).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let taken = UnixListener::bind(&place).unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    });
}

/// On Linux, a path of a peer may have 108 bytes, without a zero byte at its end.
fn peers_with_the_longest_path<K: Kitchen>() {
    use std::os::fd::AsRawFd;

    if !cfg!(target_os = "linux") || cfg!(mio_unsupported_force_poll_poll) {
        return;
    }
    /// Binds a socket to an unused path of 108 bytes in `folder`.
    fn bind(socket: &impl AsRawFd, folder: &Path, name: char) -> PathBuf {
        let mut path = folder.to_str().unwrap().to_owned() + "/";
        path.extend(std::iter::repeat_n(name, 108 - path.len()));
        let family = libc::AF_UNIX as libc::sa_family_t;
        let address = [&family.to_ne_bytes(), path.as_bytes()].concat();
        let (start, length) = (address.as_ptr().cast(), address.len() as u32);
        // SAFETY: the pointer and the length belong to one buffer, which is only read.
        assert_eq!(unsafe { libc::bind(socket.as_raw_fd(), start, length) }, 0);
        path.into()
    }
    K::open().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let listener = UnixListener::bind(folder.join("listener")).unwrap();
        let at = socket2::SockAddr::unix(folder.join("listener")).unwrap();
        let client = |name| {
            let client = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None);
            let client = client.unwrap();
            let path = bind(&client, folder, name);
            client.connect(&at).unwrap();
            (client, path)
        };
        let (_one, path) = client('a');
        let (stream, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.as_pathname(), Some(&*path));
        assert_eq!(stream.peer_addr().unwrap().as_pathname(), Some(&*path));
        let (other, _) = client('b');
        let stream = listener.incoming().next().await.unwrap().unwrap();
        other.send(b"soup").unwrap();
        stream.read_exact(&mut [0; 4]).await.unwrap();

        let receiver = UnixDatagram::bind(folder.join("receiver")).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        let path = bind(&sender, folder, 'c');
        assert_eq!(sender.local_addr().unwrap().as_pathname(), Some(&*path));
        let sent = sender.send_to(b"soup", folder.join("receiver")).await;
        assert_eq!(sent.unwrap(), 4);
        let (_, from) = receiver.recv_from(&mut [0; 8]).await.unwrap();
        assert_eq!(from.as_pathname(), Some(&*path));
    });
}

/// If a listener's queue is full, clients wait, and no client is lost.
fn a_full_queue_is_waited_for<K: Kitchen>() {
    K::open().block_on(async {
        let place = Place::new();
        let plain = std::os::unix::net::UnixListener::bind(&place).unwrap();
        // A second `listen` call sets the length of the queue.
        socket2::SockRef::from(&plain).listen(1).unwrap();
        let listener = UnixListener::try_from(plain).unwrap();
        let guests: Vec<_> = (0..8)
            .map(|_| {
                let path = place.0.clone();
                brigade::spawn(async move {
                    let mut stream = UnixStream::connect(path).await.unwrap();
                    stream.read_to_end(&mut Vec::new()).await.unwrap()
                })
            })
            .collect();
        let mut incoming = listener.incoming().take(8);
        while let Some(stream) = incoming.next().await {
            stream.unwrap().write_all(b"soup").await.unwrap();
        }
        for guest in guests {
            assert_eq!(guest.await.unwrap(), 4);
        }
    });
}

fn datagrams<K: Kitchen>() {
    K::open().block_on(async {
        let (one, other) = UnixDatagram::pair().unwrap();
        let mut buffer = [0; 8];
        {
            let mut recv = pin!(other.recv(&mut buffer));
            assert!(futures::poll!(recv.as_mut()).is_pending());
            one.send(b"soup").await.unwrap();
            assert_eq!(recv.await.unwrap(), 4);
        }
        let place = Place::new();
        let waiter = UnixDatagram::bind(&place).unwrap();
        let guest = UnixDatagram::unbound().unwrap();
        guest.send_to(b"noodles and sauce", &place).await.unwrap();
        let (length, from) = waiter.recv_from(&mut buffer).await.unwrap();
        assert_eq!((length, from.is_unnamed()), (8, true));
        guest.connect(&place).unwrap();
        guest.send(b"rice").await.unwrap();
        assert_eq!(waiter.recv(&mut buffer).await.unwrap(), 4);
        assert_eq!(
            guest.peer_addr().unwrap().as_pathname(),
            Some(place.as_ref())
        );
    });
}

/// Outside of an executor, no socket is made, and no file is created.
fn nothing_is_made_outside<K: Kitchen>() {
    let named = |error: std::io::Error, function: &str| {
        assert!(error.to_string().contains(function), "{error}");
    };
    let place = Place::new();
    named(
        UnixListener::bind(&place).unwrap_err(),
        "UnixListener::bind",
    );
    assert!(!place.0.exists());
    named(
        UnixDatagram::bind(&place).unwrap_err(),
        "UnixDatagram::bind",
    );
    assert!(!place.0.exists());
    named(
        UnixStream::pair().map(drop).unwrap_err(),
        "UnixStream::pair",
    );
    named(
        park_on(UnixStream::connect(&place)).unwrap_err(),
        "UnixStream::connect",
    );
    let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
    named(
        UnixStream::try_from(one).unwrap_err(),
        "UnixStream::try_from",
    );
    K::open().block_on(async {
        let other = UnixStream::try_from(other).unwrap();
        // `try_from` dropped the first end, because no executor was running.
        assert_eq!(other.read(&mut [0]).await.unwrap(), 0);
    });
}

/// tokio-core #117: dropping the writer of a pipe must wake the reader, and dropping the reader must wake the
/// writer.
fn the_ends_of_a_pipe<K: Kitchen>() {
    K::open().block_on(async {
        let open = || {
            let (sender, receiver) = mio::unix::pipe::new().unwrap();
            let sender = Registered::new(sender, Interest::WRITABLE).unwrap();
            (
                sender,
                Registered::new(receiver, Interest::READABLE).unwrap(),
            )
        };
        let (sender, receiver) = open();
        let reader = brigade::spawn(async move {
            let mut text = Vec::new();
            loop {
                let mut buffer = [0; 3];
                let count = receiver
                    .read_with(|mut pipe| pipe.read(&mut buffer))
                    .await
                    .unwrap();
                if count == 0 {
                    return text;
                }
                text.extend_from_slice(&buffer[..count]);
            }
        });
        for part in ["noodles", " and ", "sauce"] {
            sender
                .write_with(|mut pipe| pipe.write(part.as_bytes()))
                .await
                .unwrap();
            brigade::yield_now().await;
        }
        drop(sender);
        assert_eq!(reader.await.unwrap(), b"noodles and sauce");
        let (sender, receiver) = open();
        let writer = brigade::spawn(async move {
            let block = [0; 4096];
            loop {
                if let Err(error) = sender.write_with(|mut pipe| pipe.write(&block)).await {
                    return error.kind();
                }
            }
        });
        brigade::yield_now().await;
        drop(receiver);
        let told = writer.await.unwrap();
        // If a pipe hangs up just before mio monitors the pipe again, mio's poll(2) backend forgets the pipe
        // and returns `NotFound`.
        let forgotten = cfg!(mio_unsupported_force_poll_poll) && told == ErrorKind::NotFound;
        assert!(told == ErrorKind::BrokenPipe || forgotten, "{told}");
    });
}

/// A source can be taken out of its `Registered` unchanged, and may then be registered with any executor.
fn a_source_may_be_taken_out_again<K: Kitchen>() {
    let (one, other) = (K::open(), K::open());
    let (sender, receiver) = mio::unix::pipe::new().unwrap();
    let (sender, receiver) = one.block_on(async {
        let sender = Registered::new(sender, Interest::WRITABLE).unwrap();
        let receiver = Registered::new(receiver, Interest::READABLE).unwrap();
        assert_eq!(
            receiver
                .try_read_with(|mut pipe| pipe.read(&mut [0]))
                .unwrap_err()
                .kind(),
            ErrorKind::WouldBlock
        );
        (sender.into_inner(), receiver.into_inner())
    });
    drop(one);
    other.block_on(async {
        let receiver = Registered::new(receiver, Interest::READABLE).unwrap();
        let sender = Registered::new(sender, Interest::WRITABLE).unwrap();
        let reader = brigade::spawn(async move {
            receiver.readable().await.unwrap();
            receiver
                .read_with(|mut pipe| pipe.read(&mut [0; 8]))
                .await
                .unwrap()
        });
        sender.writable().await.unwrap();
        sender
            .try_write_with(|mut pipe| pipe.write(b"soup"))
            .unwrap();
        assert_eq!(reader.await.unwrap(), 4);
    });
}

on_both! {
    streams_there_and_back,
    pairs_and_half_closes,
    connections_that_cannot_be_made,
    peers_with_the_longest_path,
    a_full_queue_is_waited_for,
    datagrams,
    nothing_is_made_outside,
    the_ends_of_a_pipe,
    a_source_may_be_taken_out_again,
}
