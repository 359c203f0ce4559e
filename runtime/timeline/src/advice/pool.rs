//! Finds too many jobs in the blocking pool: thousands of tiny jobs, or more jobs at the same time than the
//! machine can handle.

use std::time::Duration;

use brigade::timeline::LaneKind;

use super::words::{Time, counted, workers};
use super::{Advice, Adviser, Kind, WORKER};
use crate::spans::TaskKind;

/// Tiny jobs are reported if there are at least this many. Fewer tiny jobs cost little.
const MANY_TINY: usize = 500;

/// If the median length of the jobs is below this time, the jobs are tiny. Handing a job to a thread and
/// getting the result back takes some microseconds, or some tens of microseconds if the thread must be woken.
const TINY: Duration = Duration::from_micros(50);

/// The pool's threads count as competing for the cores if at least this number of jobs run at the same time,
/// and at least `PER_CORE` jobs for each core.
const MANY_COMPUTING: usize = 16;
const PER_CORE: usize = 4;

/// Jobs count as computing if their average CPU time is at least this.
const COMPUTING: Duration = Duration::from_micros(500);

/// Blocked threads are reported if at least this many are blocked at once. Threads cost memory and time to
/// start. Tasks that wait need no thread.
const MANY_BLOCKING: usize = 100;

impl Adviser<'_> {
    pub(super) fn jobs(&self) -> Option<Advice> {
        let polls = self.spans.polls.iter().filter(|poll| {
            self.spans.lanes[poll.lane].kind == LaneKind::Blocking
                && self.spans.tasks[poll.task].kind == TaskKind::Job
        });
        let mut lengths: Vec<Duration> = polls.clone().map(|poll| poll.length()).collect();
        let count = lengths.len();
        if count == 0 {
            return None;
        }
        lengths.sort_unstable();
        let median = lengths[count / 2];
        let tasks: Vec<usize> = polls.clone().map(|poll| poll.task).collect();
        let advice = |kind, text| {
            Some(Advice {
                kind,
                tasks: tasks.clone(),
                place: None,
                at_best: None,
                text,
            })
        };
        if count >= MANY_TINY && median < TINY {
            return advice(
                Kind::TinyJobs,
                format!(
                    "{} went to the blocking pool, half of them for less than {}. To hand a job over and to \
                     be woken with its result takes longer. Do such work in the task itself, or put many \
                     pieces of it into one job.",
                    counted(count, "job"),
                    Time(median.max(Duration::from_micros(1))),
                ),
            );
        }
        let ends = crate::spans::cover(polls.map(|poll| (poll.begin, poll.end)));
        let at_once = ends.iter().map(|step| step.1).max().unwrap_or(0);
        let lanes = self
            .spans
            .lanes
            .iter()
            .filter(|lane| lane.kind == LaneKind::Blocking);
        let cpu: Duration = lanes.filter_map(|lane| lane.cpu).sum();
        let each = cpu / u32::try_from(count).unwrap_or(u32::MAX);
        if each >= COMPUTING && at_once >= MANY_COMPUTING.max(PER_CORE * self.cores) {
            return advice(
                Kind::ManyJobs,
                format!(
                    "{} computed in the blocking pool for {} each, on up to {at_once} threads at once. The \
                     machine has {}, which these jobs take from one another and from the {WORKER}s. Compute in \
                     tasks, which run on {}, or begin no more jobs at once than there are cores.",
                    counted(count, "job"),
                    Time(each),
                    counted(self.cores, "core"),
                    workers(self.spans.workers),
                ),
            );
        }
        if at_once >= MANY_BLOCKING {
            return advice(
                Kind::ManyJobs,
                format!(
                    "{} ran in the blocking pool, on up to {at_once} threads at once. Each job occupies a \
                     thread while it waits. Await in tasks instead, or limit how many jobs run at once.",
                    counted(count, "job"),
                ),
            );
        }
        None
    }
}
