//! The limits: the work of each benchmark, done by the simplest code that can do it, without a runtime. A
//! limit is a bound, not a competitor, because this code cannot do what a runtime does.

pub(crate) mod closures;

pub(crate) mod clocks;

pub(crate) mod kernel;

pub(crate) mod echo;

pub(crate) mod fetch;

pub(crate) mod threads;

pub(crate) mod rayon;
