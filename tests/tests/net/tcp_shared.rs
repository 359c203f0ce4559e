//! Tests connections that many tasks share, through references, halves and clones of `Arc`.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use brigade::Executor;
use brigade::net::{TcpListener, TcpStream};
use brigade::time::timeout;
use brigade_tests::{CountingWaker, Kitchen, Tally, on_both, pair};
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use std::task::{Context, Waker};

/// tokio #2886, #250, #8054: one task reads from a stream at full speed, while another task writes to it.
/// Neither task may clear the readiness that the other needs.
fn one_reads_and_one_writes<K: Kitchen>() {
    const BYTES: usize = 4 << 20;
    K::open().block_on(async {
        let (client, server) = pair().await;
        let mut tasks = Vec::new();
        for stream in [Arc::new(client), Arc::new(server)] {
            let writer = stream.clone();
            tasks.push(brigade::spawn(async move {
                let block = [1; 8192];
                let mut wrote = 0;
                while wrote < BYTES {
                    wrote += writer
                        .write(&block[..8192.min(BYTES - wrote)])
                        .await
                        .unwrap();
                }
                wrote
            }));
            tasks.push(brigade::spawn(async move {
                let mut buffer = [0; 5000];
                let mut read = 0;
                while read < BYTES {
                    read += stream.read(&mut buffer).await.unwrap();
                }
                read
            }));
        }
        for task in tasks {
            assert_eq!(task.await.unwrap(), BYTES);
        }
    });
}

/// Many tasks read one socket. An event wakes all of them, and every byte reaches exactly one task.
fn many_tasks_read_one_socket<K: Kitchen>() {
    const READERS: usize = 50;
    K::open().block_on(async {
        let (client, server) = pair().await;
        let (client, read) = (Arc::new(client), Tally::new());
        let readers: Vec<_> = (0..READERS)
            .map(|_| {
                let (client, read) = (client.clone(), read.clone());
                brigade::spawn(async move {
                    while client.read(&mut [0]).await.unwrap() == 1 {
                        read.add();
                    }
                })
            })
            .collect();
        for _ in 0..20 {
            server.write_all(&[0; 100]).await.unwrap();
            brigade::yield_now().await;
        }
        drop(server);
        // Every reader sees the end of the stream.
        for reader in readers {
            reader.await.unwrap();
        }
        assert_eq!(read.get(), 2000);
    });
}

/// Many tasks write to one socket. Each write sends a whole message, and no message is lost.
fn many_tasks_write_one_socket<K: Kitchen>() {
    K::open().block_on(async {
        let (client, mut server) = pair().await;
        let client = Arc::new(client);
        let writers: Vec<_> = (0..20_u8)
            .map(|n| {
                let client = client.clone();
                brigade::spawn(async move {
                    for _ in 0..200 {
                        client.write_all(&[n]).await.unwrap();
                    }
                })
            })
            .collect();
        drop(client);
        let mut bytes = Vec::new();
        server.read_to_end(&mut bytes).await.unwrap();
        for writer in writers {
            writer.await.unwrap();
        }
        for n in 0..20 {
            assert_eq!(bytes.iter().filter(|&&byte| byte == n).count(), 200);
        }
    });
}

/// Many tasks accept from one listener.
fn many_tasks_accept_from_one_listener<K: Kitchen>() {
    K::open().block_on(async {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let address = listener.local_addr().unwrap();
        let accepted = Tally::new();
        let cooks: Vec<_> = (0..10)
            .map(|_| {
                let (listener, accepted) = (listener.clone(), accepted.clone());
                brigade::spawn(async move {
                    loop {
                        let stream = listener.accept().await.unwrap();
                        // Count before the client can see the end of the stream.
                        accepted.add();
                        drop(stream);
                    }
                })
            })
            .collect();
        for _ in 0..100 {
            // The end of the stream shows that the connection was accepted and dropped.
            let client = TcpStream::connect(address).await.unwrap();
            assert_eq!(client.read(&mut [0]).await.unwrap_or(0), 0);
        }
        assert_eq!(accepted.get(), 100);
        cooks.iter().for_each(|cook| cook.abort());
    });
}

/// Each of two tasks owns one half of a stream. The halves are joined again later.
fn halves_live_apart_and_are_joined<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        let (mut reader, mut writer) = client.into_split();
        let local = reader.as_ref().local_addr().unwrap();
        let writing = brigade::spawn(async move {
            writer.write_all(b"soup, please").await.unwrap();
            writer
        });
        let reading = brigade::spawn(async move {
            let mut answer = [0; 4];
            reader.read_exact(&mut answer).await.unwrap();
            (reader, answer)
        });
        let mut order = [0; 12];
        server.read_exact(&mut order).await.unwrap();
        server.write_all(b"done").await.unwrap();
        let writer = writing.await.unwrap();
        let (reader, answer) = reading.await.unwrap();
        assert_eq!((&order, &answer), (b"soup, please", b"done"));
        let client = reader.reunite(writer).unwrap();
        assert_eq!(client.local_addr().unwrap(), local);
        // Joining the halves has closed neither direction.
        client.write_all(b"more").await.unwrap();
        let mut order = [0; 4];
        server.read_exact(&mut order).await.unwrap();
        assert_eq!(&order, b"more");
    });
}

