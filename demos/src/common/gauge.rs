//! A counter that goes up and down and remembers its largest value.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// A counter that goes up and down and remembers its largest value.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Gauge {
    /// Adds one to the number. Dropping the returned value subtracts one again.
    pub(crate) fn up(self: &Arc<Self>) -> Counted {
        let now = self.now.fetch_add(1, Relaxed) + 1;
        self.most.fetch_max(now, Relaxed);
        Counted(self.clone())
    }

    pub(crate) fn now(&self) -> usize {
        self.now.load(Relaxed)
    }

    pub(crate) fn most(&self) -> usize {
        self.most.load(Relaxed)
    }
}

/// One unit that a [`Gauge`] counts. Dropping it decreases the gauge.
#[derive(Debug)]
pub(crate) struct Counted(Arc<Gauge>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_remembers_the_most() {
        let gauge = Arc::<Gauge>::default();
        let two = (gauge.up(), gauge.up());
        assert_eq!((gauge.now(), gauge.most()), (2, 2));
        drop(two);
        assert_eq!((gauge.now(), gauge.most()), (0, 2));
    }
}
