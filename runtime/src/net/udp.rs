//! UDP: [`UdpSocket`] binds, chooses a peer, sends to addresses and sets options.
//!
//! More methods are in `net/datagram.rs` (all datagram sockets) and `net/socket.rs` (all sockets).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};

use super::addr::{ToSocketAddrs, first_of, lookup_host};
use super::socket::{Kind, Peer, Socket};
use crate::io::{BOTH, Interest, current_reactor};
use crate::reactor::Direction;

/// A UDP socket.
///
/// If a datagram is longer than the buffer, the OS drops the rest and reports no error. Use a buffer for the
/// longest datagram that you expect. 65,535 bytes are always enough.
///
/// ```
/// use brigade::net::UdpSocket;
///
/// brigade::run(async {
///     let waiter = UdpSocket::bind("127.0.0.1:0").await?;
///     let guest = UdpSocket::bind("127.0.0.1:0").await?;
///     guest.send_to(b"the bill, please", waiter.local_addr()?).await?;
///
///     let mut buffer = [0; 64];
///     let (length, from) = waiter.recv_from(&mut buffer).await?;
///     assert_eq!(&buffer[..length], b"the bill, please");
///     assert_eq!(from, guest.local_addr()?);
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub type UdpSocket = Socket<mio::net::UdpSocket>;

impl Kind for mio::net::UdpSocket {
    type Address = SocketAddr;
    type Std = std::net::UdpSocket;
    const INTEREST: Interest = BOTH;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}

impl Peer for mio::net::UdpSocket {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer_addr()
    }
    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.take_error()
    }
}

