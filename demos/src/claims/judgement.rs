//! What a claim comes to, and the margins by which figures decide.
//!
//! Two runs of one program never take equally long, so no claim is decided by a
//! hair. Each question to a figure has a [`Band`]: from its upper edge on the answer
//! is yes, up to its lower edge it is no, and what lies between is noise, of which
//! nothing follows.

/// The four words that the claims end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Holds,
    DoesNotHold,
    /// The reason says on what.
    Depends,
    /// The figures of this run carry nothing.
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

/// What a figure answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    Unclear,
}

/// Up to `no` the answer is no, from `yes` on it is yes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    pub(super) no: f64,
    pub(super) yes: f64,
}

/// The bounds between which a speed-up is neither a gain nor none. Two cores gain 2, and no
/// gain is 1; the band lies between, nearer to what busy machines make of 1.
pub(super) const GAIN: Band = Band { no: 1.2, yes: 1.4 };

/// More than cooks and cores can give by so much was not measured rightly.
pub(super) const BEYOND: f64 = 1.25;

/// Cooks who were on a processor for less of their work had to share.
const UNDISTURBED: f64 = 0.8;

/// Returns whether other programs had so much of the processors that times tell nothing. Where nobody
/// knows, that is assumed of none.
pub(super) fn is_disturbed(on_processor: f64) -> bool {
    on_processor < UNDISTURBED
}

impl Band {
    /// Answers for a figure; for one that is not a number, nothing is clear.
    pub(super) fn ask(self, figure: f64) -> Answer {
        if figure >= self.yes {
            Answer::Yes
        } else if figure <= self.no {
            Answer::No
        } else {
            Answer::Unclear
        }
    }

    /// The same, where nothing follows from a figure that is far above what can be.
    pub(super) fn ask_up_to(self, most: f64, figure: f64) -> Answer {
        match self.ask(figure) {
            Answer::Yes if figure > most * BEYOND => Answer::Unclear,
            answer => answer,
        }
    }
}

/// A sentence as it goes on after a colon.
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
