//! Tests the recorder, and what a timeline reports about real runs.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use brigade::Executor;
use brigade::task::Builder;
use brigade::timeline::{LaneKind, Outcome, Timeline, WakeEffect, What};
use brigade_tests::{Kitchen, Settings, descriptors, in_child, on_both};

fn recorded<K: Kitchen>() -> K::Executor {
    K::build(Settings {
        record_timeline: true,
        ..Settings::default()
    })
}

/// Returns the index of the task with this name.
fn named(run: &Timeline, name: &str) -> usize {
    let find = |task: &brigade::timeline::Task| task.name.as_deref() == Some(name);
    run.tasks.iter().position(find).expect("it was recorded")
}

fn any(run: &Timeline, what: impl Fn(&What) -> bool) -> bool {
    run.events.iter().any(|event| what(&event.what))
}

/// Unless the builder asks for a timeline, there is no record.
fn no_record_unless_asked_for<K: Kitchen>() {
    let executor = K::open();
    executor.block_on(async { brigade::spawn(async {}).await.unwrap() });
    assert!(executor.timeline().is_none());
}

/// The record shows which task spawned, woke and joined which other task.
fn the_story_of_a_task_is_told<K: Kitchen>() {
    let executor = recorded::<K>();
    executor.block_on(async {
        let cook = Builder::new().name("cook").spawn(async {
            let (sender, receiver) = async_channel::bounded(1);
            let helper = Builder::new().name("helper").spawn(async move {
                brigade::yield_now().await;
                sender.send(7).await.unwrap();
            });
            assert_eq!(receiver.recv().await.unwrap(), 7);
            helper.await.unwrap();
        });
        cook.await.unwrap();
    });
    let run = executor.timeline().unwrap();
    let (cook, helper) = (named(&run, "cook"), named(&run, "helper"));
    let main = named(&run, "main");
    assert!(run.tasks[main].is_main && !run.tasks[cook].is_main);
    assert!(any(&run, |what| *what
        == What::Spawn {
            task: helper,
            by: Some(cook)
        }));
    assert!(any(&run, |what| *what
        == What::Join {
            task: cook,
            by: main
        }));
    // The task woke itself while it was polled.
    assert!(any(&run, |what| matches!(*what,
        What::Wake { task, by: Some(by), effect: WakeEffect::Again } if (task, by) == (helper, helper))));
    let ends: Vec<_> = run
        .events
        .iter()
        .filter_map(|event| match event.what {
            What::PollEnd { task, outcome } if task == helper => Some(outcome),
            _ => None,
        })
        .collect();
    assert_eq!(ends.last(), Some(&Outcome::Ready));
    assert!(ends.contains(&Outcome::Pending));
    // The main future and all tasks have ended by themselves.
    assert!(!any(&run, |what| matches!(what, What::Cancel { .. })));
    let figures = brigade_timeline::figures(&run);
    assert_eq!((figures.spawned, figures.finished), (2, 2));
    assert_eq!(figures.in_flight_max, 2);
}

/// The record shows that timers fired and that a thread parked.
fn timers_are_on_record<K: Kitchen>() {
    let executor = recorded::<K>();
    executor.block_on(async {
        // Start the sleep inside the task, because a sleep that ends before its first poll needs no timer.
        let nap = brigade::spawn(async { brigade::time::sleep(Duration::from_millis(20)).await });
        nap.await.unwrap();
    });
    let run = executor.timeline().unwrap();
    assert!(any(&run, |what| matches!(
        what,
        What::TimersFired { timers: 1 }
    )));
    assert!(any(&run, |what| matches!(what, What::Park)));
}

/// The record distinguishes the ends of a task: aborted, panicked and completed.
fn each_end_is_told<K: Kitchen>() {
    let executor = recorded::<K>();
    executor.block_on(async {
        let endless = brigade::spawn(std::future::pending::<()>());
        let broken = brigade::spawn(async { panic!("spilt") });
        let whole = brigade::spawn(async {});
        assert!(broken.await.unwrap_err().is_panic());
        whole.await.unwrap();
        endless.abort();
        assert!(endless.await.unwrap_err().is_aborted());
    });
    let figures = brigade_timeline::figures(&executor.timeline().unwrap());
    assert_eq!(figures.spawned, 3);
    assert_eq!(
        (figures.finished, figures.panicked, figures.cancelled),
        (1, 1, 1)
    );
}

