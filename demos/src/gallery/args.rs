//! The command line of `brigade gallery`.

use std::net::SocketAddr;

use brigade::net::TcpListener;

use super::{place::Place, visitors::ALBUM};

use crate::prelude::*;

/// The maximum number of requests per second of all visitors together.
const RATE_MAX: f64 = 1000.0;

/// The time between two requests of a visitor. It is longer if the visitors would otherwise exceed
/// `RATE_MAX`.
const GAP: Duration = Duration::from_secs(1);

/// The time between two albums if the visit has no end.
const ALBUMS: Duration = Duration::from_secs(1);

/// How long the server waits for a slow client by default. It waits longer if a visitor's requests are far
/// apart.
const SLOW: Duration = Duration::from_secs(10);

/// The number of connections beyond `--connections`: for visitors that open albums, and for browsers.
const SPARE: usize = 100;

/// The address on which `--serve` listens.
const ADDRESS: &str = "127.0.0.1:8080";

/// A web server that holds 1,000 connections and resizes photographs meanwhile
///
/// Visitors in a separate process hold their connections open and ask for a few bytes once a second. Other
/// visitors open albums, whose thumbnails are made on demand. The same visit is made three times. The
/// photographs are resized in the handlers of the requests, then in separate tasks, then on threads that run
/// no tasks (the pool). The demo compares how long the few bytes take.
///
/// # Notes
///
/// With --serve, the server runs until Ctrl-C. Open its page in a browser: the page shows the figures live,
/// and lets you choose where photographs are resized.
///
/// A latency is counted from the moment at which the request was due, even if it was sent later because the
/// previous reply was late.
///
/// --cooks here: the number of threads that run the server's tasks. With --cooks 1,2, the demo
/// makes all visits with one thread, then with two, and compares the runs.
///
/// --json adds these keys:
///
/// - `requests`, `errors`, `images`: the numbers of requests, errors and thumbnails in all visits together
///
/// - `connections`: the number of visitors
///
/// - `interrupted`: true if Ctrl-C ended the run early
///
/// - `p99_ratio`: the p99 latency of the visit with resizing in the handler, divided by that of the visit
///   with the pool
///
/// - `handler`, `task`, `pool`: an object for each place (`mixed` for a visit during which the
///   place was switched), with the latencies `p50_s`, `p99_s` and `worst_s`, `resizing_max` (photographs at
///   one instant), `connections_held`, `connections_max`, `refused_max` and `wall_s`
///
/// Exit status: 0 all replies came and were right, 1 some were missing or wrong, 2 bad arguments, 130 ended
/// by Ctrl-C.
#[derive(Clone, Debug, clap::Args, serde::Serialize, serde::Deserialize)]
pub(crate) struct Args {
    /// Number of visitors, each with one connection; with --serve, 0 means that only your browser visits
    #[arg(short, long, value_name = "N", default_value = "1000", value_parser = whole::<usize>(0..=100_000))]
    pub(crate) connections: usize,
    /// Duration of each visit in seconds
    #[arg(short, long, value_name = "S", default_value = "4", value_parser = whole::<u32>(1..=3600))]
    pub(crate) seconds: u32,
    /// Number of photographs to resize in each visit
    #[arg(short, long, value_name = "N", default_value = "40", value_parser = whole::<u64>(1..=1_000_000))]
    pub(crate) images: u64,
    /// Width of the photographs in pixels; they are two thirds as high
    #[arg(long, value_name = "PIXELS", default_value = "3000", value_parser = whole::<u32>(60..=9000))]
    pub(crate) width: u32,
    /// Where photographs are resized: handler, task, pool; a list makes one visit for each [default: all
    /// three; pool with --serve]
    #[arg(
        short,
        long,
        value_name = "WHERE",
        value_delimiter = ',',
        hide_possible_values = true
    )]
    pub(crate) place: Vec<Place>,

    /// Serve until Ctrl-C, for a browser
    #[arg(long)]
    pub(crate) serve: bool,
    /// Address to listen on [default: any free port of this machine; 127.0.0.1:8080 with --serve]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,

    /// Maximum number of connections; further clients get status 503 [default: --connections plus 100]
    #[arg(long, value_name = "N", help_heading = "Limits", value_parser = whole::<usize>(1..=1_000_000))]
    pub(crate) max_connections: Option<usize>,
    /// Largest size of a request's first line and headers
    #[arg(long, value_name = "BYTES", help_heading = "Limits", default_value = "8192", value_parser = whole::<usize>(256..=65_536))]
    pub(crate) max_head: usize,
    /// Largest size of a picture that a client sends
    #[arg(long, value_name = "BYTES", help_heading = "Limits", default_value = "16000000", value_parser = whole::<usize>(0..=4_000_000_000))]
    pub(crate) max_body: usize,
    /// Seconds until an inactive client is disconnected [default: 10, or more if a visitor's requests are far
    /// apart]
    ///
    /// The limit applies to each of three waits: (1) for a whole request head, counted from the end of the
    /// previous reply, so the time in which the client was idle counts too; (2) for a whole body, counted
    /// from the end of its head; (3) for the client to take the next piece of a reply.
    #[arg(long, value_name = "S", help_heading = "Limits", value_parser = whole::<u32>(1..=3600))]
    pub(crate) max_wait: Option<u32>,
}

