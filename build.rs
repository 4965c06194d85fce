//! Builds the pages in `web/` that the program embeds. They are built once for each state of `web/` and kept in the cache folder,
//! so that neither the next build nor a fresh clone needs Node or the network. A build without them fails and says what to do.

use std::collections::hash_map::DefaultHasher;
use std::fmt::{Display, Write as _};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// What the pages are made of, under `web/`; folders with all that is in them.
const INPUTS: [&str; 7] = [
    "desk",
    "package.json",
    "package-lock.json",
    "vite.config.js",
    "pack.js",
    "playground",
    "reference",
];
/// The last file that is written: what has it is whole.
const INDEX: &str = "index.tsv";

fn main() {
    if let Err(what) = run() {
        let lines = format!("can't build the pages in web/: {what}").replace('\n', "\n    ");
        eprintln!("{lines}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let web = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("web");
    let out = PathBuf::from(variable("OUT_DIR")?);
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=XDG_CACHE_HOME");
    let inputs = inputs(&web)?;
    let state = state_of(&inputs);
    // A build in a container sees the tree and nothing else: there the pages can be laid beforehand.
    let laid = web.join("dist").join(&state);
    let pages = match laid.join(INDEX).exists() {
        true => laid,
        false => cached(&web, &inputs, &state, &out)?,
    };
    embed(&pages, &out)
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}

fn failed(what: impl Display) -> impl Fn(std::io::Error) -> String {
    let what = what.to_string();
    move |error| format!("{what}: {error}")
}

/// The files by their paths in `web/`, with what is in them.
fn inputs(web: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut files = Vec::new();
    for name in INPUTS {
        let path = web.join(name);
        println!("cargo:rerun-if-changed={}", path.display());
        gather(web, name.to_owned(), &mut files)?;
    }
    files.sort();
    Ok(files)
}

/// A file, or all that is in a folder at any depth.
fn gather(web: &Path, name: String, files: &mut Vec<(String, Vec<u8>)>) -> Result<(), String> {
    let path = web.join(&name);
    if !path.is_dir() {
        let bytes = fs::read(&path).map_err(failed(&name))?;
        files.push((name, bytes));
        return Ok(());
    }
    for entry in fs::read_dir(&path).map_err(failed(path.display()))?.flatten() {
        gather(
            web,
            format!("{name}/{}", entry.file_name().to_string_lossy()),
            files,
        )?;
    }
    Ok(())
}

/// A name for this state of the inputs.
fn state_of(inputs: &[(String, Vec<u8>)]) -> String {
    let mut name = String::new();
    for salt in 0..2_u8 {
        let mut hasher = DefaultHasher::new();
        (salt, inputs).hash(&mut hasher);
        write!(name, "{:016x}", hasher.finish()).unwrap_or_default();
    }
    name
}

/// The packed pages from the cache; they are built if they are not there.
fn cached(web: &Path, inputs: &[(String, Vec<u8>)], state: &str, out: &Path) -> Result<PathBuf, String> {
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home);
    let cache = cache.map(|cache| cache.join("blotter/web"));
    let cache = cache.filter(|cache| fs::create_dir_all(cache).is_ok());
    let cache = cache.unwrap_or_else(|| out.to_owned());
    let pages = cache.join(state);
    if pages.join(INDEX).exists() {
        return Ok(pages);
    }
    refuse_old_node()?;
    // Another build may be at it as well: each works by itself, and the first one's stays.
    let work = cache.join(format!("work-{}", std::process::id()));
    let built = build(web, inputs, &work).and_then(|packed| match fs::rename(&packed, &pages) {
        Err(_) if pages.join(INDEX).exists() => Ok(()),
        renamed => renamed.map_err(failed(pages.display())),
    });
    drop(fs::remove_dir_all(&work));
    built.map(|()| pages)
}

/// Builds in a folder of its own, so that nothing is left in the tree. Gives the folder of what was packed.
fn build(web: &Path, inputs: &[(String, Vec<u8>)], work: &Path) -> Result<PathBuf, String> {
    for (file, bytes) in inputs {
        let path = work.join(file);
        let folder = path.parent().unwrap_or(work);
        fs::create_dir_all(folder).map_err(failed(folder.display()))?;
        fs::write(&path, bytes).map_err(failed(path.display()))?;
    }
    let (built, packed) = (work.join("built"), work.join("packed"));
    let (from, to) = (built.display().to_string(), packed.display().to_string());
    let about = format!("in a copy of {}", web.display());
    // One package reports each installation by a script.
    call(
        work,
        &about,
        "npm",
        &["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
    )?;
    for (config, folder) in [("vite.config.js", "docs"), ("desk/vite.config.js", "desk")] {
        let (folder, vite) = (
            built.join(folder).display().to_string(),
            ["--no-install", "vite", "build"],
        );
        let settings = ["--config", config, "--logLevel", "error", "--outDir", &folder];
        call(work, &about, "npx", &[&vite[..], &settings].concat())?;
    }
    call(work, &about, "node", &["pack.js", &from, &to])?;
    Ok(packed)
}

fn refuse_old_node() -> Result<(), String> {
    const NEEDED: &str = "they need Node.js 20.19 or later with npm, once, and the network for that one build.\n\
        Debian and Ubuntu: apt-get install nodejs npm (or nodejs.org, if that one is older). Then build again.";
    let version = Command::new("node").arg("--version").output();
    let version = version.ok().filter(|told| told.status.success());
    let Some(version) = version else {
        return Err(format!("there is no `node`: {NEEDED}"));
    };
    let text = String::from_utf8_lossy(&version.stdout)
        .trim()
        .trim_start_matches('v')
        .to_owned();
    let mut numbers = text.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < (20, 19) {
        return Err(format!("`node` is of version {text}: {NEEDED}"));
    }
    match Command::new("npm").arg("--version").output() {
        Ok(told) if told.status.success() => Ok(()),
        _ => Err(format!("there is no `npm`: {NEEDED}")),
    }
}

fn call(work: &Path, about: &str, program: &str, words: &[&str]) -> Result<(), String> {
    let shown = format!("`{program} {}` {about}", words.join(" "));
    let mut command = Command::new(program);
    let told = command
        .args(words)
        .current_dir(work)
        .output()
        .map_err(failed(&shown))?;
    if told.status.success() {
        return Ok(());
    }
    let said = [told.stdout, told.stderr].concat();
    Err(format!("{shown} failed:\n{}", String::from_utf8_lossy(&said)))
}

/// Copies the pages to where the compiler finds them whatever becomes of the cache, and writes the table of them.
fn embed(pages: &Path, out: &Path) -> Result<(), String> {
    let folder = out.join("web");
    fs::create_dir_all(&folder).map_err(failed(folder.display()))?;
    let index = fs::read_to_string(pages.join(INDEX)).map_err(failed(INDEX))?;
    let mut table = "[\n".to_owned();
    for row in index.lines() {
        let [name, media, hash] = row.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("{INDEX} has the row {row:?}"));
        };
        let file = folder.join(name);
        let parent = file.parent().unwrap_or(&folder);
        fs::create_dir_all(parent).map_err(failed(parent.display()))?;
        fs::copy(pages.join(name), &file).map_err(failed(name))?;
        writeln!(
            table,
            "    ({name:?}, {media:?}, {hash:?}, include_bytes!({file:?})),"
        )
        .unwrap_or_default();
    }
    table.push_str("]\n");
    fs::write(out.join("web.rs"), table).map_err(failed("web.rs"))
}
