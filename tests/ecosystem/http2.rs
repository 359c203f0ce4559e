//! Runs hyper's HTTP/1.1 and HTTP/2 over TCP and Unix sockets, and the crate `h2` by itself.
//!
//! hyper needs no glue beyond the feature `hyper`. `h2` requires tokio's traits, so it needs one call to
//! `compat()` from `tokio-util`, but no tokio runtime.
#![cfg(unix)]

use std::cell::Cell;
use std::convert::Infallible;
use std::io::IoSlice;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use brigade::hyper::{Executor as Tasks, LocalExecutor, Timer};
use brigade::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use brigade::task::JoinHandle;
use brigade::{Executor, SingleThread, spawn, spawn_local};
use brigade_tests::{Kitchen, on_both, one_cook};
use futures::future::{join_all, poll_fn};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1 as client1, http2 as client2};
use hyper::rt;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use tokio_util::compat::FuturesAsyncReadCompatExt;

type Body = Full<Bytes>;

/// Answers with the request's path and body.
async fn repeat(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Ok(Response::new(Full::from([path.as_bytes(), &body].concat())))
}

fn request(path: usize, size: usize) -> Request<Body> {
    Request::post(format!("http://kitchen/{path}"))
        .body(Full::from(vec![b'x'; size]))
        .unwrap()
}

fn serve1<S: rt::Read + rt::Write + Unpin + Send + 'static>(stream: S) {
    let serve = http1::Builder::new()
        .timer(Timer)
        .serve_connection(stream, service_fn(repeat));
    drop(spawn(serve));
}

/// Serves one connection over HTTP/2. The connection's pings need the timer.
fn serve2<S: rt::Read + rt::Write + Unpin + Send + 'static>(stream: S) {
    let serve = http2::Builder::new(Tasks)
        .timer(Timer)
        .keep_alive_interval(Duration::from_secs(5))
        .serve_connection(stream, service_fn(repeat));
    drop(spawn(serve));
}

/// Sends a few requests over one connection, one after another.
async fn ask1<S: rt::Read + rt::Write + Unpin + Send + 'static>(stream: S) {
    let (mut sender, connection) = client1::handshake(stream).await.unwrap();
    drop(spawn(connection));
    for (path, size) in [0, 1, 1000, 300_000].into_iter().enumerate() {
        sender.ready().await.unwrap();
        let response = sender.send_request(request(path, size)).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_11);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.len(), size + 2);
    }
}

/// Sends many requests at the same time over one connection. Some bodies fill the flow-control window.
async fn ask2<S: rt::Read + rt::Write + Unpin + Send + 'static>(stream: S) {
    let (sender, connection) = client2::handshake(Tasks, stream).await.unwrap();
    drop(spawn(connection));
    let requests = (0..100).map(|path| {
        let mut sender = sender.clone();
        spawn(async move {
            let size = if path % 10 == 0 { 300_000 } else { path };
            sender.ready().await.unwrap();
            let response = sender.send_request(request(path, size)).await.unwrap();
            assert_eq!(response.version(), Version::HTTP_2);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body.len(), size + 1 + path.to_string().len());
        })
    });
    for answered in join_all(Vec::from_iter(requests)).await {
        answered.unwrap();
    }
}

fn hyper_h1_and_h2_over_tcp<K: Kitchen>() {
    K::open().block_on(async {
        let one = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let two = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = [one.local_addr().unwrap(), two.local_addr().unwrap()];
        let server: JoinHandle<()> = spawn(async move {
            loop {
                serve1(one.accept().await.unwrap().0);
                serve2(two.accept().await.unwrap().0);
            }
        });
        for _ in 0..3 {
            let streams = addresses.map(TcpStream::connect);
            let [one, two] = streams.map(|it| async { it.await.unwrap() });
            futures::join!(ask1(one.await), async { ask2(two.await).await });
        }
        server.abort();
    });
}

fn hyper_h1_and_h2_over_unix_sockets<K: Kitchen>() {
    let room = tempfile::tempdir().unwrap();
    let paths = [room.path().join("one"), room.path().join("two")];
    K::open().block_on(async {
        let one = UnixListener::bind(&paths[0]).unwrap();
        let two = UnixListener::bind(&paths[1]).unwrap();
        let server: JoinHandle<()> = spawn(async move {
            loop {
                serve1(one.accept().await.unwrap().0);
                serve2(two.accept().await.unwrap().0);
            }
        });
        for _ in 0..3 {
            let one = UnixStream::connect(&paths[0]).await.unwrap();
            let two = UnixStream::connect(&paths[1]).await.unwrap();
            futures::join!(ask1(one), ask2(two));
        }
        server.abort();
    });
}

