//! Runs hyper-util's pooled client over `brigade::hyper::Connector`. Some connections use TLS, some do not,
//! and some fail.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use brigade::hyper::{Connector, Io, Timer};
use brigade::net::{TcpListener, TcpStream};
use brigade::{Executor, spawn};
use brigade_tests::{Kitchen, nobody, on_both};
use futures::future::join_all;
use futures_rustls::rustls::pki_types::PrivateKeyDer;
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, Write};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::{Client, Error};

type Body = Full<Bytes>;

/// Answers with the request's body and HTTP version.
async fn echo(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let version = request.version();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Ok(Response::builder()
        .header("spoke", format!("{version:?}"))
        .body(Body::new(body))
        .unwrap())
}

async fn serve<S: Read + Write + Send + Unpin + 'static>(stream: S, http2: bool) {
    let served = if http2 {
        hyper::server::conn::http2::Builder::new(brigade::hyper::Executor)
            .timer(Timer)
            .serve_connection(stream, service_fn(echo))
            .await
    } else {
        hyper::server::conn::http1::Builder::new()
            .timer(Timer)
            .serve_connection(stream, service_fn(echo))
            .await
    };
    // The client may hang up at any time, so ignore the result.
    drop(served);
}

/// Starts a server that counts its connections.
async fn server(ip: impl Into<IpAddr>, http2: bool) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(SocketAddr::new(ip.into(), 0)).await;
    let listener = listener.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let connections = count.clone();
    drop(spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            connections.fetch_add(1, Ordering::Relaxed);
            drop(spawn(serve(stream, http2)));
        }
    }));
    (address, count)
}

fn client(http2: bool) -> Client<Connector, Body> {
    Client::builder(brigade::hyper::Executor)
        .pool_timer(Timer)
        .timer(Timer)
        .http2_only(http2)
        .build(Connector::new())
}

/// Sends a body. Returns the body of the reply, and the protocol that the server saw.
async fn post<C>(client: &Client<C, Body>, url: &str, body: Vec<u8>) -> (Bytes, String)
where
    Client<C, Body>: Clone,
    C: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    let request = Request::post(url).body(Body::from(body)).unwrap();
    let reply = client.request(request).await.unwrap();
    let spoke = reply.headers()["spoke"].to_str().unwrap().to_owned();
    (reply.into_body().collect().await.unwrap().to_bytes(), spoke)
}

/// Consecutive requests share a connection. Simultaneous requests open more connections, and all are
/// answered.
fn the_pool_reuses_connections<K: Kitchen>() {
    K::open().block_on(async {
        let (address, connections) = server([127, 0, 0, 1], false).await;
        let (client, url) = (client(false), format!("http://{address}/"));
        for size in [0, 1, 1000, 300_000].into_iter().cycle().take(20) {
            let (back, spoke) = post(&client, &url, vec![7; size]).await;
            assert!(back == vec![7; size]);
            assert_eq!(spoke, "HTTP/1.1");
        }
        // After a reply, a separate task returns the connection to the pool. Until then, a new request opens
        // another connection.
        let alone = connections.load(Ordering::Relaxed);
        assert!(alone < 20, "{alone} connections for 20 requests in turn");

        let guests = (0..32_u8).map(|guest| {
            let (client, url) = (client.clone(), url.clone());
            spawn(async move {
                for _ in 0..4 {
                    assert_eq!(
                        post(&client, &url, vec![guest; 100]).await.0,
                        vec![guest; 100]
                    );
                }
            })
        });
        for guest in join_all(Vec::from_iter(guests)).await {
            guest.unwrap();
        }
        let all = connections.load(Ordering::Relaxed);
        assert!(all < 4 * 32, "{all} connections for 128 requests");
    });
}

/// With HTTP/2, all requests use one connection, here to a server with an IPv6 address.
fn http2_shares_one_connection<K: Kitchen>() {
    K::open().block_on(async {
        let (address, connections) = server([0_u16, 0, 0, 0, 0, 0, 0, 1], true).await;
        let (client, url) = (client(true), format!("http://{address}/"));
        assert!(url.starts_with("http://[::1]:"));
        let first = post(&client, &url, b"soup".to_vec()).await;
        assert_eq!(first, (Bytes::from("soup"), "HTTP/2.0".to_owned()));
        let guests = (0..32_u8).map(|guest| {
            let (client, url) = (client.clone(), url.clone());
            async move { post(&client, &url, vec![guest; 1000]).await }
        });
        for (guest, (back, _)) in join_all(guests).await.into_iter().enumerate() {
            assert_eq!(back, vec![guest as u8; 1000]);
        }
        assert_eq!(connections.load(Ordering::Relaxed), 1);
    });
}

/// Returns the kind of the I/O error that made a connection fail.
fn kind(error: &Error) -> ErrorKind {
    assert!(error.is_connect(), "{error:?}");
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.kind();
        }
        cause = error.source();
    }
    panic!("no I/O error in {error:?}")
}

/// If a connection fails, the request returns the error. A scheme that the connector does not support is
/// refused before anything is sent.
fn what_cannot_be_connected_is_an_error<K: Kitchen>() {
    let closed = nobody();
    K::open().block_on(async {
        let client = client(false);
        let refused = client.get(format!("http://{closed}/").parse().unwrap());
        assert_eq!(
            kind(&refused.await.unwrap_err()),
            ErrorKind::ConnectionRefused
        );
        let (address, connections) = server([127, 0, 0, 1], false).await;
        let plain = client.get(format!("https://{address}/").parse().unwrap());
        assert_eq!(kind(&plain.await.unwrap_err()), ErrorKind::InvalidInput);
        assert_eq!(connections.load(Ordering::Relaxed), 0);
    });
}

/// hyper-rustls adds TLS to the connector. The handshake selects HTTP/2.
fn hyper_rustls_encrypts_around_the_connector<K: Kitchen>() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let tls = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut accepting = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    accepting.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = futures_rustls::TlsAcceptor::from(Arc::new(accepting));

    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = spawn(async move {
            let (stream, _): (TcpStream, _) = listener.accept().await.unwrap();
            let stream = acceptor.accept(stream).await.unwrap();
            serve(Io::new(stream), true).await;
        });
        let mut plain = Connector::new();
        plain.enforce_http(false);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_http1()
            .enable_http2()
            .wrap_connector(plain);
        let client = Client::builder(brigade::hyper::Executor).build(connector);
        let url = format!("https://localhost:{port}/");
        for _ in 0..2 {
            let (back, spoke) = post(&client, &url, vec![7; 100_000]).await;
            assert!(back == vec![7; 100_000]);
            assert_eq!(spoke, "HTTP/2.0");
        }
        drop(client);
        server.await.unwrap();
    });
}

on_both! {
    the_pool_reuses_connections,
    http2_shares_one_connection,
    what_cannot_be_connected_is_an_error,
    hyper_rustls_encrypts_around_the_connector,
}
