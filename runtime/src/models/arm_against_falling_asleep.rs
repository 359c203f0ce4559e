//! The driver asks when the next timer is due and goes to sleep until then, while another thread arms
//! an earlier one: it is counted in, or the driver is rung up (tokio #6682). Without a bell the driver
//! here sleeps for ever, since no model's clock moves.

use std::time::Duration;

use loom::sync::Notify;
use loom::thread;

use super::{Outcomes, Stranger, explore};
use crate::sync::{Arc, Guarded, Mutex};
use crate::timer::Timers;
use crate::timer::clock::Clock;

/// Deadlines, in the clock's nanoseconds.
const LATE: u64 = 100;

/// The timers of many cooks, with a late one armed, and the bell of who drives them.
struct Kitchen {
    timers: Timers,
    bell: Notify,
    waiter: Arc<Stranger>,
}

impl Kitchen {
    fn new() -> Arc<Self> {
        let kitchen = Arc::new(Kitchen {
            timers: Timers::new(Arc::new(Clock::new(true)), |plan| {
                Guarded::Locked(Mutex::new(plan))
            }),
            bell: Notify::new(),
            waiter: Stranger::new(),
        });
        kitchen.arm(LATE);
        kitchen
    }

    /// As `time::Sleep` does.
    fn arm(&self, nanos: u64) {
        let deadline = self.timers.now() + Duration::from_nanos(nanos);
        let armed = self.timers.arm(deadline, &self.waiter.clone().into());
        if armed.expect("the plan is everybody's").ring {
            self.bell.notify();
        }
    }

    /// As `Driver` does, again and again until it would sleep no longer than `until`: how often it
    /// was rung up.
    fn sleep_until(&self, until: u64) -> usize {
        let mut rung = 0;
        while self.timers.fall_asleep() != Some(until) {
            self.bell.wait();
            self.timers.wake_up();
            rung += 1;
        }
        rung
    }

    fn close(&self) {
        let mut woken = Vec::new();
        self.timers.close(&mut woken);
    }
}

#[test]
fn an_earlier_timer_is_never_slept_through() {
    static SEEN: Outcomes<2> = Outcomes::of(["it was counted in", "the driver was rung up"]);
    explore(None, &SEEN, || {
        let kitchen = Kitchen::new();
        let armer = thread::spawn({
            let kitchen = kitchen.clone();
            move || kitchen.arm(10)
        });
        SEEN.saw(match kitchen.sleep_until(10) {
            0 => "it was counted in",
            _ => "the driver was rung up",
        });
        armer.join().unwrap();
        kitchen.close();
    });
}

/// Who comes second must not trust the bell of who came first, unless that one is earlier.
#[test]
fn nor_the_earliest_of_two() {
    static SEEN: Outcomes<3> = Outcomes::of([
        "both were counted in",
        "one bell did for both",
        "each rang the driver up",
    ]);
    explore(None, &SEEN, || {
        let kitchen = Kitchen::new();
        let armers = [10, 20].map(|nanos| {
            let kitchen = kitchen.clone();
            thread::spawn(move || kitchen.arm(nanos))
        });
        SEEN.saw(match kitchen.sleep_until(10) {
            0 => "both were counted in",
            1 => "one bell did for both",
            _ => "each rang the driver up",
        });
        for armer in armers {
            armer.join().unwrap();
        }
        kitchen.close();
    });
}
