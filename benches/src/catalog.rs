//! The rows: what each one does, in which figures it is told, and what bounds it.
//!
//! A row is a workload written once. The column of a runtime comes from running
//! that same workload on it; the column `limit` comes from the least that could
//! do the job at all, with no runtime in between.

/// How many workers a row gives its runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// One thread does everything: an event loop, one cook.
    One,
    /// Two worker threads, many cooks; the measuring thread stands outside.
    Two,
}

/// Which end of a figure is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Times, processor time, bytes.
    Less,
    /// Rates and speed-ups.
    More,
}

/// One number that a measurement of a row reports.
#[derive(Debug)]
pub struct Figure {
    /// The word that the measuring process prints in front of the value.
    pub key: &'static str,
    /// What a reader sees: the unit, and of what.
    pub unit: &'static str,
    /// Which end is good.
    pub better: Better,
}

/// A workload, its figures and its limit.
#[derive(Debug)]
pub struct Row {
    /// The name on the command line and in the tables.
    pub id: &'static str,
    /// One thread or two workers.
    pub group: Group,
    /// The exact definition, in a line.
    pub what: &'static str,
    /// The headline first; the bars draw only that one.
    pub figures: &'static [Figure],
    /// What the column `limit` holds, where there is one.
    pub limit: Option<&'static str>,
}

/// The columns, in the order of the tables. `brigade` is what is compared,
/// `limit` is a bound, all others are peers. `tokio-alt` is tokio with its alternative timer, in
/// builds with `--cfg tokio_unstable`.
pub const RUNTIMES: &[&str] = &[
    OURS,
    "tokio",
    "tokio-alt",
    "smol",
    "smol-static",
    "futures",
    "nio",
    "monoio",
    "compio",
    "glommio",
    LIMIT,
];

/// The column that is compared with the others.
pub const OURS: &str = "brigade";

/// The column that is a bound and not a peer.
pub const LIMIT: &str = "limit";

/// Peers over io_uring: another interface of the kernel. The tables show them beside, and the best peer is
/// one over epoll, as brigade is.
pub const URING: &[&str] = &["monoio", "compio", "glommio"];

/// Rows that would measure something else on one runtime.
#[derive(Debug)]
pub struct LeftOut {
    /// Which column.
    pub runtime: &'static str,
    /// Which rows.
    pub rows: &'static [&'static str],
    /// Why.
    pub why: &'static str,
}

/// All of them.
pub const LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        runtime: "glommio",
        rows: &["spawn_join", "spawn_cold", "spawn_batch", "spawn_await"],
        why: "`spawn_local` polls the new task at once, so nothing is scheduled",
    },
    LeftOut {
        runtime: "monoio",
        rows: &["yield"],
        why: "a task that yields is polled again before any other",
    },
    LeftOut {
        runtime: "nio",
        rows: &["timers", "timer_light", "timer_cancel"],
        why: "a sleep begins at the loop's last look at the clock, and so may end before its time",
    },
    LeftOut {
        runtime: "nio",
        rows: &["m_timers", "m_timer_cancel", "m_echo1000"],
        why: "its timers and sockets belong to one worker, and the tasks of the row may move",
    },
];

/// The entry for that row on that runtime, if it is left out.
#[must_use]
pub fn left_out(row: &str, runtime: &str) -> Option<&'static LeftOut> {
    LEFT_OUT
        .iter()
        .find(|entry| entry.runtime == runtime && entry.rows.contains(&row))
}

const fn less(key: &'static str, unit: &'static str) -> Figure {
    Figure {
        key,
        unit,
        better: Better::Less,
    }
}

const fn more(key: &'static str, unit: &'static str) -> Figure {
    Figure {
        key,
        unit,
        better: Better::More,
    }
}

const NS: &[Figure] = &[less("wall", "ns"), less("cpu", "CPU ns")];
const US: &[Figure] = &[less("wall", "us"), less("cpu", "CPU us")];
const SLEEPS: &[Figure] = &[less("cpu", "CPU ns a sleep"), less("late", "p50 us late")];
const ECHO: &[Figure] = &[more("rate", "k trips/s"), less("cpu", "CPU us a trip")];
const IDLE: &[Figure] = &[less("cpu", "CPU us"), less("switches", "context switches")];
const WORK: &[Figure] = &[more("speedup", "speed-up"), less("cpu", "CPU ms")];

const fn one(
    id: &'static str,
    figures: &'static [Figure],
    limit: Option<&'static str>,
    what: &'static str,
) -> Row {
    Row {
        id,
        group: Group::One,
        what,
        figures,
        limit,
    }
}

const fn two(
    id: &'static str,
    figures: &'static [Figure],
    limit: Option<&'static str>,
    what: &'static str,
) -> Row {
    Row {
        id,
        group: Group::Two,
        what,
        figures,
        limit,
    }
}

