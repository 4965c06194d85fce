//! The structure test: layers, lanes, confined crates, sizes, names and the code map of DESIGN.md hold in every
//! source file. All violations are listed at once, each with its file and line. It reads text, not types: a path
//! counts where it is written, in tests as in code; comments and strings don't count.

use std::fmt::{self, Display};
use std::fs;
use std::path::Path;

const FILE_LINES_MAX: usize = 600;
const FOLDER_FILES_MAX: usize = 12;
const ROOT_LINES_MAX: usize = 120;
const CODE_MAP: &str = "docs/ARCHITECTURE.md";

/// Folders under `src/` by height: a layer names only lower ones, so two of one height never name each other.
const LAYERS: [(&str, u8); 7] = [
    ("domain", 0),
    ("store", 1),
    ("views", 2),
    ("search", 2),
    ("services", 3),
    ("sync", 3),
    ("lanes", 4),
];
/// The files and folders of the root may name everything.
const ROOT_HEIGHT: u8 = 5;
/// What lanes share; everything else in `lanes` is a lane, which no other lane names.
const LANES_SHARED: [&str; 1] = ["http"];

/// A crate and the only places that name it, as prefixes of paths.
const CONFINED: [(&str, &[&str]); 8] = [
    ("redb", &["src/store/"]),
    ("tantivy", &["src/search/"]),
    ("axum", &["src/lanes/", "src/server", "src/app"]),
    ("async_graphql", &["src/lanes/graphql/"]),
    ("cedar_policy", &["src/services/policy"]),
    ("rustls", &["src/server", "src/sync/"]),
    ("rcgen", &["src/server/"]),
    (
        "zip",
        &[
            "src/services/export/",
            "src/cli/upkeep/packed.rs",
            "tests/it/court/",
        ],
    ),
];
/// The domain does no IO and waits for nothing.
const NOT_IN_DOMAIN: [&str; 4] = ["tokio", "std::fs", "std::net", "std::env"];
const DRAWERS: [&str; 7] = ["util", "utils", "helper", "helpers", "common", "misc", "shared"];
/// Where Rust of ours lies; folders that are not there yet are passed over.
const RUST_FOLDERS: [&str; 4] = ["src", "tests", "benches", "fuzz/src"];
/// A word in backticks that starts so is a path, which must be there.
const PATH_STARTS: [&str; 10] = [
    "src/", "tests/", "docs/", "benches/", "fuzz/", "web/", "sdks/", "systemd/", "certs/", ".ci/",
];

#[test]
fn the_tree_is_tidy() {
    let faults = faults_of(&Tree::read(Path::new(env!("CARGO_MANIFEST_DIR"))));
    let list: String = faults.iter().map(|fault| format!("  {fault}\n")).collect();
    assert!(
        faults.is_empty(),
        "{} violations of the structure:\n{list}",
        faults.len()
    );
}

struct Fault {
    path: String,
    line: usize,
    what: String,
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// The sources as the rules see them.
struct Tree {
    sources: Vec<Source>,
    /// Every path of the repository, folders with a slash at the end.
    paths: Vec<String>,
    code_map: String,
}

struct Source {
    path: String,
    text: String,
    /// The text with everything but code blanked; lines stay where they are.
    code: String,
    /// The text with everything but comments blanked.
    comments: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let (code, comments) = split_code(text);
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            comments,
        }
    }

    fn fault(&self, at: usize, what: impl Into<String>) -> Fault {
        let line = 1 + self.code.bytes().take(at).filter(|byte| *byte == b'\n').count();
        Fault {
            path: self.path.clone(),
            line,
            what: what.into(),
        }
    }

    /// Its module path: `src/store/log.rs` → `store::log`, `src/store/mod.rs` → `store`.
    fn module(&self) -> Vec<String> {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let inner = inner.strip_suffix(".rs").unwrap_or(inner);
        let mut module: Vec<String> = inner.split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
        module
    }

    fn in_src(&self) -> bool {
        self.path.starts_with("src/")
    }
}

impl Tree {
    fn read(root: &Path) -> Self {
        let mut paths = Vec::new();
        list(root, "", &mut paths);
        let sources = paths
            .iter()
            .filter(|path| path.ends_with(".rs"))
            .filter(|path| {
                RUST_FOLDERS
                    .iter()
                    .any(|folder| path.starts_with(&format!("{folder}/")))
            })
            .map(|path| Source::new(path, &read(root, path)))
            .collect();
        Self {
            sources,
            code_map: fs::read_to_string(root.join(CODE_MAP)).unwrap_or_default(),
            paths,
        }
    }
}

