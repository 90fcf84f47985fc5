//! What a block that came turns into: bytes at a place in a file, or children to be asked for.
//!
//! Every node is checked here against what its parents said of it, before anything is given out.

use std::sync::Arc;

use bytes::Bytes;
use unixfs::cid;
use unixfs::{
    Cid, DirectoryNode, Entry, FileNode, FilePosition, Lookup, Metadata, Node, ShardItem,
    ShardNode, ShardPath, SymlinkNode,
};

use super::amount::needed;
use super::children::{Children, bytes_of};
use super::select::Wanted;
use super::symlink::safe_target;
use super::{
    Fault, FileKey, Folder, ItemPath, Leaf, OpenFile, Order, Place, Plan, Step, Waiting,
    block_fault, claimed, join,
};
use crate::fetch::limits::{MAX_ENTRIES, MAX_FOLDER_DEPTH, MAX_READY_BYTES, MAX_SHARD_WISHES};
use store::files::names::{self, TakenNames};
use store::limits::MAX_SKIPPED;

/// Why an entry is left out whose name is that of one before it, and one without a name.
const DOUBLED: &str = "an entry before it has the same name";
const NAMELESS: &str = "it has no name";
/// Stands for the name of what has none.
const NO_NAME: &str = "(no name)";

/// Why a file is left out that FAT can't hold.
const OVER_DISK: &str = "this disk holds no files of 4 GiB and more";

impl Plan {
    /// Puts a block where it is waited for.
    pub(super) fn put(
        &mut self,
        cid: &Cid,
        data: &Bytes,
        waiting: Vec<Waiting>,
    ) -> Result<(), Fault> {
        let implied = cid::implied_block(cid).is_some();
        let is_new = implied || self.amount.add(cid, data.len() as u64);
        let node = match unixfs::decode(cid, data) {
            Ok(node) => node,
            Err(source) => {
                if !implied {
                    self.keep(cid, data, 0, is_new);
                }
                let fault = |path| block_fault(cid, path, source.clone());
                return waiting
                    .into_iter()
                    .try_for_each(|one| self.do_without(one.place, fault));
            }
        };
        let leaf = if implied {
            None
        } else {
            leaf(cid, &node, data)
        };
        if leaf.is_none() && !implied {
            self.keep(cid, data, needed(&node), is_new);
        }
        let bytes = bytes_of(&node);
        for mut one in waiting {
            let full = self.cursor_bytes >= MAX_READY_BYTES && !self.cursors.is_empty();
            if full && bytes > 0 && !implied && !one.pressing {
                one.node_bytes = bytes;
                let rank = self.rank_of_place(&one.place);
                self.parked.insert((rank, one.order.clone()), (*cid, one));
            } else {
                self.put_node(cid, &node, data, leaf, one)?;
            }
        }
        self.check_amount()
    }

    /// A leaf whose bytes are at their place already.
    pub(super) fn put_held(&mut self, cid: &Cid, one: Waiting, bytes: u64) -> Result<(), Fault> {
        self.amount.add(cid, bytes);
        let whole = FileNode {
            size: bytes,
            inline: 0..0,
            children: Vec::new(),
            meta: Metadata::default(),
        };
        match one.place {
            Place::Part { file, .. } if !self.files.contains_key(&file) => Ok(()),
            Place::Part { file, at } => match at.check(&whole) {
                Ok(()) => {
                    self.hold(file, at.offset, bytes, cid);
                    self.check_amount()
                }
                Err(source) => self.abandon(file, |path| block_fault(cid, path, source)),
            },
            Place::Entry {
                path,
                wanted: Wanted::All,
                claimed,
                ..
            } => {
                let file = self.open_file(cid, &whole, path, claimed)?;
                self.hold(file, 0, bytes, cid);
                self.check_amount()
            }
            // The wish was for something below a folder, and what has bytes is none: it will be found
            // missing.
            Place::Entry { .. } => Ok(()),
            // What nobody can say of a shard, which has no bytes.
            Place::Shard { .. } => {
                self.want(*cid, one);
                Ok(())
            }
        }
    }

