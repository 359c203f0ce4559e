//! The handle of an executor, the free functions, and what they say where there is no executor.

use std::future::pending;
use std::panic::catch_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use brigade::{DefaultExecutor, Executor, Handle};
use brigade_tests::{Dropped, Kitchen, Tally, on_both, one_cook, park_on, text_of};

/// Spawns from many threads at once all run.
fn spawns_from_many_threads<K: Kitchen>() {
    let executor = K::open();
    let ran = Tally::new();
    let (done, all_done) = async_channel::unbounded::<()>();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (handle, ran, done) = (executor.handle(), ran.clone(), done.clone());
            thread::spawn(move || {
                let tasks: Vec<_> = (0..500)
                    .map(|n| {
                        let ran = ran.clone();
                        handle.spawn(async move {
                            brigade::yield_now().await;
                            ran.add();
                            n
                        })
                    })
                    .collect();
                for (n, task) in tasks.into_iter().enumerate() {
                    assert_eq!(park_on(task).unwrap(), n);
                }
                done.try_send(()).unwrap();
            })
        })
        .collect();
    executor.block_on(async {
        for _ in 0..4 {
            all_done.recv().await.unwrap();
        }
    });
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(ran.get(), 2000);
}

/// A spawn wakes an executor that sleeps.
fn a_spawn_wakes_a_sleeping_executor<K: Kitchen>() {
    let executor = K::open();
    let handle = executor.handle();
    let (tell, told) = async_channel::bounded::<u32>(1);
    let elsewhere = thread::spawn(move || {
        for n in 0..500 {
            let task = handle.spawn(async move { n });
            assert_eq!(park_on(task).unwrap(), n);
        }
        tell.send_blocking(42).unwrap();
    });
    assert_eq!(executor.block_on(told.recv()).unwrap(), 42);
    elsewhere.join().unwrap();
}

/// After the executor is gone a spawn gives an aborted handle and drops the future at once.
fn a_spawn_after_the_end_is_aborted<K: Kitchen>() {
    let executor = K::open();
    let handle = executor.handle();
    let clone = handle.clone();
    drop(executor);
    let drops = Tally::new();
    let spawn = move |handle: Handle, drops: Tally| {
        let spy = drops.on_drop();
        let task = handle.spawn(async move {
            let _spy = spy;
        });
        assert!(task.is_finished());
        assert!(park_on(task).unwrap_err().is_aborted());
        drop(handle.spawn(async move {
            let _ = &drops;
        }));
    };
    spawn(handle.clone(), drops.clone());
    let elsewhere = drops.clone();
    thread::spawn(move || spawn(clone, elsewhere))
        .join()
        .unwrap();
    assert_eq!(drops.get(), 2);
    let _ = handle.metrics();
    assert!(format!("{handle:?}").contains("Handle"));
}

/// `Handle::current` is that of the executor that runs: in the main future, in tasks, in jobs, and
/// in destructors while it closes.
fn the_current_handle_is_everywhere_inside<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        assert!(Handle::try_current().is_some());
        let there = brigade::spawn(async { Handle::try_current().is_some() });
        assert!(there.await.unwrap());
        let there = brigade::spawn_blocking(|| Handle::try_current().is_some());
        assert!(there.await.unwrap());
        assert_eq!(Handle::current().spawn(async { 1 }).await.unwrap(), 1);
    });
    assert!(Handle::try_current().is_none());
    let (send, receive) = mpsc::channel();
    let at_the_end = Dropped(move || send.send(Handle::try_current().is_some()).unwrap());
    drop(executor.spawn(async move {
        let _at_the_end = at_the_end;
        pending::<()>().await;
    }));
    executor.block_on(brigade::yield_now());
    drop(executor);
    assert!(receive.recv().unwrap());
    assert!(Handle::try_current().is_none());
}

/// A program that is generic over the executor.
fn a_program_may_be_generic<K: Kitchen>() {
    fn dinner(executor: &impl Executor) -> usize {
        let (wash, handle) = (executor.spawn(async { 1 }), executor.handle());
        executor.block_on(async {
            let chop = handle.spawn(async { 2 });
            let boil = brigade::spawn_blocking(|| 4);
            wash.await.unwrap() + chop.await.unwrap() + boil.await.unwrap()
        })
    }
    let executor = K::open();
    assert_eq!(dinner(&executor), 7);
    assert!(executor.workers() >= 1);
    assert_eq!(executor.metrics().workers.len(), executor.workers());
}

