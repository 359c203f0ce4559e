//! Maps each benchmark and runtime to a function. Only this file uses both workloads and runtimes.

use std::{process::ExitCode, time::Duration};

use crate::{
    limits,
    measure::{Job, Measured, keep_freed_memory, raise_file_limit},
    runtime::{Many, ManyNet, ManyTimed, Net, One, Timed, workers},
    runtimes::{
        brigade_many, brigade_one, compio_one, futures_both, glommio_one, monoio_one, nio_many,
        nio_one, smol_many, smol_one, tokio_many, tokio_one,
    },
    work,
};

/// A function that measures one benchmark on one runtime.
pub(crate) type Measure = fn(Job) -> Measured;

/// The time, in seconds, after which the kernel ends a measurement that hangs. A measurement that does not
/// hang takes less than a tenth of this time.
const PATIENCE_S: u32 = 60;

/// Takes one measurement and prints its figures on stdout, in the process that was started with `--measure`.
pub(crate) fn measure(row: &str, runtime: &str, budget: &str, size: &str) -> ExitCode {
    let (Some(measure), Ok(millis)) = (pick(row, runtime), budget.parse()) else {
        eprintln!("error: no measurement {row} {runtime} {budget}");
        return ExitCode::from(2);
    };
    // SAFETY: alarm only sets a timer of this process.
    unsafe { libc::alarm(PATIENCE_S) };
    raise_file_limit();
    keep_freed_memory();
    let job = Job {
        budget: Duration::from_millis(millis),
        size: size.parse().ok(),
    };
    measure(job).finish()
}

/// Returns the function for this benchmark on this runtime, or `None` if the runtime cannot run it.
pub(crate) fn pick(row: &str, runtime: &str) -> Option<Measure> {
    let found = match runtime {
        "brigade" => net::<brigade_one::Brigade>(row),
        "tokio" => net::<tokio_one::Tokio>(row),
        "smol" => net::<smol_one::Smol>(row),
        "smol-static" => net::<smol_one::SmolStatic>(row),
        "futures" => one::<futures_both::Futures>(row),
        "nio" => net::<nio_one::Nio>(row),
        "monoio" => net::<monoio_one::Monoio>(row),
        "compio" => net::<compio_one::Compio>(row),
        "glommio" => net::<glommio_one::Glommio>(row),
        "limit" => limit(row),
        _ => None,
    };
    found.or_else(|| match runtime {
        "brigade" => many_net::<brigade_many::Brigade>(row),
        "tokio" => many_net::<tokio_many::Tokio>(row),
        "smol" => many_net::<smol_many::Smol>(row),
        "smol-static" => many_net::<smol_many::SmolStatic>(row),
        "futures" => many::<futures_both::Futures>(row),
        "nio" => many::<nio_many::Nio>(row),
        #[cfg(tokio_unstable)]
        "tokio-alt" if row.starts_with("m_timer") => many_timed::<tokio_many::TokioAlt>(row),
        _ => None,
    })
}

fn one<R: One>(row: &str) -> Option<Measure> {
    Some(match row {
        "spawn_join" => work::spawn::join::<R>,
        "spawn_cold" => work::spawn::cold::<R>,
        "spawn_batch" => work::spawn::batch::<R>,
        "spawn_await" => work::spawn::each::<R>,
        "yield" => work::turns::yields::<R>,
        "ping_pong" => work::turns::ping_pong::<R>,
        "cross_wake" => work::wake::cross_wake::<R>,
        "idle_mem" => work::memory::parked::<R>,
        _ => return None,
    })
}

fn timed<R: Timed>(row: &str) -> Option<Measure> {
    Some(match row {
        "timers" => work::timers::many::<R>,
        "timer_light" => work::timers::few::<R>,
        "timer_cancel" => work::timers::cancel::<R>,
        "idle" => work::idle::sleep::<R>,
        _ => return one::<R>(row),
    })
}

fn net<R: Net>(row: &str) -> Option<Measure> {
    Some(match row {
        "echo1" => |job| work::echo::echo::<R>(job, 1),
        "echo100" => |job| work::echo::echo::<R>(job, 100),
        "echo1000" => |job| work::echo::echo::<R>(job, 1000),
        "fetch" => work::fetch::fetch::<R>,
        _ => return timed::<R>(row),
    })
}

fn many<R: Many>(row: &str) -> Option<Measure> {
    Some(match row {
        "m_spawn_outside" => work::many_spawn::outside::<R>,
        "m_spawn_worker" => work::many_spawn::worker::<R>,
        "m_spawn_await" => |job| work::many_spawn::each::<R>(job, 1),
        "m_spawn_all" => |job| work::many_spawn::each::<R>(job, workers()),
        "m_recursive" => work::many_spawn::recursive::<R>,
        "m_chained" => work::many_spawn::chained::<R>,
        "m_yield" => work::many_turns::yields::<R>,
        "m_pairs" => work::many_turns::pairs::<R>,
        "m_pairs_spawn" => work::many_turns::pairs_spawn::<R>,
        "m_fanout" => work::many_work::fanout::<R>,
        "m_skew" => work::many_work::skew::<R>,
        "m_idle" => work::idle::workers::<R>,
        "m_wake" => work::wake::from_idle::<R>,
        _ => return None,
    })
}

fn many_timed<R: ManyTimed>(row: &str) -> Option<Measure> {
    Some(match row {
        "m_timers" => work::many_timers::sleeps::<R>,
        "m_timer_cancel" => work::many_timers::cancel::<R>,
        _ => return many::<R>(row),
    })
}

fn many_net<R: ManyNet>(row: &str) -> Option<Measure> {
    Some(match row {
        "m_echo1000" => work::many_echo::echo::<R>,
        _ => return many_timed::<R>(row),
    })
}

fn limit(row: &str) -> Option<Measure> {
    Some(match row {
        "spawn_join" => limits::closures::all,
        "spawn_cold" => limits::closures::cold,
        "spawn_batch" => limits::closures::batch,
        "yield" => limits::closures::ring,
        "ping_pong" => limits::closures::channels,
        "idle_mem" => limits::closures::boxed_futures,
        "cross_wake" => limits::kernel::cross_wake,
        "idle" => limits::kernel::sleep,
        "timers" => |job| limits::clocks::heap(job, 100_000),
        "timer_light" => |job| limits::clocks::heap(job, 1_000),
        "timer_cancel" => limits::clocks::tree,
        "echo1" => |job| limits::echo::one_thread(job, 1),
        "echo100" => |job| limits::echo::one_thread(job, 100),
        "echo1000" => |job| limits::echo::one_thread(job, 1000),
        "fetch" => limits::fetch::fetch,
        "m_spawn_outside" => limits::rayon::outside,
        "m_spawn_worker" => limits::rayon::worker,
        "m_chained" => limits::rayon::chained,
        "m_skew" => limits::rayon::skew,
        "m_fanout" => limits::threads::fanout,
        "m_idle" => limits::threads::idle,
        "m_wake" => limits::threads::wake,
        "m_echo1000" => limits::echo::two_threads,
        _ => return None,
    })
}
