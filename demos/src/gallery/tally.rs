//! What the visitors saw, in their own process, and how they say it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{counts::Latencies, events::TICK};

/// What the visitors saw.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    all: Latencies,
    /// Of the last tick alone.
    recent: Latencies,
    pub(crate) images: u64,
    errors: u64,
    /// The first error's words.
    error: Option<String>,
    /// Connections that are open, and the most there were.
    held: usize,
    held_max: usize,
}

impl Tally {
    /// One more connection is held.
    pub(crate) fn come(&mut self) {
        self.held += 1;
        self.held_max = self.held_max.max(self.held);
    }

    /// One less.
    pub(crate) fn gone(&mut self) {
        self.held -= 1;
    }

    pub(crate) fn answered(&mut self, latency: Duration) {
        self.all.add(latency);
        self.recent.add(latency);
    }

    pub(crate) fn failed(&mut self, words: String) {
        self.errors += 1;
        self.error.get_or_insert(words);
    }

    /// The line of a tick, which begins the next.
    pub(crate) fn tick(&mut self) -> Value {
        let recent = std::mem::take(&mut self.recent);
        let latency = |share| (recent.count() > 0).then(|| micros(recent.quantile(share)));
        json!({ "tick": {
            "requests": self.all.count(),
            "errors": self.errors,
            "rate": recent.count() as f64 / TICK.as_secs_f64(),
            "p50_us": latency(0.5),
            "p99_us": latency(0.99),
        }})
    }

    /// The last line.
    pub(crate) fn last_words(&self) -> Value {
        json!({ "done": {
            "requests": self.all.count(),
            "errors": self.errors,
            "error": self.error,
            "images": self.images,
            "held_max": self.held_max,
            "p50_us": micros(self.all.quantile(0.5)),
            "p99_us": micros(self.all.quantile(0.99)),
            "worst_us": micros(self.all.worst()),
        }})
    }
}

fn micros(time: Duration) -> u64 {
    time.as_micros() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_tells_of_its_own_moment_and_the_last_words_of_all() {
        let mut tally = Tally::default();
        tally.come();
        tally.come();
        tally.gone();
        tally.answered(Duration::from_millis(40));
        assert_eq!(tally.tick()["tick"]["p50_us"], 40_000);
        let silent = tally.tick();
        assert_eq!(silent["tick"]["requests"], 1);
        assert!(silent["tick"]["p99_us"].is_null(), "{silent}");
        tally.failed("first".to_owned());
        tally.failed("second".to_owned());
        let done = &tally.last_words()["done"];
        assert_eq!(
            (&done["errors"], &done["error"]),
            (&2.into(), &"first".into())
        );
        assert_eq!(
            (&done["held_max"], &done["p99_us"]),
            (&2.into(), &40_000.into())
        );
    }
}
