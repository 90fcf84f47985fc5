//! Questions between devices that are under way: those that others asked, until the owner of the
//! offers has answered, and ours, until they did.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use libp2p::PeerId;
use libp2p::request_response::{OutboundRequestId, ResponseChannel};
use tokio::sync::{mpsc, oneshot};

use super::{Asked, Card, News, Question, Stands};
use crate::limits::{
    MAX_DEVICE_QUESTIONS, OFFERS_A_MINUTE, OFFERS_OF_PEER_A_MINUTE, STATES_A_MINUTE,
    STATES_OF_PEER_A_MINUTE,
};
use crate::quota::Quota;

/// Where an answer goes, and the answer, if there is one.
type Answered = (ResponseChannel<Stands>, Option<Stands>);

#[derive(Debug)]
pub(crate) struct Desk {
    /// Who owns the offers.
    owner: Option<mpsc::Sender<News>>,
    offers: Quota<PeerId>,
    states: Quota<PeerId>,
    theirs: FuturesUnordered<BoxFuture<'static, Answered>>,
    ours: HashMap<OutboundRequestId, oneshot::Sender<Option<Stands>>>,
}

impl Desk {
    pub(crate) fn new(owner: Option<mpsc::Sender<News>>) -> Self {
        let minute = Duration::from_mins(1);
        Self {
            owner,
            offers: Quota::new(minute, OFFERS_OF_PEER_A_MINUTE, OFFERS_A_MINUTE),
            states: Quota::new(minute, STATES_OF_PEER_A_MINUTE, STATES_A_MINUTE),
            theirs: FuturesUnordered::new(),
            ours: HashMap::new(),
        }
    }

    pub(crate) fn set_owner(&mut self, owner: mpsc::Sender<News>) {
        self.owner = Some(owner);
    }

    /// A device is there. Whoever waits for it looks for it by itself, too: where there is no room
    /// it is not told.
    pub(crate) fn here(&self, peer: PeerId) {
        if let Some(owner) = &self.owner {
            let _ = owner.try_send(News::Here(peer));
        }
    }

    /// Another device asks. Nothing is said to one that asks too often, or while too much is asked.
    pub(crate) fn ask_owner(
        &mut self,
        peer: PeerId,
        card: Option<Card>,
        question: Question,
        channel: ResponseChannel<Stands>,
        now: Instant,
    ) {
        let quota = match question {
            Question::Offer(_) => &mut self.offers,
            Question::State(_) => &mut self.states,
        };
        let Some(owner) = &self.owner else { return };
        if self.theirs.len() >= MAX_DEVICE_QUESTIONS || !quota.take(peer, now) {
            return;
        }
        let (reply, answer) = oneshot::channel();
        let asked = Asked {
            peer,
            card,
            question,
            reply,
        };
        if owner.try_send(News::Asked(asked)).is_ok() {
            let answer = async move { (channel, answer.await.ok()) };
            self.theirs.push(Box::pin(answer));
        }
    }

    /// The next answer of the owner's; never, if none is waited for.
    pub(crate) async fn next(&mut self) -> Answered {
        match self.theirs.next().await {
            Some(answered) => answered,
            None => std::future::pending().await,
        }
    }

    pub(crate) fn asked(&mut self, id: OutboundRequestId, reply: oneshot::Sender<Option<Stands>>) {
        self.ours.insert(id, reply);
    }

    /// It answered, or could not be asked.
    pub(crate) fn answered(&mut self, id: OutboundRequestId, stands: Option<Stands>) {
        if let Some(reply) = self.ours.remove(&id) {
            let _ = reply.send(stands);
        }
    }
}
