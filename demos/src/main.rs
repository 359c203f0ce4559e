//! The `brigade` command: programs that show concurrency and parallelism, each measured during its own
//! run.
//!
//! Reading order: this file (which demo runs), [`dish`] (the choice of the executor at run time),
//! [`report`] (the figures at the end of every demo), [`measure`] (one program on one executor), [`work`]
//! (the work of the demos), then the demos. [`kitchen`] is the first one to run. [`fetch`] is the main
//! job and has its own directory.
//!
//! Exit status: 0 if all went well, 1 if something failed, 2 for arguments that make no sense, 130 if
//! Ctrl-C ended the run early.

mod cli;
mod common;

mod cashier;
mod claims;
mod coffee;
mod equations;
mod fetch;
mod follow;
mod frames;
mod gallery;
mod kitchen;
mod matrix;
mod parts;
mod pitfalls;
mod reference;
mod squares;
mod threads;

// With this, any demo can write `crate::units`.
use common::{
    arithmetic, columns, compare, cooks, dish, figures, gauge, helper, interrupt, look, meanwhile,
    measure, minute, numbers, options, paint, record, report, speed_up, system, units, usage, work,
};

use std::process::ExitCode;

use cli::{Cli, Demo, Parsed};
use interrupt::Interrupted;

fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Parsed::Run(cli) => *cli,
        Parsed::Show(text) => return show(&text),
        Parsed::Wrong(line) => return complain(&line, 2),
    };
    match run(cli) {
        Ok(exit) => exit,
        Err(error) if error.is::<options::BadArguments>() => complain(&one_line(&error), 2),
        Err(error) if error.is::<Interrupted>() => complain(&one_line(&error), interrupt::STATUS),
        Err(error) => complain(&one_line(&error), 1),
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { shared, demo } = cli;
    match demo {
        None => Ok(show(&cli::menu())),
        Some(Demo::Fetch(args)) => {
            let plan = fetch::Plan::new(args, &shared)?;
            dish::run(&shared, &plan)
        }
        Some(Demo::Kitchen(args)) => dish::run(&shared, &args),
        Some(Demo::Cashier(args)) => dish::run(&shared, &args),
        Some(Demo::Equations(args)) => dish::run(&shared, &args),
        Some(Demo::Squares(args)) => dish::run(&shared, &squares::Squares::new(&args, &shared)),
        Some(Demo::Parts(args)) => dish::run(&shared, &args),
        Some(Demo::Matrix(args)) => dish::run(&shared, &args),
        Some(Demo::Coffee(coffee)) => dish::run(&shared, &coffee),
        Some(Demo::Frames(frames)) => dish::run(&shared, &frames),
        Some(Demo::Threads(threads)) => dish::run(&shared, &threads),
        Some(Demo::Reference(reference)) => dish::run(&shared, &reference),
        Some(Demo::Pitfalls(args)) => dish::run(&shared, &args),
        Some(Demo::Follow(follow)) => dish::run(&shared, &follow),
        Some(Demo::Gallery(args)) => {
            let gallery = gallery::Gallery::new(args, &shared)?;
            dish::run(&shared, &gallery)
        }
        Some(Demo::Visitors(args)) => gallery::visitors::visit(args).map(|()| ExitCode::SUCCESS),
        Some(Demo::Claims(args)) => claims::run(&args, &shared),
        Some(Demo::Origin(args)) => fetch::origin::serve(&args).map(|()| ExitCode::SUCCESS),
    }
}

/// Prints `text`. A closed pipe (`brigade --help | head -1`) is not an error.
fn show(text: &str) -> ExitCode {
    report::write_stdout(text);
    ExitCode::SUCCESS
}

fn complain(line: &str, status: u8) -> ExitCode {
    eprintln!("brigade: {line}");
    ExitCode::from(status)
}

/// Returns the error and its causes on one line, even if they contain line breaks.
fn one_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
