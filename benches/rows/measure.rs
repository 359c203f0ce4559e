//! What a measuring process needs: a job, clocks, repeated passes, and checks.

use std::{
    fs, mem,
    process::exit,
    time::{Duration, Instant},
};

use brigade_benches::results::median;

/// How long to measure, and at which size. Both come from the arguments of this process.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    /// How long the benchmark repeats its pass, which is a fixed number of operations.
    pub(crate) budget: Duration,
    /// How many tasks, timers or sockets to use, if the benchmark's own number is replaced.
    pub(crate) size: Option<usize>,
}

impl Job {
    /// Returns the job's size if it has one, and otherwise `own`, the benchmark's own size.
    pub(crate) fn size(&self, own: usize) -> usize {
        self.size.unwrap_or(own)
    }
}

/// The result of a measurement. The process prints it as `key value` pairs, and its parent reads them.
pub(crate) struct Measured(pub(crate) Vec<(&'static str, f64)>);

impl Measured {
    /// Prints the figures and ends the process, without dropping the runtime.
    pub(crate) fn finish(self) -> ! {
        for (key, value) in &self.0 {
            println!("{key} {value}");
        }
        exit(0)
    }
}

/// The exit status of a process that cannot take its measurement on this machine. The process prints the
/// reason on stderr.
pub(crate) const UNFIT: i32 = 77;

/// Ends the process with an error if the result of a workload is wrong, because a fast wrong result is
/// worthless.
pub(crate) fn check(holds: bool, what: &str) {
    if !holds {
        eprintln!("check failed: {what}");
        exit(1);
    }
}

/// Ends the process because this runtime cannot run this benchmark on this machine, and prints the reason.
pub(crate) fn unfit(why: &str) -> ! {
    eprintln!("{why}");
    exit(UNFIT)
}

/// The wall-clock time and CPU time of a pass or of an operation.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    /// The elapsed time, in seconds.
    pub(crate) wall: f64,
    /// The user and system time of all threads of this process, in seconds.
    pub(crate) cpu: f64,
}

impl Cost {
    /// Returns the cost of one operation. `self` is the cost of all operations together.
    pub(crate) fn over(self, operations: usize) -> Self {
        let operations = operations as f64;
        Self {
            wall: self.wall / operations,
            cpu: self.cpu / operations,
        }
    }

    pub(crate) fn nanos(self) -> Measured {
        Measured(vec![("wall", self.wall * 1e9), ("cpu", self.cpu * 1e9)])
    }

    pub(crate) fn micros(self) -> Measured {
        Measured(vec![("wall", self.wall * 1e6), ("cpu", self.cpu * 1e6)])
    }
}

/// Two clocks, for wall-clock time and CPU time, that were started at the same time.
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

    /// Returns the number of context switches of this process's threads since the start.
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
        // SAFETY: an all-zero `rusage` is valid, because its fields are plain integers. getrusage only writes
        // into it.
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

/// The minimum number of passes, not counting the warm-up.
const LEAST_PASSES: usize = 2;
/// The maximum number of passes. This limit matters only if passes take hardly any time.
const MOST_PASSES: usize = 10_000;

/// The costs of the passes so far. The first pass is not counted, because it is a warm-up.
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

    /// Adds the cost of a pass. Returns true if no more passes are needed.
    fn enough(&mut self, cost: Cost) -> bool {
        if !mem::replace(&mut self.warm, true) {
            return false;
        }
        self.wall.push(cost.wall);
        self.cpu.push(cost.cpu);
        let passes = self.wall.len();
        passes >= MOST_PASSES || (passes >= LEAST_PASSES && Instant::now() >= self.until)
    }

    /// Returns the median wall-clock time and the mean CPU time of an operation. The mean is used for CPU
    /// time, because the kernel measures it too coarsely for a single short pass.
    fn per_operation(self, operations: usize) -> Cost {
        let cpu = self.cpu.iter().sum::<f64>() / self.cpu.len() as f64;
        let wall = median(self.wall).unwrap_or(0.0);
        Cost { wall, cpu }.over(operations)
    }
}

/// Repeats a pass of `operations` operations until the job's time is used up.
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

/// Does the same as [`repeat`], but for code without a runtime. Such a `pass` is not async.
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

/// Returns how many bytes of this process are in memory now.
pub(crate) fn resident() -> f64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: Option<f64> = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    // SAFETY: sysconf has no preconditions.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as f64;
    pages.unwrap_or_else(|| unfit("no /proc/self/statm here")) * page
}

/// Returns the maximum so far of [`resident`], in bytes.
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

/// Keeps freed memory in this process. Otherwise the C library would return the memory to the kernel, and the
/// next pass would take page faults to get memory again.
pub(crate) fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no other thread runs yet; the calls only set parameters of the allocator.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        // The allocator accepts at most 32 MiB for this threshold.
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
    }
}

/// Raises the limit on open files to the maximum that this process may set.
pub(crate) fn raise_file_limit() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both calls get a pointer to a valid `rlimit`, and the first call only writes to it.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

/// Pins this thread, and every thread that it starts later, to one CPU.
pub(crate) fn pin_to_one_cpu() {
    // SAFETY: an all-zero `cpu_set_t` is the empty set. The calls only read or write the set that they get,
    // and they get its size.
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