impl Args {
    /// Refuses arguments that make no sense, and limits the visitors to the number of files that can be
    /// open.
    pub(crate) fn checked(mut self) -> anyhow::Result<Self> {
        let none =
            "--connections 0: without visitors there is nothing to measure (but see --serve)";
        ensure!(
            self.connections > 0 || self.serve,
            BadArguments::error(none)
        );
        let many = "--serve: give only one --place; the page can choose another later";
        ensure!(
            self.place.len() < 2 || !self.serve,
            BadArguments::error(many)
        );
        let possible = system::raise_open_files().saturating_sub(SPARE).max(1);
        self.connections = system::as_files_allow(self.connections, possible, "connections");
        Ok(self)
    }

    /// Returns the places to compare. With `--serve`, returns only the place to begin with.
    pub(crate) fn places(&self) -> Vec<Place> {
        match &self.place[..] {
            [] if self.serve => vec![Place::Pool],
            [] => Place::ALL.to_vec(),
            some => some.to_vec(),
        }
    }

    /// Returns the duration of a visit; `None` means that it has no end.
    pub(crate) fn duration(&self) -> Option<Duration> {
        (!self.serve).then_some(Duration::from_secs(self.seconds.into()))
    }

    /// Returns the time between two requests of a visitor.
    pub(crate) fn gap(&self) -> Duration {
        GAP.max(Duration::from_secs_f64(self.connections as f64 / RATE_MAX))
    }

    /// Returns the time from one album to the next. The albums are spread evenly over the visit.
    pub(crate) fn album_gap(&self) -> Duration {
        let albums = self.images.div_ceil(ALBUM as u64);
        self.duration()
            .map_or(ALBUMS, |visit| visit / albums as u32)
    }

    /// Returns the maximum number of open connections.
    pub(crate) fn room(&self) -> usize {
        self.max_connections.unwrap_or(self.connections + SPARE)
    }

    /// Returns how long the server waits for a slow client.
    pub(crate) fn patience(&self) -> Duration {
        let wait = self.max_wait.map(|wait| Duration::from_secs(wait.into()));
        wait.unwrap_or(SLOW.max(3 * self.gap()))
    }

    pub(crate) async fn listener(&self) -> anyhow::Result<TcpListener> {
        let any = if self.serve { ADDRESS } else { "127.0.0.1:0" };
        let address = match self.listen {
            Some(address) => address,
            None => any.parse()?,
        };
        let listener = TcpListener::bind(address).await;
        listener.with_context(|| format!("cannot listen at {address}"))
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "must be an address and a port, such as 127.0.0.1:8080".to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    pub(crate) fn args() -> Args {
        Command::parse_from(["gallery"]).args
    }

    #[test]
    fn the_work_is_spread_over_the_visit() {
        assert_eq!(args().album_gap() * 5, Duration::from_secs(4));
        assert_eq!(args().gap(), GAP);
        let crowd = Args {
            connections: 20_000,
            ..args()
        };
        assert_eq!(crowd.gap(), Duration::from_secs(20));
        assert!(crowd.patience() > crowd.gap(), "no visitor counts as idle");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let nobody = Args {
            connections: 0,
            ..args()
        };
        assert!(nobody.clone().checked().unwrap_err().is::<BadArguments>());
        assert!(
            Args {
                serve: true,
                ..nobody
            }
            .checked()
            .is_ok()
        );
        let torn = Args {
            serve: true,
            place: Place::ALL.to_vec(),
            ..args()
        };
        assert!(torn.checked().unwrap_err().is::<BadArguments>());
    }
}
