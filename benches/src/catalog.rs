//! The rows of the tables. Each row is a benchmark: a workload that is written once for all runtimes. Each
//! runtime has a column. The column `limit` shows the simplest code that can do the same work without a
//! runtime.

/// How many threads a runtime has in a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// One thread does everything in an event loop.
    One,
    /// Two worker threads. The measuring thread is not a worker.
    Two,
}

/// Which values of a figure are better: the smaller or the larger ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Smaller values are better: times, CPU times, bytes.
    Less,
    /// Larger values are better: rates, speed-ups.
    More,
}

/// One number that a measurement of a row reports.
#[derive(Debug)]
pub struct Figure {
    /// The word that the measuring process prints before the figure's value.
    pub key: &'static str,
    /// The unit in the tables, such as `CPU us per trip`.
    pub unit: &'static str,
    /// Which values of the figure are better.
    pub better: Better,
}

/// A workload, its figures and its limit.
#[derive(Debug)]
pub struct Row {
    /// The name on the command line and in the tables.
    pub id: &'static str,
    /// One thread or two workers.
    pub group: Group,
    /// The exact definition, in one line.
    pub what: &'static str,
    /// The figures. The first one is the main figure, which the bars show.
    pub figures: &'static [Figure],
    /// The code that the column `limit` measures, if this row has a limit.
    pub limit: Option<&'static str>,
}

/// The columns, in the order of the tables. `brigade` is compared with the others, and `limit` is a bound.
/// All other columns are the *peers*, that is, other runtimes. `tokio-alt` is tokio with its alternative
/// timer. This column exists only in builds with `--cfg tokio_unstable`.
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

/// The column that shows the same work without a runtime.
pub const LIMIT: &str = "limit";

/// The runtimes over io_uring. The tables show them, but none of them is ever the best peer, because brigade
/// uses epoll.
pub const URING: &[&str] = &["monoio", "compio", "glommio"];

/// Rows that are left out for one runtime, because they would not measure the same work on this runtime.
#[derive(Debug)]
pub struct LeftOut {
    /// The runtime's column.
    pub runtime: &'static str,
    /// The rows that are left out.
    pub rows: &'static [&'static str],
    /// The reason.
    pub why: &'static str,
}

/// All rows that are left out for some runtime.
pub const LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        runtime: "glommio",
        rows: &["spawn_join", "spawn_cold", "spawn_batch", "spawn_await"],
        why: "`spawn_local` polls the new task immediately, so nothing is scheduled",
    },
    LeftOut {
        runtime: "monoio",
        rows: &["yield"],
        why: "a task that yields is polled again before any other task",
    },
    LeftOut {
        runtime: "nio",
        rows: &["timers", "timer_light", "timer_cancel"],
        why: "a sleep is measured from the event loop's last reading of the clock, so it may end early",
    },
    LeftOut {
        runtime: "nio",
        rows: &["m_timers", "m_timer_cancel", "m_echo1000"],
        why: "its timers and sockets belong to one worker, but the tasks of these rows move between workers",
    },
];

