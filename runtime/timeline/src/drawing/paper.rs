//! The parts of SVG that the drawing needs: shapes, text, and a style sheet for light and dark.
//!
//! Each colour is a CSS class, so that the reader's choice of light or dark applies to every shape. CSS
//! variables are not used, because some SVG viewers do not support them.

use std::fmt::Write as _;

use super::palette::{self, COOKS_APART, DARK, LIGHT, Scheme};

/// The kind of a shape, which determines its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Paper,
    Band,
    Grid,
    /// A poll by the thread in this row.
    Cook(usize),
    Queued,
    Waiting,
    /// The area of waiting tasks in a chart of many tasks.
    Crowd,
    Arrow,
    /// The outline of an arrow, which separates it from the lines that it crosses.
    Halo,
    Mark,
    Failed,
    Title,
    Text,
    Quiet,
    /// Right-aligned text, for figures.
    Figure,
    /// Centred text in small type, for ticks.
    Tick,
    /// Text in small type on a background in a worker's colour.
    Inside,
}

impl Class {
    fn name(self) -> String {
        let name = match self {
            Self::Cook(row) => return format!("c{}", row % COOKS_APART),
            Self::Paper => "paper",
            Self::Band => "band",
            Self::Grid => "grid",
            Self::Queued => "queued",
            Self::Waiting => "waiting",
            Self::Crowd => "waiting crowd",
            Self::Arrow => "arrow",
            Self::Halo => "halo",
            Self::Mark => "mark",
            Self::Failed => "failed",
            Self::Title => "t title",
            Self::Text => "t",
            Self::Quiet => "t quiet",
            Self::Figure => "t quiet figure",
            Self::Tick => "t quiet tick",
            Self::Inside => "t inside",
        };
        name.to_owned()
    }
}

/// Shapes on a sheet. Later shapes cover earlier ones.
#[derive(Default)]
pub(super) struct Paper {
    shapes: String,
}

impl Paper {
    pub(super) fn rect(&mut self, class: Class, [x, y, width, height]: [f64; 4], round: f64) {
        let _ = writeln!(
            self.shapes,
            "<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"/>",
            class.name(),
            number(x),
            number(y),
            number(width),
            number(height),
            number(round),
        );
    }

    pub(super) fn path(&mut self, class: Class, path: &Path) {
        if !path.data.is_empty() {
            let _ = writeln!(
                self.shapes,
                "<path class=\"{}\" d=\"{}\"/>",
                class.name(),
                path.data
            );
        }
    }

    pub(super) fn circle(&mut self, class: Class, (x, y): (f64, f64), radius: f64) {
        let _ = writeln!(
            self.shapes,
            "<circle class=\"{}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>",
            class.name(),
            number(x),
            number(y),
            number(radius),
        );
    }

    pub(super) fn text(&mut self, class: Class, (x, y): (f64, f64), text: &str) {
        let _ = writeln!(
            self.shapes,
            "<text class=\"{}\" x=\"{}\" y=\"{}\">{}</text>",
            class.name(),
            number(x),
            number(y),
            escape(text),
        );
    }

    /// Draws shapes that belong together. `title` appears when the reader points at one of them.
    pub(super) fn group(&mut self, title: &str, draw: impl FnOnce(&mut Self)) {
        let _ = writeln!(self.shapes, "<g><title>{}</title>", escape(title));
        draw(self);
        self.shapes.push_str("</g>\n");
    }

    pub(super) fn lay(&mut self, on_top: Self) {
        self.shapes.push_str(&on_top.shapes);
    }

    /// Returns the complete picture. `title` and `description` are for screen readers.
    pub(super) fn finish(
        self,
        [width, height]: [f64; 2],
        title: &str,
        description: &str,
    ) -> String {
        let (width, height) = (number(width), number(height));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"title description\">\n\
             <title id=\"title\">{}</title>\n<desc id=\"description\">{}</desc>\n\
             <style>\n{}</style>\n{}</svg>\n",
            escape(title),
            escape(description),
            style_sheet(),
            self.shapes,
        )
    }
}

/// The path data of a shape.
#[derive(Default)]
pub(super) struct Path {
    data: String,
}

impl Path {
    pub(super) fn start(&mut self, x: f64, y: f64) {
        let _ = write!(self.data, "M{} {}", number(x), number(y));
    }

