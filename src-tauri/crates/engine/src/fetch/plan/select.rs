//! Which parts of an item the person asked for: all of it, or files and folders named by their
//! paths inside it, less what is left out below them.
//!
//! The wishes become a tree of names once; walking the item walks that tree beside it, so that a
//! folder of 100,000 entries costs one look-up an entry, and a wish that nothing answered is known
//! at the end.

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
    #[error("nothing would be left of it")]
    Nothing,
}

/// Where the walk is among the wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Everything from here on.
    All,
    /// What the wishes below say.
    Some(usize),
}

/// How much of something is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    All,
    Some,
    None,
}

#[derive(Debug, Default, Clone)]
struct Branch {
    below: HashMap<Vec<u8>, usize>,
    /// What a wish says of this very path.
    mark: Option<bool>,
    /// Is it wanted, where nothing below says otherwise?
    wanted: bool,
    /// Nothing below says otherwise.
    uniform: bool,
    /// The walk came by.
    found: bool,
}

/// The wishes of one download.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// The first is the item itself.
    branches: Vec<Branch>,
}

impl Selection {
    /// No wish at all is a wish for everything. `leave` names what is left out. Of a path in both
    /// the longer wish decides. Paths are separated by `/`; empty parts and `.` are ignored.
    pub(crate) fn new(select: &[String], leave: &[String]) -> Result<Self, SelectionError> {
        if select.len() + leave.len() > MAX_WISHES {
            return Err(SelectionError::TooMany);
        }
        let mut selection = Self {
            branches: vec![Branch::default()],
        };
        for path in select {
            selection.mark(path, true)?;
        }
        for path in leave {
            selection.mark(path, false)?;
        }
        if select.is_empty() && selection.branches[0].mark.is_none() {
            selection.branches[0].mark = Some(true);
        }
        selection.settle();
        Ok(selection)
    }

    fn mark(&mut self, path: &str, wanted: bool) -> Result<usize, SelectionError> {
        let mut at = 0;
        for name in path.split('/').filter(|name| !matches!(*name, "" | ".")) {
            if name == ".." {
                return Err(SelectionError::Path(path.to_owned()));
            }
            at = self.step(at, &unixfs::name::to_bytes(name));
        }
        self.branches[at].mark = Some(wanted);
        Ok(at)
    }

    fn step(&mut self, at: usize, name: &[u8]) -> usize {
        let next = self.branches.len();
        let index = *self.branches[at].below.entry(name.to_vec()).or_insert(next);
        if index == next {
            self.branches.push(Branch::default());
        }
        index
    }

    /// Works out what the marks mean. A branch comes behind the one above it.
    fn settle(&mut self) {
        for at in 0..self.branches.len() {
            let branch = &mut self.branches[at];
            // The item itself has nothing above it.
            branch.wanted = branch.mark.unwrap_or(branch.wanted && at > 0);
            branch.uniform = true;
            let (wanted, below) = (branch.wanted, branch.below.clone());
            for index in below.into_values() {
                self.branches[index].wanted = wanted;
            }
        }
        for at in (0..self.branches.len()).rev() {
            let branch = &self.branches[at];
            let mut below = branch.below.values().map(|index| &self.branches[*index]);
            let uniform = below.all(|below| below.uniform && below.wanted == branch.wanted);
            self.branches[at].uniform = uniform;
        }
    }

    /// Wishes for something, or leaves it out, with all below it.
    pub(crate) fn choose(&mut self, path: &str, wanted: bool) -> Result<(), SelectionError> {
        let at = self.mark(path, wanted)?;
        // What is no longer reached stays behind, and goes when this is written down.
        self.branches[at].below.clear();
        self.settle();
        Ok(())
    }

    /// As lists, the shortest that say the same: what is wished for, and what is left out.
    pub(crate) fn lists(&self) -> (Vec<String>, Vec<String>) {
        let (mut select, mut leave) = (Vec::new(), Vec::new());
        let mut open = vec![(0, String::new(), None)];
        while let Some((at, path, above)) = open.pop() {
            let branch = &self.branches[at];
            if above != Some(branch.wanted) {
                let list = if branch.wanted {
                    &mut select
                } else {
                    &mut leave
                };
                list.push(path.clone());
            }
            for (name, index) in &branch.below {
                let below = join(&path, &unixfs::name::to_text(name));
                open.push((*index, below, Some(branch.wanted)));
            }
        }
        select.sort_unstable();
        leave.sort_unstable();
        // No wish at all is one for everything; where there are others, nothing else is wanted.
        if select == [""] {
            select.clear();
        }
        if leave.first().is_some_and(String::is_empty) && !select.is_empty() {
            leave.remove(0);
        }
        (select, leave)
    }

    /// How much of what lies at a path is wanted.
    pub(crate) fn choice(&self, path: &str) -> Choice {
        let mut at = 0;
        for name in path.split('/').filter(|name| !matches!(*name, "" | ".")) {
            let branch = &self.branches[at];
            match branch.below.get(&*unixfs::name::to_bytes(name)) {
                Some(index) => at = *index,
                None => return Choice::of(branch.wanted),
            }
        }
        let branch = &self.branches[at];
        if branch.uniform {
            Choice::of(branch.wanted)
        } else {
            Choice::Some
        }
    }

