//! The command line: the list of demos, and errors that fit on one line ([`wrong`]).
//!
//! Only this file and `main` list the demos. No demo depends on this file.

mod wrong;

use std::ffi::OsString;

use clap::{
    Arg, Command, CommandFactory, FromArgMatches as _, Parser, Subcommand,
    builder::styling::Styles, error::ErrorKind,
};

use crate::{
    cashier, claims, coffee, equations, fetch, follow, frames, gallery, helper::Hidden, kitchen,
    matrix, options::Shared, parts, pitfalls, reference, squares, threads,
};

/// The text below the help of the whole command.
const NOTES: &str = "--json prints one object. With every demo, the object has these keys; the demo's own \
    --help lists further keys:\n  \
    demo, verdict    the demo's name, and the sentence at the end of its report\n  \
    cooks            the number of threads that run tasks\n  \
    wall_s, cpu_s    how long the run took; its time on a processor (null if unknown)\n  \
    in_flight_max    the largest number of tasks begun and not finished at one instant: concurrency\n  \
    at_once_max      the largest number of tasks being polled at one instant: parallelism\n  \
    busy             for each cook, the share of the time that it spent in polls\n  \
    waiting_share    the share of the tasks' lifetimes that they spent waiting\n\
    With --cooks 1,2 these keys describe the last run. `runs` has an object for each run, and \
    `comparison` compares the runs. A key that ends in _s is in seconds; shares are from 0 to 1.\n\n\
    Exit status: 0 all went well, 1 something failed, 2 bad arguments, 130 ended by Ctrl-C.\n\n\
    `brigade` is target/release/brigade after a build. To build and run it, write `cargo run \
    --release --` in place of `brigade`.";

#[derive(Debug, Parser)]
#[command(
    name = "brigade",
    version,
    about = "Concurrency and parallelism, run and measured.",
    long_about = "Concurrency and parallelism, run and measured.\n\n\
        A cook is a thread that runs tasks, and a dish is a task. One cook who works on several dishes \
        in turn is concurrency. Several cooks who work on dishes at the same instant are parallelism. \
        Nearly every demo prints two figures measured from its own run: the largest number of tasks in \
        flight (begun and not finished), and the largest number of tasks being polled (run by a cook \
        until they wait, yield or end) at one instant.",
    after_long_help = NOTES,
    subcommand_help_heading = "Demos",
    subcommand_value_name = "DEMO",
    styles = Styles::plain()
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) demo: Option<Demo>,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

/// The demos, in the order of the menu. The help text of each demo is in the demo's own file.
#[derive(Debug, Subcommand)]
pub(crate) enum Demo {
    Fetch(fetch::Args),
    Kitchen(kitchen::Args),
    Cashier(cashier::Args),
    Equations(equations::Args),
    Squares(squares::Args),
    Parts(parts::Args),
    Matrix(matrix::Args),
    Coffee(coffee::Coffee),
    Frames(frames::Frames),
    Threads(threads::Threads),
    Reference(reference::Reference),
    Pitfalls(pitfalls::Args),
    Follow(follow::Follow),
    Gallery(gallery::Args),
    /// The load generator behind `gallery`; it runs in a separate process
    #[command(hide = true)]
    Visitors(gallery::visitors::Args),
    Claims(claims::Args),
    /// The server behind `fetch` without a URL; it runs in a separate process
    #[command(hide = true)]
    Origin(Hidden),
}

/// The result of parsing the arguments.
#[derive(Debug)]
pub(crate) enum Parsed {
    Run(Box<Cli>),
    /// The output of `--help` or `--version`, for stdout.
    Show(String),
    /// One line that describes the mistake.
    Wrong(String),
}

pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Parsed {
    let matches = command().try_get_matches_from(args);
    match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) if cli.demo.is_none() && cli.shared != Shared::default() => Parsed::Wrong(
            "these options need a demo, and no demo is given: write, for example, `brigade kitchen --cooks 2`"
                .to_owned(),
        ),
        Ok(cli) => Parsed::Run(Box::new(cli)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Parsed::Show(format!("{}\n", error.to_string().trim_end()))
            }
            _ => Parsed::Wrong(wrong::line(&error)),
        },
    }
}

