//! What sockets have in common.
//!
//! **Job.** Write down once, as macros, what would be the same in each file of a socket: how it is
//! taken over from std, shown and lent out, which every socket needs; and what both kinds of byte
//! stream do. What only one of them does stands in its own file. **Owns** nothing. **Never** waits by
//! itself: each method hands one call to the [`Registered`] source, in the field `io`. One thing is
//! decided here: that a write half whose connection is gone already counts as ended.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
#[cfg(unix)]
use std::os::unix;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{TcpListener, TcpStream, UdpSocket};
#[cfg(unix)]
use super::{UnixDatagram, UnixListener, UnixStream};
use crate::io::{BOTH, Interest, Registered, TCP_STREAM, current_reactor};
use crate::reactor::Reactor;
use crate::sync::Arc;

/// Makes a socket out of one of std, shows it, and lends its descriptor out.
macro_rules! socket {
    ($socket:ident, $std:ty, $interest:expr) => {
        impl TryFrom<$std> for $socket {
            type Error = io::Error;

            /// Takes it over from std; it is made non-blocking.
            ///
            /// # Errors
            /// Those of the OS, and outside of an executor.
            fn try_from(socket: $std) -> io::Result<Self> {
                socket.set_nonblocking(true)?;
                let reactor = current_reactor(concat!(stringify!($socket), "::try_from"))?;
                let socket = mio::net::$socket::from_std(socket);
                // Not known to be writable: whoever gives a stream may have only begun to connect it.
                // The rest, UDP too, waits with it for the first event, which comes at once.
                let io = Registered::with_reactor(reactor, socket, $interest, false)?;
                Ok($socket { io })
            }
        }

        impl fmt::Debug for $socket {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.io.get_ref().fmt(f)
            }
        }

        #[cfg(unix)]
        impl AsFd for $socket {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.io.get_ref().as_fd()
            }
        }

        #[cfg(unix)]
        impl AsRawFd for $socket {
            fn as_raw_fd(&self) -> RawFd {
                self.io.get_ref().as_raw_fd()
            }
        }
    };
}

