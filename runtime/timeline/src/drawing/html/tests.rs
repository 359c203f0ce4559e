//! Checks the page without a browser. `tests/browser.rs` opens it in a browser.

use std::time::Duration;

use brigade::timeline::{Event, Lane, LaneKind, Outcome, Task, Timeline, WakeEffect, What};
use html5ever::tendril::TendrilSink as _;
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use serde_json::{Value, json};

use super::super::names::visible;
use super::{Drawing, SCRIPTS, STYLE, TEMPLATE};

const HOSTILE: [&str; 6] = [
    "</script><script>alert(1)</script>",
    "<!-- <script>",
    "\"quoted\" & 'quoted'",
    "nul \0, escape \x1b[2J, separators \u{2028}\u{2029}",
    "{{run}} {{script}} {{style}}",
    "\\u003c",
];

fn page(timeline: &Timeline) -> String {
    super::page(&Drawing::new(timeline))
}

fn hostile_page(run: &Timeline) -> String {
    let figures = vec![(HOSTILE[1].to_owned(), HOSTILE[4].to_owned())];
    let drawing = Drawing::new(run)
        .title(HOSTILE[0])
        .named(HOSTILE[3])
        .workers_are(HOSTILE[2]);
    super::page(&drawing.figures(figures))
}

fn hostile_run() -> Timeline {
    let tasks = (0..).zip(HOSTILE);
    let tasks = tasks.map(|(id, name)| Task::new(id, Some(name))).collect();
    let lanes = vec![Lane::new(HOSTILE[0], LaneKind::Worker(0))];
    Timeline::from_parts(lanes, tasks, Vec::new(), Duration::from_millis(1))
}

/// Returns a run with every kind of event except readings of the CPU clock. A task yields once.
fn every_event() -> Timeline {
    let lanes = vec![
        Lane::new("cook 0", LaneKind::Worker(0)),
        Lane::new("pool 0", LaneKind::Blocking),
        Lane::new("elsewhere", LaneKind::Outside),
    ];
    let tasks = vec![
        Task::new(1, Some("main")),
        Task::new(2, None),
        Task::new(3, None),
    ];
    let (task, by) = (1, Some(0));
    let wake = |effect| What::Wake { task, by, effect };
    let end = |outcome| What::PollEnd { task, outcome };
    let whats = [
        What::Spawn { task, by },
        What::Steal { from: 4 },
        What::PollBegin { task },
        wake(WakeEffect::Again),
        end(Outcome::Pending),
        What::Stranded { task },
        What::Park,
        What::Unpark,
        What::IoReady { events: 7 },
        What::TimersFired { timers: 2 },
        wake(WakeEffect::Queued),
        wake(WakeEffect::Nothing),
        What::Join { task, by: 0 },
        end(Outcome::Ready),
        end(Outcome::Panicked),
        What::Abort { task: 2, by: None },
        What::Cancel { task: 2 },
    ];
    let events = (1..).zip(whats).map(|(at, what)| {
        let lane = usize::from(at == 3);
        Event::new(Duration::from_nanos(at * at), lane, what)
    });
    Timeline::from_parts(lanes, tasks, events.collect(), Duration::from_micros(1))
}

/// Parses the page as a browser does. The result lists the errors.
fn parse(page: &str) -> RcDom {
    html5ever::parse_document(RcDom::default(), Default::default()).one(page)
}

/// Collects the text of all elements with this name, in order.
fn elements(node: &Handle, wanted: &str, found: &mut Vec<String>) {
    match &node.data {
        NodeData::Element { name, .. } if &*name.local == wanted => found.push(text(node)),
        _ => {}
    }
    for child in node.children.borrow().iter() {
        elements(child, wanted, found);
    }
}

fn text(node: &Handle) -> String {
    let texts = node.children.borrow();
    let texts = texts.iter().map(|child| match &child.data {
        NodeData::Text { contents } => contents.borrow().to_string(),
        _ => String::new(),
    });
    texts.collect()
}

fn scripts(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    elements(&parse(page).document, "script", &mut found);
    found
}

fn run_in(page: &str) -> Value {
    serde_json::from_str(&scripts(page)[0]).expect("the first script is JSON")
}

#[test]
fn no_name_becomes_markup() {
    let page = hostile_page(&hostile_run());
    let errors = parse(&page).errors.into_inner();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(scripts(&page).len(), 2);
    assert_eq!(scripts(&page)[1].trim(), SCRIPTS.concat().trim());
    let strange = |c: char| c.is_control() && c != '\n';
    assert!(!page.contains(strange), "control characters are escaped");
}

#[test]
fn every_name_arrives_as_it_can_be_shown() {
    let run = run_in(&hostile_page(&hostile_run()));
    let shown = HOSTILE.map(visible);
    assert_eq!(run["names"], json!(shown));
    assert_eq!(run["lanes"][0]["name"], format!("{} 0", shown[2]));
    assert_eq!(run["title"], shown[0]);
    assert_eq!(run["runs"][0]["name"], shown[3]);
    assert_eq!(run["runs"][0]["figures"], json!([[shown[1], shown[4]]]));
}

#[test]
fn a_program_may_say_its_own_advice() {
    let run = every_event();
    let drawing = Drawing::new(&run).advice(vec!["Boil\n less.".to_owned()]);
    let advice = &run_in(&super::page(&drawing))["advice"];
    assert_eq!(advice.as_array().map(Vec::len), Some(1));
    assert_eq!(advice[0]["words"], "Boil\u{240a} less.");
    assert_eq!(advice[0]["place"], Value::Null);
}

