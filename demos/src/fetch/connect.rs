//! From a host's name to a connection: look up, dial, agree on keys.

use std::{
    collections::HashMap,
    future::poll_fn,
    io,
    mem::MaybeUninit,
    net::{IpAddr, SocketAddr},
    path::Path,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use brigade::{
    hyper::Io,
    net::{TcpStream, lookup_host},
};
use bytes::Bytes;
use futures_rustls::{
    TlsConnector,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    rustls::{ClientConfig, RootCertStore, crypto::ring},
};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use url::Host;

use super::{
    failure::{Failure, Kind},
    jobs::Target,
};
use crate::cli::BadArguments;

/// The most that is read before hyper takes over. Thin air: the headers of most
/// replies, and little enough for the stack.
const FIRST_BITE: usize = 2 << 10;

/// The addresses of a name, or why there are none. Shared by all who wait for them.
type Lookup = Shared<BoxFuture<'static, Result<Arc<[IpAddr]>, String>>>;

/// What is open and what has arrived: kept by the requests, read by the progress
/// bar and the summary. Atomic, since the requests may run on several threads.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    open: AtomicUsize,
    open_max: AtomicUsize,
    received: AtomicU64,
}

impl Gauge {
    /// The most connections that were open, or being opened, at one instant.
    pub(crate) fn open_max(&self) -> usize {
        self.open_max.load(Relaxed)
    }

    /// Bytes of bodies received so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    pub(crate) fn add_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Relaxed);
    }

    fn opened(self: &Arc<Self>) -> Open {
        let open = self.open.fetch_add(1, Relaxed) + 1;
        self.open_max.fetch_max(open, Relaxed);
        Open(self.clone())
    }
}

/// Counts one connection for as long as it lives.
#[derive(Debug)]
struct Open(Arc<Gauge>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

/// Makes connections. One for the whole run; it remembers names looked up.
pub(crate) struct Connector {
    tls: Option<TlsConnector>,
    lookups: Mutex<HashMap<String, Lookup>>,
    gauge: Arc<Gauge>,
}

impl Connector {
    pub(crate) fn new(tls: Option<TlsConnector>, gauge: Arc<Gauge>) -> Self {
        Self {
            tls,
            lookups: Mutex::default(),
            gauge,
        }
    }

    pub(crate) fn gauge(&self) -> &Gauge {
        &self.gauge
    }

    /// Connects to the target's host; `stage` says what is being done.
    pub(crate) async fn connect(
        &self,
        target: &Target,
        stage: &mut &'static str,
    ) -> Result<Connection, Failure> {
        let (host, port) = target.host();
        let addresses: Arc<[IpAddr]> = match host {
            Host::Ipv4(address) => Arc::new([address.into()]),
            Host::Ipv6(address) => Arc::new([address.into()]),
            Host::Domain(name) => {
                *stage = "looking up the name";
                self.look_up(name).await?
            }
        };
        *stage = "connecting";
        let (stream, open) = self.dial(&addresses, port).await?;
        if !target.is_https() {
            return Ok(Connection::new(stream, open));
        }
        *stage = "agreeing on keys";
        let no_tls = || Failure::new(Kind::Tls, "no settings for encryption");
        let tls = self.tls.as_ref().ok_or_else(no_tls)?;
        let stream = tls.connect(server_name(&host)?, stream).await;
        let stream = stream.map_err(|error| Failure::handshaking(&error))?;
        Ok(Connection::new(Io::new(stream), open))
    }

    /// Looks a name up once, however many requests ask for it at the same time.
    async fn look_up(&self, name: &str) -> Result<Arc<[IpAddr]>, Failure> {
        let lookup = {
            let mut lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
            lookups
                .entry(name.to_owned())
                .or_insert_with(|| start_lookup(name.to_owned()))
                .clone()
        };
        let found = lookup.clone().await;
        found.map_err(|error| {
            // Forgotten, so that a retry asks anew; unless somebody has already begun to.
            let mut lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
            if lookups
                .get(name)
                .is_some_and(|current| current.ptr_eq(&lookup))
            {
                lookups.remove(name);
            }
            Failure::new(Kind::Dns, format!("{name}: {error}"))
        })
    }

    /// Tries one address after the other and reports what the last one said.
    async fn dial(&self, addresses: &[IpAddr], port: u16) -> Result<(TcpStream, Open), Failure> {
        let mut failure = Failure::new(Kind::Dns, "the name has no address");
        for &address in addresses {
            let address = SocketAddr::new(address, port);
            let open = self.gauge.opened();
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // A request is written at one go: there is nothing to wait and collect.
                    let _ = stream.set_nodelay(true);
                    return Ok((stream, open));
                }
                Err(error) => failure = Failure::connecting(&error, address),
            }
        }
        Err(failure)
    }
}

