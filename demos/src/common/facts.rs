//! The results of a run, as numbers with names. Both the printed tables and the JSON object are made from
//! them.

use std::{ops::Index, time::Duration};

use serde_json::{Map, Value, json};

use super::{speed_up::SpeedUp, units};

/// The facts of one run or of one experiment. A fact is found by its key: `facts["wall_s"]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts(pub(crate) Vec<Fact>);

/// A figure with two names: a key in the JSON object, and a name in the tables. A fact without a key is left
/// out of the JSON object, and a fact without a name is left out of the tables.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fact {
    pub(crate) key: &'static str,
    pub(crate) name: &'static str,
    /// NaN means that this system does not report the figure.
    pub(crate) value: f64,
    unit: Unit,
}

#[derive(Clone, Debug, PartialEq)]
enum Unit {
    Count,
    Bytes,
    Seconds,
    /// A share between 0 and 1.
    Share,
    Number,
    /// The speed of one run divided by the speed of another. `most` is the largest possible factor.
    SpeedUp {
        most: f64,
    },
    /// 1 if something is right, and 0 if it is wrong.
    IsRight,
    Text(String),
}

/// Returns a fact that counts something.
pub(crate) fn count(key: &'static str, name: &'static str, n: impl Into<Option<usize>>) -> Fact {
    Fact::new(key, name, n.into().map(|n| n as f64), Unit::Count)
}

pub(crate) fn bytes(key: &'static str, name: &'static str, n: impl Into<Option<u64>>) -> Fact {
    Fact::new(key, name, n.into().map(|n| n as f64), Unit::Bytes)
}

pub(crate) fn time(key: &'static str, name: &'static str, t: impl Into<Option<Duration>>) -> Fact {
    let seconds = t.into().map(|time| time.as_secs_f64());
    Fact::new(key, name, seconds, Unit::Seconds)
}

pub(crate) fn share(key: &'static str, name: &'static str, share: Option<f64>) -> Fact {
    Fact::new(key, name, share, Unit::Share)
}

pub(crate) fn number(key: &'static str, name: &'static str, number: Option<f64>) -> Fact {
    Fact::new(key, name, number, Unit::Number)
}

pub(crate) fn speed_up(key: &'static str, name: &'static str, it: SpeedUp) -> Fact {
    Fact::new(key, name, it.factor, Unit::SpeedUp { most: it.most })
}

pub(crate) fn is_right(key: &'static str, name: &'static str, right: bool) -> Fact {
    Fact::new(key, name, f64::from(u8::from(right)), Unit::IsRight)
}

pub(crate) fn text(key: &'static str, name: &'static str, text: impl Into<String>) -> Fact {
    Fact::new(key, name, 0.0, Unit::Text(text.into()))
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
    pub(crate) fn ratio(&self, of: &str, to: &str) -> f64 {
        self[of].value / self[to].value
    }

    pub(crate) fn count(&self, key: &str) -> usize {
        self[key].value as usize
    }

    /// Adds facts at the end.
    pub(crate) fn with(mut self, more: impl IntoIterator<Item = Fact>) -> Self {
        self.0.extend(more);
        self
    }

    /// Removes the names of the facts, so that tables leave the facts out.
    pub(crate) fn unnamed(mut self) -> Self {
        self.0.iter_mut().for_each(|fact| fact.name = "");
        self
    }

    /// Returns the facts that have a key, as a JSON object.
    pub(crate) fn json(&self) -> Map<String, Value> {
        let keyed = self.0.iter().filter(|fact| !fact.key.is_empty());
        keyed
            .map(|fact| (fact.key.to_owned(), fact.json()))
            .collect()
    }

    /// Fills in a sentence: `{wall_s}` stands for a fact, and `{orders:order}` for a count with its noun.
    pub(crate) fn say(&self, template: &str) -> String {
        let mut parts = template.split(['{', '}']);
        let mut said = parts.next().unwrap_or_default().to_owned();
        while let (Some(key), Some(text)) = (parts.next(), parts.next()) {
            said += &match key.split_once(':') {
                Some((key, noun)) => self.counted(key, noun),
                None => self[key].to_string(),
            };
            said += text;
        }
        said
    }

    /// Returns a count with its noun: `2,000 requests`.
    pub(crate) fn counted(&self, key: &str, noun: &str) -> String {
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

    /// Returns the same fact with another key and name.
    pub(crate) fn called(&self, key: &'static str, name: &'static str) -> Self {
        Self {
            key,
            name,
            ..self.clone()
        }
    }

    pub(crate) fn is_known(&self) -> bool {
        !self.value.is_nan()
    }

    /// Returns the largest possible factor, if this is a speed-up.
    pub(crate) fn most(&self) -> Option<f64> {
        match self.unit {
            Unit::SpeedUp { most } => Some(most),
            _ => None,
        }
    }

    /// Returns the value in JSON, which is null if the value is unknown.
    fn json(&self) -> Value {
        match &self.unit {
            Unit::Text(text) => json!(text),
            Unit::IsRight => json!(self.value > 0.0),
            Unit::Count | Unit::Bytes if self.is_known() => json!(self.value as u64),
            _ => json!(self.value),
        }
    }
}

/// Prints the value with its unit.
impl std::fmt::Display for Fact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let factor = self.value;
        f.write_str(&match &self.unit {
            _ if !self.is_known() => "unknown".to_owned(),
            Unit::Count => units::count(factor as usize),
            Unit::Bytes => units::bytes(factor as u64),
            Unit::Seconds => units::duration(Duration::from_secs_f64(factor)),
            Unit::Share => units::percent(factor),
            Unit::Number => format!("{factor:.2}"),
            &Unit::SpeedUp { most } => SpeedUp { factor, most }.to_string(),
            Unit::IsRight => if factor > 0.0 { "right" } else { "wrong" }.to_owned(),
            Unit::Text(text) => text.clone(),
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
