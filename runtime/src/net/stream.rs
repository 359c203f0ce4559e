//! The methods of byte streams: read, write and shut down.
//!
//! A read or a write is one system call, made when the socket is ready. Nothing is buffered. If the
//! connection is already gone, closing a stream succeeds.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::socket::{Peer, Socket};
use crate::coop;
use crate::reactor::Direction;
use crate::reactor::readiness::ReadySnapshot;

/// A byte stream of mio. The trait is sealed. See [`TcpStream`](super::TcpStream).
pub trait ByteStream: Peer {
    /// Returns a shared reference to the socket, for system calls.
    fn calls(&self) -> impl Read + Write;
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
}

impl ByteStream for mio::net::TcpStream {
    fn calls(&self) -> impl Read + Write {
        self
    }
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

impl ByteStream for mio::net::UnixStream {
    fn calls(&self) -> impl Read + Write {
        self
    }
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

impl<S: ByteStream> Socket<S> {
    // Some methods are not `async fn`, because the future of an `async fn` stores the arguments twice. The
    // size matters, because each idle connection holds the future of a read.

    /// Waits for bytes and reads them. Returns their number, or 0 at the end of the stream.
    ///
    /// ```
    /// # brigade::run(async {
    /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// peer.write_all(b"soup").await?;
    /// let mut buffer = [0; 1024];
    /// let count = stream.read(&mut buffer).await?;
    /// assert_eq!(&buffer[..count], b"soup");
    ///
    /// drop(peer);
    /// assert_eq!(stream.read(&mut buffer).await?, 0); // the end
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future loses no byte.
    pub fn read(&self, into: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        let read = move |seen| self.read_once(seen, into);
        self.io.source.io(Direction::Read, read)
    }

    /// Reads with one system call. `seen` is the readiness before the call.
    fn read_once(&self, seen: ReadySnapshot, into: &mut [u8]) -> io::Result<usize> {
        let count = self.io.get_ref().calls().read(into)?;
        self.io.source.read.note_read(seen, count, into.len());
        Ok(count)
    }

