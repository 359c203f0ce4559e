//! Tests the readiness of sockets that are read only partly, and of sockets that many tasks share.
#![cfg(target_os = "linux")]

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use brigade::Executor;
use brigade::io::Interest;
use brigade::net::{TcpStream, UnixStream};
use brigade::time::{sleep, timeout};
use brigade_tests::{CountingWaker, Kitchen, Tally, on_both, pair};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite};
use socket2::SockRef;

use crate::HANG;

/// Waits until `done` returns true. `done` checks for the effects of an event, which may be received on
/// another thread.
pub(crate) async fn until(done: impl Fn() -> bool) {
    while !done() {
        sleep(Duration::from_millis(1)).await;
    }
}

/// A method of reading a stream.
#[derive(Clone, Copy, Debug)]
enum Way {
    Inherent,
    Trait,
    Vectored,
    Try,
    Peek,
    Hyper,
    ReadWith,
}

const WAYS: [Way; 7] = [
    Way::Inherent,
    Way::Trait,
    Way::Vectored,
    Way::Try,
    Way::Peek,
    Way::Hyper,
    Way::ReadWith,
];

/// Reads `count` bytes from the stream with the method `way`.
macro_rules! read_all {
    ($stream:expr, $way:expr, $count:expr, $peek:expr) => {{
        let (mut stream, way, mut all) = ($stream, $way, Vec::new());
        while all.len() < $count {
            let mut buffer = [0; 64];
            let read = async {
                match way {
                    Way::Inherent | Way::ReadWith => stream.read(&mut buffer).await,
                    Way::Trait => AsyncReadExt::read(&mut &stream, &mut buffer).await,
                    Way::Vectored => {
                        let (one, other) = buffer.split_at_mut(32);
                        let mut parts = [IoSliceMut::new(one), IoSliceMut::new(other)];
                        AsyncReadExt::read_vectored(&mut &stream, &mut parts).await
                    }
                    Way::Try => loop {
                        stream.readable().await.unwrap();
                        match stream.try_read(&mut buffer) {
                            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                            read => break read,
                        }
                    },
                    Way::Peek => {
                        $peek(&stream).await;
                        stream.read(&mut buffer).await
                    }
                    Way::Hyper => {
                        let mut room = [MaybeUninit::uninit(); 64];
                        let mut room = hyper::rt::ReadBuf::uninit(&mut room);
                        let read = poll_fn(|cx| {
                            hyper::rt::Read::poll_read(Pin::new(&mut stream), cx, room.unfilled())
                        });
                        read.await.unwrap();
                        buffer[..room.filled().len()].copy_from_slice(room.filled());
                        Ok(room.filled().len())
                    }
                }
            };
            let read = timeout(HANG, read).await;
            let count = read
                .unwrap_or_else(|_| panic!("{way:?} hangs after {all:?}"))
                .unwrap();
            assert_ne!(count, 0, "{way:?}");
            all.extend_from_slice(&buffer[..count]);
        }
        all
    }};
}

/// A TCP read stops before an urgent byte. The bytes after the urgent byte must be read without another event.
fn a_read_that_stops_at_urgent_data_goes_on<K: Kitchen>() {
    K::open().block_on(async {
        for way in WAYS {
            for inline in [false, true] {
                let (client, server) = pair().await;
                let socket = socket2::SockRef::from(&server);
                // Without `inline`, do not borrow the client's descriptor. A borrow ends brigade's assumption
                // that a short read has emptied the socket, and this assumption is tested here.
                if inline {
                    let client = socket2::SockRef::from(&client);
                    client.set_out_of_band_inline(true).unwrap();
                }
                let waits = futures::poll!(pin!(client.readable()));
                assert!(waits.is_pending());
                socket.send(b"abc").unwrap();
                socket.send_out_of_band(b"!").unwrap();
                socket.send(b"def").unwrap();
                let expected = if inline { &b"abc!def"[..] } else { b"abcdef" };
                let peek = async |stream: &TcpStream| {
                    stream.peek(&mut [0; 16]).await.unwrap();
                };
                assert_eq!(read_all!(client, way, expected.len(), peek), expected);
            }
        }
    });
}

/// The urgent byte arrives after the reader has read the first bytes. The reader must get the bytes around it.
fn urgent_data_that_comes_later_is_passed_too<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        let (mut reader, _writer) = client.into_split();
        let socket = socket2::SockRef::from(&server);
        let mut buffer = [0; 64];
        for _ in 0..50 {
            socket.send(b"ab").unwrap();
            assert_eq!(reader.read(&mut buffer).await.unwrap(), 2);
            socket.send(b"cd").unwrap();
            socket.send_out_of_band(b"!").unwrap();
            socket.send(b"ef").unwrap();
            let mut all = [0; 4];
            let read = timeout(HANG, reader.read_exact(&mut all)).await;
            read.expect("the reader hangs").unwrap();
            assert_eq!(&all, b"cdef");
        }
    });
}

