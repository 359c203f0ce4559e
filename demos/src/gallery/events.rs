//! The server-sent events that the live page receives four times a second.
//!
//! A stream of events is a reply whose body does not end. hyper asks for the next piece only when there
//! is space for it. A slow page therefore gets fewer pieces, and nothing accumulates here.

use std::{collections::VecDeque, convert::Infallible, pin::pin};

use async_channel::Receiver;
use brigade::{
    Handle,
    time::{Interval, interval},
};
use bytes::Bytes;
use futures_util::{
    future::{Either, select},
    stream,
};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{StatusCode, body::Frame};

use super::{
    place::Place,
    site::{self, Reply, Site},
};

use crate::prelude::*;

/// The interval between two events.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// The number of thumbnails that are kept for the page. The page requests each of them within a tick or two.
const KEPT: usize = 64;

/// The maximum number of thumbnails that one event names. The page would show further thumbnails only for
/// a moment.
const NAMED: u64 = 12;

/// The number of ticks in two seconds. The page shows the largest number of photographs that were being
/// resized at any of these ticks.
const SHOWN_FOR: usize = 8;

/// The latest thumbnails.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    /// The number of thumbnails made so far, which is also the number of the last one.
    count: u64,
    last: VecDeque<Bytes>,
}

impl Finished {
    pub(crate) fn add(&mut self, file: Bytes) {
        self.count += 1;
        self.last.push_back(file);
        if self.last.len() > KEPT {
            self.last.pop_front();
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Returns thumbnail number `number`, if it is still kept.
    pub(crate) fn get(&self, number: u64) -> Option<Bytes> {
        let back = usize::try_from(self.count.checked_sub(number)?).ok()?;
        self.last.iter().rev().nth(back).cloned()
    }
}

/// The state of one page that receives events.
struct Listener {
    site: Arc<Site>,
    /// Closed when the server shuts down.
    closing: Receiver<()>,
    ticks: Interval,
    begun: Instant,
    shown: u64,
    /// The number of photographs that were being resized at each of the last ticks.
    resizing: VecDeque<usize>,
}

/// Returns the reply to `GET /events`.
pub(crate) fn stream(site: Arc<Site>, closing: Receiver<()>) -> Reply {
    let shown = site.finished.lock().count().saturating_sub(NAMED);
    let listener = Listener {
        site,
        closing,
        ticks: interval(TICK),
        begun: Instant::now(),
        shown,
        resizing: VecDeque::new(),
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(event)), listener))
    });
    let body = StreamBody::new(events).boxed_unsync();
    site::reply(StatusCode::OK, "text/event-stream", body)
}

impl Listener {
    /// Returns the next event, or `None` if the server is shutting down.
    async fn next(&mut self) -> Option<Bytes> {
        let (closing, tick) = (pin!(self.closing.recv()), pin!(self.ticks.tick()));
        if let Either::Left(_) = select(closing, tick).await {
            return None;
        }
        let count = self.site.finished.lock().count();
        let first = self.shown.max(count.saturating_sub(NAMED)) + 1;
        // A single cook that resizes in the handler never runs this function during the resizing, so `now` is
        // always 0. But a thumbnail that has been finished since the last event shows that a photograph was
        // being resized.
        let now = self.site.resizer.at_work.now();
        self.resizing
            .push_back(now.max(usize::from(count > self.shown)));
        if self.resizing.len() > SHOWN_FOR {
            self.resizing.pop_front();
        }
        self.shown = count;
        let mut event = self.site.figures();
        event["resizing"] = json!(self.resizing.iter().max());
        event["t"] = json!(self.begun.elapsed().as_secs_f64());
        event["new"] = (first..=count).collect();
        Some(format!("data: {event}\n\n").into())
    }
}

impl Site {
    fn figures(&self) -> Value {
        let metrics = Handle::current().metrics();
        let (number, tick) = self.news.lock().clone();
        let micros = |time: Option<Duration>| time.map(|time| time.as_micros() as u64);
        json!({
            "place": self.resizer.place().name(),
            "places": Place::ALL.map(Place::name),
            "switchable": self.args.serve,
            "cooks": metrics.workers.len(),
            "in_flight": metrics.in_flight,
            "in_flight_max": metrics.in_flight_max,
            "at_once_max": metrics.at_once_max,
            "requests_now": self.requests.now(),
            "finished": self.finished.lock().count(),
            "tick": number,
            "requests": tick.requests,
            "errors": tick.errors,
            "rate": tick.rate,
            "p50_us": micros(tick.p50),
            "p99_us": micros(tick.p99),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_thumbnails_are_kept_by_number() {
        let mut finished = Finished::default();
        assert_eq!(finished.get(0), None);
        for number in 1..=100_u8 {
            finished.add(Bytes::from(vec![number]));
        }
        assert_eq!(finished.count(), 100);
        assert_eq!(finished.get(100).unwrap()[..], [100]);
        assert_eq!(finished.get(37).unwrap()[..], [37]);
        for gone in [0, 36, 101, u64::MAX] {
            assert_eq!(finished.get(gone), None, "{gone}");
        }
    }
}
