//! The rules about tasks that wait for ever or in line, each on a run in which it must fire, and on
//! some near the border in which it must not.

use super::tests::{kinds, words};
use super::*;
use crate::timeline::What;
use crate::timeline::figures::script::Script;

// ---- a task that nothing can wake --------------------------------------------------------------------

/// A guest whose waker nobody keeps, and a run that ends so many ms later.
fn guest(waits: u64) -> Script {
    let mut run = Script::new(1);
    let guest = run.task("guest");
    run.at(0).spawn(guest, None).begin(guest).pend(guest);
    run.event(What::Stranded { task: guest }).at(waits);
    run
}

#[test]
fn who_loses_its_waker_waits_for_ever() {
    let timeline = guest(10).event(What::Park).done();
    assert_eq!(kinds(&timeline, 1), ["stranded"]);
    assert_eq!(
        words(&timeline, 1),
        "'guest' waits and nobody holds its waker: after 1 poll nothing could wake it any more, and it \
         had waited for 10 ms when the record ended. Who returns Pending must keep the waker of that \
         poll, or hand it on."
    );
    assert!(kinds(&guest(9).done(), 1).is_empty());
}

#[test]
fn who_is_waited_for_by_an_event_or_aborted_or_polled_again_is_not_stranded() {
    let mut run = Script::new(1);
    let [server, aborted, again] = ["server", "aborted", "again"].map(|name| run.task(name));
    for task in [server, aborted, again] {
        run.at(0).spawn(task, None).begin(task).pend(task);
    }
    run.event(What::Stranded { task: aborted });
    run.event(What::Stranded { task: again });
    run.at(50).event(What::Cancel { task: aborted });
    run.begin(again).pend(again);
    // The server's waker is with its socket: it waits for guests, and none came.
    assert!(!kinds(&run.at(500).done(), 1).contains(&"stranded"));
}

/// Not from a script: the executor itself sees that nobody holds a waker.
#[test]
fn the_recorder_tells_who_is_stranded_from_who_waits() {
    use crate::{SingleThread, time};
    let executor = SingleThread::builder()
        .record_timeline(true)
        .build()
        .unwrap();
    executor.block_on(async {
        let spawn = |name, future| crate::task::Builder::new().name(name).spawn(future);
        let stranded = spawn("stranded", std::future::pending::<()>());
        let sleeper = crate::task::Builder::new().name("sleeper");
        let sleeper = sleeper.spawn(time::sleep(Duration::from_secs(600)));
        let yielder = crate::task::Builder::new().name("yielder");
        let yielder = yielder.spawn(crate::yield_now());
        time::sleep(LONG_STRANDED * 2).await;
        yielder.await.unwrap();
        drop((stranded, sleeper));
    });
    let timeline = executor.timeline().unwrap();
    let named: Vec<_> = (timeline.figures().tasks.iter().zip(&timeline.tasks))
        .filter(|(figures, _)| figures.stranded.is_some())
        .map(|(_, task)| task.name.clone().unwrap())
        .collect();
    assert_eq!(named, ["stranded"]);
    assert!(words(&timeline, 1).contains("'stranded' waits and nobody holds its waker"));
}

// ---- tasks that wait one at a time -------------------------------------------------------------------

/// So many tasks that wait for a timer of 20 ms, each of which lets the next one do so when it is
/// over; with `hand_over`, by ending, which the next one awaits.
fn line(tasks: usize, hand_over: fn(&mut Script, usize, usize)) -> Timeline {
    let mut run = Script::new(1);
    let dishes: Vec<_> = (0..tasks).map(|_| run.task("dish")).collect();
    run.at(0);
    for &dish in &dishes {
        run.spawn(dish, None);
    }
    for (n, &dish) in dishes.iter().enumerate() {
        run.begin(dish);
        if n > 0 {
            hand_over(&mut run, dishes[n - 1], dish);
        }
        run.pend(dish);
    }
    for (n, &dish) in (1..).zip(&dishes) {
        run.at(20 * n).event(What::TimersFired { timers: 1 });
        run.wake(dish, None).begin(dish).ready(dish);
        if let Some(&next) = dishes.get(n as usize) {
            run.wake(next, Some(dish)).begin(next).pend(next);
        }
    }
    run.done()
}

#[test]
fn who_waits_for_events_one_at_a_time_stands_in_line() {
    let timeline = line(4, |_, _, _| {});
    assert_eq!(kinds(&timeline, 1), ["in line", "waiting"]);
    assert!(words(&timeline, 1).starts_with(
        "3 tasks waited for events one at a time, 80 ms of the 80 ms that the run took, and for one \
         another for 60 % of their time. If they hold a lock across an await,"
    ));
}

#[test]
fn two_who_take_turns_or_who_await_the_other_s_end_do_not_stand_in_line() {
    assert!(!kinds(&line(3, |_, _, _| {}), 1).contains(&"in line"));
    let joined = line(9, |run, before, after| {
        run.join(before, after);
    });
    assert!(!kinds(&joined, 1).contains(&"in line"));
}

#[test]
fn one_bell_for_all_is_no_line_nor_is_waiting_together() {
    // A bell rings every 20 ms, and each guest waits for it, not for a timer.
    let mut run = Script::new(1);
    let bell = run.task("bell");
    let guests: Vec<_> = (0..5).map(|_| run.task("guest")).collect();
    for &task in [bell].iter().chain(&guests) {
        run.at(0).spawn(task, None).begin(task).pend(task);
    }
    for round in 1..6 {
        run.at(20 * round).wake(bell, None).begin(bell);
        for &guest in &guests {
            run.wake(guest, Some(bell));
        }
        run.pend(bell);
        for &guest in &guests {
            run.begin(guest).pend(guest);
        }
    }
    assert!(!kinds(&run.done(), 1).contains(&"in line"));

    // Let through by one another, but then they wait together.
    let mut run = Script::new(1);
    let all: Vec<_> = (0..5).map(|_| run.task("task")).collect();
    for &task in &all {
        run.at(0).spawn(task, None).begin(task).pend(task);
    }
    for two in all.windows(2) {
        run.at(60)
            .wake(two[1], Some(two[0]))
            .begin(two[1])
            .pend(two[1]);
    }
    for &task in &all {
        run.at(100).wake(task, None).begin(task).ready(task);
    }
    assert!(!kinds(&run.done(), 1).contains(&"in line"));
}
