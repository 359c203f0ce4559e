//! Tests calls that get `WouldBlock` although the socket is readable. Such a call must not keep another task
//! waiting.
#![cfg(target_os = "linux")]

use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brigade::Executor;
use brigade::io::{Interest, Registered};
use brigade::net::UdpSocket;
use brigade::time::{sleep, timeout};
use brigade_tests::{Kitchen, on_both, pair};
use socket2::SockRef;

use crate::HANG;

/// Sets a socket option of Linux that socket2 does not have.
fn set_option(socket: &UdpSocket, level: i32, option: i32, value: i32) {
    use std::os::fd::AsRawFd;
    let (value, size) = (
        (&raw const value).cast(),
        size_of::<i32>() as libc::socklen_t,
    );
    // SAFETY: `value` points to an integer, and `size` is its size.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value, size) };
    assert_eq!(result, 0);
}

/// Calls recv with `flags`. If the queue is empty, the call returns `WouldBlock`.
fn receive(socket: &UdpSocket, flags: i32) -> io::Result<usize> {
    SockRef::from(socket).recv_with_flags(&mut [MaybeUninit::uninit(); 8], flags)
}

/// With `SO_PEEK_OFF`, each peek begins where the previous one ended. At the end of the datagram, a peek
/// would block. A `recv` must still return the datagram.
fn a_datagram_that_was_peeked_at_is_received<K: Kitchen>() {
    K::open().block_on(async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        set_option(&socket, libc::SOL_SOCKET, libc::SO_PEEK_OFF, 0);
        let to = socket.local_addr().unwrap();
        socket.send_to(b"soup", to).await.unwrap();
        let mut buffer = [0; 8];
        assert_eq!(socket.peek(&mut buffer).await.unwrap(), 4);
        let again = timeout(Duration::from_millis(20), socket.peek(&mut buffer));
        assert!(again.await.is_err());
        let received = timeout(HANG, socket.recv(&mut buffer));
        assert_eq!(received.await.expect("it hangs").unwrap(), 4);
        // The next datagram ends the wait of a peek.
        let again = socket.peek(&mut buffer);
        let send = async {
            sleep(Duration::from_millis(10)).await;
            socket.send_to(b"rice", to).await.unwrap();
        };
        let both = timeout(HANG, futures::future::join(again, send));
        assert_eq!(both.await.expect("it hangs").0.unwrap(), 4);
    });
}

/// One task waits for errors. Meanwhile another task must receive every datagram of a burst.
fn a_burst_is_received_beside_a_wait_for_errors<K: Kitchen>() {
    const MANY: usize = 100;
    K::open().block_on(async {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let to = socket.local_addr().unwrap();
        let shared = socket.clone();
        let errors = brigade::spawn(async move {
            let call = || receive(&shared, libc::MSG_ERRQUEUE);
            shared.async_io(Interest::READABLE, call).await
        });
        // Receive with `readable` and `try_recv`, and with `recv`.
        for waits in [false, true] {
            let receiver = socket.clone();
            let received = brigade::spawn(async move {
                for _ in 0..MANY {
                    if waits {
                        while receiver.try_recv(&mut [0; 8]).is_err() {
                            receiver.readable().await.unwrap();
                        }
                    } else {
                        receiver.recv(&mut [0; 8]).await.unwrap();
                    }
                }
            });
            sleep(Duration::from_millis(10)).await;
            for _ in 0..MANY {
                socket.send_to(b"soup", to).await.unwrap();
            }
            timeout(HANG, received).await.expect("it hangs").unwrap();
        }
        errors.abort();
    });
}

/// A user's call on the user's own source must not keep another such call waiting.
fn a_call_that_never_succeeds_hides_nothing_from_another<K: Kitchen>() {
    K::open().block_on(async {
        let (sender, receiver) = mio::unix::pipe::new().unwrap();
        let receiver = Arc::new(Registered::new(receiver, Interest::READABLE).unwrap());
        let shared = receiver.clone();
        let never = brigade::spawn(async move {
            let call = |_: &_| Err::<(), _>(ErrorKind::WouldBlock.into());
            shared.read_with(call).await
        });
        brigade::yield_now().await;
        io::Write::write_all(&mut &sender, b"soup").unwrap();
        for _ in 0..4 {
            sleep(Duration::from_millis(2)).await;
            let read = receiver.read_with(|mut pipe| io::Read::read(&mut pipe, &mut [0; 1]));
            let read = timeout(HANG, read).await;
            assert_eq!(read.expect("it hangs").unwrap(), 1);
        }
        never.abort();
    });
}

