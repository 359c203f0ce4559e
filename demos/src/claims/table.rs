//! The claims in print: for people one under the other, for the README as a table in
//! Markdown, for programs as objects.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Checked, Fact, Verdict, judgement::uncapitalized, machine::Machine};
use crate::{paint::Paint, report, units};

/// Where the figures of a claim are broken into lines, as its sentences are.
const WIDTH: usize = 78;

/// How far everything about a claim is set in, below its number.
const INDENT: &str = "    ";

/// What stands above all claims.
pub(super) fn heading(machine: &Machine, paint: Paint) -> String {
    let title = "claims: what people say about concurrency and parallelism, measured";
    let commands = "Under each, behind $, a command that shows it. `brigade` there is \
                    target/release/brigade; `cargo run --release --` in its place does the same.";
    format!(
        "{}\n{}\n{}\n",
        paint.bold(title),
        paint.dim(&machine.sentence()),
        report::wrapped(commands)
            .lines()
            .map(|line| paint.dim(line))
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

/// A claim, its verdict and why, the figures and the command.
pub(super) fn text(checked: &Checked, paint: Paint) -> String {
    let mut text = String::from("\n");
    let number = format!("{:>2}  ", checked.entry.id);
    for (at, line) in report::wrapped(checked.entry.said).lines().enumerate() {
        let number = if at == 0 { &number } else { INDENT };
        text.push_str(&format!("{number}{}\n", paint.bold(line)));
    }
    let (word, said) = said(checked);
    let sentence = report::wrapped(&said);
    let after = sentence.strip_prefix(word).unwrap_or(&sentence);
    let sentence = format!(
        "{}{after}",
        coloured(checked.judgement.verdict, word, paint)
    );
    for line in sentence.lines() {
        text.push_str(&format!("{INDENT}{line}\n"));
    }
    for line in facts(&checked.facts) {
        text.push_str(&format!("{INDENT}{}\n", paint.dim(&line)));
    }
    text.push_str(&format!(
        "{INDENT}{}\n",
        paint.dim(&format!("$ {}", checked.command))
    ));
    text
}

/// The verdict as it begins its sentence, and the whole of that.
fn said(checked: &Checked) -> (&'static str, String) {
    let because = &checked.judgement.because;
    match checked.judgement.verdict {
        Verdict::Holds => ("Holds.", format!("Holds. {because}")),
        Verdict::DoesNotHold => ("Does not hold.", format!("Does not hold. {because}")),
        // On what it depends.
        Verdict::Depends => ("Depends", format!("Depends {}", uncapitalized(because))),
        Verdict::Undecided => ("Undecided.", format!("Undecided. {because}")),
    }
}

fn coloured(verdict: Verdict, word: &str, paint: Paint) -> String {
    match verdict {
        Verdict::Holds => paint.green(word),
        Verdict::DoesNotHold => paint.red(word),
        Verdict::Depends | Verdict::Undecided => paint.bold(word),
    }
}

/// The figures in lines, broken between two of them only.
fn facts(facts: &[Fact]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for Fact { name, text, .. } in facts {
        let fact = format!("{name} {text}");
        match lines.last_mut() {
            Some(line) if line.chars().count() + 3 + fact.chars().count() <= WIDTH => {
                line.push_str(&format!(" · {fact}"));
            }
            _ => lines.push(fact),
        }
    }
    lines
}

/// How many there are of each verdict.
pub(super) fn summary(checked: &[Checked]) -> String {
    let count = |verdict| {
        let judged = checked.iter().map(|one| one.judgement.verdict);
        judged.filter(|judged| *judged == verdict).count()
    };
    let one_or_many = |number: usize, one: &str, many: &str| {
        let word = if number == 1 { one } else { many };
        (number > 0).then(|| format!("{number} {word}"))
    };
    let parts = [
        one_or_many(count(Verdict::Holds), "holds", "hold"),
        one_or_many(count(Verdict::DoesNotHold), "does not hold", "do not hold"),
        one_or_many(count(Verdict::Depends), "depends", "depend"),
        one_or_many(count(Verdict::Undecided), "is undecided", "are undecided"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.split_last() {
        None => "No claim was checked.".to_owned(),
        Some((last, [])) => format!("Of {}, {last}.", units::counted(checked.len(), "claim")),
        Some((last, before)) => format!(
            "Of {}, {} and {last}.",
            units::counted(checked.len(), "claim"),
            before.join(", ")
        ),
    }
}

/// What stands below them.
pub(super) fn ending(summary: &str, wall: Duration, paint: Paint) -> String {
    let took = format!("Checked in {}.", units::duration(wall));
    format!("\n{} {}\n", paint.bold(summary), paint.dim(&took))
}

/// The table, and where it was measured.
pub(super) fn markdown(checked: &[Checked], machine: &Machine, wall: Duration) -> String {
    let mut text =
        String::from("| | Claim | Verdict | What was measured | See it |\n|--:|---|---|---|---|\n");
    for one in checked {
        let cells = [
            one.entry.id.to_string(),
            cell(one.entry.said),
            format!("**{}**", one.judgement.verdict.word()),
            cell(&one.judgement.because),
            format!("`{}`", one.command),
        ];
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text.push_str(&format!(
        "\nIn these commands `brigade` stands for `cargo run --release --`.\n\n\
         Measured on {} in {} by `brigade claims --markdown` (version {}): {}.\n",
        machine.date(),
        units::duration(wall),
        env!("CARGO_PKG_VERSION"),
        machine.sentence(),
    ));
    text
}

/// Text that does not end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// A claim for programs.
pub(super) fn json(checked: &Checked) -> Value {
    let figures = checked.facts.iter();
    let figures: Map<String, Value> = figures
        .map(|fact| (fact.key.to_owned(), fact.value.clone()))
        .collect();
    json!({
        "id": checked.entry.id,
        "claim": checked.entry.said,
        "verdict": checked.judgement.verdict.word(),
        "because": checked.judgement.because,
        "figures": figures,
        "command": checked.command,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::{ALL, Judgement};

    fn checked(judgement: Judgement) -> Checked {
        Checked {
            entry: ALL[0],
            command: "brigade demo".to_owned(),
            judgement,
            facts: vec![
                Fact::count("tasks", "tasks", 2000),
                Fact::known("cpu_s", "CPU time", None, Fact::time),
            ],
        }
    }

    #[test]
    fn a_claim_is_a_block_that_begins_with_its_number() {
        let text = text(
            &checked(Judgement::does_not_hold("It was so.")),
            Paint::plain(),
        );
        let expected = "\n 1  Async code is automatically parallel.\n    Does not hold. It was so.\n    \
                        tasks 2,000 · CPU time unknown\n    $ brigade demo\n";
        assert_eq!(text, expected);
        let depends = checked(Judgement::depends("On the cores."));
        assert_eq!(said(&depends).1, "Depends on the cores.");
    }

    #[test]
    fn lines_break_between_figures_only() {
        let many = vec![Fact::count("key", "a name of some length", 7); 9];
        let lines = facts(&many);
        assert!(lines.len() > 1);
        for line in lines {
            assert!(line.starts_with("a name") && line.ends_with('7'), "{line}");
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }

    #[test]
    fn the_summary_counts_verdicts_and_leaves_out_what_there_is_none_of() {
        let all = |judgements: Vec<Judgement>| -> String {
            summary(&judgements.into_iter().map(checked).collect::<Vec<_>>())
        };
        assert_eq!(all(vec![]), "No claim was checked.");
        assert_eq!(all(vec![Judgement::holds("")]), "Of 1 claim, 1 holds.");
        let three = vec![
            Judgement::does_not_hold(""),
            Judgement::undecided(""),
            Judgement::does_not_hold(""),
        ];
        assert_eq!(all(three), "Of 3 claims, 2 do not hold and 1 is undecided.");
    }

    #[test]
    fn the_table_has_five_cells_a_row_whatever_stands_in_them() {
        let rows = [checked(Judgement::holds("a | b"))];
        let text = markdown(&rows, &Machine::here(), Duration::from_secs(90));
        let rows: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
        assert_eq!(rows.len(), 3);
        for row in rows {
            let cells = row.replace("\\|", "").matches('|').count();
            assert_eq!(cells, 6, "{row}");
        }
        assert!(
            text.contains("**holds**") && text.ends_with(".\n"),
            "{text}"
        );
    }

    #[test]
    fn an_object_has_the_keys_that_programs_rely_on() {
        let object = json(&checked(Judgement::depends("On it.")));
        assert_eq!(object["id"], 1);
        assert_eq!(object["verdict"], "depends");
        assert_eq!(object["figures"]["tasks"], 2000);
        assert!(object["figures"]["cpu_s"].is_null());
        assert_eq!(object["command"], "brigade demo");
        assert!(
            object["claim"]
                .as_str()
                .is_some_and(|claim| claim.len() > 9)
        );
    }
}
