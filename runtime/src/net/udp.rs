//! A UDP socket.
//!
//! **Job.** [`UdpSocket`]: bind, send and receive datagrams. **Owns** the socket, through a
//! [`Registered`]. **Never** joins or splits datagrams: one call is one of them.
//!
//! Whoever wants to add a source of events finds the plainest whole one here: each operation is one
//! closure with one system call, handed to [`Registered::read_with`] or [`Registered::write_with`], which
//! do the waiting. How it is taken over from std and lent out stands in `net/sockets.rs`, as for all
//! sockets.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::addr::{ToSocketAddrs, first_of, lookup_host};
use crate::io::{BOTH, Registered, current_reactor};

/// A UDP socket.
///
/// A datagram that is longer than the buffer is cut to it, and the rest is lost: the OS does not
/// say. Use a buffer that is larger than anything you expect; 65,535 bytes hold every datagram.
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
pub struct UdpSocket {
    pub(super) io: Registered<mio::net::UdpSocket>,
}

impl UdpSocket {
    /// A socket at the first of the addresses that can be had. Port 0 lets the OS choose one.
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
    /// The last address's error; those of [`lookup_host`]; and outside of an executor.
    ///
    /// # Cancel safety
    /// Dropping the future binds nothing.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let reactor = current_reactor("UdpSocket::bind")?;
        let socket = first_of(address, mio::net::UdpSocket::bind).await?;
        let io = Registered::with_reactor(reactor, socket, BOTH, true)?;
        Ok(UdpSocket { io })
    }

    /// Sets the one peer that [`send`](Self::send) and [`recv`](Self::recv) speak of: the first of the
    /// addresses that the OS accepts.
    ///
    /// # Errors
    /// The last address's error, and those of [`lookup_host`].
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

    /// Sends a datagram to the peer: how many bytes, which is all of them. See
    /// [`connect`](Self::connect) for an example.
    ///
    /// # Errors
    /// Those of the OS: without a peer; for a datagram that is too long; for an earlier one that
    /// nobody took. If the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future sends nothing.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.io.write_with(|socket| socket.send(datagram)).await
    }

    /// Sends a datagram to the first of the addresses.
    ///
    /// ```
    /// # use brigade::net::UdpSocket;
    /// # brigade::run(async {
    /// # let waiter = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let guest = UdpSocket::bind("127.0.0.1:0").await?;
    /// // To a name, at the first of its addresses.
    /// let port = waiter.local_addr()?.port();
    /// assert_eq!(guest.send_to(b"water", format!("127.0.0.1:{port}")).await?, 5);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Those of the OS, and of [`lookup_host`]; and if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future sends nothing.
    pub async fn send_to(&self, datagram: &[u8], to: impl ToSocketAddrs) -> io::Result<usize> {
        let to = lookup_host(to).await?[0];
        let send = |socket: &mio::net::UdpSocket| socket.send_to(datagram, to);
        self.io.write_with(send).await
    }

    /// Receives a datagram from the peer: how long it is. See [`connect`](Self::connect) for an example.
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
    /// An answer for whoever asks:
    ///
    ///
    /// ```
    /// # use brigade::net::UdpSocket;
    /// # brigade::run(async {
    /// # let waiter = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let guest = UdpSocket::bind("127.0.0.1:0").await?;
    /// # guest.send_to(b"water", waiter.local_addr()?).await?;
    /// let mut buffer = [0; 1500];
    /// let (length, from) = waiter.recv_from(&mut buffer).await?;
    /// waiter.send_to(&buffer[..length], from).await?;
    /// # assert_eq!(guest.recv(&mut buffer).await?, 5);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As with [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Dropping the future loses no datagram.
    pub async fn recv_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.io.read_with(|socket| socket.recv_from(into)).await
    }

    /// As [`recv`](Self::recv), and the datagram stays: the next call gives it again. See
    /// [`peek_from`](Self::peek_from) for an example.
    ///
    /// # Errors
    /// As with [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Dropping the future loses no datagram.
    pub async fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        self.io.read_with(|socket| socket.peek(into)).await
    }

    /// As [`recv_from`](Self::recv_from), and the datagram stays: the next call gives it again.
    ///
    /// ```
    /// # use brigade::net::UdpSocket;
    /// # brigade::run(async {
    /// # let waiter = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let guest = UdpSocket::bind("127.0.0.1:0").await?;
    /// # guest.send_to(b"water", waiter.local_addr()?).await?;
    /// // Whose is it? Whoever it is for reads it from the start.
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
    /// As with [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Dropping the future loses no datagram.
    pub async fn peek_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.io.read_with(|socket| socket.peek_from(into)).await
    }

    /// Waits until receiving is worth a try; see [`Registered::readable`].
    ///
    /// ```
    /// # use brigade::net::UdpSocket;
    /// # brigade::run(async {
    /// # let waiter = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let guest = UdpSocket::bind("127.0.0.1:0").await?;
    /// # guest.send_to(b"water", waiter.local_addr()?).await?;
    /// let mut buffer = [0; 64];
    /// let (length, _) = loop {
    ///     waiter.readable().await?;
    ///     match waiter.try_recv_from(&mut buffer) {
    ///         Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
    ///         received => break received?,
    ///     }
    /// };
    /// assert_eq!(&buffer[..length], b"water");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
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

    /// Waits until sending is worth a try; see [`Registered::writable`], and
    /// [`try_send_to`](Self::try_send_to) for an example.
    ///
    /// # Errors
    /// If the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
    pub async fn writable(&self) -> io::Result<()> {
        self.io.writable().await
    }

    /// Receives a datagram that is there, as far as the event loop has heard.
    ///
    /// ```
    /// # use brigade::net::UdpSocket;
    /// # brigade::run(async {
    /// # let waiter = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let guest = UdpSocket::bind("127.0.0.1:0").await?;
    /// let nothing = waiter.try_recv_from(&mut [0; 64]);
    /// assert_eq!(nothing.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    /// # drop(guest);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// `WouldBlock` if none is; and those of the OS.
    pub fn try_recv_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.io.try_read_with(|socket| socket.recv_from(into))
    }

    /// Sends a datagram if there is room for it.
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
    /// `WouldBlock` if there is none; and those of the OS.
    pub fn try_send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.io
            .try_write_with(|socket| socket.send_to(datagram, to))
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
    /// ```
    /// # use brigade::net::UdpSocket;
    /// # brigade::run(async {
    /// # let waiter = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let guest = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert!(guest.peer_addr().is_err());
    /// guest.connect(waiter.local_addr()?).await?;
    /// assert_eq!(guest.peer_addr()?, waiter.local_addr()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Those of the OS: without a peer.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
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
    /// Those of the OS.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.io.get_ref().set_broadcast(on)
    }

    /// Whether datagrams to broadcast addresses are allowed; see [`set_broadcast`](Self::set_broadcast) for
    /// an example.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.io.get_ref().broadcast()
    }

    /// Joins a group: from now on the socket gets what is sent to `group` and comes in through the
    /// interface with the address `interface`, unspecified for the OS's choice.
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
    /// Those of the OS.
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.io.get_ref().join_multicast_v4(group, interface)
    }

    /// Leaves a group; see [`join_multicast_v4`](Self::join_multicast_v4) for an example.
    ///
    /// # Errors
    /// Those of the OS: without being in it.
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.io.get_ref().leave_multicast_v4(group, interface)
    }

    /// Joins a group of IPv6, through the interface with the number `interface`, 0 for any.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.io.get_ref().join_multicast_v6(group, interface)
    }

    /// Leaves a group of IPv6.
    ///
    /// # Errors
    /// Those of the OS: without being in it.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.io.get_ref().leave_multicast_v6(group, interface)
    }

    /// Sets the time to live of datagrams: how many routers they may pass, 1 to 255.
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
    /// Those of the OS.
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.io.get_ref().set_ttl(hops)
    }

    /// The time to live of datagrams; see [`set_ttl`](Self::set_ttl) for an example.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.get_ref().ttl()
    }
}
