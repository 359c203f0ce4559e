//! Tests the verdict of each claim with the usual facts, with facts that show the opposite, and with facts that
//! show nothing.

use super::*;
use crate::facts::Fact;

/// Changes to the usual facts: the key of a fact, and its new value.
type Changes = &'static [(&'static str, f64)];

const UNKNOWN: f64 = f64::NAN;

/// Facts that an experiment may produce, and the verdicts that must follow.
struct Sample {
    /// The facts of an undisturbed run.
    usual: Vec<Fact>,
    verdict: Verdict,
    /// Changes that reverse the result, and the verdicts that must follow from them.
    turned: &'static [(Verdict, Changes)],
    /// Changes after which the verdict must be `Undecided`.
    nothing: &'static [Changes],
}

impl Sample {
    /// Judges the usual facts with these changes.
    fn judge(&self, claim: &Claim, changes: Changes) -> Judgement {
        let mut facts = Facts(self.usual.clone());
        for (key, value) in changes {
            let fact = facts.0.iter_mut().find(|fact| fact.key == *key);
            fact.unwrap_or_else(|| panic!("no fact is called {key}"))
                .value = *value;
        }
        (claim.judge)(&facts)
    }
}

/// Returns one sample for each claim, in the order of their numbers.
fn samples() -> [Sample; 16] {
    let seconds = |key, number| time(key, "", Duration::from_secs_f64(number));
    let times = |key, factor| speed_up(key, "", SpeedUp { factor, most: 5.0 });
    let of_two = |key, factor| speed_up(key, "", SpeedUp { factor, most: 2.0 });
    let count = |key, number: usize| count(key, "", number);
    let share = |key, number| share(key, "", Some(number));
    [
        Sample {
            usual: vec![
                count("in_flight_max", 3),
                count("at_once_max", 1),
                count("cooks_many", 2),
                count("at_once_max_many", 2),
            ],
            verdict: DoesNotHold,
            turned: &[(Holds, &[("at_once_max", 2.0)])],
            nothing: &[&[("in_flight_max", 1.0)]],
        },
        Sample {
            usual: vec![
                count("cooks", 2),
                of_two("chopping_speed_up", 1.95),
                of_two("waiting_speed_up", 1.0),
                on_processor(Some(1.0)),
            ],
            verdict: DoesNotHold,
            turned: &[(Holds, &[("waiting_speed_up", 1.9)])],
            nothing: &[
                &[("waiting_speed_up", 1.3), ("chopping_speed_up", 1.3)],
                // If the cooks had no free cores, a missing gain refutes nothing.
                &[
                    ("waiting_speed_up", 1.3),
                    ("chopping_speed_up", 1.0),
                    ("on_processor", 0.5),
                ],
                // A gain that is impossible with two cooks proves nothing. A small gain in waiting may be
                // chance.
                &[("waiting_speed_up", 1.3), ("chopping_speed_up", 3.33)],
                // Other programs slowed the run with one cook down.
                &[("waiting_speed_up", 1.9), ("on_processor", 0.5)],
            ],
        },
        Sample {
            usual: vec![
                count("asked", 2000),
                count("done", 2000),
                count("in_flight_max", 2000),
                count("at_once_max", 1),
                seconds("wall_s", 0.6),
                seconds("cpu_s", 0.2),
                seconds("waited_s", 550.0),
            ],
            verdict: Holds,
            turned: &[
                (DoesNotHold, &[("done", 200.0)]),
                (DoesNotHold, &[("wall_s", 550.0)]),
            ],
            nothing: &[
                &[("asked", 50.0), ("done", 50.0), ("in_flight_max", 50.0)],
                &[("in_flight_max", 200.0)],
            ],
        },
        Sample {
            usual: vec![
                times("waiting_set_speed_up", 5.0),
                times("computing_set_speed_up", 1.0),
                seconds("waiting_alone_s", 1.0),
                seconds("waiting_among_s", 1.0),
                seconds("computing_alone_s", 1.0),
                seconds("computing_among_s", 5.0),
                share("computing_on_processor", 1.0),
            ],
            verdict: Holds,
            turned: &[
                (DoesNotHold, &[("waiting_set_speed_up", 1.0)]),
                (DoesNotHold, &[("waiting_among_s", 0.5)]),
                (DoesNotHold, &[("computing_set_speed_up", 2.0)]),
            ],
            nothing: &[
                &[("computing_set_speed_up", 1.3)],
                // With one cook, more tasks do not make computing faster. So other programs have caused this
                // gain.
                &[
                    ("computing_set_speed_up", 2.0),
                    ("computing_on_processor", 0.5),
                ],
            ],
        },
        Sample {
            usual: vec![
                count("cores", 2),
                count("cooks", 5),
                times("computing_speed_up", 1.95),
                times("waiting_speed_up", 4.9),
                on_processor(Some(0.4)),
            ],
            verdict: Depends,
            turned: &[
                (Holds, &[("cores", 8.0), ("computing_speed_up", 4.8)]),
                (
                    DoesNotHold,
                    &[
                        ("cores", 8.0),
                        ("computing_speed_up", 1.1),
                        ("on_processor", 1.0),
                    ],
                ),
            ],
            nothing: &[
                &[("computing_speed_up", 1.0)],
                &[("computing_speed_up", 3.5)],
                // On two cores, five cooks can be on a core for 0.4 of their time. Here the share is 0.2,
                // because other programs used the cores.
                &[("computing_speed_up", 1.4), ("on_processor", 0.2)],
                // Five times as fast on two cores is impossible.
                &[("computing_speed_up", 4.9)],
                &[
                    ("cores", 8.0),
                    ("computing_speed_up", 1.1),
                    ("on_processor", 0.5),
                ],
            ],
        },
        Sample {
            usual: vec![
                count("cores", 2),
                count("threads", 32),
                number("on_a_core", "", Some(1.98)),
                seconds("queued_s", 20.0),
                seconds("wall_s", 1.0),
            ],
            verdict: DoesNotHold,
            turned: &[(Holds, &[("on_a_core", 31.5)])],
            nothing: &[
                &[("on_a_core", UNKNOWN)],
                &[("threads", 2.0), ("on_a_core", 1.5)],
                &[("on_a_core", 1.01), ("queued_s", 0.0)],
            ],
        },
        Sample {
            usual: vec![
                count("frames", 300),
                count("missed_yielding", 0),
                seconds("worst_lateness_s", 0.001),
                count("missed_hogging", 250),
                seconds("starved_s", 0.0),
            ],
            verdict: Holds,
            turned: &[
                (DoesNotHold, &[("missed_yielding", 250.0)]),
                (
                    DoesNotHold,
                    &[("missed_yielding", 250.0), ("starved_s", UNKNOWN)],
                ),
            ],
            nothing: &[
                &[("missed_yielding", 250.0), ("starved_s", 1.0)],
                &[("missed_yielding", 40.0)],
            ],
        },
        Sample {
            usual: vec![
                seconds("brew_s", 0.1),
                seconds("wait_alone_s", 0.1),
                seconds("wait_hired_s", 0.1),
                count("workers_hired", 20),
                count("orders_hired", 590),
                count("orders_told", 588),
            ],
            verdict: DoesNotHold,
            turned: &[
                (Holds, &[("orders_hired", 1900.0), ("wait_hired_s", 0.033)]),
                (Depends, &[("orders_told", 60.0)]),
            ],
            nothing: &[
                &[("orders_hired", 20.0), ("orders_told", 20.0)],
                &[("orders_told", 450.0)],
            ],
        },
        Sample {
            usual: vec![
                share("cores_asking", 0.98),
                share("cores_told", 0.02),
                count("orders_asking", 590),
                count("orders_told", 588),
            ],
            verdict: DoesNotHold,
            turned: &[
                (Holds, &[("cores_asking", 0.02)]),
                (Depends, &[("orders_told", 100.0)]),
            ],
            nothing: &[&[("cores_told", UNKNOWN)], &[("cores_asking", 0.05)]],
        },
        Sample {
            usual: vec![
                seconds("critical_path_s", 0.9),
                seconds("one_hand_s", 1.5),
                count("width", 3),
                seconds("at_width_s", 0.9),
                count("plenty", 8),
                seconds("plenty_s", 0.9),
            ],
            verdict: Holds,
            turned: &[(DoesNotHold, &[("plenty_s", 0.45)])],
            nothing: &[
                &[("one_hand_s", 0.9)],
                // Timers were late in the run with exactly as many hands as can be busy.
                &[("at_width_s", 1.8)],
                &[("at_width_s", 2.7), ("plenty_s", 2.7)],
            ],
        },
        Sample {
            usual: vec![
                count("seeds", 4),
                count("times", 3),
                count("same_order", 4),
                count("orders", 4),
            ],
            verdict: DoesNotHold,
            turned: &[(Holds, &[("same_order", 1.0)])],
            nothing: &[&[("orders", 1.0)]],
        },
        Sample {
            usual: vec![
                count("cores", 2),
                count("requests", 200),
                seconds("waited_s", 200.0),
                seconds("answered_s", 1.0),
                count("computed_at_once", 2),
                seconds("waiting_s", 1.0),
                seconds("computing_s", 2.0),
                seconds("both_s", 1.0),
            ],
            verdict: Holds,
            turned: &[
                (DoesNotHold, &[("computed_at_once", 1.0), ("both_s", 3.0)]),
                (DoesNotHold, &[("waited_s", 1.0)]),
            ],
            nothing: &[
                &[("both_s", 1.5)],
                // Other programs had the cores in the run that did both.
                &[("both_s", 3.0)],
                // Other programs had the cores in the run that only computed.
                &[("both_s", 0.25)],
                &[("cores", 1.0), ("both_s", 2.0)],
            ],
        },
        Sample {
            usual: vec![
                count("runs", 2),
                count("parallel", 1),
                count("concurrent_only", 1),
                count("violations", 0),
            ],
            verdict: Holds,
            turned: &[(DoesNotHold, &[("violations", 1.0)])],
            nothing: &[&[("parallel", 0.0)]],
        },
        Sample {
            usual: vec![
                count("lines", 4),
                count("polls", 8),
                count("others_polls", 900),
                count("interrupted", 120),
                seconds("in_polls_s", 4.0),
                seconds("on_a_core_s", 2.0),
            ],
            verdict: DoesNotHold,
            turned: &[(Holds, &[("others_polls", 0.0), ("interrupted", 0.0)])],
            nothing: &[&[("others_polls", 0.0), ("interrupted", UNKNOWN)]],
        },
        Sample {
            usual: vec![seconds("waited_s", 1.0), seconds("server_cpu_s", 0.6)],
            verdict: DoesNotHold,
            turned: &[(Holds, &[("server_cpu_s", 0.001)])],
            nothing: &[
                &[("server_cpu_s", 0.05)],
                &[("server_cpu_s", UNKNOWN)],
                &[("waited_s", 0.0), ("server_cpu_s", 0.0)],
            ],
        },
        Sample {
            usual: vec![
                count("requests", 2000),
                bytes("memory_threads_bytes", "", 40 << 20),
                bytes("memory_tasks_bytes", "", 8 << 20),
                count("switches_threads", 9000),
                count("switches_tasks", 300),
                seconds("wall_threads_s", 0.6),
                seconds("wall_tasks_s", 0.6),
            ],
            verdict: DoesNotHold,
            turned: &[
                (
                    Holds,
                    &[("memory_threads_bytes", 8e6), ("switches_threads", 300.0)],
                ),
                (
                    Holds,
                    &[("memory_threads_bytes", 8e6), ("switches_threads", UNKNOWN)],
                ),
                (Depends, &[("memory_threads_bytes", 8e6)]),
            ],
            nothing: &[
                &[("memory_threads_bytes", UNKNOWN)],
                &[("requests", 20.0)],
                &[("memory_threads_bytes", 12e6), ("switches_threads", 300.0)],
            ],
        },
    ]
}

