//! The blocks of a CAR, as a download wants them: each is read once, in the order of the file as far
//! as what is wanted at a time allows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;
use unixfs::car::{CarError, CarReader};
use unixfs::{Block, Cid};

use super::places::{Places, Stop};
use super::{CarFault, gone_over, open};
use crate::fetch::error::FetchError;

/// An open CAR, and what is wanted of it.
#[derive(Debug)]
pub(crate) struct Feed {
    path: PathBuf,
    car: CarReader<fs::File>,
    places: Places,
    /// What is wanted and there, by where it stands.
    wanted: BTreeMap<u64, Vec<Cid>>,
    /// Where the last one stood.
    last: u64,
    lacking: Lacking,
}

/// What is wanted and can't be had.
#[derive(Debug, Default)]
struct Lacking {
    blocks: u64,
    /// The first of them, and where it stands, damaged.
    first: Option<(Cid, Option<CarError>)>,
}

impl Feed {
    /// Goes over the file once.
    pub(crate) fn open(path: &Path, stop: Stop<'_>) -> Result<Self, FetchError> {
        let mut car = open(path)?;
        let places = gone_over(path, Places::of(&mut car, stop))?;
        Ok(Self {
            path: path.to_path_buf(),
            car,
            places,
            wanted: BTreeMap::new(),
            last: 0,
            lacking: Lacking::default(),
        })
    }

    pub(crate) fn want(&mut self, cid: Cid) {
        match self.places.find(&cid, None) {
            Some(at) => self.wanted.entry(at).or_default().push(cid),
            None => self.lacking.add(cid, None),
        }
    }

    /// The next block that is wanted.
    pub(crate) fn next(&mut self) -> Result<Block, FetchError> {
        loop {
            let next = self.wanted.range(self.last..).next();
            let next = next.or_else(|| self.wanted.first_key_value());
            let Some(at) = next.map(|(at, _)| *at) else {
                return Err(self.lacks());
            };
            let Some(cid) = self.take(at) else { continue };
            self.last = at;
            match self.car.block_at(at) {
                // One block has several CIDs.
                Ok(block) if block.cid.hash() == cid.hash() => {
                    let data = block.data;
                    return Ok(Block { cid, data });
                }
                Err(CarError::Io(error)) => return Err(FetchError::disk(error)),
                other => match self.places.find(&cid, Some(at)) {
                    Some(copy) => self.wanted.entry(copy).or_default().push(cid),
                    None => self.lacking.add(cid, other.err()),
                },
            }
        }
    }

    fn take(&mut self, at: u64) -> Option<Cid> {
        let cids = self.wanted.get_mut(&at)?;
        let cid = cids.pop();
        if cids.is_empty() {
            self.wanted.remove(&at);
        }
        cid
    }

    fn lacks(&mut self) -> FetchError {
        let blocks = std::mem::take(&mut self.lacking.blocks);
        let path = self.path.clone();
        match self.lacking.first.take() {
            Some((_, Some(error))) => CarFault::Damaged { path, error }.into(),
            Some((first, None)) => CarFault::Lacks {
                path,
                blocks,
                first: Box::new(first),
            }
            .into(),
            // Nobody asks without wanting anything.
            None => FetchError::Stopped,
        }
    }
}

impl Lacking {
    fn add(&mut self, cid: Cid, error: Option<CarError>) {
        self.blocks += 1;
        self.first.get_or_insert((cid, error));
    }
}
