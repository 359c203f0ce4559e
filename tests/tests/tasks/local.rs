//! Tests futures that are not `Send`. The single-thread executor must poll and drop them on its own thread.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread::{self, ThreadId};

use brigade::SingleThread;
use brigade_tests::{Dropped, one_cook, text_of};

type Places = Rc<RefCell<Vec<ThreadId>>>;

/// Returns a value that records the thread on which it is dropped.
fn spy(places: &Places) -> Dropped<impl FnMut() + use<>> {
    let places = places.clone();
    Dropped(move || places.borrow_mut().push(thread::current().id()))
}

fn open() -> SingleThread {
    SingleThread::new().unwrap()
}

fn a_local_task_may_use_what_is_not_send() {
    let executor = open();
    let shared = Rc::new(Cell::new(0));
    let tasks: Vec<_> = (1..=10)
        .map(|n| {
            let shared = shared.clone();
            executor.spawn_local(async move {
                brigade::yield_now().await;
                shared.set(shared.get() + n);
                shared
            })
        })
        .collect();
    executor.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
        let again = shared.clone();
        let nested = brigade::spawn_local(async move { again.get() });
        assert_eq!(nested.await.unwrap(), 55);
    });
    assert_eq!(Rc::strong_count(&shared), 1);
}

/// async-task #102: a future may borrow from itself across an await.
fn a_local_task_may_borrow_from_itself() {
    let executor = open();
    let task = executor.spawn_local(async {
        let words = [
            Rc::new(String::from("noodles")),
            Rc::new(String::from("sauce")),
        ];
        let longest: &str = words.iter().max_by_key(|word| word.len()).unwrap();
        brigade::yield_now().await;
        longest.len()
    });
    assert_eq!(executor.block_on(task).unwrap(), 7);
}

