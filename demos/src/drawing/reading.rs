//! From moments to stretches of time: a [`Timeline`] read once, from front to
//! back.
//!
//! A record may be incomplete: buffers are bounded, and a timeline can be taken
//! while tasks run. So nothing here relies on an end following its beginning. A
//! stretch lasts until the next event that contradicts it, what began unseen is
//! left out, and indices that name nothing are passed over.

use std::time::Duration;

use brigade::timeline::{LaneKind, Outcome, Timeline, WakeEffect, What};

use super::{
    axis::{Nanos, Window},
    gantt::{CookRow, End, Gantt, Poll, Span, State, TaskRow, Wake, Waker},
    names::visible,
};

/// Reads a timeline: see the [module](self).
pub(super) fn read(timeline: &Timeline) -> Gantt {
    let mut reader = Reader::new(timeline);
    let mut now = 0;
    for event in &timeline.events {
        now = now.max(nanos(event.at));
        if event.lane < timeline.lanes.len() {
            reader.event(now, event.lane, event.what);
        }
    }
    // With a task unfinished the run is as long as the record. Else what comes
    // after the last event is only the time until somebody asked for the record.
    let unfinished = reader.tasks.iter().any(|life| life.now.is_some());
    let end = if unfinished {
        now.max(nanos(timeline.length))
    } else {
        now
    };
    reader.close(end);
    let begin = timeline.events.first().map_or(0, |event| nanos(event.at));
    reader.rows(Window { begin, end })
}

fn nanos(time: Duration) -> Nanos {
    Nanos::try_from(time.as_nanos()).unwrap_or(Nanos::MAX)
}

struct Reader<'a> {
    timeline: &'a Timeline,
    lanes: Vec<Lane>,
    tasks: Vec<Life>,
    wakes: Vec<Wake>,
    in_flight: Peak,
    at_once: Peak,
}

/// A thread, as far as it has been read.
#[derive(Default)]
struct Lane {
    polling: Option<(usize, Nanos)>,
    asleep_since: Option<Nanos>,
    /// Why it wakes tasks now.
    causes: Causes,
    polls: Vec<Poll>,
    asleep: Vec<(Nanos, Nanos)>,
}

/// What a thread said it will wake tasks for, until it turns to something else:
/// first for so many events that the OS reported, then for so many timers.
#[derive(Default)]
struct Causes {
    io: usize,
    timers: usize,
    last: Option<Waker>,
}

/// A task, as far as it has been read.
#[derive(Default)]
struct Life {
    /// Whether it is a task to the metrics: neither a main future nor a job of
    /// the blocking pool.
    counts: bool,
    /// Its state and since when; `None` before its first event and after its end.
    now: Option<(State, Nanos)>,
    end: Option<End>,
    /// Whether it was woken while it ran.
    again: bool,
    /// Whether its last poll left its waker with nobody.
    stranded: bool,
    /// The last wake, until a poll answers it.
    woken: Option<usize>,
    polls: usize,
    spans: Vec<Span>,
}

/// A number that goes up and down, and the most it has been.
#[derive(Default)]
struct Peak {
    now: usize,
    most: usize,
}

impl<'a> Reader<'a> {
    fn new(timeline: &'a Timeline) -> Self {
        let lives = timeline.tasks.iter().map(|task| Life {
            counts: !task.is_main,
            ..Life::default()
        });
        let mut reader = Self {
            timeline,
            lanes: timeline.lanes.iter().map(|_| Lane::default()).collect(),
            tasks: lives.collect(),
            wakes: Vec::new(),
            in_flight: Peak::default(),
            at_once: Peak::default(),
        };
        // A job is spawned long before a thread of the pool takes it.
        for event in &timeline.events {
            if let What::PollBegin { task } = event.what
                && let Some(lane) = timeline.lanes.get(event.lane)
                && lane.kind == LaneKind::Blocking
                && let Some(life) = reader.tasks.get_mut(task)
            {
                life.counts = false;
            }
        }
        reader
    }

