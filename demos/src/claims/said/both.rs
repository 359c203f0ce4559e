//! 12. "One program can use both." On one thread requests wait together, while what
//!     there is to compute is spread over the cores.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use brigade::{net::TcpStream, spawn_blocking, timeline::LaneKind};
use futures_util::{
    AsyncReadExt as _,
    future::{join, try_join_all},
};

use super::{Claim, Fact, Judgement, Lab, Sizes};
use crate::{
    claims::{
        judgement::{Answer, BEYOND, Band, GAIN},
        lab::polls_at_once,
    },
    cooks,
    fetch::origin::{Origin, Request},
    measure::measure,
    units,
    work::{Pile, begin},
};

/// Requests that wait, and for how long each, as a share of what there is to compute.
const REQUESTS: u64 = 200;
const WAITING: f64 = 0.5;

/// How much waiting must fit into the time it takes.
const OVERLAP: Band = Band { no: 2.0, yes: 20.0 };

#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    cores: usize,
    requests: usize,
    /// The waiting of all requests, added up.
    waited: Duration,
    /// How long it took until all were answered, beside the computing.
    answered: Duration,
    /// Jobs that computed at one instant, on threads beside the one that waited.
    computed_at_once: usize,
    /// Waiting alone, on one thread; computing alone, on one; and both together.
    waiting: Duration,
    computing: Duration,
    both: Duration,
}

impl Claim for Figures {
    const SAID: &'static str =
        "One program can use both: overlap I/O on one thread, spread computation over cores.";

    fn command(_: &Sizes) -> String {
        "brigade claims --only 12".to_owned()
    }

    fn measure(lab: &Lab) -> anyhow::Result<Self> {
        let origin = Origin::start()?;
        let cores = cooks::cores();
        let work = lab.sizes.both;
        let piles = vec![Pile::of(work / cores as u32); cores];
        let request = Request::After(work.mul_f64(WAITING).as_millis() as u64);
        let ask = || wait_for_all(&origin, request);
        let waiting = measure(&cooks::one()?, ask())?.transpose()?;
        let computing = measure(&cooks::one()?, compute_one_by_one(&piles))?.transpose()?;
        let both = async {
            let begun = Instant::now();
            let asked = async { anyhow::Ok((ask().await?, begun.elapsed())) };
            let (asked, right) = join(asked, compute_spread(&piles)).await;
            anyhow::Ok((asked?, right?))
        };
        let both = measure(&cooks::one()?, both)?.transpose()?;
        lab.note(&waiting);
        lab.note(&computing);
        lab.note(&both);
        let right = computing.output && both.output.1;
        anyhow::ensure!(right, "something was chopped wrongly");

        Ok(Self {
            cores,
            requests: REQUESTS as usize,
            waited: both.output.0.0,
            answered: both.output.0.1,
            computed_at_once: polls_at_once(&both.timeline, |kind| kind == LaneKind::Blocking),
            waiting: waiting.figures.wall,
            computing: computing.figures.wall,
            both: both.figures.wall,
        })
    }

    fn judge(&self) -> Judgement {
        let said = format!(
            "{} waited for together took {} and computing on one core {}; together, with up to {} \
             computing at once, they took {}",
            units::counted(self.requests, "request"),
            units::duration(self.waiting),
            units::duration(self.computing),
            units::counted(self.computed_at_once, "thread"),
            units::duration(self.both),
        );
        if self.cores < 2 {
            return Judgement::undecided(format!(
                "{said}: there is one core only to spread anything over."
            ));
        }
        // Computing alone is what is left if nothing but the waiting overlaps.
        let times = self.computing.div_duration_f64(self.both);
        let spread = match GAIN.ask(times) {
            // Threads that computed at once and gained nothing by it had no cores to themselves.
            Answer::No if self.computed_at_once > 1 => Answer::Unclear,
            Answer::Yes if times > self.cores as f64 * BEYOND => Answer::Unclear,
            answer => answer,
        };
        let overlap = OVERLAP.ask(self.waited.div_duration_f64(self.answered));
        match (spread, overlap) {
            (Answer::Yes, Answer::Yes) => Judgement::holds(format!("{said}.")),
            (Answer::No, _) => Judgement::does_not_hold(format!("{said}: nothing was spread.")),
            (_, Answer::No) => Judgement::does_not_hold(format!(
                "{said}: of {} of waiting hardly any overlapped.",
                units::duration(self.waited)
            )),
            _ => Judgement::undecided(format!("{said}: the cores were not free enough to tell.")),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        vec![
            Fact::count("cores", "cores", self.cores),
            Fact::count("requests", "requests", self.requests),
            Fact::time("waited_s", "waiting added up", self.waited),
            Fact::time("answered_s", "answered after", self.answered),
            Fact::count(
                "computed_at_once",
                "computing at once",
                self.computed_at_once,
            ),
            Fact::time("waiting_s", "waiting alone", self.waiting),
            Fact::time("computing_s", "computing alone", self.computing),
            Fact::time("both_s", "both", self.both),
        ]
    }

    #[cfg(test)]
    fn samples() -> super::Samples<Self> {
        use crate::claims::Verdict;
        let second = Duration::from_secs(1);
        let usual = Self {
            cores: 2,
            requests: 200,
            waited: 200 * second,
            answered: second,
            computed_at_once: 2,
            waiting: second,
            computing: 2 * second,
            both: second,
        };
        let both = |both| Self { both, ..usual };
        let in_turn = Self {
            computed_at_once: 1,
            ..both(3 * second)
        };
        super::Samples {
            usual: (usual, Verdict::Holds),
            turned: vec![
                (in_turn, Verdict::DoesNotHold),
                (
                    Self {
                        waited: second,
                        ..usual
                    },
                    Verdict::DoesNotHold,
                ),
            ],
            nothing: vec![
                both(second * 3 / 2),
                // Other programs had the cores in this run, or in the one before.
                both(3 * second),
                both(second / 4),
                Self {
                    cores: 1,
                    both: 2 * second,
                    ..usual
                },
            ],
        }
    }
}

/// Sends all requests and waits for all answers; how long they took, added up.
async fn wait_for_all(origin: &Origin, request: Request) -> anyhow::Result<Duration> {
    let asked = |number| begin("request", ask(origin.address(number), request));
    let waited = try_join_all((0..REQUESTS).map(asked)).await?;
    Ok(waited.into_iter().sum())
}

async fn ask(server: SocketAddr, request: Request) -> io::Result<Duration> {
    let begun = Instant::now();
    let stream = TcpStream::connect(server).await?;
    stream.write_all(request.message().as_bytes()).await?;
    let mut answer = Vec::new();
    (&stream).read_to_end(&mut answer).await?;
    match request.is_answered_by(&answer) {
        true => Ok(begun.elapsed()),
        false => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Chops one pile after the other on one thread; whether all was right.
async fn compute_one_by_one(piles: &[Pile]) -> anyhow::Result<bool> {
    let mut right = true;
    for &pile in piles {
        right &= spawn_blocking(move || pile.chop_at_once().right).await?;
    }
    Ok(right)
}

/// Chops each pile on a thread of its own.
async fn compute_spread(piles: &[Pile]) -> anyhow::Result<bool> {
    let jobs = piles
        .iter()
        .map(|&pile| spawn_blocking(move || pile.chop_at_once().right));
    let right = try_join_all(jobs).await?;
    Ok(right.into_iter().all(|right| right))
}
