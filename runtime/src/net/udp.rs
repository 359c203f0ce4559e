//! UDP: [`UdpSocket`] binds, chooses a peer, sends to addresses and sets options.
//!
//! The methods of all datagram sockets are in `net/datagram.rs`, those of all sockets in `net/socket.rs`.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};

use super::addr::{ToSocketAddrs, first_of, lookup_host};
use super::socket::{Kind, Peer, Socket};
use crate::io::{BOTH, Interest, current_reactor};
use crate::reactor::Direction;

/// A UDP socket.
///
/// If a datagram is longer than the buffer, the rest is lost, and the OS does not report this. Use a buffer
/// that is larger than any datagram that you expect; 65,535 bytes are always enough.
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
    /// Returns the error of the last address, the errors of [`lookup_host`], and an error outside of an
    /// executor.
    ///
    /// # Cancel safety
    /// Dropping the future binds nothing.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let reactor = current_reactor("UdpSocket::bind")?;
        let socket = first_of(address, mio::net::UdpSocket::bind).await?;
        Socket::register(reactor, socket, true)
    }

    /// Sets the one peer that [`send`](Self::send) and [`recv`](Self::recv) use: the first address that the
    /// OS accepts.
    ///
    /// # Errors
    /// Returns the error of the last address, and the errors of [`lookup_host`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves the peer as it was.
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

    /// Sends a datagram to the first of the addresses.
    ///
    /// ```
    /// # use brigade::net::UdpSocket;
    /// # brigade::run(async {
    /// # let waiter = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let guest = UdpSocket::bind("127.0.0.1:0").await?;
    /// // To the first address of a name.
    /// let port = waiter.local_addr()?.port();
    /// assert_eq!(guest.send_to(b"water", format!("127.0.0.1:{port}")).await?, 5);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns the errors of the OS and of [`lookup_host`], and an error if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future sends nothing.
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
    /// // Which task is it for? That task reads it from the start.
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

    /// Sends a datagram if the buffer has space.
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
    /// Returns `WouldBlock` if there is no space, and the OS's other errors.
    pub fn try_send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.io
            .try_write_with(|socket| socket.send_to(datagram, to))
    }

    /// [`send_to`](Self::send_to) as a poll function, to one address.
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

    /// Allows datagrams to broadcast addresses.
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

    /// Returns whether datagrams to broadcast addresses are allowed; see [`set_broadcast`](Self::set_broadcast) for
    /// an example.
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.io.get_ref().broadcast()
    }

    /// Joins a group. From now on the socket receives datagrams to `group` that arrive at the interface with
    /// the address `interface`. If `interface` is unspecified, the OS chooses one.
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

    /// Leaves a group; see [`join_multicast_v4`](Self::join_multicast_v4) for an example.
    ///
    /// # Errors
    /// Returns an error if the OS reports one, for example if the socket is not in the group.
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.io.get_ref().leave_multicast_v4(group, interface)
    }

    /// Joins an IPv6 group through the interface with the number `interface`. The number 0 means any
    /// interface.
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.io.get_ref().join_multicast_v6(group, interface)
    }

    /// Leaves an IPv6 group.
    ///
    /// # Errors
    /// Returns an error if the OS reports one, for example if the socket is not in the group.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.io.get_ref().leave_multicast_v6(group, interface)
    }

    /// Sets the time to live of datagrams, which is the number of routers that they may pass, 1 to 255.
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
    /// Returns an error if the OS reports one, or outside of an executor.
    fn try_from(socket: std::net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Socket::take_over(mio::net::UdpSocket::from_std(socket), "UdpSocket::try_from")
    }
}
