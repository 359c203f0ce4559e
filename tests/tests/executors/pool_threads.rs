//! The threads of the blocking pool: how they come, stay and go, and what becomes of jobs where none can be
//! started.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use brigade::Executor;
use brigade_tests::{Kitchen, Tally, in_child, on_both, park_on};

use crate::blocking::all_jobs_run;

/// tokio #8406, #8408: where no thread can be started no job is lost. Here each thread would need a
/// stack that the machine does not have.
fn a_job_is_not_lost_for_want_of_threads<K: Kitchen>() {
    // Read once a process, so another one is needed.
    if !in_child(&[("RUST_MIN_STACK", &(1_usize << 46).to_string())]) {
        return;
    }
    assert!(thread::Builder::new().spawn(|| ()).is_err());
    if !K::ONE_COOK {
        return;
    }
    let executor = K::open();
    all_jobs_run(&executor, 10);
}

/// Two threads submit at the same instant while no thread can be started: each job runs, because neither
/// submitter relies on the thread that the other one fails to start.
fn no_job_is_lost_when_two_submitters_fail_to_start_a_thread<K: Kitchen>() {
    if !in_child(&[("RUST_MIN_STACK", &(1_usize << 46).to_string())]) || !K::ONE_COOK {
        return;
    }
    let executor = K::open();
    let (round, over) = (Tally::new(), Tally::new());
    let (jobs, submitted) = async_channel::unbounded();
    // As many rounds as a busy machine allows.
    let deadline = Instant::now() + Duration::from_secs(4);
    let submitters: Vec<_> = (0..2)
        .map(|_| {
            let (handle, jobs) = (executor.handle(), jobs.clone());
            let (round, over) = (round.clone(), over.clone());
            let submitter = thread::Builder::new().stack_size(1 << 20);
            submitter
                .spawn(move || {
                    for n in 0..3_000 {
                        if Instant::now() > deadline {
                            over.add();
                        }
                        // Both spin until the other one is here, so that they submit at one instant.
                        round.add();
                        while round.get() < 2 * (n + 1) {
                            if over.get() > 0 {
                                return;
                            }
                            std::hint::spin_loop();
                        }
                        jobs.send_blocking(handle.spawn_blocking(|| ())).unwrap();
                    }
                })
                .unwrap()
        })
        .collect();
    drop(jobs);
    executor.block_on(async {
        while let Ok(job) = submitted.recv().await {
            job.await.unwrap();
        }
    });
    for submitter in submitters {
        submitter.join().unwrap();
    }
}

/// Starts `count` threads of the pool: that many jobs wait for one another.
fn warm_up<E: Executor>(executor: &E, count: usize) {
    let meeting = Arc::new(Barrier::new(count));
    let jobs: Vec<_> = (0..count)
        .map(|_| {
            let meeting = meeting.clone();
            executor.handle().spawn_blocking(move || {
                meeting.wait();
            })
        })
        .collect();
    executor.block_on(async {
        for job in jobs {
            job.await.unwrap();
        }
    });
}

/// After a burst that took twenty threads, a job now and then does not keep all of them: it goes to the
/// thread that went idle last, and the times of the others run out.
fn the_pool_shrinks_under_a_trickle_of_jobs<K: Kitchen>() {
    let keep = Duration::from_millis(400);
    let executor = K::try_build(K::builder().thread_keep_alive(keep)).unwrap();
    warm_up(&executor, 20);
    assert_eq!(executor.metrics().num_blocking_threads, 20);
    executor.block_on(async {
        // If the twenty took turns, each would be called every 100 ms.
        while executor.metrics().num_blocking_threads > 5 {
            brigade::spawn_blocking(|| ()).await.unwrap();
            brigade::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

/// A job may be given to a thread at the instant at which its time runs out: it runs nevertheless.
fn a_job_given_to_a_thread_whose_time_runs_out_is_run<K: Kitchen>() {
    let keep = Duration::from_micros(50);
    let executor = K::try_build(K::builder().thread_keep_alive(keep)).unwrap();
    let handle = executor.handle();
    for n in 0..500_u32 {
        assert_eq!(park_on(handle.spawn_blocking(move || n)).unwrap(), n);
        let idle_for = Duration::from_micros(u64::from(n % 100));
        let since = Instant::now();
        while since.elapsed() < idle_for {
            std::hint::spin_loop();
        }
    }
}

/// The drop of an executor lets every idle thread go at once, however long it would be kept.
fn all_idle_threads_go_with_their_executor<K: Kitchen>() {
    let executor = K::try_build(K::builder().thread_keep_alive(Duration::MAX)).unwrap();
    warm_up(&executor, 4);
    let handle = executor.handle();
    while handle.metrics().num_idle_blocking_threads < 4 {
        thread::yield_now();
    }
    drop(executor);
    while handle.metrics().num_blocking_threads > 0 {
        thread::yield_now();
    }
}

/// `thread_keep_alive(ZERO)` is allowed: no thread is kept.
fn threads_need_not_be_kept<K: Kitchen>() {
    let executor = K::try_build(K::builder().thread_keep_alive(Duration::ZERO)).unwrap();
    for n in 0..100 {
        let job = executor.handle().spawn_blocking(move || n);
        assert_eq!(executor.block_on(job).unwrap(), n);
    }
    while executor.metrics().num_blocking_threads > 0 {
        thread::yield_now();
    }
}

on_both! {
    the_pool_shrinks_under_a_trickle_of_jobs,
    a_job_given_to_a_thread_whose_time_runs_out_is_run,
    all_idle_threads_go_with_their_executor,
    threads_need_not_be_kept,
    no_job_is_lost_when_two_submitters_fail_to_start_a_thread,
    a_job_is_not_lost_for_want_of_threads,
}
