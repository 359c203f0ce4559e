//! The methods of both kinds of datagram socket. Each call sends or receives exactly one datagram.
//!
//! Each operation is a closure with one system call. [`Registered`](crate::io::Registered) calls the closure
//! when the socket is ready.

use std::future::Future;
use std::io;
use std::task::{Context, Poll};

use super::socket::{Peer, Socket};
use crate::reactor::Direction;

/// A datagram socket of mio. The trait is sealed. See [`UdpSocket`](super::UdpSocket).
pub trait Datagrams: Peer {
    fn send(&self, datagram: &[u8]) -> io::Result<usize>;
    fn recv(&self, into: &mut [u8]) -> io::Result<usize>;
    fn recv_from(&self, into: &mut [u8]) -> io::Result<(usize, Self::Address)>;
}

impl Datagrams for mio::net::UdpSocket {
    fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.send(datagram)
    }
    fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        self.recv(into)
    }
    fn recv_from(&self, into: &mut [u8]) -> io::Result<(usize, Self::Address)> {
        self.recv_from(into)
    }
}

impl Datagrams for mio::net::UnixDatagram {
    fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.send(datagram)
    }
    fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        self.recv(into)
    }
    fn recv_from(&self, into: &mut [u8]) -> io::Result<(usize, Self::Address)> {
        self.recv_from(into)
    }
}

impl<S: Datagrams> Socket<S> {
    /// Sends a datagram to the peer, and returns the number of bytes. See
    /// [`UdpSocket::connect`](super::UdpSocket::connect) for an example.
    ///
    /// # Errors
    /// Returns the OS's error if there is no peer, if the datagram is too long, or if an earlier datagram was
    /// refused. Returns an error if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// A dropped future has sent nothing.
    pub fn send(&self, datagram: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.io.write_with(|socket| socket.send(datagram))
    }

    /// Receives a datagram from the peer, and returns the number of bytes. Bytes that do not fit into the
    /// buffer are lost.
    ///
    /// ```
    /// # #[cfg(unix)] brigade::run(async {
    /// # let (kitchen, hatch) = brigade::net::UnixDatagram::pair()?;
    /// kitchen.send(b"two soups").await?;
    /// let mut buffer = [0; 3];
    /// assert_eq!(hatch.recv(&mut buffer).await?, 3);
    /// assert_eq!(&buffer, b"two");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future loses no datagram.
    pub fn recv(&self, into: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.read_with(|socket| socket.recv(into))
    }

    /// Receives a datagram, and returns the number of bytes and the sender's address, which has the type of
    /// [`local_addr`](Self::local_addr).
    ///
    /// This example answers each sender:
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
    /// Returns the errors of [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Dropping the future loses no datagram.
    pub fn recv_from(
        &self,
        into: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, S::Address)>> {
        self.read_with(|socket| socket.recv_from(into))
    }

    /// Sends a datagram to the peer if the socket's buffer has space.
    ///
    /// ```
    /// # #[cfg(unix)] brigade::run(async {
    /// # let (kitchen, hatch) = brigade::net::UnixDatagram::pair()?;
    /// kitchen.writable().await?;
    /// assert_eq!(kitchen.try_send(b"two soups")?, 9);
    /// hatch.readable().await?;
    /// assert_eq!(hatch.try_recv(&mut [0; 16])?, 9);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error of the OS, or `WouldBlock` if there is no space.
    pub fn try_send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.io.try_write_with(|socket| socket.send(datagram))
    }

    /// Receives a datagram from the peer if the OS has reported one. See [`try_send`](Self::try_send) for an
    /// example.
    ///
    /// # Errors
    /// Returns an error of the OS, or `WouldBlock` if it has reported no datagram.
    pub fn try_recv(&self, into: &mut [u8]) -> io::Result<usize> {
        self.io.try_read_with(|socket| socket.recv(into))
    }

    /// Receives a datagram if the OS has reported one.
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
    /// Returns an error of the OS, or `WouldBlock` if it has reported no datagram.
    pub fn try_recv_from(&self, into: &mut [u8]) -> io::Result<(usize, S::Address)> {
        self.io.try_read_with(|socket| socket.recv_from(into))
    }

    /// Does the same as [`send`](Self::send), as a poll function. [`Registered::poll_read_with`] describes
    /// which tasks are woken.
    ///
    /// # Errors
    /// Returns the errors of [`send`](Self::send).
    ///
    /// [`Registered::poll_read_with`]: crate::io::Registered::poll_read_with
    pub fn poll_send(&self, cx: &mut Context<'_>, datagram: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_io(Direction::Write, cx, |socket| socket.send(datagram))
    }

    /// Does the same as [`recv`](Self::recv), as a poll function.
    ///
    /// ```
    /// # #[cfg(unix)] brigade::run(async {
    /// # let (kitchen, hatch) = brigade::net::UnixDatagram::pair()?;
    /// kitchen.send(b"two soups").await?;
    /// let mut buffer = [0; 16];
    /// let length = std::future::poll_fn(|cx| hatch.poll_recv(cx, &mut buffer)).await?;
    /// assert_eq!(length, 9);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`recv`](Self::recv).
    pub fn poll_recv(&self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_io(Direction::Read, cx, |socket| socket.recv(into))
    }

    /// Does the same as [`recv_from`](Self::recv_from), as a poll function.
    ///
    /// # Errors
    /// Returns the errors of [`recv`](Self::recv).
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<(usize, S::Address)>> {
        self.poll_io(Direction::Read, cx, |socket| socket.recv_from(into))
    }
}
