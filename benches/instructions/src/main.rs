//! Counts the instructions and the atomic read-modify-writes of brigade's operations.
//!
//! Unlike times, counts are the same on busy and on idle machines. So noise does not hide a change that makes
//! an operation more expensive. `.ci/instructions` compares the counts with the recorded ones, and needs
//! valgrind and objdump.

mod callgrind;
mod operations;
mod record;

use std::process::ExitCode;

/// The operations that are counted, and how often the first run of [`callgrind::count`] repeats each of them.
const OPERATIONS: [(&str, u64); 7] = [
    ("spawn_join", 20_000),
    ("spawn_await", 10_000),
    ("chained", 10_000),
    ("yield", 20_000),
    ("ping_pong", 5_000),
    ("timer", 10_000),
    ("echo", 2_000),
];

const USAGE: &str =
    "usage: brigade-instructions [--write]           counts instructions, and compares the counts with the record
       brigade-instructions EXECUTOR OPERATION COUNT   runs one operation COUNT times";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [executor, operation, count] => {
            operations::run(
                executor,
                operation,
                count.parse().expect("COUNT is a number"),
            );
            return ExitCode::SUCCESS;
        }
        [] | ["--write"] => {}
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::FAILURE;
        }
    }
    let counted = record::Record::count();
    println!("{counted}");
    if arguments == ["--write"] {
        counted.write();
        return ExitCode::SUCCESS;
    }
    match record::Record::read().compare(&counted) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(grown) => {
            eprintln!("{grown}");
            ExitCode::FAILURE
        }
    }
}
