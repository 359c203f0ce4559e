//! The connector of hyper-util's pooled client.
//!
//! The client takes any tower service that turns a URI into a stream. [`Connector`] is such a service for
//! unencrypted TCP. The traits `Service` and `Connection` belong to other crates, so only this crate can
//! implement them for brigade's sockets.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use tower_service::Service;

use crate::net::{ByteStream, Socket, TcpStream};

/// Opens the connections of hyper-util's pooled `Client`.
///
/// It connects with [`TcpStream::connect`], which tries the host's addresses and keeps the first connection.
/// The connection sends without delay (`TCP_NODELAY`).
///
/// ```
/// use brigade::hyper::{Connector, Executor, Timer};
/// use hyper_util::client::legacy::Client;
/// # use hyper::{Request, Response, body::Incoming, service::service_fn};
///
/// # brigade::run(async {
/// # let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let address = listener.local_addr()?;
/// # brigade::spawn(async move {
/// #     let (stream, _) = listener.accept().await.unwrap();
/// #     let hello = service_fn(|_: Request<Incoming>| async {
/// #         Ok::<_, std::convert::Infallible>(Response::new("hello".to_string()))
/// #     });
/// #     hyper::server::conn::http1::Builder::new().serve_connection(stream, hello).await
/// # });
/// let client: Client<_, String> = Client::builder(Executor)
///     .pool_timer(Timer)
///     .build(Connector::new());
/// // Both requests use one connection.
/// for _ in 0..2 {
///     let reply = client.get(format!("http://{address}/").parse()?).await?;
///     assert!(reply.status().is_success());
/// }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// For HTTPS, wrap the connector in a TLS connector such as `hyper_rustls::HttpsConnector`, and
/// [allow](Self::enforce_http) the scheme `https`.
///
/// # Errors
/// A connection fails with the errors of [`TcpStream::connect`]. It fails with `InvalidInput` if the URI has
/// no host, or if the connector does not accept the scheme.
#[derive(Clone, Debug)]
pub struct Connector {
    enforce_http: bool,
}

impl Connector {
    /// Makes a connector that accepts only URIs with the scheme `http`. See [`Connector`] for an example.
    pub fn new() -> Self {
        Connector { enforce_http: true }
    }

    /// Sets whether to refuse schemes other than `http`. Pass `false` only if a connector that wraps this one
    /// encrypts the connection. `Connector` itself opens an unencrypted connection for any scheme; for
    /// `https`, the default port is 443.
    ///
    /// ```
    /// use brigade::hyper::Connector;
    ///
    /// let mut plain = Connector::new();
    /// plain.enforce_http(false);
    /// ```
    pub fn enforce_http(&mut self, on: bool) {
        self.enforce_http = on;
    }

    /// Returns the host and the port of a URI.
    fn target(&self, uri: &Uri) -> io::Result<(String, u16)> {
        let invalid = |what| {
            let message = format!("brigade::hyper::Connector: {what}: {uri}");
            io::Error::new(io::ErrorKind::InvalidInput, message)
        };
        let default_port = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") if !self.enforce_http => 443,
            Some(_) if !self.enforce_http => 80,
            _ => return Err(invalid("the scheme is not http")),
        };
        // An IPv6 address has brackets in a URI, but not in a name to look up.
        let host = uri.host().unwrap_or_default();
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        match bare.unwrap_or(host) {
            "" => Err(invalid("the URI has no host")),
            host => Ok((host.to_owned(), uri.port_u16().unwrap_or(default_port))),
        }
    }
}

impl Default for Connector {
    fn default() -> Self {
        Self::new()
    }
}

impl Service<Uri> for Connector {
    type Response = TcpStream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let target = self.target(&uri);
        Box::pin(async move {
            let (host, port) = target?;
            let stream = TcpStream::connect((&*host, port)).await?;
            // hyper writes a request with one call, so the OS need not wait for more bytes before it sends.
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }
}

/// A socket has no information about proxies or a negotiated protocol.
impl<S: ByteStream> Connection for Socket<S> {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_its_host_and_port() {
        let mut connector = Connector::new();
        let target = |connector: &Connector, uri: &str| connector.target(&uri.parse().unwrap());
        let host = |name: &str, port| (name.to_owned(), port);
        let plain = target(&connector, "http://kitchen/soup").unwrap();
        assert_eq!(plain, host("kitchen", 80));
        let ported = target(&connector, "http://kitchen:8080").unwrap();
        assert_eq!(ported, host("kitchen", 8080));
        let v6 = target(&connector, "http://[::1]:8080/").unwrap();
        assert_eq!(v6, host("::1", 8080));
        for refused in ["https://kitchen/", "ftp://kitchen/", "/soup", "kitchen:80"] {
            let error = target(&connector, refused).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{refused}");
        }
        connector.enforce_http(false);
        let encrypted = target(&connector, "https://kitchen/").unwrap();
        assert_eq!(encrypted, host("kitchen", 443));
        assert!(target(&connector, "/soup").is_err());
    }
}
