//! Carries a plan out: the one thread of a download that touches its files.
//!
//! It looks for each wanted block where the bytes belong, in the index, and only then in the network; writes what comes to its
//! place; and hands what is written to the record. It blocks: on the disk, and on the network's events.
//!
//! What stays true: bytes are written only inside the download's own `.part`, and only after their block was checked. Whatever stops
//! it, what was recorded until then is not asked for again.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use fs_err as fs;
use tokio::sync::mpsc;
use unixfs::{Cid, Metadata, cid};

use super::car::Feed;
use super::disk::{self, Handles};
use super::error::FetchError;
use super::plan::{FileKey, ItemPath, Leaf, Plan, Rank, Selection, Spot, Steering, Step, Totals};
use super::record::{Done, LeafAt, Part, Recorder};
use super::steer::{Asked, Mail};
use crate::index::{
    BlockAt, FileRecord, FileState, Fingerprint, Index, ItemRecord, NewFile, Scope, Skipped,
};
use crate::library::Source;
use crate::library::names::Rules;
use crate::limits::{MAX_SKIPPED, SPACE_CHECK_BYTES, WANT_BATCH};

/// What the network side tells the worker.
#[derive(Debug)]
pub(crate) enum Event {
    Block {
        cid: Cid,
        data: Bytes,
    },
    /// The record has news.
    Wake,
}

/// A block that only others have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) cid: Cid,
    /// Others wait behind it.
    pub(crate) node: bool,
    /// Bytes of the block, if its parent tells.
    pub(crate) bytes: Option<u32>,
    pub(crate) rank: Rank,
}

/// What the worker wants of the network side.
#[derive(Debug)]
pub(crate) enum Command {
    Want(Vec<Wanted>),
    /// These are wanted already, and come first now.
    Hurry(Vec<(Cid, Rank)>),
    /// So many bytes of delivered blocks are out of memory.
    Release(u64),
    /// These are on the disk and in the index.
    Have(Vec<Cid>),
}

/// How far it is, for whoever looks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) totals: Totals,
    /// Blocks that only others have.
    pub(crate) waiting: usize,
    /// It is known to be a folder.
    pub(crate) folder: bool,
}

/// What the worker needs.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) index: Index,
    pub(crate) source: Source,
    pub(crate) item: ItemRecord,
    pub(crate) root: Cid,
    /// The file or folder to write, or to look at.
    pub(crate) base: PathBuf,
    /// It goes on where a finished download lies: files that aren't known to be its own are not written to.
    pub(crate) in_place: bool,
    /// Nothing is written: what is at `base` is compared with the item.
    pub(crate) compare: bool,
    /// Where the blocks come from, if that isn't the network.
    pub(crate) car: Option<PathBuf>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) wake: mpsc::WeakSender<Event>,
    pub(crate) progress: Arc<Mutex<Progress>>,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) mail: Arc<Mutex<Mail>>,
}

/// How a run of the worker ended, other than by an error.
#[derive(Debug)]
pub(crate) enum Ending {
    Whole(Whole),
    /// What is at the place is something else.
    Different,
}

/// Everything is on the disk and in the index, still under the name it was written under.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) totals: Totals,
    pub(crate) skipped: Vec<Skipped>,
    /// The item is one file.
    pub(crate) is_file: bool,
    /// What became servable last.
    pub(crate) recorded: Vec<Cid>,
}

