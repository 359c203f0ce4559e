//! Tests virtual time, in which a sleeping program takes no time and every run is the same.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use brigade::SingleThread;
use brigade::time::{now, sleep, timeout};
use brigade_tests::{one_cook, park_on};

const MS: Duration = Duration::from_millis(1);

/// With virtual time, a day passes at once, and each sleep is exact to the nanosecond.
fn a_day_passes_in_no_time_and_exactly() {
    let executor = SingleThread::builder().virtual_time(true).build().unwrap();
    let began = Instant::now();
    let order = Rc::new(RefCell::new(Vec::new()));
    executor.block_on(async {
        let start = now();
        let tasks: Vec<_> = [86_400_000_000_000, 1, 3_600_000_000_001, 999, 0]
            .into_iter()
            .map(|nanos| {
                let order = order.clone();
                brigade::spawn_local(async move {
                    sleep(Duration::from_nanos(nanos)).await;
                    assert_eq!(now() - start, Duration::from_nanos(nanos));
                    order.borrow_mut().push(nanos);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(now() - start, Duration::from_secs(86_400));
        let mut ticks = brigade::time::interval(Duration::from_secs(60));
        let first = ticks.tick().await;
        for n in 1..=1000 {
            assert_eq!(ticks.tick().await - first, Duration::from_secs(60 * n));
        }
    });
    assert_eq!(
        *order.borrow(),
        [0, 1, 999, 3_600_000_000_001, 86_400_000_000_000]
    );
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// Virtual time stands still while any task can run.
fn it_stands_still_while_tasks_run() {
    let executor = SingleThread::builder().virtual_time(true).build().unwrap();
    executor.block_on(async {
        let start = now();
        let mut timer = pin!(sleep(Duration::from_nanos(1)));
        assert!(futures::poll!(timer.as_mut()).is_pending());
        for _ in 0..10_000 {
            brigade::yield_now().await;
            assert_eq!(now(), start);
        }
        timer.await;
        assert_eq!(now() - start, Duration::from_nanos(1));
    });
}

/// The same program gives the same times in every run, with and without a seed.
fn the_same_seed_gives_the_same_times() {
    fn run(seed: u64) -> Vec<(u32, Duration)> {
        let executor = SingleThread::builder()
            .virtual_time(true)
            .seed(seed)
            .build()
            .unwrap();
        let log = Rc::new(RefCell::new(Vec::new()));
        executor.block_on(async {
            let start = now();
            let tasks: Vec<_> = (0..20_u32)
                .map(|n| {
                    let log = log.clone();
                    brigade::spawn_local(async move {
                        for turn in 0..5 {
                            sleep(MS * (n * turn % 4)).await;
                            log.borrow_mut().push((n, now() - start));
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        log.take()
    }
    for seed in 0..5 {
        assert_eq!(run(seed), run(seed));
    }
    assert_ne!(run(0), run(1));
}

/// A hundred years can pass, after which the clock still counts single nanoseconds.
fn a_hundred_years_pass() {
    let executor = SingleThread::builder().virtual_time(true).build().unwrap();
    executor.block_on(async {
        let start = now();
        const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
        for year in 1..=100 {
            sleep(YEAR).await;
            assert_eq!(now() - start, YEAR * year);
        }
        sleep(Duration::from_nanos(1)).await;
        assert_eq!(now() - start, YEAR * 100 + Duration::from_nanos(1));
    });
}

/// The clock stands still while a job of the executor's pool runs or is queued, awaited or not, and during a
/// name lookup.
fn it_stands_still_while_a_job_runs() {
    const HOUR: Duration = Duration::from_secs(3600);
    let executor = SingleThread::builder().virtual_time(true).build().unwrap();
    executor.block_on(async {
        let start = now();
        let job = brigade::spawn_blocking(|| std::thread::sleep(50 * MS));
        assert!(timeout(HOUR, job).await.is_ok());
        let looked_up = timeout(HOUR, brigade::net::lookup_host("localhost:80")).await;
        assert!(looked_up.is_ok());
        assert_eq!(now(), start);
        // The jobs run on several threads at once.
        let jobs: Vec<_> = (0..5)
            .map(|_| brigade::spawn_blocking(|| std::thread::sleep(5 * MS)))
            .collect();
        let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        drop(brigade::spawn_blocking({
            let done = done.clone();
            move || {
                std::thread::sleep(50 * MS);
                done.store(true, std::sync::atomic::Ordering::SeqCst);
            }
        }));
        sleep(HOUR).await;
        assert!(jobs.iter().all(|job| job.is_finished()));
        assert!(done.load(std::sync::atomic::Ordering::SeqCst));
        assert_eq!(now() - start, HOUR);
    });
}

/// If a job waits for the clock itself, the clock still moves, but not past the time for which the job waits.
fn a_job_may_wait_for_the_clock() {
    const HOUR: Duration = Duration::from_secs(3600);
    let executor = SingleThread::builder().virtual_time(true).build().unwrap();
    executor.block_on(async {
        let start = now();
        let other = brigade::spawn(async { sleep(HOUR / 2).await });
        let job = brigade::spawn_blocking(|| park_on(sleep(HOUR)));
        assert!(timeout(HOUR * 2, job).await.is_ok());
        assert!(other.is_finished());
        assert_eq!(now() - start, HOUR);
    });
}

one_cook! {
    it_stands_still_while_a_job_runs,
    a_job_may_wait_for_the_clock,
    a_day_passes_in_no_time_and_exactly,
    it_stands_still_while_tasks_run,
    the_same_seed_gives_the_same_times,
    a_hundred_years_pass,
}
