//! The code that the demos share: the options, the executors, a measured run, its report, and readable
//! numbers. Nothing in this folder depends on a demo.

pub(crate) mod columns;
pub(crate) mod compare;
pub(crate) mod cooks;
pub(crate) mod dish;
pub(crate) mod facts;
pub(crate) mod figures;
pub(crate) mod gauge;
pub(crate) mod helper;
pub(crate) mod interrupt;
pub(crate) mod meanwhile;
pub(crate) mod measure;
pub(crate) mod numbers;
pub(crate) mod options;
pub(crate) mod paint;
pub(crate) mod progress;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod speed_up;
pub(crate) mod system;
pub(crate) mod units;
pub(crate) mod usage;
pub(crate) mod work;

/// The names that most demos use.
pub(crate) mod prelude {
    pub(crate) use std::{
        sync::Arc,
        time::{Duration, Instant},
    };

    pub(crate) use anyhow::{Context as _, bail, ensure};
    pub(crate) use futures_util::future::join_all;
    pub(crate) use serde_json::{Value, json};

    pub(crate) use super::{
        columns::Columns,
        cooks::{self, Crew},
        dish::Dish,
        facts::{Facts, bytes, count, is_right, number, share, speed_up, text, time},
        figures::{Figures, Stopwatch},
        interrupt::{Interrupt, Interrupted},
        meanwhile,
        measure::{self, OneAndMany, Run, measure, one_and_many},
        numbers::{self, whole},
        options::{BadArguments, Shared},
        paint,
        report::{self, Ending, Report, Row, row},
        speed_up::{Change, SpeedUp, chance, may_be_chance},
        system,
        units::{self, counted, duration, factor, or_dash, percent},
        usage::{self, Usage},
        work::{Chopped, Pile, begin, squares_below, sum_of_squares, wait},
    };
}
