//! A description of the machine on which the claims were measured.

use std::{
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{cooks, units};

/// The details of the machine, which are printed with all figures.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Machine {
    /// The number of cores that this program may use.
    cores: usize,
    cpu: Option<String>,
    os: String,
    /// Year, month and day, in UTC.
    date: String,
    /// The version of this program.
    version: &'static str,
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
            version: env!("CARGO_PKG_VERSION"),
            optimized: !cfg!(debug_assertions),
        }
    }

    /// Returns a description such as `2 cores (Model 3000), Debian 12, Linux 6.1.0`.
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
}

fn cpu() -> Option<String> {
    field(
        &fs::read_to_string("/proc/cpuinfo").ok()?,
        "model name",
        ':',
    )
}

/// Returns the name of the system, and the name of its kernel if the two differ.
fn os() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = field(&release, "PRETTY_NAME", '=');
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease");
    // Keeps only the useful part of a kernel version: `6.18` of `6.18.44-1-amd64`.
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

/// Returns the value of the first line `name: value`, or `name="value"`.
fn field(text: &str, name: &str, between: char) -> Option<String> {
    let named = |line: &str| {
        let (key, value) = line.split_once(between)?;
        (key.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    };
    let value = text.lines().find_map(named)?;
    (!value.is_empty()).then_some(value)
}

/// Converts the time since 1 January 1970 to a date. Years are counted from March, so that a leap day is
/// the last day of its year and all other months start on fixed days.
fn date(since: Duration) -> String {
    let days = since.as_secs() / (24 * 60 * 60) + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (year, month + 3),
        _ => (year + 1, month - 9),
    };
    format!("{}-{month:02}-{day:02}", year + era * 400)
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
            version: "1.0.0",
            optimized: true,
        };
        assert_eq!(machine.sentence(), "2 cores (Model 3000), Some System 12");
        let object = serde_json::json!(machine);
        assert_eq!(object["cores"], 2);
        assert_eq!(object["version"], "1.0.0");
    }
}
