//! Tests the budget of a poll. Every operation that can be ready many times in a row spends some of the
//! budget. When no budget is left, the budget *denies* operations: they return `Pending`, so that the poll
//! ends. Each test runs such an operation in a loop until another task has slept for a millisecond.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use brigade::net::{TcpListener, TcpStream, UdpSocket, UnixStream, lookup_host};
use brigade::task::JoinSet;
use brigade::time::{Interval, MissedTicks, interval, sleep, timeout};
use brigade::{SingleThread, WorkStealing};
use brigade_tests::{LIMIT, pair};
use futures::future::{Either, join_all, select, select_all};
use futures::stream::{FuturesUnordered, StreamExt};

/// A second task, which sleeps for a millisecond.
struct Other {
    slept: Arc<AtomicBool>,
    began: Instant,
}

impl Other {
    fn spawn() -> Self {
        let slept = Arc::new(AtomicBool::new(false));
        let told = slept.clone();
        drop(brigade::spawn(async move {
            sleep(Duration::from_millis(1)).await;
            told.store(true, Ordering::SeqCst);
        }));
        Other {
            slept,
            began: Instant::now(),
        }
    }

    /// Returns whether the other task has slept. Panics after `LIMIT`, so that no test loops forever.
    fn has_slept(&self) -> bool {
        assert!(self.began.elapsed() < LIMIT, "the other task never runs");
        self.slept.load(Ordering::SeqCst)
    }
}

/// Repeats a step until the other task has slept.
macro_rules! lets_others_run {
    ($step:expr) => {{
        let other = Other::spawn();
        while !other.has_slept() {
            $step;
        }
    }};
}

/// Runs a future as the main future of each kind of executor.
fn as_main<F: Future<Output = ()>>(make: impl Fn() -> F) {
    SingleThread::new().unwrap().block_on(make());
    WorkStealing::with_workers(1).unwrap().block_on(make());
}

/// Runs a future as the main future of a `SingleThread`, and in a task on the only worker of a
/// `WorkStealing`.
fn in_a_task<F: Future<Output = ()> + Send + 'static>(make: impl Fn() -> F) {
    SingleThread::new().unwrap().block_on(make());
    let many = WorkStealing::with_workers(1).unwrap();
    many.block_on(many.spawn(make())).unwrap();
}

fn bursts() -> Interval {
    let mut ticks = interval(Duration::from_nanos(1));
    ticks.set_missed_ticks(MissedTicks::Burst);
    ticks
}

/// When the budget denies an operation to the first future of a combinator, the combinator polls the second
/// future. The poll ends only if the budget denies the second future's operation too.
#[test]
fn select_of_two_that_are_always_ready_ends_its_poll() {
    in_a_task(|| async {
        let (mut one, mut other) = (bursts(), bursts());
        lets_others_run!({
            select(pin!(one.tick()), pin!(other.tick())).await;
        });
        // At the end of the stream, each read is ready immediately.
        let ((one, peer), (other, its_peer)) = (pair().await, pair().await);
        drop((peer, its_peer));
        let (mut into, mut into_other) = ([0; 8], [0; 8]);
        lets_others_run!({
            select(pin!(one.read(&mut into)), pin!(other.read(&mut into_other))).await;
        });
    });
}

/// When the budget is used up, each future that a combinator polls may get a new budget. Nevertheless the
/// poll must soon end, even if there are many futures.
#[test]
fn select_of_many_that_are_always_ready_ends_its_poll() {
    for count in [3, 8, 24, 300] {
        in_a_task(move || async move {
            for _ in 0..5 {
                let mut ticks: Vec<_> = (0..count).map(|_| bursts()).collect();
                let mut operations = 0;
                let mut endless = pin!(async {
                    loop {
                        select_all(ticks.iter_mut().map(|it| Box::pin(it.tick()))).await;
                        operations += 1;
                        assert!(operations < 10_000, "{count} futures");
                    }
                });
                assert!(futures::poll!(&mut endless).is_pending());
                brigade::yield_now().await;
            }
        });
    }
}

/// Many timers fire at the same time, and one task waits for all of them.
#[test]
fn timers_that_have_fired_spend_the_budget() {
    in_a_task(|| async {
        let sleeps = (0..20_000).map(|_| sleep(Duration::from_millis(500)));
        let mut sleeps: FuturesUnordered<_> = sleeps.collect();
        // Arm the timers before they are due.
        let _ = futures::poll!(sleeps.next());
        std::thread::sleep(Duration::from_millis(550));
        while !sleeps.is_empty() {
            for _ in 0..100 {
                brigade::yield_now().await;
            }
            let mut in_this_poll = 0;
            while let Poll::Ready(Some(())) = futures::poll!(sleeps.next()) {
                in_this_poll += 1;
            }
            assert!(in_this_poll < 5_000);
        }
    });
}

