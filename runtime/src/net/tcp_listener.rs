//! A socket that accepts TCP connections.
//!
//! **Job.** [`TcpListener`]: bind, listen, accept. **Owns** the socket, through a
//! [`Registered`]. **Never** accepts ahead of whoever asks.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::TcpStream;
use super::accept::{Pause, accept, poll_accept};
use super::addr::{ToSocketAddrs, first_of};
use crate::io::{Interest, Registered, current_reactor};

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
/// A listener that is set up in another way (`SO_REUSEPORT`, IPv6 only, another backlog) is made with
/// the crate `socket2` and taken over by `TryFrom`: see `examples/socket_options.rs`.
pub struct TcpListener {
    pub(super) io: Registered<mio::net::TcpListener>,
}

impl TcpListener {
    /// Listens at the first of the addresses that can be had. On Unix `SO_REUSEADDR` is set. Port 0
    /// lets the OS choose one.
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
    /// The last address's error; those of [`lookup_host`](super::lookup_host); and outside of an executor.
    ///
    /// # Cancel safety
    /// Dropping the future binds nothing.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let reactor = current_reactor("TcpListener::bind")?;
        let listener = first_of(address, mio::net::TcpListener::bind).await?;
        backlog::enlarge(&listener);
        let io = Registered::with_reactor(reactor, listener, Interest::READABLE, false)?;
        Ok(TcpListener { io })
    }

    /// Waits for a connection.
    ///
    /// A connection that broke before it could be accepted is passed over. When there are no
    /// descriptors left it waits a little and tries again, until some are: the connection stays in
    /// the OS's queue meanwhile.
    ///
    /// A task for each guest:
    ///
    ///
    /// ```
    /// use brigade::net::{TcpListener, TcpStream};
    ///
    /// async fn serve(listener: TcpListener) -> std::io::Result<()> {
    ///     loop {
    ///         let (stream, _) = listener.accept().await?;
    ///         drop(brigade::spawn(async move { stream.write_all(b"soup").await }));
    ///     }
    /// }
    /// # brigade::run(async {
    /// #     let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// #     let address = listener.local_addr()?;
    /// #     let serving = brigade::spawn(serve(listener));
    /// #     for _ in 0..2 {
    /// #         let stream = TcpStream::connect(address).await?;
    /// #         stream.read_exact(&mut [0; 4]).await?;
    /// #     }
    /// #     serving.abort();
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Those of the OS that are neither, and if the executor is dropped meanwhile.
    ///
    /// # Panics
    /// If it has to wait for descriptors while something other than an executor of brigade polls it.
    ///
    /// # Cancel safety
    /// Dropping the future loses no connection.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = accept(&self.io, mio::net::TcpListener::accept).await?;
        Ok((self.take(stream)?, peer))
    }

    fn take(&self, stream: mio::net::TcpStream) -> io::Result<TcpStream> {
        TcpStream::accepted(self.io.reactor().clone(), stream)
    }

    /// The connections one after the other, as a stream that never ends. It waits as
    /// [`accept`](Self::accept) does when there are no descriptors left, and panics where that does.
    ///
    /// ```
    /// use brigade::net::{TcpListener, TcpStream};
    /// use futures_util::{StreamExt, TryStreamExt};
    ///
    /// brigade::run(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let address = listener.local_addr()?;
    ///     let _one = TcpStream::connect(address).await?;
    ///     let _other = TcpStream::connect(address).await?;
    ///     let guests: Vec<TcpStream> = listener.incoming().take(2).try_collect().await?;
    ///     assert_eq!(guests.len(), 2);
    ///     std::io::Result::Ok(())
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming {
            listener: self,
            pause: Pause::new(),
        }
    }

    /// The address it listens at.
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
    /// Those of the OS.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// Sets the time to live of packets of the connections it accepts: how many routers they may
    /// pass, 1 to 255.
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
    /// Those of the OS.
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.io.get_ref().set_ttl(hops)
    }

    /// The time to live of packets of the connections it accepts; see [`set_ttl`](Self::set_ttl) for an
    /// example.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.get_ref().ttl()
    }
}

#[cfg(all(unix, not(miri)))]
mod backlog {
    //! Room for connections that wait to be accepted.
    //!
    //! mio asks for 128, as std does. A burst that is longer overflows the queue: the kernel drops
    //! what comes then, and the other ends try again a second later. A second `listen` on the same
    //! socket changes nothing but the length of the queue, on every Unix.

    use std::ffi::c_int;
    use std::os::fd::AsRawFd;

    /// As many as Linux allows unless told otherwise (`net.core.somaxconn`); other systems cut it to
    /// what they allow.
    const LENGTH: c_int = 4096;

    // SAFETY: the declaration is that of POSIX, with plain numbers on both sides.
    unsafe extern "C" {
        /// Any descriptor and any length are allowed: it fails where they make no sense.
        safe fn listen(socket: c_int, backlog: c_int) -> c_int;
    }

    /// If it fails the queue stays as it was.
    pub(super) fn enlarge(listener: &impl AsRawFd) {
        let _ = listen(listener.as_raw_fd(), LENGTH);
    }
}

// Miri knows no second `listen`.
#[cfg(any(not(unix), miri))]
mod backlog {
    pub(super) fn enlarge(_listener: &mio::net::TcpListener) {}
}

/// The stream of [`TcpListener::incoming`], where an example is.
#[must_use = "a stream does nothing until it is polled"]
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
    pause: Pause,
}

impl futures_core::Stream for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Incoming { listener, pause } = &mut *self;
        let accepted = poll_accept(&listener.io, cx, pause, mio::net::TcpListener::accept);
        let stream = ready!(accepted).and_then(|(stream, _)| listener.take(stream));
        Poll::Ready(Some(stream))
    }
}
