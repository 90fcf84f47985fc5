//! The table of wanted blocks: one entry for each multihash, however many sessions want it.
//!
//! Hundreds of thousands of wants may be queued, so an entry is small: a CID takes 56 bytes instead
//! of 160, the index stores no keys, and what only matters while a block is being looked for stands
//! in a box of its own. Nothing here decides.

use std::cmp::Reverse;
use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use hashbrown::HashTable;
use slab::Slab;
use unixfs::cid::{Cid, Multihash, SHA2_256, Version};

use super::SessionId;
use super::peer::PeerSlot;

/// Place of a want in the table. Valid until the want is removed.
pub(super) type WantId = usize;

#[derive(Debug)]
pub(super) struct WantState {
    cid: StoredCid,
    /// Expected bytes; 0 if nobody knows.
    pub(super) size: u32,
    pub(super) priority: i32,
    /// Order of arrival among equals.
    pub(super) order: u64,
    /// The session whose peers are asked.
    pub(super) home: SessionId,
    /// Other sessions that get the block, too. Nearly always none, hence the thin box.
    #[expect(
        clippy::box_collection,
        reason = "8 bytes instead of 24 in each of 100,000 wants"
    )]
    pub(super) others: Option<Box<Vec<SessionId>>>,
    /// There while the block is being looked for, absent while it is queued.
    pub(super) active: Option<Box<Active>>,
}

/// What is known about a want that is being looked for.
#[derive(Debug)]
pub(super) struct Active {
    /// Peers that were asked for the block and have not answered.
    pub(super) askers: Vec<PeerSlot>,
    /// Peers holding a part of the content that say they have this block.
    pub(super) holders: Vec<PeerSlot>,
    /// Peers whose wantlist has an entry for it, the askers included.
    pub(super) listed: Vec<PeerSlot>,
    pub(super) place: Place,
    /// Our rank among the downloaders for fetching this block first (0: it is ours to fetch), and
    /// who has rank 0.
    pub(super) rank: u8,
    pub(super) owner: Option<PeerSlot>,
    /// Order among blocks of equal rank.
    pub(super) tie: u64,
    /// It was taken from beyond the window, to see whether a partial holder has it.
    pub(super) explored: bool,
    /// Until then its partial holders may still speak up; `None`: they had their say.
    pub(super) heard_at: Option<Instant>,
}

/// Where an active want stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In no pool: it was asked for.
    Asked,
    /// In its session's pool of blocks that only complete sources have.
    Rare(PoolKey),
    /// In its session's pool of blocks that partial holders have, and in each such holder's own.
    Shared(PoolKey),
}

/// Order in a pool: priority, then class (rank of ownership or number of holders), then chance.
pub(super) type PoolKey = (Reverse<i32>, u8, u64, WantId);

/// Class of rare wants whose partial holders have not had their say.
pub(super) const UNHEARD: u8 = u8::MAX;

/// A CID as it is kept: SHA-256 in place, anything rarer in a box.
#[derive(Debug)]
enum StoredCid {
    Sha256 {
        version: Version,
        codec: u64,
        digest: [u8; 32],
    },
    Other(Box<Cid>),
}

impl StoredCid {
    fn new(cid: &Cid) -> Self {
        match <[u8; 32]>::try_from(cid.hash().digest()) {
            Ok(digest) if cid.hash().code() == SHA2_256 => Self::Sha256 {
                version: cid.version(),
                codec: cid.codec(),
                digest,
            },
            _ => Self::Other(Box::new(*cid)),
        }
    }

    fn hash(&self) -> (u64, &[u8]) {
        match self {
            Self::Sha256 { digest, .. } => (SHA2_256, digest),
            Self::Other(cid) => (cid.hash().code(), cid.hash().digest()),
        }
    }

    fn restore(&self) -> Cid {
        match self {
            Self::Sha256 {
                version,
                codec,
                digest,
            } => Multihash::wrap(SHA2_256, digest)
                .ok()
                .and_then(|hash| Cid::new(*version, *codec, hash).ok())
                // Never taken: the parts come from a CID that held them.
                .unwrap_or_default(),
            Self::Other(cid) => **cid,
        }
    }
}

impl WantState {
    pub(super) fn cid(&self) -> Cid {
        self.cid.restore()
    }

    /// Number on which all downloaders agree, from the digest.
    pub(super) fn digest_number(&self) -> u64 {
        digest_number(self.cid.hash().1)
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = SessionId> + '_ {
        std::iter::once(self.home)
            .chain(self.others.iter().flat_map(|others| others.iter().copied()))
    }
}

/// The same for any digest.
pub(super) fn digest_number(digest: &[u8]) -> u64 {
    let mut first = [0; 8];
    let n = digest.len().min(8);
    first[..n].copy_from_slice(&digest[..n]);
    super::swarm::mix(u64::from_le_bytes(first))
}

#[derive(Debug, Default)]
pub(super) struct Wants {
    slab: Slab<WantState>,
    index: HashTable<WantId>,
    hasher: RandomState,
}

impl Wants {
    pub(super) fn find(&self, cid: &Cid) -> Option<WantId> {
        let key = (cid.hash().code(), cid.hash().digest());
        let hash = self.hasher.hash_one(key);
        self.index
            .find(hash, |&id| {
                self.slab.get(id).is_some_and(|w| w.cid.hash() == key)
            })
            .copied()
    }

    /// Adds a want that [`Wants::find`] did not find, as queued.
    pub(super) fn insert(
        &mut self,
        cid: &Cid,
        size: u32,
        priority: i32,
        order: u64,
        home: SessionId,
    ) -> WantId {
        let id = self.slab.insert(WantState {
            cid: StoredCid::new(cid),
            size,
            priority,
            order,
            home,
            others: None,
            active: None,
        });
        let Self {
            slab,
            index,
            hasher,
        } = self;
        let hash = hasher.hash_one((cid.hash().code(), cid.hash().digest()));
        index.insert_unique(hash, id, |&id| {
            slab.get(id).map_or(0, |w| hasher.hash_one(w.cid.hash()))
        });
        id
    }

    pub(super) fn remove(&mut self, id: WantId) -> Option<WantState> {
        let want = self.slab.try_remove(id)?;
        let hash = self.hasher.hash_one(want.cid.hash());
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == id) {
            entry.remove();
        }
        Some(want)
    }

    pub(super) fn get(&self, id: WantId) -> Option<&WantState> {
        self.slab.get(id)
    }

    pub(super) fn get_mut(&mut self, id: WantId) -> Option<&mut WantState> {
        self.slab.get_mut(id)
    }

    pub(super) fn active(&self, id: WantId) -> Option<&Active> {
        self.slab.get(id)?.active.as_deref()
    }

    pub(super) fn active_mut(&mut self, id: WantId) -> Option<&mut Active> {
        self.slab.get_mut(id)?.active.as_deref_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }
}
