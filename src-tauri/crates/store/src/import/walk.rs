//! Looks through folders, and says what is in them, each folder's files before its subfolders.
//!
//! Nothing is followed but what is named outright: a symlink inside is a symlink, so no folder comes twice. What is not taken
//! along is said, with its reason.
//! However large a folder is, few of its entries are held at a time, and one folder is open at a time however deep it lies.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;

use super::withheld::{self, HIDDEN, UNFINISHED, Withheld};
use crate::files::path_text;
use crate::index::{Skipped, TreeFile};

/// A folder's number within one walk.
pub(crate) type DirId = usize;

/// The folder that holds the paths the walk began with. It lies nowhere.
pub(crate) const TOP: DirId = 0;

/// What the walk came upon.
#[derive(Debug)]
pub(crate) enum Step {
    /// A folder begins, as an entry of another.
    Open {
        dir: DirId,
        parent: DirId,
        name: OsString,
        metadata: Metadata,
    },
    File(FoundFile),
    Link {
        dir: DirId,
        name: OsString,
        target: PathBuf,
        metadata: Metadata,
    },
    /// A folder had so many entries: files, links and folders.
    Close {
        dir: DirId,
        entries: u64,
    },
    Skip(Skipped),
}

#[derive(Debug, Clone)]
pub(crate) struct FoundFile {
    /// The folder it is an entry of.
    pub(crate) dir: DirId,
    /// Its name in there.
    pub(crate) name: OsString,
    /// The folder that it lies in on this disk.
    pub(crate) tree: Arc<TreeFile>,
    /// Its name on this disk.
    pub(crate) disk_name: OsString,
    /// Bytes, when it was seen.
    pub(crate) size: u64,
}

impl FoundFile {
    pub(crate) fn path(&self) -> PathBuf {
        self.tree.path.join(&self.disk_name)
    }
}

/// Entries that are brought into the order of their inodes, in which a spinning disk has them too.
const BATCH: usize = 4096;

pub(crate) struct Walk<'a, E> {
    /// Hidden entries too. The paths it begins with are taken in any case.
    pub(crate) hidden: bool,
    pub(crate) step: &'a mut dyn FnMut(Step) -> Result<(), E>,
    withheld: &'a Withheld,
    next_dir: DirId,
}

/// A folder whose files are done and whose subfolders are not.
struct Frame {
    dir: DirId,
    tree: Arc<TreeFile>,
    subfolders: Vec<OsString>,
    entries: u64,
    /// Names of files that a neighbour says are not whole.
    unfinished: HashSet<Vec<u8>>,
}

impl<'a, E> Walk<'a, E> {
    pub(crate) fn new(
        hidden: bool,
        withheld: &'a Withheld,
        step: &'a mut dyn FnMut(Step) -> Result<(), E>,
    ) -> Self {
        Walk {
            hidden,
            step,
            withheld,
            next_dir: TOP + 1,
        }
    }

    /// Walks through all paths, which are absolute, as entries of [`TOP`] under the given names. Gives the step that closes it.
    pub(crate) fn run(&mut self, paths: &[(PathBuf, OsString)]) -> Result<Step, E> {
        let mut entries = 0;
        for (path, name) in paths {
            let found = followed(path).and_then(|path| Ok((fs::symlink_metadata(&path)?, path)));
            let (metadata, path) = match found {
                Ok(found) => found,
                Err(error) => {
                    self.skip(path, unreadable(&error))?;
                    continue;
                }
            };
            if self.is_withheld(&path, &metadata)? {
                continue;
            }
            if metadata.is_dir() {
                let name_in_item = if paths.len() == 1 {
                    String::new()
                } else {
                    lossless(name)
                };
                let tree = Arc::new(TreeFile {
                    path: path.clone(),
                    name_in_item,
                });
                entries += u64::from(self.folder(tree, TOP, name, metadata)?);
            } else {
                let tree = path.parent().unwrap_or(&path).to_path_buf();
                let tree = Arc::new(TreeFile {
                    path: tree,
                    name_in_item: String::new(),
                });
                let disk_name = path.file_name().unwrap_or(name).to_owned();
                let found = Found {
                    disk_name,
                    metadata,
                };
                entries += u64::from(self.entry(TOP, &tree, name.clone(), found)?);
            }
        }
        Ok(Step::Close { dir: TOP, entries })
    }

