//! The part of the reader that determines what made each task ready: wakes and spawns.

use brigade::timeline::{LaneKind, WakeEffect};

use super::reader::Reader;
use super::{Mark, Source, State, Wake};

impl Reader<'_> {
    pub(super) fn add_wake(
        &mut self,
        lane: usize,
        task: usize,
        source: Source,
        effect: WakeEffect,
    ) -> usize {
        let by = match source {
            Source::Spawn(by) => by,
            Source::Task(by) | Source::Join(by) => Some(by),
            Source::Io | Source::Timer | Source::Thread => None,
        };
        let open = self.lanes[lane].poll;
        let from = by.and_then(|by| {
            let open = open.filter(|&poll| self.polls[poll].task == by);
            open.or(self.lives[by].spans.polls.last().copied())
        });
        self.wakes.push(Wake {
            at: self.now,
            task,
            lane,
            source,
            effect,
            from,
            to: None,
        });
        self.wakes.len() - 1
    }

    fn source(&mut self, lane: usize, task: usize, by: Option<usize>) -> Source {
        let farewells = &mut self.lives[task].farewells;
        match by {
            Some(by) => match farewells.iter().position(|&ended| ended == by) {
                Some(at) => Source::Join(farewells.remove(at)),
                None => Source::Task(by),
            },
            None => match farewells.pop() {
                Some(ended) => Source::Join(ended),
                None => self.lanes[lane].causes.next(),
            },
        }
    }

    pub(super) fn wake(&mut self, lane: usize, task: usize, by: Option<usize>, effect: WakeEffect) {
        let source = self.source(lane, task, by);
        let wake = self.add_wake(lane, task, source, effect);
        if by.is_none() && self.lanes[lane].spans.kind == LaneKind::Outside {
            self.mark(lane, Mark::Woke(task));
        }
        let life = &mut self.lives[task];
        life.spans.wakes += 1;
        if by == Some(task) && life.state == Some(State::Running) && !life.woke_itself {
            life.woke_itself = true;
            life.spans.self_woken += 1;
        }
        if effect == WakeEffect::Nothing {
            match source {
                Source::Join(_) => life.spans.joins_nowhere += 1,
                _ => life.spans.wakes_nowhere += 1,
            }
            return;
        }
        match life.state {
            None if life.spans.begun.is_some() => return,
            None | Some(State::Waiting) => {
                self.change(task, Some(State::Queued));
                let life = &mut self.lives[task];
                if let Some(span) = life.spans.spans.last_mut()
                    && span.state == State::Waiting
                {
                    span.wake = Some(wake);
                }
            }
            Some(State::Running) => {
                let poll = life.poll.filter(|&poll| self.polls[poll].cause.is_none());
                // The waking thread recorded its wake only after the poll had begun.
                if let (Some(poll), WakeEffect::Queued) = (poll, effect) {
                    return self.answer(wake, poll);
                }
                life.again = true;
            }
            // The waking thread read the clock before the poll began, but its wake took effect during the
            // poll.
            Some(State::Queued) => life.again |= effect == WakeEffect::Again,
        }
        self.lives[task].woken.get_or_insert(wake);
    }
}