#[test]
fn many_that_are_always_ready_end_their_poll() {
    in_a_task(|| async {
        let (reader, peer) = pair().await;
        drop(peer);
        let read = || async {
            assert_eq!(reader.read(&mut [0; 8]).await.unwrap(), 0);
        };
        let mut reads: FuturesUnordered<_> = (0..300).map(|_| read()).collect();
        lets_others_run!({
            reads.next().await;
            reads.push(read());
        });
        lets_others_run!({
            join_all((0..300).map(|_| read())).await;
        });
        let mut sleeps: FuturesUnordered<_> = (0..1000).map(|_| sleep(Duration::ZERO)).collect();
        lets_others_run!({
            sleeps.next().await;
            sleeps.push(sleep(Duration::ZERO));
        });
    });
}

#[test]
fn an_elapsed_sleep_spends_the_budget() {
    in_a_task(|| async {
        let mut over = pin!(sleep(Duration::from_millis(1)));
        over.as_mut().await;
        lets_others_run!(over.as_mut().await);
    });
}

#[test]
fn what_needs_no_waiting_spends_the_budget() {
    in_a_task(|| async {
        lets_others_run!({
            assert_eq!(lookup_host("127.0.0.1:80").await.unwrap().len(), 1);
        });
        lets_others_run!({
            assert_eq!(lookup_host(("::1", 80)).await.unwrap().len(), 1);
        });
        lets_others_run!(drop(UdpSocket::bind("127.0.0.1:0").await.unwrap()));
        lets_others_run!(drop(TcpListener::bind("127.0.0.1:0").await.unwrap()));
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let itself = udp.local_addr().unwrap();
        lets_others_run!(udp.connect(itself).await.unwrap());
    });
}

#[test]
fn what_the_os_refuses_at_once_spends_the_budget() {
    in_a_task(|| async {
        lets_others_run!({
            TcpStream::connect("255.255.255.255:1").await.unwrap_err();
        });
        let address = std::net::SocketAddr::from(([255, 255, 255, 255], 1));
        lets_others_run!({
            TcpStream::connect(address).await.unwrap_err();
        });
        lets_others_run!({
            UnixStream::connect("/no/such/socket").await.unwrap_err();
        });
        lets_others_run!({
            TcpStream::connect(&[][..]).await.unwrap_err();
        });
    });
}

#[test]
fn reading_and_writing_nothing_spends_the_budget() {
    in_a_task(|| async {
        let (stream, _peer) = pair().await;
        lets_others_run!(stream.read_exact(&mut []).await.unwrap());
        lets_others_run!(stream.write_all(&[]).await.unwrap());
    });
}

/// A timeout expires even if its future uses up the budget in each poll.
#[test]
fn a_timeout_ends_beside_a_future_that_uses_up_the_budget() {
    as_main(|| async {
        for operations in 120..136 {
            // After a yield, the budget is full. One value of `operations` uses it up exactly.
            brigade::yield_now().await;
            let began = Instant::now();
            let busy = async {
                loop {
                    for _ in 0..operations {
                        brigade::task::consume_budget().await;
                    }
                    assert!(began.elapsed() < LIMIT, "the timeout never ends");
                    brigade::yield_now().await;
                }
            };
            timeout(Duration::ZERO, busy).await.unwrap_err();
        }
    });
}

