//! Each rule on a run in which it must fire, and on one near the border in which it must not.

use super::*;
use crate::timeline::figures::script::Script;
use crate::timeline::{LaneKind, Outcome, What};

/// The advice without its figures.
pub(super) fn kinds(timeline: &Timeline, cores: usize) -> Vec<&'static str> {
    let advice = timeline.advice(cores);
    for advice in &advice {
        let words = advice.to_string();
        let sentences = words.matches(". ").count() + 1;
        assert!(sentences <= 2 && words.ends_with('.'), "{words}");
    }
    let kind = |advice: &Advice| match advice {
        Advice::WaitingHeavy { .. } => "waiting",
        Advice::ComputeHeavy { .. } => "compute",
        Advice::BlockedLoop { .. } => "blocked",
        Advice::BusyPolling { .. } => "busy-polling",
        Advice::Queueing { .. } => "queueing",
        Advice::Stranded { .. } => "stranded",
        Advice::InLine { .. } => "in line",
        Advice::WakesNowhere { .. } => "nowhere",
    };
    advice.iter().map(kind).collect()
}

pub(super) fn words(timeline: &Timeline, cores: usize) -> String {
    let advice: Vec<_> = timeline
        .advice(cores)
        .iter()
        .map(Advice::to_string)
        .collect();
    advice.join("\n")
}

// ---- waiting ---------------------------------------------------------------------------------------

/// Two tasks that compute for `poll` ms, wait until 100 ms, and end; on one cook.
fn waiters(poll: u64, tasks: usize) -> Timeline {
    let mut run = Script::new(1);
    let dishes: Vec<_> = (0..tasks).map(|_| run.task("water")).collect();
    for (n, &dish) in (0..).zip(&dishes) {
        run.at(n * poll).spawn(dish, None).begin(dish);
        run.at((n + 1) * poll).pend(dish);
    }
    run.event(What::Park).at(100).event(What::Unpark);
    for &dish in &dishes {
        run.wake(dish, None).begin(dish).ready(dish);
    }
    run.done()
}

#[test]
fn who_waits_needs_no_hands() {
    let timeline = waiters(5, 3);
    assert_eq!(kinds(&timeline, 4), ["waiting"]);
    assert_eq!(
        words(&timeline, 4),
        "Tasks spent 94 % of their time waiting, up to 3 of them at once, and 1 cook was busy for \
         15 %. More cooks will not help: waiting needs no cook."
    );
}

#[test]
fn who_computes_for_a_quarter_of_the_time_does_not_only_wait() {
    // Two of 9 ms: 86 % of the time waiting. Two of 20 ms: 78 %.
    assert!(kinds(&waiters(9, 2), 4).contains(&"waiting"));
    assert!(!kinds(&waiters(20, 2), 4).contains(&"waiting"));
}

#[test]
fn one_task_or_a_short_run_says_nothing() {
    assert!(kinds(&waiters(5, 1), 4).is_empty());
    let mut run = Script::new(1);
    let [a, b] = ["a", "b"].map(|name| run.task(name));
    run.at(0)
        .spawn(a, None)
        .spawn(b, None)
        .begin(a)
        .pend(a)
        .begin(b)
        .pend(b);
    assert!(kinds(&run.at(9).done(), 4).is_empty());
    assert_eq!(kinds(&run.at(10).done(), 4), ["waiting"]);
}

#[test]
fn a_record_with_gaps_says_nothing_of_shares() {
    let mut timeline = waiters(1, 40);
    timeline.dropped = timeline.events.len() as u64 / 100;
    assert_eq!(kinds(&timeline, 4), ["waiting"]);
    timeline.dropped += 1;
    assert!(kinds(&timeline, 4).is_empty());
}

