//! Devices: those that are near, what they offer us and we offer them.
//!
//! | file | owns |
//! |---|---|
//! | `key` | a device's key in short |
//! | `inbox` | what others offered, and what the person said (pure) |
//! | `outbox` | what we offered, and whom to ask about it when (pure) |
//! | `run` | the task that owns both: it hears the network, and keeps them in the index |
//! | `record` `view` | offers as they are kept, and as they are shown |
//!
//! An offer moves no bytes. Taking one is an ordinary download, with its sender as the first source;
//! what is sent is an ordinary share of which nobody else is told.

mod error;
mod inbox;
mod key;
pub(crate) mod limits;
mod outbox;
mod record;
mod run;
mod view;

use std::path::PathBuf;
use std::time::Duration;

use libp2p::PeerId;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

pub use self::error::DeviceError;
use self::key::fingerprint;
use self::record::Who;
use crate::api::{
    DeviceKind, DeviceView, DevicesView, OffersView, OtherDevice, OwnDevice, SendRequest,
};
use crate::collate;
use crate::faults::Panicked;
use crate::items::{Context, ItemError, Items};
use crate::util::Stopping;
use net::devices::{Card, Device};
use net::limits::MAX_NOTE_CHARS;
use net::{Net, NetError};
use store::index::ItemId;

/// A handle on the room's task.
#[derive(Debug)]
pub(crate) struct Devices {
    net: Net,
    calls: mpsc::Sender<Call>,
    /// Changes with the offers.
    revision: watch::Receiver<u64>,
}

/// What the task is asked.
#[derive(Debug)]
enum Call {
    Send {
        to: Who,
        note: String,
        item: Option<ItemId>,
        reply: oneshot::Sender<Result<i64, DeviceError>>,
    },
    Accept {
        id: i64,
        /// Where it goes.
        into: PathBuf,
        /// Permissions and times are kept.
        metadata: Option<bool>,
        reply: oneshot::Sender<Result<Vec<ItemId>, DeviceError>>,
    },
    Decline {
        id: i64,
        reply: oneshot::Sender<Result<(), DeviceError>>,
    },
    List {
        reply: oneshot::Sender<OffersView>,
    },
}

impl Devices {
    /// Goes on with the offers that were kept.
    pub(crate) async fn start(
        net: Net,
        items: Items,
        context: &Context,
        tasks: &mut JoinSet<()>,
    ) -> Result<Self, DeviceError> {
        let (calls, called) = mpsc::channel(limits::WAITING_CALLS);
        let (task, revision) = run::Task::start(net.clone(), items, context, called).await?;
        tasks.spawn(task.run());
        Ok(Self {
            net,
            calls,
            revision,
        })
    }

    /// This device, which calls itself so, and those that are near.
    pub(crate) async fn list(&self, own: Card) -> Result<DevicesView, NetError> {
        let mut devices: Vec<DeviceView> = self.net.devices().await?.iter().map(shown).collect();
        devices.sort_by_cached_key(|device| {
            let name = collate::order(&device.name);
            (!device.here, name, device.key.clone())
        });
        let peer = self.net.peer_id();
        Ok(DevicesView {
            own: OwnDevice {
                peer: peer.to_string(),
                name: own.name,
                kind: own.kind.into(),
                key: fingerprint(&peer),
            },
            devices,
        })
    }

    /// Offers something to a device; answers at once with the offer's number.
    pub(crate) async fn send(&self, request: SendRequest) -> Result<i64, DeviceError> {
        let SendRequest { to, note, item } = request;
        if note.chars().count() > MAX_NOTE_CHARS {
            return Err(DeviceError::LongNote);
        }
        if item.is_none() && note.trim().is_empty() {
            return Err(DeviceError::Nothing);
        }
        let to = self.meant(&to).await?;
        let item = item.map(ItemId::from);
        let sent = self.ask(|reply| Call::Send {
            to,
            note,
            item,
            reply,
        });
        sent.await?
    }

    /// The device that is meant: by its key, its peer ID or its name.
    pub(crate) async fn find(&self, text: &str) -> Result<OtherDevice, DeviceError> {
        Ok(view::other(&self.meant(text).await?))
    }

    async fn meant(&self, text: &str) -> Result<Who, DeviceError> {
        let devices = self.net.devices().await?;
        let own = self.net.peer_id();
        if let Ok(peer) = text.parse::<PeerId>()
            && peer != own
        {
            let device = devices.iter().find(|device| device.peer == peer);
            // It may not be there now.
            let away = Who {
                peer,
                name: String::new(),
                kind: DeviceKind::Other,
            };
            return Ok(device.map_or(away, who));
        }
        let is_key = |device: &&Device| fingerprint(&device.peer) == text;
        if let Some(device) = devices.iter().find(is_key) {
            return Ok(who(device));
        }
        let wanted = collate::folded(text);
        let is_called = |device: &&Device| collate::folded(&device.card.name) == wanted;
        let called: Vec<&Device> = devices.iter().filter(is_called).collect();
        match called.as_slice() {
            [] => Err(DeviceError::Unknown(text.to_owned())),
            [device] => Ok(who(device)),
            several => Err(DeviceError::Several {
                name: text.to_owned(),
                keys: several
                    .iter()
                    .map(|device| fingerprint(&device.peer))
                    .collect(),
            }),
        }
    }

    /// Takes what a device offered, into that folder. Gives the downloads.
    pub(crate) async fn accept(
        &self,
        id: i64,
        into: PathBuf,
        metadata: Option<bool>,
    ) -> Result<Vec<ItemId>, DeviceError> {
        let accepted = self.ask(|reply| Call::Accept {
            id,
            into,
            metadata,
            reply,
        });
        accepted.await?
    }

    pub(crate) async fn decline(&self, id: i64) -> Result<(), DeviceError> {
        self.ask(|reply| Call::Decline { id, reply }).await?
    }

    /// All offers, once there is something newer than `since`, or after `wait`.
    pub(crate) async fn offers(
        &self,
        since: u64,
        wait: Duration,
    ) -> Result<OffersView, DeviceError> {
        let mut revision = self.revision.clone();
        // Whether something came or the time is over: it is looked.
        let _ = timeout(wait, revision.wait_for(|now| *now > since)).await;
        self.ask(|reply| Call::List { reply }).await
    }

    async fn ask<T>(
        &self,
        call: impl FnOnce(oneshot::Sender<T>) -> Call,
    ) -> Result<T, DeviceError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.calls.send(call(reply)).await;
        sent.map_err(|_| Stopping)?;
        answer.await.map_err(|_| {
            if self.calls.is_closed() {
                Stopping.into()
            } else {
                // Whoever answers goes on without this one.
                ItemError::from(Panicked::unknown()).into()
            }
        })
    }
}

fn shown(device: &Device) -> DeviceView {
    DeviceView {
        peer: device.peer.to_string(),
        name: device.card.name.clone(),
        kind: device.card.kind.into(),
        key: fingerprint(&device.peer),
        here: device.here,
        connected: device.connected,
        seen: device.seen,
    }
}

fn who(device: &Device) -> Who {
    Who {
        peer: device.peer,
        name: device.card.name.clone(),
        kind: device.card.kind.into(),
    }
}
