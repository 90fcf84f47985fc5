//! The door: one running engine on one data directory, and everything that can be asked of it.
//!
//! Each call is short here and done in the room that owns what it is about; what takes long answers
//! at once with an item's number, and its progress is pulled from [`Engine::changes`].

#[cfg(debug_assertions)]
mod breaking;
mod diagnostics;
mod kept_away;
mod people;
mod speed;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use libp2p::PeerId;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use self::diagnostics::Facts;
use crate::api::{
    AcceptRequest, Action, BannedView, CarView, Changes, CheckView, DevicesView, DownloadRequest,
    EntryView, FilesRequest, FilesView, InspectLinkRequest, InspectPathsRequest, InspectView,
    ItemId, ItemView, LibraryRequest, LibraryView, LinkCheck, LinkView, ListView, NetworkView,
    OffersView, OtherDevice, PathsView, PeerView, PersonView, PiecesView, PrioritizeRequest,
    Problem, RelocateRequest, Removed, Report, SelectRequest, SendRequest, SettingView,
    ShareRequest, Skipped, Standing,
};
use crate::devices::Devices;
use crate::error::{self, EngineError};
use crate::faults::{Faults, Part};
use crate::fetch::{self, FetchContext, FetchError, Running};
use crate::items::board::Board;
use crate::items::limits::MAX_WAITING_DOUBTS;
use crate::items::new::profile_named;
use crate::items::{self, Context, ItemError, Items};
use crate::link::{Link, LinkError};
use crate::list::Library;
use crate::look::{self, FileStat, Looks, Reading};
use crate::paths::DataDir;
use crate::settings::Settings;
use crate::util::blocking;
use crate::{network, rates};
use net::status::Summary;
use net::{Meter, Net};
use store::index::{Announce, Index, IndexError};
use store::{Control, Progress, Source};

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    pub data_dir: PathBuf,
    /// Without a network nothing is served, found or fetched; what is known can be looked at and
    /// changed.
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
    items: Items,
    library: Arc<Library>,
    looks: Looks,
    /// Absent without a network.
    devices: Option<Devices>,
    settings: Arc<Mutex<Settings>>,
    /// Wakes the task of the speed limits when a setting was changed.
    set: Arc<Notify>,
    /// These tasks end with the last handle.
    _tasks: JoinSet<()>,
    /// What was not as it should be when it started.
    remarks: Vec<Problem>,
    /// The data directory's lock, held until the last handle goes.
    _dir: DataDir,
}

