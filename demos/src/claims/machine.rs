//! The machine that the claims were measured on, as far as it says what it is.

use std::{
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::{cooks, units};

/// What figures should never be seen without.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// Cores that this program may use.
    cores: usize,
    cpu: Option<String>,
    os: String,
    /// Year, month and day, in UTC.
    date: String,
    optimized: bool,
}

impl Machine {
    pub(super) fn here() -> Self {
        Self {
            cores: cooks::cores(),
            cpu: cpu(),
            os: os(),
            date: date(
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default(),
            ),
            optimized: !cfg!(debug_assertions),
        }
    }

    /// `2 cores (Model 3000), Debian 12, Linux 6.1.0`
    pub(super) fn sentence(&self) -> String {
        let cores = units::counted(self.cores, "core");
        let cpu = self.cpu.as_deref().unwrap_or(std::env::consts::ARCH);
        let build = if self.optimized {
            ""
        } else {
            ", a build without optimization"
        };
        format!("{cores} ({cpu}), {}{build}", self.os)
    }

    pub(super) fn date(&self) -> &str {
        &self.date
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "cores": self.cores,
            "cpu": self.cpu,
            "os": self.os,
            "date": self.date,
            "version": env!("CARGO_PKG_VERSION"),
            "optimized": self.optimized,
        })
    }
}

fn cpu() -> Option<String> {
    field(
        &fs::read_to_string("/proc/cpuinfo").ok()?,
        "model name",
        ':',
    )
}

/// The system's name, and its kernel's where that has another one.
fn os() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = field(&release, "PRETTY_NAME", '=');
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease");
    // As far as it says anything to a reader: `6.18` of `6.18.44-1-amd64`.
    let short = |kernel: String| {
        kernel
            .trim()
            .split('.')
            .take(2)
            .collect::<Vec<_>>()
            .join(".")
    };
    let kernel = kernel.ok().map(|kernel| format!("Linux {}", short(kernel)));
    let said: Vec<String> = name.into_iter().chain(kernel).collect();
    if said.is_empty() {
        std::env::consts::OS.to_owned()
    } else {
        said.join(", ")
    }
}

/// The value of the first line `name: value`, or `name="value"`.
fn field(text: &str, name: &str, between: char) -> Option<String> {
    let named = |line: &str| {
        let (key, value) = line.split_once(between)?;
        (key.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    };
    let value = text.lines().find_map(named)?;
    (!value.is_empty()).then_some(value)
}

/// The day that lies so long after the first of January 1970.
fn date(since: Duration) -> String {
    let mut days = since.as_secs() / (24 * 60 * 60);
    let mut year = 1970;
    while days >= days_of(year) {
        days -= days_of(year);
        year += 1;
    }
    let february = days_of(year) - 337;
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= months[month] {
        days -= months[month];
        month += 1;
    }
    format!("{year}-{:02}-{:02}", month + 1, days + 1)
}

fn days_of(year: u64) -> u64 {
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    365 + u64::from(leap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_through_leap_years() {
        for (days, text) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (11_322, "2000-12-31"),
            (20_513, "2026-03-01"),
        ] {
            let since = Duration::from_secs(days * 24 * 60 * 60 + 3600);
            assert_eq!(date(since), text);
        }
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "NAME=\"Some\"\nPRETTY_NAME=\"Some System 12\"\nEMPTY=\n";
        let found = field(text, "PRETTY_NAME", '=');
        assert_eq!(found.as_deref(), Some("Some System 12"));
        assert_eq!(field(text, "EMPTY", '='), None);
        assert_eq!(field(text, "ABSENT", '='), None);
    }

    #[test]
    fn the_machine_is_named_in_a_sentence() {
        let machine = Machine {
            cores: 2,
            cpu: Some("Model 3000".to_owned()),
            os: "Some System 12".to_owned(),
            date: "2026-03-01".to_owned(),
            optimized: true,
        };
        assert_eq!(machine.sentence(), "2 cores (Model 3000), Some System 12");
        assert!(Machine::here().json()["cores"].as_u64() >= Some(1));
    }
}
