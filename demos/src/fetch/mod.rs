//! `brigade fetch`: fetch from thousands of sockets at once, on one thread.
//!
//! This demo shows that waiting needs no thread. Each request is a task. A waiting task takes only a little
//! memory, and an entry in the operating system's list of watched sockets. One thread can therefore have
//! thousands of waiting tasks. Only one task runs at any instant. Yet the run takes about as long as its
//! slowest reply, not as long as all replies added up. That is concurrency without parallelism, measured.
//!
//! | file | contents |
//! |---|---|
//! | `args`, `ask`, `jobs`, `queue` | the requests: their checks (before any socket opens), and their order |
//! | `client` | one request from its first poll to its outcome: read this one first |
//! | `lean`, `page` | the exchange with the built-in server (the *origin*), and with the user's servers |
//! | `dial`, `connector`, `proxy` | how connections are made |
//! | `body`, `output` | the destination of the bytes |
//! | `failure` | the kinds of failure |
//! | `origin` | the built-in server, to which requests go if no URL is given |
//! | `tally`, `summary`, `table` | the totals of all requests, and the summary at the end |

mod args;
mod ask;
mod body;
mod client;
mod connector;
mod dial;
mod failure;
mod jobs;
mod lean;
pub(crate) mod origin;
mod output;
mod page;
mod proxy;
mod queue;
mod summary;
mod table;
mod tally;

use std::{
    future::Future,
    sync::{OnceLock, atomic::Ordering::Relaxed},
};

use brigade::{
    task::{Builder, JoinError},
    time::{sleep_until, timeout_at},
};
use clap::Parser as _;
use futures_rustls::TlsConnector;
use futures_util::{
    FutureExt as _,
    stream::{FuturesUnordered, StreamExt as _},
};

pub(crate) use args::Args;
use ask::Ask;
use client::{Client, Outcome};
use failure::{Failure, Kind};
use jobs::Page;
use origin::Origin;
use output::Output;
use proxy::Proxies;
use queue::{Pace, Queue, Turn};
use summary::Record;
use tally::Tally;

use crate::prelude::*;
use crate::{progress::Progress, system::Status};

/// The default number of requests to the embedded origin.
const REQUESTS: usize = 2000;

/// The default limit of requests in flight to one host. Browsers have the same limit. Even python's
/// http.server, whose backlog is five connections, can serve that many.
const PER_HOST: usize = 6;

/// The default number of retries against the embedded origin. Every request should get its reply, even if
/// the machine is too busy at first.
const ORIGIN_RETRIES: u32 = 3;

/// The interval at which the bar is redrawn and Ctrl-C is checked.
const TICK: Duration = Duration::from_millis(100);

/// The interval between lines of progress, if there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// The template of the progress bar. The message is cut at the edge of the terminal, so a line never wraps.
const TEMPLATE: &str = "{bar:14}  {wide_msg}";

/// A run of `fetch` whose arguments have been checked. All its requests share this plan.
pub(crate) struct Plan {
    args: Args,
    /// The pages that the user asked for. If there are none, all requests go to the embedded origin.
    pages: Vec<Page>,
    count: usize,
    concurrency: usize,
    per_host: usize,
    retries: u32,
    ask: Ask,
    /// The TLS settings and the proxies for pages.
    tls: Option<TlsConnector>,
    proxies: Arc<Proxies>,
    output: Output,
    quiet: bool,
    json: bool,
    /// The memory and threads of the process before the first run.
    baseline: OnceLock<Status>,
}

impl Plan {
    /// Checks the arguments. If one of them makes no sense, returns an error before anything is fetched.
    pub(crate) fn new(args: Args, shared: &Shared) -> anyhow::Result<Arc<Self>> {
        let pages = jobs::read(&args.urls, args.file.as_deref())?;
        let own = pages.is_empty();
        let asks = args.method.is_some() || !args.headers.is_empty() || !args.data.is_empty();
        let none = "-X, -H and -d need a URL of yours, and none is given";
        ensure!(!(own && asks), BadArguments::error(none));
        let natural = if own { REQUESTS } else { pages.len() };
        let count = args.count.unwrap_or(natural);
        let tls = match (own, &args.ca) {
            (true, None) => None,
            (_, ca) => Some(connector::tls(ca.as_deref())?),
        };
        let proxies = match own || args.no_proxy {
            true => Proxies::default(),
            false => Proxies::from_environment()?,
        };
        let output = Output::prepare(args.output.as_deref(), &pages, count)?;
        let both = "-o -: the body and the JSON object cannot both go to stdout";
        ensure!(
            !(output.is_stdout() && shared.json),
            BadArguments::error(both)
        );
        let (retries, per_host) = match own {
            true => (ORIGIN_RETRIES, usize::MAX),
            false => (0, PER_HOST),
        };
        let wanted = args.concurrency.unwrap_or(count).min(count);
        let possible = (system::raise_open_files() / (1 + output.files_each())).max(1);
        Ok(Arc::new(Self {
            concurrency: match own {
                true => system::as_files_allow(wanted, possible, "requests at a time"),
                false => wanted.min(possible),
            },
            per_host: args.per_host.unwrap_or(per_host),
            retries: args.retries.unwrap_or(retries),
            ask: Ask::new(&args)?,
            pages,
            count,
            tls,
            proxies: Arc::new(proxies),
            baseline: OnceLock::new(),
            output,
            quiet: shared.quiet,
            json: shared.json,
            args,
        }))
    }

    /// Plans `count` requests to the embedded origin, without showing any progress.
    pub(crate) fn to_origin(count: usize) -> anyhow::Result<Arc<Self>> {
        let args = Args::parse_from(["fetch", "--count", &count.to_string()]);
        let shared = Shared {
            quiet: true,
            ..Shared::default()
        };
        Self::new(args, &shared)
    }

