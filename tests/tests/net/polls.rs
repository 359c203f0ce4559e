//! Tests the poll functions and `try_` methods of datagram sockets when they have to wait or fail. The
//! way in which the tests fill a socket works only on Linux.
#![cfg(target_os = "linux")]

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker, ready};

use brigade::Executor;
use brigade::io::Interest;
use brigade::net::{UdpSocket, UnixDatagram};
use brigade::time::timeout;
use brigade_tests::{CountingWaker, Kitchen, on_both, park_on};

use crate::HANG;
use crate::own_calls::would_block;
use crate::readiness::until;

/// A poll function of a socket, without its other arguments.
type Operation<'a> = Box<dyn Fn(&mut Context<'_>) -> Poll<io::Result<usize>> + 'a>;

fn boxed<'a>(
    operation: impl Fn(&mut Context<'_>) -> Poll<io::Result<usize>> + 'a,
) -> Operation<'a> {
    Box::new(operation)
}

macro_rules! receives {
    ($socket:expr) => {
        [
            boxed(|cx| $socket.poll_recv(cx, &mut [0; 8])),
            boxed(|cx| {
                let received = ready!($socket.poll_recv_from(cx, &mut [0; 8]));
                Poll::Ready(received.map(|it| it.0))
            }),
        ]
    };
}

macro_rules! sends {
    ($socket:expr, $datagram:expr, $address:expr) => {
        [
            boxed(|cx| $socket.poll_send(cx, $datagram)),
            boxed(|cx| $socket.poll_send_to(cx, $datagram, $address)),
        ]
    };
}

/// Polls an operation, which must have to wait. Returns a counter of the wakes.
fn begin(operation: &Operation<'_>) -> std::sync::Arc<CountingWaker> {
    let count = CountingWaker::new();
    let waker = Waker::from(count.clone());
    assert!(operation(&mut Context::from_waker(&waker)).is_pending());
    count
}

/// Waits until an operation that has begun is woken, and then for its result.
async fn end(operation: &Operation<'_>, count: &CountingWaker) -> io::Result<usize> {
    until(|| count.count() > 0).await;
    let result = timeout(HANG, poll_fn(operation)).await;
    result.expect("the operation hangs")
}

/// Returns a UDP socket, connected to `peer`, that counts as full until its next event.
async fn full_udp(peer: &UdpSocket) -> UdpSocket {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(peer.local_addr().unwrap()).unwrap();
    let socket = UdpSocket::try_from(socket).unwrap();
    // The kernel sends to a local address at once, so the socket is never full. Instead, report `WouldBlock`.
    // First wait for the first event, because that event makes the socket ready.
    socket.writable().await.unwrap();
    let full = || Err::<(), _>(ErrorKind::WouldBlock.into());
    would_block(socket.try_io(Interest::WRITABLE, full));
    socket
}

/// Returns a receiver at `path`, and a socket that is connected to it.
fn unix_pair(path: &std::path::Path) -> (UnixDatagram, UnixDatagram) {
    let receiver = UnixDatagram::bind(path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    sender.connect(path).unwrap();
    (receiver, sender)
}

/// Sends until the receiver's queue is full.
async fn fill(sender: &UnixDatagram) {
    sender.writable().await.unwrap();
    let full = loop {
        match sender.try_send(b"soup") {
            Ok(sent) => assert_eq!(sent, 4),
            full => break full,
        }
    };
    would_block(full);
}

/// A poll that receives has to wait. It is woken by a datagram.
fn a_waiting_receive_is_woken<K: Kitchen>() {
    K::open().block_on(async {
        let one = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        one.connect(other.local_addr().unwrap()).await.unwrap();
        for receive in receives!(other) {
            let count = begin(&receive);
            assert_eq!(one.send(b"soup").await.unwrap(), 4);
            assert_eq!(end(&receive, &count).await.unwrap(), 4);
        }
        let (one, other) = UnixDatagram::pair().unwrap();
        for receive in receives!(other) {
            let count = begin(&receive);
            assert_eq!(one.send(b"soup").await.unwrap(), 4);
            assert_eq!(end(&receive, &count).await.unwrap(), 4);
        }
    });
}

/// A poll that sends has to wait while the socket is full, and is woken when there is space. Meanwhile, the
/// `try_` methods return `WouldBlock`.
fn a_waiting_send_is_woken<K: Kitchen>() {
    K::open().block_on(async {
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = peer.local_addr().unwrap();
        for way in 0..2 {
            let socket = full_udp(&peer).await;
            would_block(socket.try_send(b"rice"));
            would_block(socket.try_send_to(b"rice", address));
            let send = &sends!(socket, b"rice", address)[way];
            let count = begin(send);
            // The event of a datagram that arrives reports the socket as writable too.
            peer.send_to(b"soup", socket.local_addr().unwrap())
                .await
                .unwrap();
            assert_eq!(end(send, &count).await.unwrap(), 4);
        }
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("receiver");
        let (receiver, sender) = unix_pair(&path);
        for send in sends!(sender, b"rice", &path) {
            fill(&sender).await;
            would_block(sender.try_send_to(b"rice", &path));
            let count = begin(&send);
            receiver.recv(&mut [0; 8]).await.unwrap();
            while receiver.try_recv(&mut [0; 8]).is_ok() {}
            assert_eq!(end(&send, &count).await.unwrap(), 4);
        }
    });
}

/// Poll functions return the OS's errors, whether they had to wait or not.
fn errors_reach_poll_functions<K: Kitchen>() {
    K::open().block_on(async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        // No socket receives at this port, because the OS never chooses it.
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        socket.connect(address).await.unwrap();
        for receive in receives!(socket) {
            let count = begin(&receive);
            socket.send(b"anybody?").await.unwrap();
            let refused = end(&receive, &count).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        }
        // The datagram is too long.
        for send in sends!(socket, &[0; 65_508], address) {
            let error = poll_fn(send).await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
        }
        let socket = UnixDatagram::unbound().unwrap();
        let [send, send_to] = sends!(socket, b"soup", "/no/such/folder/socket");
        let error = poll_fn(send).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        let error = poll_fn(send_to).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

/// If the executor is dropped, waiting polls are woken, and the next poll returns an error.
fn polls_end_with_their_executor<K: Kitchen>() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("receiver");
    let executor = K::open();
    let (udp, _receiver, unix) = executor.block_on(async {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (receiver, unix) = unix_pair(&path);
        fill(&unix).await;
        (udp, receiver, unix)
    });
    let operations = [
        receives!(udp),
        receives!(unix),
        sends!(unix, b"rice", &path),
    ];
    let operations = Vec::from_iter(operations.into_iter().flatten());
    let counts: Vec<_> = operations.iter().map(begin).collect();
    drop(executor);
    for (operation, count) in operations.iter().zip(counts) {
        assert!(count.count() > 0);
        let late = park_on(poll_fn(operation)).unwrap_err();
        assert!(late.to_string().contains("dropped"), "{late}");
    }
}

on_both! {
    a_waiting_receive_is_woken,
    a_waiting_send_is_woken,
    errors_reach_poll_functions,
    polls_end_with_their_executor,
}
