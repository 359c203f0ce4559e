//! Tests the order of polls for tasks that yield, tasks that wake themselves, and tasks that the driver woke.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use brigade::time::{sleep, sleep_until};
use brigade::{Executor, SingleThread};
use brigade_tests::{Kitchen, Tally, kitchen_tests, on_both, one_cook};

/// When the driver wakes a task, the task runs before tasks that wake themselves. A due timer waits for a
/// bounded number of polls, however many tasks wake themselves.
fn what_the_driver_woke_does_not_wait_for_self_waking_tasks<K: Kitchen>() {
    const HOGS: usize = 3_000;
    let executor = K::open();
    let worst = executor.block_on(async {
        let polls = Tally::new();
        let hogs: Vec<_> = (0..HOGS)
            .map(|_| {
                let polls = polls.clone();
                brigade::spawn(async move {
                    loop {
                        polls.add();
                        let until = Instant::now() + Duration::from_micros(50);
                        while Instant::now() < until {
                            std::hint::spin_loop();
                        }
                        wake_self_once().await;
                    }
                })
            })
            .collect();
        let waited = brigade::spawn(async move {
            let mut waited = Vec::new();
            for _ in 0..9 {
                let before = polls.get();
                let deadline = Instant::now() + Duration::from_millis(1);
                let timers: Vec<_> = (0..8)
                    .map(|_| brigade::spawn(sleep_until(deadline)))
                    .collect();
                for timer in timers {
                    timer.await.unwrap();
                }
                waited.push(polls.get() - before);
            }
            waited.sort_unstable();
            // Take the median, because the machine may stop a worker for a while.
            waited[waited.len() / 2]
        });
        let waited = waited.await.unwrap();
        hogs.iter().for_each(|hog| hog.abort());
        waited
    });
    // A worker makes 20 of these polls per millisecond, and at most 64 before it polls the driver.
    assert!(
        worst < HOGS / 3,
        "{worst} polls of self-waking tasks came first"
    );
}

/// Tasks that wake each other repeatedly do not starve tasks that yield.
fn tasks_that_wake_one_another_do_not_starve_those_that_yield<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async {
        let pairs: Vec<_> = (0..8)
            .flat_map(|_| {
                let (send, receive) = async_channel::bounded::<()>(1);
                let (reply, answer) = async_channel::bounded::<()>(1);
                let ping = brigade::spawn(async move {
                    while send.send(()).await.is_ok() && answer.recv().await.is_ok() {}
                });
                let pong = brigade::spawn(async move {
                    while receive.recv().await.is_ok() && reply.send(()).await.is_ok() {}
                });
                [ping, pong]
            })
            .collect();
        let yielding = brigade::spawn(async {
            for _ in 0..1_000 {
                brigade::yield_now().await;
            }
        });
        for _ in 0..100 {
            brigade::yield_now().await;
        }
        yielding.await.unwrap();
        pairs.iter().for_each(|task| task.abort());
    });
}

/// tokio #2702, #5720: if ready tasks do not fit into a worker's ring, they wait in the shared queue. The
/// tasks in the ring are always ready, but they must not starve the tasks in the queue.
fn a_full_ring_does_not_starve_the_injector<K: Kitchen>() {
    /// The number of tasks, which is almost four times the capacity of a ring.
    const TASKS: usize = 4_000;
    /// The maximum number of polls that a task may get before every task has been polled once. If each check
    /// of the shared queue took only one task, a task would get more than sixty polls.
    const FAIR: usize = 20;
    let begun = Tally::new();
    let task = move || {
        let begun = begun.clone();
        async move {
            begun.add();
            let mut polls = 1;
            while begun.get() < TASKS {
                polls += 1;
                brigade::yield_now().await;
            }
            polls
        }
    };
    // Spawn all tasks on one worker, so that they exist before the first is polled.
    let busiest = K::open().block_on(async move {
        brigade::spawn(async move {
            let tasks: Vec<_> = (0..TASKS).map(|_| brigade::spawn(task())).collect();
            let mut busiest = 0;
            for task in tasks {
                busiest = busiest.max(task.await.unwrap());
            }
            busiest
        })
        .await
    });
    let busiest = busiest.unwrap();
    assert!(
        busiest <= FAIR,
        "one task had {busiest} polls before each task had one"
    );
}

