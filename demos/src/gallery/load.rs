//! The server's side of the load generator: it starts the child process and reads the lines that it prints.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::ChildStdout,
};

use serde::{Deserialize, Serialize};

use super::args::Args;
use crate::helper::Helper;
use crate::prelude::*;

/// The instructions for the visitors.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Load {
    /// The server.
    pub(crate) address: SocketAddr,
    /// The right checksums of the thumbnails.
    pub(crate) checksums: Vec<u64>,
    pub(crate) args: Args,
}

/// The current figures, as the visitors see them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tick {
    /// The number of requests answered so far.
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    /// The number of requests answered per second.
    pub(crate) rate: f64,
    /// The median of the recent latencies, if there were any requests.
    pub(crate) p50: Option<Duration>,
    /// The 99th percentile of the same latencies.
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

impl Load {
    /// Starts the child process with the visitors. Also returns the lines that it prints.
    pub(crate) fn start(&self) -> anyhow::Result<(Helper, BufReader<ChildStdout>)> {
        let load = serde_json::to_string(self)?;
        Helper::start("visitors", &[format!("--load={load}")])
    }

    /// Parses a load from the command line of the child.
    pub(crate) fn parse(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}

/// Reads the child's lines up to the last one. Blocks meanwhile.
pub(crate) fn listen(
    says: BufReader<ChildStdout>,
    mut heard: impl FnMut(Tick),
) -> anyhow::Result<Visit> {
    for line in says.lines() {
        let said = serde_json::from_str(&line?);
        match said.context("the load generator printed an unknown line")? {
            Said::Tick(tick) => heard(tick),
            Said::Done(visit) => return Ok(visit),
        }
    }
    bail!("the load generator ended too early")
}
