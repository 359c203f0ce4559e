//! Runs this program under valgrind's tool callgrind, and sums up the output.

use std::collections::{HashMap, HashSet};
use std::env;
use std::fs;
use std::process::{Command, Stdio};

/// The cost of one operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    pub(crate) instructions: f64,
    /// The number of atomic read-modify-writes: instructions with a lock prefix, and `xchg` with memory.
    pub(crate) atomics: f64,
}

/// Measures an operation by the difference of two runs. The second run repeats the operation twice as often
/// as the first. The difference does not contain the costs of starting and ending a run, because both runs
/// have them.
pub(crate) fn count(executor: &str, operation: &str, times: u64) -> Cost {
    let mut objects = Objects::default();
    let [once, twice] = [times, 2 * times].map(|times| objects.run(executor, operation, times));
    let each = |once: u64, twice: u64| twice.saturating_sub(once) as f64 / times as f64;
    Cost {
        instructions: each(once.0, twice.0),
        atomics: each(once.1, twice.1),
    }
}

/// For each object file (the program and its libraries), the addresses of its atomic instructions.
#[derive(Default)]
struct Objects(HashMap<String, HashSet<u64>>);

impl Objects {
    /// Returns the number of instructions in a whole run, and how many of them are atomic.
    fn run(&mut self, executor: &str, operation: &str, times: u64) -> (u64, u64) {
        let out = env::temp_dir().join(format!("brigade-instructions-{}", std::process::id()));
        let status = Command::new("valgrind")
            .args(["--quiet", "--tool=callgrind", "--fair-sched=yes"])
            .args([
                "--dump-instr=yes",
                "--compress-pos=no",
                "--compress-strings=no",
            ])
            .arg(format!("--callgrind-out-file={}", out.display()))
            .arg(env::current_exe().expect("the path of this program"))
            .args([executor, operation, &times.to_string()])
            .stderr(Stdio::null())
            .status()
            .expect("valgrind can be started");
        assert!(
            status.success(),
            "{executor} {operation} under valgrind: {status}"
        );
        let text = fs::read_to_string(&out).expect("callgrind has written its file");
        let _ = fs::remove_file(&out);
        sum(&text, |object, address| {
            let atomics = self
                .0
                .entry(object.to_owned())
                .or_insert_with(|| atomics(object));
            atomics.contains(&address)
        })
    }
}

/// Sums up an output file of callgrind. Returns the number of instructions, and how many of them are atomic.
fn sum(text: &str, mut is_atomic: impl FnMut(&str, u64) -> bool) -> (u64, u64) {
    let (mut all, mut atomic) = (0, 0);
    let (mut object, mut inclusive) = ("", false);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("ob=") {
            object = name;
        } else if line.starts_with("calls=") {
            // The next line has the cost of the called function. That cost is also listed under the called
            // function, so skip the line.
            inclusive = true;
        } else if let Some(cost) = line.strip_prefix("0x") {
            if std::mem::take(&mut inclusive) {
                continue;
            }
            let mut words = cost.split(' ');
            let address = words.next().and_then(|it| u64::from_str_radix(it, 16).ok());
            let executed = words.nth(1).and_then(|it| it.parse::<u64>().ok());
            let (Some(address), Some(executed)) = (address, executed) else {
                panic!("not a line of callgrind's: {line}");
            };
            all += executed;
            if is_atomic(object, address) {
                atomic += executed;
            }
        }
    }
    (all, atomic)
}

/// Returns the addresses of the atomic instructions in an object file. If `object` is not the path of a file,
/// returns an empty set.
fn atomics(object: &str) -> HashSet<u64> {
    if !object.starts_with('/') {
        return HashSet::new();
    }
    let output = Command::new("objdump")
        .args(["--disassemble", "--no-show-raw-insn", object])
        .output()
        .expect("objdump can be started");
    assert!(
        output.status.success(),
        "objdump {object}: {}",
        output.status
    );
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter_map(atomic_address).collect()
}

/// If the instruction in this line of objdump's output is atomic, returns its address.
fn atomic_address(line: &str) -> Option<u64> {
    let (address, instruction) = line.trim_start().split_once(":\t")?;
    let exchanges = instruction.starts_with("xchg") && instruction.contains('(');
    let is_atomic = instruction.starts_with("lock ") || exchanges;
    is_atomic.then(|| u64::from_str_radix(address, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_added_up_without_those_of_calls() {
        let text = "positions: instr line\nob=/a\nfn=f\n0x10 3 5\ncalls=2 0x20 9\n0x11 4 700\n0x12 4 2\n\
                    ob=/b\nfn=g\n0x10 9 8\ntotals: 15\n";
        let counted = sum(text, |object, address| object == "/b" && address == 0x10);
        assert_eq!(counted, (15, 8));
    }

    #[test]
    fn atomic_instructions_are_known() {
        let line = |text| atomic_address(text);
        assert_eq!(line("   1f3a0:\tlock cmpxchg %cl,(%rdx)"), Some(0x1f3a0));
        assert_eq!(line("   1f3a4:\txchg   %al,0x8(%rdi)"), Some(0x1f3a4));
        assert_eq!(line("   1f3a8:\txchg   %ax,%ax"), None);
        assert_eq!(line("   1f3ac:\tmov    (%rdi),%rax"), None);
        assert_eq!(line("000000000001f3a0 <lock>:"), None);
    }
}
