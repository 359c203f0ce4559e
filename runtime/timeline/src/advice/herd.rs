//! Finds polls that wake many tasks although only one or few of them can continue.

use super::words::{Percent, counted};
use super::{Advice, Adviser, Kind};
use crate::spans::{Source, TaskKind};
use brigade::timeline::{Outcome, WakeEffect};

/// A poll that wakes at least this many tasks wakes a *crowd*.
const CROWD: usize = 4;

/// Useless wakes are reported if there are at least this many. Fewer useless wakes cost little.
const MANY: usize = 50;

/// At least this share of the woken tasks must have gone back to waiting.
const MOSTLY_VAIN: f64 = 0.7;

/// In at least this share of the crowds, some of the tasks must have continued, but at most half of them. If
/// most tasks continue, the wakes are a message to all of them, which is not a fault.
const SOME_WENT_ON: f64 = 0.5;

impl Adviser<'_> {
    pub(super) fn herd(&self) -> Option<Advice> {
        let crowds = self.crowds();
        let in_crowd = {
            let mut in_crowd = vec![false; self.spans.wakes.len()];
            crowds
                .iter()
                .flatten()
                .for_each(|&wake| in_crowd[wake] = true);
            in_crowd
        };
        let acts = self.polls_that_act(&in_crowd);
        let (mut woken, mut vain, mut with_progress) = (0, 0, 0);
        let mut tasks = vec![0usize; self.spans.tasks.len()];
        for crowd in &crowds {
            let polls = crowd.iter().filter_map(|&wake| self.spans.wakes[wake].to);
            let went_on = polls.clone().filter(|&poll| acts[poll]).count();
            woken += crowd.len();
            vain += crowd.len() - went_on;
            with_progress += usize::from(went_on > 0 && went_on * 2 <= crowd.len());
            for poll in polls.filter(|&poll| !acts[poll]) {
                tasks[self.spans.polls[poll].task] += 1;
            }
        }
        let fires = vain >= MANY
            && vain as f64 >= MOSTLY_VAIN * woken as f64
            && with_progress as f64 >= SOME_WENT_ON * crowds.len() as f64;
        if !fires {
            return None;
        }
        let mut list: Vec<usize> = (0..tasks.len()).filter(|&task| tasks[task] > 0).collect();
        list.sort_by_key(|&task| std::cmp::Reverse(tasks[task]));
        let text = format!(
            "{} were woken {woken} times, on average {} at a time. {} of these wakes were in vain: the \
             woken task only checked, and then waited again. {} was woken in vain most often. Wake only as \
             many tasks as can continue.",
            counted(list.len(), "task"),
            woken / crowds.len(),
            Percent(vain as f64 / woken as f64),
            self.label(list[0]),
        );
        Some(Advice {
            kind: Kind::Herd,
            tasks: list,
            place: None,
            at_best: None,
            text,
        })
    }

    /// Returns the crowds, each as the list of the wakes that one poll made.
    fn crowds(&self) -> Vec<Vec<usize>> {
        let mut of_poll: Vec<Vec<usize>> = vec![Vec::new(); self.spans.polls.len()];
        for (index, wake) in self.spans.wakes.iter().enumerate() {
            let by_task = matches!(wake.source, Source::Task(by) if by != wake.task);
            if let (true, WakeEffect::Queued, Some(from)) = (by_task, wake.effect, wake.from) {
                of_poll[from].push(index);
            }
        }
        of_poll.retain(|wakes| wakes.len() >= CROWD);
        of_poll
    }

    /// Returns, for each poll, whether it had an effect. A poll had an effect if the task ended, or if the
    /// poll woke or spawned a task. It also had an effect if the task's next wake was not part of a
    /// crowd.
    fn polls_that_act(&self, in_crowd: &[bool]) -> Vec<bool> {
        let spans = self.spans;
        let mut acts = vec![false; spans.polls.len()];
        for wake in &spans.wakes {
            if let Some(from) = wake.from {
                acts[from] = true;
            }
        }
        for life in spans.tasks.iter().filter(|task| task.kind != TaskKind::Job) {
            for (n, &poll) in life.polls.iter().enumerate() {
                let next = life.polls.get(n + 1).map(|&next| &spans.polls[next]);
                let back_in_crowd = match next.and_then(|next| next.cause) {
                    Some(cause) => in_crowd[cause] || spans.wakes[cause].to.is_none(),
                    None => true,
                };
                acts[poll] |= spans.polls[poll].outcome == Some(Outcome::Ready) || !back_in_crowd;
            }
        }
        acts
    }
}
