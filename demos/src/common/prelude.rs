//! The names that most demos use. The files in this folder do not use this prelude.

pub(crate) use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub(crate) use anyhow::{Context as _, bail, ensure};
pub(crate) use futures_util::future::join_all;
pub(crate) use serde_json::{Value, json};

pub(crate) use super::{
    columns,
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
    speed_up::{Change, SpeedUp},
    system,
    units::{self, counted, duration, factor, or_dash, percent},
    usage::{self, Usage},
    work::{Chopped, Pile, begin, squares_below, sum_of_squares, wait},
};