/// The program takes the urgent byte before the executor has seen its event. A read still stops at the place
/// of the urgent byte, and the next read must continue there.
fn a_read_that_stops_at_a_taken_urgent_byte_goes_on<K: Kitchen>() {
    K::open().block_on(async {
        for way in WAYS {
            let (client, server) = pair().await;
            let (here, there) = (SockRef::from(&client), SockRef::from(&server));
            there.send(b"abc").unwrap();
            there.send_out_of_band(b"!").unwrap();
            there.send(b"def").unwrap();
            while take_urgent(&here).is_err() {
                std::thread::yield_now();
            }
            let peek = async |stream: &TcpStream| {
                stream.peek(&mut [0; 16]).await.unwrap();
            };
            assert_eq!(read_all!(client, way, 6, peek), b"abcdef");
        }
    });
}

fn take_urgent(socket: &SockRef<'_>) -> io::Result<usize> {
    socket.recv_out_of_band(&mut [MaybeUninit::uninit()])
}

/// A call can wait for urgent data, even on a stream from std or on a Unix stream.
fn calls_wait_for_urgent_data<K: Kitchen>() {
    // The call must begin to wait before the byte comes.
    macro_rules! passes {
        ($here:expr, $there:expr) => {{
            let (here, there) = (SockRef::from(&$here), SockRef::from(&$there));
            let mut call = pin!($here.async_io(Interest::PRIORITY, || take_urgent(&here)));
            assert!(futures::poll!(call.as_mut()).is_pending());
            there.send_out_of_band(b"!").unwrap();
            let read = timeout(HANG, call).await;
            assert_eq!(read.expect("the call hangs").unwrap(), 1);
        }};
    }
    K::open().block_on(async {
        let (here, there) = pair().await;
        passes!(here, there);
        let here = TcpStream::try_from(here.into_std().unwrap()).unwrap();
        passes!(here, there);
        let (here, there) = UnixStream::pair().unwrap();
        // Not every kernel has urgent data for Unix sockets.
        if SockRef::from(&here).send_out_of_band(b"!").is_ok() {
            passes!(here, there);
        }
    });
}

/// Sends a byte string together with a descriptor.
fn send_with_descriptor(socket: &StdUnixStream, bytes: &[u8]) {
    // SAFETY: all pointers refer to locals that outlive the call, and all lengths are right. The control
    // buffer is aligned and as long as `CMSG_SPACE` requires.
    unsafe {
        let mut control = [0_u64; 8];
        let mut part = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(4) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(4) as _;
        libc::CMSG_DATA(header)
            .cast::<i32>()
            .write_unaligned(socket.as_raw_fd());
        let sent = libc::sendmsg(socket.as_raw_fd(), &raw const message, 0);
        assert_eq!(usize::try_from(sent).unwrap(), bytes.len());
    }
}

/// A read of a Unix stream stops after bytes that came with a descriptor. The next read returns the bytes
/// that follow.
fn a_read_that_stops_at_a_passed_descriptor_goes_on<K: Kitchen>() {
    K::open().block_on(async {
        for way in WAYS {
            let (here, there) = StdUnixStream::pair().unwrap();
            let stream = UnixStream::try_from(here).unwrap();
            assert!(futures::poll!(pin!(stream.readable())).is_pending());
            send_with_descriptor(&there, b"abc");
            std::io::Write::write_all(&mut &there, b"def").unwrap();
            let peek = async |_: &UnixStream| {};
            assert_eq!(read_all!(stream, way, 6, peek), b"abcdef");
        }
    });
}

/// The OS takes at most 1,024 buffers per call. If there are more buffers, or many empty buffers come first,
/// a read or write moves as many bytes as it can. The next call continues after these bytes.
fn more_buffers_than_the_os_takes_are_read_and_written<K: Kitchen>() {
    const PARTS: usize = 3_000;
    K::open().block_on(async {
        let (mut client, mut server) = pair().await;
        for empty in [0, 2_000] {
            let bytes = [7; PARTS];
            let mut parts: Vec<IoSlice<'_>> = vec![IoSlice::new(&[]); empty];
            parts.extend(bytes.chunks(1).map(IoSlice::new));
            let mut parts = &mut parts[..];
            while !parts.is_empty() {
                let write = poll_fn(|cx| Pin::new(&mut server).poll_write_vectored(cx, parts));
                let count = timeout(HANG, write)
                    .await
                    .expect("the writer hangs")
                    .unwrap();
                assert_ne!(count, 0);
                IoSlice::advance_slices(&mut parts, count);
            }
            let mut read = 0;
            while read < PARTS {
                let mut bytes = [0; PARTS];
                let mut parts: Vec<_> = (0..empty).map(|_| IoSliceMut::new(&mut [])).collect();
                parts.extend(bytes.chunks_mut(1).map(IoSliceMut::new));
                let more = poll_fn(|cx| Pin::new(&mut client).poll_read_vectored(cx, &mut parts));
                let count = timeout(HANG, more)
                    .await
                    .expect("the reader hangs")
                    .unwrap();
                assert_ne!(count, 0, "the stream ended too early");
                read += count;
            }
            assert_eq!(read, PARTS);
        }
    });
}

