//! Input and output: the futures-io traits, and an adapter for any source of mio.
//!
//! [`Registered`] connects a non-blocking source to the reactor of the current executor. A method of
//! `Registered` tries an operation. If the OS returns `WouldBlock`, the method waits for an event and tries
//! again. All sockets of [`brigade::net`](crate::net) use this type. It also works for a pipe, a timerfd or
//! an inotify descriptor. It buffers nothing.

use std::fmt;
use std::io;
use std::task::{Context, Poll};

pub use futures_io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite};
pub use mio::event::Source;
pub use mio::{Interest, Registry, Token};

mod owned_fd;

pub use self::owned_fd::OwnedFdSource;
use crate::context;
use crate::reactor::{self, Direction, Reactor};
use crate::sync::Arc;

pub(crate) use crate::reactor::source::{BOTH, SHORT_READ_DRAINS, STREAM};

/// A source of events, registered with the executor that was current at the registration.
///
/// Any number of tasks may use it through `&self`. Its methods take closures that make the system call. If
/// the OS returns `WouldBlock`, the closure must return it too. The method calls the closure again after the
/// next event. A call that a signal [interrupted](io::ErrorKind::Interrupted) is repeated immediately.
///
/// ```
/// # #[cfg(unix)] {
/// use std::io::{Read, Write};
/// use brigade::io::{Interest, Registered};
///
/// brigade::run(async {
///     let (sender, receiver) = mio::unix::pipe::new()?;
///     let sender = Registered::new(sender, Interest::WRITABLE)?;
///     let receiver = Registered::new(receiver, Interest::READABLE)?;
///
///     sender.write_with(|mut pipe| pipe.write(b"ready")).await?;
///     let mut buffer = [0; 16];
///     let count = receiver.read_with(|mut pipe| pipe.read(&mut buffer)).await?;
///     assert_eq!(&buffer[..count], b"ready");
///     std::io::Result::Ok(())
/// })?;
/// # }
/// # std::io::Result::Ok(())
/// ```
pub struct Registered<S: Source> {
    /// `None` only after `into_inner`.
    io: Option<S>,
    pub(crate) source: Arc<reactor::Source>,
    pub(crate) reactor: Arc<Reactor>,
}

impl<S: Source> Registered<S> {
    /// Registers a source with the current executor for the directions of `interest`. Dropping the result
    /// ends the registration. The source must be non-blocking.
    ///
    /// ```
    /// use brigade::io::{Interest, Registered};
    ///
    /// let socket = mio::net::UdpSocket::bind(([127, 0, 0, 1], 0).into())?;
    /// let registered = brigade::run(async { Registered::new(socket, Interest::READABLE) });
    /// assert!(registered.is_ok());
    ///
    /// // No executor is current here.
    /// let socket = mio::net::UdpSocket::bind(([127, 0, 0, 1], 0).into())?;
    /// assert!(Registered::new(socket, Interest::READABLE).is_err());
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS reports one, if no executor is current, or if the executor is being
    /// dropped.
    pub fn new(io: S, interest: Interest) -> io::Result<Self> {
        let reactor = current_reactor("Registered::new")?;
        Self::with_reactor(reactor, io, interest, false, false)
    }

    /// If `writable` is true, the first write does not wait for an event. For `drains`, see
    /// [`SHORT_READ_DRAINS`].
    pub(crate) fn with_reactor(
        reactor: Arc<Reactor>,
        mut io: S,
        interest: Interest,
        writable: bool,
        drains: bool,
    ) -> io::Result<Self> {
        let source = reactor.register(&mut io, interest, writable, drains)?;
        Ok(Registered {
            io: Some(io),
            source,
            reactor,
        })
    }

    /// Returns the source.
    ///
    /// ```
    /// use brigade::io::{Interest, Registered};
    ///
    /// brigade::run(async {
    ///     let socket = mio::net::UdpSocket::bind(([127, 0, 0, 1], 0).into())?;
    ///     let socket = Registered::new(socket, Interest::READABLE)?;
    ///     // A call that neither reads nor writes needs no wait.
    ///     assert!(socket.get_ref().local_addr()?.ip().is_loopback());
    ///     std::io::Result::Ok(())
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn get_ref(&self) -> &S {
        self.io
            .as_ref()
            .expect("the source is there until `into_inner`")
    }

    /// Ends the registration and returns the source.
    ///
    /// ```
    /// # #[cfg(unix)] brigade::run(async {
    /// # use std::io::{Read, Write}; use brigade::io::{Interest, Registered};
    /// # let (sender, receiver) = mio::unix::pipe::new()?;
    /// # let sender = Registered::new(sender, Interest::WRITABLE)?;
    /// # let receiver = Registered::new(receiver, Interest::READABLE)?;
    /// let mut pipe = receiver.into_inner();
    /// sender.write_with(|mut pipe| pipe.write(b"soup")).await?;
    /// // The pipe is still non-blocking, but no longer registered with a reactor.
    /// let mut buffer = [0; 4];
    /// pipe.read_exact(&mut buffer)?;
    /// assert_eq!(&buffer, b"soup");
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    pub fn into_inner(mut self) -> S {
        let mut io = self
            .io
            .take()
            .expect("the source is there until `into_inner`");
        self.reactor.deregister(&mut io, &self.source);
        io
    }