/// Calls for both directions fail after each event, so a pause begins. The failed calls do not
/// clear the readiness. Even so, a task that calls `readable` in a loop does not spin in the pause.
fn a_pause_lets_no_task_spin<K: Kitchen>() {
    K::open().block_on(async {
        let both = Interest::READABLE.add(Interest::WRITABLE);
        let (here, there) = pair().await;
        let here = Arc::new(here);
        let shared = here.clone();
        let never = brigade::spawn(async move {
            let call = || Err::<(), _>(ErrorKind::WouldBlock.into());
            shared.async_io(both, call).await
        });
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = tries.clone();
        let waiter = brigade::spawn(async move {
            loop {
                here.readable().await.unwrap();
                let call = || {
                    counted.fetch_add(1, Ordering::Relaxed);
                    Err::<(), _>(ErrorKind::WouldBlock.into())
                };
                let _ = here.try_io(both, call);
            }
        });
        for _ in 0..40 {
            there.write_all(b"x").await.unwrap();
            sleep(Duration::from_millis(5)).await;
        }
        assert!(tries.load(Ordering::Relaxed) <= 200, "{tries:?}");
        never.abort();
        waiter.abort();
    });
}

/// A receiver has emptied the socket and has cleared its readiness. A call then still finds the error in the
/// error queue.
fn an_error_is_found_after_the_socket_was_emptied<K: Kitchen>() {
    K::open().block_on(async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        set_option(&socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1);
        // No socket has this port now, so the OS reports an error for each datagram.
        let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let to = closed.local_addr().unwrap();
        drop(closed);
        socket.connect(to).await.unwrap();
        socket.send(b"soup").await.unwrap();
        let error = timeout(HANG, socket.recv(&mut [0; 8])).await;
        let error = error.expect("it hangs").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(futures::poll!(pin!(socket.recv(&mut [0; 8]))).is_pending());
        let call = || receive(&socket, libc::MSG_ERRQUEUE);
        let found = timeout(HANG, socket.async_io(Interest::READABLE, call)).await;
        // The error queue holds the datagram that was refused.
        assert_eq!(found.expect("it hangs").unwrap(), 4);
    });
}

/// Two calls wait for the same direction of a socket. The first always returns `WouldBlock`. The second must
/// still get the event.
fn a_call_that_fails_does_not_hide_the_event_from_another<K: Kitchen>() {
    K::open().block_on(async {
        for one_task in [false, true] {
            let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
            let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let call = |flags: i32| {
                let socket = socket.clone();
                async move {
                    let call = || receive(&socket, flags);
                    socket.async_io(Interest::READABLE, call).await.unwrap()
                }
            };
            // The socket's error queue is empty, so this call fails.
            let errors = call(libc::MSG_ERRQUEUE);
            let data = call(0);
            let to = socket.local_addr().unwrap();
            let received = async {
                if one_task {
                    let both = futures::future::select(Box::pin(errors), Box::pin(data));
                    both.await.factor_first().0
                } else {
                    let errors = brigade::spawn(errors);
                    brigade::yield_now().await;
                    let received = brigade::spawn(data).await.unwrap();
                    errors.abort();
                    received
                }
            };
            let send = async {
                sleep(Duration::from_millis(10)).await;
                sender.send_to(b"soup", to).await.unwrap();
            };
            let both = futures::future::join(received, send);
            assert_eq!(timeout(HANG, both).await.expect("it hangs").0, 4);
        }
    });
}

on_both! {
    a_datagram_that_was_peeked_at_is_received,
    a_burst_is_received_beside_a_wait_for_errors,
    a_call_that_never_succeeds_hides_nothing_from_another,
    a_pause_lets_no_task_spin,
    an_error_is_found_after_the_socket_was_emptied,
    a_call_that_fails_does_not_hide_the_event_from_another,
}
