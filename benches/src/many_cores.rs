//! Simulates more cores than this machine has, to find out which cache lines delay the workers, in brigade
//! and in tokio.
//!
//! Each worker repeats one operation, which consists of work, and of accesses to cache lines that other
//! workers access too. The accesses are taken from the sources of both runtimes. The work takes the time that
//! was measured with one worker, less the time in which locks are held. A test compares the simulation of two
//! workers with measurements.

use std::collections::{BTreeSet, HashMap, VecDeque};

/// The assumptions of the simulation.
pub const ASSUMPTIONS: &str = "\
- A cache line moves between two cores in 85 ns, or in 200 ns if the second core is in another socket (beyond
  64 workers). A measured message between two cores takes 160 ns, because it needs two moves.
- A line moves to one core at a time. Other cores that need it wait in a queue. The core that has the line uses it
  until the line leaves.
- A core reads up to eight lines at the same time. If a core already has a line, an access to it takes no extra time.
- Each worker has its own core, is busy all the time, and spins for locks. How long a lock is held, and how many
  lines of data move with it, are guesses.
- The simulation leaves out the work of the tasks themselves, their allocations, and the data that they share.
- A thief takes half of a ring, which is 64 tasks of 100 ns each. In half of the thefts, the thief is
  the last searcher.
";

/// An operation that every worker repeats. Its fields are:
/// 1. its name, with the row that measures it;
/// 2. the runtime;
/// 3. the nanoseconds that it takes with one worker and with two (NaN if not measured);
/// 4. how many task polls one operation has;
/// 5. its accesses to cache lines, in the format of `parse`.
#[derive(Debug)]
pub struct Operation(
    pub &'static str,
    pub &'static str,
    pub [f64; 2],
    pub usize,
    pub &'static str,
);

/// For each runtime: the accesses to cache lines in a poll of the driver, and after how many task polls the
/// driver is polled.
#[rustfmt::skip]
pub const LOOKS: [(&str, &str, usize); 2] = [
    // `Worker::poll_driver` makes these accesses if there are no timers and no sockets. Its call of `publish`
    // writes `in-flight`.
    ("brigade", "read injector, write own counters, read each counters, write in-flight", 64),
    ("tokio", "read injector, try driver 600", 61),
];

const YIELD: &str = "a yield (m_yield)";
const WAKE: &str = "a round trip by channel within a worker (m_pairs)";
const SPAWN: &str = "a task spawned and awaited (m_spawn_all)";
const STEAL: &str = "64 tasks stolen together (no row)";
const TIMER: &str = "a timer armed and dropped (m_timer_cancel)";

/// The operations. The cache line `remote` holds the part of a worker that other workers access, such as its
/// rings.
///
/// The times were measured by `cargo bench -p brigade-benches -- --workers 1,2 --only brigade,tokio`, on two
/// cores that share no cache. They are medians of nine runs, with one exception. In some runs of
/// `m_spawn_all` on two workers of brigade, both spawning tasks lie on the same cache line, and the operation
/// takes twice as long. The time of this operation is therefore the minimum.
#[rustfmt::skip]
pub const OPERATIONS: &[Operation] = &[
    // brigade reads `idle` in `push_yielded`. tokio reads it in `notify_should_wakeup`, with a
    // `fetch_add(0)`, which the compiler turns into a fence and a read.
    Operation(YIELD, "brigade", [19.3, 14.1], 1, "write own remote, read idle"),
    Operation(YIELD, "tokio", [33.7, 19.6], 1, "write own remote, read idle"),
    // In brigade, `ensure_monitor` reads `monitor` and `idle`. In tokio, three woken tasks in a row go to the
    // LIFO slot, and the fourth goes to the ring. An operation wakes two tasks, so only every second
    // operation reads `idle`.
    Operation(WAKE, "brigade", [237.0, 200.0], 2, "write own remote, read monitor, read idle"),
    Operation(WAKE, "tokio", [219.0, 165.0], 2, "write own remote, 1/2 read idle"),
    Operation(SPAWN, "brigade", [62.7, 38.2], 2,
        "1/1024 write task-ids, write own remote, write own counters, read monitor, read idle"),
    Operation(SPAWN, "tokio", [178.0, 428.0], 2,
        "write task-ids, write handle-refs, write own remote, lock shard task-list 20, write task-count, \
         lock shard task-list 20, write task-count, write handle-refs"),
    // In brigade's `wake_successor`, the last searcher checks the rings of all workers.
    Operation(STEAL, "brigade", [6400.0, f64::NAN], 64,
        "write own tasks, write own remote, write at-once, write idle, read other remote, write other remote, \
         lock other tasks 0 65, write at-once, write idle, 1/2 read each remote"),
    Operation(STEAL, "tokio", [6400.0, f64::NAN], 64,
        "write own tasks, write own remote, write idle, read other remote, write other remote, lock other tasks 0 65, \
         write idle, 1/2 read idle"),
    // brigade has one wheel per worker. With a single wheel for all workers, this operation took 546 ns on
    // two workers.
    Operation(TIMER, "brigade", [85.3, f64::NAN], 0,
        "write own timers-refs, lock own timers 30 4, lock own timers 30 4, write own timers-refs"),
    Operation(TIMER, "tokio", [526.0, 1104.0], 0,
        "write handle-refs, lock timers 100 6, lock timers 100 6, write handle-refs"),
];

