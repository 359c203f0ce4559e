//! TCP: connecting, peeking at, configuring and splitting a [`TcpStream`], and binding a [`TcpListener`].
//!
//! More methods are in `net/stream.rs` (all byte streams), `net/accept.rs` (all listeners) and
//! `net/socket.rs` (all sockets).

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use super::accept::Accepting;
use super::addr::{Target, ToSocketAddrs, first_of, lookup};
use super::connect::{begin, connect_first, made};
use super::socket::{Kind, Peer, Socket};
use super::split::{OwnedReadHalf, OwnedWriteHalf, split};
use super::sys;
use crate::coop::consume_budget;
use crate::io::{Interest, SHORT_READ_DRAINS, STREAM, current_reactor};

/// A TCP connection.
///
/// Any number of tasks may use it at the same time through `&self`. One task may read while another writes,
/// without a lock or a split. If two tasks write at the same time, pieces of both writes arrive in any order.
///
/// `TcpStream` and `&TcpStream` implement the futures-io traits. So `futures_util`'s `AsyncReadExt` and
/// `AsyncWriteExt` work too, for example to read lines or to copy.
///
/// [`socket2::SockRef`](https://docs.rs/socket2/latest/socket2/struct.SockRef.html) sets the options that
/// have no method here, such as keep-alive, buffer sizes and linger. It takes any socket of this crate: see
/// `examples/socket_options.rs`.
///
/// ```
/// use brigade::net::{TcpListener, TcpStream};
///
/// brigade::run(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let address = listener.local_addr()?;
///     let server = brigade::spawn(async move {
///         let (stream, _) = listener.accept().await?;
///         stream.write_all(b"soup").await
///     });
///     let stream = TcpStream::connect(address).await?;
///     let mut buffer = [0; 16];
///     let count = stream.read(&mut buffer).await?;
///     assert_eq!(&buffer[..count], b"soup");
///     server.await.unwrap()
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub type TcpStream = Socket<mio::net::TcpStream>;

impl Kind for mio::net::TcpStream {
    type Address = SocketAddr;
    type Std = std::net::TcpStream;
    const INTEREST: Interest = STREAM;
    const DRAINS: bool = SHORT_READ_DRAINS;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}

impl Peer for mio::net::TcpStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer_addr()
    }
    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.take_error()
    }
}

impl Socket<mio::net::TcpStream> {
    /// Connects to the first address that answers.
    ///
    /// The addresses of a name are tried in turn, and IPv4 alternates with IPv6. If an address has not
    /// answered after 250 ms, the next address is tried *too*. If an address fails earlier, the next address
    /// is tried immediately. The first connection wins, and the other attempts are dropped. So an address
    /// that drops packets delays the connection by 250 ms. With a single address, connecting may take as long
    /// as the OS allows, often minutes. Set a shorter limit with [`timeout`](crate::time::timeout).
    ///
    /// ```
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let port = listener.local_addr()?.port();
    /// use std::time::Duration;
    /// use brigade::net::TcpStream;
    /// use brigade::time::timeout;
    ///
    /// brigade::run(async {
    ///     // All addresses together may take 10 seconds.
    ///     let connecting = TcpStream::connect(("localhost", port));
    ///     let stream = timeout(Duration::from_secs(10), connecting).await??;
    ///     assert_eq!(stream.peer_addr()?.port(), port);
    ///     std::io::Result::Ok(())
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// With one address, returns the OS's error. With several addresses, returns an error that contains a
    /// [`ConnectError`] with the error of each address. Returns an error if
    /// [`lookup_host`](super::lookup_host) fails, or if no executor is current.
    ///
    /// # Cancel safety
    /// Dropping the future closes the sockets of all attempts.
    ///
    /// [`ConnectError`]: super::ConnectError
    pub fn connect(address: impl ToSocketAddrs) -> impl Future<Output = io::Result<Self>> {
        let target = address.target();
        async move {
            let reactor = current_reactor("TcpStream::connect")?;
            match target {
                Target::Address(address) => {
                    // If the OS refuses every call immediately, a loop of such calls never waits. Spend
                    // budget (see `coop`), so that the loop yields.
                    consume_budget().await;
                    let stream = begin(reactor, address)?;
                    made(&stream).await?;
                    Ok(stream)
                }
                // Box the lookup and the race. Otherwise they would enlarge every future of `connect`, even
                // for a known address.
                target => {
                    let race = async { connect_first(reactor, lookup(target).await?).await };
                    Box::pin(race).await
                }
            }
        }
    }

    /// Connects to `remote` from the address `local`. If the port of `local` is 0, the OS chooses a port.
    ///
    /// ```
    /// # brigade::run(async {
    /// use brigade::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let local = ([127, 0, 0, 1], 0).into();
    /// # if cfg!(target_os = "linux") {
    /// let stream = TcpStream::connect_from(local, listener.local_addr()?).await?;
    /// assert_eq!(stream.local_addr()?.ip(), local.ip());
    /// # }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one, such as `AddrInUse`, or if the addresses are of different
    /// families. Returns `Unsupported` on systems other than Linux. Returns an error if no executor is
    /// current.
    ///
    /// # Cancel safety
    /// Dropping the future closes the socket.
    pub async fn connect_from(local: SocketAddr, remote: SocketAddr) -> io::Result<Self> {
        let reactor = current_reactor("TcpStream::connect_from")?;
        consume_budget().await;
        let stream = mio::net::TcpStream::from_std(sys::begin_connect(local, remote)?);
        let stream = Socket::register(reactor, stream, false)?;
        made(&stream).await?;
        Ok(stream)
    }

