//! What comes first in a download: what somebody looks at now, then what the person put first, then
//! the rest.
//!
//! Ranks split the order in which a plan asks; the tree's order holds within each. Rarest-first is
//! the business of `bitswap::client`: among the blocks that a plan has asked for, it asks complete
//! sources first for those that no partial holder has.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use unixfs::ShardItem;

use super::children::Children;
use super::{Place, Plan, Step, Waiting, join};
use crate::api::Missing;
use crate::fetch::limits::{MAX_ASKED, MAX_ASKED_HEAD, MAX_NAMED};

/// What comes first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Steering {
    /// Paths of files and folders inside the item.
    pub(crate) high: Vec<String>,
    /// What is being looked at. Few.
    pub(crate) heads: Vec<Head>,
}

/// Bytes of a file that somebody looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Empty for an item that is one file.
    pub(crate) path: String,
    pub(crate) range: Range<u64>,
}

/// Smaller comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Rank(u8);

/// Steps within what is looked at: what a player needs next comes before what it needs later.
const HEAD_STEPS: u8 = 16;

/// Bytes of a step.
const STEP_BYTES: u64 = 512 * 1024;

impl Rank {
    /// Places that may wait for a block before one of this rank is asked for.
    pub(super) fn places(self) -> usize {
        if self.is_head() {
            MAX_ASKED + MAX_ASKED_HEAD
        } else {
            MAX_ASKED
        }
    }

    pub(crate) const HIGH: Self = Self(HEAD_STEPS);
    pub(crate) const NORMAL: Self = Self(HEAD_STEPS + 1);

    fn head(distance: u64) -> Self {
        let last = u64::from(HEAD_STEPS) - 1;
        // Below 16.
        Self(u8::try_from((distance / STEP_BYTES).min(last)).unwrap_or(HEAD_STEPS - 1))
    }

    pub(crate) fn is_head(self) -> bool {
        self < Self::HIGH
    }

    /// As the exchange counts: more comes first.
    pub(crate) fn priority(self) -> i32 {
        2 * i32::from(Self::NORMAL.0 - self.0)
    }
}

impl Steering {
    fn is_empty(&self) -> bool {
        self.high.is_empty() && self.heads.is_empty()
    }

    /// The rank of what lies at a path, or on the way to something.
    fn path(&self, path: &str) -> Rank {
        if self.heads.iter().any(|head| is_within(&head.path, path)) {
            return Rank::head(0);
        }
        let is_high = |high: &String| is_within(high, path) || is_within(path, high);
        if self.high.iter().any(is_high) {
            Rank::HIGH
        } else {
            Rank::NORMAL
        }
    }

    /// The rank of bytes of a file.
    fn bytes(&self, path: &str, range: &Range<u64>) -> Rank {
        let of_file = self.heads.iter().filter(|head| head.path == path);
        let near = of_file.filter_map(|head| {
            let touches = head.range.start < range.end && range.start < head.range.end;
            touches.then(|| range.start.saturating_sub(head.range.start))
        });
        match near.min() {
            Some(distance) => Rank::head(distance),
            None if self.high.iter().any(|high| is_within(path, high)) => Rank::HIGH,
            None => Rank::NORMAL,
        }
    }
}

/// Is a path that of a folder, or of something in it? All paths are in the item itself.
fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| folder.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

impl Plan {
    /// Changes what comes first. What was asked for already is asked for again with its new
    /// priority.
    pub(crate) fn steer(&mut self, steering: &Steering) {
        if *steering == self.steering {
            return;
        }
        self.steering = steering.clone();
        for (_, cursor) in std::mem::take(&mut self.cursors) {
            self.add_cursors(cursor.order, cursor.pending, cursor.children, cursor.bytes);
        }
        for (key, (cid, waiting)) in std::mem::take(&mut self.parked) {
            let rank = self.rank_of_place(&waiting.place);
            self.parked.insert((rank, key.1), (cid, waiting));
        }
        let mut hurry = Vec::new();
        for (cid, waiting) in &self.asked {
            let ranks = waiting.iter().map(|one| self.rank_of_place(&one.place));
            if let Some(rank) = ranks.min().filter(|rank| *rank < Rank::NORMAL) {
                hurry.push((*cid, rank));
            }
        }
        if !hurry.is_empty() {
            self.steps.push_back(Step::Hurry(hurry));
        }
    }

    /// Parts of files that are asked for now: path, offset, bytes.
    pub(crate) fn asked_parts(&self) -> Vec<(String, u64, u64)> {
        let places = self.asked.values().flatten().filter_map(|waiting| {
            let Place::Part { file, at } = &waiting.place else {
                return None;
            };
            // A node above others stands for more than is on its way.
            let bytes = at.size.filter(|_| waiting.node_bytes == 0)?;
            Some((self.files.get(file)?.path.name.clone(), at.offset, bytes))
        });
        places.take(MAX_ASKED).collect()
    }

