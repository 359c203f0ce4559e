//! Claims that need figures of the operating system: which thread had a core, for how long, and at what cost.

use super::*;
use crate::threads::Both;

/// Returns the command of both claims about threads.
fn threads_command(sizes: &Sizes) -> String {
    let (requests, millions) = (sizes.threads.requests, sizes.threads.millions);
    format!("brigade threads --requests {requests} --millions {millions}")
}

/// Returns the command of both claims about frames of reference.
fn reference_command(sizes: &Sizes) -> String {
    let millions = sizes.reference.millions;
    format!("brigade reference --cooks 1 --millions {millions}")
}

/// The fraction of the threads that were on a core at the same time, on average. If it is at least `yes`,
/// every thread had a core. If it is at most `no`, some had none.
const ON_A_CORE: Band = Band { no: 0.6, yes: 0.9 };

/// If fewer threads than this waited for a core, on average, the run decides nothing.
const WAITED: f64 = 1.0;

/// Computes the same sum on more and more threads. The operating system reports how many were on a core.
pub(super) const OWN_CORE: Claim = Claim {
    id: 6,
    said: "Every thread has a core to itself.",
    command: threads_command,
    measure: |lab| {
        let computed = lab.threads()?.computed.iter();
        let crowd = computed.max_by_key(|crowd| crowd.count("threads"));
        let crowd = crowd.context("some threads computed")?;
        Ok(Facts(vec![
            count("cores", "cores", cooks::cores()),
            crowd["threads"].clone(),
            crowd["at_once"].called("on_a_core", "on a core at once"),
            crowd["queued_s"].clone(),
            crowd["wall_s"].clone(),
        ]))
    },
    judge: |facts| {
        if !facts["on_a_core"].is_known() {
            let unknown = "This system does not report how long a thread was on a core.";
            return Undecided.because(facts, [unknown]);
        }
        let said = "Of {threads:thread} that computed, on average {on_a_core} were on a core at the same \
                    time, with {cores:core} available";
        let (verdict, rest) = match ON_A_CORE.ask(facts.ratio("on_a_core", "threads")) {
            Answer::Yes => (Holds, "."),
            Answer::Unclear => (Undecided, ": neither all threads nor clearly fewer."),
            // Threads that ran one after the other never competed for a core, so they prove nothing.
            Answer::No if facts.ratio("queued_s", "wall_s") < WAITED => (
                Undecided,
                ", and hardly any waited for a core: the run was too short to decide.",
            ),
            Answer::No if facts["queued_s"].is_known() => (
                DoesNotHold,
                "; together they waited for a core for {queued_s}.",
            ),
            Answer::No => (DoesNotHold, "."),
        };
        verdict.because(facts, [said, rest])
    },
};

/// Observes one task in three frames of reference: its own, its thread's, and the system's.
pub(super) const UNINTERRUPTED: Claim = Claim {
    id: 14,
    said: "My code runs uninterrupted from its first line to its last.",
    command: reference_command,
    measure: |lab| {
        let frames = &lab.reference()?.output;
        let facts = &frames.facts;
        ensure!(frames.sums_are_right(), "a sum came out wrong");
        Ok(Facts(vec![
            count("lines", "lines", frames.lines.len()),
            facts["polls"].called("polls", "polls"),
            facts["others_polls"].called("others_polls", "polls of others"),
            facts["interrupted"].called("interrupted", "core taken away"),
            facts["in_polls_s"].called("in_polls_s", "in polls"),
            facts["on_core_s"].called("on_a_core_s", "on a core"),
        ]))
    },
    judge: |facts| {
        let said = "The task ran its {lines} lines in order, but in between its thread polled other tasks \
                    {others_polls} times";
        let taken = "; the system took its core away {interrupted} times, and it was on a core for \
                     {on_a_core_s} of the {in_polls_s} that its polls took";
        let unknown = ", and this system does not report how many times it took the core away.";
        let is_known = facts["interrupted"].is_known();
        let taken = if is_known { taken } else { "" };
        match (facts.count("others_polls"), facts["interrupted"].value) {
            (0, 0.0) => Holds.because(facts, [said, taken, "."]),
            (0, _) if !is_known => Undecided.because(facts, [said, unknown]),
            _ => DoesNotHold.because(facts, [said, taken, "."]),
        }
    },
};