    /// Waits until a read may succeed. The read may still return `WouldBlock`.
    ///
    /// ```
    /// # #[cfg(unix)] brigade::run(async {
    /// # use std::io::{Read, Write}; use brigade::io::{Interest, Registered};
    /// # let (sender, receiver) = mio::unix::pipe::new()?;
    /// # let sender = Registered::new(sender, Interest::WRITABLE)?;
    /// # let receiver = Registered::new(receiver, Interest::READABLE)?;
    /// # sender.write_with(|mut pipe| pipe.write(b"soup")).await?;
    /// let mut buffer = [0; 16];
    /// let count = loop {
    ///     receiver.readable().await?;
    ///     match receiver.try_read_with(|mut pipe| pipe.read(&mut buffer)) {
    ///         Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
    ///         read => break read?,
    ///     }
    /// };
    /// assert_eq!(&buffer[..count], b"soup");
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn readable(&self) -> io::Result<()> {
        self.source.wait(Interest::READABLE).await
    }

    /// Waits until a write may succeed. The write may still return `WouldBlock`.
    ///
    /// ```
    /// # #[cfg(unix)] brigade::run(async {
    /// # use std::io::{Read, Write}; use brigade::io::{Interest, Registered};
    /// # let (sender, receiver) = mio::unix::pipe::new()?;
    /// # let sender = Registered::new(sender, Interest::WRITABLE)?;
    /// # let receiver = Registered::new(receiver, Interest::READABLE)?;
    /// loop {
    ///     sender.writable().await?;
    ///     match sender.try_write_with(|mut pipe| pipe.write(b"soup")) {
    ///         Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
    ///         written => break assert_eq!(written?, 4),
    ///     }
    /// }
    /// # drop(receiver);
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the executor is dropped meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn writable(&self) -> io::Result<()> {
        self.source.wait(Interest::WRITABLE).await
    }

