//! The jobs themselves: hashing a share, fetching a download, checking either, and removing an
//! item.
//!
//! Each runs as one task that [`super::supervisor`] started, says how far it is to a [`Reporter`],
//! and returns what became of the item. Stopped jobs leave what they did on record, so that the
//! next one goes on there.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use unixfs::Profile;

use super::board::{Content, Reporter};
use super::{Context, ItemError, known, trouble};
use crate::api::{Checked, Problem, Removed, Retry, SourceView, State};
use crate::faults::{Part, guarded};
use crate::fetch::{self, FetchError, Sent};
use crate::items::limits::MAX_SENDERS;
use crate::util::{blocking, ended};
use store::files::{exists, text_path};
use store::index::{Index, IndexError, ItemId, ItemKind, ItemRecord, ItemState, Skipped};
use store::{
    self, Control, Depth, ImportError, ImportRequest, Progress, ScanError, ScanReport, Snapshot,
    deletion,
};

/// How often progress is written into the view: readers pull at most four times a second.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// What can be done for an item, one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// Make it whole: hash a share, fetch a download.
    Whole,
    /// Read every byte again and compare.
    Verify,
    /// Compare the fingerprints of its files, without reading them.
    Scan,
}

/// What became of a job.
#[derive(Debug)]
pub(crate) enum Ended {
    Whole {
        sources: Vec<SourceView>,
        /// Nothing had to be fetched.
        was_here: bool,
    },
    /// It is not whole, and was looked at as far as it is here.
    Checked(Checked),
    Stopped,
    Problem(Problem),
}

impl Ended {
    fn whole() -> Self {
        Self::Whole {
            sources: Vec::new(),
            was_here: false,
        }
    }

    /// What a check has found, if it came so far and the person need not decide.
    pub(super) fn checked(&self) -> Option<Checked> {
        match self {
            Self::Whole { .. } => Some(Checked {
                whole: true,
                ..Checked::default()
            }),
            Self::Checked(checked) => Some(*checked),
            Self::Stopped | Self::Problem(_) => None,
        }
    }
}

impl Job {
    /// The job that an item still needs, if it needs one.
    pub(crate) fn to_finish(record: &ItemRecord) -> Option<Self> {
        (!record.done).then_some(Self::Whole)
    }

    /// The state that the item is shown in meanwhile. A scan is too quick to be shown.
    pub(crate) fn state(self, kind: ItemKind) -> Option<State> {
        match (self, kind) {
            (Self::Whole, ItemKind::Share) => Some(State::Hashing),
            (Self::Whole, ItemKind::Download) => Some(State::Finding),
            (Self::Verify, _) => Some(State::Verifying),
            (Self::Scan, _) => None,
        }
    }
}

/// Does the job, and says what became of it. A fault in it is a problem of this item.
pub(crate) async fn run(
    context: Context,
    record: ItemRecord,
    job: Job,
    stop: CancellationToken,
) -> Ended {
    let faults = context.faults.clone();
    guarded(work(context, record, job, stop))
        .await
        .unwrap_or_else(|fault| {
            faults.note(Part::Job, fault.clone());
            Ended::Problem(fault.problem())
        })
}

async fn work(context: Context, record: ItemRecord, job: Job, stop: CancellationToken) -> Ended {
    context.faults.may_break(Part::Job);
    let report = context.board.reporter(record.id, stop.clone());
    let result = match (job, record.kind) {
        (Job::Whole, ItemKind::Share) => hash(&context, &record, &report, stop).await,
        (Job::Whole, ItemKind::Download) => fetch(&context, record, &report, stop).await,
        (Job::Verify, _) => verify(&context, &record, &report, stop).await,
        (Job::Scan, _) => scan(&context, &record, stop).await,
    };
    result.unwrap_or_else(|error| match error {
        ItemError::Import(ImportError::Stopped(_))
        | ItemError::Scan(ScanError::Stopped(_))
        | ItemError::Fetch(FetchError::Stopped) => Ended::Stopped,
        error => Ended::Problem(error.problem()),
    })
}

