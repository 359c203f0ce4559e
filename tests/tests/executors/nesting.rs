//! Tests which futures `block_on` may run, and where it may be called.

use std::cell::Cell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use brigade::time::sleep;
use brigade::{Executor, Handle};
use brigade_tests::{Kitchen, Tally, on_both, text_of};

/// The main future may borrow and need not be `Send`.
fn the_main_future_may_borrow<K: Kitchen>() {
    let executor = K::open();
    let (mut words, count) = (vec!["noodles"], std::rc::Rc::new(Cell::new(0)));
    executor.block_on(async {
        words.push("sauce");
        brigade::yield_now().await;
        count.set(count.get() + words.len());
    });
    assert_eq!((words.len(), count.get()), (2, 2));
}

/// rayon #592, #1251: a nested `block_on` would have to run other tasks on the same stack. It panics with an
/// explanation instead, and the outer executor continues to work.
fn a_nested_block_on_panics<K: Kitchen>() {
    let executor = K::open();
    let answer = executor.block_on(async {
        let inner = K::open();
        let nested = catch_unwind(AssertUnwindSafe(|| inner.block_on(async { 1 })));
        let payload = nested.unwrap_err();
        let text = text_of(&*payload);
        assert!(
            text.contains("block_on") && text.contains("inside"),
            "{text}"
        );
        // The inner executor can be dropped, and the outer executor continues.
        drop(inner);
        sleep(Duration::from_millis(1)).await;
        brigade::spawn(async { 42 }).await.unwrap()
    });
    assert_eq!(answer, 42);
}

/// A nested `block_on` in a task panics too, and the panic reaches the task's handle.
fn a_nested_block_on_in_a_task_panics<K: Kitchen>() {
    let executor = K::open();
    let error = executor
        .block_on(executor.spawn(async { K::open().block_on(async {}) }))
        .unwrap_err();
    assert!(text_of(&*error.into_panic()).contains("block_on"));
    assert!(
        executor
            .block_on(executor.spawn(async { catch_unwind(|| brigade::run(async {})).is_err() }))
            .unwrap()
    );
}

/// A thread of the blocking pool may run another executor.
fn block_on_inside_spawn_blocking_works<K: Kitchen>() {
    let executor = K::open();
    let answer = executor.block_on(async {
        let job = brigade::spawn_blocking(|| {
            let inner = K::open();
            let answer = inner.block_on(async {
                sleep(Duration::from_millis(1)).await;
                brigade::spawn(async { 42 }).await.unwrap()
            });
            drop(inner);
            // The pool's thread belongs to the outer executor again.
            (answer, brigade::spawn(async { 1 }))
        });
        let (answer, outer) = job.await.unwrap();
        answer + outer.await.unwrap()
    });
    assert_eq!(answer, 43);
}

/// A panic of the main future does not affect the executor or its tasks.
fn a_panicking_main_future_leaves_the_executor_usable<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    let spy = drops.on_drop();
    let (open, gate) = async_channel::bounded::<()>(1);
    let task = executor.spawn(async move {
        let _spy = spy;
        gate.recv().await.unwrap();
        7
    });
    for yields in 0..3 {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            executor.block_on(async {
                for _ in 0..yields {
                    brigade::yield_now().await;
                }
                panic!("the cook fell");
            })
        }));
        let payload = panicked.unwrap_err();
        assert_eq!(text_of(&*payload), "the cook fell");
        assert!(Handle::try_current().is_none());
    }
    assert_eq!(drops.get(), 0);
    executor.block_on(async { open.send(()).await.unwrap() });
    assert_eq!(executor.block_on(task).unwrap(), 7);
    assert_eq!(drops.get(), 1);
}

/// The waker of a main future that has panicked or ended has no effect.
fn the_waker_of_an_ended_main_future_does_nothing<K: Kitchen>() {
    let executor = K::open();
    let mut wakers = Vec::new();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        executor.block_on(std::future::poll_fn(|cx| -> std::task::Poll<()> {
            wakers.push(cx.waker().clone());
            cx.waker().wake_by_ref();
            panic!("the cook fell");
        }))
    }));
    assert!(panicked.is_err());
    executor.block_on(std::future::poll_fn(|cx| {
        wakers.push(cx.waker().clone());
        cx.waker().wake_by_ref();
        std::task::Poll::Ready(())
    }));
    for waker in wakers {
        waker.wake_by_ref();
        std::thread::spawn(move || waker.wake()).join().unwrap();
    }
    assert_eq!(executor.block_on(async { 1 }), 1);
}

/// async-executor #54: executors that alternate on one thread do not mix up their tasks.
fn executors_may_take_turns_on_a_thread<K: Kitchen>() {
    let (one, other) = (K::open(), K::open());
    let (from_one, from_other) = (Tally::new(), Tally::new());
    for _ in 0..3 {
        for (executor, tally) in [(&one, &from_one), (&other, &from_other)] {
            executor.block_on(async {
                let tally = tally.clone();
                brigade::spawn(async move {
                    sleep(Duration::from_millis(1)).await;
                    tally.add();
                })
                .await
                .unwrap();
            });
        }
    }
    assert_eq!((from_one.get(), from_other.get()), (3, 3));
    drop(one);
    assert_eq!(other.block_on(async { 5 }), 5);
}

