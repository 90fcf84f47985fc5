//! Gateways: sources that are no peers of the exchange. The owner asks them for blocks by other
//! means, such as HTTP, and they get their share of the plan by the same rules as everybody, so no
//! block is asked for twice.
//!
//! What is different: a gateway takes part in a session only when it is told to, and is never asked
//! what it has; it is a complete source until it has refused several blocks in a row, and then it
//! leaves. Its silence is no refusal: whoever asks it answers each request in the end. It is asked
//! for little while peers deliver, since it costs whoever runs it, and people are here to give each
//! other what they have. It does not count as one of the peers that are enough.

use std::time::Instant;

use libp2p::PeerId;

use super::limits::{GATEWAY_ASKED, GATEWAY_ASKED_BESIDE_PEERS, GATEWAY_REFUSALS};
use super::peer::{Peer, PeerSlot};
use super::session::Coverage;
use super::{Client, SessionId};

impl Client {
    /// The gateway can be asked, until it is [disconnected](Client::disconnected). `id` names it,
    /// and nobody else.
    pub fn gateway_connected(&mut self, id: PeerId, _now: Instant) {
        if self.peers.find(&id).is_none() {
            let slot = self.peers.insert(id, false, self.config.max_window);
            if let Some(peer) = self.peers.get_mut(slot) {
                peer.gateway = true;
            }
        }
    }

    /// Lets a gateway that can be asked take part in a session.
    pub fn join_gateway(&mut self, session: SessionId, id: &PeerId, now: Instant) {
        let Some(slot) = self.peers.find(id) else {
            return;
        };
        if self.peers.get(slot).is_some_and(|peer| peer.gateway) {
            self.join(session, slot, Coverage::Complete, now);
        }
    }

    /// It refused a block. One that has nothing of a session's content leaves it.
    pub(super) fn on_gateway_refusal(&mut self, id: SessionId, slot: PeerSlot) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let Some(member) = session.members.get_mut(&slot).filter(|m| m.gateway) else {
            return;
        };
        member.refusals += 1;
        if member.refusals >= GATEWAY_REFUSALS {
            session.members.remove(&slot);
            if let Some(peer) = self.peers.get_mut(slot) {
                peer.sessions.retain(|&other| other != id);
            }
        }
    }

    /// May a gateway be asked for one more block of this session?
    pub(super) fn gateway_has_place(&self, gateway: &Peer, id: SessionId, now: Instant) -> bool {
        let delivers = |slot| {
            let peer = self.peers.get(slot);
            peer.is_some_and(|peer| peer.is_usable(now) && !peer.asked.is_empty())
        };
        let beside_peers = self.sessions.get(&id).is_some_and(|session| {
            let mut peers = session.peers();
            peers.any(|(slot, member)| member.delivered && delivers(slot))
        });
        let most = if beside_peers {
            GATEWAY_ASKED_BESIDE_PEERS
        } else {
            GATEWAY_ASKED
        };
        gateway.asked.len() < most
    }
}
