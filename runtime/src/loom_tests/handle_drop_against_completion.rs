//! A handle is dropped while its task completes. The output and the stored waker of the handle are dropped
//! exactly once, and the memory is freed (tokio #4412, glommio #379).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use loom::alloc::Track;
use loom::thread;

use super::{Line, Outcomes, Stranger, explore, spawn};
use crate::sync::{Arc, Ordering, ThreadToken};
use crate::test_support;

type Seen = Outcomes<2>;

const BY_HANDLE: &str = "the handle dropped the output";
const BY_EXECUTOR: &str = "the executor dropped the output";

/// An output that counts its drops. Its `Track` makes the model fail if the output is never dropped.
struct Output {
    _track: Track<()>,
    drops: Arc<std::sync::atomic::AtomicUsize>,
    handle_is_on: ThreadToken,
    seen: &'static Seen,
}

impl Drop for Output {
    fn drop(&mut self) {
        assert_eq!(self.drops.fetch_add(1, Ordering::Relaxed), 0);
        let by_handle = ThreadToken::current() == self.handle_is_on;
        self.seen
            .saw(if by_handle { BY_HANDLE } else { BY_EXECUTOR });
    }
}

fn drop_while_it_completes(seen: &'static Seen, look_first: bool) {
    explore(None, seen, move || {
        let (line, scheduler) = Line::open();
        let drops = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let output = Output {
            _track: Track::new(()),
            drops: drops.clone(),
            handle_is_on: ThreadToken::current(),
            seen,
        };
        let (mut handle, waker) = spawn(&scheduler, async move { output });
        drop(waker);
        let stranger = Stranger::new();
        if look_first {
            let waker = Waker::from(stranger.clone());
            let mut cx = Context::from_waker(&waker);
            assert!(Pin::new(&mut handle).poll(&mut cx).is_pending());
        }
        let runner = thread::spawn({
            let line = line.clone();
            move || test_support::run(line.pop().unwrap())
        });
        drop(handle);
        runner.join().unwrap();
        assert_eq!(drops.load(Ordering::Relaxed), 1);
        assert_eq!(Arc::strong_count(&stranger), 1, "a waker was left behind");
        drop(scheduler);
        line.assert_left();
    });
}

#[test]
fn the_output_is_dropped_once_and_the_memory_freed() {
    static SEEN: Seen = Outcomes::of([BY_HANDLE, BY_EXECUTOR]);
    drop_while_it_completes(&SEEN, false);
}

/// The handle has registered a waker. The executor may be about to call this waker while the handle is
/// dropped.
#[test]
fn also_where_the_handle_was_awaited_before() {
    static SEEN: Seen = Outcomes::of([BY_HANDLE, BY_EXECUTOR]);
    drop_while_it_completes(&SEEN, true);
}
