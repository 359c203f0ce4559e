//! Measures the cost of an idle runtime.

use std::{thread, time::Duration};

use crate::{
    measure::{Job, Measured, Meter, check},
    runtime::{Many, Timed},
};

/// How long the runtime stays idle.
pub(crate) const NAP: Duration = Duration::from_secs(2);

/// Returns the CPU time and the number of context switches since the meter was started.
pub(crate) fn told(meter: &Meter) -> Measured {
    let cost = meter.stop();
    check(cost.wall >= NAP.as_secs_f64(), "the sleep was long enough");
    Measured(vec![
        ("cpu", cost.cpu * 1e6),
        ("switches", meter.switches() as f64),
    ])
}

/// How long the benchmark waits for the started runtime to become idle.
const SETTLE: Duration = Duration::from_millis(100);

/// The benchmark `idle`: the runtime starts and becomes idle, and then the main future sleeps once.
pub(crate) fn sleep<R: Timed>(_: Job) -> Measured {
    R::block_on(async {
        R::sleep(SETTLE).await;
        let meter = Meter::start();
        R::sleep(NAP).await;
        told(&meter)
    })
}

/// The benchmark `m_idle`: the workers run one task and park. Then nothing happens.
pub(crate) fn workers<R: Many>(_: Job) -> Measured {
    R::block_on(async {
        check(R::spawn(async { 7 }).await == 7, "the task ran");
        thread::sleep(SETTLE);
        let meter = Meter::start();
        thread::sleep(NAP);
        told(&meter)
    })
}
