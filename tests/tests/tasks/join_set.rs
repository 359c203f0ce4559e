//! Tests sets of tasks, tasks with names, and the traits of futures-task.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;

use brigade::task::{Builder, JoinSet};
use brigade::{Executor, SingleThread, WorkStealing};
use brigade_tests::{Kitchen, Tally, live_bytes, noisy, on_both, one_cook, text_of};
use futures::task::{LocalSpawnExt, SpawnExt};

fn results_come_in_the_order_of_completion<K: Kitchen>() {
    K::open().block_on(async {
        let (opens, gates): (Vec<_>, Vec<_>) = (0..5).map(|_| async_channel::bounded(1)).unzip();
        let mut set = JoinSet::new();
        for (n, gate) in gates.into_iter().enumerate() {
            set.spawn(async move {
                gate.recv().await.unwrap();
                n
            });
        }
        assert_eq!(set.len(), 5);
        assert!(set.try_join_next().is_none());
        for n in [3, 0, 4, 1, 2] {
            opens[n].send(()).await.unwrap();
            assert_eq!(set.join_next().await.unwrap().unwrap(), n);
        }
        assert!(set.is_empty());
        assert!(set.join_next().await.is_none());
        assert!(set.try_join_next().is_none());
    });
}

fn thousands_of_tasks<K: Kitchen>() {
    K::open().block_on(async {
        let mut set = JoinSet::new();
        for n in 0..5000_u64 {
            set.spawn(async move {
                if n % 3 == 0 {
                    brigade::yield_now().await;
                }
                n
            });
        }
        let mut sum = 0;
        while let Some(result) = set.join_next().await {
            sum += result.unwrap();
        }
        assert_eq!(sum, 12_497_500);
    });
}

/// The task that joins the members of a set may also add members between two joins.
fn a_set_may_grow_while_it_is_joined<K: Kitchen>() {
    K::open().block_on(async {
        let mut set = JoinSet::new();
        set.spawn(async { 10 });
        let mut seen = 0;
        while let Some(left) = set.join_next().await {
            let left: u32 = left.unwrap();
            seen += 1;
            for _ in 0..left.min(2) {
                set.spawn(async move { left / 2 });
            }
        }
        // The outputs are 10 once, 5 twice, 2 four times, 1 eight times and 0 eight times.
        assert_eq!(seen, 23);
    });
}

fn panics_and_aborts_are_results<K: Kitchen>() {
    K::open().block_on(async {
        let mut set = JoinSet::new();
        let broken = set.spawn(async { panic!("burnt") }).id();
        let endless = set.spawn(pending());
        let fine = set.spawn(async {}).id();
        endless.abort();
        let (mut panics, mut aborts) = (0, 0);
        while let Some((id, result)) = set.join_next_with_id().await {
            match result {
                Ok(()) => assert_eq!(id, fine),
                Err(error) if error.is_panic() => {
                    assert_eq!(id, broken);
                    assert_eq!(text_of(&*error.into_panic()), "burnt");
                    panics += 1;
                }
                Err(_) => {
                    assert_eq!(id, endless.id());
                    aborts += 1;
                }
            }
        }
        assert_eq!((panics, aborts), (1, 1));
    });
}

/// `abort_all` ends the waiting tasks and keeps the outputs of finished tasks. The set stays usable.
fn abort_all_ends_what_is_not_done<K: Kitchen>() {
    K::open().block_on(async {
        let mut set = JoinSet::new();
        set.abort_all();
        assert!(set.join_next().await.is_none());
        let drops = Tally::new();
        let done = set.spawn(async { 7 });
        while !done.is_finished() {
            brigade::yield_now().await;
        }
        for _ in 0..100 {
            let spy = drops.on_drop();
            set.spawn(async move {
                let _spy = spy;
                pending().await
            });
        }
        set.abort_all();
        // An aborted task stays in the set until it is joined.
        assert_eq!(set.len(), 101);
        let late = set.spawn(async { 8 });
        let (mut outputs, mut aborted) = (Vec::new(), 0);
        while let Some((id, result)) = set.join_next_with_id().await {
            match result {
                Ok(output) => outputs.push((id, output)),
                Err(error) => {
                    assert!(error.is_aborted() && error.id() == id);
                    aborted += 1;
                }
            }
        }
        outputs.sort_by_key(|(_, output)| *output);
        assert_eq!(outputs, [(done.id(), 7), (late.id(), 8)]);
        assert_eq!((aborted, drops.get()), (100, 100));
        set.abort_all();
    });
}

