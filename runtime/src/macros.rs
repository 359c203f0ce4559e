//! `main!` and `test!`: async functions where Rust asks for ordinary ones.
//!
//! **Job.** Spare programs and tests the line that makes an executor.
//!
//! **Owns** nothing. **Never** changes what the body means.
//!
//! They are declarative macros and not attributes: an attribute needs a crate of its own for procedural
//! macros, to be built before everything else and published beside the library, for one line. The
//! reasons and the price stand in ARCHITECTURE.md.

/// An async `main`.
///
/// ```
/// brigade::main! {
///     async fn main() -> std::io::Result<()> {
///         let task = brigade::spawn(async { 6 * 7 });
///         assert_eq!(task.await.unwrap(), 42);
///         Ok(())
///     }
/// }
/// ```
///
/// It runs on the [`DefaultExecutor`](crate::DefaultExecutor), or on the one after `on`, which is
/// an expression inside of `main` and may fail with `?`:
///
/// ```
/// use brigade::WorkStealing;
///
/// brigade::main! {
///     on WorkStealing::with_workers(2)?;
///
///     async fn main() -> std::io::Result<()> {
///         brigade::spawn(async {}).await.unwrap();
///         Ok(())
///     }
/// }
/// ```
///
/// # Panics
/// As with [`brigade::run`](crate::run).
#[macro_export]
macro_rules! main {
    (on $executor:expr; $(#[$attribute:meta])* async fn main() $(-> $output:ty)? $body:block) => {
        $(#[$attribute])*
        fn main() $(-> $output)? {
            $crate::Executor::block_on(&$executor, async $body)
        }
    };
    ($(#[$attribute:meta])* async fn main() $(-> $output:ty)? $body:block) => {
        $(#[$attribute])*
        fn main() $(-> $output)? {
            $crate::run(async $body)
        }
    };
}

/// Async tests, one or more.
///
/// Each runs on an executor of its own: the [`DefaultExecutor`](crate::DefaultExecutor), or the one
/// after `on`, which is made anew for each test. Attributes (`should_panic`, `ignore`, `cfg`) go
/// through.
///
/// ```
/// # mod tests {
/// brigade::test! {
///     async fn tasks_add_up() {
///         let (a, b) = (brigade::spawn(async { 1 }), brigade::spawn(async { 2 }));
///         assert_eq!(a.await.unwrap() + b.await.unwrap(), 3);
///     }
///
///     #[should_panic(expected = "burnt")]
///     async fn a_panic_fails_the_test() {
///         panic!("the noodles are burnt");
///     }
/// }
///
/// brigade::test! {
///     on brigade::SingleThread::builder().virtual_time(true).build()?;
///
///     async fn an_hour_passes_in_no_time() -> std::io::Result<()> {
///         brigade::time::sleep(std::time::Duration::from_secs(3600)).await;
///         Ok(())
///     }
/// }
/// # }
/// ```
///
/// For a test under many orders of its tasks, see [`brigade::explore`](crate::explore()).
///
/// # Panics
/// As with [`brigade::run`](crate::run).
#[macro_export]
macro_rules! test {
    (on $executor:expr; $(
        $(#[$attribute:meta])* async fn $name:ident() $(-> $output:ty)? $body:block
    )+) => {$(
        #[::core::prelude::v1::test]
        $(#[$attribute])*
        fn $name() $(-> $output)? {
            $crate::Executor::block_on(&$executor, async $body)
        }
    )+};
    ($(
        $(#[$attribute:meta])* async fn $name:ident() $(-> $output:ty)? $body:block
    )+) => {$(
        #[::core::prelude::v1::test]
        $(#[$attribute])*
        fn $name() $(-> $output)? {
            $crate::run(async $body)
        }
    )+};
}
