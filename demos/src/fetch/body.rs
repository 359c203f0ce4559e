//! Processes a body as it arrives: decodes it if the server compressed it, counts its bytes, compares it
//! with the expected body, and writes it to a file or to standard output.
//!
//! A decoder writes into the sink piece by piece, and the sink enforces the size limit. A small body that
//! unpacks to an enormous one (a "bomb") is therefore stopped at the limit, and only one piece of it is
//! ever in memory.

use std::{
    io::{self, IsTerminal as _, Write},
    path::PathBuf,
};

use brotli_decompressor::DecompressorWriter;
use flate2::{Decompress, FlushDecompress, Status, write::MultiGzDecoder};
use zstd::{
    stream::{raw, zio},
    zstd_safe::DParameter,
};

use super::{
    failure::{Failure, Kind},
    origin::Reply,
    output::PartFile,
};

/// The encodings that `fetch` offers to servers.
pub(crate) const ENCODINGS: &str = "gzip, deflate, br, zstd";

/// The base-2 logarithm of the largest zstd window: 8 MiB, which RFC 9659 requires of every HTTP client.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// The size of a decoder's buffer, in bytes. Arbitrary.
const BUFFER: usize = 16 << 10;

/// The destination of a body.
#[derive(Debug, Default)]
pub(crate) enum To {
    /// The body is only counted.
    #[default]
    Nowhere,
    File(PartFile),
    Stdout,
}

/// The last stage of a body, which receives the decoded bytes.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    to: To,
    /// The maximum size of a decoded body, in bytes.
    max: u64,
    bytes: u64,
    /// The expected reply, and how many bytes of it have arrived.
    expected: Option<(Reply, usize)>,
    /// The reason why the sink refused a piece. It is stored here, because a decoder can pass on only an
    /// `io::Error`.
    failure: Option<Failure>,
}

impl Sink {
    pub(crate) fn new(to: To, max: u64, expected: Option<Reply>) -> Self {
        let bytes = match &to {
            To::File(file) => file.len(),
            _ => 0,
        };
        Self {
            to,
            max,
            bytes,
            expected: expected.map(|reply| (reply, 0)),
            failure: None,
        }
    }

    fn take(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let first = self.bytes == 0;
        self.bytes += piece.len() as u64;
        check_length(self.bytes, self.max)?;
        if let Some((reply, at)) = &mut self.expected {
            let expected = reply.body().get(*at..*at + piece.len());
            *at += piece.len();
            if expected != Some(piece) {
                return Err(not_as_expected());
            }
        }
        match &mut self.to {
            To::Nowhere => Ok(()),
            To::File(file) => file.write(piece),
            To::Stdout => print(piece, first),
        }
    }

