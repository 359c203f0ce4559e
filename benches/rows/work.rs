//! The benchmarks (rows), each written once for all runtimes. The files whose names begin with `many`, and
//! the second halves of `idle` and `wake`, are for two workers. The rest is for one thread.

pub(crate) mod spawn;

pub(crate) mod turns;

pub(crate) mod wake;

pub(crate) mod memory;

pub(crate) mod timers;

pub(crate) mod echo;

pub(crate) mod fetch;

pub(crate) mod idle;

pub(crate) mod many_spawn;

pub(crate) mod many_turns;

pub(crate) mod many_work;

pub(crate) mod many_timers;

pub(crate) mod many_echo;