/// On the single-thread executor, services may hold values that are not `Send`, over HTTP/1.1 and over
/// HTTP/2.
fn services_that_are_not_send_by_both_protocols() {
    SingleThread::new().unwrap().block_on(async {
        let served = Rc::new(Cell::new(0));
        let service = |served: &Rc<Cell<u32>>| {
            let served = served.clone();
            service_fn(move |request| {
                served.set(served.get() + 1);
                repeat(request)
            })
        };
        let (client, server) = UnixStream::pair().unwrap();
        let serve = http1::Builder::new().serve_connection(server, service(&served));
        let serving1 = spawn_local(serve);
        ask1(client).await;

        let (client, server) = UnixStream::pair().unwrap();
        let serve = http2::Builder::new(LocalExecutor).serve_connection(server, service(&served));
        let serving2 = spawn_local(serve);
        ask2(client).await;
        serving1.await.unwrap().unwrap();
        serving2.await.unwrap().unwrap();
        assert_eq!(served.get(), 104);
    });
}

/// hyper's read buffer stays uninitialised except for the bytes that were received. All slices of one
/// vectored write are sent together.
fn nothing_is_filled_with_zeros_and_slices_go_out_together<K: Kitchen>() {
    async fn check<S: rt::Read + rt::Write + Unpin>(mut from: S, mut to: S) {
        let slices = [
            IoSlice::new(b"noodles "),
            IoSlice::new(b"and "),
            IoSlice::new(b"sauce"),
        ];
        assert!(from.is_write_vectored());
        let write = poll_fn(|cx| Pin::new(&mut from).poll_write_vectored(cx, &slices));
        assert_eq!(write.await.unwrap(), 17);

        let mut memory = [0xAA; 4096];
        let mut buffer = rt::ReadBuf::new(&mut memory);
        let read = poll_fn(|cx| Pin::new(&mut to).poll_read(cx, buffer.unfilled()));
        read.await.unwrap();
        assert_eq!(buffer.filled(), b"noodles and sauce");
        assert!(memory[17..].iter().all(|byte| *byte == 0xAA));
    }
    K::open().block_on(async {
        let (one, other) = UnixStream::pair().unwrap();
        check(one, other).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connect = TcpStream::connect(listener.local_addr().unwrap());
        let (one, other) = futures::join!(connect, listener.accept());
        check(one.unwrap(), other.unwrap().0).await;
    });
}

/// The crate `h2` sends thousands of requests, a hundred at a time. Their bodies fill flow-control windows,
/// which the reader must release.
fn h2_under_load<K: Kitchen>() {
    const REQUESTS: usize = 2000;
    const AT_ONCE: usize = 100;

    async fn answer(
        request: http::Request<h2::RecvStream>,
        mut reply: h2::server::SendResponse<Bytes>,
    ) {
        let body = take(request.into_body()).await;
        let mut back = reply.send_response(http::Response::new(()), false).unwrap();
        back.send_data(body, true).unwrap();
    }

    /// Reads a whole body, and releases window space for each part that arrives.
    async fn take(mut body: h2::RecvStream) -> Bytes {
        let mut all = Vec::new();
        while let Some(part) = body.data().await {
            let part = part.unwrap();
            body.flow_control().release_capacity(part.len()).unwrap();
            all.extend_from_slice(&part);
        }
        all.into()
    }

    async fn ask(mut sender: h2::client::SendRequest<Bytes>, number: usize) -> usize {
        let request = http::Request::post("http://kitchen/").body(()).unwrap();
        let size = 1 + number % 7 * 2000;
        sender = sender.ready().await.unwrap();
        let (response, mut body) = sender.send_request(request, false).unwrap();
        body.send_data(Bytes::from(vec![7; size]), true).unwrap();
        let received = take(response.await.unwrap().into_body()).await;
        assert_eq!(received.len(), size);
        size
    }

    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut connection = h2::server::handshake(stream.compat()).await.unwrap();
            let mut served = 0;
            while let Some(accepted) = connection.accept().await {
                let (request, reply) = accepted.unwrap();
                served += 1;
                drop(spawn(answer(request, reply)));
            }
            served
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = h2::client::handshake(stream.compat()).await.unwrap();
        let connection = spawn(connection);
        let askers = (0..AT_ONCE).map(|asker| {
            let sender = sender.clone();
            spawn(async move {
                let mut bytes = 0;
                for turn in 0..REQUESTS / AT_ONCE {
                    bytes += ask(sender.clone(), asker + turn).await;
                }
                bytes
            })
        });
        let bytes = join_all(Vec::from_iter(askers)).await;
        let bytes: usize = bytes.into_iter().map(Result::unwrap).sum();
        assert!(bytes > 10_000_000, "{bytes}");
        drop(sender);
        connection.await.unwrap().unwrap();
        assert_eq!(server.await.unwrap(), REQUESTS);
    });
}

on_both! {
    hyper_h1_and_h2_over_tcp,
    hyper_h1_and_h2_over_unix_sockets,
    nothing_is_filled_with_zeros_and_slices_go_out_together,
    h2_under_load,
}

one_cook! {
    services_that_are_not_send_by_both_protocols,
}
