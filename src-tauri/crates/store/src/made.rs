//! What Shoal made for an item: its files, folders and symlinks, by what they are and not by what they are called.
//!
//! One file an item in the data directory, to which each is added when it has been made exclusively, before its first byte is
//! written: a kill at any moment leaves nothing of Shoal's that isn't known but what is still empty. A loss of power may take the
//! last entries, until they are synced with the bytes. Only adding and asking; it goes with its item.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use parking_lot::Mutex;

use crate::files::{Identity, Same, read_small};
use crate::item::ItemId;

/// The folder in the data directory.
const FOLDER: &str = "made";

/// Bytes of an entry: five numbers.
const ENTRY: usize = 40;

/// Bytes of a record that is read: that of six million files.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// What was made for one item.
#[derive(Debug)]
pub struct Made {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Opened when the first is added.
    file: Option<fs::File>,
    unsynced: bool,
    /// By number and time of birth.
    known: HashMap<(u64, i64), Identity>,
}

impl Made {
    /// What is on record for an item of the data directory.
    pub fn open(data: &Path, item: ItemId) -> io::Result<Self> {
        let path = place(data, item);
        let bytes = match read_small(&path, MAX_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            bytes => bytes?,
        };
        let entries = bytes.as_chunks::<ENTRY>().0.iter().map(decode);
        let known = entries.map(|entry| (key(&entry), entry)).collect();
        let inner = Inner {
            known,
            ..Inner::default()
        };
        Ok(Self {
            path,
            inner: Mutex::new(inner),
        })
    }

    /// Nothing was made, or an older version made it, which kept no record.
    pub fn is_empty(&self) -> bool {
        self.inner.lock().known.is_empty()
    }

    /// Something was made just now.
    pub fn add(&self, made: Identity) -> io::Result<()> {
        let mut inner = self.inner.lock();
        let file = match inner.file.take() {
            Some(file) => file,
            None => open(&self.path)?,
        };
        (&file).write_all(&encode(&made))?;
        inner.file = Some(file);
        inner.unsynced = true;
        inner.known.insert(key(&made), made);
        Ok(())
    }

    /// Did Shoal make this?
    pub fn has(&self, now: &Identity) -> Same {
        let inner = self.inner.lock();
        match inner.known.get(&key(now)) {
            Some(made) => made.compare(now),
            None if now.number == 0 && now.born == 0 => Same::Unsure,
            None => Same::No,
        }
    }

    /// Makes what was added survive a loss of power.
    pub fn sync(&self) -> io::Result<()> {
        let mut inner = self.inner.lock();
        if let (Some(file), true) = (&inner.file, inner.unsynced) {
            file.sync_data()?;
            inner.unsynced = false;
        }
        Ok(())
    }
}

/// The item is gone, or begins anew.
pub fn forget(data: &Path, item: ItemId) {
    if let Err(error) = fs::remove_file(place(data, item))
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%item, %error, "the record of what was made for an item stays");
    }
}

fn place(data: &Path, item: ItemId) -> PathBuf {
    data.join(FOLDER).join(item.to_string())
}

fn open(path: &Path) -> io::Result<fs::File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?;
    // What a full disk cut off is no entry.
    let len = file.metadata()?.len();
    let whole = len - len % ENTRY as u64;
    if whole != len {
        file.set_len(whole)?;
    }
    Ok(file)
}

fn key(of: &Identity) -> (u64, i64) {
    (of.number, of.born)
}

fn encode(made: &Identity) -> [u8; ENTRY] {
    let numbers = [
        made.device,
        made.system,
        made.kind,
        made.number,
        made.born.cast_unsigned(),
    ];
    let mut bytes = [0; ENTRY];
    for (place, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
        *place = number.to_le_bytes();
    }
    bytes
}

fn decode(bytes: &[u8; ENTRY]) -> Identity {
    let mut numbers = bytes.as_chunks::<8>().0.iter();
    let mut next = || numbers.next().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    Identity {
        device: next(),
        system: next(),
        kind: next(),
        number: next(),
        born: next().cast_signed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_known_after_a_kill_and_what_others_made_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, theirs) = (dir.path().join("ours"), dir.path().join("theirs"));
        fs::write(&ours, "").unwrap();
        fs::write(&theirs, "").unwrap();
        let at = |path: &Path| Identity::at(path).unwrap();
        let made = Made::open(dir.path(), ItemId(7)).unwrap();
        assert!(made.is_empty());
        made.add(at(&ours)).unwrap();
        std::mem::forget(made);

        // And half an entry, as a full disk leaves it.
        let record = place(dir.path(), ItemId(7));
        let mut bytes = fs::read(&record).unwrap();
        bytes.extend([1; 13]);
        fs::write(&record, bytes).unwrap();
        let made = Made::open(dir.path(), ItemId(7)).unwrap();
        assert_eq!(made.has(&at(&ours)), Same::Yes);
        assert_eq!(made.has(&at(&theirs)), Same::No);
        made.add(at(&theirs)).unwrap();
        drop(made);
        let made = Made::open(dir.path(), ItemId(7)).unwrap();
        assert_eq!(made.has(&at(&theirs)), Same::Yes);
        forget(dir.path(), ItemId(7));
        assert!(Made::open(dir.path(), ItemId(7)).unwrap().is_empty());
    }
}
