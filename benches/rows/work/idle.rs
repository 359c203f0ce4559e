//! What a runtime costs that has nothing to do.

use std::{thread, time::Duration};

use crate::{
    measure::{Job, Measured, Meter, check},
    runtime::{Many, Timed},
};

/// How long nothing happens.
pub(crate) const NAP: Duration = Duration::from_secs(2);

/// The processor time and the context switches since the meter was started.
pub(crate) fn told(meter: &Meter) -> Measured {
    let cost = meter.stop();
    check(cost.wall >= NAP.as_secs_f64(), "the sleep was long enough");
    Measured(vec![
        ("cpu", cost.cpu * 1e6),
        ("switches", meter.switches() as f64),
    ])
}

/// Long enough for everything that a start leaves behind.
const SETTLE: Duration = Duration::from_millis(100);

/// Row `idle`: the runtime has started and settled, and then sleeps once.
pub(crate) fn sleep<R: Timed>(_: Job) -> Measured {
    R::block_on(async {
        R::sleep(SETTLE).await;
        let meter = Meter::start();
        R::sleep(NAP).await;
        told(&meter)
    })
}

/// Row `m_idle`: the workers run one task and go to sleep; then nothing happens.
pub(crate) fn workers<R: Many>(_: Job) -> Measured {
    R::block_on(async {
        check(R::spawn(async { 7 }).await == 7, "the task ran");
        thread::sleep(SETTLE);
        let meter = Meter::start();
        thread::sleep(NAP);
        told(&meter)
    })
}
