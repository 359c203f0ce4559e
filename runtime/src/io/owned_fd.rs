//! A source for any descriptor that the OS can watch, for programs that do not depend on mio.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use mio::unix::SourceFd;

use super::{Interest, Registered, Registry, Source, Token, current_reactor};

/// A source for any descriptor that the OS can watch: a pipe, an eventfd, a pidfd, a device.
///
/// ```
/// # #[cfg(unix)] {
/// use std::io::{Read, Write};
/// use brigade::io::{Interest, OwnedFdSource};
///
/// brigade::run(async {
///     let (here, mut there) = std::os::unix::net::UnixStream::pair()?;
///     here.set_nonblocking(true)?;
///     let source = OwnedFdSource::new(here.try_clone()?.into(), Interest::READABLE)?;
///
///     there.write_all(b"soup")?;
///     let mut buffer = [0; 16];
///     assert_eq!(source.read_with(|_| (&here).read(&mut buffer)).await?, 4);
///     std::io::Result::Ok(())
/// })?;
/// # }
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct OwnedFdSource(OwnedFd);

impl OwnedFdSource {
    /// Registers a descriptor with the current executor, as [`Registered::new`] does with a source. The
    /// descriptor must be non-blocking.
    ///
    /// # Errors
    /// Returns an error outside of an executor, or while the executor is being dropped. Returns an error if
    /// the OS cannot watch the descriptor, for example because it belongs to a regular file.
    pub fn new(descriptor: OwnedFd, interest: Interest) -> io::Result<Registered<Self>> {
        let reactor = current_reactor("OwnedFdSource::new")?;
        Registered::with_reactor(reactor, OwnedFdSource(descriptor), interest, false, false)
    }
}

impl Source for OwnedFdSource {
    fn register(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).register(to, token, interest)
    }

    fn reregister(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).reregister(to, token, interest)
    }

    fn deregister(&mut self, from: &Registry) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).deregister(from)
    }
}

impl AsFd for OwnedFdSource {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for OwnedFdSource {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl From<OwnedFdSource> for OwnedFd {
    fn from(source: OwnedFdSource) -> Self {
        source.0
    }
}
