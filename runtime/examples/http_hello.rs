//! An HTTP server: hyper on brigade's sockets.
//!
//! ```console
//! $ cargo run -p brigade --features hyper --example http_hello
//! $ curl http://127.0.0.1:8080/you
//! ```

use std::convert::Infallible;
use std::io;

use brigade::net::TcpListener;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};

async fn hello(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let name = request.uri().path().trim_start_matches('/');
    Ok(Response::new(format!("hello, {name}\n")))
}

fn main() -> io::Result<()> {
    brigade::run(async {
        let listener = TcpListener::bind("127.0.0.1:8080").await?;
        println!("listening at http://{}", listener.local_addr()?);
        loop {
            let (stream, peer) = listener.accept().await?;
            brigade::spawn(async move {
                let mut server = http1::Builder::new();
                // With this timer, hyper closes a connection if the client sends no request for some time.
                server.timer(brigade::hyper::Timer);
                if let Err(error) = server.serve_connection(stream, service_fn(hello)).await {
                    println!("{peer}: {error}");
                }
            });
        }
    })
}
