//! The connection manager: who is connected and at which addresses, who is trusted and who is kept
//! out, how many may come from one network, and which connections are dead or needed no more.
//!
//! A connection from an address that went away is closed at once. Every other connection has a
//! short while to show that it is alive: without that check a connection whose other end is gone
//! would be used for minutes before TCP or QUIC gave it up. A connection can also die without a
//! change of this machine's networks: what is silent for long is closed as well.

pub(crate) mod bans;
pub(crate) mod dial_limit;
pub(crate) mod peers;
pub(crate) mod pressure;
pub(crate) mod subnet_limit;
mod trim;
pub(crate) mod trust;

use std::time::{Duration, Instant};

use bitswap::PeerStats;
use libp2p::PeerId;
use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::swarm::ConnectionId;

use self::bans::{Banned, Bans};
use self::peers::Peers;
use crate::limits::{IDENTITIES_A_MINUTE, IDENTITIES_OF_PEER_A_MINUTE};
use crate::quota::Quota;

/// A connection that answered no ping for so long after a change is dead. Pings go out every 15
/// seconds.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);
/// A connection that answered no ping for so long may be dead, even though nothing here changed: a
/// ping goes out 15 seconds after the last answer. Two glances in a row have to find it so, which
/// is half a minute after that answer at the latest.
const SILENCE: Duration = Duration::from_secs(20);

/// Who is let in no more.
pub(crate) type BlockList = allow_block_list::Behaviour<BlockedPeers>;

#[derive(Debug)]
pub(crate) struct Connections {
    pub(crate) peers: Peers,
    /// Who broke the rules.
    bans: Bans,
    /// How often peers may say what they are.
    identities: Quota<PeerId>,
    max: usize,
    /// When the network last changed, while it isn't known yet which connections outlived that.
    changed_at: Option<Instant>,
}

impl Connections {
    /// Those who are banned already are kept out by `list` from now on.
    pub(crate) fn new(max: u32, bans: Bans, list: &mut BlockList) -> Self {
        for banned in bans.list(Instant::now()) {
            list.block_peer(banned.peer);
        }
        Self {
            peers: Peers::default(),
            bans,
            identities: Quota::new(
                Duration::from_mins(1),
                IDENTITIES_OF_PEER_A_MINUTE,
                IDENTITIES_A_MINUTE,
            ),
            max: max as usize,
            changed_at: None,
        }
    }

    pub(crate) fn into_bans(self) -> Bans {
        self.bans
    }

    /// What a peer says of itself is looked at now; if so, that counts. It says so once on each
    /// connection, and after each change; each time costs a look at the whole routing table.
    pub(crate) fn may_identify(&mut self, peer: PeerId, now: Instant) -> bool {
        self.identities.take(peer, now)
    }

    pub(crate) fn set_max(&mut self, max: u32) {
        self.max = max as usize;
    }

    /// Disconnects a peer and keeps it away for a while; when too many are, the first is forgiven.
    pub(crate) fn ban(&mut self, peer: PeerId, list: &mut BlockList, now: Instant) {
        tracing::info!(%peer, "broke the rules of the exchange and is kept away for an hour");
        list.block_peer(peer);
        if let Some(first) = self.bans.add(peer, now) {
            list.unblock_peer(first);
        }
    }

    /// Lets a peer in again that broke the rules.
    pub(crate) fn forgive(&mut self, peer: PeerId, list: &mut BlockList) {
        if self.bans.lift(&peer) {
            list.unblock_peer(peer);
        }
    }

    /// Lets those in again whose time is over.
    pub(crate) fn end_bans(&mut self, list: &mut BlockList, now: Instant) {
        for peer in self.bans.take_over(now) {
            list.unblock_peer(peer);
        }
    }

    /// Who is kept away for breaking the rules.
    pub(crate) fn banned(&self, now: Instant) -> Vec<Banned> {
        self.bans.list(now)
    }

    /// Another network, or the same one again: a peer that doesn't answer from now on is gone.
    pub(crate) fn network_changed(&mut self, now: Instant) {
        self.changed_at = Some(now);
    }

    /// Connections that did not outlive the last change, once that is known.
    pub(crate) fn take_silent(&mut self, now: Instant) -> Vec<ConnectionId> {
        let since = self
            .changed_at
            .take_if(|since| now >= *since + SIGN_OF_LIFE);
        since.map_or_else(Vec::new, |since| self.peers.silent_since(since))
    }

    /// Connections whose other end vanished without closing them, as when its machine or its
    /// network goes: a peer is not dialled anew while it counts as connected, and TCP alone takes a
    /// quarter of an hour to report such a connection dead.
    pub(crate) fn dead(&mut self, now: Instant, stats: &[PeerStats]) -> Vec<ConnectionId> {
        let Some(then) = now.checked_sub(SILENCE) else {
            return Vec::new();
        };
        let moved = |peer: &PeerId| {
            let of_peer = stats.iter().find(|stats| stats.peer == *peer);
            of_peer.map_or(0, |stats| stats.bytes_sent + stats.bytes_received)
        };
        self.peers.dead_since(then, moved)
    }
}
