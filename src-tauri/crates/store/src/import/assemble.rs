//! Puts folders together as their entries get done, and hands records to the index in batches.

use std::collections::{HashMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::mpsc::Receiver;

use unixfs::{Block, DirectoryBuilder, DirectoryError, Metadata, Root};

use super::pool::{Done, Job};
use super::withheld::{OWN, UNFINISHED};
use super::{ImportError, Imported, Message, Outcome, metadata_of};
use crate::control::Stopped;
use crate::files::path_text;
use crate::import::walk::{DirId, Step, TOP};
use crate::index::{FileId, HashedFile, Pending, Skipped};
use crate::limits::MAX_SKIPPED;

/// Files and blocks handed to the index at a time, and how often without waiting for the first.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 1024 * 1024;
const PENDING: usize = 4;

/// Puts folders together.
pub(super) struct Assembler<'a> {
    job: &'a Job<'a>,
    /// The one path is the root itself.
    single: bool,
    folders: HashMap<DirId, Folder>,
    root: Option<Root>,
    complete: bool,
    files: u64,
    links: u64,
    skipped: Vec<Skipped>,
    unlisted: u64,
    stale: Vec<FileId>,
    hashed: Vec<HashedFile>,
    inline: Vec<Block>,
    inline_bytes: usize,
    pending: VecDeque<Pending<()>>,
}

/// A folder whose entries are not all done.
struct Folder {
    builder: DirectoryBuilder,
    parent: DirId,
    name: OsString,
    done: u64,
    /// How many there are, once the walk is through.
    entries: Option<u64>,
}

impl<'a> Assembler<'a> {
    pub(super) fn new(job: &'a Job<'a>, single: bool) -> Self {
        let mut assembler = Assembler {
            job,
            single,
            folders: HashMap::new(),
            root: None,
            complete: false,
            files: 0,
            links: 0,
            skipped: Vec::new(),
            unlisted: 0,
            stale: Vec::new(),
            hashed: Vec::new(),
            inline: Vec::new(),
            inline_bytes: 0,
            pending: VecDeque::new(),
        };
        assembler.begin(TOP, TOP, OsString::new(), Metadata::default());
        assembler
    }

    pub(super) fn run(mut self, receiver: Receiver<Message>) -> Result<Outcome, ImportError> {
        while !self.complete {
            // If all threads are gone before it is complete, one of them has the reason.
            let message = receiver.recv().map_err(|_| Stopped)?;
            match message {
                Message::Step(step) => self.step(*step)?,
                Message::Done(done) => self.file(*done)?,
                Message::Stale(files) => self.stale.extend(files),
            }
            if self.hashed.len() >= BATCH || self.inline_bytes >= BATCH_BYTES {
                self.submit()?;
            }
        }
        self.submit()?;
        self.pending.drain(..).try_for_each(Pending::wait)?;
        let Some(root) = self.root else {
            return Err(match self.skipped.pop() {
                Some(first) if [OWN, UNFINISHED].contains(&first.reason.as_str()) => {
                    ImportError::LeftOut { first, count: 1 }
                }
                Some(skipped) => ImportError::Unreadable(skipped),
                None => ImportError::Nothing,
            });
        };
        // Empty by what was left out: nobody means to share that.
        if self.files == 0
            && self.links == 0
            && let Some(first) = self.skipped.first()
        {
            return Err(ImportError::LeftOut {
                first: first.clone(),
                count: self.skipped.len() as u64 + self.unlisted,
            });
        }
        if self.unlisted > 0 {
            let reason = format!("and {} more were left out", self.unlisted);
            self.skipped.push(Skipped {
                path: "…".to_owned(),
                reason,
            });
        }
        let imported = Imported {
            root: root.cid,
            bytes: root.size,
            files: self.files,
            skipped: self.skipped,
        };
        Ok(Outcome {
            imported,
            stale: self.stale,
        })
    }

    fn begin(&mut self, dir: DirId, parent: DirId, name: OsString, meta: Metadata) {
        let builder = DirectoryBuilder::new(&self.job.profile, meta);
        self.folders.insert(
            dir,
            Folder {
                builder,
                parent,
                name,
                done: 0,
                entries: None,
            },
        );
    }

