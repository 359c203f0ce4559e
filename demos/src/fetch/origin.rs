//! The embedded origin: the server that `fetch` starts when it is given no URL.
//!
//! It runs in a separate process, so that the measured threads, memory and processor time are those of
//! `fetch` alone. The process runs this same program with the hidden command `origin`. The origin uses
//! brigade, too: one thread, and a task for each connection.
//!
//! The reply to request number N, and its delay, depend on N alone. The client therefore knows every byte
//! that it must receive, and the replies have the same delays in every run. Other demos send simpler
//! requests: see [`Request`].

use std::{
    borrow::Cow,
    io::{self, BufRead as _, Read as _, Write as _},
    net::{self, Ipv4Addr, SocketAddr},
    sync::LazyLock,
};

use brigade::{
    SingleThread,
    net::{TcpListener, TcpStream},
};

use futures_util::AsyncReadExt as _;

use crate::helper::{Helper, Hidden, wait_for_end_of_stdin};
use crate::prelude::*;

/// The number of addresses over which requests are distributed. At each address, only a limited number of
/// connections, often 1,024, can wait to be accepted. Each connection to an address also needs its own
/// port. There are about 28,000 ports, and runs that have just finished still occupy some of them. Sixteen
/// addresses suffice for 15,000 simultaneous clients.
const ADDRESSES: u8 = if cfg!(target_os = "linux") { 16 } else { 1 };

/// The maximum size of a request, in bytes. `fetch` sends fewer than 200.
const REQUEST_MAX: usize = 512;

/// How long the server waits after `accept` failed, most likely because too many files were open.
/// Arbitrary: long enough for a connection to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

const LEN_MIN: u64 = 1 << 10;
const LEN_MAX: u64 = 64 << 10;
const DELAY_MIN_MS: u64 = 50;
const DELAY_MAX_MS: u64 = 500;

/// The last position in `NOISE` at which a body may begin.
const OFFSETS: u64 = 4096;

/// Pseudo-random bytes. All bodies are pieces of them, so a lost, doubled or misplaced byte is noticed.
static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let words = (LEN_MAX + OFFSETS).div_ceil(8);
    let bytes = (0..words).flat_map(|word| scramble(word).to_le_bytes());
    bytes.collect()
});

/// Returns a pseudo-random number from `low` to `high` that depends only on `request` and `what`. `what`
/// distinguishes the numbers of one request.
fn draw(request: u64, what: u64, low: u64, high: u64) -> u64 {
    low + scramble(request.wrapping_mul(3).wrapping_add(what)) % (high - low + 1)
}

/// The finishing step of SplitMix64: neighbouring numbers give unrelated results.
fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The requests that the origin answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Request {
    /// `/reply/17`: the reply to request number 17 of `fetch`. Its delay and its body follow from the
    /// number.
    Reply(u64),
    /// `/after/20`: the number 20, after 20 milliseconds.
    After(u64),
    /// `/sum/1000`: the sum of the squares of the numbers below 1,000. The origin computes it, one square
    /// after the other.
    Sum(u64),
}

impl Request {
    /// Parses the request line, such as `GET /after/20 HTTP/1.1`.
    fn asked_by(request: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(request).ok()?;
        let path = line.strip_prefix("GET /")?.split(' ').next()?;
        let (what, number) = path.split_once('/')?;
        let number = number.parse().ok()?;
        match what {
            "reply" => Some(Self::Reply(number)),
            "after" => Some(Self::After(number)),
            "sum" => Some(Self::Sum(number)),
            _ => None,
        }
    }

    pub(crate) fn path(self) -> String {
        match self {
            Self::Reply(number) => format!("/reply/{number}"),
            Self::After(millis) => format!("/after/{millis}"),
            Self::Sum(number) => format!("/sum/{number}"),
        }
    }

    /// Returns the whole request, ready to be sent.
    pub(crate) fn message(self) -> String {
        format!("GET {} HTTP/1.1\r\nhost: origin\r\n\r\n", self.path())
    }

