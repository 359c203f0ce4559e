//! The executor is chosen at run time, and the demo never knows which it got.
//!
//! A demo is a [`Dish`]: one generic method, compiled once for each executor.
//! (An `Executor` cannot be a trait object, since its methods are generic over
//! the future; a visitor with a generic method does the same job.)

use std::process::ExitCode;

use anyhow::Context as _;
use brigade::{DefaultExecutor, Executor, SingleThread, WorkStealing, timeline::Timeline};

use crate::{
    cli::{BadArguments, Shared},
    record::Drawing,
    report::Report,
};

/// The most cooks there can be. Thin air: beyond any machine's cores, and a slip
/// of the finger does not start a million threads.
const COOKS_MAX: usize = 1024;

/// What a demo does, on whichever executor it is handed.
pub(crate) trait Dish {
    /// Runs the demo from beginning to end.
    fn cook<E: Executor>(self, executor: &E) -> anyhow::Result<Report>;
}

/// Runs `dish` with as many cooks as were asked for, and draws the run if that
/// was asked for. When nobody says, the feature `work-stealing` decides: one cook
/// without it, a cook a core with it.
pub(crate) fn run(shared: &Shared, dish: impl Dish) -> anyhow::Result<ExitCode> {
    let failed = "the runtime could not start";
    let drawing = Drawing::asked(shared)?;
    let recorded = drawing.is_some();
    let (report, timeline) = match asked(shared)? {
        None => {
            let executor = DefaultExecutor::builder().record_timeline(recorded);
            cook(dish, &executor.build().context(failed)?)?
        }
        Some(1) => {
            let executor = SingleThread::builder().record_timeline(recorded);
            cook(dish, &executor.build().context(failed)?)?
        }
        Some(cooks) => {
            let executor = WorkStealing::builder()
                .workers(cooks)
                .record_timeline(recorded);
            cook(dish, &executor.build().context(failed)?)?
        }
    };
    let exit = report.print(shared);
    if let (Some(drawing), Some(timeline)) = (drawing, timeline) {
        drawing.draw(&report, &timeline, shared)?;
    }
    Ok(exit)
}

fn cook<E: Executor>(dish: impl Dish, executor: &E) -> anyhow::Result<(Report, Option<Timeline>)> {
    let report = dish.cook(executor)?;
    Ok((report, executor.timeline()))
}

/// How many cooks were asked for. Refuses what this version cannot do.
fn asked(shared: &Shared) -> anyhow::Result<Option<usize>> {
    match shared.cooks[..] {
        [] => Ok(None),
        [cooks] if cooks.get() <= COOKS_MAX => Ok(Some(cooks.get())),
        [cooks] => Err(BadArguments::error(format!(
            "--cooks {cooks}: {COOKS_MAX} cooks are the most"
        ))),
        _ => Err(BadArguments::error(
            "--cooks: this version takes one number, not a list",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    fn cooks(numbers: &[usize]) -> Shared {
        let cooks = numbers
            .iter()
            .map(|&n| NonZeroUsize::new(n).unwrap())
            .collect();
        Shared {
            cooks,
            ..Shared::default()
        }
    }

    #[test]
    fn a_number_of_cooks_is_taken_and_a_list_or_a_crowd_refused() {
        assert_eq!(asked(&cooks(&[])).unwrap(), None);
        assert_eq!(asked(&cooks(&[3])).unwrap(), Some(3));
        for wrong in [&[1, 2][..], &[COOKS_MAX + 1]] {
            assert!(asked(&cooks(wrong)).unwrap_err().is::<BadArguments>());
        }
    }
}
