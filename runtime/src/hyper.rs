//! Implements hyper's runtime traits for brigade's types (feature `hyper`).
//!
//! hyper's clients and servers run on brigade without glue code of your own:
//!
//! - [`TcpStream`](crate::net::TcpStream) and `UnixStream` implement [`hyper::rt::Read`] and
//!   [`hyper::rt::Write`]. Their reads do not first fill hyper's buffer with zeros, and their vectored writes
//!   go to the OS in one call.
//! - [`Io`] wraps any other stream of futures-io, such as a TLS stream.
//! - [`FuturesIo`] does the reverse. It wraps a stream of hyper, such as an upgraded connection, for
//!   code that uses futures-io.
//! - `Connector` opens the connections of hyper-util's pooled client.
//! - [`Timer`] and [`Sleep`] provide hyper's timeouts. [`Executor`] and [`LocalExecutor`] run hyper's tasks.
//!
//! ```
//! use brigade::net::{TcpListener, TcpStream};
//! # use std::convert::Infallible;
//! # use hyper::{Request, Response, body::Incoming, service::service_fn};
//!
//! # brigade::run(async {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let address = listener.local_addr()?;
//! brigade::spawn(async move {
//!     let (stream, _) = listener.accept().await.unwrap();
//!     let hello = service_fn(|_: Request<Incoming>| async {
//!         Ok::<_, Infallible>(Response::new("hello".to_string()))
//!     });
//!     hyper::server::conn::http1::Builder::new()
//!         .timer(brigade::hyper::Timer)
//!         .serve_connection(stream, hello)
//!         .await
//! });
//!
//! let stream = TcpStream::connect(address).await?;
//! let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
//! brigade::spawn(connection);
//! let reply = sender.send_request(Request::new(String::new())).await?;
//! assert!(reply.status().is_success());
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod connector;
mod reverse_io;

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use ::hyper::rt::{self, ReadBufCursor};
use futures_io::{AsyncRead, AsyncWrite};

pub use self::connector::Connector;
pub use self::reverse_io::FuturesIo;
use crate::handle::Handle;
use crate::net::{ByteStream, Socket};
use crate::task::spawn;
use crate::time::{Sleep, sleep, sleep_until};

/// Reads with `read` into the unused part of hyper's buffer.
///
/// `read` must only write to its slice, not read from it. Like `recv`, it returns the number of bytes written
/// from the start of the slice.
fn fill(
    mut buffer: ReadBufCursor<'_>,
    read: impl FnOnce(&mut [u8]) -> Poll<io::Result<usize>>,
) -> Poll<io::Result<()>> {
    // SAFETY: the bytes may be uninitialised, but `read` neither reads nor de-initialises them.
    let room = unsafe {
        let room = buffer.as_mut();
        &mut *(std::ptr::from_mut(room) as *mut [u8])
    };
    let count = ready!(read(room))?;
    // SAFETY: `read` has written this many bytes.
    unsafe { buffer.advance(count) };
    Poll::Ready(Ok(()))
}

impl<S: ByteStream> rt::Read for Socket<S> {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // The socket passes the slice to `recv`, which only writes to it.
        fill(buffer, |room| AsyncRead::poll_read(self, cx, room))
    }
}

impl<S: ByteStream> rt::Write for Socket<S> {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(self, cx, from)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(self, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_close(self, cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write_vectored(self, cx, from)
    }
}

/// Wraps any stream of futures-io as a stream of hyper.
///
/// ```
/// # brigade::run(async {
/// use brigade::hyper::Io;
/// use futures_util::io::BufReader;
/// # use brigade::net::{TcpListener, TcpStream};
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let stream = TcpStream::connect(listener.local_addr()?).await?;
///
/// // A stream that wraps another one, as TLS does.
/// let stream = Io::new(BufReader::new(stream));
/// let (_sender, connection) =
///     hyper::client::conn::http1::handshake::<_, String>(stream).await?;
/// # drop(connection);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// The wrapped stream may read from hyper's buffer, so `Io` fills the buffer with zeros before each read. The
/// sockets of brigade need neither the wrapper nor the zeros.
#[derive(Debug)]
pub struct Io<T>(T);

impl<T> Io<T> {
    /// Wraps a stream.
    ///
    /// ```
    /// # brigade::run(async {
    /// use brigade::hyper::Io;
    /// use futures_util::io::Cursor;
    ///
    /// // A stream in memory.
    /// let stream = Io::new(Cursor::new(Vec::new()));
    /// let connection = hyper::client::conn::http1::handshake::<_, String>(stream).await;
    /// assert!(connection.is_ok());
    /// # });
    /// ```
    pub fn new(stream: T) -> Self {
        Io(stream)
    }

