//! Polls that occupy a worker for too long: some block its thread, others compute.

use std::time::Duration;

use super::words::{Time, counted, others};
use super::{Advice, Adviser, Kind, WORKER};
use crate::figures::stall;
use crate::spans::{Poll, Source, State, TaskKind, TaskSpans};

/// Polls that block for less time are ignored, because a page fault or a brief lock may be the cause.
const BRIEF: Duration = Duration::from_micros(300);

/// Even a single poll is reported if it blocks for this long.
const ONE_BLOCK: Duration = Duration::from_millis(5);

/// Several polls that block are reported only if they block for at least this share of the run in total.
const BLOCKED_SHARE: f64 = 0.1;
/// These polls must also block for at least this time in total.
const MANY_BLOCKS: Duration = Duration::from_millis(10);

/// A poll that computes for this long is reported if it delays other tasks. The bound is less than the time
/// of a frame at 60 Hz (16.67 ms).
const LONG_COMPUTING: Duration = Duration::from_millis(10);

/// If a task's median poll takes more than 1 / `ALIKE` of the long poll's CPU time, that task computes too,
/// so it does not count as delayed.
const ALIKE: u32 = 4;

/// After a period in which all workers were in polls, an event counts as delayed by the period if the event
/// loop notices it within this time. Because the machine may be busy, 1 / `PART` of the period's length is
/// added to this time.
const PROMPTLY: Duration = Duration::from_millis(2);
const PART: u32 = 4;

