//! Space and files that downloads under way will still take: together they leave a reserve free on each file system.
//!
//! A file is a hole as long as it is, until its blocks come: what is free now is not what will be. So each download says what it will
//! still write, and a file is begun only if there is room for that, for what all others on the same file system will write, and for
//! the reserve.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use store::files::{Identity, Room, room};
use store::index::{Index, ItemId};

use super::error::FetchError;
use crate::api::DataView;

/// Bytes that stay free, unless a twentieth of the file system is less.
const RESERVE: u64 = 1 << 30;
const RESERVED_SHARE: u64 = 20;
/// Files that can still be made by others, unless a twentieth is less.
const RESERVED_FILES: u64 = 10_000;
/// Of the reserve, what the data directory may use up: when downloads have to stop, what they did must still go on record.
const RECORD_SHARE: u64 = 4;

/// What all downloads under way will still write. Clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Space(Arc<Mutex<HashMap<ItemId, Claimed>>>);

#[derive(Debug, Clone, Copy)]
struct Claimed {
    device: u64,
    bytes: u64,
}

/// One download's part in it, for as long as that runs.
#[derive(Debug)]
pub(crate) struct Claim {
    space: Space,
    item: ItemId,
    folder: PathBuf,
}

impl Space {
    pub(crate) fn open(&self, item: ItemId, folder: &Path) -> Claim {
        Claim {
            space: self.clone(),
            item,
            folder: folder.to_path_buf(),
        }
    }
}

impl Claim {
    /// The download will write so many bytes more. Is there room?
    pub(crate) fn add(&self, bytes: u64) -> Result<(), FetchError> {
        let Some(room) = room(&self.folder) else {
            return Ok(());
        };
        let device = Identity::of_folder(&self.folder).map_or(0, |folder| folder.device());
        let mut all = self.space.0.lock();
        let here = all.values().filter(|claimed| claimed.device == device);
        let claimed = here.fold(0_u64, |sum, claimed| sum.saturating_add(claimed.bytes));
        let free = room
            .free
            .saturating_sub(reserve(&room))
            .saturating_sub(claimed);
        if bytes > free {
            return Err(no_space(&self.folder, bytes, free));
        }
        let own = all.entry(self.item).or_insert(Claimed { device, bytes: 0 });
        own.bytes = own.bytes.saturating_add(bytes);
        drop(all);
        self.check_files(&room)
    }

    /// One more folder is to be made.
    pub(crate) fn folder(&self) -> Result<(), FetchError> {
        room(&self.folder).map_or(Ok(()), |room| self.check_files(&room))
    }

    fn check_files(&self, room: &Room) -> Result<(), FetchError> {
        let reserved = RESERVED_FILES.min(room.files / RESERVED_SHARE);
        if room.files > 0 && room.free_files < reserved {
            return Err(FetchError::NoFiles(self.folder.display().to_string()));
        }
        Ok(())
    }

    /// So many of the bytes are written.
    pub(crate) fn written(&self, bytes: u64) {
        if let Some(claimed) = self.space.0.lock().get_mut(&self.item) {
            claimed.bytes = claimed.bytes.saturating_sub(bytes);
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.space.0.lock().remove(&self.item);
    }
}

/// Shoal's own data, and what is left of its disk. `None` if that can't be told. Blocks.
pub(crate) fn own_data(index: &Index) -> Option<DataView> {
    let room = room(index.dir())?;
    Some(DataView {
        bytes: index.bytes(),
        free: room.free,
        low: for_record(&room) == 0,
    })
}

/// Bytes that may still be kept in the data directory.
fn for_record(room: &Room) -> u64 {
    room.free.saturating_sub(reserve(room) / RECORD_SHARE)
}

/// Is there room to keep so many more bytes in the data directory?
pub(crate) fn check_record(data: &Path, bytes: u64) -> Result<(), FetchError> {
    let Some(room) = room(data) else {
        return Ok(());
    };
    let free = for_record(&room);
    if bytes > free {
        return Err(no_space(data, bytes, free));
    }
    Ok(())
}

fn reserve(room: &Room) -> u64 {
    RESERVE.min(room.bytes / RESERVED_SHARE)
}

fn no_space(folder: &Path, needed: u64, free: u64) -> FetchError {
    FetchError::NoSpace {
        folder: folder.display().to_string(),
        needed,
        free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downloads_under_way_share_what_is_free() {
        let dir = tempfile::tempdir().unwrap();
        let found = room(dir.path()).unwrap();
        let free = found.free - reserve(&found);
        let (space, [one, two]) = (Space::default(), [ItemId(1), ItemId(2)]);
        let first = space.open(one, dir.path());
        first.add(free / 2).unwrap();
        let second = space.open(two, dir.path());
        second.add(free / 4).unwrap();
        assert!(matches!(
            second.add(free / 2),
            Err(FetchError::NoSpace { .. })
        ));
        first.written(free / 2);
        second.add(free / 2).unwrap();
        drop(first);
        assert!(
            second.add(found.free).is_err(),
            "nothing is left in reserve"
        );
    }
}
