//! The files that bodies are written to, and their names.

use std::{
    collections::HashSet,
    fs::{self, File, FileTimes, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    failure::{Failure, Kind},
    jobs::Page,
    origin::Request,
};
use crate::prelude::*;

/// The longest file name that is made from a URL; file systems allow 255 bytes.
const NAME_MAX: usize = 120;

/// The file name of a body whose URL ends in a slash, as in wget.
const INDEX: &str = "index.html";

/// The destination of the bodies, from `-o`.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    Nowhere,
    Stdout,
    /// The body of the only request is written to this file.
    File(PathBuf),
    Directory {
        path: PathBuf,
        /// Names begin with the request's number, padded to this many digits so that they sort in order.
        /// `None` if names need no number, because the last parts of all URLs differ.
        digits: Option<usize>,
    },
}

impl Output {
    /// Checks that bodies can be written to `path`, before anything is fetched.
    pub(crate) fn prepare(
        path: Option<&Path>,
        pages: &[Page],
        count: usize,
    ) -> anyhow::Result<Self> {
        let Some(path) = path else {
            return Ok(Self::Nowhere);
        };
        let one = count == 1 && !pages.is_empty();
        if path == Path::new("-") {
            let many = "-o - prints one body: give only one URL, or replace - by a directory";
            ensure!(one, BadArguments::error(many));
            return Ok(Self::Stdout);
        }
        let shown = path.display();
        let cannot =
            |what: &str, error| BadArguments::error(format!("cannot write {what}{shown}: {error}"));
        let text = path.as_os_str().to_string_lossy();
        if one && !path.is_dir() && !text.ends_with(std::path::MAIN_SEPARATOR) {
            // Keep the content: this check must not empty a part file that is to be resumed.
            PartFile::open(path.to_owned(), true).map_err(|error| cannot("", error))?;
            return Ok(Self::File(path.to_owned()));
        }
        try_directory(path).map_err(|error| cannot("to the directory ", error))?;
        let numbered = count > pages.len() || clash(pages);
        Ok(Self::Directory {
            path: path.to_owned(),
            digits: numbered.then(|| count.to_string().len()),
        })
    }

    /// Returns the file of request number `index`, if it has one. Without a page, the request goes to the
    /// origin. In a directory, the file is named after the last part of the URL's path. If two files could
    /// get the same name, every name begins with the request's number and host.
    pub(crate) fn file_for(&self, index: usize, page: Option<&Page>) -> Option<PathBuf> {
        let (directory, digits) = match self {
            Self::Nowhere | Self::Stdout => return None,
            Self::File(path) => return Some(path.clone()),
            Self::Directory { path, digits } => (path, digits),
        };
        let (host, last) = match page {
            None => ("origin", safe_name(&Request::Reply(index as u64).path())),
            Some(page) => (page.url.host_str().unwrap_or_default(), page_name(page)),
        };
        Some(directory.join(match digits {
            None => last,
            Some(width) => {
                let name = safe_name(&format!("{host}-{last}"));
                format!("{:0width$}-{name}", index + 1)
            }
        }))
    }

    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    /// Returns how many files are open for each request in flight.
    pub(crate) fn files_each(&self) -> usize {
        usize::from(!matches!(self, Self::Nowhere | Self::Stdout))
    }
}

/// Creates the directory if needed and checks that files can be written there.
fn try_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    let probe = path.join(format!(".brigade-{}.probe", std::process::id()));
    File::create(&probe)?;
    fs::remove_file(&probe)
}

/// Returns whether two pages would have the same file name on a system that does not distinguish upper
/// and lower case.
fn clash(pages: &[Page]) -> bool {
    let mut seen = HashSet::with_capacity(pages.len());
    let mut names = pages.iter().map(|page| page_name(page).to_lowercase());
    !names.all(|name| seen.insert(name))
}

/// Returns the file name of a page: the last part of its path.
fn page_name(page: &Page) -> String {
    let last = page.url.path_segments().and_then(|mut it| it.next_back());
    let name = safe_name(last.unwrap_or_default());
    match name.is_empty() {
        true => INDEX.to_owned(),
        false => name,
    }
}

