//! Tests tasks that wait for a `JoinSet`. Such a task must be woken, and must let other tasks run. Cancelling
//! its wait must lose no output.

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use brigade::Executor;
use brigade::task::JoinSet;
use brigade::time::{sleep, timeout};
use brigade_tests::{
    CountingWaker, Hooks, Kitchen, LIMIT, ManyCooks, OneCook, hooked_waker, on_both, one_cook,
};

/// If the future of `join_next` is dropped, no output is lost.
fn a_cancelled_join_loses_nothing<K: Kitchen>() {
    K::open().block_on(async {
        let mut set = JoinSet::new();
        for n in 0..20 {
            set.spawn(async move {
                sleep(Duration::from_millis(n)).await;
                1
            });
        }
        let mut sum = 0;
        while !set.is_empty() {
            if let Ok(Some(one)) = timeout(Duration::from_millis(1), set.join_next()).await {
                sum += one.unwrap();
            }
        }
        assert_eq!(sum, 20);
    });
}

/// If the future of `join_next` is dropped, the set does not keep the waker of the task that polled it.
fn a_cancelled_join_leaves_no_waker<K: Kitchen>() {
    K::open().block_on(async {
        let waker = CountingWaker::new();
        let mut set = JoinSet::new();
        set.spawn(pending::<()>());
        for _ in 0..3 {
            let mut join = Box::pin(set.join_next());
            let foreign = Waker::from(waker.clone());
            let polled = join.as_mut().poll(&mut Context::from_waker(&foreign));
            assert!(polled.is_pending());
            drop(foreign);
            assert_eq!(Arc::strong_count(&waker), 2);
            drop(join);
            assert_eq!(Arc::strong_count(&waker), 1);
        }
    });
}

/// If `try_join_next` is called during a wait, the waiter is still woken.
fn a_try_does_not_unregister_who_waits<K: Kitchen>() {
    K::open().block_on(async {
        let (open, gate) = async_channel::bounded::<()>(1);
        let mut set = JoinSet::new();
        set.spawn(async move { gate.recv().await.unwrap() });
        let task = brigade::spawn(poll_fn(move |cx| {
            if set.poll_join_next(cx).is_ready() {
                return Poll::Ready(());
            }
            match set.try_join_next() {
                Some(_) => Poll::Ready(()),
                None => Poll::Pending,
            }
        }));
        for _ in 0..3 {
            brigade::yield_now().await;
        }
        open.send(()).await.unwrap();
        timeout(Duration::from_secs(10), task)
            .await
            .expect("the waiter was not woken")
            .unwrap();
    });
}

/// Taking a ready member out of the set uses budget. A loop over a set that always has a ready member
/// therefore lets other tasks run.
fn joining_what_is_always_ready_lets_others_run_on<K: Kitchen>() {
    const ROUNDS: usize = 20_000;
    let rival = |done: Arc<AtomicBool>| async move {
        let mut polls = 0;
        while !done.load(Ordering::Relaxed) {
            polls += 1;
            brigade::yield_now().await;
        }
        polls
    };
    // All tasks of the set are finished. The test tries three kinds of joins that are always ready.
    for ways in [0, 1, 2] {
        let polls: usize = K::open().block_on(async move {
            let mut set = JoinSet::new();
            for _ in 0..ROUNDS {
                set.spawn(async {});
            }
            let last = set.spawn(async {});
            while !last.is_finished() {
                brigade::yield_now().await;
            }
            let done = Arc::new(AtomicBool::new(false));
            let rival = brigade::spawn(rival(done.clone()));
            let joiner = brigade::spawn(async move {
                match ways {
                    0 => while set.join_next().await.is_some() {},
                    1 => drop(set.join_all().await),
                    // Join an empty set again and again.
                    _ => {
                        set.detach_all();
                        for _ in 0..ROUNDS {
                            assert!(set.join_next().await.is_none());
                        }
                    }
                }
                done.store(true, Ordering::Relaxed);
            });
            joiner.await.unwrap();
            rival.await.unwrap()
        });
        assert!(polls > ROUNDS / 1000, "{ways}: {polls} polls of the rival");
    }
    // 1,000 jobs of the blocking pool finish before the set returns the first of them.
    let polls = K::open().block_on(async move {
        let mut set = JoinSet::new();
        let ahead: Vec<_> = (0..1000).map(|_| set.spawn_blocking(|| ())).collect();
        while !ahead.iter().all(|job| job.is_finished()) {
            brigade::yield_now().await;
        }
        let done = Arc::new(AtomicBool::new(false));
        let rival = brigade::spawn(rival(done.clone()));
        let joiner = brigade::spawn(async move {
            for _ in 0..ROUNDS {
                set.join_next().await;
                set.spawn_blocking(|| ());
            }
            done.store(true, Ordering::Relaxed);
        });
        joiner.await.unwrap();
        rival.await.unwrap()
    });
    assert!(
        polls > ROUNDS / 1000,
        "{polls} polls of the rival while the pool was ahead"
    );
}

