//! Are an item's files still what was hashed? Finds the changed, the missing and the moved, and puts on record what it finds.
//!
//! A file is read only if its fingerprint does not prove it, or if everything is to be read. What was read from end to end and matched
//! gets the fingerprint of now: so a file that was only renamed, touched or hashed too soon is hashed once more and never again.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Instant, SystemTime};

use fs_err::File;
use parking_lot::Mutex;
use unixfs::Multihash;
use unixfs::cid::{self, Cid, DAG_PB, RAW};

use crate::control::{Control, Progress, Stopped};
use crate::files;
use crate::import::walk::{self, FoundFile, Step, Walk};
use crate::import::withheld::Withheld;
use crate::index::{
    FileId, FileRecord, FileState, Fingerprint, Index, IndexError, ItemId, Pending,
};
use crate::limits::{MAX_LISTED, MAX_SOUGHT};

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Read only the files whose fingerprint does not prove their content.
    Fingerprints,
    /// Read everything.
    Content,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// Files that are as they were.
    pub ok: u64,
    pub changed: Listed,
    pub missing: Listed,
    /// Files that are there, and can't be read.
    pub unreadable: Listed,
    /// Why the first of them can't.
    pub why_unreadable: Option<io::ErrorKind>,
    /// Bytes that are there and as they were, as far as they were read.
    pub here: u64,
    /// Bytes of files that are being written that are not as they were, and are on record no more; and in how many blocks.
    pub wrong: u64,
    pub wrong_blocks: u64,
    /// Files that lie elsewhere in the share now, and are served from there.
    pub moved: Listed,
}

/// Files: how many, and the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    pub count: u64,
    pub first: Vec<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error(transparent)]
    Stopped(#[from] Stopped),
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// Files that are open at once.
const FILES: u32 = 128;

/// Slices checked together, by all threads.
const SLICES: u32 = 4096;

/// Looks at all files of an item. Blocks until that is done.
pub fn scan(
    index: &Index,
    item: ItemId,
    depth: Depth,
    progress: &Progress,
    control: &Control,
) -> Result<ScanReport, ScanError> {
    let mut scan = Scan {
        index,
        depth,
        progress,
        control,
        report: ScanReport::default(),
        missing: Vec::new(),
    };
    let mut after = FileId(0);
    loop {
        let files = index.files_after(item, after, FILES)?;
        let Some(last) = files.last() else { break };
        after = last.id;
        scan.files(files)?;
    }
    scan.find_moved(item)?;
    Ok(scan.report)
}

struct Scan<'a> {
    index: &'a Index,
    depth: Depth,
    progress: &'a Progress,
    control: &'a Control,
    report: ScanReport,
    missing: Vec<FileRecord>,
}

/// A file that is being read.
struct Reading {
    record: FileRecord,
    file: File,
    before: Fingerprint,
    /// Where what did not match is: offsets and bytes.
    wrong: Mutex<Vec<(u64, u32)>>,
    /// Bytes that matched.
    right: AtomicU64,
    /// Why some of it could not be read.
    failed: Mutex<Option<io::Error>>,
}

/// Why a file can't be looked at.
enum Unseen {
    Missing(Box<FileRecord>),
    Unreadable(Box<FileRecord>, io::Error),
}

/// A slice to compare, of the file at that place in the list.
struct Check {
    reading: usize,
    mh: Multihash,
    offset: u64,
    len: u32,
    framed: bool,
}

