//! Chance that can be had again.

use std::fmt::Display;
use std::str::FromStr;

/// SplitMix64: a seed gives the same numbers everywhere.
#[derive(Clone)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    /// Dice of their own for somebody else.
    #[must_use]
    pub fn others(&mut self) -> Self {
        Dice(self.roll(u64::MAX))
    }
}

/// A setting of the environment, such as a seed or for how long.
///
/// # Panics
/// If it is set to something else.
pub fn setting<T: FromStr<Err: Display>>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(error) => panic!("{name}={text}: {error}"),
    }
}
