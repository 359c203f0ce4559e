//! Tasks of `SingleThread`: local futures, borrows, and every way in which a task can end.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;

use brigade::SingleThread;

use super::{Dropped, Drops, one_cook, two_cooks};

#[test]
fn a_local_future_borrows_from_itself_across_awaits() {
    let executor = one_cook();
    let log = Rc::new(RefCell::new(Vec::new()));
    let cook = |name: &'static str| {
        let log = log.clone();
        async move {
            let words = [String::from(name), String::from("done")];
            for word in &words {
                // The borrows of `words` and of `word` live across this `await`.
                brigade::yield_now().await;
                log.borrow_mut().push(word.clone());
            }
            words.last().unwrap().len()
        }
    };
    let noodles = executor.spawn_local(cook("noodles"));
    let sauce = executor.spawn_local(cook("sauce"));
    let lengths = executor.block_on(async {
        let inner = brigade::spawn_local(cook("salad"));
        (
            noodles.await.unwrap(),
            sauce.await.unwrap(),
            inner.await.unwrap(),
        )
    });
    assert_eq!(lengths, (4, 4, 4));
    assert_eq!(log.borrow().len(), 6);
    assert_eq!(Rc::strong_count(&log), 1);
}

#[test]
fn the_main_future_borrows_and_is_polled_in_turn_with_tasks() {
    let executor = one_cook();
    let mut plates = vec![1, 2, 3];
    let borrowed = &mut plates;
    let sum = executor.block_on(async {
        let four = brigade::spawn(async {
            brigade::yield_now().await;
            4
        });
        borrowed.push(four.await.unwrap());
        borrowed.iter().sum::<i32>()
    });
    assert_eq!((sum, plates.len()), (10, 4));
}

#[test]
fn an_end_of_every_kind() {
    let drops = Drops::default();
    let executor = one_cook();
    let aborted_early = executor.spawn(keep(drops.guard()));
    aborted_early.abort();
    let aborted_late = executor.spawn(keep(drops.guard()));
    let detached = drops.guard();
    drop(executor.spawn(async move { drop(detached) }));
    let left_behind = executor.spawn(keep(drops.guard()));
    executor.block_on(async {
        assert!(aborted_early.await.unwrap_err().is_aborted());
        brigade::yield_now().await;
        aborted_late.abort();
        assert!(aborted_late.await.unwrap_err().is_aborted());
        let output = Box::new(7);
        assert_eq!(*brigade::spawn(async move { output }).await.unwrap(), 7);
    });
    drop(executor);
    assert_eq!(drops.count(), 4);
    assert!(left_behind.is_finished());
}

/// Never completes.
async fn keep(guard: Dropped) {
    pending::<()>().await;
    drop(guard);
}

#[test]
fn a_panic_reaches_the_handle() {
    let executor = one_cook();
    let drops = Drops::default();
    let guard = drops.guard();
    let task = executor.spawn(async move {
        let _guard = guard;
        brigade::yield_now().await;
        std::panic::resume_unwind(Box::new("burnt"));
    });
    let error: brigade::task::JoinError = executor.block_on(task).unwrap_err();
    assert_eq!(*error.into_panic().downcast::<&str>().unwrap(), "burnt");
    assert_eq!(drops.count(), 1);
}

/// Drops guards, but not in the order in which they were made. One guard is dropped by a destructor that runs
/// during a `spawn` onto the guard's executor.
#[test]
fn guards_go_in_any_order() {
    thread_local! {
        static GUARD: std::cell::RefCell<Option<brigade::EnterGuard<'static>>> = const {
            std::cell::RefCell::new(None)
        };
    }
    struct DropsTheGuard;
    impl Drop for DropsTheGuard {
        fn drop(&mut self) {
            drop(GUARD.take());
        }
    }
    let executors = [one_cook(), one_cook(), one_cook()];
    let handles = executors.each_ref().map(SingleThread::handle);
    let [first, second, third] = handles.each_ref().map(brigade::Handle::enter);
    drop(second);
    let inside = executors[1].block_on(async {
        let inside = handles[1].enter();
        drop(first);
        inside
    });
    drop(third);
    drop(brigade::spawn(async {}));
    drop(inside);
    assert!(brigade::Handle::try_current().is_none());
    static GONE: std::sync::OnceLock<brigade::Handle> = std::sync::OnceLock::new();
    GUARD.set(Some(GONE.get_or_init(|| one_cook().handle()).enter()));
    let value = DropsTheGuard;
    drop(brigade::spawn(async move { drop(value) }));
    assert!(GUARD.take().is_none());
}

/// A job blocks on its own executor, and may outlive that executor.
#[test]
fn a_job_blocks_on_its_executor() {
    let executor = two_cooks();
    let job = executor.handle().spawn_blocking(|| {
        brigade::Handle::current().block_on(async { brigade::spawn(async { 1 }).await })
    });
    executor.shutdown_timeout(std::time::Duration::from_secs(600));
    assert!(job.is_finished());
}
