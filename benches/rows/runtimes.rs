//! The runtimes, one file each. A file defines how its runtime is started, and how it provides what
//! `runtime.rs` requires. It contains no benchmark.

pub(crate) mod brigade_one;

pub(crate) mod brigade_many;

pub(crate) mod tokio_one;

pub(crate) mod tokio_many;

pub(crate) mod smol_one;

pub(crate) mod smol_many;

pub(crate) mod futures_both;

pub(crate) mod nio_one;

pub(crate) mod nio_many;

pub(crate) mod monoio_one;

pub(crate) mod compio_one;

pub(crate) mod glommio_one;
