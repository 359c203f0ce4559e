//! The list of URLs, which is read and checked completely before the first socket opens.

use std::{
    cell::Cell,
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use url::{SyntaxViolation, Url};

use crate::paint::harmless;
use crate::prelude::*;

/// The maximum size of a list, in bytes. Arbitrary: three million URLs fit, even if each of them is long.
const LIST_MAX: u64 = 256 << 20;

/// A URL that the user gave.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    /// The URL as the user wrote it, if that differs from `url`.
    written: Option<Box<str>>,
}

impl Page {
    /// Returns the URL as the user wrote it. In the results, it names the page.
    pub(crate) fn name(&self) -> &str {
        self.written.as_deref().unwrap_or(self.url.as_str())
    }

    /// Parses a URL that can be fetched, or returns what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let shown = harmless(text);
        // Record mistakes that the parser would correct silently.
        let mended = Cell::new(None);
        let note = |violation| {
            use SyntaxViolation as V;
            let what = match violation {
                V::Backslash => "holds a backslash",
                V::C0SpaceIgnored | V::TabOrNewlineIgnored => {
                    "holds a space or a control character"
                }
                V::ExpectedDoubleSlash => "needs // after the scheme",
                _ => return,
            };
            mended.set(Some(what));
        };
        let options = Url::options().syntax_violation_callback(Some(&note));
        let url = options.parse(text).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => {
                format!("`{shown}` is not a URL: it begins with neither http:// nor https://")
            }
            error => format!("`{shown}` is not a URL: {error}"),
        })?;
        check(&url)?;
        if text.contains(char::is_whitespace) {
            return Err(format!("`{shown}` holds a space: write %20 in its place"));
        }
        if let Some(what) = mended.get() {
            return Err(format!("`{shown}` is not a URL: it {what}"));
        }
        let written = (url.as_str() != text).then(|| text.into());
        Ok(Self { url, written })
    }
}