/// Nine tasks in a chain, each awaiting the next, while one cook of so many computes all the time.
fn awaiters(cooks: usize) -> Timeline {
    let mut run = Script::new(cooks);
    let dishes: Vec<_> = (0..9).map(|_| run.task("sum")).collect();
    run.at(0).spawn(dishes[0], None);
    for n in 0..8 {
        run.at(n as u64).begin(dishes[n]).at(n as u64 + 1);
        run.spawn(dishes[n + 1], Some(dishes[n]))
            .join(dishes[n + 1], dishes[n]);
        run.pend(dishes[n]);
    }
    run.begin(dishes[8]);
    for n in 0..10 {
        run.at(9 * n + 8)
            .wake_again(dishes[8], None)
            .pend(dishes[8])
            .begin(dishes[8]);
    }
    run.at(98).ready(dishes[8]).done()
}

#[test]
fn who_waits_for_a_busy_cook_does_not_only_wait() {
    for cooks in [1, 2, 8] {
        let timeline = awaiters(cooks);
        assert!(timeline.figures().waiting_share > WAITING_HEAVY);
        // Neither more cooks nor fewer tasks would change anything.
        assert!(kinds(&timeline, 4).is_empty());
    }
}

// ---- computing and queueing ------------------------------------------------------------------------

/// So many tasks of 9 ms, one after the other, each cook with `idle` ms between two of them.
fn choppers(tasks: u64, cooks: usize, idle: u64) -> Timeline {
    let mut run = Script::new(cooks);
    let dishes: Vec<_> = (0..tasks).map(|_| run.task("chop")).collect();
    run.at(0);
    for &dish in &dishes {
        run.spawn(dish, None);
    }
    for (round, dishes) in (0..).zip(dishes.chunks(cooks)) {
        for (cook, &dish) in dishes.iter().enumerate() {
            run.at(round * (9 + idle)).on(cook).begin(dish);
        }
        for (cook, &dish) in dishes.iter().enumerate() {
            run.at(round * (9 + idle) + 9).on(cook).ready(dish);
        }
    }
    run.done()
}

#[test]
fn one_cook_who_computes_can_use_help_up_to_the_cores() {
    let timeline = choppers(10, 1, 0);
    assert_eq!(kinds(&timeline, 4), ["compute"]);
    assert_eq!(
        words(&timeline, 4),
        "1 cook was busy for 100 % of the time, on a machine of 4 cores. More cooks will help, up to \
         the cores: at best 4.0 times as fast, for 9.0 ms of these 90 ms are one chain of cause and \
         effect."
    );
    // The chain is the bound, not the cores.
    assert!(words(&timeline, 64).contains("at best 10.0 times"));
    assert_eq!(kinds(&choppers(20, 2, 0), 4), ["compute"]);
}

#[test]
fn no_more_cooks_than_cores() {
    let timeline = choppers(10, 1, 0);
    assert_eq!(kinds(&timeline, 1), ["queueing"]);
    assert!(words(&timeline, 1).contains("The machine has no more cores:"));
    assert_eq!(kinds(&choppers(20, 2, 0), 2), ["queueing"]);
    // Of no cores nobody has ever heard.
    assert_eq!(kinds(&timeline, 0), ["queueing"]);
}

#[test]
fn a_cook_with_time_to_spare_is_not_compute_heavy() {
    // 9 of 11 ms are 82 %, 9 of 12 are 75 %.
    assert_eq!(kinds(&choppers(40, 1, 2), 4), ["compute"]);
    assert!(kinds(&choppers(40, 1, 3), 4).is_empty());
    assert!(kinds(&choppers(40, 1, 3), 1).is_empty());
}

/// A cook computes all the time: a chain of tasks, each spawned by the one before, and some that
/// depend on nobody, of 9 ms each.
fn chain(chained: usize, free: usize) -> Timeline {
    let mut run = Script::new(1);
    let free: Vec<_> = (0..free).map(|_| run.task("free")).collect();
    run.at(0);
    for &task in &free {
        run.spawn(task, None);
    }
    let mut now = 0;
    let mut last = None;
    for n in 0..chained {
        let task = run.task("link");
        run.at(now).spawn(task, last).begin(task);
        now += 9;
        last = Some(task);
        run.at(now);
        if n + 1 < chained {
            let next = run.task("next");
            run.spawn(next, last).ready(task).begin(next);
            now += 9;
            run.at(now).ready(next);
            last = Some(next);
        } else {
            run.ready(task);
        }
    }
    for &task in &free {
        run.at(now).begin(task);
        now += 9;
        run.at(now).ready(task);
    }
    run.done()
}

