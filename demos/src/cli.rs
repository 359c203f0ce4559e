//! The command line: what all demos share, the list of demos, and errors that
//! fit on one line.

use std::{ffi::OsString, fmt, num::NonZeroUsize, path::PathBuf};

use clap::{Args, CommandFactory, Parser, Subcommand, builder::styling::Styles, error::ErrorKind};

use crate::{
    cashier, claims, coffee, equations, fetch, follow, frames, gallery, kitchen, matrix, parts,
    pitfalls, reference, squares, threads,
};

#[derive(Debug, Parser)]
#[command(
    name = "brigade",
    version,
    about = "Concurrency and parallelism, run and measured.",
    long_about = "Concurrency and parallelism, run and measured.\n\n\
        A thread is a cook and a task is a dish. One cook juggling dishes is concurrency; \
        several cooks, each at a dish, is parallelism. Every demo ends with two figures \
        measured from its own run: how many tasks were in flight at most, and how many \
        were being worked on at one instant.",
    after_help = "Exit status: 0 all went well, 1 something failed, 2 bad arguments, 130 ended by Ctrl-C.",
    disable_help_subcommand = true,
    styles = Styles::plain()
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) demo: Option<Demo>,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

/// One line for each demo: this list is the menu and the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Demo {
    /// Fetch from thousands of sockets at once, on one thread (the main job)
    #[command(long_about = fetch::ABOUT, after_long_help = fetch::NOTES)]
    Fetch(fetch::Args),
    /// Noodles and sauce three ways: step by step, one cook juggling, many cooks
    Kitchen(kitchen::Args),
    /// One cashier who switches between customers, and several: who was served when
    Cashier(cashier::Args),
    /// Equations that need one another: more hands help as far as the longest chain
    Equations(equations::Args),
    /// The sum of the squares in chunks: speed-up and efficiency with 1, 2, … cooks
    Squares(squares::Args),
    /// A job cut into P1 to P5: the ideal beside what this machine does
    Parts(parts::Args),
    /// Waiting and chopping by one cook and by many: which problem needs which
    Matrix(matrix::Args),
    /// Four ways to wait for the coffee machine: blocked, asking, told, hired
    #[command(long_about = coffee::ABOUT)]
    Coffee(coffee::Coffee),
    /// A screen at 60 frames a second while something computes: yielding, and hogging
    #[command(long_about = frames::ABOUT)]
    Frames(frames::Frames),
    /// A thread for each waiting request, and more computing threads than cores
    #[command(long_about = threads::ABOUT)]
    Threads(threads::Threads),
    /// One run from three frames: the task's, the thread's and the system's
    #[command(long_about = reference::ABOUT)]
    Reference(reference::Reference),
    /// Four programs with a fault, the advice that names it, and the mended twins
    #[command(long_about = pitfalls::ABOUT)]
    Pitfalls(pitfalls::Args),
    /// One fetch from spawn to the system and back, with the function behind each hop
    #[command(long_about = follow::ABOUT)]
    Follow(follow::Follow),
    /// A web server that holds 1,000 connections and resizes photographs meanwhile
    #[command(long_about = gallery::ABOUT, after_long_help = gallery::NOTES)]
    Gallery(gallery::Args),
    /// The load generator behind `gallery`; it runs in a process of its own
    #[command(hide = true)]
    Visitors(gallery::visitors::Args),
    /// Sixteen things people say, each an experiment with a verdict
    #[command(long_about = claims::ABOUT)]
    Claims(claims::Args),
    /// The server behind `fetch` without a URL; it runs in a process of its own
    #[command(hide = true)]
    Origin(fetch::origin::Args),
}

