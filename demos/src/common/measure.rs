//! One measured run of a future on an executor: its output, its figures and its timeline.
//!
//! A demo that compares several futures measures each on a new executor, because the figures of an
//! executor count from its creation.

use std::{future::Future, pin::pin, time::Duration};

use anyhow::Context as _;
use brigade::timeline::{Timeline, What};
use brigade_timeline::TaskFigures;
use futures_util::future::{Either, select};

use super::{
    cooks::{self, Crew},
    facts::{Facts, count, share, time},
    figures::{Figures, Stopwatch},
    interrupt::{Interrupt, Interrupted},
    meanwhile,
    speed_up::{Change, SpeedUp},
    units::{counted, duration},
};

/// If the cooks worked for less than this, no share of processor time is computed. Arbitrary.
const WORK_TO_JUDGE: Duration = Duration::from_millis(10);

/// If the cooks were on a processor for less than this share of their working time, other threads
/// competed with them for the processors. The cooks' processor time includes time in the executor and in
/// the kernel, so a cook that is alone on a core reaches 1.
pub(crate) const CROWDED: f64 = 0.8;

/// The results of a run.
#[derive(Clone, Debug)]
pub(crate) struct Run<T> {
    pub(crate) output: T,
    pub(crate) figures: Figures,
    /// Empty if the executor does not record.
    pub(crate) timeline: Timeline,
}

/// Runs `future` to its end and measures it. Returns an error if Ctrl-C is pressed.
pub(crate) fn measure<F: Future>(executor: &Crew, future: F) -> anyhow::Result<Run<F::Output>> {
    let interrupt = Interrupt::listen()?;
    let cooks = counted(executor.workers(), "cook");
    let _shown = meanwhile::show(&format!("{cooks} at work …"));
    let stopwatch = Stopwatch::start(executor);
    let outcome = executor.block_on(async {
        match select(pin!(future), pin!(interrupt.rung())).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(_) => Err(Interrupted),
        }
    });
    let mut run = Run {
        output: outcome?,
        figures: stopwatch.stop(executor),
        timeline: executor.timeline().unwrap_or_default(),
    };
    run.agree();
    Ok(run)
}

/// Returns the number of a task's polls, and how long it ran, was ready to run, and waited.
pub(crate) fn life_of(task: &TaskFigures) -> Facts {
    Facts(vec![
        count("polls", "", task.polls as usize),
        time("running_s", "", task.running),
        time("queued_s", "", task.queued),
        time("waited_s", "", task.waiting),
    ])
}

/// The runs of the same code with one cook and with many.
pub(crate) struct OneAndMany<T> {
    pub(crate) one: Run<T>,
    pub(crate) many: Run<T>,
    /// True if the executor that [`one_and_many`] was given has one cook.
    at_hand_is_one: bool,
}

/// Runs the future that `program` returns, once with one cook and once with many cooks. The first run uses
/// the existing executor `at_hand`. The second run is on a new executor: with `many` cooks if `at_hand` has
/// one cook, and with one cook otherwise.
///
/// The new executor is built after the first run, because its timeline begins when it is built.
pub(crate) fn one_and_many<F: Future>(
    at_hand: &Crew,
    many: usize,
    program: impl Fn() -> F,
) -> anyhow::Result<OneAndMany<F::Output>> {
    let at_hand_is_one = at_hand.workers() == 1;
    let first = measure(at_hand, program())?;
    let (one, many) = if at_hand_is_one {
        (first, measure(&cooks::hire(many)?, program())?)
    } else {
        (measure(&cooks::hire(1)?, program())?, first)
    };
    Ok(OneAndMany {
        one,
        many,
        at_hand_is_one,
    })
}

impl<T> OneAndMany<T> {
    /// Returns the speed-up of the run with many cooks over the run with one cook.
    pub(crate) fn speed_up(&self) -> SpeedUp {
        SpeedUp::between(&self.one.figures, &self.many.figures)
    }

    /// Returns the sentences that cast doubt on the comparison: for an impossible speed-up, for cooks that
    /// had to share processors, and for different CPU times of the same work.
    pub(crate) fn doubts(&self) -> Vec<String> {
        let crowding = self.many.crowding().or_else(|| self.one.crowding());
        let doubts = [
            self.speed_up().doubt(),
            crowding,
            self.one.unlike(&self.many),
        ];
        doubts.into_iter().flatten().collect()
    }

