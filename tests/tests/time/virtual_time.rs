//! Tests virtual time, in which sleeps take no real time, and every run of a program gives the same times.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use brigade::SingleThread;
use brigade::net::{TcpStream, UnixDatagram, UnixStream};
use brigade::time::{now, sleep, timeout};
use brigade_tests::{one_cook, park_on};

const MS: Duration = Duration::from_millis(1);

/// With virtual time, a day passes immediately, and each sleep is exact to the nanosecond.
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

/// With the same seed, a program gives the same times in every run.
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

/// After a hundred years have passed, the clock still counts single nanoseconds.
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

/// The clock stands still while a job of the executor's pool runs or is queued, even if no task awaits the
/// job. It also stands still during a name lookup.
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
        // The jobs run on several threads at the same time.
        let jobs: Vec<_> = (0..5)
            .map(|_| brigade::spawn_blocking(|| std::thread::sleep(5 * MS)))
            .collect();
        let done = Arc::new(AtomicBool::new(false));
        drop(brigade::spawn_blocking({
            let done = done.clone();
            move || {
                std::thread::sleep(50 * MS);
                done.store(true, Ordering::SeqCst);
            }
        }));
        sleep(HOUR).await;
        assert!(jobs.iter().all(|job| job.is_finished()));
        assert!(done.load(Ordering::SeqCst));
        assert_eq!(now() - start, HOUR);
    });
}

/// While a job sleeps, the clock still moves, but not past the job's deadline.
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

/// If a job no longer waits for a deadline, that deadline no longer moves the clock.
fn what_a_job_waited_for_does_not_move_the_clock_later() {
    for waited in [Duration::from_secs(3600), Duration::MAX] {
        let executor = SingleThread::builder().virtual_time(true).build().unwrap();
        executor.block_on(async {
            brigade::spawn_blocking(move || {
                park_on(timeout(waited, brigade::yield_now())).unwrap();
            })
            .await
            .unwrap();
            let start = now();
            let job = brigade::spawn_blocking(|| std::thread::sleep(50 * MS));
            timeout(Duration::from_secs(60), job)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(now(), start);
        });
    }
}

/// While a job computes in `Handle::block_on`, the clock stands still, even if the job has polled a timer.
fn a_job_that_computes_in_block_on_stops_the_clock() {
    const HOUR: Duration = Duration::from_secs(3600);
    let executor = SingleThread::builder().virtual_time(true).build().unwrap();
    executor.block_on(async {
        let start = now();
        let handle = brigade::Handle::current();
        let job = brigade::spawn_blocking(move || {
            handle.block_on(async {
                let mut pause = pin!(sleep(HOUR));
                assert!(futures::poll!(pause.as_mut()).is_pending());
                std::thread::sleep(50 * MS);
                assert_eq!(now(), start);
                pause.await;
                assert_eq!(now() - start, HOUR);
                // The job has been woken, so the clock stands still again.
                std::thread::sleep(50 * MS);
                assert_eq!(now() - start, HOUR);
            })
        });
        let other = brigade::spawn(sleep(HOUR / 2));
        timeout(HOUR + MS, job).await.unwrap().unwrap();
        assert!(other.is_finished());
    });
}

/// While a job waits for a task in `Handle::block_on`, the clock moves, so the task's sleep ends.
fn a_job_may_wait_for_a_task_that_sleeps() {
    const HOUR: Duration = Duration::from_secs(3600);
    let executor = SingleThread::builder()
        .virtual_time(true)
        .max_blocking_threads(2)
        .build()
        .unwrap();
    executor.block_on(async {
        let start = now();
        // The pool has two threads, so two of the four jobs are queued while the other two wait.
        let jobs = [1, 2, 3, 4].map(|hours| {
            let handle = brigade::Handle::current();
            brigade::spawn_blocking(move || {
                let task = handle.spawn(async move { sleep(HOUR * hours).await });
                handle.block_on(task).unwrap();
                let woken_at = now();
                std::thread::sleep(10 * MS);
                assert_eq!(now(), woken_at);
            })
        });
        for job in jobs {
            job.await.unwrap();
        }
        // Job 3 runs after job 1, and job 4 after job 2. The last job therefore ends after 2 + 4 hours.
        assert_eq!(now() - start, HOUR * 6);
    });
}

/// A timer that is due now fires even while a job runs, because the clock need not move.
fn what_is_due_fires_while_a_job_runs() {
    let executor = SingleThread::builder().virtual_time(true).build().unwrap();
    executor.block_on(async {
        let (open, door) = std::sync::mpsc::channel::<()>();
        let job = brigade::spawn_blocking(move || door.recv().unwrap());
        for _ in 0..128 {
            brigade::task::consume_budget().await;
        }
        brigade::time::sleep_until(now()).await;
        let mut pause = pin!(sleep(Duration::from_secs(1)));
        assert!(futures::poll!(pause.as_mut()).is_pending());
        pause.as_mut().reset(now());
        pause.await;
        open.send(()).unwrap();
        job.await.unwrap();
    });
}

/// A thread outside of the executor waits for the executor's clock, and a job waits for that thread. The
/// clock must still move.
fn a_thread_outside_moves_a_held_clock() {
    const HOUR: Duration = Duration::from_secs(3600);
    let executor = SingleThread::builder().virtual_time(true).build().unwrap();
    executor.block_on(async {
        let start = now();
        let handle = brigade::Handle::current();
        let (send, receive) = std::sync::mpsc::channel();
        let outside = std::thread::spawn(move || {
            handle.block_on(async { sleep(HOUR).await });
            send.send(()).unwrap();
        });
        let job = brigade::spawn_blocking(move || receive.recv().unwrap());
        job.await.unwrap();
        outside.join().unwrap();
        assert_eq!(now() - start, HOUR);
    });
}

