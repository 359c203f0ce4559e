//! Computes how long polls were off the core, from the readings of their thread's CPU clock.
//!
//! When a poll ends, or a park begins or ends, the recorder reads the clock if a millisecond has passed since
//! the last reading. So all polls between two readings, except the last of these polls, take less than a
//! millisecond in total. The time off the core is divided among these polls in proportion to their lengths.

use std::time::Duration;

use super::{OffCore, Poll};

/// The sums of a thread's CPU clock up to the last reading that was processed.
#[derive(Default)]
pub(super) struct Meter {
    last: Option<Reading>,
    /// How long the thread has been parked since the last reading.
    parked: Duration,
    /// The first poll that ended after the last reading, as an index into the lane's polls.
    first: usize,
    cpu: Option<Duration>,
    preempted: Option<Duration>,
}

/// A reading of the clock, see [`What::CpuTime`](brigade::timeline::What::CpuTime).
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub(super) at: Duration,
    pub(super) cpu: Duration,
    pub(super) delayed: Option<Duration>,
    pub(super) blocked: bool,
}

impl Meter {
    pub(super) fn parked(&mut self, length: Duration) {
        self.parked += length;
    }

    /// Adds a reading. `lane` lists the polls of the thread before this reading.
    pub(super) fn read(&mut self, reading: Reading, lane: &[usize], polls: &mut [Poll]) {
        if let Some(last) = self.last {
            self.close(last, reading, &lane[self.first.min(lane.len())..], polls);
        }
        self.last = Some(reading);
        self.parked = Duration::ZERO;
        self.first = lane.len();
    }

    fn close(&mut self, last: Reading, now: Reading, lane: &[usize], polls: &mut [Poll]) {
        let used = now.cpu.saturating_sub(last.cpu);
        *self.cpu.get_or_insert_default() += used;
        let delay = match (last.delayed, now.delayed) {
            (Some(last), Some(now)) => Some(now.saturating_sub(last)),
            _ => None,
        };
        if let Some(delay) = delay {
            *self.preempted.get_or_insert_default() += delay;
        }
        let awake = (now.at - last.at).saturating_sub(self.parked);
        let off = awake.saturating_sub(used);
        // If the record lacks the delay, a preempted thread cannot be distinguished from a blocked thread, so
        // report neither.
        let Some(delay) = delay else { return };
        // If the thread gave up its core, it was blocked for the time off the core that `delay` does not
        // explain. If the thread never gave up its core, the host of a virtual machine took the core.
        let preempted = if now.blocked { delay.min(off) } else { off };
        let blocked = off - preempted;
        let lengths = lane.iter().map(|&poll| polls[poll].length());
        let whole: Duration = lengths.sum();
        if whole.is_zero() {
            return;
        }
        for &poll in lane {
            let poll = &mut polls[poll];
            let share = poll.length().as_secs_f64() / whole.as_secs_f64();
            let blocked = blocked.mul_f64(share).min(poll.length());
            let preempted = preempted.mul_f64(share).min(poll.length() - blocked);
            poll.off_core = Some(OffCore { blocked, preempted });
        }
    }

    /// Returns the CPU time and the time without a core, from the first reading to the last.
    pub(super) fn sums(&self) -> (Option<Duration>, Option<Duration>) {
        (self.cpu, self.preempted)
    }
}
