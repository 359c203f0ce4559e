//! Tests the settings of a builder, such as hooks and stack sizes, and the values that it refuses.

use std::thread;
use std::time::Duration;

use brigade::Executor;
use brigade_tests::{Kitchen, Tally, on_both, one_cook};

/// A builder returns an error, and does not panic, if its settings make no sense.
fn bad_settings_are_errors() {
    use std::io::ErrorKind::InvalidInput;
    let builder = brigade::SingleThread::builder;
    assert_eq!(
        builder()
            .max_blocking_threads(0)
            .build()
            .unwrap_err()
            .kind(),
        InvalidInput
    );
    assert_eq!(
        builder().name("a\0b").build().unwrap_err().kind(),
        InvalidInput
    );
    let executor = builder()
        .name("")
        .seed(0)
        .virtual_time(false)
        .build()
        .unwrap();
    assert_eq!(executor.block_on(async { 1 }), 1);
    assert!(format!("{executor:?}").contains("SingleThread"));
}

/// Each thread that an executor starts runs the start hook once when it begins, and the stop hook once when
/// it ends.
fn hooks_run_once_a_thread<K: Kitchen>() {
    let (started, stopped) = (Log::default(), Log::default());
    let (starts, stops) = (started.clone(), stopped.clone());
    let builder = K::builder()
        .name("hob")
        .on_thread_start(|| unreachable!("replaced"))
        .on_thread_start(move || starts.note())
        .on_thread_stop(move || stops.note());
    let executor = K::try_build(builder).unwrap();
    executor.block_on(async {
        let first = brigade::spawn_blocking(|| thread::current().id());
        let first = first.await.unwrap();
        assert!(started.has(first) && !stopped.has(first));
        drop(brigade::net::lookup_host("localhost:80").await);
        if !K::ONE_COOK {
            let there = brigade::spawn(async { thread::current().id() });
            assert!(started.has(there.await.unwrap()));
        }
    });
    let workers = if K::ONE_COOK { 0 } else { executor.workers() };
    let handle = executor.handle();
    K::shut_down(executor, Duration::from_secs(60));
    // The shutdown does not wait for the thread that looked up a name, so wait for that thread's hook here.
    while stopped.len() < workers + 2 {
        thread::yield_now();
    }
    assert_eq!((started.len(), stopped.len()), (workers + 2, workers + 2));
    assert_eq!(handle.metrics().num_blocking_threads, 0);
}

/// A list of thread ids, to which the hooks add.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<thread::ThreadId>>>);

impl Log {
    fn note(&self) {
        let (mut ids, id) = (self.0.lock().unwrap(), thread::current().id());
        assert!(!ids.contains(&id));
        ids.push(id);
    }

    fn has(&self, id: thread::ThreadId) -> bool {
        self.0.lock().unwrap().contains(&id)
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// A panicking hook affects neither its thread nor the executor, even if the panic's payload panics when it
/// is dropped.
fn a_panicking_hook_is_contained<K: Kitchen>() {
    let calls = Tally::new();
    let (starts, stops) = (calls.clone(), calls.clone());
    let builder = K::builder()
        .on_thread_start(move || {
            starts.add();
            std::panic::panic_any(brigade_tests::noisy("the payload"));
        })
        .on_thread_stop(move || {
            stops.add();
            panic!("the last word");
        });
    let executor = K::try_build(builder).unwrap();
    executor.block_on(async {
        assert_eq!(brigade::spawn_blocking(|| 1).await.unwrap(), 1);
        assert_eq!(brigade::spawn(async { 2 }).await.unwrap(), 2);
    });
    let workers = if K::ONE_COOK { 0 } else { executor.workers() };
    K::shut_down(executor, Duration::from_secs(60));
    assert_eq!(calls.get(), 2 * (workers + 1));
}

/// Uses about `bytes` bytes of stack.
fn dig(bytes: usize) -> u8 {
    let page = std::hint::black_box([1_u8; 4096]);
    match bytes.checked_sub(4096) {
        Some(rest) => dig(rest).wrapping_add(page[bytes % 4096]),
        None => 0,
    }
}

/// The threads of an executor have stacks of the requested size. If the machine cannot provide that size,
/// making a `WorkStealing` fails. A `SingleThread` then runs the pool's jobs on its own thread.
fn stacks_are_as_large_as_asked<K: Kitchen>() {
    let executor = K::try_build(K::builder().thread_stack_size(64 << 20)).unwrap();
    executor.block_on(async {
        brigade::spawn_blocking(|| dig(8 << 20)).await.unwrap();
        if !K::ONE_COOK {
            brigade::spawn(async { dig(8 << 20) }).await.unwrap();
        }
    });
    let absurd = K::try_build(K::builder().thread_stack_size(1 << 46));
    if K::ONE_COOK {
        let absurd = absurd.unwrap();
        let job = absurd.handle().spawn_blocking(|| thread::current().id());
        assert_eq!(absurd.block_on(job).unwrap(), thread::current().id());
    } else {
        assert!(absurd.is_err());
    }
}

fn settings_of_threads_are_checked<K: Kitchen>() {
    use std::io::ErrorKind::InvalidInput;
    let error = K::try_build(K::builder().thread_stack_size(0))
        .err()
        .unwrap();
    assert_eq!(error.kind(), InvalidInput);
    assert!(error.to_string().contains("thread_stack_size"));
    let builder = K::builder().name("hob").max_blocking_threads(3).clone();
    assert!(format!("{builder:?}").contains("hob"));
    assert!(K::try_build(builder.thread_stack_size(1)).is_ok());
}

on_both! {
    hooks_run_once_a_thread,
    a_panicking_hook_is_contained,
    stacks_are_as_large_as_asked,
    settings_of_threads_are_checked,
}

one_cook! {
    bad_settings_are_errors,
}
