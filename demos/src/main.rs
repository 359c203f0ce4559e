//! The `brigade` command: programs that show concurrency and parallelism, each measured during its own run.
//! A *cook* is a worker: a thread that runs tasks.
//!
//! Reading order:
//!
//! 1. this file: which demo runs
//! 2. [`dish`]: the trait that every demo implements, and the loop that runs a demo for each number of cooks
//! 3. [`cooks`]: the executor of a run, which is chosen at run time
//! 4. [`report`]: the figures at the end of every demo
//! 5. [`measure`](common::measure): a measured run of one program on one executor
//! 6. [`work`]: what the tasks of the demos do, computing and waiting
//! 7. [`kitchen`], the demo to begin with, then the others; [`fetch`], the main demo, has its own directory
//!
//! Exit status: 0 if all went well, 1 if something failed, 2 if the arguments were wrong, and 130 if
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

// With this, a demo can write `crate::units` instead of `crate::common::units`.
use common::{
    compare, cooks, dish, facts, figures, gauge, helper, interrupt, numbers, options, paint,
    prelude, progress, report, system, units, work,
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
    paint::begin(&shared);
    let Some(demo) = demo else {
        return Ok(show(&cli::menu()));
    };
    let dish: Box<dyn dish::Dish> = match demo {
        Demo::Fetch(args) => Box::new(fetch::Plan::new(args, &shared)?),
        Demo::Kitchen(args) => Box::new(args),
        Demo::Cashier(args) => Box::new(args),
        Demo::Equations(args) => Box::new(args),
        Demo::Squares(args) => Box::new(squares::Squares::new(&args, &shared)),
        Demo::Parts(args) => Box::new(args),
        Demo::Matrix(args) => Box::new(args),
        Demo::Coffee(coffee) => Box::new(coffee),
        Demo::Frames(frames) => Box::new(frames),
        Demo::Threads(threads) => Box::new(threads),
        Demo::Reference(reference) => Box::new(reference),
        Demo::Pitfalls(args) => Box::new(args),
        Demo::Follow(follow) => Box::new(follow),
        Demo::Gallery(args) => Box::new(gallery::Gallery::new(args, &shared)?),
        Demo::Visitors(args) => return gallery::visitors::visit(args).map(|()| ExitCode::SUCCESS),
        Demo::Claims(args) => return claims::run(&args, &shared),
        Demo::Origin(args) => return fetch::origin::serve(&args).map(|()| ExitCode::SUCCESS),
    };
    dish::run(&shared, &*dish)
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
