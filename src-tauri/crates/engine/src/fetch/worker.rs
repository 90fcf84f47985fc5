//! Carries a plan out: the one thread of a download that touches its files.
//!
//! It looks for each wanted block where the bytes belong, in the index, and only then asks for it;
//! gives what comes to the [`Place`] that the item has on the disk; and looks after the record. It
//! blocks: on the disk, and on the task's events.
//!
//! Invariants: a block goes to its place only after it was checked. Whatever stops it, what was
//! recorded until then is not asked for again.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use unixfs::{Cid, Metadata, cid};

use super::channels::{Channels, Command, Event, Progress, Wanted};
use super::error::FetchError;
use super::own::Own;
use super::plan::{
    Fault, FileKey, ItemPath, Leaf, Plan, Rank, Selection, Spot, Steering, Step, Totals,
};
use super::record::{LeafAt, Part, Recorder};
use super::seek::{Found, Seeker};
use super::space::Space;
use super::steer::{Asked, Waiting, Wishes};
use super::supply::{Origin, Supply};
use store::Source;
use store::files::names::Rules;
use store::index::{Car, FileRecord, Index, IndexError, ItemRecord, Pending, Skipped};

/// How often it is kept how far a download is: what a kill may take of that.
const NOTE_EVERY: Duration = Duration::from_secs(2);

/// Wants that go to the network in one message.
const WANT_BATCH: usize = 256;

/// A download, for as long as it runs.
#[derive(Debug)]
pub(crate) struct Download {
    pub(crate) index: Index,
    pub(crate) source: Source,
    pub(crate) item: ItemRecord,
    pub(crate) root: Cid,
    pub(crate) origin: Origin,
    pub(crate) wishes: Wishes,
    pub(crate) space: Space,
}

/// What becomes of the item at its place on the disk.
pub(crate) trait Place {
    /// Says that something else than the item is there, where that is an answer.
    type Different;

    /// Does the leaf lie at its spot although no record says so? Its bytes.
    fn look(
        &self,
        cid: &Cid,
        path: &Path,
        spot: &Spot,
    ) -> Result<Option<u64>, Halt<Self::Different>>;

    /// A folder is to be there.
    fn folder(&mut self, path: &Path, meta: Metadata) -> Result<(), Halt<Self::Different>>;

    /// A file begins.
    fn open(&mut self, file: ItemFile) -> Result<(), Halt<Self::Different>>;

    /// Bytes of a file that came from elsewhere.
    fn write(
        &mut self,
        file: FileKey,
        offset: u64,
        data: &[u8],
        leaf: Option<Leaf>,
        recorder: &mut Recorder,
    ) -> Result<(), Halt<Self::Different>>;

    /// A leaf lies at its spot.
    fn held(&mut self, file: FileKey, leaf: LeafAt, recorder: &Recorder) -> Result<(), FetchError>;

    /// All bytes of the file are there.
    fn close(&mut self, file: FileKey, recorder: &Recorder) -> Result<(), FetchError>;

    /// The file can't be had whole: nothing of it stays.
    fn abandon(&mut self, file: FileKey);

    /// A symlink is to be there. `false`: it can't be made there.
    fn symlink(&mut self, path: &Path, target: &Path) -> Result<bool, FetchError>;
}

/// A file of the item, as it begins.
#[derive(Debug)]
pub(crate) struct ItemFile {
    pub(crate) key: FileKey,
    pub(crate) path: PathBuf,
    /// As the item names it, for people.
    pub(crate) name: String,
    pub(crate) root: Cid,
    pub(crate) size: u64,
    pub(crate) meta: Metadata,
    /// The record of it from an earlier run.
    pub(crate) known: Option<FileRecord>,
}

impl ItemFile {
    pub(crate) fn part(&self) -> Part {
        let known = self.known.as_ref().map(|known| known.id);
        let (path, name) = (self.path.clone(), self.name.clone());
        Part::new(self.key, path, name, self.size, self.root, known)
    }
}

/// Why a run ended before all was there.
#[derive(Debug)]
pub(crate) enum Halt<D> {
    Failed(FetchError),
    /// What is at the place is something else.
    Different(D),
}

impl<D> From<FetchError> for Halt<D> {
    fn from(error: FetchError) -> Self {
        Self::Failed(error)
    }
}

