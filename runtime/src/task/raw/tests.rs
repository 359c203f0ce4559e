//! What wakers, handles and letters do, seen by an executor that is two lists.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

use super::super::home::Schedule;
use super::super::state::{Pend, Start};
use super::super::waker;
use super::*;
use crate::task::{AbortHandle, JoinError, JoinHandle};
use crate::tests::Count;

/// Keeps what it is given until it is asked to work.
#[derive(Default)]
struct Lists {
    ready: Mutex<Vec<Runnable>>,
    letters: Mutex<Vec<Letter>>,
}

impl Schedule for Lists {
    fn admit(&self, task: Runnable) -> Result<(), Runnable> {
        self.schedule(task);
        Ok(())
    }
    fn schedule(&self, task: Runnable) {
        self.ready.lock().unwrap().push(task);
    }
    fn forget(&self, _task: RawTask) {}
    fn post(&self, letter: Letter) {
        self.letters.lock().unwrap().push(letter);
    }
}

impl Lists {
    fn letters(&self) -> usize {
        self.letters.lock().unwrap().len()
    }

    /// Carries out all letters, and runs all tasks. The caller is the owner.
    fn work(&self) {
        loop {
            let letters = std::mem::take(&mut *self.letters.lock().unwrap());
            let ready = std::mem::take(&mut *self.ready.lock().unwrap());
            if letters.is_empty() && ready.is_empty() {
                return;
            }
            drop(letters);
            ready.into_iter().for_each(Runnable::run);
        }
    }

    /// A task of this thread.
    fn spawn<F: Future>(self: &Arc<Self>, future: F) -> (RawTask, JoinHandle<F::Output>) {
        let (task, raw) = RawTask::new(future, HomeRef::bound(self.clone()));
        let handle = JoinHandle::new(raw);
        task.admit();
        (raw, handle)
    }

    /// Whether every task, and with them every home, has been freed.
    fn is_alone(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1
    }
}

/// Runs `f` on another thread.
fn elsewhere<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(f).join().unwrap())
}

/// What a test sees of a task that waits until it may end.
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

/// A task that was polled once and waits; its output in the end is `output`.
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

/// Lets it end, here.
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
fn any_number_of_wakes_from_afar_are_one_letter() {
    let lists = Arc::new(Lists::default());
    let (sight, handle) = waiting(&lists, ());
    // The flag is cleared before the wake, so those of a later round are heard too.
    for round in 1..4 {
        elsewhere(|| (0..3).for_each(|_| sight.waker().wake()));
        assert_eq!(lists.letters(), 1);
        assert_eq!(sight.polls.load(SeqCst), round);
        lists.work();
        assert_eq!(sight.polls.load(SeqCst), round + 1);
    }
    end(&lists, &sight);
    drop(handle);
    assert!(lists.is_alone());
}