/// Dropping a set aborts its tasks; detaching a set lets them run.
fn what_becomes_of_the_tasks_of_a_set<K: Kitchen>() {
    K::open().block_on(async {
        let drops = Tally::new();
        let mut set = JoinSet::new();
        for _ in 0..10 {
            let spy = drops.on_drop();
            set.spawn(async move {
                let _spy = spy;
                pending::<()>().await;
            });
        }
        drop(set);
        while drops.get() < 10 {
            brigade::yield_now().await;
        }
        let (open, gate) = async_channel::bounded::<()>(1);
        let mut set = JoinSet::new();
        for _ in 0..10 {
            let (spy, gate) = (drops.on_drop(), gate.clone());
            set.spawn(async move {
                let _spy = spy;
                let _ = gate.recv().await;
            });
        }
        set.detach_all();
        assert!(set.is_empty());
        drop(set);
        brigade::yield_now().await;
        assert_eq!(drops.get(), 10);
        drop(open);
        while drops.get() < 20 {
            brigade::yield_now().await;
        }
        let mut set = JoinSet::new();
        for _ in 0..10 {
            let spy = drops.on_drop();
            set.spawn(async move {
                let _spy = spy;
                pending::<()>().await;
            });
        }
        set.shutdown().await;
        assert!(set.is_empty());
        assert_eq!(drops.get(), 30);
    });
}

fn join_all_gives_values_or_the_panic<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let mut set = JoinSet::new();
        for n in 0..10 {
            set.spawn(async move { n });
            set.spawn_blocking(move || n + 10);
        }
        let mut all = set.join_all().await;
        all.sort_unstable();
        assert_eq!(all, (0..20).collect::<Vec<_>>());
    });
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        executor.block_on(async {
            let mut set = JoinSet::new();
            set.spawn(async { panic!("burnt") });
            set.spawn(pending::<()>());
            set.join_all().await
        })
    }));
    assert_eq!(text_of(&*panicked.unwrap_err()), "burnt");
    let drops = Tally::new();
    let aborted = catch_unwind(AssertUnwindSafe(|| {
        executor.block_on(async {
            let mut set = JoinSet::new();
            let spy = drops.on_drop();
            set.spawn(async move {
                let _spy = spy;
                pending::<()>().await;
            });
            set.spawn(pending()).abort();
            set.join_all().await
        })
    }));
    assert!(text_of(&*aborted.unwrap_err()).starts_with("JoinSet::join_all: "));
    // The panic has dropped the set, which aborts the other task.
    executor.block_on(async {
        while drops.get() == 0 {
            brigade::yield_now().await;
        }
    });
}

/// A set may be awaited on another executor, and may outlive the executor of its tasks.
fn a_set_may_be_awaited_elsewhere<K: Kitchen>() {
    let (one, other) = (K::open(), K::open());
    let handle = one.handle();
    let mut set = JoinSet::new();
    for _ in 0..10 {
        set.spawn_on(pending::<()>(), &handle);
    }
    let set = set;
    drop(one);
    let aborted = other.block_on(async {
        let mut set = set;
        let mut aborted = 0;
        while let Some(result) = set.join_next().await {
            aborted += usize::from(result.unwrap_err().is_aborted());
        }
        aborted
    });
    assert_eq!(aborted, 10);
}

