//! Checks the prose of README.md, ARCHITECTURE.md and the module headers. The files and items that these
//! texts cite must exist, and the quoted code must match the source. The texts cite code by path and name,
//! never by line.
//!
//! Each check is a function that returns the faults of a text. The last test gives each check a faulty text.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::text::{
    Source, declared, is_word, is_word_char, none, parts, quoted, read, renew, root, sources,
};

const PAGES: [&str; 2] = ["README.md", "ARCHITECTURE.md"];

/// Returns every text that is checked, with its path from the root.
fn texts() -> Vec<(String, String)> {
    let pages = [PAGES[0], PAGES[1], "runtime/exercises/README.md"];
    let pages = pages.map(|page| (page.to_owned(), read(page)));
    let headers = sources("runtime/src").into_iter();
    let headers = headers.map(|source| (format!("runtime/src/{}", source.name), source.header()));
    pages.into_iter().chain(headers).collect()
}

#[track_caller]
fn none_in_texts(check: impl Fn(&str, &str) -> Vec<String>) {
    none(texts().iter().flat_map(|(from, text)| check(from, text)));
}

// ---- citations -----------------------------------------------------------------------------------

/// Returns all names that can be cited: modules, the items that they declare, variants and re-exports.
fn index() -> BTreeSet<String> {
    let mut names: BTreeSet<_> = ["brigade", "crate", "super", "self"]
        .map(str::to_owned)
        .into();
    let folders = ["runtime/src", "runtime/examples", "demos/src", "tests/src"];
    for source in folders.into_iter().flat_map(sources) {
        let module = source.name.trim_end_matches(".rs").trim_end_matches("/mod");
        names.extend(module.split('/').map(str::to_owned));
        for line in source.code() {
            names.extend(declared(line).map(str::to_owned));
            let words = line.split(|c| !is_word_char(c));
            let words = words.map(str::to_owned);
            match line {
                _ if line.starts_with("pub use ") => names.extend(words),
                _ if line.starts_with(char::is_uppercase) => names.extend(words.take(1)),
                _ => {}
            }
        }
    }
    names
}

/// Returns the cited files and items that do not exist, and the functions in diagrams that do not exist.
fn dead_citations(index: &BTreeSet<String>, from: &str, text: &str) -> Vec<String> {
    let foreign = "std mio hyper futures_io futures_task loom Duration";
    let (prose, blocks) = parts(text);
    let mut dead = Vec::new();
    for span in quoted(&prose) {
        let is_path = span.chars().all(|c| is_word_char(c) || "-./".contains(c));
        let ends = [".rs", ".md", ".toml", "/"];
        if is_path && ends.iter().any(|end| span.ends_with(end)) && !is_there(from, span) {
            dead.push(format!("{from}: no file {span}"));
        }
        let path: Vec<_> = span.trim_end_matches("()").split("::").collect();
        let is_item = path.len() > 1 && path.iter().all(|part| is_word(part));
        let is_known = || path.iter().all(|part| index.contains(*part));
        if is_item && !foreign.split(' ').any(|it| it == path[0]) && !is_known() {
            dead.push(format!("{from}: no {span}"));
        }
    }
    for (_, diagram) in blocks.iter().filter(|(info, _)| info == "text") {
        for (at, _) in diagram.match_indices("()") {
            let name = diagram[..at].rsplit(|c| !is_word_char(c)).next().unwrap();
            if !index.contains(name) {
                dead.push(format!("{from}: no {name}() of a diagram"));
            }
        }
    }
    dead
}

fn is_there(from: &str, path: &str) -> bool {
    let beside = Path::new(from).parent().unwrap_or(Path::new(""));
    let bases = ["", "runtime/src", "runtime", "tests/tests"].map(Path::new);
    let mut bases = bases.into_iter().chain([beside]);
    bases.any(|base| root().join(base).join(path).exists())
}

