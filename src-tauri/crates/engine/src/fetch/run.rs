//! A download between the network and its worker: hands blocks over, keeps count of who sent them, shows how far it is.
//!
//! One task a download. It never waits for the disk: the worker has a thread of its own, and what does not fit between them stays with
//! the session, whose byte budget then holds the peers back.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bitswap::Want;
use libp2p::{Multiaddr, PeerId};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use unixfs::Cid;

use super::channels::{Channels, Command, Event, Progress, Waker, Wanted};
use super::download::{self, Finished};
use super::plan::Rank;
use super::remote::resolve;
use super::report::{Phase, Report, Tell};
use super::steer::Desk;
use super::supply::Origin;
use super::worker::Download;
use super::{FetchContext, FetchError};
use crate::api::Lacking;
use crate::fetch::limits::{BLOCK_QUEUE, COMMAND_QUEUE};
use crate::link::Link;
use crate::rates;
use crate::util::{blocking, ended};
use net::limits::MAX_SESSION_SOURCES;
use net::{Session, SessionEvent};
use store::index::{ItemRecord, Skipped};

/// How often progress is shown.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// A download that is whole, and shared.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub root: Cid,
    /// Where it is.
    pub path: PathBuf,
    pub bytes: u64,
    pub files: u64,
    /// All of it was there before: it was checked, and nothing was written.
    pub was_there: bool,
    /// What was left out, or got another name.
    pub skipped: Vec<Skipped>,
}

/// Bytes of blocks that each peer sent in one run. Clones are one: what it says counts however the run ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent(Arc<Mutex<BTreeMap<PeerId, u64>>>);

impl Sent {
    fn add(&self, peer: PeerId, bytes: u64) {
        let mut sent = self.0.lock();
        if sent.len() < MAX_SESSION_SOURCES || sent.contains_key(&peer) {
            *sent.entry(peer).or_default() += bytes;
        }
    }

    /// Most first.
    pub(crate) fn list(&self) -> Vec<(PeerId, u64)> {
        let mut list: Vec<_> = self.0.lock().clone().into_iter().collect();
        list.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        list
    }
}

/// Fetches an item, from where an earlier run has come to. Stopping it loses at most what was not yet synced.
pub(crate) async fn run(
    context: FetchContext,
    mut item: ItemRecord,
    tell: Tell,
    sent: Sent,
    stop: CancellationToken,
) -> Result<Fetched, FetchError> {
    let hints = item.providers.iter().filter_map(|hint| hint.parse().ok());
    let hints: Vec<Multiaddr> = hints.collect();
    // Whoever fetches a link means to get to whom it names.
    let _permit = context.net.permit(&hints);
    let root = tokio::select! {
        root = find_root(&context, &item, &hints) => root?,
        () = stop.cancelled() => return Err(FetchError::Stopped),
    };
    item.root = Some(root);
    let session = context.net.session(root, hints).await?;
    let transfer = Transfer::new(&context, item, root, Some(session), tell, sent);
    transfer.run(Origin::Peers, stop).await
}

/// Unpacks a CAR that holds the item, as if it were its only peer.
pub(crate) async fn import(
    context: FetchContext,
    item: ItemRecord,
    car: PathBuf,
    tell: Tell,
    stop: CancellationToken,
) -> Result<Fetched, FetchError> {
    let root = item.root.ok_or(FetchError::NoDownload(item.id))?;
    let transfer = Transfer::new(&context, item, root, None, tell, Sent::default());
    transfer.run(Origin::Car(car), stop).await
}

/// Follows the link's path, the first time.
async fn find_root(
    context: &FetchContext,
    item: &ItemRecord,
    hints: &[Multiaddr],
) -> Result<Cid, FetchError> {
    if let Some(root) = item.root {
        return Ok(root);
    }
    let id = item.id;
    let link = item.link.as_deref().ok_or(FetchError::NoDownload(id))?;
    let mut link: Link = link.parse()?;
    link.providers = hints.to_vec();
    let root = resolve(context, &link).await?;
    let index = context.index.clone();
    blocking(move || index.set_item_root(id, root, 0, 0)).await??;
    Ok(root)
}

struct Transfer {
    context: FetchContext,
    item: ItemRecord,
    root: Cid,
    session: Option<Session>,
    progress: Arc<Mutex<Progress>>,
    sent: Sent,
    /// Peers that are said to have it.
    having: usize,
    unreachable: usize,
    /// Peers that are connected and have none of what is left.
    stuck_with: Option<usize>,
    /// Others are told of what is here.
    announced: bool,
    tell: Tell,
}

impl Transfer {
    fn new(
        context: &FetchContext,
        item: ItemRecord,
        root: Cid,
        session: Option<Session>,
        tell: Tell,
        sent: Sent,
    ) -> Self {
        Self {
            context: context.clone(),
            item,
            root,
            session,
            progress: Arc::default(),
            sent,
            having: 0,
            unreachable: 0,
            stuck_with: None,
            announced: false,
            tell,
        }
    }

