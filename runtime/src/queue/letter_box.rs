//! The letter box of the single-thread executor: the one door through which other threads come.
//!
//! **Job.** Take letters from any thread without ever blocking it, and ring the bell if the owner
//! sleeps, and only then.
//!
//! **Owns** two unbounded crossbeam channels; why two, see below. They must not be bounded: posting
//! happens inside `wake`, perhaps under a lock that the executor wants before it could make room
//! (compio #1044).
//!
//! # The race between posting and going to sleep
//!
//! ```text
//!   poster                             owner
//!   P1  put the letter in              S1  asleep := true
//!   P2  fence (SeqCst)                 S2  fence (SeqCst)
//!   P3  asleep? then ring              S3  any letter? then stay up
//!                                      S4  block in the OS until an event or the bell
//! ```
//!
//! One of the two fences comes first. If P2 does, S3 sees the letter of P1. If S2 does, P3 sees
//! `asleep` and rings; and the bell is an event in the OS, which S4 returns for even if it rang
//! before S4 began. So no letter waits while the owner sleeps.
//!
//! # The race between posting and closing
//!
//! The same shape: the owner sets `closed`, then empties the box; a poster puts its letter in,
//! then looks at `closed` and empties the box itself if it is set. Every letter is carried out by
//! exactly one of them, since the channel hands each out once.
//!
//! There are two channels, since whoever empties the box carries out the letters of others. A `wake`
//! may be called under a lock of the user, so it must not run anybody else's destructors: wakes and
//! aborts, which run none, lie apart from the rest, and who posts one of them leaves the rest alone.
//!
//! **Never** reads a letter: dropping one carries it out.
//!
//! # The naive version, and what breaks
//!
//! Look into the box, and sleep if it is empty. A letter that comes between the look and the sleep
//! rings no bell, since nobody sleeps yet, and the owner then sleeps on it: a *lost wakeup*. To ring at
//! every letter would mend that at the price of a system call each; to hold a lock from the look to
//! the sleep would make posters wait in `wake`. The model `post_against_falling_asleep` finds the bug
//! when S3 is left out: exercise 9 does that.

use crate::sync::channel::{Receiver, Sender, unbounded};
use crate::sync::{AtomicBool, Ordering, fence};
use crate::task::letter::Letter;

/// What wakes a thread that sleeps in the OS.
pub(crate) trait Bell: Send + Sync {
    /// Makes the owner's current or next sleep end. Never blocks.
    fn ring(&self);
}

/// See the module.
pub(crate) struct LetterBox<B> {
    /// Wakes and aborts.
    harmless: Channel,
    /// Those that may run code of a user.
    others: Channel,
    asleep: AtomicBool,
    closed: AtomicBool,
    bell: B,
}

impl<B: Bell> LetterBox<B> {
    pub(crate) fn new(bell: B) -> Self {
        LetterBox {
            harmless: Channel::new(),
            others: Channel::new(),
            asleep: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            bell,
        }
    }

    /// Puts a letter in, from any thread.
    pub(crate) fn post(&self, letter: Letter) {
        let harmless = letter.is_harmless();
        let channel = if harmless {
            &self.harmless
        } else {
            &self.others
        };
        // P1
        channel.put(letter);
        // P2
        fence(Ordering::SeqCst);
        // Acquire pairs with `close`: the home is unbound.
        if self.closed.load(Ordering::Acquire) {
            self.harmless.empty();
            if !harmless {
                self.others.empty();
            }
        } else if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed)
        {
            // P3. The swap lets one of several posters ring.
            self.bell.ring();
        }
    }

    /// The next letter. The caller is the owner.
    #[inline(always)]
    pub(crate) fn take(&self) -> Option<Letter> {
        self.harmless.take().or_else(|| self.others.take())
    }

    /// How many letters are left, for an owner that will not come again for a while. Whoever posts one that
    /// is not among them sees, after that, what the owner has done before this (see
    /// `RawTask::join_from_afar`).
    pub(crate) fn rest(&self) -> usize {
        fence(Ordering::SeqCst);
        self.harmless.receiver.len() + self.others.receiver.len()
    }

    fn is_empty(&self) -> bool {
        self.harmless.receiver.is_empty() && self.others.receiver.is_empty()
    }

    /// S1 to S3: the owner is about to block. `false`: there are letters, it must not.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let nothing = self.is_empty();
        if !nothing {
            self.wake_up();
        }
        nothing
    }

    /// The owner is up again.
    pub(crate) fn wake_up(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    /// Carries out all letters, present and future, wherever they are. The home is unbound.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        self.harmless.empty();
        self.others.empty();
    }
}

struct Channel {
    sender: Sender<Letter>,
    receiver: Receiver<Letter>,
}

impl Channel {
    fn new() -> Self {
        let (sender, receiver) = unbounded();
        Channel { sender, receiver }
    }

    fn put(&self, letter: Letter) {
        // The receiver is next to the sender, so sending cannot fail.
        let _ = self.sender.send(letter);
    }

    #[inline(always)]
    fn take(&self) -> Option<Letter> {
        // Asking first is cheaper than trying: two loads.
        if self.receiver.is_empty() {
            None
        } else {
            self.receiver.try_recv().ok()
        }
    }

