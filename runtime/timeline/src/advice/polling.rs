//! Tasks that check repeatedly instead of waiting to be woken.

use std::time::Duration;

use super::waits::is_ticker;
use super::words::{Percent, Time, others};
use super::{Advice, Adviser, Kind};
use crate::figures::TaskFigures;
use crate::spans::TaskKind;

/// A task must be polled at least this often to count as busy polling. Such a task is usually polled
/// thousands of times. A task that only yields now and then is polled less often.
const MANY_POLLS: u64 = 1000;

/// The maximum average length of a poll that only checks something. Checking a flag takes well under a
/// microsecond, or a few microseconds in a debug build.
const SHORT_POLL: Duration = Duration::from_micros(if cfg!(debug_assertions) { 8 } else { 2 });

/// A busy-polling task wakes itself in at least this share of its polls. The share is less than 1, because
/// the task may also wait for other things, and because it does not wake itself in its last poll.
const MOSTLY_SELF_WOKEN: f64 = 0.9;

/// A task's sleeps count as polling only if there are at least this many. They must also have about the same
/// length, and the task must do no work between them.
const MANY_SLEEPS: usize = 10;

/// A poll counts as a check only if it takes less CPU time than this.
const LOOK: Duration = Duration::from_micros(100);

/// Loops of sleeps are reported only if workers compute for at most this share of the run. In a busier run,
/// timers are late, so a ticker (see `is_ticker`) cannot be distinguished from a loop of sleeps.
const MOSTLY_IDLE: f64 = 0.5;

/// The longest sleep that counts as polling. A task with longer sleeps follows a schedule.
const LONGEST_SLEEP: Duration = Duration::from_millis(200);

