//! All work in one task.
//!
//! Several piles are to be chopped. Their futures are joined, so they take turns. But joined futures are
//! parts of one task, and a task runs on one worker at a time. The other workers have nothing to do, and
//! only one core is busy.
//!
//! **Corrected**: each pile is a separate task, which any worker may run.

use brigade_timeline::Kind;

use super::{Pitfall, Place};

use crate::prelude::*;

pub(super) const PITFALL: Pitfall = Pitfall {
    name: "one-task",
    fault: "all work in one task",
    remedy: "each part spawned as a task",
    why: "Several piles are to be chopped, but only one cook is busy: joined futures take turns inside \
          their task, and a task runs on one cook at a time. The corrected program spawns each pile as a \
          task, which any cook can take.",
    counts: "piles",
    // With one cook, both programs would keep that cook busy all the time, so the fault would not show.
    cooks_min: 2,
    program: |place, is_mended| {
        Box::pin(async move {
            let piles = match is_mended {
                true => spawned(place).await,
                false => begin("all piles", joined(place)).await,
            };
            let right = piles.iter().filter(|pile| pile.right);
            Ok((right.count(), piles.len()))
        })
    },
    is_named_by: Kind::OneBusyWorker,
};

/// The number of steps that a pile takes. Chopping that ends quickly proves nothing.
const STEPS: u32 = 2;

fn piles(place: Place) -> impl Iterator<Item = Pile> {
    // There are two piles for each cook, so that a cook that starts late finds work too.
    (0..2 * place.cooks).map(move |_| Pile::of(place.step * STEPS))
}

async fn joined(place: Place) -> Vec<Chopped> {
    // The fault: these futures are not tasks.
    join_all(piles(place).map(Pile::chop)).await
}

async fn spawned(place: Place) -> Vec<Chopped> {
    let spawn = |(n, pile): (usize, Pile)| begin(&format!("pile {}", n + 1), pile.chop());
    join_all(piles(place).enumerate().map(spawn)).await
}