    fn put_node(
        &mut self,
        cid: &Cid,
        node: &Node,
        data: &Bytes,
        leaf: Option<Leaf>,
        waiting: Waiting,
    ) -> Result<(), Fault> {
        let order = waiting.order;
        let place = self.whole_file(waiting.place, node);
        match (place, node) {
            // What is left of a file that was given up.
            (Place::Part { file, .. }, _) if !self.files.contains_key(&file) => Ok(()),
            (Place::Part { file, at }, Node::File(node)) => match at.check(node) {
                Ok(()) => {
                    self.unfold_file(file, at, node, data, leaf, order);
                    Ok(())
                }
                Err(source) => self.abandon(file, |path| block_fault(cid, path, source)),
            },
            (
                Place::Entry {
                    path,
                    wanted: Wanted::All,
                    claimed,
                    ..
                },
                Node::File(node),
            ) if node.size > self.rules.largest => self.leave_large(&path, claimed),
            (
                Place::Entry {
                    path,
                    wanted: Wanted::All,
                    claimed,
                    ..
                },
                Node::File(node),
            ) => {
                let file = self.open_file(cid, node, path, claimed)?;
                self.unfold_file(file, FilePosition::ROOT, node, data, leaf, order);
                Ok(())
            }
            // The wish was for something below a folder, and this is none: it will be found
            // missing.
            (Place::Entry { .. }, Node::File(_)) => Ok(()),
            (
                Place::Entry {
                    path,
                    wanted,
                    depth,
                    claimed,
                },
                node,
            ) => match node {
                Node::Symlink(node) => {
                    self.totals.bytes = self.totals.bytes.saturating_sub(claimed);
                    self.count_entry()?;
                    self.symlink(path, depth, node);
                    Ok(())
                }
                Node::Directory(node) => {
                    let folder = self.open_folder(path, wanted, depth, claimed, &node.meta)?;
                    self.unfold_directory(folder, node, order)
                }
                Node::Shard(node) => {
                    let folder = self.open_folder(path, wanted, depth, claimed, &node.meta)?;
                    self.unfold_shard(cid, folder, ShardPath::root(node), node, order)
                }
                Node::File(_) => Ok(()),
            },
            (
                Place::Shard {
                    folder,
                    at,
                    claimed,
                },
                Node::Shard(node),
            ) => {
                self.totals.bytes = self.totals.bytes.saturating_sub(claimed);
                self.unfold_shard(cid, folder, at, node, order)
            }
            (place, _) => self.do_without(place, |path| {
                let cid = Box::new(*cid);
                Fault::Kind { path, cid }
            }),
        }
    }

    /// What belongs there can't be had, whoever is asked: it is left out, unless it is the item
    /// itself.
    fn do_without(
        &mut self,
        place: Place,
        fault: impl FnOnce(String) -> Fault,
    ) -> Result<(), Fault> {
        match place {
            Place::Entry { path, .. } if path.name.is_empty() => Err(fault(String::new())),
            Place::Entry { path, claimed, .. } => {
                self.totals.bytes = self.totals.bytes.saturating_sub(claimed);
                let reason = fault(path.name.clone()).reason();
                self.leave_out(path.name.clone(), reason);
                Ok(())
            }
            Place::Shard {
                folder, claimed, ..
            } => {
                self.totals.bytes = self.totals.bytes.saturating_sub(claimed);
                let path = join(&self.folder_name(folder), "…");
                let reason = fault(path.clone()).reason();
                self.leave_out(path, reason);
                self.leave_folder(folder);
                Ok(())
            }
            Place::Part { file, .. } => self.abandon(file, fault),
        }
    }

    /// Gives a file up: a part of it can't be had.
    pub(super) fn abandon(
        &mut self,
        file: FileKey,
        fault: impl FnOnce(String) -> Fault,
    ) -> Result<(), Fault> {
        let Some(open) = self.files.remove(&file) else {
            return Ok(());
        };
        let path = open.path.name.clone();
        if path.is_empty() {
            return Err(fault(path));
        }
        self.totals.bytes = self.totals.bytes.saturating_sub(open.size);
        self.totals.done = self.totals.done.saturating_sub(open.size - open.left);
        self.totals.files -= 1;
        self.any_abandoned = true;
        self.steps.push_back(Step::Abandon { file });
        let reason = fault(path.clone()).reason();
        self.leave_out(path, reason);
        Ok(())
    }

    pub(super) fn leave_out(&mut self, path: String, reason: String) {
        // More are not told: a few blocks may name any number.
        if self.left_out < MAX_SKIPPED {
            self.left_out += 1;
            self.steps.push_back(Step::Skip { path, reason });
        }
    }

    /// Wishes for what lies below it say nothing of a file.
    fn whole_file(&self, mut place: Place, node: &Node) -> Place {
        if let (Place::Entry { wanted, .. }, Node::File(_)) = (&mut place, node)
            && let Wanted::Some(branch) = *wanted
            && self.selection.wants_rest(branch)
        {
            *wanted = Wanted::All;
        }
        place
    }

