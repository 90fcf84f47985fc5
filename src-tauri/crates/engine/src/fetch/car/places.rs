//! Where each block stands in a CAR, and which of them belong to what it holds.
//!
//! Made by going over the file once, without reading the blocks. It takes 16 bytes a block: the end
//! of its hash, and where its section begins.

use std::io::{Read, Seek};

use unixfs::car::{CarError, CarReader};
use unixfs::{Cid, Multihash, cid};

use crate::fetch::limits::{MAX_CAR_BLOCKS, MAX_CAR_COPIES};

/// Says whether to stop.
pub(super) type Stop<'a> = &'a dyn Fn() -> bool;

/// Sections between two looks whether it is to stop.
const SECTIONS: usize = 4096;

/// Where the blocks of a CAR stand.
#[derive(Debug)]
pub(super) struct Places {
    /// By the end of the hash, then by place.
    all: Vec<Place>,
    /// Blocks under CIDs that nothing can name.
    others: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    key: u64,
    at: u64,
}

/// Why a CAR was not gone over to its end.
#[derive(Debug)]
pub(super) enum Halt {
    Stopped,
    TooManyBlocks,
    Car(CarError),
}

impl From<CarError> for Halt {
    fn from(error: CarError) -> Self {
        Self::Car(error)
    }
}

impl Places {
    pub(super) fn of<R: Read + Seek>(car: &mut CarReader<R>, stop: Stop<'_>) -> Result<Self, Halt> {
        let (mut all, mut others) = (Vec::new(), 0);
        let mut sections = 0_usize;
        while let Some(section) = car.next_section()? {
            sections += 1;
            if sections.is_multiple_of(SECTIONS) && stop() {
                return Err(Halt::Stopped);
            }
            match section.cid {
                // What follows from its CID alone is never looked for.
                Some(cid) if cid::implied_block(&cid).is_some() => {}
                Some(_) if all.len() >= MAX_CAR_BLOCKS => return Err(Halt::TooManyBlocks),
                Some(cid) => all.push(Place {
                    key: key(cid.hash()),
                    at: section.at,
                }),
                None => others += 1,
            }
        }
        all.sort_unstable();
        Ok(Self { all, others })
    }

    /// Where a block may stand: the first place, or the next behind another.
    pub(super) fn find(&self, cid: &Cid, behind: Option<u64>) -> Option<u64> {
        let mut places = self.range(cid).map(|number| self.all[number].at);
        match behind {
            None => places.next(),
            Some(behind) => places.find(|at| *at > behind),
        }
    }

    /// The numbers of the places with the end of a hash.
    fn range(&self, cid: &Cid) -> std::ops::Range<usize> {
        let key = key(cid.hash());
        let start = self.all.partition_point(|place| place.key < key);
        let same = self.all[start..].iter().take(MAX_CAR_COPIES);
        start..start + same.take_while(|place| place.key == key).count()
    }

    /// How many blocks belong to none of these, and to nothing below them.
    pub(super) fn foreign<R: Read + Seek>(
        &self,
        car: &mut CarReader<R>,
        roots: &[Cid],
        stop: Stop<'_>,
    ) -> Result<u64, Halt> {
        let mut known = vec![false; self.all.len()];
        let mut nodes = Vec::new();
        let mut reach = |cid: &Cid, nodes: &mut Vec<u64>| {
            for number in self.range(cid) {
                // Only nodes lead further, and each once.
                if !std::mem::replace(&mut known[number], true) && cid.codec() == cid::DAG_PB {
                    nodes.push(self.all[number].at);
                }
            }
        };
        for root in roots {
            reach(root, &mut nodes);
        }
        while let Some(at) = nodes.pop() {
            if stop() {
                return Err(Halt::Stopped);
            }
            let block = match car.block_at(at) {
                Err(CarError::Io(error)) => return Err(CarError::Io(error).into()),
                // What is damaged leads nowhere.
                Err(_) => continue,
                Ok(block) => block,
            };
            let links = unixfs::decode(&block.cid, &block.data).map(|node| node.links());
            for link in links.unwrap_or_default() {
                match cid::implied_block(&link) {
                    Some(block) => {
                        let links = unixfs::decode(&link, &block).map(|node| node.links());
                        for link in links.iter().flatten() {
                            reach(link, &mut nodes);
                        }
                    }
                    None => reach(&link, &mut nodes),
                }
            }
        }
        let unknown = known.iter().filter(|known| !**known).count() as u64;
        Ok(self.others + unknown)
    }
}

/// The end of a hash, whose bytes are as good as random: two that are alike are looked at both.
fn key(hash: &Multihash) -> u64 {
    let digest = hash.digest().last_chunk();
    digest.map_or(0, |end| u64::from_be_bytes(*end))
}
