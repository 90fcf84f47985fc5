//! A download as a pure plan: blocks in, wants and write instructions out.
//!
//! Owns what is known of the item's tree and decides what is asked for next. It has no clock, no
//! file and no socket, and never waits: [`Plan::next`] gives steps until there are none, and each
//! block that is owed comes back by [`Plan::block`], or by [`Plan::held`] where its bytes already
//! lie at their place.
//!
//! Invariants:
//! - What somebody looks at comes first, then what was put first, then the rest in the tree's
//!   order.
//! - Memory is bounded, whatever the tree's size: a window of wants, and a budget of unfolded
//!   nodes. Inner nodes run ahead of the leaves only as far as the budget lets them.
//! - Nothing is written where its parent did not say that it belongs: sizes, fan-outs, depths and
//!   names are checked first.
//! - A block is asked for once, however many places it has, and never if it follows from its CID
//!   alone.
//! - The walk ends: depth, entries and bytes have limits, and parts without bytes aren't followed. What
//!   unfolds to much more than came for it goes on only if the person knows.

mod amount;
mod ask;
mod children;
mod rank;
mod select;
mod step;
mod symlink;
mod unfold;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use unixfs::cid::{self, RAW};
use unixfs::{Cid, DecodeError, FilePosition, ShardPath};

use crate::fetch::limits::ONE_BLOCK_BYTES;
use store::files::names::{Rules, TakenNames};

use amount::Amount;
use children::{Children, is_leaf};
pub(crate) use rank::{Head, Rank, Steering};
use select::Wanted;
pub(crate) use select::{Choice, Selection, SelectionError};
pub(crate) use step::{Fault, FileKey, ItemPath, Leaf, Spot, Step, Totals};

#[derive(Debug)]
pub(crate) struct Plan {
    selection: Selection,
    steering: Steering,
    /// Nodes whose children aren't all asked for, by the order of the next child. Children of
    /// several ranks are in several.
    cursors: BTreeMap<Key, Cursor>,
    cursor_bytes: usize,
    /// Nodes that came when there was no room for them: to be asked for again.
    parked: BTreeMap<Key, (Cid, Waiting)>,
    asked: HashMap<Cid, Vec<Waiting>>,
    /// Places in `asked`.
    places: usize,
    /// Of these, nodes; and the memory they are expected to take.
    nodes: usize,
    node_bytes: usize,
    folders: HashMap<u64, Folder>,
    files: HashMap<FileKey, OpenFile>,
    last_key: u64,
    /// Some file was given up.
    any_abandoned: bool,
    /// Entries that are left out and were told.
    left_out: usize,
    amount: Amount,
    steps: VecDeque<Step>,
    totals: Totals,
    rules: Rules,
}

/// The way from the root to a node, as the numbers of the links: sorts like the tree.
type Order = Vec<u32>;

type Key = (Rank, Order);

/// A node that has arrived, and those of its children that are still to be asked for.
#[derive(Debug)]
struct Cursor {
    order: Order,
    pending: VecDeque<u32>,
    children: Arc<Children>,
    bytes: usize,
}

/// A place that waits for a block.
#[derive(Debug)]
struct Waiting {
    place: Place,
    order: Order,
    /// It surely has links: memory that it is expected to take. 0 for all others.
    node_bytes: usize,
    /// It was asked for although there was no room, because nothing else can go on: it must not be
    /// parked.
    pressing: bool,
}

#[derive(Debug)]
enum Place {
    Entry {
        path: Arc<ItemPath>,
        wanted: Wanted,
        depth: u32,
        /// What it was counted with in the totals.
        claimed: u64,
    },
    Shard {
        folder: u64,
        at: ShardPath,
        claimed: u64,
    },
    Part {
        file: FileKey,
        at: FilePosition,
    },
}

#[derive(Debug)]
struct Folder {
    path: Arc<ItemPath>,
    wanted: Wanted,
    depth: u32,
    names: TakenNames,
    /// Cursors and waiting shards that still need it.
    uses: u32,
}

#[derive(Debug)]
struct OpenFile {
    path: Arc<ItemPath>,
    size: u64,
    left: u64,
}

