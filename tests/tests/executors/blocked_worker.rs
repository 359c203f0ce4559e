//! A task that blocks its worker delays no other task while another worker is free (tokio #4941, #621).
//!
//! Each test blocks a worker *until* another worker has run a certain task or timer. If no other worker runs
//! it, the test times out and fails.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use brigade::WorkStealing;
use brigade::net::{TcpListener, TcpStream};
use brigade::time::{sleep, sleep_until};

/// The maximum time that a blocked worker waits for another worker.
const LONG: Duration = Duration::from_secs(20);

/// Runs `block` in a task, five times. `block` blocks its worker until another worker has run a task, and
/// panics if that takes longer than `LONG`.
fn blocked(workers: usize, block: impl Fn() + Send + Sync + 'static) {
    let executor = WorkStealing::with_workers(workers).unwrap();
    let block = Arc::new(block);
    for _ in 0..5 {
        let block = block.clone();
        executor.block_on(async move {
            brigade::spawn(async move { block() }).await.unwrap();
            // Let all workers fall asleep before the next round.
            sleep(Duration::from_millis(15)).await;
        });
    }
}

/// A message for two receivers.
struct Message([mpsc::Sender<()>; 2]);

impl Message {
    fn send(self) {
        for send in self.0 {
            send.send(()).unwrap();
        }
    }
}

/// The receiving end of a message.
struct Letterbox(mpsc::Receiver<()>);

impl Letterbox {
    /// Blocks the thread until the message comes. Panics with the text `otherwise` if that takes too
    /// long.
    fn wait(self, otherwise: &str) {
        self.0.recv_timeout(LONG).expect(otherwise);
    }
}

fn broadcast() -> (Message, [Letterbox; 2]) {
    let [one, other] = [(); 2].map(|()| mpsc::channel());
    let letterboxes = [one.1, other.1].map(Letterbox);
    (Message([one.0, other.0]), letterboxes)
}

#[test]
fn a_task_spawned_by_a_blocked_one_runs_elsewhere() {
    for workers in [2, 4] {
        blocked(workers, || {
            let (send, receive) = mpsc::channel();
            drop(brigade::spawn(async move { send.send(()).unwrap() }));
            receive
                .recv_timeout(LONG)
                .expect("no worker ran the task in the slot");
        });
    }
}

#[test]
fn a_task_woken_by_a_blocked_one_runs_elsewhere() {
    for workers in [2, 4] {
        blocked(workers, || {
            let (send, receive) = mpsc::channel();
            let (wake, woken) = async_channel::bounded(1);
            let (ready, is_ready) = mpsc::channel();
            drop(brigade::spawn(async move {
                ready.send(()).unwrap();
                woken.recv().await.unwrap();
                send.send(()).unwrap();
            }));
            is_ready.recv_timeout(LONG).expect("no worker ran the task");
            wake.send_blocking(()).unwrap();
            receive
                .recv_timeout(LONG)
                .expect("no worker ran the woken task");
        });
    }
}

#[test]
fn timers_fire_while_a_worker_is_blocked() {
    for workers in [2, 4] {
        blocked(workers, || {
            let (send, receive) = mpsc::channel();
            drop(brigade::spawn(async move {
                for _ in 0..3 {
                    sleep(Duration::from_millis(2)).await;
                }
                send.send(()).unwrap();
            }));
            receive.recv_timeout(LONG).expect("no timer fired");
        });
    }
}

/// A task blocks its worker while all other workers sleep and no timer is armed. Another thread then arms a
/// timer, which a sleeping worker must handle.
#[test]
fn a_timer_armed_elsewhere_fires_while_a_worker_is_blocked() {
    for workers in [2, 4] {
        let executor = WorkStealing::with_workers(workers).unwrap();
        for _ in 0..5 {
            // Let all workers fall asleep, without arming a timer of the executor.
            std::thread::sleep(Duration::from_millis(15));
            executor.block_on(async {
                let (send, receive) = mpsc::channel();
                let (blocks, is_blocked) = mpsc::channel();
                let task = brigade::spawn(async move {
                    blocks.send(()).unwrap();
                    receive.recv_timeout(LONG).expect("the timer did not fire");
                });
                is_blocked.recv().unwrap();
                sleep(Duration::from_millis(5)).await;
                send.send(()).unwrap();
                task.await.unwrap();
            });
        }
    }
}

