//! The characters and colours that a terminal supports.

use super::palette;

/// The features of the terminal that a drawing may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The number of columns.
    pub width: usize,
    /// True if colours may be used.
    pub colour: bool,
    /// True if characters outside ASCII may be used.
    pub unicode: bool,
}

/// The characters that a drawing consists of.
pub(super) struct Signs {
    /// The characters in the rows of tasks, for a share of a piece of time, from the smallest share to the
    /// largest. In Unicode, they are filled from the left.
    pub(super) parts: &'static [char],
    /// The characters in the other rows, for a share, from the smallest share to the largest. In Unicode,
    /// they are filled from below.
    pub(super) heights: &'static [char],
    pub(super) queued: char,
    pub(super) waiting: char,
    pub(super) panicked: char,
    pub(super) dropped: char,
    pub(super) stranded: char,
    pub(super) tick: char,
    pub(super) axis: char,
    pub(super) ellipsis: &'static str,
    pub(super) micro: &'static str,
}

const UNICODE: Signs = Signs {
    parts: &['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'],
    heights: &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
    queued: '░',
    waiting: '─',
    panicked: '✗',
    dropped: '×',
    stranded: '╳',
    tick: '┴',
    axis: '─',
    ellipsis: "…",
    micro: "µ",
};

const ASCII: Signs = Signs {
    parts: &['|', '#'],
    heights: &['.', ':', '|', '#'],
    queued: '=',
    waiting: '-',
    panicked: '!',
    dropped: 'x',
    stranded: '?',
    tick: '+',
    axis: '-',
    ellipsis: "..",
    micro: "u",
};

impl Signs {
    pub(super) fn of(look: Look) -> &'static Self {
        if look.unicode { &UNICODE } else { &ASCII }
    }
}

/// Returns the character for `share`. Any share above zero gets at least the smallest character.
pub(super) fn graded(signs: &[char], share: f64) -> char {
    let grade = (share * signs.len() as f64).round() as usize;
    signs[grade.clamp(1, signs.len()) - 1]
}

/// The colour of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Bold,
    Dim,
    /// The colour of the thread in this row.
    Cook(usize),
    Queued,
    Failed,
}

impl Ink {
    fn code(self) -> u8 {
        match self {
            Self::Plain => 0,
            Self::Bold => 1,
            Self::Dim => 2,
            Self::Cook(row) => palette::ansi(row),
            Self::Queued => 33,
            Self::Failed => 31,
        }
    }
}

/// Writes one line. A colour code is written only where the colour changes, and spaces at the end of the line
/// are omitted.
pub(super) struct Pen<'a> {
    text: &'a mut String,
    colour: bool,
    ink: Ink,
    spaces: usize,
}

impl<'a> Pen<'a> {
    pub(super) fn new(text: &'a mut String, colour: bool) -> Self {
        Self {
            text,
            colour,
            ink: Ink::Plain,
            spaces: 0,
        }
    }

    pub(super) fn write(&mut self, text: &str, ink: Ink) {
        for c in text.chars() {
            self.sign(c, ink);
        }
    }

    pub(super) fn sign(&mut self, c: char, ink: Ink) {
        if c == ' ' {
            self.spaces += 1;
            return;
        }
        for _ in 0..std::mem::take(&mut self.spaces) {
            self.text.push(' ');
        }
        self.dip(ink);
        self.text.push(c);
    }

    pub(super) fn end_line(mut self) {
        self.dip(Ink::Plain);
        self.text.push('\n');
    }

    fn dip(&mut self, ink: Ink) {
        if self.colour && self.ink != ink {
            // A new colour does not reset bold and dim, so reset them first.
            let code = match (self.ink, ink) {
                (Ink::Plain, _) | (_, Ink::Plain) => format!("\x1b[{}m", ink.code()),
                _ => format!("\x1b[0;{}m", ink.code()),
            };
            self.text.push_str(&code);
        }
        self.ink = ink;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(colour: bool) -> String {
        let mut text = String::new();
        let mut pen = Pen::new(&mut text, colour);
        pen.write("a b  ", Ink::Dim);
        pen.write("c", Ink::Failed);
        pen.write("d   ", Ink::Plain);
        pen.end_line();
        text
    }

    #[test]
    fn colour_is_said_where_it_changes_and_undone_at_the_end() {
        assert_eq!(line(false), "a b  cd\n");
        assert_eq!(line(true), "\x1b[2ma b  \x1b[0;31mc\x1b[0md\n");
    }

    #[test]
    fn a_little_is_never_nothing() {
        assert_eq!(graded(UNICODE.parts, 0.001), '▏');
        assert_eq!(graded(UNICODE.parts, 0.5), '▌');
        assert_eq!(graded(UNICODE.parts, 1.0), '█');
        assert_eq!(graded(ASCII.heights, 7.0), '#');
    }
}
