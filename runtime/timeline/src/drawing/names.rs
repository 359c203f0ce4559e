//! Makes names from outside safe to show.
//!
//! A task's name is any text that a program chose, even a URL from a stranger. Control characters could move
//! a terminal's cursor, and direction marks could reverse the rest of a line. XML forbids some of these
//! characters. So this module replaces all such characters. In addition, each drawing escapes the
//! characters that are special in its own grammar.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The maximum number of characters of a name that are read. The value is arbitrary, not measured.
const NAME_MAX: usize = 200;

/// Returns the name on one line. Invisible characters are replaced by visible ones, for example a line feed
/// by `␊`.
pub(super) fn visible(name: &str) -> String {
    if name.trim().is_empty() {
        return "(no name)".to_owned();
    }
    let mut text: String = name.chars().take(NAME_MAX).map(visible_char).collect();
    if name.chars().nth(NAME_MAX).is_some() {
        text.push('…');
    }
    text
}

pub(super) fn visible_char(c: char) -> char {
    match c {
        // Unicode has a visible picture for each of the control characters of ASCII.
        '\0'..='\x1f' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        // These are the other control characters, line and paragraph separators, direction marks, and values
        // that are not characters at all.
        '\u{80}'..='\u{9f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{200e}'..='\u{200f}'
        | '\u{2066}'..='\u{2069}'
        | '\u{61c}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' => '\u{fffd}',
        _ if c as u32 & 0xfffe == 0xfffe => '\u{fffd}',
        _ => c,
    }
}

/// Returns `text` shortened to at most `columns` columns of a terminal. `ellipsis` replaces the part that
/// was cut off.
pub(super) fn shorten(text: &str, columns: usize, ellipsis: &str) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(ellipsis.width());
    let mut short = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        short.push(c);
    }
    // If the text ended in a zero-width joiner, this character would combine with the ellipsis.
    let mut short = short.trim_end_matches(['\u{200d}', ' ']).to_owned();
    // Some characters take fewer columns together than alone. The loop above measured each character alone,
    // so the text before the ellipsis is never too wide.
    short.push_str(ellipsis);
    shorter_still(short, columns)
}

/// Removes characters from the end until the text fits. Even the ellipsis alone may be too wide for one or
/// two columns.
fn shorter_still(mut text: String, columns: usize) -> String {
    while text.width() > columns {
        text.pop();
    }
    text
}

/// Returns `text` padded with spaces to `columns` columns.
pub(super) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(text.width());
    format!("{text}{:missing$}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_invisible_is_left() {
        assert_eq!(visible("a\x1b[2J\nb\tc\x7f"), "a␛[2J␊b␉c␡");
        assert_eq!(
            visible("\u{202e}evil\u{2066}\u{9b}\u{ffff}"),
            "\u{fffd}evil\u{fffd}\u{fffd}\u{fffd}"
        );
        assert_eq!(visible("水 משימה 🍝"), "水 משימה 🍝");
        assert_eq!(visible(" "), "(no name)");
        assert_eq!(visible(&"x".repeat(300)).chars().count(), NAME_MAX + 1);
    }

    #[test]
    fn a_cut_never_makes_a_name_wider() {
        assert_eq!(shorten("boil water", 10, "…"), "boil water");
        assert_eq!(shorten("boil water", 9, "…"), "boil wat…");
        assert_eq!(shorten("boil water", 6, "…"), "boil…", "no space before it");
        assert_eq!(shorten("水水水水", 6, "…"), "水水…");
        assert_eq!(shorten("boil water", 1, ".."), ".");
        let family = "👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦";
        for columns in 0..8 {
            assert!(shorten(family, columns, "…").width() <= columns);
            assert!(pad(&shorten(family, columns, "…"), columns).width() == columns);
        }
    }
}
