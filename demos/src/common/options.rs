//! The options that every demo understands, and the error of arguments that make no sense.

use std::path::PathBuf;

use clap::Args;

use crate::numbers::whole;

/// The most cooks there can be. Thin air: beyond any machine's cores, and a slip
/// of the finger does not start a million threads.
const COOKS_MAX: u64 = 1024;

/// The options every demo understands.
#[derive(Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Every demo")]
pub(crate) struct Shared {
    /// How many cooks (threads that run tasks); 1,2,4 compares
    ///
    /// A list runs the demo with each number and compares. Without it there is one cook, or a cook a
    /// core where it was built with `--features work-stealing`.
    #[arg(long, global = true, value_name = "N", value_delimiter = ',', value_parser = whole::<usize>(1..=COOKS_MAX))]
    pub(crate) cooks: Vec<usize>,
    /// Print the figures as one JSON object
    ///
    /// `brigade --help` says what its keys mean.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Draw the run: the ending chooses .html, .svg, .mmd or .json (Chrome, Perfetto); - is the terminal
    ///
    /// With several numbers of cooks each run has a file of its own: run.svg becomes run-1cook.svg,
    /// run-2cooks.svg and so on.
    #[arg(long, global = true, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) timeline: Option<PathBuf>,
    /// No colour (NO_COLOR in the environment does the same)
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// No progress while the demo runs
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// Arguments that make no sense, found after parsing: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadArguments(pub(crate) String);

impl BadArguments {
    /// The error to return, ready for `?`.
    pub(crate) fn error(message: impl Into<String>) -> anyhow::Error {
        Self(message.into()).into()
    }
}
