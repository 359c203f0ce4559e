//! Exercise 4: a source of events, as `net/udp.rs` is one.

use std::io;

use brigade::io::{Interest, Registered};
use mio::net::UnixDatagram;

/// One end of a pair of datagram sockets.
pub struct Port {
    io: Registered<UnixDatagram>,
}

/// Two ends that send to one another. Inside of an executor.
pub fn pair() -> io::Result<(Port, Port)> {
    let (a, b) = UnixDatagram::pair()?;
    let port = |socket| {
        let io = Registered::new(socket, Interest::READABLE | Interest::WRITABLE)?;
        io::Result::Ok(Port { io })
    };
    Ok((port(a)?, port(b)?))
}

impl Port {
    /// Sends one datagram.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.io.get_ref().send(datagram)
    }

    /// Receives one datagram.
    ///
    /// It asks once, and where nothing has come the answer is an error. Let it wait.
    pub async fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        self.io.get_ref().recv(into)
    }
}
