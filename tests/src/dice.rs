//! Makes reproducible random numbers.

use std::fmt::Display;
use std::str::FromStr;

/// A random number generator (SplitMix64) that gives the same numbers for the same seed on every machine.
#[derive(Clone)]
pub struct Dice(pub u64);

impl Dice {
    /// Returns a random number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    /// Returns a separate generator. Its seed is the next number of this generator.
    #[must_use]
    pub fn others(&mut self) -> Self {
        Dice(self.roll(u64::MAX))
    }
}

/// Reads a setting from the environment, such as a seed or a duration.
///
/// # Panics
/// Panics if the variable is set but cannot be parsed.
pub fn setting<T: FromStr<Err: Display>>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(error) => panic!("{name}={text}: {error}"),
    }
}
