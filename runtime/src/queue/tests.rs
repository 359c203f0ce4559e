//! Tasks that nobody runs, to put into queues.

use std::sync::Arc;

use crate::task::JoinHandle;
use crate::task::home::{HomeRef, Schedule};
use crate::task::letter::Letter;
use crate::task::raw::{RawTask, Runnable};

struct Nowhere;

impl Schedule for Nowhere {
    fn admit(&self, _task: Runnable) -> Result<(), Runnable> {
        Ok(())
    }
    fn schedule(&self, _task: Runnable) {}
    fn forget(&self, _task: RawTask) {}
    fn post(&self, _letter: Letter) {}
}

/// Newborn tasks, each to be cancelled by the test, and their handles.
pub(super) fn tasks(count: usize) -> (Vec<Runnable>, Vec<JoinHandle<()>>) {
    let home = HomeRef::shared(Arc::new(Nowhere));
    let newborn = |_| {
        let (runnable, raw) = RawTask::new(async {}, home.clone());
        (runnable, JoinHandle::new(raw))
    };
    (0..count).map(newborn).unzip()
}
