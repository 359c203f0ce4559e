//! The two halves of a TCP connection, for two tasks.
//!
//! A program can also read and write at the same time through `&TcpStream`, without halves. But the types of
//! the halves show which task reads and which task writes. Dropping the write half ends the write direction.
//! Each half holds an `Arc` of the stream. The stream's methods take `&self`, so no lock is needed.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::TcpStream;

/// The read half of a connection, from [`TcpStream::into_split`](super::Socket::into_split).
///
/// ```
/// # brigade::run(async {
/// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
/// # let (peer, _) = listener.accept().await?;
/// # peer.write_all(b"soup").await?;
/// use futures_util::AsyncReadExt;
///
/// let (mut reader, _writer) = stream.into_split();
/// let mut bowl = [0; 4];
/// reader.read_exact(&mut bowl).await?;
/// assert_eq!(&bowl, b"soup");
/// // The other methods of the stream are available through `as_ref`.
/// assert_eq!(reader.as_ref().peer_addr()?, peer.local_addr()?);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct OwnedReadHalf {
    stream: Arc<TcpStream>,
}

/// The write half of a connection, from [`TcpStream::into_split`](super::Socket::into_split).
///
/// ```
/// # brigade::run(async {
/// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
/// # let (peer, _) = listener.accept().await?;
/// use futures_util::AsyncWriteExt;
///
/// let (_reader, mut writer) = stream.into_split();
/// writer.write_all(b"the bill").await?;
/// drop(writer); // This ends the write direction.
/// let mut all = [0; 8];
/// peer.read_exact(&mut all).await?;
/// assert_eq!(peer.read(&mut [0; 8]).await?, 0);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct OwnedWriteHalf {
    /// This is `None` only after `reunite`.
    stream: Option<Arc<TcpStream>>,
}

pub(super) fn split(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = Arc::new(stream);
    (
        OwnedReadHalf {
            stream: stream.clone(),
        },
        OwnedWriteHalf {
            stream: Some(stream),
        },
    )
}

impl OwnedReadHalf {
    /// Joins the halves again.
    ///
    /// ```
    /// # brigade::run(async {
    /// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// let (reader, writer) = stream.into_split();
    /// let stream = reader.reunite(writer).unwrap();
    /// // The write direction is still open.
    /// stream.write_all(b"soup").await?;
    /// # peer.read_exact(&mut [0; 4]).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Returns both halves if they belong to different connections.
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        let mut other = other;
        if !Arc::ptr_eq(&self.stream, other.stream()) {
            return Err(ReuniteError(self, other));
        }
        // Take the stream out, so that the drop of the write half does not end the write direction.
        drop(other.stream.take());
        Ok(Arc::into_inner(self.stream).expect("a connection has two halves"))
    }
}

impl AsRef<TcpStream> for OwnedReadHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.stream
    }
}

impl OwnedWriteHalf {
    fn stream(&self) -> &Arc<TcpStream> {
        self.stream
            .as_ref()
            .expect("the stream is there until `reunite`")
    }
}

impl AsRef<TcpStream> for OwnedWriteHalf {
    fn as_ref(&self) -> &TcpStream {
        self.stream()
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            let _ = stream.end_write();
        }
    }
}

impl futures_io::AsyncRead for OwnedReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.stream).poll_read(cx, into)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.stream).poll_read_vectored(cx, into)
    }
}

impl futures_io::AsyncWrite for OwnedWriteHalf {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &**self.stream()).poll_write(cx, from)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &**self.stream()).poll_write_vectored(cx, from)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream().end_write())
    }
}

/// The error of [`OwnedReadHalf::reunite`]. It contains the halves, which belong to different connections.
///
/// ```
/// # brigade::run(async {
/// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let stream = brigade::net::TcpStream::connect(listener.local_addr()?).await?;
/// # let (peer, _) = listener.accept().await?;
/// use brigade::net::ReuniteError;
///
/// let (reader, writer) = stream.into_split();
/// let (_, stranger) = peer.into_split();
/// let ReuniteError(reader, _stranger) = reader.reunite(stranger).unwrap_err();
/// assert!(reader.reunite(writer).is_ok());
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves belong to different connections")
    }
}

impl std::error::Error for ReuniteError {}
