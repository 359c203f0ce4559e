//! Tests each figure on a run that is small enough to check by hand.

use std::time::Duration;

use super::{Ending, Figures, LongestPoll, Stall};
use crate::script::Script;
use brigade::timeline::{LaneKind, Outcome, Timeline, What};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Returns how long the task was running, queued and waiting.
fn times(figures: &Figures, task: usize) -> [Duration; 3] {
    let task = &figures.tasks[task];
    [task.running, task.queued, task.waiting]
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn nothing_happened() {
    let figures = crate::figures(&Timeline::default());
    assert_eq!(figures.in_flight_max, 0);
    assert_eq!(figures.at_once_max, 0);
    assert_eq!(figures.longest_poll, None);
    assert_eq!(figures.longest_stall, None);
    assert_eq!(figures.span, Duration::ZERO);
    assert_eq!(figures.waiting_share, 0.0);
    assert_eq!(figures.speed_up_bound(4), 1.0);
}

#[test]
fn a_life_is_queued_running_and_waiting() {
    let mut run = Script::new(1);
    let dish = run.task("dish");
    run.at(0).spawn(dish, None);
    run.at(1).begin(dish).at(3).pend(dish);
    run.at(13).wake(dish, None);
    run.at(17).begin(dish).at(20).ready(dish);
    let figures = crate::figures(&run.done());
    assert_eq!(times(&figures, dish), [ms(5), ms(5), ms(10)]);
    assert!(close(figures.running_share, 0.25));
    assert!(close(figures.queued_share, 0.25));
    assert!(close(figures.waiting_share, 0.5));
    let task = &figures.tasks[dish];
    assert_eq!(task.begun, Some(ms(0)));
    assert_eq!(task.ended, Some(ms(20)));
    assert_eq!(task.ending, Some(Ending::Finished));
    assert_eq!((task.polls, task.wakes, task.self_woken), (2, 1, 0));
}

#[test]
fn a_wake_during_a_poll_queues_at_its_end() {
    let mut run = Script::new(1);
    let dish = run.task("dish");
    run.at(0).spawn(dish, None).begin(dish);
    run.at(2).wake_again(dish, Some(dish)).wake_nobody(dish);
    run.at(4)
        .pend(dish)
        .at(10)
        .begin(dish)
        .at(11)
        .pend(dish)
        .at(15);
    let figures = crate::figures(&run.done());
    // The record shows no wake during or after the second poll, so the rest of the task's life counts as
    // waiting.
    assert_eq!(times(&figures, dish), [ms(5), ms(6), ms(4)]);
    assert_eq!(figures.tasks[dish].self_woken, 1);
    assert_eq!((figures.wakes, figures.wakes_nowhere), (2, 1));
    assert_eq!(figures.tasks[dish].ended, None);
}

#[test]
fn tasks_are_counted_and_the_main_future_and_the_blocking_pool_are_not() {
    let mut run = Script::new(2);
    let pool = run.lane(LaneKind::Blocking);
    let main = run.task("main");
    let [a, b, c, job] = ["a", "b", "c", "job"].map(|name| run.task(name));
    run.at(0).on(0).begin(main);
    run.spawn(a, Some(main)).spawn(b, Some(main));
    run.at(1).spawn(c, Some(main)).spawn(job, Some(main));
    run.at(2).pend(main).on(pool).begin(job);
    run.at(3).on(0).begin(a).at(4).on(1).begin(b);
    run.at(6).on(0).ready(a);
    run.at(7).on(1).end(b, Outcome::Panicked);
    run.at(8).event(What::Cancel { task: c });
    run.at(9).on(pool).ready(job);
    let figures = crate::figures(&run.done());
    assert_eq!(figures.in_flight_max, 3);
    assert_eq!(figures.at_once_max, 2);
    assert_eq!(figures.queued_max, 3);
    assert_eq!((figures.spawned, figures.blocking_jobs), (3, 1));
    let ended = (figures.finished, figures.cancelled, figures.panicked);
    assert_eq!(ended, (1, 1, 1));
    assert!(figures.tasks[job].is_blocking);
    assert_eq!(figures.workers, 2);
    assert_eq!(figures.work, ms(2 + 3 + 3));
}

#[test]
fn polls_that_meet_at_an_instant_do_not_overlap() {
    let mut run = Script::new(2);
    let [a, b] = ["a", "b"].map(|name| run.task(name));
    run.at(0).spawn(a, None).spawn(b, None);
    run.at(0).on(0).begin(a);
    run.at(5).on(1).begin(b).on(0).ready(a);
    run.at(6).on(1).ready(b);
    assert_eq!(crate::figures(&run.done()).at_once_max, 1);
}

#[test]
fn on_a_virtual_clock_polls_take_no_time_and_are_polls() {
    let mut run = Script::new(1);
    let [a, b] = ["a", "b"].map(|name| run.task(name));
    run.at(0).spawn(a, None).spawn(b, None);
    run.begin(a).ready(a).begin(b).ready(b);
    let figures = crate::figures(&run.done());
    assert_eq!((figures.in_flight_max, figures.at_once_max), (2, 1));
    assert_eq!(figures.running_share, 0.0);
}

#[test]
fn a_lane_is_present_from_its_first_event_to_its_last_but_not_between_two_mains() {
    let mut run = Script::new(1);
    let [first, second] = ["main", "main"].map(|name| run.task(name));
    run.at(10).begin(first).at(14).pend(first);
    run.event(What::Park).at(18).event(What::Unpark);
    run.wake(first, None).begin(first).at(20).ready(first);
    run.at(100).begin(second).at(110).pend(second);
    run.event(What::Park).event(What::Steal { from: 1 });
    let figures = crate::figures(&run.at(120).done());
    // The worker is parked when the record ends, and counts as present until then.
    let lane = &figures.lanes[0];
    assert_eq!(lane.present, ms(10 + 20));
    assert_eq!(lane.in_polls, ms(4 + 2 + 10));
    assert!(close(lane.busy, 16.0 / 30.0));
    assert_eq!((lane.polls, lane.parks, lane.steals), (3, 2, 1));
    assert_eq!(figures.spawned, 0);
    assert_eq!(figures.span, ms(110));
}

#[test]
fn the_longest_poll_is_a_workers() {
    let mut run = Script::new(1);
    let pool = run.lane(LaneKind::Blocking);
    let [a, b, job] = ["a", "b", "job"].map(|name| run.task(name));
    run.at(0).spawn(a, None).spawn(b, None).spawn(job, None);
    run.on(pool).begin(job).on(0);
    run.at(1).begin(a).at(3).ready(a);
    run.at(5).begin(b).at(9).ready(b);
    run.at(50).on(pool).ready(job);
    let longest = LongestPoll {
        task: b,
        lane: 0,
        begun: ms(5),
        took: ms(4),
        blocked: Duration::ZERO,
        preempted: Duration::ZERO,
    };
    assert_eq!(crate::figures(&run.done()).longest_poll, Some(longest));
}

#[test]
fn a_stall_holds_all_workers_and_somebody_else() {
    let mut run = Script::new(2);
    let [a, b, c] = ["a", "b", "c"].map(|name| run.task(name));
    run.at(0).spawn(a, None).spawn(b, None);
    run.on(0).begin(a).at(10).on(1).begin(b);
    run.at(30).on(0).wake_again(a, None);
    // From here on, a third task exists, which the stall delays.
    run.at(35).spawn(c, Some(a)).at(40).pend(a);
    run.at(41).begin(a).at(46).ready(a);
    run.at(50).begin(c).at(90).on(1).ready(b);
    run.at(95).on(0).ready(c);
    let stall = Stall {
        task: a,
        lane: 0,
        begun: ms(10),
        lasted: ms(30),
        held: 1,
        ready: 1,
    };
    // From 50 to 90 ms, both workers are in polls again, but this delays no task.
    assert_eq!(crate::figures(&run.done()).longest_stall, Some(stall));
}

#[test]
fn who_awaits_a_task_is_not_held_up_by_its_poll() {
    let mut run = Script::new(1);
    let main = run.task("main");
    let heavy = run.task("heavy");
    run.at(0)
        .begin(main)
        .spawn(heavy, Some(main))
        .join(heavy, main);
    run.at(1).pend(main).begin(heavy).at(50).ready(heavy);
    run.wake(main, None).begin(main).ready(main);
    let stall = crate::figures(&run.done()).longest_stall.unwrap();
    // The only stall is the first poll of `main`, which delays the new task. The poll of `heavy` delays no
    // task, because `main` awaits `heavy`.
    assert_eq!((stall.task, stall.lasted), (main, ms(1)));
}

#[test]
fn ends_of_awaited_tasks_may_lead_nowhere() {
    let mut run = Script::new(1);
    let main = run.task("main");
    let [a, b] = ["a", "b"].map(|name| run.task(name));
    run.at(0)
        .begin(main)
        .spawn(a, Some(main))
        .spawn(b, Some(main));
    run.join(a, main).join(b, main).pend(main);
    run.begin(a).ready(a).wake(main, None);
    run.begin(b).ready(b).wake_nobody(main);
    run.wake_nobody(main).begin(main).ready(main);
    let figures = crate::figures(&run.done());
    let wakes = (figures.wakes, figures.wakes_nowhere, figures.joins_nowhere);
    assert_eq!(wakes, (3, 2, 1));
    assert_eq!(figures.tasks[main].wakes_nowhere, 1);
}

// ---- the critical path -----------------------------------------------------------------------------

/// Returns the figures of a run in which `main` spawns `tasks` tasks of 10 ms each and awaits them, with
/// one worker.
fn fan_out(tasks: usize) -> Figures {
    let mut run = Script::new(1);
    let main = run.task("main");
    let dishes: Vec<_> = (0..tasks).map(|_| run.task("dish")).collect();
    run.at(0).begin(main);
    for &dish in &dishes {
        run.spawn(dish, Some(main)).join(dish, main);
    }
    run.at(5).pend(main);
    for (n, &dish) in (0..).zip(&dishes) {
        run.at(5 + 10 * n).begin(dish).at(15 + 10 * n).ready(dish);
        if n == 0 {
            run.wake(main, None);
        } else {
            run.wake_nobody(main);
        }
    }
    run.begin(main).ready(main);
    crate::figures(&run.done())
}

#[test]
fn independent_tasks_are_as_long_as_one_of_them() {
    let figures = fan_out(4);
    // The tasks were spawned at the very beginning of main's first poll, and each takes 10 ms. The last poll
    // of `main` takes no time.
    assert_eq!(figures.critical_path, ms(10));
    assert_eq!(figures.span, ms(45));
    assert_eq!(figures.work, ms(45));
    assert!(close(figures.speed_up_bound(1), 1.0));
    assert!(close(figures.speed_up_bound(2), 2.0));
    assert!(close(figures.speed_up_bound(100), 4.5));
}

#[test]
fn a_chain_of_spawns_and_joins_is_as_long_as_all_of_it() {
    let mut run = Script::new(4);
    let [a, b, c] = ["a", "b", "c"].map(|name| run.task(name));
    run.at(0).spawn(a, None);
    run.at(1)
        .begin(a)
        .at(5)
        .spawn(b, Some(a))
        .join(b, a)
        .at(6)
        .pend(a);
    run.at(10)
        .begin(b)
        .at(13)
        .spawn(c, Some(b))
        .join(c, b)
        .pend(b);
    run.at(20).begin(c).at(24).ready(c).wake(b, None);
    run.at(30).begin(b).at(31).ready(b).wake(a, None);
    run.at(40).begin(a).at(42).ready(a);
    // The path consists of polls: 4 ms of `a`, 3 of `b`, 4 of `c`, 1 of `b` and 2 of `a`. Queued time does
    // not count. While task `a` waits, `b` and `c` work.
    assert_eq!(crate::figures(&run.done()).critical_path, ms(14));
}

#[test]
fn waiting_for_the_world_counts_and_waiting_for_a_task_does_not() {
    let mut run = Script::new(1);
    let [a, b] = ["a", "b"].map(|name| run.task(name));
    run.at(0).spawn(a, None).spawn(b, None);
    // Task `a` sleeps for 20 ms, and `b` waits for a message from `a`.
    run.begin(a).at(1).pend(a).begin(b).at(2).pend(b);
    run.at(21).wake(a, None);
    run.at(30).begin(a).at(33).wake(b, Some(a)).at(35).ready(a);
    run.at(40).begin(b).at(41).ready(b);
    // The longest path is that of `a`: it runs for 1 ms, sleeps for 20 ms, and runs for 5 ms. On the other
    // path, `a` wakes `b` after 3 of these 5 ms, and `b` runs for 1 ms.
    assert_eq!(crate::figures(&run.done()).critical_path, ms(1 + 20 + 5));
}

#[test]
fn who_finds_a_task_at_its_end_goes_on_from_there() {
    let mut run = Script::new(2);
    let [a, b] = ["a", "b"].map(|name| run.task(name));
    run.at(0).spawn(a, None).spawn(b, None);
    run.on(0).begin(a).at(10).ready(a);
    run.at(20).on(1).begin(b).at(21).join(a, b).at(25).ready(b);
    assert_eq!(crate::figures(&run.done()).critical_path, ms(14));
}

#[test]
fn what_has_no_cause_happened_when_it_happened() {
    let mut run = Script::new(1);
    let [a, b] = ["a", "b"].map(|name| run.task(name));
    run.at(7).spawn(a, None).begin(a).at(8).ready(a);
    run.at(20).spawn(b, None).at(25).begin(b).at(27).ready(b);
    let figures = crate::figures(&run.done());
    assert_eq!(figures.critical_path, ms(13 + 2));
    assert_eq!(figures.span, ms(20));
}

#[test]
fn an_end_of_the_record_is_a_link_for_who_runs_but_not_for_who_waits() {
    let mut run = Script::new(1);
    let [a, b] = ["a", "b"].map(|name| run.task(name));
    run.at(0).spawn(a, None).spawn(b, None);
    run.begin(a).at(3).pend(a);
    assert_eq!(crate::figures(&run.at(10).done()).critical_path, ms(3));
    run.begin(b);
    assert_eq!(crate::figures(&run.at(30).done()).critical_path, ms(20));
}

// ---- records with gaps -----------------------------------------------------------------------------

#[test]
fn a_poll_without_an_end_counts_but_takes_no_time() {
    let mut run = Script::new(1);
    let [a, b] = ["a", "b"].map(|name| run.task(name));
    run.at(0).spawn(a, None).spawn(b, None).begin(a);
    run.at(50).begin(b).at(52).ready(b);
    let figures = crate::figures(&run.done());
    assert_eq!(times(&figures, a), [ms(0), ms(0), ms(52)]);
    assert_eq!(figures.tasks[a].polls, 1);
    assert_eq!(figures.longest_poll.unwrap().took, ms(2));
    assert_eq!(figures.at_once_max, 1);
}

#[test]
fn a_poll_without_a_beginning_ends_a_task_that_was_alive_already() {
    let mut run = Script::new(1);
    let [a, b] = ["a", "b"].map(|name| run.task(name));
    run.at(5)
        .ready(a)
        .at(6)
        .wake(b, None)
        .at(8)
        .begin(b)
        .at(9)
        .ready(b);
    let figures = crate::figures(&run.done());
    assert_eq!((figures.spawned, figures.finished), (2, 2));
    assert_eq!(figures.tasks[a].life(), ms(0));
    assert_eq!(times(&figures, b), [ms(1), ms(2), ms(0)]);
    assert_eq!(figures.in_flight_max, 1);
}

#[test]
fn a_spawn_that_is_written_down_late_spawns_nothing() {
    let mut run = Script::new(2);
    let dish = run.task("dish");
    run.at(1).on(1).begin(dish).at(2).ready(dish);
    run.at(3).on(0).spawn(dish, None);
    let figures = crate::figures(&run.done());
    assert_eq!((figures.in_flight_max, figures.spawned), (1, 1));
    assert_eq!(figures.tasks[dish].ended, Some(ms(2)));
}

#[test]
fn once_events_were_dropped_the_record_ends_with_the_last() {
    let mut run = Script::new(1);
    let [a, b] = ["a", "b"].map(|name| run.task(name));
    run.at(0)
        .spawn(a, None)
        .spawn(b, None)
        .begin(a)
        .at(2)
        .pend(a)
        .at(5)
        .begin(b);
    let mut timeline = run.at(1000).done();
    timeline.dropped = 1;
    let figures = crate::figures(&timeline);
    assert_eq!(times(&figures, a), [ms(2), ms(0), ms(3)]);
    assert_eq!(figures.span, ms(5));
    // The record does not show whether task b was still running.
    assert_eq!(figures.longest_poll.unwrap().took, ms(2));
}

#[test]
fn a_task_that_no_event_is_left_of_is_not_counted() {
    let mut run = Script::new(1);
    let ghost = run.task("ghost");
    let figures = crate::figures(&run.at(5).done());
    assert_eq!(figures.spawned, 0);
    assert_eq!(figures.tasks[ghost], super::TaskFigures::default());
}
