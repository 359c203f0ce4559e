//! The server of `fetch`. It accepts any number of connections, and replies to each request with 1 KiB, after
//! a delay of 50 ms.

use std::{
    collections::VecDeque,
    io::{self, BufRead, Read, Write},
    net::SocketAddr,
    os::fd::AsRawFd,
    process::{Child, ExitCode},
    time::{Duration, Instant},
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

use super::{start, stop_with_parent};
use crate::measure::raise_file_limit;

/// The length of a request, in bytes. A request is a number followed by zeros.
pub(crate) const REQUEST: usize = 64;

/// The length of a reply, in bytes. All bytes of a reply have the same value: see [`reply_byte`].
pub(crate) const REPLY: usize = 1024;

const DELAY: Duration = Duration::from_millis(50);

/// Returns the byte that is repeated to make the reply to request `number`.
pub(crate) fn reply_byte(number: usize) -> u8 {
    (number % 251) as u8
}

/// A handle to the running server, in the measuring process.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Origin {
    pub(crate) fn start() -> Self {
        let (child, mut stdout) = start(&["--origin"]);
        let mut line = String::new();
        stdout
            .read_line(&mut line)
            .expect("the origin tells its address");
        let address = line.trim().parse().expect("the origin tells its address");
        Self { address, child }
    }

    pub(crate) fn stop(mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Runs the server, in the process that was started with `--origin`.
pub(crate) fn origin() -> ExitCode {
    stop_with_parent();
    raise_file_limit();
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: origin: {error}");
            ExitCode::FAILURE
        }
    }
}

const LISTENER: Token = Token(usize::MAX);

/// A reply, with the time at which it must be sent.
struct Due {
    at: Instant,
    conn: usize,
    byte: u8,
}

fn serve() -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = listen()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("{}", listener.local_addr()?);

    let mut events = Events::with_capacity(1024);
    let mut conns: Vec<Option<TcpStream>> = Vec::new();
    // Every reply waits equally long, so the queue is always sorted by time.
    let mut due: VecDeque<Due> = VecDeque::new();
    loop {
        let timeout = due
            .front()
            .map(|next| next.at.saturating_duration_since(Instant::now()));
        match poll.poll(&mut events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => other?,
        }
        // Accept connections first, so that the queue of pending connections does not overflow.
        accept(&poll, &listener, &mut conns)?;
        for event in events.iter().filter(|event| event.token() != LISTENER) {
            let conn = event.token().0;
            if let Some(byte) = request(&mut conns[conn]) {
                due.push_back(Due {
                    at: Instant::now() + DELAY,
                    conn,
                    byte,
                });
            }
        }
        reply(&mut due, &mut conns);
    }
}

/// Returns a listener with a long queue of pending connections. A listener of the standard library has a
/// queue that is too short for thousands of clients that connect at the same time. A client that finds the
/// queue full waits for a second.
fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    // SAFETY: `listen` requires only a socket, and the socket is open.
    match unsafe { libc::listen(listener.as_raw_fd(), 16_384) } {
        0 => Ok(listener),
        _ => Err(io::Error::last_os_error()),
    }
}

fn accept(
    poll: &Poll,
    listener: &TcpListener,
    conns: &mut Vec<Option<TcpStream>>,
) -> io::Result<()> {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                stream.set_nodelay(true)?;
                let token = Token(conns.len());
                poll.registry()
                    .register(&mut stream, token, Interest::READABLE)?;
                conns.push(Some(stream));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Reads one request. If the client has disconnected, closes the connection and returns `None`.
fn request(conn: &mut Option<TcpStream>) -> Option<u8> {
    let mut buffer = [0; 2 * REQUEST];
    match conn.as_mut()?.read(&mut buffer) {
        Ok(REQUEST) => {
            let number = buffer[..8].try_into().map(usize::from_le_bytes).ok()?;
            Some(reply_byte(number))
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        Ok(_) | Err(_) => {
            *conn = None;
            None
        }
    }
}

/// Sends the replies that are due. A kilobyte always fits into an empty socket buffer.
fn reply(due: &mut VecDeque<Due>, conns: &mut [Option<TcpStream>]) {
    let now = Instant::now();
    while due.front().is_some_and(|next| next.at <= now) {
        let Some(next) = due.pop_front() else { return };
        let conn = &mut conns[next.conn];
        if let Some(stream) = conn
            && !matches!(stream.write(&[next.byte; REPLY]), Ok(REPLY))
        {
            *conn = None;
        }
    }
}