/// What a byte stream does: the methods, and the traits of futures-io for the stream and for a shared
/// reference to it.
macro_rules! byte_stream {
    ($stream:ident, $address:ty, $interest:expr) => {
        impl $stream {
            /// A connection that was accepted: nothing speaks against writing at once.
            pub(super) fn accepted(
                reactor: Arc<Reactor>,
                stream: mio::net::$stream,
            ) -> io::Result<Self> {
                let io = Registered::with_reactor(reactor, stream, $interest, true)?;
                Ok($stream { io })
            }

            #[cfg(feature = "hyper")]
            pub(crate) fn registered(&self) -> &Registered<mio::net::$stream> {
                &self.io
            }

            /// Reads once there is something: how many bytes, or 0 at the end of the stream.
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
            /// Those of the OS, and if the executor is dropped meanwhile.
            ///
            /// # Cancel safety
            /// Dropping the future loses no byte.
            pub async fn read(&self, into: &mut [u8]) -> io::Result<usize> {
                self.io.read(into).await
            }

            /// Fills all of `into`.
            ///
            /// ```
            /// # brigade::run(async {
            /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
            /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
            /// # let (peer, _) = listener.accept().await?;
            /// # peer.write_all(&[0, 4, b's', b'o', b'u', b'p']).await?;
            /// // A length in two bytes, and as many bytes as it says.
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
            /// As with [`read`](Self::read); `UnexpectedEof` if the stream ends before, and then it is not
            /// said how much of the buffer is filled.
            ///
            /// # Cancel safety
            /// None: dropping the future loses what it has read.
            pub async fn read_exact(&self, into: &mut [u8]) -> io::Result<()> {
                self.io.read_exact(into).await
            }

            /// Writes as much as there is room for: how many bytes.
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
            /// As with [`read`](Self::read).
            ///
            /// # Cancel safety
            /// Dropping the future writes nothing.
            pub async fn write(&self, from: &[u8]) -> io::Result<usize> {
                self.io.write(from).await
            }

            /// Writes all of it.
            ///
            /// ```
            /// # brigade::run(async {
            /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
            /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
            /// # let (peer, _) = listener.accept().await?;
            /// let writing = brigade::spawn(async move {
            ///     // More than fits: it waits until the other end reads.
            ///     stream.write_all(&vec![7; 1 << 20]).await
            /// });
            /// peer.read_exact(&mut vec![0; 1 << 20]).await?;
            /// writing.await.unwrap()?;
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            ///
            /// # Errors
            /// As with [`read`](Self::read); `WriteZero` if the OS takes no more.
            ///
            /// # Cancel safety
            /// None: dropping the future may leave a part written.
            pub async fn write_all(&self, from: &[u8]) -> io::Result<()> {
                self.io.write_all(from).await
            }

            /// Waits until a read is worth a try; see [`Registered::readable`].
            ///
            /// So a connection that says nothing needs no buffer:
            ///
            /// ```
            /// use std::io::ErrorKind;
            /// # use brigade::net::{TcpListener, TcpStream};
            /// # brigade::run(async {
            /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
            /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
            /// # let (peer, _) = listener.accept().await?;
            /// # peer.write_all(b"soup").await?;
            /// let (buffer, count) = loop {
            ///     stream.readable().await?;
            ///     let mut buffer = vec![0; 1024];
            ///     match stream.try_read(&mut buffer) {
            ///         // It was worth a try, and that was all.
            ///         Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            ///         read => break (buffer, read?),
            ///     }
            /// };
            /// assert_eq!(&buffer[..count], b"soup");
            /// # std::io::Result::Ok(())
            /// # })?;
            /// # std::io::Result::Ok(())
            /// ```
            ///
            /// # Errors
            /// If the executor is dropped meanwhile.
            ///
            /// # Cancel safety
            /// Nothing is lost when it is dropped.
            pub async fn readable(&self) -> io::Result<()> {
                self.io.readable().await
            }

            /// Waits until a write is worth a try; see [`Registered::writable`].
            ///
            /// ```
            /// # brigade::run(async {
            /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
            /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
            /// # let (peer, _) = listener.accept().await?;
            /// stream.writable().await?;
            /// assert_eq!(stream.try_write(b"soup")?, 4);
            /// # drop(peer);
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            ///
            /// # Errors
            /// If the executor is dropped meanwhile.
            ///
            /// # Cancel safety
            /// Nothing is lost when it is dropped.
            pub async fn writable(&self) -> io::Result<()> {
                self.io.writable().await
            }

            /// Reads what is there, as far as the event loop has heard: see [`readable`](Self::readable).
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
            /// `WouldBlock` if nothing is; and those of the OS.
            pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
                self.io.try_read_with(|mut stream| stream.read(into))
            }

            /// Writes what there is room for.
            ///
            /// ```
            /// # brigade::run(async {
            /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
            /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
            /// # let (peer, _) = listener.accept().await?;
            /// stream.writable().await?;
            /// // Until there is no more room: the other end reads nothing.
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
            /// `WouldBlock` if there is none; and those of the OS.
            pub fn try_write(&self, from: &[u8]) -> io::Result<usize> {
                self.io.try_write_with(|mut stream| stream.write(from))
            }

            /// This end's address.
            ///
            /// ```
            /// # brigade::run(async {
            /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
            /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
            /// # let (peer, _) = listener.accept().await?;
            /// let here = stream.local_addr()?;
            /// println!("{here:?}");
            /// # assert_eq!(here, peer.peer_addr()?);
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            ///
            /// # Errors
            /// Those of the OS.
            pub fn local_addr(&self) -> io::Result<$address> {
                self.io.get_ref().local_addr()
            }

            /// The other end's address.
            ///
            /// ```
            /// # brigade::run(async {
            /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
            /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
            /// # let (peer, _) = listener.accept().await?;
            /// let there = stream.peer_addr()?;
            /// println!("{there:?}");
            /// # assert_eq!(there, peer.local_addr()?);
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            ///
            /// # Errors
            /// Those of the OS.
            pub fn peer_addr(&self) -> io::Result<$address> {
                self.io.get_ref().peer_addr()
            }

            /// Ends one half of the connection or both.
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
            /// // The other direction goes on.
            /// peer.write_all(b"soup").await?;
            /// stream.read_exact(&mut [0; 4]).await?;
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            ///
            /// # Errors
            /// Those of the OS.
            pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                self.io.get_ref().shutdown(how)
            }

            /// Ends the write half, for closing and for the halves of a split.
            pub(super) fn end_write(&self) -> io::Result<()> {
                match self.shutdown(Shutdown::Write) {
                    // The other end was faster.
                    Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
                    other => other,
                }
            }
        }

        byte_stream_traits!($stream);
        byte_stream_traits!(&$stream);
    };
}

/// `AsyncRead` and `AsyncWrite`. Vectored reads and writes reach the OS as such.
macro_rules! byte_stream_traits {
    ($stream:ty) => {
        impl futures_io::AsyncRead for $stream {
            #[inline]
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                into: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                self.io.poll_read(cx, into)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                into: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                self.io.poll_read_vectored(cx, into)
            }
        }

        impl futures_io::AsyncWrite for $stream {
            #[inline]
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                from: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.io.poll_write(cx, from)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                from: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.io.poll_write_vectored(cx, from)
            }

            /// There is no buffer to flush.
            fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            /// Ends the write half.
            fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.end_write())
            }
        }
    };
}

socket!(TcpListener, std::net::TcpListener, Interest::READABLE);
socket!(TcpStream, std::net::TcpStream, BOTH);
socket!(UdpSocket, std::net::UdpSocket, BOTH);
byte_stream!(TcpStream, std::net::SocketAddr, TCP_STREAM);

#[cfg(unix)]
socket!(UnixListener, unix::net::UnixListener, Interest::READABLE);
#[cfg(unix)]
socket!(UnixStream, unix::net::UnixStream, BOTH);
#[cfg(unix)]
socket!(UnixDatagram, unix::net::UnixDatagram, BOTH);
#[cfg(unix)]
byte_stream!(UnixStream, unix::net::SocketAddr, BOTH);
