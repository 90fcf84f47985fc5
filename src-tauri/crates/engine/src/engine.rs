//! The door: one running engine on one data directory, and everything that can be asked of it.
//!
//! Each call is short here and done elsewhere; what takes long answers at once with an item's number, and its progress is
//! pulled from [`Engine::changes`].

mod diagnostics;
mod people;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use unixfs::{Cid, Profile};

use self::diagnostics::Facts;
use crate::api::Changes;
use crate::api::SettingView;
use crate::api::{
    Action, CheckView, DownloadRequest, EntryView, NetworkView, PeerView, PersonView, Report,
    ShareRequest, Standing,
};
use crate::api::{ItemId, ItemView};
use crate::api::{LibraryRequest, LibraryView};
use crate::error::EngineError;
use crate::fetch::{self, FetchContext};
use crate::index::{self, Index, ItemKind, ItemOptions, ItemRecord, NewItem};
use crate::inside::Inside;
use crate::items::board::Activity;
use crate::items::supervisor::{Context, Jobs};
use crate::library::{self, Control, Progress, Source};
use crate::limits::{MAX_NAME_BYTES, MAX_WAITING_DOUBTS};
use crate::link::Link;
use crate::list::Library;
use crate::look;
use crate::net::Net;
use crate::net::status::Summary;
use crate::paths::DataDir;
use crate::rates::Meter;
use crate::settings::schedule::{self, Limits, Schedule};
use crate::settings::{Config, Settings};
use crate::util::{blocking, now_unix};

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    pub data_dir: PathBuf,
    /// Without a network nothing is served, found or fetched; what is known can be looked at and changed.
    pub network: bool,
}

/// A running engine; clones are handles on the same one.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    context: Context,
    jobs: Jobs,
    settings: Arc<Mutex<Settings>>,
    /// Tells of other settings.
    set: Arc<Notify>,
    /// End with the last handle.
    _tasks: JoinSet<()>,
    library: Arc<Library>,
    /// Where the damaged index lies that this start replaced.
    recovered: Option<PathBuf>,
    /// Held until the last handle goes.
    _dir: DataDir,
}

