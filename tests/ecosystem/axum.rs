//! Runs axum on brigade. The function `serve` below is the recipe that `runtime/docs/ecosystem.md` shows. It
//! serves an axum router: hyper drives each connection in a task of brigade.
//!
//! Routing, extractors, JSON and bodies need no runtime. `TimeoutLayer`, `ServeDir` and `WebSocketUpgrade`
//! panic outside a tokio runtime, as the last test shows. The recipe therefore calls `compat()` on the
//! connection's future, which enters a tokio runtime in each poll.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use async_compat::CompatExt;
use async_tungstenite::tungstenite::Message;
use axum::extract::ws::{self, WebSocketUpgrade};
use axum::extract::{Json, Path, State};
use axum::response::Response;
use axum::routing::{any, get, post};
use axum::{Router, body::Body};
use brigade::net::{TcpListener, TcpStream};
use brigade::task::{JoinHandle, JoinSet};
use brigade::{Executor, spawn};
use brigade_tests::{Kitchen, on_both};
use futures::StreamExt;
use futures::future::join_all;
use http_body_util::BodyExt;
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::server::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower_http::services::ServeDir;
use tower_http::timeout::TimeoutLayer;

// The recipe.
async fn serve(listener: TcpListener, app: Router, stop: CancellationToken) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        let Some(accepted) = stop.run_until_cancelled(listener.accept()).await else {
            break;
        };
        let connection = connection(accepted?.0, app.clone(), stop.clone());
        connections.spawn(connection.compat());
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

async fn connection(stream: TcpStream, app: Router, stop: CancellationToken) -> hyper::Result<()> {
    let served = http1::Builder::new()
        .serve_connection(stream, TowerToHyperService::new(app))
        .with_upgrades();
    let mut served = pin!(served);
    match stop.run_until_cancelled(served.as_mut()).await {
        Some(result) => result,
        None => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    }
}
// The end of the recipe.

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Serves `app` until the token is cancelled.
async fn start(app: Router) -> (SocketAddr, CancellationToken, JoinHandle<io::Result<()>>) {
    let (listener, address) = listen().await;
    let stop = CancellationToken::new();
    let server = spawn(serve(listener, app, stop.clone()));
    (address, stop, server)
}

async fn client(address: SocketAddr) -> SendRequest<Body> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    drop(spawn(connection));
    sender
}

async fn ask(
    client: &mut SendRequest<Body>,
    method: Method,
    path: &str,
    body: impl Into<Body>,
) -> hyper::Result<(StatusCode, Bytes)> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "kitchen")
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap();
    client.ready().await?;
    let reply = client.send_request(request).await?;
    let status = reply.status();
    Ok((status, reply.into_body().collect().await?.to_bytes()))
}

/// Routes take a path, a state and JSON, and return JSON. If the body is invalid or the path is unknown, the
/// reply has the right error status.
fn json_there_and_back<K: Kitchen>() {
    async fn order(
        State(kitchen): State<String>,
        Path(table): Path<u32>,
        Json(order): Json<Value>,
    ) -> Json<Value> {
        // A handler may await any future of brigade.
        brigade::time::sleep(Duration::from_millis(1)).await;
        Json(json!({ "kitchen": kitchen, "table": table, "dish": order["dish"] }))
    }
    let app = Router::new()
        .route("/tables/{table}", post(order))
        .with_state("brigade".to_owned());
    K::open().block_on(async {
        let (address, stop, server) = start(app).await;
        let guests = (0..16).map(|table| {
            spawn(async move {
                let mut client = client(address).await;
                for dish in 0..8 {
                    let path = format!("/tables/{table}");
                    let body = json!({ "dish": dish }).to_string();
                    let (status, body) = ask(&mut client, Method::POST, &path, body).await.unwrap();
                    assert_eq!(status, StatusCode::OK);
                    let reply: Value = serde_json::from_slice(&body).unwrap();
                    let expected = json!({ "kitchen": "brigade", "table": table, "dish": dish });
                    assert_eq!(reply, expected);
                }
            })
        });
        for guest in join_all(Vec::from_iter(guests)).await {
            guest.unwrap();
        }
        let mut client = client(address).await;
        for (path, body, expected) in [
            ("/tables/1", "{", StatusCode::BAD_REQUEST),
            ("/tables/one", "{}", StatusCode::BAD_REQUEST),
            ("/chairs/1", "{}", StatusCode::NOT_FOUND),
        ] {
            let (status, _) = ask(&mut client, Method::POST, path, body).await.unwrap();
            assert_eq!(status, expected, "{path}");
        }
        drop(client);
        stop.cancel();
        server.await.unwrap().unwrap();
    });
}

/// `ServeDir` reads files through tokio's blocking pool.
fn a_file_is_served<K: Kitchen>() {
    let folder = tempfile::tempdir().unwrap();
    let menu = vec![b'm'; 300_000];
    std::fs::write(folder.path().join("menu.txt"), &menu).unwrap();
    let app = Router::new().fallback_service(ServeDir::new(folder.path()));
    K::open().block_on(async {
        let (address, stop, server) = start(app).await;
        let mut client = client(address).await;
        for _ in 0..3 {
            let reply = ask(&mut client, Method::GET, "/menu.txt", Body::empty()).await;
            assert!(reply.unwrap() == (StatusCode::OK, Bytes::from(menu.clone())));
        }
        let missing = ask(&mut client, Method::GET, "/wine.txt", Body::empty()).await;
        assert_eq!(missing.unwrap().0, StatusCode::NOT_FOUND);
        drop(client);
        stop.cancel();
        server.await.unwrap().unwrap();
    });
}

