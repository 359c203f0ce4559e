//! Claims about which the operating system knows more than the program: which thread had a core, for how
//! long, and at what cost.

use super::*;
use crate::threads::Waited;

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

/// The average share of the threads that were on a core at the same time.
const ON_A_CORE: Band = Band { no: 0.6, yes: 0.9 };

/// Computes the same sum on more and more threads. The operating system reports how many were on a core.
pub(super) const OWN_CORE: Claim = Claim {
    id: 6,
    said: "Every thread has a core to itself.",
    command: threads_command,
    measure: |lab| {
        let both = lab.threads()?;
        let crowd = both.computed.iter().max_by_key(|crowd| crowd.threads);
        Ok(Facts(vec![
            count("cores", "cores", both.cores),
            count("threads", "threads", crowd.map(|crowd| crowd.threads)),
            number(
                "on_a_core",
                "on a core at once",
                crowd.and_then(|crowd| crowd.at_once()),
            ),
            time(
                "queued_s",
                "in the queue",
                crowd.and_then(|crowd| crowd.queued),
            ),
        ]))
    },
    judge: |facts| {
        let (at_once, queued) = (&facts["on_a_core"], &facts["queued_s"]);
        if !at_once.is_known() {
            return Undecided.because("This system does not say how long a thread was on a core.");
        }
        let said = format!(
            "Of {} that computed, {at_once} were on a core at the same time, with {} available",
            facts.counted("threads", "thread"),
            facts.counted("cores", "core"),
        );
        match ON_A_CORE.ask(facts.ratio("on_a_core", "threads")) {
            Answer::Yes => Holds.because(format!("{said}.")),
            Answer::Unclear => {
                Undecided.because(format!("{said}: neither all of them nor clearly fewer."))
            }
            Answer::No if queued.is_known() => DoesNotHold.because(format!(
                "{said}; together they waited in the queue for {queued}."
            )),
            Answer::No => DoesNotHold.because(format!("{said}.")),
        }
    },
};

/// Observes one task in its own frame, in its thread's frame, and in the system's frame.
pub(super) const UNINTERRUPTED: Claim = Claim {
    id: 14,
    said: "My code runs uninterrupted from its first line to its last.",
    command: reference_command,
    measure: |lab| {
        let frames = &lab.reference()?.output;
        anyhow::ensure!(frames.sums_are_right, "a sum came out wrong");
        let polls = frames.in_polls;
        let interrupted = polls.map(|polls| polls.interrupted as usize);
        Ok(Facts(vec![
            count("lines", "lines", frames.lines.len()),
            count("polls", "polls", frames.on_thread.its.polls as usize),
            count("others_polls", "polls of others", frames.on_thread.others),
            count("interrupted", "core taken away", interrupted),
            time("in_polls_s", "in polls", polls.map(|polls| polls.wall)),
            time("on_a_core_s", "on a core", polls.map(|polls| polls.on_core)),
        ]))
    },
    judge: |facts| {
        let (others, interrupted) = (&facts["others_polls"], &facts["interrupted"]);
        let mut said = format!(
            "Between its {} lines, which it ran in order, its thread turned to others {others} times",
            facts["lines"],
        );
        if interrupted.is_known() {
            said.push_str(&format!(
                "; the system took its core away {interrupted} times and let it have one for {} of {}",
                facts["on_a_core_s"], facts["in_polls_s"]
            ));
        }
        match (others.value, interrupted.value) {
            (0.0, 0.0) => Holds.because(format!("{said}.")),
            (0.0, _) if !interrupted.is_known() => {
                let because = "and this system does not say how many times it took the core away.";
                Undecided.because(format!("{said}, {because}"))
            }
            _ => DoesNotHold.because(format!("{said}.")),
        }
    },
};

/// The share of the waiting time in which the server had a core. The server shares the machine with one
/// computing program per core, so its share is far below 1.
const AT_WORK: Band = Band { no: 0.02, yes: 0.1 };

