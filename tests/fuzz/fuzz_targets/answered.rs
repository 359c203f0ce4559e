//! A stranger answers hyper's client. The client gets a reply or an error, and comes to an end.

#![no_main]

use brigade::SingleThread;
use brigade::net::UnixStream;
use brigade_fuzz::Stranger;
use futures_util::join;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use libfuzzer_sys::fuzz_target;

async fn ask(stream: UnixStream) -> Result<usize, hyper::Error> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    let driver = brigade::spawn(connection);
    let request = Request::get("/").header("host", "stranger");
    let reply = sender
        .send_request(request.body(Empty::<Bytes>::new()).unwrap())
        .await;
    let length = match reply {
        Ok(reply) => reply
            .into_body()
            .collect()
            .await
            .map(|body| body.to_bytes().len()),
        Err(error) => Err(error),
    };
    drop(sender);
    let _ = driver.await;
    length
}

fuzz_target!(|data: &[u8]| {
    let Some(stranger) = Stranger::drawn(data) else {
        return;
    };
    let executor = SingleThread::new().unwrap();
    let length = executor.block_on(async {
        let (near, far) = UnixStream::pair().unwrap();
        let (length, (), _) = join!(ask(far), stranger.send(&near), Stranger::listen(&near));
        length
    });
    if let Ok(length) = length {
        assert!(
            length <= stranger.bytes().len(),
            "{length} bytes from fewer"
        );
    }
    assert_eq!(executor.metrics().in_flight, 0);
});
