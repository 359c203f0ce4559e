//! What a measuring process needs: its order, clocks, repeated passes, checks.

use std::{
    fs, mem,
    process::exit,
    time::{Duration, Instant},
};

use brigade_benches::results::median;

/// What the conductor asked of this process.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    /// How long to go on with passes.
    pub(crate) budget: Duration,
    /// Another number of tasks, timers or sockets than the row's own.
    pub(crate) size: Option<usize>,
}

impl Job {
    /// The row's own size, unless this run is about how cost grows.
    pub(crate) fn size(&self, own: usize) -> usize {
        self.size.unwrap_or(own)
    }
}

/// What a measurement found, as `key value` pairs for the conductor.
pub(crate) struct Measured(pub(crate) Vec<(&'static str, f64)>);

impl Measured {
    /// Prints the figures and ends the process, whatever the runtime still holds.
    pub(crate) fn finish(self) -> ! {
        for (key, value) in &self.0 {
            println!("{key} {value}");
        }
        exit(0)
    }
}

/// Exit status of a measurement that cannot be taken here; stderr says why.
pub(crate) const UNFIT: i32 = 77;

/// Ends the process if a workload's result is wrong: wrong and fast is a failure.
pub(crate) fn check(holds: bool, what: &str) {
    if !holds {
        eprintln!("check failed: {what}");
        exit(1);
    }
}

/// Ends the process because this runtime cannot do this row, and says why.
pub(crate) fn unfit(why: &str) -> ! {
    eprintln!("{why}");
    exit(UNFIT)
}

/// Wall and processor time, of one pass or of one operation.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    /// Seconds on the clock.
    pub(crate) wall: f64,
    /// Seconds of user and system time, of all threads of this process.
    pub(crate) cpu: f64,
}

impl Cost {
    /// Of one of that many operations.
    pub(crate) fn over(self, operations: usize) -> Self {
        let operations = operations as f64;
        Self {
            wall: self.wall / operations,
            cpu: self.cpu / operations,
        }
    }

    /// Both in nanoseconds.
    pub(crate) fn nanos(self) -> Measured {
        Measured(vec![("wall", self.wall * 1e9), ("cpu", self.cpu * 1e9)])
    }

    /// Both in microseconds.
    pub(crate) fn micros(self) -> Measured {
        Measured(vec![("wall", self.wall * 1e6), ("cpu", self.cpu * 1e6)])
    }
}

/// A pair of clocks that were started together.
pub(crate) struct Meter {
    wall: Instant,
    cpu: Duration,
    switches: i64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        let usage = Usage::now();
        Self {
            wall: Instant::now(),
            cpu: usage.cpu,
            switches: usage.switches,
        }
    }

    pub(crate) fn stop(&self) -> Cost {
        let wall = self.wall.elapsed();
        Cost {
            wall: wall.as_secs_f64(),
            cpu: (Usage::now().cpu - self.cpu).as_secs_f64(),
        }
    }

    /// How often the kernel took a thread of this process off its CPU since the start.
    pub(crate) fn switches(&self) -> i64 {
        Usage::now().switches - self.switches
    }
}

struct Usage {
    cpu: Duration,
    switches: i64,
}

impl Usage {
    fn now() -> Self {
        // SAFETY: an all-zero `rusage` is a valid value of that plain struct, and
        // getrusage only writes into it.
        let usage = unsafe {
            let mut usage: libc::rusage = mem::zeroed();
            check(
                libc::getrusage(libc::RUSAGE_SELF, &mut usage) == 0,
                "getrusage",
            );
            usage
        };
        let time = |time: libc::timeval| {
            Duration::from_secs(time.tv_sec.cast_unsigned())
                + Duration::from_micros(time.tv_usec.cast_unsigned())
        };
        Self {
            cpu: time(usage.ru_utime) + time(usage.ru_stime),
            switches: usage.ru_nvcsw + usage.ru_nivcsw,
        }
    }
}

/// Two passes at least, however long they are; the upper bound only ends passes that cost nothing.
const LEAST_PASSES: usize = 2;
const MOST_PASSES: usize = 10_000;

/// The costs of the passes so far. The first pass warms up and is not counted.
struct Passes {
    until: Instant,
    warm: bool,
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

impl Passes {
    fn new(job: Job) -> Self {
        Self {
            until: Instant::now() + job.budget,
            warm: false,
            wall: vec![],
            cpu: vec![],
        }
    }

    /// Takes in a pass; true if that was the last one.
    fn enough(&mut self, cost: Cost) -> bool {
        if !mem::replace(&mut self.warm, true) {
            return false;
        }
        self.wall.push(cost.wall);
        self.cpu.push(cost.cpu);
        let passes = self.wall.len();
        passes >= MOST_PASSES || (passes >= LEAST_PASSES && Instant::now() >= self.until)
    }

    /// The median wall time and the mean processor time of an operation: the
    /// kernel's books on processor time are too coarse for a single short pass.
    fn per_operation(self, operations: usize) -> Cost {
        let cpu = self.cpu.iter().sum::<f64>() / self.cpu.len() as f64;
        let wall = median(self.wall).unwrap_or(0.0);
        Cost { wall, cpu }.over(operations)
    }
}

/// Runs passes of that many operations until the job's budget is spent.
pub(crate) async fn repeat(job: Job, operations: usize, mut pass: impl AsyncFnMut()) -> Cost {
    let mut passes = Passes::new(job);
    loop {
        let meter = Meter::start();
        pass().await;
        if passes.enough(meter.stop()) {
            return passes.per_operation(operations);
        }
    }
}

/// [`repeat`] for the limits, which have nothing to await.
pub(crate) fn repeat_plain(job: Job, operations: usize, mut pass: impl FnMut()) -> Cost {
    let mut passes = Passes::new(job);
    loop {
        let meter = Meter::start();
        pass();
        if passes.enough(meter.stop()) {
            return passes.per_operation(operations);
        }
    }
}

/// Bytes of this process that are in memory now.
pub(crate) fn resident() -> f64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: Option<f64> = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    // SAFETY: sysconf has no preconditions.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as f64;
    pages.unwrap_or_else(|| unfit("no /proc/self/statm here")) * page
}

/// The most bytes of this process that were ever in memory at once.
pub(crate) fn resident_peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmHWM:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .map_or_else(
            || unfit("no VmHWM in /proc/self/status"),
            |kib: f64| kib * 1024.0,
        )
}

/// Keeps freed memory in this process. The C library returns what lies at the heap's end to the kernel,
/// and each pass would touch those pages for the first time again.
pub(crate) fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no other thread runs yet; the calls only set parameters of the allocator.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        // The most that it accepts: 32 MiB.
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
    }
}

/// Lets this process open as many files as it may at all.
pub(crate) fn raise_file_limit() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both calls get a valid `rlimit`; the first one only writes to it.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

/// Keeps this thread, and every thread it will start, on one CPU.
pub(crate) fn pin_to_one_cpu() {
    // SAFETY: an all-zero `cpu_set_t` is the empty set; the calls only read or
    // write the set they are given, with its own size.
    let pinned = unsafe {
        let mut all: libc::cpu_set_t = mem::zeroed();
        let size = mem::size_of::<libc::cpu_set_t>();
        libc::sched_getaffinity(0, size, &mut all);
        let first = (0..1024)
            .find(|cpu| libc::CPU_ISSET(*cpu, &all))
            .unwrap_or(0);
        let mut one: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(first, &mut one);
        libc::sched_setaffinity(0, size, &one)
    };
    if pinned != 0 {
        unfit("cannot pin the process to one CPU");
    }
}
