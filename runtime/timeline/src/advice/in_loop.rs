//! Finds steps that a task takes one after the other, although nothing shows that a step needs the result of
//! the previous one.

use std::time::Duration;

use super::waits::{Outside, covered, is_ticker};
use super::words::{Percent, Time, counted, times, workers};
use super::{Advice, Adviser, Kind};
use crate::figures::share;
use crate::spans::{State, TaskKind};

/// The minimum number of steps. Two or three steps may well depend on each other.
const FEWEST: usize = 4;

/// A wait counts only if it takes at least this time. If waits are shorter, a program gains nothing by
/// waiting for all events at once.
const LEAST_WAIT: Duration = Duration::from_millis(1);

/// A loop of spawns is reported only if the spawned tasks live at least this long, on average.
const LEAST_LIFE: Duration = Duration::from_micros(200);

/// The loop must take at least this share of the run.
const MOST_OF_RUN: f64 = 0.5;

/// The waits or the spawned tasks must take at least this share of the loop's time.
const MOST_OF_LOOP: f64 = 0.6;

/// Other tasks may be active in at most this share of the loop.
const HARDLY_ANYTHING_ELSE: f64 = 0.15;

/// A wait that takes at least this share of the run counts as a server's wait for its next client.
const STANDING: f64 = 0.5;

/// If an event on a socket comes at most this long before or after the end of a poll, the poll may have
/// caused the event: it may have written to the other end of the connection.
const SOON: Duration = Duration::from_micros(500);

