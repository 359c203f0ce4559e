//! What sockets have in common.
//!
//! **Job.** Write down once, as macros, what would be the same in each file of a socket: how it is
//! taken over from std, shown and lent out; and what both kinds of byte stream do. What only one of
//! them does stands in its own file. **Owns** nothing. **Never** decides anything: each method hands
//! one call to the [`Registered`] source, in the field `io`.

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
use crate::io::{BOTH, Interest, Registered, current_reactor};
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
    ($stream:ident, $address:ty) => {
        impl $stream {
            /// A connection that was accepted: nothing speaks against writing at once.
            pub(super) fn accepted(
                reactor: Arc<Reactor>,
                stream: mio::net::$stream,
            ) -> io::Result<Self> {
                let io = Registered::with_reactor(reactor, stream, BOTH, true)?;
                Ok($stream { io })
            }

            #[cfg(feature = "hyper")]
            pub(crate) fn registered(&self) -> &Registered<mio::net::$stream> {
                &self.io
            }

            /// Reads once there is something: how many bytes, or 0 at the end of the stream.
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
            /// # Errors
            /// If the executor is dropped meanwhile.
            ///
            /// # Cancel safety
            /// Nothing is lost when it is dropped.
            pub async fn writable(&self) -> io::Result<()> {
                self.io.writable().await
            }

            /// Reads what is there.
            ///
            /// # Errors
            /// `WouldBlock` if nothing is; and those of the OS.
            pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
                self.io.try_read_with(|mut stream| stream.read(into))
            }

            /// Writes what there is room for.
            ///
            /// # Errors
            /// `WouldBlock` if there is none; and those of the OS.
            pub fn try_write(&self, from: &[u8]) -> io::Result<usize> {
                self.io.try_write_with(|mut stream| stream.write(from))
            }

            /// This end's address.
            ///
            /// # Errors
            /// Those of the OS.
            pub fn local_addr(&self) -> io::Result<$address> {
                self.io.get_ref().local_addr()
            }

            /// The other end's address.
            ///
            /// # Errors
            /// Those of the OS.
            pub fn peer_addr(&self) -> io::Result<$address> {
                self.io.get_ref().peer_addr()
            }

            /// Ends one half of the connection or both.
            ///
            /// # Errors
            /// Those of the OS.
            pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                self.io.get_ref().shutdown(how)
            }

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
byte_stream!(TcpStream, std::net::SocketAddr);

#[cfg(unix)]
socket!(UnixListener, unix::net::UnixListener, Interest::READABLE);
#[cfg(unix)]
socket!(UnixStream, unix::net::UnixStream, BOTH);
#[cfg(unix)]
socket!(UnixDatagram, unix::net::UnixDatagram, BOTH);
#[cfg(unix)]
byte_stream!(UnixStream, unix::net::SocketAddr);
