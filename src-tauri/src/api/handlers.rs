//! One function a call: engine in, wire type out. A window calls them as they are, other processes through [`answer`].

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use engine::api::Changes;
use engine::api::SettingView;
use engine::api::{
    CheckRequest, CheckView, DownloadRequest, EntryView, NetworkView, PeerView, PersonView, Report,
    ShareRequest, StandingRequest,
};
use engine::api::{ItemId, ItemView, Problem, State};
use engine::api::{LibraryRequest, LibraryView};
use engine::{Engine, EngineError};
use futures::StreamExt;
use serde::Serialize;
use serde_json::Value;

use super::types::{
    ActRequest, AllAction, ChangesRequest, Hello, OfAny, OfItem, Platform, RemoveRequest,
    RenameRequest, Request, SetSettingRequest,
};
use super::{inside, problem};
use crate::control::{Answer, ByteStream, Reply};

/// The least time between two answers that only report progress: four a second are as many as people can read.
const PROGRESS_GAP: Duration = Duration::from_millis(250);
/// The longest that an end may go unnoticed while progress is held back: looking every 10 ms costs nothing that can be
/// measured.
const MAX_LOOK_GAP: Duration = Duration::from_millis(10);
/// What timers can tell apart. What is done within a few of these is looked at without a pause.
const MIN_LOOK_GAP: Duration = Duration::from_millis(1);
/// The longest wait that a call may ask for; a reader that is gone is forgotten after it.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// Answers a request of another process.
pub(crate) async fn answer(engine: Engine, request: Request) -> Answer {
    let engine = &engine;
    match request {
        Request::Hello => value(Ok(hello(engine).await)),
        Request::Library(request) => value(Ok(library(engine, &request).await)),
        Request::ActAll(request) => value(act_all(engine, request.action).await),
        Request::Rename(request) => value(rename(engine, &request).await),
        Request::Share(request) => value(share(engine, request).await),
        Request::Download(request) => value(download(engine, request).await),
        Request::Changes(request) => value(Ok(changes(engine, request).await)),
        Request::Items => value(Ok(items(engine))),
        Request::Item(OfItem { id }) => value(item(engine, id)),
        Request::Report(OfItem { id }) => value(report(engine, id).await),
        Request::Act(request) => value(act(engine, request).await),
        Request::Remove(request) => value(remove(engine, request).await),
        Request::Link(OfItem { id }) => value(inside::links(engine, id).await),
        Request::Files(request) => value(inside::files(engine, request).await),
        Request::InspectPaths(request) => value(inside::inspect_paths(engine, request).await),
        Request::Size(file) => value(inside::size(engine, file).await),
        Request::Place(file) => value(inside::place(engine, file).await),
        Request::InspectLink(request) => value(inside::inspect_link(engine, request).await),
        Request::Select(request) => value(inside::select(engine, request).await),
        Request::Prioritize(request) => value(inside::prioritize(engine, request).await),
        Request::Relocate(request) => value(inside::relocate(engine, request).await),
        Request::Pieces(OfItem { id }) => value(inside::pieces(engine, id).await),
        Request::Read(request) => inside::read(engine, request).await.map(Reply::Bytes),
        Request::List { link, patience } => value(list(engine, &link, patience).await),
        Request::Cat { link, patience } => cat(engine, &link, patience).await.map(Reply::Bytes),
        Request::ImportCar { path } => value(import_car(engine, &path).await),
        Request::ExportCar { id, path } => value(export_car(engine, id, &path).await),
        Request::Peers => value(peers(engine).await),
        Request::Network => value(network(engine).await),
        Request::Check(request) => value(check(engine, request).await),
        Request::SetStanding(request) => value(set_standing(engine, &request).await),
        Request::Settings => value(Ok(settings(engine))),
        Request::SetSetting(SetSettingRequest { key, value: to }) => {
            value(set_setting(engine, &key, &to).await)
        }
        Request::People(OfAny { id }) => value(people(engine, id).await),
        Request::Diagnostics => value(Ok(diagnostics(engine).await)),
    }
}