/// Returns the links to files and headings that do not exist.
fn dead_links(from: &str, text: &str) -> Vec<String> {
    let (prose, _) = parts(text);
    let mut dead = Vec::new();
    for target in prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
    {
        // rustdoc checks the links in the sources.
        if target.contains("://") || target.contains("::") || from.ends_with(".rs") {
            continue;
        }
        let (file, heading) = target.split_once('#').unwrap_or((target, ""));
        let path = match file {
            "" => root().join(from),
            file => root().join(from).with_file_name("").join(file),
        };
        let slug = |line: &str| {
            let text = line.trim_start_matches('#').trim().to_lowercase();
            let kept = text
                .chars()
                .filter(|&c| is_word_char(c) || c == '-' || c == ' ');
            kept.collect::<String>().replace(' ', "-")
        };
        let page = fs::read_to_string(&path).unwrap_or_default();
        let mut headings = page.lines().filter(|line| line.starts_with('#'));
        if !path.exists() || !heading.is_empty() && !headings.any(|line| slug(line) == heading) {
            dead.push(format!("{from}: a link to {target}"));
        }
    }
    dead
}

/// Returns the steps of a two-sided protocol (`S1`, `N2`) that no comment in the code marks.
fn unmarked_steps(sources: &[Source], from: &str, text: &str) -> Vec<String> {
    let is_step = |word: &&str| {
        let letter = word.starts_with(['N', 'P', 'R', 'S', 'T']);
        letter && word.len() == 2 && word.ends_with(|c: char| c.is_ascii_digit())
    };
    let lines = sources.iter().flat_map(|source| source.text.lines());
    let comments = lines.filter(|line| !line.starts_with("//!"));
    let comments = comments.filter_map(|line| line.split_once("//"));
    let marks = |comment| str::split(comment, |c| !is_word_char(c)).filter(is_step);
    let marked: BTreeSet<_> = comments.flat_map(|(_, comment)| marks(comment)).collect();
    let (_, blocks) = parts(text);
    let blocks = blocks.iter().filter(|(info, _)| info == "text");
    let told: BTreeSet<_> = blocks.flat_map(|(_, block)| marks(block)).collect();
    let missing = told.difference(&marked);
    missing
        .map(|step| format!("{from}: no comment marks step {step}"))
        .collect()
}

#[test]
fn what_is_cited_is_there() {
    let (index, sources) = (index(), sources("runtime/src"));
    none_in_texts(|from, text| dead_citations(&index, from, text));
    none_in_texts(dead_links);
    none_in_texts(|from, text| unmarked_steps(&sources, from, text));
}

#[test]
fn every_file_has_its_place_in_the_architecture() {
    let page = read("ARCHITECTURE.md");
    let cited: BTreeSet<_> = quoted(&page).collect();
    let is_known = |file: &str| {
        let mut folders = file.match_indices('/').map(|(at, _)| &file[..=at]);
        file == "lib.rs" || cited.contains(file) || folders.any(|folder| cited.contains(folder))
    };
    let mut sources = sources("runtime/src");
    sources.retain(|source| !is_known(&source.name));
    none(
        sources
            .iter()
            .map(|source| format!("{} is not in ARCHITECTURE.md", source.name)),
    );
}

// ---- plain English -------------------------------------------------------------------------------

/// Returns the lines that contain a vague pronoun or a coined name, or that begin a doc comment with a
/// fragment.
fn riddles(from: &str, text: &str) -> Vec<String> {
    let words = "whoever whomever somebody nobody afar strays purse letterbox";
    let openings = ["/// Whether ", "/// Who ", "//! **Job.**", "//! **Never**"];
    let mut faults = Vec::new();
    for line in text.lines().map(str::trim) {
        // Skip the names of constants.
        let names = |word: &&str| word.chars().all(char::is_uppercase);
        let all = line.split(|c| !is_word_char(c)).filter(|word| !names(word));
        let mut all = all.map(str::to_lowercase);
        let word = all.find(|word| words.split(' ').any(|it| it == word));
        let opening = openings.iter().find(|it| line.starts_with(**it));
        if word.is_some() || opening.is_some() {
            faults.push(format!("{from}: {line}"));
        }
    }
    faults
}

