//! Measures the CPU time that a server uses for a request, on brigade and on tokio, in one run.
//!
//! Each server is a separate process. Whenever the server reads a line, it prints the CPU time that it has
//! used (`getrusage`, user and system). A figure is the difference of two such times, so it does not include
//! the server's start. Each round measures both runtimes. The result is the median of the rounds' ratios,
//! because the machine's speed varies more between rounds than within a round.

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::{env, thread};

use brigade::SingleThread;
use brigade::net::TcpStream;
use futures::future::try_join_all;
use futures::io::{AsyncReadExt, AsyncWriteExt};

/// The number of connections, each with one request in flight.
const CONNECTIONS: usize = 64;

/// The number of requests per connection before the measurement.
const WARM_UP: usize = 200;
/// The number of requests per connection during the measurement.
const REQUESTS: usize = 2000;

/// Prints the CPU time of this process, in microseconds, whenever standard input has a line.
pub(super) fn report_cpu_time() {
    thread::spawn(|| {
        for _ in io::stdin().lines().map_while(Result::ok) {
            println!("{}", cpu_us());
        }
    });
}

fn cpu_us() -> i64 {
    let mut usage = std::mem::MaybeUninit::uninit();
    // SAFETY: `usage` has space for the value that the call writes.
    let status = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
    assert_eq!(status, 0);
    // SAFETY: the call succeeded, so it has written the value.
    let usage: libc::rusage = unsafe { usage.assume_init() };
    let us = |time: libc::timeval| time.tv_sec * 1_000_000 + time.tv_usec;
    us(usage.ru_utime) + us(usage.ru_stime)
}

/// A server in a separate process. Dropping a `Server` kills its process.
struct Server {
    child: Child,
    ask: ChildStdin,
    lines: io::Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Server {
    fn start(runtime: &str, cooks: &str, protocol: &str) -> io::Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .args([runtime, cooks, protocol])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let ask = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.next().unwrap()?.parse().unwrap();
        Ok(Server {
            child,
            ask,
            lines,
            address,
        })
    }

    /// Returns the CPU time that the server has used, in microseconds.
    fn cpu_us(&mut self) -> io::Result<f64> {
        self.ask.write_all(b"\n")?;
        Ok(self.lines.next().unwrap()?.parse().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends requests one after another, and checks that all replies have the same length.
async fn requests(stream: &mut TcpStream, number: usize) -> io::Result<()> {
    let request = b"GET /tables/7 HTTP/1.1\r\nhost: kitchen\r\n\r\n";
    let mut first = None;
    for _ in 0..number {
        stream.write_all(request).await?;
        let mut reply = Vec::with_capacity(512);
        while !is_whole(&reply)? {
            let mut bytes = [0; 512];
            let size = stream.read(&mut bytes).await?;
            if size == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            reply.extend_from_slice(&bytes[..size]);
        }
        // The date in the head changes, but its length does not.
        let length = *first.get_or_insert(reply.len());
        if length != reply.len() {
            return Err(io::Error::other("the replies differ"));
        }
    }
    Ok(())
}

/// Returns whether the whole reply has arrived, according to its `content-length`.
fn is_whole(reply: &[u8]) -> io::Result<bool> {
    let text = str::from_utf8(reply).map_err(io::Error::other)?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Ok(false);
    };
    let length = head.split("content-length: ").nth(1);
    let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
    match (head.starts_with("HTTP/1.1 200 "), length) {
        (true, Some(length)) => Ok(body.len() >= length),
        _ => Err(io::Error::other(format!("not a good reply: {head}"))),
    }
}

/// Runs one server and its client. Returns the server's CPU time per request, in microseconds.
fn round(runtime: &str, cooks: &str, protocol: &str) -> io::Result<f64> {
    let mut server = Server::start(runtime, cooks, protocol)?;
    SingleThread::new()?.block_on(async {
        let address = server.address;
        let mut streams =
            try_join_all((0..CONNECTIONS).map(|_| TcpStream::connect(address))).await?;
        try_join_all(streams.iter_mut().map(|it| requests(it, WARM_UP))).await?;
        let before = server.cpu_us()?;
        try_join_all(streams.iter_mut().map(|it| requests(it, REQUESTS))).await?;
        let used = server.cpu_us()? - before;
        Ok(used / (CONNECTIONS * REQUESTS) as f64)
    })
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values = Vec::from_iter(values);
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs the rounds for 1 and for 2 workers, and prints the medians.
pub(super) fn compare(protocol: &str, rounds: usize) -> io::Result<()> {
    println!(
        "{protocol}: {rounds} rounds of {} requests",
        CONNECTIONS * REQUESTS
    );
    println!("server CPU time per request in us: medians, and the smallest and the largest ratio");
    for cooks in ["1", "2"] {
        let mut pairs = Vec::new();
        for number in 0..rounds {
            // In every second round, tokio is measured first.
            let mut pair = [0.0; 2];
            for which in if number % 2 == 0 { [0, 1] } else { [1, 0] } {
                pair[which] = round(["brigade", "tokio"][which], cooks, protocol)?;
            }
            pairs.push(pair);
        }
        let column = |which: usize| median(pairs.iter().map(|pair| pair[which]));
        let ratios = || pairs.iter().map(|[brigade, tokio]| brigade / tokio);
        println!(
            "{cooks} cook(s): brigade {:.2}, tokio {:.2}, ratio {:.3} ({:.3} to {:.3})",
            column(0),
            column(1),
            median(ratios()),
            ratios().fold(f64::INFINITY, f64::min),
            ratios().fold(0.0, f64::max),
        );
    }
    Ok(())
}
