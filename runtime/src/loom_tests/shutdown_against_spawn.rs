//! An executor is dropped while another thread spawns onto it. The new task runs, or its handle returns
//! "aborted". Either way, its future is dropped once, and the thread that awaits the task is woken
//! (tokio #1916, compio #502).

use loom::alloc::Track;
use loom::thread;

use super::{Outcomes, explore, wait_for};
use crate::{Executor, SingleThread, WorkStealing};

fn spawn_while_it_closes(executor: impl Executor) -> Result<u32, crate::task::JoinError> {
    let handle = executor.handle();
    let stranger = thread::spawn(move || {
        let track = Track::new(7);
        // Await the handle while the executor may still be closing.
        wait_for(handle.spawn(async move { track.into_inner() }))
    });
    drop(executor);
    stranger.join().unwrap()
}

#[test]
fn one_cook() {
    // `SingleThread` runs tasks only in `block_on`, which this model never calls.
    static SEEN: Outcomes<1> = Outcomes::of(["aborted"]);
    explore(3, &SEEN, || {
        let end = spawn_while_it_closes(SingleThread::new().unwrap());
        assert!(end.unwrap_err().is_aborted());
        SEEN.saw("aborted");
    });
}

#[test]
fn many_cooks() {
    static SEEN: Outcomes<2> = Outcomes::of(["it ran", "aborted"]);
    explore(2, &SEEN, || {
        match spawn_while_it_closes(WorkStealing::with_workers(1).unwrap()) {
            Ok(output) => {
                assert_eq!(output, 7);
                SEEN.saw("it ran");
            }
            Err(error) => {
                assert!(error.is_aborted());
                SEEN.saw("aborted");
            }
        }
    });
}

/// The handle is dropped immediately, while the executor closes.
#[test]
fn one_cook_and_nobody_waits() {
    static SEEN: Outcomes<2> = Outcomes::of(["dropped by the executor", "dropped by the spawner"]);
    explore(3, &SEEN, || {
        let executor = SingleThread::new().unwrap();
        let handle = executor.handle();
        let me = crate::sync::ThreadToken::current();
        struct Tell(
            crate::sync::ThreadToken,
            #[expect(dead_code, reason = "it is owned")] Track<()>,
        );
        impl Drop for Tell {
            fn drop(&mut self) {
                SEEN.saw(if crate::sync::ThreadToken::current() == self.0 {
                    "dropped by the executor"
                } else {
                    "dropped by the spawner"
                });
            }
        }
        let stranger = thread::spawn(move || {
            let tell = Tell(me, Track::new(()));
            drop(handle.spawn(async move { drop(tell) }));
        });
        drop(executor);
        stranger.join().unwrap();
    });
}
