//! The parts that both executors share.
//!
//! **Job.** Hold together what tasks, sockets and timers use of their executor, whichever it is. **Owns** the parts, together with the executor, and with whatever of its sockets
//! and timers outlives it. **Never** runs a task.

use crate::blocking::Pool;
use crate::metrics::Counters;
use crate::reactor::Reactor;
use crate::sync::Arc;
use crate::task::scheduler_ref::SchedulerRef;
use crate::timer::Timers;

/// What both executors have, and what their tasks, sockets and timers use.
pub(crate) struct Shared {
    pub(crate) home: SchedulerRef,
    pub(crate) reactor: Arc<Reactor>,
    pub(crate) timers: Arc<Timers>,
    pub(crate) pool: Pool,
    pub(crate) counters: Arc<Counters>,
}