impl Plan {
    /// `rules` are those of the file system that it will be written to.
    pub(crate) fn new(root: Cid, mut selection: Selection, rules: Rules) -> Result<Self, Fault> {
        cid::acceptable(&root).map_err(|source| Fault::Cid {
            path: String::new(),
            cid: Box::new(root),
            source,
        })?;
        let place = Place::Entry {
            path: Arc::default(),
            wanted: selection.root(),
            depth: 0,
            claimed: 0,
        };
        let waiting = Waiting {
            place,
            order: Order::new(),
            node_bytes: usize::from(root.codec() != RAW),
            pressing: true,
        };
        let mut plan = Self {
            selection,
            steering: Steering::default(),
            cursors: BTreeMap::new(),
            cursor_bytes: 0,
            parked: BTreeMap::new(),
            asked: HashMap::new(),
            places: 0,
            nodes: 0,
            node_bytes: 0,
            folders: HashMap::new(),
            files: HashMap::new(),
            last_key: 0,
            any_abandoned: false,
            left_out: 0,
            amount: Amount::default(),
            steps: VecDeque::new(),
            totals: Totals::default(),
            rules,
        };
        match cid::implied_block(&root) {
            Some(block) => plan.put(&root, &block, vec![waiting])?,
            None => plan.want(root, waiting),
        }
        Ok(plan)
    }

    /// The person knows that it unfolds to much more than comes for it.
    pub(crate) fn unfolding(mut self, may_unfold: bool) -> Self {
        self.amount.may_unfold = may_unfold;
        self
    }

    /// The next step; `None` while nothing can be done before a block comes.
    pub(crate) fn next(&mut self) -> Result<Option<Step>, Fault> {
        if self.steps.is_empty() {
            self.ask()?;
        }
        Ok(self.steps.pop_front())
    }

    /// Hands in a block, which must match its CID. One that nobody waits for is ignored.
    pub(crate) fn block(&mut self, cid: &Cid, data: &Bytes) -> Result<(), Fault> {
        match self.asked.remove(cid) {
            Some(waiting) => {
                for one in &waiting {
                    self.uncount(one);
                }
                self.put(cid, data, waiting)
            }
            None => Ok(()),
        }
    }

    /// Says that the bytes of a leaf lie at the spot named in its last [`Step::Want`], `bytes` of
    /// them. Other places of the block are asked for anew.
    pub(crate) fn held(&mut self, cid: &Cid, bytes: u64) -> Result<(), Fault> {
        let Some(waiting) = self.asked.get_mut(cid) else {
            return Ok(());
        };
        // A list in `asked` is never empty.
        let first = waiting.remove(0);
        let is_last = waiting.is_empty();
        if is_last {
            self.asked.remove(cid);
        }
        self.uncount(&first);
        self.put_held(cid, first, bytes)?;
        let others = self.asked.get(cid).filter(|_| !is_last);
        if let Some(next) = others.and_then(|waiting| waiting.first()) {
            let step = self.want_step(*cid, next);
            self.steps.push_back(step);
        }
        Ok(())
    }

    /// What is still to be kept, after a fault: the blocks are what their CIDs say, and others may
    /// look at them too.
    pub(crate) fn take_kept(&mut self) -> Vec<(Cid, Bytes)> {
        let kept = self.steps.drain(..).filter_map(|step| match step {
            Step::Keep { cid, data } => Some((cid, data)),
            _ => None,
        });
        kept.collect()
    }

    /// Is a block owed?
    #[cfg(test)]
    pub(crate) fn waits_for(&self, cid: &Cid) -> bool {
        self.asked.contains_key(cid)
    }

    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    /// Everything was given out. An error if something that was asked for isn't in the item.
    pub(crate) fn is_done(&self) -> Result<bool, Fault> {
        let idle = self.is_nothing_owed() && self.cursors.is_empty() && self.parked.is_empty();
        if !(idle && self.steps.is_empty()) {
            return Ok(false);
        }
        match self.selection.missing() {
            Some(path) => Err(Fault::NotThere(path)),
            None => Ok(true),
        }
    }

    /// No block is waited for, but for parts of files that were given up.
    fn is_nothing_owed(&self) -> bool {
        let is_left = |one: &Waiting| match &one.place {
            Place::Part { file, .. } => !self.files.contains_key(file),
            Place::Entry { .. } | Place::Shard { .. } => false,
        };
        self.asked.is_empty() || self.any_abandoned && self.asked.values().flatten().all(is_left)
    }

