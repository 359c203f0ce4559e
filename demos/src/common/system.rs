//! Figures of the operating system about this process: memory, threads, processor time, and the number of
//! files that the process may hold open.
//!
//! Memory, threads and processor time are `Option`s. If the system does not report one of them, the summary
//! says so and gives no estimate.

use std::time::Duration;

use crate::units;

/// The number of open files that is assumed if the system does not list them: the three standard streams.
const OPEN_AT_START: u64 = 3;

/// The number of descriptors that requests must leave free: for the event loop, the pipes to the embedded
/// origin, name lookups and a certificate file, and some in reserve.
const SPARE_FILES: u64 = 45;

/// The figures of `/proc/self/status` at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Status {
    /// Bytes of memory in use now.
    pub(crate) memory: Option<u64>,
    /// The largest number of bytes in use since the process began.
    pub(crate) memory_peak: Option<u64>,
    /// The number of threads of the process.
    pub(crate) threads: Option<usize>,
}

impl Status {
    /// Reads the figures. All are `None` without `/proc/self/status`, which only Linux has.
    pub(crate) fn now() -> Self {
        std::fs::read_to_string("/proc/self/status")
            .map(|text| Self::parse(&text))
            .unwrap_or_default()
    }

    /// Resets the peak of the memory, which only Linux can do.
    pub(crate) fn reset_peak() {
        let _ = std::fs::write("/proc/self/clear_refs", "5");
    }

    fn parse(text: &str) -> Self {
        let field = |name: &str| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        Self {
            memory: field("VmRSS").map(|kib| kib * 1024),
            memory_peak: field("VmHWM").map(|kib| kib * 1024),
            threads: field("Threads").map(|threads| threads as usize),
        }
    }
}

/// Returns the processor time of all threads of this process.
pub(crate) fn cpu_time() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).ok()
}

/// Raises the limit of open files as far as the system allows. Returns the limit minus the files that are
/// already open, including inherited files, and minus `SPARE_FILES`.
pub(crate) fn raise_open_files() -> usize {
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(u64::MAX);
    let taken = open_files().max(OPEN_AT_START) + SPARE_FILES;
    usize::try_from(limit.saturating_sub(taken)).unwrap_or(usize::MAX)
}

/// Returns `wanted`, unless the limit of open files allows only `possible` of these `things`. In that case,
/// prints a message and returns `possible`.
pub(crate) fn as_files_allow(wanted: usize, possible: usize, things: &str) -> usize {
    if possible < wanted {
        let (wanted, possible) = (units::count(wanted), units::count(possible));
        eprintln!(
            "brigade: the open-file limit allows only {possible} {things} instead of {wanted} (see \
             ulimit -n)"
        );
    }
    wanted.min(possible)
}

/// Returns how many descriptors are in use, or 0 if the system does not list them.
fn open_files() -> u64 {
    // The first path is for Linux, the second for the BSDs.
    let listed = std::fs::read_dir("/proc/self/fd").or_else(|_| std::fs::read_dir("/dev/fd"));
    listed.map_or(0, |files| files.count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_file_is_read_by_name() {
        let text = "Name:\tbrigade\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t1\n";
        let status = Status::parse(text);
        assert_eq!(status.memory, Some(1 << 20));
        assert_eq!(status.memory_peak, Some(2 << 20));
        assert_eq!(status.threads, Some(1));
    }

    #[test]
    fn what_is_missing_is_none() {
        assert_eq!(
            Status::parse("Name:\tbrigade\nThreads:\tmany\n"),
            Status::default()
        );
    }

    #[test]
    fn time_on_a_processor_grows_with_work() {
        let Some(before) = cpu_time() else { return };
        let mut sum = 0_u64;
        while cpu_time().is_some_and(|now| now <= before) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
    }
}
