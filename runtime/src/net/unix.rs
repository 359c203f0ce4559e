//! Sockets in the file system, of Unix.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::fault::{Fault, Pause};
use super::stream::{byte_stream, descriptor};
use crate::io::{BOTH, Interest, Registered, current_reactor};
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
    pub async fn readable(&self) -> io::Result<()> {
        self.io.readable().await
    }

    /// Waits until a write is worth a try; see [`Registered::writable`].
    ///
    /// # Errors
    /// If the executor is dropped meanwhile.
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

/// A socket at a path in the file system that accepts connections.
///
/// Dropping it leaves the path where it is, as the OS does: the next one to bind to it has to remove
/// it first.
pub struct UnixListener {
    io: Registered<mio::net::UnixListener>,
}

impl UnixListener {
    /// Listens at `path`.
    ///
    /// # Errors
    /// Those of the OS, `AddrInUse` if the path exists; and outside of an executor.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let reactor = current_reactor("UnixListener::bind")?;
        let listener = mio::net::UnixListener::bind(path)?;
        let io = Registered::with_reactor(reactor, listener, Interest::READABLE, false)?;
        Ok(UnixListener { io })
    }

    /// Waits for a connection; see [`TcpListener::accept`](super::TcpListener::accept) for what it does
    /// when there are no descriptors left.
    ///
    /// # Errors
    /// Those of the OS, and if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future loses no connection.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let mut pause = Pause::new();
        loop {
            match self.io.read_with(mio::net::UnixListener::accept).await {
                Ok((stream, peer)) => return Ok((self.take(stream)?, peer)),
                Err(error) => match Fault::of(&error) {
                    Fault::OfTheConnection => {}
                    Fault::ShortOfMeans => pause.wait().await,
                    Fault::OfTheListener => return Err(error),
                },
            }
        }
    }

    fn take(&self, stream: mio::net::UnixStream) -> io::Result<UnixStream> {
        let reactor = self.io.reactor().clone();
        let io = Registered::with_reactor(reactor, stream, BOTH, true)?;
        Ok(UnixStream { io })
    }

    /// The connections one after the other, as a stream.
    pub fn incoming(&self) -> UnixIncoming<'_> {
        UnixIncoming {
            listener: self,
            pause: Pause::new(),
        }
    }

    /// The address it listens at.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }
}

impl TryFrom<std::os::unix::net::UnixListener> for UnixListener {
    type Error = io::Error;

    /// Takes over a listener, which is made non-blocking.
    ///
    /// # Errors
    /// Those of the OS, and outside of an executor.
    fn try_from(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let reactor = current_reactor("UnixListener::try_from")?;
        let listener = mio::net::UnixListener::from_std(listener);
        let io = Registered::with_reactor(reactor, listener, Interest::READABLE, false)?;
        Ok(UnixListener { io })
    }
}

/// The stream of [`UnixListener::incoming`].
#[must_use = "a stream does nothing until it is polled"]
#[derive(Debug)]
pub struct UnixIncoming<'a> {
    listener: &'a UnixListener,
    pause: Pause,
}

impl futures_core::Stream for UnixIncoming<'_> {
    type Item = io::Result<UnixStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let listener = self.listener;
        loop {
            ready!(self.pause.poll(cx));
            let accepted = ready!(
                listener
                    .io
                    .poll_read_with(cx, mio::net::UnixListener::accept)
            );
            match accepted {
                Ok((stream, _)) => {
                    self.pause = Pause::new();
                    return Poll::Ready(Some(listener.take(stream)));
                }
                Err(error) => match Fault::of(&error) {
                    Fault::OfTheConnection => {}
                    Fault::ShortOfMeans => self.pause.begin(),
                    Fault::OfTheListener => return Poll::Ready(Some(Err(error))),
                },
            }
        }
    }
}

/// A socket for datagrams within the machine.
///
/// A datagram that is longer than the buffer is cut to it, and the rest is lost.
pub struct UnixDatagram {
    io: Registered<mio::net::UnixDatagram>,
}

impl UnixDatagram {
    /// A socket at `path`.
    ///
    /// # Errors
    /// Those of the OS, `AddrInUse` if the path exists; and outside of an executor.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        // Asked first: a path that was made stays.
        let reactor = current_reactor("UnixDatagram::bind")?;
        Self::register(reactor, mio::net::UnixDatagram::bind(path)?)
    }

    /// A socket without a path: it can send, and receive only from its peer.
    ///
    /// # Errors
    /// Those of the OS, and outside of an executor.
    pub fn unbound() -> io::Result<Self> {
        let reactor = current_reactor("UnixDatagram::unbound")?;
        Self::register(reactor, mio::net::UnixDatagram::unbound()?)
    }

    /// Two sockets that are each other's peer.
    ///
    /// # Errors
    /// Those of the OS, and outside of an executor.
    pub fn pair() -> io::Result<(Self, Self)> {
        let reactor = current_reactor("UnixDatagram::pair")?;
        let (one, other) = mio::net::UnixDatagram::pair()?;
        Ok((
            Self::register(reactor.clone(), one)?,
            Self::register(reactor, other)?,
        ))
    }

    fn register(reactor: Arc<Reactor>, socket: mio::net::UnixDatagram) -> io::Result<Self> {
        let io = Registered::with_reactor(reactor, socket, BOTH, true)?;
        Ok(UnixDatagram { io })
    }

    /// Sets the peer that [`send`](Self::send) sends to.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.io.get_ref().connect(path)
    }

    /// Sends a datagram to the peer.
    ///
    /// # Errors
    /// Those of the OS.
    ///
    /// # Cancel safety
    /// Dropping the future sends nothing.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.io.write_with(|socket| socket.send(datagram)).await
    }

    /// Sends a datagram to the socket at `path`.
    ///
    /// # Errors
    /// Those of the OS.
    ///
    /// # Cancel safety
    /// Dropping the future sends nothing.
    pub async fn send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let path = path.as_ref();
        let send = |socket: &mio::net::UnixDatagram| socket.send_to(datagram, path);
        self.io.write_with(send).await
    }

    /// Receives a datagram: how long it is.
    ///
    /// # Errors
    /// Those of the OS, and if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future loses no datagram.
    pub async fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        self.io.read_with(|socket| socket.recv(into)).await
    }

    /// Receives a datagram: how long it is, and from whom.
    ///
    /// # Errors
    /// As with [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Dropping the future loses no datagram.
    pub async fn recv_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.io.read_with(|socket| socket.recv_from(into)).await
    }

    /// The address it is bound to.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The peer's address.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }
}

impl TryFrom<std::os::unix::net::UnixDatagram> for UnixDatagram {
    type Error = io::Error;

    /// Takes over a socket, which is made non-blocking.
    ///
    /// # Errors
    /// Those of the OS, and outside of an executor.
    fn try_from(socket: std::os::unix::net::UnixDatagram) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let reactor = current_reactor("UnixDatagram::try_from")?;
        Self::register(reactor, mio::net::UnixDatagram::from_std(socket))
    }
}

descriptor!(UnixStream);
descriptor!(UnixListener);
descriptor!(UnixDatagram);

macro_rules! debug {
    ($($socket:ty),*) => {$(
        impl fmt::Debug for $socket {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.io.get_ref().fmt(f)
            }
        }
    )*};
}

debug!(UnixStream, UnixListener, UnixDatagram);
