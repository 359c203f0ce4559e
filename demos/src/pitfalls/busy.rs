//! A future that wakes itself to ask again.
//!
//! A guest waits for a meal. Each poll of the guest's future checks the counter. If the meal is not there,
//! the future wakes itself, so it is polled again immediately. The guest never misses the meal, but keeps a
//! core busy.
//!
//! **Corrected**: the guest leaves its waker at the counter. The cook who puts the meal there wakes the
//! guest. The counter is a [`Mailbox`], as in the pitfall `waker`.

use std::{future::poll_fn, sync::Arc, task::Poll};

use brigade::time::sleep;
use brigade_timeline::Kind;

use super::{
    Done, Pitfall, Place,
    waker::{Mailbox, letter},
};
use crate::work::begin;

pub(super) const PITFALL: Pitfall = Pitfall {
    name: "busy",
    fault: "a future that wakes itself to ask again",
    remedy: "a future that is woken when the meal is there",
    why: "A guest waits for a meal. The guest's future wakes itself, so it is polled again immediately, \
          whether or not anything has happened, and its thread never sleeps. The corrected future leaves \
          its waker where the meal will be put.",
    counts: "meals",
    cooks_min: 1,
    program: |place, is_mended| Box::pin(program(place, is_mended)),
    is_named_by: Kind::BusyPolling,
};

/// The meal takes one step divided by this number. It takes no longer, because busy polling quickly fills
/// the record of a run.
const PART: u32 = 4;

async fn program(place: Place, is_mended: bool) -> anyhow::Result<Done> {
    let counter = Arc::<Mailbox>::default();
    let meal = counter.clone();
    let guest = begin("guest", async move {
        match is_mended {
            // The guest leaves its waker at the counter, and sleeps until the meal is there.
            true => letter(&meal, true).await,
            false => ask_again_and_again(&meal).await,
        }
    });
    let cook = begin("cook", async move {
        sleep(place.step / PART).await;
        counter.post("a meal");
    });
    guest.await;
    cook.await;
    Ok((1, 1))
}

/// Becomes ready when the meal is there, and is polled all the time until then.
async fn ask_again_and_again(counter: &Mailbox) -> &'static str {
    poll_fn(|cx| {
        if let Some(meal) = counter.take() {
            return Poll::Ready(meal);
        }
        // The fault: the future wakes itself although nothing has happened.
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}
