//! The output of the claims, in three forms: text, a Markdown table for the README, and JSON objects.

use super::{Checked, Verdict, judgement::uncapitalized, machine::Machine};
use crate::facts::Fact;
use crate::prelude::*;

/// The indentation of every line of a claim except the first line.
const INDENT: &str = "    ";

/// Returns the text above all claims.
pub(super) fn heading(machine: &Machine) -> String {
    let title = "claims: what people say about concurrency and parallelism, measured";
    let commands = "Below each claim, the line that begins with $ is a command that shows it. `brigade` \
                    stands for target/release/brigade; `cargo run --release --` in its place does the \
                    same.";
    let words = "In flight: the largest number of tasks begun and not finished. At once: the largest number \
                 of tasks that cooks ran at one instant.";
    let title = paint::bold(title);
    let said = [&machine.sentence(), words, commands]
        .map(report::wrapped)
        .join("\n");
    let said: Vec<_> = said.lines().map(paint::dim).collect();
    format!("{title}\n{}\n", said.join("\n"))
}

/// Returns a claim, its verdict with the reason, the figures and the command.
pub(super) fn text(checked: &Checked) -> String {
    let said = wrapped(checked.claim.said);
    let mut lines: Vec<String> = said.lines().map(paint::bold).collect();
    let (word, sentence) = said_of(checked);
    let sentence = wrapped(&sentence);
    let after = sentence.strip_prefix(word).unwrap_or(&sentence);
    let word = match checked.verdict {
        Verdict::Holds => paint::green(word),
        Verdict::DoesNotHold => paint::red(word),
        Verdict::Depends | Verdict::Undecided => paint::bold(word),
    };
    lines.extend(format!("{word}{after}").lines().map(str::to_owned));
    lines.extend(facts(&checked.facts).iter().map(|line| paint::dim(line)));
    lines.push(paint::dim(&format!("$ {}", checked.command)));
    let text = lines.join(&format!("\n{INDENT}"));
    format!("\n{:>2}  {text}\n", checked.claim.id)
}

/// Returns the word or words of the verdict, and the whole sentence that begins with them.
fn said_of(checked: &Checked) -> (&'static str, String) {
    let because = &checked.because;
    let word = match checked.verdict {
        Verdict::Holds => "Holds.",
        Verdict::DoesNotHold => "Does not hold.",
        // The reason begins with what the claim depends on, such as `On the cores`.
        Verdict::Depends => return ("Depends", format!("Depends {}", uncapitalized(because))),
        Verdict::Undecided => "Undecided.",
    };
    (word, format!("{word} {because}"))
}

/// Wraps a part of a claim's text, and leaves room for [`INDENT`].
fn wrapped(text: &str) -> String {
    report::wrapped_beside(INDENT.len(), text)
}

/// Wraps the figures into lines, with breaks only between two figures.
fn facts(facts: &Facts) -> Vec<String> {
    // `wrapped` does not break a line at a no-break space, so these spaces keep a figure on one line.
    let fact = |fact: &Fact| format!("{} {fact}", fact.name).replace(' ', "\u{a0}");
    let facts: Vec<_> = facts.0.iter().map(fact).collect();
    let text = wrapped(&facts.join("\u{a0}· "));
    let lines = text.lines().map(|line| line.replace('\u{a0}', " "));
    lines
        .map(|line| line.trim_end_matches(" ·").to_owned())
        .collect()
}

/// Counts the claims with each verdict, and the claims that were not checked. `chosen` is the number of
/// claims that were to be checked.
pub(super) fn summary(checked: &[Checked], chosen: usize) -> String {
    let words = [
        (Verdict::Holds, "holds", "hold"),
        (Verdict::DoesNotHold, "does not hold", "do not hold"),
        (Verdict::Depends, "depends", "depend"),
        (Verdict::Undecided, "is undecided", "are undecided"),
    ];
    let count = |verdict| checked.iter().filter(|one| one.verdict == verdict).count();
    let part = |(verdict, one, many)| match count(verdict) {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{number} {many}")),
    };
    let parts: Vec<String> = words.into_iter().filter_map(part).collect();
    let all = counted(checked.len(), "claim");
    let mut said = match &parts[..] {
        [] => return "No claim was checked.".to_owned(),
        [only] => format!("Of {all}, {only}."),
        [before @ .., last] => format!("Of {all}, {} and {last}.", before.join(", ")),
    };
    if checked.len() < chosen {
        said += &format!(" Not checked: {} of {chosen}.", chosen - checked.len());
    }
    said
}

