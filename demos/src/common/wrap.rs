//! Breaks text into lines.

/// The units that stay on the line of their number.
const UNITS: [&str; 11] = [
    "x", "%", "µs", "ms", "s", "min", "h", "B", "KiB", "MiB", "GiB",
];

/// Breaks `text` into lines of at most `width` characters, at spaces, but not between a number and its unit.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in pieces(text) {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(&piece);
        } else if line.chars().count() + 1 + piece.chars().count() <= width {
            line.push(' ');
            line.push_str(&piece);
        } else {
            lines.push(piece);
        }
    }
    lines
}

/// Splits `text` at the spaces at which a line may end.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut before = "";
    for word in text.split(' ') {
        match pieces.last_mut() {
            Some(piece) if belong_together(before, word) => *piece += &format!(" {word}"),
            _ => pieces.push(word.to_owned()),
        }
        before = word;
    }
    pieces
}

/// Returns whether two words are a number and its unit, as in `(1.04 x;`. The parts of a duration such as
/// `9 min 12 s` belong together too, and so do a figure and its mark, as in `5.38 x (?)`.
fn belong_together(first: &str, second: &str) -> bool {
    let number = first.trim_start_matches(|c: char| !c.is_alphanumeric());
    let is_number = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_digit())
            && word.ends_with(|c: char| c.is_ascii_digit())
    };
    // Punctuation may follow a unit.
    let unit = second.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '%');
    match first {
        "h" | "min" => is_number(unit),
        "x" => second.starts_with("(?)"),
        _ => is_number(number) && UNITS.contains(&unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_break_at_spaces_only() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 3), ["unbreakable"]);
        assert_eq!(wrap("", 3), [""]);
    }

    #[test]
    fn a_number_stays_with_its_unit() {
        for (together, width) in [
            ("(1.04 x;", 11),
            ("1.00 s", 9),
            ("102 ms.", 9),
            ("<1 %)", 7),
            (">99 %,", 7),
            ("1,024 KiB", 10),
            ("9 min 12 s", 12),
            ("2 h 1 min.", 12),
            ("~5.00 x (?):", 14),
        ] {
            let text = format!("took {together} then");
            assert_eq!(wrap(&text, width), ["took", together, "then"]);
        }
        // Neither text has a number with its unit.
        assert_eq!(wrap("of 32. s", 6), ["of 32.", "s"]);
        assert_eq!(wrap("of 32 tasks", 6), ["of 32", "tasks"]);
    }
}
