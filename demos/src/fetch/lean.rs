//! The connection of a request to the embedded origin, designed to wait cheaply. Thousands of connections
//! wait at the same time, and each needs only a socket and a waker until its reply begins.
//!
//! Every byte of the reply is known, so no HTTP library reads it. hyper would reserve 32 KiB of buffers
//! for each connection. That suits a busy connection, but nearly all of these wait.

use std::io;

use brigade::net::TcpStream;

use super::{
    failure::Failure,
    origin::{Reply, Request},
};
use crate::gauge::Counted;

/// The maximum size of one read, in bytes. Arbitrary: small enough for the stack.
const PIECE: usize = 16 << 10;

/// A connection that carries one request and its reply.
pub(crate) struct Connection {
    stream: TcpStream,
    _open: Counted,
}

impl Connection {
    pub(crate) fn new((stream, open): (TcpStream, Counted)) -> Self {
        Self {
            stream,
            _open: open,
        }
    }

    /// Sends the request.
    pub(crate) async fn send(&self, reply: Reply) -> Result<(), Failure> {
        let message = Request::Reply(reply).message();
        let sent = self.stream.write_all(message.as_bytes()).await;
        sent.map_err(|error| Failure::asking(&error))
    }

    /// Waits for the reply to begin and returns its first piece. A request spends nearly all of its time
    /// here.
    pub(crate) async fn first_piece(&self) -> Result<Vec<u8>, Failure> {
        let first = self.piece(<[u8]>::to_vec).await;
        let first = first.map_err(|error| Failure::asking(&error))?;
        if first.is_empty() {
            return Err(Failure::hung_up());
        }
        Ok(first)
    }

    /// Passes the next piece of the reply to `take`. Returns an error if there is none.
    pub(crate) async fn more<T>(&self, take: impl FnOnce(&[u8]) -> T) -> Result<T, Failure> {
        let read = self.piece(|piece| (!piece.is_empty()).then(|| take(piece)));
        let taken = read.await.map_err(|error| Failure::from_io(&error))?;
        taken.ok_or_else(Failure::cut_short)
    }

    async fn piece<T>(&self, take: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
        loop {
            self.stream.readable().await?;
            // The buffer is on the stack, and only while something is read. A buffer inside the task
            // would take memory in every waiting task.
            let mut piece = [0; PIECE];
            match self.stream.try_read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Ok(take(&piece[..read?])),
            }
        }
    }
}