/// Returns the text below all claims.
pub(super) fn ending(summary: &str, wall: Duration) -> String {
    let took = format!("Checked in {}.", duration(wall));
    format!("\n{} {}\n", paint::bold(summary), paint::dim(&took))
}

/// Returns the table, with the machine on which it was measured.
pub(super) fn markdown(checked: &[Checked], machine: &Machine, wall: Duration) -> String {
    let mut text = String::from(
        "| | Claim | Verdict | What was measured | Command |\n|--:|---|---|---|---|\n",
    );
    for one in checked {
        let cells = [
            one.claim.id.to_string(),
            cell(one.claim.said),
            format!("**{}**", one.verdict.word()),
            cell(&one.because),
            format!("`{}`", one.command),
        ];
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text.push_str(&format!(
        "\nIn these commands `brigade` stands for `cargo run --release --`.\n\n\
         Measured on {} in {} by `brigade claims --markdown` (version {}): {}.\n",
        machine.date(),
        duration(wall),
        env!("CARGO_PKG_VERSION"),
        machine.sentence(),
    ));
    text
}

/// Escapes text so that it does not end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Returns a claim as a JSON object.
pub(super) fn json(checked: &Checked) -> Value {
    json!({
        "id": checked.claim.id,
        "claim": checked.claim.said,
        "verdict": checked.verdict.word(),
        "because": checked.because,
        "figures": checked.facts.json(),
        "command": checked.command,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::ALL;

    fn checked(verdict: Verdict, because: &str) -> Checked {
        Checked {
            claim: ALL[1],
            command: "brigade demo".to_owned(),
            verdict,
            because: because.to_owned(),
            facts: Facts(vec![
                count("tasks", "tasks", 2000),
                time("cpu_s", "CPU time", None),
            ]),
            has_failed: false,
        }
    }

    #[test]
    fn a_claim_is_a_block_that_begins_with_its_number() {
        let text = text(&checked(Verdict::DoesNotHold, "It was so."));
        let expected = "\n 1  Async code is automatically parallel.\n    Does not hold. It was so.\n    \
                        tasks 2,000 · CPU time unknown\n    $ brigade demo\n";
        assert_eq!(text, expected);
        let depends = checked(Verdict::Depends, "On the cores.");
        assert_eq!(said_of(&depends).1, "Depends on the cores.");
    }

    #[test]
    fn lines_break_between_figures_only() {
        let many = Facts(vec![count("key", "a name of some length", 7); 9]);
        let lines = facts(&many);
        assert!(lines.len() > 1);
        for line in lines {
            assert!(line.starts_with("a name") && line.ends_with('7'), "{line}");
            assert!(INDENT.len() + line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn the_summary_counts_verdicts_and_leaves_out_what_there_is_none_of() {
        let all = |verdicts: &[Verdict]| {
            let checked = verdicts.iter().map(|&verdict| checked(verdict, ""));
            summary(&checked.collect::<Vec<_>>(), 3)
        };
        assert_eq!(all(&[]), "No claim was checked.");
        assert_eq!(
            all(&[Verdict::Holds]),
            "Of 1 claim, 1 holds. Not checked: 2 of 3."
        );
        let three = [
            Verdict::DoesNotHold,
            Verdict::Undecided,
            Verdict::DoesNotHold,
        ];
        assert_eq!(
            all(&three),
            "Of 3 claims, 2 do not hold and 1 is undecided."
        );
    }

    #[test]
    fn the_table_has_five_cells_a_row_whatever_stands_in_them() {
        let rows = [checked(Verdict::Holds, "a | b")];
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
        let object = json(&checked(Verdict::Depends, "On it."));
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