    /// Returns the body that the answer must have.
    pub(crate) fn body(self) -> Cow<'static, [u8]> {
        match self {
            Self::Reply(number) => {
                let len = draw(number, 1, LEN_MIN, LEN_MAX) as usize;
                let offset = draw(number, 2, 0, OFFSETS) as usize;
                NOISE[offset..offset + len].into()
            }
            Self::After(millis) => millis.to_string().into_bytes().into(),
            Self::Sum(number) => sum_of_squares(0..number).to_string().into_bytes().into(),
        }
    }

    /// Returns whether `answer` is the complete and correct answer, from its first byte to its last.
    pub(crate) fn is_answered_by(self, answer: &[u8]) -> bool {
        let head = answer.strip_suffix(&*self.body());
        answer.starts_with(b"HTTP/1.1 200 OK\r\n")
            && head.is_some_and(|head| head.ends_with(b"\r\n\r\n"))
    }

    /// Sends the request from a task and returns the whole answer.
    pub(crate) async fn send(self, server: SocketAddr) -> io::Result<Vec<u8>> {
        let stream = TcpStream::connect(server).await?;
        stream.write_all(self.message().as_bytes()).await?;
        let mut answer = Vec::new();
        (&stream).read_to_end(&mut answer).await?;
        Ok(answer)
    }

    /// Sends the request from a task, and returns an error if the answer is wrong.
    pub(crate) async fn ask(self, server: SocketAddr) -> io::Result<()> {
        self.check(&self.send(server).await?)
    }

    /// Sends the request from a thread, which blocks until the answer has arrived.
    pub(crate) fn block(self, server: SocketAddr) -> io::Result<()> {
        let mut answer = Vec::new();
        self.connect(server)?.read_to_end(&mut answer)?;
        self.check(&answer)
    }

    /// Sends the request from a thread, and returns the stream from which the answer can be read.
    pub(crate) fn connect(self, server: SocketAddr) -> io::Result<net::TcpStream> {
        let mut stream = net::TcpStream::connect(server)?;
        stream.write_all(self.message().as_bytes())?;
        Ok(stream)
    }

    pub(crate) fn check(self, answer: &[u8]) -> io::Result<()> {
        match self.is_answered_by(answer) {
            true => Ok(()),
            false => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Returns how long the origin waits before it answers.
    fn delay(self) -> Duration {
        Duration::from_millis(match self {
            Self::Reply(number) => draw(number, 0, DELAY_MIN_MS, DELAY_MAX_MS),
            Self::After(millis) => millis,
            Self::Sum(_) => 0,
        })
    }
}

/// The origin as `fetch` sees it: a process and its addresses.
#[derive(Debug)]
pub(crate) struct Origin {
    helper: Helper,
    addresses: Vec<SocketAddr>,
}

impl Origin {
    /// Starts the process and waits for the line that lists its addresses.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let (helper, mut says) = Helper::start("origin", &[])?;
        let mut line = String::new();
        let read = says.read_line(&mut line);
        read.context("the output of the embedded origin cannot be read")?;
        let addresses = line.split_whitespace();
        let addresses: Vec<_> = addresses.filter_map(|one| one.parse().ok()).collect();
        ensure!(!addresses.is_empty(), "the embedded origin did not start");
        Ok(Self { helper, addresses })
    }

    /// Returns the address for request number `number`. The addresses are used in turn.
    pub(crate) fn address(&self, number: u64) -> SocketAddr {
        self.addresses[(number % self.addresses.len() as u64) as usize]
    }

    /// Returns the ID of the origin's process.
    pub(crate) fn process(&self) -> u32 {
        self.helper.process()
    }
}

/// Runs the origin in the child process: listens, prints the addresses, and answers until stdin closes.
pub(crate) fn serve(args: &Hidden) -> anyhow::Result<()> {
    args.begin()?;
    LazyLock::force(&NOISE);
    let executor = SingleThread::builder().build()?;
    executor.block_on(async {
        let listeners = listen().await;
        let mut addresses = Vec::new();
        for listener in listeners.context("the embedded origin cannot listen")? {
            addresses.push(listener.local_addr()?.to_string());
            drop(brigade::spawn(accept(listener)));
        }
        println!("{}", addresses.join(" "));
        io::stdout().flush()?;
        brigade::spawn_blocking(wait_for_end_of_stdin).await?;
        Ok(())
    })
}

