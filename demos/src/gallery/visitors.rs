//! The load generator: a thousand visitors in a separate process, which runs the hidden command
//! `visitors` of this program. The visitors' resources are therefore not counted as the server's.
//!
//! Each visitor holds one connection and sends requests at fixed times. A latency is counted from the moment
//! at which the request was *due*. If a reply is late, the visitor can only send its next request late. A
//! latency that is counted from the sending would hide this delay, which the server caused. A few further
//! visitors, called admirers, open albums. An album is a handful of thumbnails that are requested at the
//! same time.
//!
//! The output is JSON: one line per tick (250 ms), and one line at the end.

use std::{
    cell::RefCell,
    io::{self, Write as _},
    net::SocketAddr,
    pin::pin,
    rc::Rc,
};

use brigade::{
    SingleThread,
    net::TcpStream,
    time::{interval, sleep_until, timeout},
};
use bytes::Bytes;
use futures_util::{
    future::{Either, select},
    stream::{self, StreamExt as _},
};
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request, StatusCode,
    client::conn::http1::{SendRequest, handshake},
    header,
};

use super::{
    events::TICK,
    images,
    load::{Load, Said},
    site,
    tally::Tally,
};
use crate::helper::{Hidden, wait_for_end_of_stdin};
use crate::prelude::*;

/// The number of thumbnails in an album. They are requested at the same time, each by an admirer with its
/// own connection.
pub(crate) const ALBUM: usize = 8;

/// The maximum number of connections that are being opened at the same time.
const OPENING: usize = 64;

/// How long a reply may take before it counts as an error. Arbitrary: a minute is enough even for a slow
/// machine that resizes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The time from the opening of the last connection to the first request.
const PAUSE: Duration = Duration::from_millis(100);

/// The arguments of the hidden command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The instructions for the visitors, in JSON
    #[arg(long, value_parser = Load::parse)]
    load: Load,
    #[command(flatten)]
    hidden: Hidden,
}

/// The data that all visitors share.
struct Crowd {
    load: Load,
    /// The moment at which the first request is due.
    opening: Instant,
    tally: RefCell<Tally>,
}

/// Runs the visitors in the child process: holds the connections, sends requests, and reports the
/// results.
pub(crate) fn visit(args: Args) -> anyhow::Result<()> {
    args.hidden.begin()?;
    let load = args.load;
    let executor = SingleThread::builder().build()?;
    executor.block_on(async {
        let connections = open_all(load.address, load.args.connections + ALBUM).await?;
        let crowd = Rc::new(Crowd {
            load,
            opening: Instant::now() + PAUSE,
            tally: RefCell::default(),
        });
        let visits = pin!(crowd.clone().visits(connections));
        let end = brigade::spawn_blocking(wait_for_end_of_stdin);
        // The results are reported even if the parent ended the visit.
        let over = select(visits, end);
        if let Either::Left((result, _)) = select(pin!(crowd.report()), over).await {
            result?;
        }
        say(&crowd.tally.borrow().last_words())
    })
}

async fn open_all(address: SocketAddr, count: usize) -> anyhow::Result<Vec<Connection>> {
    let opening = stream::iter(0..count).map(|_| Connection::open(address));
    let opened: Vec<_> = opening.buffered(OPENING).collect().await;
    opened.into_iter().collect()
}

impl Crowd {
    /// Makes all visits, each in a separate task.
    async fn visits(self: Rc<Self>, mut connections: Vec<Connection>) {
        let admirers = connections.split_off(self.load.args.connections);
        let visitors = (0..).zip(connections);
        let visitors = visitors.map(|(n, it)| brigade::spawn_local(self.clone().visitor(n, it)));
        let admirers = (0..).zip(admirers);
        let admirers = admirers.map(|(n, it)| brigade::spawn_local(self.clone().admirer(n, it)));
        join_all(visitors.chain(admirers)).await;
    }

    /// Runs one visitor, which sends each request when it is due, until the visit ends.
    async fn visitor(self: Rc<Self>, number: u64, mut connection: Connection) {
        let _held = self.tally.borrow().held.up();
        let gap = self.load.args.gap();
        // Spread the first requests of all visitors evenly over the time between two requests of a visitor.
        let share = number as f64 / self.load.args.connections as f64;
        let mut due = self.opening + gap.mul_f64(share);
        while self.is_open(due) {
            sleep_until(due).await;
            let path = format!("/visitor/{number}");
            self.tally.borrow_mut().asked(number, due);
            let answer = connection.get(&path).await;
            let mut tally = self.tally.borrow_mut();
            tally.heard(number);
            match answer {
                Ok(body) if body == site::welcome(number) => tally.answered(due.elapsed()),
                Ok(body) => return tally.failed(format!("{path}: {body:?}")),
                Err(error) => return tally.failed(format!("{path}: {error:#}")),
            }
            due += gap;
        }
    }

    /// Runs one admirer, which requests one thumbnail from each album.
    async fn admirer(self: Rc<Self>, place: u64, mut connection: Connection) {
        let _held = self.tally.borrow().held.up();
        let (args, gap) = (&self.load.args, self.load.args.album_gap());
        for album in 0.. {
            let number = album * ALBUM as u64 + place;
            // A visit without an end has no last thumbnail.
            if number >= args.images && !args.serve {
                return;
            }
            sleep_until(self.opening + gap * album as u32).await;
            let path = format!("/picture/{number}");
            let answer = connection.get(&path).await;
            let mut tally = self.tally.borrow_mut();
            let expected = self.load.checksums[number as usize % self.load.checksums.len()];
            match answer {
                Ok(body) if images::checksum(&body) == expected => tally.pleased(),
                Ok(_) => return tally.failed(format!("{path}: a wrong thumbnail")),
                Err(error) => return tally.failed(format!("{path}: {error:#}")),
            }
        }
    }

    /// Returns whether a request that is due at `moment` belongs to this visit.
    fn is_open(&self, moment: Instant) -> bool {
        let duration = self.load.args.duration();
        duration.is_none_or(|duration| moment < self.opening + duration)
    }

    /// Reports the figures at each tick. Returns an error if the parent no longer reads them.
    async fn report(&self) -> anyhow::Result<()> {
        let mut ticks = interval(TICK);
        loop {
            ticks.tick().await;
            say(&self.tally.borrow_mut().tick())?;
        }
    }
}

/// A keep-alive connection.
struct Connection {
    host: String,
    sender: SendRequest<Empty<Bytes>>,
}

impl Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(stream).await?;
        // Nothing needs the result of this task, because the sender reports the end of the connection too.
        drop(brigade::spawn_local(connection));
        let host = address.to_string();
        Ok(Self { host, sender })
    }

    /// Requests `path` and waits for the whole reply.
    async fn get(&mut self, path: &str) -> anyhow::Result<Bytes> {
        let exchange = async {
            self.sender.ready().await?;
            let request = Request::get(path).header(header::HOST, &self.host);
            let request = request.body(Empty::new())?;
            let reply = self.sender.send_request(request).await?;
            ensure!(reply.status() == StatusCode::OK, "{}", reply.status());
            anyhow::Ok(reply.into_body().collect().await?.to_bytes())
        };
        let reply = timeout(PATIENCE, exchange).await;
        reply.context("no reply in time")?
    }
}

/// Prints one line for the parent.
fn say(line: &Said) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(line)?)?;
    Ok(out.flush()?)
}