/// The options every demo understands.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Every demo")]
pub(crate) struct Shared {
    /// How many cooks (threads that run tasks); 1,2,4 compares [default: 1, or a cook a core if built so]
    #[arg(long, global = true, value_name = "N", value_delimiter = ',')]
    pub(crate) cooks: Vec<NonZeroUsize>,
    /// Print the figures as one JSON object
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Draw the run: the ending chooses .html, .svg, .mmd or .json (Chrome, Perfetto); - is the terminal
    #[arg(long, global = true, value_name = "FILE", allow_hyphen_values = true)]
    pub(crate) timeline: Option<PathBuf>,
    /// No colour (NO_COLOR in the environment does the same)
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// No progress while the demo runs
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// What became of the arguments.
#[derive(Debug)]
pub(crate) enum Parsed {
    Run(Cli),
    /// `--help` or `--version`: text for stdout.
    Show(String),
    /// One line that says what is wrong.
    Wrong(String),
}

pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Parsed {
    match Cli::try_parse_from(args) {
        Ok(cli) => Parsed::Run(cli),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Parsed::Show(format!("{}\n", error.to_string().trim_end()))
            }
            _ => Parsed::Wrong(one_line(&error.to_string())),
        },
    }
}

/// What `brigade` alone prints.
pub(crate) fn menu() -> String {
    use fmt::Write as _;
    let mut text = String::from("brigade: concurrency and parallelism, run and measured.\n\n");
    for demo in Cli::command()
        .get_subcommands()
        .filter(|demo| !demo.is_hide_set())
    {
        let about = demo
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        let _ = writeln!(text, "  brigade {:<10} {about}", demo.get_name());
    }
    text.push_str(
        "\nBegin with `brigade kitchen`, then `brigade fetch`. `brigade fetch --help` says what it can\n\
         be asked, and likewise for the others. With `--cooks 1,2` a demo runs with one cook and\n\
         with two and compares, and `--timeline run.html` draws what happened.\n",
    );
    text
}

/// Arguments that make no sense, found after parsing: exit status 2.
#[derive(Debug)]
pub(crate) struct BadArguments(pub(crate) String);

impl BadArguments {
    /// The error to return, ready for `?`.
    pub(crate) fn error(message: impl Into<String>) -> anyhow::Error {
        Self(message.into()).into()
    }
}

impl fmt::Display for BadArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadArguments {}

/// clap explains itself in paragraphs; the first says what is wrong, a line
/// beginning with `tip:` how to mend it, and the rest repeats `--help`.
fn one_line(message: &str) -> String {
    let mut said = Vec::new();
    let mut tip = None;
    for line in message.lines().map(str::trim) {
        if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        }
        match line.strip_prefix("tip: ") {
            Some(text) => tip = tip.or(Some(text)),
            None if line.is_empty() => {}
            None => said.push(line),
        }
    }
    let said = said.join(" ");
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    match tip {
        Some(tip) => format!("{said} ({tip})"),
        None => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &str) -> Parsed {
        parse(words.split(' ').map(OsString::from))
    }

    #[test]
    fn the_command_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn shared_options_stand_before_or_after_the_demo() {
        for words in ["brigade --json -q fetch", "brigade fetch -q --json"] {
            let Parsed::Run(cli) = parse_words(words) else {
                panic!("{words} was refused")
            };
            assert!(cli.shared.json && cli.shared.quiet, "{words}");
        }
    }

    #[test]
    fn a_wrong_argument_is_one_line() {
        for words in [
            "brigade fetsh",
            "brigade fetch --cuont 3",
            "brigade fetch --count",
            "brigade fetch --count x",
            "brigade fetch --concurrency 0",
            "brigade fetch --timeout 0",
            "brigade fetch --timeout -1",
            "brigade fetch --timeout nan",
            "brigade fetch --cooks 0",
            "brigade fetch --cooks 1,,2",
        ] {
            let Parsed::Wrong(line) = parse_words(words) else {
                panic!("{words} was accepted")
            };
            assert!(
                !line.contains('\n') && !line.contains("Usage"),
                "{words}: {line}"
            );
            assert!(!line.starts_with("error"), "{words}: {line}");
            assert!(line.len() > 20, "{words}: {line}");
        }
    }

    #[test]
    fn a_slip_of_the_finger_is_answered_with_a_tip() {
        let Parsed::Wrong(line) = parse_words("brigade fetch --cuont 3") else {
            panic!("accepted")
        };
        assert!(line.contains("--count"), "{line}");
    }

    #[test]
    fn the_menu_and_the_help_name_each_demo_once_and_not_the_origin() {
        let Parsed::Show(help) = parse_words("brigade --help") else {
            panic!("no help")
        };
        for text in [help, menu()] {
            assert!(text.contains("fetch "), "{text}");
            assert!(!text.contains("origin"), "{text}");
        }
    }
}