async fn hash(
    context: &Context,
    record: &ItemRecord,
    report: &Reporter,
    stop: CancellationToken,
) -> Result<Ended, ItemError> {
    let profile: Profile = record
        .profile
        .parse()
        .map_err(|_| ItemError::UnknownProfile(record.profile.clone()))?;
    let request = ImportRequest {
        item: record.id,
        paths: record.sources.clone(),
        profile,
        hidden: record.options.hidden,
        metadata: record.options.metadata,
    };
    // What is mounted nowhere looks like an empty folder.
    if let Some(disk) = fetch::missing_disk(record) {
        return Err(FetchError::DiskMissing(disk.clone()).into());
    }
    let index = context.index.clone();
    let progress = Arc::new(Progress::default());
    let imported = watched(report, &progress, stop, move |progress, control| {
        store::import(&index, &request, progress, control)
    })
    .await?;
    if imported.is_err() {
        keep_progress(context, record.id, progress.get()).await?;
    }
    let imported = imported?;
    report.found(Content {
        root: imported.root,
        bytes: imported.bytes,
        files: imported.files,
        skipped: left_out(&imported.skipped),
        place: None,
    });
    context.shared_changed();
    Ok(Ended::whole())
}

fn left_out(skipped: &[Skipped]) -> u64 {
    let left_out = skipped.iter().filter(|skipped| skipped.is_left_out());
    left_out.count() as u64
}

async fn fetch(
    context: &Context,
    record: ItemRecord,
    report: &Reporter,
    stop: CancellationToken,
) -> Result<Ended, ItemError> {
    let fetching = context.fetching()?;
    let told = report.clone();
    let tell: fetch::Tell = Box::new(move |report| told.fetching(report));
    let (sent, began) = (Sent::default(), Instant::now());
    let fetched = match car_of(&record).await? {
        Some(car) => fetch::import(fetching, record.clone(), car, tell, stop).await,
        None => fetch::run(fetching, record.clone(), tell, sent.clone(), stop).await,
    };
    let sources = named(context, &sent).await;
    keep_work(context, &record, &sources, began.elapsed()).await;
    let fetched = fetched?;
    let folder = keep_kind(context, record.id, fetched.path.clone()).await?;
    report.found(Content {
        root: fetched.root,
        bytes: fetched.bytes,
        files: fetched.files,
        skipped: left_out(&fetched.skipped),
        place: Some((fetched.path.clone(), folder)),
    });
    context.shared_changed();
    Ok(Ended::Whole {
        sources,
        was_here: fetched.was_there,
    })
}

/// Puts on record how far the first hashing of a share has come, for those who look at it after a restart.
async fn keep_progress(context: &Context, id: ItemId, now: Snapshot) -> Result<(), ItemError> {
    let index = context.index.clone();
    let total = now.bytes_found.max(now.bytes_done);
    let keep = move || index.note_progress(id, total, now.files_found, now.bytes_done);
    Ok(blocking(move || keep().wait()).await??)
}

/// Who sent how much in one run, most first: gateways by their addresses.
async fn named(context: &Context, sent: &Sent) -> Vec<SourceView> {
    let gateways = match &context.net {
        Some(net) => net.gateways().await,
        None => HashMap::new(),
    };
    let view = |(peer, bytes): (libp2p::PeerId, u64)| SourceView {
        peer: gateways
            .get(&peer)
            .cloned()
            .unwrap_or_else(|| peer.to_string()),
        bytes,
    };
    sent.list().into_iter().map(view).collect()
}

/// Puts on record what a run of a download took, for those who look at it after a restart.
async fn keep_work(context: &Context, record: &ItemRecord, sources: &[SourceView], took: Duration) {
    if record.done && sources.is_empty() {
        return;
    }
    let took = if record.done { Duration::ZERO } else { took };
    let (index, id, sources) = (context.index.clone(), record.id, sources.to_vec());
    let change = move |record: &mut ItemRecord| {
        let work = &mut record.begun.work;
        work.millis += u64::try_from(took.as_millis()).unwrap_or(u64::MAX / 2);
        for SourceView { peer, bytes } in sources {
            match work.sources.iter_mut().find(|(known, _)| *known == peer) {
                Some((_, sent)) => *sent += bytes,
                None => work.sources.push((peer, bytes)),
            }
        }
        work.sources
            .sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        work.sources.truncate(MAX_SENDERS);
    };
    let kept = blocking(move || index.update_item(id, change)).await;
    if let Err(error) = kept.map_err(ItemError::from).and_then(|kept| Ok(kept?)) {
        tracing::debug!(%id, %error, "who sent what is not kept");
    }
}