pub(crate) async fn hello(engine: &Engine) -> Hello {
    Hello {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        peer_id: engine.peer_id().unwrap_or_default(),
        listen: engine.listen_addrs().await,
        locale: locale(),
        platform: platform(),
    }
}

/// `C` is a machine's language, no person's.
fn locale() -> Option<String> {
    let locale = sys_locale::get_locale()?;
    (!matches!(locale.as_str(), "C" | "POSIX" | "")).then_some(locale)
}

fn platform() -> Platform {
    match std::env::consts::OS {
        "linux" => Platform::Linux,
        "macos" => Platform::MacOs,
        "windows" => Platform::Windows,
        _ => Platform::Other,
    }
}

pub(crate) async fn share(engine: &Engine, request: ShareRequest) -> Result<ItemId, Problem> {
    engine.share(request).await.map_err(told)
}

pub(crate) async fn download(engine: &Engine, request: DownloadRequest) -> Result<ItemId, Problem> {
    engine.download(request).await.map_err(told)
}

pub(crate) async fn library(engine: &Engine, request: &LibraryRequest) -> LibraryView {
    engine.library(request).await
}

pub(crate) async fn act_all(engine: &Engine, action: AllAction) -> Result<(), Problem> {
    let pause = action == AllAction::Pause;
    engine.pause_all(pause).await.map_err(told)
}

pub(crate) async fn rename(engine: &Engine, request: &RenameRequest) -> Result<(), Problem> {
    let renamed = engine.rename(request.id, &request.name).await;
    renamed.map_err(told)
}

/// Answers at once when an item came to rest, and else holds progress back, so that answers are [`PROGRESS_GAP`] apart.
pub(crate) async fn changes(engine: &Engine, request: ChangesRequest) -> Changes {
    let began = Instant::now();
    let mut until = began + Duration::from_millis(request.wait_ms).min(MAX_WAIT);
    let mut seen = request.since;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let news = only(engine.changes(seen, left).await, request.only);
        seen = news.rev;
        if news.full || !news.removed.is_empty() || !news.items.iter().all(is_moving) {
            break;
        }
        if !news.items.is_empty() {
            until = until.min(began + PROGRESS_GAP);
        }
        if Instant::now() >= until {
            break;
        }
        let gap = (began.elapsed() / 32).min(MAX_LOOK_GAP);
        if gap >= MIN_LOOK_GAP {
            tokio::time::sleep(gap).await;
        }
    }
    let mut news = only(
        engine.changes(request.since, Duration::ZERO).await,
        request.only,
    );
    news.items.iter_mut().for_each(ItemView::make_text);
    news
}

pub(crate) fn items(engine: &Engine) -> Vec<ItemView> {
    let mut items = engine.items();
    items.iter_mut().for_each(ItemView::make_text);
    items
}

pub(crate) fn item(engine: &Engine, id: ItemId) -> Result<ItemView, Problem> {
    let mut view = engine.item(id).map_err(told)?;
    view.make_text();
    Ok(view)
}

pub(crate) async fn report(engine: &Engine, id: ItemId) -> Result<Report, Problem> {
    let mut report = engine.report(id).await.map_err(told)?;
    make_text(&mut report.path);
    Ok(report)
}

/// Does it with each; what goes wrong with one doesn't keep the others from it.
pub(crate) async fn act(engine: &Engine, request: ActRequest) -> Result<(), Problem> {
    let mut outcome = Ok(());
    for id in request.ids {
        outcome = outcome.and(engine.act(id, request.action).await);
    }
    outcome.map_err(told)
}

/// Removes each; what goes wrong with one doesn't keep the others.
pub(crate) async fn remove(engine: &Engine, request: RemoveRequest) -> Result<(), Problem> {
    let mut outcome = Ok(());
    for id in request.ids {
        outcome = outcome.and(engine.remove(id, request.delete_files).await);
    }
    outcome.map_err(told)
}