    fn event(&mut self, at: Nanos, lane: usize, what: What) {
        let known = self.tasks.len();
        match what {
            What::Spawn { task, .. } if task < known && self.tasks[task].is_unseen() => {
                self.turn(at, task, State::Queued);
            }
            What::PollBegin { task } if task < known => self.poll_begin(at, lane, task),
            What::PollEnd { task, outcome } if task < known => {
                self.poll_end(at, lane, task, outcome)
            }
            What::Cancel { task } if task < known => self.end(at, task, End::Dropped),
            What::Stranded { task } if task < known => self.tasks[task].stranded = true,
            What::Wake { task, by, effect } if task < known => {
                let waker = match by {
                    Some(by) if by < known => Waker::Task(by),
                    _ => self.lanes[lane].causes.next(),
                };
                self.wake(at, task, waker, effect);
            }
            What::Park => {
                self.stop_polling(at, lane);
                self.lanes[lane].asleep_since.get_or_insert(at);
            }
            What::Unpark => self.lanes[lane].wake_up(at),
            What::IoReady { events } => self.lanes[lane].causes.io = events,
            What::TimersFired { timers } => self.lanes[lane].causes.timers = timers,
            // No stretch of time begins or ends with the others.
            _ => {}
        }
    }

    fn poll_begin(&mut self, at: Nanos, lane: usize, task: usize) {
        self.stop_polling(at, lane);
        self.lanes[lane].wake_up(at);
        self.lanes[lane].polling = Some((task, at));
        self.turn(at, task, State::Running(lane));
        let life = &mut self.tasks[task];
        life.polls += 1;
        life.again = false;
        life.stranded = false;
        if life.counts {
            self.at_once.up();
        }
        if let Some(wake) = life.woken.take() {
            self.wakes[wake].polled = Some(at);
        }
    }

    fn poll_end(&mut self, at: Nanos, lane: usize, task: usize, outcome: Outcome) {
        self.lane_done(at, lane, task);
        let life = &mut self.tasks[task];
        let again = std::mem::take(&mut life.again);
        match outcome {
            Outcome::Ready => self.end(at, task, End::Done),
            Outcome::Panicked => self.end(at, task, End::Panicked),
            Outcome::Pending if life.end.is_some() => {}
            Outcome::Pending if again => self.turn(at, task, State::Queued),
            Outcome::Pending => self.turn(at, task, State::Waiting),
        }
    }

    /// If a poll on `lane` was not seen to end: it is over by now.
    fn stop_polling(&mut self, at: Nanos, lane: usize) {
        if let Some((task, _)) = self.lanes[lane].polling {
            self.poll_end(at, lane, task, Outcome::Pending);
        }
    }

    fn lane_done(&mut self, at: Nanos, lane: usize, polled: usize) {
        let lane = &mut self.lanes[lane];
        if let Some((task, from)) = lane.polling.take_if(|(task, _)| *task == polled) {
            lane.polls.push(Poll { task, from, to: at });
            if self.tasks[task].counts {
                self.at_once.down();
            }
        }
    }

    fn wake(&mut self, at: Nanos, task: usize, waker: Waker, effect: WakeEffect) {
        let life = &mut self.tasks[task];
        match (effect, life.now) {
            (WakeEffect::Nothing, _) => return,
            (WakeEffect::Again, _) => life.again = true,
            (WakeEffect::Queued, Some((State::Waiting, _))) => self.turn(at, task, State::Queued),
            (WakeEffect::Queued, None) if life.is_unseen() => self.turn(at, task, State::Queued),
            // Another thread was quicker to record the poll than this one the wake.
            (WakeEffect::Queued, _) => {}
        }
        self.tasks[task].woken = Some(self.wakes.len());
        self.wakes.push(Wake {
            at,
            task,
            waker,
            polled: None,
        });
    }

    fn turn(&mut self, at: Nanos, task: usize, state: State) {
        let life = &mut self.tasks[task];
        life.leave(at);
        // A task that is seen after its end had not ended: one of two threads'
        // clocks is a little ahead.
        life.end = None;
        if life.now.replace((state, at)).is_none() && life.counts {
            self.in_flight.up();
        }
    }

