//! Draws a run as a Mermaid Gantt chart, which GitHub and many other sites show inside Markdown.
//!
//! Mermaid charts are designed for projects that take weeks, but runs take much less time. The `dateFormat`
//! is `x`, so Mermaid reads plain numbers as milliseconds. But a number may stand for nanoseconds,
//! microseconds or milliseconds, and the format of the axis shows this unit. `displayMode: compact` keeps all
//! bars of a section in one row.

use std::fmt::Write as _;

use super::{
    axis::Nanos,
    gantt::{CookRow, End, Gantt, Span, State},
    names::shorten,
};

/// The maximum number of rows of tasks. Mermaid refuses texts of more than 50,000 characters. With this bound
/// and `COOKS_MAX`, the text of a chart is much shorter.
const TASKS_MAX: usize = 24;
/// The maximum number of rows of workers.
const COOKS_MAX: usize = 8;
const NAME_WIDTH: usize = 24;
/// The maximum number of bars in a row. A row with more bars is divided into this number of equal pieces, and
/// each piece is shown in its most frequent state.
const BARS_MAX: usize = 32;
/// A bar is wide enough for a word if it takes at least this share of the run.
const WORD_FROM: f64 = 0.08;
/// A span in which a task waited or was queued is left out if it is shorter than this share of the run.
const SEEN_FROM: f64 = 0.001;
/// The name of a bar that is too narrow for a word. Mermaid requires a name, so this is an invisible
/// character.
const NO_WORD: &str = "\u{200e}";
/// Every poll is drawn at least as wide as 1 / `THIN_PART` of the run.
const THIN_PART: Nanos = 400;
const MILLI: Nanos = 1_000_000;
const HUNDRED_SECONDS: Nanos = 100_000_000_000;
/// The approximate number of labels that fit on the axis.
const TICKS: usize = 9;

/// Draws the run.
pub(super) fn draw(gantt: &Gantt, title: &str) -> String {
    let mut chart = Chart::new(gantt);
    chart.head(title);
    for cook in gantt
        .cooks
        .iter()
        .take(COOKS_MAX)
        .filter(|cook| cook.is_worker())
    {
        chart.section(&cook.name, &life(cook));
    }
    let choice = gantt.choose(TASKS_MAX);
    for row in choice.shown {
        let row = &gantt.tasks[row];
        let name = match row.end {
            End::Panicked => format!("{} (panicked)", short(&row.name)),
            End::Dropped => format!("{} (dropped)", short(&row.name)),
            End::Stranded => format!("{} (stranded)", short(&row.name)),
            End::Done | End::Open => short(&row.name),
        };
        chart.section(&name, &row.spans);
    }
    if !choice.rest.is_empty() {
        let more = crate::units::counted(choice.rest.len(), "more task");
        let _ = writeln!(chart.text, "    %% {more} not shown");
    }
    chart.text
}

/// Returns the polls and parks of a worker in the form of a task's spans.
fn life(cook: &CookRow) -> Vec<Span> {
    let polls = cook.polls.iter().map(|poll| Span {
        from: poll.from,
        to: poll.to,
        state: State::Running(cook.lane),
    });
    let asleep = cook.asleep.iter().map(|&(from, to)| Span {
        from,
        to,
        state: State::Waiting,
    });
    let mut spans: Vec<Span> = polls.chain(asleep).collect();
    spans.sort_by_key(|span| span.from);
    spans
}

struct Chart<'a> {
    gantt: &'a Gantt,
    /// The duration that the number 1 stands for in the chart.
    unit: Nanos,
    /// The minimum length of a bar, in units.
    thin: Nanos,
    text: String,
}

impl<'a> Chart<'a> {
    fn new(gantt: &'a Gantt) -> Self {
        // The unit is so small that rounding is invisible: at most a thousandth of the run, or a nanosecond if
        // the run is shorter than a millisecond.
        let unit = match gantt.window.length() {
            0..MILLI => 1,
            MILLI..HUNDRED_SECONDS => 1_000,
            _ => 1_000_000,
        };
        Self {
            gantt,
            unit,
            thin: (gantt.window.length() / unit / THIN_PART).max(1),
            text: String::new(),
        }
    }

    fn head(&mut self, title: &str) {
        let title = match title {
            "" => "brigade".to_owned(),
            // A colon would end a name, but it does not end a title.
            title => escape(&shorten(title, 80, "…")).replace('：', ":"),
        };
        let step = self.gantt.window.step(TICKS) / self.unit;
        // In d3, which formats the axis, `%Q` means milliseconds and `%s` means seconds. In this chart, `%Q`
        // shows units and `%s` shows thousands of units.
        let format = match (self.unit, step) {
            (1, 0..1_000) => "%Q ns",
            (1, _) => "%s µs",
            (1_000, 0..1_000) => "%Q µs",
            (1_000, _) => "%s ms",
            _ => "%s s",
        };
        let _ = write!(
            self.text,
            "---\n\
             displayMode: compact\n\
             config:\n\
             \x20 gantt:\n\
             \x20   leftPadding: 190\n\
             \x20 themeVariables:\n\
             \x20   critBkgColor: \"#f0a020\"\n\
             \x20   critBorderColor: \"#c77f0a\"\n\
             ---\n\
             %% blue: running; amber: ready, not running; grey: waiting\n\
             gantt\n\
             \x20   title {title} ({})\n\
             \x20   dateFormat x\n\
             \x20   axisFormat {format}\n\
             \x20   tickInterval {}millisecond\n\
             \x20   todayMarker off\n",
            self.gantt.figures().join(", "),
            step.max(1),
        );
    }