impl<D> From<Fault> for Halt<D> {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault.into())
    }
}

impl<D> From<IndexError> for Halt<D> {
    fn from(error: IndexError) -> Self {
        Self::Failed(error.into())
    }
}

impl<D> From<io::Error> for Halt<D> {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// How a run of the worker ended, and how far it was then.
#[derive(Debug)]
pub(crate) struct Run<D> {
    pub(crate) totals: Totals,
    pub(crate) result: Result<Whole, Halt<D>>,
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
    /// Files that others have changed meanwhile: they are not known to be whole.
    pub(crate) touched: Vec<PathBuf>,
}

/// Works on a download until it is whole at `base`, its file or folder. `own`: what it may write to.
pub(crate) fn run<P: Place>(
    download: &Download,
    channels: &mut Channels,
    base: &Path,
    own: Option<&Arc<Own>>,
    place: &mut P,
) -> Result<Run<P::Different>, FetchError> {
    let Download {
        index,
        source,
        item,
        ..
    } = download;
    let folder = base.parent().unwrap_or(base);
    let selection = Selection::new(&item.wanted.select, &item.wanted.leave)?;
    let plan = Plan::new(download.root, selection, Rules::of(folder))?;
    let plan = plan.unfolding(item.options.unfold);
    let supply = Supply::open(&download.origin, channels)?;
    let waker = channels.waker.clone();
    let wake = move || waker.wake();
    let recorder = Recorder::start(
        index.clone(),
        item.id,
        base.to_path_buf(),
        own.cloned(),
        wake,
    )?;
    let mut worker = Worker {
        download,
        channels,
        place,
        plan,
        steering: Arc::default(),
        supply,
        seeker: Seeker::new(index.clone(), source.clone(), item.id, base),
        recorder,
        known: HashMap::new(),
        parked: Vec::new(),
        flushed: false,
        skipped: item.begun.car.iter().filter_map(Car::told).collect(),
        is_file: false,
        left_out: None,
        is_folder: false,
        any_link: false,
        begins: own.is_some(),
        noted: None,
    };
    let result = worker.work(base);
    if matches!(result, Err(Halt::Failed(FetchError::Content(_)))) {
        worker.keep_rest()?;
    }
    // What was written until now is worth recording even if something failed.
    let recorded = worker.recorder.finish();
    let totals = worker.plan.totals();
    if own.is_some() {
        // What is shown of it at rest is what the next start knows.
        let _ = note(download, totals).wait();
    }
    let whole = |(recorded, touched)| Whole {
        totals,
        skipped: worker.skipped,
        is_file: worker.is_file,
        recorded,
        touched,
    };
    let result = result.and_then(|()| Ok(whole(recorded?)));
    Ok(Run { totals, result })
}

struct Worker<'a, P> {
    download: &'a Download,
    channels: &'a mut Channels,
    place: &'a mut P,
    plan: Plan,
    steering: Arc<Steering>,
    supply: Supply,
    seeker: Seeker,
    recorder: Recorder,
    /// Files of an earlier run in the folders that are open now.
    known: HashMap<PathBuf, FileRecord>,
    /// Wants for blocks that are on their way into the index.
    parked: Vec<Sought>,
    /// The record knows that they are waited for.
    flushed: bool,
    skipped: Vec<Skipped>,
    /// What was left out first, and how much was.
    left_out: Option<(Skipped, u64)>,
    is_file: bool,
    is_folder: bool,
    /// A symlink is there.
    any_link: bool,
    /// It has not been told yet where it is written.
    begins: bool,
    /// When it was kept last how far it is.
    noted: Option<Instant>,
}

/// Keeps how far a download is.
fn note(download: &Download, totals: Totals) -> Pending<()> {
    let Totals {
        bytes, files, done, ..
    } = totals;
    let id = download.item.id;
    download.index.note_progress(id, bytes, files, done)
}

/// A wanted block, before it is known whether it is here.
struct Sought {
    cid: Cid,
    node: bool,
    rank: Rank,
    bytes: Option<u32>,
    spot: Option<Spot>,
}

