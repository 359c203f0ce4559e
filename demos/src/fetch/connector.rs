//! The connector of hyper-util's pooled client. It turns a URI into a connection, plain or encrypted,
//! direct or through a proxy.
//!
//! [`Connector`] knows nothing about requests. It reports an error as a [`Failure`], which the client
//! passes to the request that asked for the connection.

use std::{
    collections::HashMap,
    io,
    mem::MaybeUninit,
    path::Path,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    task::{Context, Poll, ready},
};

use brigade::{hyper::Io, net::TcpStream};
use futures_rustls::{
    TlsConnector,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    rustls::{ClientConfig, RootCertStore, crypto::ring},
};
use futures_util::future::BoxFuture;
use hyper::{
    Uri,
    rt::{Read, ReadBuf, ReadBufCursor, Write},
};
use hyper_util::client::{
    legacy::connect::{Connected, Connection},
    proxy::matcher::Intercept,
};
use parking_lot::Mutex;
use tower_service::Service;

use super::{
    client::CONNECTING,
    dial::{Dialer, bare},
    failure::{Failure, Kind},
    proxy::Proxies,
};
use crate::{gauge::Counted, prelude::*};

/// The protocols offered in the TLS handshake, the preferred one first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The maximum size of the first read of a connection, in bytes. Arbitrary: most heads of replies fit.
const FIRST_READ: usize = 2 << 10;

/// Makes connections. It is cheap to clone.
#[derive(Clone)]
pub(crate) struct Connector {
    dialer: Arc<Dialer>,
    tls: TlsConnector,
    pub(crate) proxies: Arc<Proxies>,
    /// The current step for each host to which a connection is being made.
    stages: Arc<Mutex<HashMap<String, &'static str>>>,
}

impl Connector {
    pub(crate) fn new(dialer: Arc<Dialer>, tls: TlsConnector, proxies: Arc<Proxies>) -> Self {
        Self {
            dialer,
            tls,
            proxies,
            stages: Arc::default(),
        }
    }

    /// Returns the current step of connecting to this host, for the message of a timeout.
    pub(crate) fn stage(&self, host: &str) -> &'static str {
        let stages = self.stages.lock();
        stages.get(host).copied().unwrap_or(CONNECTING)
    }

    fn enter(&self, host: &str, stage: &'static str) {
        let mut stages = self.stages.lock();
        stages.insert(host.to_owned(), stage);
    }

    async fn connect(&self, uri: Uri) -> Result<Conn, Failure> {
        let (name, _) = address(&uri);
        let encrypted = uri.scheme_str() == Some("https");
        let proxy = self.proxies.of(&uri);
        let (host, port) = address(proxy.as_ref().map_or(&uri, Intercept::uri));
        self.enter(name, "looking up the name");
        let addresses = self.dialer.resolve(host, port).await?;
        self.enter(name, CONNECTING);
        let (stream, open) = self.dialer.dial(&addresses).await?;
        let mut h2 = false;
        let stream: Box<dyn Stream> = if encrypted {
            if let Some(proxy) = &proxy {
                self.enter(name, "asking the proxy for a tunnel");
                tunnel(&stream, address(&uri), proxy).await?;
            }
            self.enter(name, "agreeing on keys");
            let stream = self.tls.connect(server_name(name)?, stream).await;
            let stream = stream.map_err(|error| Failure::handshaking(&error))?;
            h2 = stream.get_ref().1.alpn_protocol() == Some(ALPN[0]);
            Box::new(Io::new(stream))
        } else {
            Box::new(stream)
        };
        Ok(Conn {
            stream,
            traffic: Traffic::default(),
            h2,
            proxied: proxy.is_some() && !encrypted,
            _open: open,
        })
    }
}

impl Service<Uri> for Connector {
    type Response = Conn;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Conn, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect(uri).await })
    }
}

/// Returns the host and the port to which a URI refers.
fn address(uri: &Uri) -> (&str, u16) {
    let default = match uri.scheme_str() {
        Some("https") => 443,
        _ => 80,
    };
    let port = uri.port_u16().unwrap_or(default);
    (uri.host().unwrap_or_default(), port)
}

