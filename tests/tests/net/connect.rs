//! Tests `connect` with several addresses, some of which never answer. It must use the first address that
//! answers.
#![cfg(target_os = "linux")]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use brigade::net::{ConnectError, TcpListener, TcpStream};
use brigade::time::timeout;
use brigade::{Executor, SingleThread};
use brigade_tests::{Kitchen, descriptors, nobody, on_both, one_cook};
use socket2::{Domain, Socket, Type};

/// The time that `connect` waits for an answer from one address before it also tries the next address. The
/// docs promise this figure.
const HEAD_START: Duration = Duration::from_millis(250);

/// A listener whose queue is full. The OS drops every further connection request, so no client gets an
/// answer.
struct Deaf {
    listener: std::net::TcpListener,
    address: SocketAddr,
    _crowd: Vec<Socket>,
}

impl Deaf {
    fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.listen(0).unwrap();
        let listener = std::net::TcpListener::from(socket);
        let address = listener.local_addr().unwrap();
        let mut crowd = Vec::new();
        // On the same machine, a connection is made immediately or not at all.
        while crowd
            .last()
            .is_none_or(|last: &Socket| last.peer_addr().is_ok())
        {
            let guest = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            guest.set_nonblocking(true).unwrap();
            let _ = guest.connect(&address.into());
            crowd.push(guest);
        }
        // Drop the attempt that still waits. Otherwise the listener could later accept it instead of the
        // client under test.
        crowd.pop();
        Deaf {
            listener,
            address,
            _crowd: crowd,
        }
    }
}

fn a_deaf_address_is_passed_over<K: Kitchen>() {
    let deaf = Deaf::new();
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let began = Instant::now();
        let stream = TcpStream::connect([deaf.address, open]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
        assert!(
            began.elapsed() >= HEAD_START,
            "the first address had no head start"
        );
        // If an address refuses the connection, the attempt at the next address starts immediately.
        let stream = TcpStream::connect([deaf.address, nobody(), open]).await;
        assert_eq!(stream.unwrap().peer_addr().unwrap(), open);
    });
}

/// An attempt continues while later attempts are under way, and wins if it is answered first.
fn the_first_may_still_win<K: Kitchen>() {
    let (slow, deaf) = (Deaf::new(), Deaf::new());
    K::open().block_on(async {
        let connect = brigade::spawn(TcpStream::connect([slow.address, deaf.address]));
        brigade::time::sleep(2 * HEAD_START).await;
        // This accept makes space in the queue of `slow`. The OS repeats the connection request to `slow`
        // within about three seconds.
        drop(slow.listener.accept().unwrap());
        let stream = connect.await.unwrap().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), slow.address);
    });
}

/// When one attempt wins, all other attempts are dropped. When the future is dropped, all attempts are
/// dropped.
fn the_others_are_given_up<K: Kitchen>() {
    let (one, other) = (Deaf::new(), Deaf::new());
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let before = descriptors();
        let stream = TcpStream::connect([one.address, other.address, open])
            .await
            .unwrap();
        assert_eq!(descriptors(), before + 1);
        drop(stream);
        let all = [one.address, other.address];
        assert!(
            timeout(2 * HEAD_START, TcpStream::connect(all))
                .await
                .is_err()
        );
        assert_eq!(descriptors(), before);
    });
}

fn the_error_tells_all_attempts<K: Kitchen>() {
    K::open().block_on(async {
        let addresses = [nobody(), nobody(), nobody()];
        let error = TcpStream::connect(addresses).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let text = error.to_string();
        let inner = error.get_ref().unwrap();
        let inner = inner.downcast_ref::<ConnectError>().unwrap();
        let mut tried: Vec<_> = inner.attempts().iter().map(|(it, _)| *it).collect();
        for address in addresses {
            assert!(text.contains(&address.to_string()), "{text}");
        }
        tried.sort();
        let mut all = addresses;
        all.sort();
        assert_eq!(tried, all);
        assert!(text.contains("refused"), "{text}");
        // With a single address, `connect` returns the OS's own error.
        let error = TcpStream::connect(addresses[0]).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
    });
}

/// `localhost` may resolve to an IPv4 and an IPv6 address, but only one of them has a listener.
fn localhost_is_found_in_either_family<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = TcpStream::connect(("localhost", port)).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().port(), port);
    });
}

/// A thread of the blocking pool, which has no timers of its own, can connect too.
fn a_thread_of_the_blocking_pool_connects<K: Kitchen>() {
    let deaf = Deaf::new();
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let addresses = [deaf.address, nobody(), open];
        let connect = move || futures::executor::block_on(TcpStream::connect(addresses));
        let stream = brigade::spawn_blocking(connect).await.unwrap().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
    });
}

/// The delay before the next attempt is real time, because the OS connects in real time. A virtual clock
/// stands still meanwhile.
fn the_head_start_takes_no_virtual_time() {
    let (one, other) = (Deaf::new(), Deaf::new());
    let executor = SingleThread::builder().virtual_time(true).build().unwrap();
    executor.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let began = brigade::time::now();
        let stream = TcpStream::connect([one.address, other.address, open])
            .await
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
        assert_eq!(brigade::time::now(), began);
    });
}

fn read_exact_fills_the_buffer_or_says_that_it_cannot<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        let slowly = brigade::spawn(async move {
            for part in [&b"noo"[..], b"dles", b" and"] {
                peer.write_all(part).await.unwrap();
                brigade::yield_now().await;
            }
        });
        let mut buffer = [0; 7];
        stream.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"noodles");
        slowly.await.unwrap();
        stream.read_exact(&mut []).await.unwrap();
        let error = stream.read_exact(&mut buffer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    });
}

on_both! {
    a_deaf_address_is_passed_over,
    the_first_may_still_win,
    the_error_tells_all_attempts,
    a_thread_of_the_blocking_pool_connects,
    localhost_is_found_in_either_family,
    read_exact_fills_the_buffer_or_says_that_it_cannot;
    alone: the_others_are_given_up,
}

one_cook! {
    the_head_start_takes_no_virtual_time,
}
