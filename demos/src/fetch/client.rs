//! One request, from its first poll to its outcome: the task that `fetch` starts
//! thousands of.
//!
//! ```text
//! look up ──▶ dial ──▶ agree on keys ──▶ send ──▶ wait ──▶ receive ──▶ done
//!    │          │           │              │       │          │
//!    └──────────┴───────────┴──── failed ◀─┴───────┴──────────┘
//!                                 │    ▲
//!                       may pass? ▼    │ tried often enough
//!                                pause ┘──▶ from the beginning
//! ```
//!
//! hyper makes two futures of a connection: one moves the bytes, the other wants
//! the reply. Both are polled by the same task here, so that one request is one
//! task and `in_flight` counts requests.

use std::{
    future::{Future, poll_fn},
    path::PathBuf,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use brigade::time::{sleep, timeout};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, StatusCode, body::Body as _, client::conn::http1::Builder, header};

use super::{
    connect::{Connection, Connector},
    failure::{Failure, Kind},
    jobs::{Job, Target},
    output::{Directory, PartFile, Sink},
};

/// The longest headers that are accepted, all of them together. Most servers
/// send under 2 KiB, and refuse more than 8 to 16 KiB themselves.
const HEADERS_MAX: usize = 16 << 10;

/// The pause before the first retry; it doubles with each.
const PAUSE_FIRST: Duration = Duration::from_millis(50);

/// The longest pause before a retry. Thin air: a server that restarts is back by then.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Pieces of a reply that are taken without letting another task run. Thin air:
/// eight buffers of 16 KiB, some tens of microseconds.
const PIECES_IN_ONE_GO: usize = 8;

/// The request and the headers: pieces with which no part of the body comes.
const PIECES_BEFORE_BODY: usize = 2;

const USER_AGENT: &str = concat!("brigade/", env!("CARGO_PKG_VERSION"));

/// What became of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) index: usize,
    pub(crate) status: Option<u16>,
    /// Bytes of the body that arrived.
    pub(crate) bytes: u64,
    /// From the first poll to the end, pauses and retries included.
    pub(crate) time: Duration,
    pub(crate) retries: u32,
    pub(crate) file: Option<PathBuf>,
    pub(crate) error: Option<Failure>,
}

/// The limits that each request is held to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For one attempt, from look-up to last byte.
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) max_body: u64,
}

/// What all requests share.
pub(crate) struct Client {
    connector: Connector,
    limits: Limits,
    directory: Option<Directory>,
    http: Builder,
}

/// How far an attempt got; read when it failed or ran out of time.
#[derive(Debug)]
struct Progress {
    stage: &'static str,
    status: Option<StatusCode>,
    bytes: u64,
}

impl Client {
    pub(crate) fn new(connector: Connector, limits: Limits, directory: Option<Directory>) -> Self {
        let mut http = Builder::new();
        http.read_buf_exact_size(Some(HEADERS_MAX));
        Self {
            connector,
            limits,
            directory,
            http,
        }
    }

    /// Makes the request until it is answered or has failed for good.
    pub(crate) async fn fetch(self: Arc<Self>, job: Job) -> Outcome {
        let begun = Instant::now();
        let mut retries = 0;
        loop {
            let mut progress = Progress {
                stage: "",
                status: None,
                bytes: 0,
            };
            let attempt = timeout(self.limits.timeout, self.attempt(&job, &mut progress)).await;
            let result = attempt.unwrap_or_else(|_| Err(self.too_late(&progress)));
            match result {
                Err(failure) if failure.kind.may_pass() && retries < self.limits.retries => {
                    sleep(pause(job.index, retries)).await;
                    retries += 1;
                }
                result => {
                    let status = progress.status.map(|status| status.as_u16());
                    let (file, error) = match result {
                        Ok(file) => (file, None),
                        Err(failure) => (None, Some(failure)),
                    };
                    let (index, bytes, time) = (job.index, progress.bytes, begun.elapsed());
                    return Outcome {
                        index,
                        status,
                        bytes,
                        time,
                        retries,
                        file,
                        error,
                    };
                }
            }
        }
    }

    fn too_late(&self, progress: &Progress) -> Failure {
        let seconds = self.limits.timeout.as_secs_f64();
        Failure::new(
            Kind::Timeout,
            format!("{seconds} s passed while {}", progress.stage),
        )
    }

    async fn attempt(
        &self,
        job: &Job,
        progress: &mut Progress,
    ) -> Result<Option<PathBuf>, Failure> {
        // The phases are boxed, each on its own: what a phase needs is given back
        // when it is over, and a task that waits holds what it waits with.
        let connecting = self.connector.connect(&job.target, &mut progress.stage);
        let mut connection = Box::pin(connecting).await?;
        progress.stage = "sending the request";
        let text = request_text(&job.target);
        connection
            .send(&text)
            .await
            .map_err(|error| Failure::asking(&error))?;
        drop(text);
        progress.stage = "waiting for the reply";
        match connection.first_bite().await {
            Ok(true) => {}
            Ok(false) => return Err(Failure::hung_up()),
            Err(error) => return Err(Failure::asking(&error)),
        }
        progress.stage = "receiving the reply";
        Box::pin(self.receive(connection, job, progress)).await
    }

