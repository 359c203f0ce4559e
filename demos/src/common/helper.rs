//! A process beside this one that runs a hidden command of this same program, so that what it needs is
//! not counted as the demo's.

use std::{
    io::{BufReader, Read as _},
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::Context as _;

use crate::{interrupt::Interrupt, system};

/// The process. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Helper(Child);

/// What every hidden command is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Hidden {
    /// End when stdin closes, which it does when the process that started this one is gone
    #[arg(long, required = true)]
    until_stdin_closes: bool,
}

impl Helper {
    /// Starts a hidden command. Returns also what it writes.
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

    /// The number of the process.
    pub(crate) fn process(&self) -> u32 {
        self.0.id()
    }

    /// Closes its standard input, which asks it to end.
    pub(crate) fn dismiss(&mut self) {
        drop(self.0.stdin.take());
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // The process ends by itself when its stdin closes, which also happens when this one is killed.
        // Here it is told outright, to be done at once.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Hidden {
    /// What a hidden command does first: Ctrl-C is its parent's affair.
    pub(crate) fn begin(&self) -> anyhow::Result<()> {
        debug_assert!(self.until_stdin_closes);
        Interrupt::ignore()?;
        system::raise_open_files();
        Ok(())
    }
}

/// Blocks until the process that started this one is gone, or closes the pipe.
pub(crate) fn wait_for_end_of_stdin() {
    // An error means that there is nobody to wait for, as much as an end does.
    let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
}
