//! Sample files whose bytes follow from a seed, and the comparison of two trees.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err as fs;
use fs_err::os::unix::fs::symlink;

/// A repeatable source of bytes and numbers (SplitMix64).
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            bytes.extend_from_slice(&self.number().to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}

/// Writes a file of `size` bytes, in pieces, and returns its path.
pub fn file(path: &Path, seed: u64, size: u64) -> PathBuf {
    const PIECE: u64 = 1 << 20;
    let mut seeded = Seeded::new(seed);
    let mut file = fs::File::create(path).unwrap();
    let mut left = size;
    while left > 0 {
        let piece = left.min(PIECE);
        file.write_all(&seeded.bytes(usize::try_from(piece).unwrap()))
            .unwrap();
        left -= piece;
    }
    path.to_owned()
}

/// Which kinds of entry a tree holds: what every implementation takes, or all that Shoal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinds {
    FilesAndFolders,
    All,
}

/// Makes a folder with what goes wrong most often: empty files and folders, sizes around one chunk, equal files, names
/// in several scripts, deep nesting, and many small files.
pub fn sample(root: &Path, seed: u64, kinds: Kinds) -> PathBuf {
    const CHUNK: u64 = 1 << 20;
    let sizes = [
        ("one byte", 1),
        ("old chunk", CHUNK / 4),
        ("old chunk and one", CHUNK / 4 + 1),
        ("chunk less one", CHUNK - 1),
        ("chunk", CHUNK),
        ("chunk and one", CHUNK + 1),
        ("several chunks", 5 * CHUNK + 12_345),
    ];
    fs::create_dir_all(root.join("sizes")).unwrap();
    for (index, (name, size)) in sizes.into_iter().enumerate() {
        file(&root.join("sizes").join(name), seed + index as u64, size);
    }

    for name in [
        "grüße.txt",
        "日本語 ファイル.bin",
        "🐟 shoal",
        "a'b\"c&d;e$f",
        "ends with a dot.",
        "-rf",
    ] {
        file(
            &root.join(name),
            seed ^ name.len() as u64,
            100 + name.len() as u64,
        );
    }
    fs::copy(
        root.join("sizes/several chunks"),
        root.join("the same again"),
    )
    .unwrap();
    fs::write(root.join("empty file"), "").unwrap();
    fs::create_dir(root.join("empty folder")).unwrap();

    let deep = root.join("a/b/c/d/e/f/g/h");
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("deep"), "down here").unwrap();
    fs::write(deep.join("empty too"), "").unwrap();

    fs::create_dir(root.join("many")).unwrap();
    let mut seeded = Seeded::new(seed);
    for index in 0..100 {
        let size = seeded.below(3000);
        file(
            &root.join(format!("many/{index:03}.dat")),
            seeded.number(),
            size,
        );
    }

    if kinds == Kinds::All {
        symlink("sizes/chunk", root.join("link to a file")).unwrap();
        symlink("../sizes", root.join("many/link to a folder")).unwrap();
        symlink("nowhere", root.join("a/link to nothing")).unwrap();
    }
    root.to_owned()
}

/// A folder of `count` files of one byte each: with enough of them, a HAMT directory.
pub fn crowd(root: &Path, count: usize) -> PathBuf {
    fs::create_dir_all(root).unwrap();
    for index in 0..count {
        fs::write(
            root.join(format!("a file with a rather long name, number {index:06}")),
            "x",
        )
        .unwrap();
    }
    root.to_owned()
}

/// Fails with the first difference between two files or folders: names, kinds, bytes and link targets count.
#[track_caller]
pub fn assert_same(left: &Path, right: &Path) {
    let (ours, theirs) = (entries(left), entries(right));
    for path in ours.keys().chain(theirs.keys()) {
        match (ours.get(path), theirs.get(path)) {
            (Some(a), Some(b)) if a == b => {}
            (Some(Entry::File(a)), Some(Entry::File(b))) => panic!(
                "{} differs between {} and {}: {} and {} bytes, first at byte {}",
                path.display(),
                left.display(),
                right.display(),
                a.len(),
                b.len(),
                a.iter().zip(b).take_while(|(a, b)| a == b).count()
            ),
            (a, b) => panic!(
                "{}: {} in {}, {} in {}",
                path.display(),
                kind(a),
                left.display(),
                kind(b),
                right.display()
            ),
        }
    }
}

#[derive(PartialEq, Eq)]
enum Entry {
    File(Vec<u8>),
    Folder,
    Link(PathBuf),
}

fn kind(entry: Option<&Entry>) -> String {
    match entry {
        None => "nothing".into(),
        Some(Entry::File(bytes)) => format!("a file of {} bytes", bytes.len()),
        Some(Entry::Folder) => "a folder".into(),
        Some(Entry::Link(target)) => format!("a link to {}", target.display()),
    }
}

fn entries(root: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(relative) = pending.pop() {
        let path = if relative.as_os_str().is_empty() {
            root.to_owned()
        } else {
            root.join(&relative)
        };
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        let entry = if kind.is_symlink() {
            Entry::Link(fs::read_link(&path).unwrap())
        } else if kind.is_dir() {
            pending.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| relative.join(entry.unwrap().file_name())),
            );
            Entry::Folder
        } else {
            Entry::File(fs::read(&path).unwrap())
        };
        found.insert(relative, entry);
    }
    found
}