/// A task blocks its worker, with another task in the worker's LIFO slot. Another worker is woken to search,
/// and finds a task that blocks too. A third worker must run the task in the slot.
#[test]
fn a_searcher_that_blocks_in_turn_leaves_the_watch_to_another() {
    for workers in [3, 4] {
        let executor = WorkStealing::with_workers(workers).unwrap();
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(15));
            let (ran, [first, second]) = broadcast();
            let spawned = executor.spawn(async move {
                drop(brigade::spawn(async move { ran.send() }));
                first.wait("no worker ran the task in the slot");
            });
            let other = executor.spawn(async move {
                second.wait("no worker ran the task that both workers wait for")
            });
            executor.block_on(async { (spawned.await.unwrap(), other.await.unwrap()) });
        }
    }
}

/// The monitor takes a task from a blocked worker, and that task blocks the monitor. Another worker must then
/// handle the timers.
#[test]
fn a_watch_that_blocks_in_turn_leaves_the_driver_to_another() {
    for workers in [3, 4] {
        let executor = WorkStealing::with_workers(workers).unwrap();
        for _ in 0..5 {
            let (fired, [first, second]) = broadcast();
            let timer = executor.spawn(async move {
                sleep(Duration::from_millis(60)).await;
                fired.send();
            });
            std::thread::sleep(Duration::from_millis(15));
            let blocker = executor.spawn(async move {
                drop(brigade::spawn(async move {
                    first.wait("the timer did not fire")
                }));
                second.wait("the timer did not fire");
            });
            executor.block_on(async { (timer.await.unwrap(), blocker.await.unwrap()) });
        }
    }
}

/// Each timer wakes a task, which blocks its worker until the last timer has fired. Before a worker runs such
/// a task, it must hand the driver to another worker. This rule also holds for the monitor.
#[test]
fn one_after_the_other_leaves_the_driver() {
    for workers in [2, 3, 4] {
        let executor = WorkStealing::with_workers(workers).unwrap();
        for _ in 0..3 {
            let meeting = Arc::new((Mutex::new(workers), Condvar::new()));
            let tasks: Vec<_> = (1..=workers)
                .map(|number| {
                    let meeting = meeting.clone();
                    executor.spawn(async move {
                        sleep(Duration::from_millis(15) * number as u32).await;
                        let (missing, all_there) = &*meeting;
                        *missing.lock().unwrap() -= 1;
                        all_there.notify_all();
                        let (missing, _) = all_there
                            .wait_timeout_while(missing.lock().unwrap(), LONG, |missing| {
                                *missing > 0
                            })
                            .unwrap();
                        *missing
                    })
                })
                .collect();
            for task in tasks {
                assert_eq!(executor.block_on(task).unwrap(), 0, "a timer did not fire");
            }
        }
    }
}

#[test]
fn sockets_are_served_while_a_worker_is_blocked() {
    for workers in [2, 4] {
        blocked(workers, || {
            let (send, receive) = mpsc::channel();
            drop(brigade::spawn(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let client = brigade::spawn(async move {
                    let stream = TcpStream::connect(address).await.unwrap();
                    stream.write_all(b"?").await.unwrap();
                    stream.read(&mut [0; 1]).await.unwrap()
                });
                let (stream, _) = listener.accept().await.unwrap();
                stream.read(&mut [0; 1]).await.unwrap();
                stream.write_all(b"!").await.unwrap();
                assert_eq!(client.await.unwrap(), 1);
                send.send(()).unwrap();
            }));
            receive.recv_timeout(LONG).expect("no socket was served");
        });
    }
}

/// Blocks the thread until another thread has set the flag or `at_most` has passed. Returns whether the flag
/// was set.
fn wait_for(flag: &AtomicBool, at_most: Duration) -> bool {
    let began = Instant::now();
    while !flag.load(Ordering::SeqCst) && began.elapsed() < at_most {
        std::thread::sleep(Duration::from_micros(50));
    }
    flag.load(Ordering::SeqCst)
}

