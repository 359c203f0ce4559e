//! A socket of Unix for datagrams.
//!
//! **Job.** [`UnixDatagram`]: as [`UdpSocket`](super::UdpSocket), with paths for addresses. **Owns** the
//! socket, through a [`Registered`]. **Never** removes the path that it made: others may have it open.

use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use crate::io::{BOTH, Registered, current_reactor};
use crate::reactor::Reactor;

/// A socket for datagrams within the machine.
///
/// A datagram that is longer than the buffer is cut to it, and the rest is lost.
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
pub struct UnixDatagram {
    pub(super) io: Registered<mio::net::UnixDatagram>,
}

impl UnixDatagram {
    /// A socket at `path`.
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
    /// Those of the OS, `AddrInUse` if the path exists; and outside of an executor.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        // Asked first: a path that was made stays.
        let reactor = current_reactor("UnixDatagram::bind")?;
        Self::register(reactor, mio::net::UnixDatagram::bind(path)?)
    }

    /// A socket without a path: it can send, and receive only from its peer.
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
    /// Those of the OS, and outside of an executor.
    pub fn unbound() -> io::Result<Self> {
        let reactor = current_reactor("UnixDatagram::unbound")?;
        Self::register(reactor, mio::net::UnixDatagram::unbound()?)
    }

    /// Two sockets that are each other's peer.
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
    /// Those of the OS.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.io.get_ref().connect(path)
    }

    /// Sends a datagram to the peer.
    ///
    /// # Errors
    /// Those of the OS, and if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future sends nothing.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.io.write_with(|socket| socket.send(datagram)).await
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
    /// Those of the OS, and if the executor is dropped meanwhile.
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
    /// ```
    /// # brigade::run(async {
    /// # let (kitchen, hatch) = brigade::net::UnixDatagram::pair()?;
    /// kitchen.send(b"two soups").await?;
    /// // What does not fit is lost.
    /// let mut buffer = [0; 3];
    /// assert_eq!(hatch.recv(&mut buffer).await?, 3);
    /// assert_eq!(&buffer, b"two");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Those of the OS, and if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future loses no datagram.
    pub async fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        self.io.read_with(|socket| socket.recv(into)).await
    }

    /// Receives a datagram: how long it is, and from whom. See [`send_to`](Self::send_to) for an example.
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
