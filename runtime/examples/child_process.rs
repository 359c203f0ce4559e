//! Runs 1,000 child processes and waits for them on one thread, with one task for each child.
//!
//! Linux reports the end of a child through a descriptor, the pidfd. A child's output comes through a pipe.
//! An `OwnedFdSource` waits for each of these two descriptors. Dropping a `Child` kills the process and
//! leaves no zombie.
//!
//! ```console
//! $ cargo run -p brigade --example child_process
//! ```

#[cfg(target_os = "linux")]
pub(crate) mod linux {
    use std::fs;
    use std::io::{self, ErrorKind};
    use std::os::fd::OwnedFd;
    use std::process::{self, Command, ExitStatus, Stdio};

    use brigade::io::{Interest, OwnedFdSource, Registered};
    use brigade::task::JoinSet;
    use rustix::io::{Errno, ioctl_fionbio};
    use rustix::process::{Pid, PidfdFlags, Resource, WaitOptions, pidfd_open};

    /// A process, which is killed when the `Process` is dropped.
    struct Process(process::Child);

    impl Drop for Process {
        fn drop(&mut self) {
            let _ = self.0.kill();
            // After SIGKILL the process ends immediately, so this wait is short. The wait removes the zombie.
            let _ = self.0.wait();
        }
    }

    /// A child process with its output.
    pub(crate) struct Child {
        process: Process,
        /// The descriptor that becomes readable when the process ends.
        pidfd: Registered<OwnedFdSource>,
        stdout: Registered<OwnedFdSource>,
    }

    impl Child {
        pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
            let mut process = Process(command.stdout(Stdio::piped()).spawn()?);
            let stdout = OwnedFd::from(process.0.stdout.take().expect("it is piped"));
            ioctl_fionbio(&stdout, true)?;
            let pidfd = pidfd_open(Pid::from_child(&process.0), PidfdFlags::NONBLOCK)?;
            Ok(Child {
                process,
                pidfd: OwnedFdSource::new(pidfd, Interest::READABLE)?,
                stdout: OwnedFdSource::new(stdout, Interest::READABLE)?,
            })
        }

        pub(crate) fn id(&self) -> u32 {
            self.process.0.id()
        }

        /// Reads the child's output until the child closes it.
        pub(crate) async fn output(&self) -> io::Result<Vec<u8>> {
            let (mut output, mut buffer) = (Vec::new(), [0; 4096]);
            loop {
                let read = |pipe: &OwnedFdSource| Ok(rustix::io::read(pipe, &mut buffer)?);
                match self.stdout.read_with(read).await? {
                    0 => return Ok(output),
                    count => output.extend_from_slice(&buffer[..count]),
                }
            }
        }

        /// Waits until the child has ended.
        pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
            let process = &mut self.process.0;
            let ended = |_: &_| process.try_wait()?.ok_or(ErrorKind::WouldBlock.into());
            self.pidfd.read_with(ended).await
        }
    }

    const CHILDREN: usize = 1000;

    pub(super) fn main() -> io::Result<()> {
        // Each child needs two descriptors in this process, so raise the limit.
        let mut limit = rustix::process::getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        rustix::process::setrlimit(Resource::Nofile, limit)?;

        brigade::SingleThread::new()?.block_on(async {
            let mut children = JoinSet::new();
            for number in 0..CHILDREN {
                children.spawn(async move {
                    let mut child = Child::spawn(Command::new("echo").arg(number.to_string()))?;
                    let output = child.output().await?;
                    assert_eq!(output, format!("{number}\n").as_bytes());
                    child.wait().await
                });
            }
            let mut good = 0;
            while let Some(status) = children.join_next().await {
                good += usize::from(status.expect("no panic")?.success());
            }
            let endless = Child::spawn(Command::new("sleep").arg("1000"))?;
            let place = format!("/proc/{}", endless.id());
            drop(endless);
            assert!(!fs::exists(place)?, "a child that is dropped is killed");

            let threads = fs::read_dir("/proc/self/task")?.count();
            let no_zombie = rustix::process::wait(WaitOptions::NOHANG).err() == Some(Errno::CHILD);
            println!("{good} children, {threads} thread, no zombie: {no_zombie}");
            assert_eq!((good, threads, no_zombie), (CHILDREN, 1, true));
            Ok(())
        })
    }
}

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("only Linux has pidfds");
}
