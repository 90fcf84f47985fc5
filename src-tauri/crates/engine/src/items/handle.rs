//! All that can be asked of items.
//!
//! What takes long answers at once. What is only looked up, or kept for the download under way, is
//! done here; what decides which item is worked on goes to the supervisor, one request after the
//! other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use store::limits::MAX_NAME_BYTES;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::choose::{self, Then};
use super::supervisor::{self, Command, Work};
use super::{Context, Hold, ItemError, new, relocate};
use crate::api::{
    Action, CarView, DownloadRequest, ItemView, PrioritizeRequest, RelocateRequest, Removed,
    Report, SelectRequest, ShareRequest, SourceView,
};
use crate::faults::Panicked;
use crate::fetch;
use crate::util::{Stopping, blocking};
use store::files::{Identity, Same};
use store::index::{Announce, Index, ItemId, ItemKind, ItemRecord, ItemState, NewItem};
use store::{Doubt, made};

/// A handle on all items.
#[derive(Debug, Clone)]
pub(crate) struct Items {
    context: Context,
    commands: mpsc::Sender<Command>,
    hold: Hold,
}

impl Items {
    /// Takes up every item where it was left, as `records` says.
    ///
    /// `doubted` says which files turned out not to be as they were when they were read for others.
    pub(crate) async fn start(
        context: Context,
        records: Vec<ItemRecord>,
        doubted: mpsc::Receiver<Doubt>,
    ) -> Result<Self, ItemError> {
        let (commands, changed) = supervisor::start(context.clone(), records, doubted).await?;
        Ok(Self {
            hold: Hold::new(context.index.serving().clone(), changed),
            commands,
            context,
        })
    }

    /// Begins to share.
    pub(crate) async fn share(&self, request: ShareRequest) -> Result<ItemId, ItemError> {
        let item = blocking(move || new::share(request)).await??;
        self.add(item).await
    }

    /// Begins to fetch, into that folder if none is asked for; others find it here as `announce` says.
    pub(crate) async fn download(
        &self,
        request: DownloadRequest,
        folder: PathBuf,
        announce: Announce,
    ) -> Result<ItemId, ItemError> {
        self.context.net()?;
        let mut item = blocking(move || new::fetched(request, folder)).await??;
        item.options.announce = announce;
        self.add(item).await
    }

    /// Begins to unpack what a CAR holds into a folder, once it is known what that is.
    pub(crate) async fn import_car(
        &self,
        car: PathBuf,
        folder: PathBuf,
    ) -> Result<CarView, ItemError> {
        self.context.net()?;
        let stop = CancellationToken::new();
        // Whoever asked may go: then nobody waits for it.
        let _guard = stop.clone().drop_guard();
        let (items, holds) = blocking(move || new::unpacked(&car, &folder, &stop)).await??;
        let mut ids = Vec::with_capacity(items.len());
        for item in items {
            ids.push(self.add(item).await?.into());
        }
        Ok(CarView {
            ids,
            left_out: holds.left_out.into_iter().map(Into::into).collect(),
            foreign: holds.foreign,
        })
    }

    /// Writes an item's blocks into a new CAR file. Bytes written.
    pub(crate) async fn export_car(&self, id: ItemId, path: PathBuf) -> Result<u64, ItemError> {
        let record = self.record(id).await?;
        let root = record.root.filter(|_| record.done);
        let root = root.ok_or(ItemError::NotWhole(id))?;
        let source = self.context.source.clone();
        Ok(blocking(move || fetch::car::export(&source, &root, &path)).await??)
    }

    pub(crate) fn view(&self, id: ItemId) -> Result<ItemView, ItemError> {
        let view = self.context.board.get(id);
        view.ok_or(ItemError::UnknownItem(id))
    }

    pub(crate) async fn record(&self, id: ItemId) -> Result<ItemRecord, ItemError> {
        let index = self.context.index.clone();
        let record = blocking(move || index.item(id)).await??;
        record.ok_or(ItemError::UnknownItem(id))
    }

    /// More of an item than its row shows.
    pub(crate) async fn report(&self, id: ItemId) -> Result<Report, ItemError> {
        let path = self.view(id)?.path;
        let index = self.context.index.clone();
        let work = self.work(id).await?;
        let asked = (work.last.was_here, path.clone());
        let look = move || {
            let undressed = match asked {
                (true, Some(path)) => is_undressed(&index, id, &path)?,
                _ => false,
            };
            let record = index.item(id)?.ok_or(ItemError::UnknownItem(id))?;
            let (skipped, also) = (index.skipped(id)?, store::also_at(&index, id)?);
            Ok::<_, ItemError>((skipped, also, undressed, record.begun.work))
        };
        let (skipped, also, undressed, took) = blocking(look).await??;
        let source = |(peer, bytes)| SourceView { peer, bytes };
        let missing = self.context.running.missing(id).await;
        Ok(Report {
            path,
            skipped: skipped.into_iter().map(Into::into).collect(),
            sources: took.sources.into_iter().map(source).collect(),
            secs: Duration::from_millis(took.millis).as_secs_f64(),
            last: work.last,
            undressed,
            also: also.into_iter().map(Into::into).collect(),
            missing,
            checks: work.checks,
            checked: work.checked,
            // The items know nobody.
            kept_away: Vec::new(),
        })
    }

