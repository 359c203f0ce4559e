//! The cost of a piece of work, as the operating system counts it: time on a core, time in the queue for
//! a core, and context switches.
//!
//! The runtime knows tasks, and the operating system knows threads. These figures are about threads. The
//! cost of a span of work is the difference of two [`Usage`]s.

use std::{iter::Sum, time::Duration};

pub(crate) use os::cpu_of;

/// The usage of a thread or of the whole process so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Time on a core.
    pub(crate) cpu: Duration,
    /// Time in which the thread was ready but had no core; `None` for the whole process, and if the
    /// system does not count this time.
    pub(crate) queued: Option<Duration>,
    /// The number of times a thread gave up its core because it had to wait.
    pub(crate) voluntary: u64,
    /// The number of times the system took a core away from a thread and gave it to another thread.
    pub(crate) involuntary: u64,
}

impl Usage {
    /// Returns the usage since `before`.
    fn since(self, before: Self) -> Self {
        let queued = self.queued.zip(before.queued);
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            queued: queued.map(|(now, then)| now.saturating_sub(then)),
            voluntary: self.voluntary.saturating_sub(before.voluntary),
            involuntary: self.involuntary.saturating_sub(before.involuntary),
        }
    }

    /// Returns the number of context switches.
    pub(crate) fn switches(self) -> u64 {
        self.voluntary + self.involuntary
    }
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        let sum = all.reduce(|sum, one| Self {
            cpu: sum.cpu + one.cpu,
            queued: sum.queued.zip(one.queued).map(|(a, b)| a + b),
            voluntary: sum.voluntary + one.voluntary,
            involuntary: sum.involuntary + one.involuntary,
        });
        sum.unwrap_or_default()
    }
}

/// Runs `work` and returns what the process used meanwhile; `None` if the system does not report it.
pub(crate) fn of_process<T>(work: impl FnOnce() -> T) -> (T, Option<Usage>) {
    during(Usage::of_process, work)
}

/// Like [`of_process`], but returns what the calling thread used.
pub(crate) fn of_thread<T>(work: impl FnOnce() -> T) -> (T, Option<Usage>) {
    during(Usage::of_thread, work)
}

fn during<T>(read: fn() -> Option<Usage>, work: impl FnOnce() -> T) -> (T, Option<Usage>) {
    let before = read();
    let result = work();
    let used = read().zip(before);
    (result, used.map(|(after, before)| after.since(before)))
}

/// Returns how long the calling thread has been ready but without a core. Only Linux counts that.
pub(crate) fn queued_for_a_core() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    // The fields are the time on a core, the time in the queue (both in nanoseconds) and the number of
    // time slices. The time on a core is not read here, because it is only as recent as the last clock tick.
    let nanos = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

#[cfg(target_os = "linux")]
mod os {
    use std::time::Duration;

    use nix::{
        sys::resource::{UsageWho, getrusage},
        time::ClockId,
        unistd::Pid,
    };

    use super::Usage;

    impl Usage {
        /// Returns the usage of all threads of this process, including those that have ended.
        pub(crate) fn of_process() -> Option<Self> {
            Self::of(UsageWho::RUSAGE_SELF, ClockId::CLOCK_PROCESS_CPUTIME_ID)
        }

        /// Returns the usage of the calling thread.
        pub(crate) fn of_thread() -> Option<Self> {
            let used = Self::of(UsageWho::RUSAGE_THREAD, ClockId::CLOCK_THREAD_CPUTIME_ID)?;
            let queued = super::queued_for_a_core();
            Some(Self { queued, ..used })
        }

        fn of(who: UsageWho, clock: ClockId) -> Option<Self> {
            let counts = getrusage(who).ok()?;
            Some(Self {
                // This clock counts nanoseconds; the times in `counts` are in microseconds.
                cpu: clock.now().ok()?.into(),
                queued: None,
                voluntary: counts.voluntary_context_switches().unsigned_abs(),
                involuntary: counts.involuntary_context_switches().unsigned_abs(),
            })
        }
    }

    /// Returns the time that another process has spent on a core.
    pub(crate) fn cpu_of(process: u32) -> Option<Duration> {
        let process = Pid::from_raw(i32::try_from(process).ok()?);
        let clock = ClockId::pid_cpu_clock_id(process).ok()?;
        clock.now().map(Duration::from).ok()
    }
}

/// Other systems report the figures of a thread in other ways, or not at all, so they count as unknown.
#[cfg(not(target_os = "linux"))]
mod os {
    impl super::Usage {
        pub(crate) fn of_process() -> Option<Self> {
            None
        }

        pub(crate) fn of_thread() -> Option<Self> {
            None
        }
    }

    pub(crate) fn cpu_of(_: u32) -> Option<std::time::Duration> {
        None
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_computes_is_on_a_core_and_one_that_sleeps_is_not() {
        let begin = Usage::of_thread().unwrap();
        let mut sum = 0_u64;
        while Usage::of_thread().unwrap().since(begin).cpu < Duration::from_millis(5) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let computed = Usage::of_thread().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let slept = Usage::of_thread().unwrap().since(computed);
        assert!(slept.cpu < Duration::from_millis(20), "{slept:?}");
        assert!(slept.voluntary >= 1, "{slept:?}");
    }

    #[test]
    fn what_a_thread_used_the_process_used_too() {
        let before = Usage::of_process().unwrap();
        let work = || {
            let before = Usage::of_thread().unwrap();
            std::hint::black_box((0..1_000_000_u64).fold(0, |a, n| std::hint::black_box(a ^ n)));
            Usage::of_thread().unwrap().since(before)
        };
        let inside = std::thread::spawn(work).join().unwrap();
        assert!(Usage::of_process().unwrap().since(before).cpu >= inside.cpu);
        assert!(!inside.cpu.is_zero());
    }

    #[test]
    fn another_process_can_be_asked_for() {
        let own = cpu_of(std::process::id()).unwrap();
        assert!(own <= Usage::of_process().unwrap().cpu);
        assert_eq!(cpu_of(u32::MAX), None);
    }
}
