//! A source of events for which brigade has no type: a Linux timerfd, which is a timer with a descriptor.
//!
//! `OwnedFdSource` takes any descriptor that the OS can monitor.
//!
//! ```console
//! $ cargo run -p brigade --example timerfd
//! ```

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    use std::time::Instant;

    brigade::run(async {
        let timer = linux::Timer::every(5)?;
        let began = Instant::now();
        let mut rung = 0;
        while rung < 4 {
            rung += timer.rings().await?;
        }
        assert!(began.elapsed().as_millis() >= 20);
        println!("the timer rang {rung} times in {:?}", began.elapsed());
        Ok(())
    })
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;

    use brigade::io::{Interest, OwnedFdSource, Registered};
    use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

    /// A periodic timer.
    pub(crate) struct Timer(Registered<OwnedFdSource>);

    impl Timer {
        /// Makes a timer with a period of less than 1,000 milliseconds.
        pub(crate) fn every(milliseconds: i64) -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
            let period = Timespec {
                tv_sec: 0,
                tv_nsec: milliseconds * 1_000_000,
            };
            let times = Itimerspec {
                it_interval: period,
                it_value: period,
            };
            rustix::time::timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times)?;
            OwnedFdSource::new(timer, Interest::READABLE).map(Timer)
        }

        /// Waits until the timer has expired. Returns how many times it has expired since the last call.
        pub(crate) async fn rings(&self) -> io::Result<u64> {
            let mut count = [0; 8];
            // If the timer has not expired, the read returns `WouldBlock`, and `Registered` waits for the
            // event.
            self.0
                .read_with(|timer| Ok(rustix::io::read(timer, &mut count)?))
                .await?;
            Ok(u64::from_ne_bytes(count))
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("timerfd exists only on Linux");
}