#[test]
fn a_chain_of_work_gains_nothing_from_cooks() {
    // 9 links and 1 free task: at best 10 / 9. With 3 free tasks: 12 / 9.
    assert!(!kinds(&chain(5, 1), 4).contains(&"compute"));
    assert!(kinds(&chain(5, 3), 4).contains(&"compute"));
}

#[test]
fn queueing_needs_more_queueing_than_anything_else() {
    // Two tasks take turns on one cook: each is ready for a little less than half of its life.
    let turns = |more: u64| {
        let mut run = Script::new(1);
        let dishes: Vec<_> = (0..2 + more).map(|_| run.task("dish")).collect();
        run.at(0);
        for &dish in &dishes {
            run.spawn(dish, None);
        }
        let mut now = 0;
        for turn in 0..20 {
            for &dish in &dishes {
                run.at(now).begin(dish);
                now += 2;
                run.at(now);
                match turn {
                    19 => run.ready(dish),
                    _ => run.wake_again(dish, Some(dish)).pend(dish),
                };
            }
        }
        run.done()
    };
    assert!(kinds(&turns(0), 1).is_empty());
    let three = turns(1);
    assert_eq!(kinds(&three, 1), ["queueing"]);
    assert_eq!(
        words(&three, 1),
        "Tasks were ready but not running for 66 % of their time, up to 3 at once, while 1 cook was \
         busy for 100 %: there is more to do than they can. The machine has no more cores: begin \
         fewer tasks at a time, or give them less to do."
    );
}

// ---- a poll that blocks the loop -------------------------------------------------------------------

/// One task waits, and another is in a poll for so many ms; with so many cooks.
fn hog(took: u64, cooks: usize) -> Script {
    let mut run = Script::new(cooks);
    let [ui, hog] = ["ui", "hog"].map(|name| run.task(name));
    run.at(0).spawn(ui, None).spawn(hog, None);
    run.begin(ui).pend(ui).begin(hog).at(took).pend(hog);
    run
}

#[test]
fn a_long_poll_blocks_the_loop() {
    let timeline = hog(10, 1).done();
    assert!(kinds(&timeline, 1).contains(&"blocked"));
    assert!(words(&timeline, 1).starts_with(
        "'hog' kept cook 0 in one poll for 10 ms; meanwhile 1 other task got no turn, and nobody looked \
         whether any had become ready. If it computes,"
    ));
    assert!(!kinds(&hog(9, 1).done(), 1).contains(&"blocked"));
}

#[test]
fn a_long_poll_blocks_no_loop_that_has_another_cook() {
    assert!(!kinds(&hog(50, 2).done(), 2).contains(&"blocked"));
    let mut run = Script::new(2);
    let [ui, a, b] = ["ui", "a", "b"].map(|name| run.task(name));
    run.at(0).spawn(ui, None).spawn(a, None).spawn(b, None);
    run.begin(ui).pend(ui).on(0).begin(a).on(1).begin(b);
    let timeline = run.at(20).pend(b).done();
    assert!(
        words(&timeline, 2).starts_with("'a' kept cook 0 in one poll while all 2 cooks were taken")
    );
}

#[test]
fn a_long_poll_that_nobody_suffers_from_is_no_fault() {
    let mut run = Script::new(1);
    let main = run.task("main");
    let heavy = run.task("heavy");
    run.at(0)
        .begin(main)
        .spawn(heavy, Some(main))
        .join(heavy, main)
        .pend(main);
    run.begin(heavy)
        .at(500)
        .ready(heavy)
        .wake(main, None)
        .begin(main)
        .ready(main);
    assert!(kinds(&run.done(), 4).is_empty());
}

