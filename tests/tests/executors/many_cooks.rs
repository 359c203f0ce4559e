//! Tests what only the work-stealing executor does: tasks begin immediately, run in parallel, and move
//! between workers.

use std::collections::HashSet;
use std::future::pending;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use brigade::time::sleep;
use brigade::{Handle, WorkStealing};
use brigade_tests::{CountingWaker, Tally, park_on, text_of, watch};

fn open(workers: usize) -> WorkStealing {
    WorkStealing::with_workers(workers).unwrap()
}

/// Tasks run even if no thread is in `block_on`.
fn tasks_run_without_block_on() {
    let executor = open(2);
    let task = executor.spawn(async {
        sleep(Duration::from_millis(1)).await;
        brigade::spawn(async { 42 }).await.unwrap()
    });
    assert_eq!(park_on(task).unwrap(), 42);
}

/// If there are enough tasks, each worker polls one at the same instant, on its own thread. There are never
/// more polls at the same instant than workers.
fn as_many_at_once_as_workers() {
    for workers in [1, 2, 3, 8] {
        let executor = open(workers);
        let meeting = Arc::new(Barrier::new(workers));
        for _ in 0..20 {
            let tasks: Vec<_> = (0..workers)
                .map(|_| {
                    let meeting = meeting.clone();
                    executor.spawn(async move {
                        meeting.wait();
                        thread::current().id()
                    })
                })
                .collect();
            let threads: HashSet<_> = tasks
                .into_iter()
                .map(|task| park_on(task).unwrap())
                .collect();
            assert_eq!(threads.len(), workers);
            assert!(!threads.contains(&thread::current().id()));
        }
        assert_eq!(executor.workers(), workers);
        let metrics = executor.metrics();
        assert_eq!(metrics.at_once_max, workers);
        assert!(metrics.in_flight_max >= workers);
    }
}

/// tokio #621, #4383: any worker can take the tasks that one task spawns. The test spawns a tree of tasks,
/// which ends only if all its leaves run at the same instant.
fn what_one_worker_spawns_all_can_take() {
    let executor = open(4);
    for _ in 0..200 {
        let meeting = Arc::new(Barrier::new(4));
        let root = executor.spawn(async move {
            let leaves: Vec<_> = (0..4)
                .map(|_| {
                    let meeting = meeting.clone();
                    brigade::spawn(async move {
                        meeting.wait();
                    })
                })
                .collect();
            for leaf in leaves {
                leaf.await.unwrap();
            }
        });
        park_on(root).unwrap();
    }
}

/// Only one worker at a time polls a task, even if other workers wake the task during the poll.
fn a_task_is_polled_by_one_worker_at_a_time() {
    let executor = open(4);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let inside = AtomicUsize::new(0);
            let mut turns = 0;
            executor.spawn(std::future::poll_fn(move |cx| {
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                turns += 1;
                if turns == 300 {
                    return Poll::Ready(());
                }
                let (one, other) = (cx.waker().clone(), cx.waker().clone());
                drop(brigade::spawn(async move { one.wake() }));
                other.wake();
                assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                Poll::Pending
            }))
        })
        .collect();
    for task in tasks {
        park_on(task).unwrap();
    }
}

/// tokio #4941: two tasks wake each other again and again. All other tasks still run, even with one worker.
fn a_ping_pong_starves_nobody() {
    for workers in [1, 2] {
        let executor = open(workers);
        let (ping, pong) = (async_channel::bounded(1), async_channel::bounded(1));
        for (receive, send) in [(ping.1, pong.0), (pong.1, ping.0.clone())] {
            drop(executor.spawn(async move {
                while receive.recv().await.is_ok() {
                    let _ = send.send(()).await;
                }
            }));
        }
        ping.0.try_send(()).unwrap();
        let others: Vec<_> = (0..100)
            .map(|n| {
                executor.spawn(async move {
                    sleep(Duration::from_millis(n % 5)).await;
                    brigade::yield_now().await;
                })
            })
            .collect();
        for other in others {
            park_on(other).unwrap();
        }
    }
}

