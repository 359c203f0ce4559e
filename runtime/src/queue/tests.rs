//! Tasks that nobody runs, to put into queues.

use std::sync::Arc;

use crate::task::JoinHandle;
use crate::task::home::HomeRef;
use crate::task::raw::{RawTask, Runnable};
use crate::tests::Nowhere;

/// Newborn tasks, each to be cancelled by the test, and their handles.
pub(crate) fn tasks(count: usize) -> (Vec<Runnable>, Vec<JoinHandle<()>>) {
    let home = HomeRef::shared(Arc::new(Nowhere));
    let newborn = |_| {
        let (runnable, raw) = RawTask::new(async {}, home.clone());
        (runnable, JoinHandle::new(raw))
    };
    (0..count).map(newborn).unzip()
}
