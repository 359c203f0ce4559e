//! `brigade fetch`: fetch from thousands of sockets at once, on one thread.
//!
//! What it shows: waiting needs no thread. Each request is a task; a task that
//! waits for its reply is a little memory and an entry in the operating system's
//! list, so one thread holds thousands of them open. The run takes about as long
//! as its slowest reply, not as long as all replies together, although never
//! more than one task is worked on at any instant: concurrency without
//! parallelism, measured.
//!
//! | file | its part |
//! |---|---|
//! | `args`, `jobs` | what is asked for, checked before the first socket opens |
//! | `client` | one request from its first poll to its outcome: read this one first |
//! | `connect`, `output` | where its bytes come from and where they go |
//! | `failure` | what can go wrong, by kind |
//! | `origin` | the server, when no URL is given |
//! | `progress`, `tally`, `summary`, `table` | what is shown meanwhile, added up, and said at the end |

mod args;
mod client;
mod connect;
mod failure;
mod jobs;
pub(crate) mod origin;
mod output;
mod progress;
mod summary;
mod table;
mod tally;

use std::{cell::OnceCell, future::Future, pin::pin, sync::Arc};

use brigade::{
    Executor,
    task::{Builder, JoinError},
    time::interval,
};
use futures_rustls::TlsConnector;
use futures_util::{
    future::{Either, select},
    stream::{FuturesUnordered, StreamExt as _},
};
use url::Url;

pub(crate) use args::{ABOUT, Args, NOTES};
use client::{Client, Limits, Outcome};
use connect::{Connector, Gauge};
use failure::{Failure, Kind};
use jobs::{Job, Target};
use origin::{Origin, Reply};
use output::Directory;
use progress::{Progress, Standing};
use summary::Record;
use tally::Tally;

use crate::{
    cli::Shared,
    cooks::Dish,
    interrupt::Interrupt,
    paint::{self, Paint},
    report::{Report, Stopwatch},
    system::{self, Status},
    units,
};

/// Requests to the embedded origin when nobody says how many.
const REQUESTS: usize = 2000;

/// Retries against the embedded origin when nobody says how many: it is meant to
/// answer every request, even where the machine is too busy to let it at first.
const ORIGIN_RETRIES: u32 = 3;

/// A run of `fetch`, checked and ready to go.
pub(crate) struct Plan {
    /// None: the embedded origin is fetched from.
    urls: Vec<Arc<Url>>,
    count: usize,
    concurrency: usize,
    tls: Option<TlsConnector>,
    limits: Limits,
    directory: Option<Directory>,
    /// What the process needed before the first of all runs.
    baseline: OnceCell<Status>,
    quiet: bool,
    /// Whether progress may be drawn with escape sequences.
    escapes: bool,
    paint: Paint,
}

impl Plan {
    /// Checks all that was asked for. Nothing is fetched unless everything makes sense.
    pub(crate) fn new(args: Args, shared: &Shared) -> anyhow::Result<Self> {
        let urls = jobs::read(&args.urls, args.file.as_deref())?;
        let natural = if urls.is_empty() {
            REQUESTS
        } else {
            urls.len()
        };
        let count = args.count.unwrap_or(natural);
        let needs_tls = args.ca.is_some() || urls.iter().any(|url| url.scheme() == "https");
        let tls = if needs_tls {
            Some(connect::tls(args.ca.as_deref())?)
        } else {
            None
        };
        let directory = args
            .output
            .as_deref()
            .map(|path| Directory::prepare(path, count))
            .transpose()?;
        let limits = Limits {
            timeout: args.timeout,
            retries: args
                .retries
                .unwrap_or(if urls.is_empty() { ORIGIN_RETRIES } else { 0 }),
            max_body: args.max_body,
        };
        let files_each = 1 + usize::from(directory.is_some());
        Ok(Self {
            concurrency: concurrency(args.concurrency.unwrap_or(count).min(count), files_each),
            urls,
            count,
            tls,
            limits,
            directory,
            baseline: OnceCell::new(),
            quiet: shared.quiet,
            escapes: paint::takes_escapes(shared.no_color),
            paint: Paint::for_stdout(shared.no_color),
        })
    }

    /// The requests in order; the URLs, or the origin's addresses, round and round.
    ///
    /// The origin lives as long as the list of requests to it.
    fn jobs(&self, origin: Option<Origin>) -> impl Iterator<Item = Job> + use<> {
        let urls = self.urls.clone();
        (0..self.count).map(move |index| {
            let target = match &origin {
                Some(origin) => {
                    Target::Origin(origin.address(index as u64), Reply::to(index as u64))
                }
                None => Target::Url(urls[index % urls.len()].clone()),
            };
            Job { index, target }
        })
    }
}