/// Two executors may each await a task of the other.
fn executors_may_await_each_others_tasks<K: Kitchen>() {
    let here = K::open();
    let (handles, there) = std::sync::mpsc::channel();
    let (end, ended) = async_channel::bounded::<()>(1);
    let thread = std::thread::spawn(move || {
        let executor = K::open();
        handles.send(executor.handle()).unwrap();
        executor.block_on(ended.recv()).unwrap();
    });
    let there = there.recv().unwrap();
    let home = here.handle();
    let sum = here.block_on(async move {
        let mut sum = 0;
        for n in 0..100 {
            let home = home.clone();
            let far = there.spawn(async move {
                brigade::yield_now().await;
                home.spawn(async move { n }).await.unwrap()
            });
            sum += far.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, 4950);
    end.send_blocking(()).unwrap();
    thread.join().unwrap();
}

/// The main future's output may borrow. `block_on` drops the future before it returns the output.
fn the_main_future_is_dropped_by_block_on<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    let spy = drops.on_drop();
    let output = executor.block_on(async move {
        let _spy = spy;
        &"borrowed"[..4]
    });
    assert_eq!((output, drops.get()), ("borr", 1));
}

/// A task that never ends does not keep `block_on` from returning.
fn block_on_does_not_wait_for_tasks<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        drop(brigade::spawn(pending::<()>()));
        drop(brigade::spawn(async {
            loop {
                brigade::yield_now().await;
            }
        }));
        brigade::yield_now().await;
    });
    drop(executor);
}

/// A job of the blocking pool may block on a future of its executor.
fn a_blocking_job_may_block_on_its_own_executor<K: Kitchen>() {
    let executor = K::open();
    let answer = executor.block_on(async {
        let job = brigade::spawn_blocking(|| {
            let handle = Handle::current();
            let first = handle.block_on(async {
                let task = brigade::spawn(async {
                    sleep(Duration::from_millis(1)).await;
                    40
                });
                let (client, server) = brigade_tests::pair().await;
                client.write_all(b"soup").await.unwrap();
                let mut word = [0; 4];
                server.read_exact(&mut word).await.unwrap();
                assert_eq!(&word, b"soup");
                task.await.unwrap()
            });
            // A job may block repeatedly, even on another job that blocks.
            let job = brigade::spawn_blocking(|| Handle::current().block_on(async { 1 }));
            first + handle.block_on(job).unwrap() + handle.block_on(async { 1 })
        });
        job.await.unwrap()
    });
    assert_eq!(answer, 42);
}

/// On a thread that runs an executor, every function that would block panics. The message contains the
/// function's name.
fn nested_calls_name_what_was_called<K: Kitchen>() {
    let executor = K::open();
    let handle = executor.handle();
    let named = |function: &str, call: &dyn Fn()| {
        let payload = catch_unwind(AssertUnwindSafe(call)).unwrap_err();
        let text = text_of(&*payload);
        assert!(text.starts_with(function), "{text}");
        assert!(text.contains("spawn_blocking"), "{text}");
    };
    executor.block_on(async {
        named("brigade::run ", &|| brigade::run(async {}));
        named("Handle::block_on ", &|| handle.block_on(async {}));
        named("SingleThread::block_on ", &|| {
            brigade::SingleThread::new().unwrap().block_on(async {});
        });
        named("WorkStealing::block_on ", &|| {
            let many = brigade::WorkStealing::with_workers(1).unwrap();
            many.block_on(async {});
        });
    });
    assert_eq!(brigade::run(async { 1 }), 1);
}

/// A poll that is under way is not interrupted. A task that is aborted during its last poll returns its
/// output.
fn an_abort_during_the_last_poll_yields_the_output<K: Kitchen>() {
    let executor = K::open();
    let (give, given) = std::sync::mpsc::channel::<brigade::task::AbortHandle>();
    let task = executor.spawn(async move {
        given.recv().unwrap().abort();
        42
    });
    // On the single-thread executor, the abort handle is in the channel before the task's poll begins. On
    // several workers, the poll may begin earlier. It then waits for the abort handle.
    give.send(task.abort_handle()).unwrap();
    assert_eq!(executor.block_on(task).unwrap(), 42);
}

/// If a poll panics, the values on its stack are dropped first, by unwinding. Then the future is dropped, and
/// its destructor runs while the thread is not panicking.
fn a_panicking_future_is_dropped_after_unwinding<K: Kitchen>() {
    struct Panics(std::sync::mpsc::Sender<(&'static str, bool)>);
    impl Future for Panics {
        type Output = ();
        fn poll(
            self: std::pin::Pin<&mut Self>,
            _cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<()> {
            let tell = self.0.clone();
            let _local = brigade_tests::Dropped(move || {
                tell.send(("local", std::thread::panicking())).unwrap();
            });
            panic!("burnt")
        }
    }
    impl Drop for Panics {
        fn drop(&mut self) {
            self.0.send(("future", std::thread::panicking())).unwrap();
        }
    }
    let executor = K::open();
    let (tell, told) = std::sync::mpsc::channel();
    assert!(
        executor
            .block_on(executor.spawn(Panics(tell)))
            .unwrap_err()
            .is_panic()
    );
    let order: Vec<_> = told.iter().collect();
    assert_eq!(order, [("local", true), ("future", false)]);
}

on_both! {
    an_abort_during_the_last_poll_yields_the_output,
    a_panicking_future_is_dropped_after_unwinding,
    a_blocking_job_may_block_on_its_own_executor,
    nested_calls_name_what_was_called,
    the_main_future_may_borrow,
    a_nested_block_on_panics,
    a_nested_block_on_in_a_task_panics,
    block_on_inside_spawn_blocking_works,
    a_panicking_main_future_leaves_the_executor_usable,
    the_waker_of_an_ended_main_future_does_nothing,
    executors_may_take_turns_on_a_thread,
    executors_may_await_each_others_tasks,
    the_main_future_is_dropped_by_block_on,
    block_on_does_not_wait_for_tasks,
}