impl Adviser<'_> {
    pub(super) fn blocking(&self) -> Option<Advice> {
        let polls = self.spans.polls.iter();
        let blocks = polls.filter(|poll| {
            self.spans.is_worker(poll.lane)
                && poll.blocked() >= BRIEF
                && poll.blocked() >= poll.length() / 3
        });
        let mut sums = vec![(Duration::ZERO, 0usize); self.spans.tasks.len()];
        let mut longest: Option<&Poll> = None;
        for poll in blocks {
            sums[poll.task].0 += poll.blocked();
            sums[poll.task].1 += 1;
            if longest.is_none_or(|longest| poll.blocked() > longest.blocked()) {
                longest = Some(poll);
            }
        }
        let longest = longest?;
        let total: Duration = sums.iter().map(|sum| sum.0).sum();
        let many = total >= MANY_BLOCKS && total >= self.figures.span.mul_f64(BLOCKED_SHARE);
        // Without spawned tasks, a main future that blocks does no harm, so report nothing.
        let alone = self.figures.spawned == 0;
        if alone || (longest.blocked() < ONE_BLOCK && !many) {
            return None;
        }
        let mut tasks: Vec<usize> = (0..sums.len()).filter(|&task| sums[task].1 > 0).collect();
        tasks.sort_by_key(|&task| std::cmp::Reverse(sums[task].0));
        // `longest` is the poll that blocked longest. Keep only tasks that blocked, in total, for at least a
        // tenth as long as the task of this poll.
        tasks.retain(|&task| sums[task].0 * 10 >= sums[longest.task].0);
        tasks.retain(|&task| task != longest.task);
        tasks.insert(0, longest.task);
        let (blocked, count) = sums[longest.task];
        let text = format!(
            "{} blocked {} for {} in one poll, and for {} in all ({}){}. In such a poll, either the task \
             made a call that waits (a sleep, a file, a socket of std), or it waited for a lock that \
             another thread held. Await instead, or use spawn_blocking. Do not hold a lock for long.",
            self.label(longest.task),
            self.lane(longest.lane),
            Time(longest.blocked()),
            Time(blocked),
            counted(count, "poll"),
            others(tasks.len() - 1),
        );
        Some(Advice {
            kind: Kind::Blocking,
            tasks,
            place: Some((longest.begin, longest.end)),
            at_best: None,
            text,
        })
    }

    pub(super) fn computing(&self) -> Option<Advice> {
        let times = stall::full_times(self.spans).into_iter().filter(|time| {
            let poll = &self.spans.polls[time.poll];
            poll.on_core() >= LONG_COMPUTING && time.length() >= LONG_COMPUTING
        });
        let mut times: Vec<_> = times.collect();
        times.sort_by_key(|time| std::cmp::Reverse(self.spans.polls[time.poll].on_core()));
        // Check only the 100 longest polls, because the whole run may consist of long polls.
        let found = times.iter().take(100).find_map(|time| {
            let poll = self.spans.polls[time.poll];
            let held = self.held_up(&poll, time.from, time.to);
            (!held.is_empty()).then_some((poll, held))
        });
        let (poll, held) = found?;
        let is_long =
            |other: &&Poll| self.spans.is_worker(other.lane) && other.on_core() >= LONG_COMPUTING;
        let mut tasks: Vec<usize> = self
            .spans
            .polls
            .iter()
            .filter(is_long)
            .map(|poll| poll.task)
            .collect();
        tasks.sort_unstable();
        tasks.dedup();
        tasks.retain(|&task| task != poll.task);
        tasks.insert(0, poll.task);
        let all = match self.spans.workers {
            1 => String::new(),
            count => format!(", while all {count} {WORKER}s were taken"),
        };
        let text = format!(
            "{} computed for {} in one poll on {}{all}. In that time {} could not run, {} among them{}. \
             Yield in between (yield_now), or compute in spawn_blocking.",
            self.label(poll.task),
            Time(poll.on_core()),
            self.lane(poll.lane),
            counted(held.len(), "other task"),
            self.label(held[0]),
            others(tasks.len() - 1),
        );
        Some(Advice {
            kind: Kind::Computing,
            tasks,
            place: Some((poll.begin, poll.end)),
            at_best: None,
            text,
        })
    }

    /// Returns the tasks that could have used a worker between the two instants. Each of these tasks was
    /// ready in this period, or the event loop noticed an event for the task right after the period. Tasks
    /// that compute for long themselves are left out.
    fn held_up(&self, by: &Poll, from: Duration, to: Duration) -> Vec<usize> {
        let tasks = self.spans.tasks.iter().enumerate();
        let held = tasks.filter(|(index, task)| {
            if *index == by.task || task.kind == TaskKind::Job {
                return false;
            }
            let at = task.spans.partition_point(|span| span.to < to);
            let Some(span) = task.spans.get(at).filter(|span| span.from < to) else {
                return false;
            };
            let is_held = match span.state {
                State::Running => false,
                // Do not count a task that became ready because an awaited task had ended.
                State::Queued => {
                    !self.was_joined(task, at) && to - span.from.max(from) >= LONG_COMPUTING / 2
                }
                State::Waiting => span.wake.is_some_and(|wake| {
                    let wake = &self.spans.wakes[wake];
                    let outside = matches!(wake.source, Source::Io | Source::Timer);
                    // Do not count a wait that began near the end of the period.
                    outside
                        && wake.at < to + PROMPTLY + (to - from) / PART
                        && wake.at >= to
                        && span.from < to - LONG_COMPUTING / 2
                }),
            };
            let polls = task
                .polls
                .iter()
                .map(|&poll| self.spans.polls[poll].length());
            let mut polls: Vec<Duration> = polls.collect();
            polls.sort_unstable();
            let median = polls.get(polls.len() / 2).copied().unwrap_or_default();
            is_held && median * ALIKE <= by.on_core()
        });
        held.map(|(index, _)| index).collect()
    }

    /// Returns whether the task became ready because a task that it awaited ended.
    fn was_joined(&self, task: &TaskSpans, queued: usize) -> bool {
        let before = queued.checked_sub(1).map(|before| &task.spans[before]);
        let wake = before
            .and_then(|span| span.wake)
            .map(|wake| &self.spans.wakes[wake]);
        wake.is_some_and(|wake| matches!(wake.source, Source::Join(_)))
    }

    /// Returns the name of a thread. For a worker, the name is [`WORKER`] and the worker's number.
    pub(super) fn lane(&self, lane: usize) -> String {
        match self.spans.lanes[lane].kind {
            brigade::timeline::LaneKind::Worker(number) => format!("{WORKER} {number}"),
            _ => self.timeline.lanes[lane].name.clone(),
        }
    }
}
