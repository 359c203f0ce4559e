//! A lock that is held across an await.
//!
//! Guests pay. Each asks the bank, which takes a step, and adds the sum to the till.
//! Who locks the till first and asks the bank then keeps all others out while it
//! waits: the guests wait one after the other, although nobody computes.
//!
//! **Mended**: ask the bank first, and lock the till for the addition.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::ensure;
use async_lock::Mutex;
use brigade::net::TcpStream;
use brigade_timeline::Kind;
use futures_util::AsyncReadExt as _;

use super::{Done, Pitfall, Place};
use crate::{fetch::origin::Request, work::begin};

pub(super) const PITFALL: Pitfall = Pitfall {
    name: "lock",
    fault: "a lock that is held across an await",
    remedy: "it is held for the addition only",
    counts: "guests",
    broken: |place| Box::pin(program(place, true)),
    mended: |place| Box::pin(program(place, false)),
    is_named_by: Kind::InLine,
};

const GUESTS: usize = 5;

async fn program(place: Place, across_await: bool) -> anyhow::Result<Done> {
    let till = Arc::new(Mutex::new(0));
    let pay = |n| {
        let till = till.clone();
        begin(&format!("guest {n}"), async move {
            match across_await {
                true => lock_and_ask(&till, place).await,
                false => ask_and_lock(&till, place).await,
            }
        })
    };
    let guests: Vec<_> = (1..=GUESTS).map(pay).collect();
    for guest in guests {
        guest.await?;
    }
    Ok(Done {
        done: *till.lock().await,
        of: GUESTS,
    })
}

async fn lock_and_ask(till: &Mutex<usize>, place: Place) -> anyhow::Result<()> {
    let mut till = till.lock().await;
    // The fault: the bank takes its time, and the till stays locked.
    ask_the_bank(place.server, place.step).await?;
    *till += 1;
    Ok(())
}

async fn ask_and_lock(till: &Mutex<usize>, place: Place) -> anyhow::Result<()> {
    ask_the_bank(place.server, place.step).await?;
    *till.lock().await += 1;
    Ok(())
}

async fn ask_the_bank(server: SocketAddr, takes: Duration) -> anyhow::Result<()> {
    let request = Request::After(takes.as_millis() as u64);
    let stream = TcpStream::connect(server).await?;
    stream.write_all(request.message().as_bytes()).await?;
    let mut answer = Vec::new();
    (&stream).read_to_end(&mut answer).await?;
    ensure!(request.is_answered_by(&answer), "the bank is out of order");
    Ok(())
}