    /// The poll function of [`readable`](Self::readable). [`poll_read_with`](Self::poll_read_with) describes
    /// which tasks are woken.
    ///
    /// ```
    /// # #[cfg(unix)] brigade::run(async {
    /// # use std::io::Write; use brigade::io::{Interest, Registered};
    /// # let (mut sender, receiver) = mio::unix::pipe::new()?;
    /// # let receiver = Registered::new(receiver, Interest::READABLE)?;
    /// sender.write_all(b"soup")?;
    /// std::future::poll_fn(|cx| receiver.poll_readable(cx)).await?;
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns an error if the executor was dropped.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.source.poll_wait(Direction::Read, cx)
    }

    /// The poll function of [`writable`](Self::writable): see [`poll_readable`](Self::poll_readable).
    ///
    /// # Errors
    /// Returns an error if the executor was dropped.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.source.poll_wait(Direction::Write, cx)
    }

    /// Calls `read` until it no longer returns `WouldBlock`. Waits for an event between the calls.
    ///
    /// ```
    /// # #[cfg(unix)] brigade::run(async {
    /// # use std::io::{Read, Write}; use brigade::io::{Interest, Registered};
    /// # let (sender, receiver) = mio::unix::pipe::new()?;
    /// # let sender = Registered::new(sender, Interest::WRITABLE)?;
    /// # let receiver = Registered::new(receiver, Interest::READABLE)?;
    /// # sender.write_with(|mut pipe| pipe.write(b"soup")).await?;
    /// // A call of your own, with a result type of your own.
    /// let soup = receiver.read_with(|mut pipe| {
    ///     let mut word = [0; 4];
    /// // Make only one system call: if a second call would block, the bytes of the first would be lost.
    ///     assert_eq!(pipe.read(&mut word)?, 4);
    ///     Ok(String::from_utf8_lossy(&word).into_owned())
    /// });
    /// assert_eq!(soup.await?, "soup");
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns the errors of `read`, except `WouldBlock`. Returns an error if the executor is dropped
    /// meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future while it waits loses nothing, but does not undo earlier calls of `read`.
    pub fn read_with<R>(
        &self,
        mut read: impl FnMut(&S) -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        self.source
            .io(Direction::Peek, move |_| read(self.get_ref()))
    }

    /// Calls `write` until it no longer returns `WouldBlock`. Waits for an event between the calls. The
    /// [type](Self) has an example.
    ///
    /// # Errors
    /// Returns the errors of `write`, except `WouldBlock`. Returns an error if the executor is dropped
    /// meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future while it waits loses nothing, but does not undo earlier calls of `write`.
    pub fn write_with<R>(
        &self,
        mut write: impl FnMut(&S) -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        self.source
            .io(Direction::Write, move |_| write(self.get_ref()))
    }

    /// The poll function of [`read_with`](Self::read_with). The task's waker stays registered until the next
    /// event. That event wakes every task that has called a poll function of this direction since the
    /// previous event. Each of these tasks is woken once.
    ///
    /// This example implements a futures-io trait for a source:
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use std::io::{self, Read};
    /// use std::pin::Pin;
    /// use std::task::{Context, Poll};
    /// use brigade::io::{AsyncRead, Registered};
    ///
    /// struct Hatch(Registered<mio::unix::pipe::Receiver>);
    ///
    /// impl AsyncRead for Hatch {
    ///     fn poll_read(
    ///         self: Pin<&mut Self>,
    ///         cx: &mut Context<'_>,
    ///         into: &mut [u8],
    ///     ) -> Poll<io::Result<usize>> {
    ///         self.0.poll_read_with(cx, |mut pipe| pipe.read(into))
    ///     }
    /// }
    /// # use std::io::Write; brigade::run(async {
    /// #     let (mut sender, receiver) = mio::unix::pipe::new()?;
    /// #     sender.write_all(b"soup")?;
    /// #     drop(sender);
    /// #     let mut hatch = Hatch(Registered::new(receiver, brigade::io::Interest::READABLE)?);
    /// #     let mut all = String::new();
    /// #     futures_util::AsyncReadExt::read_to_string(&mut hatch, &mut all).await?;
    /// #     assert_eq!(all, "soup");
    /// #     io::Result::Ok(()) }).unwrap();
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`read_with`](Self::read_with).
    #[inline]
    pub fn poll_read_with<R>(
        &self,
        cx: &mut Context<'_>,
        mut read: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.source
            .poll_io(Direction::Peek, cx, None, |_| read(self.get_ref()))
    }

    /// The poll function of [`write_with`](Self::write_with). [`poll_read_with`](Self::poll_read_with)
    /// describes which tasks are woken.
    ///
    /// ```
    /// # #[cfg(unix)] brigade::run(async {
    /// # use std::io::{Read, Write}; use brigade::io::{Interest, Registered};
    /// # let (sender, receiver) = mio::unix::pipe::new()?;
    /// # let sender = Registered::new(sender, Interest::WRITABLE)?;
    /// # let receiver = Registered::new(receiver, Interest::READABLE)?;
    /// let write = std::future::poll_fn(|cx| {
    ///     sender.poll_write_with(cx, |mut pipe| pipe.write(b"soup"))
    /// });
    /// assert_eq!(write.await?, 4);
    /// # drop(receiver);
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`write_with`](Self::write_with).
    #[inline]
    pub fn poll_write_with<R>(
        &self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.source
            .poll_io(Direction::Write, cx, None, |_| write(self.get_ref()))
    }

    /// Calls `read` once if the source is known to be ready. A new source counts as not ready until its first
    /// event. If `read` returns `WouldBlock`, the source counts as not ready until the next event.
    ///
    /// ```
    /// # #[cfg(unix)] brigade::run(async {
    /// # use std::io::{Read, Write}; use brigade::io::{Interest, Registered};
    /// # let (sender, receiver) = mio::unix::pipe::new()?;
    /// # let sender = Registered::new(sender, Interest::WRITABLE)?;
    /// # let receiver = Registered::new(receiver, Interest::READABLE)?;
    /// let nothing = receiver.try_read_with(|mut pipe| pipe.read(&mut [0; 16]));
    /// assert_eq!(nothing.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    /// # drop(sender);
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns `WouldBlock` if the source is not ready, and the errors of `read`. Returns another error if
    /// the call would block and the executor was dropped.
    pub fn try_read_with<R>(&self, mut read: impl FnMut(&S) -> io::Result<R>) -> io::Result<R> {
        self.source
            .try_io(Direction::Read, |_| read(self.get_ref()))
    }

    /// Calls `write` once if the source is known to be ready: see [`try_read_with`](Self::try_read_with).
    /// [`writable`](Self::writable) has an example.
    ///
    /// # Errors
    /// Returns `WouldBlock` if the source is not ready, and the errors of `write`. Returns another error if
    /// the call would block and the executor was dropped.
    pub fn try_write_with<R>(&self, mut write: impl FnMut(&S) -> io::Result<R>) -> io::Result<R> {
        self.source
            .try_io(Direction::Write, |_| write(self.get_ref()))
    }
}

impl<S: Source> Drop for Registered<S> {
    fn drop(&mut self) {
        if let Some(mut io) = self.io.take() {
            self.reactor.deregister(&mut io, &self.source);
        }
    }
}

impl<S: Source + fmt::Debug> fmt::Debug for Registered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registered").field(&self.io).finish()
    }
}

/// Returns the reactor of the current executor.
///
/// # Errors
/// If no executor is current, returns an error that names `function`.
pub(crate) fn current_reactor(function: &str) -> io::Result<Arc<Reactor>> {
    let reactor = context::with(|shared| shared.map(|shared| shared.reactor.clone()));
    let reactor = reactor.ok_or_else(|| {
        io::Error::other(format!(
            "{function} was called outside of a brigade executor: call it from a future that runs \
             inside `brigade::run` or `block_on`"
        ))
    })?;
    reactor.check_seal()?;
    Ok(reactor)
}

const _: () = {
    fn _shared_by_all<S: Source + Send + Sync>(registered: Registered<S>) -> impl Send + Sync {
        registered
    }
};
