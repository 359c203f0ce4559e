//! The executor is chosen at run time, and the demo never knows which it got.
//!
//! A demo is a [`Dish`]: one generic method, compiled once for each executor.
//! (An `Executor` cannot be a trait object, since its methods are generic over
//! the future; a visitor with a generic method does the same job.)

use anyhow::Context as _;
use brigade::{DefaultExecutor, Executor, SingleThread, WorkStealing};

use crate::{
    cli::{BadArguments, Shared},
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

/// Runs `dish` with as many cooks as were asked for. When nobody says, the
/// feature `work-stealing` decides: one cook without it, a cook a core with it.
pub(crate) fn run(shared: &Shared, dish: impl Dish) -> anyhow::Result<Report> {
    let failed = "the runtime could not start";
    match asked(shared)? {
        None => dish.cook(&DefaultExecutor::new().context(failed)?),
        Some(1) => dish.cook(&SingleThread::builder().build().context(failed)?),
        Some(cooks) => dish.cook(
            &WorkStealing::builder()
                .workers(cooks)
                .build()
                .context(failed)?,
        ),
    }
}

/// How many cooks were asked for. Refuses what this version cannot do.
fn asked(shared: &Shared) -> anyhow::Result<Option<usize>> {
    if shared.timeline.is_some() {
        return Err(BadArguments::error(
            "--timeline: this version cannot draw a run yet",
        ));
    }
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

    #[test]
    fn a_drawing_is_refused_until_there_is_one() {
        let shared = Shared {
            timeline: Some("run.html".into()),
            ..Shared::default()
        };
        assert!(asked(&shared).unwrap_err().is::<BadArguments>());
    }
}
