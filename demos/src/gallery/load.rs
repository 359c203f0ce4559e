//! The load generator as the server's process sees it: a child, and the lines it says.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use serde_json::Value;

use super::images::Picture;

/// What the visitors are to do.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// Visitors, each with one connection.
    pub(crate) connections: usize,
    /// From one request of a visitor to the next.
    pub(crate) gap: Duration,
    /// From one album to the next.
    pub(crate) albums: Duration,
    /// For how long; without an end if `None`.
    pub(crate) duration: Option<Duration>,
    /// Thumbnails in all; without an end if `None`.
    pub(crate) images: Option<u64>,
}

/// How it goes, as the visitors see it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tick {
    /// Requests answered so far.
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    /// Requests answered in a second.
    pub(crate) rate: f64,
    /// Latencies since the last tick, if any request was answered.
    pub(crate) p50: Option<Duration>,
    pub(crate) p99: Option<Duration>,
}

/// What the visitors saw, all in all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visit {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    /// The first error.
    pub(crate) error: Option<String>,
    /// Thumbnails that arrived and were right.
    pub(crate) images: u64,
    /// Connections that were held at one time.
    pub(crate) held_max: u64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) worst: Duration,
}

/// The child; ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Visitors {
    child: Child,
}

/// What the child says.
#[derive(Debug)]
pub(crate) struct Lines(BufReader<ChildStdout>);

impl Load {
    /// Sends the visitors to the server at `address`.
    pub(crate) fn start(
        &self,
        address: SocketAddr,
        album: &[Picture],
    ) -> anyhow::Result<(Visitors, Lines)> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let sums: Vec<_> = album
            .iter()
            .map(|picture| picture.checksum.to_string())
            .collect();
        let millis = |time: Duration| time.as_millis().to_string();
        let mut command = Command::new(program);
        command.arg("visitors").arg("--until-stdin-closes");
        command.args(["--address", &address.to_string()]);
        command.args(["--connections", &self.connections.to_string()]);
        command.args([
            "--gap-ms",
            &millis(self.gap),
            "--album-ms",
            &millis(self.albums),
        ]);
        command.args(["--checksums", &sums.join(",")]);
        if let Some(duration) = self.duration {
            command.args(["--duration-ms", &millis(duration)]);
        }
        if let Some(images) = self.images {
            command.args(["--images", &images.to_string()]);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the load generator")?;
        let stdout = child.stdout.take();
        let visitors = Visitors { child };
        let stdout = stdout.context("the load generator has no output")?;
        Ok((visitors, Lines(BufReader::new(stdout))))
    }
}

impl Visitors {
    /// Asks them to leave. They say what they have seen, and end.
    pub(crate) fn dismiss(&mut self) {
        drop(self.child.stdin.take());
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        // The child ends by itself when its stdin closes, which also happens when this
        // process is killed. Here it is told outright, to be done at once.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lines {
    /// Reads what the child says until its last words; blocks meanwhile.
    pub(crate) fn listen(self, mut heard: impl FnMut(Tick)) -> anyhow::Result<Visit> {
        for line in self.0.lines() {
            let line: Value = serde_json::from_str(&line?).context("the load generator babbles")?;
            match (line.get("tick"), line.get("done")) {
                (Some(tick), _) => heard(Tick::read(tick)),
                (_, Some(done)) => return Ok(Visit::read(done)),
                _ => {}
            }
        }
        Err(anyhow!("the load generator ended before its time"))
    }
}

fn number(object: &Value, key: &str) -> u64 {
    object[key].as_u64().unwrap_or(0)
}

fn time(object: &Value, key: &str) -> Option<Duration> {
    object[key].as_u64().map(Duration::from_micros)
}

impl Tick {
    fn read(object: &Value) -> Self {
        Self {
            requests: number(object, "requests"),
            errors: number(object, "errors"),
            rate: object["rate"].as_f64().unwrap_or(0.0),
            p50: time(object, "p50_us"),
            p99: time(object, "p99_us"),
        }
    }
}

impl Visit {
    fn read(object: &Value) -> Self {
        let time = |key| time(object, key).unwrap_or_default();
        Self {
            requests: number(object, "requests"),
            errors: number(object, "errors"),
            error: object["error"].as_str().map(str::to_owned),
            images: number(object, "images"),
            held_max: number(object, "held_max"),
            p50: time("p50_us"),
            p99: time("p99_us"),
            worst: time("worst_us"),
        }
    }
}