/// Returns the command. If an option takes a value, `-1` after it is parsed as that value, not as an
/// unknown option.
fn command() -> Command {
    let numbers = |arg: Arg| {
        let takes_value = !arg.is_positional() && arg.get_action().takes_values();
        arg.allow_negative_numbers(takes_value)
    };
    let command = Cli::command().mut_args(numbers);
    let mut command = command.mut_subcommands(|demo| notes_last(demo.mut_args(numbers)));
    // `build` adds the `help` subcommand. Its text uses the word "subcommand" for a demo, so replace the
    // text.
    command.build();
    command.mut_subcommand("help", |help| {
        help.about("Print the same text as --help, for the command or for one demo")
    })
}

/// Moves the `# Notes` of a demo's help to its end, after the options.
fn notes_last(demo: Command) -> Command {
    let text = demo.get_long_about().map(ToString::to_string);
    match text
        .as_deref()
        .and_then(|text| text.split_once("\n\n# Notes\n\n"))
    {
        Some((about, notes)) => demo
            .long_about(about.to_owned())
            .after_long_help(notes.to_owned()),
        None => demo,
    }
}

/// Returns the text that `brigade` without arguments prints.
pub(crate) fn menu() -> String {
    use std::fmt::Write as _;
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
        "\nBegin with `brigade kitchen`, then `brigade fetch`. `brigade fetch --help` lists the\n\
         options of `fetch`; `--help` works for every demo. With `--cooks 1,2`, a demo runs with one\n\
         cook and with two, and compares the runs. `--timeline run.html` draws the run.\n\n\
         `brigade` is target/release/brigade after a build. To build and run it, write\n\
         `cargo run --release --` in place of `brigade`.\n",
    );
    text
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
            "brigade fetch --retries -1",
            "brigade kitchen 5",
            "brigade kitchen --minute 1 --minute 2",
            "brigade gallery --place roof",
            "brigade pitfalls fall",
            "brigade kitchen --json=5",
            "brigade --cooks 2",
            "brigade help fetsh",
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
            // A user need not know these words of programmers.
            for jargon in ["subcommand", "invalid", "non-zero", "parse", "found"] {
                assert!(!line.contains(jargon), "{words}: {line}");
            }
        }
    }

    /// If an option takes a number, the error for a wrong value names the numbers that are accepted.
    #[test]
    fn a_number_that_is_none_is_answered_with_what_is_taken() {
        for demo in command()
            .get_subcommands()
            .filter(|demo| !demo.is_hide_set())
        {
            for option in demo.get_opts() {
                let wants = option.get_value_names().map(|names| names[0].as_str());
                if !matches!(wants, Some("N" | "MS" | "S" | "BYTES" | "PIXELS")) {
                    continue;
                }
                let name = option.get_long().unwrap();
                for value in ["x", "-1"] {
                    let words = format!("brigade {} --{name} {value}", demo.get_name());
                    let Parsed::Wrong(line) = parse_words(&words) else {
                        panic!("{words} was accepted")
                    };
                    let begin = format!("--{name} {value}: must be ");
                    assert!(line.starts_with(&begin), "{words}: {line}");
                }
            }
        }
    }

    #[test]
    fn help_is_a_word_too() {
        let show = |words| match parse_words(words) {
            Parsed::Show(text) => text,
            other => panic!("{words}: {other:?}"),
        };
        assert_eq!(show("brigade help"), show("brigade --help"));
        assert_eq!(show("brigade help kitchen"), show("brigade kitchen --help"));
    }

    #[test]
    fn a_slip_of_the_finger_is_answered_with_a_tip() {
        let Parsed::Wrong(line) = parse_words("brigade fetch --cuont 3") else {
            panic!("accepted")
        };
        assert!(line.contains("--count"), "{line}");
        let Parsed::Wrong(line) = parse_words("brigade kitchn") else {
            panic!("accepted")
        };
        assert!(line.contains("did you mean kitchen?"), "{line}");
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