    fn section(&mut self, name: &str, spans: &[Span]) {
        if spans.is_empty() {
            return;
        }
        let _ = writeln!(self.text, "    section {}", escape(name));
        let coarse;
        let spans = if spans.len() > BARS_MAX {
            coarse = self.pieces(spans);
            &coarse
        } else {
            spans
        };
        let mut free = 0;
        for span in spans {
            self.bar(span, &mut free);
        }
    }

    /// Writes a bar. `free` is the end of the previous bar. If bars overlapped, Mermaid would put them into
    /// separate rows.
    fn bar(&mut self, span: &Span, free: &mut Nanos) {
        let share = (span.to - span.from) as f64 / self.gantt.window.length() as f64;
        let (word, tag) = match span.state {
            State::Running(_) => ("running", ""),
            State::Queued => ("ready", "crit, "),
            State::Waiting => ("waiting", "done, "),
        };
        if !tag.is_empty() && share < SEEN_FROM {
            return;
        }
        let begin = self.gantt.window.begin;
        let from = ((span.from - begin) / self.unit).max(*free);
        let to = ((span.to - begin) / self.unit).max(from + self.thin);
        *free = to;
        let word = if share < WORD_FROM { NO_WORD } else { word };
        let _ = writeln!(self.text, "    {word} :{tag}{from}, {}ms", to - from);
    }

    /// Divides the row into equal pieces of time, gives each piece one state, and joins neighbours in the
    /// same state.
    fn pieces(&self, spans: &[Span]) -> Vec<Span> {
        let window = self.gantt.window;
        let share = |wanted: fn(State) -> bool| {
            let spans = spans.iter().filter(|span| wanted(span.state));
            window.fill(BARS_MAX, spans.map(|span| (span.from, span.to)))
        };
        let running = share(|state| matches!(state, State::Running(_)));
        let queued = share(|state| state == State::Queued);
        let waiting = share(|state| state == State::Waiting);
        let edge = |piece: usize| {
            window.begin + (u128::from(window.length()) * piece as u128 / BARS_MAX as u128) as Nanos
        };
        let mut joined: Vec<Span> = Vec::new();
        for piece in 0..BARS_MAX {
            let (running, queued, waiting) = (running[piece], queued[piece], waiting[piece]);
            let state = if running + queued + waiting < 0.01 {
                continue;
            } else if running >= queued.max(waiting) {
                State::Running(0)
            } else if queued >= waiting {
                State::Queued
            } else {
                State::Waiting
            };
            let (from, to) = (edge(piece), edge(piece + 1));
            match joined.last_mut() {
                Some(last) if last.state == state && last.to == from => last.to = to,
                _ => joined.push(Span { from, to, state }),
            }
        }
        joined
    }
}

fn short(name: &str) -> String {
    shorten(name, NAME_WIDTH, "…")
}

/// Replaces the characters that have a meaning in Mermaid's grammar by wide characters that look similar,
/// because the grammar has no quoting.
fn escape(name: &str) -> String {
    let twin = |c: char| match c {
        '!'..='~' if !c.is_ascii_alphanumeric() && !" ()-_./,?=+@!".contains(c) => {
            char::from_u32(c as u32 - 0x21 + 0xff01).unwrap_or('?')
        }
        _ => c,
    };
    let name: String = name.trim().chars().map(twin).collect();
    if name.is_empty() {
        "?".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::{super::samples, *};

    #[test]
    fn kitchen() {
        insta::assert_snapshot!(draw(&Gantt::new(&samples::kitchen()), "kitchen: one cook"));
    }

    #[test]
    fn any_run_is_small_enough_for_mermaid() {
        let runs = [
            samples::fetch(2000),
            samples::busy(100_000),
            samples::hostile(),
        ];
        for timeline in runs.iter().chain(&samples::empty()) {
            let text = draw(&Gantt::new(timeline), "");
            assert!(text.chars().count() < 50_000, "{}", text.len());
        }
    }

    #[test]
    fn names_leave_the_grammar_alone() {
        let title = "a: b; c #1 %% {x}\nsection y";
        let title = crate::drawing::names::visible(title);
        let text = draw(&Gantt::new(&samples::hostile()), &title);
        let body = text.split_once("gantt\n    title ").unwrap().1;
        for line in body.lines().skip(1) {
            assert!(
                !line.contains([';', '#', '<', '>', '"', '{', '`', '$']),
                "{line}"
            );
            let colons = line.matches(':').count();
            let is_bar = ["running", "ready", "waiting", NO_WORD]
                .iter()
                .any(|word| line.trim_start().starts_with(&format!("{word} :")));
            assert_eq!(colons, usize::from(is_bar), "{line}");
        }
        assert_eq!(escape("a:b;c#d<e>"), "a：b；c＃d＜e＞");
        assert_eq!(escape(" "), "?");
    }
}
