//! What `brigade fetch` can be asked.

use std::{path::PathBuf, time::Duration};

use crate::numbers::whole;

/// How `brigade fetch --help` begins.
pub(crate) const ABOUT: &str = "Fetch from thousands of sockets at once, on one thread (the main job).\n\n\
    Each request is one task. While a reply is on its way its task costs a little memory and no \
    processor time, so one thread can wait for thousands of replies together. Without a URL a server \
    is started in a process of its own, whose replies are 1 KiB to 64 KiB long and take 50 to 500 ms, \
    and 2,000 of them are fetched at once.";

/// How it ends.
pub(crate) const NOTES: &str = "An answer is an answer: redirects are not followed, and a status such \
    as 404 counts as done (the summary counts the statuses). A request fails when no whole answer came: \
    dns, refused, reset, timeout, tls, protocol, truncated, too_large, io (any other error of the \
    system), or output when its file could not be written.\n\n\
    --cooks here: on how many threads the requests' tasks run; with 1,2 all are made with each and \
    compared.\n\n\
    --json adds `done`, `failed` and `not_done` (requests), `bytes` received, `failures` and `statuses` \
    (how many of each), `retries`, `latency_ms`, `waited_s` (all requests added up), `connections_max`, \
    `threads`, memory in bytes, and for URLs of yours `results`, one object each.\n\n\
    Exit status: 0 every request was answered, 1 some failed, 2 bad arguments, 130 ended by Ctrl-C \
    (the summary then covers what was done so far).";

/// The arguments of `fetch`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to fetch: http:// or https://
    #[arg(value_name = "URL")]
    pub(crate) urls: Vec<String>,

    /// Read URLs from a file, one a line; blank lines and lines that begin with # are skipped
    ///
    /// `-` reads standard input.
    #[arg(short, long, value_name = "LIST")]
    pub(crate) file: Option<PathBuf>,

    /// How many requests in all
    ///
    /// The URLs are taken round and round until there are so many. Without this option each URL is
    /// fetched once, and the server that is started without a URL is sent 2,000 requests.
    #[arg(short = 'n', long, value_name = "N", value_parser = whole::<usize>(1..=1_000_000_000))]
    pub(crate) count: Option<usize>,

    /// How many requests in flight at most [default: all, as far as the open-file limit allows]
    #[arg(short, long, value_name = "N", value_parser = whole::<usize>(1..=1_000_000_000))]
    pub(crate) concurrency: Option<usize>,

    /// Seconds that one attempt may take, from look-up to last byte
    #[arg(short, long, value_name = "S", default_value = "30", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) timeout: Duration,

    /// How often to try again after a failure that may pass [default: 0, without a URL 3]
    ///
    /// Tried again, after a pause that doubles each time: dns, refused, reset, timeout, truncated.
    #[arg(short, long, value_name = "N", value_parser = whole::<u32>(0..=1_000_000))]
    pub(crate) retries: Option<u32>,

    /// Write each body to a file of its own in DIR, which is made if need be
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,

    /// The largest body that is accepted; K, M and G stand for KiB, MiB and GiB
    #[arg(long, value_name = "BYTES", default_value = "256M", value_parser = size)]
    pub(crate) max_body: u64,

    /// Trust the certificates in FILE (PEM) as well
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

impl Args {
    /// So many requests to the embedded origin, and everything else as it is when nobody says.
    pub(crate) fn to_origin(count: usize) -> Self {
        Self {
            urls: Vec::new(),
            file: None,
            count: Some(count),
            concurrency: None,
            timeout: Duration::from_secs(30),
            retries: None,
            output: None,
            max_body: 256 << 20,
            ca: None,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| "must be a number of seconds, such as 2.5".to_owned())?;
    match Duration::try_from_secs_f64(number) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("must be a number of seconds above 0, and not endless".to_owned()),
    }
}

fn size(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.chars().last().map(|last| last.to_ascii_uppercase()) {
        Some('K') => (&text[..text.len() - 1], 1 << 10),
        Some('M') => (&text[..text.len() - 1], 1 << 20),
        Some('G') => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1_u64),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "must be a number of bytes, such as 500000 or 64M".to_owned())?;
    number
        .checked_mul(unit)
        .ok_or_else(|| "is more bytes than can be counted".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_may_be_fractions_but_must_pass() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for wrong in ["0", "-1", "nan", "inf", "1e300", "soon", "", "1e-12"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_take_a_unit() {
        assert_eq!(size("17"), Ok(17));
        assert_eq!(size("64k"), Ok(65536));
        assert_eq!(size("2G"), Ok(2 << 30));
        for wrong in ["", "M", "-1", "1.5M", "99999999999G", "1é"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