/// Returns all claims in the order of their numbers.
fn by_number() -> [Claim; 16] {
    let mut all = ALL;
    all.sort_by_key(|claim| claim.id);
    all
}

#[test]
fn the_claims_are_numbered_from_one() {
    for (at, claim) in by_number().iter().enumerate() {
        assert_eq!(claim.id, at + 1);
        assert!(claim.said.ends_with('.'), "{}", claim.said);
    }
}

#[test]
fn each_verdict_flips_when_the_outcome_is_turned_round() {
    for (claim, sample) in by_number().iter().zip(samples()) {
        let (verdict, because) = sample.judge(claim, &[]);
        assert_eq!(verdict, sample.verdict, "{}: {because}", claim.id);
        assert_ne!(verdict, Undecided, "{}", claim.id);
        assert!(!sample.turned.is_empty(), "{}", claim.id);
        for (expected, changes) in sample.turned {
            let (turned, why) = sample.judge(claim, changes);
            assert_eq!(turned, *expected, "{}: {why}", claim.id);
            assert_ne!(turned, verdict, "{}: {why}", claim.id);
            assert_ne!(turned, Undecided, "{}: {why}", claim.id);
            assert_ne!(why, because, "{}", claim.id);
        }
    }
}

#[test]
fn facts_that_carry_nothing_leave_each_claim_undecided_and_say_why() {
    for (claim, sample) in by_number().iter().zip(samples()) {
        assert!(!sample.nothing.is_empty(), "{}", claim.id);
        for changes in sample.nothing {
            let (verdict, why) = sample.judge(claim, changes);
            assert_eq!(verdict, Undecided, "{}: {why}", claim.id);
            assert!(
                why.ends_with('.') && !why.contains("unknown"),
                "{}: {why}",
                claim.id
            );
        }
    }
}

/// This test compares the samples with a file, and `tests/claims.rs` compares the facts of a real run with
/// the same file. So each sample has the facts that its claim measures.
#[test]
fn each_sample_has_the_facts_that_are_measured() {
    let keys = samples().map(|sample| {
        let keys = sample.usual.iter().map(|fact| fact.key);
        keys.collect::<Vec<_>>().join(" ")
    });
    let expected = include_str!("../../../tests/common/facts.txt");
    assert_eq!(keys.join("\n"), expected.trim_end());
}
