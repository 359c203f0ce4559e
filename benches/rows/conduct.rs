//! The conductor: starts one process per measurement, collects the figures, and prints the tables.
//!
//! Each round runs every measurement once. So a slow minute of the machine spoils one round of every
//! runtime, but not all rounds of one runtime.

use std::{
    env, fs, io,
    path::Path,
    process::{Command, ExitCode, Output, Stdio},
};

use clap::Parser;

use brigade_benches::{
    args::Options,
    catalog::{Group, LEFT_OUT, LIMIT, OURS, Row, left_out, row},
    report::{self, digits},
    results::Results,
};

use crate::{about, growth, measure::UNFIT, pick, runtime::WORKERS_VARIABLE};

/// How long a measurement repeats its pass (a fixed number of operations), in milliseconds. This is long
/// enough for several passes of most benchmarks, and short enough to measure both tables in ten minutes.
const BUDGET_MS: u32 = 300;
const QUICK_BUDGET_MS: u32 = 60;

/// Runs the benchmarks that the command line selects.
pub(crate) fn conduct() -> ExitCode {
    let options = Options::parse();
    if options.list {
        print!("{}", report::definitions());
        return ExitCode::SUCCESS;
    }
    if options
        .rows()
        .iter()
        .all(|row| columns(row, &options).next().is_none())
    {
        eprintln!("error: none of the chosen runtimes can run any of the chosen rows");
        return ExitCode::from(2);
    }
    let failed = if options.growth || !options.workers.is_empty() {
        growth::grow(&options)
    } else {
        rows(&options)
    };
    match failed {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the chosen runtimes for which this benchmark exists.
pub(crate) fn columns(row: &str, options: &Options) -> impl Iterator<Item = &'static str> {
    options.runtimes().into_iter().filter(move |runtime| {
        pick::pick(row, runtime).is_some() && left_out(row, runtime).is_none()
    })
}

/// Runs the benchmarks and reports them. Returns true if brigade or a limit (the same work without a runtime)
/// failed.
fn rows(options: &Options) -> io::Result<bool> {
    let plan: Vec<(&'static Row, &'static str)> = options
        .rows()
        .into_iter()
        .filter_map(row)
        .flat_map(|row| columns(row.id, options).map(move |runtime| (row, runtime)))
        .collect();

    let mut results = Results::default();
    if let Some(sentence) = about::busy() {
        eprintln!("note: {sentence}");
        results.note(sentence);
    }
    for entry in LEFT_OUT {
        let rows = entry.rows.iter().filter(|row| options.rows().contains(row));
        let rows: Vec<_> = rows.copied().collect();
        if options.runtimes().contains(&entry.runtime) && !rows.is_empty() {
            let rows = rows.join(", ");
            results.note(format!(
                "{} left out of {rows}: {}",
                entry.runtime, entry.why
            ));
        }
    }
    let mut failed = false;
    let all = plan.len() * options.rounds();
    for round in 0..options.rounds() {
        for (at, (row, runtime)) in plan.iter().enumerate() {
            let said = match measure(row, runtime, options.quick, Scale::Own) {
                Ok(values) => {
                    let mut shown = Vec::new();
                    // NaN means that this column does not have the figure.
                    for (figure, value) in row
                        .figures
                        .iter()
                        .zip(values)
                        .filter(|(_, value)| !value.is_nan())
                    {
                        results.add(row, runtime, figure, value);
                        shown.push(format!("{} {}", digits(value), figure.unit));
                    }
                    shown.join(", ")
                }
                Err(Trouble::Unfit(why)) => {
                    results.note(format!("{}: {runtime} left out: {why}", row.id));
                    format!("left out: {why}")
                }
                Err(Trouble::Failed(why)) => {
                    results.note(format!("{}: {runtime} FAILED: {why}", row.id));
                    failed |= *runtime == OURS || *runtime == LIMIT;
                    format!("FAILED: {why}")
                }
            };
            let done = round * plan.len() + at + 1;
            eprintln!("[{done:>3}/{all}] {:<15} {runtime:<11} {said}", row.id);
        }
    }

    print!("{}", report::terminal(&results));
    if let Some(directory) = &options.write {
        write(directory, &results, options.rounds())?;
    }
    Ok(failed)
}

/// Why a measurement has no figure.
pub(crate) enum Trouble {
    /// The runtime cannot run this benchmark on this machine.
    Unfit(String),
    /// The measurement had a wrong result, panicked or hung.
    Failed(String),
}

#[derive(Clone, Copy)]
pub(crate) enum Scale {
    /// The size that the benchmark itself defines.
    Own,
    /// The given number of tasks, timers or sockets.
    Size(usize),
    /// The given number of workers.
    Workers(usize),
}

/// Takes one measurement in a separate process. Returns one value for each figure of the benchmark.
pub(crate) fn measure(
    row: &Row,
    runtime: &str,
    quick: bool,
    scale: Scale,
) -> Result<Vec<f64>, Trouble> {
    let budget = if quick { QUICK_BUDGET_MS } else { BUDGET_MS };
    let output = env::current_exe().and_then(|this| {
        let mut command = Command::new(this);
        command.args(["--measure", row.id, runtime, &budget.to_string()]);
        match scale {
            Scale::Size(size) => command.arg(size.to_string()),
            Scale::Own | Scale::Workers(_) => command.arg("own"),
        };
        if let Scale::Workers(workers) = scale {
            command.env(WORKERS_VARIABLE, workers.to_string());
        }
        command.stdin(Stdio::null()).output()
    });
    let output = output.map_err(|error| Trouble::Failed(error.to_string()))?;
    if !output.status.success() {
        let why = reason(&output);
        return Err(match output.status.code() {
            Some(UNFIT) => Trouble::Unfit(why),
            _ => Trouble::Failed(why),
        });
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let value = |key: &str| {
        printed
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.parse().ok())
    };
    row.figures
        .iter()
        .map(|figure| value(figure.key))
        .collect::<Option<Vec<f64>>>()
        .ok_or_else(|| Trouble::Failed(format!("it printed {printed:?}")))
}

/// Returns why a measurement has no figure: the first line on stderr that is neither empty nor the location
/// of a panic.
fn reason(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    let told = errors
        .lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with("thread '"))
        .unwrap_or_default();
    if output
        .status
        .code()
        .is_some_and(|code| code == 1 || code == UNFIT)
    {
        return told.to_owned();
    }
    format!("{}: {told}", output.status)
}

fn write(directory: &Path, results: &Results, rounds: usize) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(
        directory.join("rows.md"),
        report::markdown(results, rounds, &about::about()),
    )?;
    fs::write(directory.join("rows.csv"), report::csv(results))?;
    for (name, group) in [
        ("one-thread.svg", Group::One),
        ("two-workers.svg", Group::Two),
    ] {
        if results.any(group) {
            fs::write(directory.join(name), report::bars(results, group))?;
        }
    }
    eprintln!(
        "wrote rows.md, rows.csv and the bars to {}",
        directory.display()
    );
    Ok(())
}
