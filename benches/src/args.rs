//! The command line of `cargo bench -p brigade-benches -- ...`.

use std::path::PathBuf;

use clap::Parser;

use crate::catalog::{Group, ROWS, RUNTIMES, row};

/// Runs benchmarks (the rows of the tables) on brigade, on other runtimes, and without a runtime (the column
/// `limit`).
#[derive(Debug, Parser)]
#[command(name = "rows", bin_name = "cargo bench -p brigade-benches --")]
pub struct Options {
    /// The name of a row, `one` (all rows on one thread), `two` (all rows on two workers), or a prefix with a
    /// star, such as `echo*` [default: all rows]
    #[arg(value_name = "ROW", value_parser = matching)]
    words: Vec<Rows>,

    /// Measure only these columns. The column tokio-alt is tokio's alternative timer, and requires a build
    /// with RUSTFLAGS="--cfg tokio_unstable"
    #[arg(long, value_name = "RUNTIME,...", value_delimiter = ',', value_parser = runtime)]
    only: Vec<&'static str>,

    /// Take every measurement N times and show the medians [default: 3, or 1 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: Option<u16>,

    /// Run only one round, with fewer passes. This takes about two minutes
    #[arg(long)]
    pub quick: bool,

    /// Instead of all rows, measure some rows at several sizes, to show how the cost grows with the number of
    /// tasks, timers and sockets
    #[arg(long)]
    pub growth: bool,

    /// Instead of all rows, measure some rows once for each of these numbers of workers. The columns are
    /// brigade, tokio, smol and nio, unless `--only` names others
    #[arg(long, value_name = "N,...", value_delimiter = ',', conflicts_with = "growth",
          value_parser = clap::value_parser!(u8).range(1..))]
    pub workers: Vec<u8>,

    /// Also write rows.md, rows.csv and the bars as SVG into this directory. A relative path starts at
    /// benches/, because cargo runs this program there
    #[arg(long, value_name = "DIR")]
    pub write: Option<PathBuf>,

    /// Print the rows and their definitions, and exit
    #[arg(long)]
    pub list: bool,

    /// The argument that cargo passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Returns the chosen rows in the order of the catalog.
    #[must_use]
    pub fn rows(&self) -> Vec<&'static str> {
        let chosen: Vec<_> = self.words.iter().flat_map(|rows| &rows.0).collect();
        let ids = ROWS.iter().map(|row| row.id);
        ids.filter(|id| chosen.is_empty() || chosen.contains(&id))
            .collect()
    }

    /// Returns the chosen columns in the order of the tables.
    #[must_use]
    pub fn runtimes(&self) -> Vec<&'static str> {
        let default = match self.workers.is_empty() {
            true => RUNTIMES,
            false => &["brigade", "tokio", "smol", "nio"],
        };
        let all = RUNTIMES.iter().copied();
        let chosen = match self.only.is_empty() {
            true => default,
            false => &self.only,
        };
        all.filter(|runtime| chosen.contains(runtime)).collect()
    }

    /// Returns how many times every measurement is taken.
    #[must_use]
    pub fn rounds(&self) -> usize {
        let default = if self.quick { 1 } else { 3 };
        self.rounds.unwrap_or(default).into()
    }
}

/// The rows that one argument selects.
#[derive(Clone, Debug)]
struct Rows(Vec<&'static str>);

fn matching(word: &str) -> Result<Rows, String> {
    let all = |group| ROWS.iter().filter(move |row| row.group == group);
    let found: Vec<_> = match (word, word.strip_suffix('*')) {
        ("one", _) => all(Group::One).collect(),
        ("two", _) => all(Group::Two).collect(),
        (_, Some(start)) => ROWS
            .iter()
            .filter(|row| row.id.starts_with(start))
            .collect(),
        _ => row(word).into_iter().collect(),
    };
    if found.is_empty() {
        return Err("there is no such row; --list prints all rows".to_owned());
    }
    Ok(Rows(found.iter().map(|row| row.id).collect()))
}

fn runtime(word: &str) -> Result<&'static str, String> {
    let found = RUNTIMES.iter().copied().find(|runtime| *runtime == word);
    found.ok_or_else(|| format!("no such runtime; there are {}", RUNTIMES.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn run(words: &str) -> Result<Options, String> {
        let words = ["rows"].into_iter().chain(words.split_whitespace());
        Options::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_means_everything() {
        Options::command().debug_assert();
        let options = run("--bench").unwrap();
        assert_eq!(options.rows().len(), ROWS.len());
        assert_eq!(options.runtimes(), RUNTIMES);
        assert_eq!((options.rounds(), options.quick), (3, false));
    }

    #[test]
    fn rows_come_in_the_order_of_the_catalog() {
        let options = run("yield spawn_join yield --only tokio,brigade --quick").unwrap();
        assert_eq!(options.rows(), ["spawn_join", "yield"]);
        assert_eq!(options.runtimes(), ["brigade", "tokio"]);
        assert_eq!(options.rounds(), 1);
        let options = run("--workers 2,64").unwrap();
        assert_eq!(options.workers, [2, 64]);
        assert_eq!(options.runtimes(), ["brigade", "tokio", "smol", "nio"]);
        let rows = |words| run(words).unwrap().rows();
        assert_eq!(rows("echo*"), ["echo1", "echo100", "echo1000"]);
        assert!(rows("two").iter().all(|id| id.starts_with("m_")));
    }

    #[test]
    fn mistakes_are_named() {
        for (words, said) in [
            ("spawn_jion", "'spawn_jion'"),
            ("--only tokyo", "there are brigade, tokio"),
            ("--rounds 0", "0 is not in 1..=1000"),
            ("--rounds", "a value is required"),
            ("--fast", "unexpected argument '--fast'"),
        ] {
            let error = run(words).unwrap_err();
            assert!(error.contains(said), "{words}: {error}");
        }
    }
}