impl Engine {
    /// Takes the data directory, opens what is in it, joins the network and takes up every item where it was left.
    pub async fn start(options: Options) -> Result<Self, EngineError> {
        let dir = DataDir::lock(&options.data_dir)?;
        let settings = Settings::load(dir.settings(), |name| std::env::var(name).ok())?;
        let path = dir.path().to_owned();
        let opened = blocking(move || Index::open(&path)).await??;
        let index = opened.index;
        let (doubts, doubted) = mpsc::channel(MAX_WAITING_DOUBTS);
        // A report that finds no room comes again with the next read of the file.
        let source = Source::new(index.clone(), move |doubt| {
            let _ = doubts.try_send(doubt);
        });
        let net = if options.network {
            Some(join(&dir, &settings, &source, &index).await?)
        } else {
            None
        };
        let context = Context {
            index,
            source,
            net,
            activity: Activity::default(),
            inside: Inside::default(),
        };
        let jobs = Jobs::start(context.clone(), opened.items, doubted).await?;
        let mut tasks = JoinSet::new();
        let library = Arc::new(new_library(&context, &jobs, &mut tasks));
        if options.network {
            let library = Arc::clone(&library);
            tasks.spawn_blocking(move || library.prepare());
        }
        let (settings, set) = (Arc::new(Mutex::new(settings)), Arc::new(Notify::new()));
        if let Some(net) = &context.net {
            let (settings, set) = (Arc::clone(&settings), Arc::clone(&set));
            let read = move || limits(&lock(&settings).config());
            tasks.spawn(schedule::run(net.clone(), set, read));
        }
        let shared = Shared {
            context,
            jobs,
            settings,
            set,
            _tasks: tasks,
            library,
            recovered: opened.recovered,
            _dir: dir,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Where the damaged index lies that this start replaced, if it did. Shares are being hashed again then.
    pub fn recovered(&self) -> Option<&Path> {
        self.shared.recovered.as_deref()
    }

    pub fn peer_id(&self) -> Option<String> {
        Some(self.net().ok()?.peer_id().to_string())
    }

    /// Full addresses, with real ports and the peer's id.
    pub async fn listen_addrs(&self) -> Vec<String> {
        match self.net() {
            Ok(net) => net
                .listen_addrs()
                .await
                .iter()
                .map(ToString::to_string)
                .collect(),
            Err(_) => Vec::new(),
        }
    }

    /// Begins to share; answers at once.
    pub async fn share(&self, request: ShareRequest) -> Result<ItemId, EngineError> {
        let item = blocking(move || new_share(request)).await??;
        self.shared.jobs.add(item).await.map(ItemId::from)
    }

    /// Begins to fetch; answers at once.
    pub async fn download(&self, request: DownloadRequest) -> Result<ItemId, EngineError> {
        self.net()?;
        let folder = self.settings_lock().config().download_folder;
        let item = new_download(request, folder)?;
        self.shared.jobs.add(item).await.map(ItemId::from)
    }

    /// What changed since revision `since`, waiting up to `wait` for something to change.
    pub async fn changes(&self, since: u64, wait: Duration) -> Changes {
        self.shared.context.activity.changes(since, wait).await
    }

    /// The window's rows and all around them, once there is something new to see.
    pub async fn library(&self, request: &LibraryRequest) -> LibraryView {
        self.shared.library.view(request).await
    }

    /// All items, in the order in which they were made.
    pub fn items(&self) -> Vec<ItemView> {
        self.shared.context.activity.all()
    }

    pub fn item(&self, id: ItemId) -> Result<ItemView, EngineError> {
        let id = id.into();
        self.shared
            .context
            .activity
            .get(id)
            .ok_or(EngineError::UnknownItem(id))
    }

    /// More of an item than its row shows.
    pub async fn report(&self, id: ItemId) -> Result<Report, EngineError> {
        let path = self.item(id)?.path;
        let (index, id) = (self.index(), id.into());
        let skipped: Vec<index::Skipped> = blocking(move || index.skipped(id)).await??;
        let (sources, secs) = self.shared.jobs.sources(id).await?;
        Ok(Report {
            path,
            skipped: skipped.into_iter().map(Into::into).collect(),
            sources,
            secs,
        })
    }

    pub async fn act(&self, id: ItemId, action: Action) -> Result<(), EngineError> {
        self.shared.jobs.act(id.into(), action).await
    }

    /// Pauses everything, or ends that; what was paused by hand stays so. It is remembered over restarts.
    pub async fn pause_all(&self, pause: bool) -> Result<(), EngineError> {
        self.shared.jobs.pause_all(pause).await
    }

    /// What others see an item called from now on, in new links. Nothing on the disk changes its name.
    pub async fn rename(&self, id: ItemId, name: &str) -> Result<(), EngineError> {
        let name = name.trim();
        let is_bad = |letter: char| letter.is_control() || matches!(letter, '/' | '\\');
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(is_bad) {
            return Err(EngineError::BadName(name.to_owned()));
        }
        self.shared.jobs.rename(id.into(), name.to_owned()).await
    }

    /// Forgets an item. `delete_files` deletes what a download wrote and nobody changed since; never what was shared.
    pub async fn remove(&self, id: ItemId, delete_files: bool) -> Result<(), EngineError> {
        self.shared.jobs.remove(id.into(), delete_files).await
    }

    /// A link to an item, with the best few of the addresses at which this peer can be reached.
    pub async fn link(&self, id: ItemId) -> Result<String, EngineError> {
        let record = self.record(id).await?;
        let cid = record.root.ok_or(EngineError::NotReady(id.into()))?;
        let providers = match self.net() {
            Ok(net) => net.link_addrs().await,
            Err(_) => Vec::new(),
        };
        Ok(Link {
            filename: Some(record.shown_name().to_owned()),
            providers,
            ..Link::to(cid)
        }
        .to_string())
    }

    /// What is inside a link, without keeping any of it: a folder's entries, or the one file.
    pub async fn list(&self, link: &str) -> Result<Vec<EntryView>, EngineError> {
        let link = Link::from_str(link)?;
        let entries = look::list(&self.fetching()?, &link).await?;
        Ok(entries.into_iter().map(EntryView::from).collect())
    }

    /// A file's bytes in order, without keeping them. Dropping the receiver ends it.
    pub async fn cat(
        &self,
        link: &str,
    ) -> Result<mpsc::Receiver<Result<Bytes, fetch::FetchError>>, EngineError> {
        let link = Link::from_str(link)?;
        Ok(look::cat(self.fetching()?, link).await?)
    }

    /// Begins to unpack a CAR into the download folder, to be shared from there; answers at once.
    pub async fn import_car(&self, path: &Path) -> Result<ItemId, EngineError> {
        self.net()?;
        let folder = self.settings_lock().config().download_folder;
        let path = path.to_owned();
        let item = blocking(move || new_import(path, folder)).await??;
        self.shared.jobs.add(item).await.map(ItemId::from)
    }

    /// Writes an item's blocks into a new CAR file. Bytes written.
    pub async fn export_car(&self, id: ItemId, path: &Path) -> Result<u64, EngineError> {
        let record = self.record(id).await?;
        let root = record
            .root
            .filter(|_| record.done)
            .ok_or(EngineError::NotWhole(id.into()))?;
        let (source, path) = (self.shared.context.source.clone(), path.to_owned());
        Ok(blocking(move || fetch::car::export(&source, &root, &path)).await??)
    }

    pub async fn peers(&self) -> Result<Vec<PeerView>, EngineError> {
        Ok(self
            .net()?
            .peers()
            .await
            .into_iter()
            .map(PeerView::from)
            .collect())
    }

    pub async fn network(&self) -> Result<NetworkView, EngineError> {
        Ok(self.net()?.network().await?.into())
    }

    /// Tests whether others can get here; takes up to a minute. `public`: the public checking service is asked too.
    pub async fn check(&self, public: bool) -> Result<CheckView, EngineError> {
        Ok(self.net()?.check(public).await?.into())
    }

    /// Every setting, with its meaning.
    pub fn settings(&self) -> Vec<SettingView> {
        self.settings_lock().all()
    }

    /// Trusts a peer, keeps away from it, or neither, from now on.
    pub async fn set_standing(&self, peer: &str, standing: Standing) -> Result<(), EngineError> {
        let peer: PeerId = peer
            .parse()
            .map_err(|_| EngineError::BadPeer(peer.to_owned()))?;
        let changes = self.settings_lock().standing(peer, standing);
        for (key, value) in changes {
            self.set_setting(key, &value).await?;
        }
        Ok(())
    }

    /// Keeps a setting. It counts at once, but for those that say "from the next start".
    pub async fn set_setting(&self, key: &str, value: &str) -> Result<(), EngineError> {
        let config = {
            let mut settings = self.settings_lock();
            settings.set(key, value)?;
            settings.config()
        };
        if let Ok(net) = self.net() {
            let (usual, schedule) = limits(&config);
            let limits = schedule::limits_now(usual, schedule);
            net.set_limits(limits.upload, limits.download).await;
            net.configure(config.net).await;
            self.shared.set.notify_one();
        }
        Ok(())
    }

    /// Who is connected, or who has to do with one item.
    pub async fn people(&self, id: Option<ItemId>) -> Result<Vec<PersonView>, EngineError> {
        let item = id.map(|id| self.item(id)).transpose()?;
        match self.net() {
            Ok(net) => Ok(people::people(net, item.as_ref()).await),
            Err(_) => Ok(Vec::new()),
        }
    }

    /// A report for whoever helps: numbers and codes, without names, paths or addresses.
    pub async fn diagnostics(&self) -> String {
        let network = self.network().await.ok();
        let rates = self.net().map(|net| net.meter().rates());
        diagnostics::report(&Facts {
            items: &self.items(),
            network: network.as_ref(),
            rates: &rates.unwrap_or_default(),
            is_paused: *self.shared.jobs.paused().borrow(),
            settings: &self.settings_lock().told_to_strangers(),
        })
    }

    /// Stops all jobs where they can go on later, then leaves the network.
    pub async fn shutdown(self) {
        self.shared.jobs.shutdown().await;
        if let Some(net) = &self.shared.context.net {
            net.clone().shutdown().await;
        }
        // Other handles may outlive this one, so that nothing else would close it before the process ends.
        let index = self.index();
        let _ = tokio::task::spawn_blocking(move || index.close()).await;
    }

    pub(crate) async fn record(&self, id: ItemId) -> Result<ItemRecord, EngineError> {
        let (index, id) = (self.index(), id.into());
        blocking(move || index.item(id))
            .await??
            .ok_or(EngineError::UnknownItem(id))
    }

    pub(crate) fn jobs(&self) -> &Jobs {
        &self.shared.jobs
    }

    pub(crate) fn download_folder(&self) -> PathBuf {
        self.settings_lock().config().download_folder
    }

    pub(crate) fn context(&self) -> &Context {
        &self.shared.context
    }

    pub(crate) fn index(&self) -> Index {
        self.shared.context.index.clone()
    }

    fn net(&self) -> Result<&Net, EngineError> {
        self.shared.context.net.as_ref().ok_or(EngineError::Offline)
    }

    fn fetching(&self) -> Result<FetchContext, EngineError> {
        self.shared.context.fetching()
    }

    fn settings_lock(&self) -> MutexGuard<'_, Settings> {
        lock(&self.shared.settings)
    }
}

fn lock(settings: &Mutex<Settings>) -> MutexGuard<'_, Settings> {
    // Settings are replaced whole: a panic elsewhere leaves none half-set.
    settings.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The usual limits, and when there are others.
fn limits(config: &Config) -> (Limits, Option<Schedule>) {
    let usual = Limits {
        upload: config.net.limits.upload,
        download: config.net.limits.download,
    };
    (usual, config.schedule)
}

/// A content address and the bytes behind it: reads the files, and keeps and sends nothing. Blocks.
pub fn compute_cid(
    paths: &[PathBuf],
    profile: Option<&str>,
    hidden: bool,
) -> Result<(String, u64), EngineError> {
    let profile = profile_named(profile)?;
    let (progress, control) = (Progress::default(), Control::default());
    let computed = library::compute(paths, profile, hidden, &progress, &control)?;
    Ok((computed.root.to_string(), computed.bytes))
}

fn profile_named(name: Option<&str>) -> Result<Profile, EngineError> {
    let Some(name) = name else {
        return Ok(Profile::V1_2025);
    };
    name.parse()
        .map_err(|_| EngineError::UnknownProfile(name.to_owned()))
}

/// Begins to measure rates, where there is a network for bytes to move through.
fn new_library(context: &Context, jobs: &Jobs, tasks: &mut JoinSet<()>) -> Library {
    let activity = context.activity.clone();
    let (meter, summary) = match &context.net {
        Some(net) => (net.meter().clone(), net.summary()),
        None => (Meter::default(), watch::channel(Summary::default()).1),
    };
    tasks.spawn(meter.clone().run(activity.clone()));
    Library::new(activity, meter, summary, jobs.paused())
}

async fn join(
    dir: &DataDir,
    settings: &Settings,
    source: &Source,
    index: &Index,
) -> Result<Net, EngineError> {
    let config = settings.config();
    let identity = crate::net::identity(&dir.identity())?;
    Ok(Net::start(config.net, identity, source.clone(), index.clone()).await?)
}

fn new_share(request: ShareRequest) -> Result<NewItem, EngineError> {
    let first = request.paths.first().ok_or(EngineError::NothingToShare)?;
    let mut folder = request.paths.len() > 1;
    for path in &request.paths {
        let found = fs_err::symlink_metadata(path).map_err(|source| EngineError::Unreadable {
            path: path.clone(),
            source,
        })?;
        folder |= found.is_dir();
    }
    let profile = profile_named(request.profile.as_deref())?;
    let own = first
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let several = || format!("{} files", request.paths.len());
    let name = match (request.name, request.paths.len()) {
        (Some(name), _) => name,
        (None, 1) => own.unwrap_or_else(|| first.to_string_lossy().into_owned()),
        (None, _) => several(),
    };
    let options = ItemOptions {
        hidden: request.hidden,
        announce: request.announce.into(),
        folder,
        ..ItemOptions::default()
    };
    Ok(NewItem {
        kind: ItemKind::Share,
        name,
        root: None,
        link: None,
        profile: profile.name.to_owned(),
        created: now_unix(),
        into: None,
        sources: request.paths,
        select: Vec::new(),
        providers: Vec::new(),
        options,
        part: None,
    })
}

fn new_download(request: DownloadRequest, folder: PathBuf) -> Result<NewItem, EngineError> {
    let link = Link::from_str(&request.link)?;
    for provider in &request.providers {
        Multiaddr::from_str(provider).map_err(|_| EngineError::BadAddress(provider.clone()))?;
    }
    let hinted = link.providers.iter().map(ToString::to_string);
    let providers = request.providers.into_iter().chain(hinted).collect();
    let place = Link {
        filename: None,
        providers: Vec::new(),
        ..link.clone()
    };
    let root = link.path.is_empty().then_some(link.cid);
    Ok(NewItem {
        link: Some(place.to_string()),
        select: request.select,
        providers,
        ..download(link.name(), root, request.into.unwrap_or(folder))
    })
}

/// A CAR is unpacked like a download whose only peer is the file; where that lies is what its item begins with.
fn new_import(car: PathBuf, folder: PathBuf) -> Result<NewItem, EngineError> {
    let root = fetch::car::root(&car)?;
    let name = car
        .file_stem()
        .map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| root.to_string());
    Ok(NewItem {
        sources: vec![car],
        ..download(name, Some(root), folder)
    })
}

fn download(name: String, root: Option<Cid>, into: PathBuf) -> NewItem {
    NewItem {
        kind: ItemKind::Download,
        name,
        root,
        link: None,
        profile: String::new(),
        created: now_unix(),
        into: Some(into),
        sources: Vec::new(),
        select: Vec::new(),
        providers: Vec::new(),
        options: ItemOptions::default(),
        part: None,
    }
}

#[cfg(test)]
mod tests;
