//! A description of the machine on which the claims were measured.

use std::{fs, time::SystemTime};

use crate::prelude::*;

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
            cpu: field(&read("/proc/cpuinfo"), "model name", ':'),
            os: os(),
            date: date(SystemTime::now()),
            version: env!("CARGO_PKG_VERSION"),
            optimized: !cfg!(debug_assertions),
        }
    }

    /// Returns a description such as `2 cores (Model 3000), Debian 12, Linux 6.1`.
    pub(super) fn sentence(&self) -> String {
        let cores = counted(self.cores, "core");
        let cpu = self.cpu.as_deref().unwrap_or(std::env::consts::ARCH);
        let build = match self.optimized {
            true => "",
            false => ", a build without optimization",
        };
        format!("{cores} ({cpu}), {}{build}", self.os)
    }

    pub(super) fn date(&self) -> &str {
        &self.date
    }
}

/// Returns the names of the distribution and of its kernel, as in `Debian 12, Linux 6.1`. If both are
/// unknown, returns the name of the operating system.
fn os() -> String {
    let name = field(&read("/etc/os-release"), "PRETTY_NAME", '=');
    let kernel = read("/proc/sys/kernel/osrelease");
    // Only the first two numbers are useful: `6.18` of `6.18.44-1-amd64`.
    let short: Vec<&str> = kernel.trim().split('.').take(2).collect();
    let kernel = (!kernel.is_empty()).then(|| format!("Linux {}", short.join(".")));
    let said: Vec<String> = name.into_iter().chain(kernel).collect();
    if said.is_empty() {
        std::env::consts::OS.to_owned()
    } else {
        said.join(", ")
    }
}

/// Returns the text of a file, or an empty text if the file cannot be read.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Returns the value of the first line `name: value`, or `name="value"`.
fn field(text: &str, name: &str, between: char) -> Option<String> {
    let named = |line: &str| {
        let (key, value) = line.split_once(between)?;
        (key.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    };
    text.lines()
        .find_map(named)
        .filter(|value| !value.is_empty())
}

/// Formats the date, in UTC, as year, month and day.
fn date(time: SystemTime) -> String {
    // An HTTP date, such as `Sun, 06 Nov 1994 08:49:37 GMT`, has a fixed width.
    let date = httpdate::fmt_http_date(time);
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = months.find(&date[8..11]).unwrap_or_default() / 3 + 1;
    format!("{}-{month:02}-{}", &date[12..16], &date[5..7])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_year_first() {
        for (days, text) in [
            (0, "1970-01-01"),
            (11_016, "2000-02-29"),
            (11_322, "2000-12-31"),
            (20_513, "2026-03-01"),
        ] {
            let since = Duration::from_secs(days * 24 * 60 * 60 + 3600);
            assert_eq!(date(SystemTime::UNIX_EPOCH + since), text);
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
