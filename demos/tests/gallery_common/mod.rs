//! A gallery server, for the tests of its limits and of its page.

#![allow(dead_code, unreachable_pub)]

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    process::{Child, ChildStderr},
    time::Duration,
};

use super::common::{brigade, finish, signal};

/// The time after which a missing reply fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// `brigade gallery --serve` in a separate process.
pub struct Gallery {
    child: Option<Child>,
    /// Kept open, so that the process can write error messages.
    _stderr: BufReader<ChildStderr>,
    pub address: SocketAddr,
}

impl Gallery {
    /// Starts the gallery with a free port, small photographs and no visitors, unless `args` contain
    /// other values.
    pub fn open(args: &[&str]) -> Self {
        let mut all = vec!["gallery", "--serve", "--listen", "127.0.0.1:0"];
        for unless_said in [["--width", "300"], ["--connections", "0"]] {
            if !args.contains(&unless_said[0]) {
                all.extend(unless_said);
            }
        }
        all.extend(args);
        let mut child = brigade(&all).spawn().expect("the command starts");
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let line = wait_for_line(&mut stderr, "http://");
        let (_, rest) = line.split_once("http://").unwrap();
        let address = rest.split('/').next().unwrap().parse().expect("an address");
        Self {
            child: Some(child),
            _stderr: stderr,
            address,
        }
    }

    /// Sends Ctrl-C and returns immediately.
    pub fn interrupt(&self) {
        signal(
            self.child.as_ref().unwrap().id(),
            rustix::process::Signal::INT,
        );
    }

    /// Sends Ctrl-C and waits for the end, which must be orderly.
    pub fn close(mut self) -> String {
        self.interrupt();
        self.wait()
    }

    /// Waits for the end. Returns the output.
    pub fn wait(&mut self) -> String {
        let run = finish(self.child.take().unwrap());
        assert_eq!(run.status, Some(0), "{run:?}");
        run.stdout
    }

    pub fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { stream }
    }

    /// Sends one request on a new connection.
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str) -> Reply {
        self.connect().ask(method, path, &[])
    }
}

impl Drop for Gallery {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Reads lines until one contains `word`, and returns that line.
pub fn wait_for_line(stderr: &mut BufReader<ChildStderr>, word: &str) -> String {
    let mut line = String::new();
    while !line.contains(word) {
        line.clear();
        let count = stderr.read_line(&mut line).expect("a line");
        assert!(count > 0, "the process ended before it printed {word:?}");
    }
    line
}

/// A connection on which the test writes and reads HTTP itself.
pub struct Client {
    pub stream: TcpStream,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Client {
    #[track_caller]
    pub fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Reply {
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n");
        self.send(head.as_bytes());
        self.send(body);
        self.reply().expect("a reply")
    }

    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// Returns the next reply, or `None` if the connection was closed or reset instead.
    pub fn reply(&mut self) -> Option<Reply> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            match self.stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                Ok(_) => return None,
                Err(error) => {
                    assert_ne!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock,
                        "no reply in time"
                    );
                    return None;
                }
            }
        }
        let head = String::from_utf8(head).expect("a head is text");
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<_, _> = headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let length = headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the whole body");
        Some(Reply {
            status,
            headers,
            body,
        })
    }

    /// Returns whether the server closes the connection, after any remaining data.
    pub fn is_closed(&mut self) -> bool {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
            }
        }
    }

    pub fn hang_up(self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
