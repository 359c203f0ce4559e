//! What the live page is told, four times a second, as server-sent events.
//!
//! A stream of events is a reply whose body does not end: hyper asks for the next
//! piece when there is room for it, so a page that is slow gets fewer pieces, and
//! nothing piles up here.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

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
use hyper::{
    Response,
    body::Frame,
    header::{self, HeaderValue},
};
use serde_json::{Value, json};

use super::{
    load::Tick,
    place::Place,
    site::{Reply, Site},
};

/// How often the page is told.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// Thumbnails that are kept to be shown: a page asks for each within a tick or two.
const KEPT: usize = 64;

/// Thumbnails that one event names. A browser that is told of more would only fetch
/// what it shows for a moment.
const NAMED: u64 = 12;

/// For so many ticks, two seconds, the page shows how many photographs were resized at one instant.
const SHOWN_FOR: usize = 8;

/// The thumbnails made last.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    /// How many there have been; the last is this number.
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

    /// Thumbnail number `number`, if it is still there.
    pub(crate) fn get(&self, number: u64) -> Option<Bytes> {
        let back = self.count.checked_sub(number)?;
        let index = self
            .last
            .len()
            .checked_sub(1 + usize::try_from(back).ok()?)?;
        self.last.get(index).cloned()
    }
}

/// What the load generator said last.
#[derive(Clone, Debug, Default)]
pub(crate) struct News {
    /// Counts the ticks, so that a page shows each once.
    pub(crate) number: u64,
    pub(crate) tick: Tick,
}

/// A page that listens.
struct Listener {
    site: Arc<Site>,
    /// Closed when the server shuts down.
    closing: Receiver<()>,
    ticks: Interval,
    begun: Instant,
    shown: u64,
    /// Photographs that were being resized at each of the last ticks.
    resizing: VecDeque<usize>,
}

/// The reply to `GET /events`.
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
    let mut reply = Response::new(StreamBody::new(events).boxed_unsync());
    let headers = reply.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

impl Listener {
    /// The next event; none when the server is shutting down.
    async fn next(&mut self) -> Option<Bytes> {
        let (closing, tick) = (pin!(self.closing.recv()), pin!(self.ticks.tick()));
        if let Either::Left(_) = select(closing, tick).await {
            return None;
        }
        let count = self.site.finished.lock().count();
        let first = self.shown.max(count.saturating_sub(NAMED)) + 1;
        // A cook that resizes in the handler cannot say so meanwhile, but what it finished tells.
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
    /// The figures of this moment.
    fn figures(&self) -> Value {
        let metrics = Handle::current().metrics();
        let News { number, tick } = self.news.lock().clone();
        let micros = |time: Option<Duration>| time.map(|time| time.as_micros() as u64);
        json!({
            "place": self.resizer.place().name(),
            "places": Place::ALL.map(Place::name),
            "switchable": self.switchable,
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
