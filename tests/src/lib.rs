//! Support shared by the tests.
//!
//! A behavioural test is written once, as a function that is generic over [`Kitchen`], and listed in
//! [`on_both!`] at the end of the file. That macro makes one `#[test]` per executor: the single-thread
//! executor (`OneCook`) and the work-stealing executor with 1, 2 and 4 workers (`ManyCooks`). Some tests suit
//! only the single-thread executor, because their futures are not `Send` or their clock is virtual. Such a
//! test is a function without parameters, listed in [`one_cook!`].
//!
//! Every test has a watchdog ([`watch()`]), so a test that hangs fails, and the message names it. Tests wait
//! for events and assert counts. They never conclude from elapsed time that an event has happened. A comment
//! that begins with a number such as "tokio #5209" names a bug of another project. The test below the comment
//! would catch the same bug in brigade (see `tests/KNOWN-BUGS.md`).

mod alone;
mod dice;
mod far;
mod files;
mod kitchen;
mod leftovers;
pub mod mutants;
mod probe;
mod sockets;
mod waker;
mod watch;

pub use alone::{alone, in_child};
pub use dice::{Dice, setting};
pub use far::Far;
pub use files::{TestFile, test_file};
pub use kitchen::{Kitchen, ManyCooks, OneCook, Settings};
pub use leftovers::{Counting, at_rest, descriptors, live_bytes, threads};
pub use probe::{Dropped, Tally, noisy, poll_once, text_of};
pub use sockets::{nobody, pair, to_and_fro, waiting_reader};
pub use waker::{CountingWaker, Hooks, hooked_waker, park_on, poll_with, wake_a_clone};
pub use watch::{LIMIT, watch};

/// Makes one test for each given function and each [`Kitchen`].
///
/// Each test after `alone:` runs in a separate process, because it counts or changes process-wide resources,
/// such as descriptors, signals and limits.
#[macro_export]
macro_rules! on_both {
    ($($test:ident),* $(,)? $(; alone: $($lonely:ident),* $(,)?)?) => {
        $crate::kitchen_tests!(one_cook, $crate::OneCook; $($test)*; $($($lonely)*)?);
        $crate::kitchen_tests!(many_cooks_1, $crate::ManyCooks<1>; $($test)*; $($($lonely)*)?);
        $crate::kitchen_tests!(many_cooks_2, $crate::ManyCooks<2>; $($test)*; $($($lonely)*)?);
        $crate::kitchen_tests!(many_cooks_4, $crate::ManyCooks<4>; $($test)*; $($($lonely)*)?);
    };
}

/// Makes the tests for one [`Kitchen`], in a separate module.
#[macro_export]
macro_rules! kitchen_tests {
    ($module:ident, $kitchen:ty; $($test:ident)*; $($lonely:ident)*) => {
        mod $module {
            $(
                #[test]
                fn $test() {
                    $crate::watch(
                        concat!(module_path!(), "::", stringify!($test)),
                        || super::$test::<$kitchen>(),
                    );
                }
            )*
            $(
                #[test]
                fn $lonely() {
                    $crate::alone(
                        concat!(module_path!(), "::", stringify!($lonely)),
                        || super::$lonely::<$kitchen>(),
                    );
                }
            )*
        }
    };
}

/// Makes one test for each given function. The functions test features that only the single-thread executor
/// has.
#[macro_export]
macro_rules! one_cook {
    ($($test:ident),* $(,)? $(; alone: $($lonely:ident),* $(,)?)?) => {
        mod one_cook_only {
            $(
                #[test]
                fn $test() {
                    $crate::watch(concat!(module_path!(), "::", stringify!($test)), super::$test);
                }
            )*
            $($(
                #[test]
                fn $lonely() {
                    $crate::alone(
                        concat!(module_path!(), "::", stringify!($lonely)),
                        super::$lonely,
                    );
                }
            )*)?
        }
    };
}
