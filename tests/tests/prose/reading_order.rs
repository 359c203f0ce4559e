//! The stops: what ARCHITECTURE.md lists, and what leads from one file to the next.

/// The stops of the reading order, as ARCHITECTURE.md lists them.
pub(crate) fn stops(architecture: &str) -> Vec<String> {
    let section = architecture
        .split("## Reading order")
        .nth(1)
        .expect("the section is there");
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let number: usize = cells.get(1)?.parse().ok()?;
        let minutes: u32 = cells.get(4)?.parse().ok()?;
        assert!(minutes > 0, "stop {number} takes some time");
        Some((number, cells[2].trim_matches('`').to_owned()))
    });
    let rows: Vec<_> = rows.collect();
    assert!(
        rows.iter()
            .enumerate()
            .all(|(at, (number, _))| at + 1 == *number)
    );
    rows.into_iter().map(|(_, file)| file).collect()
}

/// A file as `crate::` names it.
fn module(file: &str) -> String {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.replace('/', "::")
}

/// Headers whose last lines do not lead to their neighbours.
pub(crate) fn broken_chain(stops: &[String], headers: &[(String, String)]) -> Vec<String> {
    let mut broken = Vec::new();
    for (file, header) in headers {
        let file = file.trim_start_matches("runtime/src/");
        let Some(at) = stops.iter().position(|stop| stop == file) else {
            if header.contains("*Stop ") {
                broken.push(format!("{file} calls itself a stop"));
            }
            continue;
        };
        let link = |to: &String| format!("[`{0}`](crate::{0})", module(to));
        let before = at
            .checked_sub(1)
            .map(|at| format!("previous: {}", link(&stops[at])));
        let after = stops
            .get(at + 1)
            .map(|stop| format!("next: {}", link(stop)));
        let both: Vec<_> = before.into_iter().chain(after).collect();
        let mut line = both.join("; ");
        line[..1].make_ascii_uppercase();
        let end = format!("---\n\n*Stop {} of {}.*\n*{line}.*", at + 1, stops.len());
        if !header.ends_with(&end) {
            broken.push(format!("{file} should end with\n{end}"));
        }
    }
    for stop in stops {
        if !headers
            .iter()
            .any(|(file, _)| file.trim_start_matches("runtime/src/") == stop)
        {
            broken.push(format!("there is no {stop}"));
        }
    }
    broken
}