    fn want(&mut self, cid: Cid, waiting: Waiting) {
        self.places += 1;
        if waiting.node_bytes > 0 {
            self.nodes += 1;
            self.node_bytes += waiting.node_bytes;
        }
        if let Some(others) = self.asked.get_mut(&cid) {
            others.push(waiting);
            return;
        }
        let step = self.want_step(cid, &waiting);
        self.steps.push_back(step);
        self.asked.insert(cid, vec![waiting]);
    }

    fn uncount(&mut self, waiting: &Waiting) {
        self.places -= 1;
        if waiting.node_bytes > 0 {
            self.nodes -= 1;
            self.node_bytes -= waiting.node_bytes;
        }
    }

    fn want_step(&self, cid: Cid, waiting: &Waiting) -> Step {
        let spot = match &waiting.place {
            Place::Entry { path, .. } => Some(Spot {
                path: Arc::clone(path),
                offset: 0,
                bytes: None,
            }),
            Place::Part { file, at } => self.files.get(file).map(|open| Spot {
                path: Arc::clone(&open.path),
                offset: at.offset,
                bytes: at.size,
            }),
            Place::Shard { .. } => None,
        };
        Step::Want {
            cid,
            rank: self.rank_of_place(&waiting.place),
            node: match &waiting.place {
                Place::Entry { .. } => cid.codec() != RAW,
                Place::Shard { .. } => true,
                Place::Part { .. } => waiting.node_bytes > 0,
            },
            bytes: told_bytes(&cid, &waiting.place),
            spot,
        }
    }

    /// Holds on to a folder; says what is wanted of it.
    fn enter_folder(&mut self, key: u64) -> Wanted {
        // Whoever enters a folder holds on to it already.
        self.folders.get_mut(&key).map_or(Wanted::All, |folder| {
            folder.uses += 1;
            folder.wanted
        })
    }

    fn leave_folder(&mut self, key: u64) {
        if let Some(folder) = self.folders.get_mut(&key) {
            folder.uses -= 1;
            if folder.uses == 0 {
                self.folders.remove(&key);
            }
        }
    }

    fn next_key(&mut self) -> u64 {
        self.last_key += 1;
        self.last_key
    }

    fn file_name(&self, file: FileKey) -> String {
        self.files
            .get(&file)
            .map_or_else(String::new, |open| open.path.name.clone())
    }

    fn folder_name(&self, folder: u64) -> String {
        self.folders
            .get(&folder)
            .map_or_else(String::new, |open| open.path.name.clone())
    }

    /// Whatever holds on to a folder without having come to anything.
    fn leave(&mut self, children: &Children) {
        if let Children::Entries { folder, .. } | Children::Shard { folder, .. } = children {
            self.leave_folder(*folder);
        }
    }
}

/// Bytes of a place's block, as far as its parent tells: of a leaf all, of a small tree all of it, for it is one block nearly
/// always.
fn told_bytes(cid: &Cid, place: &Place) -> Option<u32> {
    let told = match place {
        Place::Entry { claimed, .. } | Place::Shard { claimed, .. } => *claimed,
        Place::Part { at, .. } => at.size?,
    };
    let told = u32::try_from(told).ok()?;
    let is_one = cid.codec() == RAW || told <= ONE_BLOCK_BYTES;
    (is_one && told > 0).then_some(told)
}

/// What somebody claims for something counts until it has come, unless only some of it is wanted.
fn claimed(wanted: Wanted, tsize: u64) -> u64 {
    match wanted {
        Wanted::All => tsize,
        Wanted::Some(_) => 0,
    }
}

impl Cursor {
    /// Is the next one surely a leaf?
    fn has_leaf(&self) -> bool {
        let next = self.pending.front().map(|number| *number as usize);
        next.and_then(|number| self.children.cid(number))
            .is_some_and(is_leaf)
    }
}

fn child_order(node: &Order, number: usize) -> Order {
    let mut order = Vec::with_capacity(node.len() + 1);
    order.extend_from_slice(node);
    // A node has 65,536 links at most.
    order.push(u32::try_from(number).unwrap_or(u32::MAX));
    order
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

pub(super) fn block_fault(cid: &Cid, path: String, source: DecodeError) -> Fault {
    let cid = Box::new(*cid);
    Fault::Block { path, cid, source }
}

#[cfg(test)]
mod tests;
