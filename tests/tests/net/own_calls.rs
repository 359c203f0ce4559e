//! Tests less common uses of sockets: the user's own system calls, poll functions, conversions to
//! descriptors, and the local address of a connection.

use std::future::poll_fn;
use std::io::{ErrorKind, Read, Result, Write};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use brigade::Executor;
use brigade::io::{Interest, OwnedFdSource, Registered, Registry, Source, Token};
use brigade::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use brigade::time::{sleep, timeout};
use brigade_tests::{Kitchen, nobody, on_both, pair, park_on};
use socket2::SockRef;

use crate::HANG;

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

pub(crate) fn would_block<T: std::fmt::Debug>(result: std::io::Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// If the socket is not ready, `try_io` does not make the user's call. If the call returns `WouldBlock`,
/// `try_io` clears the readiness.
fn try_io_makes_one_call_if_the_socket_is_ready<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        let read = || SockRef::from(&client).recv(&mut [std::mem::MaybeUninit::uninit(); 8]);
        let mut calls = 0;
        let mut nothing = |interest| {
            client.try_io(interest, || {
                calls += 1;
                Ok(())
            })
        };
        would_block(nothing(Interest::READABLE));
        client.writable().await.unwrap();
        nothing(Interest::WRITABLE).unwrap();
        nothing(BOTH).unwrap();
        assert_eq!(calls, 2);
        server.write_all(b"soup").await.unwrap();
        client.readable().await.unwrap();
        assert_eq!(client.try_io(Interest::READABLE, read).unwrap(), 4);
        would_block(client.try_io(Interest::READABLE, read));
        // `try_io` has cleared the readiness, so it does not make this call.
        would_block(
            client.try_io(Interest::READABLE, || -> std::io::Result<()> {
                panic!("the socket is not ready")
            }),
        );
        assert!(futures::poll!(pin!(client.readable())).is_pending());
        // Any other error leaves the readiness unchanged.
        let odd = client.try_io(Interest::WRITABLE, || -> std::io::Result<()> {
            Err(ErrorKind::InvalidData.into())
        });
        assert_eq!(odd.unwrap_err().kind(), ErrorKind::InvalidData);
        client.writable().await.unwrap();
    });
}

/// A user's call that has to wait is repeated only once per event.
fn async_io_calls_once_for_each_event<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        for interest in [
            Interest::READABLE,
            // Only Linux has events for urgent data.
            #[cfg(target_os = "linux")]
            Interest::READABLE.add(Interest::PRIORITY),
        ] {
            let calls = AtomicUsize::new(0);
            let mut read = pin!(client.async_io(interest, || {
                calls.fetch_add(1, Ordering::Relaxed);
                SockRef::from(&client).recv(&mut [std::mem::MaybeUninit::uninit(); 64])
            }));
            assert!(
                timeout(Duration::from_millis(50), read.as_mut())
                    .await
                    .is_err()
            );
            assert!(calls.load(Ordering::Relaxed) <= 2, "{calls:?}");
            server.write_all(b"soup").await.unwrap();
            assert_eq!(read.await.unwrap(), 4);
            assert!(calls.load(Ordering::Relaxed) <= 4, "{calls:?}");
        }
        // Wait for both directions. One of them is ready.
        let mut calls = 0;
        let io = client.async_io(BOTH, || {
            calls += 1;
            if calls < 3 {
                Err(ErrorKind::Interrupted.into())
            } else {
                Ok(calls)
            }
        });
        assert_eq!(io.await.unwrap(), 3);
        let refused = client.async_io(Interest::WRITABLE, || Err::<(), _>(ErrorKind::Other.into()));
        assert_eq!(refused.await.unwrap_err().kind(), ErrorKind::Other);
    });
}

/// While a socket is full, the user's own call waits without a busy loop.
fn async_io_waits_while_a_socket_is_full<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        let tries = std::sync::Arc::new(AtomicUsize::new(0));
        let block = [0; 64 << 10];
        while client.try_write(&block).is_ok() {}
        let counted = tries.clone();
        let writer = brigade::spawn(async move {
            let send = || {
                counted.fetch_add(1, Ordering::Relaxed);
                SockRef::from(&client).send(b"soup")
            };
            // Return the client too. If this task dropped it, the server could read the end of the stream
            // before the loop below sees the task's output.
            (client.async_io(Interest::WRITABLE, send).await, client)
        });
        sleep(Duration::from_millis(100)).await;
        assert!(tries.load(Ordering::Relaxed) < 50, "{tries:?}");
        let mut buffer = vec![0; 1 << 20];
        let mut writer = pin!(writer);
        loop {
            let read = server.read(&mut buffer);
            match futures::future::select(writer.as_mut(), pin!(read)).await {
                futures::future::Either::Left((sent, _)) => {
                    break assert_eq!(sent.unwrap().0.unwrap(), 4);
                }
                futures::future::Either::Right((read, _)) => assert_ne!(read.unwrap(), 0),
            }
        }
    });
}

