//! What a figure is worth nothing without: the machine, its load, the versions.
//!
//! One column depends on the build. tokio's alternative timer is unstable, so `tokio-alt` exists only where
//! everything is compiled with it:
//!
//! ```text
//! RUSTFLAGS="--cfg tokio_unstable" cargo bench -p brigade-benches -- m_timer*
//! ```

use std::{fs, thread};

/// The versions that were built in are those that the lock file names.
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

/// A load above this is somebody else at work: rows on two workers then measure
/// the other one too.
const QUIET: f64 = 0.5;

/// The processor, the system and the peers' versions.
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

/// The newest one, where another package brings an older one along.
fn version(package: &str) -> Option<&'static str> {
    let (_, entry) = LOCK.rsplit_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(entry.split_once('"')?.0)
}

/// A sentence if the machine has other work to do.
pub(crate) fn busy() -> Option<String> {
    let loads = fs::read_to_string("/proc/loadavg").ok()?;
    let load: f64 = loads.split(' ').next()?.parse().ok()?;
    (load > QUIET).then(|| {
        format!("the machine was busy when the run began (load {load:.1}): run it again alone")
    })
}
