//! Advice in words: one or two sentences, with the figures.
//!
//! **Job.** Put what `timeline/advice.rs` found into a sentence. **Owns** nothing. **Never** says what
//! the figures do not.

use std::{fmt, time::Duration};

use super::{Advice, ratio};

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Advice::WaitingHeavy {
                waiting_share,
                busy,
                cooks,
                in_flight_max,
            } => write!(
                f,
                "Tasks spent {} of their time waiting, up to {in_flight_max} of them at once, and {} \
                 busy for {}. More cooks will not help: waiting needs no cook.",
                Percent(*waiting_share),
                Cooks(*cooks, "was", "were"),
                Percent(*busy),
            ),
            Advice::ComputeHeavy {
                busy,
                cooks,
                cores,
                at_best,
                critical_path,
                span,
            } => write!(
                f,
                "{} busy for {} of the time, on a machine of {cores} cores. More cooks will help, up \
                 to the cores: at best {at_best:.1} times as fast, for {} of these {} are one chain of \
                 cause and effect.",
                Cooks(*cooks, "was", "were"),
                Percent(*busy),
                Time(*critical_path),
                Time(*span),
            ),
            Advice::BlockedLoop {
                label,
                cook,
                cooks,
                lasted,
                held,
                ready,
                ..
            } => {
                write!(f, "'{label}' kept {cook} in one poll ")?;
                if *cooks > 1 {
                    write!(f, "while all {cooks} cooks were taken, ")?;
                }
                write!(
                    f,
                    "for {}; meanwhile {} no turn{}. If it computes, yield in between or use \
                     spawn_blocking; if it blocks, await instead.",
                    Time(*lasted),
                    Tasks(*held, "got", "got"),
                    HeldUp(*held, *ready),
                )
            }
            Advice::BusyPolling {
                label,
                polls,
                self_woken,
                mean_poll,
                others,
                ..
            } => {
                write!(
                    f,
                    "'{label}' was polled {polls} times for {} on average and woke itself in {} of these \
                     polls: it asks instead of waiting. Let the event wake it",
                    Time(*mean_poll),
                    Percent(ratio(*self_woken, *polls)),
                )?;
                match others {
                    0 => write!(f, "."),
                    _ => write!(f, "; {} the same.", Tasks(*others, "does", "do")),
                }
            }
            Advice::Stranded {
                label,
                polls,
                waited,
                others,
                ..
            } => {
                write!(
                    f,
                    "'{label}' waits and nobody holds its waker: after {polls} {} nothing could wake it \
                     any more, and it had waited for {} when the record ended. Who returns Pending must \
                     keep the waker of that poll, or hand it on",
                    if *polls == 1 { "poll" } else { "polls" },
                    Time(*waited),
                )?;
                match others {
                    0 => write!(f, "."),
                    _ => write!(f, "; {} the same.", Tasks(*others, "waits", "wait")),
                }
            }
            Advice::InLine {
                tasks,
                events,
                span,
                waiting_share,
            } => write!(
                f,
                "{tasks} tasks waited for events one at a time, {} of the {} that the run took, and for \
                 one another for {} of their time. If they hold a lock across an await, let go of it \
                 before; if each needs what the other has done, they must wait.",
                Time(*events),
                Time(*span),
                Percent(*waiting_share),
            ),
            Advice::Queueing {
                queued_share,
                queued_max,
                busy,
                cooks,
                cores,
                at_best,
            } => {
                write!(
                    f,
                    "Tasks were ready but not running for {} of their time, up to {queued_max} at \
                     once, while {} busy for {}: there is more to do than they can.",
                    Percent(*queued_share),
                    Cooks(*cooks, "was", "were"),
                    Percent(*busy),
                )?;
                if cooks >= cores {
                    write!(f, " The machine has no more cores")?;
                } else {
                    write!(
                        f,
                        " All {cores} cores would make it {at_best:.1} times as fast at best"
                    )?;
                }
                write!(f, ": begin fewer tasks at a time, or give them less to do.")
            }
            Advice::WakesNowhere {
                wakes,
                nowhere,
                label,
                of_task,
                ..
            } => write!(
                f,
                "{nowhere} of {wakes} wakes ({}) led nowhere, {of_task} of them for '{label}': it was \
                 ready already, or complete. Wake once for a change, not once for each part of it.",
                Percent(ratio(*nowhere, *wakes)),
            ),
        }
    }
}

/// A share, in words that do not round to more than it is.
struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A nanosecond's rounding errors are no reason to call 29 % 28 %.
        write!(f, "{:.0} %", (self.0 * 100.0 + 1e-9).floor())
    }
}

/// A time to about three digits, in the unit that suits it: `2.26 s`, `105 ms`, `9.0 ms`.
struct Time(Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs_f64() {
            s if s >= 0.999_5 => write!(f, "{s:.2} s"),
            s if s >= 0.009_95 => write!(f, "{:.0} ms", s * 1e3),
            s if s >= 0.000_999_5 => write!(f, "{:.1} ms", s * 1e3),
            s if s >= 0.000_000_999_5 => write!(f, "{:.0} µs", s * 1e6),
            s => write!(f, "{:.0} ns", s * 1e9),
        }
    }
}

/// Of the tasks that got no turn, which were ready: for the others it is not known, since
/// the loop that would have heard of their events was held up too.
struct HeldUp(usize, usize);

impl fmt::Display for HeldUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(held, ready) = *self;
        match ready {
            0 => write!(f, ", and nobody looked whether any had become ready"),
            ready if ready >= held => write!(f, ", though ready"),
            1 => write!(f, ", though 1 of them was ready"),
            ready => write!(f, ", though {ready} of them were ready"),
        }
    }
}

/// `1 cook was`, `2 cooks were`.
struct Cooks(usize, &'static str, &'static str);

impl fmt::Display for Cooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => write!(f, "1 cook {}", self.1),
            n => write!(f, "{n} cooks {}", self.2),
        }
    }
}

/// `1 other task does`, `2 other tasks do`.
struct Tasks(usize, &'static str, &'static str);

impl fmt::Display for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => write!(f, "1 other task {}", self.1),
            n => write!(f, "{n} other tasks {}", self.2),
        }
    }
}
