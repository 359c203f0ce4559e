//! Pages for people who come from somewhere else. There is no code in here.
//!
//! **Job.** Say where things are, in the words of other runtimes, and what runs on brigade.
//!
//! **Owns** nothing. **Never** says what the reference says already.

/// From tokio or smol to brigade.
///
#[doc = include_str!("../docs/from-tokio-or-smol.md")]
pub mod from_tokio_or_smol {}

/// The ecosystem: what the runtimes have, and what runs on brigade.
///
#[doc = include_str!("../docs/ecosystem.md")]
pub mod ecosystem {}
