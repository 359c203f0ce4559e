//! A thread sends an operation while the owner closes the inbox. The owner or the sender runs or drops the
//! operation, once. If the operation is a wake, dropping the operation drops no future (tokio #1972).

use loom::alloc::Track;
use loom::thread;

use super::{Line, Outcomes, explore, waker_of};
use crate::queue::inbox::Inbox;
use crate::sync::{Arc, ThreadToken};
use crate::task::raw::RemoteOp;
use crate::test_support::{Refusing, new_task, new_task_of};

struct Future {
    _track: Track<()>,
    dropped_on: Arc<std::sync::Mutex<Vec<ThreadToken>>>,
}

impl Drop for Future {
    fn drop(&mut self) {
        self.dropped_on.lock().unwrap().push(ThreadToken::current());
    }
}

#[test]
fn each_operation_is_run_or_dropped_once() {
    static SEEN: Outcomes<2> = Outcomes::of(["by the owner", "by the sender"]);
    explore(3, &SEEN, || {
        let (inbox, receiver) = Inbox::new();
        let inbox = Arc::new(inbox);
        let dropped_on = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (line, scheduler) = Line::open();
        let (sleeper, handle) = new_task_of(&scheduler, std::future::pending::<()>());
        let waker = waker_of(sleeper.raw());
        let waking = thread::spawn({
            let inbox = inbox.clone();
            let wake = RemoteOp::Wake(sleeper.raw().to_ref());
            let dropped_on = dropped_on.clone();
            move || {
                let _ = inbox.send(wake);
                let me = ThreadToken::current();
                assert!(
                    !dropped_on.lock().unwrap().contains(&me),
                    "a wake ran a destructor"
                );
            }
        });
        let spawning = thread::spawn({
            let inbox = inbox.clone();
            let future = Future {
                _track: Track::new(()),
                dropped_on: dropped_on.clone(),
            };
            let (task, handle) = new_task(Arc::new(Refusing), async move { drop(future) });
            move || {
                let _ = inbox.send(RemoteOp::Spawn(task));
                drop(handle);
            }
        });
        drop(receiver);
        waking.join().unwrap();
        spawning.join().unwrap();
        let dropped_on = dropped_on.lock().unwrap();
        assert_eq!(dropped_on.len(), 1);
        SEEN.saw(if dropped_on[0] == ThreadToken::current() {
            "by the owner"
        } else {
            "by the sender"
        });
        drop((sleeper, handle, waker, scheduler));
        line.assert_left();
    });
}
