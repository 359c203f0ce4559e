//! Tests the blocking pool, which runs closures that may block.

use std::sync::mpsc;
use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use brigade::Executor;
use brigade_tests::{Kitchen, Settings, Tally, on_both, park_on, text_of};

/// A gate at which many threads wait until it is opened.
#[derive(Clone, Default)]
struct Door(Arc<(Mutex<bool>, Condvar)>);

impl Door {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let mut open = self.0.0.lock().unwrap();
        while !*open {
            open = self.0.1.wait(open).unwrap();
        }
    }
}

/// The closure runs on another thread, and its result comes back.
fn a_closure_runs_elsewhere_and_answers<K: Kitchen>() {
    let executor = K::build(Settings {
        name: "stove",
        ..Settings::default()
    });
    let here = thread::current().id();
    let (answer, there, name) = executor.block_on(async {
        brigade::spawn_blocking(|| {
            let thread = thread::current();
            (6 * 7, thread.id(), thread.name().map(str::to_owned))
        })
        .await
        .unwrap()
    });
    assert_eq!(answer, 42);
    assert_ne!(there, here);
    assert!(name.unwrap().starts_with("stove"));
}

/// A panic in a closure reaches the job's handle. The thread and the pool continue.
fn a_panic_reaches_the_handle<K: Kitchen>() {
    let executor = K::build(Settings {
        max_blocking_threads: 1,
        ..Settings::default()
    });
    executor.block_on(async {
        for _ in 0..3 {
            let job = brigade::spawn_blocking(|| -> () { panic!("spilt") });
            let error = job.await.unwrap_err();
            assert_eq!(text_of(&*error.into_panic()), "spilt");
        }
        assert_eq!(brigade::spawn_blocking(|| 1).await.unwrap(), 1);
    });
}

/// The pool starts as many threads as its limit allows, but no more, and runs all queued jobs.
fn the_bound_on_threads_is_kept<K: Kitchen>() {
    let executor = K::build(Settings {
        max_blocking_threads: 3,
        ..Settings::default()
    });
    let inside = Arc::new((Mutex::new((0, 0)), Condvar::new()));
    executor.block_on(async {
        let jobs: Vec<_> = (0..30)
            .map(|_| {
                let inside = inside.clone();
                brigade::spawn_blocking(move || {
                    let (counts, changed) = &*inside;
                    let mut guard = counts.lock().unwrap();
                    guard.0 += 1;
                    guard.1 = guard.1.max(guard.0);
                    changed.notify_all();
                    // The first jobs wait until as many threads run as the limit allows.
                    while guard.1 < 3 {
                        guard = changed.wait(guard).unwrap();
                    }
                    guard.0 -= 1;
                })
            })
            .collect();
        for job in jobs {
            job.await.unwrap();
        }
    });
    assert_eq!(*inside.0.lock().unwrap(), (0, 3));
}

/// With one thread, the jobs run one after another in the order of submission.
fn one_thread_works_in_order<K: Kitchen>() {
    let executor = K::build(Settings {
        max_blocking_threads: 1,
        ..Settings::default()
    });
    let order = Arc::new(Mutex::new(Vec::new()));
    executor.block_on(async {
        let jobs: Vec<_> = (0..100)
            .map(|n| {
                let order = order.clone();
                brigade::spawn_blocking(move || order.lock().unwrap().push(n))
            })
            .collect();
        for job in jobs {
            job.await.unwrap();
        }
    });
    assert_eq!(*order.lock().unwrap(), (0..100).collect::<Vec<_>>());
}

/// tokio #8056: while all threads of the pool are busy, the executor's tasks still run.
fn the_executor_runs_on_while_the_pool_is_full<K: Kitchen>() {
    let executor = K::build(Settings {
        max_blocking_threads: 1,
        ..Settings::default()
    });
    let door = Door::default();
    executor.block_on(async {
        let blocked = brigade::spawn_blocking({
            let door = door.clone();
            move || door.pass()
        });
        let waiting = brigade::spawn_blocking(|| 2);
        brigade::time::sleep(Duration::from_millis(2)).await;
        assert_eq!(brigade::spawn(async { 1 }).await.unwrap(), 1);
        assert!(!blocked.is_finished() && !waiting.is_finished());
        door.open();
        blocked.await.unwrap();
        assert_eq!(waiting.await.unwrap(), 2);
    });
}