/// `sendfile` on a TCP stream and `recvmsg` on a Unix socket wait without a busy loop. Brigade has no methods
/// for these calls.
#[cfg(target_os = "linux")]
fn sendfile_and_recvmsg_wait_for_events<K: Kitchen>() {
    const SIZE: usize = 8 << 20;
    K::open().block_on(async {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; SIZE]).unwrap();
        let (client, server) = pair().await;
        let tries = std::sync::Arc::new(AtomicUsize::new(0));
        let counted = tries.clone();
        let sender = brigade::spawn(async move {
            let mut offset = 0;
            while offset < SIZE as libc::off_t {
                let send = || {
                    counted.fetch_add(1, Ordering::Relaxed);
                    let (to, from) = (client.as_raw_fd(), file.as_raw_fd());
                    // SAFETY: both descriptors are open, and `offset` is a local of this closure's caller.
                    match unsafe { libc::sendfile(to, from, &raw mut offset, SIZE) } {
                        -1 => Err(std::io::Error::last_os_error()),
                        sent => Ok(sent),
                    }
                };
                assert!(client.async_io(Interest::WRITABLE, send).await.unwrap() > 0);
            }
        });
        // The receiver reads nothing until the sender has filled the sockets' buffers and waits.
        sleep(Duration::from_millis(100)).await;
        assert!(!sender.is_finished());
        assert!(tries.load(Ordering::Relaxed) < 50, "{tries:?}");
        server.read_exact(&mut vec![0; SIZE]).await.unwrap();
        sender.await.unwrap();

        let (one, other) = UnixDatagram::pair().unwrap();
        let tries = std::sync::Arc::new(AtomicUsize::new(0));
        let counted = tries.clone();
        let receiver = brigade::spawn(async move {
            let mut buffer = [0_u8; 64];
            let receive = || {
                counted.fetch_add(1, Ordering::Relaxed);
                let mut part = libc::iovec {
                    iov_base: buffer.as_mut_ptr().cast(),
                    iov_len: buffer.len(),
                };
                // SAFETY: every field of the struct may be zero.
                let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
                (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
                // SAFETY: the message points to one part, which points to `buffer`.
                match unsafe { libc::recvmsg(other.as_raw_fd(), &raw mut message, 0) } {
                    -1 => Err(std::io::Error::last_os_error()),
                    received => Ok(received),
                }
            };
            other.async_io(Interest::READABLE, receive).await
        });
        sleep(Duration::from_millis(100)).await;
        assert!(tries.load(Ordering::Relaxed) < 50, "{tries:?}");
        one.send(b"soup").await.unwrap();
        assert_eq!(receiver.await.unwrap().unwrap(), 4);
        assert!(tries.load(Ordering::Relaxed) < 50, "{tries:?}");
    });
}

/// `sendfile` has other arguments on other systems.
#[cfg(not(target_os = "linux"))]
fn sendfile_and_recvmsg_wait_for_events<K: Kitchen>() {}

