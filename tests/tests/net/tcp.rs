//! Tests common uses of TCP streams.

use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use brigade::Executor;
use brigade::net::{TcpListener, TcpStream};
use brigade::time::sleep;
use brigade_tests::{Kitchen, Tally, on_both, pair, waiting_reader};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Reads exactly `count` bytes.
async fn read_exact(stream: &TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    let mut have = 0;
    while have < count {
        let more = stream.read(&mut bytes[have..]).await.unwrap();
        assert_ne!(more, 0, "the stream ended after {have} bytes");
        have += more;
    }
    bytes
}

/// The peer sends a text back, and then the stream ends.
fn echo<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        let echo = brigade::spawn(async move {
            let mut buffer = [0; 7];
            loop {
                let count = server.read(&mut buffer).await.unwrap();
                if count == 0 {
                    break;
                }
                server.write_all(&buffer[..count]).await.unwrap();
            }
        });
        client.write_all(b"noodles and sauce").await.unwrap();
        assert_eq!(read_exact(&client, 17).await, b"noodles and sauce");
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        echo.await.unwrap();
    });
}

/// Several mebibytes pass through the traits of futures-io, with many partial reads and writes.
fn many_bytes_arrive_in_order<K: Kitchen>() {
    const BYTES: usize = 8 << 20;
    K::open().block_on(async {
        let (mut client, server) = pair().await;
        let writer = brigade::spawn(async move {
            let block: Vec<u8> = (0..=250).collect();
            let all: Vec<u8> = block.into_iter().cycle().take(BYTES).collect();
            // Write through a shared reference, which implements the traits too.
            let mut stream = &server;
            AsyncWriteExt::write_all(&mut stream, &all).await.unwrap();
            AsyncWriteExt::close(&mut stream).await.unwrap();
            server
        });
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes.len(), BYTES);
        assert!(
            bytes
                .iter()
                .enumerate()
                .all(|(n, &byte)| n % 251 == usize::from(byte))
        );
        drop(writer.await.unwrap());
    });
}

/// mio #933, tokio #449: the peer closes only its write half. This side must then read the remaining bytes and
/// the end of the stream, and must still be able to write. The test then swaps the two sides.
fn half_close_both_ways<K: Kitchen>() {
    K::open().block_on(async {
        for client_first in [true, false] {
            let (a, b) = pair().await;
            let (closer, other) = if client_first { (a, b) } else { (b, a) };
            closer.write_all(b"last").await.unwrap();
            closer.shutdown(Shutdown::Write).unwrap();
            assert_eq!(read_exact(&other, 4).await, b"last");
            assert_eq!(other.read(&mut [0]).await.unwrap(), 0);
            // A second read returns the end of the stream again.
            assert_eq!(other.read(&mut [0]).await.unwrap(), 0);
            for _ in 0..3 {
                other.write_all(b"still here").await.unwrap();
                assert_eq!(read_exact(&closer, 10).await, b"still here");
            }
            other.shutdown(Shutdown::Write).unwrap();
            assert_eq!(closer.read(&mut [0]).await.unwrap(), 0);
            let error = closer.write_all(b"too late").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        }
    });
}

/// The end of the stream wakes a waiting reader, whether the peer has closed one half or both.
fn a_waiting_reader_is_woken_by_the_end<K: Kitchen>() {
    K::open().block_on(async {
        for how in [Shutdown::Write, Shutdown::Both] {
            let (client, server) = pair().await;
            let reader = waiting_reader(client).await;
            server.shutdown(how).unwrap();
            assert_eq!(reader.await.unwrap().unwrap(), 0);
        }
    });
}

/// mio #1895: a peek must take no bytes. If there are no bytes, the peek must wait like a read.
fn peek_takes_nothing<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        for text in [b"soup", b"rice"] {
            let mut buffer = [0; 8];
            {
                let mut peek = pin!(client.peek(&mut buffer));
                assert!(futures::poll!(peek.as_mut()).is_pending());
                server.write_all(text).await.unwrap();
                assert_eq!(peek.await.unwrap(), 4);
            }
            assert_eq!(&buffer[..4], text);
            assert_eq!(client.peek(&mut buffer[..2]).await.unwrap(), 2);
            assert_eq!(read_exact(&client, 4).await, text);
        }
    });
}

