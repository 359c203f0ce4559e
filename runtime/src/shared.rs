//! The parts that both executors share: what tasks, sockets and timers use of their executor, whichever it is.
//!
//! The executor holds them together with whatever of its handles, sockets and timers outlives it.

use crate::blocking::Pool;
use crate::metrics::{Counters, Depths, Metrics};
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
    pub(crate) depths: Arc<dyn Depths>,
}

impl Shared {
    /// What the executor has counted, and how much is waiting now.
    pub(crate) fn metrics(&self) -> Metrics {
        self.counters.read(&*self.depths, self.pool.depths())
    }
}
