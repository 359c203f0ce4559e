//! Tests how tasks live and are woken, joined, aborted and collected in sets, on their executor's thread and
//! on others.

use brigade_tests::Counting;

mod abort;
mod big_futures;
mod join;
mod join_set;
mod life;
mod local;
mod remote;
mod set_waiters;
mod strangers;
mod wake;

#[global_allocator]
static ALLOCATOR: Counting = Counting;
