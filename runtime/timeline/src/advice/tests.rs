//! Tests the rules on hand-made runs. `tests/advice.rs` tests the rules on real programs.

use std::time::Duration;

use brigade::SingleThread;
use brigade::timeline::What;

use super::waits::is_ticker;
use super::{Kind, on_cores};
use crate::script::Script;

/// Returns the times at which timers fire. If `is_interval` is true, the timers are due at multiples of
/// `period` ms. Otherwise each timer is due `period` ms after the previous timer fired. A timer fires at the
/// first tick of the wheel after it is due.
fn fired(times: u32, period: f64, is_interval: bool) -> Vec<Duration> {
    const TICK: f64 = 1.048_576;
    let mut at = 0.37;
    let mut all = Vec::new();
    for n in 1..=times {
        let due = if is_interval {
            0.37 + f64::from(n) * period
        } else {
            at + 0.02 + period
        };
        at = (due / TICK).ceil() * TICK;
        all.push(Duration::from_secs_f64(at / 1e3));
    }
    all
}

#[test]
fn a_ticker_is_told_from_a_loop_of_sleeps() {
    for period in [3.0, 4.0, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0] {
        assert!(is_ticker(&fired(20, period, true)), "{period}");
        assert!(!is_ticker(&fired(20, period, false)), "{period}");
    }
}

/// Returns the advice for a task that computes for `takes` ms in one poll while a timer of another task
/// fires.
fn hog(takes: u64) -> Vec<Kind> {
    let mut run = Script::new(1);
    let [ui, hog] = ["ui", "hog"].map(|name| run.task(name));
    run.at(0).spawn(ui, None).spawn(hog, None);
    run.begin(ui).pend(ui).begin(hog).at(takes).pend(hog);
    run.event(What::TimersFired { timers: 1 });
    run.wake(ui, None).begin(ui).ready(ui);
    let timeline = run.done();
    let advice = on_cores(&timeline, 1);
    advice.iter().map(super::Advice::kind).collect()
}

#[test]
fn a_long_poll_is_computing_if_an_event_of_another_task_was_late() {
    assert_eq!(hog(20), [Kind::Computing]);
    assert!(hog(9).is_empty());
}

/// Returns the advice on tasks that sleep for these numbers of milliseconds, one after the other. Time is
/// virtual, so the lengths are exact.
fn sleepers(tasks: Vec<Vec<u64>>) -> Vec<Kind> {
    let executor = SingleThread::builder();
    let executor = executor.virtual_time(true).record_timeline(true);
    let executor = executor.build().unwrap();
    let spawned: Vec<_> = tasks
        .into_iter()
        .map(|lengths| {
            executor.spawn(async {
                for length in lengths {
                    brigade::time::sleep(Duration::from_millis(length)).await;
                }
            })
        })
        .collect();
    executor.block_on(async {
        for task in spawned {
            task.await.unwrap();
        }
        // Without this sleep, the main future would end at the same virtual instant as the last task. The
        // rule would then assume that the last task had checked for the end of the main future.
        brigade::time::sleep(Duration::from_millis(1)).await;
    });
    let timeline = executor.timeline().unwrap();
    let advice = on_cores(&timeline, 1);
    advice.iter().map(super::Advice::kind).collect()
}

/// A loop of sleeps is reported only if another task ended during the loop's last sleep. Then the loop may have
/// been polling: it may have checked after each sleep whether that task had ended. The end
/// of a task that also sleeps in a loop does not count.
#[test]
fn a_loop_of_sleeps_is_polling_if_a_task_of_another_kind_ended() {
    let steps = || [41, 53, 79, 83, 47].repeat(5); // 1,515 ms
    let mut unequal = [30, 170].repeat(7); // 1,400 ms
    unequal.push(70);
    assert_eq!(sleepers(vec![steps(), steps()]), []);
    assert_eq!(sleepers(vec![steps(), unequal]), []);
    assert_eq!(sleepers(vec![steps(), vec![1490]]), [Kind::TimerPolling]);
}
