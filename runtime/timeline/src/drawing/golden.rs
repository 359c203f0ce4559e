//! Golden runs: the executor records them, and all recordings with one seed are identical, byte for byte.
//!
//! In virtual time, only waiting takes time, so every poll has length zero. The seed determines the order of
//! ready tasks. Drawings of polls that take time are tested with the hand-made runs of
//! [`samples`](super::samples).

use std::time::Duration;

use brigade::{SingleThread, task, time::sleep, timeline::Timeline};

use super::*;

const LOOK: Look = Look {
    width: 100,
    colour: false,
    unicode: true,
};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Prepares noodles and sauce. Chopping is a sleep here, because work takes no virtual time.
async fn kitchen() {
    let water = task::Builder::new()
        .name("boil water")
        .spawn(sleep(millis(20)));
    let chop = task::Builder::new().name("chop").spawn(async {
        for _ in 0..4 {
            sleep(millis(2)).await;
            brigade::yield_now().await;
        }
    });
    let timer = task::Builder::new()
        .name("forgotten <timer>")
        .spawn(sleep(millis(3600)));
    // Nothing holds the waker of this task, so the task is still waiting when the run ends.
    drop(
        task::Builder::new()
            .name("lost order")
            .spawn(std::future::pending::<()>()),
    );
    let sauce = task::Builder::new().name("sauce").spawn(async move {
        chop.await.unwrap();
        sleep(millis(5)).await;
    });
    sauce.await.unwrap();
    timer.abort();
    assert!(timer.await.unwrap_err().is_aborted());
    water.await.unwrap();
}

fn record(seed: u64) -> Timeline {
    let executor = SingleThread::builder()
        .virtual_time(true)
        .seed(seed)
        .record_timeline(true)
        .build()
        .unwrap();
    executor.block_on(kitchen());
    executor.timeline().unwrap()
}

/// Returns the run in every output format. For the page, returns only the data of the run, because the rest
/// of the page is the same for every run.
fn drawings(timeline: &Timeline) -> [(&'static str, String); 5] {
    let drawing = Drawing::new(timeline).title("kitchen on virtual time");
    [
        ("terminal", drawing.terminal(LOOK)),
        ("svg", drawing.svg()),
        ("mermaid", drawing.mermaid()),
        ("chrome", drawing.chrome()),
        ("html", run_in(&drawing.html()).to_owned()),
    ]
}

fn run_in(page: &str) -> &str {
    let (_, run) = page.split_once("id=\"run\"").expect("the page has a run");
    let (_, run) = run.split_once('>').expect("the tag ends");
    run.split_once("</script>").expect("the run ends").0
}

#[test]
fn kitchen_on_virtual_time() {
    for (form, text) in drawings(&record(1)) {
        insta::assert_snapshot!(form, text);
    }
}

#[test]
fn the_same_seed_draws_the_same_to_the_byte() {
    for seed in 0..8 {
        assert_eq!(drawings(&record(seed)), drawings(&record(seed)));
    }
}

/// The counts in the drawing must agree with the library's figures.
#[test]
fn the_drawing_and_the_figures_agree() {
    let timelines = [
        samples::kitchen(),
        samples::kitchen_of_two(),
        samples::fetch(200),
    ];
    for timeline in timelines.into_iter().chain([record(3)]) {
        let (gantt, figures) = (Gantt::new(&timeline), crate::figures(&timeline));
        assert_eq!(gantt.in_flight_max, figures.in_flight_max);
        assert_eq!(gantt.at_once_max, figures.at_once_max);
        assert_eq!(gantt.counts().0, figures.spawned);
    }
}