#[test]
fn any_number_of_aborts_from_afar_are_one_letter() {
    let lists = Arc::new(Lists::default());
    let (sight, mut handle) = waiting(&lists, ());
    let abort: AbortHandle = handle.abort_handle();
    elsewhere(|| (0..3).for_each(|_| abort.abort()));
    assert_eq!(lists.letters(), 1);
    // A wake is another wish.
    elsewhere(|| sight.waker().wake());
    assert_eq!(lists.letters(), 2);
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
fn a_complete_task_is_sent_no_letters() {
    let lists = Arc::new(Lists::default());
    let (sight, handle) = waiting(&lists, ());
    let waker = sight.waker();
    end(&lists, &sight);
    elsewhere(|| {
        waker.wake();
        handle.abort();
        assert!(handle.is_finished());
    });
    assert_eq!(lists.letters(), 0);
    drop(handle);
    assert!(lists.is_alone());
}

#[test]
fn an_abort_at_home_needs_no_letter() {
    let lists = Arc::new(Lists::default());
    let (sight, handle) = waiting(&lists, ());
    handle.abort();
    assert_eq!(lists.letters(), 0);
    lists.work();
    assert!(handle.is_finished());
    assert_eq!(sight.polls.load(SeqCst), 1);
}

#[test]
fn a_handle_that_waits_afar_is_woken_once() {
    let lists = Arc::new(Lists::default());
    let (sight, mut handle) = waiting(&lists, 7);
    let count = Arc::new(Count::default());
    assert!(elsewhere(|| poll(&mut handle, &count)).is_pending());
    assert_eq!(lists.letters(), 1);
    lists.work();
    assert_eq!(count.0.load(SeqCst), 0);
    end(&lists, &sight);
    assert_eq!(count.0.load(SeqCst), 1);
    let output = elsewhere(|| poll(&mut handle, &count));
    assert!(matches!(output, Poll::Ready(Ok(7))));
    assert_eq!(lists.letters(), 0);
    elsewhere(|| drop(handle));
    assert!(lists.is_alone());
    // No clone of its waker was left behind.
    assert_eq!(Arc::strong_count(&count), 1);
}

/// The letter of the handle is under way when the task completes: it is answered at once.
#[test]
fn a_handle_whose_letter_comes_late_is_woken() {
    let lists = Arc::new(Lists::default());
    let (sight, mut handle) = waiting(&lists, ());
    let count = Arc::new(Count::default());
    assert!(elsewhere(|| poll(&mut handle, &count)).is_pending());
    let late = std::mem::take(&mut *lists.letters.lock().unwrap());
    end(&lists, &sight);
    assert_eq!(count.0.load(SeqCst), 0);
    drop(late);
    assert_eq!(count.0.load(SeqCst), 1);
    assert!(poll(&mut handle, &count).is_ready());
}

#[test]
fn a_handle_at_home_is_woken_once() {
    let lists = Arc::new(Lists::default());
    let (sight, mut handle) = waiting(&lists, 7);
    let (first, last) = (Arc::new(Count::default()), Arc::new(Count::default()));
    assert!(poll(&mut handle, &first).is_pending());
    assert!(poll(&mut handle, &last).is_pending());
    assert_eq!(Arc::strong_count(&first), 1);
    end(&lists, &sight);
    assert_eq!((first.0.load(SeqCst), last.0.load(SeqCst)), (0, 1));
    assert!(matches!(poll(&mut handle, &last), Poll::Ready(Ok(7))));
    assert_eq!(lists.letters(), 0);
}

/// Two of them while the task lives, so the claim goes by letter, and one when it is retired: then the
/// output is dropped where the handle is.
#[test]
fn a_handle_dropped_afar_gives_its_claim_up() {
    let lists = Arc::new(Lists::default());
    let output = Arc::new(());
    for waits_before in [false, true] {
        let (sight, mut handle) = waiting(&lists, output.clone());
        if waits_before {
            assert!(poll(&mut handle, &Arc::default()).is_pending());
        }
        elsewhere(|| drop(handle));
        assert_eq!(lists.letters(), 1);
        lists.work();
        assert_eq!(Arc::strong_count(&output), 2);
        end(&lists, &sight);
        assert_eq!(Arc::strong_count(&output), 1);
        assert!(lists.is_alone());
    }
    let (sight, handle) = waiting(&lists, output.clone());
    end(&lists, &sight);
    assert_eq!(Arc::strong_count(&output), 2);
    elsewhere(|| drop(handle));
    assert_eq!(lists.letters(), 0);
    assert_eq!(Arc::strong_count(&output), 1);
    assert!(lists.is_alone());
}

/// tokio #4412
#[test]
fn an_output_that_nobody_wants_may_panic_when_it_is_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("nobody hears of this");
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
fn the_last_waker_frees_a_task_that_is_over() {
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

#[test]
fn a_main_task_ends_with_its_future() {
    let lists = Arc::new(Lists::default());
    for running in [false, true] {
        let turn = RawTask::new_main(HomeRef::bound(lists.clone()));
        let main = turn.raw();
        let waker = Waker::clone(&ManuallyDrop::new(waker::borrowed(main)));
        assert_eq!(turn.start(), Start::Poll);
        if !running {
            assert_eq!(main.pend(), Pend::Idle);
        }
        main.end_main();
        waker.wake_by_ref();
        assert!(lists.ready.lock().unwrap().is_empty());
        drop(waker);
        assert!(lists.is_alone());
    }
}

#[test]
fn a_task_is_stranded_when_nobody_is_left_to_wake_it() {
    let lists = Arc::new(Lists::default());
    let waker = Arc::new(Mutex::new(None));
    let (task, handle) = lists.spawn({
        let waker = waker.clone();
        poll_fn(move |cx| {
            *waker.lock().unwrap() = Some(cx.waker().clone());
            Poll::<()>::Pending
        })
    });
    // It is queued.
    assert!(!task.is_stranded());
    lists.work();
    let waker = waker.lock().unwrap().take().unwrap();
    assert!(!task.is_stranded());
    drop(waker);
    assert!(task.is_stranded());
    handle.abort();
    lists.work();
}

#[test]
fn a_handle_says_whose_it_is_and_whether_that_is_over() {
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
fn a_task_goes_through_a_pointer_and_back() {
    let lists = Arc::new(Lists::default());
    let (task, handle) = lists.spawn(async {});
    assert!(RawTask::from_ptr(task.into_ptr()) == Some(task));
    assert!(RawTask::from_ptr(std::ptr::null_mut()).is_none());
    lists.work();
    assert!(handle.is_finished());
}