/// Keeps letters, digits, dots, dashes and underscores, and replaces everything else with a dash. The
/// result cannot be a path, an option or a hidden file on any system.
fn safe_name(text: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let safe = text.chars().map(|c| if is_safe(c) { c } else { '-' });
    let name: String = safe.take(NAME_MAX).collect();
    name.trim_matches(['-', '.']).to_owned()
}

/// A file that gets its final name only when it is complete. Until then it is called `.NAME.part`, and it
/// is removed if the body breaks off.
///
/// With `--continue`, the part file is kept, and its modification time is set to the time of the page's last
/// change. The later request for the rest contains this time. If the page has changed since, the server
/// sends the whole page, so that parts of two versions are not joined.
///
/// The task itself writes each piece of a body. The piece only goes to the page cache, which takes
/// microseconds; handing it to another thread would take longer.
#[derive(Debug)]
pub(crate) struct PartFile {
    file: File,
    part: PathBuf,
    whole: PathBuf,
    len: u64,
    /// True if the part is kept when the body breaks off.
    keeps: bool,
    /// The time of the page's last change, as the server gave it.
    changed: Option<SystemTime>,
    /// True if the part file already has its final name.
    renamed: bool,
}

impl PartFile {
    /// Opens the part file of `whole`. Empties an earlier part file unless `keeps` is true.
    pub(crate) fn open(whole: PathBuf, keeps: bool) -> io::Result<Self> {
        let name = whole.file_name().unwrap_or_default().to_string_lossy();
        let part = whole.with_file_name(format!(".{name}.part"));
        let mut options = OpenOptions::new();
        options.create(true).append(keeps).write(true);
        let file = options.truncate(!keeps).open(&part)?;
        let known = file.metadata()?;
        let changed = known.modified().ok().filter(|_| keeps && known.len() > 0);
        Ok(Self {
            file,
            part,
            whole,
            len: known.len(),
            keeps,
            changed: changed.filter(|&time| time > SystemTime::UNIX_EPOCH),
            renamed: false,
        })
    }

    /// Returns how many bytes the part already holds.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Returns the position at which to resume, and the time of the page's last change. Returns `None` if
    /// that time is unknown.
    pub(crate) fn resumes(&self) -> Option<(u64, SystemTime)> {
        Some((self.len, self.changed?))
    }

    /// Empties the part, so that it can receive the version of the page that was last changed at `changed`.
    pub(crate) fn restart(&mut self, changed: Option<SystemTime>) -> Result<(), Failure> {
        self.changed = changed;
        self.len = 0;
        let emptied = self.file.set_len(0);
        emptied.map_err(|error| cannot("write", &self.part, &error))
    }

    pub(crate) fn write(&mut self, piece: &[u8]) -> Result<(), Failure> {
        self.len += piece.len() as u64;
        let written = self.file.write_all(piece);
        written.map_err(|error| cannot("write", &self.part, &error))
    }

    pub(crate) fn finish(mut self) -> Result<PathBuf, Failure> {
        fs::rename(&self.part, &self.whole).map_err(|error| cannot("name", &self.whole, &error))?;
        self.renamed = true;
        Ok(self.whole.clone())
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if self.renamed {
            return;
        }
        if !self.keeps || self.len == 0 {
            let _ = fs::remove_file(&self.part);
            return;
        }
        // A part whose version is unknown gets the Unix epoch as its modification time. Such a part is not
        // resumed.
        let changed = self.changed.unwrap_or(SystemTime::UNIX_EPOCH);
        let _ = self.file.set_times(FileTimes::new().set_modified(changed));
    }
}