/// Many tasks are always ready, and the timers of a few sleeping tasks are due together. Once the first
/// sleeping task has run, the last one must run within a bounded number of polls of ready tasks.
fn what_the_driver_woke_does_not_wait_for_a_round_of_self_waking_tasks<K: Kitchen>() {
    const HOGS: usize = 800;
    const SLEEPERS: usize = 20;
    /// How many polls of ready tasks are allowed for each sleeping task.
    const FAIR: usize = 8;
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = polls.clone();
    let seen = K::open().block_on(async move {
        // Run on a worker, so that no task is spawned by another thread.
        brigade::spawn(async move {
            let hogs = [(); HOGS].map(|()| {
                let polls = counted.clone();
                brigade::spawn(poll_fn(move |cx| {
                    polls.fetch_add(1, Ordering::Relaxed);
                    cx.waker().wake_by_ref();
                    Poll::<()>::Pending
                }))
            });
            let due = brigade::time::now() + Duration::from_millis(100);
            let sleepers = [(); SLEEPERS].map(|()| {
                let polls = counted.clone();
                brigade::spawn(async move {
                    brigade::time::sleep_until(due).await;
                    polls.load(Ordering::Relaxed)
                })
            });
            let mut seen = Vec::new();
            for sleeper in sleepers {
                seen.push(sleeper.await.unwrap());
            }
            hogs.iter().for_each(|hog| hog.abort());
            seen
        })
        .await
    });
    let seen = seen.unwrap();
    let between = seen.iter().max().unwrap() - seen.iter().min().unwrap();
    assert!(
        between <= SLEEPERS * FAIR,
        "{between} polls of ready tasks between the first and the last of {SLEEPERS} sleepers"
    );
}

/// After a task yields, every other ready task runs before that task runs again.
fn a_yield_lets_every_ready_task_run() {
    let executor = SingleThread::new().unwrap();
    executor.block_on(async {
        let turns = Rc::new(Cell::new(0));
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                let turns = turns.clone();
                brigade::spawn_local(async move {
                    for _ in 0..3 {
                        turns.set(turns.get() + 1);
                        brigade::yield_now().await;
                    }
                })
            })
            .collect();
        for round in 1..=3 {
            brigade::yield_now().await;
            assert_eq!(turns.get(), round * 200);
        }
        drop(tasks);
    });
}

/// tokio #5223: a yield also lets the driver handle timers and sockets. A due timer fires after one or two
/// yields, not after dozens of polls.
fn a_yield_lets_the_driver_look() {
    let executor = SingleThread::new().unwrap();
    executor.block_on(async {
        let mut rounds = 0;
        for _ in 0..20 {
            // After many short polls without a yield, the executor polls the driver at longer intervals.
            for _ in 0..1_000 {
                wake_self_once().await;
            }
            let mut due = pin!(sleep(Duration::from_millis(10)));
            if futures::poll!(due.as_mut()).is_ready() {
                // Other programs kept this thread from its core for too long.
                continue;
            }
            // Block the thread until the timer is due, so that the timer cannot fire before the first yield.
            let late = Instant::now() + Duration::from_millis(12);
            while Instant::now() < late {
                std::hint::spin_loop();
            }
            let mut yields = 0;
            while futures::poll!(due.as_mut()).is_pending() {
                brigade::yield_now().await;
                yields += 1;
            }
            assert!(yields <= 2, "{yields} yields");
            rounds += 1;
        }
        assert!(rounds > 0);
    });
}

/// A future that wakes itself once and is ready at the second poll. Unlike `yield_now`, it does not let all
/// other ready tasks run first.
async fn wake_self_once() {
    let mut again = true;
    poll_fn(|cx| {
        if std::mem::replace(&mut again, false) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

/// The main future and the tasks alternate: neither runs twice while the other is ready.
fn main_and_tasks_take_turns() {
    let executor = SingleThread::new().unwrap();
    let turns = Rc::new(Cell::new(0_i32));
    executor.block_on(async {
        let counted = turns.clone();
        drop(brigade::spawn_local(async move {
            loop {
                counted.set(counted.get() + 1);
                brigade::yield_now().await;
            }
        }));
        for turn in 1..=1000 {
            brigade::yield_now().await;
            assert!(
                (turns.get() - turn).abs() <= 1,
                "turn {turn}: {}",
                turns.get()
            );
        }
    });
}

on_both! {
    what_the_driver_woke_does_not_wait_for_self_waking_tasks,
    tasks_that_wake_one_another_do_not_starve_those_that_yield,
}

kitchen_tests!(one_worker, brigade_tests::ManyCooks<1>;
    a_full_ring_does_not_starve_the_injector
    what_the_driver_woke_does_not_wait_for_a_round_of_self_waking_tasks;
);

one_cook! {
    a_yield_lets_every_ready_task_run,
    a_yield_lets_the_driver_look,
    main_and_tasks_take_turns,
}
