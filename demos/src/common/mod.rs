//! The code that the demos share: the options, the executors, a measured run, its report, and readable
//! numbers. Nothing in this folder depends on a demo.

pub(crate) mod columns;
pub(crate) mod compare;
pub(crate) mod cooks;
pub(crate) mod dish;
pub(crate) mod facts;
pub(crate) mod figures;
pub(crate) mod gauge;
pub(crate) mod helper;
pub(crate) mod interrupt;
pub(crate) mod meanwhile;
pub(crate) mod measure;
pub(crate) mod numbers;
pub(crate) mod options;
pub(crate) mod paint;
pub(crate) mod prelude;
pub(crate) mod progress;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod speed_up;
pub(crate) mod system;
pub(crate) mod units;
pub(crate) mod usage;
pub(crate) mod work;
mod wrap;