    fn end(&mut self, at: Nanos, task: usize, end: End) {
        let life = &mut self.tasks[task];
        life.leave(at);
        life.end = Some(end);
        if life.now.take().is_some() && life.counts {
            self.in_flight.down();
        }
    }

    /// Ends what had not ended by itself.
    fn close(&mut self, at: Nanos) {
        for lane in 0..self.lanes.len() {
            self.stop_polling(at, lane);
            self.lanes[lane].wake_up(at);
        }
        for task in 0..self.tasks.len() {
            if self.tasks[task].now.is_some() {
                let end = match self.tasks[task].stranded {
                    true => End::Stranded,
                    false => End::Open,
                };
                self.end(at, task, end);
            }
        }
    }

    fn rows(self, window: Window) -> Gantt {
        let timeline = self.timeline;
        let lanes = self.lanes.into_iter().enumerate();
        let mut cooks: Vec<CookRow> = lanes
            .map(|(index, lane)| lane.into_row(timeline, index))
            .filter(|row| row.is_worker() || !row.polls.is_empty())
            .collect();
        cooks.sort_by_key(|row| match row.kind {
            LaneKind::Worker(number) => (0, number),
            LaneKind::Outside => (1, 0),
            LaneKind::Blocking => (2, 0),
        });
        let lives = self.tasks.into_iter().enumerate();
        Gantt {
            window,
            cooks,
            tasks: lives
                .filter(|(_, life)| !life.spans.is_empty())
                .map(|(index, life)| life.into_row(timeline, index))
                .collect(),
            wakes: self.wakes,
            in_flight_max: self.in_flight.most,
            at_once_max: self.at_once.most,
            dropped: timeline.dropped,
        }
    }
}

impl Peak {
    fn up(&mut self) {
        self.now += 1;
        self.most = self.most.max(self.now);
    }

    fn down(&mut self) {
        self.now = self.now.saturating_sub(1);
    }
}

impl Causes {
    fn next(&mut self) -> Waker {
        let next = if self.io > 0 {
            self.io -= 1;
            Some(Waker::Io)
        } else if self.timers > 0 {
            self.timers -= 1;
            Some(Waker::Timer)
        } else {
            // One event may wake a reader and a writer.
            self.last
        };
        self.last = next;
        next.unwrap_or(Waker::Outside)
    }
}

impl Lane {
    fn wake_up(&mut self, at: Nanos) {
        if let Some(since) = self.asleep_since.take() {
            self.asleep.push((since, at));
        }
        self.causes = Causes::default();
    }

    fn into_row(self, timeline: &Timeline, index: usize) -> CookRow {
        let lane = &timeline.lanes[index];
        CookRow {
            lane: index,
            name: visible(&lane.name),
            kind: lane.kind,
            polls: self.polls,
            asleep: self.asleep,
        }
    }
}

impl Life {
    fn is_unseen(&self) -> bool {
        self.now.is_none() && self.end.is_none()
    }

    /// Leaves the state it is in. A poll too short for the clock is kept: it
    /// happened. A state that was passed through in no time did not.
    fn leave(&mut self, at: Nanos) {
        if let Some((state, from)) = self.now
            && (at > from || matches!(state, State::Running(_)))
        {
            self.spans.push(Span {
                from,
                to: at,
                state,
            });
        }
    }

    fn into_row(self, timeline: &Timeline, index: usize) -> TaskRow {
        let task = &timeline.tasks[index];
        let time_in = |wanted: fn(State) -> bool| {
            let spans = self.spans.iter().filter(|span| wanted(span.state));
            spans.map(|span| span.to - span.from).sum()
        };
        TaskRow {
            task: index,
            name: match (self.counts, task.is_main, &task.name) {
                (false, false, None) => format!("blocking job {index}"),
                _ => visible(&task.label(index)),
            },
            is_main: task.is_main,
            counts: self.counts,
            end: self.end.unwrap_or(End::Open),
            polls: self.polls,
            running: time_in(|state| matches!(state, State::Running(_))),
            queued: time_in(|state| state == State::Queued),
            waiting: time_in(|state| state == State::Waiting),
            spans: self.spans,
        }
    }
}

#[cfg(test)]
mod tests;
