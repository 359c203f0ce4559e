//! What can be said of the page without a browser; `tests/browser.rs` opens it in one.

use std::time::Duration;

use brigade::timeline::{Event, Lane, LaneKind, Outcome, Task, Timeline, WakeEffect, What};
use html5ever::tendril::TendrilSink as _;
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use serde_json::{Value, json};

use super::{Facts, SCRIPTS, STYLE, TEMPLATE, page};

const HOSTILE: [&str; 6] = [
    "</script><script>alert(1)</script>",
    "<!-- <script>",
    "\"quoted\" & 'quoted'",
    "nul \0, escape \x1b[2J, separators \u{2028}\u{2029}",
    "{{run}} {{script}} {{style}}",
    "\\u003c",
];

fn hostile_facts() -> Facts {
    Facts {
        title: HOSTILE[0].to_owned(),
        figures: vec![(HOSTILE[1].to_owned(), HOSTILE[4].to_owned())],
        advice: HOSTILE.map(str::to_owned).to_vec(),
    }
}

fn hostile_run() -> Timeline {
    let tasks = (0..).zip(HOSTILE);
    let tasks = tasks.map(|(id, name)| Task::new(id, Some(name))).collect();
    let lanes = vec![Lane::new(HOSTILE[0], LaneKind::Worker(0))];
    Timeline::from_parts(lanes, tasks, Vec::new(), Duration::from_millis(1))
}

/// A task that yields once, in every kind of event.
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

/// The page as a browser sees it, and what it found wrong with it.
fn parse(page: &str) -> RcDom {
    html5ever::parse_document(RcDom::default(), Default::default()).one(page)
}

/// All elements of that name, in order, with the text in them.
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
    let page = page(&hostile_run(), &hostile_facts());
    let errors = parse(&page).errors.into_inner();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(scripts(&page).len(), 2);
    assert_eq!(scripts(&page)[1].trim(), SCRIPTS.concat().trim());
    let strange = |c: char| c.is_control() && c != '\n';
    assert!(!page.contains(strange), "control characters are escaped");
}

#[test]
fn every_name_arrives_as_it_was() {
    let run = run_in(&page(&hostile_run(), &hostile_facts()));
    assert_eq!(run["names"], json!(HOSTILE));
    assert_eq!(run["lanes"][0][0], HOSTILE[0]);
    assert_eq!(run["title"], HOSTILE[0]);
    assert_eq!(run["advice"], json!(HOSTILE));
    assert_eq!(run["figures"], json!([[HOSTILE[1], HOSTILE[4]]]));
}

#[test]
fn events_become_columns() {
    let run = run_in(&page(&every_event(), &Facts::default()));
    assert_eq!(run["kinds"], "stbaezPUifqnjrxkc");
    let ones: Vec<i32> = (0..17).map(|i| 2 * i + 1).collect();
    assert_eq!(run["gaps"], json!(ones));
    assert_eq!(run["on"][2], 1);
    assert_eq!(run["on"][3], 0);
    assert_eq!(
        run["with"],
        json!([
            1, 1, 4, 1, 1, 1, 1, 1, 7, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 0, 2
        ])
    );
    assert_eq!(run["names"], json!(["main", null, null]));
    assert_eq!(run["mains"], json!([0]));
    assert_eq!(
        run["lanes"],
        json!([
            ["cook 0", "w", 0],
            ["pool 0", "b", 0],
            ["elsewhere", "o", 0]
        ])
    );
    assert_eq!(run["length"], 1000);
}

/// The two sides of the format stand in two languages.
#[test]
fn the_script_knows_every_letter() {
    let run = run_in(&page(&every_event(), &Facts::default()));
    let mut numbers = 0;
    for letter in run["kinds"].as_str().unwrap().chars() {
        let at = SCRIPTS[0].find(&format!("\n  {letter}: "));
        let at = at.unwrap_or_else(|| panic!("data.js does not know {letter}"));
        let count = SCRIPTS[0][at..].trim_start().chars().nth(3).unwrap();
        numbers += count.to_digit(10).unwrap() as usize;
    }
    assert_eq!(run["with"].as_array().unwrap().len(), numbers);
}

#[test]
fn a_record_that_was_cut_short_ends_with_its_last_event() {
    let mut timeline = every_event();
    timeline.dropped = 3;
    let run = run_in(&page(&timeline, &Facts::default()));
    assert_eq!(run["dropped"], 3);
    assert_eq!(run["length"], 289);
}

#[test]
fn a_run_without_events_is_a_page() {
    let page = page(&Timeline::default(), &Facts::default());
    assert_eq!(run_in(&page)["kinds"], "");
    assert!(parse(&page).errors.into_inner().is_empty());
}

#[test]
fn the_page_fetches_nothing() {
    for part in [TEMPLATE, STYLE].into_iter().chain(SCRIPTS) {
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
        // What would end the element that the scripts stand in.
        assert!(!script.contains("</script") && !script.contains("<!--"));
    }
    assert!(!STYLE.contains("</"));
}

#[test]
fn an_event_takes_about_a_dozen_bytes() {
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
    let size = page(&timeline, &Facts::default()).len();
    let empty = page(&Timeline::default(), &Facts::default()).len();
    assert!(empty < 120_000, "{empty}");
    assert!(size - empty < 1_300_000, "{size}");
}