    fn empty(&self) {
        while let Ok(letter) = self.receiver.try_recv() {
            // Dropping a letter carries it out.
            drop(letter);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;
    use crate::task::JoinHandle;
    use crate::task::home::{HomeRef, Schedule};
    use crate::task::raw::{RawTask, Runnable};

    /// Counts its rings.
    #[derive(Clone, Default)]
    struct Counter(Arc<AtomicUsize>);

    impl Bell for Counter {
        fn ring(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Counter {
        fn get(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
    }

    /// Refuses every newborn task, so that a `Spawn` letter that is carried out drops the future.
    struct Closed;

    impl Schedule for Closed {
        fn admit(&self, task: Runnable) -> Result<(), Runnable> {
            Err(task)
        }
        fn schedule(&self, _task: Runnable) {}
        fn forget(&self, _task: RawTask) {}
        fn post(&self, _letter: Letter) {}
    }

    /// A letter that tells when it is carried out, and one that says nothing; with their handle.
    fn letters(carried_out: &Counter) -> (Letter, Letter, JoinHandle<()>) {
        struct Tell(Counter);
        impl Drop for Tell {
            fn drop(&mut self) {
                self.0.ring();
            }
        }
        let tell = Tell(carried_out.clone());
        let home = HomeRef::shared(std::sync::Arc::new(Closed));
        let future = async move { drop(tell) };
        let (runnable, raw) = RawTask::new(future, home);
        let wake = Letter::wake(raw.to_ref());
        (Letter::spawn(runnable), wake, JoinHandle::new(raw))
    }

    #[test]
    fn the_bell_rings_only_for_a_sleeper_and_once() {
        let (bell, told) = (Counter::default(), Counter::default());
        let mail = LetterBox::new(bell.clone());
        let (spawn, wake, _handle) = letters(&told);
        mail.post(wake);
        assert_eq!(bell.get(), 0);
        // A letter is there: no sleep.
        assert!(!mail.fall_asleep());
        drop(mail.take().unwrap());
        assert!(mail.fall_asleep());
        mail.post(spawn);
        assert_eq!(bell.get(), 1);
        let (spawn, wake, _other) = letters(&told);
        mail.post(wake);
        mail.post(spawn);
        assert_eq!(bell.get(), 1);
        mail.wake_up();
        while let Some(letter) = mail.take() {
            drop(letter);
        }
        assert_eq!(told.get(), 2);
        assert!(mail.take().is_none());
    }

    /// An event of the OS, or a letter, keeps the owner up: nobody need ring.
    #[test]
    fn who_is_up_is_not_rung() {
        let (bell, told) = (Counter::default(), Counter::default());
        let mail = LetterBox::new(bell.clone());
        let (spawn, wake, _handle) = letters(&told);
        assert!(mail.fall_asleep());
        mail.wake_up();
        mail.post(wake);
        assert!(!mail.fall_asleep());
        mail.post(spawn);
        assert_eq!(bell.get(), 0);
        mail.close();
    }

    #[test]
    fn closing_carries_out_what_is_there_and_what_comes() {
        let told = Counter::default();
        let mail = LetterBox::new(Counter::default());
        let (before, _wake, _handle) = letters(&told);
        mail.post(before);
        assert_eq!(told.get(), 0);
        mail.close();
        assert_eq!(told.get(), 1);
        let (after, wake, handle) = letters(&told);
        mail.post(after);
        mail.post(wake);
        assert_eq!(told.get(), 2);
        assert!(handle.is_finished());
        assert!(mail.is_empty());
    }

    /// tokio #1972: a wake, perhaps under a lock of the user, carries out nobody else's letter that
    /// runs code of a user.
    #[test]
    fn a_wake_carries_out_only_wakes() {
        let told = Counter::default();
        let mail = LetterBox::new(Counter::default());
        mail.close();
        let (spawn, wake, _handle) = letters(&told);
        // As if its poster had come no further than to put it in.
        mail.others.put(spawn);
        mail.post(wake);
        assert_eq!(told.get(), 0);
        assert!(mail.harmless.receiver.is_empty());
        mail.close();
        assert_eq!(told.get(), 1);
    }

    /// Posters race the owner, which sleeps, wakes and in the end closes: each letter is carried out
    /// once, and while the owner sleeps with letters there, the bell has rung.
    #[test]
    fn no_letter_is_lost() {
        const THREADS: usize = 3;
        let each = if cfg!(miri) { 20 } else { 2000 };
        let (bell, told) = (Counter::default(), Counter::default());
        let mail = Arc::new(LetterBox::new(bell.clone()));
        let posters: Vec<_> = (0..THREADS)
            .map(|_| {
                let (mail, told) = (mail.clone(), told.clone());
                thread::spawn(move || {
                    for _ in 0..each {
                        let (spawn, wake, handle) = letters(&told);
                        mail.post(spawn);
                        mail.post(wake);
                        drop(handle);
                    }
                })
            })
            .collect();
        // Half of them go by an owner that is up or asleep, the rest by closing.
        while told.get() < THREADS * each / 2 {
            let rung = bell.get();
            if mail.fall_asleep() {
                while bell.get() == rung {
                    thread::yield_now();
                }
                mail.wake_up();
            }
            while let Some(letter) = mail.take() {
                drop(letter);
            }
        }
        mail.close();
        for poster in posters {
            poster.join().unwrap();
        }
        assert_eq!(told.get(), THREADS * each);
    }
}
