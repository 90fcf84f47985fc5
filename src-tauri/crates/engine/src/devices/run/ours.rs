//! Our offers: they are said, asked after, and kept as what became of them.

use std::time::Instant;

use libp2p::PeerId;

use super::{Task, ready, written};
use crate::devices::DeviceError;
use crate::devices::limits::MAX_OUTBOX;
use crate::devices::outbox::Step;
use crate::devices::record::{Fate, Sent, Who};
use crate::util::{blocking, now_unix};
use net::devices::{Offer, Offered, Question, Stands};
use store::index::{ItemId, Way};

impl Task {
    pub(super) async fn send(
        &mut self,
        to: Who,
        note: String,
        item: Option<ItemId>,
    ) -> Result<i64, DeviceError> {
        if let Some(id) = item {
            self.items.view(id)?;
        }
        if self.outbox.len() >= MAX_OUTBOX {
            let mut all = self.outbox.all();
            let oldest = all.find(|(_, entry)| entry.sent.fate.is_final());
            let oldest = oldest.map(|(id, _)| id);
            drop(all);
            self.forget_sent(vec![oldest.ok_or(DeviceError::Full)?])
                .await;
        }
        let sent = Sent {
            to,
            mark: rand::random(),
            note,
            item: item.map(|id| id.0),
            at: now_unix(),
            fate: Fate::New,
        };
        let (index, details) = (self.index.clone(), written(&sent));
        let id = blocking(move || index.add_offer(Way::Out, details)).await??;
        self.outbox.put(id, sent, Instant::now());
        self.changed();
        Ok(id)
    }

    /// Asks other devices, as far as it is time for it.
    pub(super) async fn ask_what_is_due(&mut self) {
        let is_ready = |id| ready(&self.board, id).is_some();
        for (id, step) in self.outbox.take_due(is_ready, Instant::now()) {
            let Some((peer, question)) = self.question(id, step).await else {
                self.on_answer(id, None).await;
                continue;
            };
            let net = self.net.clone();
            let ask = async move { (id, net.ask_device(peer, question).await) };
            self.asking.push(Box::pin(ask));
        }
    }

    async fn question(&mut self, id: i64, step: Step) -> Option<(PeerId, Question)> {
        let sent = self.outbox.get(id)?.clone();
        let question = match step {
            Step::State => Question::State(sent.mark),
            Step::Offer => Question::Offer(Offer {
                mark: sent.mark,
                note: sent.note,
                items: match sent.item {
                    Some(item) => vec![self.offered(item).await?],
                    None => Vec::new(),
                },
            }),
        };
        Some((sent.to.peer, question))
    }

    async fn offered(&mut self, item: i64) -> Option<Offered> {
        let view = ready(&self.board, item)?;
        let record = self.items.record(ItemId(item)).await.ok()?;
        Some(Offered {
            cid: record.root?,
            name: record.shown_name().to_owned(),
            size: view.total,
            count: view.files,
        })
    }

    pub(super) async fn on_answer(&mut self, id: i64, stands: Option<Stands>) {
        let was_away = self.is_away(id);
        let other = self.outbox.answered(id, stands, Instant::now());
        if other.is_some() || was_away != self.is_away(id) {
            self.changed();
        }
        // How far it is, is told again.
        let kept = other.filter(|sent| !matches!(sent.fate, Fate::Taking(part) if part > 0));
        if let Some(sent) = kept
            && let Err(error) = self.set(id, written(&sent)).await
        {
            tracing::warn!(%error, "it isn't kept what became of an offer");
        }
    }

    fn is_away(&self, id: i64) -> bool {
        let mut all = self.outbox.all();
        all.any(|(other, entry)| other == id && entry.is_away)
    }

    pub(super) async fn forget_sent(&mut self, ids: Vec<i64>) {
        if !ids.is_empty() {
            self.forget(ids.clone()).await;
            self.outbox.remove(&ids);
            self.changed();
        }
    }
}