/// The CAR that an item is unpacked from. If that is gone and the item was whole once, others may have it.
async fn car_of(record: &ItemRecord) -> Result<Option<PathBuf>, ItemError> {
    if record.link.is_some() {
        return Ok(None);
    }
    let (car, place, root) = (
        record.begun.car.clone(),
        record.sources.first().cloned(),
        record.root,
    );
    let found = move || match (car, place) {
        (Some(car), Some(_)) if !exists(&car.path) => None,
        (Some(car), _) => Some(car.path),
        (None, place) => place.filter(|place| fetch::car::names(place, root)),
    };
    Ok(blocking(found).await?)
}

/// Puts on record whether a download is a folder, which no link tells.
async fn keep_kind(context: &Context, id: ItemId, path: PathBuf) -> Result<bool, ItemError> {
    let index = context.index.clone();
    blocking(move || {
        let folder = path.is_dir();
        if folder {
            index.update_item(id, |record| record.options.folder = true)?;
        }
        Ok(folder)
    })
    .await?
}

/// Reads the item's files again: do they still hold what they did?
async fn verify(
    context: &Context,
    record: &ItemRecord,
    report: &Reporter,
    stop: CancellationToken,
) -> Result<Ended, ItemError> {
    let (index, id) = (context.index.clone(), record.id);
    let look = move |progress: &Progress, control: &Control| {
        store::scan(&index, id, Depth::Content, progress, control)
    };
    let progress = Arc::new(Progress::default());
    judge(
        context,
        record,
        watched(report, &progress, stop, look).await??,
    )
    .await
}

/// Looks at the fingerprints of the item's files: are they as they were?
async fn scan(
    context: &Context,
    record: &ItemRecord,
    stop: CancellationToken,
) -> Result<Ended, ItemError> {
    let (index, id) = (context.index.clone(), record.id);
    let look = move |progress: &Progress, control: &Control| {
        store::scan(&index, id, Depth::Fingerprints, progress, control)
    };
    judge(context, record, unwatched(stop, look).await??).await
}

/// What a look at an item's files means for the item.
async fn judge(
    context: &Context,
    record: &ItemRecord,
    found: ScanReport,
) -> Result<Ended, ItemError> {
    let (index, id) = (context.index.clone(), record.id);
    if !was_whole(record) {
        if found.wrong > 0 {
            let less = found.wrong;
            let change = move |record: &mut ItemRecord| {
                record.begun.here = record.begun.here.saturating_sub(less);
            };
            blocking(move || index.update_item(id, change)).await??;
        }
        return Ok(Ended::Checked(Checked {
            whole: false,
            here: found.here,
            wrong_blocks: found.wrong_blocks,
        }));
    }
    let Some(problem) = trouble::of(record, &found) else {
        let is_new = !record.done || record.begun.disks.is_empty();
        if is_new || matches!(record.state, ItemState::Problem(_)) {
            // Files that were away are back, and what the person was told of is over.
            blocking(move || index.update_item(id, sound)).await??;
        }
        let more = finished_since(context, record.id).await?;
        return Ok(more.map_or_else(Ended::whole, Ended::Problem));
    };
    if record.kind == ItemKind::Download && trouble::is_lasting(&problem) {
        // To resume the download means to fetch it again, beside the files that the person changed.
        blocking(move || index.set_item_done(id, false)).await??;
    }
    Ok(Ended::Problem(problem))
}

/// It is whole, or was once: of a download that was, the files that are not as they were are known.
fn was_whole(record: &ItemRecord) -> bool {
    let was = record.part.is_none() && !record.sources.is_empty() && record.bytes > 0;
    record.done || record.kind == ItemKind::Download && was
}

