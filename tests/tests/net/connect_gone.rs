//! Some operations on sockets are retried after a delay. If the socket's executor is gone, such an operation
//! must return an error, and must not be retried in a busy loop.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use brigade::net::UnixStream;
use brigade::time::sleep;
use brigade::{Executor, SingleThread};
use brigade_tests::{Kitchen, LIMIT, on_both};
use socket2::{Domain, SockAddr, Socket, Type};

/// Returns a listener whose queue is full, and the sockets that fill it.
fn full(path: &Path) -> (Socket, Vec<Socket>) {
    let stream = || Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    let (listener, address) = (stream(), SockAddr::unix(path).unwrap());
    listener.bind(&address).unwrap();
    listener.listen(0).unwrap();
    let mut crowd = Vec::new();
    loop {
        let guest = stream();
        guest.set_nonblocking(true).unwrap();
        if guest.connect(&address).is_err() {
            return (listener, crowd);
        }
        crowd.push(guest);
    }
}

fn a_connection_to_a_full_queue_ends_with_its_executor<K: Kitchen>() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("listener");
    let _full = full(&path);

    // Connect in a job, which outlives the executor.
    let executor = K::open();
    let (handle, to) = (executor.handle(), path.clone());
    let (send, receive) = mpsc::channel();
    drop(executor.handle().spawn_blocking(move || {
        let connected = handle.block_on(UnixStream::connect(to));
        send.send(connected.is_err()).unwrap();
    }));
    thread::sleep(Duration::from_millis(30));
    drop(executor);
    assert!(receive.recv_timeout(LIMIT).expect("the job hangs"));

    // Begin the connect in one executor, and drop that executor. Then await the connect in another executor.
    let executor = K::open();
    let mut connecting = Box::pin(UnixStream::connect(path));
    executor.block_on(async {
        assert!(futures::poll!(connecting.as_mut()).is_pending());
    });
    drop(executor);
    SingleThread::new().unwrap().block_on(async {
        let other = brigade::spawn(sleep(Duration::from_millis(1)));
        connecting.await.unwrap_err();
        other.await.unwrap();
    });
}

on_both! {
    a_connection_to_a_full_queue_ends_with_its_executor,
}
