//! Tests how the blocking pool starts, keeps and ends threads, and what happens to jobs if no thread can be
//! started.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use brigade::Executor;
use brigade_tests::{Kitchen, Tally, in_child, on_both, park_on};

use crate::blocking::all_jobs_run;

/// tokio #8406, #8408: if no thread can be started, no job is lost. Here each thread would need more stack
/// than the machine has.
fn a_job_is_not_lost_for_want_of_threads<K: Kitchen>() {
    // std reads `RUST_MIN_STACK` once per process, so the test sets the variable in a process of its own.
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

/// Two threads submit jobs at the same instant while the pool can start no thread. Each job runs, because
/// neither submitter relies on the thread that the other fails to start.
fn no_job_is_lost_when_two_submitters_fail_to_start_a_thread<K: Kitchen>() {
    if !in_child(&[("RUST_MIN_STACK", &(1_usize << 46).to_string())]) || !K::ONE_COOK {
        return;
    }
    let executor = K::open();
    let (round, over) = (Tally::new(), Tally::new());
    let (jobs, submitted) = async_channel::unbounded();
    // Run as many rounds as fit into four seconds.
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
                        // Each submitter spins until the other has arrived, so that both submit at the same
                        // instant.
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

/// Starts `count` threads of the pool by running `count` jobs that wait for each other.
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

/// After a burst that needed twenty threads, an occasional job does not keep all twenty alive. The pool gives
/// the job to the thread that became idle last, so the keep-alive times of the other threads expire.
fn the_pool_shrinks_under_a_trickle_of_jobs<K: Kitchen>() {
    let keep = Duration::from_millis(400);
    let executor = K::try_build(K::builder().thread_keep_alive(keep)).unwrap();
    warm_up(&executor, 20);
    assert_eq!(executor.metrics().num_blocking_threads, 20);
    executor.block_on(async {
        // If the twenty threads took turns, each would get a job every 100 ms, and none would end.
        while executor.metrics().num_blocking_threads > 5 {
            brigade::spawn_blocking(|| ()).await.unwrap();
            brigade::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

/// A job may be given to an idle thread at the instant at which the thread's keep-alive time expires. The job
/// must still run.
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

/// Dropping an executor ends every idle thread immediately, however long its keep-alive time is.
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

/// `thread_keep_alive(ZERO)` is allowed and keeps no idle thread.
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
