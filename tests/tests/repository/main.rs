//! Checks that the repository's pages and lists are true.

mod catalogue;
mod guide;
mod house;
mod mutants;
mod prose;
mod text;
