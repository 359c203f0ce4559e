//! A worker fills its LIFO slot. If it sees that a second worker searches or is the monitor, it wakes no
//! worker. At the same moment, the second worker stops searching or monitoring. Even so, some worker learns
//! of the task in the slot (tokio #4941).

use loom::thread;

use super::{Line, Outcomes, explore};
use crate::metrics::Counters;
use crate::reactor;
use crate::sync::Arc;
use crate::task::raw::Runnable;
use crate::test_support::new_task_of;
use crate::work_stealing::scheduler::Scheduler;

const PUTTER: usize = 0;
const OTHER: usize = 1;
/// The worker that is parked in the driver, without a timeout.
const PARKED: usize = 2;

const OUTSIDE: bool = false;

/// Runs `race` with a real scheduler for three workers, and with a task for the slot of the worker
/// `PUTTER`. `race` returns whether a worker learns of the task in the slot.
fn with_scheduler(race: impl FnOnce(&Arc<Scheduler>, Runnable) -> bool) {
    let (line, tasks) = Line::open();
    let (task, handle) = new_task_of(&tasks, std::future::pending::<()>());
    let (reactor, _event_loop) = reactor::new().unwrap();
    let scheduler = Arc::new(Scheduler::new(3, reactor, Arc::new(Counters::new(3))));
    let (raw, task) = (task.raw(), task.bind());
    let mut covered = false;
    scheduler.remotes[PARKED].parker.park_in_driver(|| {
        scheduler.idle.fall_asleep(PARKED, false);
        covered = race(&scheduler, task);
    });
    assert!(covered, "no worker learns of the task in the slot");
    // The task is still in the slot, because the model takes no task out.
    raw.cancel();
    drop((handle, tasks));
    line.assert_left();
}

fn put(scheduler: &Arc<Scheduler>, task: Runnable, rise: bool) -> thread::JoinHandle<()> {
    let scheduler = scheduler.clone();
    thread::spawn(move || {
        if rise {
            assert!(!scheduler.idle.rise(PUTTER, false));
        }
        assert!(scheduler.remotes[PUTTER].slot.put(task).is_none());
        scheduler.ensure_monitor();
    })
}

fn was_woken(scheduler: &Scheduler, worker: usize) -> bool {
    scheduler.idle.rise(worker, false)
}

#[test]
fn the_last_searcher_finds_a_task() {
    static SEEN: Outcomes<2> = Outcomes::of([
        "the putter woke a worker",
        "the last searcher woke a worker",
    ]);
    explore(None, &SEEN, || {
        with_scheduler(|scheduler, task| {
            let idle = &scheduler.idle;
            assert!(idle.start_searching());
            let putter = put(scheduler, task, false);
            let mut woke = false;
            if idle.stop_searching() {
                let awake = idle.counts().awake;
                scheduler.wake_successor();
                woke = idle.counts().awake > awake;
            }
            putter.join().unwrap();
            SEEN.saw(if woke {
                "the last searcher woke a worker"
            } else {
                "the putter woke a worker"
            });
            was_woken(scheduler, PARKED)
        });
    });
}

#[test]
fn the_monitor_finds_a_task() {
    static SEEN: Outcomes<1> = Outcomes::of(["one was woken"]);
    explore(None, &SEEN, || {
        with_scheduler(|scheduler, task| {
            scheduler.idle.fall_asleep(OTHER, false);
            assert!(scheduler.monitor.begin(OUTSIDE, || true));
            let putter = put(scheduler, task, false);
            scheduler.monitor.end(OUTSIDE);
            let woken = scheduler.idle.rise(OTHER, false);
            if !woken {
                scheduler.ensure_monitor();
            }
            putter.join().unwrap();
            SEEN.saw("one was woken");
            woken || was_woken(scheduler, PARKED)
        });
    });
}

/// At first all workers are parked, one of them as the monitor. The monitor wakes, finds nothing and parks
/// again, while the worker `PUTTER` rises and fills its slot.
#[test]
fn the_monitor_parks_again_while_the_putter_rises() {
    static SEEN: Outcomes<2> = Outcomes::of(["the monitor went on", "the putter woke a worker"]);
    explore(3, &SEEN, || {
        with_scheduler(|scheduler, task| {
            let idle = &scheduler.idle;
            idle.fall_asleep(OTHER, false);
            assert!(scheduler.monitor.begin(OUTSIDE, || true));
            idle.fall_asleep(PUTTER, false);
            let putter = put(scheduler, task, true);
            scheduler.monitor.end(OUTSIDE);
            let mut goes_on = false;
            let woken = idle.rise(OTHER, false);
            if !woken {
                idle.fall_asleep(OTHER, false);
                goes_on = scheduler.monitor.begin(OUTSIDE, || idle.counts().awake > 0);
            }
            putter.join().unwrap();
            SEEN.saw(if goes_on {
                "the monitor went on"
            } else {
                "the putter woke a worker"
            });
            goes_on || woken || was_woken(scheduler, OTHER) || was_woken(scheduler, PARKED)
        });
    });
}