/// `try_read` and `try_write` never wait. A task calls them after `readable` and `writable`.
fn tries_never_wait<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        let mut buffer = [0; 8];
        let nothing = client.try_read(&mut buffer).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        server.writable().await.unwrap();
        assert_eq!(server.try_write(b"soup").unwrap(), 4);
        client.readable().await.unwrap();
        assert_eq!(client.try_read(&mut buffer).unwrap(), 4);
        // The socket is drained, so the next readiness requires a new event.
        let nothing = client.try_read(&mut buffer).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        {
            let mut readable = pin!(client.readable());
            assert!(futures::poll!(readable.as_mut()).is_pending());
            server.write_all(b"rice").await.unwrap();
            readable.await.unwrap();
        }
        assert_eq!(client.try_read(&mut buffer).unwrap(), 4);
        // Write until the OS takes no more bytes.
        let block = vec![0; 1 << 16];
        let full = loop {
            if let Err(error) = server.try_write(&block) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
    });
}

/// If the socket's buffer is full, the writer sleeps, without spinning, until the reader makes space.
fn a_full_buffer_is_waited_for<K: Kitchen>() {
    const BYTES: usize = 16 << 20;
    K::open().block_on(async {
        let (client, server) = pair().await;
        let polls = Tally::new();
        let counted = polls.clone();
        let writer = brigade::spawn(async move {
            let all = vec![7; BYTES];
            let mut write = pin!(server.write_all(&all));
            poll_fn(|cx| {
                counted.add();
                write.as_mut().poll(cx)
            })
            .await
            .unwrap();
        });
        // Wait until the writer makes no more progress.
        let mut before = 0;
        while before == 0 || polls.get() != before {
            before = polls.get();
            sleep(Duration::from_millis(20)).await;
        }
        // While the peer does not read, the writer is not polled.
        sleep(Duration::from_millis(100)).await;
        assert_eq!(polls.get(), before);
        assert!(!writer.is_finished());
        let mut left = BYTES;
        let mut buffer = vec![0; 1 << 20];
        let mut reads = 0;
        while left > 0 {
            left -= client.read(&mut buffer).await.unwrap();
            reads += 1;
        }
        writer.await.unwrap();
        assert!(
            polls.get() - before <= 4 * reads + 100,
            "{} polls, {reads} reads",
            polls.get()
        );
    });
}

/// One system call of vectored I/O moves several slices.
fn vectored_io_moves_several_slices<K: Kitchen>() {
    K::open().block_on(async {
        let (mut client, mut server) = pair().await;
        let slices = [&b"noo"[..], b"", b"dles", b" and sauce"].map(IoSlice::new);
        let wrote = poll_fn(|cx| Pin::new(&mut server).poll_write_vectored(cx, &slices)).await;
        assert_eq!(wrote.unwrap(), 17);
        let mut ends = [[0; 10], [0; 10]];
        while client.peek(&mut [0; 17]).await.unwrap() < 17 {}
        let [first, second] = &mut ends;
        let mut slices = [IoSliceMut::new(first), IoSliceMut::new(second)];
        let read = poll_fn(|cx| Pin::new(&mut client).poll_read_vectored(cx, &mut slices)).await;
        assert_eq!(read.unwrap(), 17);
        assert_eq!(&ends.concat()[..17], b"noodles and sauce");
        // Vectored writes also work through references.
        let slices = [&b"ri"[..], b"ce"].map(IoSlice::new);
        let wrote = poll_fn(|cx| Pin::new(&mut &server).poll_write_vectored(cx, &slices)).await;
        assert_eq!(wrote.unwrap(), 4);
        assert_eq!(read_exact(&client, 4).await, b"rice");
    });
}

/// `poll_close` closes only the write half. It may be called repeatedly, even if the peer is gone.
fn close_ends_the_write_half<K: Kitchen>() {
    K::open().block_on(async {
        let (mut client, server) = pair().await;
        client.close().await.unwrap();
        client.close().await.unwrap();
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
        server.write_all(b"soup").await.unwrap();
        assert_eq!(read_exact(&client, 4).await, b"soup");
        client.flush().await.unwrap();
        drop(server);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        client.close().await.unwrap();
    });
}

/// A read or a write with an empty buffer does not affect the stream.
fn empty_buffers_are_harmless<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        server.write_all(b"").await.unwrap();
        assert_eq!(server.write(b"").await.unwrap(), 0);
        server.write_all(b"soup").await.unwrap();
        assert_eq!(client.read(&mut []).await.unwrap(), 0);
        assert_eq!(read_exact(&client, 4).await, b"soup");
    });
}