#[test]
fn comments_and_pages_name_the_actor() {
    let pages = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
    ];
    none(pages.iter().flat_map(|page| riddles(page, &read(page))));
    none(sources("runtime/src").iter().flat_map(|source| {
        let comments = source.shipped().lines().map(str::trim);
        let comments = comments.filter(|line| line.starts_with("//"));
        riddles(&source.name, &comments.collect::<Vec<_>>().join("\n"))
    }));
}

// ---- quotations ----------------------------------------------------------------------------------

/// Returns the code blocks of a page that are neither doctests nor true quotations. With `BRIGADE_QUOTE=1`,
/// updates the quotations. Then check by hand that the text around each of them still fits.
fn loose_code(from: &str, text: &str, is_doctested: bool) -> Vec<String> {
    let mut loose = Vec::new();
    let mut fences: Vec<_> = text.match_indices("```").map(|(at, _)| at).collect();
    fences = fences.into_iter().step_by(2).collect();
    for at in fences {
        let (info, code) = text[at + 3..].split_once('\n').unwrap();
        let code = code.split("\n```").next().unwrap();
        let marker = text[..at].trim_end().lines().next_back().unwrap_or("");
        let cited = marker
            .strip_prefix("<!-- code: ")
            .and_then(|rest| rest.strip_suffix(" -->"));
        if let Some((path, function)) = cited.and_then(|cited| cited.split_once(' ')) {
            let source = Source {
                name: path.into(),
                text: read(path),
            };
            let there = source
                .function(function)
                .unwrap_or_else(|| panic!("no {function} in {path}"));
            if there != code {
                renew(from, code, &there);
                loose.push(format!("{from}: {function} differs in {path}"));
            }
        } else if info.starts_with("rust") && !(is_doctested && info == "rust") {
            loose.push(format!("{from}: no test compiles this code: {code}"));
        }
    }
    loose
}

#[test]
fn snippets_are_compiled_and_quotations_are_true() {
    none(loose_code("README.md", &read("README.md"), true));
    none(loose_code(
        "ARCHITECTURE.md",
        &read("ARCHITECTURE.md"),
        false,
    ));
    // The library includes the README, so its examples are doctests.
    assert!(read("runtime/src/lib.rs").contains("include_str!(\"../README.md\")"));
    assert_eq!(read("runtime/README.md"), read("README.md"));
    none_in_texts(|from, text| {
        let ignored = text
            .contains("```ignore")
            .then(|| format!("{from}: no test compiles some code"));
        ignored.into_iter().collect()
    });
}

/// Returns the figures (numbers with a unit) outside of a measured block, and the measured blocks that were
/// edited by hand. `.ci/figures` writes each block: first
/// `<!-- measured: command; machine; date; digest -->`, then the command's output or a link to its picture,
/// and finally `<!-- end -->`.
fn bare_figures(from: &str, text: &str) -> Vec<String> {
    let (mut bare, mut faults, mut rest) = (String::new(), Vec::new(), text);
    while let Some((before, after)) = rest.split_once("<!-- measured: ") {
        let (about, after) = after.split_once(" -->\n").expect("a marker ends");
        let (block, after) = after.split_once("<!-- end -->").expect("a block ends");
        let (head, digest) = about.rsplit_once("; ").unwrap_or_default();
        let picture = block
            .split_once("](")
            .and_then(|(_, target)| target.split(')').next());
        let wrote = match block
            .strip_prefix("```text\n")
            .and_then(|it| it.strip_suffix("```\n"))
        {
            Some(printed) => printed.to_owned(),
            None if block.starts_with("![") => read(picture.expect("a link to the picture")),
            None => block.to_owned(),
        };
        if head.split("; ").count() != 3 || digest != checksum(&format!("{head}\n{wrote}")) {
            faults.push(format!(
                "{from}: differs from the command's output: {about}"
            ));
        }
        bare += before;
        rest = after;
    }
    bare += rest;
    faults.extend(figures(&bare).map(|figure| format!("{from}: {figure}")));
    faults
}