impl<P: Place> Worker<'_, P> {
    fn work(&mut self, base: &Path) -> Result<(), Halt<P::Different>> {
        if let Some(folder) = base.parent() {
            self.load_known(folder)?;
        }
        loop {
            self.hear_wishes();
            self.take_steps()?;
            self.tell();
            self.note();
            if self.parked.is_empty() && self.plan.is_done()? {
                return Ok(self.check_any()?);
            }
            if self.take_recorded()? {
                continue;
            }
            if !self.parked.is_empty() && !self.flushed {
                self.flushed = true;
                self.recorder.flush()?;
            }
            match self.supply.next(self.channels)? {
                Event::Wake => {}
                Event::Block { cid, data } => {
                    let bytes = data.len() as u64;
                    self.plan.block(&cid, &data)?;
                    drop(data);
                    self.take_steps()?;
                    self.channels.send(Command::Release(bytes))?;
                }
            }
        }
    }

    /// That all of it was left out is no success.
    fn check_any(&self) -> Result<(), FetchError> {
        if self.plan.totals().files > 0 || self.any_link {
            return Ok(());
        }
        match self.left_out.clone() {
            Some((first, count)) => Err(FetchError::LeftOut { first, count }),
            None => Ok(()),
        }
    }

    /// Changes what comes first, and says what is asked for, if somebody wished so.
    fn hear_wishes(&mut self) {
        let (steering, asked) = self.download.wishes.hear();
        if !Arc::ptr_eq(&steering, &self.steering) {
            self.plan.steer(&steering);
            self.steering = steering;
        }
        if asked.is_empty() {
            return;
        }
        let parts = self.plan.asked_parts().into_iter();
        let part = |(path, offset, bytes)| Asked {
            path,
            offset,
            bytes,
        };
        let answer = Waiting {
            parts: parts.map(part).collect(),
            files: self.plan.missing(),
        };
        for reply in asked {
            // Whoever asked may be gone.
            let _ = reply.send(answer.clone());
        }
    }

    /// What came before the fault is kept, the block with the fault too.
    fn keep_rest(&mut self) -> Result<(), FetchError> {
        for (cid, data) in self.plan.take_kept() {
            self.recorder.keep(cid, data)?;
        }
        Ok(())
    }

    /// Does everything that can be done without the network.
    fn take_steps(&mut self) -> Result<(), Halt<P::Different>> {
        loop {
            let mut wants = Vec::new();
            while wants.len() < WANT_BATCH {
                match self.plan.next()? {
                    Some(Step::Want {
                        cid,
                        node,
                        rank,
                        bytes,
                        spot,
                    }) => wants.push(Sought {
                        cid,
                        node,
                        rank,
                        bytes,
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
    fn look_for(&mut self, wants: Vec<Sought>) -> Result<(), Halt<P::Different>> {
        let mut missing = Vec::new();
        for sought in wants {
            self.channels.check_stop()?;
            let Sought {
                cid,
                node,
                rank,
                bytes,
                ..
            } = sought;
            let spot = sought.spot.as_ref();
            match self.find(&cid, spot)? {
                Found::Here(bytes) => self.plan.held(&cid, bytes)?,
                Found::Elsewhere(data) => self.plan.block(&cid, &data)?,
                Found::Soon => self.parked.push(sought),
                Found::Nowhere => missing.push(Wanted {
                    cid,
                    node,
                    bytes,
                    rank,
                }),
            }
        }
        Ok(self.supply.want(missing, self.channels)?)
    }

    fn find(&self, cid: &Cid, spot: Option<&Spot>) -> Result<Found, Halt<P::Different>> {
        if self.recorder.is_pending(cid) {
            return Ok(Found::Soon);
        }
        if let Some(spot) = spot {
            let path = self.seeker.path(&spot.path);
            if let Some(bytes) = self.place.look(cid, &path, spot)? {
                return Ok(Found::Here(bytes));
            }
        }
        Ok(self.seeker.find(cid, spot)?)
    }

    fn take_step(&mut self, step: Step) -> Result<(), Halt<P::Different>> {
        match step {
            // Collected by the caller.
            Step::Want { .. } => Ok(()),
            Step::Hurry(cids) => Ok(self.supply.hurry(cids, self.channels)?),
            Step::Folder { path, meta } => {
                self.is_folder = true;
                let path = self.seeker.path(&path);
                self.place.folder(&path, meta)?;
                self.begun(&path)?;
                Ok(self.load_known(&path)?)
            }
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
            } => {
                let recorder = &mut self.recorder;
                self.place.write(file, offset, &data, block, recorder)
            }
            Step::Held {
                file,
                offset,
                bytes,
                cid,
            } => {
                let leaf = LeafAt {
                    cid,
                    offset,
                    len: u32::try_from(bytes).unwrap_or(u32::MAX),
                    framed: cid.codec() != cid::RAW,
                };
                Ok(self.place.held(file, leaf, &self.recorder)?)
            }
            Step::Keep { cid, data } => Ok(self.recorder.keep(cid, data)?),
            Step::Close { file } => Ok(self.place.close(file, &self.recorder)?),
            Step::Symlink { path, target } => {
                if self.place.symlink(&self.seeker.path(&path), &target)? {
                    self.any_link = true;
                } else {
                    let reason = "symlinks cannot be made there".to_owned();
                    self.leave_out(path.name.clone(), reason);
                }
                Ok(())
            }
            Step::Abandon { file } => {
                self.place.abandon(file);
                Ok(())
            }
            Step::Skip { path, reason } => {
                self.leave_out(path, reason);
                Ok(())
            }
            Step::Renamed { path } => {
                let name = path.local.file_name().unwrap_or_default();
                let reason = format!("{}{}", Skipped::SAVED_AS, name.display());
                self.skip(path.name.clone(), reason);
                Ok(())
            }
        }
    }

    fn open(
        &mut self,
        key: FileKey,
        path: &ItemPath,
        root: Cid,
        size: u64,
        meta: Metadata,
    ) -> Result<(), Halt<P::Different>> {
        let is_item = path.name.is_empty();
        let name = if is_item {
            &self.download.item.name
        } else {
            &path.name
        };
        let path = self.seeker.path(path);
        let known = self.known.remove(&path);
        let file = ItemFile {
            key,
            path,
            name: name.clone(),
            root,
            size,
            meta,
            known,
        };
        let base = is_item.then(|| file.path.clone());
        self.place.open(file)?;
        if let Some(base) = base {
            self.begun(&base)?;
        }
        self.is_file |= is_item;
        Ok(())
    }

    /// The item's own file or folder comes before anything in it.
    fn begun(&mut self, base: &Path) -> Result<(), FetchError> {
        if std::mem::take(&mut self.begins) {
            self.channels.send(Command::Begun(base.to_path_buf()))?;
        }
        Ok(())
    }

    /// Learns what an earlier run recorded of the files in a folder.
    fn load_known(&mut self, folder: &Path) -> Result<(), FetchError> {
        let Download { index, item, .. } = self.download;
        let files = index.files_in(item.id, folder)?;
        self.known
            .extend(files.into_iter().map(|file| (file.path.clone(), file)));
        Ok(())
    }

    fn leave_out(&mut self, path: String, reason: String) {
        let skipped = Skipped { path, reason };
        let (first, count) = self.left_out.take().unwrap_or((skipped.clone(), 0));
        self.left_out = Some((first, count + 1));
        self.skip(skipped.path, skipped.reason);
    }

    fn skip(&mut self, path: String, reason: String) {
        if self.skipped.len() < store::limits::MAX_SKIPPED {
            self.skipped.push(Skipped { path, reason });
        }
    }

    /// Tells the network what can be served, and looks again for what waited for that. `true`:
    /// there is something to do.
    fn take_recorded(&mut self) -> Result<bool, Halt<P::Different>> {
        let recorded = self.recorder.take_recorded()?;
        if recorded.is_empty() {
            return Ok(false);
        }
        self.flushed = false;
        self.channels.send(Command::Have(recorded))?;
        let parked = std::mem::take(&mut self.parked);
        let any = !parked.is_empty();
        self.look_for(parked)?;
        Ok(any)
    }

    /// Keeps how far it is, for the next start.
    fn note(&mut self) {
        let now = Instant::now();
        if self.noted.is_some_and(|last| now < last + NOTE_EVERY) {
            return;
        }
        self.noted = Some(now);
        // Not waited for: it is told again soon.
        drop(note(self.download, self.plan.totals()));
    }

    fn tell(&self) {
        *self.channels.progress.lock() = Progress {
            totals: self.plan.totals(),
            waiting: self.supply.waiting(),
            folder: self.is_folder,
        };
    }
}