/// tokio #7431: if a task wakes another task on its own worker, no other worker is woken. The monitor parks
/// with a timeout, so the number of its parks grows with time and not with the number of wakes.
fn local_wakes_get_nobody_up() {
    const WAKES: u64 = 100_000;
    let executor = open(4);
    let (ping, pong) = (async_channel::bounded(1), async_channel::bounded(1));
    let first = executor.spawn(async move {
        for _ in 0..WAKES / 2 {
            ping.0.send(()).await.unwrap();
            pong.1.recv().await.unwrap();
        }
    });
    let second = executor.spawn(async move {
        while ping.1.recv().await.is_ok() && pong.0.send(()).await.is_ok() {}
    });
    park_on(first).unwrap();
    park_on(second).unwrap();
    let metrics = executor.metrics();
    let parks: u64 = metrics.workers.iter().map(|worker| worker.parks).sum();
    let polls: u64 = metrics.workers.iter().map(|worker| worker.polls).sum();
    // Each worker publishes its counts only from time to time, so the sum may be too low.
    assert!(polls > WAKES / 2, "{polls} polls");
    assert!(parks < WAKES / 10, "{parks} parks in {WAKES} wakes");
}

/// Several threads may be in `block_on` of one executor at the same time.
fn several_threads_may_block_on_one_executor() {
    let executor = open(2);
    thread::scope(|scope| {
        for n in 0..4 {
            let executor = &executor;
            scope.spawn(move || {
                for _ in 0..50 {
                    let answer = executor.block_on(async {
                        let task = brigade::spawn(async move { n });
                        brigade::yield_now().await;
                        task.await.unwrap()
                    });
                    assert_eq!(answer, n);
                }
            });
        }
    });
}

/// The main future stays on its thread, even if workers wake it.
fn the_main_future_stays_on_its_thread() {
    let executor = open(2);
    let here = thread::current().id();
    let not_send = std::rc::Rc::new(());
    executor.block_on(async {
        for _ in 0..100 {
            brigade::spawn(brigade::yield_now()).await.unwrap();
            assert_eq!(thread::current().id(), here);
            assert_eq!(std::rc::Rc::strong_count(&not_send), 1);
        }
    });
}

/// The executor may be dropped inside one of its own tasks. The executor ends when that task's poll ends.
fn an_executor_may_end_in_its_own_task() {
    for workers in [1, 2, 4] {
        let executor = Arc::new(open(workers));
        let drops = Tally::new();
        let idle: Vec<_> = (0..10)
            .map(|_| {
                let spy = drops.on_drop();
                executor.spawn(async move {
                    let _spy = spy;
                    pending::<()>().await;
                })
            })
            .collect();
        let (go, gone) = mpsc::channel::<()>();
        let mine = executor.clone();
        let last = executor.spawn(async move {
            gone.recv().unwrap();
            drop(mine);
            42
        });
        drop(executor);
        go.send(()).unwrap();
        assert_eq!(park_on(last).unwrap(), 42);
        for task in idle {
            assert!(park_on(task).unwrap_err().is_aborted());
        }
        assert_eq!(drops.get(), 10);
    }
}

/// The executor may also be dropped on any other thread.
fn an_executor_may_end_on_any_thread() {
    let executor = open(2);
    let drops = Tally::new();
    let spy = drops.on_drop();
    let task = executor.spawn(async move {
        let _spy = spy;
        pending::<()>().await;
    });
    thread::spawn(move || drop(executor)).join().unwrap();
    assert_eq!(drops.get(), 1);
    assert!(park_on(task).unwrap_err().is_aborted());
    let executor = open(2);
    executor
        .block_on(brigade_drop_in_job(open(2)))
        .expect("the job runs");
}

/// Drops `executor` in a job of the current executor's blocking pool.
async fn brigade_drop_in_job(executor: WorkStealing) -> Result<(), brigade::task::JoinError> {
    brigade::spawn_blocking(move || drop(executor)).await
}

/// Dropping the executor waits for polls that are under way, and for nothing else.
fn the_drop_waits_for_running_polls() {
    let executor = open(2);
    let ended = Tally::new();
    let counted = ended.clone();
    let (begun, has_begun) = mpsc::channel();
    drop(executor.spawn(async move {
        begun.send(()).unwrap();
        // Keep the worker busy for a while, without an await.
        let until = std::time::Instant::now() + Duration::from_millis(20);
        while std::time::Instant::now() < until {
            std::hint::spin_loop();
        }
        counted.add();
    }));
    has_begun.recv().unwrap();
    drop(executor);
    assert_eq!(ended.get(), 1);
}

