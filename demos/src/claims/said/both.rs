//! The claim about a program that waits and computes: requests wait together on one thread, while the
//! computation is spread over the cores.

use brigade::{spawn_blocking, timeline::LaneKind};
use futures_util::future::{join, try_join_all};

use super::*;
use crate::fetch::origin::{Origin, Request};

/// The number of requests that wait.
const REQUESTS: usize = 200;
/// How long each request waits, as a fraction of the computing time.
const WAITING: f64 = 0.5;

/// The sum of all waits, divided by the time until the last wait ended. If this ratio is at least `yes`, the
/// waits overlapped. If it is at most `no`, they did not.
const OVERLAP: Band = Band { no: 2.0, yes: 20.0 };

/// Measures three runs: only waiting, on one thread; only computing, on one thread; and both together.
pub(super) const BOTH: Claim = Claim {
    id: 12,
    said: "One program can use both: overlap I/O on one thread, spread computation over cores.",
    command: |_| "brigade claims --only 12".to_owned(),
    measure: |lab| {
        let origin = Origin::start()?;
        let cores = cooks::cores();
        let work = lab.sizes.both;
        let piles = vec![Pile::of(work / cores as u32); cores];
        let request = Request::After(work.mul_f64(WAITING).as_millis() as u64);
        let ask = || wait_for_all(&origin, request);
        let waiting = measure(&cooks::hire(1)?, ask())?.transpose()?;
        let computing = measure(&cooks::hire(1)?, compute_one_by_one(&piles))?.transpose()?;
        let both = async {
            let begun = Instant::now();
            let asked = async { anyhow::Ok((ask().await?, begun.elapsed())) };
            let (asked, right) = join(asked, compute_spread(&piles)).await;
            anyhow::Ok((asked?, right?))
        };
        let both = measure(&cooks::hire(1)?, both)?.transpose()?;
        lab.note(&waiting);
        lab.note(&computing);
        lab.note(&both);
        let ((waited, answered), right) = both.output;
        ensure!(computing.output && right, "something was chopped wrongly");
        // Count only the threads of the pool, which compute. The waiting has its own thread.
        let at_once = polls_at_once(&both.timeline, |kind| kind == LaneKind::Blocking);
        Ok(Facts(vec![
            count("cores", "cores", cores),
            count("requests", "requests", REQUESTS),
            time("waited_s", "waiting added up", waited),
            time("answered_s", "answered after", answered),
            count("computed_at_once", "computing at once", at_once),
            time("waiting_s", "waiting alone", waiting.figures.wall),
            time("computing_s", "computing alone", computing.figures.wall),
            time("both_s", "both", both.figures.wall),
        ]))
    },
    judge: |facts| {
        let said = "Waiting for {requests:request} together took {waiting_s}, and computing on one core \
                    took {computing_s}; both together, with up to {computed_at_once:thread} computing at \
                    the same instant, took {both_s}";
        // Computing alone was measured on one core. If the computation were not spread over several cores,
        // waiting and computing together would take at least as long.
        let times = facts.ratio("computing_s", "both_s");
        let spread = GAIN.ask_up_to(facts["cores"].value, times);
        // If threads computed at the same time but gained nothing, they did not each have a core, so the
        // missing gain proves nothing.
        let spread = spread.unclear_if(facts.count("computed_at_once") > 1, Answer::No);
        let overlapped = OVERLAP.ask(facts.ratio("waited_s", "answered_s"));
        let (verdict, rest) = match (spread, overlapped) {
            _ if facts.count("cores") < 2 => (
                Undecided,
                ": there is only one core to spread the work over.",
            ),
            (Answer::Yes, Answer::Yes) => (Holds, "."),
            (Answer::No, _) => (DoesNotHold, ": the computation was not spread."),
            (_, Answer::No) => (
                DoesNotHold,
                ": hardly any of the {waited_s} of waiting overlapped.",
            ),
            _ => (Undecided, ": the cores were too busy to decide this."),
        };
        verdict.because(facts, [said, rest])
    },
};

/// Sends all requests and waits for all answers. Returns the sum of the times that the requests took.
async fn wait_for_all(origin: &Origin, request: Request) -> anyhow::Result<Duration> {
    let ask = |server| async move {
        let begun = Instant::now();
        request.ask(server).await.map(|()| begun.elapsed())
    };
    let asked = |number| begin("request", ask(origin.address(number)));
    let waited = try_join_all((0..REQUESTS as u64).map(asked)).await?;
    Ok(waited.into_iter().sum())
}

/// Chops one pile after the other on one thread. Returns whether every result was right.
async fn compute_one_by_one(piles: &[Pile]) -> anyhow::Result<bool> {
    let mut right = true;
    for &pile in piles {
        right &= spawn_blocking(move || pile.chop_at_once().right).await?;
    }
    Ok(right)
}

/// Chops each pile on a separate thread. Returns whether every result was right.
async fn compute_spread(piles: &[Pile]) -> anyhow::Result<bool> {
    let jobs = piles
        .iter()
        .map(|&pile| spawn_blocking(move || pile.chop_at_once().right));
    let right = try_join_all(jobs).await?;
    Ok(right.into_iter().all(|right| right))
}
