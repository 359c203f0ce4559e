//! Processes a body as it arrives: decodes it, counts its bytes, and writes it to a file or to standard
//! output.
//!
//! The decoders produce a body piece by piece, and [`Sink`] checks the total size at each piece. A small body
//! that unpacks to an enormous one (a "bomb") is therefore stopped at the limit. Only one piece of a body is
//! ever in memory.

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use async_compression::{
    futures::bufread::{BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder},
    zstd::DParameter,
};
use futures_util::{
    TryStreamExt as _,
    io::{self, AsyncBufRead, AsyncBufReadExt as _, AsyncRead, BufReader},
};
use http_body_util::BodyDataStream;
use hyper::body::{Body as _, Incoming};

use super::{
    failure::{Failure, Kind, find_cause},
    output::PartFile,
};

/// The encodings that `fetch` offers to servers.
pub(crate) const ENCODINGS: &str = "gzip, deflate, br, zstd";

/// The base-2 logarithm of the largest zstd window: 8 MiB, which RFC 9659 requires clients to support.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// The size of a decoder's buffer, in bytes. Arbitrary.
const BUFFER: usize = 16 << 10;

/// The destination of a body.
#[derive(Debug)]
pub(crate) enum To {
    /// The body is only counted.
    Nowhere,
    File(PartFile),
    Stdout,
}

/// Receives the decoded bytes of a body.
#[derive(Debug)]
pub(crate) struct Sink<'a> {
    to: To,
    /// The maximum size of a decoded body, in bytes.
    max: u64,
    /// The number of decoded bytes so far. It is a part of the request's outcome.
    bytes: &'a mut u64,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(to: To, max: u64, bytes: &'a mut u64) -> Self {
        *bytes = match &to {
            To::File(file) => file.len(),
            _ => 0,
        };
        Self { to, max, bytes }
    }

    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let first = *self.bytes == 0;
        *self.bytes += piece.len() as u64;
        check_length(*self.bytes, self.max)?;
        match &mut self.to {
            To::Nowhere => Ok(()),
            To::File(file) => file.write(piece),
            To::Stdout => print(piece, first),
        }
    }

    /// Finishes a body that has arrived completely. Returns the path of its file, if it has one.
    pub(crate) fn finish(self) -> Result<Option<PathBuf>, Failure> {
        match self.to {
            To::File(file) => file.finish().map(Some),
            To::Nowhere | To::Stdout => Ok(None),
        }
    }
}

/// Returns an error if a body of `bytes` bytes is larger than allowed.
pub(crate) fn check_length(bytes: u64, max: u64) -> Result<(), Failure> {
    if bytes <= max {
        return Ok(());
    }
    let details = format!("the body is larger than {max} bytes (--max-body)");
    Err(Failure::new(Kind::TooLarge, details))
}

/// Writes a piece to standard output. A closed pipe (`| head`) ends the program without an error.
fn print(piece: &[u8], first: bool) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if first && piece.contains(&0) && out.is_terminal() {
        let details = "the body is binary, which could garble the terminal; use -o FILE";
        return Err(Failure::new(Kind::Output, details));
    }
    match out.write_all(piece).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            let details = format!("standard output: {error}");
            Err(Failure::new(Kind::Output, details))
        }
    }
}

/// Receives a body and decodes it from `encoding`, which is named as in `content-encoding`. Adds the
/// number of bytes before decoding to `received`.
pub(crate) async fn receive(
    from: Incoming,
    encoding: Option<&str>,
    mut sink: Sink<'_>,
    received: &AtomicU64,
) -> Result<Option<PathBuf>, Failure> {
    check_length(from.size_hint().lower(), sink.max)?;
    let pieces = BodyDataStream::new(from).map_err(io::Error::other);
    let pieces = pieces.inspect_ok(|piece| {
        received.fetch_add(piece.len() as u64, Relaxed);
    });
    let mut raw = pin!(pieces.into_async_read());
    let name = encoding.unwrap_or_default().trim().to_ascii_lowercase();
    let first = raw.fill_buf().await;
    let first = first.map_err(|error| failed(&error, &name, true))?;
    let mut decoded = decoded(&name, first.first().copied(), &mut raw);
    let broken = loop {
        let taken = match decoded.fill_buf().await {
            Ok([]) => break None,
            Ok(piece) => {
                sink.take(piece)?;
                piece.len()
            }
            Err(error) => break Some(error),
        };
        decoded.consume_unpin(taken);
    };
    drop(decoded);
    if let Some(error) = broken {
        let is_over = raw.fill_buf().await.is_ok_and(<[u8]>::is_empty);
        return Err(failed(&error, &name, is_over));
    }
    // Any bytes after the end of the encoded data are padding. Read them and ignore them.
    let padding = io::copy_buf(raw, &mut io::sink()).await;
    padding.map_err(|error| failed(&error, &name, true))?;
    sink.finish()
}

/// Converts an error of the connection or of a decoder. If `is_over` is true, the body has no more bytes.
fn failed(error: &io::Error, encoding: &str, is_over: bool) -> Failure {
    if let Some(error) = find_cause::<hyper::Error>(error) {
        return Failure::receiving(error);
    }
    let kind = match error.kind() {
        io::ErrorKind::UnexpectedEof => Kind::Truncated,
        // The decoder of `deflate` reports a truncated body with this kind of error.
        io::ErrorKind::Other if is_over => Kind::Truncated,
        _ => Kind::Protocol,
    };
    let details = format!("the body cannot be decoded as {encoding}: {error}");
    Failure::new(kind, details)
}

type Decoded<'a> = Box<dyn AsyncBufRead + Send + Unpin + 'a>;

/// Returns a reader of the decoded body. A body in an unknown encoding is kept undecoded. An empty body,
/// which has no `first` byte, is not decoded either.
fn decoded<'a>(
    encoding: &str,
    first: Option<u8>,
    raw: impl AsyncBufRead + Send + Unpin + 'a,
) -> Decoded<'a> {
    let Some(first) = first else {
        return Box::new(raw);
    };
    // In zlib's format, the first byte contains the compression method (always 8) and the size of the window
    // (at most 32 KiB).
    let is_zlib = first & 0x0f == 8 && first >> 4 <= 7;
    match encoding {
        "gzip" | "x-gzip" => {
            let mut gzip = GzipDecoder::new(raw);
            gzip.multiple_members(true);
            buffered(gzip)
        }
        // The standard defines this encoding as zlib's format, which contains a DEFLATE stream. But some
        // servers send only the DEFLATE stream.
        "deflate" if is_zlib => buffered(ZlibDecoder::new(raw)),
        "deflate" => buffered(DeflateDecoder::new(raw)),
        "br" => buffered(BrotliDecoder::new(raw)),
        "zstd" => {
            let window = DParameter::window_log_max(ZSTD_WINDOW_LOG_MAX);
            let mut zstd = ZstdDecoder::with_params(raw, &[window]);
            zstd.multiple_members(true);
            buffered(zstd)
        }
        _ => Box::new(raw),
    }
}

fn buffered<'a>(decoder: impl AsyncRead + Send + Unpin + 'a) -> Decoded<'a> {
    Box::new(BufReader::with_capacity(BUFFER, decoder))
}
