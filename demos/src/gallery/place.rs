//! The place where a thumbnail is made: the one decision that this demo is about.
//!
//! | place | who computes | who waits meanwhile |
//! |---|---|---|
//! | [`Handler`](Place::Handler) | the cook that polls the request's task | every task of that cook |
//! | [`Task`](Place::Task) | a cook, when it polls the new task | every task of that cook |
//! | [`Pool`](Place::Pool) | a thread that runs no tasks | only the request that asked |

use std::sync::Arc;

use async_lock::Semaphore;
use brigade::task::Builder;
use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::images;
use crate::{cooks, gauge::Gauge};

/// A place where a thumbnail can be made. The table at the top of this file explains each place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub(crate) enum Place {
    Handler,
    Task,
    Pool,
}

impl Place {
    /// All places, in the order of the visits. The handler, which is the bad choice, comes first.
    pub(crate) const ALL: [Self; 3] = [Self::Handler, Self::Task, Self::Pool];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Handler => "handler",
            Self::Task => "task",
            Self::Pool => "pool",
        }
    }
}

/// Makes thumbnails in the place that is selected.
#[derive(Debug)]
pub(crate) struct Resizer {
    place: Mutex<Place>,
    /// The places in which pictures were resized, in the order of their first use.
    used: Mutex<Vec<Place>>,
    /// The number of pictures being resized.
    pub(crate) at_work: Arc<Gauge>,
    /// Limits the number of pool threads that resize at the same time. More threads than cores would not
    /// help, and each picture takes memory.
    threads: Semaphore,
}

impl Resizer {
    pub(crate) fn new(place: Place) -> Self {
        Self {
            place: Mutex::new(place),
            used: Mutex::default(),
            at_work: Arc::default(),
            threads: Semaphore::new(cooks::cores()),
        }
    }

    pub(crate) fn place(&self) -> Place {
        *self.place.lock()
    }

    pub(crate) fn switch(&self, place: Place) {
        *self.place.lock() = place;
    }

    /// Returns the places in which pictures were resized so far.
    pub(crate) fn used(&self) -> Vec<Place> {
        self.used.lock().clone()
    }

    /// Returns the selected place, and records its use.
    fn take_place(&self) -> Place {
        let place = self.place();
        let mut used = self.used.lock();
        if !used.contains(&place) {
            used.push(place);
        }
        place
    }

    /// Returns the thumbnail of the picture in `file`.
    pub(crate) async fn thumbnail(&self, file: Bytes) -> anyhow::Result<Bytes> {
        let at_work = self.at_work.clone();
        let resize = move || {
            let _counted = at_work.up();
            images::thumbnail(&file)
        };
        match self.take_place() {
            // There is no await, so this cook does nothing else until the picture is done.
            Place::Handler => resize(),
            Place::Task => {
                let task = Builder::new().name("resize");
                task.spawn(async move { resize() }).await?
            }
            Place::Pool => {
                let _thread = self.threads.acquire().await;
                brigade::spawn_blocking(resize).await?
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn the_thumbnail_is_the_same_wherever_it_is_made() {
        let file = images::photograph(1, 90).unwrap();
        let expected = images::thumbnail(&file).unwrap();
        for place in Place::ALL {
            let resizer = Resizer::new(place);
            let made = brigade::run(resizer.thumbnail(file.clone())).unwrap();
            assert_eq!(made, expected, "{place:?}");
            assert_eq!((resizer.at_work.now(), resizer.at_work.most()), (0, 1));
        }
    }

    #[test]
    fn a_place_is_found_by_its_name() {
        for place in Place::ALL {
            assert_eq!(Place::from_str(place.name(), false), Ok(place));
            let resizer = Resizer::new(Place::Handler);
            resizer.switch(place);
            assert_eq!(resizer.place(), place);
            assert!(resizer.used().is_empty(), "nothing was resized yet");
        }
        assert!(Place::from_str("kitchen", false).is_err());
    }

    #[test]
    fn a_switch_under_way_is_remembered() {
        let file = images::photograph(1, 90).unwrap();
        let resizer = Resizer::new(Place::Pool);
        for place in [Place::Pool, Place::Handler, Place::Pool] {
            resizer.switch(place);
            brigade::run(resizer.thumbnail(file.clone())).unwrap();
        }
        assert_eq!(resizer.used(), [Place::Pool, Place::Handler]);
    }
}
