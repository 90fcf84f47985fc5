//! The checks. Each takes what was read and gives what breaks it, one line for each place.

use std::collections::BTreeSet;
use std::path::Path;

use crate::graph::graph;
use crate::module::Module;
use crate::workspace::Crate;

/// A name, and the only places that may use it: parts of paths.
#[derive(Clone, Copy, Debug)]
pub struct Border {
    pub name: &'static str,
    pub homes: &'static [&'static str],
}

/// Lines in one file, those behind `#[cfg(test)]` counted apart. Beyond that nobody keeps a file in mind.
pub const MAX_LINES: usize = 700;

/// Fields of a struct. One with more holds several things.
pub const MAX_FIELDS: usize = 20;

/// What a pure module has no use for: a clock, a runtime, a file, a socket, a thread, another process.
const IMPURE_WORDS: &[&str] = &[
    "async",
    "await",
    "tokio",
    "fs_err",
    // A variable may be called so.
    ".elapsed",
    "spawn",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "ToSocketAddrs",
    "UnixStream",
];

/// The same as ends or beginnings of paths.
const IMPURE_PATHS: &[&[&str]] = &[
    &["Instant", "now"],
    &["SystemTime", "now"],
    &["std", "fs"],
    &["std", "thread"],
    &["std", "process"],
    &["std", "env"],
];

/// Each name only at home.
pub fn borders(crates: &[Crate], borders: &[Border]) -> Vec<String> {
    let mut broken = Vec::new();
    for border in borders {
        for module in modules(crates) {
            if border.homes.iter().any(|home| lies_in(&module.file, home)) {
                continue;
            }
            let named = module.words.iter().filter(|word| word.what == border.name);
            broken.extend(named.map(|word| {
                let homes = border.homes.join(" or ");
                said(
                    module,
                    word.line,
                    &format!("{}: only {homes} may name it", border.name),
                )
            }));
        }
    }
    broken
}

/// `path` has the parts of `home` side by side.
fn lies_in(path: &Path, home: &str) -> bool {
    let parts: Vec<_> = path.iter().collect();
    let home: Vec<_> = Path::new(home).iter().collect();
    parts.windows(home.len()).any(|window| window == home)
}

/// A module is pure whose header says "Pure:" or "Pure." at the beginning of a sentence, and so is all below it. So is one
/// that is on the list. What joins a pure module to the rest may stand below it, on the list `joints`. All lists are ends of
/// paths, which have to be there.
pub fn purity(crates: &[Crate], listed: &[&'static str], joints: &[&'static str]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut missing: BTreeSet<&'static str> = listed.iter().chain(joints).copied().collect();
    for a_crate in crates {
        let mut pure: Vec<&[String]> = Vec::new();
        let mut joined: Vec<&[String]> = Vec::new();
        for module in &a_crate.sources.modules {
            let full = [std::slice::from_ref(&a_crate.name), &*module.path]
                .concat()
                .join("::");
            let mut is_on = |list: &[&'static str]| {
                let end = list.iter().find(|end| ends_with(&full, end));
                if let Some(end) = end {
                    missing.remove(end);
                }
                end.is_some()
            };
            if is_on(joints) {
                joined.push(&module.path);
            }
            if is_on(listed) || says_pure(&module.header) {
                pure.push(&module.path);
            }
        }
        for module in &a_crate.sources.modules {
            let lies_in = |above: &&[String]| module.path.starts_with(above);
            if pure.iter().any(lies_in) && !joined.iter().any(lies_in) {
                broken.extend(impure(module));
            }
        }
    }
    broken.extend(
        missing
            .iter()
            .map(|name| format!("{name} is on a list of pure modules and isn't there")),
    );
    broken
}

fn ends_with(path: &str, end: &str) -> bool {
    path.strip_suffix(end)
        .is_some_and(|before| before.is_empty() || before.ends_with("::"))
}

fn says_pure(header: &str) -> bool {
    let before_says = |before: &str| before.is_empty() || before.ends_with(['.', ':', '\n']);
    let says = |mark: &str| {
        let at = header.match_indices(mark);
        at.into_iter()
            .any(|(at, _)| before_says(header[..at].trim_end_matches(' ')))
    };
    says("Pure:") || says("Pure.")
}

fn impure(module: &Module) -> Vec<String> {
    let why = |what: &str| format!("{what}: {} is pure", module.path.join("::"));
    let words = module
        .words
        .iter()
        .filter(|word| IMPURE_WORDS.contains(&&*word.what));
    let words = words.map(|word| said(module, word.line, &why(&word.what)));
    let paths = module.paths.iter().filter(|path| {
        let real = real_path(module, &path.what);
        IMPURE_PATHS
            .iter()
            .any(|bad| real.windows(bad.len()).any(|window| window == *bad))
    });
    let paths = paths.map(|path| said(module, path.line, &why(&path.what.join("::"))));
    words.chain(paths).collect()
}

