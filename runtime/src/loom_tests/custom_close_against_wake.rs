//! A custom executor closes while another thread wakes one of its tasks. The task ends, and its future is
//! dropped once. No matter when the waking thread pushes the task, the task and the queue do not keep each
//! other alive.

use std::future::poll_fn;
use std::task::Poll;

use loom::alloc::Track;
use loom::thread;

use super::{Outcomes, explore, wait_for};
use crate::custom::{Ready, Runtime};
use crate::sync::Arc;

#[test]
fn a_push_may_come_too_late() {
    static SEEN: Outcomes<3> = Outcomes::of([
        "the push came before close looked into the queue",
        "the push came too late",
        "the wake found the task done",
    ]);
    explore(3, &SEEN, || {
        // Loom does not see the queue, because it has a lock of std. A lock of loom would order accesses that
        // only the runtime should order.
        let queue = Arc::new(std::sync::Mutex::new(Vec::<Ready>::new()));
        let take = || queue.lock().unwrap().pop();
        let pushed = queue.clone();
        let push = Arc::new(move |task| pushed.lock().unwrap().push(task));
        let alive = Arc::downgrade(&push);
        let runtime = Runtime::new(push).unwrap();
        let given = Arc::new(std::sync::Mutex::new(None));
        let (slot, inside) = (given.clone(), Track::new(()));
        let task = runtime.handle().spawn(poll_fn(move |cx| {
            let _inside = &inside;
            *slot.lock().unwrap() = Some(cx.waker().clone());
            Poll::<()>::Pending
        }));
        take().unwrap().run();
        let waker = given.lock().unwrap().take().unwrap();
        let stranger = thread::spawn(move || waker.wake());
        let mut taken = 0;
        runtime.close(|| take().inspect(|_| taken += 1));
        assert!(wait_for(task).unwrap_err().is_aborted());
        stranger.join().unwrap();
        let late = take();
        SEEN.saw(match (taken, &late) {
            (1, None) => "the push came before close looked into the queue",
            (0, Some(_)) => "the push came too late",
            _ => "the wake found the task done",
        });
        // Running a task after the close does nothing.
        late.map(Ready::run);
        drop(runtime);
        assert_eq!(alive.strong_count(), 0);
    });
}
