//! The benchmarks: `cargo bench -p brigade-benches -- [ROW]...`. Each row of the tables is one benchmark.
//!
//! This executable has four roles, and its first argument selects the role. If a user starts the executable,
//! it *conducts*: for each round, benchmark and runtime, it starts itself again with `--measure`. So no
//! measurement inherits the heap, the threads or the warm caches of another measurement. The two other roles
//! are the far ends of the network benchmarks: a server and clients.
//!
//! - [`conduct`]: rounds, child processes, tables;
//! - [`about`]: the machine and the versions, for the report;
//! - [`pick`]: maps each benchmark and runtime to a function;
//! - [`measure`]: what a measuring process needs, such as clocks, passes and checks;
//! - [`runtime`]: what a benchmark may require of a runtime; [`runtimes`] implements it;
//! - [`work`]: the benchmarks; [`limits`]: the same work without a runtime, as a bound;
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
