//! Drops futures before they are ready, and tests that nothing is lost except what their documentation names.
//!
//! Each operation is polled once, dropped if it has to wait, and then repeated. The other end of the
//! connection works at a different pace. At the end, every byte, datagram and connection must have arrived
//! once and in order.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use brigade::Executor;
use brigade::net::{TcpListener, TcpStream};
use brigade_tests::{Kitchen, on_both, pair};

/// The number of bytes or datagrams that go from one end to the other.
const TOTAL: usize = 20_000;

/// Polls a future once. If the future has to wait, drops it and yields.
async fn once<F: Future>(future: F) -> Option<F::Output> {
    let polled = {
        let mut future = pin!(future);
        poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
    };
    match polled {
        Poll::Ready(output) => Some(output),
        Poll::Pending => {
            brigade::yield_now().await;
            None
        }
    }
}

/// Returns byte number `n` of the stream.
fn byte(n: usize) -> u8 {
    (n % 251) as u8
}

fn reads_lose_no_byte<K: Kitchen>() {
    K::open().block_on(async {
        let (writer, reader) = pair().await;
        let writing = brigade::spawn(async move {
            let mut sent = 0;
            while sent < TOTAL {
                let step = (1 + sent % 7).min(TOTAL - sent);
                let bytes: Vec<u8> = (sent..sent + step).map(byte).collect();
                writer.write_all(&bytes).await.unwrap();
                sent += step;
                if sent % 5 < 2 {
                    brigade::yield_now().await;
                }
            }
        });
        let mut had = 0;
        let mut buffer = [0; 16];
        loop {
            let room = 1 + had % buffer.len();
            // Use each method of reading in turn.
            let count = match had % 4 {
                0 => once(reader.read(&mut buffer[..room])).await,
                1 => {
                    let _ = once(reader.readable()).await;
                    once(reader.read(&mut buffer[..room])).await
                }
                2 => {
                    let _ = once(reader.peek(&mut buffer)).await;
                    reader.try_read(&mut buffer[..room]).map(Ok).ok()
                }
                _ => {
                    let mut reader = &reader;
                    let read = futures::AsyncReadExt::read(&mut reader, &mut buffer[..room]);
                    once(read).await
                }
            };
            let Some(count) = count else {
                brigade::yield_now().await;
                continue;
            };
            let count = count.unwrap();
            if count == 0 {
                break;
            }
            for (n, &got) in buffer[..count].iter().enumerate() {
                assert_eq!(got, byte(had + n), "byte {}", had + n);
            }
            had += count;
        }
        assert_eq!(had, TOTAL);
        writing.await.unwrap();
    });
}

fn writes_count_every_byte<K: Kitchen>() {
    K::open().block_on(async {
        let (writer, reader) = pair().await;
        let reading = brigade::spawn(async move {
            let mut buffer = vec![0; 64 << 10];
            let mut had = 0_usize;
            loop {
                let count = reader.read(&mut buffer).await.unwrap();
                if count == 0 {
                    return had;
                }
                for (n, &got) in buffer[..count].iter().enumerate() {
                    assert_eq!(got, byte(had + n));
                }
                had += count;
                brigade::yield_now().await;
            }
        });
        // These bytes do not fit into the sockets' buffers, so a write may send only some of the bytes that
        // it gets.
        const ALL: usize = 8 << 20;
        let bytes: Vec<u8> = (0..ALL).map(byte).collect();
        let mut sent = 0;
        while sent < ALL {
            let end = (sent + 300_000).min(ALL);
            if let Some(count) = once(writer.write(&bytes[sent..end])).await {
                sent += count.unwrap();
            }
        }
        drop(writer);
        assert_eq!(reading.await.unwrap(), ALL);
    });
}

#[cfg(unix)]
fn no_datagram_is_lost<K: Kitchen>() {
    K::open().block_on(async {
        // Unix sockets neither lose nor reorder datagrams. If the receiver's queue is full, the sender waits
        // for space.
        let (sender, receiver) = brigade::net::UnixDatagram::pair().unwrap();
        let sending = brigade::spawn(async move {
            for n in 0..TOTAL {
                let datagram = n.to_be_bytes();
                while once(sender.send(&datagram)).await.is_none() {}
            }
        });
        let mut buffer = [0; 16];
        for n in 0..TOTAL {
            let count = loop {
                if let Some(count) = once(receiver.recv(&mut buffer)).await {
                    break count.unwrap();
                }
            };
            assert_eq!(buffer[..count], n.to_be_bytes());
        }
        sending.await.unwrap();
    });
}

fn no_connection_is_lost<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let guests = brigade::spawn(async move {
            let mut guests = Vec::new();
            for n in 0..200_u8 {
                let stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(&[n]).await.unwrap();
                guests.push(stream);
            }
            guests
        });
        for n in 0..200 {
            let stream = loop {
                if let Some(accepted) = once(listener.accept()).await {
                    break accepted.unwrap().0;
                }
            };
            let mut buffer = [0];
            stream.read(&mut buffer).await.unwrap();
            assert_eq!(buffer, [n]);
        }
        drop(guests.await.unwrap());
    });
}

on_both! {
    reads_lose_no_byte,
    writes_count_every_byte,
    no_datagram_is_lost,
    no_connection_is_lost,
}
