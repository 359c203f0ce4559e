//! The verdicts on claims, and the margins by which figures decide.
//!
//! Two runs of one program never take equally long, so no claim is decided by a tiny difference. Each
//! question about a figure has a [`Band`]. From its upper edge on, the answer is yes, and up to its lower
//! edge, the answer is no. A figure between the edges is noise, from which nothing follows.

/// The four possible verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Holds,
    DoesNotHold,
    /// The reason says on what the claim depends.
    Depends,
    /// The figures of this run decide nothing.
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
}

/// A verdict and its reason, a sentence with the figures in it.
pub(super) type Judgement = (Verdict, String);

/// The answer of a figure to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    Unclear,
}

/// The answer is no up to `no`, and yes from `yes` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    pub(super) no: f64,
    pub(super) yes: f64,
}

/// The bounds between which a speed-up is neither a gain nor none. Two cores gain 2, and no gain is 1.
/// The band is nearer to 1 because busy machines can raise a ratio of 1.
pub(super) const GAIN: Band = Band { no: 1.2, yes: 1.4 };

/// A gain that exceeds the possible maximum by this factor was measured wrongly.
pub(super) const BEYOND: f64 = 1.25;

/// Cooks that were on a processor for less than this share of their work had to share processors.
const UNDISTURBED: f64 = 0.8;

/// Returns whether other programs used the processors so much that times show nothing. If the share is
/// unknown, returns false.
pub(super) fn is_disturbed(on_processor: f64) -> bool {
    on_processor < UNDISTURBED
}

impl Band {
    /// Answers for a figure. The answer for NaN is `Unclear`.
    pub(super) fn ask(self, figure: f64) -> Answer {
        if figure >= self.yes {
            Answer::Yes
        } else if figure <= self.no {
            Answer::No
        } else {
            Answer::Unclear
        }
    }

    /// Answers like `ask`, but returns `Unclear` for a figure that is far above the possible maximum.
    pub(super) fn ask_up_to(self, most: f64, figure: f64) -> Answer {
        match self.ask(figure) {
            Answer::Yes if figure > most * BEYOND => Answer::Unclear,
            answer => answer,
        }
    }
}

/// Returns a sentence as it continues after a colon.
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