    pub(super) fn line(&mut self, x: f64, y: f64) {
        let _ = write!(self.data, "L{} {}", number(x), number(y));
    }

    pub(super) fn vertical(&mut self, y: f64) {
        let _ = write!(self.data, "V{}", number(y));
    }

    pub(super) fn horizontal(&mut self, x: f64) {
        let _ = write!(self.data, "H{}", number(x));
    }

    pub(super) fn close(&mut self) {
        self.data.push('z');
    }

    pub(super) fn bar(&mut self, [x, y, width, height]: [f64; 4]) {
        let (width, height) = (number(width), number(height));
        let _ = write!(
            self.data,
            "M{} {}h{width}v{height}h-{width}z",
            number(x),
            number(y)
        );
    }

    /// Draws steps over `base`, one for each height. Each step is `step` wide. Neighbours of equal height
    /// become one step, and steps of height zero are not drawn.
    pub(super) fn steps(
        &mut self,
        x: f64,
        base: f64,
        step: f64,
        heights: impl Iterator<Item = f64>,
    ) {
        let mut level = base;
        let mut at = x;
        for height in heights {
            let y = ((base - height) * 10.0).round() / 10.0;
            if y != level {
                if level == base {
                    self.start(at, base);
                } else {
                    self.horizontal(at);
                }
                self.vertical(y);
                if y == base {
                    self.close();
                }
                level = y;
            }
            at += step;
        }
        if level != base {
            self.horizontal(at);
            self.vertical(base);
            self.close();
        }
    }
}

/// Formats a number, rounded to a tenth of a pixel.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// Escapes text for use in an XML element. Characters that XML forbids have already been replaced (see
/// [`names`](super::names)).
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

fn style_sheet() -> String {
    let mut css = String::from(
        ".t{font:12px ui-sans-serif,system-ui,-apple-system,\"Segoe UI\",\"Helvetica Neue\",Arial,\
         \"Noto Sans\",sans-serif;font-variant-numeric:tabular-nums;white-space:pre}\n\
         .title{font-size:17px;font-weight:600}\n\
         .figure{text-anchor:end}\n\
         .tick{text-anchor:middle;font-size:11px}\n\
         .inside{fill:#fff;font-size:10.5px}\n\
         .paper{stroke-width:1}\n\
         .crowd{fill-opacity:.6}\n\
         .grid{stroke-width:1;fill:none}\n\
         .halo{stroke-width:4;fill:none;stroke-linecap:round}\n\
         .arrow{stroke-width:1.4;fill:none;stroke-linejoin:round;stroke-linecap:round}\n\
         .mark{stroke-width:1.4;stroke-linejoin:round;stroke-linecap:round}\n\
         .failed{stroke-width:2.4;fill:none;stroke-linecap:round}\n",
    );
    for row in 0..COOKS_APART {
        let _ = writeln!(css, ".c{row}{{fill:{}}}", palette::cook(row));
    }
    css.push_str(&colours(&LIGHT));
    let _ = write!(
        css,
        "@media (prefers-color-scheme:dark){{\n{}}}\n",
        colours(&DARK)
    );
    css
}

fn colours(scheme: &Scheme) -> String {
    let Scheme {
        paper,
        frame,
        text,
        quiet,
        grid,
        band,
        queued,
        waiting,
        arrow,
        failed,
    } = scheme;
    format!(
        ".paper{{fill:{paper};stroke:{frame}}}.band{{fill:{band}}}.grid{{stroke:{grid}}}\n\
         .queued{{fill:{queued}}}.waiting{{fill:{waiting}}}.failed{{stroke:{failed}}}\n\
         .halo{{stroke:{paper}}}.arrow{{stroke:{arrow}}}.mark{{fill:{paper};stroke:{arrow}}}\n\
         .t{{fill:{text}}}.quiet{{fill:{quiet}}}.inside{{fill:#fff}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(
            escape("a<b> & \"c\" 'd' ]]>"),
            "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39; ]]&gt;"
        );
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(12.0), "12");
        assert_eq!(number(12.345), "12.3");
    }

    #[test]
    fn steps_join_equals_and_leave_out_nothing() {
        let mut path = Path::default();
        path.steps(
            0.0,
            10.0,
            1.0,
            [0.0, 2.0, 2.0, 5.0, 0.0, 0.0, 1.0].into_iter(),
        );
        assert_eq!(path.data, "M1 10V8H3V5H4V10zM6 10V9H7V10z");
    }
}
