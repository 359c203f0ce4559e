//! Draws bars for the rows, and lines that show how cost grows, without a drawing library.

use std::fmt::Write;

use crate::{
    catalog::{Figure, Group, LIMIT, OURS, ROWS, RUNTIMES, Row, URING},
    report::digits,
    results::{Results, cost_ratio},
};

const WIDTH: f64 = 760.0;
const NAMES: f64 = 190.0;
/// The length of the best peer's bar. Bars that would be longer than `CUT * UNIT` are cut.
const UNIT: f64 = 110.0;
const CUT: f64 = 4.0;
const BAR: f64 = 11.0;

const STYLE: &str = "<style>text{font:11px system-ui,sans-serif;fill:#24292f}.t{font-weight:600;font-size:14px}\
.r{font-weight:600}.v{font-size:10px;fill:#57606a}.peer{fill:#afb8c1}.uring{fill:#eac54f}.limit{fill:#d8dee4}.ours{fill:#0969da}\
.g{stroke:#d0d7de;stroke-dasharray:3 3}.a{stroke:#57606a}</style>";

/// For each row of the group, draws one bar per runtime. The lengths are relative to the best peer (other
/// runtime).
#[must_use]
pub fn bars(results: &Results, group: Group) -> String {
    let mut body = String::new();
    let mut y = 52.0;
    for row in ROWS.iter().filter(|row| row.group == group) {
        let figure = &row.figures[0];
        let drawn = row_of_bars(results, row, figure, &mut y);
        body.push_str(&drawn);
    }
    let title = match group {
        Group::One => {
            "One thread: cost relative to the best peer over epoll (shorter is better; yellow: io_uring)"
        }
        Group::Two => "Two workers: cost relative to the best peer (shorter is better)",
    };
    let x = NAMES + UNIT;
    let line = format!(
        "<line class=\"g\" x1=\"{x}\" x2=\"{x}\" y1=\"34\" y2=\"{y}\"/><text class=\"v\" x=\"{}\" y=\"44\">best peer</text>",
        x + 4.0
    );
    document(title, y + 10.0, &(line + &body))
}

fn row_of_bars(results: &Results, row: &Row, figure: &Figure, y: &mut f64) -> String {
    let mut out = String::new();
    let Some(best) = results.best_peer(row, figure) else {
        return out;
    };
    let _ = writeln!(
        out,
        "<text class=\"r\" x=\"12\" y=\"{:.0}\">{}</text><text class=\"v\" x=\"12\" y=\"{:.0}\">{}</text>",
        *y + 9.0,
        row.id,
        *y + 21.0,
        figure.unit
    );
    let top = *y;
    for runtime in RUNTIMES {
        let Some(median) = results.median(row, runtime, figure) else {
            continue;
        };
        let ratio = cost_ratio(figure.better, median, best.median);
        let length = ratio.min(CUT) * UNIT;
        let class = match *runtime {
            OURS => "ours",
            LIMIT => "limit",
            peer if URING.contains(&peer) => "uring",
            _ => "peer",
        };
        let cut = if ratio > CUT { " (cut)" } else { "" };
        let base = *y + 9.0;
        let _ = writeln!(
            out,
            "<text class=\"v\" x=\"{:.0}\" y=\"{base:.0}\" text-anchor=\"end\">{runtime}</text>\
             <rect class=\"{class}\" x=\"{NAMES}\" y=\"{:.0}\" width=\"{length:.1}\" height=\"{:.0}\"/>\
             <text class=\"v\" x=\"{:.1}\" y=\"{base:.0}\">{}{cut}</text>",
            NAMES - 6.0,
            *y,
            BAR - 2.0,
            NAMES + length + 4.0,
            digits(median),
        );
        *y += BAR;
    }
    *y = y.max(top + 26.0) + 8.0;
    out
}

/// One curve of [`lines`]: a name and its points.
#[derive(Debug)]
pub struct Line {
    /// The name of the curve.
    pub name: &'static str,
    /// The sizes in rising order, each with the cost of an operation at this size.
    pub points: Vec<(f64, f64)>,
}

