//! Finds tasks that wait for one another although they could wait for events at the same time.
//!
//! If only one task at a time waits for an event, and each task first waits for another task, something
//! blocks all tasks but one. Most often, a task holds a lock across an await.

use std::time::Duration;

use super::waits::{Outside, sum_and_union};
use super::words::{Percent, Time, times};
use super::{Advice, Adviser, Kind};
use crate::figures::share;
use crate::spans::Source;

/// The minimum number of tasks that wait for one another. Two tasks that take turns only exchange messages.
const FEWEST: usize = 3;

/// The *period* lasts from the beginning of the tasks' first wait for an event to the end of their last one.
/// In at least this share of the period, at least one task must wait for an event.
const MOSTLY_EVENTS: f64 = 0.6;

/// Two or more tasks may wait for events at the same time in at most this share of the period. A short
/// overlap only means that one task began to wait shortly before another task's wait had ended.
const HARDLY_TOGETHER: f64 = 0.05;

/// The tasks must wait for one another for at least this share of their lives.
const MOSTLY_FOR_TASKS: f64 = 0.4;

/// A period is reported only if it is at least this long.
const LEAST: Duration = Duration::from_millis(5);

impl Adviser<'_> {
    pub(super) fn in_line(&self) -> Option<Advice> {
        let (mut tasks, waits) = self.stand_in_line();
        if tasks.len() < FEWEST {
            return None;
        }
        let (sum, any) = sum_and_union(waits.iter().map(|wait| (wait.from, wait.to)));
        let from = waits.iter().map(|wait| wait.from).min()?;
        let to = waits.iter().map(|wait| wait.to).max()?;
        let span = to - from;
        let for_tasks: Duration = tasks.iter().map(|&task| self.waits.for_tasks[task]).sum();
        let lives = tasks.iter().map(|&task| self.figures.tasks[task].life());
        let waiting = share(for_tasks, lives.sum());
        let fires = span >= LEAST
            && any >= span.mul_f64(MOSTLY_EVENTS)
            && sum - any <= span.mul_f64(HARDLY_TOGETHER)
            && waiting >= MOSTLY_FOR_TASKS;
        if !fires {
            return None;
        }
        tasks.sort_by_key(|&task| std::cmp::Reverse(self.waits.for_tasks[task]));
        let mut each = vec![Duration::ZERO; self.spans.tasks.len()];
        for wait in &waits {
            each[wait.task] += wait.length();
        }
        let longest = each.into_iter().max()?;
        let all = self.figures.span;
        let at_best =
            all.as_secs_f64() / (all.saturating_sub(sum) + longest).as_secs_f64().max(1e-9);
        let text = format!(
            "{} tasks, {} among them, waited for events one at a time, for {} of a period of {}. They \
             waited for one another for {} of their time. If they hold a lock or a permit across an await, \
             release it before the await: the program would be at best about {} times as fast. If each \
             needs another's result, they must wait.",
            tasks.len(),
            self.label(tasks[0]),
            Time(sum),
            Time(span),
            Percent(waiting),
            times(at_best),
        );
        Some(Advice {
            kind: Kind::InLine,
            tasks,
            place: Some((from, to)),
            at_best: Some(at_best),
            text,
        })
    }

    /// Returns the tasks that waited for an event after another task had woken them. Also returns every wait
    /// for an event by one of these tasks, or by a task that woke one of them.
    fn stand_in_line(&self) -> (Vec<usize>, Vec<Outside>) {
        let count = self.spans.tasks.len();
        let mut in_line = vec![false; count];
        for wait in &self.waits.outside {
            let before = self.waits.let_through[wait.task].first();
            in_line[wait.task] |= before.is_some_and(|&at| at <= wait.from);
        }
        let tasks: Vec<usize> = (0..count)
            .filter(|&task| in_line[task] && self.spans.tasks[task].is_task())
            .collect();
        // A task that wakes one of these tasks belongs to the same queue, for example as the first holder of
        // the lock. So count the waits of the waking task too.
        let mut belongs = in_line.clone();
        for wake in self.spans.wakes.iter().filter(|wake| in_line[wake.task]) {
            if let Source::Task(by) = wake.source {
                belongs[by] = true;
            }
        }
        let waits = self.waits.outside.iter().filter(|wait| belongs[wait.task]);
        (tasks, waits.copied().collect())
    }
}
