//! A connection within the machine, of Unix.
//!
//! **Job.** [`UnixStream`]: as [`TcpStream`](super::TcpStream), with paths for addresses. **Owns** the
//! socket, through a [`Registered`]. **Never** buffers.
//!
//! What it does as any byte stream (read, write, end) stands in `net/sockets.rs`.

use std::io;
use std::path::Path;

use super::accept::Pause;
use super::connect::is_made;
use crate::io::{BOTH, Registered, current_reactor};

/// A connection within the machine, over a path in the file system.
///
/// It can be read and written through `&self` by any number of tasks at once, and implements the
/// futures-io traits, as does `&UnixStream`.
///
/// ```
/// use brigade::net::UnixStream;
///
/// brigade::run(async {
///     let (kitchen, hatch) = UnixStream::pair()?;
///     kitchen.write_all(b"two soups").await?;
///     let mut buffer = [0; 16];
///     let count = hatch.read(&mut buffer).await?;
///     assert_eq!(&buffer[..count], b"two soups");
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub struct UnixStream {
    pub(super) io: Registered<mio::net::UnixStream>,
}

impl UnixStream {
    /// Connects to the socket at `path`.
    ///
    /// ```
    /// # brigade::run(async {
    /// use brigade::net::UnixStream;
    ///
    /// // Nobody listens there.
    /// let path = std::env::temp_dir().join("no-such-kitchen");
    /// let error = UnixStream::connect(path).await.unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Those of the OS, and outside of an executor.
    ///
    /// # Cancel safety
    /// Dropping the future gives the connection up.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        let reactor = current_reactor("UnixStream::connect")?;
        let mut pause = Pause::new();
        let stream = loop {
            match mio::net::UnixStream::connect(path.as_ref()) {
                Ok(stream) => break stream,
                // The listener's queue is full, and the OS gives no event for when it is not.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => pause.wait().await,
                Err(error) => return Err(error),
            }
        };
        let io = Registered::with_reactor(reactor, stream, BOTH, false)?;
        io.wait_writable_until(|stream| is_made(stream.take_error(), stream.peer_addr()))
            .await?;
        Ok(UnixStream { io })
    }

    /// Two ends of a new connection.
    ///
    /// ```
    /// # brigade::run(async {
    /// let (kitchen, hatch) = brigade::net::UnixStream::pair()?;
    /// drop(kitchen);
    /// assert_eq!(hatch.read(&mut [0; 1]).await?, 0); // the end
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Those of the OS, and outside of an executor.
    pub fn pair() -> io::Result<(Self, Self)> {
        let reactor = current_reactor("UnixStream::pair")?;
        let (one, other) = mio::net::UnixStream::pair()?;
        let register = |stream| Registered::with_reactor(reactor.clone(), stream, BOTH, true);
        Ok((
            UnixStream { io: register(one)? },
            UnixStream {
                io: register(other)?,
            },
        ))
    }
}
