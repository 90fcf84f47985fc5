//! What is to be announced to the public directory, which follows from the items; and what is, with when it was last, which
//! must outlive the process.

use std::collections::HashSet;

use rusqlite::params;
use unixfs::cid::Multihash;

use super::{Announce, FileState, Index, ItemId, ItemKind, ItemRecord, Result, items};

/// Keys that go in one transaction.
const KEYS: usize = 4096;

impl Index {
    /// What others are to find here now: the roots of the items that are served, and of the files in those that want that.
    pub fn to_announce(&self) -> Result<Vec<Multihash>> {
        let mut keys = HashSet::new();
        for item in self.items()? {
            let Some(root) = item.root.filter(|_| has_begun(&item)) else {
                continue;
            };
            if item.options.announce == Announce::None || !self.serving().allows(item.id) {
                continue;
            }
            keys.insert(*root.hash());
            if item.options.announce == Announce::Files {
                self.add_file_roots(item.id, &mut keys)?;
            }
        }
        Ok(keys.into_iter().collect())
    }

    fn add_file_roots(&self, item: ItemId, keys: &mut HashSet<Multihash>) -> Result<()> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT file.root FROM dir JOIN file ON file.dir = dir.id
                 WHERE dir.item = ?1 AND file.state = ?2 AND file.root IS NOT NULL",
            )?;
            let mut rows = select.query(params![item.0, FileState::Whole.number()])?;
            while let Some(row) = rows.next()? {
                keys.extend(items::cid_at(row, 0)?.map(|root| *root.hash()));
            }
            Ok(())
        })
    }

    /// What is announced, with the time (Unix seconds) at which it was last; 0: not yet.
    pub fn announcements(&self) -> Result<Vec<(Multihash, i64)>> {
        self.read(|connection| {
            let mut select = connection.prepare_cached("SELECT key, time FROM announced")?;
            let rows = select.query_map([], |row| {
                let mut bytes = row.get_ref(0)?.as_blob()?;
                Ok(Multihash::read(&mut bytes).ok().zip(Some(row.get(1)?)))
            })?;
            rows.filter_map(std::result::Result::transpose).collect()
        })
    }

    /// Adds keys to what is announced, or notes when they were.
    pub fn set_announced(&self, keys: &[(Multihash, i64)]) -> Result<()> {
        for some in keys.chunks(KEYS) {
            let some: Vec<_> = some
                .iter()
                .map(|(key, time)| (key.to_bytes(), *time))
                .collect();
            self.write(move |context| {
                let mut put = context.connection.prepare_cached(
                    "INSERT OR REPLACE INTO announced (key, time) VALUES (?1, ?2)",
                )?;
                some.iter()
                    .try_for_each(|(key, time)| put.execute(params![key, time]).map(|_| ()))
            })?;
        }
        Ok(())
    }

    /// Keys that are announced no more.
    pub fn forget_announced(&self, hashes: &[Multihash]) -> Result<()> {
        for some in hashes.chunks(KEYS) {
            let some: Vec<_> = some.iter().map(Multihash::to_bytes).collect();
            self.write(move |context| {
                let mut delete = context
                    .connection
                    .prepare_cached("DELETE FROM announced WHERE key = ?1")?;
                some.iter()
                    .try_for_each(|key| delete.execute([key]).map(|_| ()))
            })?;
        }
        Ok(())
    }
}

/// Whether anything of the item may be here.
fn has_begun(item: &ItemRecord) -> bool {
    item.kind == ItemKind::Share || item.done || item.part.is_some() || item.files > 0
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use unixfs::cid::{self, Cid, RAW, SHA2_256};

    use super::super::{ItemState, NewFile, NewItem};
    use super::*;

    fn hash(data: &[u8]) -> Multihash {
        cid::hash(SHA2_256, data).unwrap()
    }

    fn raw_cid(data: &[u8]) -> Cid {
        Cid::new_v1(RAW, hash(data))
    }

    #[test]
    fn what_is_announced_follows_from_the_items() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open(dir.path()).unwrap().index;
        let share = |name: &str, announce, root: &[u8]| {
            let mut new = NewItem {
                name: name.to_owned(),
                ..NewItem::default()
            };
            new.options.announce = announce;
            new.root = Some(raw_cid(root));
            index.create_item(new).unwrap()
        };
        let announced = |expected: &[&[u8]]| {
            let mut keys = index.to_announce().unwrap();
            let mut expected: Vec<_> = expected.iter().map(|data| hash(data)).collect();
            keys.sort();
            expected.sort();
            assert_eq!(keys, expected);
        };
        let one = share("one", Announce::Root, b"root");
        let twin = share("its twin", Announce::Root, b"root");
        let secret = share("secret", Announce::None, b"secret");
        let files = share("with files", Announce::Files, b"files");
        for (name, state) in [("here", FileState::Whole), ("gone", FileState::Missing)] {
            let file = NewFile {
                path: PathBuf::from("/data").join(name),
                name_in_item: name.to_owned(),
                size: 4,
                root: Some(raw_cid(name.as_bytes())),
                state,
            };
            index.add_files(files, vec![file.clone()]).unwrap();
            index.add_files(secret, vec![file]).unwrap();
        }
        let download = NewItem {
            kind: ItemKind::Download,
            root: Some(raw_cid(b"download")),
            name: "not begun".to_owned(),
            ..NewItem::default()
        };
        let download = index.create_item(download).unwrap();
        announced(&[b"root", b"files", b"here"]);

        index.begin_removal(one, false).unwrap();

        index.finish_removal(one).unwrap();
        announced(&[b"root", b"files", b"here"]);
        index.set_item_state(twin, ItemState::Paused).unwrap();
        announced(&[b"files", b"here"]);
        index.set_item_state(twin, ItemState::Active).unwrap();
        index
            .set_item_root(twin, raw_cid(b"new root"), 1, 1)
            .unwrap();
        index
            .update_item(download, |item| item.part = Some("/into/it.part".into()))
            .unwrap();
        announced(&[b"new root", b"files", b"here", b"download"]);
        index.begin_removal(files, false).unwrap();
        index.finish_removal(files).unwrap();
        index.serving().hold_all(true);
        announced(&[]);
        index.serving().let_go(download);
        announced(&[b"download"]);
    }
}
