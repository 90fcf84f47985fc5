//! What is on record of an item from an earlier import, folder by folder.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::Failure;
use crate::import::walk::{FoundFile, TOP};
use crate::index::{FileId, Index, ItemId, TreeFile};

/// What is on record of an item from an earlier import, folder by folder.
pub(super) struct Known<'a> {
    index: &'a Index,
    item: ItemId,
    /// Folders on record that the walk has not come to.
    unseen: HashSet<TreeFile>,
    /// The folder that the walk is in.
    current: Option<(Arc<TreeFile>, HashMap<OsString, FileId>)>,
    /// Folders of the paths that the walk began with: it may come to them again.
    top: HashMap<PathBuf, HashMap<OsString, FileId>>,
    left: Vec<FileId>,
}

impl<'a> Known<'a> {
    pub(super) fn new(index: &'a Index, item: ItemId) -> Result<Self, Failure> {
        let unseen = index.folders(item)?.into_iter().collect();
        Ok(Known {
            index,
            item,
            unseen,
            current: None,
            top: HashMap::new(),
            left: Vec::new(),
        })
    }

    /// The record of a file that was found.
    pub(super) fn take(&mut self, file: &FoundFile) -> Result<Option<FileId>, Failure> {
        if file.dir == TOP {
            if self.unseen.remove(&*file.tree) {
                let names = self.index.names_in(self.item, &file.tree)?;
                self.top.insert(file.tree.path.clone(), names);
            }
            let names = self.top.get_mut(&file.tree.path);
            return Ok(names.and_then(|names| names.remove(&file.disk_name)));
        }
        let is_current = self
            .current
            .as_ref()
            .is_some_and(|(tree, _)| Arc::ptr_eq(tree, &file.tree));
        if !is_current {
            let names = if self.unseen.remove(&*file.tree) {
                self.index.names_in(self.item, &file.tree)?
            } else {
                HashMap::new()
            };
            let before = self.current.replace((Arc::clone(&file.tree), names));
            self.left.extend(
                before
                    .into_iter()
                    .flat_map(|(_, names)| names.into_values()),
            );
        }
        Ok(self
            .current
            .as_mut()
            .and_then(|(_, names)| names.remove(&file.disk_name)))
    }

    /// All records whose files did not come.
    pub(super) fn left(mut self) -> Result<Vec<FileId>, Failure> {
        self.left.extend(
            self.current
                .into_iter()
                .flat_map(|(_, names)| names.into_values()),
        );
        self.left
            .extend(self.top.into_values().flat_map(HashMap::into_values));
        for folder in &self.unseen {
            self.left
                .extend(self.index.names_in(self.item, folder)?.into_values());
        }
        Ok(self.left)
    }
}
