//! Exercise 4, solved: a source of events, like `net/udp.rs`.

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
        self.io.write_with(|socket| socket.send(datagram)).await
    }

    /// Receives one datagram.
    pub async fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        self.io.read_with(|socket| socket.recv(into)).await
    }
}
