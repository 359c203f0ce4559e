//! Tests a lane of the pool (its queue and its threads) in every order of steps. Threads may fail to start or
//! time out.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// The state of one thread of the lane. The roster identifies the thread by its index in `threads`.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Thread {
    /// The thread has started or has run a job, and is about to take the next job.
    Coming,
    /// The thread runs the job with this number.
    Running(usize),
    /// The thread is idle, and may time out at any moment.
    Waiting,
    /// The thread has timed out, and does not hold the lock yet.
    TimedOut,
    Ended,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Model {
    roster: Roster<usize, usize>,
    threads: Vec<Thread>,
    /// The threads that were notified and have not woken yet.
    notified: Vec<usize>,
    submitted: usize,
    /// How many times each job was run, handed back or cancelled.
    settled: Vec<usize>,
}

const JOBS: usize = 4;

impl Model {
    fn new(max: usize) -> Self {
        Model {
            roster: Roster::new(max),
            threads: Vec::new(),
            notified: Vec::new(),
            submitted: 0,
            settled: vec![0; JOBS],
        }
    }

    fn submit(&mut self, can_start: bool) {
        let job = self.submitted;
        self.submitted += 1;
        let threads = &mut self.threads;
        let submitted = self.roster.submit(job, || {
            if can_start {
                threads.push(Thread::Coming);
            }
            can_start
        });
        match submitted {
            Ok(called) => self.notified.extend(called),
            Err(job) => self.settled[job] += 1,
        }
    }

    fn close(&mut self) {
        let (jobs, threads) = self.roster.close();
        self.notified.extend(threads);
        for job in jobs {
            self.settled[job] += 1;
        }
    }

    fn go_on(&mut self, number: usize, next: Next<usize>) {
        self.threads[number] = match next {
            Next::Run(job) => Thread::Running(job),
            Next::Wait => Thread::Waiting,
            Next::End => {
                self.roster.alive -= 1;
                Thread::Ended
            }
        };
    }

    /// Returns the state after each possible next step, except timeouts.
    fn steps(&self) -> Vec<Model> {
        let mut steps = Vec::new();
        let mut step = |change: &dyn Fn(&mut Model)| {
            let mut model = self.clone();
            change(&mut model);
            steps.push(model);
        };
        if self.submitted < JOBS && !self.roster.closed {
            step(&|model| model.submit(true));
            step(&|model| model.submit(false));
        }
        if self.submitted == JOBS && !self.roster.closed {
            step(&Model::close);
        }
        for &job in &self.roster.queue {
            step(&|model| {
                model.roster.withdraw(|it| *it == job).unwrap();
                model.settled[job] += 1;
            });
        }
        for (number, thread) in self.threads.iter().enumerate() {
            match *thread {
                Thread::Coming => step(&|model| {
                    let next = model.roster.next(&number);
                    model.go_on(number, next);
                }),
                Thread::Running(job) => step(&|model| {
                    model.settled[job] += 1;
                    model.threads[number] = Thread::Coming;
                }),
                Thread::TimedOut => step(&|model| {
                    model.notified.retain(|it| *it != number);
                    let next = model.roster.rise(&number, true);
                    model.go_on(number, next);
                }),
                Thread::Waiting if self.notified.contains(&number) => step(&|model| {
                    model.notified.retain(|it| *it != number);
                    let next = model.roster.rise(&number, false);
                    model.go_on(number, next);
                }),
                Thread::Waiting | Thread::Ended => {}
            }
        }
        steps
    }

    fn times_that_run_out(&self) -> Vec<Model> {
        let waiting = (0..self.threads.len()).filter(|n| self.threads[*n] == Thread::Waiting);
        let run_out = waiting.map(|number| {
            let mut model = self.clone();
            model.threads[number] = Thread::TimedOut;
            model
        });
        run_out.collect()
    }

    fn check(&self) {
        let Roster {
            queue, idle, busy, ..
        } = &self.roster;
        let threads = self.threads.iter().filter(|it| **it != Thread::Ended);
        assert_eq!(threads.count(), busy + idle.len());
        assert_eq!(self.roster.alive, busy + idle.len());
        assert!(busy + idle.len() <= self.roster.max);
        assert!(queue.is_empty() || *busy > 0, "a queued job has no thread");
        assert!(self.settled.iter().all(|count| *count <= 1));
        let running = self.threads.iter();
        let running = running.filter(|it| matches!(it, Thread::Running(_)));
        assert!(self.roster.is_busy() || (running.count() == 0 && queue.is_empty()));
    }
}

