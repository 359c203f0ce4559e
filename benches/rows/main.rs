//! The benchmark itself: `cargo bench -p brigade-benches -- [ROW]...`.
//!
//! One executable plays four parts, told apart by its first argument. Started by
//! a person it *conducts*: for each round, row and runtime it starts itself again
//! with `--measure`, so that no measurement inherits another's heap, threads or
//! warm caches. The other two parts are the far ends of the network rows.
//!
//! - [`conduct`]: rounds, children, tables;
//! - [`about`]: the machine and the versions, for the report;
//! - [`pick`]: which row on which runtime is which function;
//! - [`measure`]: what a measuring process needs: clocks, passes, checks;
//! - [`runtime`]: what a row may ask of a runtime; [`runtimes`] are the answers;
//! - [`work`]: the rows; [`limits`]: the same jobs with no runtime;
//! - [`far_end`]: the server of `fetch` and the clients of `m_echo1000`.

mod about;
mod conduct;
mod far_end;
mod growth;
mod limits;
mod measure;
mod pick;
mod runtime;
mod runtimes;
mod work;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--measure", row, runtime, budget, size] => pick::measure(row, runtime, budget, size),
        ["--origin"] => far_end::origin(),
        ["--clients", address, clients, millis] => far_end::clients(address, clients, millis),
        _ => conduct::conduct(),
    }
}