/// Every row, in the order of the tables.
pub const ROWS: &[Row] = &[
    one(
        "spawn_join",
        NS,
        Some("boxed closures"),
        "spawn 100k tasks that return a number, then await every handle; a task",
    ),
    one(
        "spawn_cold",
        NS,
        Some("boxed closures"),
        "the same once, in memory that the process touches for the first time; a task",
    ),
    one(
        "spawn_batch",
        NS,
        Some("boxed closures"),
        "spawn_join in batches of 1k; a task",
    ),
    one(
        "spawn_await",
        NS,
        None,
        "spawn one task, await it, repeat; a task",
    ),
    one(
        "yield",
        NS,
        Some("ring of boxed futures"),
        "1,000 tasks, 1,000 yields each by wake_by_ref, every one lets another task run; a yield",
    ),
    one(
        "ping_pong",
        NS,
        Some("the channels alone"),
        "two tasks, a bounded async-channel each way; a round trip",
    ),
    one(
        "cross_wake",
        US,
        Some("eventfd and epoll"),
        "std thread to task to std thread, both on one CPU; a round trip",
    ),
    one(
        "idle_mem",
        &[less("bytes", "resident bytes a task")],
        Some("boxed future"),
        "1M tasks parked, each holding its own waker",
    ),
    one(
        "timers",
        SLEEPS,
        Some("binary heap"),
        "100k sleeps with lengths spread over 0-200 ms",
    ),
    one(
        "timer_light",
        SLEEPS,
        Some("binary heap"),
        "1k sleeps with lengths spread over 0-200 ms",
    ),
    one(
        "timer_cancel",
        NS,
        Some("BTreeMap"),
        "arm and drop a timer with 10k others armed; a timer",
    ),
    one(
        "echo1",
        ECHO,
        Some("raw mio"),
        "server and 1 client on the same one thread, 64-byte round trips",
    ),
    one(
        "echo100",
        ECHO,
        Some("raw mio"),
        "the same with 100 clients",
    ),
    one(
        "echo1000",
        ECHO,
        Some("raw mio"),
        "the same with 1,000 clients",
    ),
    one(
        "fetch",
        &[
            less("wall", "ms"),
            less("cpu", "CPU ms"),
            less("bytes", "resident bytes a connection"),
        ],
        Some("raw mio"),
        "5,000 connections at once to a server process that replies 1 KiB after 50 ms",
    ),
    one(
        "idle",
        IDLE,
        Some("raw mio"),
        "one 2 s sleep of a runtime that has settled",
    ),
    two(
        "m_spawn_outside",
        NS,
        Some("rayon"),
        "block_on outside the workers spawns 100k tasks, awaits all; a task",
    ),
    two(
        "m_spawn_worker",
        NS,
        Some("rayon"),
        "the same from inside a worker; a task",
    ),
    two(
        "m_spawn_await",
        NS,
        None,
        "from a worker: spawn one task, await it; a task",
    ),
    two(
        "m_spawn_all",
        NS,
        None,
        "the same from all workers at once; a task",
    ),
    two(
        "m_recursive",
        NS,
        None,
        "300 chains of depth 300, each task spawns and awaits the next; a task",
    ),
    two("m_yield", NS, None, "200 tasks, 1,000 yields each; a yield"),
    two(
        "m_pairs",
        NS,
        None,
        "1,000 pairs, 100 round trips each by channel; a round trip",
    ),
    two(
        "m_pairs_spawn",
        NS,
        None,
        "1,000 pairs of 2 spawns and 1 round trip; a pair",
    ),
    two(
        "m_chained",
        NS,
        Some("rayon"),
        "a task spawns the next, depth 1,000; a link",
    ),
    two(
        "m_fanout",
        WORK,
        Some("std threads"),
        "1,000 tasks of 50 us of work, against one thread",
    ),
    two(
        "m_skew",
        WORK,
        Some("rayon"),
        "2,000 tasks of 20 us and 8 of 5 ms, all spawned by one worker, against one thread",
    ),
    two(
        "m_timers",
        SLEEPS,
        None,
        "100k sleeps with lengths spread over 0-200 ms, spawned by one worker",
    ),
    two(
        "m_timer_cancel",
        NS,
        None,
        "a task for each worker arms and drops timers with 10k others armed; a timer",
    ),
    two(
        "m_echo1000",
        &[
            less("cpu", "server CPU us a trip"),
            less("p99", "client p99 ms"),
            more("rate", "k trips/s"),
        ],
        Some("raw mio"),
        "echo server on two workers, 1,000 clients in a raw mio process",
    ),
    two("m_idle", IDLE, Some("std threads"), "2 s idle"),
    two(
        "m_wake",
        &[less("p50", "p50 us"), less("cpu", "CPU us a wake")],
        Some("std channel"),
        "wake from idle, one way",
    ),
];

/// The row of that name.
#[must_use]
pub fn row(id: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_figures_are_there() {
        for (at, row) in ROWS.iter().enumerate() {
            assert!(
                ROWS[..at].iter().all(|other| other.id != row.id),
                "{} twice",
                row.id
            );
            assert!(!row.figures.is_empty(), "{} has no figure", row.id);
            assert_eq!(
                row.id.starts_with("m_"),
                row.group == Group::Two,
                "{}",
                row.id
            );
        }
    }

    #[test]
    fn what_is_left_out_exists() {
        for entry in LEFT_OUT {
            assert!(RUNTIMES.contains(&entry.runtime), "{entry:?}");
            for id in entry.rows {
                assert!(row(id).is_some(), "{id}");
                assert!(left_out(id, entry.runtime).is_some());
            }
        }
        assert!(left_out("yield", OURS).is_none());
    }
}
