//! The common code of the command's tests: running the command, and servers that misbehave.

// Each test file is a separate program and uses only a part of this file.
#![allow(dead_code, unreachable_pub)]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use serde_json::Value;

/// The time after which a run counts as hung.
const PATIENCE: Duration = Duration::from_secs(120);

/// Returns the `brigade` command with these arguments. Its output streams are pipes.
pub fn brigade(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brigade"));
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.env_remove("NO_COLOR");
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command
}

/// Runs the command to its end. If the command hangs, kills it and fails the test.
pub fn run(args: &[&str]) -> Run {
    finish(brigade(args).spawn().expect("the command starts"))
}

/// Waits for a command that was started by the test.
pub fn finish(child: Child) -> Run {
    let id = child.id();
    let (ended, watch) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        let hangs = watch.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout);
        if hangs {
            signal(id, rustix::process::Signal::KILL);
        }
        hangs
    });
    let output = child
        .wait_with_output()
        .expect("the command can be waited for");
    drop(ended);
    assert!(!watchdog.join().unwrap(), "the command hung");
    Run::new(&output)
}

/// Sends a signal to a process.
pub fn signal(id: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).expect("the process is there");
}

/// The results of a run.
#[derive(Debug)]
pub struct Run {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    fn new(output: &Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout.clone()).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr.clone()).expect("stderr is UTF-8"),
        }
    }

    /// Parses stdout, which must be one JSON object.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is no JSON: {error}\n{self:?}"))
    }

    /// Asserts that the run was refused: status 2, one line on stderr, nothing on stdout. Returns the line.
    #[track_caller]
    pub fn refused(&self) -> &str {
        assert_eq!(self.status, Some(2), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(self.stderr.starts_with("brigade: "), "{self:?}");
        self.stderr.trim_end()
    }
}

/// Fetches one URL with `options` and returns its entry in `results`.
#[track_caller]
pub fn fetch_one(url: &str, options: &[&str]) -> Value {
    let mut args = vec!["fetch", url, "--json", "-q"];
    args.extend(options);
    let run = run(&args);
    let object = run.json();
    let results = object["results"].as_array().expect("results").clone();
    assert_eq!(results.len(), 1, "{run:?}");
    let failed = !results[0]["error"].is_null();
    assert_eq!(run.status, Some(i32::from(failed)), "{run:?}");
    results.into_iter().next().unwrap()
}

/// Asserts that a result failed with `kind`; returns the whole error.
#[track_caller]
pub fn assert_kind(result: &Value, kind: &str) -> String {
    let error = result["error"]
        .as_str()
        .unwrap_or_else(|| panic!("no error: {result}"));
    assert!(
        error.starts_with(&format!("{kind}: ")),
        "expected {kind}: {result}"
    );
    error.to_owned()
}

/// A server with its own thread, and one thread for each connection.
pub struct Server {
    pub address: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

impl Server {
    /// Serves every connection with `serve`, for as long as the test runs.
    pub fn start(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().unwrap();
        let accepted = Arc::<AtomicUsize>::default();
        let count = accepted.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let serve = serve.clone();
                thread::spawn(move || serve(stream));
            }
        });
        Self { address, accepted }
    }

    /// Starts a server that answers each request with the result of `reply`, until the client hangs up or
    /// sends `connection: close`.
    pub fn answering(reply: impl Fn(&str) -> Vec<u8> + Clone + Send + 'static) -> Self {
        Self::start(move |mut stream| {
            loop {
                let request = read_request(&mut stream);
                if request.is_empty() || stream.write_all(&reply(&request)).is_err() {
                    return;
                }
                if request.contains("connection: close") {
                    return;
                }
            }
        })
    }

    /// Starts a server that reads the request, writes `reply` and hangs up.
    pub fn replying(reply: impl Into<Vec<u8>>) -> Self {
        let reply = reply.into();
        Self::start(move |mut stream| {
            read_request(&mut stream);
            let _ = stream.write_all(&reply);
        })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns how many connections have been accepted so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// Returns the path of a request.
pub fn path_of(request: &str) -> &str {
    request.split(' ').nth(1).unwrap_or_default()
}

/// Reads up to the empty line that ends a request; returns what was read.
pub fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => request.push(byte[0]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&request).into_owned()
}

/// Returns a whole reply with this body.
pub fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Returns an address at which nothing listens.
pub fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}
