//! A task that blocks its worker holds nobody up while another worker is free (tokio #4941, #621).
//!
//! Each test blocks a worker *until* what it holds up has happened. Were it held up for good, the
//! wait would run into its end.

use std::sync::{Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use brigade::WorkStealing;
use brigade::net::{TcpListener, TcpStream};
use brigade::time::sleep;

/// Longer than anything here takes, also on a busy machine.
const LONG: Duration = Duration::from_secs(20);

/// Runs `block` in a task, and fails if it did not see its message in time.
fn blocked(workers: usize, block: impl Fn() + Send + Sync + 'static) {
    let executor = WorkStealing::with_workers(workers).unwrap();
    let block = std::sync::Arc::new(block);
    for _ in 0..5 {
        let block = block.clone();
        executor.block_on(async move {
            brigade::spawn(async move { block() }).await.unwrap();
            // Long enough for all to fall asleep, so that the next turn begins with everybody idle.
            sleep(Duration::from_millis(15)).await;
        });
    }
}

/// One message for two who wait.
struct Message([mpsc::Sender<()>; 2]);

impl Message {
    fn send(self) {
        for send in self.0 {
            send.send(()).unwrap();
        }
    }
}

/// Where it is waited for.
struct Letterbox(mpsc::Receiver<()>);

impl Letterbox {
    /// Blocks the thread.
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
                .expect("the task in the slot was stranded");
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
            is_ready.recv_timeout(LONG).expect("the task was stranded");
            wake.send_blocking(()).unwrap();
            receive
                .recv_timeout(LONG)
                .expect("the woken task was stranded");
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
            receive.recv_timeout(LONG).expect("the timers stood still");
        });
    }
}

/// Everybody was idle, and nothing was armed when the worker went up to block: who is left asleep has to
/// see what another thread arms then.
#[test]
fn a_timer_armed_elsewhere_fires_while_a_worker_is_blocked() {
    for workers in [2, 4] {
        let executor = WorkStealing::with_workers(workers).unwrap();
        for _ in 0..5 {
            // Not by a timer of the executor.
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

/// Two blocked workers, one free: the one that went up to search finds a task that blocks as well, and
/// nobody else was told of what the first holds up.
#[test]
fn a_searcher_that_blocks_in_turn_leaves_the_watch_to_another() {
    for workers in [3, 4] {
        let executor = WorkStealing::with_workers(workers).unwrap();
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(15));
            let (ran, [first, second]) = broadcast();
            let spawned = executor.spawn(async move {
                drop(brigade::spawn(async move { ran.send() }));
                first.wait("the task in the slot was stranded");
            });
            let other = executor.spawn(async move { second.wait("so was the second worker") });
            executor.block_on(async { (spawned.await.unwrap(), other.await.unwrap()) });
        }
    }
}

/// The watch takes a task that blocks as well: somebody else has to see to the timers then.
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

/// Whoever comes from the driver with a task blocks until the last timer has fired: each has to leave the
/// driver to somebody, also the one that kept watch there.
#[test]
fn one_after_the_other_leaves_the_driver() {
    for workers in [2, 3, 4] {
        let executor = WorkStealing::with_workers(workers).unwrap();
        for _ in 0..3 {
            let meeting = std::sync::Arc::new((Mutex::new(workers), Condvar::new()));
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
            receive.recv_timeout(LONG).expect("the sockets stood still");
        });
    }
}

/// How late others are, in figures: printed, and asserted only so far that no busy machine fails.
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