    /// Returns the page to which request number `index` goes. The pages are repeated in order.
    fn page(&self, index: usize) -> Option<&Page> {
        self.pages.get(index % self.pages.len().max(1))
    }
}

impl Dish for Arc<Plan> {
    fn is_recorded(&self) -> bool {
        false
    }

    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let interrupt = Interrupt::listen()?;
        let origin = self.pages.is_empty().then(Origin::start).transpose()?;
        let before = *self.baseline.get_or_init(Status::now);
        Status::reset_peak();
        let quiet = self.quiet || self.output.is_stdout();
        let mut run = Run {
            client: Arc::new(Client::new(self, origin)),
            queue: Queue::new(&self.pages, self.count, self.per_host),
            pace: self.args.rate.map(|rate| Pace::new(rate, Instant::now())),
            interrupt,
            progress: Progress::new(quiet, TEMPLATE, self.count),
            begun: Instant::now(),
            next_look: Instant::now(),
            written: Instant::now(),
            in_flight_max: 0,
            tally: Tally::default(),
            outcomes: Vec::new(),
            threads: None,
        };
        let stopwatch = Stopwatch::start(executor);
        executor.block_on(run.fetch_all());
        let mut figures = stopwatch.stop(executor);
        // Count only the requests, not the tasks that move the bytes of the pool's connections.
        figures.in_flight_max = run.in_flight_max;
        figures.at_once_max = figures.at_once_max.min(run.in_flight_max);
        run.look_around(0);
        run.progress.bar.finish_and_clear();
        let dialer = &run.client.dialer;
        let record = Record {
            plan: self.clone(),
            figures,
            tally: run.tally,
            outcomes: run.outcomes,
            open_max: dialer.open.most(),
            opened: dialer.opened.load(Relaxed),
            threads: run.threads,
            before,
            after: Status::now(),
        };
        Ok(record.report())
    }
}

/// A run in progress. It lives in the main future, so that the tasks of the executor are only the
/// requests and their connections.
struct Run {
    client: Arc<Client>,
    queue: Queue,
    pace: Option<Pace>,
    interrupt: Interrupt,
    progress: Progress,
    begun: Instant,
    /// When `look_around` is called next.
    next_look: Instant,
    /// When the last line of progress was written, if progress is shown in lines.
    written: Instant,
    in_flight_max: usize,
    /// The largest number of threads that was seen.
    threads: Option<usize>,
    tally: Tally,
    outcomes: Vec<Outcome>,
}

impl Run {
    /// Starts a task for each request, within the limits. Returns when all requests have ended or Ctrl-C
    /// was pressed.
    async fn fetch_all(&mut self) {
        let mut running = FuturesUnordered::new();
        while !self.interrupt.asked() {
            // The time at which the next request may begin, if `--rate` delays it.
            let mut due = None;
            while running.len() < self.client.plan.concurrency && self.queue.is_ready() {
                let pace = self.pace.as_mut();
                due = pace.and_then(|pace| pace.delay(Instant::now()));
                if due.is_some() {
                    break;
                }
                if let Some(turn) = self.queue.next() {
                    let outcome = start(&self.client, turn);
                    running.push(outcome.map(move |outcome| (outcome, turn.host)));
                }
            }
            let in_flight = running.len();
            self.in_flight_max = self.in_flight_max.max(in_flight);
            if in_flight == 0 && due.is_none() {
                break;
            }
            let until = due.map_or(self.next_look, |due| due.min(self.next_look));
            match timeout_at(until, running.next()).await {
                Ok(Some((outcome, host))) => {
                    self.queue.ended(host);
                    self.ended(outcome);
                }
                // No request is in flight, and `--rate` delays the next one.
                Ok(None) => sleep_until(until).await,
                Err(_) => {}
            }
            if Instant::now() >= self.next_look {
                self.look_around(in_flight);
            }
        }
    }

    fn ended(&mut self, outcome: Outcome) {
        self.tally.add(&outcome);
        if !self.client.plan.pages.is_empty() || outcome.error.is_some() {
            self.outcomes.push(outcome);
        }
    }

    /// Shows the progress and counts the threads.
    fn look_around(&mut self, in_flight: usize) {
        self.next_look = Instant::now() + TICK;
        self.threads = self.threads.max(Status::now().threads);
        let (done, failed) = (self.tally.done, self.tally.failed());
        let received = self.client.dialer.received.load(Relaxed) as f64;
        let message = format!(
            "{} of {} done, {} failed, {} in flight, {}/s",
            units::count(done),
            units::count(self.client.plan.count),
            units::count(failed),
            units::count(in_flight),
            units::bytes((received / self.begun.elapsed().as_secs_f64().max(1e-3)) as u64),
        );
        if self.progress.lines && self.written.elapsed() >= LINE_EVERY {
            self.written = Instant::now();
            eprintln!("{message}");
        }
        let bar = &self.progress.bar;
        bar.set_position((done + failed) as u64);
        // This call redraws the bar, so it comes last.
        bar.set_message(message);
    }
}

/// Starts one request as a separate task, and returns a future of its outcome.
///
/// A task that panics counts as one failed request and does not affect other requests.
fn start(client: &Arc<Client>, turn: Turn) -> impl Future<Output = Outcome> + use<> {
    let index = turn.index;
    // This runs inside `block_on`, so the task is spawned on its executor. `--timeline` shows the name.
    let task = Builder::new()
        .name(&format!("request {index}"))
        .spawn(client.clone().fetch(turn));
    async move {
        task.await.unwrap_or_else(|error: JoinError| {
            let error = Some(Failure::new(Kind::Panic, error.to_string()));
            Outcome {
                index,
                error,
                ..Outcome::default()
            }
        })
    }
}
