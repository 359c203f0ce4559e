//! Who is at the other end of a Unix stream.

use std::io;

use super::socket::Socket;
use super::sys;

/// The process, user and group at the other end of a [`UnixStream`](super::UnixStream), as they were when the
/// connection was made. See [`peer_cred`](Socket::peer_cred).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct UCred {
    process: Option<i32>,
    user: u32,
    group: u32,
}

impl UCred {
    /// Returns the process, on systems that tell.
    pub fn pid(&self) -> Option<i32> {
        self.process
    }

    /// Returns the effective user.
    pub fn uid(&self) -> u32 {
        self.user
    }

    /// Returns the effective group.
    pub fn gid(&self) -> u32 {
        self.group
    }
}

impl Socket<mio::net::UnixStream> {
    /// Returns the credentials of the peer.
    ///
    /// ```
    /// # brigade::run(async {
    /// let (kitchen, hatch) = brigade::net::UnixStream::pair()?;
    /// assert_eq!(kitchen.peer_cred()?, hatch.peer_cred()?);
    /// if let Some(process) = kitchen.peer_cred()?.pid() {
    ///     assert_eq!(process as u32, std::process::id());
    /// }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns the OS's error.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        let (process, user, group) = sys::peer_credentials(self)?;
        Ok(UCred {
            process,
            user,
            group,
        })
    }
}