/// A task polls two futures, and the first uses up the budget in every poll. The second must still become
/// ready, for every kind of operation.
#[test]
fn siblings_of_one_that_uses_up_the_budget_get_their_turn() {
    /// Awaits `$sibling` and an endless future at the same time. `select` polls the endless future first.
    macro_rules! beside {
        ($sibling:expr) => {{
            let began = Instant::now();
            let busy = pin!(async {
                while began.elapsed() < LIMIT {
                    brigade::task::consume_budget().await;
                }
            });
            match select(busy, pin!($sibling)).await {
                Either::Left(_) => panic!("the sibling is never ready: {}", stringify!($sibling)),
                Either::Right((output, _)) => output,
            }
        }};
    }
    // One of these futures uses up the budget exactly, and then waits for something else.
    in_a_task(|| async {
        for operations in 120..136 {
            let began = Instant::now();
            let busy = pin!(async {
                while began.elapsed() < LIMIT {
                    for _ in 0..operations {
                        brigade::task::consume_budget().await;
                    }
                    brigade::yield_now().await;
                }
            });
            let other = select(busy, brigade::spawn(async {})).await;
            assert!(matches!(other, Either::Right(_)), "{operations}");
        }
    });
    in_a_task(|| async {
        beside!(brigade::spawn(async {})).unwrap();
        let mut set = JoinSet::new();
        drop(set.spawn(async { 3 }));
        assert_eq!(beside!(set.join_next()).unwrap().unwrap(), 3);
        beside!(sleep(Duration::ZERO));
        beside!(timeout(Duration::ZERO, pending::<()>())).unwrap_err();
        let mut ticks = interval(Duration::from_millis(1));
        for _ in 0..3 {
            beside!(ticks.tick());
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connecting = TcpStream::connect(listener.local_addr().unwrap());
        let _guest = connecting.await.unwrap();
        drop(beside!(listener.accept()).unwrap());
        let (ours, theirs) = pair().await;
        theirs.write_all(b"soup").await.unwrap();
        beside!(ours.read_exact(&mut [0; 4])).unwrap();
    });
}

/// One call makes thousands of attempts to connect or bind, and each attempt fails immediately. Other tasks
/// must still run.
#[test]
fn each_address_of_a_call_spends_the_budget() {
    in_a_task(|| async {
        let foreign: std::net::SocketAddr = ([255, 255, 255, 255], 1).into();
        let many = vec![foreign; 20_000];
        let other = Other::spawn();
        TcpStream::connect(many).await.unwrap_err();
        assert!(
            other.has_slept(),
            "no other task runs between two addresses"
        );
        // No machine has this address, because it is reserved for documentation.
        let foreign: std::net::SocketAddr = ([192, 0, 2, 1], 1).into();
        let many = vec![foreign; 20_000];
        let other = Other::spawn();
        UdpSocket::bind(many).await.unwrap_err();
        assert!(
            other.has_slept(),
            "no other task runs between two addresses"
        );
    });
}

/// An executor of another crate may run inside a task. It polls its own future many times within one poll of
/// the task. The task's budget must not stop this future.
#[test]
fn a_foreign_executor_inside_a_task_is_not_stopped() {
    as_main(|| async {
        let done = Rc::new(Cell::new(0));
        let inner = done.clone();
        futures::executor::block_on(async move {
            for _ in 0..1000 {
                brigade::task::consume_budget().await;
                inner.set(inner.get() + 1);
            }
        });
        assert_eq!(done.get(), 1000);
    });
}

/// An operation that is denied in one poll is granted in the next.
#[test]
fn a_new_poll_has_a_new_budget() {
    as_main(|| async {
        let mut polls = 0;
        let mut spend = pin!(async {
            for _ in 0..1000 {
                brigade::task::consume_budget().await;
            }
        });
        poll_fn(|cx| {
            polls += 1;
            spend.as_mut().poll(cx)
        })
        .await;
        // A poll may get a second budget, but rarely a third or fourth one.
        assert!((2..=1000_usize.div_ceil(128)).contains(&polls), "{polls}");
    });
}

/// While an executor closes, the budget denies nothing to a destructor that polls many handles.
#[test]
fn nothing_is_denied_in_a_destructor_at_the_end() {
    use futures::FutureExt;
    struct Look(Vec<brigade::task::JoinHandle<usize>>, Arc<AtomicBool>);
    impl Drop for Look {
        fn drop(&mut self) {
            let ready = self.0.iter_mut().all(|task| task.now_or_never().is_some());
            self.1.store(ready, Ordering::SeqCst);
        }
    }
    let all_ready = Arc::new(AtomicBool::new(false));
    let other = WorkStealing::with_workers(1).unwrap();
    let tasks: Vec<_> = (0..1_000).map(|n| other.spawn(async move { n })).collect();
    while !tasks.iter().all(|task| task.is_finished()) {
        std::thread::yield_now();
    }
    let look = Look(tasks, all_ready.clone());
    let executor = SingleThread::new().unwrap();
    drop(executor.spawn(async move {
        let _look = look;
        pending::<()>().await;
    }));
    executor.block_on(brigade::yield_now());
    drop(executor);
    assert!(all_ready.load(Ordering::SeqCst));
}

/// If no executor polls the caller, the budget denies no operation, because the caller delays no other task.
#[test]
fn nothing_is_denied_outside_of_an_executor() {
    let executor = WorkStealing::with_workers(1).unwrap();
    let handle = executor.handle();
    let finished = |count: usize| {
        let tasks: Vec<_> = (0..count).map(|n| handle.spawn(async move { n })).collect();
        while !tasks.iter().all(|task| task.is_finished()) {
            std::thread::yield_now();
        }
        tasks
    };
    let all_ready = |tasks: Vec<brigade::task::JoinHandle<usize>>| {
        use futures::FutureExt;
        tasks.into_iter().all(|task| task.now_or_never().is_some())
    };
    {
        let _guard = handle.enter();
        assert!(all_ready(finished(1_000)));
    }
    let tasks = finished(1_000);
    let job = handle.spawn_blocking(move || all_ready(tasks));
    assert!(executor.block_on(job).unwrap());
}
