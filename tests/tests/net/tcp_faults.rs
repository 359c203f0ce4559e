//! Tests failures of connections, and the errors that users get.

use std::future::pending;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use brigade::Executor;
use brigade::net::{TcpListener, TcpStream};
use brigade::time::{sleep, timeout};
use brigade_tests::{
    CountingWaker, Kitchen, nobody, on_both, pair, park_on, to_and_fro, waiting_reader,
};
use socket2::SockRef;
use std::task::{Context, Waker};

/// Closes a connection with a reset instead of an orderly end.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(stream);
}

/// mio #1565: if a connection is refused, the error must come from `connect`, not from the first read.
fn refused<K: Kitchen>() {
    K::open().block_on(async {
        for _ in 0..50 {
            let error = TcpStream::connect(nobody()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    });
}

/// `connect` gets several addresses, and uses the first one that answers. If all addresses refuse, the error
/// reports the refusal.
fn the_first_address_that_answers<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let stream = TcpStream::connect([nobody(), open, nobody()])
            .await
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
        let error = TcpStream::connect([nobody(), nobody()]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let none: &[SocketAddr] = &[];
        assert_eq!(
            TcpStream::connect(none).await.unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        let taken = TcpListener::bind(open).await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let second = TcpListener::bind(vec![open, "127.0.0.1:0".parse().unwrap()])
            .await
            .unwrap();
        assert_ne!(second.local_addr().unwrap(), open);
    });
}

/// tokio's test `epollhup`: a connect that is dropped midway must not affect the socket that is made next.
fn a_connect_dropped_midway<K: Kitchen>() {
    K::open().block_on(async {
        for _ in 0..50 {
            // No machine has this address, because it is reserved for documentation. The packets may be lost,
            // have no route, or be refused immediately.
            let black_hole = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 9));
            for target in [black_hole, nobody()] {
                let mut connect = pin!(TcpStream::connect(target));
                let _ = futures::poll!(connect.as_mut());
            }
            let (client, server) = pair().await;
            client.write_all(b"soup").await.unwrap();
            let mut buffer = [0; 4];
            assert_eq!(server.read(&mut buffer).await.unwrap(), 4);
        }
    });
}

/// A connection attempt can be timed out if it gets no answer.
fn a_connect_can_be_timed_out<K: Kitchen>() {
    K::open().block_on(async {
        let black_hole = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 9));
        // If the machine has no route, the OS returns an error before the timeout.
        let connect = timeout(Duration::from_millis(20), TcpStream::connect(black_hole)).await;
        assert!(!matches!(connect, Ok(Ok(_))));
    });
}

/// tokio-core #117: a reset must reach a waiting reader, a waiting writer, and all later calls.
fn a_reset_reaches_everybody<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        let client = Arc::new(client);
        let (begun, ready) = async_channel::unbounded();
        let reader = brigade::spawn({
            let (client, begun) = (client.clone(), begun.clone());
            async move {
                begun.send(()).await.unwrap();
                client.read(&mut [0]).await
            }
        });
        let writer = brigade::spawn({
            let client = client.clone();
            async move {
                begun.send(()).await.unwrap();
                client.write_all(&vec![0; 64 << 20]).await
            }
        });
        ready.recv().await.unwrap();
        ready.recv().await.unwrap();
        sleep(Duration::from_millis(10)).await;
        reset(server);
        // The OS reports the reset only once, to the reader or the writer. The reader may get the end of the
        // stream instead, and the writer may get a broken pipe.
        let read = reader.await.unwrap();
        let wrote = writer.await.unwrap().unwrap_err();
        assert!(matches!(
            wrote.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ));
        match read {
            Ok(count) => assert_eq!(count, 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        let late = client.write(b"soup").await.unwrap_err();
        assert!(matches!(
            late.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ));
    });
}

/// If no writer waits, a reader gets the reset as an error.
fn a_reset_in_the_middle_of_a_read<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        server.write_all(b"sou").await.unwrap();
        let mut buffer = [0; 8];
        assert_eq!(client.read(&mut buffer).await.unwrap(), 3);
        let reader = waiting_reader(client).await;
        reset(server);
        let error = reader.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

/// If a connection is reset before it is accepted, the listener continues.
fn a_connection_that_broke_in_the_queue<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for _ in 0..20 {
            reset(TcpStream::connect(address).await.unwrap());
        }
        let client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"soup").await.unwrap();
        let guest = client.local_addr().unwrap();
        let found = async {
            loop {
                let (stream, peer) = listener.accept().await.unwrap();
                if peer == guest {
                    return stream;
                }
            }
        };
        let stream = found.await;
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 4);
    });
}

