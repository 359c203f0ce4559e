//! Shows how cost grows. Runs some benchmarks (rows) at several sizes, and draws the cost of one operation
//! over the number of tasks, timers, sockets or workers. A flat line means that the cost does not grow.

use std::{fmt::Write, fs, io};

use brigade_benches::{
    args::Options,
    catalog::{Row, row},
    report::{Line, digits, lines},
    results::median,
};

use crate::conduct::{Scale, Trouble, columns, measure};

/// A benchmark that is run at several sizes.
struct Curve<'a> {
    row: &'static str,
    figure: &'static str,
    /// The chart's title. The name of the chart's file contains it.
    of: &'static str,
    sizes: &'a [usize],
    scale: fn(usize) -> Scale,
    unit: &'static str,
    /// Computes the cost of one operation from the figure and the size.
    each: fn(value: f64, size: f64) -> f64,
}

const UP_TO_A_MILLION: &[usize] = &[1_000, 10_000, 100_000, 1_000_000];

const CURVES: &[Curve<'_>] = &[
    Curve {
        row: "spawn_join",
        figure: "wall",
        of: "tasks",
        sizes: UP_TO_A_MILLION,
        scale: Scale::Size,
        unit: "ns per task, spawned and joined",
        each: |value, _| value,
    },
    Curve {
        row: "idle_mem",
        figure: "bytes",
        of: "parked",
        sizes: &[10_000, 100_000, 1_000_000],
        scale: Scale::Size,
        unit: "resident bytes per parked task",
        each: |value, _| value,
    },
    Curve {
        row: "timers",
        figure: "cpu",
        of: "timers",
        sizes: UP_TO_A_MILLION,
        scale: Scale::Size,
        unit: "CPU ns per sleep",
        each: |value, _| value,
    },
    Curve {
        row: "fetch",
        figure: "cpu",
        of: "sockets",
        sizes: &[100, 1_000, 5_000, 15_000],
        scale: Scale::Size,
        unit: "CPU us per connection",
        each: |millis, size| millis * 1e3 / size,
    },
];

/// The benchmarks that `--workers` runs, once for each number of workers, and the units of their curves.
const BY_WORKERS: [(&str, &str); 7] = [
    ("m_spawn_worker", "ns per task, by workers"),
    ("m_spawn_all", "ns per task, by workers"),
    ("m_recursive", "ns per task, by workers"),
    ("m_yield", "ns per yield, by workers"),
    ("m_pairs", "ns per round trip, by workers"),
    ("m_chained", "ns per task, by workers"),
    ("m_timer_cancel", "ns per timer, by workers"),
];

fn by_workers(sizes: &[usize]) -> impl Iterator<Item = Curve<'_>> {
    BY_WORKERS.iter().map(|(row, unit)| Curve {
        row,
        figure: "wall",
        of: row,
        sizes,
        scale: Scale::Workers,
        unit,
        each: |value, _| value,
    })
}

/// The values of all rounds, for each runtime and size.
type Values = Vec<(&'static str, Vec<Vec<f64>>)>;

/// Measures the curves of the chosen benchmarks and reports them. Returns true if a measurement failed.
pub(crate) fn grow(options: &Options) -> io::Result<bool> {
    let mut report = String::new();
    let mut failed = false;
    let workers: Vec<_> = options.workers.iter().map(|n| usize::from(*n)).collect();
    let by_workers: Vec<_> = by_workers(&workers).collect();
    let curves = match workers.is_empty() {
        true => CURVES,
        false => &by_workers,
    };
    for curve in curves
        .iter()
        .filter(|curve| options.rows().contains(&curve.row))
    {
        let Some(row) = row(curve.row) else { continue };
        let values = rounds(options, row, curve, &mut failed);
        report.push_str(&table(curve, &values));
        if let Some(directory) = &options.write {
            fs::create_dir_all(directory)?;
            let file = directory.join(format!("growth-{}.svg", curve.of));
            fs::write(file, lines(curve.of, curve.unit, &points(curve, &values)))?;
        }
    }
    print!("{report}");
    if let Some(directory) = &options.write {
        fs::write(
            directory.join("growth.md"),
            format!("# How cost grows\n{report}"),
        )?;
    }
    Ok(failed)
}

fn rounds(options: &Options, row: &Row, curve: &Curve<'_>, failed: &mut bool) -> Values {
    let mut values: Values = columns(row.id, options)
        .map(|runtime| (runtime, vec![Vec::new(); curve.sizes.len()]))
        .collect();
    let at = row
        .figures
        .iter()
        .position(|figure| figure.key == curve.figure)
        .unwrap_or(0);
    for _ in 0..options.rounds() {
        for (column, size) in curve.sizes.iter().enumerate() {
            for (runtime, sizes) in &mut values {
                let said = match measure(row, runtime, options.quick, (curve.scale)(*size)) {
                    Ok(figures) => {
                        let each = (curve.each)(figures[at], *size as f64);
                        sizes[column].push(each);
                        digits(each)
                    }
                    Err(Trouble::Unfit(why)) => format!("left out: {why}"),
                    Err(Trouble::Failed(why)) => {
                        *failed = true;
                        format!("FAILED: {why}")
                    }
                };
                eprintln!("{:<11} {size:>8} {runtime:<11} {said}", row.id);
            }
        }
    }
    values
}

/// Returns a Markdown table that is readable in a terminal too.
fn table(curve: &Curve<'_>, values: &Values) -> String {
    let mut out = format!("\n## {}: {}\n\n| runtime     |", curve.of, curve.unit);
    for size in curve.sizes {
        let _ = write!(out, " {size:>9} |");
    }
    let _ = writeln!(
        out,
        " last / first |\n|---|{}---:|",
        "---:|".repeat(curve.sizes.len())
    );
    for (runtime, sizes) in values {
        let medians: Vec<_> = sizes.iter().map(|values| median(values.clone())).collect();
        let _ = write!(out, "| {runtime:<11} |");
        for value in &medians {
            let _ = write!(out, " {:>9} |", value.map_or(String::new(), digits));
        }
        let growth = match (medians.first(), medians.last()) {
            (Some(Some(first)), Some(Some(last))) => format!("{:.2}", last / first),
            _ => String::new(),
        };
        let _ = writeln!(out, " {growth:>12} |");
    }
    out
}

fn points(curve: &Curve<'_>, values: &Values) -> Vec<Line> {
    let all = values.iter().map(|(name, sizes)| Line {
        name,
        points: curve
            .sizes
            .iter()
            .zip(sizes)
            .filter_map(|(size, values)| Some((*size as f64, median(values.clone())?)))
            .collect(),
    });
    all.filter(|line| !line.points.is_empty()).collect()
}
