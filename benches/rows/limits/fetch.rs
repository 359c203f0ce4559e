//! The work of `fetch`, done without a runtime: a state machine over mio that connects, sends a request and
//! reads the reply.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    far_end::{Origin, REPLY, REQUEST, reply_byte},
    measure::{Job, Measured, Meter, check},
    work::fetch::CONNECTIONS,
};

struct Fetch {
    stream: TcpStream,
    buffer: Box<[u8]>,
    sent: bool,
    received: usize,
}

impl Fetch {
    /// Writes or reads once, without blocking. Returns true if the reply is complete.
    fn go_on(&mut self, number: usize) -> io::Result<bool> {
        if !self.sent {
            self.buffer[..REQUEST].fill(0);
            self.buffer[..8].copy_from_slice(&number.to_le_bytes());
            self.sent = self.stream.write(&self.buffer[..REQUEST])? == REQUEST;
            check(self.sent, "a request fits");
            return Ok(false);
        }
        let length = self.stream.read(&mut self.buffer)?;
        check(length > 0, "the reply is whole");
        let right = self.buffer[..length]
            .iter()
            .all(|byte| *byte == reply_byte(number));
        check(right, "the reply to this request");
        self.received += length;
        Ok(self.received == REPLY)
    }
}

pub(crate) fn fetch(job: Job) -> Measured {
    let connections = job.size(CONNECTIONS);
    let origin = Origin::start();
    let meter = Meter::start();
    let bytes = run(&origin, connections).expect("loopback sockets");
    let cost = meter.stop();
    check(bytes == connections * REPLY, "the bytes of all replies");
    origin.stop();
    Measured(vec![
        ("wall", cost.wall * 1e3),
        ("cpu", cost.cpu * 1e3),
        ("bytes", f64::NAN),
    ])
}

/// How many connections are begun between two polls for events. With more, connecting would delay the first
/// requests.
const BETWEEN_POLLS: usize = 64;

fn run(origin: &Origin, connections: usize) -> io::Result<usize> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut fetches = Vec::with_capacity(connections);
    let (mut bytes, mut left) = (0, connections);
    while left > 0 {
        let more = connections.min(fetches.len() + BETWEEN_POLLS);
        for number in fetches.len()..more {
            fetches.push(Some(begin(&poll, origin, number)?));
        }
        let timeout = (more < connections).then_some(Duration::ZERO);
        poll.poll(&mut events, timeout)?;
        for event in &events {
            let number = event.token().0;
            let Some(fetch) = &mut fetches[number] else {
                continue;
            };
            match fetch.go_on(number) {
                Ok(false) => {}
                Ok(true) => {
                    bytes += fetch.received;
                    fetches[number] = None;
                    left -= 1;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(bytes)
}

fn begin(poll: &Poll, origin: &Origin, number: usize) -> io::Result<Fetch> {
    let mut stream = TcpStream::connect(origin.address)?;
    // One registration serves both for connecting and for reading the reply.
    let interest = Interest::READABLE | Interest::WRITABLE;
    poll.registry()
        .register(&mut stream, Token(number), interest)?;
    stream.set_nodelay(true)?;
    let buffer = vec![0; REPLY].into_boxed_slice();
    Ok(Fetch {
        stream,
        buffer,
        sent: false,
        received: 0,
    })
}
