//! A future that wakes itself to ask again.
//!
//! A guest waits for a meal. Whenever its future is polled, it checks the counter. If the meal is not
//! there, it asks for another poll immediately. It never misses the meal, but it never lets a core rest.
//!
//! **Corrected**: the guest leaves its waker at the counter. The cook who puts the meal there wakes the
//! guest. The counter is a [`Mailbox`], as in the pitfall `waker`.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::Poll,
};

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
    remedy: "it is woken when there is something to see",
    why: "A future that wakes itself is polled again immediately, whether or not anything has happened, \
          and keeps a core busy. The corrected one leaves its waker where the meal will be put.",
    counts: "meals",
    cooks_min: 1,
    broken: |place| Box::pin(broken(place)),
    mended: |place| Box::pin(mended(place)),
    is_named_by: Kind::BusyPolling,
};

/// The meal takes a step divided by this number, because busy polling fills a record quickly.
const PART: u32 = 4;

async fn broken(place: Place) -> anyhow::Result<Done> {
    let counter = Arc::<AtomicBool>::default();
    let guest = begin("guest", ask_again_and_again(counter.clone()));
    let cook = begin("cook", async move {
        sleep(place.step / PART).await;
        counter.store(true, Relaxed);
    });
    guest.await;
    cook.await;
    Ok(Done { done: 1, of: 1 })
}

/// Becomes ready when the meal is there, and polls all the time until then.
async fn ask_again_and_again(meal: Arc<AtomicBool>) {
    poll_fn(|cx| {
        if meal.load(Relaxed) {
            return Poll::Ready(());
        }
        // The fault: it wakes itself although nothing has happened.
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

async fn mended(place: Place) -> anyhow::Result<Done> {
    let counter = Arc::<Mailbox>::default();
    // The guest leaves its waker at the counter, and sleeps until the meal is there.
    let guest = begin("guest", letter(counter.clone(), true));
    let cook = begin("cook", async move {
        sleep(place.step / PART).await;
        counter.post("a meal");
    });
    guest.await;
    cook.await;
    Ok(Done { done: 1, of: 1 })
}