impl Scan<'_> {
    fn files(&mut self, records: Vec<FileRecord>) -> Result<(), ScanError> {
        let mut reading = Vec::new();
        let mut back = Vec::new();
        for record in records {
            self.control.check()?;
            self.progress.found(record.size);
            match look(&record) {
                Look::Missing => self.gone(record)?,
                Look::Unreadable(error) => self.unreadable(&record, &error)?,
                Look::Proven if self.depth == Depth::Fingerprints => {
                    self.progress.hashed(record.size);
                    self.fine();
                }
                Look::Back if self.depth == Depth::Fingerprints => {
                    back.push(self.index.set_file_state(record.id, FileState::Whole));
                    self.progress.hashed(record.size);
                    self.fine();
                }
                Look::Proven | Look::Back | Look::Unproven => match begin(record) {
                    Ok(file) => reading.push(file),
                    Err(Unseen::Missing(record)) => self.gone(*record)?,
                    Err(Unseen::Unreadable(record, error)) => self.unreadable(&record, &error)?,
                },
            }
        }
        back.into_iter().try_for_each(Pending::wait)?;
        self.read(&reading)?;
        reading
            .into_iter()
            .try_for_each(|reading| self.conclude(reading))
    }

    /// Compares all slices of the files, on all cores.
    fn read(&self, reading: &[Reading]) -> Result<(), ScanError> {
        let mut checks = Vec::new();
        for (number, file) in reading.iter().enumerate() {
            let mut from = 0;
            loop {
                let slices = self.index.slices_after(file.record.id, from, SLICES)?;
                let Some(last) = slices.last() else { break };
                from = last.offset + 1;
                let check = |slice: &crate::index::FileSlice| Check {
                    reading: number,
                    mh: slice.mh,
                    offset: slice.offset,
                    len: slice.len,
                    framed: slice.framed,
                };
                checks.extend(slices.iter().map(check));
                if checks.len() >= SLICES as usize {
                    self.compare(reading, &checks)?;
                    checks.clear();
                }
            }
        }
        self.compare(reading, &checks)
    }

    fn compare(&self, reading: &[Reading], checks: &[Check]) -> Result<(), ScanError> {
        if checks.is_empty() {
            return Ok(());
        }
        let next = AtomicUsize::new(0);
        let stopped = Mutex::new(Ok(()));
        let work = || {
            let mut buffer = Vec::new();
            while let Some(check) = checks.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(end) = self.control.check() {
                    *stopped.lock() = Err(end);
                    return;
                }
                let file = &reading[check.reading];
                match matches(&file.file, check, &mut buffer) {
                    Ok(true) => {
                        file.right.fetch_add(check.len.into(), Ordering::Relaxed);
                    }
                    // It is shorter now.
                    Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                        *file.failed.lock() = Some(error);
                    }
                    _ => file.wrong.lock().push((check.offset, check.len)),
                }
                self.progress.hashed(u64::from(check.len));
            }
        };
        std::thread::scope(|scope| {
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            for _ in 1..threads.min(checks.len()) {
                scope.spawn(work);
            }
            work();
        });
        Ok(stopped.into_inner()?)
    }

    fn conclude(&mut self, reading: Reading) -> Result<(), ScanError> {
        let Reading {
            record,
            file,
            before,
            wrong,
            right,
            failed,
        } = reading;
        if let Some(error) = failed.into_inner() {
            return self.unreadable(&record, &error);
        }
        let wrong = wrong.into_inner();
        if record.state == FileState::Part {
            self.report.here += right.into_inner();
            if wrong.is_empty() {
                self.fine();
                return Ok(());
            }
            // The download fetches them again.
            self.report.changed.add(&record);
            self.report.wrong_blocks += wrong.len() as u64;
            self.report.wrong += wrong.iter().map(|(_, len)| u64::from(*len)).sum::<u64>();
            let offsets = wrong.into_iter().map(|(offset, _)| offset);
            return Ok(self.index.forget_slices(record.id, offsets.collect())?);
        }
        let now = file
            .metadata()
            .map(|now| Fingerprint::of(&now, SystemTime::now()));
        let unchanged = now.is_ok_and(|now| before.matches(&now));
        if !wrong.is_empty() || !unchanged || before.size != record.size {
            self.report.changed.add(&record);
            return self.set_state(&record, FileState::Changed);
        }
        // Nothing is written where nothing is new.
        if record.state != FileState::Whole || record.fingerprint != Some(before) {
            self.index
                .set_file(record.id, &record.path, Some(before), FileState::Whole)?;
        }
        self.report.here += record.size;
        self.fine();
        Ok(())
    }

    fn fine(&mut self) {
        self.report.ok += 1;
        self.progress.file_done();
    }

    fn gone(&mut self, record: FileRecord) -> Result<(), ScanError> {
        self.set_state(&record, FileState::Missing)?;
        if self.missing.len() < MAX_SOUGHT {
            self.missing.push(record);
        } else {
            self.report.missing.add(&record);
        }
        Ok(())
    }

    /// It is there, and may be what it was: it is served as little as one that is missing.
    fn unreadable(&mut self, record: &FileRecord, error: &io::Error) -> Result<(), ScanError> {
        self.set_state(record, FileState::Missing)?;
        self.report.why_unreadable.get_or_insert(error.kind());
        self.report.unreadable.add(record);
        Ok(())
    }

    fn set_state(&self, record: &FileRecord, state: FileState) -> Result<(), ScanError> {
        if record.state != state && record.state != FileState::Part {
            self.index.set_file_state(record.id, state).wait()?;
        }
        Ok(())
    }

    /// Looks for the missing files elsewhere in the share: same size, and then same content.
    fn find_moved(&mut self, item: ItemId) -> Result<(), ScanError> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let mut by_size: HashMap<u64, Vec<FileRecord>> = HashMap::new();
        for record in std::mem::take(&mut self.missing) {
            by_size.entry(record.size).or_default().push(record);
        }
        if let Some(share) = self.index.item(item)? {
            let index = self.index;
            let control = self.control;
            let moved = &mut self.report.moved;
            let mut step = |step| {
                control.check()?;
                let Step::File(found) = step else {
                    return Ok(());
                };
                let Some(sought) = by_size.get_mut(&found.size) else {
                    return Ok(());
                };
                if index.is_on_record(item, &found.path())? {
                    return Ok(());
                }
                if let Some(record) = take_match(index, sought, &found)? {
                    moved.add(&record);
                }
                Ok::<(), ScanError>(())
            };
            let named = walk::top_names(&share.sources);
            let withheld = Withheld::of(index)?;
            Walk::new(share.options.hidden, &withheld, &mut step).run(&named)?;
        }
        by_size
            .into_values()
            .flatten()
            .for_each(|record| self.report.missing.add(&record));
        Ok(())
    }
}

