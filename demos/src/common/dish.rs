//! A demo is a [`Dish`]. It runs on any executor that it is given. [`run`] calls [`Dish::cook`] once for
//! each number in `--cooks 1,2,4`.

use std::process::ExitCode;

use anyhow::bail;

use super::{
    compare,
    cooks::{self, Crew},
    interrupt::Interrupted,
    meanwhile,
    options::{BadArguments, Shared},
    record::Drawing,
    report::{Ending, Report},
};

/// A demo.
pub(crate) trait Dish {
    /// Returns whether the demo's figures come from the timeline. If so, the timeline is recorded even if
    /// no drawing was asked for.
    fn is_recorded(&self) -> bool {
        true
    }

    /// Returns whether the demo itself compares one cook with many.
    fn compares(&self) -> bool {
        false
    }

    /// Selects the numbers of cooks that need a separate run. A demo whose `compares` is true runs with one
    /// cook as part of each comparison, so the number 1 in a list needs no separate run.
    fn runs(&self, mut asked: Vec<usize>) -> Vec<usize> {
        if self.compares() && asked.len() > 1 {
            asked.retain(|&cooks| cooks != 1);
        }
        asked
    }

    /// Runs the demo from beginning to end. With a list of cooks, this method is called once for each
    /// number, each time with a new executor.
    fn cook(&self, executor: &Crew) -> anyhow::Result<Report>;
}

/// Runs `dish` with the requested numbers of cooks, and draws the run if that was asked for.
pub(crate) fn run(shared: &Shared, dish: &dyn Dish) -> anyhow::Result<ExitCode> {
    meanwhile::begin(shared);
    let drawing = Drawing::asked(shared)?;
    let asked = asked(shared)?;
    // Some demos themselves make a run with one cook, to compare. Add that run to the reports if it was
    // asked for.
    let wants_one = asked.len() > 1 && asked.contains(&1);
    let mut reports = Vec::<Report>::new();
    let (mut printed, mut ending) = (0, Ending::Whole);
    for cooks in dish.runs(asked) {
        let executor = Crew::hire(cooks, dish.is_recorded() || drawing.is_some())?;
        let report = match dish.cook(&executor) {
            // Report what was done before the interruption.
            Err(error) if error.is::<Interrupted>() && !reports.is_empty() => {
                eprintln!("brigade: {error}");
                ending = Ending::Interrupted;
                break;
            }
            result => result?,
        };
        if !shared.json {
            report.print(printed == 0);
        }
        printed += 1;
        if wants_one
            && printed == 1
            && let Some(one) = &report.with_one
        {
            let report = Report::of(report.demo, report.title.clone(), one);
            if let Some(drawing) = &drawing
                && !drawing.is_stdout()
            {
                drawing.of_cooks(1).draw(&report, &one.timeline)?;
            }
            reports.push(report);
        }
        if let (Some(drawing), Some(timeline)) = (&drawing, executor.timeline()) {
            drawing.advise(&timeline, shared);
            let drawing = match shared.cooks.len() {
                0 | 1 => drawing,
                _ => &drawing.of_cooks(report.figures.cooks),
            };
            drawing.draw(&report, &timeline)?;
        }
        let was_interrupted = report.ending == Ending::Interrupted;
        reports.push(report);
        if was_interrupted {
            break;
        }
    }
    Ok(compare::finish(&reports, printed, ending, shared))
}

/// Returns the requested numbers of cooks. If none was requested, returns a single number: that of the cores
/// if the feature `work-stealing` is enabled, and 1 otherwise.
pub(crate) fn asked(shared: &Shared) -> anyhow::Result<Vec<usize>> {
    let twice = |(place, cooks): &(usize, &usize)| shared.cooks[..*place].contains(cooks);
    if let Some((_, cooks)) = shared.cooks.iter().enumerate().find(twice) {
        let list: Vec<String> = shared.cooks.iter().map(ToString::to_string).collect();
        let list = list.join(",");
        let twice = format!("--cooks {list}: {cooks} is given twice");
        bail!(BadArguments(twice));
    }
    Ok(match &shared.cooks[..] {
        [] if cfg!(feature = "work-stealing") => vec![cooks::cores()],
        [] => vec![1],
        asked => asked.to_vec(),
    })
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

    struct Comparison;

    impl Dish for Comparison {
        fn compares(&self) -> bool {
            true
        }

        fn cook(&self, _: &Crew) -> anyhow::Result<Report> {
            unreachable!()
        }
    }

    #[test]
    fn numbers_of_cooks_are_taken_and_a_repetition_is_refused() {
        assert_eq!(asked(&cooks(&[])).unwrap().len(), 1);
        assert_eq!(asked(&cooks(&[3])).unwrap(), [3]);
        assert_eq!(asked(&cooks(&[4, 1])).unwrap(), [4, 1]);
        for wrong in [&[1, 2, 1][..], &[1, 1]] {
            assert!(asked(&cooks(wrong)).unwrap_err().is::<BadArguments>());
        }
    }

    #[test]
    fn one_cook_is_a_run_of_its_own_only_if_there_is_no_other() {
        for (asked, runs) in [(&[1][..], &[1][..]), (&[1, 2], &[2]), (&[4, 1, 2], &[4, 2])] {
            assert_eq!(Comparison.runs(asked.to_vec()), runs);
        }
    }
}