/// Dropping the write half closes that direction. Dropping the read half closes nothing.
fn the_drop_of_a_half<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        let (reader, writer) = client.into_split();
        drop(writer);
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
        server.write_all(b"soup").await.unwrap();
        let mut reader = reader;
        let mut answer = [0; 4];
        reader.read_exact(&mut answer).await.unwrap();
        let (client, server) = pair().await;
        let (reader, mut writer) = client.into_split();
        drop(reader);
        writer.write_all(b"rice").await.unwrap();
        let mut order = [0; 4];
        assert_eq!(server.read(&mut order).await.unwrap(), 4);
        writer.close().await.unwrap();
        assert_eq!(server.read(&mut order).await.unwrap(), 0);
    });
}

/// Halves of different connections cannot be joined. They are returned to the caller.
fn strange_halves_do_not_fit<K: Kitchen>() {
    K::open().block_on(async {
        let (one, other) = pair().await;
        let (reader, own) = one.into_split();
        let (_kept, writer) = other.into_split();
        let error = reader.reunite(writer).unwrap_err();
        assert!(!error.to_string().is_empty());
        let brigade::net::ReuniteError(reader, _writer) = error;
        assert!(reader.reunite(own).is_ok());
    });
}

/// If one reader is cancelled, another reader is still woken.
fn a_cancelled_reader_wakes_no_less<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        let client = Arc::new(client);
        for _ in 0..50 {
            let patient = brigade::spawn({
                let client = client.clone();
                async move { client.read(&mut [0]).await.unwrap() }
            });
            let hasty: Vec<_> = (0..3)
                .map(|_| {
                    let client = client.clone();
                    brigade::spawn(async move { client.readable().await })
                })
                .collect();
            brigade::yield_now().await;
            hasty.iter().for_each(|task| task.abort());
            server.write_all(b"!").await.unwrap();
            let read = timeout(Duration::from_secs(20), patient).await;
            assert_eq!(read.expect("the other reader was not woken").unwrap(), 1);
        }
    });
}

/// tokio #5861: a cancelled read must leave no waker behind.
fn given_up_reads_leave_nothing_behind<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        let waker = CountingWaker::new();
        {
            let registered = Waker::from(waker.clone());
            for _ in 0..1000 {
                let mut byte = [0];
                let mut read = pin!(client.read(&mut byte));
                let polled = read.as_mut().poll(&mut Context::from_waker(&registered));
                assert!(polled.is_pending());
            }
        }
        assert_eq!(Arc::strong_count(&waker), 1);
        server.write_all(b"!").await.unwrap();
        client.readable().await.unwrap();
        assert_eq!(waker.count(), 0);
    });
}

/// A listener is also a stream of connections.
fn incoming_is_a_stream<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let guests = brigade::spawn(async move {
            for n in 0..20 {
                let guest = TcpStream::connect(address).await.unwrap();
                guest.write_all(&[n]).await.unwrap();
            }
        });
        let mut sum = 0;
        let mut incoming = listener.incoming().take(20);
        while let Some(stream) = incoming.next().await {
            let mut byte = [0];
            assert_eq!(stream.unwrap().read(&mut byte).await.unwrap(), 1);
            sum += u32::from(byte[0]);
        }
        assert_eq!(sum, 190);
        guests.await.unwrap();
    });
}

/// Hundreds of connections are open at the same time. Each has a task at either end.
fn hundreds_of_connections_at_once<K: Kitchen>() {
    const GUESTS: usize = 400;
    let executor = K::open();
    executor.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let kitchen = brigade::spawn(async move {
            for _ in 0..GUESTS {
                let (mut stream, _) = listener.accept().await.unwrap();
                drop(brigade::spawn(async move {
                    let mut order = Vec::new();
                    stream.read_to_end(&mut order).await.unwrap();
                    order.reverse();
                    stream.write_all(&order).await.unwrap();
                }));
            }
        });
        let guests: Vec<_> = (0..GUESTS)
            .map(|n| {
                brigade::spawn(async move {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    let text = n.to_string();
                    stream.write_all(text.as_bytes()).await.unwrap();
                    stream.close().await.unwrap();
                    let mut answer = String::new();
                    stream.read_to_string(&mut answer).await.unwrap();
                    answer == text.chars().rev().collect::<String>()
                })
            })
            .collect();
        let mut served = 0;
        for guest in guests {
            served += usize::from(guest.await.unwrap());
        }
        assert_eq!(served, GUESTS);
        kitchen.await.unwrap();
    });
    assert!(executor.metrics().in_flight_max > GUESTS);
}

on_both! {
    one_reads_and_one_writes,
    many_tasks_read_one_socket,
    many_tasks_write_one_socket,
    many_tasks_accept_from_one_listener,
    halves_live_apart_and_are_joined,
    the_drop_of_a_half,
    strange_halves_do_not_fit,
    a_cancelled_reader_wakes_no_less,
    given_up_reads_leave_nothing_behind,
    incoming_is_a_stream,
    hundreds_of_connections_at_once,
}
