//! The runtimes, one file each. A file defines how its runtime is started, and how the runtime provides what
//! `runtime.rs` requires.

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