    /// A folder with everything below it. False if it cannot be read.
    fn folder(
        &mut self,
        tree: Arc<TreeFile>,
        parent: DirId,
        name: &OsStr,
        metadata: Metadata,
    ) -> Result<bool, E> {
        let Some(first) = self.open(tree, parent, name, metadata)? else {
            return Ok(false);
        };
        let mut stack = vec![first];
        while let Some(frame) = stack.last_mut() {
            let Some(name) = frame.subfolders.pop() else {
                (self.step)(Step::Close {
                    dir: frame.dir,
                    entries: frame.entries,
                })?;
                stack.pop();
                continue;
            };
            let path = frame.tree.path.join(&name);
            let name_in_item = join(&frame.tree.name_in_item, &name);
            let dir = frame.dir;
            let metadata = match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => {
                    if self.is_withheld(&path, &metadata)? {
                        continue;
                    }
                    metadata
                }
                Ok(_) => {
                    self.skip(&path, "changed while the folder was being read".to_owned())?;
                    continue;
                }
                Err(error) => {
                    self.skip(&path, unreadable(&error))?;
                    continue;
                }
            };
            let tree = Arc::new(TreeFile { path, name_in_item });
            if let Some(below) = self.open(tree, dir, &name, metadata)? {
                frame.entries += 1;
                stack.push(below);
            }
        }
        Ok(true)
    }

    /// Goes through a folder's entries; subfolders are left for later. `None` if it cannot be read.
    fn open(
        &mut self,
        tree: Arc<TreeFile>,
        parent: DirId,
        name: &OsStr,
        metadata: Metadata,
    ) -> Result<Option<Frame>, E> {
        let entries = match fs::read_dir(&tree.path) {
            Ok(entries) => entries,
            Err(error) => {
                self.skip(&tree.path, unreadable(&error))?;
                return Ok(None);
            }
        };
        let dir = self.next_dir;
        self.next_dir += 1;
        (self.step)(Step::Open {
            dir,
            parent,
            name: name.to_owned(),
            metadata,
        })?;
        let mut frame = Frame {
            dir,
            tree,
            subfolders: Vec::new(),
            entries: 0,
            unfinished: HashSet::new(),
        };
        let mut batch = Vec::with_capacity(64);
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.skip(&frame.tree.path, unreadable(&error))?;
                    break;
                }
            };
            let name = entry.file_name();
            if !self.hidden && withheld::is_hidden(&name) {
                self.skip(&entry.path(), HIDDEN.to_owned())?;
                continue;
            }
            if let Some(stem) = withheld::unfinished_neighbour(&name) {
                frame.unfinished.insert(stem.to_vec());
            }
            if withheld::is_unfinished(&name) {
                self.skip(&entry.path(), UNFINISHED.to_owned())?;
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => frame.subfolders.push(name),
                Ok(_) => batch.push(entry),
                Err(error) => self.skip(&entry.path(), unreadable(&error))?,
            }
            if batch.len() == BATCH {
                self.batch(&mut frame, &mut batch)?;
            }
        }
        self.batch(&mut frame, &mut batch)?;
        // They are taken from the end.
        frame.subfolders.sort_unstable_by(|a, b| b.cmp(a));
        Ok(Some(frame))
    }

    fn batch(&mut self, frame: &mut Frame, batch: &mut Vec<fs::DirEntry>) -> Result<(), E> {
        #[cfg(unix)]
        batch.sort_unstable_by_key(std::os::unix::fs::DirEntryExt::ino);
        for entry in batch.drain(..) {
            let name = entry.file_name();
            match entry.metadata() {
                Ok(metadata) if self.is_withheld(&entry.path(), &metadata)? => {}
                Ok(metadata) if frame.is_unfinished(&name, &metadata) => {
                    self.skip(&entry.path(), UNFINISHED.to_owned())?;
                }
                Ok(metadata) => {
                    let found = Found {
                        disk_name: name.clone(),
                        metadata,
                    };
                    frame.entries += u64::from(self.entry(frame.dir, &frame.tree, name, found)?);
                }
                Err(error) => self.skip(&entry.path(), unreadable(&error))?,
            }
        }
        Ok(())
    }

    /// A file or a link. False if it is neither.
    fn entry(
        &mut self,
        dir: DirId,
        tree: &Arc<TreeFile>,
        name: OsString,
        found: Found,
    ) -> Result<bool, E> {
        let Found {
            disk_name,
            metadata,
        } = found;
        let kind = metadata.file_type();
        if kind.is_file() {
            let tree = Arc::clone(tree);
            let file = FoundFile {
                dir,
                name,
                tree,
                disk_name,
                size: metadata.len(),
            };
            (self.step)(Step::File(file))?;
            return Ok(true);
        }
        let path = tree.path.join(&disk_name);
        if !kind.is_symlink() {
            self.skip(&path, special(kind).to_owned())?;
            return Ok(false);
        }
        match fs::read_link(&path) {
            Ok(target) => {
                (self.step)(Step::Link {
                    dir,
                    name,
                    target,
                    metadata,
                })?;
                Ok(true)
            }
            Err(error) => {
                self.skip(&path, unreadable(&error))?;
                Ok(false)
            }
        }
    }

    /// Says so of what must not be shared.
    fn is_withheld(&mut self, path: &Path, metadata: &Metadata) -> Result<bool, E> {
        let Some(reason) = self.withheld.reason(path, metadata) else {
            return Ok(false);
        };
        self.skip(path, reason.to_owned())?;
        Ok(true)
    }

    fn skip(&mut self, path: &Path, reason: String) -> Result<(), E> {
        (self.step)(Step::Skip(skipped(path, reason)))
    }
}