    /// Returns the run on the executor that [`one_and_many`] was given. The report is about this run.
    pub(crate) fn at_hand(&self) -> &Run<T> {
        match self.at_hand_is_one {
            true => &self.one,
            false => &self.many,
        }
    }
}

impl<T, E> Run<Result<T, E>> {
    /// Returns the error if the output of the run is an error.
    pub(crate) fn transpose(self) -> Result<Run<T>, E> {
        Ok(Run {
            output: self.output?,
            figures: self.figures,
            timeline: self.timeline,
        })
    }
}

impl Figures {
    pub(crate) fn facts(&self) -> Facts {
        Facts(vec![
            count("cooks", "cooks", self.cooks),
            time("wall_s", "wall time", self.wall),
            time("cpu_s", "CPU time", self.cpu),
            count("in_flight_max", "in flight", self.in_flight_max),
            count("at_once_max", "at once", self.at_once_max),
        ])
    }
}

impl<T> Run<T> {
    /// Corrects the figures and the timeline, so that a drawing agrees with the figures. Without this, the
    /// figure `at_once_max` also counts workers that are between two tasks, and the timeline begins before the
    /// main future.
    fn agree(&mut self) {
        let Timeline { events, tasks, .. } = &mut self.timeline;
        let is_begun = |what| matches!(what, What::Spawn { task, .. } if tasks[task].is_main);
        let begun = events.iter().find(|event| is_begun(event.what));
        let (Some(&begun), Some(&last)) = (begun, events.last()) else {
            return;
        };
        events.iter_mut().for_each(|it| it.at = it.at.max(begun.at));
        if self.timeline.dropped == 0 {
            self.figures.wall = last.at - begun.at;
            let at_once = brigade_timeline::figures(&self.timeline).at_once_max;
            self.figures.at_once_max = at_once.min(self.figures.in_flight_max);
        }
    }

    /// Returns a sentence if this run, with one cook, used much more or much less CPU time than `other`.
    pub(crate) fn unlike(&self, other: &Self) -> Option<String> {
        let (one, two) = (self.figures.cpu?, other.figures.cpu?);
        let ratio = one.max(WORK_TO_JUDGE).as_secs_f64() / two.max(WORK_TO_JUDGE).as_secs_f64();
        let [one, two] = [one, two].map(duration);
        let cooks = other.figures.cooks;
        let said = format!(
            "The same work took {one} of CPU time with 1 cook and {two} with {cooks}, so the comparison is \
             uncertain."
        );
        (Change::of(ratio) != Change::Same).then_some(said)
    }