impl Socket<mio::net::UdpSocket> {
    /// Binds a socket to the first address that is free. With port 0, the OS chooses a port.
    ///
    /// ```
    /// # brigade::run(async {
    /// let socket = brigade::net::UdpSocket::bind("127.0.0.1:0").await?;
    /// assert_ne!(socket.local_addr()?.port(), 0); // the OS chose it
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if [`lookup_host`] fails, or if no executor is current. If every address fails,
    /// returns the last error.
    ///
    /// # Cancel safety
    /// Dropping the future leaves no socket bound.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let reactor = current_reactor("UdpSocket::bind")?;
        let socket = first_of(address, mio::net::UdpSocket::bind).await?;
        Socket::register(reactor, socket, true)
    }

    /// Sets the peer of [`send`](Self::send) and [`recv`](Self::recv) to the first address that the OS
    /// accepts.
    ///
    /// # Errors
    /// Returns an error if [`lookup_host`] fails. If every address fails, returns the last error.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the peer unchanged.
    ///
    /// ```
    /// use brigade::net::UdpSocket;
    ///
    /// brigade::run(async {
    ///     let waiter = UdpSocket::bind("127.0.0.1:0").await?;
    ///     let guest = UdpSocket::bind("127.0.0.1:0").await?;
    ///     guest.connect(waiter.local_addr()?).await?;
    ///     guest.send(b"water").await?;
    ///
    ///     let mut buffer = [0; 64];
    ///     let length = waiter.recv(&mut buffer).await?;
    ///     assert_eq!(&buffer[..length], b"water");
    ///     std::io::Result::Ok(())
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    pub async fn connect(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        let connect = |address| self.io.get_ref().connect(address);
        first_of(address, connect).await
    }

    /// Sends a datagram to the first address of `to`.
    ///
    /// ```
    /// # use brigade::net::UdpSocket;
    /// # brigade::run(async {
    /// # let waiter = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let guest = UdpSocket::bind("127.0.0.1:0").await?;
    /// // Send to the first address of a name.
    /// let port = waiter.local_addr()?.port();
    /// assert_eq!(guest.send_to(b"water", format!("127.0.0.1:{port}")).await?, 5);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS or [`lookup_host`] reports one, or if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// A dropped future has sent nothing.
    pub async fn send_to(&self, datagram: &[u8], to: impl ToSocketAddrs) -> io::Result<usize> {
        let to = lookup_host(to).await?[0];
        let send = |socket: &mio::net::UdpSocket| socket.send_to(datagram, to);
        self.io.write_with(send).await
    }

    /// Receives as [`recv`](Self::recv) does, but leaves the datagram queued: the next call returns it again.
    /// See [`peek_from`](Self::peek_from) for an example.
    ///
    /// # Errors
    /// Returns the errors of [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Dropping the future loses no datagram.
    pub async fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        self.io.read_with(|socket| socket.peek(into)).await
    }

    /// Receives as [`recv_from`](Self::recv_from) does, but leaves the datagram queued: the next call returns
    /// it again.
    ///
    /// ```
    /// # use brigade::net::UdpSocket;
    /// # brigade::run(async {
    /// # let waiter = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let guest = UdpSocket::bind("127.0.0.1:0").await?;
    /// # guest.send_to(b"water", waiter.local_addr()?).await?;
    /// // Read only the sender's address. The datagram stays queued.
    /// let (_, from) = waiter.peek_from(&mut [0; 1]).await?;
    /// assert_eq!(from, guest.local_addr()?);
    /// let mut buffer = [0; 64];
    /// assert_eq!(waiter.peek(&mut buffer).await?, 5);
    /// assert_eq!(waiter.recv(&mut buffer).await?, 5);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Dropping the future loses no datagram.
    pub async fn peek_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.io.read_with(|socket| socket.peek_from(into)).await
    }

    /// Sends a datagram if the socket's buffer has space.
    ///
    /// ```
    /// # use brigade::net::UdpSocket;
    /// # brigade::run(async {
    /// # let waiter = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let guest = UdpSocket::bind("127.0.0.1:0").await?;
    /// guest.writable().await?;
    /// assert_eq!(guest.try_send_to(b"water", waiter.local_addr()?)?, 5);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error of the OS, or `WouldBlock` if there is no space.
    pub fn try_send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.io
            .try_write_with(|socket| socket.send_to(datagram, to))
    }

    /// Does the same as [`send_to`](Self::send_to), as a poll function with one address.
    ///
    /// ```
    /// # use brigade::net::UdpSocket;
    /// # brigade::run(async {
    /// # let waiter = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let guest = UdpSocket::bind("127.0.0.1:0").await?;
    /// let to = waiter.local_addr()?;
    /// let sent = std::future::poll_fn(|cx| guest.poll_send_to(cx, b"water", to)).await?;
    /// assert_eq!(sent, 5);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if the executor is dropped.
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        datagram: &[u8],
        to: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.poll_io(Direction::Write, cx, |socket| socket.send_to(datagram, to))
    }

    /// Sets whether datagrams may go to broadcast addresses.
    ///
    /// ```
    /// # brigade::run(async {
    /// let socket = brigade::net::UdpSocket::bind("127.0.0.1:0").await?;
    /// assert!(!socket.broadcast()?);
    /// socket.set_broadcast(true)?;
    /// assert!(socket.broadcast()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.io.get_ref().set_broadcast(on)
    }

    /// Returns whether datagrams may go to broadcast addresses; see [`set_broadcast`](Self::set_broadcast)
    /// for an example.
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.io.get_ref().broadcast()
    }

    /// Joins the multicast group `group` on the interface with the address `interface`. If this address is
    /// unspecified (`0.0.0.0`), the OS chooses an interface.
    ///
    /// ```
    /// # brigade::run(async {
    /// use std::net::Ipv4Addr;
    ///
    /// let socket = brigade::net::UdpSocket::bind("0.0.0.0:0").await?;
    /// let group = Ipv4Addr::new(239, 255, 0, 1);
    /// socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)?;
    /// socket.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.io.get_ref().join_multicast_v4(group, interface)
    }

    /// Leaves a multicast group; see [`join_multicast_v4`](Self::join_multicast_v4) for an example.
    ///
    /// # Errors
    /// Returns an error if the OS reports one, for example if the socket is not in the group.
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.io.get_ref().leave_multicast_v4(group, interface)
    }

    /// Joins an IPv6 multicast group on the interface with the index `interface`. The index 0 means any
    /// interface.
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.io.get_ref().join_multicast_v6(group, interface)
    }

    /// Leaves an IPv6 multicast group.
    ///
    /// # Errors
    /// Returns an error if the OS reports one, for example if the socket is not in the group.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.io.get_ref().leave_multicast_v6(group, interface)
    }

    /// Sets the time to live of datagrams: the maximum number of hops, 1 to 255.
    ///
    /// ```
    /// # brigade::run(async {
    /// let socket = brigade::net::UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_ttl(1)?; // no further than the next router
    /// assert_eq!(socket.ttl()?, 1);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.io.get_ref().set_ttl(hops)
    }

    /// Returns the time to live of datagrams; see [`set_ttl`](Self::set_ttl) for an example.
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.get_ref().ttl()
    }
}

impl TryFrom<std::net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    /// Takes the socket over from std and makes it non-blocking.
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if no executor is current.
    fn try_from(socket: std::net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Socket::take_over(mio::net::UdpSocket::from_std(socket), "UdpSocket::try_from")
    }
}
