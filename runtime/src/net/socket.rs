//! The common part of all sockets.
//!
//! A [`Socket`] is one of mio's sockets, registered as a source. All of mio's socket types implement the
//! trait [`Kind`]. Some types also implement [`ByteStream`](super::stream::ByteStream),
//! [`Datagrams`](super::datagram::Datagrams) or [`Accept`](super::accept::Accept). Each method is written
//! once, for all sockets that implement the trait that the method needs.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll};

use crate::io::{Interest, Registered, Source, current_reactor};
use crate::reactor::{Direction, Reactor};
use crate::sync::Arc;

/// A socket of mio. The trait is sealed.
pub trait Kind: Source + AsFd + AsRawFd + Into<OwnedFd> + fmt::Debug {
    type Address;
    type Std: From<OwnedFd>;
    /// The directions in which a socket of this type can be ready.
    const INTEREST: Interest;
    /// True if a short read drains a stream of this type, or a stream that this type of listener accepts: see
    /// [`SHORT_READ_DRAINS`](crate::io::SHORT_READ_DRAINS).
    const DRAINS: bool = false;

    fn local_addr(&self) -> io::Result<Self::Address>;
}

/// A socket that may have a peer. The trait is sealed.
pub trait Peer: Kind {
    fn peer_addr(&self) -> io::Result<Self::Address>;
    fn take_error(&self) -> io::Result<Option<io::Error>>;
}

/// A wrapper around one of mio's sockets. Programs use aliases such as [`TcpStream`](super::TcpStream).
///
/// A bound on `S` tells which aliases have a method. `Kind` includes all of them, and `Peer` all but the
/// listeners. `ByteStream` includes `TcpStream` and `UnixStream`, `Datagrams` includes `UdpSocket` and
/// `UnixDatagram`, and `Accept` includes `TcpListener` and `UnixListener`. `S::Address` is
/// [`std::net::SocketAddr`] or, for Unix sockets, [`std::os::unix::net::SocketAddr`].
pub struct Socket<S: Source> {
    pub(super) io: Registered<S>,
}

impl<S: Kind> Socket<S> {
    /// Registers a socket that brigade has made. If `writable` is true, the first write does not wait for an
    /// event.
    pub(super) fn register(reactor: Arc<Reactor>, socket: S, writable: bool) -> io::Result<Self> {
        let io = Registered::with_reactor(reactor, socket, S::INTEREST, writable, S::DRAINS)?;
        Ok(Socket { io })
    }

    /// Takes over a std socket that already is in non-blocking mode.
    ///
    /// The first write waits for an event, because a stream may still be connecting. `DRAINS` is not used,
    /// because the descriptor may belong to another type of socket, or the program may have a copy of it.
    pub(super) fn take_over(socket: S, function: &str) -> io::Result<Self> {
        let reactor = current_reactor(function)?;
        let io = Registered::with_reactor(reactor, socket, S::INTEREST, false, false)?;
        Ok(Socket { io })
    }

    /// Ends the registration and returns the socket as a std socket, which is still non-blocking. Its type
    /// `S::Std` has the same name in `std::net` or `std::os::unix::net`.
    ///
    /// ```
    /// # use brigade::net::{TcpListener, TcpStream};
    /// # brigade::run(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// let stream: std::net::TcpStream = stream.into_std()?;
    /// stream.set_nonblocking(false)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Currently returns no error.
    pub fn into_std(self) -> io::Result<S::Std> {
        Ok(S::Std::from(OwnedFd::from(self)))
    }