fn server_name(host: &str) -> Result<ServerName<'static>, Failure> {
    let name = ServerName::try_from(bare(host).to_owned());
    name.map_err(|error| Failure::new(Kind::Tls, format!("{host}: {error}")))
}

/// The maximum size of a proxy's answer to `CONNECT`, in bytes.
const TUNNEL_MAX: usize = 8 << 10;

/// Asks a proxy to forward bytes to a server.
async fn tunnel(
    stream: &TcpStream,
    (host, port): (&str, u16),
    proxy: &Intercept,
) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::asking(&error);
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}:{port}\r\n");
    if let Some(password) = proxy.basic_auth() {
        let password = password.to_str().expect("base64 is text");
        request += &format!("proxy-authorization: {password}\r\n");
    }
    request += "\r\n";
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut answer = Vec::new();
    // Read byte by byte, because any bytes after the head of the proxy's answer come from the server behind
    // the proxy.
    while !answer.ends_with(b"\r\n\r\n") && answer.len() < TUNNEL_MAX {
        let mut byte = [0];
        if stream.read(&mut byte).await.map_err(failed)? == 0 {
            let what = "the proxy hung up without a reply";
            return Err(Failure::new(Kind::Reset, what));
        }
        answer.push(byte[0]);
    }
    let line = String::from_utf8_lossy(&answer);
    let status = line.split(' ').nth(1).unwrap_or_default();
    if line.starts_with("HTTP/1.") && status.len() == 3 && status.starts_with('2') {
        return Ok(());
    }
    let line = line.lines().next().unwrap_or_default();
    let details = format!("the proxy refuses a tunnel to {host}:{port}: {line}");
    Err(Failure::new(Kind::Protocol, details))
}

/// What has happened on a connection so far. hyper-util's client returns this `Traffic` with an error.
/// The same error means different things on a fresh connection and on a used one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    /// True if any byte has arrived.
    pub(crate) begun: Arc<AtomicBool>,
    /// True if the head of a reply has arrived. The connection can then be used for further requests.
    pub(crate) replied: Arc<AtomicBool>,
}

/// A connection of the pool.
pub(crate) struct Conn {
    stream: Box<dyn Stream>,
    traffic: Traffic,
    h2: bool,
    /// True if the other end is a proxy, which needs the whole URL in each request.
    proxied: bool,
    _open: Counted,
}

/// A plain or an encrypted stream.
trait Stream: Read + Write + Send + Unpin {}

impl<S: Read + Write + Send + Unpin> Stream for S {}

impl Connection for Conn {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.proxied);
        let connected = connected.extra(self.traffic.clone());
        match self.h2 {
            true => connected.negotiated_h2(),
            false => connected,
        }
    }
}

impl Read for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.traffic.begun.load(Relaxed) {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        // hyper reports the same error whether a server hangs up at once or breaks off in the middle of a
        // reply. So the first read uses a separate buffer, to find out whether any byte arrived.
        let mut first = [MaybeUninit::uninit(); FIRST_READ];
        let room = FIRST_READ.min(buffer.remaining());
        let mut first = ReadBuf::uninit(&mut first[..room]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, first.unfilled()))?;
        if !first.filled().is_empty() {
            self.traffic.begun.store(true, Relaxed);
        }
        buffer.put_slice(first.filled());
        Poll::Ready(Ok(()))
    }
}

impl Write for Conn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Returns the settings of encrypted connections, which trust the authorities in Mozilla's list and the
/// certificates in `ca`.
pub(crate) fn tls(ca: Option<&Path>) -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(path) = ca {
        let bad = |what| BadArguments::error(format!("--ca {}: {what}", path.display()));
        add_roots(&mut roots, path).map_err(bad)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn add_roots(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let known = roots.len();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    match roots.len() > known {
        true => Ok(()),
        false => Err("no certificate in this file".to_owned()),
    }
}