#[derive(Clone, Copy)]
struct Access {
    /// One of this many operations makes the access.
    every: usize,
    verb: &'static str,
    whose: &'static str,
    name: &'static str,
    /// How long a lock is held, in nanoseconds.
    hold: f64,
    /// How many other lines move together with this line when it moves to another core.
    lines: f64,
}

/// Parses a list of accesses. For example, `1/2 lock own tasks 20 4` is an access that every second operation
/// makes. It locks the worker's own cache line `tasks` for 20 ns, and moves four other lines together with
/// it. `own` means a line of the worker itself, `other` means a line of another worker, and `each` means one
/// line of every worker. `shard` means one of several lines (three for two workers). Without such a word, all
/// workers share the line.
fn parse(list: &'static str) -> Vec<Access> {
    let one = |access: &'static str| {
        let mut words = access.split_whitespace().peekable();
        let every = words.next_if(|word| word.starts_with("1/"));
        let verb = words.next().expect("a verb");
        let whose = words.next_if(|word| ["own", "other", "each", "shard"].contains(word));
        let name = words.next().expect("a line");
        let mut number = || {
            words
                .next()
                .map_or(0.0, |word| word.parse().expect("a number"))
        };
        Access {
            every: every.map_or(1, |word| word[2..].parse().expect("a number")),
            verb,
            whose: whose.unwrap_or("shared"),
            name,
            hold: number(),
            lines: number(),
        }
    };
    list.split(',').map(one).collect()
}

/// The maximum relative error of the simulation compared with a measurement with two workers. Two
/// measurements of the same operation may differ by about this much.
pub const TOLERANCE: f64 = 0.4;

/// Returns how many nanoseconds a worker needs for an operation if there are `workers` workers (at most 128).
/// With more workers, this time is longer for one reason only: the workers wait for each other's cache lines.
/// Also returns the line for which they wait longest, and the share of their time that they spend on this
/// wait.
#[must_use]
pub fn simulate(operation: &Operation, workers: usize) -> (f64, &'static str, f64) {
    // With one worker no line moves, so the simulation takes only the time in which locks are held.
    let held = Simulation::new(1).run(operation, 0.0).0;
    Simulation::new(workers).run(operation, (operation.2[0] - held).max(0.0))
}

struct State {
    /// First the core that has the line, then the cores that wait for the line. Each core comes with the time
    /// at which the line arrives there.
    cores: VecDeque<(usize, f64)>,
    locked_until: f64,
    /// A bitmap of the cores that have a copy.
    copies: u128,
}

impl State {
    /// Returns whether core `me` has the line and will still have it after `hold` nanoseconds.
    fn is_at(&mut self, me: usize, now: f64, hold: f64) -> bool {
        while self.cores.get(1).is_some_and(|next| next.1 <= now) {
            self.cores.pop_front();
        }
        let leaves = self.cores.get(1).map_or(f64::INFINITY, |next| next.1);
        self.cores[0].0 == me && self.cores[0].1 <= now && now + hold < leaves
    }

    /// Returns the last core in the queue, and when the line arrives there.
    fn last(&self) -> (usize, f64) {
        self.cores[self.cores.len() - 1]
    }
}