    /// Says so of a file that the disk can't hold, before any of it is asked for.
    fn leave_large(&mut self, path: &ItemPath, claimed: u64) -> Result<(), Fault> {
        if path.name.is_empty() {
            return Err(Fault::OverDisk);
        }
        self.totals.bytes = self.totals.bytes.saturating_sub(claimed);
        self.count_entry()?;
        self.leave_out(path.name.clone(), OVER_DISK.to_owned());
        Ok(())
    }

    fn open_file(
        &mut self,
        cid: &Cid,
        node: &FileNode,
        path: Arc<ItemPath>,
        claimed: u64,
    ) -> Result<FileKey, Fault> {
        self.count_entry()?;
        let file = FileKey(self.next_key());
        let total = self.totals.bytes.saturating_sub(claimed);
        self.totals.bytes = total.checked_add(node.size).ok_or(Fault::TooLarge)?;
        self.totals.files += 1;
        self.steps.push_back(Step::Open {
            file,
            path: Arc::clone(&path),
            root: *cid,
            size: node.size,
            meta: node.meta,
        });
        let (size, left) = (node.size, node.size);
        self.files.insert(file, OpenFile { path, size, left });
        self.advance(file, 0);
        Ok(file)
    }

    fn unfold_file(
        &mut self,
        file: FileKey,
        at: FilePosition,
        node: &FileNode,
        data: &Bytes,
        leaf: Option<Leaf>,
        order: Order,
    ) {
        if !node.inline.is_empty() {
            self.steps.push_back(Step::Write {
                file,
                offset: at.offset,
                data: data.slice(node.inline.clone()),
                block: leaf,
            });
            self.advance(file, node.inline.len() as u64);
        }
        let parts = node.children.clone();
        self.unfold(order, Children::Parts { file, at, parts });
    }

    fn hold(&mut self, file: FileKey, offset: u64, bytes: u64, cid: &Cid) {
        self.steps.push_back(Step::Held {
            file,
            offset,
            bytes,
            cid: *cid,
        });
        self.advance(file, bytes);
    }

    /// So many more bytes of the file were given out or are held.
    fn advance(&mut self, file: FileKey, bytes: u64) {
        let Some(open) = self.files.get_mut(&file) else {
            return;
        };
        open.left = open.left.saturating_sub(bytes);
        self.totals.done += bytes;
        if open.left == 0 {
            self.files.remove(&file);
            self.totals.files_done += 1;
            self.steps.push_back(Step::Close { file });
        }
    }

    fn open_folder(
        &mut self,
        path: Arc<ItemPath>,
        wanted: Wanted,
        depth: u32,
        claimed: u64,
        meta: &Metadata,
    ) -> Result<u64, Fault> {
        self.count_entry()?;
        if depth > MAX_FOLDER_DEPTH {
            let path = path.name.clone();
            return Err(Fault::TooDeep { path });
        }
        self.totals.bytes = self.totals.bytes.saturating_sub(claimed);
        self.steps.push_back(Step::Folder {
            path: Arc::clone(&path),
            meta: *meta,
        });
        let key = self.next_key();
        let folder = Folder {
            path,
            wanted,
            depth,
            names: TakenNames::new(self.rules),
            uses: 1,
        };
        self.folders.insert(key, folder);
        Ok(key)
    }

    fn unfold_directory(
        &mut self,
        folder: u64,
        node: &DirectoryNode,
        order: Order,
    ) -> Result<(), Fault> {
        let mut entries = Vec::with_capacity(node.entries.len());
        for entry in &node.entries {
            if self.accept(folder, entry)? {
                entries.push(entry.clone());
            }
        }
        for entry in &node.doubled {
            let wanted = self.folders.get(&folder).map(|open| open.wanted);
            if wanted.is_some_and(|wanted| self.selection.entry(wanted, &entry.name).is_some()) {
                let name = unixfs::name::to_text(&entry.name);
                let path = join(&self.folder_name(folder), &name);
                self.leave_out(path, DOUBLED.to_owned());
            }
        }
        self.unfold(order, Children::Entries { folder, entries });
        Ok(())
    }

