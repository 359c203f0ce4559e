//! Attacks on the origin (the server behind `fetch` without a URL), which runs on brigade with one thread
//! and a task for each connection. Thousands of attackers are slow, silent or greedy, or send nonsense. They
//! cost the origin only their open connections, and it goes on serving all other clients.
//!
//! `cargo test -p brigade-demos --test attacks -- --nocapture` prints the figures.
#![cfg(target_os = "linux")]

mod common;

use std::{
    fs,
    future::Future,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use brigade::{
    SingleThread,
    net::TcpStream,
    time::{sleep, timeout},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use common::brigade as command;

/// The number of idle connections, if the limit of open files allows so many.
const CROWD: usize = 10_000;

/// The number of attackers in every attack except the idle one.
const BAND: usize = 300;

/// The number of honest requests during each attack. They are sent ten at a time.
const HONEST: usize = 40;

/// The maximum time that an honest client waits for an answer. Without an attack, an answer takes up to half
/// a second. A blocked server would never answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The origin, in a separate process.
struct Victim {
    child: Child,
    addresses: Vec<SocketAddr>,
}

impl Victim {
    fn start() -> Self {
        let mut child = command(&["origin", "--until-stdin-closes"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("the origin starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let addresses: Vec<_> = line
            .split_whitespace()
            .map(|address| address.parse().unwrap())
            .collect();
        assert!(!addresses.is_empty());
        Self { child, addresses }
    }

    fn address(&self, number: usize) -> SocketAddr {
        self.addresses[number % self.addresses.len()]
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.child.id())
    }

    fn descriptors(&self) -> usize {
        fs::read_dir(self.proc("fd")).unwrap().count()
    }

    /// Returns the private memory of the process, in bytes.
    fn memory(&self) -> usize {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kibibytes = line.unwrap().trim().trim_end_matches(" kB");
        kibibytes.parse::<usize>().unwrap() << 10
    }

    /// Waits until the process has closed the attackers' connections.
    async fn recover(&self, descriptors: usize) {
        while self.descriptors() > descriptors {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends one honest request. Returns how long the answer took, in milliseconds.
async fn honest(address: SocketAddr, number: usize) -> u128 {
    let began = Instant::now();
    let whole = async {
        let stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /reply/{number} HTTP/1.1\r\nhost: origin\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = Vec::new();
        let mut buffer = [0; 16 << 10];
        loop {
            let count = stream.read(&mut buffer).await.unwrap();
            if count == 0 {
                break;
            }
            reply.extend_from_slice(&buffer[..count]);
        }
        let head = reply
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let text = std::str::from_utf8(&reply[..head]).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        let length = text.split("content-length: ").nth(1).unwrap();
        let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
        assert_eq!(reply.len() - head - 4, length);
    };
    timeout(PATIENCE, whole)
        .await
        .expect("the origin serves honest clients");
    began.elapsed().as_millis()
}

/// Runs the honest clients, ten at a time. Returns the longest wait.
async fn honest_clients(victim: &Victim) -> u128 {
    let mut longest = 0;
    for first in (0..HONEST).step_by(10) {
        let clients = (first..first + 10).map(|n| brigade::spawn(honest(victim.address(n), n)));
        for client in clients.collect::<Vec<_>>() {
            longest = longest.max(client.await.unwrap());
        }
    }
    longest
}

/// Runs an attack twice, with honest clients during each attack. The second attack must not need noticeably
/// more memory than the first.
fn attack<A, F>(name: &str, attackers: usize, open: A)
where
    A: Fn(SocketAddr, usize) -> F,
    F: Future<Output = Option<TcpStream>> + Send + 'static,
{
    let victim = Victim::start();
    SingleThread::new().unwrap().block_on(async {
        let calm = honest_clients(&victim).await;
        let (descriptors, before) = (victim.descriptors(), victim.memory());
        let mut grown = [0; 2];
        let mut longest = 0;
        for grown in &mut grown {
            let mut band = Vec::with_capacity(attackers);
            let mut tasks = Vec::new();
            for number in 0..attackers {
                tasks.push(brigade::spawn(open(victim.address(number), number)));
                // At most 500 attackers connect at the same time, because the listeners' queues are
                // limited.
                if tasks.len() == 500 || number + 1 == attackers {
                    for task in tasks.drain(..) {
                        band.extend(task.await.unwrap());
                    }
                }
            }
            longest = longest.max(honest_clients(&victim).await);
            *grown = victim.memory().saturating_sub(before);
            drop(band);
            victim.recover(descriptors).await;
        }
        let after = victim.memory().saturating_sub(before);
        println!(
            "{name}: {attackers} attackers; memory grew by {} KiB, in the second wave by {} KiB, and \
             {} KiB stayed; the longest of {HONEST} honest requests took {longest} ms (without an \
             attack {calm} ms)",
            grown[0] >> 10,
            grown[1] >> 10,
            after >> 10,
        );
        // Each connection has a task and a buffer of half a kilobyte. A reply of up to 64 KiB may wait in
        // memory.
        let share = grown[0] / attackers;
        assert!(share < 80 << 10, "{share} bytes an attacker");
        // The allocator may arrange memory differently the second time, so the bound is not exact.
        let room = grown[0] + grown[0] / 4 + (2 << 20);
        assert!(grown[1] <= room, "memory grows: {grown:?}");
        assert!(after <= room, "memory is not freed: {after}");
    });
}

/// Returns how many of the `wanted` connections the limit of open files allows. Raises the limit first.
fn as_many_as_allowed(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let most = limit.maximum.map_or(wanted, |most| most as usize);
    let allowed = wanted.min(most.saturating_sub(200));
    if allowed < wanted {
        eprintln!(
            "SKIPPED in part: the limit of open files allows {allowed} connections, not {wanted}"
        );
    }
    allowed
}

#[test]
fn ten_thousand_who_say_nothing() {
    attack("idle", as_many_as_allowed(CROWD), |address, _| async move {
        TcpStream::connect(address).await.ok()
    });
}

/// Slowloris: the attackers send a request byte by byte and never end it.
#[test]
fn those_who_speak_slowly() {
    attack("slow", BAND, |address, number| async move {
        let stream = TcpStream::connect(address).await.ok()?;
        let request = format!("GET /reply/{number} HTTP/1.1\r\nx-slow: ");
        for byte in request.bytes() {
            stream.write_all(&[byte]).await.ok()?;
            sleep(Duration::from_millis(5)).await;
        }
        Some(stream)
    });
}

/// The attackers send a request and never read the reply.
#[test]
fn those_who_never_read() {
    attack("deaf", BAND, |address, number| async move {
        let stream = TcpStream::connect(address).await.ok()?;
        let request = format!("GET /reply/{number} HTTP/1.1\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        // Wait until the reply has begun to arrive.
        let _ = timeout(PATIENCE, stream.readable()).await;
        Some(stream)
    });
}

/// Each attacker sends one request that never ends, as fast as the server reads.
#[test]
fn those_who_ask_for_too_much() {
    attack("greedy", BAND, |address, _| async move {
        let stream = TcpStream::connect(address).await.ok()?;
        let block = [b'x'; 64 << 10];
        let mut sent = 0;
        // The server reads half a kilobyte and closes the connection.
        while sent < 64 << 20 {
            match timeout(PATIENCE, stream.write(&block)).await {
                Ok(Ok(count)) => sent += count,
                Ok(Err(_)) => return None,
                Err(_) => panic!("the server neither reads nor closes"),
            }
        }
        panic!("the server read 64 MiB of one request");
    });
}

/// The attackers send invalid requests of many shapes. Then each attacker keeps its connection open, shuts
/// down its sending side, or closes the connection.
#[test]
fn those_who_speak_nonsense() {
    attack("mad", BAND, |address, number| async move {
        let stream = TcpStream::connect(address).await.ok()?;
        let mut random = number as u64 + 1;
        let mut draw = move || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        let nonsense: Vec<u8> = match number % 6 {
            0 => (0..draw() % 2_000).map(|_| draw() as u8).collect(),
            1 => b"\r\n\r\n".repeat(200),
            2 => b"GET /reply/99999999999999999999999999 HTTP/1.1\r\n\r\n".to_vec(),
            3 => b"GET /reply/-1 HTTP/9.9\r\n\0\r\n\r\n".to_vec(),
            4 => b"POST /reply/1 HTTP/1.1\r\ncontent-length: 18446744073709551616\r\n\r\n".to_vec(),
            _ => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        };
        let _ = stream.write_all(&nonsense).await;
        match draw() % 3 {
            0 => Some(stream),
            1 => {
                let _ = stream.shutdown(std::net::Shutdown::Write);
                Some(stream)
            }
            _ => None,
        }
    });
}
