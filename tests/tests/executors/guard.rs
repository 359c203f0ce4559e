//! A guard makes an executor current on a thread. Guards may be dropped in any order, inside other executors,
//! and while the thread ends.

use std::future::pending;
use std::sync::mpsc;
use std::thread;

use brigade::{Executor, Handle};
use brigade_tests::{Dropped, Kitchen, Tally, on_both, park_on};

/// A guard makes an executor current, on the thread that made the executor, on another thread, and inside
/// another executor.
fn a_guard_makes_an_executor_current<K: Kitchen>() {
    let executor = K::open();
    let handle = executor.handle();
    let task = {
        let _guard = handle.enter();
        brigade::spawn(async { 1 })
    };
    assert!(Handle::try_current().is_none());
    assert_eq!(executor.block_on(task).unwrap(), 1);
    let elsewhere = thread::spawn(move || {
        let _guard = handle.enter();
        (brigade::spawn(async { 2 }), brigade::spawn_blocking(|| 3))
    });
    let (task, job) = elsewhere.join().unwrap();
    assert_eq!(executor.block_on(task).unwrap(), 2);
    assert_eq!(executor.block_on(job).unwrap(), 3);
    // Inside another executor, the guard's executor is current until the guard is dropped.
    let outer = K::open();
    let handle = executor.handle();
    let mut inner = None;
    outer.block_on(async {
        let guard = handle.enter();
        inner = Some(brigade::spawn(async { 4 }));
        drop(guard);
        assert_eq!(brigade::spawn(async { 5 }).await.unwrap(), 5);
    });
    let inner = inner.unwrap();
    drop(outer);
    assert_eq!(executor.block_on(inner).unwrap(), 4);
    assert!(format!("{:?}", handle.enter()).contains("EnterGuard"));
}

/// Returns a number that identifies the current executor: its highest count of tasks in flight. The function
/// `marked` makes executors for which this count differs.
fn current() -> Option<usize> {
    Handle::try_current().map(|handle| handle.metrics().in_flight_max)
}

/// Makes executors. The first has had at most 1 task in flight, the second at most 2, and so on.
fn marked<K: Kitchen>(count: usize) -> Vec<K::Executor> {
    let executors = (1..=count).map(|tasks| {
        let executor = K::open();
        let spawned: Vec<_> = (0..tasks)
            .map(|_| executor.spawn(pending::<()>()))
            .collect();
        executor.block_on(async {
            for task in spawned {
                task.abort();
                let _ = task.await;
            }
        });
        assert_eq!(executor.metrics().in_flight_max, tasks);
        executor
    });
    executors.collect()
}

/// Guards may be dropped in any order. The current executor is always the one whose guard is the newest of
/// those that still exist.
fn guards_may_be_dropped_in_any_order<K: Kitchen>() {
    let executors = marked::<K>(4);
    let handles: Vec<_> = executors.iter().map(Executor::handle).collect();
    let orders = [
        [0, 1, 2, 3],
        [3, 2, 1, 0],
        [1, 3, 0, 2],
        [2, 0, 3, 1],
        [0, 3, 1, 2],
    ];
    for order in orders {
        let mut guards: Vec<_> = handles.iter().map(|handle| Some(handle.enter())).collect();
        for dropped in order {
            let last = guards.iter().rposition(Option::is_some).unwrap();
            assert_eq!(current(), Some(last + 1));
            guards[dropped] = None;
        }
        assert_eq!(current(), None);
    }
}

/// A guard may outlive the `block_on` in which it was made. A guard that was made before a `block_on` may be
/// dropped inside it.
fn guards_and_stays_may_overlap<K: Kitchen>() {
    let executors = marked::<K>(3);
    let handles: Vec<_> = executors.iter().map(Executor::handle).collect();
    let mut before = Some(handles[0].enter());
    let inside = executors[1].block_on(async {
        assert_eq!(current(), Some(2));
        let inside = handles[2].enter();
        before = None;
        assert_eq!(current(), Some(3));
        inside
    });
    assert_eq!(current(), Some(3));
    assert_eq!(executors[1].block_on(async { current() }), Some(2));
    drop(inside);
    assert_eq!(current(), None);
    drop(before);
}

