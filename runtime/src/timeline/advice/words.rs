//! Advice in words: one or two sentences, with the figures.
//!
//! **Job.** Put what `timeline/advice.rs` found into a sentence. **Owns** nothing. **Never** says what
//! the figures do not.

use std::fmt;

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
                 busy for {}. More cooks will not help: waiting needs no hands.",
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
                 to the cores: at best {at_best:.1} times as fast, for {critical_path:.1?} of these \
                 {span:.1?} are one chain of cause and effect.",
                Cooks(*cooks, "was", "were"),
                Percent(*busy),
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
                    "for {lasted:.1?}; meanwhile {} no turn ({ready} of them ready). If it computes, \
                     yield in between or use spawn_blocking; if it blocks, await instead.",
                    Tasks(*held, "got", "got"),
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
                    "'{label}' was polled {polls} times for {mean_poll:.1?} on average and woke \
                     itself in {} of these polls: it asks instead of waiting. Let the event wake it",
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
                     any more, and it had waited for {waited:.1?} when the record ended. Who returns \
                     Pending must keep the waker of that poll, or hand it on",
                    if *polls == 1 { "poll" } else { "polls" },
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
                "{tasks} tasks waited for events one at a time, {events:.1?} of the {span:.1?} that the \
                 run took, and for one another for {} of their time. If they hold a lock across an \
                 await, let go of it before; if each needs what the other has done, they must wait.",
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
