//! Measures the cost of letting another task run: by a yield, and by a message.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use async_channel::bounded;

use crate::{
    measure::{Job, Measured, check, repeat},
    runtime::One,
};

/// A future that returns `Pending` once, after it has woken its own task by reference.
#[derive(Default)]
pub(crate) struct Yield {
    yielded: bool,
}

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The state that the tasks of `yield` share. It records the task that ran last, and counts the yields that
/// let no other task run.
#[derive(Default)]
struct Turns {
    last: Cell<Option<usize>>,
    selfish: Cell<usize>,
}

/// The benchmark `yield`. After a yield, a fair runtime polls another task before it polls the yielding task
/// again. The benchmark fails if more than one yield in a hundred is not fair.
pub(crate) fn yields<R: One>(job: Job) -> Measured {
    const TASKS: usize = 1_000;
    // How often each task yields.
    let yields = job.size(1_000);
    let pass = async || {
        let turns = Rc::new(Turns::default());
        let tasks: Vec<_> = (0..TASKS)
            .map(|me| {
                let turns = turns.clone();
                R::spawn(async move {
                    for _ in 0..yields {
                        turns.last.set(Some(me));
                        Yield::default().await;
                        if turns.last.replace(Some(me)) == Some(me) {
                            turns.selfish.set(turns.selfish.get() + 1);
                        }
                    }
                    yields
                })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await;
        }
        check(sum == TASKS * yields, "the sum of the yields");
        check(
            turns.selfish.get() <= TASKS * yields / 100,
            "a task that yields lets another one run",
        );
    };
    R::block_on(repeat(job, TASKS * yields, pass)).nanos()
}

/// The benchmark `ping_pong`.
pub(crate) fn ping_pong<R: One>(job: Job) -> Measured {
    const TRIPS: u64 = 50_000;
    let pass = async || {
        let (to_pong, at_pong) = bounded::<u64>(1);
        let (to_ping, at_ping) = bounded::<u64>(1);
        let pong = R::spawn(async move {
            for _ in 0..TRIPS {
                let number = at_pong.recv().await.expect("ping calls");
                to_ping.send(number + 1).await.expect("ping is there");
            }
        });
        let ping = R::spawn(async move {
            let mut sum = 0;
            for number in 0..TRIPS {
                to_pong.send(number).await.expect("pong is there");
                sum += at_ping.recv().await.expect("pong answers");
            }
            sum
        });
        check(
            ping.await == TRIPS * (TRIPS + 1) / 2,
            "the sum of the answers",
        );
        pong.await;
    };
    R::block_on(repeat(job, TRIPS as usize, pass)).nanos()
}
