//! Tests the rows on complete records and on records that have gaps.

use brigade::timeline::{Event, Outcome::*, WakeEffect, What};

use super::*;
use crate::drawing::samples::{Script, kitchen};

/// Returns the spans of a row as text, for example `queued 10-20, running 20-25`.
fn spans(gantt: &Gantt, row: usize) -> String {
    let spans = gantt.tasks[row].spans.iter().map(|span| {
        let state = match span.state {
            State::Running(lane) => format!("running on {lane}"),
            State::Queued => "queued".to_owned(),
            State::Waiting => "waiting".to_owned(),
        };
        format!("{state} {}-{}", span.from / 1000, span.to / 1000)
    });
    spans.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_task_is_always_in_one_state() {
    let mut script = Script::new(1);
    script.task("soup").spawn(10, 0, 0, None);
    script.poll(20, 0, 0, 5, Pending);
    script.push(40, 0, What::TimersFired { timers: 1 });
    script.wake(40, 0, 0, None, WakeEffect::Queued);
    script.poll(50, 0, 0, 10, Ready);
    let gantt = Gantt::new(&script.done(100));
    assert_eq!(
        spans(&gantt, 0),
        "queued 10-20, running on 0 20-25, waiting 25-40, queued 40-50, running on 0 50-60"
    );
    let row = &gantt.tasks[0];
    assert_eq!(
        (row.running, row.queued, row.waiting),
        (15_000, 20_000, 15_000)
    );
    assert_eq!((row.polls, row.end), (2, End::Done));
    assert_eq!(gantt.wakes[0].waker, Waker::Timer);
    assert_eq!(gantt.wakes[0].polled, Some((50_000, 60_000)));
    assert_eq!(
        gantt.window,
        Window {
            begin: 10_000,
            end: 60_000
        },
        "all is done at 60"
    );
}

#[test]
fn a_task_woken_while_it_runs_is_queued_again() {
    let mut script = Script::new(1);
    script.task("chop").push(0, 0, What::PollBegin { task: 0 });
    script.wake(5, 0, 0, Some(0), WakeEffect::Again);
    script.push(
        10,
        0,
        What::PollEnd {
            task: 0,
            outcome: Pending,
        },
    );
    let gantt = Gantt::new(&script.done(30));
    assert_eq!(spans(&gantt, 0), "running on 0 0-10, queued 10-30");
    assert_eq!(gantt.tasks[0].end, End::Open);
    assert_eq!((gantt.in_flight_max, gantt.at_once_max), (1, 1));
}

#[test]
fn what_was_not_recorded_is_made_up_for() {
    // The poll of task 0 has no end, the poll of task 1 has no beginning, and some events refer to a task or
    // a thread that does not exist.
    let mut script = Script::new(1);
    script.task("a").task("b").task("never seen");
    script.push(0, 0, What::PollBegin { task: 0 });
    script.poll(10, 0, 7, 5, Ready);
    script.push(20, 9, What::PollBegin { task: 0 });
    script.wake(20, 0, 1, Some(8), WakeEffect::Queued);
    script.push(30, 0, What::Park);
    script.push(
        40,
        0,
        What::PollEnd {
            task: 1,
            outcome: Ready,
        },
    );
    let gantt = Gantt::new(&script.done(50));
    assert_eq!(gantt.tasks.len(), 2);
    assert_eq!(spans(&gantt, 0), "waiting 0-50");
    assert_eq!(spans(&gantt, 1), "queued 20-40");
    assert_eq!(gantt.cooks[0].asleep, [(30_000, 50_000)]);
}

#[test]
fn any_subset_of_a_record_makes_rows_in_order() {
    let whole = kitchen();
    for drop in 1..40 {
        let mut timeline = whole.clone();
        let mut index = 0;
        timeline.events.retain(|_: &Event| {
            index += 1;
            (index * 7) % 41 > drop
        });
        let gantt = Gantt::new(&timeline);
        assert!(gantt.at_once_max <= gantt.in_flight_max.max(1));
        for row in &gantt.tasks {
            for pair in row.spans.windows(2) {
                assert!(
                    pair[0].from <= pair[0].to && pair[0].to <= pair[1].from,
                    "{row:?}"
                );
            }
            assert!(row.spans.iter().all(|span| span.to <= gantt.window.end));
        }
        for cook in &gantt.cooks {
            for pair in cook.polls.windows(2) {
                assert!(pair[0].to <= pair[1].from, "{cook:?}");
            }
        }
    }
}

#[test]
fn the_main_future_and_blocking_jobs_are_no_tasks_to_the_figures() {
    let mut script = Script::new(1);
    let pool = script.lane("blocking 0", LaneKind::Blocking);
    script.task("main").task("job").task("soup");
    script.push(0, 0, What::PollBegin { task: 0 });
    script.spawn(1, 0, 1, Some(0)).spawn(2, 0, 2, Some(0));
    script.push(3, pool, What::PollBegin { task: 1 });
    script.push(
        5,
        0,
        What::PollEnd {
            task: 0,
            outcome: Pending,
        },
    );
    script.poll(6, 0, 2, 2, Ready);
    script.push(
        9,
        pool,
        What::PollEnd {
            task: 1,
            outcome: Ready,
        },
    );
    let gantt = Gantt::new(&script.done(10));
    assert_eq!((gantt.in_flight_max, gantt.at_once_max), (1, 1));
    assert_eq!(gantt.counts(), (1, 1));
}

#[test]
fn a_wake_has_the_cause_that_its_thread_announced() {
    let mut script = Script::new(1);
    let outside = script.lane("outside", LaneKind::Outside);
    for task in 0..4 {
        script.task("").poll(task, 0, task as usize, 1, Pending);
    }
    script.push(10, 0, What::Unpark);
    script.push(10, 0, What::IoReady { events: 1 });
    script.push(10, 0, What::TimersFired { timers: 1 });
    for task in 0..2 {
        script.wake(11, 0, task, None, WakeEffect::Queued);
    }
    script.wake(12, outside, 2, None, WakeEffect::Queued);
    script.poll(13, 0, 0, 1, Ready);
    script.wake(15, 0, 3, None, WakeEffect::Queued);
    let wakers: Vec<Waker> = {
        let gantt = Gantt::new(&script.done(20));
        gantt.wakes.iter().map(|wake| wake.waker).collect()
    };
    assert_eq!(
        wakers,
        [Waker::Io, Waker::Timer, Waker::Outside, Waker::Outside]
    );
}
