//! Tests wakers, handles and remote operations with an executor that consists of two lists.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

use super::super::run::MainTask;
use super::super::scheduler_ref::Schedule;
use super::*;
use crate::task::{AbortHandle, JoinError, JoinHandle};
use crate::test_support::{self, Count, new_task_of};
use crate::trace::Probe;

/// Keeps tasks and operations until `work` is called.
#[derive(Default)]
struct Lists {
    ready: Mutex<Vec<Runnable>>,
    sent: Mutex<Vec<RemoteOp>>,
}

impl Schedule for Lists {
    fn bind(&self, task: Unbound) {
        self.schedule(task.bind());
    }
    fn schedule(&self, task: Runnable) {
        self.ready.lock().unwrap().push(task);
    }
    fn unbind(&self, _task: RawTask) {}
    fn post(&self, op: RemoteOp) {
        self.sent.lock().unwrap().push(op);
    }
}

impl Lists {
    fn sent(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    /// Runs all operations and all tasks. Only the owner thread calls this.
    fn work(&self) {
        loop {
            let sent = std::mem::take(&mut *self.sent.lock().unwrap());
            let ready = std::mem::take(&mut *self.ready.lock().unwrap());
            if sent.is_empty() && ready.is_empty() {
                return;
            }
            sent.into_iter().for_each(RemoteOp::run);
            for task in ready {
                test_support::run(task);
            }
        }
    }

    /// Spawns a task bound to this thread.
    fn spawn<F: Future>(self: &Arc<Self>, future: F) -> (RawTask, JoinHandle<F::Output>) {
        let (task, handle) = new_task_of(&self.bound(), future);
        let raw = task.raw();
        self.bind(task);
        (raw, handle)
    }

    fn bound(self: &Arc<Self>) -> SchedulerRef {
        SchedulerRef::bound(self.clone(), Probe::off())
    }

    /// Returns whether all tasks have been freed, and with them all references to these lists.
    fn is_alone(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1
    }
}

/// Runs `f` on another thread.
fn elsewhere<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(f).join().unwrap())
}

