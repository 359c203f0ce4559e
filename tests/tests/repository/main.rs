//! The repository's own texts are true: pages, lists, and what they say of the source.

mod catalogue;
mod guide;
mod house;
mod mutants;
mod prose;
mod text;
