//! Tests the trace file with a small reader that applies Perfetto's rules.

use std::collections::{HashMap, HashSet};

use super::super::samples;
use super::*;

fn text(timeline: &Timeline) -> String {
    let mut out = Vec::new();
    let (spans, gantt) = (crate::spans(timeline), Gantt::new(timeline));
    write(timeline, &spans, &gantt, "kitchen", &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn events(timeline: &Timeline) -> Vec<Value> {
    let trace: Value = serde_json::from_str(&text(timeline)).unwrap();
    trace["traceEvents"].as_array().unwrap().clone()
}

fn runs() -> Vec<Timeline> {
    let mut runs = samples::empty();
    runs.extend([
        samples::kitchen(),
        samples::kitchen_of_two(),
        samples::hostile(),
        samples::fetch(50),
        samples::busy(3000),
    ]);
    runs
}

/// Converts a time to nanoseconds as Perfetto does, without the fraction.
fn read(micros: &Value) -> i64 {
    (micros.as_f64().unwrap() * 1000.0) as i64
}

fn place(event: &Value) -> (u64, u64) {
    let number = |name: &str| event[name].as_u64().unwrap();
    (number("pid"), number("tid"))
}

#[test]
fn kitchen() {
    insta::assert_snapshot!(text(&samples::kitchen()));
}

/// Checks the fields that the format requires for each kind of event.
#[test]
fn every_event_has_the_fields_its_letter_requires() {
    for event in runs().iter().flat_map(events) {
        for number in ["pid", "tid", "ts"] {
            assert!(event[number].as_f64().is_some_and(|n| n >= 0.0), "{event}");
        }
        assert!(event["name"].is_string(), "{event}");
        match event["ph"].as_str().unwrap() {
            "X" => assert!(event["dur"].as_f64().is_some_and(|n| n >= 0.0), "{event}"),
            "i" => assert_eq!(event["s"], "t", "{event}"),
            "M" => assert!(event["args"].is_object(), "{event}"),
            "C" => assert!(event["args"]["tasks"].is_u64(), "{event}"),
            "s" | "f" => assert!(event["id"].is_u64() && event["cat"].is_string(), "{event}"),
            _ => panic!("no such letter: {event}"),
        }
    }
}

type Track = (u64, u64);

/// Returns the slices of each track in order of time. Each slice is a tuple: its beginning, its end, and
/// its line in the file.
fn slices(events: &[Value]) -> HashMap<Track, Vec<(i64, i64, usize)>> {
    let mut slices: HashMap<_, Vec<_>> = HashMap::new();
    for (line, event) in events
        .iter()
        .enumerate()
        .filter(|(_, event)| event["ph"] == "X")
    {
        let from = read(&event["ts"]);
        let to = from + read(&event["dur"]);
        slices
            .entry(place(event))
            .or_default()
            .push((from, to, line));
    }
    slices
        .values_mut()
        .for_each(|slices| slices.sort_unstable());
    slices
}

#[test]
fn slices_on_a_track_follow_one_another_to_the_nanosecond() {
    for timeline in runs() {
        for (track, slices) in slices(&events(&timeline)) {
            for pair in slices.windows(2) {
                assert!(pair[0].1 <= pair[1].0, "{track:?}: {pair:?}");
            }
        }
    }
}

/// After Perfetto's arithmetic, every time must still be exact to the nanosecond.
#[test]
fn a_nanosecond_stays_a_nanosecond() {
    for at in (0..2_000).chain([1_001, 4_035, 1 << 40, (1 << 40) + 1, 3_600_000_000_123]) {
        assert_eq!(read(&json!(micros(at))), at as i64);
    }
}

#[test]
fn every_track_is_named() {
    for timeline in runs() {
        let mut named = HashSet::new();
        for event in events(&timeline) {
            match event["ph"].as_str().unwrap() {
                "M" if event["name"] == "thread_name" => assert!(named.insert(place(&event))),
                "M" | "C" => {}
                _ => assert!(named.contains(&place(&event)), "{event}"),
            }
        }
    }
}

#[test]
fn both_ends_of_an_arrow_lie_in_running_slices() {
    let mut arrows = Vec::new();
    for timeline in runs() {
        let events = events(&timeline);
        let slices = slices(&events);
        let ends = |phase| events.iter().filter(move |event| event["ph"] == phase);
        arrows.push(ends("s").count());
        for (start, finish) in ends("s").zip(ends("f")) {
            assert_eq!(start["id"], finish["id"]);
            assert!(
                read(&start["ts"]) <= read(&finish["ts"]),
                "{start}, {finish}"
            );
            for end in [start, finish] {
                let at = read(&end["ts"]);
                let around = slices[&place(end)]
                    .iter()
                    .find(|(from, to, _)| *from <= at && at < *to);
                let (_, _, line) = around.unwrap_or_else(|| panic!("in no slice: {end}"));
                assert_eq!(events[*line]["name"], "running", "{end}");
            }
        }
    }
    // In the kitchen, `chop` wakes `sauce`, and `water` wakes `main`.
    assert_eq!(arrows[samples::empty().len()], 2, "{arrows:?}");
}

#[test]
fn a_task_that_runs_says_where_and_counters_reach_their_peaks() {
    let events = events(&samples::kitchen_of_two());
    let running = events.iter().filter(|event| event["name"] == "running");
    assert!(running.clone().count() > 5);
    for slice in running {
        let worker = slice["args"]["worker"].as_str().unwrap();
        assert!(["worker 0", "worker 1"].contains(&worker), "{slice}");
    }
    let peak = |name: &str| {
        let steps = events
            .iter()
            .filter(|event| event["ph"] == "C" && event["name"] == name);
        steps
            .filter_map(|step| step["args"]["tasks"].as_u64())
            .max()
    };
    assert_eq!((peak("in flight"), peak("at once")), (Some(3), Some(2)));
}

#[test]
fn names_arrive_whole() {
    let events = events(&samples::hostile());
    let tracks = events.iter().filter(|event| event["name"] == "thread_name");
    let names: Vec<&str> = tracks
        .filter_map(|event| event["args"]["name"].as_str())
        .collect();
    for name in samples::HOSTILE.iter().filter(|name| **name != "300") {
        assert!(names.contains(&&*visible(name)), "{name:?}");
    }
}
