//! Files on a real disk, shared and served.

mod import;
mod scan;
mod serve;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use fs_err as fs;
use tempfile::TempDir;
use unixfs::cid::{self, Cid};
use unixfs::{Chunker, DirectoryBuilder, FileBuilder, Metadata, Node, Profile, Root};

use super::*;
use crate::index::{FileState, Index, ItemId, ItemKind, ItemState, NewItem};

/// A folder to share, beside a data directory with an index.
pub(super) struct Bench {
    dir: TempDir,
    pub(super) index: Index,
    pub(super) item: ItemId,
}

impl Bench {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        fs::create_dir(dir.path().join("files")).unwrap();
        let index = Index::open(&dir.path().join("data")).unwrap().index;
        let item = index.create_item(new_item()).unwrap();
        Bench { dir, index, item }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("files").join(name)
    }

    /// Writes a file, and the folders that it is in.
    pub(super) fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
    }

    fn request(&self, names: &[&str]) -> ImportRequest {
        ImportRequest {
            item: self.item,
            paths: names.iter().map(|name| self.path(name)).collect(),
            profile: Profile::V1_2025,
            hidden: false,
            metadata: false,
        }
    }

    pub(super) fn import(&self, names: &[&str]) -> Imported {
        self.import_as(&self.request(names)).unwrap()
    }

    fn import_as(&self, request: &ImportRequest) -> Result<Imported, ImportError> {
        import(
            &self.index,
            request,
            &Progress::default(),
            &Control::default(),
        )
    }

    pub(super) fn source(&self) -> (Source, Arc<Mutex<Vec<Doubt>>>) {
        let doubts = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&doubts);
        let report = move |doubt| noted.lock().unwrap().push(doubt);
        (Source::new(self.index.clone(), report), doubts)
    }

    /// Everything below a root, read through a source: file contents by path.
    fn read_back(&self, root: &Cid) -> Vec<(String, Vec<u8>)> {
        let (source, _) = self.source();
        let mut files = Vec::new();
        read_below(&source, root, "", &mut files);
        files.sort();
        files
    }

    /// As if the files had been hashed long after they were written.
    pub(super) fn make_old(&self) {
        for file in self.index.files(self.item).unwrap() {
            let mut fingerprint = file.fingerprint.unwrap();
            fingerprint.racy = false;
            self.index
                .set_file(file.id, &file.path, Some(fingerprint), file.state)
                .unwrap();
        }
    }
}

fn new_item() -> NewItem {
    NewItem {
        kind: ItemKind::Share,
        name: "files".to_owned(),
        profile: "unixfs-v1-2025".to_owned(),
        ..NewItem::default()
    }
}

fn read_below(source: &Source, cid: &Cid, path: &str, files: &mut Vec<(String, Vec<u8>)>) {
    let block = source
        .read(cid)
        .unwrap_or_else(|| panic!("{path:?} is not served: {cid}"));
    cid::verify(cid, &block).unwrap();
    assert_eq!(size(source, cid), Some(u32::try_from(block.len()).unwrap()));
    let below = |name: &[u8]| format!("{path}/{}", String::from_utf8_lossy(name));
    match unixfs::decode(cid, &block).unwrap() {
        Node::File(_) => {
            let mut content = Vec::new();
            read_file(source, cid, &mut content);
            files.push((path.to_owned(), content));
        }
        Node::Directory(node) => {
            node.entries
                .iter()
                .for_each(|entry| read_below(source, &entry.cid, &below(&entry.name), files));
        }
        Node::Shard(node) => {
            for item in &node.items {
                match item {
                    unixfs::ShardItem::Entry(entry) => {
                        read_below(source, &entry.cid, &below(&entry.name), files);
                    }
                    unixfs::ShardItem::Shard { cid, .. } => read_below(source, cid, path, files),
                }
            }
        }
        Node::Symlink(node) => files.push((format!("{path}@"), node.target)),
    }
}

/// Bytes of a block, as others are told of it.
fn size(source: &Source, cid: &Cid) -> Option<u32> {
    Some(source.held(std::slice::from_ref(cid))[0]?.size)
}

fn read_file(source: &Source, cid: &Cid, content: &mut Vec<u8>) {
    let block = source.read(cid).unwrap();
    let Node::File(node) = unixfs::decode(cid, &block).unwrap() else {
        panic!("not a file")
    };
    content.extend_from_slice(&block[node.inline]);
    node.children
        .iter()
        .for_each(|child| read_file(source, &child.cid, content));
}

/// Bytes that repeat nowhere.
pub(super) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// The root by the plain rules: one thread, everything in memory.
fn file_root(profile: &Profile, content: &[u8]) -> Root {
    let mut builder = FileBuilder::new(profile, Metadata::default());
    for chunk in Chunker::new(profile.chunk_size).chunks(content.len() as u64) {
        let range = usize::try_from(chunk.start).unwrap()..usize::try_from(chunk.end).unwrap();
        builder.push(profile.leaf(&content[range]), &mut |_| ());
    }
    builder.finish(&mut |_| ())
}

fn dir_root(profile: &Profile, entries: &[(&str, Root)]) -> Root {
    let mut builder = DirectoryBuilder::new(profile, Metadata::default());
    for (name, root) in entries {
        builder.push(name, *root).unwrap();
    }
    builder.finish(&mut |_| ()).unwrap()
}

/// Makes every file's content wrong behind its fingerprint's back: who still gives the old root has not read them.
fn poison(bench: &Bench) {
    for file in bench.index.files(bench.item).unwrap() {
        let mut content = fs::read(&file.path).unwrap();
        content.fill(b'!');
        fs::write(&file.path, content).unwrap();
        let metadata = fs::metadata(&file.path).unwrap();
        let later = SystemTime::now() + Duration::from_hours(1);
        let fingerprint = crate::index::Fingerprint::of(&metadata, later);
        bench
            .index
            .set_file(file.id, &file.path, Some(fingerprint), file.state)
            .unwrap();
    }
}
