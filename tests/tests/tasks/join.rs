//! Tests that a join handle returns the output, or the reason why there is none.

use std::any::Any;
use std::error::Error;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use brigade::Executor;
use brigade::task::{Builder, JoinError, JoinHandle, JoinSet};
use brigade_tests::{
    CountingWaker, Dropped, Kitchen, Tally, noisy, on_both, park_on, poll_once, text_of,
};

/// Runs the executor until the handle reports that the task is finished.
fn finish<T>(executor: &impl Executor, handle: &JoinHandle<T>) {
    executor.block_on(async {
        while !handle.is_finished() {
            brigade::yield_now().await;
        }
    });
}

fn the_output_reaches_the_handle<K: Kitchen>() {
    let executor = K::open();
    let text = String::from("noodles");
    let task = executor.spawn(async move { text + " and sauce" });
    assert_eq!(executor.block_on(task).unwrap(), "noodles and sauce");
}

/// Outputs and futures may be zero-sized, large or over-aligned.
fn outputs_of_every_size_and_alignment<K: Kitchen>() {
    #[derive(Debug, PartialEq)]
    #[repr(align(256))]
    struct Aligned(u8);
    let executor = K::open();
    executor.block_on(async {
        brigade::spawn(async {}).await.unwrap();
        let aligned = brigade::spawn(async {
            let local = Aligned(7);
            brigade::yield_now().await;
            assert_eq!(std::ptr::from_ref(&local).addr() % 256, 0);
            local
        });
        assert_eq!(aligned.await.unwrap(), Aligned(7));
        let large = brigade::spawn(async {
            let local = [3_u8; 10_000];
            brigade::yield_now().await;
            local
        });
        assert_eq!(large.await.unwrap(), [3; 10_000]);
    });
}

/// crossbeam #1146: the run queue holds pointers, so a large future is not copied onto a stack after it was
/// spawned.
fn large_futures_stay_where_they_are<K: Kitchen>() {
    let executor = K::open();
    let tasks: Vec<_> = (0..64_u8)
        .map(|n| {
            executor.spawn(async move {
                let large = [n; 256 << 10];
                brigade::yield_now().await;
                large.iter().map(|&byte| usize::from(byte)).sum::<usize>()
            })
        })
        .collect();
    executor.block_on(async {
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), n << 18);
        }
    });
}

fn ten_thousand_tasks_join<K: Kitchen>() {
    let executor = K::open();
    let sum = executor.block_on(async {
        let tasks: Vec<_> = (0..10_000_u64)
            .map(|n| {
                brigade::spawn(async move {
                    if n % 3 == 0 {
                        brigade::yield_now().await;
                    }
                    n
                })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, 49_995_000);
}

/// A panic in a poll reaches only the handle, which returns the payload.
fn a_panic_reaches_its_handle_and_nobody_else<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let fine = brigade::spawn(async {
            brigade::yield_now().await;
            1
        });
        let text = brigade::spawn(async { panic!("burnt") });
        let string = brigade::spawn(async { panic!("burnt {} times", 2) });
        let value = brigade::spawn(async { std::panic::panic_any(42_i32) });
        let late = brigade::spawn(async {
            brigade::yield_now().await;
            panic!("burnt later")
        });
        assert_eq!(fine.await.unwrap(), 1);
        let payload = |error: JoinError| -> Box<dyn Any + Send> {
            assert!(error.is_panic() && !error.is_aborted());
            error.into_panic()
        };
        let done: Result<(), _> = text.await;
        assert_eq!(text_of(&*payload(done.unwrap_err())), "burnt");
        let done: Result<(), _> = string.await;
        assert_eq!(text_of(&*payload(done.unwrap_err())), "burnt 2 times");
        let done: Result<(), _> = value.await;
        assert_eq!(*payload(done.unwrap_err()).downcast::<i32>().unwrap(), 42);
        let done: Result<(), _> = late.await;
        assert_eq!(text_of(&*payload(done.unwrap_err())), "burnt later");
    });
}

