//! Decides which request begins next: the hosts take turns, and each has its own limit.
//!
//! A server accepts a limited number of connections at a time, and delays or drops the rest. Most clients
//! therefore have a limit per host. With this limit, `fetch` reads 300 URLs of one small server without a
//! failure.

use std::collections::{HashMap, VecDeque};

use super::jobs::Page;

use crate::prelude::*;

/// If the requests fall behind `--rate`, they catch up by at most this much. Arbitrary: a few ticks of a
/// timer.
const SLACK: Duration = Duration::from_millis(20);

/// The requests that have not begun, grouped by host.
#[derive(Debug)]
pub(crate) struct Queue {
    hosts: Vec<Host>,
    /// The hosts that are below their limit and have requests left, in the order of their turns.
    ready: VecDeque<usize>,
    /// The number of URLs, which are repeated in order.
    urls: usize,
    per_host: usize,
}

#[derive(Debug, Default)]
struct Host {
    /// The URLs of this host, as indices into the list of all URLs.
    urls: Vec<usize>,
    /// The number of this host's requests that have begun.
    begun: usize,
    /// The number of this host's requests that have not begun.
    left: usize,
    in_flight: usize,
}

/// A request that begins now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Turn {
    /// The index of the request among all requests, from 0.
    pub(crate) index: usize,
    pub(crate) host: usize,
    /// True if no further request to this host follows. The connection need not be kept open then.
    pub(crate) last: bool,
}

impl Queue {
    /// Creates a queue of `count` requests to these pages, with at most `per_host` in flight to each
    /// host. Without a page, all requests go to one server.
    pub(crate) fn new(pages: &[Page], count: usize, per_host: usize) -> Self {
        let urls = pages.len().max(1);
        let mut hosts: Vec<Host> = Vec::new();
        if pages.is_empty() {
            hosts.push(Host::default());
            hosts[0].urls.push(0);
        }
        let mut known = HashMap::new();
        for (place, page) in pages.iter().enumerate() {
            let url = &page.url;
            let key = (url.scheme(), url.host_str(), url.port());
            let host = *known.entry(key).or_insert_with(|| {
                hosts.push(Host::default());
                hosts.len() - 1
            });
            hosts[host].urls.push(place);
        }
        for host in &mut hosts {
            let extra = host.urls.partition_point(|&place| place < count % urls);
            host.left = host.urls.len() * (count / urls) + extra;
        }
        let ready = (0..hosts.len()).filter(|&host| hosts[host].left > 0);
        Self {
            ready: ready.collect(),
            hosts,
            urls,
            per_host,
        }
    }

    /// Takes the next request that may begin now.
    pub(crate) fn next(&mut self) -> Option<Turn> {
        let number = self.ready.pop_front()?;
        let host = &mut self.hosts[number];
        let round = host.begun / host.urls.len();
        let index = round * self.urls + host.urls[host.begun % host.urls.len()];
        host.begun += 1;
        host.left -= 1;
        host.in_flight += 1;
        let last = host.left == 0;
        if !last && host.in_flight < self.per_host {
            self.ready.push_back(number);
        }
        let host = number;
        Some(Turn { index, host, last })
    }

    /// Records that a request to this host has ended.
    pub(crate) fn ended(&mut self, number: usize) {
        let host = &mut self.hosts[number];
        // A host at its limit is not in `ready`. The end of a request lets another one begin, so add the host.
        if host.in_flight == self.per_host && host.left > 0 {
            self.ready.push_back(number);
        }
        host.in_flight -= 1;
    }

    /// Returns whether a request could begin now.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }
}

/// Spreads the starts of requests over time, for `--rate`.
#[derive(Debug)]
pub(crate) struct Pace {
    every: Duration,
    next: Instant,
}

impl Pace {
    pub(crate) fn new(a_second: f64, now: Instant) -> Self {
        Self {
            every: Duration::from_secs_f64(1.0 / a_second),
            next: now,
        }
    }

    /// If a request may begin at `now`, counts it. Otherwise, returns when it may begin.
    pub(crate) fn delay(&mut self, now: Instant) -> Option<Instant> {
        if now < self.next {
            return Some(self.next);
        }
        let behind = now.checked_sub(SLACK).unwrap_or(now);
        self.next = self.next.max(behind) + self.every;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(urls: &[&str]) -> Vec<Page> {
        let parse = |url: &&str| Page::parse(url).unwrap();
        urls.iter().map(parse).collect()
    }

    /// Takes all requests. When no further request may begin, ends the oldest request in flight.
    fn run(queue: &mut Queue) -> (Vec<usize>, usize) {
        let (mut order, mut in_flight, mut most) = (Vec::new(), VecDeque::new(), 0);
        loop {
            while let Some(turn) = queue.next() {
                order.push(turn.index);
                in_flight.push_back(turn.host);
            }
            most = most.max(in_flight.len());
            match in_flight.pop_front() {
                Some(host) => queue.ended(host),
                None => return (order, most),
            }
        }
    }

    #[test]
    fn every_request_begins_once_and_the_urls_go_round() {
        let pages = pages(&["http://a/1", "http://b/1", "http://a/2"]);
        for (count, per_host) in [(1, 1), (2, 1), (3, 2), (4, 1), (20, 3), (20, 100)] {
            let mut queue = Queue::new(&pages, count, per_host);
            let (mut order, most) = run(&mut queue);
            assert!(most <= 2 * per_host, "{count}, {per_host}");
            order.sort_unstable();
            assert_eq!(order, (0..count).collect::<Vec<_>>());
            assert!(!queue.is_ready());
        }
    }

    #[test]
    fn a_host_has_its_limit_and_others_go_on() {
        let pages = pages(&[
            "http://a/1",
            "http://a/2",
            "http://a/3",
            "http://b/",
            "http://a:81/",
        ]);
        let mut queue = Queue::new(&pages, 5, 2);
        let begun: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        let indices: Vec<_> = begun.iter().map(|turn| turn.index).collect();
        assert_eq!(indices, [0, 3, 4, 1], "the third of a has to wait");
        assert_eq!(begun.iter().filter(|turn| turn.last).count(), 2);
        queue.ended(begun[1].host);
        assert_eq!(queue.next(), None, "b has nothing left");
        queue.ended(begun[0].host);
        let third = queue.next().unwrap();
        assert_eq!((third.index, third.last), (2, true));
    }

    #[test]
    fn one_server_without_pages_takes_all_at_once() {
        let mut queue = Queue::new(&[], 2000, usize::MAX);
        assert_eq!(std::iter::from_fn(|| queue.next()).count(), 2000);
    }

    #[test]
    fn a_pace_spreads_requests_and_catches_up_a_little() {
        let start = Instant::now();
        let mut pace = Pace::new(100.0, start);
        assert_eq!(pace.delay(start), None);
        assert_eq!(pace.delay(start), Some(start + Duration::from_millis(10)));
        let late = start + Duration::from_secs(5);
        let burst = std::iter::repeat_with(|| pace.delay(late)).take_while(Option::is_none);
        assert_eq!(burst.count(), 3, "two that are late and one that is due");
    }
}