fn read(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("can't read {path}: {error}"))
}

fn list(root: &Path, folder: &str, paths: &mut Vec<String>) {
    let entries =
        fs::read_dir(root.join(folder)).unwrap_or_else(|error| panic!("can't list {folder}: {error}"));
    for entry in entries.map(|entry| entry.expect("a folder can be listed to its end")) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if matches!(name.as_str(), "target" | "node_modules" | ".git") {
            continue;
        }
        let path = format!("{folder}{name}");
        if entry.path().is_dir() {
            let inner = format!("{path}/");
            list(root, &inner, paths);
            paths.push(inner);
        } else {
            paths.push(path);
        }
    }
    paths.sort();
}

fn faults_of(tree: &Tree) -> Vec<Fault> {
    let mut faults: Vec<Fault> = tree.sources.iter().flat_map(faults_of_source).collect();
    faults.extend(crowded_folders(tree));
    faults.extend(root_too_long(tree));
    faults.extend(drawers(tree));
    faults.extend(code_map_faults(tree));
    faults
}

fn faults_of_source(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    faults.extend(header_missing(source));
    faults.extend(too_long(source));
    faults.extend(forbidden_words(source));
    if source.in_src() {
        let paths = crate_paths(source);
        faults.extend(paths.iter().filter_map(|path| layer_fault(source, path)));
        faults.extend(paths.iter().filter_map(|path| lane_fault(source, path)));
        faults.extend(confined_crates(source));
    }
    faults
}

fn header_missing(source: &Source) -> Option<Fault> {
    (!source.text.starts_with("//! "))
        .then(|| source.fault(0, "the file doesn't start with `//!`: what it is for"))
}

fn too_long(source: &Source) -> Option<Fault> {
    let lines = source.text.lines().count();
    (source.in_src() && lines > FILE_LINES_MAX).then(|| {
        source.fault(
            source.code.len(),
            format!("{lines} lines, at most {FILE_LINES_MAX} allowed"),
        )
    })
}

fn forbidden_words(source: &Source) -> Vec<Fault> {
    let compact_glob = ["::*", "{*", ", *}", ", *,"];
    let mut faults = Vec::new();
    for (at, statement) in uses(&source.code) {
        if compact_glob.iter().any(|glob| statement.contains(glob)) {
            faults.push(source.fault(at, "a glob import: name what is used"));
        }
    }
    let mut refuse = |text: &str, word: &str, what: &str| {
        faults.extend(text.match_indices(word).map(|(at, _)| source.fault(at, what)));
    };
    refuse(&source.code, "super::super", "`super::super`: write `crate::…`");
    refuse(
        &source.code,
        "#[ignore",
        "an ignored test: make it run or take it out",
    );
    refuse(&source.code, "[allow(", "`allow`: write `expect` with a reason");
    refuse(&source.comments, "allow(", "a commented-out `allow`");
    faults
}

/// The `use` statements, each with where it starts and its text without line breaks.
fn uses(code: &str) -> Vec<(usize, String)> {
    words(code, "use")
        .into_iter()
        .filter_map(|at| {
            let statement = code[at..].split(';').next()?;
            Some((at, statement.split_whitespace().collect::<Vec<_>>().join(" ")))
        })
        .collect()
}

/// A path of this crate that a file names: `crate::store::log` is `["store", "log"]`.
struct CratePath {
    at: usize,
    segments: Vec<String>,
}

fn crate_paths(source: &Source) -> Vec<CratePath> {
    let code = &source.code;
    let module = source.module();
    let above = &module[..module.len().saturating_sub(1)];
    let inline_tests = code.find("mod tests {").unwrap_or(code.len());
    let mut paths = Vec::new();
    for (word, base) in [("crate", &[][..]), ("blotter", &[][..]), ("super", above)] {
        for at in words(code, word) {
            let Some(rest) = code[at + word.len()..].strip_prefix("::") else {
                continue;
            };
            let base = if word == "super" && at > inline_tests {
                &module[..]
            } else {
                base
            };
            for tail in use_tree(rest) {
                paths.push(CratePath {
                    at,
                    segments: base.iter().cloned().chain(tail).collect(),
                });
            }
        }
    }
    paths
}