/// A panicking future and all that it owns are dropped once, before the handle reports the panic.
fn a_panicking_future_is_dropped<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    let spy = drops.on_drop();
    let task = executor.spawn(async move {
        let _spy = spy;
        brigade::yield_now().await;
        panic!("burnt");
    });
    let done: Result<(), _> = executor.block_on(task);
    assert!(done.unwrap_err().is_panic());
    assert_eq!(drops.get(), 1);
}

/// A future returns its output and then panics when it is dropped. The panic becomes the task's result, and
/// the output is dropped.
fn a_panic_in_the_drop_of_a_future_reaches_its_handle<K: Kitchen>() {
    /// A future that is ready at the first poll and panics when it is dropped.
    struct Noisy<D>(Option<D>, Option<Box<dyn Any + Send>>);
    impl<D> Unpin for Noisy<D> {}
    impl<D> Future for Noisy<D> {
        type Output = Box<dyn Any + Send>;
        fn poll(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
            Poll::Ready(self.1.take().unwrap())
        }
    }
    let executor = K::open();
    let drops = Tally::new();
    let output = Box::new(drops.on_drop());
    let task = executor.spawn(Noisy(Some(noisy("spilt")), Some(output)));
    let error = executor.block_on(task).map(drop).unwrap_err();
    assert_eq!(text_of(&*error.into_panic()), "spilt");
    assert_eq!(drops.get(), 1);
}

/// tokio #4412, #4430: if no handle takes an output whose drop panics, the panic does not propagate.
fn a_panic_in_the_drop_of_an_output_harms_nobody<K: Kitchen>() {
    let executor = K::open();
    // If the handle was dropped before the task ended, the executor drops the output.
    drop(executor.spawn(async { noisy("spilt") }));
    executor.block_on(brigade::yield_now());
    // If the handle is dropped after the task ended, the handle drops the output.
    let task = executor.spawn(async { noisy("spilt") });
    finish(&executor, &task);
    drop(task);
    // The handle may also be dropped on another thread.
    let task = executor.spawn(async { noisy("spilt") });
    finish(&executor, &task);
    std::thread::spawn(move || drop(task)).join().unwrap();
    // The handle may also be dropped during unwinding, which must not cause a double panic.
    let task = executor.spawn(async { noisy("spilt") });
    finish(&executor, &task);
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _task = task;
        panic!("first");
    }));
    assert_eq!(text_of(&*unwound.unwrap_err()), "first");
    assert_eq!(executor.block_on(async { 1 }), 1);
}

/// The payload of a panic may itself panic when it is dropped.
fn a_payload_may_panic_in_its_drop<K: Kitchen>() {
    let executor = K::open();
    drop(executor.spawn(async {
        std::panic::panic_any(Dropped(|| panic!("a payload")));
    }));
    executor.block_on(brigade::yield_now());
    let ended = brigade_tests::Tally::new();
    let spy = ended.on_drop();
    let task = executor.spawn(async move {
        let _spy = spy;
        brigade::yield_now().await;
    });
    executor.block_on(task).unwrap();
    assert_eq!(ended.get(), 1);
}

/// Dropping a handle detaches its task: the task runs on, and its output is dropped.
fn a_dropped_handle_detaches<K: Kitchen>() {
    let executor = K::open();
    let (drops, turns) = (Tally::new(), Tally::new());
    let (output, counted) = (drops.on_drop(), turns.clone());
    drop(executor.spawn(async move {
        for _ in 0..5 {
            brigade::yield_now().await;
            counted.add();
        }
        output
    }));
    executor.block_on(async {
        while drops.get() == 0 {
            brigade::yield_now().await;
        }
    });
    assert_eq!((turns.get(), drops.get()), (5, 1));
}

/// A program may detach a task without `drop`: the compiler does not warn about an unused handle. If a handle
/// becomes `must_use`, this test does not compile.
#[deny(unused_must_use)]
fn a_task_is_detached_without_a_warning<K: Kitchen>() {
    let executor = K::open();
    let ran = Tally::new();
    let task = || {
        let ran = ran.clone();
        async move { ran.add() }
    };
    let job = || {
        let ran = ran.clone();
        move || ran.add()
    };
    executor.spawn(task());
    executor.handle().spawn(task());
    executor.handle().spawn_blocking(job());
    executor.block_on(async {
        let mut set = JoinSet::new();
        brigade::spawn(task());
        brigade::spawn_blocking(job());
        Builder::new().spawn(task());
        set.spawn(task());
        set.spawn_on(task(), &executor.handle());
        set.spawn_blocking(job());
        if K::ONE_COOK {
            brigade::spawn_local(task());
            Builder::new().spawn_local(task());
            set.spawn_local(task());
        }
        while ran.get() < if K::ONE_COOK { 12 } else { 9 } {
            brigade::yield_now().await;
        }
    });
}