    /// What is wanted of the item itself.
    pub(crate) fn root(&mut self) -> Wanted {
        self.arrive(0).unwrap_or(Wanted::Some(0))
    }

    /// What is wanted of an entry of a folder, if anything.
    pub(crate) fn entry(&mut self, folder: Wanted, name: &[u8]) -> Option<Wanted> {
        match folder {
            Wanted::All => Some(Wanted::All),
            Wanted::Some(at) => match self.branches[at].below.get(name) {
                Some(index) => self.arrive(*index),
                None => self.branches[at].wanted.then_some(Wanted::All),
            },
        }
    }

    fn arrive(&mut self, index: usize) -> Option<Wanted> {
        let branch = &mut self.branches[index];
        branch.found = true;
        match (branch.uniform, branch.wanted) {
            (true, true) => Some(Wanted::All),
            (true, false) => None,
            (false, _) => Some(Wanted::Some(index)),
        }
    }

    /// Is what no wish names wanted there?
    pub(crate) fn wants_rest(&self, at: usize) -> bool {
        self.branches[at].wanted
    }

    /// The names that are wished for in a folder of which nothing else is wanted.
    pub(crate) fn names(&self, at: usize) -> impl Iterator<Item = &[u8]> {
        self.branches[at].below.keys().map(Vec::as_slice)
    }

    /// The path of a wish that nothing answered.
    pub(crate) fn missing(&self) -> Option<String> {
        let mut open = vec![(0, String::new())];
        while let Some((at, path)) = open.pop() {
            let branch = &self.branches[at];
            if branch.mark == Some(true) && !branch.found {
                return Some(path);
            }
            // Wishes below a wish for everything are answered with it.
            if branch.uniform {
                continue;
            }
            for (name, below) in &branch.below {
                open.push((*below, join(&path, &unixfs::name::to_text(name))));
            }
        }
        None
    }
}

impl Choice {
    fn of(wanted: bool) -> Self {
        if wanted { Self::All } else { Self::None }
    }
}

fn join(folder: &str, name: &str) -> String {
    let slash = if folder.is_empty() { "" } else { "/" };
    format!("{folder}{slash}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    fn selection(select: &[&str]) -> Selection {
        Selection::new(&paths(select), &[]).unwrap()
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
    fn what_is_left_out_is_not_wanted_and_all_else_is() {
        let mut selection = Selection::new(&[], &paths(&["a/b", "c"])).unwrap();
        let root = selection.root();
        assert_eq!(selection.entry(root, b"c"), None);
        assert_eq!(selection.entry(root, b"d"), Some(Wanted::All));
        let a = selection.entry(root, b"a").unwrap();
        assert_eq!(selection.entry(a, b"b"), None);
        assert_eq!(selection.entry(a, b"x"), Some(Wanted::All));
        assert_eq!(selection.missing(), None);
        let choices =
            ["", "a", "a/b", "a/b/x", "a/x", "c", "d/e"].map(|path| selection.choice(path));
        let (all, some, none) = (Choice::All, Choice::Some, Choice::None);
        assert_eq!(choices, [some, some, none, none, all, none, all]);
    }

    #[test]
    fn choices_are_kept_as_the_shortest_lists() {
        let check = |choices: &[(&str, bool)], select: &[&str], leave: &[&str]| {
            let mut selection = selection(&[]);
            for (path, wanted) in choices {
                selection.choose(path, *wanted).unwrap();
                // Kept and read again it says the same.
                let (select, leave) = selection.lists();
                let again = Selection::new(&select, &leave).unwrap();
                assert_eq!(again.lists(), (select, leave), "{choices:?}");
            }
            assert_eq!(
                selection.lists(),
                (paths(select), paths(leave)),
                "{choices:?}"
            );
        };
        check(&[], &[], &[]);
        check(&[("a", false)], &[], &["a"]);
        check(&[("a", false), ("a", true)], &[], &[]);
        check(&[("", false)], &[], &[""]);
        check(&[("", false), ("a/b", true)], &["a/b"], &[]);
        check(
            &[("", false), ("a", true), ("a/b", false)],
            &["a"],
            &["a/b"],
        );
        check(&[("a/b", false), ("a", false)], &[], &["a"]);
        check(&[("a", false), ("a/b", true)], &["", "a/b"], &["a"]);
        check(&[("", false), ("a", true), ("a", false)], &[], &[""]);
    }

    #[test]
    fn a_way_out_of_the_item_is_refused() {
        let check = |path: &str| {
            let refused = Selection::new(&paths(&[path]), &[]);
            assert!(matches!(refused, Err(SelectionError::Path(_))));
            assert!(selection(&[]).choose(path, false).is_err());
        };
        check("a/../b");
        check("..");
    }
}