/// Returns an error if a URL, given by the user or by a redirect, cannot be fetched.
pub(crate) fn check(url: &Url) -> Result<(), String> {
    let shown = harmless(url.as_str());
    let scheme = url.scheme();
    if !matches!(scheme, "http" | "https") {
        return Err(format!(
            "`{shown}`: the scheme {scheme} is neither http nor https"
        ));
    }
    if url.port() == Some(0) {
        return Err(format!("`{shown}`: there is no port 0"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Do not print the URL, which holds a secret.
        let secret = "a URL holds a user name or password, which fetch does not send (see -H)";
        return Err(secret.to_owned());
    }
    Ok(())
}

/// Reads the URLs of the command line and of the list, in that order.
pub(crate) fn read(urls: &[String], list: Option<&Path>) -> anyhow::Result<Vec<Page>> {
    let mut checked = Vec::new();
    for text in urls {
        checked.push(Page::parse(text).map_err(BadArguments::error)?);
    }
    if let Some(path) = list {
        let bad = |wrong: String| BadArguments::error(format!("{}{wrong}", path.display()));
        let text = read_list(path, LIST_MAX).map_err(|wrong| bad(format!(": {wrong}")))?;
        let before = checked.len();
        for (number, line) in lines(&text) {
            let page = Page::parse(line);
            let page = page.map_err(|wrong| bad(format!(", line {number}: {wrong}")))?;
            checked.push(page);
        }
        ensure!(checked.len() > before, bad(" holds no URL".to_owned()));
    }
    Ok(checked)
}

/// Reads at most `max` bytes from a file, or from standard input if the path is `-`.
pub(crate) fn read_input(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match path == Path::new("-") {
        true => io::stdin().lock().take(max).read_to_end(&mut bytes)?,
        false => File::open(path)?.take(max).read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

/// Reads a whole list. Refuses a list longer than `max`: otherwise a part of it would be fetched and
/// reported as the whole.
fn read_list(path: &Path, max: u64) -> Result<String, String> {
    let bytes = read_input(path, max + 1);
    let bytes = bytes.map_err(|error| format!("the list cannot be read: {error}"))?;
    if bytes.len() as u64 > max {
        return Err(format!("the list is longer than {}", units::bytes(max)));
    }
    String::from_utf8(bytes).map_err(|_| "the list is not UTF-8 text".to_owned())
}

/// Returns the URLs of a list with their line numbers, counted from 1.
///
/// A line ends with LF, CRLF or CR. A URL ends with its line, at a TAB, or at a `#` after a space. A line
/// that begins with `#` is a comment.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    // Some editors on Windows put a byte order mark before the first line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.split_inclusive('\n').flat_map(|line| {
        let line = line.strip_suffix('\n').unwrap_or(line);
        line.strip_suffix('\r').unwrap_or(line).split('\r')
    });
    let numbered = lines.enumerate().map(|(index, line)| {
        let line = line.trim_matches([' ', '\t']);
        let line = line.split('\t').next().unwrap_or_default();
        let line = line.split(" #").next().unwrap_or_default();
        (index + 1, line.trim_end_matches(' '))
    });
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_have_any_line_ends_and_comments_and_its_lines_are_counted() {
        let text = "\u{feff}# first\n\nhttp://a/\r\n   # indented\n  http://b/  \rhttp://c/#top\r\r\n\
            http://d/ # why\nhttp://e/\tsecond column\nhttp://f/\t# x";
        assert_eq!(
            lines(text).collect::<Vec<_>>(),
            [
                (3, "http://a/"),
                (5, "http://b/"),
                (6, "http://c/#top"),
                (8, "http://d/"),
                (9, "http://e/"),
                (10, "http://f/"),
            ]
        );
    }

    #[test]
    fn no_url_is_altered_in_silence() {
        for (text, reason) in [
            ("http://host/a b", "%20"),
            (" http://host/", "space"),
            ("http://host/a\tb", "space"),
            ("http://host\\a", "backslash"),
            ("http:host/a", "//"),
            ("http://host/\u{1}", "not a URL"),
        ] {
            match Page::parse(text) {
                Err(wrong) => assert!(wrong.contains(reason), "{text:?}: {wrong}"),
                // A URL with an escaped control character keeps the name that the user wrote.
                Ok(page) => assert_eq!(page.name(), text),
            }
        }
        let page = Page::parse("HTTP://Example.com:80").unwrap();
        assert_eq!(page.url.as_str(), "http://example.com/");
        assert_eq!(page.name(), "HTTP://Example.com:80");
    }

    #[test]
    fn a_list_that_is_too_long_is_refused_and_not_cut() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "http://a/\nhttp://b/\n").unwrap();
        assert!(read_list(file.path(), 20).is_ok());
        assert!(
            read_list(file.path(), 19)
                .unwrap_err()
                .contains("longer than 19 B")
        );
    }

    #[test]
    fn what_cannot_be_fetched_is_refused_with_the_reason() {
        for (text, reason) in [
            ("example.com", "neither http"),
            ("", "not a URL"),
            ("http://", "not a URL"),
            ("http://exa mple/", "not a URL"),
            ("http://[::1/", "not a URL"),
            ("http://host:99999/", "not a URL"),
            ("http://host:0/", "port 0"),
            ("ftp://host/", "scheme ftp"),
            ("file:///etc/passwd", "scheme file"),
            ("http://me:secret@host/", "password"),
        ] {
            let wrong = Page::parse(text).expect_err(text);
            assert!(wrong.contains(reason), "{text}: {wrong}");
            assert!(!wrong.contains("secret"), "{wrong}");
        }
    }

    #[test]
    fn an_unreadable_list_and_an_empty_one_are_bad_arguments() {
        let missing = read(&[], Some(Path::new("/nowhere/list"))).unwrap_err();
        assert!(missing.is::<BadArguments>() && missing.to_string().contains("/nowhere/list"));

        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# nothing\n").unwrap();
        assert!(
            read(&[], Some(file.path()))
                .unwrap_err()
                .to_string()
                .contains("no URL")
        );

        std::fs::write(file.path(), "http://a/\n\nnonsense\n").unwrap();
        assert!(
            read(&[], Some(file.path()))
                .unwrap_err()
                .to_string()
                .contains("line 3")
        );
    }

    #[test]
    fn the_command_line_comes_before_the_list() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "http://b/\n").unwrap();
        let urls = read(&["http://a/".to_owned()], Some(file.path())).unwrap();
        assert_eq!(
            urls.iter().map(Page::name).collect::<Vec<_>>(),
            ["http://a/", "http://b/"]
        );
    }
}
