//! The reverse of `Io`: wraps a stream of hyper as a stream of futures-io.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::hyper::rt::{self, ReadBuf};
use futures_io::{AsyncRead, AsyncWrite};

/// Wraps any stream of hyper as a stream of futures-io, the reverse of [`Io`](super::Io).
///
/// The main use is [`hyper::upgrade::Upgraded`], the connection that remains after an HTTP upgrade.
/// Crates for websockets, for example, take this connection as a stream of futures-io. In the
/// example below, the server sends one word over it:
///
/// ```
/// use brigade::hyper::FuturesIo;
/// use futures_util::{AsyncReadExt, AsyncWriteExt};
/// # use hyper::{Request, Response, StatusCode, body::Incoming, service::service_fn};
///
/// # brigade::run(async {
/// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let address = listener.local_addr()?;
/// let service = service_fn(|request: Request<Incoming>| async {
///     brigade::spawn(async {
///         let mut stream = FuturesIo::new(hyper::upgrade::on(request).await.unwrap());
///         stream.write_all(b"soup").await.unwrap();
///     });
///     Response::builder()
///         .status(StatusCode::SWITCHING_PROTOCOLS)
///         .header("connection", "upgrade")
///         .header("upgrade", "soup")
///         .body(String::new())
/// });
/// # brigade::spawn(async move {
/// #     let (stream, _) = listener.accept().await.unwrap();
/// #     let server = hyper::server::conn::http1::Builder::new();
/// #     server.serve_connection(stream, service).with_upgrades().await
/// # });
/// # let stream = brigade::net::TcpStream::connect(address).await?;
/// # let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
/// # brigade::spawn(connection.with_upgrades());
/// # let ask = Request::get("/").header("connection", "upgrade").header("upgrade", "soup");
/// # let request = ask.body(String::new())?;
///
/// let reply = sender.send_request(request).await?;
/// let mut stream = FuturesIo::new(hyper::upgrade::on(reply).await?);
/// let mut bytes = [0; 4];
/// stream.read_exact(&mut bytes).await?;
/// assert_eq!(&bytes, b"soup");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// [`hyper::upgrade::Upgraded`]: ::hyper::upgrade::Upgraded
#[derive(Debug)]
pub struct FuturesIo<T>(T);

impl<T> FuturesIo<T> {
    /// Wraps a stream. See [`FuturesIo`] for an example.
    pub fn new(stream: T) -> Self {
        FuturesIo(stream)
    }

    /// Returns a reference to the stream. Use it to call the methods of the stream's own type:
    ///
    /// ```
    /// # brigade::run(async {
    /// use brigade::hyper::FuturesIo;
    /// # use brigade::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    ///
    /// let stream = FuturesIo::new(TcpStream::connect(address).await?);
    /// assert_eq!(stream.get_ref().peer_addr()?, address);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn get_ref(&self) -> &T {
        &self.0
    }

    /// Unwraps the stream.
    ///
    /// ```
    /// # brigade::run(async {
    /// use brigade::hyper::FuturesIo;
    /// # use brigade::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    ///
    /// let stream = FuturesIo::new(TcpStream::connect(address).await?);
    /// let stream: TcpStream = stream.into_inner();
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: rt::Read + Unpin> AsyncRead for FuturesIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        // `ReadBuf::new` treats the bytes as initialised, so hyper need not fill them with zeros.
        let mut buffer = ReadBuf::new(into);
        ready!(Pin::new(&mut self.0).poll_read(cx, buffer.unfilled()))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl<T: rt::Write + Unpin> AsyncWrite for FuturesIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, from)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
