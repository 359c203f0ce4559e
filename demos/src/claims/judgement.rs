//! What a claim comes to, and the margins by which figures decide.
//!
//! Two runs of one program never take equally long, so no claim is decided by a
//! hair. Each question to a figure has a [`Band`]: from its upper edge on the answer
//! is yes, up to its lower edge it is no, and what lies between is noise, of which
//! nothing follows.

use serde_json::{Value, json};

use crate::speed_up::SpeedUp;

/// The four words that the claims end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    DoesNotHold,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    pub(super) because: String,
}

impl Judgement {
    pub(super) fn holds(because: impl Into<String>) -> Self {
        Self::new(Verdict::Holds, because)
    }

    pub(super) fn does_not_hold(because: impl Into<String>) -> Self {
        Self::new(Verdict::DoesNotHold, because)
    }

    /// The reason says on what.
    pub(super) fn depends(because: impl Into<String>) -> Self {
        Self::new(Verdict::Depends, because)
    }

    pub(super) fn undecided(because: impl Into<String>) -> Self {
        Self::new(Verdict::Undecided, because)
    }

    fn new(verdict: Verdict, because: impl Into<String>) -> Self {
        Self {
            verdict,
            because: because.into(),
        }
    }
}

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

/// Returns whether other programs had so much of the processors that times tell nothing.
pub(super) fn is_disturbed(on_processor: Option<f64>) -> bool {
    on_processor.is_some_and(|share| share < UNDISTURBED)
}

/// Returns whether a run gained by being spread. Of one that was disturbed, or gained more than can be,
/// nothing follows.
pub(super) fn gained(speed_up: SpeedUp, on_processor: Option<f64>) -> Answer {
    match GAIN.ask(speed_up.factor) {
        Answer::No if is_disturbed(on_processor) => Answer::Unclear,
        Answer::Yes if speed_up.factor > speed_up.most * BEYOND => Answer::Unclear,
        answer => answer,
    }
}

impl Band {
    pub(super) fn ask(self, figure: f64) -> Answer {
        if figure >= self.yes {
            Answer::Yes
        } else if figure <= self.no {
            Answer::No
        } else {
            Answer::Unclear
        }
    }
}

/// A sentence as it goes on after a colon.
pub(super) fn uncapitalized(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(char::to_lowercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// A figure behind a verdict: for programs by its key, for people by its name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fact {
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) value: Value,
    pub(super) text: String,
}

impl Fact {
    pub(super) fn new(
        key: &'static str,
        name: &'static str,
        value: Value,
        text: impl Into<String>,
    ) -> Self {
        Self {
            key,
            name,
            value,
            text: text.into(),
        }
    }

    /// How many of something.
    pub(super) fn count(key: &'static str, name: &'static str, count: usize) -> Self {
        Self::new(key, name, json!(count), crate::units::count(count))
    }

    pub(super) fn time(key: &'static str, name: &'static str, time: std::time::Duration) -> Self {
        let text = crate::units::duration(time);
        Self::new(key, name, json!(time.as_secs_f64()), text)
    }

    /// How many times as fast, with its doubt.
    pub(super) fn speed_up(key: &'static str, name: &'static str, speed_up: SpeedUp) -> Self {
        Self::new(key, name, json!(speed_up.factor), speed_up.to_string())
    }

    /// A share between 0 and 1.
    pub(super) fn share(key: &'static str, name: &'static str, share: f64) -> Self {
        Self::new(key, name, json!(share), crate::units::percent(share))
    }

    /// How much of their work the many cooks of an experiment were on a processor, which
    /// its verdict hangs on.
    pub(super) fn on_processor(share: Option<f64>) -> Self {
        Self::known("on_processor", "cooks on a processor", share, Self::share)
    }

    /// The fact of something that not every system says.
    pub(super) fn known<T>(
        key: &'static str,
        name: &'static str,
        figure: Option<T>,
        fact: impl FnOnce(&'static str, &'static str, T) -> Self,
    ) -> Self {
        match figure {
            Some(figure) => fact(key, name, figure),
            None => Self::new(key, name, Value::Null, "unknown"),
        }
    }
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
    }

    #[test]
    fn what_the_system_does_not_say_is_null_and_not_zero() {
        let fact = Fact::known("k", "n", None, Fact::count);
        assert_eq!((fact.value, fact.text.as_str()), (Value::Null, "unknown"));
        let fact = Fact::known("k", "n", Some(2000), Fact::count);
        assert_eq!((fact.value, fact.text.as_str()), (json!(2000), "2,000"));
    }
}
