//! The command line of `cargo bench -p brigade-benches -- …`.

use std::path::PathBuf;

use crate::catalog::{Group, ROWS, RUNTIMES, row};

/// What `--help` prints.
pub const HELP: &str = "\
Rows of brigade beside its peers and the limits, measured in one run.

usage: cargo bench -p brigade-benches -- [OPTION]... [ROW]...

ROW is a row's name, `one` (every row on one thread) or `two` (every row on two
workers). With no ROW all of them run. A trailing `*` takes every row that
begins so: `echo*`.

options:
  --quick              fewer rounds and shorter passes, for a look in two minutes
  --rounds N           rounds, interleaved; the table shows medians [3, with --quick 1]
  --only RUNTIME,...   only these columns
  --write DIR          also write rows.md, rows.csv and the bars as SVG into DIR
                       (cargo runs this in benches/, so ../docs is at the root)
  --growth             how cost grows with tasks, timers and sockets, instead of the rows
  --list               print the rows and their definitions, then stop
  -h, --help           print this, then stop
";

/// What a run was asked to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Print [`HELP`].
    Help,
    /// Print the catalog.
    List,
    /// Measure.
    Run(Options),
}

/// What to measure, and how long.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// Names from the catalog, in its order.
    pub rows: Vec<&'static str>,
    /// Columns, in the order of the tables.
    pub runtimes: Vec<&'static str>,
    /// How often every measurement is taken.
    pub rounds: usize,
    /// Shorter passes.
    pub quick: bool,
    /// Sizes instead of rows.
    pub growth: bool,
    /// Where to write the report.
    pub write: Option<PathBuf>,
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// A sentence that names the argument that was not understood.
pub fn parse<I: IntoIterator<Item = String>>(arguments: I) -> Result<Command, String> {
    let mut rows: Vec<&'static str> = Vec::new();
    let mut only: Option<Vec<&'static str>> = None;
    let mut rounds = None;
    let (mut quick, mut growth) = (false, false);
    let mut write = None;

    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let (name, inline) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (argument.as_str(), None),
        };
        let mut value = || {
            inline
                .clone()
                .or_else(|| arguments.next())
                .filter(|value| !value.is_empty())
                .ok_or_else(|| format!("{name} needs a value"))
        };
        match name {
            "-h" | "--help" => return Ok(Command::Help),
            "--list" => return Ok(Command::List),
            "--quick" => quick = true,
            "--growth" => growth = true,
            // cargo itself appends it to whatever it calls a benchmark.
            "--bench" => {}
            "--rounds" => rounds = Some(count(&value()?)?),
            "--only" => only = Some(columns(&value()?)?),
            "--write" => write = Some(PathBuf::from(value()?)),
            _ if name.starts_with('-') => {
                return Err(format!("unknown option {argument}; --help lists them"));
            }
            _ => rows.extend(matching(&argument)?),
        }
    }

    Ok(Command::Run(Options {
        rows: in_order(ROWS.iter().map(|row| row.id), &rows),
        runtimes: only.unwrap_or_else(|| RUNTIMES.to_vec()),
        rounds: rounds.unwrap_or(if quick { 1 } else { 3 }),
        quick,
        growth,
        write,
    }))
}

fn count(word: &str) -> Result<usize, String> {
    word.parse()
        .ok()
        .filter(|rounds| (1..=1000).contains(rounds))
        .ok_or_else(|| format!("--rounds takes a number from 1 to 1000, not {word:?}"))
}

fn columns(list: &str) -> Result<Vec<&'static str>, String> {
    let mut chosen = Vec::new();
    for word in list.split(',').map(str::trim) {
        match RUNTIMES.iter().find(|runtime| **runtime == word) {
            Some(runtime) => chosen.push(*runtime),
            None => {
                return Err(format!(
                    "unknown runtime {word:?}; there are {}",
                    RUNTIMES.join(", ")
                ));
            }
        }
    }
    Ok(in_order(RUNTIMES.iter().copied(), &chosen))
}

fn matching(word: &str) -> Result<Vec<&'static str>, String> {
    let found: Vec<_> = match (word, word.strip_suffix('*')) {
        ("one", _) => group(Group::One),
        ("two", _) => group(Group::Two),
        (_, Some(start)) => ROWS
            .iter()
            .map(|row| row.id)
            .filter(|id| id.starts_with(start))
            .collect(),
        _ => row(word).map(|row| row.id).into_iter().collect(),
    };
    if found.is_empty() {
        return Err(format!("unknown row {word:?}; --list names them"));
    }
    Ok(found)
}

fn group(group: Group) -> Vec<&'static str> {
    ROWS.iter()
        .filter(|row| row.group == group)
        .map(|row| row.id)
        .collect()
}

/// Those of `all` that were chosen, once each; all of them if none was.
fn in_order(all: impl Iterator<Item = &'static str>, chosen: &[&'static str]) -> Vec<&'static str> {
    all.filter(|name| chosen.is_empty() || chosen.contains(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &str) -> Result<Options, String> {
        match parse(words.split_whitespace().map(str::to_owned))? {
            Command::Run(options) => Ok(options),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_means_everything() {
        let options = run("--bench").unwrap();
        assert_eq!(options.rows.len(), ROWS.len());
        assert_eq!(options.runtimes, RUNTIMES);
        assert_eq!((options.rounds, options.quick), (3, false));
    }

    #[test]
    fn rows_come_in_the_order_of_the_catalog() {
        let options = run("yield spawn_join yield --only tokio,brigade --quick").unwrap();
        assert_eq!(options.rows, ["spawn_join", "yield"]);
        assert_eq!(options.runtimes, ["brigade", "tokio"]);
        assert_eq!(options.rounds, 1);
        assert_eq!(run("echo*").unwrap().rows, ["echo1", "echo100", "echo1000"]);
        assert!(
            run("two")
                .unwrap()
                .rows
                .iter()
                .all(|id| id.starts_with("m_"))
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (words, said) in [
            ("spawn_jion", "unknown row \"spawn_jion\""),
            ("--only tokyo", "unknown runtime \"tokyo\""),
            ("--rounds 0", "not \"0\""),
            ("--rounds", "--rounds needs a value"),
            ("--fast", "unknown option --fast"),
            ("--write=", "--write needs a value"),
        ] {
            let error = run(words).unwrap_err();
            assert!(error.contains(said), "{words}: {error}");
        }
    }
}