#[test]
fn the_blocking_pool_is_there_for_blocking() {
    let mut run = Script::new(1);
    let pool = run.lane(LaneKind::Blocking);
    let [ui, job] = ["ui", "job"].map(|name| run.task(name));
    run.at(0)
        .spawn(ui, None)
        .begin(ui)
        .spawn(job, Some(ui))
        .pend(ui);
    run.on(pool).begin(job).at(500).end(job, Outcome::Ready);
    assert!(kinds(&run.done(), 4).is_empty());
}

// ---- busy-polling ----------------------------------------------------------------------------------

/// A task is polled so often for so many nanoseconds, and wakes itself in all but one poll of
/// `but_one_in`.
fn poller(polls: u64, nanos: u64, but_one_in: u64) -> Timeline {
    let mut run = Script::new(1);
    let poller = run.task("poller");
    run.at(0).spawn(poller, None);
    for n in 0..polls {
        run.at_nanos(n * 2 * nanos).begin(poller);
        let by = (n % but_one_in > 0).then_some(poller);
        run.wake_again(poller, by);
        run.at_nanos((n * 2 + 1) * nanos).pend(poller);
    }
    run.done()
}

#[test]
fn who_asks_all_the_time_is_busy_polling() {
    let timeline = poller(2000, 300, 100);
    assert_eq!(kinds(&timeline, 1), ["busy-polling"]);
    assert_eq!(
        words(&timeline, 1),
        "'poller' was polled 2000 times for 300 ns on average and woke itself in 99 % of these polls: \
         it asks instead of waiting. Let the event wake it."
    );
}

#[test]
fn who_works_or_is_woken_or_is_seldom_polled_is_not_busy_polling() {
    assert_eq!(kinds(&poller(1000, 9_999, 10), 1), ["busy-polling"]);
    assert!(kinds(&poller(999, 9_999, 10), 1).is_empty());
    assert!(kinds(&poller(1000, 10_000, 10), 1).is_empty());
    assert!(kinds(&poller(1000, 9_999, 9), 1).is_empty());
    // On a virtual clock.
    assert!(kinds(&poller(1000, 0, 10), 1).is_empty());
}

// ---- wakes that lead nowhere -----------------------------------------------------------------------

/// So many wakes, of which so many lead nowhere.
fn woken(wakes: u64, nowhere: u64) -> Timeline {
    let mut run = Script::new(1);
    let task = run.task("inbox");
    run.at(0).spawn(task, None).begin(task).pend(task);
    for n in 0..wakes {
        if n < nowhere {
            run.wake_nobody(task);
        } else {
            run.wake(task, None).begin(task).pend(task);
        }
    }
    run.done()
}

#[test]
fn wakes_that_change_nothing_are_reported() {
    let timeline = woken(1000, 800);
    assert_eq!(kinds(&timeline, 1), ["nowhere"]);
    assert_eq!(
        words(&timeline, 1),
        "800 of 1000 wakes (80 %) led nowhere, 800 of them for 'inbox': it was ready already, or \
         complete. Wake once for a change, not once for each part of it."
    );
}

#[test]
fn few_wakes_or_mostly_useful_ones_are_not_reported() {
    assert_eq!(kinds(&woken(1000, 750), 1), ["nowhere"]);
    assert!(kinds(&woken(1000, 749), 1).is_empty());
    assert!(kinds(&woken(999, 999), 1).is_empty());
}

#[test]
fn ends_of_awaited_tasks_are_not_reported() {
    let mut run = Script::new(1);
    let main = run.task("main");
    let dishes: Vec<_> = (0..2000).map(|_| run.task("dish")).collect();
    run.at(0).begin(main);
    for &dish in &dishes {
        run.spawn(dish, Some(main)).join(dish, main);
    }
    run.pend(main);
    for &dish in &dishes {
        run.begin(dish).ready(dish);
        match dish == dishes[0] {
            true => run.wake(main, None),
            false => run.wake_nobody(main),
        };
    }
    let timeline = run.done();
    assert_eq!(timeline.figures().wakes_nowhere, 1999);
    assert!(kinds(&timeline, 1).is_empty());
}