/// Executors with tasks are made and dropped repeatedly. No task outlives its executor.
fn executors_come_and_go() {
    for round in 0..100 {
        let executor = open(1 + round % 4);
        let alive = Arc::new(());
        for _ in 0..20 {
            let alive = alive.clone();
            drop(executor.spawn(async move {
                let _alive = alive;
                loop {
                    brigade::yield_now().await;
                }
            }));
        }
        drop(executor);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

/// tokio #6682: while the driver sleeps until a later timer, a task arms an earlier one. The earlier timer
/// must not fire late. The main future, whose thread is not a worker, arms such timers too.
fn a_timer_from_any_thread_shortens_the_drivers_sleep() {
    let executor = open(2);
    let long = executor.spawn(async { sleep(Duration::from_secs(3600)).await });
    executor.block_on(async {
        for _ in 0..50 {
            sleep(Duration::from_micros(500)).await;
            brigade::spawn(async { sleep(Duration::from_micros(500)).await })
                .await
                .unwrap();
        }
    });
    assert!(!long.is_finished());
}

/// Many workers arm timers with the same deadlines at the same time. Each timer fires once, and none fires
/// early.
fn timers_of_many_workers() {
    let executor = open(4);
    let tasks: Vec<_> = (0..2000_u64)
        .map(|n| {
            executor.spawn(async move {
                for turn in 0..3 {
                    let duration = Duration::from_micros((n * 37 + turn * 101) % 5000);
                    let before = std::time::Instant::now();
                    if n % 3 == 0 {
                        // Drop a sleep before its end.
                        let mut given_up = pin!(sleep(duration));
                        let _ = futures::poll!(given_up.as_mut());
                        brigade::yield_now().await;
                    } else {
                        sleep(duration).await;
                        assert!(before.elapsed() >= duration);
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        park_on(task).unwrap();
    }
}

/// rayon #768, #929: a join handle is polled with a foreign waker while its task ends on a worker. No wake
/// may be lost.
fn joins_race_completions() {
    let executor = open(2);
    for _ in 0..5000 {
        let mut task = executor.spawn(async { 1 });
        let waker = CountingWaker::new();
        let registered = waker.clone().into();
        let mut cx = Context::from_waker(&registered);
        if std::pin::Pin::new(&mut task).poll(&mut cx).is_pending() {
            while waker.count() == 0 {
                thread::yield_now();
            }
            assert!(std::pin::Pin::new(&mut task).poll(&mut cx).is_ready());
        }
        assert!(waker.count() <= 1);
    }
}

/// On a worker, `Handle::current` refers to the worker's executor, and the thread has the executor's name.
fn workers_know_where_they_are() {
    let executor = WorkStealing::builder()
        .name("stove")
        .workers(2)
        .build()
        .unwrap();
    let names = Arc::new(Mutex::new(Vec::new()));
    let seen = names.clone();
    let task = executor.spawn(async move {
        seen.lock()
            .unwrap()
            .push(thread::current().name().map(str::to_owned));
        Handle::current().spawn(async { 1 }).await.unwrap()
    });
    assert_eq!(park_on(task).unwrap(), 1);
    let name = names.lock().unwrap().pop().unwrap();
    assert!(
        name.as_deref()
            .is_some_and(|name| name.starts_with("stove")),
        "{name:?}"
    );
}

/// On this executor, `spawn_local` panics with an explanation.
fn spawn_local_panics() {
    let executor = open(2);
    let task = executor.spawn(async { drop(brigade::spawn_local(async {})) });
    let payload = park_on(task).unwrap_err().into_panic();
    assert!(text_of(&*payload).contains("brigade::spawn_local"));
    let main = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        executor.block_on(async { drop(brigade::spawn_local(async {})) });
    }));
    assert!(text_of(&*main.unwrap_err()).contains("brigade::spawn_local"));
}

/// A builder returns an error if its settings make no sense.
fn bad_settings_are_errors() {
    let builder = WorkStealing::builder;
    for bad in [
        builder().workers(0).build(),
        builder().max_blocking_threads(0).build(),
        builder().name("a\0b").build(),
    ] {
        assert_eq!(bad.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert!(WorkStealing::new().unwrap().workers() >= 1);
}

macro_rules! tests {
    ($($test:ident),* $(,)?) => {
        mod many_cooks_only {
            $(
                #[test]
                fn $test() {
                    super::watch(concat!(module_path!(), "::", stringify!($test)), super::$test);
                }
            )*
        }
    };
}

tests! {
    tasks_run_without_block_on,
    as_many_at_once_as_workers,
    what_one_worker_spawns_all_can_take,
    a_task_is_polled_by_one_worker_at_a_time,
    a_ping_pong_starves_nobody,
    local_wakes_get_nobody_up,
    several_threads_may_block_on_one_executor,
    the_main_future_stays_on_its_thread,
    an_executor_may_end_in_its_own_task,
    an_executor_may_end_on_any_thread,
    the_drop_waits_for_running_polls,
    executors_come_and_go,
    a_timer_from_any_thread_shortens_the_drivers_sleep,
    timers_of_many_workers,
    joins_race_completions,
    workers_know_where_they_are,
    spawn_local_panics,
    bad_settings_are_errors,
}