    /// Files that are asked for and not whole yet, as far as is known, and folders of which not all is known.
    pub(crate) fn missing(&self) -> Missing {
        let places = self.asked.values().flatten();
        let path = |waiting: &Waiting| match &waiting.place {
            Place::Entry { path, .. } => Some(path.name.clone()),
            Place::Part { file, .. } => Some(self.files.get(file)?.path.name.clone()),
            Place::Shard { .. } => None,
        };
        let paths: BTreeSet<String> = places.filter_map(path).collect();
        let count = paths.len() as u64;
        let folder = |waiting: &Waiting| match &waiting.place {
            Place::Shard { folder, .. } => Some(self.folder_name(*folder)),
            Place::Entry { .. } | Place::Part { .. } => None,
        };
        let folders: BTreeSet<String> = self.asked.values().flatten().filter_map(folder).collect();
        Missing {
            here: self.totals.files_done,
            files: paths.into_iter().take(MAX_NAMED).collect(),
            count,
            folders: folders.into_iter().take(MAX_NAMED).collect(),
        }
    }

    pub(super) fn rank_of_place(&self, place: &Place) -> Rank {
        if self.steering.is_empty() {
            return Rank::NORMAL;
        }
        match place {
            Place::Entry { path, .. } => self.steering.path(&path.name),
            Place::Shard { folder, .. } => self.steering.path(&self.folder_name(*folder)),
            Place::Part { file, at } => {
                let end = at.offset.saturating_add(at.size.unwrap_or(u64::MAX));
                self.steering
                    .bytes(&self.file_name(*file), &(at.offset..end))
            }
        }
    }

    /// Children of a node by what comes first.
    pub(super) fn ranked(
        &self,
        children: &Children,
        pending: VecDeque<u32>,
    ) -> BTreeMap<Rank, VecDeque<u32>> {
        if self.steering.is_empty() {
            return BTreeMap::from([(Rank::NORMAL, pending)]);
        }
        let rank = |number: u32| match children {
            Children::Parts { file, at, parts } => {
                let Some(part) = parts.get(number as usize) else {
                    return Rank::NORMAL;
                };
                let start = at.offset.saturating_add(part.offset);
                let range = start..start.saturating_add(part.size);
                self.steering.bytes(&self.file_name(*file), &range)
            }
            Children::Entries { folder, entries } => {
                let name = entries.get(number as usize).map(|entry| &entry.name[..]);
                self.rank_of_entry(*folder, name.unwrap_or_default())
            }
            Children::Shard { folder, items, .. } => match items.get(number as usize) {
                Some((ShardItem::Entry(entry), _)) => self.rank_of_entry(*folder, &entry.name),
                // What is looked for may be in any of them.
                _ => self.steering.path(&self.folder_name(*folder)),
            },
        };
        let mut ranked: BTreeMap<Rank, VecDeque<u32>> = BTreeMap::new();
        for number in pending {
            ranked.entry(rank(number)).or_default().push_back(number);
        }
        ranked
    }

    fn rank_of_entry(&self, folder: u64, name: &[u8]) -> Rank {
        let path = join(&self.folder_name(folder), &unixfs::name::to_text(name));
        self.steering.path(&path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_at_comes_before_what_was_put_first() {
        let steering = Steering {
            high: vec!["b".to_owned(), "c/d".to_owned()],
            heads: vec![Head {
                path: "a/film".to_owned(),
                range: 1000..2_000_000,
            }],
        };
        let path = |path| steering.path(path);
        assert_eq!(path("a"), Rank::head(0));
        assert_eq!(path("a/film"), Rank::head(0));
        assert_eq!(path("a/other"), Rank::NORMAL);
        assert_eq!(path("b/x"), Rank::HIGH);
        assert_eq!(path("bx"), Rank::NORMAL);
        assert_eq!(path("c"), Rank::HIGH);
        assert_eq!(path("c/e"), Rank::NORMAL);
        let bytes = |range| steering.bytes("a/film", &range);
        assert_eq!(bytes(0..1000), Rank::NORMAL);
        assert_eq!(bytes(0..1001), Rank::head(0));
        assert!(bytes(1_500_000..1_600_000) > bytes(1000..2000));
        assert!(bytes(1_500_000..1_600_000).is_head());
        assert_eq!(steering.bytes("b/x", &(0..5)), Rank::HIGH);
        assert!(Rank::head(0).priority() > Rank::HIGH.priority());
        assert_eq!(Rank::NORMAL.priority(), 0);
    }
}
