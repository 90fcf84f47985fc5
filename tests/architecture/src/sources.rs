//! The sources of one crate: its modules, found by their declarations, and what each of them names.
//!
//! Left out is exactly what exists only in tests: items, fields, arms and statements whose `#[cfg(…)]` can't hold
//! without `test`, and the files of modules that are declared so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::module::{Declared, Module};
use crate::visit;

/// All modules of a crate, the root first.
#[derive(Debug, Default)]
pub struct Sources {
    pub modules: Vec<Module>,
    pub files: BTreeMap<PathBuf, Size>,
    /// Files that no module declares: nobody compiles them.
    pub unread: BTreeSet<PathBuf>,
    /// Test functions.
    pub tests: usize,
}

/// Lines of a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Size {
    pub code: usize,
    /// Behind `#[cfg(test)]`.
    pub tests: usize,
}

/// Reads a crate from its roots, following `mod`; `files` are all texts of its folder.
pub fn read(roots: &[PathBuf], files: &BTreeMap<PathBuf, String>) -> Result<Sources> {
    let mut sources = Sources {
        unread: files.keys().cloned().collect(),
        ..Sources::default()
    };
    let declared = roots.iter().map(|root| Declared {
        path: Vec::new(),
        file: root.clone(),
        folder: root.parent().unwrap_or(Path::new("")).to_owned(),
        in_tests: false,
    });
    let mut pending: Vec<Declared> = declared.collect();
    pending.reverse();
    while let Some(declared) = pending.pop() {
        let text = &files[&declared.file];
        let syntax = syn::parse_file(text).with_context(|| declared.file.display().to_string())?;
        sources.unread.remove(&declared.file);
        sources.tests += tests_in(text);
        let lines = text.lines().count();
        let visited = visit::file(&declared, &syntax);
        let tests = if declared.in_tests {
            lines
        } else {
            visited.lines_of_tests
        };
        let size = Size {
            code: lines - tests,
            tests,
        };
        sources.files.insert(declared.file.clone(), size);
        for module in visited.declared {
            pending.push(find(module, files)?);
        }
        if !declared.in_tests {
            sources.modules.extend(visited.modules);
        }
    }
    Ok(sources)
}

/// The file of a module that is declared with `mod name;`, unless `#[path]` gave it.
fn find(mut declared: Declared, files: &BTreeMap<PathBuf, String>) -> Result<Declared> {
    if files.contains_key(&declared.file) {
        return Ok(declared);
    }
    let name = declared.path.last().context("a module without a name")?;
    let own = declared.folder.join(name);
    let candidates = [own.with_extension("rs"), own.join("mod.rs")];
    let file = candidates.into_iter().find(|file| files.contains_key(file));
    declared.file = file.with_context(|| format!("no file for {}", declared.path.join("::")))?;
    declared.folder = own;
    Ok(declared)
}

/// Test functions in a text.
pub(crate) fn tests_in(text: &str) -> usize {
    let begins = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("#[test]") || line.starts_with("#[tokio::test")
    };
    text.lines().filter(begins).count()
}
