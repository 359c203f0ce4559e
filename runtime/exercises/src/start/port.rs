//! Exercise 4: a source of events, like `net/udp.rs`.

use std::io;

use brigade::io::{Interest, Registered};
use mio::net::UnixDatagram;

/// One end of a pair of datagram sockets.
pub struct Port {
    io: Registered<UnixDatagram>,
}

/// Makes two ends that send to each other. Call it inside an executor.
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
    /// This version tries once, and returns an error if nothing has arrived. Make it wait.
    pub async fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        self.io.get_ref().recv(into)
    }
}
