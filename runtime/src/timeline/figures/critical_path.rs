//! The longest chain of cause and effect.
//!
//! **Job.** [`Figures::critical_path`](super::Figures::critical_path), which defines it.
//!
//! **Owns** a clock for each task, during the pass. **Never** looks at what a task did, only at who woke
//! whom and when.
//!
//! # How
//!
//! One pass, in order of time, that keeps for each task the length of the chain that leads to where
//! the task is. It is a clock that runs like that on the wall, with two exceptions: it stands still
//! while the task is queued, and whoever is woken by another task takes over that one's clock if it
//! is ahead. So no chain is ever ahead of the wall, and this is why the longest of them never
//! exceeds the run.

use std::time::Duration;

use super::super::{Outcome, Timeline, WakeEffect, What};

/// The length of the longest chain.
pub(super) fn length(timeline: &Timeline) -> Duration {
    let mut paths = Paths {
        links: vec![Link::default(); timeline.tasks.len()],
        began: None,
        now: Duration::ZERO,
        longest: Duration::ZERO,
    };
    for event in &timeline.events {
        paths.now = paths.now.max(event.at);
        paths.take(event.what);
    }
    paths.now = timeline.end();
    if timeline.dropped == 0 {
        paths.end_all();
    }
    paths.longest
}

struct Paths {
    links: Vec<Link>,
    /// When the first task did.
    began: Option<Duration>,
    now: Duration,
    longest: Duration,
}

/// The chain that leads to a task.
#[derive(Clone, Default)]
struct Link {
    state: State,
    /// How long it was at the last change of state, and when that was.
    chain: Duration,
    since: Duration,
    /// The longest chain of those who woke it during its poll, which is still under way.
    woken: Option<Duration>,
    /// The longest chain of the tasks that it awaited and that ended since it was last polled.
    told: Option<Duration>,
    joiner: Option<usize>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Unseen,
    Ready,
    Running,
    Waiting,
    Ended,
}

impl Paths {
    fn take(&mut self, what: What) {
        match what {
            What::Spawn { task, by } => {
                if self.links[task].state == State::Unseen {
                    self.appear(task);
                    if let Some(by) = by {
                        self.links[task].chain = self.chain(by);
                    }
                }
            }
            What::PollBegin { task } => self.begin_poll(task),
            What::PollEnd { task, outcome } => self.end_poll(task, outcome),
            What::Cancel { task } => self.end(task),
            What::Wake {
                effect: WakeEffect::Nothing,
                ..
            } => {}
            What::Wake { task, by, effect } => self.wake(task, by, effect == WakeEffect::Again),
            // The one who asks causes the end.
            What::Abort { task, by } => {
                if self.links[task].state != State::Unseen {
                    self.wake(task, by, false);
                }
            }
            What::Join { task, by } => self.join(task, by),
            What::Stranded { .. }
            | What::Steal { .. }
            | What::Park
            | What::Unpark
            | What::IoReady { .. }
            | What::TimersFired { .. } => {}
        }
    }

    /// A task whose cause is not on record begins when it begins.
    fn appear(&mut self, task: usize) {
        let began = *self.began.get_or_insert(self.now);
        let now = self.now;
        let link = &mut self.links[task];
        link.state = State::Ready;
        link.chain = now - began;
        link.since = now;
    }

    /// How long the chain of the task is by now: it grows while the task runs.
    fn chain(&self, task: usize) -> Duration {
        let link = &self.links[task];
        match link.state {
            State::Running => link.chain + (self.now - link.since),
            _ => link.chain,
        }
    }

    fn begin_poll(&mut self, task: usize) {
        match self.links[task].state {
            State::Unseen | State::Ended => self.appear(task),
            // Nothing on record woke it, or the end of its last poll is missing.
            State::Waiting | State::Running => self.wait(task),
            State::Ready => {}
        }
        let now = self.now;
        let link = &mut self.links[task];
        link.chain = link.chain.max(link.told.take().unwrap_or_default());
        link.since = now;
        link.state = State::Running;
    }

    fn end_poll(&mut self, task: usize, outcome: Outcome) {
        match self.links[task].state {
            State::Ended => return,
            State::Unseen => self.appear(task),
            _ => {}
        }
        let chain = self.chain(task);
        let now = self.now;
        let link = &mut self.links[task];
        let woken = link.woken.take();
        link.chain = chain.max(woken.unwrap_or_default());
        link.since = now;
        link.state = match woken {
            Some(_) => State::Ready,
            None => State::Waiting,
        };
        self.longest = self.longest.max(chain);
        if outcome != Outcome::Pending {
            self.end(task);
        }
    }

    /// The task waited until now for something outside.
    fn wait(&mut self, task: usize) {
        let now = self.now;
        let link = &mut self.links[task];
        link.chain += now - link.since;
        link.since = now;
    }

    fn wake(&mut self, task: usize, by: Option<usize>, again: bool) {
        let cause = by.map(|by| self.chain(by));
        match self.links[task].state {
            State::Ended => return,
            State::Unseen => return self.appear(task),
            State::Ready if !again => return,
            // Or the waker looked at the clock before the poll began, which it then met.
            State::Running | State::Ready => {
                let woken = &mut self.links[task].woken;
                *woken = (*woken).max(Some(cause.unwrap_or_default()));
                return;
            }
            State::Waiting => {}
        }
        // The end of an awaited task wakes as nobody: its poll is over by then.
        match cause.or(self.links[task].told) {
            Some(cause) => {
                let link = &mut self.links[task];
                link.chain = link.chain.max(cause);
            }
            None => self.wait(task),
        }
        self.links[task].state = State::Ready;
    }

    fn join(&mut self, task: usize, by: usize) {
        if self.links[task].state != State::Ended {
            self.links[task].joiner = Some(by);
            return;
        }
        // It finds the task at its end, and goes on from there.
        let ended = self.links[task].chain;
        let chain = self.chain(by).max(ended);
        let now = self.now;
        let link = &mut self.links[by];
        if link.state == State::Running {
            link.chain = chain;
            link.since = now;
            link.told = link.told.filter(|told| *told > ended);
        }
    }

    fn end(&mut self, task: usize) {
        if matches!(self.links[task].state, State::Unseen | State::Ended) {
            return;
        }
        let chain = self.chain(task);
        let link = &mut self.links[task];
        link.chain = chain;
        link.state = State::Ended;
        if let Some(joiner) = link.joiner.take() {
            let told = &mut self.links[joiner].told;
            *told = (*told).max(Some(chain));
        }
    }

    /// The record ends, and what runs has run until then. What a task waits for then nobody knows,
    /// so that waiting is no link.
    fn end_all(&mut self) {
        let running = |link: &&Link| link.state == State::Running;
        let chains = self.links.iter().filter(running);
        let longest = chains
            .map(|link| link.chain + (self.now - link.since))
            .max();
        self.longest = self.longest.max(longest.unwrap_or_default());
    }
}