    /// Reads bytes and leaves them queued: the next [`read`](Self::read) returns the same bytes.
    ///
    /// ```
    /// # use brigade::net::{TcpListener, TcpStream};
    /// # brigade::run(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// # peer.write_all(b"GET /").await?;
    /// // The first byte shows the protocol. The parser then reads all bytes from the start.
    /// let mut first = [0; 1];
    /// stream.peek(&mut first).await?;
    /// assert_eq!(first, *b"G");
    /// # let mut all = [0; 5];
    /// # stream.read_exact(&mut all).await?;
    /// # assert_eq!(&all, b"GET /");
    /// # std::io::Result::Ok(())
    /// # })?;
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        self.io.read_with(|stream| stream.peek(into)).await
    }

    /// Sets `TCP_NODELAY`. If `on` is true, small writes are sent immediately.
    ///
    /// ```
    /// # brigade::run(async {
    /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// stream.set_nodelay(true)?;
    /// assert!(stream.nodelay()?);
    /// # drop(peer);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.io.get_ref().set_nodelay(on)
    }

    /// Returns whether `TCP_NODELAY` is set; see [`set_nodelay`](Self::set_nodelay) for an example.
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.io.get_ref().nodelay()
    }

    /// Sets the time to live of packets: the maximum number of hops, 1 to 255.
    ///
    /// ```
    /// # brigade::run(async {
    /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// stream.set_ttl(1)?; // no further than the next router
    /// assert_eq!(stream.ttl()?, 1);
    /// # drop(peer);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.io.get_ref().set_ttl(hops)
    }

    /// Returns the time to live of packets; see [`set_ttl`](Self::set_ttl) for an example.
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.get_ref().ttl()
    }

    /// Splits the connection into halves that may live in different tasks. Dropping the write half ends the
    /// write direction.
    ///
    /// ```
    /// use brigade::net::{TcpListener, TcpStream};
    /// use futures_util::{AsyncReadExt, AsyncWriteExt};
    ///
    /// brigade::run(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let stream = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (peer, _) = listener.accept().await?;
    ///     peer.write_all(b"soup").await?;
    ///     drop(peer);
    ///
    ///     let (mut reader, mut writer) = stream.into_split();
    ///     let reading = brigade::spawn(async move {
    ///         let mut all = Vec::new();
    ///         reader.read_to_end(&mut all).await?;
    ///         std::io::Result::Ok((reader, all))
    ///     });
    ///     writer.write_all(b"thank you").await?;
    ///     let (reader, all) = reading.await.unwrap()?;
    ///     assert_eq!(all, b"soup");
    ///     // The halves of one connection can be joined again.
    ///     let _whole: TcpStream = reader.reunite(writer).unwrap();
    ///     std::io::Result::Ok(())
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split(self)
    }
}

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    /// Takes the stream over from std and makes it non-blocking.
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if no executor is current.
    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Socket::take_over(mio::net::TcpStream::from_std(stream), "TcpStream::try_from")
    }
}

/// A socket that accepts TCP connections.
///
/// ```
/// use brigade::net::{TcpListener, TcpStream};
///
/// brigade::run(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let guest = TcpStream::connect(listener.local_addr()?).await?;
///     let (stream, peer) = listener.accept().await?;
///     assert_eq!(peer, guest.local_addr()?);
///     assert_eq!(stream.peer_addr()?, peer);
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
///
/// For other options (`SO_REUSEPORT`, IPv6 only, another backlog), make a listener with the crate `socket2`.
/// Convert the listener with `TryFrom`: see `examples/socket_options.rs`.
pub type TcpListener = Socket<mio::net::TcpListener>;

/// The stream of [`TcpListener::incoming`](Socket::incoming), which has an example.
pub type Incoming<'a> = Accepting<'a, mio::net::TcpListener>;

impl Kind for mio::net::TcpListener {
    type Address = SocketAddr;
    type Std = std::net::TcpListener;
    const INTEREST: Interest = Interest::READABLE;
    const DRAINS: bool = SHORT_READ_DRAINS;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}

impl Socket<mio::net::TcpListener> {
    /// Listens at the first address that is free. Sets `SO_REUSEADDR` on Unix. With port 0, the OS chooses a
    /// port.
    ///
    /// ```
    /// use brigade::net::TcpListener;
    ///
    /// brigade::run(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let address = listener.local_addr()?;
    ///     assert_ne!(address.port(), 0); // the OS chose it
    ///
    ///     let taken = TcpListener::bind(address).await.unwrap_err();
    ///     assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    ///     std::io::Result::Ok(())
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if [`lookup_host`](super::lookup_host) fails, or if no executor is current. If every
    /// address fails, returns the last error.
    ///
    /// # Cancel safety
    /// Dropping the future leaves no socket bound.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let reactor = current_reactor("TcpListener::bind")?;
        let listener = first_of(address, mio::net::TcpListener::bind).await?;
        sys::enlarge_backlog(&listener);
        Socket::register(reactor, listener, false)
    }

    /// Sets the time to live of the packets of accepted connections: the maximum number of hops, 1 to 255.
    ///
    /// ```
    /// # brigade::run(async {
    /// let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// listener.set_ttl(1)?; // no further than the next router
    /// assert_eq!(listener.ttl()?, 1);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.io.get_ref().set_ttl(hops)
    }

    /// Returns the time to live of the packets of accepted connections; see [`set_ttl`](Self::set_ttl) for an
    /// example.
    ///
    /// # Errors
    /// Returns an error if the OS reports one.
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.get_ref().ttl()
    }
}

impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    /// Takes the listener over from std and makes it non-blocking.
    ///
    /// # Errors
    /// Returns an error if the OS reports one, or if no executor is current.
    fn try_from(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = mio::net::TcpListener::from_std(listener);
        Socket::take_over(listener, "TcpListener::try_from")
    }
}
