//! One request, from its first poll to its outcome. `fetch` starts thousands of tasks that run this code.
//!
//! ```text
//! look up ──▶ dial ──▶ agree on keys ──▶ send ──▶ wait ──▶ receive ──▶ done
//!    │          │           │              │       │          │
//!    └──────────┴───────────┴──── failed ◀─┴───────┴──────────┘
//!                                 │    ▲
//!                       temporary ▼    │ permanent, or no retries left
//!                                pause ┘──▶ from the beginning
//! ```
//!
//! A request to the embedded origin has its own connection, and needs little memory while it waits
//! ([`lean`]). A request to a user's URL goes through hyper-util's client ([`page`]), which keeps
//! connections open. Several requests can share an HTTP/2 connection.
//!
//! [`lean`]: super::lean
//! [`page`]: super::page

use std::{future::Future, path::PathBuf};

use brigade::{
    hyper::{Executor, Timer},
    time::{sleep, timeout},
};
use bytes::Bytes;
use futures_util::future::Either;
use http_body_util::Full;
use hyper_util::client::legacy;

use super::{
    Plan,
    connector::Connector,
    dial::{Dialer, no_descriptor, patiently},
    failure::{Failure, Kind},
    origin::Origin,
    output::{PartFile, cannot},
    queue::Turn,
};

use crate::prelude::*;

/// The maximum total size of the headers from a user's server, and the maximum size of one piece of a
/// body. Most servers send under 2 KiB of headers, and refuse more than 8 to 16 KiB themselves.
const BUFFER_MAX: usize = 32 << 10;

/// The pause before the first retry. It doubles with each retry.
const PAUSE_FIRST: Duration = Duration::from_millis(50);

/// The pause stops doubling at this limit. Arbitrary: a server that restarts is usually back by then.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How long an idle connection is kept for another request. Arbitrary: long enough for several round trips,
/// but so short that idle connections do not use up all descriptors, even with a long list of servers.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// The result of one request.
///
/// Each attempt fills in the fields step by step, so that a failed or timed-out request has an outcome too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) index: usize,
    /// The last step that was begun.
    pub(super) stage: &'static str,
    pub(crate) status: Option<u16>,
    /// The number of decoded bytes of the body.
    pub(crate) bytes: u64,
    /// The time from the first poll to the end, including pauses and retries.
    pub(crate) time: Duration,
    pub(crate) retries: u32,
    /// The URLs to which the request was redirected, in order.
    pub(crate) redirects: Vec<String>,
    pub(crate) version: Option<&'static str>,
    /// The encoding in which the server compressed the body.
    pub(crate) encoding: Option<String>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) error: Option<Failure>,
}

impl Outcome {
    /// Returns whether the request was skipped because its file already existed.
    pub(crate) fn is_skipped(&self) -> bool {
        self.file.is_some() && self.status.is_none()
    }
}

/// The data that all requests share.
pub(crate) struct Client {
    pub(super) plan: Arc<Plan>,
    pub(super) dialer: Arc<Dialer>,
    /// The embedded origin, if there are no pages to fetch.
    pub(super) origin: Option<Origin>,
    /// The client for pages, and the connector that it uses.
    pub(super) pooled: Option<(Connector, Pooled)>,
}

/// hyper-util's client, which keeps connections for the next request.
type Pooled = legacy::Client<Connector, Full<Bytes>>;

/// The stage of a request while its connection is made. The connector knows the exact step.
pub(super) const CONNECTING: &str = "connecting";

/// The stage of a request that was sent.
pub(super) const WAITING: &str = "waiting for the reply";

/// The stage of a request whose reply has begun.
pub(super) const RECEIVING: &str = "receiving the reply";

impl Client {
    pub(super) fn new(plan: &Arc<Plan>, origin: Option<Origin>) -> Self {
        let dialer = Arc::<Dialer>::default();
        let pooled = plan.tls.clone().map(|tls| {
            let connector = Connector::new(dialer.clone(), tls, plan.proxies.clone());
            let client = legacy::Client::builder(Executor)
                .pool_timer(Timer)
                .timer(Timer)
                .pool_idle_timeout(IDLE_MAX)
                .http1_max_buf_size(BUFFER_MAX)
                .http2_adaptive_window(true)
                .build(connector.clone());
            (connector, client)
        });
        Self {
            plan: plan.clone(),
            dialer,
            origin,
            pooled,
        }
    }

    /// Makes the request, and repeats it until it is answered or has finally failed.
    pub(crate) async fn fetch(self: Arc<Self>, turn: Turn) -> Outcome {
        let begun = Instant::now();
        let mut retries = 0;
        loop {
            let mut outcome = Outcome {
                index: turn.index,
                retries,
                ..Outcome::default()
            };
            let attempt = timeout(self.plan.args.timeout, self.attempt(turn, &mut outcome)).await;
            match attempt.unwrap_or_else(|_| Err(self.too_late(turn, &outcome))) {
                Ok(file) => outcome.file = file,
                Err(failure)
                    if failure.kind.may_pass()
                        && retries < self.plan.retries
                        // Once a part of the body is printed, a retry would print it again.
                        && !(self.plan.output.is_stdout() && outcome.bytes > 0) =>
                {
                    sleep(pause(turn.index, retries)).await;
                    retries += 1;
                    continue;
                }
                Err(failure) => outcome.error = Some(failure),
            }
            outcome.time = begun.elapsed();
            return outcome;
        }
    }

    fn too_late(&self, turn: Turn, outcome: &Outcome) -> Failure {
        let seconds = self.plan.args.timeout.as_secs_f64();
        let stage = match (outcome.stage, &self.pooled, self.plan.page(turn.index)) {
            (CONNECTING, Some((connector, _)), Some(page)) => {
                connector.stage(page.url.host_str().unwrap_or_default())
            }
            (stage, ..) => stage,
        };
        let details = format!("{seconds} s passed while {stage}");
        Failure {
            unaccepted: stage == CONNECTING,
            ..Failure::new(Kind::Timeout, details)
        }
    }

    fn attempt<'a>(
        &'a self,
        turn: Turn,
        outcome: &'a mut Outcome,
    ) -> impl Future<Output = Result<Option<PathBuf>, Failure>> + 'a {
        outcome.stage = CONNECTING;
        match self.plan.page(turn.index) {
            // This future is boxed, so that a task that waits for the origin does not reserve memory for it.
            Some(page) => Either::Left(Box::pin(self.fetch_page(turn, page, outcome))),
            None => Either::Right(self.fetch_reply(turn.index, outcome)),
        }
    }
}

/// Opens the file of a body. If too many files are open, waits until others are closed.
pub(super) async fn open(file: PathBuf, keeps: bool) -> Result<PartFile, Failure> {
    let attempt = || std::future::ready(PartFile::open(file.clone(), keeps));
    let opened = patiently(no_descriptor, attempt).await;
    opened.map_err(|error| cannot("create", &file, &error))
}

/// Returns how long to wait before a retry. The pause, which doubles with each retry, is multiplied by a factor
/// from 1 to 2. This factor depends on `index`, so that requests that failed together do not retry together.
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
}