    /// Returns a reference to the stream.
    ///
    /// ```
    /// use brigade::hyper::Io;
    ///
    /// let stream = Io::new(futures_util::io::Cursor::new("soup"));
    /// assert_eq!(stream.get_ref().position(), 0);
    /// ```
    pub fn get_ref(&self) -> &T {
        &self.0
    }

    /// Unwraps the stream.
    ///
    /// ```
    /// use brigade::hyper::Io;
    ///
    /// let stream = Io::new(futures_util::io::Cursor::new("soup"));
    /// assert_eq!(stream.into_inner().into_inner(), "soup");
    /// ```
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: AsyncRead + Unpin> rt::Read for Io<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // SAFETY: nothing is de-initialised, because only zeros are written.
        let room = unsafe { buffer.as_mut() };
        room.fill(std::mem::MaybeUninit::new(0));
        // SAFETY: every byte was initialised just now.
        let room = unsafe { &mut *(std::ptr::from_mut(room) as *mut [u8]) };
        let length = room.len();
        let count = ready!(Pin::new(&mut self.0).poll_read(cx, room))?;
        assert!(
            count <= length,
            "a stream returned more bytes than the buffer holds"
        );
        // SAFETY: the whole buffer is initialised.
        unsafe { buffer.advance(count) };
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> rt::Write for Io<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }

    /// Always returns true, because a stream of futures-io cannot report whether it supports vectored writes.
    /// If it does not, each call writes only one slice, and hyper passes the other slices again.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, from)
    }
}

impl rt::Sleep for Sleep {}

/// Implements hyper's timeouts with timers of the current executor.
///
/// ```
/// use std::time::Duration;
/// use hyper::rt::Timer;
///
/// brigade::run(async {
///     let timer = brigade::hyper::Timer;
///     let before = timer.now();
///     timer.sleep(Duration::from_millis(2)).await;
///     assert!(timer.now() >= before + Duration::from_millis(2));
/// });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Timer;

impl rt::Timer for Timer {
    #[track_caller]
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(sleep(duration))
    }

    #[track_caller]
    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(sleep_until(deadline))
    }

    fn now(&self) -> Instant {
        crate::time::now()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn rt::Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(sleep) => sleep.get_mut().reset(deadline),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

/// Runs hyper's tasks as tasks of the current executor; see [`brigade::spawn`](fn@crate::spawn). HTTP/2 in
/// hyper requires such an executor:
///
/// ```
/// use hyper::rt::Executor;
///
/// brigade::run(async {
///     let (send, receive) = std::sync::mpsc::channel();
///     brigade::hyper::Executor.execute(async move { send.send("soup").unwrap() });
///     while receive.try_recv().is_err() {
///         brigade::yield_now().await;
///     }
/// });
/// ```
///
/// # Panics
/// Panics outside of an executor.
#[derive(Clone, Copy, Debug, Default)]
pub struct Executor;

impl<F> rt::Executor<F> for Executor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[track_caller]
    fn execute(&self, future: F) {
        drop(spawn::spawn(future));
    }
}

impl<F> rt::Executor<F> for Handle
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        drop(self.spawn(future));
    }
}

/// Runs hyper's tasks, which need not be `Send`, on the current single-thread executor; see
/// [`brigade::spawn_local`](crate::spawn_local). With `LocalExecutor`, HTTP/2 services need not be `Send`
/// either.
///
/// ```
/// use std::rc::Rc;
/// use hyper::rt::Executor;
///
/// brigade::SingleThread::new()?.block_on(async {
///     let pot = Rc::new("soup");
///     let here = pot.clone();
///     brigade::hyper::LocalExecutor.execute(async move { drop(here) });
///     while Rc::strong_count(&pot) > 1 {
///         brigade::yield_now().await;
///     }
/// });
/// # std::io::Result::Ok(())
/// ```
///
/// # Panics
/// Panics outside of a [`SingleThread`](crate::SingleThread).
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalExecutor;

impl<F> rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    #[track_caller]
    fn execute(&self, future: F) {
        drop(spawn::spawn_local(future));
    }
}