/// Works on a download until it is whole.
pub(crate) fn run(setup: &Setup, events: &mut mpsc::Receiver<Event>) -> Result<Ending, FetchError> {
    let folder = setup.base.parent().unwrap_or(&setup.base);
    let selection = Selection::new(&setup.item.select, &setup.item.leave)?;
    let plan = Plan::new(setup.root, selection, Rules::of(folder))?;
    let car = match &setup.car {
        Some(path) => Some(Feed::open(path)?),
        None => None,
    };
    let wake = setup.wake.clone();
    let base = setup.base.clone();
    let recorder = Recorder::start(setup.index.clone(), setup.item.id, base, move || {
        // A full queue wakes the worker by itself.
        if let Some(wake) = wake.upgrade() {
            let _ = wake.try_send(Event::Wake);
        }
    })?;
    let mut worker = Worker {
        setup,
        car,
        plan,
        steering: Arc::default(),
        recorder,
        files: HashMap::new(),
        handles: Handles::default(),
        known: HashMap::new(),
        unrecorded: HashSet::new(),
        parked: Vec::new(),
        flushed: false,
        waiting: HashSet::new(),
        needed: 0,
        skipped: Vec::new(),
        folders: Vec::new(),
        is_file: false,
        is_folder: false,
        different: false,
    };
    let result = worker.work(events);
    if matches!(result, Err(FetchError::Content(_))) {
        worker.keep_rest()?;
    }
    // What was written until now is worth recording even if something failed.
    let recorded = worker.recorder.finish();
    if worker.different {
        return Ok(Ending::Different);
    }
    let full = |error| how_full(setup, worker.plan.totals(), error);
    result.map_err(full)?;
    let recorded = recorded.map_err(full)?;
    for (path, meta) in worker.folders.iter().rev() {
        disk::apply_metadata(path, meta);
    }
    Ok(Ending::Whole(Whole {
        totals: worker.plan.totals(),
        skipped: worker.skipped,
        is_file: worker.is_file,
        recorded,
    }))
}

struct Worker<'a> {
    setup: &'a Setup,
    car: Option<Feed>,
    plan: Plan,
    steering: Arc<Steering>,
    recorder: Recorder,
    files: HashMap<FileKey, OpenFile>,
    handles: Handles,
    /// Files of an earlier run in the folders that are open now.
    known: HashMap<PathBuf, FileRecord>,
    /// Blocks that are written and not yet in the index: looked up too early they would be fetched twice.
    unrecorded: HashSet<Cid>,
    /// Wants for them.
    parked: Vec<Sought>,
    flushed: bool,
    /// Asked of the network.
    waiting: HashSet<Cid>,
    /// Bytes of the files that were begun.
    needed: u64,
    skipped: Vec<Skipped>,
    /// Times and modes of folders: given last, since writing into a folder changes its time.
    folders: Vec<(PathBuf, Metadata)>,
    is_file: bool,
    is_folder: bool,
    different: bool,
}

struct OpenFile {
    part: Arc<Part>,
    meta: Metadata,
    known: Option<FileRecord>,
    written: bool,
    /// It may be the person's by now: nothing is written to it.
    guarded: bool,
}

/// A wanted block, before it is known whether it is here.
struct Sought {
    cid: Cid,
    node: bool,
    rank: Rank,
    spot: Option<Spot>,
}

enum Found {
    /// Where it belongs: so many bytes.
    Here(u64),
    Elsewhere(Bytes),
    /// On its way into the index.
    Soon,
    Nowhere,
}