    async fn run(mut self, origin: Origin, stop: CancellationToken) -> Result<Fetched, FetchError> {
        let (events, receiver) = mpsc::channel(BLOCK_QUEUE);
        let (sender, mut commands) = mpsc::channel(COMMAND_QUEUE);
        let stopped = Arc::new(AtomicBool::new(false));
        let waker = Waker::of(&events);
        let running = &self.context.running;
        let desk = running.open(self.item.id, self.item.wanted.high.clone(), waker.clone());
        let download = Download {
            index: self.context.index.clone(),
            source: self.context.source.clone(),
            item: self.item.clone(),
            root: self.root,
            origin,
            wishes: desk.wishes(),
            space: running.space.clone(),
        };
        let mut channels = Channels {
            commands: sender,
            events: receiver,
            waker,
            progress: Arc::clone(&self.progress),
            stop: Arc::clone(&stopped),
        };
        let work = move || download::run(&download, &mut channels);
        let mut worker = tokio::task::spawn_blocking(work);
        let mut events = Some(events);
        let mut ticks = tokio::time::interval(PROGRESS_INTERVAL);
        let result = loop {
            tokio::select! {
                Some(command) = commands.recv() => self.obey(command, &desk).await?,
                event = next_block(events.clone(), self.session.as_mut()) => match event {
                    Some((permit, event)) => self.hand_over(permit, event, &desk),
                    // The network is shut down.
                    None => events = None,
                },
                _ = ticks.tick() => self.show(),
                () = stop.cancelled(), if events.is_some() => {
                    stopped.store(true, Ordering::Relaxed);
                    events = None;
                }
                result = &mut worker => break result,
            }
        };
        // What it said last.
        while let Ok(command) = commands.try_recv() {
            self.obey(command, &desk).await?;
        }
        self.show();
        let finished = result.map_err(ended)??;
        Ok(self.finished(finished))
    }

    async fn obey(&mut self, command: Command, desk: &Desk) -> Result<(), FetchError> {
        match (command, &self.session) {
            (Command::Want(wants), Some(session)) => {
                session.want(wants.iter().map(want).collect()).await?;
            }
            (Command::Hurry(cids), Some(session)) => {
                session.want(cids.into_iter().map(hurry).collect()).await?;
            }
            (Command::Release(bytes), Some(session)) => session.release(bytes),
            (Command::Begun(place), _) => self.item.part = Some(place),
            (Command::Have(cids), _) => {
                if cids.is_empty() {
                    return Ok(());
                }
                desk.recorded();
                self.context.net.available(cids).await;
                if !self.announced {
                    self.announced = true;
                    self.context.net.shared_changed();
                }
            }
            (Command::Want(_) | Command::Hurry(_) | Command::Release(_), None) => {}
        }
        Ok(())
    }

    fn hand_over(&mut self, permit: mpsc::OwnedPermit<Event>, event: SessionEvent, desk: &Desk) {
        match event {
            SessionEvent::Block { peer, cid, data } => {
                let bytes = data.len() as u64;
                let meter = self.context.net.meter();
                meter.fetched(peer, rates::tag(self.item.id), bytes);
                self.sent.add(peer, bytes);
                desk.hand_out(&cid, &data);
                permit.send(Event::Block { cid, data });
            }
            SessionEvent::Peers {
                having,
                known,
                unreachable,
                stuck,
                ..
            } => {
                (self.having, self.unreachable) = (known, unreachable);
                self.stuck_with = stuck.then_some(having).filter(|people| *people > 0);
            }
            SessionEvent::Searching { .. } => {}
        }
    }

    fn show(&mut self) {
        let progress = *self.progress.lock();
        let totals = progress.totals;
        let rate = self
            .context
            .net
            .meter()
            .rate_of(rates::tag(self.item.id))
            .down;
        let phase = if progress.waiting == 0 {
            Phase::Verifying
        } else if rate > 0 {
            Phase::Downloading
        } else {
            Phase::Finding
        };
        // A run that has not looked at all that is here knows less than the last one.
        let (last, here) = (&self.item, self.item.begun.here);
        let (total, done, files) = if totals.done < here {
            (last.bytes, here, last.files)
        } else {
            (totals.bytes, totals.done, totals.files)
        };
        let begun = totals.files > 0 || progress.waiting > 0;
        let count = |people| u32::try_from(people).unwrap_or(u32::MAX);
        let lacking = |people| Lacking {
            pieces: progress.waiting as u64,
            people: count(people),
        };
        let is_known = progress.folder || totals.files > 0;
        let stands = phase == Phase::Finding && is_known;
        (self.tell)(Report {
            phase: begun.then_some(phase),
            total,
            done,
            files,
            folder: progress.folder,
            having: count(self.having),
            unreachable: count(self.unreachable),
            lacking: self.stuck_with.filter(|_| stands).map(lacking),
            rate,
            eta: total.saturating_sub(done).checked_div(rate),
            place: self.item.part.clone(),
        });
    }

    fn finished(self, finished: Finished) -> Fetched {
        Fetched {
            root: self.root,
            path: finished.path,
            bytes: finished.bytes,
            files: finished.files,
            was_there: finished.was_there,
            skipped: finished.skipped,
        }
    }
}

/// The session's next event, once the worker has room for it. Never, without either.
async fn next_block(
    events: Option<mpsc::Sender<Event>>,
    session: Option<&mut Session>,
) -> Option<(mpsc::OwnedPermit<Event>, SessionEvent)> {
    let (Some(events), Some(session)) = (events, session) else {
        return std::future::pending().await;
    };
    let Ok(permit) = events.reserve_owned().await else {
        // The worker has ended, and its result is on the way.
        return std::future::pending().await;
    };
    let event = session.events.recv().await?;
    Some((permit, event))
}

fn want(wanted: &Wanted) -> Want {
    Want {
        cid: wanted.cid,
        size: wanted.bytes,
        // Others wait behind nodes; among leaves the client chooses.
        priority: wanted.rank.priority() + if wanted.node { 2 } else { 1 },
    }
}

/// A want that is there already and comes before others now.
fn hurry((cid, rank): (Cid, Rank)) -> Want {
    Want {
        cid,
        size: None,
        priority: rank.priority() + 1,
    }
}