type Line = (&'static str, usize);

struct Simulation {
    workers: usize,
    lines: HashMap<Line, State>,
    waited: HashMap<&'static str, f64>,
    seed: u64,
}

impl Simulation {
    fn new(workers: usize) -> Self {
        Simulation {
            workers,
            lines: HashMap::new(),
            waited: HashMap::new(),
            seed: 1,
        }
    }

    fn run(mut self, operation: &Operation, work: f64) -> (f64, &'static str, f64) {
        const OPERATIONS: usize = 1024;
        let Operation(_, runtime, _, polls, accesses) = operation;
        let look = LOOKS.iter().find(|look| look.0 == *runtime);
        let (_, look, look_every) = look.expect("the runtime is in `LOOKS`");
        let (accesses, look) = (parse(accesses), parse(look));
        // The worker whose clock is furthest behind makes the next access. Clocks are integers in
        // picoseconds, so that they can be sorted.
        let mut clocks: BTreeSet<_> = (0..self.workers).map(|me| (me as u64, me)).collect();
        let mut todo: Vec<_> = (0..self.workers).map(|_| (0, Vec::new())).collect();
        let mut ended = 0.0;
        while let Some((clock, me)) = clocks.pop_first() {
            let mut now = clock as f64 / 1e3;
            let (at, left): &mut (usize, Vec<Access>) = &mut todo[me];
            if let Some(access) = left.pop() {
                now = self.access(me, now, access);
            } else if *at < OPERATIONS {
                if (*at + 1) * polls / look_every > *at * polls / look_every {
                    left.extend(look.iter().rev());
                }
                let due = accesses.iter().filter(|access| *at % access.every == 0);
                left.extend(due.rev());
                *at += 1;
                now += work;
            } else {
                ended += now;
                continue;
            }
            clocks.insert(((now * 1e3) as u64, me));
        }
        let each = ended / (self.workers * OPERATIONS) as f64;
        let worst = self.waited.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let (line, waited) = worst.unwrap_or(("none", 0.0));
        (each, line, waited / ended)
    }

    /// Makes an access, and returns the time at which it is done.
    fn access(&mut self, me: usize, now: f64, access: Access) -> f64 {
        let of = match access.whose {
            "own" => me,
            "other" => (me + 1 + self.random(self.workers - 1)) % self.workers,
            "shard" => self.random(self.workers * 3 / 2),
            _ => 0,
        };
        let line = (access.name, of);
        let done = match (access.verb, access.whose) {
            ("read", "each") => {
                let all = (0..self.workers).map(|of| self.read(me, now, (access.name, of)) - now);
                now + all.sum::<f64>() / 8.0
            }
            ("read", _) => self.read(me, now, line),
            // With `try`, the worker continues without the lock if another worker holds it.
            ("try", _) if self.line(me, line).locked_until > now => {
                let hold = 0.0;
                self.write(me, now, line, Access { hold, ..access })
            }
            _ => self.write(me, now, line, access),
        };
        *self.waited.entry(access.name).or_default() += done - now;
        done
    }

    fn line(&mut self, me: usize, line: Line) -> &mut State {
        self.lines.entry(line).or_insert_with(|| State {
            cores: VecDeque::from([(me, 0.0)]),
            locked_until: 0.0,
            copies: 1 << me,
        })
    }

    fn read(&mut self, me: usize, now: f64, name: Line) -> f64 {
        let line = self.line(me, name);
        if line.copies & 1 << me != 0 || line.is_at(me, now, 0.0) {
            return now;
        }
        let (holder, arrives) = line.last();
        // After a write, the first copy must wait until the line has arrived at the writing core. Later
        // copies need not wait.
        let there = match line.copies == 1 << holder {
            true => now.max(arrives),
            false => now,
        };
        line.copies |= 1 << me;
        there + distance(me, holder)
    }

    fn write(&mut self, me: usize, now: f64, name: Line, access: Access) -> f64 {
        let line = self.line(me, name);
        let (holder, arrives) = line.last();
        let (mut there, mut hold) = (now, access.hold);
        if line.copies != 1 << holder || !line.is_at(me, now, hold) {
            if hold > 0.0 {
                there = now.max(line.locked_until);
            }
            there = there.max(arrives) + distance(me, holder).max(85.0);
            hold += access.lines * distance(me, holder);
            line.cores.push_back((me, there));
            line.copies = 1 << me;
        }
        line.locked_until = line.locked_until.max(there + hold);
        there + hold
    }

    /// Returns a random number below `bound`, or 0 if `bound` is 0, with Marsaglia's xorshift.
    fn random(&mut self, bound: usize) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed % bound.max(1) as u64) as usize
    }
}

/// Returns the time that a line takes to move between two cores, in nanoseconds.
fn distance(from: usize, to: usize) -> f64 {
    match (from == to, from / 64 == to / 64) {
        (true, _) => 0.0,
        (_, true) => 85.0,
        (_, false) => 200.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_workers_cost_what_was_measured() {
        for operation in OPERATIONS.iter().filter(|it| !it.2[1].is_nan()) {
            // The benchmark divides the time by the number of operations of both workers together.
            let paper = simulate(operation, 2).0 / 2.0;
            let off = paper / operation.2[1] - 1.0;
            assert!(off.abs() <= TOLERANCE, "{operation:?}: {paper:.1} ns");
        }
    }

    #[test]
    fn a_line_stays_with_its_only_user_and_moves_between_two() {
        let mut sim = Simulation::new(2);
        let write = parse("write line")[0];
        assert_eq!(sim.write(0, 0.0, ("line", 0), write), 0.0);
        assert_eq!(sim.write(1, 10.0, ("line", 0), write), 95.0);
        // Core 0 may still use the line, because it moves to core 1 only at 95 ns.
        assert_eq!(sim.write(0, 50.0, ("line", 0), write), 50.0);
        assert_eq!(sim.write(0, 100.0, ("line", 0), write), 185.0);
        assert_eq!(sim.read(1, 200.0, ("line", 0)), 285.0);
        assert_eq!(sim.read(1, 300.0, ("line", 0)), 300.0);
    }
}