/// Tries all orders of four submissions, failed starts and timeouts, with up to three threads. Each job is
/// settled (run, handed back or cancelled) once, every waiting job has a thread that will take it, and all
/// threads end.
#[test]
#[cfg_attr(miri, ignore = "an exhaustive search without unsafe code")]
fn a_lane_settles_every_job_once_in_every_order_of_its_steps() {
    for max in 0..=3 {
        let mut seen = HashSet::new();
        let mut open = vec![Model::new(max)];
        let mut ends = 0;
        while let Some(model) = open.pop() {
            if !seen.insert(model.clone()) {
                continue;
            }
            model.check();
            let steps = model.steps();
            if steps.is_empty() {
                // Only timeouts are left, so every job must be settled.
                assert!(model.roster.closed && model.settled == [1; JOBS]);
                assert!(model.threads.iter().all(|it| *it == Thread::Ended));
                assert!(!model.roster.is_busy());
                ends += 1;
            }
            open.extend(steps);
            open.extend(model.times_that_run_out());
        }
        assert!(ends > 0);
    }
}

/// If jobs come one at a time, only one of many idle threads is notified. The other threads time out.
#[test]
fn a_trickle_keeps_one_thread() {
    let mut roster = Roster::new(10);
    for thread in 0..10 {
        let submitted = roster.submit((), || true);
        assert!(submitted.is_ok());
        assert!(roster.next(&thread) == Next::Run(()));
    }
    for thread in 0..10 {
        assert!(roster.next(&thread) == Next::Wait);
    }
    for _ in 0..100 {
        let called = roster.submit((), || unreachable!("a thread is idle"));
        assert!(called == Ok(Some(9)));
        assert!(roster.rise(&9, false) == Next::Run(()));
        assert!(roster.next(&9) == Next::Wait);
    }
    for thread in 0..9 {
        assert!(roster.rise(&thread, true) == Next::End);
    }
    assert_eq!(roster.idle, [9]);
}

fn pool() -> Pool {
    let settings = crate::builder::Settings::new();
    Pool::new(settings.threads, 2, None)
}

/// The pool is busy from the submission of a job until the job's handle is woken.
#[test]
fn the_pool_is_busy_while_there_are_jobs() {
    let pool = pool();
    assert!(!pool.is_busy());
    for kind in [Kind::Job, Kind::Lookup] {
        let (open, door) = std::sync::mpsc::channel::<()>();
        let (handle, rejected) = pool.spawn(kind, move || {
            let _ = door.recv();
        });
        assert!(rejected.is_none() && pool.is_busy());
        drop(open);
        while pool.is_busy() {
            std::thread::yield_now();
        }
        assert!(handle.is_finished());
    }
    // If a job is aborted before it begins, the pool soon stops being busy.
    let (handle, _) = pool.spawn(Kind::Job, || ());
    handle.abort();
    while pool.is_busy() {
        std::thread::yield_now();
    }
    pool.close();
    pool.wait_for_jobs(None);
    assert!(!pool.is_busy());
}

/// While jobs run, virtual time stands still, and the driver waits without a timeout. The end of the last job
/// wakes the driver, even if no task awaits that job.
#[test]
#[cfg_attr(miri, ignore = "waits for events")]
fn the_end_of_the_last_job_ends_the_drivers_wait() {
    let (reactor, mut event_loop) = crate::reactor::new().unwrap();
    let pool = pool();
    pool.use_virtual_time(&Arc::new(Clock::new(true)), &reactor);
    for kind in [Kind::Job, Kind::Lookup] {
        drop(pool.spawn(kind, || ()));
        let mut woken = Vec::new();
        event_loop.turn(&reactor, None, &mut woken);
        assert!(!pool.is_busy());
    }
}

/// If the future of a lookup is dropped before the lookup has begun, the lookup leaves the queue and is not
/// made.
#[test]
#[cfg_attr(miri, ignore = "starts 64 threads")]
fn a_dropped_lookup_leaves_the_queue() {
    let pool = pool();
    let (open, door) = std::sync::mpsc::channel::<()>();
    let door = Arc::new(Mutex::new(door));
    let held: Vec<_> = (0..LOOKUP_THREADS)
        .map(|_| {
            let door = door.clone();
            let (lookup, rejected) = pool.look_up(move || {
                let _ = lock(&door).recv();
            });
            assert!(rejected.is_none());
            lookup
        })
        .collect();
    while pool.depths()[2] > 0 {
        std::thread::yield_now();
    }
    let made = Arc::new(AtomicUsize::new(0));
    let mut queued: Vec<_> = (0..10)
        .map(|_| {
            let made = made.clone();
            let look_up = move || made.fetch_add(1, Ordering::SeqCst);
            pool.look_up(look_up).0
        })
        .collect();
    assert_eq!(pool.depths()[2], 10);
    drop(queued.split_off(5));
    assert_eq!(pool.depths()[2], 5);
    assert_eq!(Arc::strong_count(&made), 6);
    drop(open);
    while pool.is_busy() {
        std::thread::yield_now();
    }
    assert_eq!(made.load(Ordering::SeqCst), 5);
    drop((held, queued));
    pool.close();
}
