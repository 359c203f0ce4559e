//! Unix sockets: [`UnixStream`], [`UnixListener`] and [`UnixDatagram`]. They are like TCP and UDP sockets,
//! but their addresses are paths.
//!
//! Dropping a socket does not remove its path, because another process may still use the socket. The common
//! methods are in `net/stream.rs`, `net/accept.rs` and `net/datagram.rs`.

use std::io;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::task::{Context, Poll};

use super::accept::{Accepting, Pause};
use super::connect::made;
use super::socket::{Kind, Peer, Socket};
use super::sys::{self, UCred};
use crate::coop::consume_budget;
use crate::io::{BOTH, Interest, STREAM, current_reactor};

/// A connection within the machine. Its address is a path in the file system.
///
/// Any number of tasks may use it through `&self`. `UnixStream` and `&UnixStream` implement the futures-io
/// traits.
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
pub type UnixStream = Socket<mio::net::UnixStream>;

impl Kind for mio::net::UnixStream {
    type Address = SocketAddr;
    type Std = net::UnixStream;
    const INTEREST: Interest = STREAM;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}

impl Peer for mio::net::UnixStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer_addr()
    }
    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.take_error()
    }
}

impl Socket<mio::net::UnixStream> {
    /// Connects to the socket at `path`.
    ///
    /// ```
    /// # brigade::run(async {
    /// use brigade::net::UnixStream;
    ///
    /// // No socket listens at this path.
    /// let path = std::env::temp_dir().join("no-such-kitchen");
    /// let error = UnixStream::connect(path).await.unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if no executor is current.
    ///
    /// # Cancel safety
    /// Dropping the future closes the socket.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        let reactor = current_reactor("UnixStream::connect")?;
        let mut pause = Pause::new();
        // If the OS refuses every call immediately, a loop of such calls never waits. Spend budget (see
        // `coop`), so that the loop yields.
        consume_budget().await;
        let stream = loop {
            match mio::net::UnixStream::connect(path.as_ref()) {
                Ok(stream) => break stream,
                // The listener's queue is full. No event reports new space, so try again later.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    pause.wait(&reactor).await?;
                }
                Err(error) => return Err(error),
            }
        };
        let socket = Socket::register(reactor, stream, false)?;
        made(&socket).await?;
        Ok(socket)
    }

    /// Makes both ends of a new connection.
    ///
    /// ```
    /// # brigade::run(async {
    /// let (kitchen, hatch) = brigade::net::UnixStream::pair()?;
    /// drop(kitchen);
    /// assert_eq!(hatch.read(&mut [0; 1]).await?, 0); // the end
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if no executor is current.
    pub fn pair() -> io::Result<(Self, Self)> {
        let reactor = current_reactor("UnixStream::pair")?;
        let (one, other) = mio::net::UnixStream::pair()?;
        Ok((
            Socket::register(reactor.clone(), one, true)?,
            Socket::register(reactor, other, true)?,
        ))
    }

    /// Returns the credentials of the peer.
    ///
    /// ```
    /// # brigade::run(async {
    /// let (kitchen, hatch) = brigade::net::UnixStream::pair()?;
    /// assert_eq!(kitchen.peer_cred()?, hatch.peer_cred()?);
    /// if let Some(process) = kitchen.peer_cred()?.pid() {
    ///     assert_eq!(process as u32, std::process::id());
    /// }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        sys::peer_credentials(self)
    }
}

impl TryFrom<net::UnixStream> for UnixStream {
    type Error = io::Error;

    /// Takes the stream over from std and makes it non-blocking.
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if no executor is current.
    fn try_from(stream: net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let stream = mio::net::UnixStream::from_std(stream);
        Socket::take_over(stream, "UnixStream::try_from")
    }
}

