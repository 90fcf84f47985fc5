//! What a plan asks for next: the first in the order for which there is room, and where that has to
//! wait, leaves further behind.

use std::collections::VecDeque;
use std::sync::Arc;

use unixfs::cid::{self, RAW};
use unixfs::{Cid, Entry, ShardItem};

use super::children::Children;
use super::rank::Rank;
use super::{
    Cursor, Fault, ItemPath, Key, Order, Place, Plan, Step, Waiting, block_fault, child_order,
    claimed, join,
};
use crate::fetch::limits::{
    MAX_ASKED, MAX_ASKED_HEAD, MAX_ASKED_NODES, MAX_READY_BYTES, MAX_STEPS,
};

impl Plan {
    /// Fills the window, by rank and in the tree's order.
    pub(super) fn ask(&mut self) -> Result<(), Fault> {
        while self.steps.len() < MAX_STEPS {
            let (parked, cursor) = (
                self.parked.first_key_value().map(|(key, _)| key),
                self.cursors.first_key_value().map(|(key, _)| key),
            );
            let parked_first = parked.is_some_and(|parked| cursor.is_none_or(|key| parked < key));
            let first = if parked_first { parked } else { cursor };
            let Some((rank, _)) = first else { break };
            if self.places >= rank.places() {
                break;
            }
            let go_on = if parked_first {
                self.ask_parked()
            } else {
                match cursor.cloned() {
                    Some(key) => self.ask_children(&key, false)?,
                    None => false,
                }
            };
            if !go_on && (self.places >= MAX_ASKED || !self.ask_leaves()?) {
                break;
            }
        }
        Ok(())
    }

    /// Asks again for the first node that was put off. `false`: there is still no room.
    fn ask_parked(&mut self) -> bool {
        let Some(((rank, _), _)) = self.parked.first_key_value() else {
            return false;
        };
        let room = self.has_room(*rank);
        if !room && self.places > 0 {
            return false;
        }
        if let Some((_, (cid, mut waiting))) = self.parked.pop_first() {
            waiting.pressing = !room;
            self.want(cid, waiting);
        }
        true
    }

    /// Where the first in the order has to wait for room, leaves further behind make some. `false`:
    /// there are none.
    fn ask_leaves(&mut self) -> Result<bool, Fault> {
        let found = self.cursors.iter().find(|(_, cursor)| cursor.has_leaf());
        match found.map(|(key, _)| key.clone()) {
            Some(key) => self.ask_children(&key, true),
            None => Ok(false),
        }
    }

    /// Asks for a node's next children. For the first node that is the order: no child of another
    /// can come between them. `false`: the next one has to wait.
    fn ask_children(&mut self, key: &Key, only_leaves: bool) -> Result<bool, Fault> {
        let Some(mut cursor) = self.cursors.remove(key) else {
            return Ok(false);
        };
        let rank = key.0;
        let mut implied = None;
        let mut blocked = false;
        while implied.is_none() && self.places < rank.places() {
            let Some(number) = cursor.pending.front().map(|number| *number as usize) else {
                break;
            };
            let Some(is_node) = cursor.children.is_node(number) else {
                break;
            };
            if only_leaves && !cursor.has_leaf() {
                break;
            }
            // Where nothing else goes on one node may come in any case: so memory is bounded by the
            // tree's depth, not by luck.
            let pressing = is_node && !self.has_room(rank);
            if pressing && self.places > 0 {
                blocked = true;
                break;
            }
            cursor.pending.pop_front();
            let Some((cid, place)) = self.child(&cursor.children, number)? else {
                continue;
            };
            let waiting = Waiting {
                place,
                order: if cid.codec() == RAW {
                    Order::new()
                } else {
                    child_order(&cursor.order, number)
                },
                node_bytes: if is_node { cursor.bytes.max(1) } else { 0 },
                pressing,
            };
            match cid::implied_block(&cid) {
                Some(block) => implied = Some((cid, block, waiting)),
                None => self.want(cid, waiting),
            }
        }
        if let Some(next) = cursor.pending.front() {
            let order = child_order(&cursor.order, *next as usize);
            self.cursors.insert((rank, order), cursor);
        } else {
            self.cursor_bytes -= cursor.bytes;
            self.leave(&cursor.children);
        }
        if let Some((cid, block, waiting)) = implied {
            self.put(&cid, &block, vec![waiting])?;
        }
        Ok(!blocked)
    }

