//! Finds the files of the tests.

use std::fs;
use std::path::{Path, PathBuf};

/// A file below `tests/tests` or in `tests/ecosystem`.
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
/// Panics if two test files have the name `name`.
#[must_use]
pub fn test_file(name: &str) -> Option<TestFile> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = package.join("tests");
    let whole = [(tests.join(format!("{name}.rs")), name.to_owned(), None)];
    let topics = fs::read_dir(&tests).expect("the folder of the tests");
    let topics = topics.map(|topic| topic.expect("an entry of the folder").path());
    let parts = topics.chain([package.join("ecosystem")]).map(|topic| {
        let binary = topic.file_name().unwrap_or_default().to_string_lossy();
        let path = topic.join(format!("{name}.rs"));
        (path, binary.into_owned(), Some(name.to_owned()))
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