/// The paths of a use tree: `store::{log, writer::Writer}` gives `store::log` and `store::writer::Writer`.
fn use_tree(text: &str) -> Vec<Vec<String>> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        return branches(group).into_iter().flat_map(use_tree).collect();
    }
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    let head = text[..end].to_owned();
    match text[end..].strip_prefix("::") {
        Some(rest) => use_tree(rest)
            .into_iter()
            .map(|tail| [vec![head.clone()], tail].concat())
            .collect(),
        None => vec![vec![head]],
    }
}

/// The parts between the commas of a group whose opening brace has been read, up to its closing one.
fn branches(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn height(module: Option<&String>) -> u8 {
    LAYERS
        .iter()
        .find(|(name, _)| module.is_some_and(|m| m == name))
        .map_or(ROOT_HEIGHT, |(_, height)| *height)
}

fn layer_fault(source: &Source, named: &CratePath) -> Option<Fault> {
    let module = source.module();
    let (own, other) = (module.first(), named.segments.first()?);
    if own == Some(other) || height(own) > height(Some(other)) || height(own) == ROOT_HEIGHT {
        return None;
    }
    let own = own.map_or("the root", String::as_str);
    Some(source.fault(
        named.at,
        format!("`{own}` names `{other}`, which is not below it"),
    ))
}

fn lane_fault(source: &Source, named: &CratePath) -> Option<Fault> {
    let module = source.module();
    let [layer, own, ..] = &module[..] else {
        return None;
    };
    let [other_layer, other, ..] = &named.segments[..] else {
        return None;
    };
    let is_lane = |name: &String| !LANES_SHARED.contains(&name.as_str());
    if layer != "lanes" || other_layer != "lanes" || own == other || !is_lane(other) || !starts_lower(other) {
        return None;
    }
    Some(source.fault(named.at, format!("the lane `{own}` names its sibling `{other}`")))
}

fn starts_lower(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
}

fn confined_crates(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (name, places) in CONFINED {
        if places.iter().any(|place| source.path.starts_with(place)) {
            continue;
        }
        let what = format!("`{name}` is named only in {}", places.join(", "));
        faults.extend(
            crate_uses(&source.code, name)
                .into_iter()
                .map(|at| source.fault(at, what.as_str())),
        );
    }
    for name in NOT_IN_DOMAIN
        .iter()
        .filter(|_| source.path.starts_with("src/domain/"))
    {
        let what = format!("`{name}` in the domain, which does no IO");
        faults.extend(
            crate_uses(&source.code, name)
                .into_iter()
                .map(|at| source.fault(at, what.as_str())),
        );
    }
    faults
}

/// Where a crate's name starts a path or is imported.
fn crate_uses(code: &str, name: &str) -> Vec<usize> {
    let starts_path = |at: &usize| {
        let (before, after) = (&code[..*at], &code[at + name.len()..]);
        !before.ends_with("::") && (after.starts_with("::") || before.trim_end().ends_with("use"))
    };
    words(code, name).into_iter().filter(starts_path).collect()
}

/// Where a word stands by itself.
fn words(code: &str, word: &str) -> Vec<usize> {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(|at| {
            !inside(code[..*at].chars().next_back()) && !inside(code[at + word.len()..].chars().next())
        })
        .collect()
}

fn crowded_folders(tree: &Tree) -> Vec<Fault> {
    let folders = tree
        .paths
        .iter()
        .filter(|path| path.starts_with("src/") && path.ends_with('/'));
    folders
        .filter_map(|folder| {
            let inside = |path: &&String| {
                path.strip_prefix(folder.as_str())
                    .is_some_and(|name| !name.contains('/'))
            };
            let files = tree
                .paths
                .iter()
                .filter(inside)
                .filter(|path| *path != folder)
                .count();
            let what = format!("{files} files in one folder, at most {FOLDER_FILES_MAX} allowed");
            (files > FOLDER_FILES_MAX).then(|| Fault {
                path: folder.clone(),
                line: 1,
                what,
            })
        })
        .collect()
}

fn root_too_long(tree: &Tree) -> Option<Fault> {
    let roots = tree
        .sources
        .iter()
        .filter(|source| matches!(&*source.path, "src/main.rs" | "src/lib.rs"));
    let lines: usize = roots.map(|source| source.text.lines().count()).sum();
    let what = format!("main.rs and lib.rs have {lines} lines, at most {ROOT_LINES_MAX} allowed");
    (lines > ROOT_LINES_MAX).then(|| Fault {
        path: "src/lib.rs".to_owned(),
        line: 1,
        what,
    })
}

fn drawers(tree: &Tree) -> Vec<Fault> {
    let is_drawer = |path: &&String| {
        let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        DRAWERS.contains(&name.trim_end_matches(".rs"))
    };
    let ours = tree
        .paths
        .iter()
        .filter(|path| path.starts_with("src/") || path.starts_with("tests/"));
    let what = "a drawer: name the file after what it is for";
    ours.filter(is_drawer)
        .map(|path| Fault {
            path: path.clone(),
            line: 1,
            what: what.to_owned(),
        })
        .collect()
}

fn code_map_faults(tree: &Tree) -> Vec<Fault> {
    let fault = |line: usize, what: String| Fault {
        path: CODE_MAP.to_owned(),
        line,
        what,
    };
    let mut faults = Vec::new();
    for folder in tree
        .paths
        .iter()
        .filter(|path| path.starts_with("src/") && path.ends_with('/'))
    {
        if !tree.code_map.contains(&format!("`{folder}`")) {
            faults.push(fault(1, format!("the code map doesn't name `{folder}`")));
        }
    }
    for (at, line) in tree.code_map.lines().enumerate() {
        for word in line.split('`').skip(1).step_by(2) {
            let is_path =
                PATH_STARTS.iter().any(|start| word.starts_with(start)) && !word.contains(['*', '<', ' ']);
            if is_path && !tree.paths.iter().any(|path| path == word) {
                faults.push(fault(
                    at + 1,
                    format!("`{word}` is not there (folders end with a slash)"),
                ));
            }
        }
    }
    faults
}

/// What the splitter is in the middle of.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Code,
    LineComment,
    BlockComment { depth: usize },
    Text { hashes: Option<usize> },
}

