//! The attributes of the feature `macros`, which the crate `brigade-macros` implements.

/// Makes an `async fn main` the program's `main`, and runs it on an executor.
///
/// ```
/// #[brigade::main]
/// async fn main() -> std::io::Result<()> {
///     let task = brigade::spawn(async { 6 * 7 });
///     assert_eq!(task.await.unwrap(), 42);
///     Ok(())
/// }
/// ```
///
/// Without arguments, the executor is the [`DefaultExecutor`](crate::DefaultExecutor), as with
/// [`brigade::run`](crate::run()). The arguments choose another executor:
///
/// | arguments | executor |
/// |---|---|
/// | `workers = 4` | [`WorkStealing`](crate::WorkStealing) with this many workers |
/// | `seed = 7` | [`SingleThread`](crate::SingleThread) with this [seed](crate::SingleThreadBuilder::seed) |
/// | `virtual_time` | `SingleThread` whose [clock jumps](crate::SingleThreadBuilder::virtual_time) to the next timer |
///
/// `seed` and `virtual_time` may be combined. The values are expressions. An expression with a comma must be
/// in parentheses.
///
/// ```
/// #[brigade::main(workers = 2)]
/// async fn main() {
///     assert_eq!(brigade::Handle::current().metrics().workers.len(), 2);
/// }
/// ```
///
/// # Panics
/// The function panics if the executor cannot be built. It also panics for the reasons that
/// [`brigade::run`](crate::run()) lists.
pub use brigade_macros::main;

/// Makes an `async fn` a test that runs on its own executor.
///
/// The arguments are those of [`main`](macro@crate::main). Other attributes, such as `should_panic`, `ignore`
/// and `cfg`, keep their meaning. To run a test with its tasks in many orders, see
/// [`brigade::explore`](crate::explore()).
///
/// ```
/// # mod tests {
/// #[brigade::test]
/// async fn tasks_add_up() {
///     let (a, b) = (brigade::spawn(async { 1 }), brigade::spawn(async { 2 }));
///     assert_eq!(a.await.unwrap() + b.await.unwrap(), 3);
/// }
///
/// #[brigade::test(virtual_time)]
/// async fn an_hour_passes_in_no_time() -> std::io::Result<()> {
///     brigade::time::sleep(std::time::Duration::from_secs(3600)).await;
///     Ok(())
/// }
///
/// #[brigade::test(workers = 2)]
/// #[should_panic(expected = "burnt")]
/// async fn a_panic_fails_the_test() {
///     panic!("the noodles are burnt");
/// }
/// # }
/// ```
pub use brigade_macros::test;
