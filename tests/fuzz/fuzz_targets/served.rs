//! A stranger's bytes arrive at hyper's server. It answers in HTTP or not at all, and comes to an end.

#![no_main]

use std::convert::Infallible;

use brigade::SingleThread;
use brigade::net::UnixStream;
use brigade_fuzz::Stranger;
use futures_util::join;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use libfuzzer_sys::fuzz_target;

/// Answers with the body, or with its length if that cannot be had.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await;
    Ok(Response::new(Full::new(
        body.map_or(Bytes::new(), |body| body.to_bytes()),
    )))
}

fuzz_target!(|data: &[u8]| {
    let Some(stranger) = Stranger::drawn(data) else {
        return;
    };
    let executor = SingleThread::new().unwrap();
    let heard = executor.block_on(async {
        let (near, far) = UnixStream::pair().unwrap();
        let serve = async move {
            let server = hyper::server::conn::http1::Builder::new()
                .timer(brigade::hyper::Timer)
                .serve_connection(far, service_fn(echo));
            // An error is an answer too; what counts is that it ends.
            let _ = server.await;
        };
        let (heard, (), ()) = join!(Stranger::listen(&near), stranger.send(&near), serve);
        heard
    });
    assert!(
        heard.is_empty() || heard.starts_with(b"HTTP/1."),
        "{heard:?}"
    );
    assert_eq!(executor.metrics().in_flight, 0);
});
