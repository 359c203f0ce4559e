//! The recorder records the events of a run. Each thread writes its own log.
//!
//! The recorder is off unless a builder enables it. Appending an entry takes no lock, except for the first
//! entry of a thread. The logs are bounded: entries that do not fit are only counted.

mod cpu_clock;
mod log;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
// Use std's atomics and locks even under loom, because no race of the runtime depends on them.
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use self::cpu_clock::CpuClock;
use self::log::{Chunk, entry};
pub(crate) use self::log::{Entry, Kind, Log};

/// The number of entries in the first chunk of a log. This chunk is short, because many threads may report
/// little. Each later chunk is twice as long as the chunk before it, up to `LARGEST_CHUNK`. Arbitrary: not
/// measured.
const FIRST_CHUNK: usize = 64;
/// The maximum number of entries in a chunk.
const LARGEST_CHUNK: usize = 4096;

/// The maximum number of entries of all threads together. They take 48 MiB. Arbitrary: they cover minutes of
/// a busy program, and a drawing cannot show more.
const ENTRIES: usize = 1 << 21;

/// The minimum number of nanoseconds between two readings of a thread's CPU clock. A reading takes about a
/// microsecond, so all readings of a thread take at most a thousandth of its time.
const BETWEEN_READINGS: u64 = 1_000_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Worker(usize),
    Blocking,
    Outside,
}

pub(crate) struct Recorder {
    /// Identifies this recorder among all recorders of the process.
    number: u64,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    /// False for a virtual clock, because CPU time cannot be compared with virtual time.
    reads_cpu: bool,
    logs: Mutex<Vec<Arc<Log>>>,
    names: Mutex<HashMap<u64, String>>,
    /// The number of entries for which the chunks have space.
    space: AtomicUsize,
    dropped: AtomicU64,
}

/// The log of this thread for one recorder.
struct Current {
    recorder: u64,
    log: Arc<Log>,
    /// Set once the recorder lists the log. A worker's log is always listed. Another thread's log is listed
    /// only if it has entries. So the limit on entries also limits the number of logs.
    listed: bool,
    /// The chunk that is being filled.
    chunk: Option<Arc<Chunk>>,
    meter: Option<Meter>,
}

/// The CPU clock of a worker or of a thread of the blocking pool.
struct Meter {
    clock: CpuClock,
    /// The time of the last reading.
    read_at: u64,
    /// The number of voluntary context switches at the last reading.
    given_away: u64,
    /// The number of parks since the last reading. In each park, the thread may give its core away once.
    parks: u64,
}

