//! Tasks that nothing can wake.

use std::time::Duration;

use super::words::{Time, counted, others};
use super::{Advice, Adviser, Kind};

/// A task is reported if it has been stranded for at least this time. If the time is shorter, the record may
/// have ended just before the task was cancelled. The value is arbitrary, not measured.
const LONG_STRANDED: Duration = Duration::from_millis(10);

impl Adviser<'_> {
    pub(super) fn stranded(&self) -> Option<Advice> {
        let end = self.spans.end;
        let tasks = self.spans.tasks.iter().enumerate();
        let mut found: Vec<(Duration, usize)> = tasks
            // Leave out tasks that have ended: they were cancelled, and no longer wait.
            .filter(|(_, task)| task.ending.is_none())
            .filter_map(|(index, task)| Some((end.saturating_sub(task.stranded?), index)))
            .filter(|(waited, _)| *waited >= LONG_STRANDED)
            .collect();
        found.sort_by_key(|&(waited, index)| (std::cmp::Reverse(waited), index));
        let &(waited, task) = found.first()?;
        let polls = self.spans.tasks[task].polls.len();
        let text = format!(
            "{} waits, but nothing holds its waker: after {} nothing could wake it any more. It had waited \
             for {} when the record ended{}. A future that returns Pending must keep the waker of that poll, \
             or pass it on.",
            self.label(task),
            counted(polls, "poll"),
            Time(waited),
            others(found.len() - 1),
        );
        Some(Advice {
            kind: Kind::Stranded,
            tasks: found.into_iter().map(|(_, task)| task).collect(),
            place: Some((end.saturating_sub(waited), end)),
            at_best: None,
            text,
        })
    }
}