impl Adviser<'_> {
    pub(super) fn awaits_in_loop(&self) -> Option<Advice> {
        let candidates = (0..self.spans.tasks.len()).filter_map(|task| {
            let all = self.waits.of_task(task);
            let waits = all
                .iter()
                .copied()
                .filter(|wait| wait.length() >= LEAST_WAIT);
            let waits: Vec<Outside> = waits.collect();
            // If fewer than one in three waits is long, the task exchanges messages, so ignore it. The bound
            // is not higher, because a step may also have short waits, such as the wait for a connection. It
            // is not lower, because on a busy machine a few waits for messages are long.
            if waits.len() * 3 < all.len() {
                return None;
            }
            let sum: Duration = waits.iter().map(Outside::length).sum();
            (waits.len() >= FEWEST).then_some((sum, task, waits))
        });
        let (sum, task, waits) =
            candidates.max_by_key(|(sum, task, _)| (*sum, usize::MAX - task))?;
        let span = self.figures.span;
        let (from, to) = (waits[0].from, waits[waits.len() - 1].to);
        let longest = waits.iter().map(Outside::length).max()?;
        let timers: Vec<Duration> = waits
            .iter()
            .filter(|wait| wait.timer)
            .map(|wait| wait.to)
            .collect();
        // Do not report a ticker, which is a task that waits for fixed instants. On a busy machine, a ticker
        // cannot be distinguished from a loop of sleeps, so report neither.
        let ticks = timers.len() == waits.len() && (self.is_crowded() || is_ticker(&timers));
        let evenly = longest < sum.mul_f64(0.6);
        if ticks
            || !evenly
            || sum < span.mul_f64(MOST_OF_RUN)
            || sum < (to - from).mul_f64(MOST_OF_LOOP)
        {
            return None;
        }
        // Do not report a task that wakes other tasks after most of its waits, because the other tasks then
        // work between the waits.
        let polls = &self.spans.tasks[task].polls;
        let telling = polls.iter().filter(|&&poll| self.has_effect(poll)).count();
        if telling * 2 > waits.len() {
            return None;
        }
        let its: Vec<_> = waits.iter().map(|wait| (wait.from, wait.to)).collect();
        if covered(&its, &self.goes_on_beside(task)) > sum.mul_f64(HARDLY_ANYTHING_ELSE) {
            return None;
        }
        let at_best = span.as_secs_f64() / (span.saturating_sub(sum) + longest).as_secs_f64();
        let text = format!(
            "{} waited for {} things one after the other, for {} of the run's {}, and hardly anything else \
             happened. If none of them needs the result of the previous one, begin them all and await them \
             together (spawn or join). The program would be at best about {} times as fast.",
            self.label(task),
            waits.len(),
            Time(sum),
            Time(span),
            times(at_best),
        );
        Some(Advice {
            kind: Kind::AwaitsInLoop,
            tasks: vec![task],
            place: Some((from, to)),
            at_best: Some(at_best),
            text,
        })
    }

    /// Returns the times in which other tasks computed or waited independently of this task. Leaves out a
    /// wait that this task may have ended, and a wait whose end may have woken this task.
    fn goes_on_beside(&self, task: usize) -> Vec<(Duration, Duration)> {
        let standing = self.figures.span.mul_f64(STANDING);
        let by_io: Vec<Duration> = self
            .waits
            .of_task(task)
            .iter()
            .filter(|wait| wait.io)
            .map(|wait| wait.to)
            .collect();
        let near = |instants: &[Duration], from: Duration, to: Duration| {
            let at = instants.partition_point(|&at| at < from);
            instants.get(at).is_some_and(|&at| at <= to)
        };
        let polls: Vec<Duration> = self.spans.tasks[task]
            .polls
            .iter()
            .map(|&poll| self.spans.polls[poll].end)
            .collect();
        let tickers = self.tickers();
        let waits = self.waits.outside.iter().filter(|wait| {
            let answers = wait.io && near(&polls, wait.to.saturating_sub(SOON), wait.to + SOON);
            let causes = near(&by_io, wait.to, wait.to + SOON);
            wait.task != task
                && wait.length() < standing
                && !tickers[wait.task]
                && !answers
                && !causes
        });
        let mut beside: Vec<_> = waits.map(|wait| (wait.from, wait.to)).collect();
        let polls = self.spans.polls.iter().filter(|poll| poll.task != task);
        beside.extend(polls.map(|poll| (poll.begin, poll.end)));
        beside
    }

    /// Returns, for each task, whether it is a ticker that hardly ever wakes other tasks.
    fn tickers(&self) -> Vec<bool> {
        let ticks = |task: usize| {
            let waits = self.waits.of_task(task);
            let fired: Vec<Duration> = waits
                .iter()
                .filter(|wait| wait.timer)
                .map(|wait| wait.to)
                .collect();
            let polls = &self.spans.tasks[task].polls;
            let telling = polls.iter().filter(|&&poll| self.has_effect(poll)).count();
            fired.len() == waits.len() && telling * 10 <= polls.len() && is_ticker(&fired)
        };
        (0..self.spans.tasks.len()).map(ticks).collect()
    }

    pub(super) fn spawn_in_loop(&self) -> Option<Advice> {
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.spans.tasks.len()];
        for join in &self.spans.joins {
            let child = &self.spans.tasks[join.task];
            let own = child.spawned_by == Some(join.by);
            if own && child.ended.is_some() && children[join.by].last() != Some(&join.task) {
                children[join.by].push(join.task);
            }
        }
        let lines = children
            .into_iter()
            .enumerate()
            .filter_map(|(parent, list)| {
                let line = self.longest_line(&list);
                (line.len() >= FEWEST).then(|| (self.lived(&line), parent, line))
            });
        let (sum, parent, line) =
            lines.max_by_key(|(sum, parent, _)| (*sum, usize::MAX - parent))?;
        let life = |task: usize| {
            let task = &self.spans.tasks[task];
            (
                task.begun.unwrap_or_default(),
                task.ended.unwrap_or_default(),
            )
        };
        let (from, to) = (life(line[0]).0, life(line[line.len() - 1]).1);
        let span = self.figures.span;
        let count = u32::try_from(line.len()).unwrap_or(u32::MAX);
        if sum / count < LEAST_LIFE
            || sum < (to - from).mul_f64(MOST_OF_LOOP)
            || to - from < span.mul_f64(MOST_OF_RUN)
        {
            return None;
        }
        let its: Vec<_> = line.iter().map(|&child| life(child)).collect();
        // Work of tasks that the children spawned counts as work of the children.
        let beside = self.works_beside(&line, parent);
        if covered(&its, &beside) > sum.mul_f64(HARDLY_ANYTHING_ELSE) {
            return None;
        }
        let longest = its.iter().map(|(from, to)| *to - *from).max()?;
        let running: Duration = line
            .iter()
            .map(|&child| self.figures.tasks[child].running)
            .sum();
        let computes = share(running, sum) >= 0.5;
        let jobs = line
            .iter()
            .all(|&child| self.spans.tasks[child].kind == TaskKind::Job);
        let hands = if jobs {
            self.cores
        } else {
            self.spans.workers.min(self.cores)
        };
        let shared = if computes && !jobs {
            sum / u32::try_from(hands.max(1)).unwrap_or(1)
        } else {
            longest
        };
        let left = span.saturating_sub(sum) + shared.max(longest);
        let at_best = span.as_secs_f64() / left.as_secs_f64();
        let noun = if jobs { "job" } else { "task" };
        let gain = match computes && !jobs && hands < 2 {
            true => format!(
                "They compute, so with one {}, spawning them all gains nothing; with two, it would",
                workers(1).trim_start_matches("1 ")
            ),
            false => format!(
                "At best, the program would be about {} times as fast",
                times(at_best)
            ),
        };
        let text = format!(
            "{} spawned {} and awaited each before it spawned the next, for {} of the run. No two of them \
             existed at once; the first was {}. If none of them needs the result of the previous one, spawn \
             them all and await them afterwards. {gain}.",
            self.label(parent),
            counted(line.len(), noun),
            Percent(share(sum, span)),
            self.label(line[0]),
        );
        let mut tasks = vec![parent];
        tasks.extend(line);
        Some(Advice {
            kind: Kind::SpawnInLoop,
            tasks,
            place: Some((from, to)),
            at_best: Some(at_best.max(1.0)),
            text,
        })
    }

    /// Returns the longest sequence of consecutive tasks in `list` in which each task began after the
    /// previous task had ended.
    fn longest_line(&self, list: &[usize]) -> Vec<usize> {
        let (mut best, mut line): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        for &child in list {
            let begun = self.spans.tasks[child].begun;
            let before = line
                .last()
                .and_then(|&last: &usize| self.spans.tasks[last].ended);
            if before.is_some_and(|before| begun.is_some_and(|begun| begun < before)) {
                line.clear();
            }
            line.push(child);
            if line.len() > best.len() {
                best.clone_from(&line);
            }
        }
        best
    }

    fn lived(&self, tasks: &[usize]) -> Duration {
        tasks
            .iter()
            .map(|&task| self.figures.tasks[task].life())
            .sum()
    }

    fn works_beside(&self, line: &[usize], parent: usize) -> Vec<(Duration, Duration)> {
        let mut own = vec![false; self.spans.tasks.len()];
        own[parent] = true;
        line.iter().for_each(|&task| own[task] = true);
        // Each task has a higher index than the task that spawned it, so one pass suffices.
        for task in 0..own.len() {
            if let Some(by) = self.spans.tasks[task].spawned_by {
                own[task] |= own[by] && by != parent;
            }
        }
        let standing = self.figures.span.mul_f64(STANDING);
        let tickers = self.tickers();
        let lives = self.spans.tasks.iter().enumerate();
        let others = lives.filter(|(task, _)| !own[*task] && !tickers[*task]);
        let others = others.filter(|(_, task)| task.kind != TaskKind::Main);
        let spans = others.flat_map(|(_, task)| &task.spans);
        let spans = spans.filter(|span| match span.state {
            State::Waiting => span.wake.is_some() && !span.joins && span.length() < standing,
            State::Running | State::Queued => true,
        });
        spans.map(|span| (span.from, span.to)).collect()
    }
}