    fn unfold_shard(
        &mut self,
        cid: &Cid,
        folder: u64,
        at: ShardPath,
        node: &ShardNode,
        order: Order,
    ) -> Result<(), Fault> {
        let fault = |plan: &Self, source| block_fault(cid, plan.folder_name(folder), source);
        at.check(node).map_err(|source| fault(self, source))?;
        let below = self.wanted_shards(folder, at, node);
        let mut items = Vec::with_capacity(node.items.len());
        for (item, bucket) in node.items.iter().zip(&node.buckets) {
            let wanted = match item {
                ShardItem::Entry(entry) => self.accept(folder, entry)?,
                ShardItem::Shard { cid, .. } if !self.can_be_fetched(folder, "…", cid) => false,
                ShardItem::Shard { tsize, .. } => {
                    let child = at.child(*bucket).map_err(|source| fault(self, source))?;
                    let wanted = below.as_ref().is_none_or(|below| below.contains(&child));
                    if wanted && let Some(open) = self.folders.get(&folder) {
                        self.claim(claimed(open.wanted, *tsize));
                    }
                    wanted
                }
            };
            if wanted {
                items.push((item.clone(), *bucket));
            }
        }
        self.unfold(order, Children::Shard { folder, at, items });
        Ok(())
    }

    /// The shards below this one that can hold a wanted name; `None` if all may.
    fn wanted_shards(
        &self,
        folder: u64,
        at: ShardPath,
        node: &ShardNode,
    ) -> Option<Vec<ShardPath>> {
        let Wanted::Some(branch) = self.folders.get(&folder)?.wanted else {
            return None;
        };
        if self.selection.wants_rest(branch) {
            return None;
        }
        let names: Vec<&[u8]> = self
            .selection
            .names(branch)
            .take(MAX_SHARD_WISHES + 1)
            .collect();
        if names.len() > MAX_SHARD_WISHES {
            return None;
        }
        let below = names
            .iter()
            .filter_map(|name| match at.look_up(node, name) {
                Ok(Lookup::Below(_, path)) => Some(path),
                _ => None,
            });
        Some(below.collect())
    }

    /// Is the entry wanted? It must be one that can be fetched and written.
    fn accept(&mut self, folder: u64, entry: &Entry) -> Result<bool, Fault> {
        let Some(wanted) = self.folders.get(&folder).map(|open| open.wanted) else {
            return Ok(false);
        };
        let Some(entry_wanted) = self.selection.entry(wanted, &entry.name) else {
            return Ok(false);
        };
        if entry.name.is_empty() {
            let path = join(&self.folder_name(folder), NO_NAME);
            self.leave_out(path, NAMELESS.to_owned());
            return Ok(false);
        }
        names::check(&entry.name).map_err(|source| Fault::Name {
            path: self.folder_name(folder),
            source,
        })?;
        let name = unixfs::name::to_text(&entry.name);
        if !self.can_be_fetched(folder, &name, &entry.cid) {
            return Ok(false);
        }
        self.claim(claimed(entry_wanted, entry.tsize));
        Ok(true)
    }

    /// Something in a folder that can't be is left out.
    fn can_be_fetched(&mut self, folder: u64, name: &str, cid: &Cid) -> bool {
        match cid::acceptable(cid) {
            Ok(()) => true,
            Err(source) => {
                let path = join(&self.folder_name(folder), name);
                self.leave_out(path, source.to_string());
                false
            }
        }
    }

    fn claim(&mut self, bytes: u64) {
        self.totals.bytes = self.totals.bytes.saturating_add(bytes);
    }

    fn symlink(&mut self, path: Arc<ItemPath>, depth: u32, node: &SymlinkNode) {
        match safe_target(depth, &node.target) {
            Ok(target) => self.steps.push_back(Step::Symlink { path, target }),
            Err(reason) => self.leave_out(path.name.clone(), reason.to_string()),
        }
    }

    fn unfold(&mut self, order: Order, children: Children) {
        if children.len() == 0 {
            self.leave(&children);
            return;
        }
        let bytes = children.bytes();
        self.cursor_bytes += bytes;
        // A node has 65,536 links at most.
        let pending = (0..u32::try_from(children.len()).unwrap_or(u32::MAX)).collect();
        self.add_cursors(order, pending, Arc::new(children), bytes);
    }

    fn count_entry(&mut self) -> Result<(), Fault> {
        self.amount.entries += 1;
        if self.amount.entries > MAX_ENTRIES {
            return Err(Fault::TooManyEntries);
        }
        self.check_amount()
    }
}

/// Can the block be made again from the bytes that it gives to a file?
fn leaf(cid: &Cid, node: &Node, block: &Bytes) -> Option<Leaf> {
    let Node::File(node) = node else {
        return None;
    };
    if !node.children.is_empty() || node.inline.is_empty() {
        return None;
    }
    let framed = node.inline.len() != block.len();
    if framed {
        // Other software frames its leaves in other ways too: those blocks are kept as they are.
        let (prefix, suffix) = unixfs::leaf_frame(node.inline.len());
        let ours = block[..node.inline.start] == prefix && block[node.inline.end..] == suffix;
        if !ours {
            return None;
        }
    }
    Some(Leaf { cid: *cid, framed })
}