/// The user's own source (here a pipe) is read and written with poll functions and `try_` methods.
fn a_source_is_polled_and_tried<K: Kitchen>() {
    K::open().block_on(async {
        let (sender, receiver) = mio::unix::pipe::new().unwrap();
        let sender = Registered::new(sender, Interest::WRITABLE).unwrap();
        let receiver = Registered::new(receiver, Interest::READABLE).unwrap();
        let mut buffer = [0; 8];
        let mut cx = Context::from_waker(Waker::noop());
        let nothing = receiver.poll_read_with(&mut cx, |mut pipe| pipe.read(&mut [0; 8]));
        assert!(nothing.is_pending());
        let sent = poll_fn(|cx| sender.poll_write_with(cx, |mut pipe| pipe.write(b"soup")));
        assert_eq!(sent.await.unwrap(), 4);
        let read = poll_fn(|cx| receiver.poll_read_with(cx, |mut pipe| pipe.read(&mut buffer)));
        assert_eq!(read.await.unwrap(), 4);
        assert_eq!(buffer[..4], *b"soup");
        would_block(receiver.try_read_with(|mut pipe| pipe.read(&mut [0; 8])));
        let sent = sender.try_write_with(|mut pipe| pipe.write(b"rice"));
        assert_eq!(sent.unwrap(), 4);
        receiver.readable().await.unwrap();
        let read = receiver.try_read_with(|mut pipe| pipe.read(&mut buffer));
        assert_eq!(read.unwrap(), 4);
        assert_eq!(buffer[..4], *b"rice");

        // A write waits while the pipe is full, and continues once the pipe has space.
        while sender
            .try_write_with(|mut pipe| pipe.write(&[0; 4096]))
            .is_ok()
        {}
        let full = sender.poll_write_with(&mut cx, |mut pipe| pipe.write(&[0; 4096]));
        assert!(full.is_pending());
        let write = poll_fn(|cx| sender.poll_write_with(cx, |mut pipe| pipe.write(b"salt")));
        let drain = async {
            let mut bytes = [0; 1 << 16];
            receiver.read_with(|mut pipe| pipe.read(&mut bytes)).await
        };
        let (written, drained) = futures::join!(write, drain);
        assert_eq!(written.unwrap(), 4);
        assert!(drained.unwrap() > 0);
        // Any error except `WouldBlock` is returned to the caller.
        let odd = receiver.try_read_with(|_| Err::<(), _>(ErrorKind::InvalidData.into()));
        assert_eq!(odd.unwrap_err().kind(), ErrorKind::InvalidData);
        drop(receiver);
        let broken = poll_fn(|cx| sender.poll_write_with(cx, |mut pipe| pipe.write(b"salt")));
        assert_eq!(broken.await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

/// A socket can be converted into a std socket or a descriptor, and then receives no more events.
fn sockets_become_std_sockets_and_descriptors<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        let number = client.as_raw_fd();
        let mut plain: std::net::TcpStream = client.into_std().unwrap();
        assert_eq!(plain.as_raw_fd(), number);
        server.write_all(b"soup").await.unwrap();
        plain.set_nonblocking(false).unwrap();
        plain.read_exact(&mut [0; 4]).unwrap();
        // Convert the std socket back into a socket of brigade.
        let client = TcpStream::try_from(plain).unwrap();
        client.write_all(b"rice").await.unwrap();
        server.read_exact(&mut [0; 4]).await.unwrap();
        let owned: OwnedFd = server.into();
        let mut plain = std::net::TcpStream::from(owned);
        plain.write_all(b"more").unwrap();
        client.read_exact(&mut [0; 4]).await.unwrap();

        // Take a socket of each type over again after `into_std`. The OS refuses that for a socket that is
        // still registered.
        let place = tempfile::tempdir().unwrap();
        macro_rules! converts {
            ($($kind:ident: $socket:expr,)*) => {$(
                let socket: $kind = $socket;
                let address = SockRef::from(&socket).local_addr().unwrap();
                let number = socket.as_raw_fd();
                let socket = $kind::try_from(socket.into_std().unwrap()).unwrap();
                let owned = OwnedFd::from(socket);
                assert_eq!(owned.as_raw_fd(), number);
                assert_eq!(SockRef::from(&owned).local_addr().unwrap(), address);
            )*};
        }
        converts! {
            TcpStream: client,
            TcpListener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            UdpSocket: UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            UnixStream: UnixStream::pair().unwrap().0,
            UnixListener: UnixListener::bind(place.path().join("listener")).unwrap(),
            UnixDatagram: UnixDatagram::bind(place.path().join("datagram")).unwrap(),
        }
    });
}

/// UDP and Unix sockets send and receive datagrams with `try_` methods and with poll functions.
fn datagrams_by_tries_and_polls<K: Kitchen>() {
    K::open().block_on(async {
        let mut buffer = [0; 8];
        let (one, other) = (
            UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            UdpSocket::bind("127.0.0.1:0").await.unwrap(),
        );
        let (here, there) = (one.local_addr().unwrap(), other.local_addr().unwrap());
        one.writable().await.unwrap();
        let unconnected = one.try_send(b"soup").unwrap_err();
        assert_ne!(unconnected.kind(), ErrorKind::WouldBlock);
        one.connect(there).await.unwrap();
        other.connect(here).await.unwrap();
        would_block(other.try_recv(&mut buffer));
        assert_eq!(one.try_send(b"soup").unwrap(), 4);
        other.readable().await.unwrap();
        assert_eq!(other.try_recv(&mut buffer).unwrap(), 4);
        assert_eq!(poll_fn(|cx| one.poll_send(cx, b"rice")).await.unwrap(), 4);
        assert_eq!(
            poll_fn(|cx| other.poll_recv(cx, &mut buffer))
                .await
                .unwrap(),
            4
        );
        let sent = poll_fn(|cx| one.poll_send_to(cx, b"salt", there)).await;
        assert_eq!(sent.unwrap(), 4);
        let received = poll_fn(|cx| other.poll_recv_from(cx, &mut buffer)).await;
        assert_eq!(received.unwrap(), (4, here));
        poll_fn(|cx| one.poll_write_ready(cx)).await.unwrap();
        would_block(other.try_recv(&mut buffer));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(other.poll_read_ready(&mut cx).is_pending());

        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("waiter");
        let waiter = UnixDatagram::bind(&path).unwrap();
        let guest = UnixDatagram::unbound().unwrap();
        guest.writable().await.unwrap();
        assert_eq!(guest.try_send_to(b"soup", &path).unwrap(), 4);
        waiter.readable().await.unwrap();
        assert!(waiter.try_recv_from(&mut buffer).unwrap().1.is_unnamed());
        would_block(waiter.try_recv_from(&mut buffer));
        let sent = poll_fn(|cx| guest.poll_send_to(cx, b"rice", &path)).await;
        assert_eq!(sent.unwrap(), 4);
        let received = poll_fn(|cx| waiter.poll_recv_from(cx, &mut buffer)).await;
        assert_eq!(received.unwrap().0, 4);
        let missing = guest.try_send_to(b"soup", place.path().join("nobody"));
        assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
        guest.connect(&path).unwrap();
        assert_eq!(guest.try_send(b"salt").unwrap(), 4);
        waiter.readable().await.unwrap();
        assert_eq!(waiter.try_recv(&mut buffer).unwrap(), 4);
        assert_eq!(poll_fn(|cx| guest.poll_send(cx, b"more")).await.unwrap(), 4);
        assert_eq!(
            poll_fn(|cx| waiter.poll_recv(cx, &mut buffer))
                .await
                .unwrap(),
            4
        );
    });
}

/// Poll functions accept connections and wait for readiness.
fn accept_and_readiness_by_poll_functions<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(listener.poll_accept(&mut cx).is_pending());
        let connect = TcpStream::connect(listener.local_addr().unwrap());
        let accept = poll_fn(|cx| listener.poll_accept(cx));
        let (client, accepted) = futures::join!(connect, accept);
        let (client, (server, peer)) = (client.unwrap(), accepted.unwrap());
        assert_eq!(client.local_addr().unwrap(), peer);
        assert!(server.poll_read_ready(&mut cx).is_pending());
        poll_fn(|cx| client.poll_write_ready(cx)).await.unwrap();
        client.write_all(b"soup").await.unwrap();
        poll_fn(|cx| server.poll_read_ready(cx)).await.unwrap();
        assert_eq!(server.try_read(&mut [0; 8]).unwrap(), 4);

        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("listener");
        let listener = UnixListener::bind(&path).unwrap();
        let accept = poll_fn(|cx| listener.poll_accept(cx));
        let (client, accepted) = futures::join!(UnixStream::connect(&path), accept);
        client.unwrap().write_all(b"soup").await.unwrap();
        accepted.unwrap().0.read_exact(&mut [0; 4]).await.unwrap();
    });
}

