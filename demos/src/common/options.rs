//! The options that every demo understands, and the error for wrong arguments.

use std::path::PathBuf;

use clap::Args;

use crate::numbers::whole;

/// The maximum number of cooks. Arbitrary: more than the cores of any machine, but few enough that a
/// typing error does not start a million threads.
const COOKS_MAX: u64 = 1024;

/// The options that every demo understands.
#[derive(Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Every demo")]
pub(crate) struct Shared {
    /// Number of cooks (threads that run tasks); a list such as 1,2,4 compares them
    ///
    /// With a list, the demo runs once with each number, and the runs are compared. The default is one cook,
    /// or one cook per core in a build with `--features work-stealing`. If a demo uses the number differently,
    /// its help explains how.
    #[arg(long, global = true, value_name = "N", value_delimiter = ',', value_parser = whole::<usize>(1..=COOKS_MAX))]
    pub(crate) cooks: Vec<usize>,
    /// Print the figures as one JSON object
    ///
    /// `brigade --help` explains the keys of the object.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Draw the run into FILE: .html, .svg, .mmd or .json (Chrome, Perfetto); - draws on the terminal
    ///
    /// With several numbers of cooks, each run gets a separate file: run.svg becomes run-1cook.svg,
    /// run-2cooks.svg and so on.
    #[arg(long, global = true, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) timeline: Option<PathBuf>,
    /// Disable colour (NO_COLOR in the environment does the same)
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Show no progress while the demo runs
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// An error in the arguments that is found after parsing: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadArguments(pub(crate) String);

impl BadArguments {
    /// Returns the error, ready for `?`.
    pub(crate) fn error(message: impl Into<String>) -> anyhow::Error {
        Self(message.into()).into()
    }
}
