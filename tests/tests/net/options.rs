//! Tests the options of sockets, and what a socket reports about itself and its peer. Some tests use the
//! options wrongly.
#![cfg(target_os = "linux")]

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use brigade::Executor;
use brigade::net::{TcpStream, UdpSocket, UnixStream};
use brigade::time::{sleep, timeout};
use brigade_tests::{Kitchen, nobody, on_both, pair};
use socket2::{Domain, Socket, Type};

const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 0, 1);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 0x1234);

/// Asserts that the OS reported an error with this number.
#[track_caller]
fn fails_with(number: i32, result: std::io::Result<()>) {
    assert_eq!(result.unwrap_err().raw_os_error(), Some(number));
}

/// A socket that has joined a multicast group receives the group's datagrams until it leaves the group.
/// Joining twice, leaving a group that was not joined, and joining an address that is no group are errors.
fn a_group_is_joined_and_left<K: Kitchen>() {
    K::open().block_on(async {
        let (here, any) = (Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED);
        let member = UdpSocket::bind((any, 0)).await.unwrap();
        let group = (GROUP_V4, member.local_addr().unwrap().port());
        let sender = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        sender.set_multicast_if_v4(&here).unwrap();
        sender.set_nonblocking(true).unwrap();
        let sender = UdpSocket::try_from(std::net::UdpSocket::from(sender)).unwrap();
        fails_with(
            libc::EADDRNOTAVAIL,
            member.leave_multicast_v4(&GROUP_V4, &here),
        );
        fails_with(libc::EINVAL, member.join_multicast_v4(&here, &here));
        member.join_multicast_v4(&GROUP_V4, &here).unwrap();
        fails_with(libc::EADDRINUSE, member.join_multicast_v4(&GROUP_V4, &here));
        sender.send_to(b"soup", group).await.unwrap();
        let mut dish = [0; 8];
        assert_eq!(member.recv_from(&mut dish).await.unwrap().0, 4);
        member.leave_multicast_v4(&GROUP_V4, &here).unwrap();
        fails_with(
            libc::EADDRNOTAVAIL,
            member.leave_multicast_v4(&GROUP_V4, &here),
        );
        sender.send_to(b"rice", group).await.unwrap();
        let late = timeout(Duration::from_millis(20), member.recv_from(&mut dish)).await;
        assert!(late.is_err(), "{late:?}");

        // An IPv4 socket cannot join an IPv6 group.
        assert!(member.join_multicast_v6(&GROUP_V6, 1).is_err());
        let Ok(member) = UdpSocket::bind("[::1]:0").await else {
            // The bind fails if this machine has no IPv6.
            return;
        };
        // The loopback interface has the number 1.
        fails_with(libc::EADDRNOTAVAIL, member.leave_multicast_v6(&GROUP_V6, 1));
        fails_with(
            libc::EINVAL,
            member.join_multicast_v6(&Ipv6Addr::LOCALHOST, 1),
        );
        fails_with(libc::ENODEV, member.join_multicast_v6(&GROUP_V6, 1_000_000));
        member.join_multicast_v6(&GROUP_V6, 1).unwrap();
        fails_with(libc::EADDRINUSE, member.join_multicast_v6(&GROUP_V6, 1));
        member.leave_multicast_v6(&GROUP_V6, 1).unwrap();
        fails_with(libc::EADDRNOTAVAIL, member.leave_multicast_v6(&GROUP_V6, 1));
    });
}

/// A socket may send to a broadcast address only after `set_broadcast`.
fn broadcast_is_off_until_it_is_set<K: Kitchen>() {
    K::open().block_on(async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let everybody = (Ipv4Addr::new(127, 255, 255, 255), 9);
        assert!(!socket.broadcast().unwrap());
        let refused = socket.send_to(b"soup", everybody).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        socket.set_broadcast(true).unwrap();
        assert!(socket.broadcast().unwrap());
        assert_eq!(socket.send_to(b"soup", everybody).await.unwrap(), 4);
        socket.set_broadcast(false).unwrap();
        assert!(!socket.broadcast().unwrap());
    });
}

/// After a refusal, `take_error` returns the error once. A healthy socket has no error.
fn a_refusal_is_taken_once<K: Kitchen>() {
    K::open().block_on(async {
        let (client, _server) = pair().await;
        assert!(client.take_error().unwrap().is_none());
        let datagrams = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        datagrams.connect(nobody()).await.unwrap();
        datagrams.send(b"soup").await.unwrap();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        let begun = socket.connect(&nobody().into()).unwrap_err();
        assert_eq!(begun.raw_os_error(), Some(libc::EINPROGRESS));
        let stream = TcpStream::try_from(std::net::TcpStream::from(socket)).unwrap();
        let sockets: [&dyn Fn() -> std::io::Result<Option<std::io::Error>>; 2] =
            [&|| datagrams.take_error(), &|| stream.take_error()];
        for take_error in sockets {
            let error = loop {
                match take_error().unwrap() {
                    Some(error) => break error,
                    None => sleep(Duration::from_millis(1)).await,
                }
            };
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            assert!(take_error().unwrap().is_none());
        }
    });
}

/// The credentials of a closed peer remain. Without a peer, `peer_cred` returns no valid user. For a
/// descriptor that is no socket, `peer_cred` returns an error.
fn credentials_of_no_peer<K: Kitchen>() {
    K::open().block_on(async {
        let (one, other) = UnixStream::pair().unwrap();
        drop(other);
        let gone = one.peer_cred().unwrap();
        assert_eq!(gone.pid().map(i32::unsigned_abs), Some(std::process::id()));

        let alone = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        alone.set_nonblocking(true).unwrap();
        let alone = std::os::unix::net::UnixStream::from(OwnedFd::from(alone));
        let nobody = UnixStream::try_from(alone).unwrap().peer_cred().unwrap();
        assert_eq!((nobody.pid(), nobody.uid()), (Some(0), u32::MAX));

        let (_sender, pipe) = mio::unix::pipe::new().unwrap();
        let pipe = std::os::unix::net::UnixStream::from(OwnedFd::from(pipe));
        let error = UnixStream::try_from(pipe).unwrap().peer_cred().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTSOCK));
    });
}

on_both! {
    a_group_is_joined_and_left,
    broadcast_is_off_until_it_is_set,
    a_refusal_is_taken_once,
    credentials_of_no_peer,
}
