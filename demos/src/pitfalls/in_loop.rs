//! An `await` inside a loop.
//!
//! A guest orders several dishes from a kitchen elsewhere, and no dish depends on another. The loop
//! awaits each order before it begins the next, so the waits add up.
//!
//! **Corrected**: begin all orders, then await them together. One task on one thread suffices.

use brigade_timeline::Kind;
use futures_util::future::try_join_all;

use super::{Done, Pitfall, Place, ask};
use crate::work::begin;

pub(super) const PITFALL: Pitfall = Pitfall {
    name: "loop",
    fault: "awaits in a loop",
    remedy: "all orders begun, then awaited together",
    why: "A guest orders six dishes elsewhere, and no order needs the result of another. But the \
          loop awaits each answer before it sends the next order. The corrected guest sends all \
          orders first and then awaits the answers.",
    counts: "dishes",
    cooks_min: 1,
    program: |place, is_mended| {
        Box::pin(async move {
            match is_mended {
                true => begin("guest", together(place)).await,
                false => begin("guest", one_by_one(place)).await,
            }
        })
    },
    is_named_by: Kind::AwaitsInLoop,
};

const DISHES: usize = 6;

async fn one_by_one(place: Place) -> anyhow::Result<Done> {
    let mut done = 0;
    for _ in 0..DISHES {
        // The fault: the next order is not sent until this one is answered.
        ask(place.server, place.step).await?;
        done += 1;
    }
    Ok((done, DISHES))
}

async fn together(place: Place) -> anyhow::Result<Done> {
    let orders = (0..DISHES).map(|_| ask(place.server, place.step));
    let served = try_join_all(orders).await?;
    Ok((served.len(), DISHES))
}