    /// Chooses parts of a download, or leaves them out. A finished one goes on with what is new.
    pub(crate) async fn select(&self, request: SelectRequest) -> Result<(), ItemError> {
        let record = self.record(request.id.into()).await?;
        let (id, index) = (request.id.into(), self.context.index.clone());
        let source = self.context.source.clone();
        let select = move || choose::select(&index, &source, &record, &request);
        match blocking(select).await?? {
            Then::Nothing => Ok(()),
            Then::Again => self.again(id).await,
        }
    }

    /// Puts parts of a download first, or back in line.
    pub(crate) async fn prioritize(&self, request: PrioritizeRequest) -> Result<(), ItemError> {
        let record = self.record(request.id.into()).await?;
        let (id, index) = (request.id.into(), self.context.index.clone());
        let source = self.context.source.clone();
        let prioritize = move || choose::prioritize(&index, &source, &record, &request);
        let high = blocking(prioritize).await??;
        if let Some(download) = self.context.running.get(id) {
            download.high(high);
        }
        Ok(())
    }

    /// An item's files were moved, or an unfinished download is to go on in another folder.
    pub(crate) async fn relocate(&self, request: RelocateRequest) -> Result<(), ItemError> {
        let record = self.record(request.id.into()).await?;
        let (id, index) = (request.id.into(), self.context.index.clone());
        let state = record.state.clone();
        if state == ItemState::Active && !record.done {
            return Err(ItemError::NotAtRest(id));
        }
        let move_it = move || relocate::relocate(&index, &record, &request.path);
        let path = blocking(move_it).await??;
        self.context.board.lies_at(id, path);
        match state {
            ItemState::Paused => Ok(()),
            ItemState::Active => self.again(id).await,
            ItemState::Problem(_) => self.act(id, Action::Resume).await,
        }
    }

    /// Makes an item and starts its job. A download of what the same folder gets already goes on
    /// with that.
    async fn add(&self, item: NewItem) -> Result<ItemId, ItemError> {
        self.ask(|reply| Command::Add(Box::new(item), reply))
            .await?
    }

    pub(crate) async fn act(&self, id: ItemId, action: Action) -> Result<(), ItemError> {
        self.ask(|reply| Command::Act(id, action, reply)).await?
    }

    /// Whether everything is paused.
    pub(crate) fn hold(&self) -> Hold {
        self.hold.clone()
    }

    /// Pauses everything, or ends that. It is remembered over restarts.
    pub(crate) async fn pause_all(&self, pause: bool) -> Result<(), ItemError> {
        self.ask(|reply| Command::PauseAll(pause, reply)).await?
    }

    /// What others see an item called from now on. Nothing on the disk changes its name.
    pub(crate) async fn rename(&self, id: ItemId, name: &str) -> Result<(), ItemError> {
        let name = new::given_name(name)?;
        if name.len() > MAX_NAME_BYTES {
            return Err(ItemError::BadName(name));
        }
        self.ask(|reply| Command::Rename(id, name, reply)).await?
    }

    /// What is wanted of an item, or where it lies, is not what it was: it is worked on anew,
    /// unless it is paused or waits for the person.
    async fn again(&self, id: ItemId) -> Result<(), ItemError> {
        self.ask(|reply| Command::Again(id, reply)).await?
    }

    /// Answers once the item is gone, and its files if that was asked for.
    pub(crate) async fn remove(
        &self,
        id: ItemId,
        delete_files: bool,
    ) -> Result<Removed, ItemError> {
        self.ask(|reply| Command::Remove {
            id,
            delete_files,
            reply,
        })
        .await?
    }

    /// What it took to make an item whole, since the engine started.
    async fn work(&self, id: ItemId) -> Result<Work, ItemError> {
        self.ask(|reply| Command::Work(id, reply)).await
    }

    /// Stops all jobs; answers once they stopped.
    pub(crate) async fn shutdown(&self) {
        // An actor that is gone has no jobs left.
        let _ = self.ask(Command::Shutdown).await;
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, ItemError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| Stopping)?;
        answer.await.map_err(|_| {
            if self.commands.is_closed() {
                Stopping.into()
            } else {
                // Whoever answers goes on without this one.
                Panicked::unknown().into()
            }
        })
    }
}

/// Permissions and times are wanted of a download, and Shoal did not make what lies there. Blocks.
fn is_undressed(index: &Index, id: ItemId, path: &Path) -> Result<bool, ItemError> {
    let wanted = index
        .item(id)?
        .is_some_and(|record| record.kind == ItemKind::Download && record.options.metadata);
    if !wanted {
        return Ok(false);
    }
    let made = made::Made::open(index.dir(), id)?;
    Ok(Identity::at(path).is_ok_and(|there| made.has(&there) != Same::Yes))
}