/// Splits Rust text into its code and its comments; each keeps the length and the line breaks of the whole.
fn split_code(text: &str) -> (String, String) {
    let (mut code, mut comments) = (String::new(), String::new());
    let (mut rest, mut inside) = (text, Inside::Code);
    while let Some(first) = rest.chars().next() {
        let (taken, next) = step(rest, first, inside, code.chars().next_back());
        let is_comment = |state| matches!(state, Inside::LineComment | Inside::BlockComment { .. });
        for c in rest[..taken].chars() {
            let blank = if c == '\n' {
                "\n".to_owned()
            } else {
                " ".repeat(c.len_utf8())
            };
            let stays = |wanted| if wanted { c.to_string() } else { blank.clone() };
            code += &stays(inside == Inside::Code && next == Inside::Code && taken == first.len_utf8());
            comments += &stays(is_comment(inside) || is_comment(next));
        }
        (rest, inside) = (&rest[taken..], next);
    }
    (code, comments)
}

/// How many bytes belong together at the start of `rest`, and what follows them.
fn step(rest: &str, first: char, inside: Inside, before: Option<char>) -> (usize, Inside) {
    let one = first.len_utf8();
    match inside {
        Inside::Code => code_step(rest, first, before),
        Inside::LineComment => (one, if first == '\n' { Inside::Code } else { inside }),
        Inside::BlockComment { depth: 1 } if rest.starts_with("*/") => (2, Inside::Code),
        Inside::BlockComment { depth } if rest.starts_with("*/") => {
            (2, Inside::BlockComment { depth: depth - 1 })
        }
        Inside::BlockComment { depth } if rest.starts_with("/*") => {
            (2, Inside::BlockComment { depth: depth + 1 })
        }
        Inside::Text { hashes: None } if first == '\\' => {
            (one + rest[one..].chars().next().map_or(0, char::len_utf8), inside)
        }
        Inside::Text { hashes } if first == '"' => {
            let end = format!("\"{}", "#".repeat(hashes.unwrap_or(0)));
            if rest.starts_with(&end) {
                (end.len(), Inside::Code)
            } else {
                (one, inside)
            }
        }
        Inside::BlockComment { .. } | Inside::Text { .. } => (one, inside),
    }
}

