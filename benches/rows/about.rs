//! Collects the facts that the figures depend on: the machine, its load, and the versions of the packages.
//!
//! One column depends on the build. tokio's alternative timer is unstable, so the column `tokio-alt` exists
//! only if everything is compiled with this flag:
//!
//! ```text
//! RUSTFLAGS="--cfg tokio_unstable" cargo bench -p brigade-benches -- m_timer*
//! ```

use std::{fs, thread};

/// The text of `Cargo.lock`, which contains the versions of the compiled packages.
const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock"));

const PEERS: &[&str] = &[
    "tokio",
    "async-executor",
    "async-io",
    "futures-executor",
    "nio",
    "monoio",
    "compio",
    "glommio",
    "async-channel",
    "mio",
    "rayon",
];

/// The highest load average at which a machine is idle enough to measure. At a higher load, other programs
/// affect the benchmarks on two workers.
const QUIET: f64 = 0.5;

/// Returns the processor, the system and the versions of the other runtimes.
pub(crate) fn about() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, model)| model.trim());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let peers: Vec<_> = PEERS
        .iter()
        .filter_map(|peer| Some(format!("{peer} {}", version(peer)?)))
        .collect();
    format!(
        "{cores} cores of {model}, Linux {}; {}.",
        kernel.trim(),
        peers.join(", ")
    )
}

/// Returns the version of a package. If there are several versions, returns the newest.
fn version(package: &str) -> Option<&'static str> {
    let (_, entry) = LOCK.rsplit_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(entry.split_once('"')?.0)
}

/// Returns a warning if other programs keep the machine busy.
pub(crate) fn busy() -> Option<String> {
    let loads = fs::read_to_string("/proc/loadavg").ok()?;
    let load: f64 = loads.split(' ').next()?.parse().ok()?;
    (load > QUIET).then(|| {
        format!("the machine was busy when the run began (load {load:.1}). Repeat the run on an idle machine")
    })
}
