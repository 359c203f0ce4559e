//! An axum service that answers with JSON. On tokio, `axum::serve` serves it. On brigade, the code of
//! runtime/docs/ecosystem.md (the recipe) serves it. This service needs no `.compat()`. A test compares the
//! recipe below with the page.

use std::io;
use std::pin::pin;

use axum::extract::{Json, Path, State};
use axum::{Router, routing::get};
use brigade::net::{TcpListener, TcpStream};
use brigade::task::JoinSet;
use hyper::server::conn::http1;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::announce;

/// Makes a router with one route, which uses a path and a state and replies in JSON.
fn app() -> Router {
    async fn order(State(kitchen): State<&'static str>, Path(table): Path<u32>) -> Json<Value> {
        Json(json!({ "kitchen": kitchen, "table": table, "dishes": ["soup", "soup", "salad"] }))
    }
    Router::new()
        .route("/tables/{table}", get(order))
        .with_state("brigade")
}

pub(super) async fn on_brigade() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    serve(listener, app(), CancellationToken::new()).await
}

pub(super) async fn on_tokio() -> io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    axum::serve(listener, app()).await
}

// The recipe.
async fn serve(listener: TcpListener, app: Router, stop: CancellationToken) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        let Some(accepted) = stop.run_until_cancelled(listener.accept()).await else {
            break;
        };
        let connection = connection(accepted?.0, app.clone(), stop.clone());
        connections.spawn(connection);
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
