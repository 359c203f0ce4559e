//! The sixteen claims. Each is a [`Claim`]: what is said, the experiment, and the verdict that
//! follows from its facts. They stand in files by what they are about.

mod both;
mod cores;
mod system;
mod tasks;
mod waiting;

use super::{
    facts::Facts,
    judgement::Judgement,
    lab::{Lab, Sizes},
};

/// A claim and how it is put to the test.
#[derive(Clone, Copy)]
pub(super) struct Claim {
    /// Its number, from 1.
    pub(super) id: usize,
    pub(super) said: &'static str,
    /// The command that shows it alone, at these sizes.
    pub(super) command: fn(&Sizes) -> String,
    /// Makes the experiment.
    pub(super) measure: fn(&Lab) -> anyhow::Result<Facts>,
    /// What follows from the facts, and from nothing else.
    pub(super) judge: fn(&Facts) -> Judgement,
}

/// All of them, as they are numbered.
pub(super) const ALL: [Claim; 16] = [
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
    tasks::ALSO_CONCURRENT,
    system::UNINTERRUPTED,
    system::SERVER,
    system::THREADS_WAIT,
];

#[cfg(test)]
mod tests;