/// Returns the first number that `cksum` prints: the CRC-32 of the bytes and of their count. `.ci/figures`
/// uses `cksum`, because every system has it.
fn checksum(text: &str) -> String {
    let mut length = text.len();
    let mut bytes = text.as_bytes().to_vec();
    while length > 0 {
        bytes.push(length as u8);
        length >>= 8;
    }
    let crc = bytes.iter().fold(0_u32, |crc, byte| {
        (0..8).fold(crc ^ (u32::from(*byte) << 24), |crc, _| {
            (crc << 1) ^ if crc >> 31 == 1 { 0x04C1_1DB7 } else { 0 }
        })
    });
    (!crc).to_string()
}

/// Returns the numbers that have a unit.
fn figures(text: &str) -> impl Iterator<Item = String> {
    const UNITS: &[&str] = &["ns", "µs", "us", "ms", "KiB", "MiB", "GiB", "%", "k/s", "x"];
    let words: Vec<_> = text.split_whitespace().collect();
    let pairs = words.windows(2).filter(|pair| {
        let is_number = pair[0]
            .trim_start_matches('(')
            .starts_with(|c: char| c.is_ascii_digit());
        is_number && UNITS.contains(&pair[1].trim_end_matches(['.', ',', ';', ':', ')']))
    });
    pairs
        .map(|pair| pair.join(" "))
        .collect::<Vec<_>>()
        .into_iter()
}

#[test]
fn measured_figures_are_what_their_command_wrote() {
    none(
        PAGES
            .iter()
            .flat_map(|page| bare_figures(page, &read(page))),
    );
}

#[test]
fn the_checks_find_what_they_are_for() {
    let index = index();
    let cited = |text| dead_citations(&index, "README.md", text).len();
    assert_eq!(
        cited(
            "`sync.rs`, `JoinSet::detach_all`, `SingleThread::block_on()`, `ErrorKind`, `brigade::explore`"
        ),
        0
    );
    assert_eq!(
        cited("`gone.rs`, `JoinSet::xyzzy`, `Xyzzy::block_on`, `xyzzy::explore`"),
        4
    );
    assert_eq!(cited("```text\nblock_on() ──► is_gone_for_ever()\n```"), 1);
    let links = |text| dead_links("README.md", text).len();
    assert_eq!(
        links("[a](ARCHITECTURE.md#reading-order) [b](runtime/src) [c](https://a.example)"),
        0
    );
    assert_eq!(links("[a](ARCHITECTURE.md#gone) [b](gone.md)"), 2);
    assert_eq!(
        unmarked_steps(
            &sources("runtime/src"),
            "",
            "```text\nS1 sleep, T9 never\n```"
        )
        .len(),
        1
    );

    let text = read("runtime/src/custom.rs");
    let source = Source {
        name: String::new(),
        text,
    };
    let quote = |code: &str| {
        let code = format!(
            "<!-- code: runtime/src/custom.rs Core::notify -->\n```rust,ignore\n{code}\n```\n"
        );
        loose_code("", &code, false).len()
    };
    let there = source.function("Core::notify").unwrap();
    assert_ne!(there, source.function("Notify::notify").unwrap());
    assert_eq!(
        (quote(&there), quote(&there.replace("parked", "gone"))),
        (0, 1)
    );
    assert_eq!(
        loose_code("", "```rust,ignore\nlet x = 1;\n```", false).len(),
        1
    );

    assert_eq!(
        riddles(
            "",
            "/// Whoever comes.\n/// Returns it.\n/// Whether it is."
        )
        .len(),
        2
    );

    assert_eq!(bare_figures("", "It takes 5 ms.").len(), 1);
    // `printf 'a; b; c\n5 ms\n' | cksum`
    let block = |digest, text| {
        bare_figures(
            "",
            &format!("<!-- measured: a; b; c{digest} -->\n{text}\n<!-- end -->"),
        )
        .len()
    };
    assert_eq!(block("; 357398818", "5 ms"), 0);
    assert_eq!(block("; 357398818", "4 ms"), 1);
    assert_eq!(block("", "5 ms"), 1);
}
