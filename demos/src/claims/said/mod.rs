//! The sixteen claims, one a file: what is said, the experiment, the figures, and
//! the verdict that follows from them.

mod also_concurrent;
mod always_better;
mod automatic;
mod both;
mod busy_loop;
mod critical_path;
mod five_parts;
mod hiring;
mod order;
mod own_core;
mod server;
mod set_not_one;
mod sixty_hz;
mod thousands;
mod threads_wait;
mod uninterrupted;

use super::{
    judgement::{Fact, Judgement},
    lab::{Lab, Sizes},
};

/// A claim: a value of the type is the figures of its experiment.
pub(super) trait Claim: Sized {
    /// What is said.
    const SAID: &'static str;

    /// The command that shows it alone, at these sizes.
    fn command(sizes: &Sizes) -> String;

    /// Makes the experiment.
    fn measure(lab: &Lab) -> anyhow::Result<Self>;

    /// What follows from the figures, and from nothing else.
    fn judge(&self) -> Judgement;

    /// The figures, to be shown.
    fn facts(&self) -> Vec<Fact>;

    /// Figures as they may be, to test the verdict with.
    #[cfg(test)]
    fn samples() -> Samples<Self>;
}

/// Figures and the verdicts that must follow.
#[cfg(test)]
pub(super) struct Samples<T> {
    /// What comes out where nothing disturbs.
    pub(super) usual: (T, super::Verdict),
    /// What would be if the experiment had gone the other way.
    pub(super) turned: Vec<(T, super::Verdict)>,
    /// Figures of which nothing follows.
    pub(super) nothing: Vec<T>,
}

/// What comes of checking a claim.
pub(super) type Outcome = (Judgement, Vec<Fact>);

/// A claim of whatever type.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// Its number, from 1.
    pub(super) id: usize,
    pub(super) said: &'static str,
    pub(super) command: fn(&Sizes) -> String,
    pub(super) check: fn(&Lab) -> anyhow::Result<Outcome>,
    #[cfg(test)]
    pub(super) verdicts: fn() -> tests::Verdicts,
}

impl Entry {
    const fn of<C: Claim>(id: usize) -> Self {
        Self {
            id,
            said: C::SAID,
            command: C::command,
            check: |lab| {
                let figures = C::measure(lab)?;
                Ok((figures.judge(), figures.facts()))
            },
            #[cfg(test)]
            verdicts: tests::verdicts::<C>,
        }
    }
}

/// All of them. The one about all runs comes late, and the runs after it are as many more.
pub(super) const ALL: [Entry; 16] = [
    Entry::of::<automatic::Figures>(1),
    Entry::of::<always_better::Figures>(2),
    Entry::of::<thousands::Figures>(3),
    Entry::of::<set_not_one::Figures>(4),
    Entry::of::<five_parts::Figures>(5),
    Entry::of::<own_core::Figures>(6),
    Entry::of::<sixty_hz::Figures>(7),
    Entry::of::<hiring::Figures>(8),
    Entry::of::<busy_loop::Figures>(9),
    Entry::of::<critical_path::Figures>(10),
    Entry::of::<order::Figures>(11),
    Entry::of::<both::Figures>(12),
    Entry::of::<also_concurrent::Figures>(ALSO_CONCURRENT),
    Entry::of::<uninterrupted::Figures>(14),
    Entry::of::<server::Figures>(15),
    Entry::of::<threads_wait::Figures>(16),
];

/// The claim that is about every run there is: it is checked when all others are.
pub(super) const ALSO_CONCURRENT: usize = 13;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::Verdict;

    /// What a claim's samples are judged, and what they should be.
    pub(in crate::claims) struct Verdicts {
        usual: (Judgement, Verdict),
        turned: Vec<(Judgement, Verdict)>,
        nothing: Vec<Judgement>,
        keys: Vec<&'static str>,
    }

    pub(super) fn verdicts<C: Claim>() -> Verdicts {
        let Samples {
            usual,
            turned,
            nothing,
        } = C::samples();
        let judge = |(figures, verdict): &(C, Verdict)| (figures.judge(), *verdict);
        Verdicts {
            usual: judge(&usual),
            turned: turned.iter().map(judge).collect(),
            nothing: nothing.iter().map(C::judge).collect(),
            keys: usual.0.facts().iter().map(|fact| fact.key).collect(),
        }
    }

    #[test]
    fn the_claims_are_numbered_as_they_stand() {
        for (at, claim) in ALL.iter().enumerate() {
            assert_eq!(claim.id, at + 1);
            assert!(claim.said.ends_with('.'), "{}", claim.said);
        }
    }

    #[test]
    fn each_verdict_flips_when_the_outcome_is_turned_round() {
        for claim in ALL {
            let verdicts = (claim.verdicts)();
            let (judged, expected) = &verdicts.usual;
            assert_eq!(judged.verdict, *expected, "{}: {judged:?}", claim.id);
            assert_ne!(judged.verdict, Verdict::Undecided, "{}", claim.id);
            assert!(!verdicts.turned.is_empty(), "{}", claim.id);
            for (turned, expected) in &verdicts.turned {
                assert_eq!(turned.verdict, *expected, "{}: {turned:?}", claim.id);
                assert_ne!(turned.verdict, judged.verdict, "{}: {turned:?}", claim.id);
                assert_ne!(turned.verdict, Verdict::Undecided, "{}", claim.id);
                assert_ne!(turned.because, judged.because, "{}", claim.id);
            }
        }
    }

    #[test]
    fn figures_that_carry_nothing_leave_each_claim_undecided_and_say_why() {
        for claim in ALL {
            let verdicts = (claim.verdicts)();
            assert!(!verdicts.nothing.is_empty(), "{}", claim.id);
            for judged in &verdicts.nothing {
                assert_eq!(
                    judged.verdict,
                    Verdict::Undecided,
                    "{}: {judged:?}",
                    claim.id
                );
                assert!(judged.because.ends_with('.'), "{}: {judged:?}", claim.id);
            }
        }
    }

    #[test]
    fn the_figures_of_a_claim_have_names_of_their_own() {
        for claim in ALL {
            let mut keys = (claim.verdicts)().keys;
            let all = keys.len();
            keys.sort_unstable();
            keys.dedup();
            assert!(all >= 2 && keys.len() == all, "{}: {keys:?}", claim.id);
        }
    }
}
