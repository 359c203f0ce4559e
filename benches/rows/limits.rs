//! The limits: each row's job done by the least that can do it, with no runtime.
//! They are bounds to look at and not rivals: none of them could run a program.

pub(crate) mod closures;

pub(crate) mod clocks;

pub(crate) mod kernel;

pub(crate) mod echo;

pub(crate) mod fetch;

pub(crate) mod threads;

pub(crate) mod rayon;
