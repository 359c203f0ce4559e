//! Runs hyper's client and server on brigade, with the feature `hyper`.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use brigade::Executor;
use brigade::hyper::Io;
use brigade::net::{TcpListener, TcpStream};
use brigade_tests::{Kitchen, Tally, on_both, one_cook};
use futures::{AsyncRead, AsyncWrite};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{self, Timer as _};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};

type Body = Full<Bytes>;

/// Answers with the request's body in reverse order.
async fn backwards(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let mut bytes = request
        .into_body()
        .collect()
        .await
        .unwrap()
        .to_bytes()
        .to_vec();
    bytes.reverse();
    Ok(Response::new(Full::from(bytes)))
}

/// Sends one request over `stream`. Returns the status and the body of the reply.
async fn post<S>(stream: S, body: Vec<u8>) -> (StatusCode, Bytes)
where
    S: rt::Read + rt::Write + Send + Unpin + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    drop(brigade::spawn(connection));
    let request = Request::post("/")
        .header("host", "kitchen")
        .body(Body::from(body))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status();
    (
        status,
        response.into_body().collect().await.unwrap().to_bytes(),
    )
}

/// A server sends back bodies of several sizes, from 0 bytes to 8 MiB.
fn bodies_there_and_back<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = brigade::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let serve = hyper::server::conn::http1::Builder::new()
                    .timer(brigade::hyper::Timer)
                    .serve_connection(stream, service_fn(backwards));
                drop(brigade::spawn(serve));
            }
        });
        for size in [0, 1, 1000, 100_000, 8 << 20] {
            let body: Vec<u8> = (0..=250).cycle().take(size).collect();
            let stream = TcpStream::connect(address).await.unwrap();
            let (status, mut answer) = {
                let (status, answer) = post(stream, body.clone()).await;
                (status, answer.to_vec())
            };
            answer.reverse();
            assert_eq!(status, StatusCode::OK);
            assert_eq!(answer.len(), body.len());
            assert!(answer == body);
        }
        server.abort();
    });
}

/// A futures-io stream that counts its writes, separately for single buffers (`single`) and for `vectored`
/// writes.
struct Counting {
    stream: TcpStream,
    single: Tally,
    vectored: Tally,
}

impl AsyncRead for Counting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.single.add();
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.vectored.add();
        Pin::new(&mut self.stream).poll_write_vectored(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

/// Vectored writes reach the stream as such, so hyper sends the head and the body in one call.
fn vectored_writes_pass_through<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        assert!(rt::Write::is_write_vectored(
            &TcpStream::connect(address).await.unwrap()
        ));
        listener.accept().await.unwrap();
        let server = brigade::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(stream, service_fn(backwards))
                .await;
        });
        let (single, vectored) = (Tally::new(), Tally::new());
        let stream = Io::new(Counting {
            stream: TcpStream::connect(address).await.unwrap(),
            single: single.clone(),
            vectored: vectored.clone(),
        });
        let (status, answer) = post(stream, vec![7; 100_000]).await;
        assert_eq!((status, answer.len()), (StatusCode::OK, 100_000));
        assert!(vectored.get() >= 1, "{} single writes", single.get());
        server.await.unwrap();
    });
}

/// A read fills only the free part of hyper's buffer, even if that part is small.
fn reads_fill_what_is_free<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        peer.write_all(b"noodles and sauce").await.unwrap();
        let mut memory = [0xFF; 24];
        let mut buffer = rt::ReadBuf::new(&mut memory);
        for end in [7, 17] {
            let mut part = [0; 10];
            let room = end - buffer.filled().len();
            let mut small = rt::ReadBuf::new(&mut part[..room]);
            std::future::poll_fn(|cx| {
                rt::Read::poll_read(Pin::new(&mut stream), cx, small.unfilled())
            })
            .await
            .unwrap();
            buffer.unfilled().put_slice(small.filled());
            assert_eq!(buffer.filled().len(), end);
        }
        assert_eq!(buffer.filled(), b"noodles and sauce");
        drop(peer);
        let read = std::future::poll_fn(|cx| {
            rt::Read::poll_read(Pin::new(&mut stream), cx, buffer.unfilled())
        });
        read.await.unwrap();
        // At the end of the stream, a read adds no bytes.
        assert_eq!(buffer.filled().len(), 17);
    });
}

/// hyper uses brigade's timer. If the request's head does not arrive in time, the server ends the connection.
fn timeouts_go_by_brigades_clock<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        client.write_all(b"POST / HTTP/1.1\r\nhost:").await.unwrap();
        let served = hyper::server::conn::http1::Builder::new()
            .timer(brigade::hyper::Timer)
            .header_read_timeout(Duration::from_millis(20))
            .serve_connection(stream, service_fn(backwards))
            .await;
        assert!(served.unwrap_err().is_timeout());

        let timer = brigade::hyper::Timer;
        let before = timer.now();
        let mut sleep = timer.sleep(Duration::from_secs(3600));
        assert!(futures::poll!(&mut sleep).is_pending());
        timer.reset(&mut sleep, before + Duration::from_millis(2));
        sleep.await;
        assert!(timer.now() >= before + Duration::from_millis(2));
        timer.sleep_until(before).await;
    });
}

/// A server and a client on the single-thread executor may have services that are not `Send`.
fn services_that_are_not_send() {
    let executor = brigade::SingleThread::new().unwrap();
    executor.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = std::rc::Rc::new(std::cell::Cell::new(0));
        let count = served.clone();
        let server = brigade::spawn_local(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let service = service_fn(move |request| {
                count.set(count.get() + 1);
                backwards(request)
            });
            let mut serve =
                pin!(hyper::server::conn::http1::Builder::new().serve_connection(stream, service));
            serve.as_mut().await.unwrap();
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let (status, answer) = post(stream, b"soup".to_vec()).await;
        assert_eq!((status, &answer[..]), (StatusCode::OK, &b"puos"[..]));
        server.await.unwrap();
        assert_eq!(served.get(), 1);
        let spawned = std::rc::Rc::new(std::cell::Cell::new(false));
        let flag = spawned.clone();
        rt::Executor::execute(
            &brigade::hyper::LocalExecutor,
            async move { flag.set(true) },
        );
        brigade::yield_now().await;
        assert!(spawned.get());
    });
}

/// hyper can spawn its tasks through either `brigade::hyper::Executor` or a `Handle`.
fn both_executors_of_hyper_spawn<K: Kitchen>() {
    let executor = K::open();
    let ran = Tally::new();
    executor.block_on(async {
        let (one, other) = (ran.clone(), ran.clone());
        rt::Executor::execute(&brigade::hyper::Executor, async move { one.add() });
        rt::Executor::execute(&brigade::Handle::current(), async move { other.add() });
        while ran.get() < 2 {
            brigade::yield_now().await;
        }
    });
}

on_both! {
    bodies_there_and_back,
    vectored_writes_pass_through,
    reads_fill_what_is_free,
    timeouts_go_by_brigades_clock,
    both_executors_of_hyper_spawn,
}

one_cook! {
    services_that_are_not_send,
}
