//! The task that owns the offers: it hears what other devices ask, asks them what became of ours, does
//! what the person decides, and keeps all of it in the index.

mod ours;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior};

use super::inbox::{Far, Inbox, Said};
use super::outbox::Outbox;
use super::record::{Decided, Received, Thing, Who};
use super::{Call, DeviceError, view};
use crate::api::{DownloadRequest, ItemView, OffersView, State};
use crate::faults::{Faults, Part, Pause, guarded};
use crate::items::board::Board;
use crate::items::{Context, Items};
use crate::link::Link;
use crate::util::{blocking, now_unix};
use net::Net;
use net::devices::{Asked, Kind, News, Question, Stands};
use net::limits::MAX_DEVICE_QUESTIONS;
use store::index::{Announce, Index, ItemId, KeptOffer, Way};

/// Offers whose time is over, and downloads that are done, are looked for this often.
const TIDY: Duration = Duration::from_mins(1);

/// Which offer, and what the other device said of it.
type Answered = (i64, Option<Stands>);

pub(super) struct Task {
    net: Net,
    items: Items,
    index: Index,
    board: Board,
    faults: Faults,
    inbox: Inbox,
    outbox: Outbox,
    calls: mpsc::Receiver<Call>,
    news: mpsc::Receiver<News>,
    asking: FuturesUnordered<BoxFuture<'static, Answered>>,
    revision: watch::Sender<u64>,
}

impl Task {
    pub(super) async fn start(
        net: Net,
        items: Items,
        context: &Context,
        calls: mpsc::Receiver<Call>,
    ) -> Result<(Self, watch::Receiver<u64>), DeviceError> {
        let (index, board) = (context.index.clone(), context.board.clone());
        let look = index.clone();
        let kept = blocking(move || look.offers()).await??;
        let (mut inbox, mut outbox) = (Inbox::default(), Outbox::default());
        for KeptOffer { id, way, details } in kept {
            match way {
                Way::In => {
                    if let Some(received) = read(id, &details) {
                        inbox.put(id, received);
                    }
                }
                Way::Out => {
                    if let Some(sent) = read(id, &details) {
                        outbox.put(id, sent, Instant::now());
                    }
                }
            }
        }
        let (owner, news) = mpsc::channel(MAX_DEVICE_QUESTIONS);
        net.hear_devices(owner).await;
        let (revision, changed) = watch::channel(1);
        let task = Self {
            net,
            items,
            index,
            board,
            faults: context.faults.clone(),
            inbox,
            outbox,
            calls,
            news,
            asking: FuturesUnordered::new(),
            revision,
        };
        Ok((task, changed))
    }