/// tokio #2924: after the executor of a socket was dropped, an operation that would wait must return an error
/// and not hang. Bytes that have already arrived can still be read.
fn a_socket_that_lost_its_executor<K: Kitchen>() {
    let executor = K::open();
    let (client, server, listener) = executor.block_on(async {
        let (client, server) = pair().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        client.write_all(b"soup").await.unwrap();
        while server.peek(&mut [0; 4]).await.unwrap() < 4 {}
        (client, server, listener)
    });
    let gone = |kind: Result<usize, std::io::Error>| {
        let error = kind.unwrap_err();
        assert!(error.to_string().contains("dropped"), "{error}");
    };
    drop(executor);
    let mut buffer = [0; 8];
    assert_eq!(park_on(server.read(&mut buffer)).unwrap(), 4);
    gone(park_on(server.read(&mut buffer)));
    gone(park_on(server.peek(&mut buffer)));
    gone(park_on(server.readable()).map(|()| 0));
    gone(park_on(listener.accept()).map(|_| 0));
    let other = K::open();
    other.block_on(async { gone(client.read(&mut [0]).await) });
}

/// Operations on sockets wait with foreign wakers, one of them on another thread. When the sockets' executor
/// is dropped, these operations return an error.
fn whoever_waits_when_the_executor_goes_is_told<K: Kitchen>() {
    let executor = K::open();
    let (client, server, listener) = executor.block_on(async {
        let (client, server) = pair().await;
        (
            client,
            server,
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
        )
    });
    let waker = CountingWaker::new();
    let registered = Waker::from(waker.clone());
    let mut cx = Context::from_waker(&registered);
    let mut byte = [0];
    let mut read = pin!(client.read(&mut byte));
    assert!(read.as_mut().poll(&mut cx).is_pending());
    let mut accept = pin!(listener.accept());
    assert!(accept.as_mut().poll(&mut cx).is_pending());
    let (begun, ready) = std::sync::mpsc::channel();
    let elsewhere = thread::spawn(move || {
        let told = {
            let mut byte = [0];
            let mut read = pin!(server.read(&mut byte));
            assert!(brigade_tests::poll_once(read.as_mut()).is_pending());
            begun.send(()).unwrap();
            park_on(read)
        };
        (told, server)
    });
    ready.recv().unwrap();
    drop(executor);
    let (told, _server) = elsewhere.join().unwrap();
    assert!(told.is_err());
    assert_eq!(waker.count(), 2);
    assert!(park_on(read).is_err());
    assert!(park_on(accept).is_err());
}

/// A socket cannot be made without an executor, or while the executor closes. The error names the function
/// that was called.
fn sockets_need_an_executor<K: Kitchen>() {
    let named = |error: std::io::Error, function: &str| {
        let text = error.to_string();
        assert!(
            text.contains(function) && text.contains("outside"),
            "{text}"
        );
    };
    named(
        park_on(TcpListener::bind("127.0.0.1:0")).unwrap_err(),
        "TcpListener::bind",
    );
    named(
        park_on(TcpStream::connect(nobody())).unwrap_err(),
        "TcpStream::connect",
    );
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = std::net::TcpStream::connect(plain.local_addr().unwrap()).unwrap();
    named(
        TcpStream::try_from(stream).unwrap_err(),
        "TcpStream::try_from",
    );
    named(
        TcpListener::try_from(plain).unwrap_err(),
        "TcpListener::try_from",
    );
    named(
        park_on(brigade::net::lookup_host("localhost:80")).unwrap_err(),
        "lookup_host",
    );
    let executor = K::open();
    let (errors, error) = std::sync::mpsc::channel();
    let late = brigade_tests::Dropped(move || {
        let bind = TcpListener::bind("127.0.0.1:0");
        let _ = errors.send(futures::executor::block_on(bind).map(drop));
    });
    drop(executor.spawn(async move {
        let _late = late;
        pending::<()>().await;
    }));
    executor.block_on(brigade::yield_now());
    drop(executor);
    // The bind may succeed before the reactor closes, or may be refused, but it must not panic.
    let _ = error.recv().unwrap();
}

/// A task awaits a socket of another executor. That executor wakes the task.
fn a_socket_of_another_executor<K: Kitchen>() {
    let (handles, sockets) = std::sync::mpsc::channel();
    let (end, ended) = async_channel::bounded::<()>(1);
    let home = thread::spawn(move || {
        let executor = K::open();
        executor.block_on(async {
            handles.send(pair().await).unwrap();
            ended.recv().await.unwrap();
        });
    });
    K::open().block_on(to_and_fro(sockets.recv().unwrap()));
    end.send_blocking(()).unwrap();
    home.join().unwrap();
}

on_both! {
    refused,
    the_first_address_that_answers,
    a_connect_dropped_midway,
    a_connect_can_be_timed_out,
    a_reset_reaches_everybody,
    a_reset_in_the_middle_of_a_read,
    a_connection_that_broke_in_the_queue,
    a_socket_that_lost_its_executor,
    whoever_waits_when_the_executor_goes_is_told,
    sockets_need_an_executor,
    a_socket_of_another_executor,
}