impl Frame {
    /// Beside `x.aria2` lies as much of `x` as has come, beside `x.part` at most its name.
    fn is_unfinished(&self, name: &OsStr, metadata: &Metadata) -> bool {
        self.unfinished.contains(name.as_encoded_bytes())
            && (metadata.len() == 0 || !is_whole_beside(&self.tree.path, name))
    }
}

fn is_whole_beside(folder: &Path, name: &OsStr) -> bool {
    let mut control = name.to_owned();
    control.push(".aria2");
    !folder.join(control).exists()
}

struct Found {
    disk_name: OsString,
    metadata: Metadata,
}

/// Where a symlink leads that a person named outright, in the end. What is none stays as it is.
fn followed(path: &Path) -> io::Result<PathBuf> {
    if fs::symlink_metadata(path)?.is_symlink() {
        super::place::real(path)
    } else {
        Ok(path.to_owned())
    }
}

/// The names under which paths become entries of one folder. Two that end alike are told apart by a number.
pub(crate) fn top_names(paths: &[PathBuf]) -> Vec<(PathBuf, OsString)> {
    let mut taken: HashMap<OsString, u32> = HashMap::new();
    let mut named = Vec::with_capacity(paths.len());
    for path in paths {
        // Only a file system's root has no name.
        let name = path.file_name().unwrap_or(OsStr::new("files")).to_owned();
        let mut candidate = name.clone();
        while let Some(count) = taken.get_mut(&candidate) {
            *count += 1;
            candidate = numbered(&name, *count);
        }
        taken.insert(candidate.clone(), 1);
        named.push((path.clone(), candidate));
    }
    named
}

/// `photo.jpg` as `photo (2).jpg`.
fn numbered(name: &OsStr, number: u32) -> OsString {
    let path = Path::new(name);
    let mut numbered = path.file_stem().unwrap_or(name).to_owned();
    numbered.push(format!(" ({number})"));
    if let Some(extension) = path.extension() {
        numbered.push(".");
        numbered.push(extension);
    }
    numbered
}

pub(crate) fn skipped(path: &Path, reason: String) -> Skipped {
    Skipped {
        path: path_text(path),
        reason,
    }
}

/// Why something cannot be read, without the path that it stands beside.
pub(crate) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "you may not read it".to_owned(),
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        _ => {
            // fs-err keeps the system's own error as the cause.
            let cause = std::error::Error::source(error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            format!("it cannot be read: {cause}")
        }
    }
}

fn special(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "it is a pipe";
        }
        if kind.is_socket() {
            return "it is a socket";
        }
        if kind.is_block_device() || kind.is_char_device() {
            return "it is a device";
        }
    }
    let _ = kind;
    "it is no file"
}

fn join(dir: &str, name: &OsStr) -> String {
    let name = lossless(name);
    if dir.is_empty() {
        name
    } else {
        format!("{dir}/{name}")
    }
}

fn lossless(name: &OsStr) -> String {
    path_text(Path::new(name))
}
