//! Timers and sockets.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use brigade::Executor;
use brigade::net::{TcpListener, TcpStream};

use super::{one_cook, two_cooks, wait_for};

fn timers(executor: impl Executor) {
    let far = Duration::from_secs(1000);
    executor.block_on(async {
        let near = brigade::spawn(brigade::time::sleep(Duration::from_millis(2)));
        let stopped = brigade::time::timeout(Duration::from_millis(1), pending::<()>()).await;
        assert!(stopped.is_err());
        near.await.unwrap();
        // This sleep is dropped on another thread while it is armed.
        let mut sleep = Box::pin(brigade::time::sleep(far));
        poll_fn(|cx| {
            assert!(sleep.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        let elsewhere = thread::spawn(move || drop(sleep));
        brigade::time::sleep(Duration::from_millis(1)).await;
        elsewhere.join().unwrap();
    });
}

#[test]
fn timers_of_one_cook() {
    timers(one_cook());
}

#[test]
fn timers_of_many_cooks() {
    timers(two_cooks());
}

/// Two sleeps are dropped on two threads, while this thread drops their executor. The last of the three
/// threads frees the wheel. At that time, the other two threads must have unlocked it completely.
#[test]
fn sleeps_and_their_executor_end_together() {
    let executor = one_cook();
    let sleeps = executor.block_on(async {
        let mut sleeps =
            [(); 2].map(|()| Box::pin(brigade::time::sleep(Duration::from_secs(1000))));
        poll_fn(|cx| {
            for sleep in &mut sleeps {
                assert!(sleep.as_mut().poll(cx).is_pending());
            }
            Poll::Ready(())
        })
        .await;
        sleeps
    });
    let threads = sleeps.map(|sleep| thread::spawn(move || drop(sleep)));
    drop(executor);
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Makes two ends of a connection over loopback. Miri passes the system calls on these sockets to the OS.
async fn connect() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let guest = brigade::spawn(async move { TcpStream::connect(address).await.unwrap() });
    let (here, _) = listener.accept().await.unwrap();
    (here, guest.await.unwrap())
}

fn sockets(executor: impl Executor) {
    executor.block_on(async {
        let (here, there) = connect().await;
        let echo = brigade::spawn(async move {
            let mut buffer = [0; 8];
            let mut total = 0;
            loop {
                let count = there.read(&mut buffer).await.unwrap();
                if count == 0 {
                    return total;
                }
                total += count;
                there.write_all(&buffer[..count]).await.unwrap();
            }
        });
        for text in ["noodles", "sauce"] {
            here.write_all(text.as_bytes()).await.unwrap();
            let mut back = vec![0; text.len()];
            let mut got = 0;
            while got < back.len() {
                got += here.read(&mut back[got..]).await.unwrap();
            }
            assert_eq!(back, text.as_bytes());
        }
        drop(here);
        assert_eq!(echo.await.unwrap(), 12);
    });
}

#[test]
fn sockets_of_one_cook() {
    sockets(one_cook());
}

#[test]
fn sockets_of_many_cooks() {
    sockets(two_cooks());
}

/// A task waits for bytes that never come. The executor is dropped first, then the socket and its waker.
fn a_socket_outlives(executor: impl Executor) {
    let (here, there) = executor.block_on(connect());
    let here = Arc::new(here);
    let reader = executor.spawn({
        let here = here.clone();
        async move { here.read(&mut [0; 8]).await }
    });
    executor.block_on(async { brigade::yield_now().await });
    drop(executor);
    assert!(wait_for(reader).unwrap_err().is_aborted());
    // No event will come any more, so this read returns an error and does not wait forever.
    assert!(wait_for(here.read(&mut [0; 8])).is_err());
    drop((here, there));
}

#[test]
fn a_socket_outlives_one_cook() {
    a_socket_outlives(one_cook());
}

#[test]
fn a_socket_outlives_many_cooks() {
    a_socket_outlives(two_cooks());
}

/// The socket reads into hyper's buffer without filling it with zeros first.
#[cfg(feature = "hyper")]
#[test]
fn hyper_reads_into_room_that_holds_nothing_yet() {
    use hyper::rt::{Read, ReadBuf};
    use std::mem::MaybeUninit;
    use std::pin::Pin;

    async fn read(stream: &mut (impl Read + Unpin), count: usize) -> Vec<u8> {
        let mut room = [MaybeUninit::uninit(); 16];
        let mut buffer = ReadBuf::uninit(&mut room);
        while buffer.filled().len() < count {
            poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, buffer.unfilled()))
                .await
                .unwrap();
        }
        buffer.filled().to_vec()
    }

    one_cook().block_on(async {
        let (mut here, there) = connect().await;
        there.write_all(b"salt").await.unwrap();
        assert_eq!(read(&mut here, 4).await, b"salt");
        // The socket can also be wrapped in `Io`, like any other stream of futures-io.
        let mut here = brigade::hyper::Io::new(here);
        there.write_all(b"oil").await.unwrap();
        assert_eq!(read(&mut here, 3).await, b"oil");
    });
}
