//! Tests the life of a task: wakes, joins, aborts and sets, on the executor's thread and on other threads.

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