/// If a handle is dropped before it returns the output, the output is dropped with the handle. An output that
/// was returned belongs to the caller.
fn an_output_has_one_owner<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    let output = drops.on_drop();
    let task = executor.spawn(async move { output });
    finish(&executor, &task);
    assert_eq!(drops.get(), 0);
    drop(task);
    assert_eq!(drops.get(), 1);
    let output = drops.on_drop();
    let task = executor.spawn(async move { output });
    let mine = executor.block_on(task).unwrap();
    assert_eq!(drops.get(), 1);
    drop(mine);
    assert_eq!(drops.get(), 2);
    // A handle that outlives the executor still returns the output.
    let output = drops.on_drop();
    let task = executor.spawn(async move { output });
    finish(&executor, &task);
    drop(executor);
    assert_eq!(drops.get(), 2);
    drop(park_on(task).unwrap());
    assert_eq!(drops.get(), 3);
}

/// When the handle reports that the task is finished, the future has been dropped.
fn is_finished_means_that_the_future_is_gone<K: Kitchen>() {
    let executor = K::open();
    let drops = Tally::new();
    let spy = drops.on_drop();
    let task = executor.spawn(async move {
        let _spy = spy;
        brigade::yield_now().await;
    });
    executor.block_on(async {
        while !task.is_finished() {
            brigade::yield_now().await;
        }
        assert_eq!(drops.get(), 1);
    });
}

fn a_handle_polled_after_its_output_panics<K: Kitchen>() {
    let executor = K::open();
    let mut task = pin!(executor.spawn(async { 1 }));
    assert_eq!(executor.block_on(task.as_mut()).unwrap(), 1);
    let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| poll_once(task.as_mut())));
    let payload = again.unwrap_err();
    assert!(text_of(&*payload).contains("JoinHandle was polled after"));
    assert!(task.is_finished());
}

/// If a `select` ends before the handle in it is ready, the handle still returns the output later.
fn a_cancelled_join_loses_nothing<K: Kitchen>() {
    let executor = K::open();
    let (open, gate) = async_channel::bounded::<()>(1);
    let mut task = executor.spawn(async move {
        gate.recv().await.unwrap();
        42
    });
    executor.block_on(async {
        {
            let other = pin!(brigade::yield_now());
            let first = futures::future::select(&mut task, other).await;
            assert!(matches!(first, futures::future::Either::Right(_)));
        }
        open.send(()).await.unwrap();
        while !task.is_finished() {
            brigade::yield_now().await;
        }
        assert_eq!((&mut task).await.unwrap(), 42);
    });
}

fn every_task_has_a_name_of_its_own<K: Kitchen>() {
    let executor = K::open();
    let other = K::open();
    let tasks: Vec<_> = (0..3000)
        .map(|n| if n % 2 == 0 { &executor } else { &other }.spawn(async {}))
        .collect();
    let ids: std::collections::HashSet<_> = tasks.iter().map(JoinHandle::id).collect();
    assert_eq!(ids.len(), 3000);
    let abort = tasks[0].abort_handle();
    assert_eq!(abort.id(), tasks[0].id());
    assert_eq!(abort.id().to_string(), tasks[0].id().to_string());
}