/// If jobs wait for each other, each job gets a thread, up to the limit. This holds even if two threads
/// submit jobs at the same instant while only one thread of the pool is idle.
fn jobs_that_meet_all_get_a_thread<K: Kitchen>() {
    for _ in 0..500 {
        let executor = K::open();
        let handle = executor.handle();
        // After this job, the pool has one idle thread.
        executor.block_on(handle.spawn_blocking(|| ())).unwrap();
        let (start, meeting) = (Tally::new(), Arc::new(Barrier::new(2)));
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let (start, meeting, handle) = (start.clone(), meeting.clone(), handle.clone());
                thread::spawn(move || {
                    // Spin, because a lock would leave more time between the two submissions.
                    start.add();
                    while start.get() < 2 {
                        std::hint::spin_loop();
                    }
                    park_on(handle.spawn_blocking(move || {
                        meeting.wait();
                    }))
                    .unwrap();
                })
            })
            .collect();
        for caller in callers {
            caller.join().unwrap();
        }
    }
}

/// If a job is aborted before its closure has begun, the closure is dropped without running.
fn a_queued_job_can_be_aborted<K: Kitchen>() {
    let executor = K::build(Settings {
        max_blocking_threads: 1,
        ..Settings::default()
    });
    let door = Door::default();
    let (ran, dropped) = (Tally::new(), Tally::new());
    executor.block_on(async {
        let (is_in, inside) = async_channel::bounded(1);
        let busy = brigade::spawn_blocking({
            let door = door.clone();
            move || {
                is_in.try_send(()).unwrap();
                door.pass();
                "done"
            }
        });
        inside.recv().await.unwrap();
        let queued = brigade::spawn_blocking({
            let (ran, spy) = (ran.clone(), dropped.on_drop());
            move || {
                let _spy = spy;
                ran.add();
            }
        });
        queued.abort();
        // This abort has no effect, because the job has begun.
        busy.abort();
        door.open();
        assert_eq!(busy.await.unwrap(), "done");
        assert!(queued.await.unwrap_err().is_aborted());
    });
    assert_eq!((ran.get(), dropped.get()), (0, 1));
}

/// tokio #8056: dropping the executor aborts the jobs that have not begun. A job that has begun runs to its
/// end.
fn the_drop_of_an_executor_aborts_queued_jobs<K: Kitchen>() {
    let executor = K::build(Settings {
        max_blocking_threads: 1,
        ..Settings::default()
    });
    let door = Door::default();
    let (ran, dropped) = (Tally::new(), Tally::new());
    let (is_in, inside) = mpsc::channel();
    let handle = executor.handle();
    let begun = handle.spawn_blocking({
        let door = door.clone();
        move || {
            is_in.send(()).unwrap();
            door.pass();
            42
        }
    });
    inside.recv().unwrap();
    let queued: Vec<_> = (0..10)
        .map(|_| {
            let (ran, spy) = (ran.clone(), dropped.on_drop());
            handle.spawn_blocking(move || {
                let _spy = spy;
                ran.add();
            })
        })
        .collect();
    drop(executor);
    assert_eq!((ran.get(), dropped.get()), (0, 10));
    for job in queued {
        assert!(park_on(job).unwrap_err().is_aborted());
    }
    let late = handle.spawn_blocking(|| ());
    assert!(park_on(late).unwrap_err().is_aborted());
    door.open();
    assert_eq!(park_on(begun).unwrap(), 42);
}

/// A job can spawn tasks and jobs on its executor, and can get the executor's handle.
fn a_job_knows_its_executor<K: Kitchen>() {
    let executor = K::open();
    let sum = executor.block_on(async {
        let job = brigade::spawn_blocking(|| {
            let task = brigade::spawn(async { 1 });
            let job = brigade::spawn_blocking(|| 2);
            let other = brigade::Handle::current().spawn(async { 4 });
            (task, job, other)
        });
        let (task, job, other) = job.await.unwrap();
        task.await.unwrap() + job.await.unwrap() + other.await.unwrap()
    });
    assert_eq!(sum, 7);
}

/// Many tasks submit many small jobs. Each job runs once.
fn a_thousand_jobs_run_once_each<K: Kitchen>() {
    let executor = K::build(Settings {
        max_blocking_threads: 8,
        ..Settings::default()
    });
    all_jobs_run(&executor, 1000);
}