    /// Returns the socket's own address, which is a `SocketAddr` of `std::net` or `std::os::unix::net`.
    ///
    /// ```
    /// # brigade::run(async {
    /// let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// println!("listening at http://{}", listener.local_addr()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn local_addr(&self) -> io::Result<S::Address> {
        self.io.get_ref().local_addr()
    }

    /// Waits until a read may succeed. The read may still get `WouldBlock`.
    ///
    /// With this method, an idle connection needs no buffer:
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
    /// Returns an error if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub fn readable(&self) -> impl Future<Output = io::Result<()>> {
        self.io.source.wait(Interest::READABLE)
    }

    /// Waits until a write may succeed. The write may still get `WouldBlock`.
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
    /// Returns an error if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub fn writable(&self) -> impl Future<Output = io::Result<()>> {
        self.io.source.wait(Interest::WRITABLE)
    }

    /// Does the same as [`readable`](Self::readable), as a poll function: see [`Registered::poll_readable`].
    ///
    /// # Errors
    /// Returns an error if the executor is dropped meanwhile.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_readable(cx)
    }

    /// Does the same as [`writable`](Self::writable), as a poll function: see [`Registered::poll_writable`].
    ///
    /// # Errors
    /// Returns an error if the executor is dropped meanwhile.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_writable(cx)
    }

    /// If a direction of `interest` is ready, calls `io`, which makes your own system call. If `io` returns
    /// `WouldBlock`, each direction of `interest` is marked as not ready. So name only the directions that
    /// the call needs. Otherwise a later read may wait although there is data.
    ///
    /// ```
    /// use brigade::io::Interest;
    /// # brigade::run(async {
    /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// # peer.write_all(b"soup").await?;
    /// stream.readable().await?;
    /// let mut buffer = [std::mem::MaybeUninit::uninit(); 16];
    /// // Read into uninitialised memory.
    /// let count = stream.try_io(Interest::READABLE, || {
    ///     socket2::SockRef::from(&stream).recv(&mut buffer)
    /// })?;
    /// assert_eq!(count, 4);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// If no direction is ready, returns `WouldBlock` and does not call `io`. Otherwise returns the errors of
    /// `io`.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        io: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        self.io.source.try_any(interest, io)
    }

    /// Calls `io`, which makes your own system call, until it returns something other than `WouldBlock`.
    /// If `interest` contains `READABLE`, makes the first call immediately. Otherwise waits until a direction of
    /// `interest` is ready. Between the calls, waits for an event of `interest`. If `interest` is `READABLE`, a
    /// call that returns `WouldBlock` does not delay other readers. So `io` may read the socket's error queue
    /// while another task receives.
    ///
    /// ```
    /// use brigade::io::Interest;
    /// # brigade::run(async {
    /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// let socket = socket2::SockRef::from(&stream);
    /// stream.async_io(Interest::WRITABLE, || socket.send_out_of_band(b"!")).await?;
    /// # drop(peer);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns the errors of `io` other than `WouldBlock` and `Interrupted`. Returns an error if the executor
    /// is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo earlier calls of `io`.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        io: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        self.io.source.io_any(interest, io).await
    }

    /// Does the same as [`Registered::read_with`], for a call that gets `WouldBlock` only if there is nothing
    /// to read.
    pub(super) fn read_with<R>(
        &self,
        mut read: impl FnMut(&S) -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        let read = move |_| read(self.io.get_ref());
        self.io.source.io(Direction::Read, read)
    }

    /// Polls one operation in one direction.
    pub(super) fn poll_io<R>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let operation = |_| operation(self.io.get_ref());
        self.io.source.poll_io(direction, cx, None, operation)
    }
}

impl<S: Peer> Socket<S> {
    /// Returns the address of the peer, which has the type of [`local_addr`](Self::local_addr).
    ///
    /// ```
    /// # brigade::run(async {
    /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// assert_eq!(stream.peer_addr()?, peer.local_addr()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns the OS's error, such as `NotConnected` if there is no peer.
    pub fn peer_addr(&self) -> io::Result<S::Address> {
        self.io.get_ref().peer_addr()
    }

    /// Returns the error that the OS has stored for this socket, if any, and clears it.
    ///
    /// ```
    /// # brigade::run(async {
    /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// assert!(stream.take_error()?.is_none());
    /// # drop(peer);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get_ref().take_error()
    }
}

impl<S: Kind> fmt::Debug for Socket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.get_ref().fmt(f)
    }
}

/// Lends the descriptor. Later reads may then make one more system call.
impl<S: Kind> AsFd for Socket<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // A program that has the descriptor can change what a short read means: see `SHORT_READ_DRAINS`.
        self.io.source.read.drains_no_more();
        self.io.get_ref().as_fd()
    }
}

impl<S: Kind> AsRawFd for Socket<S> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

/// Ends the registration.
impl<S: Kind> From<Socket<S>> for OwnedFd {
    fn from(socket: Socket<S>) -> Self {
        socket.io.into_inner().into()
    }
}