/// A socket that accepts connections at a path in the file system.
///
/// Dropping the listener does not remove the path. The next program that binds to this path must first remove
/// it.
///
/// ```
/// use brigade::net::{UnixListener, UnixStream};
///
/// brigade::run(async {
///     let path = std::env::temp_dir().join(format!("brigade-doc-{}", std::process::id()));
///     let listener = UnixListener::bind(&path)?;
///     let guest = UnixStream::connect(&path).await?;
///     let (stream, _) = listener.accept().await?;
///     std::fs::remove_file(&path)?;
///
///     stream.write_all(b"soup").await?;
///     let mut bowl = [0; 4];
///     guest.read_exact(&mut bowl).await?;
///     assert_eq!(&bowl, b"soup");
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub type UnixListener = Socket<mio::net::UnixListener>;

/// The stream of [`UnixListener::incoming`](Socket::incoming), which has an example.
pub type UnixIncoming<'a> = Accepting<'a, mio::net::UnixListener>;

impl Kind for mio::net::UnixListener {
    type Address = SocketAddr;
    type Std = net::UnixListener;
    const INTEREST: Interest = Interest::READABLE;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}

impl Socket<mio::net::UnixListener> {
    /// Listens at `path`.
    ///
    /// ```
    /// # brigade::run(async {
    /// # let path = std::env::temp_dir().join(format!("brigade-doc-bind-{}", std::process::id()));
    /// use brigade::net::UnixListener;
    ///
    /// drop(UnixListener::bind(&path)?);
    /// // The path still exists.
    /// let error = UnixListener::bind(&path).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    /// std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if no executor is current. If the path exists, the error
    /// is `AddrInUse`.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let reactor = current_reactor("UnixListener::bind")?;
        let listener = mio::net::UnixListener::bind(path)?;
        Socket::register(reactor, listener, false)
    }
}

impl TryFrom<net::UnixListener> for UnixListener {
    type Error = io::Error;

    /// Takes the listener over from std and makes it non-blocking.
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if no executor is current.
    fn try_from(listener: net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = mio::net::UnixListener::from_std(listener);
        Socket::take_over(listener, "UnixListener::try_from")
    }
}

/// A socket for datagrams within the machine.
///
/// If a datagram is longer than the buffer, the rest is lost.
///
/// ```
/// use brigade::net::UnixDatagram;
///
/// brigade::run(async {
///     let (kitchen, hatch) = UnixDatagram::pair()?;
///     kitchen.send(b"two soups").await?;
///     kitchen.send(b"one salad").await?;
///     let mut buffer = [0; 64];
///     let length = hatch.recv(&mut buffer).await?;
///     assert_eq!(&buffer[..length], b"two soups");
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub type UnixDatagram = Socket<mio::net::UnixDatagram>;

impl Kind for mio::net::UnixDatagram {
    type Address = SocketAddr;
    type Std = net::UnixDatagram;
    const INTEREST: Interest = BOTH;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}

impl Peer for mio::net::UnixDatagram {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer_addr()
    }
    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.take_error()
    }
}

