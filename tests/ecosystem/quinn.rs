//! Runs quinn (QUIC) over brigade's UDP sockets, timers and tasks. The glue is the code above the tests.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use brigade::Executor;
use brigade::io::Interest;
use brigade::net::UdpSocket;
use brigade::time::{Sleep, now, sleep_until};
use brigade_tests::{Kitchen, on_both};
use futures::future::join_all;
use futures_rustls::rustls::RootCertStore;
use futures_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use quinn::udp::{RecvMeta, Transmit, UdpSocketState};
use quinn::{AsyncTimer, AsyncUdpSocket, Endpoint, EndpointConfig, Runtime, UdpPoller};

#[derive(Debug)]
struct Brigade;

impl Runtime for Brigade {
    fn new_timer(&self, deadline: Instant) -> Pin<Box<dyn AsyncTimer>> {
        Box::pin(Timer(sleep_until(deadline)))
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        drop(brigade::spawn(future));
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let state = UdpSocketState::new((&socket).into())?;
        let io = UdpSocket::try_from(socket)?;
        Ok(Arc::new(Socket { io, state }))
    }

    fn now(&self) -> Instant {
        now()
    }
}

#[derive(Debug)]
struct Timer(Sleep);

impl AsyncTimer for Timer {
    fn reset(self: Pin<&mut Self>, deadline: Instant) {
        self.get_mut().0.reset(deadline);
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.get_mut().0).poll(cx)
    }
}

#[derive(Debug)]
struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Poller {
            socket: self,
            wait: None,
        })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let send = || self.state.send((&self.io).into(), transmit);
        self.io.try_io(Interest::WRITABLE, send)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.io.poll_read_ready(cx))?;
            let receive = || self.state.recv((&self.io).into(), buffers, meta);
            match self.io.try_io(Interest::READABLE, receive) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                received => return Poll::Ready(received),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.state.gro_segments()
    }

    fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }
}

/// Waits until the socket is writable, on behalf of one connection. A `Poller` holds a `writable` future.
/// When this future is dropped, it removes its waker from the socket. Any number of such futures may wait for
/// one socket.
struct Poller {
    socket: Arc<Socket>,
    wait: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send + Sync>>>,
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").finish_non_exhaustive()
    }
}

impl UdpPoller for Poller {
    fn poll_writable(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poller = self.get_mut();
        let socket = &poller.socket;
        let wait = poller.wait.get_or_insert_with(|| {
            let socket = socket.clone();
            Box::pin(async move { socket.io.writable().await })
        });
        let result = ready!(wait.as_mut().poll(cx));
        poller.wait = None;
        Poll::Ready(result)
    }
}

fn endpoint(server: Option<quinn::ServerConfig>) -> Endpoint {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = EndpointConfig::default();
    Endpoint::new(config, server, socket, Arc::new(Brigade)).unwrap()
}

fn configs() -> (quinn::ServerConfig, quinn::ClientConfig) {
    let made = rcgen::generate_simple_self_signed(["kitchen.example".to_owned()]).unwrap();
    let certificate: CertificateDer<'static> = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let server = quinn::ServerConfig::with_single_cert(vec![certificate], key).unwrap();
    let client = quinn::ClientConfig::with_root_certificates(Arc::new(roots)).unwrap();
    (server, client)
}

/// Echoes every stream of every connection until the endpoint is closed.
async fn echo(endpoint: Endpoint) {
    while let Some(incoming) = endpoint.accept().await {
        drop(brigade::spawn(async move {
            let connection = incoming.await.unwrap();
            while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                drop(brigade::spawn(async move {
                    let bytes = receive.read_to_end(1 << 20).await.unwrap();
                    send.write_all(&bytes).await.unwrap();
                    send.finish().unwrap();
                    // Wait until the peer has read everything.
                    let _ = send.stopped().await;
                }));
            }
        }));
    }
}

/// Four connections, with four streams each, share one socket. Each stream needs more than a hundred
/// datagrams.
fn streams_there_and_back<K: Kitchen>() {
    let (server_config, client_config) = configs();
    K::open().block_on(async {
        let server = endpoint(Some(server_config));
        let address = server.local_addr().unwrap();
        let echoing = brigade::spawn(echo(server.clone()));
        let mut client = endpoint(None);
        client.set_default_client_config(client_config);
        let connections = (0..4_u8).map(|guest| {
            let client = client.clone();
            brigade::spawn(async move {
                let connecting = client.connect(address, "kitchen.example").unwrap();
                let connection = connecting.await.unwrap();
                let streams = (0..4).map(|_| async {
                    let (mut send, mut receive) = connection.open_bi().await.unwrap();
                    let sent = vec![guest; 200_000];
                    send.write_all(&sent).await.unwrap();
                    send.finish().unwrap();
                    assert!(receive.read_to_end(1 << 20).await.unwrap() == sent);
                });
                join_all(streams).await;
                connection.close(0_u32.into(), b"paid");
            })
        });
        for connection in join_all(Vec::from_iter(connections)).await {
            connection.unwrap();
        }
        client.wait_idle().await;
        server.close(0_u32.into(), b"closed");
        echoing.await.unwrap();
        server.wait_idle().await;
    });
}

/// quinn uses brigade's timers, so a connection to a silent peer times out.
fn a_silent_peer_times_out<K: Kitchen>() {
    let (_, mut client_config) = configs();
    let mut transport = quinn::TransportConfig::default();
    let limit = std::time::Duration::from_millis(200);
    transport.max_idle_timeout(Some(limit.try_into().unwrap()));
    client_config.transport_config(Arc::new(transport));
    K::open().block_on(async {
        // The peer's socket is never read, but the OS accepts the datagrams that are sent to it.
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let client = endpoint(None);
        let address = silent.local_addr().unwrap();
        let began = now();
        let connecting = client.connect_with(client_config, address, "kitchen.example");
        let error = connecting.unwrap().await.unwrap_err();
        assert_eq!(error, quinn::ConnectionError::TimedOut);
        assert!(now() - began >= limit);
    });
}

on_both! {
    streams_there_and_back,
    a_silent_peer_times_out,
}