/// Takes out of the missing files the one that was found elsewhere, and puts on record where it is now.
fn take_match(
    index: &Index,
    sought: &mut Vec<FileRecord>,
    found: &FoundFile,
) -> Result<Option<FileRecord>, ScanError> {
    let path = found.path();
    let Ok(file) = files::open_for_reading(&path) else {
        return Ok(None);
    };
    let Ok(metadata) = file.metadata() else {
        return Ok(None);
    };
    let before = Fingerprint::of(&metadata, SystemTime::now());
    // The one with the same number first: it was moved, the others would be copies.
    sought.sort_by_key(|record| {
        record
            .fingerprint
            .is_none_or(|known| known.inode != before.inode)
    });
    for place in 0..sought.len() {
        let id = sought[place].id;
        let same =
            before.size == sought[place].size && holds_all(index, id, &file, None)? == Some(true);
        if same {
            let record = sought.remove(place);
            index.set_file(id, &path, Some(before), FileState::Whole)?;
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// Has the file at a path the content that is on record? `None`: the time was over before that was known.
pub fn holds(
    index: &Index,
    id: FileId,
    path: &Path,
    until: Instant,
) -> Result<Option<bool>, IndexError> {
    match files::open_for_reading(path) {
        Ok(file) => holds_all(index, id, &file, Some(until)),
        Err(_) => Ok(Some(false)),
    }
}

/// The same for a file that is open. A file of which nothing is on record holds all of that.
pub(crate) fn holds_all(
    index: &Index,
    id: FileId,
    file: &File,
    until: Option<Instant>,
) -> Result<Option<bool>, IndexError> {
    let mut from = 0;
    let mut buffer = Vec::new();
    loop {
        let slices = index.slices_after(id, from, SLICES)?;
        let Some(last) = slices.last() else {
            return Ok(Some(true));
        };
        from = last.offset + 1;
        for slice in &slices {
            let check = Check {
                reading: 0,
                mh: slice.mh,
                offset: slice.offset,
                len: slice.len,
                framed: slice.framed,
            };
            if !matches(file, &check, &mut buffer).unwrap_or(false) {
                return Ok(Some(false));
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(None);
            }
        }
    }
}

enum Look {
    Missing,
    Unreadable(io::Error),
    Proven,
    /// It was away, and is what it was.
    Back,
    Unproven,
}

fn look(record: &FileRecord) -> Look {
    let metadata = match fs_err::symlink_metadata(&record.path) {
        Ok(metadata) => metadata,
        Err(error) if is_absence(&error) => return Look::Missing,
        Err(error) => return Look::Unreadable(error),
    };
    if !metadata.is_file() {
        return Look::Missing;
    }
    let now = Fingerprint::of(&metadata, SystemTime::now());
    let proven = record.fingerprint.is_some_and(|hashed| hashed.proves(&now));
    match record.state {
        FileState::Whole if proven => Look::Proven,
        FileState::Missing if proven => Look::Back,
        _ => Look::Unproven,
    }
}

/// Nothing is there, as far as can be told.
fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

fn begin(record: FileRecord) -> Result<Reading, Unseen> {
    let opened =
        files::open_for_reading(&record.path).and_then(|file| Ok((file.metadata()?, file)));
    match opened {
        Ok((metadata, file)) => {
            let before = Fingerprint::of(&metadata, SystemTime::now());
            Ok(Reading {
                record,
                file,
                before,
                wrong: Mutex::default(),
                right: AtomicU64::default(),
                failed: Mutex::default(),
            })
        }
        Err(error) if is_absence(&error) => Err(Unseen::Missing(Box::new(record))),
        Err(error) => Err(Unseen::Unreadable(Box::new(record), error)),
    }
}

/// Are the bytes there what they were?
fn matches(file: &File, check: &Check, buffer: &mut Vec<u8>) -> io::Result<bool> {
    files::leaf_into(file, buffer, check.offset, check.len, check.framed)?;
    let codec = if check.framed { DAG_PB } else { RAW };
    Ok(cid::verify(&Cid::new_v1(codec, check.mh), buffer).is_ok())
}

impl Listed {
    fn add(&mut self, record: &FileRecord) {
        self.count += 1;
        if self.first.len() < MAX_LISTED {
            self.first.push(record.path.clone());
        }
    }
}