/// Listens on 127.0.0.1, 127.0.0.2 and so on, as far as the system has these addresses.
async fn listen() -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for last in 1..=ADDRESSES {
        let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0));
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            Err(error) if listeners.is_empty() => return Err(error),
            // A sandbox may have 127.0.0.1 only, which suffices for fewer clients.
            Err(_) => break,
        }
    }
    Ok(listeners)
}

async fn accept(listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(brigade::spawn(answer(stream))),
            Err(_) => brigade::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Answers the only request of a connection. A client that closes the connection early is not an error.
async fn answer(stream: TcpStream) {
    let Ok(Some(request)) = read_request(&stream).await else {
        return;
    };
    brigade::time::sleep(request.delay()).await;
    let body = request.body();
    let message = [head(body.len()).as_bytes(), &body].concat();
    let _ = stream.write_all(&message).await;
}

/// Returns the head of every answer with a body of `len` bytes.
pub(crate) fn head(len: usize) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {len}\r\n\
         connection: close\r\n\r\n"
    )
}

/// Reads a request. Returns `None` if it is not one of those that the origin answers.
async fn read_request(stream: &TcpStream) -> io::Result<Option<Request>> {
    let mut buffer = [0; REQUEST_MAX];
    let mut filled = 0;
    while filled < buffer.len() {
        let count = stream.read(&mut buffer[filled..]).await?;
        if count == 0 {
            return Ok(None);
        }
        filled += count;
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            return Ok(Request::asked_by(&buffer[..filled]));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_follows_from_its_number_alone() {
        for number in [0, 1, 1999, u64::MAX] {
            let request = Request::Reply(number);
            assert_eq!(request.body(), Request::Reply(number).body());
            assert_eq!(request.delay(), Request::Reply(number).delay());
        }
        assert_ne!(Request::Reply(1).body(), Request::Reply(2).body());
    }

    #[test]
    fn replies_keep_to_their_range_and_fill_it() {
        let replies: Vec<Request> = (0..2000).map(Request::Reply).collect();
        let lens: Vec<u64> = replies
            .iter()
            .map(|reply| reply.body().len() as u64)
            .collect();
        let delays: Vec<u64> = replies
            .iter()
            .map(|reply| reply.delay().as_millis() as u64)
            .collect();
        assert!(lens.iter().all(|len| (LEN_MIN..=LEN_MAX).contains(len)));
        assert!(
            delays
                .iter()
                .all(|delay| (DELAY_MIN_MS..=DELAY_MAX_MS).contains(delay))
        );
        assert!(lens.iter().max() > Some(&60_000) && lens.iter().min() < Some(&4_000));
        assert!(delays.iter().max() > Some(&490) && delays.iter().min() < Some(&60));
    }

    #[test]
    fn the_request_line_says_what_is_asked_for() {
        for request in [Request::Reply(17), Request::After(20), Request::Sum(100)] {
            assert_eq!(
                Request::asked_by(request.message().as_bytes()),
                Some(request)
            );
        }
        for wrong in [
            "GET / HTTP/1.1",
            "GET /reply/x HTTP/1.1",
            "GET /reply/ HTTP/1.1",
            "GET /reply/1/2 HTTP/1.1",
            "POST /reply/1 H",
        ] {
            assert_eq!(Request::asked_by(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn an_answer_is_whole_or_none() {
        let request = Request::Sum(100);
        let whole = b"HTTP/1.1 200 OK\r\na: b\r\n\r\n328350";
        assert!(request.is_answered_by(whole));
        assert!(!request.is_answered_by(&whole[..whole.len() - 1]));
        assert!(!Request::Sum(99).is_answered_by(whole));
        assert!(!request.is_answered_by(b"HTTP/1.1 500 No\r\n\r\n328350"));
    }
}
