//! Fetches one reply of the embedded origin, with code that needs little memory while it waits. Thousands of
//! connections wait at the same time, and each needs only a socket and a waker until its reply begins.
//!
//! Every byte of the reply is known in advance, so no HTTP library is needed to read it. hyper would reserve
//! 32 KiB of buffers for each connection. That suits a busy connection, but here nearly all connections wait.

use std::{io, path::PathBuf, sync::atomic::Ordering::Relaxed};

use brigade::net::TcpStream;

use super::{
    body::{Sink, To, check_length},
    client::{Client, Outcome, RECEIVING, WAITING, open},
    failure::{CUT_SHORT, Failure, Kind},
    origin::{Request, head},
};

/// The maximum size of one read, in bytes. Arbitrary: small enough for the stack.
const PIECE: usize = 16 << 10;

impl Client {
    /// Sends request number `index` to the origin, and receives the reply.
    pub(super) async fn fetch_reply(
        &self,
        index: usize,
        outcome: &mut Outcome,
    ) -> Result<Option<PathBuf>, Failure> {
        let origin = self
            .origin
            .as_ref()
            .expect("the origin runs if there are no pages");
        let server = origin.address(index as u64);
        let failed = |error: io::Error| Failure::asking(&error);
        // The futures that connect and receive are boxed. Their memory is freed when they end, so a
        // waiting task holds only what it needs for waiting.
        let (stream, _open) = Box::pin(self.dialer.dial(&[server])).await?;
        outcome.stage = "sending the request";
        let message = Request::Reply(index as u64).message();
        stream.write_all(message.as_bytes()).await.map_err(failed)?;
        drop(message);
        outcome.stage = WAITING;
        // A request spends nearly all of its time here.
        let first = piece(&stream, <[u8]>::to_vec).await.map_err(failed)?;
        outcome.stage = RECEIVING;
        Box::pin(self.receive_reply(&stream, first, index, outcome)).await
    }

    /// Receives the rest of a reply that begins with the bytes in `arrived`.
    async fn receive_reply(
        &self,
        stream: &TcpStream,
        mut arrived: Vec<u8>,
        index: usize,
        outcome: &mut Outcome,
    ) -> Result<Option<PathBuf>, Failure> {
        let failed = |error: io::Error| Failure::from_io(&error);
        let expected = Request::Reply(index as u64).body();
        let head = head(expected.len());
        while arrived.len() < head.len() {
            let more = piece(stream, |piece| arrived.extend_from_slice(piece));
            more.await.map_err(failed)?;
        }
        let Some(begun) = arrived.strip_prefix(head.as_bytes()) else {
            let what = "the head of the origin's reply is wrong";
            return Err(Failure::new(Kind::Protocol, what));
        };
        outcome.status = Some(200);
        check_length(expected.len() as u64, self.plan.args.max_body)?;
        let to = match self.plan.output.file_for(index, None) {
            Some(file) => To::File(open(file, false).await?),
            None => To::Nowhere,
        };
        let mut sink = Sink::new(to, self.plan.args.max_body, &mut outcome.bytes);
        let mut left = &*expected;
        let mut take = |piece: &[u8]| {
            let received = &self.dialer.received;
            received.fetch_add(piece.len() as u64, Relaxed);
            left = left.strip_prefix(piece).ok_or_else(|| {
                let details = "the body of the origin's reply is wrong";
                Failure::new(Kind::Protocol, details)
            })?;
            sink.take(piece).map(|()| left.is_empty())
        };
        let mut is_whole = take(begun)?;
        while !is_whole {
            is_whole = piece(stream, &mut take).await.map_err(failed)??;
        }
        sink.finish()
    }
}

/// Waits for the next piece of a reply and passes it to `take`.
async fn piece<T>(stream: &TcpStream, take: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
    loop {
        stream.readable().await?;
        // The buffer is on the stack, and exists only during the read. A buffer inside the task would
        // take memory in every waiting task.
        let mut piece = [0; PIECE];
        match stream.try_read(&mut piece) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, CUT_SHORT)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return Ok(take(&piece[..read?])),
        }
    }
}