/// If an output panics when it is dropped, no other task is affected.
fn noisy_outputs<K: Kitchen>() {
    K::open().block_on(async {
        let mut set = JoinSet::new();
        for _ in 0..3 {
            set.spawn(async { noisy("spilt") });
        }
        for _ in 0..5 {
            brigade::yield_now().await;
        }
        drop(set);
        assert_eq!(brigade::spawn(async { 1 }).await.unwrap(), 1);
    });
}

/// A name does not change how a task behaves.
fn tasks_may_have_names<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let water = Builder::new().name("boil water").spawn(async { 100 });
        let nameless = Builder::new().spawn(async { 1 });
        assert_ne!(water.id(), nameless.id());
        assert_eq!(water.await.unwrap() + nameless.await.unwrap(), 101);
    });
    let outside = catch_unwind(|| drop(Builder::new().name("nowhere").spawn(async {})));
    assert!(text_of(&*outside.unwrap_err()).contains("outside"));
}

/// Libraries that depend only on futures-task can spawn tasks.
fn the_traits_of_futures_task() {
    let executor = SingleThread::new().unwrap();
    let far = executor.spawn_with_handle(async { 1 }).unwrap();
    let rc = std::rc::Rc::new(2);
    let near = executor
        .spawn_local_with_handle(async move { *rc })
        .unwrap();
    assert_eq!(executor.block_on(async { far.await + near.await }), 3);
    let handle = executor.handle();
    let late = handle.spawn_with_handle(async { 4 }).unwrap();
    assert_eq!(executor.block_on(late), 4);
    let cooks = WorkStealing::with_workers(2).unwrap();
    let task = cooks.spawn_with_handle(async { 5 }).unwrap();
    assert_eq!(futures::executor::block_on(task), 5);
}

/// A set can hold local tasks.
fn a_set_of_local_tasks() {
    let executor = SingleThread::new().unwrap();
    executor.block_on(async {
        let count = std::rc::Rc::new(std::cell::Cell::new(0));
        let mut set = JoinSet::new();
        for n in 1..=10 {
            let count = count.clone();
            set.spawn_local(async move {
                brigade::yield_now().await;
                count.set(count.get() + n);
            });
        }
        {
            let mut next = pin!(set.join_next());
            assert!(futures::poll!(next.as_mut()).is_pending());
        }
        let mut joined = 0;
        while set.join_next().await.is_some() {
            joined += 1;
        }
        assert_eq!((joined, count.get()), (10, 55));
        let named = Builder::new()
            .name("local")
            .spawn_local(async move { count.get() });
        assert_eq!(named.await.unwrap(), 55);
    });
}

/// Tasks that are detached instead of joined leave no memory behind in the set.
fn detaching_again_and_again_leaks_nothing<K: Kitchen>() {
    let executor = K::open();
    let handle = executor.handle();
    executor.block_on(async {
        let in_flight = || handle.metrics().in_flight;
        let alone = in_flight();
        let mut set = JoinSet::new();
        let mut before = 0;
        for round in 0..16_000 {
            for _ in 0..10 {
                set.spawn(async {});
            }
            set.detach_all();
            // The workers may be slower than this loop. Tasks that still wait for a worker are not a leak.
            while in_flight() > alone {
                brigade::yield_now().await;
            }
            if round == 1000 {
                before = live_bytes();
            }
        }
        // The bound allows for the freed memory that each thread caches, up to 64 KiB for each size of task.
        // A leak of 8 bytes for each of the 150,000 tasks would exceed the bound.
        let grown = live_bytes() - before;
        assert!(grown < 600_000, "{grown} bytes");
    });
}

on_both! {
    results_come_in_the_order_of_completion,
    thousands_of_tasks,
    a_set_may_grow_while_it_is_joined,
    panics_and_aborts_are_results,
    abort_all_ends_what_is_not_done,
    what_becomes_of_the_tasks_of_a_set,
    join_all_gives_values_or_the_panic,
    a_set_may_be_awaited_elsewhere,
    noisy_outputs,
    tasks_may_have_names,
    ; alone: detaching_again_and_again_leaks_nothing,
}

one_cook! {
    the_traits_of_futures_task,
    a_set_of_local_tasks,
}