/// `run` is `block_on` of the default executor.
fn run_runs() {
    let mut borrowed = 1;
    let answer = brigade::run(async {
        borrowed += 1;
        brigade::time::sleep(Duration::from_millis(1)).await;
        brigade::spawn(async { 40 }).await.unwrap() + borrowed
    });
    assert_eq!(answer, 42);
    let executor = DefaultExecutor::new().unwrap();
    assert_eq!(executor.block_on(async { 1 }), 1);
    let panicked = catch_unwind(|| brigade::run(async { panic!("burnt") }));
    assert_eq!(text_of(&*panicked.unwrap_err()), "burnt");
}

/// A function that needs an executor names itself and says what to do, where there is none.
fn functions_name_themselves_outside() {
    let says = |function: &str, call: fn()| {
        let payload = catch_unwind(call).unwrap_err();
        let text = text_of(&*payload);
        assert!(text.starts_with(function), "{text}");
        assert!(
            text.contains("outside") && text.contains("brigade::run") && text.contains("block_on"),
            "{text}"
        );
    };
    says("brigade::spawn ", || drop(brigade::spawn(async {})));
    says("brigade::spawn_local ", || {
        drop(brigade::spawn_local(async {}))
    });
    says("brigade::spawn_blocking ", || {
        drop(brigade::spawn_blocking(|| ()))
    });
    says("Handle::current ", || drop(Handle::current()));
    says("brigade::time::sleep ", || {
        drop(brigade::time::sleep(Duration::ZERO))
    });
    says("brigade::time::sleep_until ", || {
        drop(brigade::time::sleep_until(std::time::Instant::now()));
    });
    says("brigade::time::interval ", || {
        drop(brigade::time::interval(Duration::from_secs(1)));
    });
    says("brigade::time::timeout ", || {
        drop(brigade::time::timeout(Duration::ZERO, async {}));
    });
    assert!(Handle::try_current().is_none());
    // Where a clock is enough there is one.
    let _ = brigade::time::now();
    // And `yield_now` works under any executor.
    park_on(brigade::yield_now());
}

/// Settings that make no sense are errors, not panics.
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

/// An executor in a thread-local is dropped as late as a thread's life allows, and its tasks with
/// it.
fn an_executor_in_a_thread_local() {
    thread_local! {
        static EXECUTOR: brigade::SingleThread = brigade::SingleThread::new().unwrap();
    }
    let drops = Tally::new();
    let spy = drops.on_drop();
    thread::spawn(move || {
        EXECUTOR.with(|executor| {
            drop(executor.spawn(async move {
                let _spy = spy;
                pending::<()>().await;
            }));
            executor.block_on(brigade::yield_now());
        });
    })
    .join()
    .unwrap();
    assert_eq!(drops.get(), 1);
}

/// A guard makes an executor current, on its own thread or another, and inside another executor.
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
    // Inside another one, for as long as the guard lives.
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

/// Which of the executors is current: their metrics tell, since each has had another number of tasks.
fn current() -> Option<usize> {
    Handle::try_current().map(|handle| handle.metrics().in_flight_max)
}

/// Executors that have had 1, 2, 3 and so on tasks at a time.
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

/// Guards may be dropped in any order: the one entered last of those that are left counts.
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

/// A guard may leave the `block_on` in which it was made, and one made before may be dropped inside.
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

/// A guard that is forgotten, and executors that are gone, leave nothing that points to freed memory.
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
        // The executor and every handle of it are gone, and it is still the current one.
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
        // What was forgotten is leaked. As long as this thread lives it can be reached, so that no search
        // for leaks counts it.
        loop {
            thread::park();
        }
    });
    is_done.recv().unwrap();
}

/// A handle that lives as long as the process, and can be reached as long.
fn immortal(handle: Handle) -> &'static Handle {
    static HANDLES: std::sync::Mutex<Vec<&Handle>> = std::sync::Mutex::new(Vec::new());
    let handle: &'static Handle = Box::leak(Box::new(handle));
    HANDLES.lock().unwrap().push(handle);
    handle
}

