//! A TCP connection.
//!
//! **Job.** [`TcpStream`]: connect, read, write, and end either half. **Owns** the socket, through a
//! [`Registered`]. **Never** buffers: a read or a write is one system call, as soon as it is worth one.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::addr::{Target, ToSocketAddrs, lookup};
use super::connect::{begin, connect_first, made};
use super::split::{OwnedReadHalf, OwnedWriteHalf, split};
use super::stream::byte_stream;
use crate::io::{BOTH, Registered, current_reactor};
use crate::reactor::Reactor;

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

    /// A connection that was accepted: nothing speaks against writing at once.
    pub(super) fn accepted(reactor: Arc<Reactor>, stream: mio::net::TcpStream) -> io::Result<Self> {
        let io = Registered::with_reactor(reactor, stream, BOTH, true)?;
        Ok(TcpStream { io })
    }

    #[cfg(feature = "hyper")]
    pub(crate) fn registered(&self) -> &Registered<mio::net::TcpStream> {
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

    /// Fills all of `into`.
    ///
    /// # Errors
    /// As with [`read`](Self::read); `UnexpectedEof` if the stream ends before, and then it is not
    /// said how much of the buffer is filled.
    ///
    /// # Cancel safety
    /// None: dropping the future loses what it has read.
    pub async fn read_exact(&self, into: &mut [u8]) -> io::Result<()> {
        self.io.read_exact(into).await
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

    /// Waits until a read is worth a try; see [`Registered::readable`].
    ///
    /// So a connection that says nothing needs no buffer:
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
    ///         // It was worth a try, and that was all.
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
    /// If the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
    pub async fn readable(&self) -> io::Result<()> {
        self.io.readable().await
    }

    /// Waits until a write is worth a try; see [`Registered::writable`].
    ///
    /// # Errors
    /// If the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
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

    /// Sets `TCP_NODELAY`: small writes are sent at once.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.io.get_ref().set_nodelay(on)
    }

    /// Whether `TCP_NODELAY` is set.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.io.get_ref().nodelay()
    }

    /// Sets the time to live of packets: how many routers they may pass, 1 to 255.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.io.get_ref().set_ttl(hops)
    }

    /// The time to live of packets.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.get_ref().ttl()
    }

    /// The error that the OS keeps for this connection, if there is one, which is taken.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get_ref().take_error()
    }

    /// Ends one half of the connection or both.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.get_ref().shutdown(how)
    }

    pub(super) fn end_write(&self) -> io::Result<()> {
        match self.shutdown(Shutdown::Write) {
            // The other end was faster.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        }
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

byte_stream!(TcpStream, &TcpStream);

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    /// Takes over a connection, which is made non-blocking.
    ///
    /// # Errors
    /// Those of the OS, and outside of an executor.
    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let io = Registered::with_reactor(
            current_reactor("TcpStream::try_from")?,
            mio::net::TcpStream::from_std(stream),
            BOTH,
            false,
        )?;
        Ok(TcpStream { io })
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.get_ref().fmt(f)
    }
}

#[cfg(unix)]
super::stream::descriptor!(TcpStream);