/// Submits `count` jobs without waiting in between. Each job runs once and returns its own result.
pub(crate) fn all_jobs_run(executor: &impl Executor, count: usize) {
    let ran = Tally::new();
    executor.block_on(async {
        let jobs: Vec<_> = (0..count)
            .map(|n| {
                let ran = ran.clone();
                brigade::spawn_blocking(move || {
                    ran.add();
                    n
                })
            })
            .collect();
        for (n, job) in jobs.into_iter().enumerate() {
            assert_eq!(job.await.unwrap(), n);
        }
    });
    assert_eq!(ran.get(), count);
}

/// After its executor was dropped, a job calls many functions of the API. Each call returns an error, an
/// aborted handle or a value, and no call hangs.
fn a_job_that_outlives_its_executor_gets_an_answer_from_everything<K: Kitchen>() {
    use brigade::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, lookup_host};
    let executor = K::open();
    let (door, handle) = (Door::default(), executor.handle());
    let (listener, stream, udp) = executor.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await;
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        // The stream's peer sends nothing.
        let peer = listener.accept().await.unwrap();
        (listener, (stream.unwrap(), peer), udp)
    });
    let (is_in, inside) = mpsc::channel();
    let job = handle.spawn_blocking({
        let door = door.clone();
        move || {
            is_in.send(()).unwrap();
            door.pass();
            let here = brigade::Handle::current();
            assert!(brigade::spawn(async {}).is_finished());
            assert!(park_on(brigade::spawn(async {})).unwrap_err().is_aborted());
            assert!(park_on(here.spawn(async {})).unwrap_err().is_aborted());
            let late = park_on(brigade::spawn_blocking(|| ()));
            assert!(late.unwrap_err().is_aborted());
            let mut set = brigade::task::JoinSet::new();
            set.spawn(async {});
            assert!(park_on(set.join_next()).unwrap().unwrap_err().is_aborted());
            let nested = here.block_on(async { brigade::spawn(async {}).await });
            assert!(nested.unwrap_err().is_aborted());
            assert!(here.block_on(brigade::spawn_blocking(|| ())).is_err());
            here.block_on(brigade::yield_now());
            here.block_on(async {
                assert!(lookup_host("localhost:80").await.is_err());
                assert!(TcpListener::bind("127.0.0.1:0").await.is_err());
                assert!(TcpStream::connect("127.0.0.1:9").await.is_err());
                assert!(TcpStream::connect("localhost:9").await.is_err());
                assert!(UdpSocket::bind("127.0.0.1:0").await.is_err());
                assert!(UnixDatagram::unbound().is_err());
                // These sockets belong to the executor that was dropped.
                assert!(listener.accept().await.is_err());
                assert!(stream.0.read(&mut [0]).await.is_err());
                assert!(stream.0.readable().await.is_err());
                assert!(udp.recv_from(&mut [0]).await.is_err());
            });
            let _ = (brigade::time::now(), here.metrics());
        }
    });
    inside.recv().unwrap();
    drop(executor);
    door.open();
    park_on(job).unwrap();
}

/// The setting for the maximum number of threads accepts very large values.
fn there_may_be_any_number_of_threads<K: Kitchen>() {
    for threads in [1 << (usize::BITS - 6), usize::MAX] {
        let executor = K::try_build(K::builder().max_blocking_threads(threads)).unwrap();
        let lookups = executor.block_on(async {
            brigade::net::lookup_host("localhost:80").await.unwrap();
            brigade::Handle::current().metrics().num_blocking_threads
        });
        assert_eq!(lookups, 1);
    }
}

on_both! {
    there_may_be_any_number_of_threads,
    a_job_that_outlives_its_executor_gets_an_answer_from_everything,
    a_closure_runs_elsewhere_and_answers,
    a_panic_reaches_the_handle,
    the_bound_on_threads_is_kept,
    one_thread_works_in_order,
    the_executor_runs_on_while_the_pool_is_full,
    jobs_that_meet_all_get_a_thread,
    a_queued_job_can_be_aborted,
    the_drop_of_an_executor_aborts_queued_jobs,
    a_job_knows_its_executor,
    a_thousand_jobs_run_once_each,
}