/// Draws curves of the cost of an operation against the size, on logarithmic axes. A flat line means that the
/// cost does not grow.
#[must_use]
pub fn lines(title: &str, unit: &str, curves: &[Line]) -> String {
    const TOP: f64 = 44.0;
    const HIGH: f64 = 260.0;
    const LEFT: f64 = 60.0;
    const LONG: f64 = 560.0;
    let all = || curves.iter().flat_map(|line| &line.points);
    let (x0, x1) = decades(all().map(|point| point.0));
    let (y0, y1) = decades(all().map(|point| point.1));
    let across = |x: f64| LEFT + (x.log10() - x0) / (x1 - x0) * LONG;
    let down = |y: f64| TOP + HIGH - (y.log10() - y0) / (y1 - y0) * HIGH;

    let mut body = String::new();
    let mut tick = x0;
    while tick <= x1 {
        let x = across(10f64.powf(tick));
        let _ = writeln!(
            body,
            "<line class=\"g\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/><text class=\"v\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">10^{tick}</text>",
            TOP + HIGH,
            TOP + HIGH + 14.0
        );
        tick += 1.0;
    }
    let mut tick = y0;
    while tick <= y1 {
        let value = 10f64.powf(tick);
        let y = down(value);
        let _ = writeln!(
            body,
            "<line class=\"g\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"v\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            LEFT + LONG,
            LEFT - 6.0,
            y + 3.0
        );
        tick += 1.0;
    }
    for (at, line) in curves.iter().enumerate() {
        let colour = match line.name {
            OURS => "#0969da",
            LIMIT => "#afb8c1",
            _ => [
                "#8c959f", "#bf8700", "#8250df", "#1a7f37", "#cf222e", "#bc4c00",
            ][at % 6],
        };
        let points: String = line
            .points
            .iter()
            .map(|(x, y)| format!("{:.1},{:.1} ", across(*x), down(*y)))
            .collect();
        let _ = writeln!(
            body,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>",
            points.trim_end()
        );
        if let Some((x, y)) = line.points.last() {
            let _ = writeln!(
                body,
                "<text x=\"{:.1}\" y=\"{:.1}\" style=\"fill:{colour}\">{}</text>",
                across(*x) + 6.0,
                down(*y) + 4.0,
                line.name
            );
        }
    }
    document(&format!("{title}: {unit}"), TOP + HIGH + 30.0, &body)
}

/// Returns the smallest range of whole decades (powers of ten) that contains all values.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.map(f64::log10) {
        least = least.min(value.floor());
        most = most.max(value.ceil());
    }
    if least.is_finite() {
        (least, most.max(least + 1.0))
    } else {
        (0.0, 1.0)
    }
}

fn document(title: &str, height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" height=\"{height:.0}\" role=\"img\" aria-label=\"{title}\">\n\
         {STYLE}\n<rect width=\"{WIDTH}\" height=\"{height:.0}\" fill=\"#fff\"/>\n<text class=\"t\" x=\"12\" y=\"22\">{title}</text>\n{body}</svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::row;

    #[test]
    fn a_bar_a_runtime_and_the_best_peer_is_the_unit() {
        let mut results = Results::default();
        let row = row("yield").unwrap();
        for (runtime, value) in [("brigade", 20.0), ("tokio", 40.0), ("smol", 900.0)] {
            results.add(row, runtime, &row.figures[0], value);
        }
        let svg = bars(&results, Group::One);
        assert_eq!(svg.matches("class=\"peer\"").count(), 2, "{svg}");
        assert!(
            svg.contains("class=\"ours\" x=\"190\" y=\"52\" width=\"55.0\""),
            "{svg}"
        );
        assert!(svg.contains("900 (cut)"), "{svg}");
    }

    #[test]
    fn curves_stay_inside() {
        let curve = Line {
            name: "brigade",
            points: vec![(1e3, 50.0), (1e6, 50.0)],
        };
        assert!(lines("tasks", "ns", &[curve]).contains("60.0,"));
        assert!(lines("tasks", "ns", &[]).starts_with("<svg"));
    }
}
