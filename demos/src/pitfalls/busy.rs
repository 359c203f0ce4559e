//! A future that wakes itself to ask again.
//!
//! A guest waits for a meal. Whenever its future is polled it looks at the counter;
//! the meal is not there, so it asks for another poll at once. It never misses the
//! meal, and it never lets a core rest.
//!
//! **Mended**: the guest leaves its waker at the counter, and who puts the meal there
//! wakes it.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use brigade::time::sleep;
use brigade_timeline::Kind;
use parking_lot::Mutex;

use super::{Done, Pitfall, Place};
use crate::work::begin;

pub(super) const PITFALL: Pitfall = Pitfall {
    name: "busy",
    fault: "a future that wakes itself to ask again",
    remedy: "it is woken when there is something to see",
    why: "A future that wakes itself is polled again at once, whether or not anything has happened, and \
          keeps a core busy. The mended one leaves its waker where the meal will be put.",
    counts: "meals",
    cooks_min: 1,
    broken: |place| Box::pin(broken(place)),
    mended: |place| Box::pin(mended(place)),
    is_named_by: Kind::BusyPolling,
};

/// A meal takes this part of a step: asking fills a record quickly.
const PART: u32 = 4;

async fn broken(place: Place) -> anyhow::Result<Done> {
    let counter = Arc::<AtomicBool>::default();
    let guest = begin("guest", Asking(counter.clone()));
    let cook = begin("cook", async move {
        sleep(place.step / PART).await;
        counter.store(true, Relaxed);
    });
    guest.await;
    cook.await;
    Ok(Done { done: 1, of: 1 })
}

/// Ready once the meal is there, and restless until then.
struct Asking(Arc<AtomicBool>);

impl Future for Asking {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.load(Relaxed) {
            return Poll::Ready(());
        }
        // The fault: nothing has happened, and nothing will before the next poll.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

async fn mended(place: Place) -> anyhow::Result<Done> {
    let counter = Arc::<Counter>::default();
    let guest = begin("guest", Waiting(counter.clone()));
    let cook = begin("cook", async move {
        sleep(place.step / PART).await;
        counter.serve();
    });
    guest.await;
    cook.await;
    Ok(Done { done: 1, of: 1 })
}

/// Where the meal is put, and where a guest leaves its waker.
#[derive(Default)]
struct Counter(Mutex<(bool, Option<Waker>)>);

impl Counter {
    fn serve(&self) {
        let mut counter = self.0.lock();
        counter.0 = true;
        let waker = counter.1.take();
        // Wake without the lock: whoever is woken may want it at once.
        drop(counter);
        waker.iter().for_each(Waker::wake_by_ref);
    }
}

/// Ready once the meal is there, and asleep until then.
struct Waiting(Arc<Counter>);

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut counter = self.0.0.lock();
        if counter.0 {
            return Poll::Ready(());
        }
        counter.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}