/// 3,000 tasks wait for one socket with `poll_read`. While nothing happens, no task is polled. Every event
/// reaches every task.
fn thousands_of_tasks_poll_one_socket_without_spinning<K: Kitchen>() {
    const TASKS: usize = 3_000;
    K::open().block_on(async {
        let (client, server) = pair().await;
        let (client, polls) = (Arc::new(client), Tally::new());
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let (client, polls) = (client.clone(), polls.clone());
                brigade::spawn(async move {
                    let mut byte = [0];
                    let read = poll_fn(|cx| {
                        polls.add();
                        Pin::new(&mut &*client).poll_read(cx, &mut byte)
                    });
                    read.await.unwrap()
                })
            })
            .collect();
        while polls.get() < TASKS {
            brigade::yield_now().await;
        }
        sleep(Duration::from_millis(300)).await;
        assert!(polls.get() <= 2 * TASKS, "{} polls", polls.get());
        for _ in 0..TASKS {
            server.write_all(&[1]).await.unwrap();
        }
        for task in tasks {
            let read = timeout(HANG, task).await;
            assert_eq!(read.expect("a task was not woken").unwrap(), 1);
        }
    });
}

/// Tasks that take turns at polling one socket do not wake each other.
fn two_tasks_that_poll_in_turn_wake_nobody<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        let counts = [(); 3].map(|()| CountingWaker::new());
        for _ in 0..100 {
            for count in &counts {
                let waker = Waker::from(count.clone());
                let polled =
                    Pin::new(&mut &client).poll_read(&mut Context::from_waker(&waker), &mut [0]);
                assert!(polled.is_pending());
            }
        }
        assert!(counts.iter().all(|count| count.count() == 0));
        server.write_all(b"!").await.unwrap();
        until(|| counts.iter().all(|count| count.count() == 1)).await;
    });
}

/// A task polls a socket with `poll_read`, and drops a future that waited for the same socket. The waker from
/// `poll_read` must stay registered.
fn a_dropped_future_takes_no_poll_functions_waker<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        let count = CountingWaker::new();
        let waker = Waker::from(count.clone());
        let mut cx = Context::from_waker(&waker);
        for future_first in [true, false] {
            let mut byte = [0];
            let mut readable = Box::pin(client.readable());
            for turn in [future_first, !future_first] {
                if turn {
                    assert!(readable.as_mut().poll(&mut cx).is_pending());
                } else {
                    assert!(
                        Pin::new(&mut &client)
                            .poll_read(&mut cx, &mut byte)
                            .is_pending()
                    );
                }
            }
            drop(readable);
            let before = count.count();
            server.write_all(b"!").await.unwrap();
            until(|| count.count() == before + 1).await;
            while client.try_read(&mut byte).is_ok() {}
        }
    });
}

/// An event wakes a task that awaits `readable`. The task does not wait again, even if another task was
/// polled first and drained the socket.
fn a_task_that_was_woken_from_readable_does_not_wait_again<K: Kitchen>() {
    K::open().block_on(async {
        let (client, server) = pair().await;
        let waker = Waker::noop();
        let mut cx = Context::from_waker(waker);
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(client.readable())).collect();
        for readable in &mut waiting {
            assert!(readable.as_mut().poll(&mut cx).is_pending());
        }
        server.write_all(b"!").await.unwrap();
        client.readable().await.unwrap();
        while client.try_read(&mut [0]).is_ok() {}
        for readable in &mut waiting {
            let polled = readable.as_mut().poll(&mut cx);
            assert!(polled.is_ready(), "the task was woken and waits again");
        }
        assert!(pin!(client.readable()).as_mut().poll(&mut cx).is_pending());
    });
}

/// A future that waits for a socket is polled with another waker. The destructor of the first waker panics, but
/// this panic does not reach the poll.
fn a_poll_contains_the_panic_of_the_waker_it_replaces<K: Kitchen>() {
    struct DropBomb;
    impl Wake for DropBomb {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for DropBomb {
        fn drop(&mut self) {
            panic!("a foreign waker panics when it is dropped");
        }
    }
    K::open().block_on(async {
        let (client, server) = pair().await;
        let mut readable = pin!(client.readable());
        let bomb = Waker::from(Arc::new(DropBomb));
        let polled = readable.as_mut().poll(&mut Context::from_waker(&bomb));
        assert!(polled.is_pending());
        drop(bomb);
        let polled = (readable.as_mut()).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        server.write_all(b"!").await.unwrap();
        timeout(HANG, readable).await.unwrap().unwrap();
    });
}

on_both! {
    a_poll_contains_the_panic_of_the_waker_it_replaces,
    a_read_that_stops_at_urgent_data_goes_on,
    urgent_data_that_comes_later_is_passed_too,
    a_read_that_stops_at_a_taken_urgent_byte_goes_on,
    calls_wait_for_urgent_data,
    a_read_that_stops_at_a_passed_descriptor_goes_on,
    more_buffers_than_the_os_takes_are_read_and_written,
    thousands_of_tasks_poll_one_socket_without_spinning,
    two_tasks_that_poll_in_turn_wake_nobody,
    a_dropped_future_takes_no_poll_functions_waker,
    a_task_that_was_woken_from_readable_does_not_wait_again,
}
