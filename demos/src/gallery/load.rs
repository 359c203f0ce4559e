//! The load generator as the server's process sees it: a child process and the lines that it prints.

use std::{io::BufRead as _, net::SocketAddr, process::ChildStdout, time::Duration};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::images::Picture;
use crate::helper::Helper;

/// The instructions for the visitors.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Load {
    /// The number of visitors, each with one connection.
    pub(crate) connections: usize,
    /// The time between two requests of a visitor.
    pub(crate) gap: Duration,
    /// The time between two albums.
    pub(crate) albums: Duration,
    /// The duration of the visit; `None` means that it has no end.
    pub(crate) duration: Option<Duration>,
    /// The total number of thumbnails; `None` means that there is no limit.
    pub(crate) images: Option<u64>,
}

/// The current figures, as the visitors see them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tick {
    /// The number of requests answered so far.
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    /// The number of requests answered per second.
    pub(crate) rate: f64,
    /// Recent latencies, if any request was answered.
    pub(crate) p50: Option<Duration>,
    pub(crate) p99: Option<Duration>,
}

/// The final figures of the visitors.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Visit {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    /// The first error.
    pub(crate) error: Option<String>,
    /// The number of thumbnails that arrived and were right.
    pub(crate) images: u64,
    /// The largest number of connections held at the same time.
    pub(crate) held_max: u64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) worst: Duration,
}

/// A line that the child prints, in JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Said {
    Tick(Tick),
    /// The last line.
    Done(Visit),
}

/// The lines that the child prints.
#[derive(Debug)]
pub(crate) struct Lines(std::io::BufReader<ChildStdout>);

impl Load {
    /// Sends the visitors to the server at `address`.
    pub(crate) fn start(
        &self,
        address: SocketAddr,
        album: &[Picture],
    ) -> anyhow::Result<(Helper, Lines)> {
        let checksums = album.iter().map(|picture| picture.checksum.to_string());
        let checksums = checksums.collect::<Vec<_>>().join(",");
        let args = [
            format!("--address={address}"),
            format!("--checksums={checksums}"),
            format!("--load={}", serde_json::to_string(self)?),
        ];
        let (visitors, says) = Helper::start("visitors", &args)?;
        Ok((visitors, Lines(says)))
    }
}

/// Parses a load from the command line of the child.
impl std::str::FromStr for Load {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

impl Lines {
    /// Reads the child's lines up to the last one. Blocks meanwhile.
    pub(crate) fn listen(self, mut heard: impl FnMut(Tick)) -> anyhow::Result<Visit> {
        for line in self.0.lines() {
            match serde_json::from_str(&line?)
                .context("the load generator printed an unknown line")?
            {
                Said::Tick(tick) => heard(tick),
                Said::Done(visit) => return Ok(visit),
            }
        }
        bail!("the load generator ended before its time")
    }
}
