//! The driver reads the deadline of the next timer and parks until then, while another thread arms an
//! earlier timer. The driver sees the earlier timer or is notified (tokio #6682). Without a notification
//! the driver would sleep forever, because the clock of a model does not move.

use std::time::Duration;

use loom::sync::Notify;
use loom::thread;

use super::{Outcomes, Stranger, explore};
use crate::sync::Arc;
use crate::timer::{Armed, Clock, Timers, use_wheel};

/// The deadline of the later timer, in the clock's nanoseconds.
const LATE: u64 = 100;

/// Timers on two timer wheels, and the notifier of the driver that waits for them.
struct Model {
    timers: Timers,
    notified: Arc<Notify>,
    waiter: Arc<Stranger>,
}

impl Model {
    fn new() -> Arc<Self> {
        let notified = Arc::new(Notify::new());
        let notify = notified.clone();
        let model = Arc::new(Model {
            timers: Timers::new(Arc::new(Clock::new(true)), 2, move || notify.notify()),
            notified,
            waiter: Stranger::new(),
        });
        model
    }

    /// Arms a timer as `time::Sleep` does on a worker.
    fn arm(&self, worker: usize, nanos: u64) -> Armed {
        use_wheel(worker);
        let deadline = self.timers.now() + Duration::from_nanos(nanos);
        let armed = self.timers.arm(Some(deadline), &self.waiter.clone().into());
        armed.expect("the executor is there")
    }

    /// Parks again after each notification, as `Driver` does. Stops when the next deadline is `until`.
    /// Returns the number of notifications.
    fn sleep_until(&self, until: u64) -> usize {
        let mut notified = 0;
        while self.timers.park() != Some(until) {
            self.notified.wait();
            self.timers.fire(0, &mut Vec::new());
            notified += 1;
        }
        notified
    }

    fn close(&self) {
        let mut woken = Vec::new();
        self.timers.close(&mut woken);
    }
}

#[test]
fn an_earlier_timer_is_never_slept_through() {
    static SEEN: Outcomes<2> = Outcomes::of([
        "the driver saw the timer before its park",
        "the driver was notified",
    ]);
    explore(None, &SEEN, || {
        let model = Model::new();
        let _late = model.arm(0, LATE);
        let armer = thread::spawn({
            let model = model.clone();
            move || model.arm(1, 10)
        });
        SEEN.saw(match model.sleep_until(10) {
            0 => "the driver saw the timer before its park",
            _ => "the driver was notified",
        });
        let _armed = armer.join().unwrap();
        model.close();
    });
}

/// Two threads arm one timer each. A thread may leave the notification to the other thread only if the
/// other thread's timer is earlier.
#[test]
fn the_earliest_of_two_timers_is_never_slept_through() {
    static SEEN: Outcomes<3> = Outcomes::of([
        "no notification was needed",
        "one notification was enough",
        "each notified the driver",
    ]);
    explore(Some(2), &SEEN, || {
        let model = Model::new();
        let _late = model.arm(0, LATE);
        let armers = [(0, 10), (1, 20)].map(|(worker, nanos)| {
            let model = model.clone();
            thread::spawn(move || model.arm(worker, nanos))
        });
        SEEN.saw(match model.sleep_until(10) {
            0 => "no notification was needed",
            1 => "one notification was enough",
            _ => "each notified the driver",
        });
        let _armed = armers.map(|armer| armer.join().unwrap());
        model.close();
    });
}
