//! A connection within the machine, of Unix.
//!
//! **Job.** [`UnixStream`]: as [`TcpStream`](super::TcpStream), with paths for addresses. **Owns** the
//! socket, through a [`Registered`]. **Never** buffers.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::fault::Pause;
use super::stream::{byte_stream, descriptor};
use crate::io::{BOTH, Registered, current_reactor};
use crate::reactor::Reactor;

/// A connection within the machine, over a path in the file system.
///
/// It can be read and written through `&self` by any number of tasks at once, and implements the
/// futures-io traits, as does `&UnixStream`.
///
/// ```
/// use brigade::net::UnixStream;
///
/// brigade::run(async {
///     let (kitchen, hatch) = UnixStream::pair()?;
///     kitchen.write_all(b"two soups").await?;
///     let mut buffer = [0; 16];
///     let count = hatch.read(&mut buffer).await?;
///     assert_eq!(&buffer[..count], b"two soups");
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub struct UnixStream {
    io: Registered<mio::net::UnixStream>,
}

impl UnixStream {
    /// Connects to the socket at `path`.
    ///
    /// # Errors
    /// Those of the OS, and outside of an executor.
    ///
    /// # Cancel safety
    /// Dropping the future gives the connection up.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        let reactor = current_reactor("UnixStream::connect")?;
        let mut pause = Pause::new();
        let stream = loop {
            match mio::net::UnixStream::connect(path.as_ref()) {
                Ok(stream) => break stream,
                // The listener's queue is full, and the OS gives no event for when it is not.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => pause.wait().await,
                Err(error) => return Err(error),
            }
        };
        let io = Registered::with_reactor(reactor, stream, BOTH, false)?;
        io.wait_writable_until(|stream| {
            if let Some(error) = stream.take_error()? {
                return Err(error);
            }
            match stream.peer_addr() {
                Ok(_) => Ok(Some(())),
                Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await?;
        Ok(UnixStream { io })
    }

    /// Two ends of a new connection.
    ///
    /// # Errors
    /// Those of the OS, and outside of an executor.
    pub fn pair() -> io::Result<(Self, Self)> {
        let reactor = current_reactor("UnixStream::pair")?;
        let (one, other) = mio::net::UnixStream::pair()?;
        let register = |stream| Registered::with_reactor(reactor.clone(), stream, BOTH, true);
        Ok((
            UnixStream { io: register(one)? },
            UnixStream {
                io: register(other)?,
            },
        ))
    }

    /// A connection that was accepted: nothing speaks against writing at once.
    pub(super) fn accepted(
        reactor: Arc<Reactor>,
        stream: mio::net::UnixStream,
    ) -> io::Result<Self> {
        let io = Registered::with_reactor(reactor, stream, BOTH, true)?;
        Ok(UnixStream { io })
    }

    #[cfg(feature = "hyper")]
    pub(crate) fn registered(&self) -> &Registered<mio::net::UnixStream> {
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
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The other end's address.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// Ends one half of the connection or both.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.get_ref().shutdown(how)
    }

    fn end_write(&self) -> io::Result<()> {
        match self.shutdown(Shutdown::Write) {
            // The other end was faster.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        }
    }
}

byte_stream!(UnixStream, &UnixStream);

impl TryFrom<std::os::unix::net::UnixStream> for UnixStream {
    type Error = io::Error;

    /// Takes over a connection, which is made non-blocking.
    ///
    /// # Errors
    /// Those of the OS, and outside of an executor.
    fn try_from(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let reactor = current_reactor("UnixStream::try_from")?;
        let stream = mio::net::UnixStream::from_std(stream);
        let io = Registered::with_reactor(reactor, stream, BOTH, false)?;
        Ok(UnixStream { io })
    }
}

descriptor!(UnixStream);

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.get_ref().fmt(f)
    }
}