/// This test runs on one worker only, because with more workers the rival task would have its own worker.
fn joining_what_is_always_ready_lets_others_run() {
    joining_what_is_always_ready_lets_others_run_on::<OneCook>();
    joining_what_is_always_ready_lets_others_run_on::<ManyCooks<1>>();
}

/// One budget allows fewer operations than there are sets. Sets that get no budget in one poll must be joined
/// in a later poll.
fn many_sets_in_one_task_are_all_joined<K: Kitchen>() {
    K::open().block_on(async {
        let joins = (0..1000).map(|number| async move {
            let mut set = JoinSet::new();
            set.spawn(async move { number });
            set.spawn(async {
                brigade::yield_now().await;
                1
            });
            set.join_all().await.iter().sum::<usize>()
        });
        let sums = timeout(Duration::from_secs(60), futures::future::join_all(joins)).await;
        assert_eq!(sums.unwrap().iter().sum::<usize>(), 999 * 1000 / 2 + 1000);
    });
}

/// The set calls only the waker of the latest poll, because the set may have moved to another task.
fn the_last_waiter_is_woken<K: Kitchen>() {
    let executor = K::open();
    let (open, gate) = async_channel::bounded::<()>(1);
    let mut set = JoinSet::new();
    set.spawn_on(
        async move { gate.recv().await.unwrap() },
        &executor.handle(),
    );
    let (first, last) = (CountingWaker::new(), CountingWaker::new());
    for waiter in [&first, &last] {
        let waker = Waker::from(waiter.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(set.poll_join_next(&mut cx).is_pending());
    }
    executor.block_on(async {
        open.send(()).await.unwrap();
        while last.count() == 0 {
            assert_eq!(first.count(), 0, "the first waiter was woken");
            brigade::yield_now().await;
        }
    });
    assert_eq!((first.count(), last.count()), (0, 1));
    assert!(set.try_join_next().is_some());
}

/// A task waits for a set. If the set is emptied meanwhile, the task is woken.
fn detaching_wakes_the_waiter<K: Kitchen>() {
    let executor = K::open();
    let mut set = JoinSet::new();
    set.spawn_on(pending::<()>(), &executor.handle());
    let waiter = CountingWaker::new();
    let waker = Waker::from(waiter.clone());
    assert!(
        set.poll_join_next(&mut Context::from_waker(&waker))
            .is_pending()
    );
    set.detach_all();
    assert_eq!(waiter.count(), 1);
}

/// If the drop of a waker panics, the set loses no ready member.
fn a_panic_in_the_drop_of_a_waker_loses_no_member<K: Kitchen>() {
    /// Panics the first time that a waker with these hooks is dropped.
    struct Noisy(AtomicBool);
    impl Hooks for Noisy {
        fn on_drop(&self) {
            assert!(!self.0.swap(false, Ordering::SeqCst), "a waker's drop");
        }
    }
    K::open().block_on(async {
        let mut set = JoinSet::new();
        drop(set.spawn(async { 1 }));
        let hooks = Arc::new(Noisy(AtomicBool::new(true)));
        let waker = hooked_waker(hooks);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let _ = set.poll_join_next(&mut Context::from_waker(&waker));
        }));
        drop(polled);
        while set.len() == 1 {
            match timeout(LIMIT, set.join_next())
                .await
                .expect("the member is lost")
            {
                Some(joined) => assert_eq!(joined.unwrap(), 1),
                None => break,
            }
        }
        assert!(set.is_empty());
    });
}

on_both! {
    a_panic_in_the_drop_of_a_waker_loses_no_member,
    a_cancelled_join_loses_nothing,
    a_cancelled_join_leaves_no_waker,
    a_try_does_not_unregister_who_waits,
    many_sets_in_one_task_are_all_joined,
    the_last_waiter_is_woken,
    detaching_wakes_the_waiter,
}

one_cook! {
    joining_what_is_always_ready_lets_others_run,
}