/// Measures the server's time on a core while the task waited for its answer.
pub(super) const SERVER: Claim = Claim {
    id: 15,
    said: "While I wait for a server nothing happens.",
    command: reference_command,
    measure: |lab| {
        let frames = &lab.reference()?.output;
        Ok(Facts(vec![
            time("waited_s", "waited", frames.asked),
            time("server_cpu_s", "server on a core", frames.server),
        ]))
    },
    judge: |facts| {
        let (waited, server) = (&facts["waited_s"], &facts["server_cpu_s"]);
        if !server.is_known() {
            let because = "this system does not say what the server did.";
            return Undecided.because(format!("The task waited for {waited}; {because}"));
        }
        let said = format!(
            "While the task waited for {waited}, the server's process was on a core for {server}"
        );
        match AT_WORK.ask(facts.ratio("server_cpu_s", "waited_s")) {
            Answer::Yes => DoesNotHold.because(format!("{said}: the server was at work.")),
            Answer::No => Holds.because(format!("{said}.")),
            Answer::Unclear => Undecided.because(format!("{said}: too little to tell.")),
        }
    },
};

/// The ratio of two costs. Up to `no`, they count as equal, and from `yes` on, the first is too high.
const COST: Band = Band { no: 1.3, yes: 2.0 };

/// The minimum number of requests for a verdict on memory. With fewer requests, the process's other
/// memory hides what they need.
const REQUESTS: usize = 500;

/// Makes the same requests with one thread for each, and with tasks on one thread.
pub(super) const THREADS_WAIT: Claim = Claim {
    id: 16,
    said: "More threads are a fine way to wait for I/O.",
    command: threads_command,
    measure: |lab| {
        let both = lab.threads()?;
        let (threads, tasks) = (&both.threads, &both.tasks);
        let switches = |way: &Waited| way.used.map(|used| used.switches() as usize);
        Ok(Facts(vec![
            count("requests", "requests", threads.done),
            bytes("memory_threads_bytes", "memory, threads", threads.memory),
            bytes("memory_tasks_bytes", "tasks", tasks.memory),
            count("switches_threads", "switches, threads", switches(threads)),
            count("switches_tasks", "tasks", switches(tasks)),
            time("wall_threads_s", "wall time, threads", threads.wall),
            time("wall_tasks_s", "tasks", tasks.wall),
        ]))
    },
    judge: |facts| {
        let requests = facts.counted("requests", "request");
        let (many, few) = (&facts["memory_threads_bytes"], &facts["memory_tasks_bytes"]);
        if !many.is_known() || !few.is_known() {
            return Undecided.because(format!(
                "This system does not say how much memory a thread for each of {requests} took."
            ));
        }
        let mut said = format!(
            "A thread for each of {requests} took {many} of memory, tasks on one thread {few}"
        );
        let (many, few) = (&facts["switches_threads"], &facts["switches_tasks"]);
        let counts_switches = many.is_known() && few.is_known();
        if counts_switches {
            let switches = format!("; there were {many} context switches against {few}");
            said.push_str(&switches);
        }
        if facts.count("requests") < REQUESTS {
            return Undecided.because(format!("{said}: too few to tell."));
        }
        let memory = COST.ask(facts.ratio("memory_threads_bytes", "memory_tasks_bytes"));
        let switches = COST.ask(facts.ratio("switches_threads", "switches_tasks"));
        match (memory, switches) {
            (Answer::Yes, _) => DoesNotHold.because(format!("{said}.")),
            (Answer::No, Answer::Yes) => {
                Depends.because(format!("On what is scarce: {}.", uncapitalized(&said)))
            }
            (Answer::No, switches) if switches == Answer::No || !counts_switches => {
                Holds.because(format!("{said}."))
            }
            _ => Undecided.because(format!("{said}: no clear difference.")),
        }
    },
};
