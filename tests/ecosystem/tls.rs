//! Runs futures-rustls over brigade's sockets. No glue is needed, because futures-rustls uses the traits of
//! futures-io.

use std::sync::Arc;

use brigade::Executor;
use brigade::net::{TcpListener, TcpStream};
use brigade_tests::{Kitchen, on_both};
use futures::{AsyncReadExt, AsyncWriteExt};
use futures_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector};

/// Makes a certificate. Returns an acceptor that uses the certificate, and a connector that trusts it.
fn both_sides() -> (TlsAcceptor, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["kitchen.example".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let client = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server).into(), Arc::new(client).into())
}

/// Each of many simultaneous connections sends more bytes than fit into a TLS record, and gets them back.
fn futures_rustls_there_and_back<K: Kitchen>() {
    let (acceptor, connector) = both_sides();
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = brigade::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                drop(brigade::spawn(async move {
                    let stream = acceptor.accept(stream).await.unwrap();
                    let (reader, mut writer) = stream.split();
                    futures::io::copy(reader, &mut writer).await.unwrap();
                    writer.close().await.unwrap();
                }));
            }
        });
        let guests = (0..8_u8).map(|guest| {
            let connector = connector.clone();
            brigade::spawn(async move {
                let name = ServerName::try_from("kitchen.example").unwrap();
                let stream = TcpStream::connect(address).await.unwrap();
                let stream = connector.connect(name, stream).await.unwrap();
                let (mut reader, mut writer) = stream.split();
                let sent = vec![guest; 100_000];
                let mut received = Vec::new();
                let send = async {
                    writer.write_all(&sent).await.unwrap();
                    writer.close().await.unwrap();
                };
                let (_, count) = futures::join!(send, reader.read_to_end(&mut received));
                assert_eq!(count.unwrap(), sent.len());
                assert!(received == sent);
            })
        });
        for guest in Vec::from_iter(guests) {
            guest.await.unwrap();
        }
        server.abort();
    });
}

/// If the requested name is not in the certificate, the handshake fails on both sides.
fn a_wrong_name_is_refused<K: Kitchen>() {
    let (acceptor, connector) = both_sides();
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = brigade::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            acceptor.accept(stream).await.map(drop)
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("elsewhere.example").unwrap();
        let error = connector.connect(name, stream).await.unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
        assert!(server.await.unwrap().is_err());
    });
}

on_both! {
    futures_rustls_there_and_back,
    a_wrong_name_is_refused,
}
