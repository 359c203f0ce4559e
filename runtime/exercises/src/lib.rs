//! The modules of the exercises come from `start/`. With the feature `solutions`, they come from
//! `solutions/`. See the README in the folder above.

#[cfg_attr(feature = "solutions", path = "solutions/park.rs")]
#[cfg_attr(not(feature = "solutions"), path = "start/park.rs")]
pub mod park;

#[cfg_attr(feature = "solutions", path = "solutions/squares.rs")]
#[cfg_attr(not(feature = "solutions"), path = "start/squares.rs")]
pub mod squares;

#[cfg_attr(feature = "solutions", path = "solutions/oneshot.rs")]
#[cfg_attr(not(feature = "solutions"), path = "start/oneshot.rs")]
pub mod oneshot;

#[cfg_attr(feature = "solutions", path = "solutions/port.rs")]
#[cfg_attr(not(feature = "solutions"), path = "start/port.rs")]
#[cfg(unix)]
pub mod port;

#[cfg_attr(feature = "solutions", path = "solutions/semaphore.rs")]
#[cfg_attr(not(feature = "solutions"), path = "start/semaphore.rs")]
pub mod semaphore;

#[cfg_attr(feature = "solutions", path = "solutions/shares.rs")]
#[cfg_attr(not(feature = "solutions"), path = "start/shares.rs")]
pub mod shares;