fn start_lookup(name: String) -> Lookup {
    async move {
        // The system looks names up in a call that blocks, so this runs on a
        // thread of the blocking pool: the one thing in `fetch` that does.
        match lookup_host((name, 0)).await {
            Ok(found) => Ok(found
                .into_iter()
                .map(|address: SocketAddr| address.ip())
                .collect()),
            Err(error) => Err(error.to_string()),
        }
    }
    .boxed()
    .shared()
}

fn server_name(host: &Host<&str>) -> Result<ServerName<'static>, Failure> {
    match host {
        Host::Ipv4(address) => Ok(ServerName::IpAddress(IpAddr::from(*address).into())),
        Host::Ipv6(address) => Ok(ServerName::IpAddress(IpAddr::from(*address).into())),
        Host::Domain(name) => ServerName::try_from((*name).to_owned())
            .map_err(|error| Failure::new(Kind::Tls, format!("{name}: {error}"))),
    }
}

/// The settings of encrypted connections: who is trusted is Mozilla's list, and
/// the certificates in `ca`.
pub(crate) fn tls(ca: Option<&Path>) -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(path) = ca {
        add_roots(&mut roots, path)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn add_roots(roots: &mut RootCertStore, path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let bad = |what: String| BadArguments::error(format!("--ca {shown}: {what}"));
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?;
    let mut added = 0;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| bad(error.to_string()))?;
        added += 1;
    }
    if added == 0 {
        Err(bad("no certificate in this file".to_owned()))
    } else {
        Ok(())
    }
}

/// A stream of bytes, plain or encrypted.
trait Stream: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> Stream for T {}

/// A connection that carries one request and its reply, in three steps: [`send`]
/// the request, wait for the [`first_bite`] of the reply, and give the rest to
/// hyper, which reads the reply as if it had sent the request itself.
///
/// Why hyper comes last: it sets 32 KiB of buffers aside for a connection, fair
/// for one at work. But of thousands of connections nearly all are waiting, and
/// all that a connection needs to wait is a socket and a waker.
///
/// [`send`]: Connection::send
/// [`first_bite`]: Connection::first_bite
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    /// The beginning of the reply, which hyper has not been given yet.
    first: Bytes,
    /// Whether hyper has written the request, and so may read the reply.
    asked: bool,
    _open: Open,
}

impl Connection {
    fn new(stream: impl Stream + 'static, open: Open) -> Self {
        Self {
            stream: Box::new(stream),
            first: Bytes::new(),
            asked: false,
            _open: open,
        }
    }

    /// Sends the request.
    pub(crate) async fn send(&mut self, request: &str) -> io::Result<()> {
        let mut rest = request.as_bytes();
        while !rest.is_empty() {
            match poll_fn(|cx| Pin::new(&mut self.stream).poll_write(cx, rest)).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => rest = &rest[count..],
            }
        }
        poll_fn(|cx| Pin::new(&mut self.stream).poll_flush(cx)).await
    }

    /// Waits for the reply to begin: here a request spends nearly all of its
    /// life. False if the server hung up instead.
    pub(crate) async fn first_bite(&mut self) -> io::Result<bool> {
        self.first = poll_fn(|cx| {
            // On the stack, and only while something is read: a buffer that
            // lived in the task would be held by all who wait.
            let mut bite = [MaybeUninit::uninit(); FIRST_BITE];
            let mut bite = ReadBuf::uninit(&mut bite);
            ready!(Pin::new(&mut self.stream).poll_read(cx, bite.unfilled()))?;
            Poll::Ready(io::Result::Ok(Bytes::copy_from_slice(bite.filled())))
        })
        .await?;
        Ok(!self.first.is_empty())
    }
}

/// hyper reads the first bite, then the stream itself.
impl Read for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.asked {
            // hyper looks whether the server speaks before it is asked, and
            // would take the reply for that. `poll_write` wakes the task.
            return Poll::Pending;
        }
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let count = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first.split_to(count));
        Poll::Ready(Ok(()))
    }
}

/// hyper writes the request, which has been sent long ago, to nowhere.
impl Write for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.asked = true;
        cx.waker().wake_by_ref();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
