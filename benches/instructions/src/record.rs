//! Reads, writes and compares the recorded counts in `counts.md`.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::OPERATIONS;
use crate::callgrind::{self, Cost};

/// For each executor, the fraction by which an operation may exceed its recorded count. With two workers,
/// this fraction is larger, because the count depends partly on the order in which the threads run.
const MAY_GROW: [(&str, f64); 2] = [("one", 0.02), ("many", 0.1)];

/// How many times an operation on two workers is counted. The smallest count is used, because in that run the
/// threads disturbed each other least.
const TIMES_MANY: usize = 5;

/// The counts of all operations, and the compiler that built them.
#[derive(Debug, PartialEq)]
pub(crate) struct Record {
    compiler: String,
    rows: Vec<(String, String, Cost)>,
}

impl Record {
    /// Counts every operation.
    pub(crate) fn count() -> Self {
        let executors = MAY_GROW
            .iter()
            .flat_map(|(executor, _)| OPERATIONS.map(|it| (*executor, it)));
        let row = |(executor, (operation, times)): (&str, (&str, u64))| {
            let runs = if executor == "many" { TIMES_MANY } else { 1 };
            let counts = (0..runs).map(|_| callgrind::count(executor, operation, times));
            let cost = counts.min_by(|a, b| a.instructions.total_cmp(&b.instructions));
            let cost = cost.expect("every operation is counted at least once");
            (executor.to_owned(), operation.to_owned(), cost)
        };
        let compiler = Command::new("rustc").arg("--version").output();
        let compiler = compiler.expect("rustc can be started").stdout;
        Record {
            compiler: String::from_utf8_lossy(&compiler).trim().to_owned(),
            rows: executors.map(row).collect(),
        }
    }

    fn path() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("counts.md")
    }

    /// Writes these counts to `counts.md`.
    pub(crate) fn write(&self) {
        fs::write(Self::path(), self.to_string()).expect("counts.md can be written");
    }

    /// Returns the recorded counts.
    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(Self::path()).expect("counts.md can be read");
        Self::parse(&text).expect("counts.md is as this program wrote it")
    }

    fn parse(text: &str) -> Option<Self> {
        let compiler = text
            .lines()
            .find_map(|line| line.strip_prefix("Counted with "))?;
        let rows = text
            .lines()
            .filter(|line| line.starts_with("| one ") || line.starts_with("| many "));
        let row = |line: &str| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let (executor, operation) = (cells.next()?.to_owned(), cells.next()?.to_owned());
            let instructions = cells.next()?.parse().ok()?;
            let atomics = cells.next()?.parse().ok()?;
            Some((
                executor,
                operation,
                Cost {
                    instructions,
                    atomics,
                },
            ))
        };
        Some(Record {
            compiler: compiler.trim_end_matches('.').to_owned(),
            rows: rows.map(row).collect::<Option<_>>()?,
        })
    }

    /// Compares these counts with newer ones. Returns an error that names the operations whose counts have
    /// grown too much. If no count has grown too much, or if the compilers differ, returns a message for the
    /// user.
    pub(crate) fn compare(&self, now: &Record) -> Result<String, String> {
        if self.compiler != now.compiler {
            return Ok(format!(
                "NOT COMPARED: the record was made with {}. To renew the record: .ci/instructions --write",
                self.compiler
            ));
        }
        let mut grown = String::new();
        for (executor, operation, cost) in &now.rows {
            let on_record = self
                .rows
                .iter()
                .find(|row| (&row.0, &row.1) == (executor, operation));
            let Some((_, _, before)) = on_record else {
                grown += &format!("{executor} {operation} has no recorded counts\n");
                continue;
            };
            let may_grow = MAY_GROW
                .iter()
                .find(|(it, _)| it == executor)
                .map_or(0.0, |it| it.1);
            // Locking a mutex that another thread holds costs an extra atomic operation. How often this
            // happens varies between runs, so allow half an atomic operation more than recorded.
            let bound = before.instructions * (1.0 + may_grow);
            if cost.instructions > bound || cost.atomics > before.atomics * (1.0 + may_grow) + 0.5 {
                grown += &format!(
                    "{executor} {operation}: {:.1} instructions and {:.2} atomics; recorded: {:.1} and {:.2}\n",
                    cost.instructions, cost.atomics, before.instructions, before.atomics
                );
            }
        }
        if grown.is_empty() {
            return Ok("No count exceeds its record by more than the tolerance.".to_owned());
        }
        Err(format!(
            "{grown}If the change is worth this cost, record it: .ci/instructions --write"
        ))
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Instructions and atomic read-modify-writes per operation\n"
        )?;
        writeln!(
            f,
            "Written by `.ci/instructions --write`. The counts include libc and the channels, but no code of the kernel."
        )?;
        writeln!(f, "Counted with {}.\n", self.compiler)?;
        writeln!(
            f,
            "| executor | operation | instructions | atomics |\n|---|---|---|---|"
        )?;
        for (
            executor,
            operation,
            Cost {
                instructions,
                atomics,
            },
        ) in &self.rows
        {
            writeln!(
                f,
                "| {executor} | {operation} | {instructions:.1} | {atomics:.2} |"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(compiler: &str, instructions: f64, atomics: f64) -> Record {
        let cost = Cost {
            instructions,
            atomics,
        };
        let rows = vec![("one".to_owned(), "yield".to_owned(), cost)];
        Record {
            compiler: compiler.to_owned(),
            rows,
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        let written = record("rustc 1.95.0", 200.5, 0.0);
        assert_eq!(Record::parse(&written.to_string()), Some(written));
        assert_eq!(Record::parse("| one | yield | many |"), None);
    }

    #[test]
    fn growth_is_an_error_and_another_compiler_is_not() {
        let before = record("a", 200.0, 1.0);
        assert!(before.compare(&record("a", 203.0, 1.0)).is_ok());
        assert!(before.compare(&record("a", 100.0, 0.0)).is_ok());
        assert!(before.compare(&record("a", 205.0, 1.0)).is_err());
        assert!(before.compare(&record("a", 200.0, 2.0)).is_err());
        assert!(
            before
                .compare(&record("b", 400.0, 1.0))
                .unwrap()
                .contains("NOT COMPARED")
        );
        let none = Record {
            compiler: "a".to_owned(),
            rows: Vec::new(),
        };
        assert!(none.compare(&before).is_err());
    }
}
