//! The letter box of the single-thread executor: the one door through which other threads come.
//!
//! **Job.** Take letters from any thread without ever blocking it, and ring the bell if the owner
//! sleeps, and only then.
//!
//! **Owns** an unbounded crossbeam channel. It must not be bounded: posting happens inside `wake`,
//! perhaps under a lock that the executor wants before it could make room (compio #1044).
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

use crossbeam_channel::{Receiver, Sender, unbounded};

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
