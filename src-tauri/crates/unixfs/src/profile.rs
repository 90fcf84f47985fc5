//! Which DAG a file becomes: the parameters that decide its CID, under the names by which people
//! know the sets.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::cid::Version;
use crate::hamt::Fanout;

/// Everything that the CID of a file or directory depends on besides its content. The hash is
/// sha2-256 in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    pub name: &'static str,
    /// Version of the CIDs of dag-pb blocks. Raw blocks are always version 1.
    pub cid_version: Version,
    /// Bytes of a file in each leaf but the last: 1 to 2 MiB - 256.
    pub chunk_size: u32,
    /// Links in a file's inner node. Below 2 is taken as 2.
    pub width: usize,
    /// Leaves are the file's bytes alone; otherwise they are wrapped in dag-pb.
    pub raw_leaves: bool,
    pub estimate: Estimate,
    /// A directory whose estimated size is more than so many bytes becomes a HAMT.
    pub hamt_threshold: u64,
    pub hamt_fanout: Fanout,
}

/// How a directory's size is reckoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimate {
    /// The exact size of its block.
    BlockBytes,
    /// The bytes of names and CIDs.
    LinksBytes,
}

/// Bytes of an estimated directory beyond which all three profiles make a HAMT.
const HAMT_THRESHOLD: u64 = 256 * 1024;

impl Profile {
    /// `unixfs-v1-2025` of IPIP-499: what we use by default.
    pub const V1_2025: Profile = Profile {
        name: "unixfs-v1-2025",
        cid_version: Version::V1,
        chunk_size: 1024 * 1024,
        width: 1024,
        raw_leaves: true,
        estimate: Estimate::BlockBytes,
        hamt_threshold: HAMT_THRESHOLD,
        hamt_fanout: Fanout::DEFAULT,
    };

    /// `unixfs-v0-2015` of IPIP-499: Kubo's default.
    pub const V0_2015: Profile = Profile {
        name: "unixfs-v0-2015",
        cid_version: Version::V0,
        chunk_size: 256 * 1024,
        width: 174,
        raw_leaves: false,
        estimate: Estimate::LinksBytes,
        hamt_threshold: HAMT_THRESHOLD,
        hamt_fanout: Fanout::DEFAULT,
    };

    /// What `ipfs add --cid-version=1` and IPFS Desktop make.
    pub const KUBO_CIDV1: Profile = Profile {
        name: "kubo-cidv1",
        cid_version: Version::V1,
        raw_leaves: true,
        ..Profile::V0_2015
    };

    /// All that have a name.
    pub const ALL: [Profile; 3] = [Profile::V1_2025, Profile::V0_2015, Profile::KUBO_CIDV1];
}

impl Default for Profile {
    fn default() -> Self {
        Profile::V1_2025
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// No profile has that name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no profile is called {0:?}; there are unixfs-v1-2025, unixfs-v0-2015 and kubo-cidv1")]
pub struct UnknownProfile(pub String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Profile::ALL
            .into_iter()
            .find(|profile| profile.name == name)
            .ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}