    /// Reads until `into` is full.
    ///
    /// ```
    /// # brigade::run(async {
    /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// # peer.write_all(&[0, 4, b's', b'o', b'u', b'p']).await?;
    /// // Two bytes contain the length. The message follows.
    /// let mut length = [0; 2];
    /// stream.read_exact(&mut length).await?;
    /// let mut message = vec![0; u16::from_be_bytes(length).into()];
    /// stream.read_exact(&mut message).await?;
    /// assert_eq!(message, b"soup");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read), and `UnexpectedEof` if the stream ends first. The error
    /// does not report how many bytes were read.
    ///
    /// # Cancel safety
    /// Not cancel safe: dropping the future loses the bytes that it has read.
    pub fn read_exact(&self, into: &mut [u8]) -> impl Future<Output = io::Result<()>> {
        let (mut filled, mut done) = (0, into.is_empty());
        let mut read = self.io.source.io(Direction::Read, move |seen| {
            match self.read_once(seen, &mut into[filled..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => filled += count,
            }
            Ok(filled == into.len())
        });
        poll_fn(move |cx| {
            if done {
                // A read of 0 bytes is always ready, so spend budget here.
                ready!(coop::poll_spend(cx));
            }
            while !done {
                done = ready!(Pin::new(&mut read).poll(cx))?;
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Writes as much as the OS accepts, and returns the number of bytes.
    ///
    /// ```
    /// # brigade::run(async {
    /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// let message = b"two soups";
    /// let mut written = 0;
    /// while written < message.len() {
    ///     written += stream.write(&message[written..]).await?;
    /// }
    /// # peer.read_exact(&mut [0; 9]).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// A dropped future has written nothing.
    pub fn write(&self, from: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.io.write_with(|socket| socket.calls().write(from))
    }

    /// Writes all of `from`.
    ///
    /// ```
    /// # brigade::run(async {
    /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// let writing = brigade::spawn(async move {
    ///     // The OS's buffers are smaller, so the task waits until the peer reads.
    ///     stream.write_all(&vec![7; 1 << 20]).await
    /// });
    /// peer.read_exact(&mut vec![0; 1 << 20]).await?;
    /// writing.await.unwrap()?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`write`](Self::write), and `WriteZero` if the OS accepts no more bytes.
    ///
    /// # Cancel safety
    /// Not cancel safe: a dropped future may have written a part of the bytes.
    pub fn write_all(&self, mut from: &[u8]) -> impl Future<Output = io::Result<()>> {
        let (socket, mut done) = (self.io.get_ref(), from.is_empty());
        let mut write = self.io.source.io(Direction::Write, move |_| {
            match socket.calls().write(from)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => from = &from[count..],
            }
            Ok(from.is_empty())
        });
        poll_fn(move |cx| {
            if done {
                ready!(coop::poll_spend(cx));
            }
            while !done {
                done = ready!(Pin::new(&mut write).poll(cx))?;
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Reads bytes if the OS has reported some: see [`readable`](Self::readable).
    ///
    /// ```
    /// # brigade::run(async {
    /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// let nothing = stream.try_read(&mut [0; 16]);
    /// assert_eq!(nothing.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    /// # drop(peer);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error of the OS, or `WouldBlock` if it has reported no bytes.
    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        self.io.try_read_with(|socket| socket.calls().read(into))
    }

    /// Writes as much as the OS accepts without waiting.
    ///
    /// ```
    /// # brigade::run(async {
    /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// stream.writable().await?;
    /// // The peer reads nothing, so these writes fill the buffer.
    /// let full = loop {
    ///     if let Err(error) = stream.try_write(&[0; 4096]) {
    ///         break error;
    ///     }
    /// };
    /// assert_eq!(full.kind(), std::io::ErrorKind::WouldBlock);
    /// # drop(peer);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error of the OS, or `WouldBlock` if there is no space.
    pub fn try_write(&self, from: &[u8]) -> io::Result<usize> {
        self.io.try_write_with(|socket| socket.calls().write(from))
    }

    /// Ends one direction of the connection, or both.
    ///
    /// ```
    /// # brigade::run(async {
    /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// use std::net::Shutdown;
    ///
    /// stream.shutdown(Shutdown::Write)?;
    /// assert_eq!(peer.read(&mut [0; 1]).await?, 0); // the end
    /// // The other direction stays open.
    /// peer.write_all(b"soup").await?;
    /// stream.read_exact(&mut [0; 4]).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.get_ref().shutdown(how)
    }

    /// Ends the write direction when a stream is closed or its `OwnedWriteHalf` is dropped.
    pub(super) fn end_write(&self) -> io::Result<()> {
        match self.shutdown(Shutdown::Write) {
            // The peer has closed the connection first.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        }
    }
}

/// The maximum number of parts (slices) that every system accepts in one vectored call (`IOV_MAX`). std has
/// the same limit.
const MOST_PARTS: usize = 1024;

/// Returns the number of empty parts at the front. Callers skip these parts. Otherwise a call whose first
/// `MOST_PARTS` parts are empty would return 0, as at the end of the stream.
fn leading_empty(parts: &[impl Deref<Target = [u8]>]) -> usize {
    let filled = parts.iter().position(|part| !part.is_empty());
    filled.unwrap_or(0)
}

/// The traits are implemented for a shared reference, so that any number of tasks may use a stream.
impl<S: ByteStream> futures_io::AsyncRead for &Socket<S> {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = |seen| self.read_once(seen, into);
        self.io.source.poll_io(Direction::Read, cx, None, read)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let (socket, source) = (self.io.get_ref(), &self.io.source);
        let first = leading_empty(into);
        let into = &mut into[first..];
        // The OS reads into at most `MOST_PARTS` parts in one call.
        let room = into.iter().take(MOST_PARTS).map(|part| part.len()).sum();
        source.poll_io(Direction::Read, cx, None, |seen| {
            let count = socket.calls().read_vectored(into)?;
            source.read.note_read(seen, count, room);
            Ok(count)
        })
    }
}

impl<S: ByteStream> futures_io::AsyncWrite for &Socket<S> {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_io(Direction::Write, cx, |socket| socket.calls().write(from))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let from = &from[leading_empty(from)..];
        let write = |socket: &S| socket.calls().write_vectored(from);
        self.poll_io(Direction::Write, cx, write)
    }

    /// There is no buffer to flush.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the write direction.
    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.end_write())
    }
}

impl<S: ByteStream> futures_io::AsyncRead for Socket<S> {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read(cx, into)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read_vectored(cx, into)
    }
}

impl<S: ByteStream> futures_io::AsyncWrite for Socket<S> {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write(cx, from)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write_vectored(cx, from)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_close(cx)
    }
}