    /// Puts a node's children in line, those of each rank for themselves. Each line holds on to the
    /// node's folder; one holds already. The node's memory is counted in the one that stays
    /// longest.
    pub(super) fn add_cursors(
        &mut self,
        order: Order,
        pending: VecDeque<u32>,
        children: Arc<Children>,
        bytes: usize,
    ) {
        let mut bytes = bytes;
        for (number, (rank, pending)) in self
            .ranked(&children, pending)
            .into_iter()
            .rev()
            .enumerate()
        {
            let Some(next) = pending.front() else {
                continue;
            };
            let key = (rank, child_order(&order, *next as usize));
            if number > 0
                && let Some(folder) = children.folder()
            {
                self.enter_folder(folder);
            }
            let cursor = Cursor {
                order: order.clone(),
                pending,
                children: Arc::clone(&children),
                bytes: std::mem::take(&mut bytes),
            };
            self.cursors.insert(key, cursor);
        }
    }

    /// May one more node be asked for? What is looked at has some room of its own.
    fn has_room(&self, rank: Rank) -> bool {
        let (nodes, bytes) = if rank.is_head() {
            (MAX_ASKED_NODES + MAX_ASKED_HEAD, 2 * MAX_READY_BYTES)
        } else {
            (MAX_ASKED_NODES, MAX_READY_BYTES)
        };
        self.nodes < nodes && self.cursor_bytes + self.node_bytes < bytes
    }

    /// A node's child and its place. `None`: it adds nothing.
    fn child(&mut self, children: &Children, number: usize) -> Result<Option<(Cid, Place)>, Fault> {
        match children {
            Children::Parts { file, at, parts } => {
                let part = &parts[number];
                if !self.files.contains_key(file) {
                    return Ok(None);
                }
                match at.child(part) {
                    Ok(child) => Ok(child.map(|at| (part.cid, Place::Part { file: *file, at }))),
                    Err(source) => {
                        self.abandon(*file, |path| block_fault(&part.cid, path, source))?;
                        Ok(None)
                    }
                }
            }
            Children::Entries { folder, entries } => self.entry(*folder, &entries[number]),
            Children::Shard { folder, at, items } => match &items[number] {
                (ShardItem::Entry(entry), _) => self.entry(*folder, entry),
                (ShardItem::Shard { cid, tsize }, bucket) => {
                    let name = self.folder_name(*folder);
                    let at = at
                        .child(*bucket)
                        .map_err(|source| block_fault(cid, name, source))?;
                    let wanted = self.enter_folder(*folder);
                    let place = Place::Shard {
                        folder: *folder,
                        at,
                        claimed: claimed(wanted, *tsize),
                    };
                    Ok(Some((*cid, place)))
                }
            },
        }
    }

    /// An entry's place: here it gets the name that it has on this file system.
    fn entry(&mut self, key: u64, entry: &Entry) -> Result<Option<(Cid, Place)>, Fault> {
        // A cursor holds on to its folder.
        let Some(folder) = self.folders.get_mut(&key) else {
            return Ok(None);
        };
        let Some(wanted) = self.selection.entry(folder.wanted, &entry.name) else {
            return Ok(None);
        };
        let name = join(&folder.path.name, &unixfs::name::to_text(&entry.name));
        let local = folder
            .names
            .local_name(&entry.name)
            .map_err(|source| Fault::Name {
                path: folder.path.name.clone(),
                source,
            })?;
        let path = Arc::new(ItemPath {
            name,
            local: folder.path.local.join(&local.name),
        });
        if local.substituted {
            let path = Arc::clone(&path);
            self.steps.push_back(Step::Renamed { path });
        }
        let place = Place::Entry {
            path,
            wanted,
            depth: folder.depth + 1,
            claimed: claimed(wanted, entry.tsize),
        };
        Ok(Some((entry.cid, place)))
    }
}
