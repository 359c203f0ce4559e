//! `brigade gallery`: a web server that holds a thousand connections while photographs are resized.
//!
//! This demo shows that a task that waits costs next to nothing, and that a task that computes delays all
//! other tasks of its cook (worker thread). A thousand visitors each hold a connection to a real HTTP server
//! (hyper on brigade) and ask for a few bytes once a second. Meanwhile the server shrinks photographs to
//! thumbnails. Decoding and resizing one photograph takes some tens of milliseconds. The visit is made three
//! times, and only the place of the resizing differs: in the handler of the request, in a separate task, or
//! on a thread that runs no tasks. The latency of the few bytes shows the difference.
//!
//! | file | contents |
//! |---|---|
//! | `place` | where a thumbnail is made, the one decision of this demo: read this file first |
//! | `images` | the pictures, and the computation |
//! | `server`, `stall` | connections, their limits, and the orderly shutdown |
//! | `site`, `events`, `page/` | the replies, and the live page |
//! | `load`, `visitors`, `tally` | the visitors: how their process is started, and the code that it runs |
//! | `args`, `figures` | the options, and the report at the end |

mod args;
mod events;
mod figures;
mod images;
mod load;
mod place;
mod server;
mod site;
mod stall;
mod tally;
pub(crate) mod visitors;

use std::{cell::OnceCell, net::SocketAddr, pin::pin};

use futures_util::future::{Either, select, try_join_all};
use parking_lot::Mutex;

pub(crate) use self::args::Args;
use self::{
    figures::{Outcome, Showing},
    images::Album,
    load::{Load, Visit},
    place::{Place, Resizer},
    server::Server,
    site::Site,
};

use crate::prelude::*;

/// A run of `gallery` whose arguments have been checked.
pub(crate) struct Gallery {
    args: Args,
    quiet: bool,
    /// The pictures, which are painted once and used for all runs.
    album: OnceCell<Album>,
}

impl Gallery {
    pub(crate) fn new(args: Args, shared: &Shared) -> anyhow::Result<Self> {
        let many = "--serve: give --cooks only one number";
        ensure!(
            shared.cooks.len() < 2 || !args.serve,
            BadArguments::error(many)
        );
        Ok(Self {
            args: args.checked()?,
            quiet: shared.quiet,
            album: OnceCell::new(),
        })
    }

    /// Returns the pictures. Painting them takes a while, so the threads of the blocking pool do it.
    fn album(&self, executor: &Crew) -> anyhow::Result<Album> {
        if let Some(album) = self.album.get() {
            return Ok(album.clone());
        }
        let width = self.args.width;
        self.say(&format!("painting photographs {width} pixels wide"));
        let album: Album = executor.block_on(async {
            let paint = |number| brigade::spawn_blocking(move || images::picture(number, width));
            let painted = try_join_all((0..images::PICTURES).map(paint)).await?;
            painted.into_iter().collect::<anyhow::Result<_>>()
        })?;
        Ok(self.album.get_or_init(|| album).clone())
    }

    /// Makes one visit, which Ctrl-C may cut short.
    async fn show(
        &self,
        place: Place,
        album: &Album,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Showing> {
        let site = Arc::new(Site {
            album: album.clone(),
            resizer: Resizer::new(place),
            args: self.args.clone(),
            requests: Arc::default(),
            finished: Mutex::default(),
            news: Mutex::default(),
        });
        let begun = Instant::now();
        let server = Server::start(self.args.listener().await?, site.clone())?;
        self.announce(place, server.address);
        let visit = self.visit(server.address, &site, interrupt).await;
        let connections = server.stop().await;
        Ok(Showing {
            place,
            used: site.resizer.used(),
            visit: visit?,
            lived: *connections.lived.lock(),
            server: Facts(vec![
                count("finished", "", site.finished.lock().count() as usize),
                count("resizing_max", "", site.resizer.at_work.most()),
                count("connections_max", "", connections.open.most()),
                count("refused_max", "", connections.refused.most()),
                time("wall_s", "", begun.elapsed()),
            ]),
        })
    }

    /// Starts the visitors, and waits until they have finished or Ctrl-C comes.
    async fn visit(
        &self,
        address: SocketAddr,
        site: &Arc<Site>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Visit> {
        if self.args.connections == 0 {
            interrupt.rung().await;
            return Ok(Visit::default());
        }
        let load = Load {
            address,
            checksums: site.album.iter().map(|picture| picture.checksum).collect(),
            args: self.args.clone(),
        };
        let (mut visitors, says) = load.start()?;
        let heard = site.clone();
        let listening = brigade::spawn_blocking(move || {
            load::listen(says, |tick| {
                let mut news = heard.news.lock();
                *news = (news.0 + 1, tick);
            })
        });
        match select(listening, pin!(interrupt.rung())).await {
            Either::Left((visit, _)) => visit?,
            Either::Right((_, listening)) => {
                visitors.dismiss();
                listening.await?
            }
        }
    }

    fn announce(&self, place: Place, address: SocketAddr) {
        if self.args.serve {
            // Printed even with `--quiet`, because the user needs the address.
            eprintln!("gallery: open http://{address}/ in a browser; press Ctrl-C to end");
        } else {
            let seconds = counted(self.args.seconds as usize, "second");
            self.say(&format!("resizing in the {} for {seconds}", place.name()));
        }
    }

    fn say(&self, what: &str) {
        if !self.quiet {
            eprintln!("gallery: {what}");
        }
    }
}

impl Dish for Gallery {
    // A drawing of a thousand connections would explain less than the figures do.
    fn is_recorded(&self) -> bool {
        false
    }

    /// Makes the visits, one place after the other.
    fn cook(&self, executor: &Crew) -> anyhow::Result<Report> {
        let interrupt = Interrupt::listen()?;
        let album = self.album(executor)?;
        let stopwatch = Stopwatch::start(executor);
        let mut showings = Vec::new();
        for place in self.args.places() {
            if interrupt.asked() {
                break;
            }
            showings.push(executor.block_on(self.show(place, &album, &interrupt))?);
        }
        let outcome = Outcome {
            showings,
            figures: stopwatch.stop(executor),
            args: self.args.clone(),
            interrupted: interrupt.asked() && !self.args.serve,
        };
        Ok(outcome.report())
    }
}