/// Sockets of std, which block by default, can be converted into sockets of brigade.
fn sockets_of_std_are_taken_over<K: Kitchen>() {
    K::open().block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::try_from(listener).unwrap();
        assert_eq!(listener.local_addr().unwrap(), address);
        let plain = std::net::TcpStream::connect(address).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let client = TcpStream::try_from(plain).unwrap();
        client.write_all(b"soup").await.unwrap();
        assert_eq!(read_exact(&server, 4).await, b"soup");
        server.write_all(b"rice").await.unwrap();
        assert_eq!(read_exact(&client, 4).await, b"rice");
    });
}

/// The peer uses blocking I/O on a separate thread.
fn a_blocking_peer<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            let mut text = String::new();
            stream.write_all(b"soup, please").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            stream.read_to_string(&mut text).unwrap();
            text
        });
        let (mut server, _) = listener.accept().await.unwrap();
        let mut order = String::new();
        server.read_to_string(&mut order).await.unwrap();
        server
            .write_all(format!("{order}: done").as_bytes())
            .await
            .unwrap();
        drop(server);
        assert_eq!(peer.join().unwrap(), "soup, please: done");
    });
}

fn options_are_passed_on<K: Kitchen>() {
    K::open().block_on(async {
        let (client, _server) = pair().await;
        for on in [true, false] {
            client.set_nodelay(on).unwrap();
            assert_eq!(client.nodelay().unwrap(), on);
        }
        client.set_ttl(42).unwrap();
        assert_eq!(client.ttl().unwrap(), 42);
        let shown = format!("{client:?}");
        assert!(shown.contains("TcpStream"), "{shown}");
    });
}

/// Tests IPv6 if the machine has it.
fn the_other_address_family<K: Kitchen>() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    K::open().block_on(async {
        let listener = TcpListener::bind("[::1]:0").await.unwrap();
        let connect = TcpStream::connect(listener.local_addr().unwrap());
        let (client, server) = futures::join!(connect, listener.accept());
        client.unwrap().write_all(b"soup").await.unwrap();
        assert_eq!(read_exact(&server.unwrap().0, 4).await, b"soup");
    });
}

/// If a socket is not ready, repeated polls return `Pending`, and the socket still works afterwards.
fn polls_through_the_traits_wait<K: Kitchen>() {
    K::open().block_on(async {
        let (mut client, server) = pair().await;
        let mut buffer = [0; 4];
        poll_fn(|cx| {
            for _ in 0..10 {
                assert!(
                    Pin::new(&mut client)
                        .poll_read(cx, &mut buffer)
                        .is_pending()
                );
            }
            Poll::Ready(())
        })
        .await;
        server.write_all(b"soup").await.unwrap();
        client.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"soup");
    });
}

/// tokio #5866: the bytes and the end of the stream come in one event. If a read takes all the bytes, the
/// socket must not forget the end, because no other event will come.
fn a_short_read_before_the_end<K: Kitchen>() {
    K::open().block_on(async {
        for through_the_trait in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            // Do not wait between the two calls, so that the single-thread executor gets both in one event.
            std::io::Write::write_all(&mut peer, b"salt").unwrap();
            peer.shutdown(std::net::Shutdown::Write).unwrap();
            let mut buffer = [0; 64];
            let mut all = Vec::new();
            loop {
                let count = if through_the_trait {
                    AsyncReadExt::read(&mut &stream, &mut buffer).await.unwrap()
                } else {
                    stream.read(&mut buffer).await.unwrap()
                };
                if count == 0 {
                    break;
                }
                all.extend_from_slice(&buffer[..count]);
            }
            assert_eq!(all, b"salt");
        }
    });
}

on_both! {
    a_short_read_before_the_end,
    echo,
    many_bytes_arrive_in_order,
    half_close_both_ways,
    a_waiting_reader_is_woken_by_the_end,
    peek_takes_nothing,
    tries_never_wait,
    a_full_buffer_is_waited_for,
    vectored_io_moves_several_slices,
    close_ends_the_write_half,
    empty_buffers_are_harmless,
    sockets_of_std_are_taken_over,
    a_blocking_peer,
    options_are_passed_on,
    the_other_address_family,
    polls_through_the_traits_wait,
}