/// With the first name as `use` has it.
fn real_path<'a>(module: &'a Module, path: &'a [String]) -> Vec<&'a str> {
    let (first, rest) = path
        .split_first()
        .map_or(("", path), |(first, rest)| (&**first, rest));
    let first: Vec<&str> = match module.uses.get(first) {
        Some(target) => target.iter().map(String::as_str).collect(),
        None => vec![first],
    };
    first
        .into_iter()
        .chain(rest.iter().map(String::as_str))
        .collect()
}

/// What each crate may depend on; a crate that is not on the list stands outside, and nobody may depend on it.
pub fn direction(crates: &[Crate], may: &[(&str, &[&str])]) -> Vec<String> {
    let mut broken = Vec::new();
    for a_crate in crates {
        let allowed = may
            .iter()
            .find(|(name, _)| *name == a_crate.name)
            .map_or(&[][..], |(_, below)| below);
        let wrong = a_crate
            .depends
            .iter()
            .filter(|below| !allowed.contains(&&***below));
        broken.extend(wrong.map(|below| format!("{} may not depend on {below}", a_crate.name)));
    }
    broken
}

/// Rooms of a crate that import each other in a circle, with one place for each step.
pub fn cycles(crates: &[Crate]) -> Vec<(String, BTreeSet<String>)> {
    let mut found = Vec::new();
    for a_crate in crates {
        let cycles = graph(&a_crate.sources).cycles();
        found.extend(
            cycles
                .into_iter()
                .map(|rooms| (a_crate.name.clone(), rooms)),
        );
    }
    found
}

/// The steps of a cycle: who imports whom, and where.
pub fn steps(crates: &[Crate], name: &str, rooms: &BTreeSet<String>) -> Vec<String> {
    const SHOWN: usize = 3;
    let its = crates.iter().filter(|a_crate| a_crate.name == name);
    let mut steps = Vec::new();
    for a_crate in its {
        for ((from, to), places) in graph(&a_crate.sources).edges {
            if rooms.contains(&from) && rooms.contains(&to) {
                let shown = places.iter().take(SHOWN);
                let shown = shown.map(|(file, line)| format!("{}:{line}", file.display()));
                let shown: Vec<String> = shown.collect();
                let more = places.len().saturating_sub(SHOWN);
                let more = if more > 0 {
                    format!(" and {more} more")
                } else {
                    String::new()
                };
                steps.push(format!("{from} imports {to}: {}{more}", shown.join(", ")));
            }
        }
    }
    steps
}

/// Structs with too many fields: name and number.
pub fn large_structs(crates: &[Crate]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for a_crate in crates {
        for module in &a_crate.sources.modules {
            let large = module
                .structs
                .iter()
                .filter(|named| named.what.1 > MAX_FIELDS);
            found.extend(
                large.map(|named| (format!("{}::{}", a_crate.name, named.what.0), named.what.1)),
            );
        }
    }
    found
}

/// Files that are too long: path and lines. Tests may have as many again, in a file of their own or not.
pub fn long_files(crates: &[Crate]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for a_crate in crates {
        for (file, size) in &a_crate.sources.files {
            let lines = size.code.max(size.tests);
            found.extend((lines > MAX_LINES).then(|| (file.display().to_string(), lines)));
        }
        for (file, text) in &a_crate.outside {
            let lines = text.lines().count();
            found.extend((lines > MAX_LINES).then(|| (file.display().to_string(), lines)));
        }
    }
    found
}

/// Files that nobody compiles.
pub fn unread(crates: &[Crate]) -> Vec<String> {
    let unread = crates.iter().flat_map(|a_crate| &a_crate.sources.unread);
    unread
        .map(|file| format!("{}: no module declares it", file.display()))
        .collect()
}

/// Compares what was found with what is known: what is new breaks the plan, and what is cured has to leave the list.
pub fn exactly<T: Ord + std::fmt::Debug>(
    what: &str,
    found: impl IntoIterator<Item = T>,
    known: impl IntoIterator<Item = T>,
) -> Vec<String> {
    let found: BTreeSet<T> = found.into_iter().collect();
    let known: BTreeSet<T> = known.into_iter().collect();
    let new = found
        .difference(&known)
        .map(|new| format!("{what}: {new:?}"));
    let cured = known
        .difference(&found)
        .map(|cured| format!("{what}: {cured:?} is cured: take it off the list"));
    new.chain(cured).collect()
}

fn modules(crates: &[Crate]) -> impl Iterator<Item = &Module> {
    crates.iter().flat_map(|a_crate| &a_crate.sources.modules)
}

fn said(module: &Module, line: usize, what: &str) -> String {
    format!("{}:{line}: {what}", module.file.display())
}