/// A job calls `Handle::block_on` of another executor, and waits there for a sleeping task of its own
/// executor. The clock must still move.
fn a_job_may_wait_in_another_executor() {
    const HOUR: Duration = Duration::from_secs(3600);
    let other = brigade::WorkStealing::with_workers(1).unwrap();
    let elsewhere = other.handle();
    let executor = SingleThread::builder().virtual_time(true).build().unwrap();
    executor.block_on(async {
        let task = brigade::spawn(sleep(HOUR));
        let job = brigade::spawn_blocking(move || elsewhere.block_on(task).unwrap());
        job.await.unwrap();
    });
}

/// A job that resets the sleep of a task does not count as waiting for the clock.
fn a_job_that_resets_anothers_sleep_does_not_move_the_clock() {
    let executor = SingleThread::builder().virtual_time(true).build().unwrap();
    executor.block_on(async {
        let pause = Arc::new(Mutex::new(Box::pin(sleep(Duration::from_secs(100)))));
        let shared = pause.clone();
        let task = brigade::spawn(async move {
            poll_fn(|cx| shared.lock().unwrap().as_mut().poll(cx)).await;
        });
        brigade::yield_now().await;
        let (sooner, over) = (
            now() + Duration::from_secs(50),
            Arc::new(AtomicBool::new(false)),
        );
        let told = over.clone();
        let job = brigade::spawn_blocking(move || {
            pause.lock().unwrap().as_mut().reset(sooner);
            std::thread::sleep(50 * MS);
            told.store(true, Ordering::SeqCst);
        });
        task.await.unwrap();
        assert!(
            over.load(Ordering::SeqCst),
            "the clock moved during the job"
        );
        assert_eq!(now(), sooner);
        job.await.unwrap();
    });
}

/// Some operations get no event from the OS, so brigade retries them in real time. Such operations end
/// although the virtual clock stands still. Here three kinds of such operations wait for a job.
fn operations_that_wait_for_a_job_end() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let executor = SingleThread::builder().virtual_time(true).build().unwrap();
    executor.block_on(async {
        let start = now();
        let to = path("datagrams");
        let receiver = std::os::unix::net::UnixDatagram::bind(&to).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        let job = brigade::spawn_blocking(move || {
            for _ in 0..50 {
                std::thread::sleep(MS);
                receiver.recv(&mut [0; 16]).unwrap();
            }
        });
        for _ in 0..50 {
            sender.send_to(b"x", &to).await.unwrap();
        }
        job.await.unwrap();

        let to = path("listener");
        let listener = std::os::unix::net::UnixListener::bind(&to).unwrap();
        // SAFETY: `listen` takes a number and a descriptor, which is open.
        unsafe { libc::listen(listener.as_raw_fd(), 1) };
        let job = brigade::spawn_blocking(move || {
            std::thread::sleep(50 * MS);
            (0..8)
                .map(|_| listener.accept().unwrap())
                .collect::<Vec<_>>()
        });
        let connects = (0..8).map(|_| UnixStream::connect(&to));
        assert!(
            futures::future::join_all(connects)
                .await
                .iter()
                .all(Result::is_ok)
        );
        job.await.unwrap();

        // A connect to the first address gets no answer, because the listener's queue is full.
        let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        // SAFETY: `listen` takes a number and a descriptor, which is open.
        unsafe { libc::listen(deaf.as_raw_fd(), 0) };
        let deaf = (deaf.local_addr().unwrap(), deaf);
        let connect = || std::net::TcpStream::connect_timeout(&deaf.0, 100 * MS);
        let _full: Vec<_> = std::iter::from_fn(|| connect().ok()).take(8).collect();
        let hears = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addresses = [deaf.0, hears.local_addr().unwrap()];
        let job = brigade::spawn_blocking(move || hears.accept().unwrap());
        let stream = TcpStream::connect(addresses).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
        job.await.unwrap();
        assert_eq!(now(), start);
    });
}

/// The clock moves as soon as all jobs have ended. This holds even if the last thread of the pool to become
/// idle has run no job.
fn the_clock_moves_as_soon_as_all_jobs_have_ended() {
    for _ in 0..500 {
        let executor = SingleThread::builder()
            .virtual_time(true)
            .thread_keep_alive(Duration::from_secs(3600))
            .build()
            .unwrap();
        executor.block_on(async {
            let jobs = [(); 2].map(|()| brigade::spawn_blocking(|| ()));
            for job in jobs {
                job.await.unwrap();
            }
            sleep(Duration::from_secs(1)).await;
        });
    }
}

one_cook! {
    the_clock_moves_as_soon_as_all_jobs_have_ended,
    what_a_job_waited_for_does_not_move_the_clock_later,
    a_job_that_resets_anothers_sleep_does_not_move_the_clock,
    operations_that_wait_for_a_job_end,
    it_stands_still_while_a_job_runs,
    a_job_may_wait_for_the_clock,
    what_is_due_fires_while_a_job_runs,
    a_thread_outside_moves_a_held_clock,
    a_job_may_wait_in_another_executor,
    a_job_that_computes_in_block_on_stops_the_clock,
    a_job_may_wait_for_a_task_that_sleeps,
    a_day_passes_in_no_time_and_exactly,
    it_stands_still_while_tasks_run,
    the_same_seed_gives_the_same_times,
    a_hundred_years_pass,
}