    /// Ends the body after it has arrived completely. Returns the path of its file, if it has one.
    fn finish(self) -> Result<Option<PathBuf>, Failure> {
        let expected = self.expected;
        if expected.is_some_and(|(reply, at)| at != reply.body().len()) {
            return Err(not_as_expected());
        }
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

fn not_as_expected() -> Failure {
    let details = "the body is not what the origin was asked for";
    Failure::new(Kind::Protocol, details)
}

/// Writes a piece to standard output. A closed pipe (`| head`) is not an error.
fn print(piece: &[u8], first: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
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

impl Write for Sink {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        match self.take(piece) {
            Ok(()) => Ok(piece.len()),
            Err(failure) => {
                self.failure = Some(failure);
                Err(io::Error::other("the sink is closed"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A body that is being received, with its decoder.
pub(crate) struct Body {
    decoder: Decoder,
    /// True if any byte has arrived. An empty body is the same in every encoding.
    begun: bool,
    name: &'static str,
}

enum Decoder {
    Identity(Sink),
    Gzip(Box<MultiGzDecoder<Sink>>),
    Deflate(Box<Inflate>),
    Brotli(Box<DecompressorWriter<Sink>>),
    Zstd(Box<zio::Writer<Sink, raw::Decoder<'static>>>),
}

impl Body {
    /// Creates a body in this encoding, named as in `content-encoding`. A body in an unknown encoding is
    /// kept undecoded.
    pub(crate) fn new(encoding: Option<&str>, sink: Sink) -> Result<Self, Failure> {
        let name = encoding.unwrap_or_default().trim().to_ascii_lowercase();
        let (decoder, name) = match name.as_str() {
            "gzip" | "x-gzip" => (Decoder::Gzip(Box::new(MultiGzDecoder::new(sink))), "gzip"),
            "deflate" => (Decoder::Deflate(Box::new(Inflate::new(sink))), "deflate"),
            "br" => {
                let decoder = DecompressorWriter::new(sink, BUFFER);
                (Decoder::Brotli(Box::new(decoder)), "br")
            }
            "zstd" => {
                let failed = |error| Failure::new(Kind::Io, format!("zstd: {error}"));
                let writer = zio::Writer::new(sink, zstd_decoder().map_err(failed)?);
                (Decoder::Zstd(Box::new(writer)), "zstd")
            }
            _ => (Decoder::Identity(sink), "identity"),
        };
        Ok(Self {
            decoder,
            begun: false,
            name,
        })
    }

    /// Returns how many decoded bytes have been produced so far.
    pub(crate) fn bytes(&mut self) -> u64 {
        self.sink().bytes
    }

    fn sink(&mut self) -> &mut Sink {
        match &mut self.decoder {
            Decoder::Identity(sink) => sink,
            Decoder::Gzip(decoder) => decoder.get_mut(),
            Decoder::Deflate(decoder) => &mut decoder.sink,
            Decoder::Brotli(decoder) => decoder.get_mut(),
            Decoder::Zstd(decoder) => decoder.writer_mut(),
        }
    }

    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<(), Failure> {
        self.begun |= !piece.is_empty();
        let decoder: &mut dyn Write = match &mut self.decoder {
            Decoder::Identity(sink) => sink,
            Decoder::Gzip(decoder) => decoder,
            Decoder::Deflate(decoder) => decoder,
            Decoder::Brotli(decoder) => decoder,
            Decoder::Zstd(decoder) => decoder,
        };
        let taken = decoder.write_all(piece);
        taken.map_err(|error| self.failed(Kind::Protocol, &error))
    }

    /// Ends the body after it has arrived completely. Stores its length in `bytes` and returns the path
    /// of its file, if it has one.
    pub(crate) fn finish(mut self, bytes: &mut u64) -> Result<Option<PathBuf>, Failure> {
        let finished = match &mut self.decoder {
            _ if !self.begun => Ok(()),
            Decoder::Identity(_) => Ok(()),
            Decoder::Gzip(decoder) => decoder.try_finish(),
            Decoder::Deflate(decoder) => decoder.finish(),
            Decoder::Brotli(decoder) => decoder.close(),
            Decoder::Zstd(decoder) => decoder.finish(),
        };
        *bytes = self.bytes();
        finished.map_err(|error| self.failed(Kind::Truncated, &error))?;
        // The decoder is left with an empty sink, which accepts nothing.
        std::mem::take(self.sink()).finish()
    }

    fn failed(&mut self, kind: Kind, error: &io::Error) -> Failure {
        let name = self.name;
        let details = format!("the body is not whole in its encoding, {name}: {error}");
        let own = self.sink().failure.take();
        own.unwrap_or_else(|| Failure::new(kind, details))
    }
}

fn zstd_decoder() -> io::Result<raw::Decoder<'static>> {
    let mut decoder = raw::Decoder::new()?;
    decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))?;
    Ok(decoder)
}

/// The decoder of `deflate`. The standard defines this encoding as zlib's format, but some servers send
/// the bare stream inside it.
struct Inflate {
    sink: Sink,
    decompress: Option<Decompress>,
    ended: bool,
}

impl Inflate {
    fn new(sink: Sink) -> Self {
        Self {
            sink,
            decompress: None,
            ended: false,
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self.ended {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Write for Inflate {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let Some(first) = piece.first().filter(|_| !self.ended) else {
            // The bytes after the end are padding.
            return Ok(piece.len());
        };
        let decompress = self.decompress.get_or_insert_with(|| {
            // The first byte of zlib's format names the method, 8, and a window of at most 32 KiB.
            let zlib = first & 0x0f == 8 && first >> 4 <= 7;
            Decompress::new(zlib)
        });
        let mut out = [0; BUFFER];
        let before = decompress.total_in();
        // Repeat until the decompressor accepts input, because it may hold more output than fits the
        // buffer.
        loop {
            let written = decompress.total_out();
            let status = decompress.decompress(piece, &mut out, FlushDecompress::None)?;
            let written = (decompress.total_out() - written) as usize;
            self.sink.write_all(&out[..written])?;
            let read = (decompress.total_in() - before) as usize;
            match status {
                Status::StreamEnd => {
                    self.ended = true;
                    return Ok(piece.len());
                }
                _ if read > 0 => return Ok(read),
                _ if written == 0 => return Err(io::ErrorKind::InvalidData.into()),
                _ => {}
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