    /// Has hyper read the reply, and takes it in.
    async fn receive(
        &self,
        connection: Connection,
        job: &Job,
        progress: &mut Progress,
    ) -> Result<Option<PathBuf>, Failure> {
        let failed = |error: hyper::Error| Failure::receiving(&error);
        let (mut sender, connection) = self.http.handshake(connection).await.map_err(failed)?;
        let reply = async {
            let response = sender
                .send_request(request(&job.target)?)
                .await
                .map_err(failed)?;
            progress.status = Some(response.status());
            let mut body = response.into_body();
            self.check_length(body.size_hint().lower())?;
            let mut sink = self.sink(job, progress.status)?;
            while let Some(frame) = body.frame().await {
                if let Some(piece) = frame.map_err(failed)?.data_ref() {
                    progress.bytes += piece.len() as u64;
                    self.connector.gauge().add_received(piece.len());
                    self.check_length(progress.bytes)?;
                    sink.take(piece)?;
                }
            }
            sink.finish()
        };
        beside(pin!(reply), connection, || {
            self.connector.gauge().received()
        })
        .await
    }

    fn check_length(&self, bytes: u64) -> Result<(), Failure> {
        let max = self.limits.max_body;
        if bytes <= max {
            return Ok(());
        }
        Err(Failure::new(
            Kind::TooLarge,
            format!("the body is larger than {max} bytes (--max-body)"),
        ))
    }

    fn sink(&self, job: &Job, status: Option<StatusCode>) -> Result<Sink, Failure> {
        let expected = match &job.target {
            Target::Url(_) => None,
            Target::Origin(_, reply) if status == Some(StatusCode::OK) => Some((*reply, 0)),
            Target::Origin(..) => {
                return Err(Failure::new(
                    Kind::Protocol,
                    "the origin did not understand",
                ));
            }
        };
        let file = self
            .directory
            .as_ref()
            .map(|directory| PartFile::create(directory.file_for(job)));
        Ok(Sink {
            expected,
            file: file.transpose()?,
        })
    }
}

/// Polls `connection`, which moves the bytes, for as long as `reply`, which wants
/// them, is not done.
///
/// hyper passes things on piece by piece: the request, the headers, then the body.
/// As long as pieces come (`received` grows), this takes them in one go, up to a
/// bound: a reply that has arrived is then done and its buffers are free, before
/// the next one needs any.
async fn beside<F: Future>(
    mut reply: Pin<&mut F>,
    mut connection: impl Future + Unpin,
    received: impl Fn() -> u64,
) -> F::Output {
    let mut connected = true;
    poll_fn(|cx| {
        // First, so that hyper knows of the request when the connection looks.
        if let Poll::Ready(output) = reply.as_mut().poll(cx) {
            return Poll::Ready(output);
        }
        for piece in 0..PIECES_IN_ONE_GO {
            let before = received();
            // How the connection ended is told to the reply too, which knows
            // whether there was more to come.
            if connected && Pin::new(&mut connection).poll(cx).is_ready() {
                connected = false;
            }
            if let Poll::Ready(output) = reply.as_mut().poll(cx) {
                return Poll::Ready(output);
            }
            if received() == before && piece >= PIECES_BEFORE_BODY {
                break;
            }
        }
        Poll::Pending
    })
    .await
}

/// A request as it goes over the wire: a few lines and an empty one. Nothing in
/// it can break a line, since in a parsed URL control characters are escaped.
fn request_text(target: &Target) -> String {
    format!(
        "GET {} HTTP/1.1\r\nhost: {}\r\nuser-agent: {USER_AGENT}\r\naccept: */*\r\n\
         connection: close\r\n\r\n",
        target.path(),
        target.host_header(),
    )
}

/// The same request for hyper, which must know what a reply is the answer to.
fn request(target: &Target) -> Result<Request<Empty<Bytes>>, Failure> {
    Request::get(target.path())
        .header(header::CONNECTION, "close")
        .body(Empty::new())
        .map_err(|error| Failure::new(Kind::Protocol, format!("this URL cannot be sent: {error}")))
}

/// How long to wait before a retry. Spread out by the number of the request: those
/// who failed together must not come back together.
fn pause(index: usize, retries: u32) -> Duration {
    let doubled = PAUSE_FIRST
        .saturating_mul(2_u32.saturating_pow(retries))
        .min(PAUSE_MAX);
    doubled.mul_f64(1.0 + (index % 64) as f64 / 64.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_differ_between_neighbours() {
        assert_eq!(pause(0, 0), PAUSE_FIRST);
        assert_eq!(pause(0, 1), 2 * PAUSE_FIRST);
        assert_eq!(pause(0, u32::MAX), PAUSE_MAX);
        assert!(pause(1, 0) > pause(0, 0));
        assert!(pause(63, 40) < 2 * PAUSE_MAX);
    }

    #[test]
    fn a_request_names_its_host_and_is_one_request_whatever_the_url() {
        let url = Arc::new("http://example.com:81/a?b".parse().unwrap());
        let text = request_text(&Target::Url(url));
        assert!(
            text.starts_with("GET /a?b HTTP/1.1\r\nhost: example.com:81\r\n"),
            "{text}"
        );
        assert!(text.ends_with("\r\n\r\n"));

        let sly = "http://host/a\r\nGET /b HTTP/1.1\r\n\r\n?\n#\r"
            .parse()
            .unwrap();
        let text = request_text(&Target::Url(Arc::new(sly)));
        assert_eq!(text.matches("GET ").count(), 1, "{text}");
        assert_eq!(text.matches("\r\n\r\n").count(), 1, "{text}");
    }
}