/// All files of an item are as they were.
fn sound(record: &mut ItemRecord) {
    record.done = true;
    if matches!(record.state, ItemState::Problem(_)) {
        record.state = ItemState::Active;
    }
    if record.begun.disks.is_empty() {
        record.begun.disks = known::disks(record.sources.iter().map(PathBuf::as_path));
    }
}

/// Whether there is more to share by now: what was left out because it was not whole then. Nothing changes by itself, for
/// another content has another link.
async fn finished_since(context: &Context, id: ItemId) -> Result<Option<Problem>, ItemError> {
    let index = context.index.clone();
    let mut whole = blocking(move || left_unfinished(&index, id)).await??;
    whole.retain(is_whole_now);
    let message = match whole.len() {
        0 => return Ok(None),
        1 => "1 file was unfinished when this was shared, and is whole now".to_owned(),
        more => format!("{more} files were unfinished when this was shared, and are whole now"),
    };
    Ok(Some(Problem {
        code: "finished-since".to_owned(),
        message,
        hint: Some(
            "Update it, or share it again, to share them too; that makes another link.".to_owned(),
        ),
        retry: Retry::User,
        subject: whole.first().map(|skipped| skipped.path.clone()),
        count: Some(whole.len() as u64),
        field: None,
    }))
}

/// What was left out of an item because it was a download that was not whole. Blocks.
pub(super) fn left_unfinished(index: &Index, id: ItemId) -> Result<Vec<Skipped>, IndexError> {
    let mut skipped = index.skipped(id)?;
    skipped.retain(|skipped| skipped.reason == store::UNFINISHED);
    Ok(skipped)
}

/// The whole file is there, and what stood for it is not. Blocks.
pub(super) fn is_whole_now(skipped: &Skipped) -> bool {
    let part = text_path(&skipped.path);
    let whole = store::finished_path(&part);
    !exists(&part) && whole.is_some_and(|path| exists(&path))
}

/// Forgets an item that is gone on record; with `delete_files`, what a download wrote goes too. Gives what of it stays.
pub(super) async fn remove(
    context: &Context,
    record: ItemRecord,
    delete_files: bool,
) -> Result<Removed, ItemError> {
    let index = context.index.clone();
    let source = context.source.clone();
    let removed = blocking(move || {
        let kept = deletion::remove(&index, &record, delete_files);
        // Deleted files give their space back only when they are closed.
        source.close_files();
        Removed::from(kept)
    })
    .await?;
    context.shared_changed();
    Ok(removed)
}

/// Runs blocking work on a thread for that, shows its progress, and stops it when the job is to
/// stop.
async fn watched<T: Send + 'static>(
    report: &Reporter,
    progress: &Arc<Progress>,
    stop: CancellationToken,
    work: impl FnOnce(&Progress, &Control) -> T + Send + 'static,
) -> Result<T, ItemError> {
    let control = Arc::new(Control::default());
    let mut task = tokio::task::spawn_blocking({
        let (progress, control) = (Arc::clone(progress), Arc::clone(&control));
        move || work(&progress, &control)
    });
    let mut ticks = tokio::time::interval(PROGRESS_EVERY);
    let mut stopping = false;
    loop {
        tokio::select! {
            result = &mut task => {
                report.progress(progress.get());
                return result.map_err(|error| ended(error).into());
            }
            () = stop.cancelled(), if !stopping => {
                control.stop();
                stopping = true;
            }
            _ = ticks.tick() => report.progress(progress.get()),
        }
    }
}

/// The same for work that is too quick to be shown.
async fn unwatched<T: Send + 'static>(
    stop: CancellationToken,
    work: impl FnOnce(&Progress, &Control) -> T + Send + 'static,
) -> Result<T, ItemError> {
    let control = Arc::new(Control::default());
    let worker = Arc::clone(&control);
    let mut task = tokio::task::spawn_blocking(move || work(&Progress::default(), &worker));
    let result = tokio::select! {
        result = &mut task => result,
        () = stop.cancelled() => {
            control.stop();
            task.await
        }
    };
    result.map_err(|error| ended(error).into())
}
