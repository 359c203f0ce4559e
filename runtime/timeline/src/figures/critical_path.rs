//! Computes the longest chain of cause and effect, as defined by
//! [`Figures::critical_path`](super::Figures::critical_path).
//!
//! The computation passes over the polls once, in the order in which they began. For each poll, it computes
//! the length of the chain that leads to the poll's beginning, and of the chain that leads to its end. A
//! chain grows while a task runs, or waits for something other than a task. If another task woke the task,
//! the longer of the two tasks' chains continues. So the chain to an instant is never longer than the run up
//! to that instant.

use std::time::Duration;

use crate::spans::{Poll, Source, Spans, State, Wake};

/// Returns the length of the longest chain.
pub(super) fn length(spans: &Spans) -> Duration {
    let mut chains = Chains::new(spans);
    for poll in 0..spans.polls.len() {
        chains.poll(poll);
    }
    let ends = chains.links.iter().map(|link| link.end);
    ends.max().unwrap_or_default()
}

struct Chains<'a> {
    spans: &'a Spans,
    began: Duration,
    /// For each poll, the lengths of the chains that lead to it.
    links: Vec<Link>,
    /// For each task, how many of its polls and spans have been processed.
    read: Vec<(usize, usize)>,
    /// For each task that ended, the task that awaited its end.
    joiner: Vec<Option<usize>>,
    /// For each task, the awaited tasks that ended since the task's last poll. An entry is the time of the
    /// end, and the length of the ended task's chain.
    told: Vec<Vec<(Duration, Duration)>>,
    /// For each task, the indices of the joins that it made.
    joins: Vec<Vec<usize>>,
}

/// The lengths of the chains that lead to the beginning and to the end of a poll.
#[derive(Clone, Copy, Default)]
struct Link {
    begin: Duration,
    end: Duration,
    /// The last time within the poll at which the end of an awaited task lengthened the chain.
    raised: Option<Duration>,
}

impl<'a> Chains<'a> {
    fn new(spans: &'a Spans) -> Self {
        let tasks = spans.tasks.len();
        let mut joiner = vec![None; tasks];
        let mut joins = vec![Vec::new(); tasks];
        for (index, join) in spans.joins.iter().enumerate() {
            if spans.tasks[join.task]
                .ended
                .is_some_and(|ended| join.at <= ended)
            {
                joiner[join.task] = Some(join.by);
            }
            joins[join.by].push(index);
        }
        let begun = spans.tasks.iter().filter_map(|task| task.begun);
        Chains {
            spans,
            began: begun.min().unwrap_or_default(),
            links: vec![Link::default(); spans.polls.len()],
            read: vec![(0, 0); tasks],
            joiner,
            told: vec![Vec::new(); tasks],
            joins,
        }
    }

    fn poll(&mut self, index: usize) {
        let poll = self.spans.polls[index];
        let task = poll.task;
        let mut begin = self.before(&poll);
        if let Some(cause) = poll.cause {
            begin = begin.max(self.cause(&self.spans.wakes[cause]).unwrap_or_default());
        }
        self.told[task].retain(|&(ended, chain)| {
            let known = ended <= poll.begin;
            if known {
                begin = begin.max(chain);
            }
            !known
        });
        self.links[index] = self.within(&poll, begin);
        self.read[task].0 += 1;
        let life = &self.spans.tasks[task];
        if self.read[task].0 == life.polls.len()
            && let (Some(ended), Some(joiner)) = (life.ended, self.joiner[task])
        {
            self.told[joiner].push((ended, self.links[index].end));
        }
    }

    /// Returns the length of the task's own chain up to this poll: the length at the end of the task's
    /// previous poll, plus the time that the task has since waited for something other than a task.
    fn before(&mut self, poll: &Poll) -> Duration {
        let life = &self.spans.tasks[poll.task];
        let (polls, mut spans) = self.read[poll.task];
        let mut chain = match polls.checked_sub(1) {
            Some(last) => self.links[life.polls[last]].end,
            None => {
                let spawn = poll.cause.map(|wake| &self.spans.wakes[wake]);
                match spawn.and_then(|wake| self.cause(wake)) {
                    Some(_) => Duration::ZERO,
                    // If the record shows no cause of the spawn, the chain's length is the time from the
                    // beginning of the first task to the spawn.
                    None => life.begun.unwrap_or(poll.begin).saturating_sub(self.began),
                }
            }
        };
        while let Some(span) = life.spans.get(spans)
            && span.from < poll.begin
        {
            spans += 1;
            if span.state == State::Waiting {
                let wake = span.wake.map(|wake| &self.spans.wakes[wake]);
                match wake.and_then(|wake| self.cause(wake)) {
                    Some(cause) => chain = chain.max(cause),
                    // The task waited for something other than a task.
                    None => chain += span.length(),
                }
            }
        }
        self.read[poll.task].1 = spans;
        chain
    }

    /// Returns the length of the chain that leads to the wake, if a poll of another task caused the wake.
    fn cause(&self, wake: &Wake) -> Option<Duration> {
        let by = match wake.source {
            Source::Spawn(by) => by?,
            Source::Task(by) | Source::Join(by) => by,
            Source::Io | Source::Timer | Source::Thread => return None,
        };
        // A task that wakes itself does not lengthen its chain.
        let from = wake.from.filter(|_| by != wake.task)?;
        let (poll, link) = (&self.spans.polls[from], self.links[from]);
        if wake.at >= poll.end {
            Some(link.end)
        } else if link.raised.is_some_and(|raised| raised <= wake.at) {
            Some(link.end.saturating_sub(poll.end - wake.at))
        } else {
            Some(link.begin + wake.at.saturating_sub(poll.begin))
        }
    }

    /// Takes `begin`, the length of the chain at the beginning of the poll. Returns this length together with
    /// the length at the end of the poll. If the poll awaits a task that has already ended, the longer of the
    /// two tasks' chains continues.
    fn within(&mut self, poll: &Poll, begin: Duration) -> Link {
        let mut link = Link {
            begin,
            end: begin + poll.length(),
            raised: None,
        };
        let joins = &mut self.joins[poll.task];
        let now = joins.partition_point(|&join| self.spans.joins[join].at <= poll.end);
        for join in joins.drain(..now) {
            let join = self.spans.joins[join];
            let other = &self.spans.tasks[join.task];
            if other.ended.is_none_or(|ended| ended > join.at) {
                continue;
            }
            let last = other.polls.last().map(|&last| self.links[last].end);
            let at_end = last.unwrap_or_default() + (poll.end - join.at.max(poll.begin));
            if at_end > link.end {
                link.end = at_end;
                link.raised = Some(join.at);
            }
        }
        link
    }
}
