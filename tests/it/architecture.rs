//! The borders that ARCHITECTURE.md promises, checked in the source text.

use std::path::{Path, PathBuf};

/// A name, and the only place below `src-tauri/` that may use it.
const BORDERS: &[(&str, &str)] = &[
    ("rusqlite", "crates/store/src/index"),
    ("Swarm", "crates/engine/src/net/actor.rs"),
    (
        "igd_next",
        "crates/engine/src/net/reachability/ports/upnp.rs",
    ),
    ("tauri", "src/desktop"),
];

/// Modules that take the time and bytes as arguments and do nothing by themselves.
const PURE: &[&str] = &[
    "crates/unixfs/src",
    "crates/bitswap/src/client",
    "crates/bitswap/src/server",
    "crates/engine/src/fetch/plan.rs",
];

/// What a pure module has no use for: a clock, a runtime, a file, a socket.
const IMPURE: &[&str] = &[
    "async",
    "await",
    "tokio",
    "fs_err",
    "Instant::now",
    "SystemTime::now",
    "std::fs",
    "std::net",
    "std::thread",
];

#[test]
fn each_library_stays_behind_its_border() {
    let sources = sources();
    for (name, home) in BORDERS {
        for source in &sources {
            if !source.path.starts_with(home) {
                source.refuse(name, &format!("only {home} may name it"));
            }
        }
    }
}

#[test]
fn pure_modules_stay_pure() {
    let sources = sources();
    for home in PURE {
        for source in sources
            .iter()
            .filter(|source| source.path.starts_with(home))
        {
            for name in IMPURE {
                source.refuse(name, &format!("{home} is pure"));
            }
        }
    }
}

struct Source {
    /// Relative to `src-tauri/`.
    path: PathBuf,
    text: String,
}

impl Source {
    /// Fails when the code, its comments and tests left out, has `name` as a whole word.
    fn refuse(&self, name: &str, why: &str) {
        for (number, line) in self.text.lines().enumerate() {
            if line.trim_start().starts_with("#[cfg(test)]") {
                return;
            }
            let code = line.split("//").next().unwrap_or_default();
            assert!(
                !has_word(code, name),
                "{}:{}: {name}: {why}",
                self.path.display(),
                number + 1
            );
        }
    }
}

fn has_word(code: &str, name: &str) -> bool {
    let part_of_a_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    code.match_indices(name).any(|(at, _)| {
        !code[..at].ends_with(part_of_a_word)
            && !code[at + name.len()..].starts_with(part_of_a_word)
    })
}

/// Everything below `src-tauri/` but tests and examples.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src-tauri");
    let mut found = Vec::new();
    let mut pending = vec![root.clone()];
    while let Some(folder) = pending.pop() {
        for entry in fs_err::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            if stem.ends_with("tests") || stem == "examples" || stem == "target" {
                continue;
            }
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(&root).unwrap().to_owned();
                let text = fs_err::read_to_string(&path).unwrap();
                found.push(Source {
                    path: relative,
                    text,
                });
            }
        }
    }
    assert!(found.len() >= 5, "no sources below {}", root.display());
    found
}
