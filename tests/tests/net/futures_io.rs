//! Tests `FuturesIo` with streams that fail, and with peers that break off.

use std::io::{Error, ErrorKind, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use brigade::Executor;
use brigade::hyper::FuturesIo;
use brigade_tests::{Kitchen, on_both, pair};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use hyper::rt::{self, ReadBufCursor};

use crate::tcp_faults::reset;

/// A stream of hyper on which every operation fails. The text of the error is the name of the operation.
struct Faulty;

fn fault<T>(operation: &str) -> Poll<std::io::Result<T>> {
    Poll::Ready(Err(Error::other(operation)))
}

impl rt::Read for Faulty {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        // A reader must not get the bytes of a read that fails.
        buffer.put_slice(b"s");
        fault("read")
    }
}

impl rt::Write for Faulty {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        fault("write")
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        fault("write_vectored")
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        fault("flush")
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        fault("shutdown")
    }
}

/// Each operation returns the error of the wrapped stream.
fn errors_of_the_wrapped_stream_are_returned<K: Kitchen>() {
    K::open().block_on(async {
        let mut stream = FuturesIo::new(Faulty);
        let slices = [IoSlice::new(b"so"), IoSlice::new(b"up")];
        for (operation, error) in [
            ("read", stream.read(&mut [0; 8]).await.map(drop)),
            ("write", stream.write(b"soup").await.map(drop)),
            (
                "write_vectored",
                stream.write_vectored(&slices).await.map(drop),
            ),
            ("flush", stream.flush().await),
            ("shutdown", stream.close().await),
        ] {
            assert_eq!(error.unwrap_err().to_string(), operation);
        }
    });
}

/// If the peer ends the stream too early, or resets the connection, the reader gets the bytes that came
/// before, and then an error.
fn a_peer_that_breaks_off_is_reported<K: Kitchen>() {
    K::open().block_on(async {
        for is_reset in [false, true] {
            let (client, server) = pair().await;
            let mut stream = FuturesIo::new(client);
            server.write_all(b"soup").await.unwrap();
            let mut bytes = [0; 4];
            stream.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"soup");
            server.write_all(b"so").await.unwrap();
            let kind = {
                let mut read = pin!(stream.read_exact(&mut bytes));
                assert!(futures::poll!(read.as_mut()).is_pending());
                if is_reset {
                    reset(server);
                } else {
                    drop(server);
                }
                read.await.unwrap_err().kind()
            };
            if is_reset {
                assert_eq!(kind, ErrorKind::ConnectionReset);
                let error = stream.write_all(b"salt").await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            } else {
                assert_eq!(kind, ErrorKind::UnexpectedEof);
                // The end of the stream stays.
                assert_eq!(stream.read(&mut bytes).await.unwrap(), 0);
            }
        }
    });
}

on_both! {
    errors_of_the_wrapped_stream_are_returned,
    a_peer_that_breaks_off_is_reported,
}
