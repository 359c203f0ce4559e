//! The clients of `m_echo1000`. They share one thread. A client sends its next message when it has received
//! the answer to the previous one, and measures how long each round trip takes.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::SocketAddr,
    process::{Child, ChildStdout, ExitCode},
    time::{Duration, Instant},
};

use brigade_benches::results::percentile;
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::{start, stop_with_parent};
use crate::work::echo::{BUFFER, MESSAGE};

/// A handle to the running clients, in the process of the server.
pub(crate) struct Clients {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

/// The clients' measurements.
pub(crate) struct Seen {
    pub(crate) trips: f64,
    pub(crate) seconds: f64,
    pub(crate) p99_ms: f64,
}

impl Clients {
    /// Starts the clients. Returns when each client is connected and has made one round trip.
    pub(crate) fn start(address: SocketAddr, clients: usize, time: Duration) -> Self {
        let (address, clients) = (address.to_string(), clients.to_string());
        let millis = time.as_millis().to_string();
        let (child, stdout) = start(&["--clients", &address, &clients, &millis]);
        let mut this = Self { child, stdout };
        assert_eq!(this.line(), "ready", "the clients are connected");
        this
    }

    /// Waits until the clients have finished.
    pub(crate) fn seen(mut self) -> Seen {
        let line = self.line();
        let mut words = line
            .split(' ')
            .map(|word| word.parse().expect("three numbers"));
        let mut next = || words.next().expect("three numbers");
        let seen = Seen {
            trips: next(),
            seconds: next(),
            p99_ms: next(),
        };
        drop(self.child.stdin.take());
        let _ = self.child.wait();
        seen
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout
            .read_line(&mut line)
            .expect("a line from the clients");
        line.trim_end().to_owned()
    }
}

/// Runs the clients, in the process that was started with `--clients`.
pub(crate) fn clients(address: &str, clients: &str, millis: &str) -> ExitCode {
    let (Ok(address), Ok(clients), Ok(millis)) = (address.parse(), clients.parse(), millis.parse())
    else {
        eprintln!("error: --clients takes an address, a count and milliseconds");
        return ExitCode::from(2);
    };
    stop_with_parent();
    match call(address, clients, Duration::from_millis(millis)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: clients: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Client {
    stream: TcpStream,
    trip: u64,
    sent: Instant,
}

impl Client {
    fn send(&mut self) -> io::Result<()> {
        let mut message = [0; MESSAGE];
        message[..8].copy_from_slice(&self.trip.to_le_bytes());
        self.sent = Instant::now();
        match self.stream.write(&message)? {
            MESSAGE => Ok(()),
            _ => Err(io::Error::other("a message was sent only in part")),
        }
    }

    /// Returns true if the answer has arrived. Returns an error if the answer is wrong.
    fn receive(&mut self) -> io::Result<bool> {
        let mut buffer = [0; BUFFER];
        match self.stream.read(&mut buffer) {
            Ok(MESSAGE) if buffer[..8] == self.trip.to_le_bytes() => Ok(true),
            Ok(_) => Err(io::Error::other("a wrong echo")),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn call(address: SocketAddr, count: usize, time: Duration) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut clients = Vec::with_capacity(count);
    for number in 0..count {
        clients.push(connect(&poll, address, number)?);
    }
    println!("ready");

    let start = Instant::now();
    let mut late: Vec<f64> = Vec::with_capacity(1 << 20);
    for client in &mut clients {
        client.send()?;
    }
    let mut waiting = count;
    // After the time is up, also count the round trips that have already begun.
    let mut seconds = 0.0;
    while waiting > 0 {
        poll.poll(&mut events, None)?;
        for event in &events {
            let client = &mut clients[event.token().0];
            if !client.receive()? {
                continue;
            }
            late.push(client.sent.elapsed().as_secs_f64() * 1e3);
            client.trip += 1;
            if start.elapsed() < time {
                client.send()?;
            } else {
                waiting -= 1;
            }
        }
        seconds = start.elapsed().as_secs_f64();
    }
    let trips = late.len();
    println!(
        "{trips} {seconds} {}",
        percentile(late, 0.99).unwrap_or_default()
    );
    Ok(())
}

/// Connects and makes one blocking round trip, so that the server has accepted this client before the next
/// one connects.
fn connect(poll: &Poll, address: SocketAddr, number: usize) -> io::Result<Client> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut message = [1; MESSAGE];
    stream.write_all(&message)?;
    stream.read_exact(&mut message)?;
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream);
    poll.registry()
        .register(&mut stream, Token(number), Interest::READABLE)?;
    Ok(Client {
        stream,
        trip: 0,
        sent: Instant::now(),
    })
}