/// The record marks the pool's threads. A job on such a thread counts neither as a task nor as work of a
/// worker.
fn jobs_of_the_pool_are_no_tasks<K: Kitchen>() {
    let executor = recorded::<K>();
    executor.block_on(async {
        let jobs: Vec<_> = (0..8).map(|n| brigade::spawn_blocking(move || n)).collect();
        let task = brigade::spawn(async { 1 });
        for (n, job) in jobs.into_iter().enumerate() {
            assert_eq!(job.await.unwrap(), n);
        }
        task.await.unwrap();
    });
    let run = executor.timeline().unwrap();
    assert!(run.lanes.iter().any(|lane| lane.kind == LaneKind::Blocking));
    let figures = brigade_timeline::figures(&run);
    assert_eq!(figures.blocking_jobs, 8);
    assert_eq!(figures.spawned, 1);
    assert_eq!((figures.in_flight_max, figures.at_once_max), (1, 1));
}

/// With tasks, jobs, timers and wakes from other threads, the figures agree with the executor's own counts.
fn the_figures_agree_with_the_metrics<K: Kitchen>() {
    let executor = recorded::<K>();
    executor.block_on(async {
        let tasks = (0..100_u64).map(|n| {
            brigade::spawn(async move {
                for turn in 0..n % 5 {
                    brigade::yield_now().await;
                    brigade::time::sleep(Duration::from_micros(turn * n)).await;
                }
                if n % 11 == 0 {
                    brigade::spawn_blocking(move || n).await.unwrap();
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        for (n, task) in tasks.into_iter().enumerate() {
            if n % 17 == 3 {
                task.abort();
            }
            let _ = task.await;
        }
    });
    let (metrics, run) = (executor.metrics(), executor.timeline().unwrap());
    let figures = brigade_timeline::figures(&run);
    assert_eq!(run.dropped, 0);
    // A thread first counts an event and then records it. Other threads may act in between.
    let between = if K::ONE_COOK {
        0
    } else {
        2 * (executor.workers() + 1)
    };
    assert!(
        figures.in_flight_max.abs_diff(metrics.in_flight_max) <= between,
        "{} in the record, {} in the metrics",
        figures.in_flight_max,
        metrics.in_flight_max
    );
    assert!(figures.at_once_max <= executor.workers());
    assert!(figures.at_once_max <= figures.in_flight_max);
    assert_eq!(
        figures.finished + figures.cancelled,
        figures.spawned,
        "every task ended"
    );
    // No task is polled on two threads at the same time, and no thread polls two tasks at the same time.
    let mut polled = HashSet::new();
    let mut lanes = vec![None; run.lanes.len()];
    for event in &run.events {
        match event.what {
            What::PollBegin { task } => {
                assert!(polled.insert(task), "{event:?}");
                assert_eq!(lanes[event.lane].replace(task), None, "{event:?}");
            }
            What::PollEnd { task, .. } => {
                assert!(polled.remove(&task), "{event:?}");
                assert_eq!(lanes[event.lane].take(), Some(task), "{event:?}");
            }
            _ => {}
        }
    }
}

/// In the record, the thread of a `SingleThread` is a worker, even if the thread spawned tasks before the
/// first `block_on`.
fn a_spawn_before_block_on_is_the_workers<K: Kitchen>() {
    if !K::ONE_COOK {
        return;
    }
    let executor = recorded::<K>();
    let task = executor.spawn(async {});
    executor.block_on(task).unwrap();
    let run = executor.timeline().unwrap();
    let workers = run.lanes.iter();
    let workers = workers.filter(|lane| matches!(lane.kind, LaneKind::Worker(_)));
    assert_eq!((workers.count(), run.lanes.len()), (1, 1));
}

/// Even if many other threads record a few events each, the record has space for the events of the workers.
fn quiet_threads_leave_space<K: Kitchen>() {
    let executor = recorded::<K>();
    let handle = executor.handle();
    for _ in 0..if cfg!(miri) { 20 } else { 1_000 } {
        let handle = handle.clone();
        std::thread::spawn(move || drop(handle.spawn(async {})))
            .join()
            .unwrap();
    }
    executor.block_on(async {
        let task = Builder::new().name("last").spawn(async {});
        task.await.unwrap();
    });
    let run = executor.timeline().unwrap();
    assert_eq!(run.dropped, 0);
    let last = named(&run, "last");
    assert!(any(&run, |what| *what == What::PollBegin { task: last }));
}

/// A worker that has reported to the recorder of another executor still reads its CPU clock for the recorder
/// of its own executor.
fn the_cpu_clock_is_read_after_a_report_to_another_executor<K: Kitchen>() {
    if !cfg!(all(
        target_os = "linux",
        target_pointer_width = "64",
        not(miri)
    )) {
        return;
    }
    let other = recorded::<K>();
    let elsewhere = other.handle();
    let executor = recorded::<K>();
    executor.block_on(async {
        brigade::spawn(async move {
            for _ in 0..10 {
                drop(elsewhere.spawn(async {}));
                std::thread::sleep(Duration::from_millis(3));
                brigade::yield_now().await;
            }
        })
        .await
        .unwrap();
    });
    let run = executor.timeline().unwrap();
    let readings = run.events.iter();
    let readings = readings.filter(|event| matches!(event.what, What::CpuTime { .. }));
    assert!(readings.count() >= 10);
}

/// If the main future panics, the record contains the end of its poll.
fn the_panic_of_a_main_future_ends_its_poll<K: Kitchen>() {
    let executor = recorded::<K>();
    let ran = catch_unwind(AssertUnwindSafe(|| {
        executor.block_on(async { panic!("burnt") });
    }));
    assert!(ran.is_err());
    executor.block_on(async {});
    let run = executor.timeline().unwrap();
    let polls = |is: fn(&What) -> bool| run.events.iter().filter(|it| is(&it.what)).count();
    assert_eq!(polls(|what| matches!(what, What::PollBegin { .. })), 2);
    let panicked = |what: &What| {
        matches!(
            what,
            What::PollEnd {
                outcome: Outcome::Panicked,
                ..
            }
        )
    };
    assert_eq!(polls(panicked), 1);
    assert_eq!(polls(|what| matches!(what, What::PollEnd { .. })), 2);
}

/// A recorder opens a descriptor on each worker's thread. When the executor is dropped, this descriptor is
/// closed.
fn a_recorded_executor_leaves_no_descriptor<K: Kitchen>() {
    if !in_child(&[]) {
        return;
    }
    let before = descriptors();
    for _ in 0..3 {
        let executor = recorded::<K>();
        executor.block_on(async { brigade::spawn(async {}).await.unwrap() });
        let _ = executor.timeline().unwrap();
        drop(executor);
        assert_eq!(descriptors(), before);
    }
}

/// After a job has run another executor, later events of the job are still recorded as the job's.
fn a_nested_executor_leaves_the_poller<K: Kitchen>() {
    let executor = recorded::<K>();
    executor.block_on(async {
        let handle = brigade::Handle::current();
        let job = brigade::spawn_blocking(move || {
            recorded::<brigade_tests::OneCook>().block_on(async {});
            drop(Builder::new().name("child").spawn(async {}));
            drop(handle);
        });
        job.await.unwrap();
    });
    let run = executor.timeline().unwrap();
    let child = named(&run, "child");
    let by_a_task =
        |what: &What| matches!(what, What::Spawn { task, by: Some(_) } if *task == child);
    assert!(any(&run, by_a_task));
}

/// A timeline does not list tasks of other executors.
fn tasks_of_other_executors_are_left_out<K: Kitchen>() {
    let other = recorded::<K>();
    let executor = recorded::<K>();
    let handle = executor.handle();
    other.block_on(async {
        brigade::spawn(async move { drop(handle.spawn(async {})) })
            .await
            .unwrap();
    });
    executor.block_on(async {});
    let run = executor.timeline().unwrap();
    // The two tasks are the main future and the task that was spawned through `handle`.
    assert_eq!(run.tasks.len(), 2);
}

/// A task of the user never counts as a main future, even if its name looks like that of a main future.
fn no_name_makes_a_main_future<K: Kitchen>() {
    let executor = recorded::<K>();
    executor.block_on(async {
        let task = Builder::new().name("\0main").spawn(async {});
        task.await.unwrap();
    });
    let run = executor.timeline().unwrap();
    assert_eq!(run.tasks.iter().filter(|task| task.is_main).count(), 1);
}

on_both! {
    a_nested_executor_leaves_the_poller,
    no_name_makes_a_main_future,
    tasks_of_other_executors_are_left_out,
    a_spawn_before_block_on_is_the_workers,
    quiet_threads_leave_space,
    the_cpu_clock_is_read_after_a_report_to_another_executor,
    the_panic_of_a_main_future_ends_its_poll,
    a_recorded_executor_leaves_no_descriptor,
    no_record_unless_asked_for,
    the_story_of_a_task_is_told,
    timers_are_on_record,
    each_end_is_told,
    jobs_of_the_pool_are_no_tasks,
    the_figures_agree_with_the_metrics,
}