/// axum spawns a websocket's task on tokio, here on the thread of `async-compat`. That task uses brigade
/// through a `Handle`.
fn a_websocket_is_served<K: Kitchen>() {
    async fn upgrade(upgrade: WebSocketUpgrade, State(handle): State<brigade::Handle>) -> Response {
        upgrade.on_upgrade(async move |mut socket| {
            while let Some(Ok(message)) = socket.recv().await {
                if let ws::Message::Binary(bytes) = message {
                    let work = handle.spawn(async move { bytes.len().to_string() });
                    let reply = ws::Message::Text(work.await.unwrap().into());
                    socket.send(reply).await.unwrap();
                }
            }
        })
    }
    let executor = K::open();
    let app = Router::new()
        .route("/socket", any(upgrade))
        .with_state(executor.handle());
    executor.block_on(async {
        let (address, stop, server) = start(app).await;
        let stream = TcpStream::connect(address).await.unwrap();
        let url = format!("ws://{address}/socket");
        let (mut socket, _) = async_tungstenite::client_async(url, stream).await.unwrap();
        for size in [0, 1, 125, 126, 65_536, 1 << 20] {
            socket.send(Message::binary(vec![7; size])).await.unwrap();
            let reply = socket.next().await.unwrap().unwrap();
            assert_eq!(reply.to_text().unwrap(), size.to_string());
        }
        socket.close(None).await.unwrap();
        while let Some(Ok(last)) = socket.next().await {
            assert!(last.is_close());
        }
        stop.cancel();
        server.await.unwrap().unwrap();
    });
}

/// `TimeoutLayer` uses tokio's clock. If a handler never ends, the client gets the status that the layer
/// defines.
fn a_timeout_layer_ends_a_slow_handler<K: Kitchen>() {
    let limit = Duration::from_millis(20);
    let app = Router::new()
        .route("/never", get(std::future::pending::<()>))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            limit,
        ));
    K::open().block_on(async {
        let (address, stop, server) = start(app).await;
        let mut client = client(address).await;
        let reply = ask(&mut client, Method::GET, "/never", Body::empty()).await;
        assert_eq!(reply.unwrap().0, StatusCode::GATEWAY_TIMEOUT);
        drop(client);
        stop.cancel();
        server.await.unwrap().unwrap();
    });
}

/// After the token is cancelled, the server accepts no new connection, closes the idle connection, and answers
/// the pending request.
fn a_shutdown_lets_requests_finish<K: Kitchen>() {
    let (begun, has_begun) = async_channel::bounded::<()>(1);
    let (go, may_go) = async_channel::bounded::<()>(1);
    let slow = move || {
        let (begun, may_go) = (begun.clone(), may_go.clone());
        async move {
            begun.send(()).await.unwrap();
            may_go.recv().await.unwrap();
            "soup"
        }
    };
    let app = Router::new()
        .route("/slow", get(slow))
        .route("/quick", get(async || "bread"));
    K::open().block_on(async {
        let (address, stop, server) = start(app).await;
        let mut idle = client(address).await;
        let quick = ask(&mut idle, Method::GET, "/quick", Body::empty()).await;
        assert_eq!(quick.unwrap().1, "bread");
        let mut busy = client(address).await;
        let slow = spawn(async move { ask(&mut busy, Method::GET, "/slow", Body::empty()).await });
        has_begun.recv().await.unwrap();

        stop.cancel();
        // Wait until the server has dropped its listener and closed the idle connection.
        while TcpStream::connect(address).await.is_ok() {
            brigade::yield_now().await;
        }
        while idle.ready().await.is_ok() {
            brigade::yield_now().await;
        }
        assert!(!server.is_finished() && !slow.is_finished());
        go.send(()).await.unwrap();
        let reply = slow.await.unwrap().unwrap();
        assert_eq!(reply, (StatusCode::OK, Bytes::from("soup")));
        server.await.unwrap().unwrap();
    });
}

/// Without `compat()`, some parts of axum call tokio and panic in the connection's task. All other parts
/// work.
fn what_calls_tokio_panics_without_compat<K: Kitchen>() {
    let second = Duration::from_secs(1);
    let timed = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, second);
    let socket = async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(async |_| ());
    let app = Router::new()
        .route("/plain", get(async || "soup"))
        .route("/timed", get(async || "soup").layer(timed))
        .route("/socket", any(socket))
        .nest_service("/files", ServeDir::new("."));
    K::open().block_on(async {
        for (path, panics) in [
            ("/plain", false),
            ("/timed", true),
            ("/files/Cargo.toml", true),
            ("/socket", true),
        ] {
            let (listener, address) = listen().await;
            let served = async {
                let stream = listener.accept().await.unwrap().0;
                connection(stream, app.clone(), CancellationToken::new()).await
            };
            let asked = async {
                let mut client = client(address).await;
                let mut request = Request::get(path).header("host", "kitchen");
                for (name, value) in [
                    ("connection", "upgrade"),
                    ("upgrade", "websocket"),
                    ("sec-websocket-version", "13"),
                    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
                ] {
                    request = request.header(name, value);
                }
                let request = request.body(Body::empty()).unwrap();
                client
                    .send_request(request)
                    .await
                    .map(|reply| reply.status())
            };
            let served = std::panic::AssertUnwindSafe(served);
            let served = futures::FutureExt::catch_unwind(served);
            let (served, asked) = futures::join!(served, asked);
            assert_eq!(served.is_err(), panics, "{path}");
            assert_eq!(asked.is_err(), panics, "{path}: {asked:?}");
        }
    });
}

on_both! {
    json_there_and_back,
    a_file_is_served,
    a_websocket_is_served,
    a_timeout_layer_ends_a_slow_handler,
    a_shutdown_lets_requests_finish,
    what_calls_tokio_panics_without_compat,
}