/// A guard in a thread-local is dropped as late as a thread's life allows, in whatever order; and other
/// destructors that run then may spawn.
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

/// A destructor may drop the very guard that made the executor current to which it is just being spawned.
fn a_guard_may_go_while_something_is_spawned_by_it<K: Kitchen>() {
    thread_local! {
        static GUARD: std::cell::RefCell<Option<brigade::EnterGuard<'static>>> = const {
            std::cell::RefCell::new(None)
        };
    }
    let handle = immortal(K::open().handle());
    GUARD.set(Some(handle.enter()));
    let spy = Dropped(|| drop(GUARD.take()));
    // The executor is gone, so the future is dropped in `spawn`.
    let task = brigade::spawn(async move {
        let _spy = spy;
    });
    assert!(task.is_finished());
    assert!(Handle::try_current().is_none());
}

/// From any thread that runs no executor, borrowing, several at a time.
fn a_handle_blocks_on_a_future<K: Kitchen>() {
    let executor = K::open();
    let (done, all_done) = async_channel::bounded::<()>(4);
    thread::scope(|scope| {
        for n in 0..4 {
            let (handle, done) = (executor.handle(), done.clone());
            scope.spawn(move || {
                let mut borrowed = vec![n];
                let not_send = std::rc::Rc::new(1);
                for _ in 0..50 {
                    let sum = handle.block_on(async {
                        borrowed.push(n);
                        brigade::yield_now().await;
                        brigade::spawn(async move { n }).await.unwrap() + *not_send
                    });
                    assert_eq!(sum, n + 1);
                }
                assert!(Handle::try_current().is_none());
                let panicked = catch_unwind(std::panic::AssertUnwindSafe(|| {
                    handle.block_on(async { panic!("burnt") })
                }));
                assert_eq!(text_of(&*panicked.unwrap_err()), "burnt");
                assert_eq!(handle.block_on(async { 1 }), 1);
                done.try_send(()).unwrap();
            });
        }
        executor.block_on(async {
            for _ in 0..4 {
                all_done.recv().await.unwrap();
            }
        });
    });
    let handle = executor.handle();
    drop(executor);
    let late = handle.block_on(async { brigade::spawn(async {}).await });
    assert!(late.unwrap_err().is_aborted());
}

/// A future that parks and unparks the thread itself neither hangs `Handle::block_on` nor ends its wait.
fn a_handle_blocks_on_a_future_that_parks<K: Kitchen>() {
    let executor = K::open();
    let handle = executor.handle();
    let (done, is_done) = async_channel::bounded::<()>(1);
    let elsewhere = thread::spawn(move || {
        let mut polls = 0;
        handle.block_on(std::future::poll_fn(|cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            // Uses up the token that the wake has left.
            thread::park_timeout(Duration::from_millis(1));
            thread::current().unpark();
            if polls < 20 {
                std::task::Poll::Pending
            } else {
                std::task::Poll::Ready(())
            }
        }));
        done.send_blocking(()).unwrap();
    });
    executor.block_on(is_done.recv()).unwrap();
    elsewhere.join().unwrap();
}

/// On the thread of its `SingleThread` a handle blocks on what needs not wait, and says what to do otherwise:
/// a wait could never end.
fn a_handle_does_not_wait_on_the_executors_own_thread() {
    let executor = brigade::SingleThread::new().unwrap();
    let handle = executor.handle();
    assert_eq!(handle.block_on(async { 1 }), 1);
    handle.block_on(brigade::yield_now());
    let payload = catch_unwind(|| {
        handle
            .block_on(async { brigade::spawn(async {}).await })
            .unwrap();
    });
    let payload = payload.unwrap_err();
    assert!(text_of(&*payload).contains("SingleThread::block_on"));
    assert_eq!(
        executor
            .block_on(async { brigade::spawn(async { 2 }).await })
            .unwrap(),
        2
    );
}

/// Each thread that an executor starts runs the hooks once, on that thread, the second one at its end.
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
    // That of the lookup is not waited for.
    while stopped.len() < workers + 2 {
        thread::yield_now();
    }
    assert_eq!((started.len(), stopped.len()), (workers + 2, workers + 2));
    assert_eq!(handle.metrics().num_blocking_threads, 0);
}

