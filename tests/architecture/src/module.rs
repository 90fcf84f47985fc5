//! One module as it was read: its names, and what it mentions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

#[derive(Debug, Default)]
pub struct Module {
    /// From the crate's root, which has none.
    pub path: Vec<String>,
    pub file: PathBuf,
    /// Its `//!` lines.
    pub header: String,
    /// What a name stands for here, by `use`.
    pub uses: BTreeMap<String, Vec<String>>,
    /// `use …::*`.
    pub globs: Vec<Vec<String>>,
    /// Types, functions and constants that it defines.
    pub items: BTreeSet<String>,
    /// Paths in `use`, types, expressions and macros.
    pub paths: Vec<Named<Vec<String>>>,
    /// Every identifier, `async` and `await` among them.
    pub words: Vec<Named<String>>,
    /// Structs and struct-like variants, and how many fields each has.
    pub structs: Vec<Named<(String, usize)>>,
}

/// Something, and the line on which it stands.
#[derive(Clone, Debug)]
pub struct Named<T> {
    pub what: T,
    pub line: usize,
}

/// A module that is yet to be read.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) path: Vec<String>,
    pub(crate) file: PathBuf,
    /// The folder in which its own modules lie.
    pub(crate) folder: PathBuf,
    pub(crate) in_tests: bool,
}
