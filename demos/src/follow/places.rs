//! The function of brigade that performs each hop. A test looks up every function in the source, so that no
//! name here is outdated.

use std::fmt;

/// A function of the runtime: its file below `runtime/src`, its owner (a type, or the file for a free
/// function), and its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) &'static str,
);

/// Formats a place as `task/raw.rs wake_by_ref`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(file, _, function) = self;
        write!(f, "{file} {function}")
    }
}

pub(super) const SPAWN: Place = Place("task/cell.rs", "Reserved", "spawn");
pub(super) const ADMIT: [Place; 2] = [
    Place("single_thread/scheduler.rs", "Scheduler", "bind"),
    Place("work_stealing/scheduler.rs", "Scheduler", "bind"),
];
pub(super) const POLL: Place = Place("task/run.rs", "Runnable", "run");
pub(super) const CONNECT: Place = Place("net/connect.rs", "connect", "connect_one");
pub(super) const REGISTER: Place = Place("reactor/mod.rs", "Reactor", "register");
pub(super) const WRITE: Place = Place("net/stream.rs", "Socket", "write_all");
pub(super) const READ: Place = Place("net/stream.rs", "Socket", "read");
pub(super) const KEEP_WAKER: Place = Place("reactor/readiness.rs", "Readiness", "poll_ready");
pub(super) const PEND: Place = Place("task/state.rs", "Snapshot", "pend");
pub(super) const PARK: Place = Place("driver.rs", "Driver", "park");
pub(super) const EVENT: Place = Place("reactor/mod.rs", "EventLoop", "turn");
pub(super) const RECEIVE: Place = Place("reactor/source.rs", "Source", "receive");
pub(super) const WAKE: Place = Place("task/raw.rs", "RawTask", "wake_by_ref");
pub(super) const SCHEDULE: [Place; 2] = [
    Place("single_thread/scheduler.rs", "Scheduler", "schedule"),
    Place("work_stealing/scheduler.rs", "Scheduler", "schedule"),
];
pub(super) const FINISH: Place = Place("task/run.rs", "RawTask", "complete");
pub(super) const POLL_JOIN: Place = Place("task/join.rs", "RawTask", "poll_join");
pub(super) const TAKE_OUTPUT: Place = Place("task/join.rs", "RawTask", "take_output");

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const ALL: [Place; 19] = [
        SPAWN,
        ADMIT[0],
        ADMIT[1],
        POLL,
        CONNECT,
        REGISTER,
        WRITE,
        READ,
        KEEP_WAKER,
        PEND,
        PARK,
        EVENT,
        RECEIVE,
        WAKE,
        SCHEDULE[0],
        SCHEDULE[1],
        FINISH,
        POLL_JOIN,
        TAKE_OUTPUT,
    ];

    /// Returns whether `source` has an `impl` of the owner with this function in it.
    fn has(source: &str, place: Place) -> bool {
        let file = place.0.trim_end_matches(".rs");
        let mut owner = file;
        source.lines().any(|line| {
            if line == "}" {
                owner = file;
            }
            if line.starts_with("impl") || line.starts_with("unsafe impl") {
                owner = line;
            }
            let line = line.trim_start();
            let name = line.split_once("fn ").map_or("", |(_, name)| name);
            let is_function = !line.starts_with("//")
                && name
                    .strip_prefix(place.2)
                    .is_some_and(|rest| rest.starts_with(['(', '<']));
            let whose = owner.split(|c: char| !c.is_alphanumeric() && c != '_');
            is_function && whose.into_iter().any(|word| word == place.1)
        })
    }

    #[test]
    fn every_place_is_in_the_source() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/src");
        for place in ALL {
            let text = std::fs::read_to_string(source.join(place.0));
            let text = text.unwrap_or_else(|error| panic!("{}: {error}", place.0));
            assert!(has(&text, place), "{place:?}");
        }
    }

    #[test]
    fn a_name_that_is_no_more_would_be_noticed() {
        let source = "impl Old {\n    fn turn(&self) {}\n}\nimpl Trait for New {\n    fn run<F>(f: F) {}\n}\n";
        assert!(has(source, Place("", "Old", "turn")));
        assert!(has(source, Place("", "New", "run")));
        for (owner, function) in [
            ("New", "turn"),
            ("Old", "tur"),
            ("Old", "run"),
            ("Ol", "turn"),
        ] {
            assert!(
                !has(source, Place("", owner, function)),
                "{owner}::{function}"
            );
        }
    }
}
