//! Which parts of an item the person asked for: all of it, or files and folders named by their paths inside it.
//!
//! The wishes become a tree of names once; walking the item walks that tree beside it, so that a folder of 100,000 entries
//! costs one look-up an entry, and a wish that nothing answered is known at the end.

use std::collections::HashMap;

use thiserror::Error;

/// Wishes in one download: more is a mistake, and the tree must stay small.
const MAX_WISHES: usize = 100_000;

/// A wish that names nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SelectionError {
    #[error("{0:?} is not a path inside the item")]
    Path(String),
    #[error("more than {MAX_WISHES} paths are selected")]
    TooMany,
}

/// Where the walk is among the wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Everything from here on.
    All,
    /// Only what the wishes below name.
    Some(usize),
}

#[derive(Debug, Default)]
struct Branch {
    below: HashMap<Vec<u8>, usize>,
    /// A wish ends here.
    whole: bool,
    /// The walk came by.
    found: bool,
}

/// The wishes of one download.
#[derive(Debug)]
pub(crate) struct Selection {
    /// The first is the item itself.
    branches: Vec<Branch>,
}

impl Selection {
    /// No wish at all is a wish for everything. Paths are separated by `/`; empty parts and `.` are ignored.
    pub(crate) fn new(paths: &[String]) -> Result<Self, SelectionError> {
        if paths.len() > MAX_WISHES {
            return Err(SelectionError::TooMany);
        }
        let mut selection = Self {
            branches: vec![Branch::default()],
        };
        selection.branches[0].whole = paths.is_empty();
        for path in paths {
            let mut at = 0;
            for name in path.split('/').filter(|name| !matches!(*name, "" | ".")) {
                if name == ".." {
                    return Err(SelectionError::Path(path.clone()));
                }
                at = selection.step(at, name.as_bytes());
            }
            selection.branches[at].whole = true;
        }
        Ok(selection)
    }

    fn step(&mut self, at: usize, name: &[u8]) -> usize {
        let next = self.branches.len();
        let index = *self.branches[at].below.entry(name.to_vec()).or_insert(next);
        if index == next {
            self.branches.push(Branch::default());
        }
        index
    }

    /// What is wanted of the item itself.
    pub(crate) fn root(&mut self) -> Wanted {
        self.arrive(0)
    }

    /// What is wanted of an entry of a folder, if anything.
    pub(crate) fn entry(&mut self, folder: Wanted, name: &[u8]) -> Option<Wanted> {
        match folder {
            Wanted::All => Some(Wanted::All),
            Wanted::Some(at) => {
                let index = *self.branches[at].below.get(name)?;
                Some(self.arrive(index))
            }
        }
    }

    fn arrive(&mut self, index: usize) -> Wanted {
        let branch = &mut self.branches[index];
        if branch.whole {
            branch.found = true;
            Wanted::All
        } else {
            Wanted::Some(index)
        }
    }

    /// The names that are wanted in a folder of which not everything is.
    pub(crate) fn names(&self, at: usize) -> impl Iterator<Item = &[u8]> {
        self.branches[at].below.keys().map(Vec::as_slice)
    }

    /// The path of a wish that nothing answered.
    pub(crate) fn missing(&self) -> Option<String> {
        let mut open = vec![(0, String::new())];
        while let Some((at, path)) = open.pop() {
            let branch = &self.branches[at];
            if branch.whole {
                // Wishes below a wish for everything are answered with it.
                if branch.found {
                    continue;
                }
                return Some(path);
            }
            for (name, below) in &branch.below {
                let slash = if path.is_empty() { "" } else { "/" };
                let name = String::from_utf8_lossy(name);
                open.push((*below, format!("{path}{slash}{name}")));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(paths: &[&str]) -> Selection {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        Selection::new(&paths).unwrap()
    }

    #[test]
    fn no_wish_is_everything() {
        let mut selection = selection(&[]);
        assert_eq!(selection.root(), Wanted::All);
        assert_eq!(selection.entry(Wanted::All, b"x"), Some(Wanted::All));
        assert_eq!(selection.missing(), None);
    }

    #[test]
    fn only_what_is_named_is_wanted() {
        let mut selection = selection(&["a/b", "/c/"]);
        let root = selection.root();
        assert_eq!(selection.entry(root, b"d"), None);
        assert_eq!(selection.entry(root, b"c"), Some(Wanted::All));
        let a = selection.entry(root, b"a").unwrap();
        assert_eq!(selection.entry(a, b"c"), None);
        assert_eq!(selection.missing().as_deref(), Some("a/b"));
        assert_eq!(selection.entry(a, b"b"), Some(Wanted::All));
        assert_eq!(selection.missing(), None);
    }

    #[test]
    fn a_way_out_of_the_item_is_refused() {
        let paths = ["a/../b".to_owned()];
        assert!(matches!(
            Selection::new(&paths),
            Err(SelectionError::Path(_))
        ));
    }
}
