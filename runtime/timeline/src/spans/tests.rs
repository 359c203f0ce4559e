//! Tests spans on hand-made runs.

use std::time::Duration;

use brigade::timeline::What;

use crate::script::Script;

/// Returns how long the thread was blocked and preempted in a 20 ms poll between two readings of the CPU
/// clock. From the first reading to the second, the CPU time grows by `cpu` ms, and the run delay (the time
/// in which the thread was ready but had no core) grows by `delayed` ms. `blocked` is whether the thread
/// blocked in between.
fn off_core(cpu: u64, delayed: u64, blocked: bool) -> (Duration, Duration) {
    let ms = Duration::from_millis;
    let reading = |used: u64, delayed: u64, blocked| What::CpuTime {
        used: ms(used),
        delayed: Some(ms(delayed)),
        blocked,
    };
    let mut run = Script::new(1);
    let task = run.task("task");
    run.at(0)
        .event(reading(5, 1, false))
        .spawn(task, None)
        .begin(task);
    run.at(20)
        .pend(task)
        .event(reading(5 + cpu, 1 + delayed, blocked));
    let spans = crate::spans(&run.done());
    (spans.polls[0].blocked(), spans.polls[0].preempted())
}

#[test]
fn a_poll_that_blocked_is_told_from_one_that_computed_or_lost_its_core() {
    let ms = Duration::from_millis;
    assert_eq!(off_core(20, 0, false), (ms(0), ms(0)));
    assert_eq!(off_core(2, 3, true), (ms(15), ms(3)));
    assert_eq!(off_core(2, 18, true), (ms(0), ms(18)));
    // The thread never gave up its core, so the host of a virtual machine took the core.
    assert_eq!(off_core(2, 3, false), (ms(0), ms(18)));
}