    fn step(&mut self, step: Step) -> Result<(), ImportError> {
        match step {
            Step::Open {
                dir,
                parent,
                name,
                metadata,
            } => {
                let meta = self.meta(&metadata);
                self.begin(dir, parent, name, meta);
                Ok(())
            }
            Step::Link {
                dir,
                name,
                target,
                metadata,
            } => {
                let target = target.as_os_str().as_encoded_bytes();
                let block = unixfs::symlink(&self.job.profile, target, &self.meta(&metadata));
                let root = block.root();
                self.keep(block);
                self.links += 1;
                self.entry(dir, &name, Some(root))
            }
            Step::Close { dir, entries } => {
                if let Some(folder) = self.folders.get_mut(&dir) {
                    folder.entries = Some(entries);
                }
                self.finish(dir)
            }
            Step::Skip(skipped) => {
                self.skip(skipped);
                Ok(())
            }
            // Goes to those that hash.
            Step::File(_) => Ok(()),
        }
    }

    fn file(&mut self, done: Done) -> Result<(), ImportError> {
        for block in done.inline {
            self.keep(block);
        }
        self.hashed.extend(done.record);
        self.stale.extend(done.stale);
        let root = match done.root {
            Ok(root) => {
                self.files += 1;
                Some(root)
            }
            Err(skipped) => {
                self.skip(skipped);
                None
            }
        };
        self.entry(done.file.dir, &done.file.name, root)
    }

    /// An entry of a folder is done, with a root or without.
    fn entry(&mut self, dir: DirId, name: &OsStr, root: Option<Root>) -> Result<(), ImportError> {
        let Some(folder) = self.folders.get_mut(&dir) else {
            return Ok(());
        };
        folder.done += 1;
        if dir == TOP && self.single {
            self.root = root;
        } else if let Some(root) = root {
            let pushed = match name_bytes(name) {
                Some(name) => folder.builder.push(name, root),
                None => Err(DirectoryError::Name(path_text(Path::new(name)))),
            };
            if let Err(error) = pushed {
                let path = path_text(Path::new(name));
                self.skip(Skipped {
                    path,
                    reason: error.to_string(),
                });
            }
        }
        self.finish(dir)
    }

    /// Puts a folder together if all its entries are done, and those above it that this completes.
    fn finish(&mut self, dir: DirId) -> Result<(), ImportError> {
        let is_done = |folder: &Folder| folder.entries == Some(folder.done);
        if !self.folders.get(&dir).is_some_and(is_done) {
            return Ok(());
        }
        let Some(folder) = self.folders.remove(&dir) else {
            return Ok(());
        };
        if dir == TOP && (self.single || folder.builder.is_empty()) {
            self.complete = true;
            return Ok(());
        }
        // A large folder has many blocks: they go on record as they come.
        let mut submitted = Ok(());
        let root = folder.builder.finish(&mut |block| {
            self.keep(block);
            if self.inline_bytes >= BATCH_BYTES && submitted.is_ok() {
                submitted = self.submit();
            }
        })?;
        submitted?;
        if dir == TOP {
            self.root = Some(root);
            self.complete = true;
            return Ok(());
        }
        // No deeper than folders are nested, which the length of a path bounds.
        self.entry(folder.parent, &folder.name, Some(root))
    }

    fn keep(&mut self, block: Block) {
        if self.job.record.is_some() {
            self.inline_bytes += block.data.len();
            self.inline.push(block);
        }
    }

    fn skip(&mut self, skipped: Skipped) {
        if self.skipped.len() < MAX_SKIPPED {
            self.skipped.push(skipped);
        } else {
            self.unlisted += 1;
        }
    }

    fn submit(&mut self) -> Result<(), ImportError> {
        let Some((index, item)) = self.job.record else {
            return Ok(());
        };
        let files = std::mem::take(&mut self.hashed);
        let blocks = std::mem::take(&mut self.inline);
        self.inline_bytes = 0;
        let inline = blocks
            .into_iter()
            .map(|block| (*block.cid.hash(), block.data))
            .collect();
        self.pending
            .push_back(index.add_hashed(item, files, inline));
        if self.pending.len() > PENDING {
            self.pending.pop_front().map_or(Ok(()), Pending::wait)?;
        }
        Ok(())
    }

    fn meta(&self, metadata: &std::fs::Metadata) -> Metadata {
        if self.job.metadata {
            metadata_of(metadata)
        } else {
            Metadata::default()
        }
    }
}

/// A name as it stands in a folder: any bytes on Unix, elsewhere text.
fn name_bytes(name: &OsStr) -> Option<&[u8]> {
    if cfg!(unix) {
        Some(name.as_encoded_bytes())
    } else {
        name.to_str().map(str::as_bytes)
    }
}
