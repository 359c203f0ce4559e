//! Tests `explore`, which runs a program's tasks in many orders. Each order can be reproduced.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::pending;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use brigade::explore;
use brigade::net::{TcpListener, TcpStream, UdpSocket};
use brigade::time::{interval, now, sleep};
use brigade_tests::{in_child, one_cook, text_of};

/// Runs five tasks that each log their number twice and yield in between.
async fn order() -> Vec<u32> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let tasks = [0, 1, 2, 3, 4].map(|number| {
        let log = log.clone();
        brigade::spawn_local(async move {
            log.borrow_mut().push(number);
            brigade::yield_now().await;
            log.borrow_mut().push(number);
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
    log.take()
}

/// Two tasks each add one to a count, and yield between reading and writing the count.
async fn careless_jar() {
    let coins = Rc::new(Cell::new(0));
    let guests = [(); 2].map(|()| {
        let coins = coins.clone();
        brigade::spawn_local(async move {
            let counted = coins.get();
            brigade::yield_now().await;
            coins.set(counted + 1);
        })
    });
    for guest in guests {
        guest.await.unwrap();
    }
    assert_eq!(coins.get(), 2, "a coin is lost");
}

/// Returns the panic message of a program that fails in `explore`.
fn complaint<T>(program: impl FnOnce() -> T) -> String {
    let payload = catch_unwind(AssertUnwindSafe(program)).err();
    text_of(&*payload.expect("the program fails")).to_owned()
}

/// Returns the number that follows the word `seed` in a message.
fn seed_of(complaint: &str) -> u64 {
    let (_, rest) = complaint.split_once("seed ").expect("a seed is named");
    rest.split(' ').next().unwrap().parse().unwrap()
}

fn the_same_seed_gives_the_same_order_and_others_another() {
    let once = explore(0..50, order);
    assert_eq!(once, explore(0..50, order));
    let different: BTreeSet<_> = once.iter().collect();
    assert!(different.len() > 40, "{} orders", different.len());
}

fn a_failing_seed_is_named_and_fails_again() {
    let first = complaint(|| explore(0..100, careless_jar));
    assert!(first.contains("a coin is lost"), "{first}");
    assert!(first.contains("BRIGADE_SEED="), "{first}");
    let seed = seed_of(&first);
    // Earlier seeds pass, and the named seed fails every time.
    if seed > 0 {
        explore(0..seed, careless_jar);
    }
    for _ in 0..3 {
        let again = complaint(|| explore([seed], careless_jar));
        assert_eq!(seed_of(&again), seed);
    }
}

/// `BRIGADE_SEED` selects a single seed, whatever seeds the program names.
fn the_environment_chooses_one_seed() {
    if !in_child(&[("BRIGADE_SEED", "77")]) {
        return;
    }
    let mut runs = 0;
    let outputs = explore(0..10, || {
        runs += 1;
        order()
    });
    assert_eq!((runs, outputs.len()), (1, 1));
    let complaint = complaint(|| explore(0..3, || async { panic!("burnt") }));
    assert!(complaint.contains("seed 77 fails: burnt"), "{complaint}");
    // An executor with these settings runs the program in the same order as `BRIGADE_SEED=77`.
    let executor = brigade::SingleThread::builder()
        .seed(77)
        .virtual_time(true)
        .build()
        .unwrap();
    assert_eq!(executor.block_on(order()), outputs[0]);
}

fn a_seed_that_is_no_number_is_said() {
    if in_child(&[("BRIGADE_SEED", "soup")]) {
        let complaint = complaint(|| explore(0..3, || async {}));
        assert!(complaint.contains("BRIGADE_SEED"), "{complaint}");
    }
}

fn no_seed_at_all_is_no_success() {
    assert!(complaint(|| explore(0..0, order)).contains("no seed"));
}

/// A program that waits forever fails with a message instead of hanging.
fn standing_still_is_a_failure() {
    for stuck in [
        complaint(|| explore(3..4, pending::<()>)),
        complaint(|| explore(3..4, || sleep(Duration::MAX))),
        complaint(|| {
            explore(3..4, || async {
                let (_send, receive) = async_channel::bounded::<()>(1);
                let both = brigade::spawn(async move { receive.recv().await });
                sleep(Duration::from_secs(1)).await;
                both.await.unwrap().unwrap();
            })
        }),
    ] {
        assert!(
            stuck.contains("seed 3 fails: the program cannot continue"),
            "{stuck}"
        );
    }
}

/// A program that sleeps for a year runs quickly, and every timer fires.
fn a_year_of_ticks_passes() {
    let ends = explore(0..5, || async {
        let began = now();
        let mut ticks = interval(Duration::from_secs(24 * 3600));
        for _ in 0..=365 {
            ticks.tick().await;
        }
        now() - began
    });
    assert_eq!(ends, [Duration::from_secs(365 * 24 * 3600); 5]);
}

/// `explore` runs a failing seed twice. It names the seed even if the messages of the two runs differ in task
/// ids, instants or addresses.
fn a_message_with_ids_or_instants_is_the_same() {
    let ids = || async {
        let [one, other] = [0, 1].map(|_| brigade::spawn(async {}));
        assert_eq!(one.id(), other.id());
    };
    let instants = || async {
        let before = now();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(now(), before);
    };
    let fails = |run: &dyn Fn()| {
        let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
        assert!(
            text_of(&*panic).contains("seed 0 fails"),
            "{}",
            text_of(&*panic)
        );
    };
    fails(&|| drop(explore(0..1, ids)));
    fails(&|| drop(explore(0..1, instants)));
    let kept = RefCell::new(Vec::new());
    let addresses = || async {
        // Keep the value of the first run, so that the value of the second run has another address.
        let value = Box::new(0_u64);
        let address = std::ptr::from_ref(&*value);
        kept.borrow_mut().push(value);
        panic!("at {address:p}");
    };
    fails(&|| drop(explore(0..1, addresses)));
}

/// Sockets do not follow virtual time, so they return an error that explains this.
fn sockets_are_errors_that_say_so() {
    let place = tempfile::tempdir().unwrap();
    let path = &place.path().join("listener");
    let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    // SAFETY: `listen` takes a number and a descriptor, which is open.
    unsafe { libc::listen(listener.as_raw_fd(), 0) };
    let _first = std::os::unix::net::UnixStream::connect(path).unwrap();
    explore(0..3, || async {
        for error in [
            TcpListener::bind("127.0.0.1:0").await.unwrap_err(),
            TcpStream::connect("127.0.0.1:9").await.unwrap_err(),
            UdpSocket::bind("127.0.0.1:0").await.unwrap_err(),
            #[cfg(unix)]
            brigade::net::UnixStream::pair().unwrap_err(),
            // The OS refuses this connection without an event, because the listener's queue is full.
            #[cfg(target_os = "linux")]
            brigade::net::UnixStream::connect(&path).await.unwrap_err(),
            #[cfg(unix)]
            brigade::signal::Signal::new(brigade::signal::Kind::USER1).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains("brigade::explore"), "{error}");
        }
    });
}

/// Blocking jobs run on this thread, in an order that also depends on the seed.
fn blocking_jobs_are_part_of_the_order() {
    let here = std::thread::current().id();
    let program = move || async move {
        let (send, receive) = async_channel::unbounded();
        let jobs = [0, 1, 2, 3].map(|number| {
            let send = send.clone();
            brigade::spawn_blocking(move || {
                assert_eq!(std::thread::current().id(), here);
                send.try_send(number).unwrap();
                number
            })
        });
        for (number, job) in jobs.into_iter().enumerate() {
            assert_eq!(job.await.unwrap(), number);
        }
        drop(send);
        let mut order = Vec::new();
        while let Ok(number) = receive.recv().await {
            order.push(number);
        }
        order
    };
    let once = explore(0..20, program);
    assert_eq!(once, explore(0..20, program));
    assert!(once.iter().collect::<BTreeSet<_>>().len() > 5);
}

/// A seed is named only if it fails again. If a program uses its own random numbers, the message says that
/// the runs differ.
fn a_seed_that_then_passes_is_not_named() {
    let mut runs = 0;
    let diverged = complaint(|| {
        explore(0..10, || {
            runs += 1;
            let fails = runs == 4;
            async move { assert!(!fails, "burnt") }
        })
    });
    // Seeds 0 to 2 pass. Seed 3 fails and is run again.
    assert_eq!(runs, 5);
    assert!(diverged.contains("runs of seed 3 differ"), "{diverged}");
    assert!(diverged.contains("burnt"), "{diverged}");
    assert!(diverged.contains("passes"), "{diverged}");
    assert!(diverged.contains("select_biased!"), "{diverged}");
    assert!(diverged.contains("biased;"), "{diverged}");
    assert!(!diverged.contains("BRIGADE_SEED="), "{diverged}");
}

/// The common `select!` macros choose a ready branch at random, independently of the seed. So two runs of a
/// seed differ, and `explore` reports that.
fn chance_of_select_is_not_taken_for_a_seeds() {
    let by_futures = complaint(|| {
        explore(0..3, || async {
            let mut order = String::new();
            for _ in 0..100 {
                order += futures::select! {
                    _ = futures::future::ready(()) => "a",
                    _ = futures::future::ready(()) => "b",
                };
            }
            panic!("{order}");
        })
    });
    let by_tokio = complaint(|| {
        explore(0..3, || async {
            let mut order = String::new();
            for _ in 0..100 {
                order += tokio::select! {
                    () = std::future::ready(()) => "a",
                    () = std::future::ready(()) => "b",
                };
            }
            panic!("{order}");
        })
    });
    for diverged in [by_futures, by_tokio] {
        assert!(diverged.contains("runs of seed 0 differ"), "{diverged}");
    }
    // A biased `select!` uses no random number, so the failure repeats and its seed is named.
    let named = complaint(|| {
        explore(0..3, || async {
            futures::select_biased! {
                _ = futures::future::ready(()) => panic!("a"),
                _ = futures::future::ready(()) => panic!("b"),
            }
        })
    });
    assert!(named.contains("seed 0 fails: a"), "{named}");
}

/// If two runs fail with the same message after different numbers of steps, the runs still count as
/// different.
fn runs_of_different_length_differ() {
    let mut runs = 0;
    let diverged = complaint(|| {
        explore([7], || {
            runs += 1;
            let turns = runs;
            async move {
                for _ in 0..turns {
                    brigade::yield_now().await;
                }
                panic!("burnt");
            }
        })
    });
    assert!(diverged.contains("runs of seed 7 differ"), "{diverged}");
}

/// The seed is named even if the payload of the program's panic panics when it is dropped.
fn a_panic_in_the_drop_of_a_panic_hides_no_seed() {
    let said = complaint(|| {
        explore([7], || async {
            std::panic::panic_any(brigade_tests::noisy("the payload"));
        })
    });
    assert!(said.contains("seed 7 fails"), "{said}");
}

/// Inside an executor, `explore` panics before it runs the program, so it names no seed.
fn inside_an_executor_it_panics_before_it_runs() {
    let executor = brigade::SingleThread::new().unwrap();
    let said = executor.block_on(async { complaint(|| explore(0..1, || async {})) });
    assert!(
        said.starts_with("brigade::explore was called inside"),
        "{said}"
    );
}

one_cook! {
    a_panic_in_the_drop_of_a_panic_hides_no_seed,
    inside_an_executor_it_panics_before_it_runs,
    the_same_seed_gives_the_same_order_and_others_another,
    a_failing_seed_is_named_and_fails_again,
    the_environment_chooses_one_seed,
    a_seed_that_is_no_number_is_said,
    no_seed_at_all_is_no_success,
    standing_still_is_a_failure,
    a_year_of_ticks_passes,
    sockets_are_errors_that_say_so,
    a_message_with_ids_or_instants_is_the_same,
    blocking_jobs_are_part_of_the_order,
    a_seed_that_then_passes_is_not_named,
    chance_of_select_is_not_taken_for_a_seeds,
    runs_of_different_length_differ,
}
