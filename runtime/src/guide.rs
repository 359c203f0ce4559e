//! Two pages for users of other runtimes: where things are, and what runs on brigade.

/// Where things of tokio and smol are in brigade.
///
#[doc = include_str!("../docs/from-tokio-or-smol.md")]
pub mod from_tokio_or_smol {}

/// What the runtimes offer, and which crates run on brigade.
///
#[doc = include_str!("../docs/ecosystem.md")]
pub mod ecosystem {}
