//! An HTTP server on brigade or on tokio, for load generators. See `benches/load`.
//!
//! ```console
//! $ cargo run --release -p brigade-ecosystem --example http_load -- brigade 2 h1
//! 127.0.0.1:40123
//! ```
//!
//! The arguments are the runtime, the number of workers (1 selects the single-thread executor), and the
//! protocol: `h1`, `h2` (without TLS or an upgrade), or `axum` for an axum service over HTTP/1.1. The program
//! prints its address and serves until it is killed. With `h1` and `h2`, the servers of the two runtimes
//! differ only in the code between hyper and the runtime. With `axum`, the code that serves a router differs
//! too.
//!
//! `http_load compare axum 9` needs no load generator. It measures the CPU time per request of both servers
//! in 9 rounds, with one worker and with two. `compare h1 9` measures a service without axum.

mod compare;
mod service;

use std::convert::Infallible;
use std::env;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use brigade::{SingleThread, WorkStealing};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::rt;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};

#[derive(Clone, Copy)]
enum Protocol {
    H1,
    H2,
    Axum,
}

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from("two soups and a salad")))
}

/// Serves one connection, in the same way on both runtimes. A client that hangs up is not an error.
async fn serve<S, T, E>(stream: S, timer: T, tasks: E, protocol: Protocol)
where
    S: rt::Read + rt::Write + Unpin + Send + 'static,
    T: rt::Timer + Send + Sync + 'static,
    E: rt::bounds::Http2ServerConnExec<
            std::pin::Pin<
                Box<dyn Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send>,
            >,
            Full<Bytes>,
        >,
{
    let service = service_fn(
        |request| -> std::pin::Pin<Box<dyn Future<Output = _> + Send>> { Box::pin(hello(request)) },
    );
    let _ = match protocol {
        Protocol::H1 => {
            let mut server = http1::Builder::new();
            server.timer(timer).serve_connection(stream, service).await
        }
        Protocol::H2 => {
            let mut server = http2::Builder::new(tasks);
            server.timer(timer).serve_connection(stream, service).await
        }
        Protocol::Axum => unreachable!("axum has servers of its own"),
    };
}

fn announce(address: SocketAddr) -> io::Result<()> {
    println!("{address}");
    io::stdout().flush()
}

async fn on_brigade(protocol: Protocol) -> io::Result<()> {
    use brigade::hyper::{Executor, Timer};
    if let Protocol::Axum = protocol {
        return service::on_brigade().await;
    }
    let listener = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        drop(brigade::spawn(serve(stream, Timer, Executor, protocol)));
    }
}

async fn on_tokio(protocol: Protocol) -> io::Result<()> {
    use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
    if let Protocol::Axum = protocol {
        return service::on_tokio().await;
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(stream);
        tokio::spawn(serve(
            stream,
            TokioTimer::new(),
            TokioExecutor::new(),
            protocol,
        ));
    }
}

fn run(runtime: &str, cooks: usize, protocol: Protocol) -> io::Result<()> {
    match (runtime, cooks) {
        // With several workers, the server is a task and not the main future, because workers run only tasks.
        ("brigade", 1) => SingleThread::new()?.block_on(on_brigade(protocol)),
        ("brigade", _) => {
            let executor = WorkStealing::with_workers(cooks)?;
            let server = executor.spawn(on_brigade(protocol));
            executor.block_on(server).map_err(io::Error::other)?
        }
        ("tokio", 1) => {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_all().build()?.block_on(on_tokio(protocol))
        }
        _ => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let runtime = builder.worker_threads(cooks).enable_all().build()?;
            let server = runtime.spawn(on_tokio(protocol));
            runtime.block_on(server).map_err(io::Error::other)?
        }
    }
}

/// Reads the runtime, the number of workers and the protocol.
fn server(arguments: &[String]) -> Option<(&str, usize, Protocol)> {
    let [runtime, cooks, protocol] = arguments else {
        return None;
    };
    let protocol = match &**protocol {
        "h1" => Protocol::H1,
        "h2" => Protocol::H2,
        "axum" => Protocol::Axum,
        _ => return None,
    };
    let known = ["brigade", "tokio"].contains(&&**runtime);
    let cooks = cooks.parse().ok().filter(|it| known && *it > 0)?;
    Some((runtime, cooks, protocol))
}

/// Reads the protocol and the number of rounds.
fn comparison(arguments: &[String]) -> Option<(&str, usize)> {
    match arguments {
        [compare, protocol, rounds] if compare == "compare" && protocol != "h2" => {
            let rounds = rounds.parse().ok().filter(|it| *it > 0)?;
            Some((protocol, rounds))
        }
        _ => None,
    }
}

fn main() -> ExitCode {
    let arguments = Vec::from_iter(env::args().skip(1));
    let result = if let Some((runtime, cooks, protocol)) = server(&arguments) {
        compare::report_cpu_time();
        run(runtime, cooks, protocol)
    } else if let Some((protocol, rounds)) = comparison(&arguments) {
        compare::compare(protocol, rounds)
    } else {
        eprintln!("usage: http_load brigade|tokio COOKS h1|h2|axum");
        eprintln!("       http_load compare h1|axum ROUNDS");
        return ExitCode::from(2);
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
