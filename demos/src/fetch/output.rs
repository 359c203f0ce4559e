//! Where the bytes of a body go: counted, compared, or written to a file.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::{
    failure::{Failure, Kind},
    jobs::{Job, Target},
    origin::Reply,
};
use crate::cli::BadArguments;

/// The longest file name that is made of a URL; file systems allow 255 bytes.
const NAME_MAX: usize = 120;

/// A directory that bodies are written to, known to be writable.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// Digits that number the last request, so that names sort in order.
    digits: usize,
}

impl Directory {
    /// Makes the directory if need be and tries whether files can be written there.
    pub(crate) fn prepare(path: &Path, requests: usize) -> anyhow::Result<Self> {
        let attempt = || {
            fs::create_dir_all(path)?;
            let probe = path.join(format!(".brigade-{}.probe", std::process::id()));
            File::create(&probe)?;
            fs::remove_file(&probe)
        };
        match attempt() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                digits: requests.to_string().len(),
            }),
            Err(error) => {
                let message = format!("cannot write to the directory {}: {error}", path.display());
                Err(BadArguments::error(message))
            }
        }
    }

    /// The file for one request: its number, its host, the end of its path.
    /// The number makes the name unique, whatever the URL.
    pub(crate) fn file_for(&self, job: &Job) -> PathBuf {
        let url = match &job.target {
            Target::Origin(_, reply) => format!("origin{}", reply.path()),
            Target::Url(url) => {
                let last = url
                    .path_segments()
                    .and_then(|mut segments| segments.next_back());
                format!(
                    "{}-{}",
                    url.host_str().unwrap_or_default(),
                    last.unwrap_or_default()
                )
            }
        };
        let number = job.index + 1;
        self.path.join(format!(
            "{number:0width$}-{}",
            safe_name(&url),
            width = self.digits
        ))
    }
}

/// Letters, digits, dots, dashes and underscores; the rest becomes a dash. What
/// is left can be no path, no option and no hidden file on any system.
fn safe_name(text: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = text.chars().map(safe).take(NAME_MAX).collect();
    name.trim_matches(['-', '.']).to_owned()
}

/// What is done with a body as it arrives, beside counting it: it may be compared
/// with what the origin was asked for, and written to a file. Never more than
/// one piece of it is held.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    /// The reply that is expected, and how much of it has come.
    pub(crate) expected: Option<(Reply, usize)>,
    pub(crate) file: Option<PartFile>,
}

impl Sink {
    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<(), Failure> {
        if let Some((reply, at)) = &mut self.expected {
            let expected = reply.body().get(*at..*at + piece.len());
            *at += piece.len();
            if expected != Some(piece) {
                return Err(not_as_expected());
            }
        }
        self.file.as_mut().map_or(Ok(()), |file| file.write(piece))
    }

    /// The whole body has arrived. Returns the file it is in.
    pub(crate) fn finish(self) -> Result<Option<PathBuf>, Failure> {
        if self
            .expected
            .is_some_and(|(reply, at)| at != reply.body().len())
        {
            return Err(not_as_expected());
        }
        self.file.map(PartFile::finish).transpose()
    }
}

fn not_as_expected() -> Failure {
    Failure::new(
        Kind::Protocol,
        "the body is not what the origin was asked for",
    )
}

/// A file that takes its name only once it is whole: until then it is called
/// `.NAME.part`, and it is removed if the body never ends.
///
/// Writing goes to the page cache and takes microseconds, less than handing the
/// piece to another thread would; so it is done on the spot.
#[derive(Debug)]
pub(crate) struct PartFile {
    file: File,
    part: PathBuf,
    whole: PathBuf,
    /// Whether `part` no longer exists.
    renamed: bool,
}

impl PartFile {
    pub(crate) fn create(whole: PathBuf) -> Result<Self, Failure> {
        let name = whole.file_name().unwrap_or_default().to_string_lossy();
        let part = whole.with_file_name(format!(".{name}.part"));
        let file = File::create(&part).map_err(|error| cannot("create", &part, &error))?;
        Ok(Self {
            file,
            part,
            whole,
            renamed: false,
        })
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), Failure> {
        self.file
            .write_all(piece)
            .map_err(|error| cannot("write", &self.part, &error))
    }

    fn finish(mut self) -> Result<PathBuf, Failure> {
        fs::rename(&self.part, &self.whole).map_err(|error| cannot("name", &self.whole, &error))?;
        self.renamed = true;
        Ok(self.whole.clone())
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = fs::remove_file(&self.part);
        }
    }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Kind::Output,
        format!("cannot {what} {}: {error}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn job(index: usize, url: &str) -> Job {
        Job {
            index,
            target: Target::Url(Arc::new(url.parse().unwrap())),
        }
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn names_are_numbered_in_order_and_lead_nowhere_else() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::prepare(place.path(), 100).unwrap();
        for (index, url, name) in [
            (0, "http://host/a/b.html?q=1", "001-host-b.html"),
            (1, "http://host/", "002-host"),
            (
                2,
                "http://[::1]:80/..%2f..%2fetc%2fpasswd",
                "003-1--..-2f..-2fetc-2fpasswd",
            ),
            (99, "http://host/%00%0a", "100-host--00-0a"),
        ] {
            let file = directory.file_for(&job(index, url));
            assert_eq!(file, place.path().join(name), "{url}");
        }
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(safe_name(&"x".repeat(500)).len(), NAME_MAX);
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let place = tempfile::tempdir().unwrap();
        let sink = || {
            let file = PartFile::create(place.path().join("body")).unwrap();
            Sink {
                file: Some(file),
                expected: None,
            }
        };
        let mut broken_off = sink();
        broken_off.take(b"half").unwrap();
        assert_eq!(names(place.path()), [".body.part"]);
        drop(broken_off);
        assert!(names(place.path()).is_empty(), "half a body is no body");

        let mut whole = sink();
        whole.take(b"all of it").unwrap();
        assert_eq!(whole.finish(), Ok(Some(place.path().join("body"))));
        assert_eq!(names(place.path()), ["body"]);
        assert_eq!(fs::read(place.path().join("body")).unwrap(), b"all of it");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_an_output_failure() {
        let place = tempfile::tempdir().unwrap();
        let failure = PartFile::create(place.path().join("gone/body")).unwrap_err();
        assert_eq!(failure.kind, Kind::Output);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_a_bad_argument() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Directory::prepare(&file.path().join("below"), 1).unwrap_err();
        assert!(error.is::<BadArguments>(), "{error}");
    }

    #[test]
    fn bodies_of_the_origin_are_compared_byte_by_byte() {
        let reply = Reply::to(5);
        let sink = || Sink {
            expected: Some((reply, 0)),
            file: None,
        };
        let (head, tail) = reply.body().split_at(500);

        let mut right = sink();
        right.take(head).unwrap();
        right.take(tail).unwrap();
        assert_eq!(right.finish(), Ok(None));

        let mut short = sink();
        short.take(head).unwrap();
        assert!(short.finish().is_err());
        assert!(sink().take(tail).is_err(), "in the wrong place");
        let mut long = sink();
        long.take(reply.body()).unwrap();
        assert!(long.take(b"x").is_err());
    }
}