/// The parts of a waiting task that a test observes.
#[derive(Default)]
struct Sight {
    polls: AtomicUsize,
    may_end: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Sight {
    fn waker(&self) -> Waker {
        self.waker.lock().unwrap().clone().unwrap()
    }
}

/// Spawns a task that will return `output`, and polls it once.
fn waiting<T: Unpin>(lists: &Arc<Lists>, output: T) -> (Arc<Sight>, JoinHandle<T>) {
    let sight = Arc::new(Sight::default());
    let mut output = Some(output);
    let (_, handle) = lists.spawn({
        let sight = sight.clone();
        poll_fn(move |cx| {
            sight.polls.fetch_add(1, SeqCst);
            if sight.may_end.load(SeqCst) {
                *sight.waker.lock().unwrap() = None;
                return Poll::Ready(output.take().unwrap());
            }
            *sight.waker.lock().unwrap() = Some(cx.waker().clone());
            Poll::Pending
        })
    });
    lists.work();
    assert_eq!(sight.polls.load(SeqCst), 1);
    (sight, handle)
}

/// Allows the task to complete at its next poll, and runs it on this thread.
fn end(lists: &Lists, sight: &Sight) {
    sight.may_end.store(true, SeqCst);
    sight.waker().wake();
    lists.work();
}

fn poll<T>(handle: &mut JoinHandle<T>, count: &Arc<Count>) -> Poll<Result<T, JoinError>> {
    let waker = count.clone().into();
    Pin::new(handle).poll(&mut Context::from_waker(&waker))
}

#[test]
fn any_number_of_remote_wakes_are_one_message() {
    let lists = Arc::new(Lists::default());
    let (sight, handle) = waiting(&lists, ());
    // The owner clears `Sent::WAKE` when it runs the operation, so each round sends one message.
    for round in 1..4 {
        elsewhere(|| (0..3).for_each(|_| sight.waker().wake()));
        assert_eq!(lists.sent(), 1);
        assert_eq!(sight.polls.load(SeqCst), round);
        lists.work();
        assert_eq!(sight.polls.load(SeqCst), round + 1);
    }
    end(&lists, &sight);
    drop(handle);
    assert!(lists.is_alone());
}

#[test]
fn any_number_of_remote_aborts_are_one_message() {
    let lists = Arc::new(Lists::default());
    let (sight, mut handle) = waiting(&lists, ());
    let abort: AbortHandle = handle.abort_handle();
    elsewhere(|| (0..3).for_each(|_| abort.abort()));
    assert_eq!(lists.sent(), 1);
    // A wake is sent as a second message.
    elsewhere(|| sight.waker().wake());
    assert_eq!(lists.sent(), 2);
    assert!(!handle.is_finished() && !abort.is_finished());
    lists.work();
    assert!(handle.is_finished() && abort.is_finished());
    assert_eq!(sight.polls.load(SeqCst), 1);
    let Poll::Ready(Err(error)) = poll(&mut handle, &Arc::default()) else {
        panic!("an aborted task has no output");
    };
    assert!(error.is_aborted());
}

#[test]
fn nothing_is_sent_to_a_task_that_is_done() {
    let lists = Arc::new(Lists::default());
    let (sight, handle) = waiting(&lists, ());
    let waker = sight.waker();
    end(&lists, &sight);
    elsewhere(|| {
        waker.wake();
        handle.abort();
        assert!(handle.is_finished());
    });
    assert_eq!(lists.sent(), 0);
    drop(handle);
    assert!(lists.is_alone());
}

#[test]
fn an_abort_on_the_owner_thread_sends_nothing() {
    let lists = Arc::new(Lists::default());
    let (sight, handle) = waiting(&lists, ());
    handle.abort();
    assert_eq!(lists.sent(), 0);
    lists.work();
    assert!(handle.is_finished());
    assert_eq!(sight.polls.load(SeqCst), 1);
}

#[test]
fn a_handle_on_another_thread_is_woken_once_and_sends_nothing() {
    let lists = Arc::new(Lists::default());
    let (sight, mut handle) = waiting(&lists, 7);
    let count = Arc::new(Count::default());
    assert!(elsewhere(|| poll(&mut handle, &count)).is_pending());
    assert_eq!((lists.sent(), count.0.load(SeqCst)), (0, 0));
    end(&lists, &sight);
    assert_eq!(count.0.load(SeqCst), 1);
    let output = elsewhere(|| poll(&mut handle, &count));
    assert!(matches!(output, Poll::Ready(Ok(7))));
    elsewhere(|| drop(handle));
    assert_eq!(lists.sent(), 0);
    assert!(lists.is_alone());
    // The task has dropped its clone of the waker.
    assert_eq!(Arc::strong_count(&count), 1);
}

/// An early version sent one message for each poll of a handle, without a bound.
#[test]
fn a_handle_keeps_one_waker_however_often_and_wherever_it_is_polled() {
    let lists = Arc::new(Lists::default());
    let (sight, mut handle) = waiting(&lists, 7);
    let (here, there) = (Arc::new(Count::default()), Arc::new(Count::default()));
    for _ in 0..100 {
        assert!(poll(&mut handle, &here).is_pending());
        assert!(elsewhere(|| poll(&mut handle, &there)).is_pending());
        assert_eq!(
            (Arc::strong_count(&here), Arc::strong_count(&there)),
            (1, 2)
        );
    }
    assert!(poll(&mut handle, &here).is_pending());
    end(&lists, &sight);
    assert_eq!((here.0.load(SeqCst), there.0.load(SeqCst)), (1, 0));
    assert_eq!(lists.sent(), 0);
}

#[test]
fn a_handle_wakes_the_waker_of_its_last_poll() {
    let lists = Arc::new(Lists::default());
    let (sight, mut handle) = waiting(&lists, 7);
    let (first, last) = (Arc::new(Count::default()), Arc::new(Count::default()));
    assert!(poll(&mut handle, &first).is_pending());
    assert!(poll(&mut handle, &last).is_pending());
    assert_eq!(Arc::strong_count(&first), 1);
    end(&lists, &sight);
    assert_eq!((first.0.load(SeqCst), last.0.load(SeqCst)), (0, 1));
    assert!(matches!(poll(&mut handle, &last), Poll::Ready(Ok(7))));
    assert_eq!(lists.sent(), 0);
}

#[test]
fn a_handle_dropped_on_another_thread_leaves_the_output_to_the_executor() {
    let lists = Arc::new(Lists::default());
    let output = Arc::new(());
    for waits_before in [false, true] {
        let (sight, mut handle) = waiting(&lists, output.clone());
        let count = Arc::new(Count::default());
        if waits_before {
            assert!(poll(&mut handle, &count).is_pending());
        }
        elsewhere(|| drop(handle));
        assert_eq!((lists.sent(), Arc::strong_count(&count)), (0, 1));
        assert_eq!(Arc::strong_count(&output), 2);
        end(&lists, &sight);
        assert_eq!(Arc::strong_count(&output), 1);
        assert!(lists.is_alone());
    }
    let (sight, handle) = waiting(&lists, output.clone());
    end(&lists, &sight);
    assert_eq!(Arc::strong_count(&output), 2);
    elsewhere(|| drop(handle));
    assert_eq!(Arc::strong_count(&output), 1);
    assert!(lists.is_alone());
}

/// tokio #4412: the destructor of an output may panic.
#[test]
fn an_output_that_nobody_wants_may_panic_when_it_is_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("this panic is discarded");
        }
    }
    let lists = Arc::new(Lists::default());
    let (sight, handle) = waiting(&lists, Bomb);
    drop(handle);
    end(&lists, &sight);
    let (sight, handle) = waiting(&lists, Bomb);
    end(&lists, &sight);
    drop(handle);
    assert!(lists.is_alone());
}

