//! The executor is chosen at run time, and a demo does not know which executor it runs on.
//!
//! A demo is a [`Dish`]: one generic method, compiled once for each executor.
//! (An `Executor` cannot be a trait object, because its methods are generic over the future. A visitor
//! with a generic method serves the same purpose.) [`run`] cooks the dish once for each number in
//! `--cooks 1,2,4`.

use std::process::ExitCode;

use anyhow::Context as _;
use brigade::{DefaultExecutor, Executor, timeline::Timeline};

use crate::{
    compare,
    cooks::{self, FAILED},
    interrupt::Interrupted,
    meanwhile,
    options::{BadArguments, Shared},
    record::Drawing,
    report::{Ending, Report},
};

/// A demo, which runs on the executor that it is given.
pub(crate) trait Dish {
    /// True if the demo's figures come from the timeline. The timeline is then recorded even if no
    /// drawing was asked for.
    const RECORDED: bool = true;

    /// True if the demo itself compares one cook with many.
    const COMPARES: bool = false;

    /// Selects the numbers of cooks that need a separate run. A demo that compares by itself needs no
    /// separate run with one cook.
    fn runs(&self, asked: Vec<Option<usize>>) -> Vec<Option<usize>> {
        if Self::COMPARES {
            but_one(asked)
        } else {
            asked
        }
    }

    /// Runs the demo from beginning to end. With a list of cooks, this is called once for each number,
    /// each time with a new executor.
    fn cook<E: Executor>(&self, executor: &E, shared: &Shared) -> anyhow::Result<Report>;
}

/// Runs `dish` with the requested numbers of cooks, and draws the run if that was asked for. Without a
/// number, the feature `work-stealing` decides: one cook without it, one cook per core with it.
pub(crate) fn run<D: Dish>(shared: &Shared, dish: &D) -> anyhow::Result<ExitCode> {
    meanwhile::begin(shared);
    let drawing = Drawing::asked(shared)?;
    let asked = asked(shared)?;
    // A demo that compares by itself has already made the run with one cook. List that run if it was
    // asked for.
    let wants_one = asked.len() > 1 && asked.contains(&Some(1));
    let (mut reports, mut printed) = (Vec::<Report>::new(), 0);
    let mut ending = Ending::Whole;
    for cooks in dish.runs(asked) {
        let (report, timeline) = match with(cooks, D::RECORDED || drawing.is_some(), dish, shared) {
            // Report what was done before the interruption.
            Err(error) if error.is::<Interrupted>() && !reports.is_empty() => {
                eprintln!("brigade: {error}");
                ending = Ending::Interrupted;
                break;
            }
            result => result?,
        };
        if !shared.json {
            report.print(shared, printed == 0);
        }
        printed += 1;
        if let Some(one) = &report.with_one
            && wants_one
            && printed == 1
        {
            let report = Report::of(report.demo, report.title.clone(), one);
            if let Some(drawing) = drawing.as_ref().filter(|drawing| !drawing.is_stdout()) {
                drawing.of_cooks(1).draw(&report, &one.timeline, shared)?;
            }
            reports.push(report);
        }
        if let (Some(drawing), Some(timeline)) = (&drawing, timeline) {
            drawing.advise(&timeline, shared);
            let drawing = match shared.cooks.len() {
                0 | 1 => drawing,
                _ => &drawing.of_cooks(report.figures.cooks),
            };
            drawing.draw(&report, &timeline, shared)?;
        }
        let is_over = report.ending == Ending::Interrupted;
        reports.push(report);
        if is_over {
            break;
        }
    }
    Ok(compare::finish(&reports, printed, ending, shared))
}

/// Removes the number 1, unless it is the only number.
fn but_one(mut asked: Vec<Option<usize>>) -> Vec<Option<usize>> {
    if asked.len() > 1 {
        asked.retain(|&cooks| cooks != Some(1));
    }
    asked
}

/// Cooks `dish` with `cooks` cooks.
fn with(
    cooks: Option<usize>,
    recorded: bool,
    dish: &impl Dish,
    shared: &Shared,
) -> anyhow::Result<(Report, Option<Timeline>)> {
    match cooks {
        None => {
            let executor = DefaultExecutor::builder().record_timeline(recorded);
            cook(dish, &executor.build().context(FAILED)?, shared)
        }
        Some(1) => cook(dish, &cooks::single(recorded)?, shared),
        Some(cooks) => cook(dish, &cooks::stealing(cooks, recorded)?, shared),
    }
}

fn cook<E: Executor>(
    dish: &impl Dish,
    executor: &E,
    shared: &Shared,
) -> anyhow::Result<(Report, Option<Timeline>)> {
    let report = dish.cook(executor, shared)?;
    Ok((report, executor.timeline()))
}

/// Returns the requested numbers of cooks; `None` means that no number was given.
pub(crate) fn asked(shared: &Shared) -> anyhow::Result<Vec<Option<usize>>> {
    if shared.cooks.is_empty() {
        return Ok(vec![None]);
    }
    let mut all = Vec::new();
    for &cooks in &shared.cooks {
        if all.contains(&Some(cooks)) {
            let list: Vec<String> = shared.cooks.iter().map(ToString::to_string).collect();
            return Err(BadArguments::error(format!(
                "--cooks {}: {cooks} is given twice",
                list.join(",")
            )));
        }
        all.push(Some(cooks));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cooks(numbers: &[usize]) -> Shared {
        Shared {
            cooks: numbers.to_vec(),
            ..Shared::default()
        }
    }

    #[test]
    fn numbers_of_cooks_are_taken_and_a_repetition_is_refused() {
        assert_eq!(asked(&cooks(&[])).unwrap(), [None]);
        assert_eq!(asked(&cooks(&[3])).unwrap(), [Some(3)]);
        assert_eq!(asked(&cooks(&[4, 1])).unwrap(), [Some(4), Some(1)]);
        for wrong in [&[1, 2, 1][..], &[1, 1]] {
            assert!(asked(&cooks(wrong)).unwrap_err().is::<BadArguments>());
        }
    }

    #[test]
    fn one_cook_is_a_run_of_its_own_only_if_there_is_no_other() {
        for (asked, runs) in [
            (&[None][..], &[None][..]),
            (&[Some(1)], &[Some(1)]),
            (&[Some(1), Some(2)], &[Some(2)]),
            (&[Some(4), Some(1), Some(2)], &[Some(4), Some(2)]),
        ] {
            assert_eq!(but_one(asked.to_vec()), runs);
        }
    }
}