    /// Returns the same run with a different output.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Run<U> {
        Run {
            output: change(self.output),
            figures: self.figures,
            timeline: self.timeline,
        }
    }

    /// Adds up the lifetimes of all tasks, and returns the share of the sum in which the tasks waited.
    pub(crate) fn waiting_share(&self) -> f64 {
        brigade_timeline::figures(&self.timeline).waiting_share
    }

    /// Returns the index and the figures of the task with this name.
    pub(crate) fn task(&self, name: &str) -> anyhow::Result<(usize, TaskFigures)> {
        let mut tasks = self.timeline.tasks.iter();
        let index = tasks.position(|task| task.name.as_deref() == Some(name));
        let index = index.context("the run was not recorded")?;
        let mut all = brigade_timeline::figures(&self.timeline).tasks;
        Ok((index, all.swap_remove(index)))
    }

    /// Returns the wall time of this run divided by that of `other`.
    pub(crate) fn times_as_long_as<U>(&self, other: &Run<U>) -> SpeedUp {
        SpeedUp::between(&self.figures, &other.figures)
    }

    /// Returns the share of the cooks' working time in which they were on a processor. The share is well
    /// below 1 if more cooks work than there are free cores, because the system then lets them take turns. A
    /// cook that is ready but has no core counts as working, even between two polls. A blocked cook does not
    /// count as working.
    pub(crate) fn on_processor(&self) -> Option<f64> {
        let figures = brigade_timeline::figures(&self.timeline);
        let cpu = self.figures.cpu?;
        let polls = figures.work.saturating_sub(figures.blocked);
        let wanted = polls.max(cpu.min(polls) + figures.preempted);
        (polls >= WORK_TO_JUDGE).then(|| cpu.div_duration_f64(wanted).min(1.0))
    }

    /// Returns a sentence if the cooks had to share processors, so that the effect is not blamed on the
    /// demo. The sentence does not give the share, which could be mistaken for the `% busy` of a drawing.
    pub(crate) fn crowding(&self) -> Option<String> {
        // In a run that mostly waits, a missing core hardly matters.
        let works = self.figures.busy_shares().iter().sum::<f64>() >= 0.1;
        let share = self
            .on_processor()
            .filter(|&share| works && share < CROWDED)?;
        let (cooks, cores) = (self.figures.cooks, cooks::cores());
        // Some cooks may have had nothing to do.
        let at_work = cooks.min(self.figures.at_once_max.max(1));
        let fair = (cores as f64 / at_work as f64).min(1.0);
        let others =
            "Other programs used the cores too, so a cook at work often waited for a core.";
        let on = counted(cores, "core");
        let turns = format!("Up to {at_work} cooks took turns on {on}");
        Some(match (at_work > cores, share < fair * CROWDED) {
            (true, false) => turns + ".",
            (true, true) => turns + ", which other programs used too.",
            (false, _) => others.to_owned(),
        })
    }

    pub(crate) fn facts(&self) -> Facts {
        let waiting = share("waiting_share", "", Some(self.waiting_share()));
        self.figures.facts().with([waiting])
    }
}

#[cfg(test)]
mod tests {
    use brigade::timeline::What;

    use super::*;
    use crate::work::{Pile, begin};

    /// Returns a run with enough work to be judged. Its readings of the CPU clock are removed, because they
    /// would show other programs that run beside the tests. The size of a pile is derived from a measurement
    /// of the machine, so the first pile may be too small if the machine was busy during that measurement.
    fn chopped() -> Run<()> {
        let mut size = 2 * WORK_TO_JUDGE;
        loop {
            let pile = Pile::of(size);
            let run = measure(&cooks::hire(1).unwrap(), async {
                begin("chop", pile.chop()).await
            });
            let run = run.unwrap();
            assert!(run.output.right);
            if brigade_timeline::figures(&run.timeline).work >= WORK_TO_JUDGE {
                let mut run = run.map(drop);
                let is_reading = |what| matches!(what, What::CpuTime { .. });
                run.timeline.events.retain(|event| !is_reading(event.what));
                return run;
            }
            size *= 2;
        }
    }

    #[test]
    fn cooks_who_are_on_a_processor_for_half_of_their_work_say_so() {
        let mut run = chopped();
        let work = brigade_timeline::figures(&run.timeline).work;
        run.figures.cpu = Some(work);
        assert_eq!(run.crowding(), None);
        run.figures.cpu = Some(work / 2);
        let said = run.crowding().unwrap();
        assert!(
            said.starts_with("Other programs used the cores too"),
            "{said}"
        );
        // With twice as many cooks as cores, half of the time is each cook's fair share.
        run.figures.cooks = 2 * cooks::cores();
        run.figures.at_once_max = run.figures.cooks;
        let said = run.crowding().unwrap();
        assert!(said.starts_with("Up to "), "{said}");
        assert!(!said.contains("other programs"), "{said}");
        run.figures.cpu = None;
        assert_eq!(run.crowding(), None, "unknown CPU time");
    }

    #[test]
    fn the_executor_at_hand_takes_its_part() {
        let program = || async { begin("dish", async { 7 }).await };
        let one = one_and_many(&cooks::hire(1).unwrap(), 3, program).unwrap();
        assert_eq!(one.at_hand().figures.cooks, 1);
        assert_eq!(one.many.figures.cooks, 3);
        let many = one_and_many(&cooks::hire(5).unwrap(), 3, program).unwrap();
        assert_eq!(many.at_hand().figures.cooks, 5);
        assert_eq!((many.one.figures.cooks, many.one.output), (1, 7));
    }
}