    /// Until nobody holds the handle. What breaks by a fault costs one answer.
    pub(super) async fn run(mut self) {
        let mut tidy = tokio::time::interval(TIDY);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pause = Pause::default();
        loop {
            match guarded(self.step(&mut tidy)).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(fault) => {
                    self.faults.note(Part::Devices, fault);
                    pause.wait().await;
                }
            }
        }
    }

    /// Does the next thing that there is to do. False once nobody holds the handle.
    async fn step(&mut self, tidy: &mut Interval) -> bool {
        self.ask_what_is_due().await;
        let next = self.outbox.next();
        let due = async {
            match next {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let is_kept = self.outbox.len() > 0 || self.inbox.all().next().is_some();
        tokio::select! {
            call = self.calls.recv() => match call {
                Some(call) => self.on_call(call).await,
                None => return false,
            },
            Some(news) = self.news.recv() => self.on_news(news).await,
            Some((id, stands)) = self.asking.next() => self.on_answer(id, stands).await,
            () = due => {}
            _ = tidy.tick(), if is_kept => self.tidy().await,
        }
        true
    }

    async fn on_call(&mut self, call: Call) {
        match call {
            Call::Send {
                to,
                note,
                item,
                reply,
            } => drop(reply.send(self.send(to, note, item).await)),
            Call::Accept {
                id,
                into,
                metadata,
                reply,
            } => drop(reply.send(self.accept(id, into, metadata).await)),
            Call::Decline { id, reply } => {
                let declined = self.decide(id, Decided::Declined).await;
                drop(reply.send(declined));
            }
            Call::List { reply } => {
                self.note_arrived().await;
                let _ = reply.send(self.list());
            }
        }
    }

    async fn on_news(&mut self, news: News) {
        match news {
            News::Here(peer) => self.outbox.here(&peer, Instant::now()),
            News::Asked(asked) => self.on_question(asked).await,
        }
    }

    async fn on_question(&mut self, asked: Asked) {
        let Asked {
            peer,
            card,
            question,
            reply,
        } = asked;
        let stands = match question {
            Question::State(mark) => {
                self.note_arrived().await;
                self.inbox.asked(&peer, mark, |id| far(&self.board, id))
            }
            Question::Offer(offer) => {
                let from = Who {
                    peer,
                    kind: card.as_ref().map_or(Kind::Other, |card| card.kind).into(),
                    name: card.map(|card| card.name).unwrap_or_default(),
                };
                let far = |id| far(&self.board, id);
                match self.inbox.offered(from, offer, far, now_unix()) {
                    Said::Answer(stands) => stands,
                    Said::Keep(received, room) => self.keep(*received, room).await,
                }
            }
        };
        let _ = reply.send(stands);
    }

    /// It is on record before its sender hears that it was heard.
    async fn keep(&mut self, received: Received, room: Vec<i64>) -> Stands {
        let (index, details, gone) = (self.index.clone(), written(&received), room.clone());
        let add = move || {
            index.remove_offers(gone)?;
            index.add_offer(Way::In, details)
        };
        match blocking(add).await {
            Ok(Ok(id)) => {
                self.inbox.remove(&room);
                self.inbox.put(id, received);
                self.changed();
                Stands::Waiting
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "an offer can't be kept");
                Stands::Busy
            }
            Err(_) => Stands::Busy,
        }
    }

    async fn accept(
        &mut self,
        id: i64,
        into: PathBuf,
        metadata: Option<bool>,
    ) -> Result<Vec<ItemId>, DeviceError> {
        let received = self.open(id)?.clone();
        let providers = self.net.device_addresses(received.from.peer).await;
        let providers: Vec<String> = providers.iter().map(ToString::to_string).collect();
        let mut downloads = Vec::with_capacity(received.items.len());
        for offered in received.items.iter().filter_map(Thing::offered) {
            let link = Link {
                filename: Some(offered.name),
                ..Link::to(offered.cid)
            };
            let request = DownloadRequest {
                link: link.to_string(),
                into: Some(into.clone()),
                select: Vec::new(),
                providers: providers.clone(),
                metadata,
                unfold: None,
            };
            // What was sent to one is not for all to find.
            let begun = self.items.download(request, into.clone(), Announce::None);
            downloads.push(begun.await?);
        }
        let numbers = downloads.iter().map(|id| id.0).collect();
        // A note alone is there with the offer.
        let decided = if received.items.is_empty() {
            Decided::Has(numbers)
        } else {
            Decided::Taken(numbers)
        };
        self.decide(id, decided).await?;
        Ok(downloads)
    }

    fn open(&self, id: i64) -> Result<&Received, DeviceError> {
        let received = self.inbox.get(id).ok_or(DeviceError::NoOffer(id))?;
        match received.decided {
            Decided::Open => Ok(received),
            _ => Err(DeviceError::Decided(id)),
        }
    }

    async fn decide(&mut self, id: i64, decided: Decided) -> Result<(), DeviceError> {
        let received = Received {
            decided,
            ..self.open(id)?.clone()
        };
        self.set(id, written(&received)).await?;
        self.inbox.put(id, received);
        self.changed();
        Ok(())
    }

    /// Downloads that are whole count as had from now on.
    async fn note_arrived(&mut self) {
        let arrived = self.inbox.arrived(|id| far(&self.board, id));
        for (id, received) in arrived {
            match self.set(id, written(&received)).await {
                Ok(()) => {
                    self.inbox.put(id, received);
                    self.changed();
                }
                Err(error) => tracing::warn!(%error, "it isn't kept that an offer is here"),
            }
        }
    }

    async fn set(&mut self, id: i64, details: String) -> Result<(), DeviceError> {
        let index = self.index.clone();
        Ok(blocking(move || index.set_offer(id, details)).await??)
    }

    async fn tidy(&mut self) {
        self.note_arrived().await;
        let now = now_unix();
        let is_there = |id| self.board.get(ItemId(id)).is_some();
        let sent = self.outbox.expired(is_there, now);
        self.forget_sent(sent).await;
        let gone = self.inbox.expired(now);
        if !gone.is_empty() {
            self.forget(gone.clone()).await;
            self.inbox.remove(&gone);
            self.changed();
        }
    }

    /// What can't be forgotten now is forgotten after the next start.
    async fn forget(&mut self, ids: Vec<i64>) {
        let index = self.index.clone();
        if let Ok(Err(error)) = blocking(move || index.remove_offers(ids)).await {
            tracing::warn!(%error, "offers can't be forgotten");
        }
    }

    fn list(&self) -> OffersView {
        let far = |id| far(&self.board, id);
        let received = self.inbox.all();
        let received = received.map(|(id, received)| view::received(id, received, far));
        let sent = self.outbox.all();
        OffersView {
            revision: *self.revision.borrow(),
            received: received.collect(),
            sent: sent.map(|(id, entry)| view::sent(id, entry)).collect(),
        }
    }

    fn changed(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }
}

/// How far a download is; `None`: there is none.
fn far(board: &Board, id: i64) -> Option<Far> {
    let view = board.get(ItemId(id))?;
    Some(Far {
        is_whole: is_whole(&view),
        done: view.done,
        total: view.total,
    })
}

/// The item, if others can fetch all of it.
fn ready(board: &Board, id: i64) -> Option<ItemView> {
    board.get(ItemId(id)).filter(is_whole)
}

fn is_whole(view: &ItemView) -> bool {
    match view.state {
        State::Sharing => true,
        State::Paused => view.total > 0 && view.done == view.total,
        _ => false,
    }
}

fn written(record: &impl Serialize) -> String {
    // Texts and numbers can always be written.
    serde_json::to_string(record).unwrap_or_default()
}

/// One that another version wrote may be none that can be read.
fn read<T: DeserializeOwned>(id: i64, details: &str) -> Option<T> {
    serde_json::from_str(details)
        .inspect_err(|error| tracing::warn!(id, %error, "an offer can't be read"))
        .ok()
}