/// The share of the waiting time in which the server had a core. The server shares the machine with one
/// computing thread per core, so its share is far below 1.
const AT_WORK: Band = Band { no: 0.02, yes: 0.1 };

/// Measures the server's time on a core while the task waited for the server's answer.
pub(super) const SERVER: Claim = Claim {
    id: 15,
    said: "While I wait for a server nothing happens.",
    command: reference_command,
    measure: |lab| {
        let facts = &lab.reference()?.output.facts;
        Ok(Facts(vec![
            facts["waited_for_server_s"].called("waited_s", "waited"),
            facts["server_cpu_s"].called("server_cpu_s", "server on a core"),
        ]))
    },
    judge: |facts| {
        if !facts["server_cpu_s"].is_known() {
            let unknown =
                "The task waited for {waited_s}; this system does not report what the server did.";
            return Undecided.because(facts, [unknown]);
        }
        let said = "While the task waited for {waited_s}, the server's process was on a core for \
                    {server_cpu_s}";
        let (verdict, rest) = match AT_WORK.ask(facts.ratio("server_cpu_s", "waited_s")) {
            Answer::Yes => (DoesNotHold, ": the server was at work."),
            Answer::No => (Holds, "."),
            Answer::Unclear => (Undecided, ": too little to tell."),
        };
        verdict.because(facts, [said, rest])
    },
};

/// The ratio of the threads' cost to the tasks' cost. If it is at most `no`, the costs count as equal. If it
/// is at least `yes`, the threads cost too much.
const COST: Band = Band { no: 1.3, yes: 2.0 };

/// The minimum number of requests for a verdict on memory. With fewer requests, the memory that they need is
/// too small beside the other memory of the process.
const REQUESTS: usize = 500;

/// Makes the same requests with one thread for each request, and with tasks on one thread.
pub(super) const THREADS_WAIT: Claim = Claim {
    id: 16,
    said: "More threads are a fine way to wait for I/O.",
    command: threads_command,
    measure: |lab| {
        let Both { tasks, threads, .. } = lab.threads()?;
        Ok(Facts(vec![
            threads["done"].called("requests", "requests"),
            threads["memory_bytes"].called("memory_threads_bytes", "memory, threads"),
            tasks["memory_bytes"].called("memory_tasks_bytes", "memory, tasks"),
            threads["context_switches"].called("switches_threads", "switches, threads"),
            tasks["context_switches"].called("switches_tasks", "switches, tasks"),
            threads["wall_s"].called("wall_threads_s", "wall time, threads"),
            tasks["wall_s"].called("wall_tasks_s", "wall time, tasks"),
        ]))
    },
    judge: |facts| {
        let are_known = |keys: [&str; 2]| keys.iter().all(|&key| facts[key].is_known());
        if !are_known(["memory_threads_bytes", "memory_tasks_bytes"]) {
            let unknown = "This system does not report how much memory {requests:request} took, with one \
                           thread for each.";
            return Undecided.because(facts, [unknown]);
        }
        let said = "With one thread for each, {requests:request} took {memory_threads_bytes} of memory; as \
                    tasks on one thread, they took {memory_tasks_bytes}";
        let counts_switches = are_known(["switches_threads", "switches_tasks"]);
        let switched = match counts_switches {
            true => {
                "; the threads caused {switches_threads} context switches, and the tasks {switches_tasks}"
            }
            false => "",
        };
        let memory = COST.ask(facts.ratio("memory_threads_bytes", "memory_tasks_bytes"));
        let switches = COST.ask(facts.ratio("switches_threads", "switches_tasks"));
        let scarce = format!("On what is scarce: {}", uncapitalized(said));
        let (verdict, said, rest) = match (memory, switches) {
            _ if facts.count("requests") < REQUESTS => {
                (Undecided, said, ": too few requests to tell.")
            }
            (Answer::Yes, _) => (DoesNotHold, said, "."),
            (Answer::No, Answer::Yes) => (Depends, &scarce[..], "."),
            (Answer::No, Answer::No) => (Holds, said, "."),
            (Answer::No, _) if !counts_switches => (Holds, said, "."),
            _ => (Undecided, said, ": no clear difference."),
        };
        verdict.because(facts, [said, switched, rest])
    },
};
