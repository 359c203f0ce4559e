//! Runs async-tungstenite over brigade's sockets. The clients are async-tungstenite itself, a hyper
//! connection after an upgrade, and a page in a browser. No glue is needed, because async-tungstenite uses
//! the traits of futures-io.
//!
//! The page needs Chromium on the path. Without Chromium, the test prints that it was skipped. If
//! `BRIGADE_REQUIRE_BROWSER` is set, the test fails instead.

use std::convert::Infallible;
use std::env;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use async_tungstenite::tungstenite::client::IntoClientRequest;
use async_tungstenite::tungstenite::handshake::server::create_response;
use async_tungstenite::tungstenite::protocol::Role;
use async_tungstenite::tungstenite::{Error, Message};
use async_tungstenite::{WebSocketStream, accept_async, client_async};
use brigade::hyper::FuturesIo;
use brigade::net::{TcpListener, TcpStream};
use brigade::time::timeout;
use brigade::{Executor, spawn};
use brigade_tests::{Kitchen, on_both};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, StreamExt};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};

/// The maximum time to wait for the browser.
const PATIENCE: Duration = Duration::from_secs(100);

/// Sends every message back. Returns the number of messages.
async fn echo(stream: TcpStream) -> Result<usize, Error> {
    echo_over(accept_async(stream).await?).await
}

async fn echo_over<S>(mut socket: WebSocketStream<S>) -> Result<usize, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut count = 0;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            count += 1;
            socket.send(message).await?;
        }
    }
    Ok(count)
}

/// Each of many simultaneous clients sends texts and binary messages. Some messages are empty, and some are
/// larger than any buffer.
fn echoes_to_its_own_client<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn(async move {
            loop {
                drop(spawn(echo(listener.accept().await.unwrap().0)));
            }
        });
        let guests = (0..8).map(|guest| {
            spawn(async move {
                let stream = TcpStream::connect(address).await.unwrap();
                let url = format!("ws://{address}/");
                let (mut socket, _) = client_async(url, stream).await.unwrap();
                for size in [0, 1, 125, 126, 65_536, 1 << 20] {
                    let sent = Message::binary(vec![guest; size]);
                    socket.send(sent.clone()).await.unwrap();
                    assert_eq!(socket.next().await.unwrap().unwrap(), sent);
                }
                socket.send(Message::text("zwölf Nudeln")).await.unwrap();
                let text = socket.next().await.unwrap().unwrap();
                assert_eq!(text.to_text().unwrap(), "zwölf Nudeln");
                socket.close(None).await.unwrap();
                while let Some(Ok(last)) = socket.next().await {
                    assert!(last.is_close());
                }
            })
        });
        for guest in Vec::from_iter(guests) {
            guest.await.unwrap();
        }
        server.abort();
    });
}

/// After the reply 101, hyper's server and client release the connection. The test then wraps each end in
/// `FuturesIo`, which has the traits of futures-io.
fn a_websocket_follows_an_upgrade_of_hyper<K: Kitchen>() {
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (counted, count) = async_channel::bounded(1);
        let upgrade = service_fn(move |mut request: Request<Incoming>| {
            let counted = counted.clone();
            async move {
                let mut head = Request::new(());
                *head.headers_mut() = request.headers().clone();
                let reply = create_response(&head).unwrap();
                let upgrade = hyper::upgrade::on(&mut request);
                drop(spawn(async move {
                    let stream = FuturesIo::new(upgrade.await.unwrap());
                    let socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
                    counted
                        .send(echo_over(socket).await.unwrap())
                        .await
                        .unwrap();
                }));
                Ok::<_, Infallible>(reply.map(|()| String::new()))
            }
        });
        let server = spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let server = hyper::server::conn::http1::Builder::new();
            let serving = server.serve_connection(stream, upgrade).with_upgrades();
            serving.await.unwrap();
        });

        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        drop(spawn(connection.with_upgrades()));
        let request = format!("ws://{address}/").into_client_request().unwrap();
        let reply = sender.send_request(request.map(|()| String::new())).await;
        let reply = reply.unwrap();
        assert_eq!(reply.status(), StatusCode::SWITCHING_PROTOCOLS);
        let stream = FuturesIo::new(hyper::upgrade::on(reply).await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
        for size in [0, 1, 125, 126, 65_536, 1 << 20] {
            let sent = Message::binary(vec![7; size]);
            socket.send(sent.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), sent);
        }
        socket.close(None).await.unwrap();
        while let Some(Ok(last)) = socket.next().await {
            assert!(last.is_close());
        }
        assert_eq!(count.recv().await.unwrap(), 6);
        server.await.unwrap();
    });
}

/// A page that sends ten messages one after another and records the replies.
const PAGE: &str = r#"<!doctype html><title>waiting</title><pre id="log"></pre><script>
const socket = new WebSocket("ws://ADDRESS/");
let said = 0;
const say = () => socket.send(`dish ${said}`);
socket.onopen = say;
socket.onmessage = (event) => {
  document.getElementById("log").textContent += `heard ${event.data}\n`;
  if (++said < 10) say(); else socket.close(1000);
};
socket.onclose = (event) => { fetch(`http://ADDRESS/done?${event.code}`); };
</script>"#;

fn a_page_in_a_browser_talks_to_a_server<K: Kitchen>() {
    let Some(browser) = find_browser() else {
        return;
    };
    K::open().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let room = tempfile::tempdir().unwrap();
        let page = room.path().join("page.html");
        std::fs::write(&page, PAGE.replace("ADDRESS", &address.to_string())).unwrap();
        let mut running = Command::new(browser)
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args(["--disable-dev-shm-usage", "--disable-background-networking"])
            .arg(format!("--user-data-dir={}", room.path().display()))
            .arg(format!("file://{}", page.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let talk = timeout(PATIENCE, async {
            let (stream, _) = listener.accept().await.unwrap();
            let echoed = echo(stream).await;
            // The page reports the close code that it received. This must be 1000, the code for a normal
            // close.
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 16];
            stream.read_exact(&mut head).await.unwrap();
            let mut rest = [0; 512];
            let count = AsyncReadExt::read(&mut stream, &mut rest).await.unwrap();
            head.extend_from_slice(&rest[..count]);
            (echoed, String::from_utf8_lossy(&head).into_owned())
        });
        let talked = talk.await;
        let _ = running.kill();
        running.wait().unwrap();
        let (echoed, farewell) = talked.expect("the browser answers");
        assert_eq!(echoed.unwrap(), 10);
        assert!(farewell.starts_with("GET /done?1000 "), "{farewell}");
    });
}

fn find_browser() -> Option<String> {
    let named = env::var("BRIGADE_BROWSER").ok();
    let candidates = named
        .into_iter()
        .chain(["chromium", "chromium-browser", "google-chrome"].map(str::to_owned));
    for candidate in candidates {
        let version = Command::new(&candidate).arg("--version").output();
        if version.is_ok_and(|it| it.status.success()) {
            return Some(candidate);
        }
    }
    assert!(
        env::var_os("BRIGADE_REQUIRE_BROWSER").is_none(),
        "BRIGADE_REQUIRE_BROWSER is set, and there is no browser"
    );
    // Write to stderr directly, because the test harness would hide the output of `eprintln`.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: a page in a browser: there is no chromium on the path"
    );
    None
}

on_both! {
    echoes_to_its_own_client,
    a_websocket_follows_an_upgrade_of_hyper,
    a_page_in_a_browser_talks_to_a_server,
}
