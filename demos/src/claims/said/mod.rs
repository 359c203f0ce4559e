//! The sixteen claims. Each [`Claim`] has a text, an experiment, and a verdict that follows from the
//! facts of the experiment. Each file holds the claims about one topic.

mod both;
mod cores;
mod system;
mod tasks;
mod waiting;

// The files of this folder use these names.
use super::{
    judgement::{Verdict::*, *},
    lab::*,
};
use crate::prelude::*;

/// A claim and the way in which it is tested.
#[derive(Clone, Copy)]
pub(super) struct Claim {
    /// The number of the claim, from 1.
    pub(super) id: usize,
    pub(super) said: &'static str,
    /// Returns the command that shows this claim alone, at the given sizes.
    pub(super) command: fn(&Sizes) -> String,
    /// Runs the experiment.
    pub(super) measure: fn(&Lab) -> anyhow::Result<Facts>,
    /// Returns the verdict, which depends on the facts alone.
    pub(super) judge: fn(&Facts) -> Judgement,
}

/// All claims, in the order in which they are checked. The claim that measures memory comes first: after
/// other runs, its run would reuse their memory, and measure too little. The claim about all runs comes
/// last.
pub(super) const ALL: [Claim; 16] = [
    system::THREADS_WAIT,
    tasks::AUTOMATIC,
    cores::ALWAYS_BETTER,
    tasks::THOUSANDS,
    cores::SET_NOT_ONE,
    cores::FIVE_PARTS,
    system::OWN_CORE,
    waiting::SIXTY_HZ,
    waiting::HIRING,
    waiting::BUSY_LOOP,
    cores::CRITICAL_PATH,
    tasks::ORDER,
    both::BOTH,
    system::UNINTERRUPTED,
    system::SERVER,
    tasks::ALSO_CONCURRENT,
];

#[cfg(test)]
mod tests;