fn code_step(rest: &str, first: char, before: Option<char>) -> (usize, Inside) {
    let one = first.len_utf8();
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    match first {
        '/' if rest.starts_with("//") => (2, Inside::LineComment),
        '/' if rest.starts_with("/*") => (2, Inside::BlockComment { depth: 1 }),
        '"' => (1, Inside::Text { hashes: None }),
        'b' | 'c' if rest[1..].starts_with('"') && !in_word => (2, Inside::Text { hashes: None }),
        'r' | 'b' if !in_word => {
            let raw = rest
                .strip_prefix("br")
                .or(rest.strip_prefix('r'))
                .unwrap_or_default();
            let hashes = raw.len() - raw.trim_start_matches('#').len();
            let opens = raw[hashes..].starts_with('"');
            let taken = rest.len() - raw.len() + hashes + 1;
            if opens {
                (taken, Inside::Text { hashes: Some(hashes) })
            } else {
                (one, Inside::Code)
            }
        }
        '\'' => (char_literal(rest).unwrap_or(one), Inside::Code),
        _ => (one, Inside::Code),
    }
}

/// The length of the character literal at the start, or nothing where it is a lifetime.
fn char_literal(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    let body = match inner.strip_prefix('\\') {
        Some(escaped) => {
            2 + escaped
                .chars()
                .skip(1)
                .take_while(|c| *c != '\'')
                .map(char::len_utf8)
                .sum::<usize>()
        }
        None => inner.chars().next()?.len_utf8(),
    };
    inner.get(body..)?.starts_with('\'').then_some(body + 2)
}

fn check(files: &[(&str, &str)], expected: &[&str]) {
    let mut paths: Vec<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
    paths.push("src/store/".to_owned());
    let tree = Tree {
        sources: files.iter().map(|(path, text)| Source::new(path, text)).collect(),
        paths,
        code_map: "`src/store/`".to_owned(),
    };
    let found: Vec<String> = faults_of(&tree).iter().map(Fault::to_string).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_layer_that_names_a_higher_one_is_found() {
    let up = "`store` names `views`, which is not below it";
    check(
        &[(
            "src/store/a.rs",
            "//! A.\nuse crate::{domain::Id,\n views::fold};\n",
        )],
        &[&format!("src/store/a.rs:2: {up}")],
    );
    check(
        &[("src/store/mod.rs", "//! A.\nuse super::views;\n")],
        &[&format!("src/store/mod.rs:2: {up}")],
    );
    check(
        &[(
            "src/store/a.rs",
            "//! A.\n// crate::views\nconst A: &str = \"crate::views\";\n",
        )],
        &[],
    );
    check(
        &[(
            "src/app.rs",
            "//! A.\nuse crate::views::fold;\nuse crate::config::Config;\n",
        )],
        &[],
    );
    let config = "src/lanes/rest.rs:2: `lanes` names `config`, which is not below it";
    check(
        &[("src/lanes/rest.rs", "//! A.\nuse crate::config::Config;\n")],
        &[config],
    );
}

#[test]
fn a_lane_that_names_its_sibling_is_found() {
    let sibling = "src/lanes/rest/cases.rs:2: the lane `rest` names its sibling `events`";
    check(
        &[(
            "src/lanes/rest/cases.rs",
            "//! A.\nuse crate::lanes::events::Frame;\n",
        )],
        &[sibling],
    );
    check(
        &[(
            "src/lanes/rest/cases.rs",
            "//! A.\nuse crate::lanes::http::Failure;\n",
        )],
        &[],
    );
}

#[test]
fn a_crate_outside_of_its_folder_is_found() {
    check(
        &[("src/views/a.rs", "//! A.\nfn a(t: redb::Table) {}\n")],
        &["src/views/a.rs:2: `redb` is named only in src/store/"],
    );
    check(&[("src/store/a.rs", "//! A.\nuse redb::Table;\n")], &[]);
}

#[test]
fn bad_words_are_found_in_code_only() {
    check(
        &[("src/store/a.rs", "//! A.\nuse std::io::*;\n")],
        &["src/store/a.rs:2: a glob import: name what is used"],
    );
    check(
        &[(
            "src/store/a.rs",
            "fn a<'a>(q: char) { let _ = ('\"', r#\"super::super\"#, q == '\\''); }\n",
        )],
        &["src/store/a.rs:1: the file doesn't start with `//!`: what it is for"],
    );
    check(
        &[("tests/a.rs", "//! A.\n// #[allow(unused)]\n")],
        &["tests/a.rs:2: a commented-out `allow`"],
    );
    check(
        &[("src/store/util.rs", "//! A.\n")],
        &["src/store/util.rs:1: a drawer: name the file after what it is for"],
    );
}
