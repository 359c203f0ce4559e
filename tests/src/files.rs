//! Finds the files of the tests.

use std::fs;
use std::path::{Path, PathBuf};

/// A file below `tests/tests`.
#[derive(Debug)]
pub struct TestFile {
    pub path: PathBuf,
    /// The test program that contains the file.
    pub binary: String,
    /// The module that the file forms in the test program, or `None` if the file is the whole program.
    pub module: Option<String>,
}

/// Finds a test file by its name without `.rs`. Names are unique across all folders.
///
/// # Panics
/// Panics if two files have this name.
#[must_use]
pub fn test_file(name: &str) -> Option<TestFile> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let whole = [(tests.join(format!("{name}.rs")), name.to_owned(), None)];
    let topics = fs::read_dir(&tests).expect("the folder of the tests");
    let parts = topics.map(|topic| {
        let topic = topic.expect("an entry of the folder");
        let path = topic.path().join(format!("{name}.rs"));
        let binary = topic.file_name().to_string_lossy().into_owned();
        (path, binary, Some(name.to_owned()))
    });
    let all = whole.into_iter().chain(parts);
    let mut found = all.filter(|(path, ..)| path.exists());
    let (path, binary, module) = found.next()?;
    assert!(found.next().is_none(), "two files are called {name}.rs");
    Some(TestFile {
        path,
        binary,
        module,
    })
}