/// `patience` in seconds.
pub(crate) async fn list(
    engine: &Engine,
    link: &str,
    patience: u64,
) -> Result<Vec<EntryView>, Problem> {
    within(patience, engine.list(link)).await?.map_err(told)
}

/// `patience` in seconds, for the first bytes and for each that follow.
pub(crate) async fn cat(engine: &Engine, link: &str, patience: u64) -> Result<ByteStream, Problem> {
    let bytes = within(patience, engine.cat(link)).await?.map_err(told)?;
    let chunks = futures::stream::unfold(Some(bytes), move |bytes| async move {
        let mut bytes = bytes?;
        match within(patience, bytes.recv()).await {
            Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some(bytes))),
            Ok(Some(Err(error))) => Some((Err(told(error)), None)),
            Ok(None) => None,
            Err(problem) => Some((Err(problem), None)),
        }
    });
    Ok(chunks.boxed())
}

pub(crate) async fn import_car(engine: &Engine, path: &Path) -> Result<ItemId, Problem> {
    engine.import_car(path).await.map_err(told)
}

/// The bytes written.
pub(crate) async fn export_car(engine: &Engine, id: ItemId, path: &Path) -> Result<u64, Problem> {
    engine.export_car(id, path).await.map_err(told)
}

pub(crate) async fn peers(engine: &Engine) -> Result<Vec<PeerView>, Problem> {
    engine.peers().await.map_err(told)
}

pub(crate) async fn network(engine: &Engine) -> Result<NetworkView, Problem> {
    engine.network().await.map_err(told)
}

pub(crate) async fn check(engine: &Engine, request: CheckRequest) -> Result<CheckView, Problem> {
    engine.check(request.public).await.map_err(told)
}

pub(crate) async fn set_standing(
    engine: &Engine,
    request: &StandingRequest,
) -> Result<(), Problem> {
    let set = engine.set_standing(&request.peer, request.standing).await;
    set.map_err(told)
}

pub(crate) async fn people(
    engine: &Engine,
    id: Option<ItemId>,
) -> Result<Vec<PersonView>, Problem> {
    engine.people(id).await.map_err(told)
}

pub(crate) async fn diagnostics(engine: &Engine) -> String {
    engine.diagnostics().await
}

pub(crate) fn settings(engine: &Engine) -> Vec<SettingView> {
    engine.settings()
}

pub(crate) async fn set_setting(engine: &Engine, key: &str, value: &str) -> Result<(), Problem> {
    engine.set_setting(key, value).await.map_err(told)
}

fn value<T: Serialize>(result: Result<T, Problem>) -> Answer {
    let value: Value =
        serde_json::to_value(result?).map_err(|error| problem::unwritable(&error))?;
    Ok(Reply::Value(value))
}

/// JSON can hold only text: what is none in a path is shown as a question mark in a box.
fn make_text(path: &mut Option<PathBuf>) {
    if let Some(path) = path
        && path.to_str().is_none()
    {
        *path = PathBuf::from(path.to_string_lossy().into_owned());
    }
}

pub(super) fn told(error: impl Into<EngineError>) -> Problem {
    error.into().problem()
}

async fn within<T>(seconds: u64, work: impl Future<Output = T>) -> Result<T, Problem> {
    let limit = Duration::from_secs(seconds);
    let done = tokio::time::timeout(limit, work).await;
    done.map_err(|_| problem::nobody_has_it(seconds))
}

fn only(mut changes: Changes, id: Option<ItemId>) -> Changes {
    if let Some(id) = id {
        changes.items.retain(|item| item.id == id);
        changes.removed.retain(|removed| *removed == id);
    }
    changes
}

/// Its numbers change by themselves until it comes to rest.
fn is_moving(item: &ItemView) -> bool {
    matches!(
        item.state,
        State::Hashing | State::Downloading | State::Verifying
    )
}
