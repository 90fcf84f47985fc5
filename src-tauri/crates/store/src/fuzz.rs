//! What the fuzzer does with its input: names of strangers, and Shoal's own files as a bad disk may leave them. Each function panics
//! if a promise is broken. The tests run them too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use fs_err as fs;
use unixfs::cid::{self, Cid, Multihash, RAW, SHA2_256};

use crate::files::names::{LocalName, Rules, TakenNames, check};
use crate::files::{path_text, text_path};
use crate::fuzz_input::Input;
pub use crate::fuzz_input::Target;
use crate::index::{
    BlockRow, FileState, Index, IndexError, ItemRecord, ItemState, NewFile, NewItem, Recorded,
    Result, RowKind, Scope,
};
use crate::{ItemKind, Skipped};

pub const TARGETS: &[Target] = &[
    ("file_names", file_names),
    ("index_file", index_file),
    ("shares_list", shares_list),
];

/// What is not refused can be held, leads nowhere else, and no two names clash: whatever file system, and in any order.
fn file_names(bytes: &[u8]) {
    const SYSTEMS: [Rules; 4] = [Rules::UNIX, Rules::MACOS, Rules::WINDOWS, Rules::FAT];
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let rules = SYSTEMS[usize::from(first % 4)];
    let separator = first / 4;
    let wanted: Vec<&[u8]> = rest.split(|byte| *byte == separator).collect();
    let mut taken = TakenNames::new(rules);
    let mut held = Vec::new();
    for name in wanted {
        let Ok(LocalName {
            name: local,
            substituted,
        }) = taken.local_name(name)
        else {
            assert!(check(name).is_err());
            continue;
        };
        let bytes = local.as_encoded_bytes();
        assert_eq!(substituted, bytes != name);
        assert_eq!(check(bytes), Ok(()));
        let length = match std::str::from_utf8(bytes) {
            Ok(text) if rules.reserved => text.encode_utf16().count(),
            _ => bytes.len(),
        };
        assert!(length <= rules.longest);
        if rules.reserved {
            let means_more = |byte: &u8| byte.is_ascii_control() || b"<>:\"/\\|?*".contains(byte);
            assert!(
                !bytes.iter().any(means_more) && !bytes.ends_with(b".") && !bytes.ends_with(b" ")
            );
        }
        assert_eq!(
            rules.local(bytes),
            Ok(LocalName {
                name: local.clone(),
                substituted: false
            })
        );
        assert_eq!(text_path(&path_text(Path::new(&local))), Path::new(&local));
        held.push(local);
    }
    // Beside each other in any order, they all keep their names.
    let mut taken = TakenNames::new(rules);
    for name in held.iter().rev() {
        assert!(
            !taken
                .local_name(name.as_encoded_bytes())
                .unwrap()
                .substituted,
            "{}",
            name.display()
        );
    }
}

/// A data directory that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("shoal-fuzz-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const DATABASE: &str = "index.db";
const LIST: &str = "shares.json";

/// The files of a small index, as they are when nothing is wrong with them.
static SOUND: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let folder = Folder::new();
    let index = Index::open(&folder.0).unwrap().index;
    for (name, kind) in [("first", ItemKind::Share), ("second", ItemKind::Download)] {
        let item = index.create_item(new_item(name, kind)).unwrap();
        let file = NewFile {
            path: format!("/data/{name}/a").into(),
            name_in_item: "a".to_owned(),
            size: 100,
            root: Some(Cid::new_v1(RAW, hash(1))),
            state: FileState::Part,
        };
        let file = index.add_files(item, vec![file]).unwrap()[0];
        let slice = |number: u8| BlockRow {
            mh: hash(number),
            kind: RowKind::Slice {
                file,
                offset: u64::from(number) * 10,
                len: 10,
                framed: number.is_multiple_of(2),
            },
        };
        let mut rows: Vec<BlockRow> = (0..10).map(slice).collect();
        let kind = RowKind::Inline(Bytes::from_static(b"a node"));
        rows.push(BlockRow {
            mh: hash(100),
            kind,
        });
        index.put_blocks(item, rows).unwrap();
        let (path, reason) = ("a".to_owned(), "b".to_owned());
        index
            .set_skipped(item, vec![Skipped { path, reason }])
            .unwrap();
    }
    index.set_announced(&[(hash(1), 7)]).unwrap();
    index.set_meta("key", b"value").unwrap();
    drop(index);
    [DATABASE, LIST].map(|name| fs::read(folder.file(name)).unwrap())
});

fn hash(number: u8) -> Multihash {
    cid::hash(SHA2_256, &[number]).unwrap()
}