impl Worker<'_> {
    fn work(&mut self, events: &mut mpsc::Receiver<Event>) -> Result<(), FetchError> {
        let base = self.setup.base.clone();
        if let Some(folder) = base.parent() {
            self.load_known(folder)?;
        }
        loop {
            self.read_mail();
            self.take_steps()?;
            self.tell();
            if self.parked.is_empty() && self.plan.is_done()? {
                return Ok(());
            }
            if self.take_recorded()? {
                continue;
            }
            if !self.parked.is_empty() && !self.flushed {
                self.flushed = true;
                self.recorder.send(Done::Flush)?;
            }
            match self.next_event(events)? {
                Event::Wake => {}
                Event::Block { cid, data } => {
                    self.waiting.remove(&cid);
                    let bytes = data.len() as u64;
                    self.plan.block(&cid, &data)?;
                    drop(data);
                    self.take_steps()?;
                    self.command(Command::Release(bytes))?;
                }
            }
        }
    }

    /// Changes what comes first, and says what is asked for, if somebody wished so.
    fn read_mail(&mut self) {
        let (steering, asked) = {
            let mut mail = self
                .setup
                .mail
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            (Arc::clone(&mail.steering), std::mem::take(&mut mail.asked))
        };
        if !Arc::ptr_eq(&steering, &self.steering) {
            self.plan.steer(&steering);
            self.steering = steering;
        }
        if asked.is_empty() {
            return;
        }
        let parts = self.plan.asked_parts().into_iter();
        let answer: Vec<Asked> = parts
            .map(|(path, offset, bytes)| Asked {
                path,
                offset,
                bytes,
            })
            .collect();
        for reply in asked {
            // Whoever asked may be gone.
            let _ = reply.send(answer.clone());
        }
    }

    /// What came before the fault is kept, the block with the fault too.
    fn keep_rest(&mut self) -> Result<(), FetchError> {
        for (cid, data) in self.plan.take_kept() {
            self.recorder.send(Done::Kept(cid, data))?;
        }
        Ok(())
    }

    fn next_event(&mut self, events: &mut mpsc::Receiver<Event>) -> Result<Event, FetchError> {
        if let Some(car) = &mut self.car
            && !self.waiting.is_empty()
        {
            if self.setup.stop.load(Ordering::Relaxed) {
                return Err(FetchError::Stopped);
            }
            let block = car.next(&self.waiting)?;
            return Ok(Event::Block {
                cid: block.cid,
                data: block.data,
            });
        }
        events.blocking_recv().ok_or(FetchError::Stopped)
    }

    /// Does everything that can be done without the network.
    fn take_steps(&mut self) -> Result<(), FetchError> {
        loop {
            let mut wants = Vec::new();
            while wants.len() < WANT_BATCH {
                match self.plan.next()? {
                    Some(Step::Want {
                        cid,
                        node,
                        rank,
                        spot,
                    }) => wants.push(Sought {
                        cid,
                        node,
                        rank,
                        spot,
                    }),
                    Some(step) => self.take_step(step)?,
                    None => break,
                }
            }
            if wants.is_empty() {
                return Ok(());
            }
            self.look_for(wants)?;
        }
    }

    /// Finds wanted blocks here, or asks for them.
    fn look_for(&mut self, wants: Vec<Sought>) -> Result<(), FetchError> {
        let mut missing = Vec::new();
        for sought in wants {
            let Sought {
                cid,
                node,
                rank,
                spot,
            } = sought;
            if self.setup.stop.load(Ordering::Relaxed) {
                return Err(FetchError::Stopped);
            }
            match self.find(&cid, spot.as_ref())? {
                Found::Here(bytes) => self.plan.held(&cid, bytes)?,
                Found::Elsewhere(data) => self.plan.block(&cid, &data)?,
                Found::Soon => self.parked.push(Sought {
                    cid,
                    node,
                    rank,
                    spot,
                }),
                Found::Nowhere => missing.push(Wanted {
                    cid,
                    node,
                    bytes: block_bytes(&cid, spot.as_ref()),
                    rank,
                }),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.waiting.extend(missing.iter().map(|want| want.cid));
        if self.car.is_some() {
            return Ok(());
        }
        self.command(Command::Want(missing))
    }

    fn find(&mut self, cid: &Cid, spot: Option<&Spot>) -> Result<Found, FetchError> {
        if self.unrecorded.contains(cid) {
            return Ok(Found::Soon);
        }
        if let Some(spot) = spot.filter(|_| self.setup.compare) {
            match self.compare(cid, spot) {
                Some(bytes) => return Ok(Found::Here(bytes)),
                None if cid.codec() == cid::RAW => {
                    self.different = true;
                    return Err(FetchError::Stopped);
                }
                // It may be a node: then its parts are compared.
                None => {}
            }
        }
        let place = self.setup.index.locate_for(cid.hash(), Scope::Everything)?;
        match place {
            Some(BlockAt::Inline(data)) if cid::verify(cid, &data).is_ok() => {
                return Ok(Found::Elsewhere(data));
            }
            Some(BlockAt::Slices(places)) => {
                if let Some(spot) = spot
                    && let Some(bytes) = self.recorded_at(cid, spot, &places)
                {
                    return Ok(Found::Here(bytes));
                }
                if let Some(data) = self.setup.source.read_local(cid) {
                    return Ok(Found::Elsewhere(data));
                }
            }
            _ => {}
        }
        Ok(Found::Nowhere)
    }

    /// Is the leaf recorded at this very place, and still there? A file that is as it was when it was recorded is believed; all
    /// others are read and hashed: after a crash the record and the file may be of different ages.
    fn recorded_at(&self, cid: &Cid, spot: &Spot, places: &[crate::index::Slice]) -> Option<u64> {
        let path = self.path(&spot.path);
        let place = places.iter().find(|place| {
            place.file.item == self.setup.item.id
                && place.offset == spot.offset
                && place.file.path == path
        })?;
        let bytes = u64::from(place.len);
        if is_proven(&place.file, &path) {
            return Some(bytes);
        }
        let file = disk::open_for_reading(&path).ok()?;
        disk::read_leaf(&file, cid, place.offset, place.len)?;
        Some(bytes)
    }

    /// Is the leaf where it would be, in a file that nobody has recorded?
    fn compare(&self, cid: &Cid, spot: &Spot) -> Option<u64> {
        let file = disk::open_for_reading(&self.path(&spot.path)).ok()?;
        let bytes = match spot.bytes {
            Some(bytes) => bytes,
            None => file.metadata().ok()?.len(),
        };
        let len = u32::try_from(bytes)
            .ok()
            .filter(|len| *len as usize <= unixfs::limits::MAX_BLOCK_BYTES)?;
        disk::read_leaf(&file, cid, spot.offset, len)?;
        Some(bytes)
    }

    fn take_step(&mut self, step: Step) -> Result<(), FetchError> {
        match step {
            // Collected by the caller.
            Step::Want { .. } => Ok(()),
            Step::Hurry(mut cids) => {
                cids.retain(|(cid, _)| self.waiting.contains(cid));
                if cids.is_empty() || self.car.is_some() {
                    return Ok(());
                }
                self.command(Command::Hurry(cids))
            }
            Step::Folder { path, meta } => self.folder(&path, meta),
            Step::Open {
                file,
                path,
                root,
                size,
                meta,
            } => self.open(file, &path, root, size, meta),
            Step::Write {
                file,
                offset,
                data,
                block,
            } => self.write(file, offset, &data, block),
            Step::Held {
                file,
                offset,
                bytes,
                cid,
            } => self.held(file, offset, bytes, cid),
            Step::Keep { cid, data } => {
                self.unrecorded.insert(cid);
                self.recorder.send(Done::Kept(cid, data))
            }
            Step::Close { file } => self.close(file),
            Step::Symlink { path, target } => self.symlink(&path, &target),
            Step::Skip { path, reason } => {
                self.skip(path, reason);
                Ok(())
            }
            Step::Renamed { path } => {
                let name = path.local.file_name().unwrap_or_default();
                let reason = format!("saved as {}", name.display());
                self.skip(path.name.clone(), reason);
                Ok(())
            }
        }
    }

    fn folder(&mut self, path: &ItemPath, meta: Metadata) -> Result<(), FetchError> {
        self.is_folder = true;
        let path = self.path(path);
        if !self.setup.compare {
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                result => result?,
            }
        }
        // Not through a symlink: it may lead anywhere.
        if !fs::symlink_metadata(&path).is_ok_and(|there| there.is_dir()) {
            return self.is_different(&path);
        }
        if !meta.is_empty() && !self.setup.compare {
            self.folders.push((path.clone(), meta));
        }
        self.load_known(&path)
    }

    /// Learns what an earlier run recorded of the files in a folder.
    fn load_known(&mut self, folder: &Path) -> Result<(), FetchError> {
        let files = self.setup.index.files_in(self.setup.item.id, folder)?;
        self.known
            .extend(files.into_iter().map(|file| (file.path.clone(), file)));
        Ok(())
    }

    fn open(
        &mut self,
        key: FileKey,
        path: &ItemPath,
        root: Cid,
        size: u64,
        meta: Metadata,
    ) -> Result<(), FetchError> {
        let is_item = path.name.is_empty();
        let path_here = self.path(path);
        let name = if is_item {
            self.setup.item.name.clone()
        } else {
            path.name.clone()
        };
        if self.setup.compare {
            let there = fs::symlink_metadata(&path_here);
            if !there.is_ok_and(|there| there.is_file() && there.len() == size) {
                return self.is_different(&path_here);
            }
        } else {
            self.needed = self.needed.saturating_add(size);
            if size >= SPACE_CHECK_BYTES {
                self.check_space()?;
            }
        }
        let mut known = self.known.remove(&path_here);
        let guarded =
            self.setup.in_place && self.guard(&path_here, &name, size, root, &mut known)?;
        if size == 0 && !self.setup.compare {
            write_empty(&path_here, guarded)?;
        }
        let id = known.as_ref().map(|known| known.id);
        let part = Arc::new(Part::new(key, path_here, name, size, root, id));
        self.is_file |= is_item;
        let open = OpenFile {
            part,
            meta,
            known,
            written: false,
            guarded,
        };
        self.files.insert(key, open);
        Ok(())
    }

    /// Is a file there that others may have put there, or changed? One that isn't there goes on record before it is made, so that
    /// it is known to be ours.
    fn guard(
        &self,
        path: &Path,
        name: &str,
        size: u64,
        root: Cid,
        known: &mut Option<FileRecord>,
    ) -> Result<bool, FetchError> {
        let is_part = |known: &FileRecord| known.state == FileState::Part;
        if disk::exists(path) {
            return Ok(!known.as_ref().is_some_and(is_part));
        }
        if known.as_ref().is_some_and(is_part) {
            return Ok(false);
        }
        if let Some(gone) = known.take() {
            self.setup.index.remove_files(vec![gone.id])?;
        }
        let file = NewFile {
            path: path.to_path_buf(),
            name_in_item: name.to_owned(),
            size,
            root: Some(root),
            state: FileState::Part,
        };
        let ids = self.setup.index.add_files(self.setup.item.id, vec![file])?;
        if let Some(id) = ids.first() {
            *known = self.setup.index.file(*id)?;
        }
        Ok(false)
    }

    fn check_space(&self) -> Result<(), FetchError> {
        let Some(folder) = self.setup.base.parent() else {
            return Ok(());
        };
        let needed = self.needed.saturating_sub(self.plan.totals().done);
        match disk::free_space(folder) {
            Some(free) if free < needed => Err(FetchError::NoSpace {
                folder: folder.display().to_string(),
                needed,
                free,
            }),
            _ => Ok(()),
        }
    }

    fn write(
        &mut self,
        key: FileKey,
        offset: u64,
        data: &[u8],
        leaf: Option<Leaf>,
    ) -> Result<(), FetchError> {
        let Some(open) = self.files.get_mut(&key) else {
            return Ok(());
        };
        if self.setup.compare {
            let path = open.part.path.clone();
            return self.is_different(&path);
        }
        if open.guarded {
            return Err(FetchError::InTheWay(open.part.path.clone()));
        }
        open.written = true;
        let part = &open.part;
        let bytes = data.len() as u64;
        if offset == 0 && bytes == part.size {
            disk::write_whole(&part.path, data)?;
        } else {
            let file = self.handles.get(key, &part.path, part.size)?;
            disk::write_at(file, data, offset)?;
        }
        let leaf = leaf.and_then(|leaf| {
            Some(LeafAt {
                cid: leaf.cid,
                offset,
                // A block has 2 MiB at most.
                len: u32::try_from(bytes).ok()?,
                framed: leaf.framed,
            })
        });
        self.unrecorded.extend(leaf.map(|leaf| leaf.cid));
        self.recorder
            .send(Done::Written(Arc::clone(part), bytes, leaf))
    }

    /// What was found in files that nobody had recorded has to be recorded now.
    fn held(&mut self, key: FileKey, offset: u64, bytes: u64, cid: Cid) -> Result<(), FetchError> {
        let Some(open) = self.files.get(&key).filter(|_| self.setup.compare) else {
            return Ok(());
        };
        let leaf = LeafAt {
            cid,
            offset,
            len: u32::try_from(bytes).unwrap_or(u32::MAX),
            framed: cid.codec() != cid::RAW,
        };
        let part = Arc::clone(&open.part);
        self.recorder.send(Done::Written(part, 0, Some(leaf)))
    }

    fn close(&mut self, key: FileKey) -> Result<(), FetchError> {
        self.handles.close(key);
        let Some(open) = self.files.remove(&key) else {
            return Ok(());
        };
        if !self.setup.compare {
            disk::apply_metadata(&open.part.path, &open.meta);
        }
        let as_recorded = |known: &FileRecord| is_proven(known, &open.part.path);
        if !open.written && open.known.as_ref().is_some_and(as_recorded) {
            return Ok(());
        }
        self.recorder.send(Done::Closed(open.part))
    }

    fn symlink(&mut self, path: &ItemPath, target: &Path) -> Result<(), FetchError> {
        if self.setup.compare {
            return Ok(());
        }
        match disk::symlink(target, &self.path(path)) {
            Ok(()) => Ok(()),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::Unsupported
                        | io::ErrorKind::PermissionDenied
                        | io::ErrorKind::AlreadyExists
                ) =>
            {
                self.skip(
                    path.name.clone(),
                    "symlinks cannot be made there".to_owned(),
                );
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn skip(&mut self, path: String, reason: String) {
        if self.skipped.len() < MAX_SKIPPED {
            self.skipped.push(Skipped { path, reason });
        }
    }

    /// Something else is at the place: when comparing that is an answer, when writing an error.
    fn is_different(&mut self, path: &Path) -> Result<(), FetchError> {
        if self.setup.compare {
            self.different = true;
            return Err(FetchError::Stopped);
        }
        let message = format!("{} is in the way", path.display());
        Err(io::Error::new(io::ErrorKind::AlreadyExists, message).into())
    }

    /// Tells the network what can be served, and looks again for what waited for that. `true`: there is something to do.
    fn take_recorded(&mut self) -> Result<bool, FetchError> {
        let recorded = self.recorder.outcome().take_recorded();
        if let Some(error) = self.recorder.outcome().failure() {
            return Err(error);
        }
        if recorded.is_empty() {
            return Ok(false);
        }
        self.flushed = false;
        for cid in &recorded {
            self.unrecorded.remove(cid);
        }
        self.command(Command::Have(recorded))?;
        let parked = std::mem::take(&mut self.parked);
        let any = !parked.is_empty();
        self.look_for(parked)?;
        Ok(any)
    }

    fn command(&self, command: Command) -> Result<(), FetchError> {
        self.setup
            .commands
            .blocking_send(command)
            .map_err(|_| FetchError::Stopped)
    }

    fn tell(&self) {
        let mut progress = self
            .setup
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *progress = Progress {
            totals: self.plan.totals(),
            waiting: self.waiting.len(),
            folder: self.is_folder,
        };
    }

    /// Where a path of the item is on the disk.
    fn path(&self, path: &ItemPath) -> PathBuf {
        if path.local.as_os_str().is_empty() {
            self.setup.base.clone()
        } else {
            self.setup.base.join(&path.local)
        }
    }
}

/// A file without bytes. One that is there and may be the person's is only looked at.
fn write_empty(path: &Path, guarded: bool) -> Result<(), FetchError> {
    if !guarded {
        return Ok(disk::write_whole(path, &[])?);
    }
    let there = fs::symlink_metadata(path);
    if there.is_ok_and(|there| there.is_file() && there.len() == 0) {
        return Ok(());
    }
    Err(FetchError::InTheWay(path.to_path_buf()))
}

/// A disk that ran full: how much is missing, as far as that can be told.
fn how_full(setup: &Setup, totals: Totals, error: FetchError) -> FetchError {
    let is_full = |error: &io::Error| error.kind() == io::ErrorKind::StorageFull;
    let FetchError::Disk(cause) = &error else {
        return error;
    };
    let (Some(folder), true) = (setup.base.parent(), is_full(cause)) else {
        return error;
    };
    let needed = totals.bytes.saturating_sub(totals.done);
    match disk::free_space(folder) {
        Some(free) if free < needed => FetchError::NoSpace {
            folder: folder.display().to_string(),
            needed,
            free,
        },
        _ => error,
    }
}

/// Is a file whole, and untouched since it was recorded?
fn is_proven(file: &FileRecord, path: &Path) -> bool {
    let now = || {
        let metadata = fs::symlink_metadata(path).ok()?;
        Some(Fingerprint::of(&metadata, SystemTime::now()))
    };
    file.state == FileState::Whole
        && file
            .fingerprint
            .is_some_and(|recorded| now().is_some_and(|now| recorded.proves(&now)))
}

/// Bytes of a leaf's block, as its parent says.
fn block_bytes(cid: &Cid, spot: Option<&Spot>) -> Option<u32> {
    let bytes = spot?.bytes.filter(|_| cid.codec() == cid::RAW)?;
    u32::try_from(bytes).ok()
}
