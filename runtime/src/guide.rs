//! Two pages for users of other runtimes: where to find things, and what runs on brigade.

/// Where to find the parts of tokio and smol in brigade.
///
#[doc = include_str!("../docs/from-tokio-or-smol.md")]
pub mod from_tokio_or_smol {}

/// What each runtime offers, and which crates run on brigade.
///
#[doc = include_str!("../docs/ecosystem.md")]
pub mod ecosystem {}
