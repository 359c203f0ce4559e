//! A separate process that runs a hidden command of this program. The resources that the helper process uses
//! are not counted as the demo's.

use std::{
    io::{BufReader, Read as _},
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::Context as _;

use crate::{interrupt::Interrupt, system};

/// The process. It is killed when the `Helper` is dropped.
#[derive(Debug)]
pub(crate) struct Helper(Child);

/// The arguments of every hidden command.
#[derive(Debug, clap::Args)]
pub(crate) struct Hidden {
    /// End when stdin closes, which happens when the parent process is gone
    #[arg(long, required = true)]
    until_stdin_closes: bool,
}

impl Helper {
    /// Starts a process that runs a hidden command. Returns the process and its standard output.
    pub(crate) fn start(
        command: &'static str,
        args: &[String],
    ) -> anyhow::Result<(Self, BufReader<ChildStdout>)> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let mut child = Command::new(program)
            .args([command, "--until-stdin-closes"])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start the process for `{command}`"))?;
        let stdout = child.stdout.take().expect("stdout is piped");
        Ok((Self(child), BufReader::new(stdout)))
    }

    /// Returns the ID of the process.
    pub(crate) fn process(&self) -> u32 {
        self.0.id()
    }

    /// Closes the process's standard input, which asks the process to end.
    pub(crate) fn dismiss(&mut self) {
        drop(self.0.stdin.take());
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // The helper ends by itself when its stdin closes, and its stdin closes even if the parent is
        // killed. Killing the helper here ends it immediately.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Hidden {
    /// Prepares a hidden command: ignores Ctrl-C, which the parent handles, and raises the limit of open
    /// files.
    pub(crate) fn begin(&self) -> anyhow::Result<()> {
        debug_assert!(self.until_stdin_closes);
        Interrupt::ignore()?;
        system::raise_open_files();
        Ok(())
    }
}

/// Blocks until stdin ends. It ends when the parent process is gone or closes the pipe.
pub(crate) fn wait_for_end_of_stdin() {
    // Treat an error like the end of the input: the parent no longer uses the pipe.
    let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
}