impl Adviser<'_> {
    pub(super) fn busy_polling(&self) -> Option<Advice> {
        let figures = &self.figures.tasks;
        let mut tasks: Vec<usize> = (0..figures.len())
            .filter(|&task| is_busy_polling(&figures[task]))
            .collect();
        tasks.sort_by_key(|&task| std::cmp::Reverse(figures[task].polls));
        let &task = tasks.first()?;
        let its = &figures[task];
        let text = format!(
            "{} was polled {} times, for {} on average, and woke itself in {} of these polls: the task \
             checks in a loop instead of waiting{}. Let the event wake it.",
            self.label(task),
            its.polls,
            Time(mean_poll(its)),
            Percent(its.self_woken as f64 / its.polls as f64),
            others(tasks.len() - 1),
        );
        Some(Advice {
            kind: Kind::BusyPolling,
            tasks,
            place: its.begun.zip(its.ended.or(Some(self.spans.end))),
            at_best: None,
            text,
        })
    }

    pub(super) fn timer_polling(&self) -> Option<Advice> {
        let mut found: Vec<(usize, Asking)> = (0..self.spans.tasks.len())
            .filter_map(|task| Some((task, self.asks(task)?)))
            .collect();
        let pollers: Vec<usize> = found.iter().map(|(task, _)| *task).collect();
        found.retain(|(task, asking)| self.was_answered(*task, asking, &pollers));
        found.sort_by_key(|(_, asking)| std::cmp::Reverse(asking.sleeps));
        let &(task, asking) = found.first()?;
        let text = format!(
            "{} slept {} times for about {} and only checked in between: it noticed the awaited event up to {} \
             late{}. Let the event wake it, through a channel, a Notify, or the task's handle.",
            self.label(task),
            asking.sleeps,
            Time(asking.median),
            Time(asking.median),
            others(found.len() - 1),
        );
        Some(Advice {
            kind: Kind::TimerPolling,
            tasks: found.into_iter().map(|(task, _)| task).collect(),
            place: Some((asking.from, asking.to)),
            at_best: None,
            text,
        })
    }

    /// Returns the task's sleeps and checks, or `None` if it does not check between sleeps.
    fn asks(&self, task: usize) -> Option<Asking> {
        let life = &self.spans.tasks[task];
        if life.kind == TaskKind::Job || self.figures.work > self.figures.span.mul_f64(MOSTLY_IDLE)
        {
            return None;
        }
        let sleeps = self.waits.of_task(task);
        let sleeps: Vec<_> = sleeps.iter().filter(|wait| wait.timer).collect();
        if sleeps.len() < MANY_SLEEPS {
            return None;
        }
        let mut lengths: Vec<Duration> = sleeps.iter().map(|wait| wait.length()).collect();
        lengths.sort_unstable();
        let median = lengths[lengths.len() / 2];
        // Most sleeps must have about the same length.
        let alike = lengths
            .iter()
            .filter(|&&length| length <= median * 2 && length * 2 >= median);
        if median > LONGEST_SLEEP || alike.count() * 10 < lengths.len() * 7 {
            return None;
        }
        let fired: Vec<Duration> = sleeps.iter().map(|wait| wait.to).collect();
        if is_ticker(&fired) {
            return None;
        }
        let (from, to) = (sleeps[0].from, fired[fired.len() - 1]);
        // Each poll between two sleeps is a check. The poll after the last sleep is not a check, because the
        // task then continues with its work.
        let looks = || {
            let polls = life.polls.iter().filter(|&&poll| {
                let begin = self.spans.polls[poll].begin;
                begin > from && begin < to
            });
            polls.copied()
        };
        let count = looks().count();
        let short = looks()
            .filter(|&poll| self.spans.polls[poll].on_core() < LOOK)
            .count();
        let mut acted: Vec<usize> = looks().filter(|&poll| self.has_effect(poll)).collect();
        acted.dedup();
        let fits = short * 10 >= count * 9
            && acted.len() * 20 <= count
            && count <= sleeps.len() * 11 / 10 + 2;
        fits.then_some(Asking {
            sleeps: sleeps.len(),
            median,
            from,
            to,
            last: sleeps[sleeps.len() - 1].from,
        })
    }

    /// Returns whether the poll woke or spawned another task.
    pub(super) fn has_effect(&self, poll: usize) -> bool {
        let at = &self.spans.polls[poll];
        let near = self.spans.wakes.partition_point(|wake| wake.at < at.begin);
        let wakes = self.spans.wakes[near..].iter();
        let mut wakes = wakes.take_while(|wake| wake.at <= at.end);
        wakes.any(|wake| wake.from == Some(poll) && wake.task != at.task)
    }

    /// Returns whether another task ended during the last sleep. In this case, the sleeping task probably
    /// checked for the other task's end. Ignores other tasks that also poll by timer, or that sleep at least
    /// half as often as this task. Such tasks were probably spawned together with this one for the same kind
    /// of work.
    fn was_answered(&self, task: usize, asking: &Asking, pollers: &[usize]) -> bool {
        if self.spans.tasks[task].ending == Some(crate::spans::Ending::Cancelled) {
            return false;
        }
        let half = asking.from + (asking.to - asking.from) / 2;
        let others = self.spans.tasks.iter().enumerate();
        let mut others = others.filter(|(other, _)| *other != task && !pollers.contains(other));
        others.any(|(number, other)| {
            let ended = other
                .ended
                .is_some_and(|at| at >= asking.last && at <= asking.to);
            let sleeps = self.waits.of_task(number).iter();
            let sleeps = sleeps.filter(|wait| wait.timer).count();
            ended && other.begun.is_some_and(|begun| begun <= half) && sleeps * 2 < asking.sleeps
        })
    }
}

#[derive(Clone, Copy)]
struct Asking {
    sleeps: usize,
    median: Duration,
    from: Duration,
    to: Duration,
    /// The time at which the last sleep began.
    last: Duration,
}

fn is_busy_polling(task: &TaskFigures) -> bool {
    task.polls >= MANY_POLLS
        && task.self_woken as f64 >= MOSTLY_SELF_WOKEN * task.polls as f64
        && mean_poll(task) < SHORT_POLL
        // On a virtual clock, polls take no time, so their length means nothing.
        && !task.running.is_zero()
}

fn mean_poll(task: &TaskFigures) -> Duration {
    let polls = u32::try_from(task.polls).unwrap_or(u32::MAX);
    let on_core = task.running.saturating_sub(task.blocked + task.preempted);
    on_core / polls.max(1)
}