#[test]
fn the_last_waker_frees_a_task_that_is_done() {
    let lists = Arc::new(Lists::default());
    let (sight, handle) = waiting(&lists, ());
    let (waker, abort) = (sight.waker(), handle.abort_handle());
    end(&lists, &sight);
    drop(handle);
    waker.wake_by_ref();
    let other = abort.clone();
    drop((waker, abort));
    assert!(!lists.is_alone());
    drop(other);
    assert!(lists.is_alone());
}

/// When the owner thread drops a reference, the reference stays counted, for the next waker. The test drops
/// the handle and the wakers in several orders, on the owner thread and on another thread.
#[test]
fn a_reference_that_the_owner_keeps_is_released_once() {
    for order in 0..6 {
        let lists = Arc::new(Lists::default());
        let (sight, handle) = waiting(&lists, ());
        let [first, second, third] = [(); 3].map(|()| sight.waker());
        drop(first);
        // The next waker gets the reference that was kept.
        drop(second.clone());
        match order % 2 {
            0 => drop(third),
            _ => elsewhere(|| drop(third)),
        }
        end(&lists, &sight);
        let (mut handle, mut second) = (Some(handle), Some(second));
        for step in [order / 2, order / 2 + 1, order / 2 + 2] {
            match step % 3 {
                0 => drop(handle.take()),
                1 => drop(second.take()),
                _ => drop(second.clone()),
            }
        }
        assert!(lists.is_alone(), "order {order}");
    }
}

#[test]
fn a_main_task_ends_with_its_future() {
    let lists = Arc::new(Lists::default());
    let (mut main, turn) = MainTask::new(lists.bound());
    let mut waker = None;
    let mut future = std::pin::pin!(poll_fn(|cx| {
        waker = Some(cx.waker().clone());
        Poll::<()>::Pending
    }));
    assert!(main.owns(&turn) && main.poll(turn, future.as_mut()).is_pending());
    drop(main);
    let waker = waker.unwrap();
    waker.wake_by_ref();
    assert!(lists.ready.lock().unwrap().is_empty());
    drop(waker);
    assert!(lists.is_alone());
}

#[test]
fn a_main_task_ends_where_its_future_panics() {
    let lists = Arc::new(Lists::default());
    let (mut main, turn) = MainTask::new(lists.bound());
    let panics = std::panic::AssertUnwindSafe(|| {
        let future = std::pin::pin!(poll_fn(|_| -> Poll<()> { panic!("burnt") }));
        main.poll(turn, future)
    });
    assert!(std::panic::catch_unwind(panics).is_err());
    drop(main);
    assert!(lists.is_alone());
}

#[test]
fn a_task_is_unwakeable_once_its_last_waker_is_gone() {
    let lists = Arc::new(Lists::default());
    let waker = Arc::new(Mutex::new(None));
    let (task, handle) = lists.spawn({
        let waker = waker.clone();
        poll_fn(move |cx| {
            *waker.lock().unwrap() = Some(cx.waker().clone());
            Poll::<()>::Pending
        })
    });
    // The task is queued.
    assert!(!task.is_unwakeable());
    lists.work();
    let waker = waker.lock().unwrap().take().unwrap();
    assert!(!task.is_unwakeable());
    // The reference of this waker is kept for the next waker.
    drop(waker);
    assert!(task.is_unwakeable());
    drop(handle.abort_handle());
    assert!(task.is_unwakeable());
    handle.abort();
    lists.work();
}

#[test]
fn a_handle_shows_its_task_and_whether_that_is_done() {
    let lists = Arc::new(Lists::default());
    let (sight, handle) = waiting(&lists, ());
    let abort = handle.abort_handle();
    let id = format!("{:?}", handle.id());
    for over in [false, true] {
        for text in [format!("{handle:?}"), format!("{abort:?}")] {
            assert!(
                text.contains(&id) && text.contains(&over.to_string()),
                "{text}"
            );
        }
        if !over {
            end(&lists, &sight);
        }
    }
}

#[test]
fn a_runnable_goes_through_a_pointer_and_back() {
    let lists = Arc::new(Lists::default());
    let (task, handle) = lists.spawn(async {});
    let runnable = lists.ready.lock().unwrap().pop().unwrap();
    // SAFETY: the pointer is taken back once.
    let runnable = unsafe { Runnable::from_ptr(runnable.into_ptr()) }.unwrap();
    assert!(runnable.raw() == task);
    // SAFETY: null is allowed.
    assert!(unsafe { Runnable::from_ptr(std::ptr::null_mut()) }.is_none());
    test_support::run(runnable);
    assert!(handle.is_finished());
}
