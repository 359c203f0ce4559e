//! The command line of `brigade fetch`.

use std::{path::PathBuf, time::Duration};

use crate::numbers::whole;

/// The text after the options in `brigade fetch --help`.
const NOTES: &str = "Each host has a limit of 6 requests at a time, as in browsers. A small \
    server accepts few connections at a time, lets a few more wait and drops the rest. With such a \
    server, a higher limit does not make the run faster, and requests end in time-outs. --per-host 50 suits \
    a large server. The built-in server has no limit, because it is made for thousands of requests.\n\n\
    Connections are kept for the next request, and HTTP/2 is used with servers that support it over \
    https://. http_proxy, https_proxy, all_proxy and no_proxy in the environment are obeyed; the only \
    supported proxies are those with an http:// URL.\n\n\
    In a list, a line ends with LF, CRLF or CR. A line that begins with # is a comment; a TAB, or a # \
    after a space, ends a URL.\n\n\
    A request with a complete reply counts as answered, whatever the status; with --fail, a status of \
    400 or more is a failure. A request also fails if no complete reply arrives. The kinds of failure are \
    dns, refused, reset, timeout, tls, protocol, truncated, too_large, io (any other error of the system), \
    status (with --fail), and output (the file could not be written).\n\n\
    --cooks here: the number of threads that run the requests' tasks; with 1,2, all requests are made \
    once with each number, and the two runs are compared.\n\n\
    --json adds these keys:\n  \
    done, failed, not_done       numbers of requests\n  \
    interrupted                  true if some requests were not done\n  \
    skipped, redirects           complete files that -C skipped; redirects followed\n  \
    versions                     how many replies with each version of HTTP\n  \
    bytes, requests_per_s        bytes received; answered requests per second\n  \
    failures, statuses           numbers of failures by kind; numbers of replies by status\n  \
    retries, latency_ms          the number of retries; p50, p90, p99 and max\n  \
    waited_s                     the lifetimes of all requests, added up\n  \
    connections_max              the largest number of connections open at one instant\n  \
    connections, threads         connections opened in all; the largest number of threads\n  \
    memory_peak_bytes            the memory of the process, at its peak\n  \
    memory_per_connection_bytes  the memory that each connection added\n  \
    errors                       without a URL: the text of each failure\n  \
    results                      with your URLs: an object for each request\n\
    A result has `url`, `status`, `bytes`, `ms`, `error`, `redirects` (their URLs, in order), `version` \
    (of HTTP), `encoding` (how the server compressed the body) and, with -o, `file`.\n\n\
    Exit status: 0 every request was answered, 1 some failed, 2 bad arguments, 130 ended by Ctrl-C (the \
    summary then covers what was done so far).";

/// Fetch from thousands of sockets at once, on one thread (the main demo)
///
/// Each request is one task. While a task waits for its reply, it costs a little memory and no processor
/// time. One thread can therefore wait for thousands of replies at the same time. Without a URL, a server
/// is started in a separate process, and 2,000 replies of 1 KiB to 64 KiB are fetched from it at the same
/// time. The server sends each reply after 50 to 500 ms.
#[derive(Clone, Debug, clap::Parser)]
#[command(after_long_help = NOTES)]
pub(crate) struct Args {
    /// URL to fetch, with http:// or https://
    #[arg(value_name = "URL")]
    pub(crate) urls: Vec<String>,

    /// Read URLs from a file, one per line; - reads standard input
    #[arg(short, long, value_name = "LIST")]
    pub(crate) file: Option<PathBuf>,

    /// Total number of requests
    ///
    /// The URLs are repeated in order until this number is reached. Without this option, each URL is
    /// fetched once; without a URL, 2,000 requests are sent to the built-in server.
    #[arg(short = 'n', long, value_name = "N", value_parser = whole::<usize>(1..=1_000_000_000))]
    pub(crate) count: Option<usize>,

    /// Maximum number of requests in flight [default: all, as far as the open-file limit allows]
    #[arg(short, long, value_name = "N", value_parser = whole::<usize>(1..=1_000_000_000))]
    pub(crate) concurrency: Option<usize>,

    /// Maximum number of requests in flight to one host (name and port) [default: 6]
    #[arg(long, value_name = "N", value_parser = whole::<usize>(1..=1_000_000_000))]
    pub(crate) per_host: Option<usize>,

