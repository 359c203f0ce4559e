//! The verdicts on claims, and the margins that a figure must exceed to decide a question.
//!
//! Two runs of one program never take equally long, so no claim is decided by a tiny difference. Each
//! question about a figure has a [`Band`]. If the figure is at the upper edge or above, the answer is
//! yes. If it is at the lower edge or below, the answer is no. Between the edges the difference may be
//! chance, so the question stays open.

use crate::facts::{Fact, Facts, share};

/// The four possible verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Holds,
    DoesNotHold,
    /// The claim depends on something that the reason names.
    Depends,
    /// The figures of this run do not decide the claim.
    Undecided,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::Depends => "depends",
            Self::Undecided => "undecided",
        }
    }

    /// Returns this verdict with the sentence that justifies it. The parts of the sentence are joined, and
    /// the facts are filled in.
    pub(super) fn because<'a>(
        self,
        facts: &Facts,
        sentence: impl IntoIterator<Item = &'a str>,
    ) -> Judgement {
        let sentence: String = sentence.into_iter().collect();
        (self, facts.say(&sentence))
    }
}

/// A verdict, and a sentence that justifies it with figures.
pub(super) type Judgement = (Verdict, String);

/// The answer that a figure gives to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    Unclear,
}

impl Answer {
    /// Returns the answer, or `Unclear` if `in_doubt` is true and the answer equals `wrong`. For example, a
    /// missing gain proves nothing if other programs used the cores.
    pub(super) fn unclear_if(self, in_doubt: bool, wrong: Self) -> Self {
        if in_doubt && self == wrong {
            Self::Unclear
        } else {
            self
        }
    }
}

/// The edges of a question about a figure. The answer is [`Answer::No`] if the figure is at most `no`, and
/// [`Answer::Yes`] if it is at least `yes`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    pub(super) no: f64,
    pub(super) yes: f64,
}

/// The edges for the question whether a speed-up is a gain. With two cores, the speed-up is 2 at best.
/// Without a gain it is 1, but on a busy machine it may be measured as a little more.
pub(super) const GAIN: Band = Band { no: 1.2, yes: 1.4 };

/// If a gain exceeds the possible maximum by this factor, it was measured wrongly.
pub(super) const BEYOND: f64 = 1.25;

/// If the cooks were on a processor for less than this fraction of their working time, other programs
/// competed with them for the processors.
const UNDISTURBED: f64 = 0.8;

/// Returns whether other programs used the processors so much that measured times prove nothing.
/// `on_processor` is the fraction of the cooks' working time in which they were on a processor. If it is
/// unknown (NaN), returns false.
pub(super) fn is_disturbed(on_processor: f64) -> bool {
    on_processor < UNDISTURBED
}

impl Band {
    /// Returns the answer for a figure. For NaN, it is `Unclear`.
    pub(super) fn ask(self, figure: f64) -> Answer {
        if figure >= self.yes {
            Answer::Yes
        } else if figure <= self.no {
            Answer::No
        } else {
            Answer::Unclear
        }
    }

    /// Answers like `ask`, but returns `Unclear` for a figure that is far above `most`, the possible maximum.
    pub(super) fn ask_up_to(self, most: f64, figure: f64) -> Answer {
        let answer = self.ask(figure);
        answer.unclear_if(figure > most * BEYOND, Answer::Yes)
    }
}

/// Returns whether a speed-up is a gain. The answer is `Unclear` for a speed-up that is far above the
/// possible maximum.
pub(super) fn gained(speed_up: &Fact) -> Answer {
    GAIN.ask_up_to(speed_up.most().unwrap_or(f64::INFINITY), speed_up.value)
}

/// Returns a fact: the share of the cooks' working time in which they were on a processor.
pub(super) fn on_processor(of_work: Option<f64>) -> Fact {
    share("on_processor", "cooks on a processor", of_work)
}

/// Returns the sentence with a lower-case first letter, to be used after a colon.
pub(super) fn uncapitalized(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(char::to_lowercase);
    first.into_iter().flatten().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_yes_and_no_and_without_a_number_nothing_is_clear() {
        for (figure, answer) in [
            (1.0, Answer::No),
            (1.2, Answer::No),
            (1.3, Answer::Unclear),
            (1.4, Answer::Yes),
            (f64::INFINITY, Answer::Yes),
            (f64::NAN, Answer::Unclear),
        ] {
            assert_eq!(GAIN.ask(figure), answer, "{figure}");
        }
        assert_eq!(GAIN.ask_up_to(2.0, 2.5), Answer::Yes);
        assert_eq!(GAIN.ask_up_to(2.0, 2.6), Answer::Unclear);
    }
}
