//! The results of an experiment, as numbers with names. The verdict is computed from these numbers alone,
//! and they are printed, so a reader of the JSON object can follow each step.

use std::ops::Index;

use super::judgement::{Answer, GAIN};

use crate::prelude::*;

/// The facts of one experiment. A fact is found by its key: `facts["wall_s"]`.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts(pub(super) Vec<Fact>);

/// A fact has a key for programs and a name for people.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fact {
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    /// NaN means that this system does not report the figure. The answer of a
    /// [`Band`](super::judgement::Band) is then `Unclear`.
    pub(super) value: f64,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Unit {
    Count,
    Bytes,
    Seconds,
    /// A share between 0 and 1.
    Share,
    Number,
    /// How many times as fast one run was as another. `most` is the largest possible factor.
    SpeedUp {
        most: f64,
    },
}

/// Returns a fact that counts something.
pub(super) fn count(key: &'static str, name: &'static str, n: impl Into<Option<usize>>) -> Fact {
    Fact::new(key, name, n.into().map(|n| n as f64), Unit::Count)
}

pub(super) fn bytes(key: &'static str, name: &'static str, n: impl Into<Option<u64>>) -> Fact {
    Fact::new(key, name, n.into().map(|n| n as f64), Unit::Bytes)
}

pub(super) fn time(key: &'static str, name: &'static str, t: impl Into<Option<Duration>>) -> Fact {
    let seconds = t.into().map(|time| time.as_secs_f64());
    Fact::new(key, name, seconds, Unit::Seconds)
}

pub(super) fn share(key: &'static str, name: &'static str, share: Option<f64>) -> Fact {
    Fact::new(key, name, share, Unit::Share)
}

pub(super) fn number(key: &'static str, name: &'static str, number: Option<f64>) -> Fact {
    Fact::new(key, name, number, Unit::Number)
}

pub(super) fn speed_up(key: &'static str, name: &'static str, it: SpeedUp) -> Fact {
    Fact::new(key, name, it.factor, Unit::SpeedUp { most: it.most })
}

/// Returns a fact: the share of the cooks' working time in which they were on a processor.
pub(super) fn on_processor(of_work: Option<f64>) -> Fact {
    share("on_processor", "cooks on a processor", of_work)
}

impl Index<&str> for Facts {
    type Output = Fact;

    fn index(&self, key: &str) -> &Fact {
        let fact = self.0.iter().find(|fact| fact.key == key);
        fact.unwrap_or_else(|| panic!("no fact is called {key}"))
    }
}

impl Facts {
    /// Returns the ratio of two facts, or NaN if one of them is unknown.
    pub(super) fn ratio(&self, of: &str, to: &str) -> f64 {
        self[of].value / self[to].value
    }

    pub(super) fn count(&self, key: &str) -> usize {
        self[key].value as usize
    }

    /// Returns a count with its noun: `2,000 requests`.
    pub(super) fn counted(&self, key: &str, noun: &str) -> String {
        units::counted(self.count(key), noun)
    }
}

impl Fact {
    fn new(
        key: &'static str,
        name: &'static str,
        value: impl Into<Option<f64>>,
        unit: Unit,
    ) -> Self {
        let value = value.into().unwrap_or(f64::NAN);
        Self {
            key,
            name,
            value,
            unit,
        }
    }

    pub(super) fn is_known(&self) -> bool {
        !self.value.is_nan()
    }

    /// Returns whether a speed-up is a gain. The answer is `Unclear` for a speed-up that is far above the
    /// possible maximum.
    pub(super) fn gained(&self) -> Answer {
        match self.unit {
            Unit::SpeedUp { most } => GAIN.ask_up_to(most, self.value),
            _ => GAIN.ask(self.value),
        }
    }

    /// Returns the value for programs, which is null if the value is unknown.
    pub(super) fn json(&self) -> Value {
        match self.unit {
            Unit::Count | Unit::Bytes if self.is_known() => json!(self.value as u64),
            _ => json!(self.value),
        }
    }
}

/// Prints the value for people, with its unit.
impl std::fmt::Display for Fact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let factor = self.value;
        f.write_str(&match self.unit {
            _ if !self.is_known() => "unknown".to_owned(),
            Unit::Count => units::count(factor as usize),
            Unit::Bytes => units::bytes(factor as u64),
            Unit::Seconds => units::duration(Duration::from_secs_f64(factor)),
            Unit::Share => units::percent(factor),
            Unit::Number => format!("{factor:.2}"),
            Unit::SpeedUp { most } => SpeedUp { factor, most }.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_does_not_say_is_null_and_not_zero() {
        let fact = count("k", "n", None);
        assert_eq!(
            (fact.json(), fact.to_string()),
            (Value::Null, "unknown".into())
        );
        let fact = count("k", "n", 2000);
        assert_eq!(
            (fact.json(), fact.to_string()),
            (json!(2000), "2,000".into())
        );
    }

    #[test]
    fn a_ratio_with_an_unknown_fact_is_no_number() {
        let facts = Facts(vec![
            count("two", "", 2),
            count("four", "", 4),
            time("unknown", "", None),
        ]);
        assert_eq!(facts.ratio("four", "two"), 2.0);
        assert!(facts.ratio("four", "unknown").is_nan());
    }
}