/// Ids of threads.
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

/// A hook that panics, even with a payload that panics when it is dropped, harms neither its thread nor the
/// executor.
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

/// Uses up about so many bytes of stack.
fn dig(bytes: usize) -> u8 {
    let page = std::hint::black_box([1_u8; 4096]);
    match bytes.checked_sub(4096) {
        Some(rest) => dig(rest).wrapping_add(page[bytes % 4096]),
        None => 0,
    }
}

/// The threads of an executor have the stacks that they were promised; those that no machine has are errors,
/// or, for the pool, make jobs run in the executor.
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

/// A panic for a wrong use points to the line that is wrong, and not into the library.
fn panics_point_to_the_callers_line() {
    use std::sync::{Arc, Mutex};
    let place = Arc::new(Mutex::new(String::new()));
    let told = place.clone();
    std::panic::set_hook(Box::new(move |info| {
        *told.lock().unwrap() = info.location().unwrap().file().to_owned();
    }));
    let points_here = |call: &dyn Fn()| {
        catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_err();
        std::mem::take(&mut *place.lock().unwrap()).ends_with("handle.rs")
    };
    let executor = brigade::SingleThread::new().unwrap();
    let handle = executor.handle();
    let many = brigade::WorkStealing::with_workers(1).unwrap();
    let set = || brigade::task::JoinSet::new();
    let outside: [(&str, &dyn Fn()); 9] = [
        ("spawn", &|| drop(brigade::spawn(async {}))),
        ("spawn_local", &|| drop(brigade::spawn_local(async {}))),
        ("spawn_blocking", &|| drop(brigade::spawn_blocking(|| ()))),
        ("Handle::current", &|| drop(Handle::current())),
        ("Builder::spawn", &|| {
            drop(brigade::task::Builder::new().name("soup").spawn(async {}));
        }),
        ("Builder::spawn_local", &|| {
            drop(
                brigade::task::Builder::new()
                    .name("soup")
                    .spawn_local(async {}),
            );
        }),
        ("JoinSet::spawn", &|| drop(set().spawn(async {}))),
        ("JoinSet::spawn_local", &|| {
            drop(set().spawn_local(async {}))
        }),
        ("JoinSet::spawn_blocking", &|| {
            drop(set().spawn_blocking(|| ()))
        }),
    ];
    for (what, call) in outside {
        assert!(points_here(call), "{what}");
    }
    assert!(points_here(&|| {
        drop(handle.block_on(async { brigade::spawn(async {}).await }))
    }));
    executor.block_on(async {
        let nested: [(&str, &dyn Fn()); 4] = [
            ("run", &|| brigade::run(async {})),
            ("SingleThread::block_on", &|| executor.block_on(async {})),
            ("WorkStealing::block_on", &|| many.block_on(async {})),
            ("Handle::block_on", &|| handle.block_on(async {})),
        ];
        for (what, call) in nested {
            assert!(points_here(call), "{what}");
        }
    });
    many.block_on(async {
        assert!(points_here(&|| drop(brigade::spawn_local(async {}))));
    });
    drop(std::panic::take_hook());
}

on_both! {
    a_guard_makes_an_executor_current,
    guards_may_be_dropped_in_any_order,
    guards_and_stays_may_overlap,
    a_forgotten_guard_does_no_harm,
    a_guard_in_a_thread_local_may_go_late,
    a_guard_may_go_while_something_is_spawned_by_it,
    a_handle_blocks_on_a_future,
    a_handle_blocks_on_a_future_that_parks,
    hooks_run_once_a_thread,
    a_panicking_hook_is_contained,
    stacks_are_as_large_as_asked,
    settings_of_threads_are_checked,
    spawns_from_many_threads,
    a_spawn_wakes_a_sleeping_executor,
    a_spawn_after_the_end_is_aborted,
    the_current_handle_is_everywhere_inside,
    a_program_may_be_generic,
}

one_cook! {
    run_runs,
    functions_name_themselves_outside,
    bad_settings_are_errors,
    an_executor_in_a_thread_local,
    a_handle_does_not_wait_on_the_executors_own_thread;
    alone:
    panics_point_to_the_callers_line,
}
