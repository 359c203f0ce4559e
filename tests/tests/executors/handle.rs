//! Tests an executor's handle and functions such as `brigade::spawn`, and what they report without an
//! executor.

use std::future::pending;
use std::panic::catch_unwind;
use std::pin::{Pin, pin};
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use brigade::task::{Builder, JoinSet};
use brigade::time::{interval_at, now, sleep, sleep_until, timeout, timeout_at};
use brigade::{DefaultExecutor, Executor, Handle};
use brigade_tests::{Dropped, Kitchen, Tally, on_both, one_cook, park_on, text_of};
use futures::Stream;

/// Many threads spawn tasks at the same time, and all tasks run.
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

/// A spawn wakes a sleeping executor.
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

/// After the executor was dropped, a spawn drops the future immediately and returns an aborted handle.
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

/// `Handle::current` returns the running executor's handle in the main future, in tasks, in jobs, and in
/// destructors while the executor closes.
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

/// A program may be generic over the executor.
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

/// `run` calls `block_on` of the default executor.
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

/// A function that needs an executor panics if there is none. The message contains the function's name and
/// advice.
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
    says("task::Builder::spawn ", || {
        drop(Builder::new().spawn(async {}))
    });
    says("task::Builder::spawn_local ", || {
        drop(Builder::new().spawn_local(async {}))
    });
    says("JoinSet::spawn ", || drop(JoinSet::new().spawn(async {})));
    says("JoinSet::spawn_local ", || {
        drop(JoinSet::new().spawn_local(async {}))
    });
    says("JoinSet::spawn_blocking ", || {
        drop(JoinSet::new().spawn_blocking(|| ()))
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
    says("brigade::time::interval_at ", || {
        drop(interval_at(now(), Duration::from_secs(1)));
    });
    says("brigade::time::timeout ", || {
        drop(brigade::time::timeout(Duration::ZERO, async {}));
    });
    says("brigade::time::timeout_at ", || {
        drop(timeout_at(now(), async {}))
    });
    let many = brigade::WorkStealing::with_workers(1).unwrap();
    many.block_on(async {
        let calls: [(&str, fn()); 3] = [
            ("brigade::spawn_local ", || {
                drop(brigade::spawn_local(async {}))
            }),
            ("task::Builder::spawn_local ", || {
                drop(Builder::new().spawn_local(async {}))
            }),
            ("JoinSet::spawn_local ", || {
                drop(JoinSet::new().spawn_local(async {}))
            }),
        ];
        for (function, call) in calls {
            let payload = catch_unwind(call).unwrap_err();
            assert!(text_of(&*payload).starts_with(function), "{function}");
        }
    });
    assert!(Handle::try_current().is_none());
    // Functions that need only a clock work without an executor.
    let _ = brigade::time::now();
    // `yield_now` works under any executor.
    park_on(brigade::yield_now());
}

/// An executor in a thread-local, with its tasks, is dropped as late as possible in a thread's life.
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

/// A handle can block on a future that borrows. This works on any thread that runs no executor, and on
/// several threads at the same time.
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

/// If a future parks and unparks the thread on which it runs, `Handle::block_on` neither hangs nor returns
/// too early.
fn a_handle_blocks_on_a_future_that_parks<K: Kitchen>() {
    let executor = K::open();
    let handle = executor.handle();
    let (done, is_done) = async_channel::bounded::<()>(1);
    let elsewhere = thread::spawn(move || {
        let mut polls = 0;
        handle.block_on(std::future::poll_fn(|cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            // Parking consumes the unpark token that the wake has left.
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

/// On the thread of a `SingleThread`, the executor's handle can block on a future that need not wait. If the
/// future has to wait, `block_on` panics with advice, because the wait could never end.
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

/// If the API is used wrongly, the panic reports the caller's line and not a line in the library.
fn panics_point_to_the_callers_line() {
    use brigade::custom::{Ready, Runtime};
    use brigade::hyper::Timer;
    use hyper::rt::{Executor as _, Timer as _};
    use std::sync::{Arc, Mutex};
    let place = Arc::new(Mutex::new(String::new()));
    let told = place.clone();
    std::panic::set_hook(Box::new(move |info| {
        *told.lock().unwrap() = info.location().unwrap().file().to_owned();
    }));
    let points_here = |call: &mut dyn FnMut()| {
        catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_err();
        // The library also has a `handle.rs`, so compare the folder too.
        std::mem::take(&mut *place.lock().unwrap()).ends_with("executors/handle.rs")
    };
    let executor = brigade::SingleThread::new().unwrap();
    let handle = executor.handle();
    let many = brigade::WorkStealing::with_workers(1).unwrap();
    let set = || JoinSet::new();
    let aborted = || {
        let idle = executor.spawn(std::future::pending::<()>());
        idle.abort();
        executor.block_on(idle).unwrap_err()
    };
    let minute = Duration::from_secs(60);
    let mut cx = Context::from_waker(Waker::noop());
    let mut ticks = executor.block_on(async { brigade::time::interval(minute) });
    assert!(points_here(&mut || _ = ticks.poll_tick(&mut cx)));
    assert!(points_here(
        &mut || _ = Pin::new(&mut ticks).poll_next(&mut cx)
    ));
    let pause = || {
        let _guard = handle.enter();
        sleep(minute)
    };
    let guard = handle.enter();
    let mut limit = pin!(timeout(minute, pending::<()>()));
    drop(guard);
    assert!(points_here(&mut || _ = limit.as_mut().poll(&mut cx)));
    assert!(points_here(&mut || _ = pin!(pause()).poll(&mut cx)));
    let mut joined = executor.spawn(async {});
    executor.block_on(&mut joined).unwrap();
    assert!(points_here(&mut || _ = Pin::new(&mut joined).poll(&mut cx)));
    let outside: [(&str, &dyn Fn()); 22] = [
        ("JoinError::into_panic", &|| drop(aborted().into_panic())),
        // The place is the `.await`.
        ("Sleep::poll", &|| {
            park_on(async {
                pause().await;
            });
        }),
        ("sleep", &|| drop(sleep(minute))),
        ("sleep_until", &|| drop(sleep_until(now()))),
        ("timeout", &|| drop(timeout(minute, async {}))),
        ("timeout_at", &|| drop(timeout_at(now(), async {}))),
        ("interval", &|| drop(brigade::time::interval(minute))),
        ("interval_at", &|| drop(interval_at(now(), minute))),
        ("explore", &|| drop(brigade::explore([], || async {}))),
        ("hyper::Executor", &|| {
            brigade::hyper::Executor.execute(async {})
        }),
        ("hyper::LocalExecutor", &|| {
            brigade::hyper::LocalExecutor.execute(async {});
        }),
        ("hyper::Timer::sleep", &|| drop(Timer.sleep(minute))),
        ("hyper::Timer::sleep_until", &|| {
            drop(Timer.sleep_until(now()))
        }),
        ("spawn", &|| drop(brigade::spawn(async {}))),
        ("spawn_local", &|| drop(brigade::spawn_local(async {}))),
        ("spawn_blocking", &|| drop(brigade::spawn_blocking(|| ()))),
        ("Handle::current", &|| drop(Handle::current())),
        ("Builder::spawn", &|| {
            drop(Builder::new().name("soup").spawn(async {}));
        }),
        ("Builder::spawn_local", &|| {
            drop(Builder::new().name("soup").spawn_local(async {}));
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
        assert!(points_here(&mut || call()), "{what}");
    }
    assert!(points_here(&mut || {
        drop(handle.block_on(async { brigade::spawn(async {}).await }))
    }));
    executor.block_on(async {
        let custom = Runtime::new(Arc::new(drop::<Ready>)).unwrap();
        let nested: [(&str, &dyn Fn()); 5] = [
            ("custom::Runtime::enter", &|| custom.enter("here", || ())),
            ("run", &|| brigade::run(async {})),
            ("SingleThread::block_on", &|| executor.block_on(async {})),
            ("WorkStealing::block_on", &|| many.block_on(async {})),
            ("Handle::block_on", &|| handle.block_on(async {})),
        ];
        for (what, call) in nested {
            assert!(points_here(&mut || call()), "{what}");
        }
    });
    many.block_on(async {
        assert!(points_here(&mut || drop(brigade::spawn_local(async {}))));
    });
    drop(std::panic::take_hook());
}

on_both! {
    a_handle_blocks_on_a_future,
    a_handle_blocks_on_a_future_that_parks,
    spawns_from_many_threads,
    a_spawn_wakes_a_sleeping_executor,
    a_spawn_after_the_end_is_aborted,
    the_current_handle_is_everywhere_inside,
    a_program_may_be_generic,
}

one_cook! {
    run_runs,
    functions_name_themselves_outside,
    an_executor_in_a_thread_local,
    a_handle_does_not_wait_on_the_executors_own_thread;
    alone:
    panics_point_to_the_callers_line,
}