impl Dish for Plan {
    const RECORDED: bool = false;

    fn cook<E: Executor>(&self, executor: &E) -> anyhow::Result<Report> {
        let interrupt = Interrupt::listen()?;
        let origin = if self.urls.is_empty() {
            Some(Origin::start()?)
        } else {
            None
        };
        let before = *self.baseline.get_or_init(Status::now);
        Status::forget_peak();
        let mut jobs = self.jobs(origin);
        let gauge = Arc::<Gauge>::default();
        let connector = Connector::new(self.tls.clone(), gauge.clone());
        let mut run = Run {
            client: Arc::new(Client::new(connector, self.limits, self.directory.clone())),
            concurrency: self.concurrency,
            asked: self.count,
            gauge,
            interrupt,
            progress: Progress::new(self.quiet, self.escapes, self.count),
            keep_all: !self.urls.is_empty(),
            tally: Tally::default(),
            outcomes: Vec::new(),
            threads: None,
        };
        let stopwatch = Stopwatch::start(executor);
        executor.block_on(run.fetch_all(&mut jobs));
        let figures = stopwatch.stop(executor);
        run.look_around(0);
        let record = Record {
            figures,
            asked: self.count,
            interrupted: run.tally.done + run.tally.failed() < self.count,
            tally: run.tally,
            urls: self.urls.clone(),
            outcomes: run.outcomes,
            open_max: run.gauge.open_max(),
            threads: run.threads,
            before,
            after: Status::now(),
        };
        run.progress.finish();
        Ok(record.report(self.paint))
    }
}

/// A run under way. It lives in the main future, so that the tasks of the
/// executor are the requests and nothing else.
struct Run {
    client: Arc<Client>,
    concurrency: usize,
    asked: usize,
    gauge: Arc<Gauge>,
    interrupt: Interrupt,
    progress: Progress,
    /// Whether outcomes without a failure are kept too.
    keep_all: bool,
    tally: Tally,
    outcomes: Vec<Outcome>,
    threads: Option<usize>,
}

impl Run {
    /// Starts a task for each job, as many at a time as allowed, until all have
    /// ended or Ctrl-C is pressed.
    async fn fetch_all(&mut self, jobs: &mut impl Iterator<Item = Job>) {
        let mut running = FuturesUnordered::new();
        let mut ticks = interval(progress::TICK);
        while !self.interrupt.asked() {
            while running.len() < self.concurrency
                && let Some(job) = jobs.next()
            {
                running.push(start(&self.client, job));
            }
            let in_flight = running.len();
            match select(running.next(), pin!(ticks.tick())).await {
                Either::Left((Some(outcome), _)) => self.ended(outcome),
                Either::Left((None, _)) => break,
                Either::Right(_) => self.look_around(in_flight),
            }
        }
    }

    fn ended(&mut self, outcome: Outcome) {
        self.tally.add(&outcome);
        if self.keep_all || outcome.error.is_some() {
            self.outcomes.push(outcome);
        }
    }

    /// Shows the progress and counts the threads.
    fn look_around(&mut self, in_flight: usize) {
        self.threads = self.threads.max(Status::now().threads);
        self.progress.show(Standing {
            all: self.asked,
            in_flight,
            done: self.tally.done,
            failed: self.tally.failed(),
            received: self.gauge.received(),
        });
    }
}

/// Starts one request as a task of its own; the future is its outcome.
///
/// A task that panics is one more request that failed, and spoils no other.
fn start(client: &Arc<Client>, job: Job) -> impl Future<Output = Outcome> + use<> {
    let index = job.index;
    // Inside `block_on`, so the task goes to this executor; named, for its drawing.
    let task = Builder::new()
        .name(&format!("request {index}"))
        .spawn(client.clone().fetch(job));
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

/// How many requests can be in flight, of those `wanted`, with `files_each` files
/// open for each. Says so when that is fewer.
fn concurrency(wanted: usize, files_each: usize) -> usize {
    let files = system::raise_open_files();
    let possible = (files / files_each).max(1);
    if possible < wanted {
        let (wanted, possible) = (units::count(wanted), units::count(possible));
        eprintln!(
            "brigade: the open-file limit leaves room for {possible} requests at a time instead of {wanted} (see ulimit -n)"
        );
    }
    wanted.min(possible)
}
