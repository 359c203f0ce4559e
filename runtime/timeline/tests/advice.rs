//! Tests the advice on real programs. Faulty programs must get the right advice, and healthy programs must
//! get none. Other programs on the machine must not change the advice.
//!
//! `cargo test -p brigade-timeline --test advice -- --nocapture` prints the advice on each program.

mod programs;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use brigade_timeline::{Advice, Kind};
use programs::{Program, faulty, healthy, run};

/// Returns the advice on a run of the program.
fn said(workers: usize, program: Program) -> Vec<Advice> {
    let (timeline, _) = run(workers, program);
    brigade_timeline::advice(&timeline)
}

fn in_words(advice: &[Advice]) -> String {
    let all = advice
        .iter()
        .map(|advice| format!("[{:?}] {advice}", advice.kind()));
    all.collect::<Vec<_>>().join(" ")
}

/// Runs `work` beside three threads that compute all the time, to simulate other programs.
fn beside_busy_loops<T>(work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Relaxed) {
                    programs::compute(100);
                }
            });
        }
        let result = work();
        done.store(true, Relaxed);
        result
    })
}

#[derive(Default)]
struct Score {
    named: usize,
    faulty: usize,
    wrong: usize,
    silent: usize,
    healthy: usize,
}

fn score(busy: bool) -> Score {
    let mut score = Score::default();
    let try_out = |workers, program| match busy {
        true => beside_busy_loops(|| said(workers, program)),
        false => said(workers, program),
    };
    for fault in faulty::ALL {
        for workers in [1, 2] {
            // If `fault.workers` is 0, the program requires exactly one worker and an idle machine.
            if fault.workers > workers || (fault.workers == 0 && (workers > 1 || busy)) {
                continue;
            }
            let advice = try_out(workers, (fault.program)(workers));
            // While other programs use the cores, the advice cannot know whether more workers would help.
            let crowded = advice
                .iter()
                .any(|advice| advice.kind() == Kind::OtherPrograms);
            if crowded && fault.kinds == [Kind::MoreWorkers] {
                continue;
            }
            let named = advice
                .iter()
                .any(|advice| fault.kinds.contains(&advice.kind()));
            score.faulty += 1;
            score.named += usize::from(named);
            let others = advice.iter().filter(|advice| {
                !fault.kinds.contains(&advice.kind()) && advice.kind() != Kind::OtherPrograms
            });
            let others: Vec<_> = others.collect();
            score.wrong += usize::from(!others.is_empty());
            let verdict = if named { "named " } else { "MISSED" };
            println!("{verdict} {workers} {}: {}", fault.name, in_words(&advice));
            let mended = try_out(workers, (fault.mended)(workers));
            let clean = !mended
                .iter()
                .any(|advice| fault.kinds.contains(&advice.kind()));
            score.healthy += 1;
            score.silent += usize::from(clean);
            if !clean {
                println!(
                    "WRONG  {workers} {}, mended: {}",
                    fault.name,
                    in_words(&mended)
                );
            }
        }
    }
    for (name, program) in healthy::ALL {
        for workers in [1, 2] {
            let advice = try_out(workers, program(workers));
            // If a healthy program computes with one worker on a machine with several cores, the advice to
            // use more workers is right.
            let quiet = advice
                .iter()
                .all(|advice| matches!(advice.kind(), Kind::MoreWorkers | Kind::OtherPrograms));
            score.healthy += 1;
            score.silent += usize::from(quiet);
            if !quiet {
                println!("WRONG  {workers} {name}: {}", in_words(&advice));
            }
        }
    }
    let Score {
        named,
        faulty,
        wrong,
        silent,
        healthy,
    } = score;
    println!(
        "busy {busy}: {faulty} faulty programs: right advice on {named}, other advice on {wrong}; \
         {healthy} healthy programs: no advice on {silent}"
    );
    score
}

#[test]
fn faults_are_named_and_healthy_programs_are_not_spoken_of() {
    for busy in [false, true] {
        let score = score(busy);
        // These bounds allow for some mistakes, because other programs may be running on this machine.
        assert!(score.named * 10 >= score.faulty * 8, "recall");
        assert!(score.silent * 10 >= score.healthy * 9, "precision");
    }
}

/// Follows the advice and measures the gain. The corrected program must be faster than the faulty program,
/// but not by more than the advice promised.
#[test]
fn the_mended_program_is_faster_and_not_more_than_was_said() {
    // Test only programs that wait, because the speed of programs that compute depends on the load of the
    // machine.
    for fault in faulty::ALL
        .iter()
        .filter(|fault| fault.gains && fault.workers == 1)
    {
        let (timeline, broken) = run(1, (fault.program)(1));
        let advice = brigade_timeline::advice(&timeline);
        let Some(advice) = advice
            .iter()
            .find(|advice| fault.kinds.contains(&advice.kind()))
        else {
            continue;
        };
        let at_best = advice.at_best().expect("it is about a gain");
        let (_, mended) = run(1, (fault.mended)(1));
        let gain = broken.as_secs_f64() / mended.as_secs_f64();
        println!(
            "{}: {gain:.1} times as fast, {at_best:.1} at best",
            fault.name
        );
        assert!(gain > 1.5, "{}: {gain}", fault.name);
        // Two runs of one program differ, most of all on a busy machine.
        assert!(gain <= at_best * 1.5, "{}: {gain} {at_best}", fault.name);
    }
}
