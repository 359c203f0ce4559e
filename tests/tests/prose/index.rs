//! What there is to cite: files, functions, types, by a line-wise reading of the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ is in the workspace").into()
}

/// A source file: where it is from the root, its `//!` lines and the rest.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) header: String,
    pub(crate) body: String,
}

impl Source {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let is_header = |line: &&str| line.starts_with("//!");
        let header = text.lines().take_while(is_header);
        let header: Vec<_> = header
            .map(|line| line[3..].strip_prefix(' ').unwrap_or(&line[3..]))
            .collect();
        let path = path.strip_prefix(root()).unwrap().to_str().unwrap();
        Source {
            path: path.replace('\\', "/"),
            body: text
                .lines()
                .skip_while(is_header)
                .collect::<Vec<_>>()
                .join("\n"),
            header: header.join("\n"),
        }
    }

    /// The last part of its module's path.
    fn module(&self) -> &str {
        let path = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        path.rsplit('/').next().unwrap()
    }

    /// The text of a function, without its indentation.
    pub(crate) fn function(&self, name: &str) -> Option<String> {
        let lines: Vec<_> = self.body.lines().collect();
        let first = lines
            .iter()
            .position(|line| item(line, &["fn"]) == Some(name))?;
        let indent = lines[first].len() - lines[first].trim_start().len();
        let end = format!("{}}}", " ".repeat(indent));
        let count = lines[first..].iter().position(|line| *line == end)?;
        let text = lines[first..=first + count].iter();
        let text: Vec<_> = text.map(|line| line.get(indent..).unwrap_or("")).collect();
        Some(text.join("\n"))
    }
}

/// The sources below a folder.
pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(Source::read(&path));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The name that a line declares, if it declares one of these kinds.
fn item<'a>(line: &'a str, kinds: &[&str]) -> Option<&'a str> {
    let line = line.trim_start();
    // `pub(in some::room)`: the room's name is no part of what is declared.
    let line = match line.strip_prefix("pub(in ") {
        Some(rest) => rest.split_once(") ")?.1,
        None => line,
    };
    let mut words = line
        .split([' ', '(', '<', ':', ';', '{', '!', '='])
        .peekable();
    loop {
        let word = words.next()?;
        if kinds.contains(&word) {
            // `static mut` and the like do not occur.
            let name = words.find(|word| !word.is_empty())?;
            return Some(name);
        }
        let prefix = ["pub", "crate)", "super)", "async", "unsafe", "const"];
        if !prefix.contains(&word) && !word.is_empty() {
            return None;
        }
    }
}

/// What is declared where.
#[derive(Default)]
pub(crate) struct Index {
    /// `Type::member`, `module::function`, `module::Type`.
    paths: BTreeSet<(String, String)>,
    /// Names of functions.
    pub(crate) functions: BTreeSet<String>,
    names: BTreeSet<String>,
    aliases: BTreeMap<String, String>,
}

impl Index {
    pub(crate) fn of(sources: &[Source]) -> Self {
        let mut index = Index::default();
        for source in sources {
            index.read(source);
        }
        index
    }

    fn read(&mut self, source: &Source) {
        const OWNERS: &[&str] = &["struct", "enum", "trait", "union"];
        const MEMBERS: &[&str] = &["fn", "type", "const", "static"];
        let module = source.module();
        let mut owner: Option<String> = None;
        for line in source.body.lines() {
            let indent = line.len() - line.trim_start().len();
            if indent == 0 {
                if let Some(name) = item(line, OWNERS) {
                    owner = Some(name.into());
                    self.add(module, name);
                } else if let Some(name) = item(line, &["macro_rules", "mod"]) {
                    self.add(module, name);
                    owner = None;
                } else if line.starts_with("pub use ") {
                    self.shown(module, line);
                } else if line.starts_with("impl") || line.starts_with("unsafe impl") {
                    owner = implemented(line);
                } else if let Some(name) = item(line, MEMBERS) {
                    self.add(module, name);
                    self.alias(line);
                    if item(line, &["fn"]).is_some() {
                        self.functions.insert(name.into());
                    }
                } else if line.starts_with('}') {
                    owner = None;
                }
            } else if let (4, Some(owner)) = (indent, owner.clone()) {
                let variant = line
                    .trim()
                    .trim_start_matches("pub ")
                    .split(['(', ',', ' ', '{', ':'])
                    .next()
                    .unwrap_or("");
                let member = item(line, MEMBERS).unwrap_or(variant);
                if item(line, &["fn"]).is_some() {
                    self.functions.insert(member.into());
                }
                self.add(&owner, member);
            }
        }
    }

    /// Another name for a type: its members are found by it, too.
    fn alias(&mut self, line: &str) {
        let sides = line
            .strip_prefix("pub type ")
            .and_then(|it| it.split_once(" = "));
        if let Some((name, of)) = sides {
            let of = of.split(['<', ';']).next().unwrap_or("");
            self.aliases.insert(name.into(), of.into());
        }
    }

    /// What a line shows that stands elsewhere, perhaps by another name.
    fn shown(&mut self, module: &str, line: &str) {
        let list = line.rsplit("::").next().unwrap_or("");
        for name in list.trim_matches(['{', '}', ';']).split(',') {
            let (own, shown) = name.split_once(" as ").unwrap_or((name, name));
            self.add(module, shown.trim());
            if own != shown {
                self.aliases.insert(shown.trim().into(), own.trim().into());
            }
        }
    }

    fn add(&mut self, owner: &str, name: &str) {
        self.names.insert(owner.into());
        self.names.insert(name.into());
        self.paths.insert((owner.into(), name.into()));
    }

    /// Whether `a::b::c` leads somewhere: by its last two parts.
    pub(crate) fn has(&self, path: &str) -> bool {
        let mut parts = path.rsplit("::");
        let (Some(last), Some(owner)) = (parts.next(), parts.next()) else {
            return self.names.contains(path);
        };
        match self.aliases.get(owner).map_or(owner, String::as_str) {
            "brigade" | "crate" | "super" | "self" => self.names.contains(last),
            owner => self.paths.contains(&(owner.into(), last.into())),
        }
    }
}

/// The type that an `impl` line is about.
fn implemented(line: &str) -> Option<String> {
    let head = line.split(" where").next()?.trim_end_matches('{').trim();
    let of = head.rsplit(" for ").next()?;
    let of = of
        .trim_start_matches("unsafe ")
        .trim_start_matches("impl")
        .trim_start();
    // `impl<T: Trait<U>> Type<T>`: the parameters go.
    let mut depth = 0;
    let start = of
        .char_indices()
        .find(|(_, c)| match c {
            '<' => {
                depth += 1;
                false
            }
            '>' => {
                depth -= 1;
                false
            }
            c => depth == 0 && (c.is_alphabetic() || *c == '_'),
        })?
        .0;
    let end = of[start..].find(|c: char| !c.is_alphanumeric() && c != '_');
    Some(of[start..end.map_or(of.len(), |end| start + end)].into())
}