thread_local! {
    /// One log for each recorder to which this thread has reported.
    static CURRENT: RefCell<Vec<Current>> = const { RefCell::new(Vec::new()) };
    /// The task that this thread polls. The first number identifies the task's recorder, the second the task.
    static POLLED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// The name of every main future. It begins with a mark, so that no user's task can have the same name.
pub(crate) const MAIN: &str = "\u{0}main";
pub(crate) const MAIN_MARK: char = '\u{0}';

impl Recorder {
    /// Makes a recorder. `clock` returns the nanoseconds since the executor was built. `is_virtual` is true
    /// if these are not nanoseconds of real time.
    pub(crate) fn new(
        clock: impl Fn() -> u64 + Send + Sync + 'static,
        is_virtual: bool,
    ) -> Arc<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        Arc::new(Recorder {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            clock: Box::new(clock),
            reads_cpu: !is_virtual,
            logs: Mutex::new(Vec::new()),
            names: Mutex::new(HashMap::new()),
            space: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
        })
    }

    pub(crate) fn now(&self) -> u64 {
        (self.clock)()
    }

    /// Records the role of the calling thread. A thread without a role is an outside thread.
    pub(crate) fn join(&self, role: Role) {
        self.with_log(|mine| {
            let _ = mine.log.role.set(role);
            if let Role::Worker(_) = role {
                self.list(mine);
            }
            if self.reads_cpu && mine.meter.is_none() {
                // Reading the run delay (see `cpu_clock`) needs an open file for each thread. There may be
                // hundreds of blocking threads, so only workers read it.
                let clock = CpuClock::of_this_thread(matches!(role, Role::Worker(_)));
                mine.meter = Some(Meter {
                    clock,
                    read_at: 0,
                    given_away: 0,
                    parks: 0,
                });
                self.read_cpu(mine, self.now());
            }
        });
    }

    #[cold]
    fn read_cpu(&self, mine: &mut Current, at: u64) {
        let Some(meter) = &mut mine.meter else { return };
        meter.read_at = at;
        let Some(reading) = meter.clock.read() else {
            mine.meter = None;
            return;
        };
        let given_away = reading.given_away.saturating_sub(meter.given_away) > meter.parks;
        (meter.given_away, meter.parks) = (reading.given_away, 0);
        let words = entry(
            at,
            Kind::CpuTime,
            u8::from(reading.delay.is_some()) | u8::from(given_away) << 1,
            reading.delay.unwrap_or(0),
            reading.cpu,
        );
        self.append(mine, words);
    }

    fn append(&self, mine: &mut Current, words: [u64; 3]) {
        if mine.append(words, &self.space) {
            self.list(mine);
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records that the task that this thread polls has spawned `task`.
    #[cold]
    pub(crate) fn spawned(&self, task: u64, name: Option<&str>) {
        if let Some(name) = name {
            self.name(task, name.trim_start_matches(MAIN_MARK));
        }
        self.report_by(Kind::Spawn, 0, task);
    }

    pub(crate) fn name(&self, task: u64, name: &str) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        // The map has the same bound as the logs, because a name is useful only for a task that has an event.
        if names.len() < ENTRIES {
            names.insert(task, name.to_owned());
        }
    }

    /// Appends an entry.
    #[cold]
    pub(crate) fn report(&self, kind: Kind, how: u8, task: u64, other: u64) {
        self.report_at(self.now(), kind, how, task, other);
    }

    /// Records that the task that this thread polls has woken `task`. `at` is the time of the wake.
    #[cold]
    pub(crate) fn report_wake(&self, at: u64, how: u8, task: u64) {
        self.report_at(at, Kind::Wake, how, task, self.polled());
    }

    fn report_at(&self, at: u64, kind: Kind, how: u8, task: u64, other: u64) {
        self.with_log(|mine| {
            self.append(mine, entry(at, kind, how, task, other));
            if let (Kind::Park, Some(meter)) = (kind, &mut mine.meter) {
                meter.parks += 1;
            }
            let ends_something = matches!(kind, Kind::PollEnd | Kind::Park | Kind::Unpark);
            let is_due = |meter: &Meter| at.saturating_sub(meter.read_at) >= BETWEEN_READINGS;
            if ends_something && mine.meter.as_ref().is_some_and(is_due) {
                self.read_cpu(mine, at);
            }
        });
    }

    /// Appends an entry that also contains the task that this thread polls.
    #[cold]
    pub(crate) fn report_by(&self, kind: Kind, how: u8, task: u64) {
        self.report(kind, how, task, self.polled());
    }

    /// Records that the polled task awaits another task's handle.
    #[cold]
    pub(crate) fn report_join(&self, task: u64) {
        let by = self.polled();
        if by != 0 {
            self.report(Kind::Join, 0, task, by);
        }
    }

    #[cold]
    pub(crate) fn poll_begins(&self, task: u64) {
        POLLED.set((self.number, task));
        self.report(Kind::PollBegin, 0, task, 0);
    }

    /// Records that a poll has ended on this thread. Until `turn_ended`, events on this thread still belong
    /// to the task.
    #[cold]
    pub(crate) fn poll_ended(&self, task: u64, how: u8) {
        self.report(Kind::PollEnd, how, task, 0);
    }

    /// Stops attributing this thread's events to the polled task.
    pub(crate) fn turn_ended(&self) {
        POLLED.set((0, 0));
    }

    /// Returns the task that this thread polls, or 0 if the thread polls no task of this recorder.
    fn polled(&self) -> u64 {
        let (recorder, task) = POLLED.get();
        if recorder == self.number { task } else { 0 }
    }

    /// Calls `f` with this thread's log. Does nothing if the thread is ending and its log no longer exists.
    fn with_log(&self, f: impl FnOnce(&mut Current)) {
        let _ = CURRENT.try_with(|current| {
            let mut current = current.borrow_mut();
            let known = current.iter().position(|it| it.recorder == self.number);
            let index = known.unwrap_or_else(|| {
                // Drop the logs that no recorder lists.
                current.retain(|it| Arc::strong_count(&it.log) > 1);
                current.push(self.open_log());
                current.len() - 1
            });
            f(&mut current[index]);
        });
    }

    fn list(&self, mine: &mut Current) {
        if !std::mem::replace(&mut mine.listed, true) {
            let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
            logs.push(mine.log.clone());
        }
    }

    fn open_log(&self) -> Current {
        let thread = thread::current();
        let name = thread.name().map(str::to_owned);
        let log = Arc::new(Log {
            role: OnceLock::new(),
            name: name.unwrap_or_else(|| format!("{:?}", thread.id())),
            first: OnceLock::new(),
        });
        Current {
            recorder: self.number,
            log,
            listed: false,
            chunk: None,
            meter: None,
        }
    }

    /// Returns the current logs: first those of the workers in the order of their numbers, then those of
    /// outside threads, then those of the blocking pool.
    pub(crate) fn logs(&self) -> Vec<Arc<Log>> {
        let mut logs = (self.logs.lock().unwrap_or_else(PoisonError::into_inner)).clone();
        logs.sort_by_key(|log| match log.role() {
            Role::Worker(number) => number,
            Role::Outside => usize::MAX - 1,
            Role::Blocking => usize::MAX,
        });
        logs
    }

    pub(crate) fn names(&self) -> HashMap<u64, String> {
        (self.names.lock().unwrap_or_else(PoisonError::into_inner)).clone()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Saves the task (for example, a blocking job) that this thread was polling when it entered an executor.
/// Dropping this value restores that task.
pub(crate) struct Interrupted((u64, u64));

impl Interrupted {
    pub(crate) fn begin() -> Self {
        Interrupted(POLLED.get())
    }
}

impl Drop for Interrupted {
    fn drop(&mut self) {
        POLLED.set(self.0);
    }
}

impl Drop for Recorder {
    /// Closes this thread's CPU clock, which may have a file descriptor.
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|all| all.borrow_mut().retain(|it| it.recorder != self.number));
    }
}

impl Current {
    /// Appends an entry, or returns `false` if the logs are full.
    fn append(&mut self, words: [u64; 3], space: &AtomicUsize) -> bool {
        if let Some(chunk) = &self.chunk {
            if chunk.append(words) {
                return true;
            }
        }
        let last = self.chunk.as_ref().map(|chunk| chunk.words.len());
        let length = last.map_or(FIRST_CHUNK, |last| (2 * last).min(LARGEST_CHUNK));
        if space.fetch_add(length, Ordering::Relaxed) + length > ENTRIES {
            space.fetch_sub(length, Ordering::Relaxed);
            return false;
        }
        let fresh = Arc::new(Chunk::new(length));
        let place = match &self.chunk {
            Some(chunk) => &chunk.next,
            None => &self.log.first,
        };
        let _ = place.set(fresh.clone());
        self.chunk.insert(fresh).append(words)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Fills a record, reads it, and frees it on a small stack.
    #[test]
    fn a_full_record_is_read_and_freed() {
        let work = || {
            let recorder = Recorder::new(|| 7, true);
            // Under Miri, filling the record takes too long. A thousand entries fill four chunks.
            let count = if cfg!(miri) { 1_000 } else { ENTRIES + 1 };
            for number in 0..count {
                recorder.report(Kind::Wake, 0, number as u64, 0);
            }
            let logs = recorder.logs();
            let entries: usize = logs.iter().map(|log| log.entries().count()).sum();
            assert_eq!(entries + recorder.dropped() as usize, count);
            assert!(logs[0].entries().map(|it| it.task).eq(0..entries as u64));
        };
        let thread = thread::Builder::new().stack_size(64 << 10);
        thread.spawn(work).unwrap().join().unwrap();
    }
}
