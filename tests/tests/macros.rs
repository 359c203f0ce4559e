//! `brigade::main!` and `brigade::test!`, used as a program would use them.

use std::io;
use std::process::Command;
use std::time::Duration;

use brigade::{SingleThread, WorkStealing};

/// Inside of a module, since a test binary has a `main` already.
mod program {
    use std::io;

    brigade::main! {
        /// With a doc comment, a `?` and a task.
        async fn main() -> io::Result<()> {
            let task = brigade::spawn(async { Err::<(), _>(io::Error::other("burnt")) });
            task.await.unwrap()?;
            Ok(())
        }
    }

    pub(crate) fn run() -> io::Result<()> {
        main()
    }
}

mod program_with_an_executor {
    brigade::main! {
        on brigade::WorkStealing::with_workers(2).unwrap();

        async fn main() {
            assert_eq!(brigade::Handle::current().metrics().workers.len(), 2);
        }
    }

    pub(crate) fn run() {
        main();
    }
}

#[test]
fn main_runs_and_gives_its_output() {
    assert_eq!(program::run().unwrap_err().to_string(), "burnt");
    program_with_an_executor::run();
}

brigade::test! {
    /// Documented, and one of several.
    async fn a_task_is_spawned() {
        assert_eq!(brigade::spawn(async { 42 }).await.unwrap(), 42);
    }

    async fn an_error_is_an_output() -> io::Result<()> {
        let stream = brigade::net::TcpListener::bind("127.0.0.1:0").await?;
        stream.local_addr()?;
        Ok(())
    }

    #[should_panic(expected = "the noodles are burnt")]
    async fn attributes_go_through() {
        panic!("the noodles are burnt");
    }
}

brigade::test! {
    on SingleThread::builder().virtual_time(true).build()?;

    async fn an_hour_passes_in_no_time() -> io::Result<()> {
        brigade::time::sleep(Duration::from_secs(3600)).await;
        brigade::spawn_local(async {}).await.unwrap();
        Ok(())
    }
}

brigade::test! {
    on WorkStealing::with_workers(3).unwrap();

    async fn many_cooks_are_asked_for() {
        assert_eq!(brigade::Handle::current().metrics().workers.len(), 3);
    }
}

/// The macro makes real tests, by name and one by one.
#[test]
fn the_harness_knows_them() {
    let binary = std::env::current_exe().unwrap();
    let output = Command::new(binary).args(["--list"]).output().unwrap();
    let list = String::from_utf8(output.stdout).unwrap();
    for name in [
        "a_task_is_spawned",
        "an_error_is_an_output",
        "attributes_go_through",
        "an_hour_passes_in_no_time",
        "many_cooks_are_asked_for",
    ] {
        assert!(
            list.lines().any(|it| it == format!("{name}: test")),
            "{list}"
        );
    }
}