impl Socket<mio::net::UnixDatagram> {
    /// Binds a socket to `path`.
    ///
    /// ```
    /// # brigade::run(async {
    /// # let path = std::env::temp_dir().join(format!("brigade-doc-datagram-{}", std::process::id()));
    /// let waiter = brigade::net::UnixDatagram::bind(&path)?;
    /// assert_eq!(waiter.local_addr()?.as_pathname(), Some(path.as_path()));
    /// std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if no executor is current. If the path exists, the error
    /// is `AddrInUse`.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        // Look for the executor first: if none is current, the bind must not leave a path behind.
        let reactor = current_reactor("UnixDatagram::bind")?;
        Socket::register(reactor, mio::net::UnixDatagram::bind(path)?, true)
    }

    /// Makes a socket without a path. The socket can send, but other sockets cannot send to it.
    ///
    /// ```
    /// # brigade::run(async {
    /// let guest = brigade::net::UnixDatagram::unbound()?;
    /// assert!(guest.local_addr()?.is_unnamed());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if no executor is current.
    pub fn unbound() -> io::Result<Self> {
        let reactor = current_reactor("UnixDatagram::unbound")?;
        Socket::register(reactor, mio::net::UnixDatagram::unbound()?, true)
    }

    /// Makes two sockets that are connected to each other.
    ///
    /// ```
    /// # brigade::run(async {
    /// let (kitchen, hatch) = brigade::net::UnixDatagram::pair()?;
    /// kitchen.send(b"one soup").await?;
    /// hatch.send(b"thank you").await?;
    /// assert_eq!(kitchen.recv(&mut [0; 64]).await?, 9);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if no executor is current.
    pub fn pair() -> io::Result<(Self, Self)> {
        let reactor = current_reactor("UnixDatagram::pair")?;
        let (one, other) = mio::net::UnixDatagram::pair()?;
        Ok((
            Socket::register(reactor.clone(), one, true)?,
            Socket::register(reactor, other, true)?,
        ))
    }

    /// Sets the peer that [`send`](Self::send) sends to.
    ///
    /// ```
    /// # brigade::run(async {
    /// # use brigade::net::UnixDatagram;
    /// # let path = std::env::temp_dir().join(format!("brigade-doc-peer-{}", std::process::id()));
    /// let waiter = UnixDatagram::bind(&path)?;
    /// let guest = UnixDatagram::unbound()?;
    /// guest.connect(&path)?;
    /// guest.send(b"water").await?;
    /// assert_eq!(waiter.recv(&mut [0; 64]).await?, 5);
    /// # assert_eq!(guest.peer_addr()?.as_pathname(), Some(path.as_path()));
    /// # std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.io.get_ref().connect(path)
    }

    /// Sends a datagram to the socket at `path`.
    ///
    /// ```
    /// # brigade::run(async {
    /// # use brigade::net::UnixDatagram;
    /// # let path = std::env::temp_dir().join(format!("brigade-doc-send-to-{}", std::process::id()));
    /// let waiter = UnixDatagram::bind(&path)?;
    /// UnixDatagram::unbound()?.send_to(b"water", &path).await?;
    /// let mut buffer = [0; 64];
    /// let (length, from) = waiter.recv_from(&mut buffer).await?;
    /// assert_eq!(&buffer[..length], b"water");
    /// assert!(from.is_unnamed());
    /// # std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// A dropped future has sent nothing.
    pub async fn send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let (socket, path) = (self.io.get_ref(), path.as_ref());
        let send = || socket.send_to(datagram, path);
        self.io.source.send_to(send).await
    }

    /// Sends a datagram to the socket at `path`, if both sockets have space for it.
    ///
    /// ```
    /// # brigade::run(async {
    /// # use brigade::net::UnixDatagram;
    /// # let path = std::env::temp_dir().join(format!("brigade-doc-try-{}", std::process::id()));
    /// let waiter = UnixDatagram::bind(&path)?;
    /// assert_eq!(UnixDatagram::unbound()?.try_send_to(b"water", &path)?, 5);
    /// # std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error of the OS, or `WouldBlock` if there is no space.
    pub fn try_send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let (socket, path) = (self.io.get_ref(), path.as_ref());
        let send = || socket.send_to(datagram, path);
        self.io.source.try_send_to(send)
    }

    /// Does the same as [`send_to`](Self::send_to), as a poll function.
    ///
    /// # Errors
    /// Returns the errors of [`send_to`](Self::send_to).
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        datagram: &[u8],
        path: impl AsRef<Path>,
    ) -> Poll<io::Result<usize>> {
        let (socket, path) = (self.io.get_ref(), path.as_ref());
        let send = || socket.send_to(datagram, path);
        self.io.source.poll_send_to(cx, None, send)
    }
}

impl TryFrom<net::UnixDatagram> for UnixDatagram {
    type Error = io::Error;

    /// Takes the socket over from std and makes it non-blocking.
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if no executor is current.
    fn try_from(socket: net::UnixDatagram) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let socket = mio::net::UnixDatagram::from_std(socket);
        Socket::take_over(socket, "UnixDatagram::try_from")
    }
}