fn handles_and_errors_say_what_they_are<K: Kitchen>() {
    let executor = K::open();
    let task = executor.spawn(pending::<()>());
    assert!(format!("{task:?}").contains("is_finished: false"));
    assert!(format!("{:?}", task.abort_handle()).contains("AbortHandle"));
    task.abort();
    let error = executor.block_on(task).unwrap_err();
    assert_eq!(error.to_string(), "the task was aborted");
    assert_eq!(format!("{error:?}"), "JoinError::Aborted");
    let error = error.try_into_panic().unwrap_err();
    assert!(error.is_aborted());
    let misuse = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| error.into_panic()));
    assert!(text_of(&*misuse.unwrap_err()).contains("into_panic"));

    let error = executor
        .block_on(executor.spawn(async { panic!("burnt") }))
        .unwrap_err();
    assert_eq!(error.to_string(), "the task panicked: burnt");
    assert_eq!(format!("{error:?}"), "JoinError::Panic(\"burnt\")");
    let boxed: Box<dyn Error + Send + Sync> = error.into();
    assert!(boxed.downcast::<JoinError>().unwrap().is_panic());

    let odd = executor.block_on(executor.spawn(async { std::panic::panic_any(1) }));
    let odd = odd.unwrap_err();
    assert_eq!(
        odd.to_string(),
        "the task panicked: a payload that is not text"
    );
}

/// A `JoinError` has the id of its task or job. The task may have panicked in a poll or in a drop. It may
/// also have been aborted, either by its handle or by the drop of its executor.
fn an_error_names_its_task<K: Kitchen>() {
    let executor = K::open();
    let error_of = |task: JoinHandle<()>| -> JoinError {
        let id = task.id();
        let error = executor.block_on(task).unwrap_err();
        assert_eq!(error.id(), id);
        error
    };
    assert!(error_of(executor.spawn(async { panic!("burnt") })).is_panic());
    let job = executor.handle().spawn_blocking(|| panic!("burnt"));
    assert!(error_of(job).is_panic());
    for (broken, is_panic) in [(false, false), (true, true)] {
        let broken = broken.then(|| noisy("spilt"));
        let idle = executor.spawn(async move {
            let _broken = broken;
            pending().await
        });
        idle.abort();
        assert_eq!(error_of(idle).is_panic(), is_panic);
    }
    let left = executor.spawn(pending::<()>());
    let id = left.id();
    drop(executor);
    let error = park_on(left).unwrap_err();
    assert!(error.is_aborted() && error.id() == id);
}

/// tokio #5861: a completed task keeps no waker alive. If the user keeps a waker of the task, that waker does
/// not keep the task's values alive.
fn a_complete_task_keeps_nothing<K: Kitchen>() {
    let executor = K::open();
    let (value, waker) = (Arc::new(()), CountingWaker::new());
    let held = value.clone();
    let (wakers, kept) = std::sync::mpsc::channel::<Waker>();
    let mut turns = 0;
    let mut task = executor.spawn(std::future::poll_fn(move |cx| {
        let _ = &held;
        wakers.send(cx.waker().clone()).unwrap();
        turns += 1;
        if turns == 2 {
            Poll::Ready(())
        } else {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }));
    let registered = Waker::from(waker.clone());
    let mut cx = Context::from_waker(&registered);
    let _ = std::pin::Pin::new(&mut task).poll(&mut cx);
    finish(&executor, &task);
    drop(registered);
    assert_eq!(Arc::strong_count(&value), 1);
    drop(task);
    assert_eq!(Arc::strong_count(&waker), 1);
    let kept: Vec<_> = kept.try_iter().collect();
    assert!(!kept.is_empty());
    drop(executor);
    kept.iter().for_each(Waker::wake_by_ref);
}

on_both! {
    the_output_reaches_the_handle,
    outputs_of_every_size_and_alignment,
    large_futures_stay_where_they_are,
    ten_thousand_tasks_join,
    a_panic_reaches_its_handle_and_nobody_else,
    a_panicking_future_is_dropped,
    a_panic_in_the_drop_of_a_future_reaches_its_handle,
    a_panic_in_the_drop_of_an_output_harms_nobody,
    a_payload_may_panic_in_its_drop,
    a_dropped_handle_detaches,
    a_task_is_detached_without_a_warning,
    an_output_has_one_owner,
    is_finished_means_that_the_future_is_gone,
    a_handle_polled_after_its_output_panics,
    a_cancelled_join_loses_nothing,
    every_task_has_a_name_of_its_own,
    handles_and_errors_say_what_they_are,
    an_error_names_its_task,
    a_complete_task_keeps_nothing,
}
