//! A lock that is held across an await.
//!
//! Guests pay. Each guest asks the bank and adds the sum to the till. The bank answers after one step
//! (`--step`). A guest that locks the till first and then asks the bank keeps all others out while it waits.
//! So the guests wait one after the other, although no cook is busy.
//!
//! **Corrected**: ask the bank first, and lock the till only for the addition.

use std::sync::Arc;

use async_lock::Mutex;
use brigade_timeline::Kind;
use futures_util::future::try_join_all;

use super::{Done, Pitfall, Place, ask};
use crate::work::begin;

pub(super) const PITFALL: Pitfall = Pitfall {
    name: "lock",
    fault: "a lock that is held across an await",
    remedy: "a lock that is held only for the addition",
    why: "Five guests pay. The first locks the till while it asks the bank, so the other four wait, and all \
          ask the bank one after the other. The corrected guests ask first and lock the till only for the \
          addition.",
    counts: "guests",
    cooks_min: 1,
    program: |place, is_mended| Box::pin(program(place, is_mended)),
    is_named_by: Kind::InLine,
};

const GUESTS: usize = 5;

async fn program(place: Place, is_mended: bool) -> anyhow::Result<Done> {
    let till = Arc::new(Mutex::new(0));
    let pay = |n| {
        let till = till.clone();
        begin(&format!("guest {n}"), async move {
            match is_mended {
                true => ask_and_lock(&till, place).await,
                false => lock_and_ask(&till, place).await,
            }
        })
    };
    try_join_all((1..=GUESTS).map(pay)).await?;
    let paid = *till.lock().await;
    Ok((paid, GUESTS))
}

async fn lock_and_ask(till: &Mutex<usize>, place: Place) -> anyhow::Result<()> {
    let mut till = till.lock().await;
    // The fault: the bank takes a while, and the till stays locked.
    ask(place.server, place.step).await?;
    *till += 1;
    Ok(())
}

async fn ask_and_lock(till: &Mutex<usize>, place: Place) -> anyhow::Result<()> {
    ask(place.server, place.step).await?;
    *till.lock().await += 1;
    Ok(())
}