#[test]
fn spans_become_columns() {
    let run = run_in(&page(&every_event()));
    assert_eq!(run["names"], json!(["main", "blocking job 1", "task 2"]));
    assert_eq!(
        run["lanes"],
        json!([
            { "name": "worker 0", "kind": "worker", "run": 0 },
            { "name": "pool 0", "kind": "blocking", "run": 0 },
            { "name": "elsewhere", "kind": "outside", "run": 0 }
        ])
    );
    // The record begins at 1 ns, and the run ends with its last event at 289 ns.
    assert_eq!(run["runs"][0]["length"], 288);
    assert_eq!(run["tasks"]["kind"][1], 2, "it ran in the pool: a job");
    assert_eq!(run["polls"]["task"], json!([1, 1, 1, 1]));
    assert_eq!(run["polls"]["lane"], json!([1, 0, 0, 0]));
    assert_eq!(run["marks"]["kind"], json!([2, 4, 0, 1]));
    assert_eq!(run["joins"]["by"], json!([0]));
    let spans = run["spans"]["took"].as_array().unwrap().len();
    assert_eq!(run["spans"]["state"].as_array().unwrap().len(), spans);
    let of_tasks = run["tasks"]["spans"].as_array().unwrap().iter();
    assert_eq!(
        of_tasks.map(|count| count.as_u64().unwrap()).sum::<u64>(),
        spans as u64
    );
}

/// Each run begins at time 0. The numbers of tasks and lanes in the second run continue those of the first.
#[test]
fn runs_stand_side_by_side() {
    let (one, two) = (every_event(), every_event());
    let both = Drawing::new(&one).named("broken").beside("mended", &two);
    let run = run_in(&super::page(&both));
    assert_eq!(run["runs"][1]["name"], "mended");
    assert_eq!(run["runs"][0]["length"], run["runs"][1]["length"]);
    assert_eq!(run["lanes"].as_array().unwrap().len(), 6);
    assert_eq!(run["lanes"][3]["run"], 1);
    assert_eq!(run["names"][3], "mended: main");
    assert_eq!(run["polls"]["task"], json!([1, 1, 1, 1, 4, 4, 4, 4]));
    assert_eq!(run["polls"]["lane"], json!([1, 0, 0, 0, 4, 3, 3, 3]));
    let gaps = run["polls"]["from-gaps"].as_array().unwrap();
    let begins: Vec<i64> = gaps
        .iter()
        .scan(0, |at, gap| {
            *at += gap.as_i64().unwrap();
            Some(*at)
        })
        .collect();
    assert_eq!(begins[..4], begins[4..]);
}

#[test]
fn a_record_that_was_cut_short_ends_with_its_last_event() {
    let mut timeline = every_event();
    timeline.dropped = 3;
    let run = run_in(&page(&timeline));
    assert_eq!(run["runs"][0]["dropped"], 3);
    assert_eq!(run["runs"][0]["length"], 288);
}

#[test]
fn a_run_without_events_is_a_page() {
    let page = page(&Timeline::default());
    assert_eq!(run_in(&page)["polls"]["task"], json!([]));
    assert!(parse(&page).errors.into_inner().is_empty());
}

/// The order of the rows is: workers, blocking pool, other threads. The order in the record does not matter.
#[test]
fn threads_are_numbered_in_the_order_of_their_rows() {
    let mut timeline = every_event();
    timeline.lanes.rotate_right(1);
    for event in &mut timeline.events {
        event.lane = (event.lane + 1) % 3;
    }
    let (mixed, sorted) = (run_in(&page(&timeline)), run_in(&page(&every_event())));
    assert_eq!(mixed["lanes"], sorted["lanes"]);
    assert_eq!(mixed["polls"], sorted["polls"]);
}

#[test]
fn every_figure_has_a_tip() {
    let run = run_in(&page(&every_event()));
    for figure in run["runs"][0]["figures"].as_array().unwrap() {
        let term = format!("<dt>{}</dt>", figure[0].as_str().unwrap());
        assert!(TEMPLATE.contains(&term), "{term}");
    }
}

/// A page that explains runs should itself be easy to read.
#[test]
fn the_script_is_short() {
    let lines: usize = SCRIPTS.iter().map(|script| script.lines().count()).sum();
    assert!(lines <= 1400, "{lines}");
}

#[test]
fn the_page_fetches_nothing() {
    for part in [TEMPLATE, STYLE].into_iter().chain(SCRIPTS) {
        // This URL refers to a pattern within the page.
        let part = part.replace("url(#hatch)", "");
        for way_out in [
            "http:", "https:", "src=", "url(", "@import", "fetch(", "XMLHttp", "import ",
        ] {
            assert!(!part.contains(way_out), "{way_out}");
        }
    }
    assert!(TEMPLATE.contains("default-src 'none'"));
}

#[test]
fn text_enters_the_document_as_text() {
    for script in SCRIPTS {
        for door in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            assert!(!script.contains(door), "{door}");
        }
        // Each of these texts could change where the element that holds the scripts ends.
        assert!(!script.contains("</script") && !script.contains("<!--"));
    }
    assert!(!STYLE.contains("</"));
}

#[test]
fn an_event_takes_about_thirty_bytes() {
    let mut events = Vec::new();
    for at in 0..100_000_u64 {
        let what = match at % 3 {
            0 => What::Wake {
                task: 1,
                by: None,
                effect: WakeEffect::Queued,
            },
            1 => What::PollBegin { task: 1 },
            _ => What::PollEnd {
                task: 1,
                outcome: Outcome::Pending,
            },
        };
        events.push(Event::new(Duration::from_nanos(at * 2345), 0, what));
    }
    let mut timeline = every_event();
    timeline.events = events;
    let size = page(&timeline).len();
    let empty = page(&Timeline::default()).len();
    assert!(empty < 120_000, "{empty}");
    assert!(size - empty < 3_200_000, "{size}");
}
