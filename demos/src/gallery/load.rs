//! The load generator as the server's process sees it: a child, and the lines it says.

use std::{io::BufRead as _, net::SocketAddr, process::ChildStdout, time::Duration};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::images::Picture;
use crate::helper::Helper;

/// What the visitors are to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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

/// A line of the child, in JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Said {
    Tick(Tick),
    /// The last line.
    Done(Visit),
}

/// What the child says.
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

/// A load as it stands on the command line of the child.
impl std::str::FromStr for Load {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

impl Lines {
    /// Reads what the child says until its last words; blocks meanwhile.
    pub(crate) fn listen(self, mut heard: impl FnMut(Tick)) -> anyhow::Result<Visit> {
        for line in self.0.lines() {
            match serde_json::from_str(&line?).context("the load generator babbles")? {
                Said::Tick(tick) => heard(tick),
                Said::Done(visit) => return Ok(visit),
            }
        }
        bail!("the load generator ended before its time")
    }
}