/// Starting and stopping.
impl Engine {
    /// Takes the data directory, opens what is in it, joins the network and takes up every item
    /// where it was left.
    pub async fn start(options: Options) -> Result<Self, EngineError> {
        let dir = DataDir::lock(&options.data_dir)?;
        let mut settings = Settings::load(dir.settings(), |name| std::env::var(name).ok())?;
        let mut remarks: Vec<Problem> = settings.put_aside().into_iter().collect();
        let path = dir.path().to_owned();
        let open = move || {
            let opened = Index::open(&path)?;
            store::deletion::finish_removals(&opened.index)?;
            Ok::<_, IndexError>(opened)
        };
        let opened = blocking(open).await??;
        let index = opened.index;
        remarks.extend(opened.recovered.as_deref().map(error::index_recovered));
        remarks.extend(opened.incomplete.as_deref().map(error::list_incomplete));
        let (doubts, doubted) = mpsc::channel(MAX_WAITING_DOUBTS);
        // A report that finds no room comes again with the next read of the file.
        let source = Source::new(index.clone(), move |doubt| {
            let _ = doubts.try_send(doubt);
        });
        let faults = Faults::default();
        let net = if options.network {
            Some(join(&dir, &settings, &source, &index, &faults).await?)
        } else {
            None
        };
        let context = Context {
            index,
            source,
            net,
            board: Board::default(),
            running: Running::default(),
            faults,
        };
        let items = Items::start(context.clone(), opened.items, doubted).await?;
        let mut tasks = JoinSet::new();
        let library = Arc::new(new_library(&context, &items, &mut tasks));
        if options.network {
            let library = Arc::clone(&library);
            tasks.spawn_blocking(move || library.prepare());
        }
        let devices = match &context.net {
            Some(net) => {
                let net = net.clone();
                Some(Devices::start(net, items.clone(), &context, &mut tasks).await?)
            }
            None => None,
        };
        let (settings, set) = (Arc::new(Mutex::new(settings)), Arc::new(Notify::new()));
        if let Some(net) = &context.net {
            let (settings, set) = (Arc::clone(&settings), Arc::clone(&set));
            let (net, faults) = (net.clone(), context.faults.clone());
            tasks.spawn(async move {
                let run = || speed::run(&net, &set, || settings.lock().config());
                faults.keep(Part::Limits, run).await;
            });
        }
        #[cfg(debug_assertions)]
        breaking::when_told(&context, &mut tasks);
        let shared = Shared {
            context,
            items,
            library,
            looks: Looks::default(),
            devices,
            settings,
            set,
            _tasks: tasks,
            remarks,
            _dir: dir,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Stops all jobs where they can go on later, then leaves the network.
    pub async fn shutdown(self) {
        self.shared.items.shutdown().await;
        if let Some(net) = &self.shared.context.net {
            net.clone().shutdown().await;
        }
        // Other handles may outlive this one, so that nothing else would close the index before the
        // process ends.
        let index = self.index();
        let _ = blocking(move || index.close()).await;
    }

    /// What was not as it should be when it started, and was put right as far as that goes; and what broke since then. None of it
    /// comes again with the next start.
    pub fn remarks(&self) -> Vec<Problem> {
        let broken = self.shared.context.faults.remarks();
        self.shared.remarks.iter().cloned().chain(broken).collect()
    }
}

/// Items.
impl Engine {
    /// Begins to share; answers at once.
    pub async fn share(&self, request: ShareRequest) -> Result<ItemId, EngineError> {
        let metadata = self.keeps_metadata(request.metadata);
        let request = ShareRequest {
            metadata,
            ..request
        };
        Ok(self.shared.items.share(request).await?.into())
    }

    /// Begins to fetch; answers at once.
    pub async fn download(&self, request: DownloadRequest) -> Result<ItemId, EngineError> {
        let folder = self.download_folder();
        let metadata = self.keeps_metadata(request.metadata);
        let request = DownloadRequest {
            metadata,
            ..request
        };
        let items = &self.shared.items;
        Ok(items
            .download(request, folder, Announce::Root)
            .await?
            .into())
    }

    /// Begins to unpack what a CAR holds into the download folder, to be shared from there; answers once it is known what that
    /// is, for which the CAR's nodes are read.
    pub async fn import_car(&self, path: &Path) -> Result<CarView, EngineError> {
        let (path, folder) = (path.to_owned(), self.download_folder());
        Ok(self.shared.items.import_car(path, folder).await?)
    }

    /// Writes an item's blocks into a new CAR file. Bytes written.
    pub async fn export_car(&self, id: ItemId, path: &Path) -> Result<u64, EngineError> {
        Ok(self
            .shared
            .items
            .export_car(id.into(), path.to_owned())
            .await?)
    }

    /// All items, in the order in which they were made.
    pub fn items(&self) -> Vec<ItemView> {
        self.shared.context.board.all()
    }

    pub fn item(&self, id: ItemId) -> Result<ItemView, EngineError> {
        Ok(self.shared.items.view(id.into())?)
    }

    /// What changed since revision `since`, waiting up to `wait` for something to change.
    pub async fn changes(&self, since: u64, wait: Duration) -> Changes {
        self.shared.context.board.changes(since, wait).await
    }

    /// More of an item than its row shows.
    pub async fn report(&self, id: ItemId) -> Result<Report, EngineError> {
        let report = self.shared.items.report(id.into()).await?;
        let record = self.shared.items.record(id.into()).await?;
        let kept_away = match self.net() {
            Ok(net) if !record.done && !record.providers.is_empty() => {
                let trust = self.settings_lock().config().net.trust;
                kept_away::of(&record.providers, &trust, &net.banned().await)
            }
            _ => Vec::new(),
        };
        Ok(Report {
            kept_away,
            ..report
        })
    }

    pub async fn act(&self, id: ItemId, action: Action) -> Result<(), EngineError> {
        Ok(self.shared.items.act(id.into(), action).await?)
    }

    /// Pauses everything, or ends that; what was paused by hand stays so. It is remembered over
    /// restarts.
    pub async fn pause_all(&self, pause: bool) -> Result<(), EngineError> {
        Ok(self.shared.items.pause_all(pause).await?)
    }

    /// What others see an item called from now on, in new links. Nothing on the disk changes its
    /// name.
    pub async fn rename(&self, id: ItemId, name: &str) -> Result<(), EngineError> {
        Ok(self.shared.items.rename(id.into(), name).await?)
    }

    /// Forgets an item. `delete_files` deletes what a download wrote and nobody changed since;
    /// never what was shared. Says what of it stays, and why.
    pub async fn remove(&self, id: ItemId, delete_files: bool) -> Result<Removed, EngineError> {
        Ok(self.shared.items.remove(id.into(), delete_files).await?)
    }

    /// Chooses parts of a download, or leaves them out. A finished one goes on with what is new;
    /// what is here stays in any case.
    pub async fn select(&self, request: SelectRequest) -> Result<(), EngineError> {
        Ok(self.shared.items.select(request).await?)
    }

    /// Puts parts of a download first, or back in line.
    pub async fn prioritize(&self, request: PrioritizeRequest) -> Result<(), EngineError> {
        Ok(self.shared.items.prioritize(request).await?)
    }

    /// "It lies there now": an item's files were moved, or an unfinished download is to go on in
    /// another folder.
    pub async fn relocate(&self, request: RelocateRequest) -> Result<(), EngineError> {
        Ok(self.shared.items.relocate(request).await?)
    }
}

/// The list.
impl Engine {
    /// The window's rows and all around them, once there is something new to see.
    pub async fn library(&self, request: &LibraryRequest) -> LibraryView {
        self.shared.library.view(request).await
    }
}

/// What items hold.
impl Engine {
    /// One level of an item's tree.
    pub async fn files(&self, request: FilesRequest) -> Result<FilesView, EngineError> {
        let record = self.shared.items.record(request.id.into()).await?;
        let (looks, context) = (self.shared.looks.clone(), self.shared.context.clone());
        let look = move || looks.files(&context.index, &context.source, &record, &request);
        Ok(blocking(look).await??)
    }

    /// Which parts of an item are here, and which are being asked for.
    pub async fn pieces(&self, id: ItemId) -> Result<PiecesView, EngineError> {
        let record = self.shared.items.record(id.into()).await?;
        let (index, total) = (self.index(), self.item(id)?.total);
        let asked = self.shared.context.running.asked(id.into()).await;
        Ok(blocking(move || look::pieces::look(&index, &record, total, &asked)).await??)
    }

    /// Name and size of a file in an item. A download under way may have to fetch its first block
    /// for that.
    pub async fn stat(&self, id: ItemId, path: &str) -> Result<FileStat, EngineError> {
        let record = self.shared.items.record(id.into()).await?;
        let Context {
            running, source, ..
        } = &self.shared.context;
        Ok(look::read::stat(running, source, &record, path).await?)
    }

    /// Bytes of a file in an item, verified, in order. What a download under way has not fetched
    /// yet comes first, and is waited for. A range is cut to what the file has.
    pub async fn read(
        &self,
        id: ItemId,
        path: &str,
        range: Range<u64>,
    ) -> Result<Reading, EngineError> {
        let record = self.shared.items.record(id.into()).await?;
        let Context {
            running, source, ..
        } = &self.shared.context;
        Ok(look::read::read(running, source, &record, path, range).await?)
    }

    /// Where something inside an item lies on this disk: a file, a folder, or the item itself for
    /// an empty path.
    pub async fn place(&self, id: ItemId, path: &str) -> Result<PathBuf, EngineError> {
        let record = self.shared.items.record(id.into()).await?;
        let names = look::names(path)?.join("/");
        let (index, item) = (self.index(), self.item(id)?.path);
        let place = blocking(move || look::place(&index, &record, item, &names)).await??;
        let path = path.to_owned();
        Ok(place.ok_or(FetchError::NotInItem { path })?)
    }

    /// What sharing these paths would share, as far as that can be seen in a moment.
    pub async fn inspect_paths(
        &self,
        request: InspectPathsRequest,
    ) -> Result<PathsView, EngineError> {
        let index = self.index();
        let look = move || {
            let paths = store::distinct(request.paths);
            look::paths::inspect(&index, &paths, request.hidden)
        };
        Ok(blocking(look).await??.ok_or(ItemError::NothingToShare)?)
    }
}

/// Links.
impl Engine {
    /// Addresses in a link that are not tried when it is only looked at, because they lie in private networks: whoever made the
    /// link must not make this computer knock at doors there.
    pub fn left_out(&self, link: &str) -> Vec<String> {
        let (Ok(net), Ok(link)) = (self.net(), Link::from_str(link)) else {
            return Vec::new();
        };
        let left_out = net.left_out(&link.providers);
        left_out.iter().map(ToString::to_string).collect()
    }

    /// A link to an item, with the best few of the addresses at which this peer can be reached.
    pub async fn link(&self, id: ItemId) -> Result<String, EngineError> {
        let record = self.shared.items.record(id.into()).await?;
        let root = record.root.ok_or(ItemError::NotReady(id.into()))?;
        let providers = match self.net() {
            Ok(net) => net.link_addrs().await,
            Err(_) => Vec::new(),
        };
        Ok(Link {
            filename: Some(record.shown_name().to_owned()),
            providers,
            ..Link::to(root)
        }
        .to_string())
    }

    /// Links to an item, for people with Shoal and for those without.
    pub async fn links(&self, id: ItemId) -> Result<LinkView, EngineError> {
        let link = self.link(id).await?;
        let record = self.shared.items.record(id.into()).await?;
        let root = record.root.ok_or(ItemError::NotReady(id.into()))?;
        let gateway = Link {
            filename: Some(record.name),
            ..Link::to(root)
        }
        .at_gateway();
        Ok(LinkView { link, gateway })
    }

    /// Whether a text is a link. All that is opened is read in the same way.
    pub fn check_link(text: &str) -> LinkCheck {
        match Link::from_str(text) {
            Ok(link) => LinkCheck::Good {
                name: link.own_name(),
            },
            Err(LinkError::Empty) => LinkCheck::Empty,
            Err(error) => LinkCheck::Bad { why: error.kind() },
        }
    }

    /// What is behind a link, as far as it is known by now. Asked again and again it tells more;
    /// nothing of it is kept.
    pub async fn inspect_link(
        &self,
        request: InspectLinkRequest,
    ) -> Result<InspectView, EngineError> {
        let link: Link = request.link.parse()?;
        let fetching = self.fetching()?;
        let seen = self.shared.looks.inspect(fetching, &link, &request);
        let seen = seen.await?;
        let into = request.into.unwrap_or_else(|| self.download_folder());
        let (index, cid, folder) = (self.index(), seen.cid(&link), into.clone());
        let here = blocking(move || (index.item_of(&cid), fetch::free_space(&folder)));
        let (existing, free) = here.await?;
        Ok(seen.view(&link, &into, free, existing?.map(ItemId::from)))
    }

    /// What is inside a link, without keeping any of it: a folder's entries, or the one file.
    pub async fn list(&self, link: &str) -> Result<ListView, EngineError> {
        let link = Link::from_str(link)?;
        let (entries, complete) = look::list(&self.fetching()?, &link).await?;
        Ok(ListView {
            entries: entries.into_iter().map(EntryView::from).collect(),
            complete,
        })
    }

    /// A file's bytes in order, without keeping them. Dropping the receiver ends it.
    pub async fn cat(
        &self,
        link: &str,
    ) -> Result<mpsc::Receiver<Result<Bytes, FetchError>>, EngineError> {
        let link = Link::from_str(link)?;
        Ok(look::cat(self.fetching()?, link).await?)
    }
}

/// The network, and who is connected.
impl Engine {
    pub fn peer_id(&self) -> Option<String> {
        Some(self.net().ok()?.peer_id().to_string())
    }

    /// Full addresses, with real ports and the peer's id.
    pub async fn listen_addrs(&self) -> Vec<String> {
        let Ok(net) = self.net() else {
            return Vec::new();
        };
        let addresses = net.listen_addrs().await;
        addresses.iter().map(ToString::to_string).collect()
    }

    pub async fn peers(&self) -> Result<Vec<PeerView>, EngineError> {
        let peers = self.net()?.peers().await;
        Ok(peers.into_iter().map(PeerView::from).collect())
    }

    /// Who is kept away for breaking the rules of the exchange.
    pub async fn banned(&self) -> Result<Vec<BannedView>, EngineError> {
        let banned = self.net()?.banned().await;
        Ok(banned.into_iter().map(BannedView::from).collect())
    }

    pub async fn network(&self) -> Result<NetworkView, EngineError> {
        let view = NetworkView::from(self.net()?.network().await?);
        let index = self.index();
        let data = blocking(move || fetch::own_data(&index)).await?;
        Ok(NetworkView { data, ..view })
    }

    /// Other Shoals on this network.
    pub async fn devices(&self) -> Result<DevicesView, EngineError> {
        let own = self.settings_lock().config().net.device;
        Ok(self.near()?.list(own).await?)
    }

    /// The device that is meant: by its key, its peer ID or its name.
    pub async fn find_device(&self, text: &str) -> Result<OtherDevice, EngineError> {
        Ok(self.near()?.find(text).await?)
    }

    /// Offers something to a device of this network; answers at once with the offer's number.
    pub async fn send(&self, request: SendRequest) -> Result<i64, EngineError> {
        Ok(self.near()?.send(request).await?)
    }

    /// What devices offered and were offered, once there is something newer than `since`, or after
    /// `wait`.
    pub async fn offers(&self, since: u64, wait: Duration) -> Result<OffersView, EngineError> {
        Ok(self.near()?.offers(since, wait).await?)
    }

    /// Begins to fetch what a device offered; answers at once.
    pub async fn accept(&self, request: AcceptRequest) -> Result<Vec<ItemId>, EngineError> {
        let into = request.into.unwrap_or_else(|| self.download_folder());
        let metadata = self.keeps_metadata(None);
        let downloads = self.near()?.accept(request.id, into, metadata).await?;
        Ok(downloads.into_iter().map(ItemId::from).collect())
    }

    /// Says no to what a device offered.
    pub async fn decline(&self, offer: i64) -> Result<(), EngineError> {
        Ok(self.near()?.decline(offer).await?)
    }

    /// Tests whether others can get here; takes up to a minute. `public`: the public checking
    /// service is asked too.
    pub async fn check(&self, public: bool) -> Result<CheckView, EngineError> {
        let (net, index) = (self.net()?, &self.shared.context.index);
        Ok(network::check(net, index, public).await?.into())
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
        let rates = self.net().map(|net| rates::of_all(net.meter()));
        diagnostics::report(&Facts {
            items: &self.items(),
            network: network.as_ref(),
            rates: &rates.unwrap_or_default(),
            is_paused: self.shared.items.hold().is_on(),
            settings: &self.settings_lock().told_to_strangers(),
        })
    }
}

/// Settings.
impl Engine {
    /// Every setting, with its meaning.
    pub fn settings(&self) -> Vec<SettingView> {
        self.settings_lock().all()
    }

    /// Keeps a setting. It counts at once, but for those that say "from the next start".
    pub async fn set_setting(&self, key: &str, value: &str) -> Result<(), EngineError> {
        let config = {
            let mut settings = self.settings_lock();
            settings.set(key, value)?;
            settings.config()
        };
        if let Ok(net) = self.net() {
            speed::set(net, &config).await;
            net.configure(config.net).await;
            self.shared.set.notify_one();
        }
        Ok(())
    }

    /// Trusts a peer, keeps away from it, or neither, from now on.
    pub async fn set_standing(&self, peer: &str, standing: Standing) -> Result<(), EngineError> {
        let peer = PeerId::from_str(peer).map_err(|_| EngineError::BadPeer(peer.to_owned()))?;
        let changes = self.settings_lock().standing(peer, standing);
        for (key, value) in changes {
            self.set_setting(key, &value).await?;
        }
        if let Ok(net) = self.net()
            && standing != Standing::Blocked
        {
            net.forgive(peer).await;
        }
        Ok(())
    }
}

/// What the calls are made of.
impl Engine {
    fn index(&self) -> Index {
        self.shared.context.index.clone()
    }

    fn net(&self) -> Result<&Net, ItemError> {
        self.shared.context.net()
    }

    fn near(&self) -> Result<&Devices, ItemError> {
        self.shared.devices.as_ref().ok_or(ItemError::Offline)
    }

    fn fetching(&self) -> Result<FetchContext, ItemError> {
        self.shared.context.fetching()
    }

    fn settings_lock(&self) -> MutexGuard<'_, Settings> {
        self.shared.settings.lock()
    }

    fn download_folder(&self) -> PathBuf {
        self.settings_lock().config().download_folder
    }

    /// What is asked for, or else what the settings say.
    fn keeps_metadata(&self, asked: Option<bool>) -> Option<bool> {
        asked.or_else(|| Some(self.settings_lock().config().keep_metadata))
    }
}

/// A content address, the bytes behind it, and what was left out: reads the files, and keeps and sends nothing. Blocks.
pub fn compute_cid(
    paths: &[PathBuf],
    profile: Option<&str>,
    hidden: bool,
) -> Result<(String, u64, Vec<Skipped>), EngineError> {
    let profile = profile_named(profile)?;
    let (progress, control) = (Progress::default(), Control::default());
    let paths = store::distinct(paths.to_vec());
    let computed = store::compute(&paths, profile, hidden, &progress, &control)?;
    let skipped = computed.skipped.into_iter().map(Skipped::from).collect();
    Ok((computed.root.to_string(), computed.bytes, skipped))
}

/// Begins to measure rates, where there is a network for bytes to move through.
fn new_library(context: &Context, items: &Items, tasks: &mut JoinSet<()>) -> Library {
    let board = context.board.clone();
    let (meter, summary) = match &context.net {
        Some(net) => (net.meter().clone(), net.summary()),
        None => (Meter::default(), watch::channel(Summary::default()).1),
    };
    let (measured, shown, faults) = (meter.clone(), board.clone(), context.faults.clone());
    tasks.spawn(async move {
        let run = || items::rates::run(measured.clone(), shown.clone());
        faults.keep(Part::Rates, run).await;
    });
    Library::new(board, meter, summary, items.hold())
}

async fn join(
    dir: &DataDir,
    settings: &Settings,
    source: &Source,
    index: &Index,
    faults: &Faults,
) -> Result<Net, EngineError> {
    let config = settings.config();
    let identity = net::identity(&dir.identity())?;
    Ok(network::start(config.net, identity, source, index, faults).await?)
}

#[cfg(test)]
mod tests;
