//! A future that does not keep its waker.
//!
//! A guest waits for a letter. When the guest first checks, there is none, so its future returns `Pending`,
//! but does not leave its waker with the mailbox. When the letter comes, there is no waker to call. The
//! guest would wait forever, but a watchdog ends the wait: a timeout on the handle of the guest's task.
//!
//! **Corrected**: one more line stores the waker in the mailbox.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Poll, Waker},
};

use brigade::time::{sleep, timeout};
use brigade_timeline::Kind;
use parking_lot::Mutex;

use super::{Done, Pitfall, Place};
use crate::work::begin;

pub(super) const PITFALL: Pitfall = Pitfall {
    name: "waker",
    fault: "a future that does not keep its waker",
    remedy: "a future that keeps the waker of its last poll",
    why: "A guest waits for a letter. A future that returns Pending must arrange to be woken, but this one \
          keeps no waker, so nothing polls it again after the letter has come; a timeout ends the wait. \
          The corrected future stores the waker.",
    counts: "letters",
    cooks_min: 1,
    program: |place, is_mended| Box::pin(program(place, is_mended)),
    is_named_by: Kind::Stranded,
};

/// The number of steps after which the watchdog gives up.
const PATIENCE: u32 = 4;

async fn program(place: Place, is_mended: bool) -> anyhow::Result<Done> {
    let mailbox = Arc::<Mailbox>::default();
    let guests = mailbox.clone();
    let guest = begin("guest", async move { letter(&guests, is_mended).await });
    let postman = begin("postman", async move {
        sleep(place.step).await;
        mailbox.post("good news");
    });
    // With the fault, only the timeout wakes this future, and the guest's future is not polled again.
    let letter = timeout(place.step * PATIENCE, guest).await;
    postman.await;
    Ok((usize::from(letter.is_ok()), 1))
}

/// A letter, and the waker of the guest that waits for it.
#[derive(Default)]
pub(super) struct Mailbox(Mutex<(Option<&'static str>, Option<Waker>)>);

impl Mailbox {
    pub(super) fn post(&self, letter: &'static str) {
        let mut open = self.0.lock();
        open.0 = Some(letter);
        let waker = open.1.take();
        // Wake after unlocking, because the woken guest may need the lock immediately.
        drop(open);
        waker.iter().for_each(Waker::wake_by_ref);
    }

    pub(super) fn take(&self) -> Option<&'static str> {
        self.0.lock().0.take()
    }
}

/// Returns the letter when it has come.
pub(super) async fn letter(mailbox: &Mailbox, keeps_waker: bool) -> &'static str {
    poll_fn(|cx| {
        let mut open = mailbox.0.lock();
        if let Some(letter) = open.0.take() {
            return Poll::Ready(letter);
        }
        // A future that returns `Pending` must make sure that it is woken. The fault: this step is left out.
        if keeps_waker {
            open.1 = Some(cx.waker().clone());
        }
        Poll::Pending
    })
    .await
}
