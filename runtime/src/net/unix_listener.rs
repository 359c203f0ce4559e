//! A socket of Unix that accepts connections.
//!
//! **Job.** [`UnixListener`]: as [`TcpListener`](super::TcpListener), with paths for addresses. **Owns** the
//! socket, through a [`Registered`]. **Never** removes the path that it made.

use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::UnixStream;
use super::accept::{Pause, accept, poll_accept};
use crate::io::{Interest, Registered, current_reactor};

/// A socket at a path in the file system that accepts connections.
///
/// Dropping it leaves the path where it is, as the OS does: the next one to bind to it has to remove
/// it first.
///
/// ```
/// use brigade::net::{UnixListener, UnixStream};
///
/// brigade::run(async {
///     let path = std::env::temp_dir().join(format!("brigade-doc-{}", std::process::id()));
///     let listener = UnixListener::bind(&path)?;
///     let guest = UnixStream::connect(&path).await?;
///     let (stream, _) = listener.accept().await?;
///     std::fs::remove_file(&path)?;
///
///     stream.write_all(b"soup").await?;
///     let mut bowl = [0; 4];
///     guest.read_exact(&mut bowl).await?;
///     assert_eq!(&bowl, b"soup");
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub struct UnixListener {
    pub(super) io: Registered<mio::net::UnixListener>,
}

impl UnixListener {
    /// Listens at `path`.
    ///
    /// ```
    /// # brigade::run(async {
    /// # let path = std::env::temp_dir().join(format!("brigade-doc-bind-{}", std::process::id()));
    /// use brigade::net::UnixListener;
    ///
    /// drop(UnixListener::bind(&path)?);
    /// // The path is still there.
    /// let error = UnixListener::bind(&path).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    /// std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Those of the OS, `AddrInUse` if the path exists; and outside of an executor.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let reactor = current_reactor("UnixListener::bind")?;
        let listener = mio::net::UnixListener::bind(path)?;
        let io = Registered::with_reactor(reactor, listener, Interest::READABLE, false)?;
        Ok(UnixListener { io })
    }

    /// Waits for a connection; see [`TcpListener::accept`](super::TcpListener::accept) for what it does
    /// when there are no descriptors left.
    ///
    /// ```
    /// # brigade::run(async {
    /// # use brigade::net::{UnixListener, UnixStream};
    /// # let path = std::env::temp_dir().join(format!("brigade-doc-accept-{}", std::process::id()));
    /// # let listener = UnixListener::bind(&path)?;
    /// # let _guest = UnixStream::connect(&path).await?;
    /// let (_stream, peer) = listener.accept().await?;
    /// assert!(peer.is_unnamed()); // a guest seldom has a path of its own
    /// # std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Those of the OS, and if the executor is dropped meanwhile.
    ///
    /// # Panics
    /// As [`TcpListener::accept`](super::TcpListener::accept) does.
    ///
    /// # Cancel safety
    /// Dropping the future loses no connection.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, peer) = accept(&self.io, mio::net::UnixListener::accept).await?;
        Ok((self.take(stream)?, peer))
    }

    fn take(&self, stream: mio::net::UnixStream) -> io::Result<UnixStream> {
        UnixStream::accepted(self.io.reactor().clone(), stream)
    }

    /// The connections one after the other, as a stream that never ends; see
    /// [`TcpListener::incoming`](super::TcpListener::incoming) for an example.
    ///
    /// ```
    /// # brigade::run(async {
    /// # use brigade::net::{UnixListener, UnixStream};
    /// # let path = std::env::temp_dir().join(format!("brigade-doc-incoming-{}", std::process::id()));
    /// # let listener = UnixListener::bind(&path)?;
    /// # let guest = UnixStream::connect(&path).await?;
    /// # guest.write_all(b"soup").await?;
    /// use futures_util::TryStreamExt;
    ///
    /// let mut guests = listener.incoming();
    /// while let Some(stream) = guests.try_next().await? {
    ///     stream.read_exact(&mut [0; 4]).await?;
    /// #     break;
    /// }
    /// # std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn incoming(&self) -> UnixIncoming<'_> {
        UnixIncoming {
            listener: self,
            pause: Pause::new(),
        }
    }

    /// The address it listens at.
    ///
    /// ```
    /// # brigade::run(async {
    /// # let path = std::env::temp_dir().join(format!("brigade-doc-local-{}", std::process::id()));
    /// let listener = brigade::net::UnixListener::bind(&path)?;
    /// assert_eq!(listener.local_addr()?.as_pathname(), Some(path.as_path()));
    /// # std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Those of the OS.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }
}

/// The stream of [`UnixListener::incoming`]; see
/// [`TcpListener::incoming`](super::TcpListener::incoming) for an example.
#[must_use = "a stream does nothing until it is polled"]
#[derive(Debug)]
pub struct UnixIncoming<'a> {
    listener: &'a UnixListener,
    pause: Pause,
}

impl futures_core::Stream for UnixIncoming<'_> {
    type Item = io::Result<UnixStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let UnixIncoming { listener, pause } = &mut *self;
        let accepted = poll_accept(&listener.io, cx, pause, mio::net::UnixListener::accept);
        let stream = ready!(accepted).and_then(|(stream, _)| listener.take(stream));
        Poll::Ready(Some(stream))
    }
}
