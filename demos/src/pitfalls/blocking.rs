//! A call that blocks its thread, in a task.
//!
//! A bell rings several times per step. Meanwhile a report is fetched through a blocking socket of the
//! standard library. Until the reply comes, the thread is blocked, and its other tasks wait too, including
//! the bell.
//!
//! **Corrected**: the same call runs on a thread of the blocking pool.

use std::net::SocketAddr;

use brigade::{spawn_blocking, time::interval};
use brigade_timeline::Kind;
use futures_util::future::try_join_all;

use super::{Done, Pitfall, Place};
use crate::fetch::origin::Request;
use crate::prelude::*;

pub(super) const PITFALL: Pitfall = Pitfall {
    name: "blocking",
    fault: "a call that blocks its thread, in a task",
    remedy: "the same call on the blocking pool",
    why: "A report is fetched with a call that blocks its thread until the reply comes, and no task on \
          that thread runs meanwhile. A bell should ring 20 times in that time. The corrected program makes \
          the call as a job of the blocking pool, which has threads for such calls. A blocked thread \
          sleeps; it is drawn as busy, because no other task can use it.",
    counts: "on time",
    cooks_min: 1,
    program: |place, is_mended| Box::pin(program(place, is_mended)),
    is_named_by: Kind::Blocking,
};

/// The number of steps that the server takes for a reply.
const STEPS: u32 = 4;
/// The number of rings of the bell in the time of these steps.
const RINGS: u32 = 20;

async fn program(place: Place, is_mended: bool) -> anyhow::Result<Done> {
    let takes = place.step * STEPS;
    let bell = begin("bell", ring(takes));
    // There is one fetch for each cook, because a free cook would ring the bell and the fault would not show.
    let fetch = |n| {
        begin(&format!("report {n}"), async move {
            match is_mended {
                true => spawn_blocking(move || fetch(place.server, takes)).await?,
                // The fault: the call keeps this thread until the reply is there.
                false => fetch(place.server, takes),
            }
        })
    };
    try_join_all((1..=place.cooks).map(fetch)).await?;
    Ok(bell.await)
}

/// Calls the server and blocks until the reply comes, like a library that is not asynchronous.
fn fetch(server: SocketAddr, takes: Duration) -> anyhow::Result<()> {
    let request = Request::After(takes.as_millis() as u64);
    request.block(server).context("the server is out of order")
}

/// Rings the bell. A ring is on time if it comes before the next one is due.
async fn ring(lasts: Duration) -> Done {
    let mut ticks = interval(lasts / RINGS);
    let first = ticks.tick().await;
    let (mut due, mut on_time) = (first, 0);
    while due < first + lasts / RINGS * RINGS {
        on_time += usize::from(due.elapsed() < ticks.period());
        due = ticks.tick().await;
    }
    (on_time, RINGS as usize)
}