/// A future is dropped on the executor's thread, whether it completes, is aborted from another thread, or is
/// dropped with the executor.
fn a_future_is_dropped_on_its_own_thread() {
    let here = thread::current().id();
    let places = Places::default();
    let executor = open();
    // The future completes while another thread has the last waker.
    let (send, receive) = mpsc::channel::<Waker>();
    let own = spy(&places);
    let mut first = true;
    let ended = executor.spawn_local(poll_fn(move |cx| {
        let _ = &own;
        send.send(cx.waker().clone()).unwrap();
        cx.waker().wake_by_ref();
        if std::mem::take(&mut first) {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }));
    let elsewhere = thread::spawn(move || {
        for waker in receive {
            waker.wake_by_ref();
            waker.wake();
        }
    });
    executor.block_on(ended).unwrap();
    elsewhere.join().unwrap();
    assert_eq!(*places.borrow(), [here]);
    // The future is aborted while another thread has the handle.
    let own = spy(&places);
    let aborted = executor.spawn_local(async move {
        let _own = own;
        pending::<()>().await;
    });
    executor.block_on(brigade::yield_now());
    let elsewhere = thread::spawn(move || {
        aborted.abort();
        brigade_tests::park_on(aborted)
    });
    executor.block_on(async {
        while !elsewhere.is_finished() {
            brigade::yield_now().await;
        }
    });
    assert!(elsewhere.join().unwrap().unwrap_err().is_aborted());
    assert_eq!(*places.borrow(), [here; 2]);
    // The executor is dropped, before or after the future's first poll.
    for polled in [true, false] {
        let own = spy(&places);
        drop(executor.spawn_local(async move {
            let _own = own;
            pending::<()>().await;
        }));
        if polled {
            executor.block_on(brigade::yield_now());
        }
    }
    drop(executor);
    assert_eq!(*places.borrow(), [here; 4]);
}

/// If no handle takes an output that is not `Send`, the output is dropped on the executor's thread.
fn an_output_is_dropped_on_its_own_thread() {
    let here = thread::current().id();
    let places = Places::default();
    let executor = open();
    let output = spy(&places);
    drop(executor.spawn_local(async move { output }));
    executor.block_on(brigade::yield_now());
    assert_eq!(*places.borrow(), [here]);
    let output = spy(&places);
    let task = executor.spawn_local(async move { output });
    executor.block_on(brigade::yield_now());
    drop(executor);
    assert_eq!(places.borrow().len(), 1);
    drop(task);
    assert_eq!(*places.borrow(), [here; 2]);
}

/// A task may be spawned in the main future, in another task and in a destructor.
fn local_tasks_spawn_local_tasks() {
    let executor = open();
    let count = Rc::new(Cell::new(0));
    fn descend(depth: u32, count: Rc<Cell<u32>>) {
        count.set(count.get() + 1);
        if depth > 0 {
            let next = Dropped(move || descend(depth - 1, count.clone()));
            drop(brigade::spawn_local(async move {
                let _next = next;
            }));
        }
    }
    executor.block_on(async {
        descend(50, count.clone());
        while count.get() < 51 {
            brigade::yield_now().await;
        }
    });
    // A task may also be spawned while the executor closes. Its future is then dropped immediately.
    let again = count.clone();
    let last = Dropped(move || descend(3, again.clone()));
    drop(executor.spawn_local(async move {
        let _last = last;
        pending::<()>().await;
    }));
    drop(executor);
    assert_eq!(count.get(), 55);
    assert_eq!(Rc::strong_count(&count), 1);
}

/// Tasks run in the order in which they become ready.
fn tasks_run_in_order() {
    let executor = open();
    let order = Rc::new(RefCell::new(Vec::new()));
    executor.block_on(async {
        let tasks: Vec<_> = (0..5)
            .map(|n| {
                let order = order.clone();
                brigade::spawn_local(async move {
                    for turn in 0..3 {
                        order.borrow_mut().push((turn, n));
                        brigade::yield_now().await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let expected: Vec<_> = (0..3)
        .flat_map(|turn| (0..5).map(move |n| (turn, n)))
        .collect();
    assert_eq!(*order.borrow(), expected);
}

/// With a seed, tasks run in a random order. The same seed always gives the same order. Different seeds
/// almost always give different orders.
fn a_seed_decides_the_order() {
    fn order_of(seed: u64) -> Vec<u32> {
        let executor = SingleThread::builder().seed(seed).build().unwrap();
        let order = Rc::new(RefCell::new(Vec::new()));
        executor.block_on(async {
            let tasks: Vec<_> = (0..10)
                .map(|n| {
                    let order = order.clone();
                    brigade::spawn_local(async move {
                        for _ in 0..3 {
                            order.borrow_mut().push(n);
                            brigade::yield_now().await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        order.take()
    }
    let orders: Vec<_> = (0..20).map(order_of).collect();
    for (seed, order) in orders.iter().enumerate() {
        assert_eq!(*order, order_of(seed as u64), "seed {seed}");
        let mut sorted = order.clone();
        sorted.sort_unstable();
        let all: Vec<_> = (0..10).flat_map(|n| [n; 3]).collect();
        assert_eq!(sorted, all);
    }
    let different: std::collections::HashSet<_> = orders.iter().collect();
    assert!(
        different.len() >= 19,
        "{} different orders in 20 runs",
        different.len()
    );
}

/// A job of the blocking pool runs on another thread. On that thread, `spawn_local` panics with an
/// explanation and drops the future.
fn spawn_local_elsewhere_panics() {
    let executor = open();
    let error = executor.block_on(async {
        let job = brigade::spawn_blocking(|| drop(brigade::spawn_local(async {})));
        job.await.unwrap_err()
    });
    let payload = error.into_panic();
    assert!(text_of(&*payload).contains("brigade::spawn_local"));
}

one_cook! {
    a_local_task_may_use_what_is_not_send,
    a_local_task_may_borrow_from_itself,
    a_future_is_dropped_on_its_own_thread,
    an_output_is_dropped_on_its_own_thread,
    local_tasks_spawn_local_tasks,
    tasks_run_in_order,
    a_seed_decides_the_order,
    spawn_local_elsewhere_panics,
}
