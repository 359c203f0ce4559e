//! Tests UDP sockets.

use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;

use brigade::Executor;
use brigade::net::UdpSocket;
use brigade_tests::{Kitchen, Tally, on_both, park_on};

/// Returns two sockets that are connected to each other.
async fn pair() -> (UdpSocket, UdpSocket) {
    let one = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    one.connect(other.local_addr().unwrap()).await.unwrap();
    other.connect(one.local_addr().unwrap()).await.unwrap();
    (one, other)
}

fn datagrams_there_and_back<K: Kitchen>() {
    K::open().block_on(async {
        let (one, other) = pair().await;
        assert_eq!(one.peer_addr().unwrap(), other.local_addr().unwrap());
        let echo = brigade::spawn(async move {
            let mut buffer = [0; 64];
            for _ in 0..100 {
                let length = other.recv(&mut buffer).await.unwrap();
                assert_eq!(other.send(&buffer[..length]).await.unwrap(), length);
            }
        });
        for n in 0..100_u8 {
            let text = vec![n; usize::from(n) % 50];
            one.send(&text).await.unwrap();
            let mut buffer = [0; 64];
            let length = one.recv(&mut buffer).await.unwrap();
            assert_eq!(buffer[..length], text);
        }
        echo.await.unwrap();
    });
}

/// An unconnected socket sends to and receives from many addresses.
fn many_guests_of_one_socket<K: Kitchen>() {
    K::open().block_on(async {
        let waiter = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = waiter.local_addr().unwrap();
        let guests: Vec<_> = (0..20_u8)
            .map(|n| {
                brigade::spawn(async move {
                    let guest = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                    guest.send_to(&[n], address).await.unwrap();
                    let mut bill = [0; 4];
                    let (length, from) = guest.recv_from(&mut bill).await.unwrap();
                    assert_eq!((&bill[..length], from), (&[n, n][..], address));
                })
            })
            .collect();
        for _ in 0..20 {
            let mut order = [0; 4];
            let (length, from) = waiter.recv_from(&mut order).await.unwrap();
            assert_eq!(length, 1);
            waiter.send_to(&[order[0]; 2], from).await.unwrap();
        }
        for guest in guests {
            guest.await.unwrap();
        }
        assert!(waiter.peer_addr().is_err());
        assert!(waiter.send(b"to whom?").await.is_err());
    });
}

/// mio #881: each read must take exactly one datagram, even if the datagram is empty or fills the buffer
/// exactly. A larger datagram is truncated.
fn datagrams_of_every_size<K: Kitchen>() {
    K::open().block_on(async {
        let (one, other) = pair().await;
        for text in [&b""[..], b"soup", b"noodles and sauce", b"rice"] {
            one.send(text).await.unwrap();
        }
        let mut buffer = [0; 4];
        assert_eq!(other.recv(&mut buffer).await.unwrap(), 0);
        assert_eq!(other.recv(&mut buffer).await.unwrap(), 4);
        assert_eq!(&buffer, b"soup");
        assert_eq!(other.recv(&mut buffer).await.unwrap(), 4);
        assert_eq!(&buffer, b"nood");
        assert_eq!(other.recv(&mut buffer).await.unwrap(), 4);
        assert_eq!(&buffer, b"rice");
        let large = vec![7; 65_507];
        one.send(&large).await.unwrap();
        let mut buffer = vec![0; 65_535];
        assert_eq!(other.recv(&mut buffer).await.unwrap(), large.len());
        assert!(one.send(&[0; 65_508]).await.is_err());
    });
}