/// Returns the entry that leaves out this row on this runtime, if there is one.
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
const SLEEPS: &[Figure] = &[less("cpu", "CPU ns per sleep"), less("late", "p50 us late")];
const ECHO: &[Figure] = &[more("rate", "k trips/s"), less("cpu", "CPU us per trip")];
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
        "spawn 100k tasks that return a number, then await every handle. The figures are per task",
    ),
    one(
        "spawn_cold",
        NS,
        Some("boxed closures"),
        "spawn_join once, in memory that the process uses for the first time. The figures are per task",
    ),
    one(
        "spawn_batch",
        NS,
        Some("boxed closures"),
        "spawn_join in batches of 1k. The figures are per task",
    ),
    one(
        "spawn_await",
        NS,
        None,
        "repeatedly spawn one task and await it. The figures are per task",
    ),
    one(
        "yield",
        NS,
        Some("ring of boxed futures"),
        "1,000 tasks yield to one another 1,000 times each, by wake_by_ref. The figures are per yield",
    ),
    one(
        "ping_pong",
        NS,
        Some("the channels alone"),
        "two tasks exchange messages over two bounded async-channels. The figures are per round trip",
    ),
    one(
        "cross_wake",
        US,
        Some("eventfd and epoll"),
        "a std thread wakes a task, which wakes the thread, both on one CPU. The figures are per round trip",
    ),
    one(
        "idle_mem",
        &[less("bytes", "resident bytes per task")],
        Some("boxed future"),
        "1M waiting tasks, each of which holds its own waker",
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
        "arm and drop a timer while 10k others are armed. The figures are per timer",
    ),
    one(
        "echo1",
        ECHO,
        Some("raw mio"),
        "a server and 1 client on the same thread make 64-byte round trips",
    ),
    one("echo100", ECHO, Some("raw mio"), "echo1 with 100 clients"),
    one(
        "echo1000",
        ECHO,
        Some("raw mio"),
        "echo1 with 1,000 clients",
    ),
    one(
        "fetch",
        &[
            less("wall", "ms"),
            less("cpu", "CPU ms"),
            less("bytes", "resident bytes per connection"),
        ],
        Some("raw mio"),
        "5,000 connections in flight to a server process that replies with 1 KiB after 50 ms",
    ),
    one(
        "idle",
        IDLE,
        Some("raw mio"),
        "one sleep of 2 s, after the runtime has been idle for 100 ms",
    ),
    two(
        "m_spawn_outside",
        NS,
        Some("rayon"),
        "the main future, outside the workers, spawns 100k tasks and awaits them. The figures are per task",
    ),
    two(
        "m_spawn_worker",
        NS,
        Some("rayon"),
        "a task on a worker spawns 100k tasks and awaits all of them. The figures are per task",
    ),
    two(
        "m_spawn_await",
        NS,
        None,
        "a task on a worker repeatedly spawns one task and awaits it. The figures are per task",
    ),
    two(
        "m_spawn_all",
        NS,
        None,
        "m_spawn_await with one spawning task per worker. The figures are per task",
    ),
    two(
        "m_recursive",
        NS,
        None,
        "300 chains of 300 tasks, each of which spawns and awaits the next. The figures are per task",
    ),
    two(
        "m_yield",
        NS,
        None,
        "200 tasks yield 1,000 times each. The figures are per yield",
    ),
    two(
        "m_pairs",
        NS,
        None,
        "1,000 pairs of tasks make 100 round trips each over channels. The figures are per round trip",
    ),
    two(
        "m_pairs_spawn",
        NS,
        None,
        "1,000 pairs of tasks are spawned and make 1 round trip each. The figures are per pair",
    ),
    two(
        "m_chained",
        NS,
        Some("rayon"),
        "each task spawns the next and ends, in chains of 1,000 tasks. The figures are per task",
    ),
    two(
        "m_fanout",
        WORK,
        Some("std threads"),
        "1,000 tasks that compute for 50 us each, compared with one thread",
    ),
    two(
        "m_skew",
        WORK,
        Some("rayon"),
        "one worker spawns 2,000 tasks of 20 us and 8 tasks of 5 ms, compared with one thread",
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
        "one task per worker arms and drops timers while 10k others are armed. The figures are per timer",
    ),
    two(
        "m_echo1000",
        &[
            less("cpu", "server CPU us per trip"),
            less("p99", "client p99 ms"),
            more("rate", "k trips/s"),
        ],
        Some("raw mio"),
        "an echo server on two workers, with 1,000 clients in a raw mio process",
    ),
    two(
        "m_idle",
        IDLE,
        Some("std threads"),
        "two workers are idle for 2 s",
    ),
    two(
        "m_wake",
        &[less("p50", "p50 us"), less("cpu", "CPU us per wake")],
        Some("std channel"),
        "an outside thread wakes a task of an idle runtime. The latency is one way",
    ),
];

/// Returns the row with this name.
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
