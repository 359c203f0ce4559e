//! A letter is posted while its box is closed: it is carried out once, by the owner or by the poster;
//! and a wake never carries out anything but wakes (tokio #1972).

use loom::alloc::Track;
use loom::thread;

use super::{Line, Outcomes, explore, waker_of};
use crate::queue::letter_box::{Bell, LetterBox};
use crate::sync::{Arc, ThreadToken};
use crate::task::JoinHandle;
use crate::task::home::{HomeRef, Schedule};
use crate::task::letter::Letter;
use crate::task::raw::{RawTask, Runnable};

struct Silent;

impl Bell for Silent {
    fn ring(&self) {}
}

/// A closed executor: it admits nothing, so that a newborn task is cancelled by whoever carries its
/// letter out.
struct Closed;

impl Schedule for Closed {
    fn admit(&self, task: Runnable) -> Result<(), Runnable> {
        Err(task)
    }

    fn schedule(&self, task: Runnable) {
        let _ = task.into_queue();
    }

    fn forget(&self, _task: RawTask) {}

    fn post(&self, letter: Letter) {
        drop(letter);
    }
}

struct Future {
    _track: Track<()>,
    dropped_on: Arc<std::sync::Mutex<Vec<ThreadToken>>>,
}

impl Drop for Future {
    fn drop(&mut self) {
        self.dropped_on.lock().unwrap().push(ThreadToken::current());
    }
}

#[test]
fn each_letter_is_carried_out_once() {
    static SEEN: Outcomes<2> = Outcomes::of(["by the owner", "by the poster"]);
    explore(3, &SEEN, || {
        let mail = Arc::new(LetterBox::new(Silent));
        let home = HomeRef::shared(Arc::new(Closed));
        let dropped_on = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (line, other_home) = Line::open();
        let (sleeper, raw) = RawTask::new(std::future::pending::<()>(), other_home);
        let sleeper_handle = JoinHandle::<()>::new(raw);
        let waker = waker_of(raw);
        let waking = thread::spawn({
            let mail = mail.clone();
            let wake = Letter::wake(raw.to_ref());
            let dropped_on = dropped_on.clone();
            move || {
                mail.post(wake);
                let me = ThreadToken::current();
                assert!(
                    !dropped_on.lock().unwrap().contains(&me),
                    "a wake ran a destructor"
                );
            }
        });
        let poster = thread::spawn({
            let mail = mail.clone();
            let future = Future {
                _track: Track::new(()),
                dropped_on: dropped_on.clone(),
            };
            let (runnable, raw) = RawTask::new(async move { drop(future) }, home);
            let handle = JoinHandle::<()>::new(raw);
            move || {
                mail.post(Letter::spawn(runnable));
                drop(handle);
            }
        });
        mail.close();
        waking.join().unwrap();
        poster.join().unwrap();
        assert!(mail.take().is_none());
        let dropped_on = dropped_on.lock().unwrap();
        assert_eq!(dropped_on.len(), 1);
        SEEN.saw(if dropped_on[0] == ThreadToken::current() {
            "by the owner"
        } else {
            "by the poster"
        });
        sleeper.cancel();
        drop((sleeper_handle, waker));
        line.assert_left();
    });
}