/// If a guard is forgotten and its executor is dropped, no pointer to freed memory is left.
fn a_forgotten_guard_does_no_harm<K: Kitchen>() {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let executor = K::open();
        let below = executor.handle();
        let outer = below.enter();
        {
            let forgotten = K::open();
            let handle = forgotten.handle();
            std::mem::forget(handle.enter());
        }
        // The executor `forgotten` and its handle were dropped, but this executor is still current.
        assert!(brigade::spawn(async {}).is_finished());
        assert!(
            park_on(brigade::spawn_blocking(|| ()))
                .unwrap_err()
                .is_aborted()
        );
        drop(outer);
        assert!(brigade::spawn(async {}).is_finished());
        assert_eq!(
            executor
                .block_on(async { brigade::spawn(async { 1 }).await })
                .unwrap(),
            1
        );
        drop(executor);
        assert!(Handle::try_current().is_some());
        done.send(()).unwrap();
        // The forgotten guard is leaked. While this thread lives, the guard stays reachable, so leak checkers
        // do not report it.
        loop {
            thread::park();
        }
    });
    is_done.recv().unwrap();
}

/// Leaks a handle but keeps it reachable until the process ends.
fn immortal(handle: Handle) -> &'static Handle {
    static HANDLES: std::sync::Mutex<Vec<&Handle>> = std::sync::Mutex::new(Vec::new());
    let handle: &'static Handle = Box::leak(Box::new(handle));
    HANDLES.lock().unwrap().push(handle);
    handle
}

/// Guards in a thread-local are dropped as late as possible in a thread's life, in any order. Other
/// thread-local destructors may still spawn.
fn a_guard_in_a_thread_local_may_go_late<K: Kitchen>() {
    thread_local! {
        static LATE: std::cell::RefCell<Vec<Box<dyn std::any::Any>>> = const {
            std::cell::RefCell::new(Vec::new())
        };
    }
    let drops = Tally::new();
    let counted = drops.clone();
    thread::spawn(move || {
        let spawns_late = move || {
            let spy = counted.on_drop();
            Dropped(move || {
                let _ = &spy;
                if Handle::try_current().is_some() {
                    drop(brigade::spawn(async {}));
                }
            })
        };
        LATE.with_borrow_mut(|late| late.push(Box::new(spawns_late())));
        for _ in 0..3 {
            let executor = K::open();
            let handle = immortal(executor.handle());
            let guard = handle.enter();
            LATE.with_borrow_mut(|late| late.push(Box::new(guard)));
            LATE.with_borrow_mut(|late| late.push(Box::new(spawns_late())));
            drop(executor);
        }
    })
    .join()
    .unwrap();
    assert_eq!(drops.get(), 4);
}

/// A spawn may run a destructor that drops the guard of the current executor.
fn a_guard_may_go_while_something_is_spawned_by_it<K: Kitchen>() {
    thread_local! {
        static GUARD: std::cell::RefCell<Option<brigade::EnterGuard<'static>>> = const {
            std::cell::RefCell::new(None)
        };
    }
    let handle = immortal(K::open().handle());
    GUARD.set(Some(handle.enter()));
    let spy = Dropped(|| drop(GUARD.take()));
    // The executor was dropped, so `spawn` drops the future.
    let task = brigade::spawn(async move {
        let _spy = spy;
    });
    assert!(task.is_finished());
    assert!(Handle::try_current().is_none());
}

on_both! {
    a_guard_makes_an_executor_current,
    guards_may_be_dropped_in_any_order,
    guards_and_stays_may_overlap,
    a_forgotten_guard_does_no_harm,
    a_guard_in_a_thread_local_may_go_late,
    a_guard_may_go_while_something_is_spawned_by_it,
}