fn new_item(name: &str, kind: ItemKind) -> NewItem {
    NewItem {
        kind,
        name: name.to_owned(),
        root: Some(Cid::new_v1(RAW, hash(1))),
        profile: "unixfs-v1-2025".to_owned(),
        created: 1_700_000_000,
        sources: vec![PathBuf::from("/home/me/photos")],
        ..NewItem::default()
    }
}

/// Whatever a disk makes of the database, Shoal starts, with the items of the list where the database can't be used. Damage that is
/// met at work is gone after the next start.
fn index_file(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let folder = Folder::new();
    let [database, list] = &*SOUND;
    let mut damaged = database.clone();
    while !input.is_over() {
        let at = usize::from(input.short()) + usize::from(input.byte() & 1) * 0x1_0000;
        if at >= damaged.len() {
            damaged.truncate(at % database.len());
            break;
        }
        let some = input.some();
        let end = damaged.len().min(at + some.len());
        damaged[at..end].copy_from_slice(&some[..end - at]);
    }
    fs::write(folder.file(DATABASE), &damaged).unwrap();
    fs::write(folder.file(LIST), list).unwrap();
    let opened = match Index::open(&folder.0) {
        Err(IndexError::Newer { .. } | IndexError::Foreign(_)) => return,
        opened => opened.expect("Shoal starts"),
    };
    let mut is_damaged = opened.recovered.is_none() && damaged != *database;
    if opened.recovered.is_some() {
        check_names(&opened.items);
    }
    let read = read_all(&opened.index);
    if !is_damaged {
        read.as_ref().expect("what was made anew can be read");
    }
    is_damaged &= matches!(read, Err(IndexError::Damaged(_)));
    drop(opened.index);
    let again = Index::open(&folder.0).expect("Shoal starts again");
    assert_eq!(again.recovered.is_some(), is_damaged);
    if is_damaged {
        read_all(&again.index).expect("what was made anew can be read");
    }
}

fn check_names(items: &[ItemRecord]) {
    let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["first", "second"]);
}

/// Asks for all that there is.
fn read_all(index: &Index) -> Result<()> {
    let items = index.items()?;
    index.unfinished()?;
    index.removals()?;
    index.skipped_counts()?;
    index.to_announce()?;
    index.announcements()?;
    index.meta("key")?;
    let hashes: Vec<Multihash> = [0, 1, 2, 100, 101].map(hash).to_vec();
    for scope in [Scope::Serving, Scope::Everything] {
        for recorded in index.recorded(&hashes, scope)?.into_iter().flatten() {
            if let Recorded::Slices(places) = recorded {
                assert!(!places.is_empty());
                assert!(places.iter().all(|place| place.block_len() >= place.len));
            }
        }
        for hash in &hashes {
            index.locate_for(hash, scope)?;
        }
    }
    for item in items {
        let id = item.id;
        index.item(id)?;
        index.skipped(id)?;
        index.folders(id)?;
        index.files_of_folder(id, "")?;
        index.folders_of_folder(id, "")?;
        index.file_at(id, "a")?;
        index.folder_at(id, "")?;
        index.sizes_of(id)?;
        index.slice_count(id)?;
        for file in index.files(id)? {
            index.slices_after(file.id, 0, 100)?;
            index.extents(file.id)?;
        }
    }
    Ok(())
}

/// Whatever stands in the list beside a database that is lost, Shoal starts; what it read of it is there again when the database is
/// lost once more, and more items can be added.
fn shares_list(bytes: &[u8]) {
    let folder = Folder::new();
    fs::write(folder.file(LIST), bytes).unwrap();
    let opened = Index::open(&folder.0).expect("Shoal starts");
    assert_eq!(opened.recovered, None);
    if let Some(kept) = opened.incomplete {
        assert_eq!(fs::read(kept).unwrap(), bytes);
    }
    let mut items = opened.items;
    let new = opened
        .index
        .create_item(new_item("new", ItemKind::Share))
        .expect("there is room");
    assert!(items.iter().all(|item| item.id != new && !item.done));
    items.extend(opened.index.item(new).unwrap());
    assert_eq!(opened.index.items().unwrap(), items);
    drop(opened.index);
    fs::remove_file(folder.file(DATABASE)).unwrap();
    let again = Index::open(&folder.0).expect("Shoal starts again");
    assert_eq!(again.incomplete, None);
    for item in &mut items {
        if item.state != ItemState::Paused {
            item.state = ItemState::Active;
        }
    }
    assert_eq!(again.items, items);
}

#[cfg(test)]
mod tests {
    include!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../fuzz/src/check.rs"
    ));

    #[test]
    fn promises_are_kept_on_kept_and_on_damaged_input() {
        for target in super::TARGETS {
            // Files are read and written for most of them.
            let rounds = if target.0 == "file_names" { 2000 } else { 40 };
            check(*target, rounds);
        }
    }
}
