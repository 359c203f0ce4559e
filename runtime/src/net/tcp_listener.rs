//! A socket that accepts TCP connections.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::TcpStream;
use super::addr::{ToSocketAddrs, lookup_host};
use crate::io::{Interest, Registered, current_reactor};
use crate::time::{Sleep, sleep};

/// A socket that accepts TCP connections; see [`TcpStream`] for an example.
pub struct TcpListener {
    io: Registered<mio::net::TcpListener>,
}

/// How long to wait when the process or the machine has no descriptor or memory left: the
/// connection waits in the OS's queue, so trying again at once would only burn the processor.
/// Doubled up to the longer one. Thin air: short enough for a person, long enough for the processor.
const SHORT_OF_MEANS: (Duration, Duration) =
    (Duration::from_millis(10), Duration::from_millis(500));

impl TcpListener {
    /// Listens at the first of the addresses that can be had. On Unix `SO_REUSEADDR` is set. Port 0
    /// lets the OS choose one.
    ///
    /// # Errors
    /// The last address's error; those of [`lookup_host`]; and outside of an executor.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let reactor = current_reactor("TcpListener::bind")?;
        let mut last = None;
        for address in lookup_host(address).await? {
            match mio::net::TcpListener::bind(address) {
                Ok(listener) => {
                    backlog::enlarge(&listener);
                    return Ok(TcpListener {
                        io: Registered::with_reactor(reactor, listener, Interest::READABLE, false)?,
                    });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::InvalidInput.into()))
    }

    /// Waits for a connection.
    ///
    /// A connection that broke before it could be accepted is passed over. When there are no
    /// descriptors left it waits a little and tries again, until some are: the connection stays in
    /// the OS's queue meanwhile.
    ///
    /// # Errors
    /// Those of the OS that are neither, and if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future loses no connection.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let mut pause = SHORT_OF_MEANS.0;
        loop {
            match self.io.read_with(mio::net::TcpListener::accept).await {
                Ok((stream, peer)) => {
                    return Ok((
                        TcpStream::accepted(self.io.reactor().clone(), stream)?,
                        peer,
                    ));
                }
                Err(error) => match Fault::of(&error) {
                    Fault::OfTheConnection => {}
                    Fault::ShortOfMeans => {
                        sleep(pause).await;
                        pause = (pause * 2).min(SHORT_OF_MEANS.1);
                    }
                    Fault::OfTheListener => return Err(error),
                },
            }
        }
    }

    /// The connections one after the other, as a stream.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming {
            listener: self,
            pause: None,
        }
    }

    /// The address it listens at.
    ///
    /// # Errors
    /// Those of the OS.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }
}

#[cfg(unix)]
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

#[cfg(not(unix))]
mod backlog {
    pub(super) fn enlarge(_listener: &mio::net::TcpListener) {}
}

/// Whose fault it is that a connection could not be accepted.
enum Fault {
    OfTheConnection,
    ShortOfMeans,
    OfTheListener,
}

impl Fault {
    fn of(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::ConnectionAborted | Kind::ConnectionReset | Kind::ConnectionRefused => {
                return Fault::OfTheConnection;
            }
            Kind::OutOfMemory => return Fault::ShortOfMeans,
            _ => {}
        }
        // EMFILE, ENFILE and ENOBUFS have no kind in std. The first two have the same number on
        // every Unix, the last one of Linux or of the BSDs and macOS.
        match error.raw_os_error() {
            Some(23 | 24) if cfg!(unix) => Fault::ShortOfMeans,
            Some(105) if cfg!(target_os = "linux") => Fault::ShortOfMeans,
            Some(55) if cfg!(all(unix, not(target_os = "linux"))) => Fault::ShortOfMeans,
            // EPROTO: on Linux an error of the new connection comes out of accept.
            Some(71) if cfg!(target_os = "linux") => Fault::OfTheConnection,
            _ => Fault::OfTheListener,
        }
    }
}

/// The stream of [`TcpListener::incoming`].
#[must_use = "a stream does nothing until it is polled"]
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
    /// Short of means: when to try again, and how long to wait the next time.
    pause: Option<(Sleep, Duration)>,
}

impl futures_core::Stream for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let listener = self.listener;
        loop {
            let mut next_pause = SHORT_OF_MEANS.0;
            if let Some((sleep, pause)) = &mut self.pause {
                ready!(Pin::new(sleep).poll(cx));
                next_pause = *pause;
            }
            let accepted = ready!(
                listener
                    .io
                    .poll_read_with(cx, mio::net::TcpListener::accept)
            );
            match accepted {
                Ok((stream, _)) => {
                    self.pause = None;
                    let reactor = listener.io.reactor().clone();
                    return Poll::Ready(Some(TcpStream::accepted(reactor, stream)));
                }
                Err(error) => match Fault::of(&error) {
                    Fault::OfTheConnection => {}
                    Fault::ShortOfMeans => {
                        let longer = (next_pause * 2).min(SHORT_OF_MEANS.1);
                        self.pause = Some((sleep(next_pause), longer));
                    }
                    Fault::OfTheListener => return Poll::Ready(Some(Err(error))),
                },
            }
        }
    }
}

impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    /// Takes over a listener, which is made non-blocking.
    ///
    /// # Errors
    /// Those of the OS, and outside of an executor.
    fn try_from(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let io = Registered::with_reactor(
            current_reactor("TcpListener::try_from")?,
            mio::net::TcpListener::from_std(listener),
            Interest::READABLE,
            false,
        )?;
        Ok(TcpListener { io })
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.get_ref().fmt(f)
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for TcpListener {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.io.get_ref().as_fd()
    }
}

#[cfg(unix)]
impl std::os::fd::AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.io.get_ref().as_raw_fd()
    }
}
