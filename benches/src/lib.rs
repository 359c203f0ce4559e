//! The plain part of the benchmark: which rows there are, what a run was asked
//! for, and how its figures become tables and drawings.
//!
//! Nothing here measures and nothing here knows a runtime. That half stands in
//! `rows/`, the one bench target of this package, so that building this library
//! never builds a peer. In reading order:
//!
//! 1. [`catalog`]: the rows, each with its definition and its figures;
//! 2. [`args`]: the command line;
//! 3. [`results`]: the figures of every round, their medians and ratios;
//! 4. [`report`]: the tables and the bars;
//! 5. [`many_cores`]: beyond the cores at hand, on paper.

pub mod catalog;

pub mod args;

pub mod results;

pub mod report;

pub mod many_cores;