/// Creates the failure for a file that cannot be created, written or named.
pub(crate) fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    let details = format!("cannot {what} {}: {error}", path.display());
    Failure::new(Kind::Output, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(url: &str) -> Page {
        Page::parse(url).unwrap()
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// Returns the names that the bodies of these URLs get if each URL is fetched `rounds` times.
    fn named(urls: &[&str], rounds: usize) -> Vec<String> {
        let place = tempfile::tempdir().unwrap();
        let pages: Vec<_> = urls.iter().map(|url| page(url)).collect();
        let count = pages.len() * rounds;
        let folder = place.path().join("made/");
        let output = Output::prepare(Some(&folder), &pages, count).unwrap();
        let name = |index: usize| {
            let page = &pages[index % pages.len()];
            let file = output.file_for(index, Some(page)).unwrap();
            assert_eq!(file.parent(), Some(place.path().join("made").as_path()));
            file.file_name().unwrap().to_str().unwrap().to_owned()
        };
        (0..count).map(name).collect()
    }

    #[test]
    fn a_file_is_named_after_the_end_of_its_url() {
        assert_eq!(
            named(
                &[
                    "http://host/a/b.html?q=1",
                    "http://host/",
                    "http://host/.bashrc"
                ],
                1
            ),
            ["b.html", "index.html", "bashrc"]
        );
    }

    #[test]
    fn names_that_clash_are_numbered_in_order_and_lead_nowhere_else() {
        assert_eq!(
            named(&["http://host/b", "http://other/B"], 1),
            ["1-host-b", "2-other-B"]
        );
        assert_eq!(
            named(&["http://[::1]:80/..%2f..%2fetc%2fpasswd"], 10)[9],
            "10-1--2f..-2fetc-2fpasswd"
        );
        assert_eq!(named(&["http://host/%00%0a"], 2)[0], "1-host-00-0a");
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(safe_name(&"x".repeat(500)).len(), NAME_MAX);
    }

    #[test]
    fn one_url_may_name_its_file_and_many_need_a_directory() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("page.html");
        let pages = [page("http://a/"), page("http://b/")];
        let one = Output::prepare(Some(&file), &pages[..1], 1).unwrap();
        assert!(matches!(one, Output::File(path) if path == file));
        assert!(
            names(place.path()).is_empty(),
            "nothing is left of the check"
        );
        let many = Output::prepare(Some(&file), &pages, 2).unwrap();
        assert!(matches!(many, Output::Directory { .. }));

        let stdout = Path::new("-");
        assert!(
            Output::prepare(Some(stdout), &pages[..1], 1)
                .unwrap()
                .is_stdout()
        );
        for (pages, count) in [(&pages[..], 2), (&pages[..1], 2), (&[], 1)] {
            let error = Output::prepare(Some(stdout), pages, count).unwrap_err();
            assert!(error.is::<BadArguments>(), "{error}");
        }
        let below = place.path().join("missing/page.html");
        assert!(Output::prepare(Some(&below), &pages[..1], 1).is_err());
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let place = tempfile::tempdir().unwrap();
        let open = |keeps| PartFile::open(place.path().join("body"), keeps).unwrap();
        let mut broken_off = open(false);
        broken_off.write(b"half").unwrap();
        assert_eq!(names(place.path()), [".body.part"]);
        drop(broken_off);
        assert!(names(place.path()).is_empty(), "it is not removed");

        let mut whole = open(false);
        whole.write(b"all of it").unwrap();
        assert_eq!(whole.finish(), Ok(place.path().join("body")));
        assert_eq!(names(place.path()), ["body"]);
        assert_eq!(fs::read(place.path().join("body")).unwrap(), b"all of it");
    }

    #[test]
    fn a_part_is_gone_on_with_only_if_its_version_is_known() {
        let place = tempfile::tempdir().unwrap();
        let open = || PartFile::open(place.path().join("body"), true).unwrap();
        let version = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        for (changed, resumes) in [(Some(version), Some((4, version))), (None, None)] {
            let mut part = open();
            part.restart(changed).unwrap();
            part.write(b"half").unwrap();
            drop(part);
            assert_eq!(open().resumes(), resumes);
        }
        // Writing to the part changes its modification time, so it no longer belongs to `version`.
        fs::write(place.path().join(".body.part"), b"half").unwrap();
        assert_ne!(open().resumes(), Some((4, version)));
    }
}
