//! A custom executor parks while another thread spawns a task. The executor sees the new task, or is
//! notified.

use loom::thread;

use super::{Outcomes, explore};
use crate::custom::{Ready, Runtime};
use crate::sync::{Arc, AtomicBool, Ordering};

#[test]
fn no_push_is_missed() {
    static SEEN: Outcomes<2> = Outcomes::of(["the executor parked", "the executor did not park"]);
    explore(3, &SEEN, || {
        let pushed = Arc::new(AtomicBool::new(false));
        // Loom does not see the slot, because the slot has a lock of std. A lock of loom would order accesses
        // that only the runtime's fences should order.
        let slot = std::sync::Arc::new(std::sync::Mutex::new(None::<Ready>));
        let queue = {
            let (pushed, slot) = (pushed.clone(), slot.clone());
            move |task| {
                *slot.lock().unwrap() = Some(task);
                pushed.store(true, Ordering::Relaxed);
            }
        };
        let runtime = Runtime::new(std::sync::Arc::new(queue)).unwrap();
        let handle = runtime.handle();
        let spawner = thread::spawn(move || drop(handle.spawn(async {})));
        let mut parked = false;
        while !pushed.load(Ordering::Relaxed) {
            runtime.park_unless(|| {
                let ready = pushed.load(Ordering::Relaxed);
                parked |= !ready;
                ready
            });
        }
        SEEN.saw(match parked {
            true => "the executor parked",
            false => "the executor did not park",
        });
        spawner.join().unwrap();
        let task = slot.lock().unwrap().take().unwrap();
        runtime.enter("the model", || task.run());
    });
}