/// The flags that the next test uses in one round.
#[derive(Default)]
struct Round {
    monitor_is_busy: AtomicBool,
    other_blocks: AtomicBool,
    /// The task `last` sets this flag when it runs. The task `other` clears the flag before it wakes `last`.
    last_ran: AtomicBool,
    done: AtomicBool,
    stuck: Mutex<Option<Waker>>,
    last: Mutex<Option<Waker>>,
    other: Mutex<Option<Waker>>,
}

/// One worker blocks with a task in its slot. The monitor takes that task, which blocks the monitor too.
/// Another worker, which filled its slot before the monitor was blocked, now blocks as well. A free worker
/// must become the new monitor.
#[test]
fn a_monitor_that_finds_a_task_leaves_its_role_to_another_worker() {
    let executor = WorkStealing::with_workers(4).unwrap();
    let wake = |waker: &Mutex<Option<Waker>>| waker.lock().unwrap().clone().unwrap().wake();
    let mut conclusive = 0;
    for _ in 0..20 {
        let round = Arc::new(Round::default());
        let stuck = executor.spawn({
            let round = round.clone();
            poll_fn(move |cx| {
                if round
                    .stuck
                    .lock()
                    .unwrap()
                    .replace(cx.waker().clone())
                    .is_none()
                {
                    return Poll::Pending;
                }
                round.monitor_is_busy.store(true, Ordering::SeqCst);
                Poll::Ready(wait_for(&round.done, LONG))
            })
        });
        let last = executor.spawn({
            let round = round.clone();
            poll_fn(move |cx| {
                let is_first = round
                    .last
                    .lock()
                    .unwrap()
                    .replace(cx.waker().clone())
                    .is_none();
                round.last_ran.store(true, Ordering::SeqCst);
                if round.other_blocks.load(Ordering::SeqCst) {
                    round.done.store(true, Ordering::SeqCst);
                    return Poll::Ready(());
                }
                if !is_first {
                    wake(&round.other);
                }
                Poll::Pending
            })
        });
        let is_there = |waker: &Mutex<Option<Waker>>| waker.lock().unwrap().is_some();
        while !(is_there(&round.stuck) && is_there(&round.last)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Make short polls, each with `last` in the slot, until the task `stuck` blocks the monitor.
        let other = executor.spawn({
            let round = round.clone();
            poll_fn(move |cx| {
                *round.other.lock().unwrap() = Some(cx.waker().clone());
                let too_late = round.monitor_is_busy.load(Ordering::SeqCst);
                round.last_ran.store(false, Ordering::SeqCst);
                wake(&round.last);
                if !wait_for(&round.monitor_is_busy, Duration::from_millis(2)) {
                    return Poll::Pending;
                }
                // On a busy machine, the monitor may take `last` too early, because this worker seems to be
                // blocked.
                let too_early = round.last_ran.load(Ordering::SeqCst);
                round.other_blocks.store(true, Ordering::SeqCst);
                if too_early || round.last_ran.load(Ordering::SeqCst) {
                    wake(&round.last);
                }
                assert!(wait_for(&round.done, LONG), "no worker became the monitor");
                Poll::Ready(!too_late && !too_early)
            })
        });
        let blocker = executor.spawn({
            let round = round.clone();
            async move {
                wake(&round.stuck);
                wait_for(&round.done, LONG)
            }
        });
        conclusive += u32::from(executor.block_on(other).unwrap());
        executor.block_on(async {
            assert!(stuck.await.unwrap() && blocker.await.unwrap());
            last.await.unwrap();
        });
        if conclusive == 5 {
            return;
        }
    }
    panic!("only {conclusive} rounds produced the case under test");
}

/// One worker blocks with a task in its slot. Every 3 ms, another thread spawns a task that blocks the
/// current monitor. Each new monitor must continue to measure how long the first worker has been blocked. A
/// round in which a spawn comes late proves nothing, because the current monitor then has time to take the
/// task from the slot.
#[test]
fn a_change_of_monitors_does_not_begin_the_watch_anew() {
    for workers in [4, 8, 16] {
        let executor = WorkStealing::with_workers(workers).unwrap();
        let passed = (0..20).any(|_| {
            // Let all workers fall asleep.
            std::thread::sleep(Duration::from_millis(15));
            let ran = Arc::new(AtomicBool::new(false));
            let blocker = |at_most| {
                let ran = ran.clone();
                async move { wait_for(&ran, at_most) }
            };
            let (first, in_slot) = (blocker(Duration::from_millis(100)), ran.clone());
            let first = executor.spawn(async move {
                drop(brigade::spawn(async move {
                    in_slot.store(true, Ordering::SeqCst)
                }));
                first.await
            });
            let mut disturbed = true;
            let others: Vec<_> = (1..workers)
                .map(|_| {
                    let before = Instant::now();
                    std::thread::sleep(Duration::from_millis(3));
                    disturbed &= before.elapsed() < Duration::from_millis(5);
                    executor.spawn(blocker(LONG))
                })
                .collect();
            let in_time = executor.block_on(first).unwrap();
            for other in others {
                assert!(executor.block_on(other).unwrap());
            }
            disturbed && in_time
        });
        assert!(passed, "no monitor ran the task in the slot");
    }
}

/// A waker from outside brigade. It blocks until the flag is set, and sends whether that happened in time.
struct SlowWaker(Arc<AtomicBool>, mpsc::Sender<bool>);

impl Wake for SlowWaker {
    fn wake(self: Arc<Self>) {
        self.1.send(wait_for(&self.0, LONG)).unwrap();
    }
}

/// A worker calls a foreign waker that blocks until a timer of a task has fired. In some rounds, the timer is
/// already due when the worker calls the waker. In other rounds, it is due 40 ms later.
#[test]
fn a_foreign_waker_that_blocks_delays_no_timer() {
    for workers in [2, 4] {
        let executor = WorkStealing::with_workers(workers).unwrap();
        for later in [0, 40, 0, 40] {
            // Let all workers fall asleep.
            std::thread::sleep(Duration::from_millis(15));
            let _entered = executor.handle().enter();
            let due = Instant::now() + Duration::from_millis(20);
            let fired = Arc::new(AtomicBool::new(false));
            let (send, receive) = mpsc::channel();
            let waker = Waker::from(Arc::new(SlowWaker(fired.clone(), send)));
            let mut foreign = pin!(sleep_until(due));
            let polled = foreign.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            let task = executor.spawn(async move {
                sleep_until(due + Duration::from_millis(later)).await;
                fired.store(true, Ordering::SeqCst);
            });
            assert!(receive.recv().unwrap(), "the timer did not fire");
            executor.block_on(task).unwrap();
        }
    }
}

/// Blocks a worker for 200 ms, and measures how late another task and a timer are. The bounds are loose, so
/// that the test passes on a busy machine.
#[test]
fn a_block_of_200_ms_delays_others_by_little() {
    let block = Duration::from_millis(200);
    let executor = WorkStealing::with_workers(2).unwrap();
    let mut worst = (Duration::ZERO, Duration::ZERO);
    for _ in 0..5 {
        let (task, timer) = executor.block_on(async {
            let blocker = brigade::spawn(async move {
                let began = Instant::now();
                let task = brigade::spawn(async move { began.elapsed() });
                let timer = brigade::spawn(async move {
                    let due = Instant::now() + Duration::from_millis(20);
                    sleep(Duration::from_millis(20)).await;
                    due.elapsed()
                });
                std::thread::sleep(block);
                (task.await.unwrap(), timer.await.unwrap())
            });
            blocker.await.unwrap()
        });
        worst = (worst.0.max(task), worst.1.max(timer));
        std::thread::sleep(Duration::from_millis(15));
    }
    println!(
        "a task was {:?} late at worst, a timer {:?}",
        worst.0, worst.1
    );
    assert!(worst.0 < block / 2 && worst.1 < block / 2);
}
