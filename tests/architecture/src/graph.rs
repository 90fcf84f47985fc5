//! Which room of a crate, a top-level module, imports which other, and where they go round in circles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::module::Module;
use crate::sources::Sources;

/// From a room to another, and where that is said.
pub type Edges = BTreeMap<(String, String), Vec<(PathBuf, usize)>>;

/// A re-export leads to the next; nobody writes a chain as long as this.
const MAX_STEPS: usize = 16;

/// The rooms of a crate and their edges.
#[derive(Debug)]
pub struct Graph {
    pub rooms: BTreeSet<String>,
    pub edges: Edges,
}

/// Follows every path of a crate to the room that it names.
pub fn graph(sources: &Sources) -> Graph {
    let names = Names::of(sources);
    let top = sources
        .modules
        .iter()
        .filter(|module| module.path.len() == 1);
    let rooms: BTreeSet<String> = top.map(|module| module.path[0].clone()).collect();
    let mut edges = Edges::new();
    for module in &sources.modules {
        let Some(from) = module.path.first() else {
            continue;
        };
        for path in &module.paths {
            let to = names.room(&module.path, &path.what, 0);
            let Some(to) = to.filter(|to| to != from) else {
                continue;
            };
            let places = edges.entry((from.clone(), to)).or_default();
            let place = (module.file.clone(), path.line);
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    Graph { rooms, edges }
}

impl Graph {
    pub fn imports(&self, room: &str) -> BTreeSet<&str> {
        let from_here = self.edges.keys().filter(|(from, _)| from == room);
        from_here.map(|(_, to)| &**to).collect()
    }

    /// Rooms each of which imports, over others or not, all others of its set.
    pub fn cycles(&self) -> Vec<BTreeSet<String>> {
        let mut reached = BTreeMap::new();
        for room in &self.rooms {
            let mut seen = BTreeSet::new();
            let mut pending: Vec<&str> = self.imports(room).into_iter().collect();
            while let Some(next) = pending.pop() {
                if seen.insert(next) {
                    pending.extend(self.imports(next));
                }
            }
            reached.insert(&**room, seen);
        }
        let mut cycles: Vec<BTreeSet<String>> = Vec::new();
        for room in &self.rooms {
            let back = |other: &&&str| {
                reached
                    .get(**other)
                    .is_some_and(|seen| seen.contains(&**room))
            };
            let around: BTreeSet<String> = reached[&**room]
                .iter()
                .filter(back)
                .map(|other| (*other).to_owned())
                .collect();
            if !around.is_empty() && !cycles.contains(&around) {
                cycles.push(around);
            }
        }
        cycles
    }
}

/// What the modules of a crate are called, for following paths.
struct Names<'a> {
    modules: BTreeMap<&'a [String], Vec<&'a Module>>,
}

impl<'a> Names<'a> {
    fn of(sources: &'a Sources) -> Self {
        let mut modules: BTreeMap<&[String], Vec<&Module>> = BTreeMap::new();
        for module in &sources.modules {
            modules.entry(&module.path).or_default().push(module);
        }
        Self { modules }
    }

    /// The room that a path names which is written in the module `from`; `None` when it leads out of the crate, or to
    /// something at its root. What a room hands on from another is that room's all the same.
    fn room(&self, from: &[String], path: &[String], steps: usize) -> Option<String> {
        if steps > MAX_STEPS {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match &**first {
            "crate" => self.at_root(rest, steps),
            "self" => self.around(from, rest, steps),
            "super" => self.around(from.split_last()?.1, rest, steps),
            name => self.known_as(from, name, rest, steps),
        }
    }

    /// What follows `self` and each `super`.
    fn around(&self, module: &[String], rest: &[String], steps: usize) -> Option<String> {
        match rest.first() {
            Some(next) if next == "super" => self.room(module, rest, steps),
            _ if module.is_empty() => self.at_root(rest, steps),
            _ => module.first().cloned(),
        }
    }

    /// A room, or what the crate's root brought in from one.
    fn at_root(&self, path: &[String], steps: usize) -> Option<String> {
        let first = path.first()?;
        if self.modules.contains_key(std::slice::from_ref(first)) {
            return Some(first.clone());
        }
        let root = self.modules.get(&[][..])?;
        if root.iter().any(|root| root.items.contains(first)) {
            return None;
        }
        if root.iter().any(|root| root.uses.contains_key(first)) {
            return self.known_as(&[], first, &path[1..], steps);
        }
        let globs = root.iter().flat_map(|root| &root.globs);
        let mut rooms = globs.filter_map(|glob| self.room(&[], glob, steps + 1));
        rooms.find(|room| self.defines(std::slice::from_ref(room), first))
    }

    /// A name that stands in the module `from`: one of its modules, or what it brought in.
    fn known_as(
        &self,
        from: &[String],
        name: &str,
        rest: &[String],
        steps: usize,
    ) -> Option<String> {
        let below = [from, &[name.to_owned()]].concat();
        if self.modules.contains_key(&*below) {
            return below.first().cloned();
        }
        let parts = self.modules.get(from)?;
        let target = parts.iter().find_map(|part| part.uses.get(name))?;
        // `use net;` would lead back to itself.
        if target.first().is_some_and(|first| first == name) {
            return None;
        }
        self.room(from, &[&**target, rest].concat(), steps + 1)
    }

    fn defines(&self, module: &[String], name: &str) -> bool {
        let mut parts = self.modules.get(module).into_iter().flatten();
        parts.any(|part| part.items.contains(name))
    }
}
