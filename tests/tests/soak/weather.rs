//! Injects faults that affect the whole process: signals, and periods without free descriptors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use brigade_tests::Dice;

/// A thread that injects the faults until `end` is called.
pub(crate) struct Weather {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<u64>>,
}

impl Weather {
    pub(crate) fn begin(seed: u64) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let thread = thread::spawn({
            let stop = stop.clone();
            move || rage(&stop, Dice(seed))
        });
        Weather {
            stop,
            thread: Some(thread),
        }
    }

    /// Returns the number of faults.
    pub(crate) fn end(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

fn rage(stop: &AtomicBool, mut dice: Dice) -> u64 {
    let (_soft, hard) = rlimit::Resource::NOFILE.get().unwrap();
    let mut faults = 0;
    while !stop.load(Ordering::Relaxed) {
        for entry in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            let thread: libc::pid_t = name.parse().unwrap();
            // SAFETY: the call takes only numbers. If the thread has ended, the call returns an error, which
            // is ignored.
            unsafe { libc::syscall(libc::SYS_tkill, thread, libc::SIGUSR1) };
            faults += 1;
        }
        if dice.roll(10) == 0 {
            faults += 1;
            // For up to 3 ms, operations that need a new descriptor may fail.
            rlimit::Resource::NOFILE.set(dice.roll(8), hard).unwrap();
            thread::sleep(Duration::from_micros(dice.roll(3_000)));
            rlimit::Resource::NOFILE.set(hard, hard).unwrap();
        }
        thread::sleep(Duration::from_micros(500 + dice.roll(3_000)));
    }
    faults
}

/// Makes each signal interrupt every system call that can be interrupted.
pub(crate) fn feel_signals() {
    extern "C" fn nothing(_signal: libc::c_int) {}
    // SAFETY: the handler does nothing. Without SA_RESTART, the signal interrupts system calls.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let handler: extern "C" fn(libc::c_int) = nothing;
        action.sa_sigaction = handler as libc::sighandler_t;
        let done = libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut());
        assert_eq!(done, 0);
    }
}
