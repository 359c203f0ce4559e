//! The part of the benchmarks that measures nothing: the definitions of the rows, the command line, the tables
//! and the drawings.
//!
//! This library does not depend on any runtime, so it builds quickly. The measuring part is in `rows/`, the
//! only bench target of this package. The modules in reading order:
//!
//! 1. [`catalog`]: the rows, each with its definition and its figures;
//! 2. [`args`]: the command line;
//! 3. [`results`]: the figures of every round, their medians and ratios;
//! 4. [`report`]: the tables and the bars;
//! 5. [`many_cores`]: a simulation with more cores than this machine has.

pub mod catalog;

pub mod args;

pub mod results;

pub mod report;

pub mod many_cores;
