//! Describes a mistake in the arguments in one plain line that names the option.
//!
//! clap prints an error as several paragraphs. The error also contains its parts, such as the option's
//! name, as separate values. From these values, this file makes its own line for each common error. For any
//! other error, it keeps the first paragraph.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

/// Returns one line for `error`.
pub(super) fn line(error: &Error) -> String {
    let said = match error.kind() {
        ErrorKind::ValueValidation => refused_value(error),
        ErrorKind::InvalidValue => unknown_value(error),
        ErrorKind::UnknownArgument => unknown_argument(error),
        ErrorKind::InvalidSubcommand => unknown_demo(error),
        ErrorKind::ArgumentConflict => twice(error),
        ErrorKind::TooManyValues => argument(error).map(|name| format!("{name} takes no value")),
        _ => None,
    };
    said.unwrap_or_else(|| first_paragraph(&error.to_string()))
}

/// Formats `--count x: must be a whole number …`. The part after the colon comes from the parser of the
/// option's value.
fn refused_value(error: &Error) -> Option<String> {
    let value = quoted_if_empty(text(error, ContextKind::InvalidValue)?);
    Some(format!("{} {value}: {}", argument(error)?, error.source()?))
}

fn unknown_value(error: &Error) -> Option<String> {
    let argument = argument(error)?;
    let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
    let valid = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(valid)) => valid.join(", "),
        _ => String::new(),
    };
    Some(match (value, valid.as_str()) {
        ("", "") => format!("{argument} needs a value"),
        ("", valid) => format!("{argument} needs a value: {valid}"),
        (value, valid) if argument.starts_with('-') => {
            format!("{argument} {value}: must be one of {valid}")
        }
        (value, valid) => format!("'{value}' must be one of {valid}"),
    })
}

fn unknown_argument(error: &Error) -> Option<String> {
    let argument = argument(error)?;
    let meant = text(error, ContextKind::SuggestedArg);
    let meant = meant.map_or(String::new(), |meant| format!(" (did you mean {meant}?)"));
    Some(match argument.starts_with('-') {
        true => format!("there is no option {argument}{meant}"),
        false => format!("'{argument}' is one argument too many{meant}"),
    })
}

fn unknown_demo(error: &Error) -> Option<String> {
    let name = text(error, ContextKind::InvalidSubcommand)?;
    let meant = match error.get(ContextKind::SuggestedSubcommand) {
        // The most similar name comes last.
        Some(ContextValue::Strings(meant)) => meant.last(),
        _ => None,
    };
    let meant = meant.map_or(String::new(), |meant| format!("did you mean {meant}? "));
    Some(format!(
        "there is no demo '{name}' ({meant}`brigade` without arguments lists the demos)"
    ))
}

/// Describes the mistake of giving an option twice. clap reports that the option conflicts with itself.
fn twice(error: &Error) -> Option<String> {
    let argument = argument(error)?;
    let is_itself = text(error, ContextKind::PriorArg)
        .is_none_or(|prior| prior.split(' ').next() == Some(&argument));
    is_itself.then(|| format!("{argument} is given twice"))
}

/// Returns the option without the name of its value: `--count`, not `--count <N>`.
fn argument(error: &Error) -> Option<String> {
    let argument = text(error, ContextKind::InvalidArg)?;
    let name = argument.split(' ').next()?;
    Some(name.trim_matches(['[', ']', '<', '>']).to_owned())
}

fn text(error: &Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}

fn quoted_if_empty(value: &str) -> &str {
    if value.is_empty() { "''" } else { value }
}

/// Keeps the first paragraph, which describes the mistake, and the first line that begins with `tip:`, which
/// describes the remedy. The rest only repeats `--help`.
fn first_paragraph(message: &str) -> String {
    let mut said = Vec::new();
    let mut tip = None;
    for line in message.lines().map(str::trim) {
        if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        }
        match line.strip_prefix("tip: ") {
            Some(text) => tip = tip.or(Some(text)),
            None if line.is_empty() => {}
            None => said.push(line),
        }
    }
    let said = said.join(" ");
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    match tip {
        Some(tip) => format!("{said} ({tip})"),
        None => said.to_owned(),
    }
}