    /// Maximum number of requests started per second; 0.5 means one every two seconds
    #[arg(long, value_name = "N", value_parser = rate, allow_negative_numbers = true)]
    pub(crate) rate: Option<f64>,

    /// Time limit for one attempt in seconds, from name lookup to last byte
    #[arg(short, long, value_name = "S", default_value = "30", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) timeout: Duration,

    /// How many times to retry after a temporary failure [default: 0; 3 if no URL is given]
    ///
    /// These failures are retried, after a pause that doubles each time: dns, refused, reset, timeout,
    /// truncated.
    #[arg(short, long, value_name = "N", value_parser = whole::<u32>(0..=1_000_000))]
    pub(crate) retries: Option<u32>,

    /// Write bodies to files; - prints a single body to standard output
    ///
    /// With one URL, PATH is the file, or the directory of the file if PATH ends with a slash or is a
    /// directory. With several URLs, PATH is a directory, which is created if needed. Each file is named
    /// after the end of its URL. If two names would be equal, every name begins with the number of its
    /// request and with its host.
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,

    /// Resume files that an earlier run with -C left unfinished, and skip files that are complete
    ///
    /// If the file has changed on the server meanwhile, or its date of change is unknown, it is fetched
    /// again from its beginning.
    #[arg(short = 'C', long = "continue", requires = "output")]
    pub(crate) resume: bool,

    /// Largest accepted body after decoding; K, M and G mean KiB, MiB and GiB
    #[arg(long, value_name = "BYTES", default_value = "256M", value_parser = size)]
    pub(crate) max_body: u64,

    /// Send this header instead of the default one; `Name:` omits the header
    ///
    /// Authorization and Cookie are no longer sent after a redirect to another server. If you set
    /// Accept-Encoding yourself, bodies are kept undecoded.
    #[arg(short = 'H', long = "header", value_name = "LINE")]
    pub(crate) headers: Vec<String>,

    /// The method of the request [default: GET; POST with -d]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub(crate) method: Option<String>,

    /// The body of the request; @FILE sends a file, @- sends standard input
    ///
    /// Several values are joined with &. The content type is that of a form unless -H sets another.
    #[arg(short, long, value_name = "DATA", allow_hyphen_values = true)]
    pub(crate) data: Vec<String>,

    /// Count a status of 400 or more as a failure
    #[arg(long)]
    pub(crate) fail: bool,

    /// Follow redirects, 20 at most; this is the default
    #[arg(short = 'L', long, overrides_with = "no_location")]
    pub(crate) location: bool,

    /// Do not follow redirects; report them as answers
    #[arg(long, overrides_with = "location")]
    pub(crate) no_location: bool,

    /// Connect to servers directly, even if the environment names a proxy
    #[arg(long)]
    pub(crate) no_proxy: bool,

    /// Also trust the certificates in FILE (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

fn rate(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    let number = number.filter(|rate| (0.001..=1e6).contains(rate));
    number.ok_or_else(|| "must be a number from 0.001 to 1000000".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let bad = |_| "must be a number of seconds, such as 2.5".to_owned();
    let number: f64 = text.parse().map_err(bad)?;
    match Duration::try_from_secs_f64(number) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("must be a finite number of seconds above 0".to_owned()),
    }
}

fn size(text: &str) -> Result<u64, String> {
    let units = ['K', 'k', 'M', 'm', 'G', 'g'];
    let (digits, unit) = text.split_at(text.len() - usize::from(text.ends_with(units)));
    let unit: u64 = match &unit.to_ascii_uppercase()[..] {
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => 1,
    };
    let bad = |_| "must be a number of bytes, such as 500000 or 64M".to_owned();
    let number: u64 = digits.parse().map_err(bad)?;
    let bytes = number.checked_mul(unit);
    bytes.ok_or_else(|| "must be fewer than 2^64 bytes".to_owned())
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
    fn the_defaults_are_those_of_the_command_line() {
        let args = <Args as clap::Parser>::parse_from(["fetch", "--count", "7"]);
        assert_eq!((args.count, args.max_body), (Some(7), 256 << 20));
        assert_eq!(args.timeout, Duration::from_secs(30));
    }

    #[test]
    fn a_rate_may_be_a_fraction() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "nan", "inf", "fast"] {
            assert!(rate(wrong).is_err(), "{wrong}");
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
