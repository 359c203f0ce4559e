//! The CPU clock of a thread, and how long the thread waited for a core.
//!
//! A poll of 10 ms may have computed, blocked, or lost its core to another program. Four numbers distinguish
//! these cases: the time that passed, the CPU time, the *run delay*, and how many times the thread gave its
//! core away. The run delay is the time in which the thread was ready to run but had no core. In a virtual
//! machine, the host may take a core away. This causes no run delay, and only the fourth number shows that
//! the thread did not block. Linux reports all four.

/// A reading of a thread's CPU clock. Times are in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) cpu: u64,
    /// The run delay, or `None` if the system does not report it.
    pub(super) delay: Option<u64>,
    /// How many times the thread gave its core away.
    pub(super) given_away: u64,
}

pub(super) use self::system::CpuClock;

#[cfg(all(target_os = "linux", target_pointer_width = "64", not(miri)))]
mod system {
    use std::ffi::{c_int, c_long};
    use std::fs::File;
    use std::os::unix::fs::FileExt as _;

    use super::Reading;

    const CLOCK_THREAD_CPUTIME_ID: c_int = 3;

    #[repr(C)]
    #[derive(Default)]
    struct Timespec {
        seconds: c_long,
        nanoseconds: c_long,
    }

    const RUSAGE_THREAD: c_int = 1;

    /// The struct `rusage`: two durations, each stored as two numbers, and fourteen counters. The
    /// thirteenth counter counts voluntary context switches.
    type Usage = [c_long; 18];
    const VOLUNTARY_SWITCHES: usize = 16;

    // SAFETY: the declarations match 64-bit Linux. A reference is passed as a pointer to its target. Each
    // function writes to this target and to no other memory of the program.
    unsafe extern "C" {
        safe fn clock_gettime(clock: c_int, time: &mut Timespec) -> c_int;
        safe fn getrusage(who: c_int, usage: &mut Usage) -> c_int;
    }

    /// The clocks of the thread that opened them.
    pub(in super::super) struct CpuClock {
        schedstat: Option<File>,
    }

    impl CpuClock {
        /// Opens the clocks. If `with_delay` is true, also opens the file that contains the run delay.
        pub(in super::super) fn of_this_thread(with_delay: bool) -> Self {
            let open = || File::open("/proc/thread-self/schedstat").ok();
            CpuClock {
                schedstat: with_delay.then(open).flatten(),
            }
        }

        pub(in super::super) fn read(&self) -> Option<Reading> {
            let mut time = Timespec::default();
            if clock_gettime(CLOCK_THREAD_CPUTIME_ID, &mut time) != 0 {
                return None;
            }
            let mut usage: Usage = [0; 18];
            if getrusage(RUSAGE_THREAD, &mut usage) != 0 {
                return None;
            }
            let cpu = time.seconds as u64 * 1_000_000_000 + time.nanoseconds as u64;
            let delay = self.schedstat.as_ref().and_then(run_delay);
            let given_away = usage[VOLUNTARY_SWITCHES] as u64;
            Some(Reading {
                cpu,
                delay,
                given_away,
            })
        }
    }

    /// Returns the run delay, which is the second number in the file. The first number, a CPU time, is not
    /// used, because the kernel updates it only at each tick.
    fn run_delay(schedstat: &File) -> Option<u64> {
        let mut bytes = [0; 96];
        let length = schedstat.read_at(&mut bytes, 0).ok()?;
        let text = std::str::from_utf8(&bytes[..length]).ok()?;
        text.split_ascii_whitespace().nth(1)?.parse().ok()
    }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64", not(miri))))]
mod system {
    use super::Reading;

    pub(in super::super) struct CpuClock;

    impl CpuClock {
        pub(in super::super) fn of_this_thread(_with_delay: bool) -> Self {
            CpuClock
        }

        pub(in super::super) fn read(&self) -> Option<Reading> {
            None
        }
    }
}

#[cfg(all(test, target_os = "linux", target_pointer_width = "64", not(miri)))]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_thread_that_computes_uses_cpu_time_and_one_that_sleeps_uses_none() {
        let clock = CpuClock::of_this_thread(true);
        let used = |work: &dyn Fn()| {
            let before = clock.read().unwrap().cpu;
            work();
            Duration::from_nanos(clock.read().unwrap().cpu - before)
        };
        let nap = Duration::from_millis(30);
        let given_away = clock.read().unwrap().given_away;
        assert!(used(&|| std::thread::sleep(nap)) < nap / 2);
        assert!(clock.read().unwrap().given_away > given_away);
        // A thread that computes uses `nap` of CPU time sooner or later, even if other threads use the core
        // too.
        let (begun, start) = (Instant::now(), clock.read().unwrap().cpu);
        while u128::from(clock.read().unwrap().cpu - start) < nap.as_nanos() {
            assert!(begun.elapsed() < Duration::from_secs(60));
        }
    }
}