/// The peer's credentials are those of this process, which owns both ends.
fn a_unix_stream_tells_who_its_peer_is<K: Kitchen>() {
    K::open().block_on(async {
        let (one, other) = UnixStream::pair().unwrap();
        for stream in [&one, &other] {
            let peer = stream.peer_cred().unwrap();
            let pid = cfg!(target_os = "linux").then(std::process::id);
            assert_eq!(peer.pid().map(i32::unsigned_abs), pid);
            // SAFETY: the two calls have no preconditions.
            let ids = unsafe { (libc::geteuid(), libc::getegid()) };
            assert_eq!((peer.uid(), peer.gid()), ids);
        }
    });
}

/// A connection uses the requested local address, or `connect_from` returns an error with the reason.
fn a_connection_comes_from_the_address_asked_for<K: Kitchen>() {
    // Other systems return `Unsupported`.
    if !cfg!(target_os = "linux") {
        return;
    }
    K::open().block_on(async {
        for host in ["127.0.0.1", "[::1]"] {
            let Ok(listener) = TcpListener::bind(format!("{host}:0")).await else {
                // The bind fails if this machine has no IPv6.
                continue;
            };
            let remote = listener.local_addr().unwrap();
            let local = SocketAddr::new(remote.ip(), 0);
            let (client, server) =
                futures::join!(TcpStream::connect_from(local, remote), listener.accept());
            let (client, (server, peer)) = (client.unwrap(), server.unwrap());
            assert_eq!(client.local_addr().unwrap(), peer);
            client.write_all(b"soup").await.unwrap();
            server.read_exact(&mut [0; 4]).await.unwrap();
            let taken = TcpStream::connect_from(remote, remote).await.unwrap_err();
            assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        }
        let other: SocketAddr = "127.0.0.2:0".parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let remote = listener.local_addr().unwrap();
        let client = TcpStream::connect_from(other, remote).await.unwrap();
        assert_eq!(client.local_addr().unwrap().ip(), other.ip());
        let refused = TcpStream::connect_from(other, nobody()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        // The connect fails if the address families differ, or if the local address does not belong to this
        // machine.
        assert!(
            TcpStream::connect_from("[::1]:0".parse().unwrap(), remote)
                .await
                .is_err()
        );
        let foreign = TcpStream::connect_from("192.0.2.1:0".parse().unwrap(), remote).await;
        assert_eq!(foreign.unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    });
    let outside = TcpStream::connect_from(nobody(), nobody());
    assert!(
        park_on(outside)
            .unwrap_err()
            .to_string()
            .contains("outside")
    );
}

/// Any descriptor that the OS can monitor can be a source. The user needs no type from mio. All other
/// descriptors are refused.
fn any_descriptor_is_a_source<K: Kitchen>() {
    K::open().block_on(async {
        let (near, mut far) = std::os::unix::net::UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        let near = OwnedFd::from(near);
        let file = std::fs::File::from(near.try_clone().unwrap());
        let source: Registered<OwnedFdSource> = OwnedFdSource::new(near, BOTH).unwrap();
        poll_fn(|cx| source.poll_writable(cx)).await.unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(source.poll_readable(&mut cx).is_pending());
        far.write_all(b"soup").unwrap();
        poll_fn(|cx| source.poll_readable(cx)).await.unwrap();
        let mut bytes = [0; 8];
        let read = source.read_with(|_| (&file).read(&mut bytes)).await;
        assert_eq!(&bytes[..read.unwrap()], b"soup");
        let _given_back: OwnedFd = source.into_inner().into();
        // kqueue accepts plain files.
        if cfg!(target_os = "linux") {
            let plain = std::fs::File::open("/proc/self/exe").unwrap();
            let refused = OwnedFdSource::new(plain.into(), Interest::READABLE).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        }
    });
    let outside = OwnedFdSource::new(
        std::net::UdpSocket::bind("127.0.0.1:0").unwrap().into(),
        BOTH,
    );
    assert!(
        outside
            .unwrap_err()
            .to_string()
            .contains("OwnedFdSource::new")
    );
}

/// A program's own source, made with the types of `brigade::io` only.
struct Named(&'static str, OwnedFdSource);

impl Source for Named {
    fn register(&mut self, to: &Registry, token: Token, interest: Interest) -> Result<()> {
        self.1.register(to, token, interest)
    }

    fn reregister(&mut self, to: &Registry, token: Token, interest: Interest) -> Result<()> {
        self.1.reregister(to, token, interest)
    }

    fn deregister(&mut self, from: &Registry) -> Result<()> {
        self.1.deregister(from)
    }
}

/// A descriptor has one registration at a time. A second one is refused, and the first one keeps working. A
/// copy of the descriptor may be registered too, and a descriptor may be registered again afterwards.
fn a_descriptor_is_registered_once_at_a_time<K: Kitchen>() {
    K::open().block_on(async {
        let (here, mut there) = std::os::unix::net::UnixStream::pair().unwrap();
        here.set_nonblocking(true).unwrap();
        let copy = OwnedFd::from(here.try_clone().unwrap());
        let source = OwnedFdSource::new(here.into(), Interest::READABLE).unwrap();
        let number = source.get_ref().as_raw_fd();
        let twice = Registered::new(mio::unix::SourceFd(&number), Interest::READABLE);
        assert_eq!(twice.unwrap_err().kind(), ErrorKind::AlreadyExists);
        let copy = OwnedFdSource::new(copy, Interest::READABLE).unwrap();
        there.write_all(b"soup").unwrap();
        for source in [&source, &copy] {
            timeout(HANG, source.readable()).await.unwrap().unwrap();
        }
        let again = Registered::new(Named("hatch", source.into_inner()), BOTH).unwrap();
        timeout(HANG, again.writable()).await.unwrap().unwrap();
        timeout(HANG, again.readable()).await.unwrap().unwrap();
        assert_eq!(again.get_ref().0, "hatch");
    });
}

/// After the executor has ended, `async_io` still makes the user's call. If the call would have to wait,
/// `async_io` returns an error.
fn calls_after_the_executor_do_not_wait<K: Kitchen>() {
    let executor = K::open();
    let (client, _server) = executor.block_on(pair());
    drop(executor);
    let recv = || SockRef::from(&client).recv(&mut [std::mem::MaybeUninit::uninit(); 8]);
    let error = park_on(client.async_io(Interest::READABLE, recv)).unwrap_err();
    assert!(error.to_string().contains("dropped"), "{error}");
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(
        client.poll_read_ready(&mut cx),
        std::task::Poll::Ready(Err(_))
    ));
    // The socket itself still works.
    assert!(client.into_std().unwrap().peer_addr().is_ok());
}

/// The futures of sockets are `Send` and `Sync`, including the future that connects.
fn futures_of_sockets_are_send_and_sync<K: Kitchen>() {
    fn check<T: Send + Sync>(_: T) {}
    check(TcpStream::connect("127.0.0.1:1"));
    check(TcpStream::connect(vec![nobody(), nobody()]));
    check(TcpStream::connect_from(nobody(), nobody()));
    check(UnixStream::connect("/nowhere"));
    K::open().block_on(async {
        let (client, _server) = pair().await;
        check(client.read(&mut [0]));
        check(client.write_all(&[0]));
        check(client.async_io(BOTH, || Ok(())));
        check(client);
    });
}

/// If a signal interrupts a call, the call is repeated at once, even if another call has failed since the
/// event.
fn an_interrupted_call_keeps_its_event<K: Kitchen>() {
    K::open().block_on(async {
        let (here, there) = UnixDatagram::pair().unwrap();
        let here = Arc::new(here);
        let other = here.clone();
        let fails = brigade::spawn(async move {
            let call = || Err::<(), _>(ErrorKind::WouldBlock.into());
            other.async_io(Interest::READABLE, call).await
        });
        brigade::yield_now().await;
        let receives = brigade::spawn(async move {
            let mut calls = 0;
            let call = || {
                calls += 1;
                if calls == 1 {
                    return Err(ErrorKind::Interrupted.into());
                }
                let mut buffer = [std::mem::MaybeUninit::uninit(); 8];
                SockRef::from(&*here).recv(&mut buffer)
            };
            here.async_io(Interest::READABLE, call).await
        });
        sleep(Duration::from_millis(10)).await;
        there.send(b"soup").await.unwrap();
        let received = timeout(HANG, receives).await.expect("the receiver hangs");
        assert_eq!(received.unwrap().unwrap(), 4);
        fails.abort();
    });
}

on_both! {
    an_interrupted_call_keeps_its_event,
    try_io_makes_one_call_if_the_socket_is_ready,
    async_io_calls_once_for_each_event,
    async_io_waits_while_a_socket_is_full,
    sendfile_and_recvmsg_wait_for_events,
    a_source_is_polled_and_tried,
    sockets_become_std_sockets_and_descriptors,
    datagrams_by_tries_and_polls,
    accept_and_readiness_by_poll_functions,
    a_unix_stream_tells_who_its_peer_is,
    a_connection_comes_from_the_address_asked_for,
    any_descriptor_is_a_source,
    a_descriptor_is_registered_once_at_a_time,
    calls_after_the_executor_do_not_wait,
    futures_of_sockets_are_send_and_sync,
}
