//! A TCP connection.
//!
//! **Job.** [`TcpStream`]: connect, peek, set options, split. **Owns** the socket, through a
//! [`Registered`]. **Never** buffers: a read or a write is one system call, as soon as it is worth one.
//!
//! What it does as any byte stream (read, write, end a half) stands in `net/sockets.rs`.

use std::future::Future;
use std::io;

use super::addr::{Target, ToSocketAddrs, lookup};
use super::connect::{begin, connect_first, made};
use super::split::{OwnedReadHalf, OwnedWriteHalf, split};
use crate::io::{Registered, current_reactor};

/// A TCP connection.
///
/// It can be read and written through `&self` by any number of tasks at once: one may read while
/// another writes, with no lock and without splitting it. What two tasks write at once comes in pieces
/// of either, in any order.
///
/// It implements the futures-io traits, as does `&TcpStream`, so all of `futures_util`'s
/// `AsyncReadExt` and `AsyncWriteExt` is there too: reading lines, copying, buffering.
///
/// Options that have no method here (keep-alive, buffer sizes, linger) are set through
/// [`socket2::SockRef`](https://docs.rs/socket2/latest/socket2/struct.SockRef.html), which takes any
/// socket of this crate: see `examples/socket_options.rs`.
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
pub struct TcpStream {
    pub(super) io: Registered<mio::net::TcpStream>,
}

impl TcpStream {
    /// Connects to the first of the addresses that answers.
    ///
    /// The addresses of a name are tried in turn, the two families alternating. Each has a head start
    /// of 250 ms, or as long as it takes to fail, over the next, which is then tried *beside* it; the
    /// first connection wins and the other attempts are given up. So an address that swallows packets
    /// costs a quarter of a second. One address alone has as long as the OS gives it, which may be
    /// minutes: see [`timeout`](crate::time::timeout).
    ///
    /// ```
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let port = listener.local_addr()?.port();
    /// use std::time::Duration;
    /// use brigade::net::TcpStream;
    /// use brigade::time::timeout;
    ///
    /// brigade::run(async {
    ///     // A name, and no longer than that for all of its addresses together.
    ///     let connecting = TcpStream::connect(("localhost", port));
    ///     let stream = timeout(Duration::from_secs(10), connecting).await??;
    ///     assert_eq!(stream.peer_addr()?.port(), port);
    ///     std::io::Result::Ok(())
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// Of one address, the OS's error. Of several, an error with a [`ConnectError`] inside that tells
    /// what became of each. Those of [`lookup_host`](super::lookup_host). Outside of an executor.
    ///
    /// # Cancel safety
    /// Dropping the future gives the connection up, and all attempts at it.
    ///
    /// [`ConnectError`]: super::ConnectError
    pub fn connect(address: impl ToSocketAddrs) -> impl Future<Output = io::Result<Self>> {
        let target = address.target();
        async move {
            let reactor = current_reactor("TcpStream::connect")?;
            let io = match target {
                Target::Address(address) => {
                    let io = begin(reactor, address)?;
                    made(&io).await?;
                    io
                }
                // In a box: looking up and racing take room that a connection should not cost where
                // there is nothing to look up and nobody to race.
                target => {
                    let race = async { connect_first(reactor, lookup(target).await?).await };
                    Box::pin(race).await?
                }
            };
            Ok(TcpStream { io })
        }
    }

    /// Reads without taking: the next [`read`](Self::read) gives the same bytes.
    ///
    /// ```
    /// # use brigade::net::{TcpListener, TcpStream};
    /// # brigade::run(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// # peer.write_all(b"GET /").await?;
    /// // Which protocol is it? Whoever speaks it reads it all from the start.
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
    /// As with [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        self.io.read_with(|stream| stream.peek(into)).await
    }

    /// Sets `TCP_NODELAY`: small writes are sent at once.
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
    /// Those of the OS.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.io.get_ref().set_nodelay(on)
    }

    /// Whether `TCP_NODELAY` is set; see [`set_nodelay`](Self::set_nodelay) for an example.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.io.get_ref().nodelay()
    }

    /// Sets the time to live of packets: how many routers they may pass, 1 to 255.
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
    /// Those of the OS.
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.io.get_ref().set_ttl(hops)
    }

    /// The time to live of packets; see [`set_ttl`](Self::set_ttl) for an example.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.get_ref().ttl()
    }

    /// The error that the OS keeps for this connection, if there is one, which is taken.
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
    /// Those of the OS.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get_ref().take_error()
    }

    /// Splits the connection into halves that may live in different tasks. Dropping the write half
    /// ends that direction.
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
    ///     // The halves of one connection fit together again.
    ///     let _whole: TcpStream = reader.reunite(writer).unwrap();
    ///     std::io::Result::Ok(())
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split(self)
    }
}