/// mio #1895: a peek must take no datagram. If there is no datagram, the peek must wait.
fn peek_takes_nothing<K: Kitchen>() {
    K::open().block_on(async {
        let (one, other) = pair().await;
        let mut buffer = [0; 8];
        {
            let mut peek = pin!(other.peek(&mut buffer));
            assert!(futures::poll!(peek.as_mut()).is_pending());
            one.send(b"soup").await.unwrap();
            assert_eq!(peek.await.unwrap(), 4);
        }
        let (length, from) = other.peek_from(&mut buffer).await.unwrap();
        assert_eq!((length, from), (4, one.local_addr().unwrap()));
        assert_eq!(other.recv(&mut buffer).await.unwrap(), 4);
        let empty = other.try_recv_from(&mut buffer).unwrap_err();
        assert_eq!(empty.kind(), ErrorKind::WouldBlock);
        one.writable().await.unwrap();
        one.try_send_to(b"rice", other.local_addr().unwrap())
            .unwrap();
        other.readable().await.unwrap();
        let (length, from) = other.try_recv_from(&mut buffer).unwrap();
        assert_eq!((length, from), (4, one.local_addr().unwrap()));
    });
}

/// If no socket receives a datagram, a later call of the sender returns an error. The sender can still be
/// used.
fn nobody_there<K: Kitchen>() {
    K::open().block_on(async {
        let (one, other) = pair().await;
        let address = other.local_addr().unwrap();
        drop(other);
        let refused = async {
            loop {
                one.send(b"anybody?").await?;
                one.recv(&mut [0; 8]).await?;
            }
        };
        let error: Result<(), std::io::Error> = refused.await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let other = UdpSocket::bind(address).await.unwrap();
        other
            .send_to(b"me", one.local_addr().unwrap())
            .await
            .unwrap();
        assert_eq!(one.recv(&mut [0; 8]).await.unwrap(), 2);
    });
}

/// Many tasks share one socket. Each datagram reaches one of them.
fn many_tasks_receive_from_one_socket<K: Kitchen>() {
    K::open().block_on(async {
        let (one, other) = pair().await;
        let (other, received) = (Arc::new(other), Tally::new());
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let (other, received) = (other.clone(), received.clone());
                brigade::spawn(async move {
                    while other.recv(&mut [0; 8]).await.unwrap() > 0 {
                        received.add();
                    }
                })
            })
            .collect();
        for sent in 0..200 {
            one.send(b"soup").await.unwrap();
            // Send only as fast as the tasks receive, because the OS would drop datagrams otherwise.
            while received.get() < sent {
                brigade::yield_now().await;
            }
        }
        // Send an empty datagram to end each task.
        for task in tasks {
            one.send(b"").await.unwrap();
            drop(task);
        }
        while received.get() < 200 {
            brigade::yield_now().await;
        }
    });
}

fn options_and_sockets_of_std<K: Kitchen>() {
    K::open().block_on(async {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let socket = UdpSocket::try_from(socket).unwrap();
        assert_eq!(socket.local_addr().unwrap(), address);
        socket.set_broadcast(true).unwrap();
        socket.set_ttl(9).unwrap();
        assert_eq!(socket.ttl().unwrap(), 9);
        assert!(format!("{socket:?}").contains("UdpSocket"));
        let mut recv = pin!(socket.recv_from(&mut []));
        assert!(futures::poll!(recv.as_mut()).is_pending());
    });
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let error = UdpSocket::try_from(socket).unwrap_err();
    assert!(error.to_string().contains("UdpSocket::try_from"));
    let error = park_on(UdpSocket::bind("127.0.0.1:0")).unwrap_err();
    assert!(error.to_string().contains("UdpSocket::bind"));
}

/// If a socket outlives its executor, operations that would wait return an error.
fn a_socket_that_lost_its_executor<K: Kitchen>() {
    let executor = K::open();
    let socket = executor.block_on(UdpSocket::bind("127.0.0.1:0")).unwrap();
    drop(executor);
    let error = park_on(socket.recv(&mut [0])).unwrap_err();
    assert!(error.to_string().contains("dropped"));
}

on_both! {
    datagrams_there_and_back,
    many_guests_of_one_socket,
    datagrams_of_every_size,
    peek_takes_nothing,
    nobody_there,
    many_tasks_receive_from_one_socket,
    options_and_sockets_of_std,
    a_socket_that_lost_its_executor,
}
