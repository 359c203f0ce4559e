//! An HTTP server on brigade or on tokio, for load generators. See `benches/load`.
//!
//! ```console
//! $ cargo run --release -p brigade-tests --example http_load -- brigade 2 h1
//! 127.0.0.1:40123
//! ```
//!
//! The arguments are the runtime, the number of workers (1 selects the single-thread executor), and the
//! protocol, `h1` or `h2` (with prior knowledge). The program prints its address and serves until it is
//! killed. The two servers differ only in the lines between hyper and the runtime.

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
    };
}

fn announce(address: SocketAddr) -> io::Result<()> {
    println!("{address}");
    io::stdout().flush()
}

async fn on_brigade(protocol: Protocol) -> io::Result<()> {
    use brigade::hyper::{Executor, Timer};
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
        // The servers are tasks and not main futures, because workers can steal only tasks.
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

fn main() -> ExitCode {
    let arguments = Vec::from_iter(env::args().skip(1));
    let [runtime, cooks, protocol] = &arguments[..] else {
        eprintln!("usage: hello brigade|tokio COOKS h1|h2");
        return ExitCode::from(2);
    };
    let protocol = match &**protocol {
        "h1" => Protocol::H1,
        "h2" => Protocol::H2,
        other => {
            eprintln!("no such protocol: {other}; h1 or h2");
            return ExitCode::from(2);
        }
    };
    let known = ["brigade", "tokio"].contains(&&**runtime);
    let Some(cooks) = cooks.parse().ok().filter(|it| known && *it > 0) else {
        eprintln!("usage: hello brigade|tokio COOKS h1|h2, and at least one cook");
        return ExitCode::from(2);
    };
    match run(runtime, cooks, protocol) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
