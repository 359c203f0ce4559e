//! A stream that does not wait forever for a client that has stopped reading.
//!
//! hyper times out a client that is slow to *send* its headers. But a client that sends requests and never
//! reads fills the socket's buffer. The reply, with all the memory that it holds, then waits for as long as
//! the client likes. [`Patient`] gives up when a write makes no progress for a while.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use brigade::{
    net::TcpStream,
    time::{Sleep, sleep},
};
use hyper::rt::{Read, ReadBufCursor, Write};

/// A TCP stream whose writes fail with `TimedOut` when they are stuck.
#[derive(Debug)]
pub(crate) struct Patient {
    stream: TcpStream,
    patience: Duration,
    /// A timer that ends when a write has been stuck for too long. `None` if no write is stuck.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    pub(crate) fn new(stream: TcpStream, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            stuck: None,
        }
    }

    /// Passes on the result of a write, or fails if writing has been stuck for too long.
    fn judge<T>(
        &mut self,
        cx: &mut Context<'_>,
        answer: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if answer.is_ready() {
            self.stuck = None;
            return answer;
        }
        let patience = self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stuck.as_mut().poll(cx));
        self.stuck = None;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Read for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        let answer = Write::poll_write(Pin::new(&mut self.stream), cx, from);
        self.judge(cx, answer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Write::poll_flush(Pin::new(&mut self.stream), cx);
        // A flush sends nothing here, so its success is no sign of progress.
        match answer {
            Poll::Pending => self.judge(cx, answer),
            ready => ready,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Write::poll_shutdown(Pin::new(&mut self.stream), cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use brigade::net::TcpListener;

    use super::*;

    #[test]
    fn a_write_that_is_stuck_fails_and_one_that_goes_on_does_not() {
        brigade::run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let reader = TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let mut patient = Patient::new(stream, Duration::from_millis(50));
            let block = vec![7; 1 << 20];
            let mut written = 0;
            let error = loop {
                match poll_fn(|cx| Pin::new(&mut patient).poll_write(cx, &block)).await {
                    Ok(count) => written += count,
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            // Once the client reads again, the buffer has space again.
            let mut into = vec![0; 1 << 20];
            while written > 0 {
                written -= reader.read(&mut into).await.unwrap();
            }
            let again = poll_fn(|cx| Pin::new(&mut patient).poll_write(cx, b"room")).await;
            assert_eq!(again.unwrap(), 4);
            assert!(patient.stuck.is_none());
        });
    }
}
