//! This machine is somewhere else: another network, the same one again, or awake after a sleep.
//!
//! What hung on an address that went away is closed at once. Whatever else was connected has a short while to show that it is
//! still there; a connection whose other end can't be heard any more would otherwise seem to stand for minutes. Meanwhile names are
//! looked up with the new network's settings, and everybody worth meeting is dialled again. A line can also go dead without any sign
//! here: what nothing is heard of for long is closed as well.

use std::time::{Duration, Instant, SystemTime};

use libp2p::kad::{GetClosestPeersError, GetClosestPeersOk, QueryId, QueryResult};

use libp2p::{Multiaddr, PeerId};

use super::Actor;
use crate::address;
use crate::connections::trust::behaviour::Event;
use crate::dht::find::{self, Dht};
use crate::local::devices;

/// A connection that answered no ping for so long after a change is dead. Pings go out every 15 seconds.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);
/// A connection that answered no ping for so long may be dead, even though nothing here changed: a ping goes out 15 seconds after the
/// last answer. Two glances in a row have to find it so, which is half a minute after that answer at the latest.
const SILENCE: Duration = Duration::from_secs(20);
/// Wall time that passed beyond what a clock that stops in sleep has seen: that was a sleep, not a clock being set right.
const SLEEP: Duration = Duration::from_secs(30);

/// Tells a sleep by two clocks, of which one stops meanwhile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    awake: Instant,
    wall: SystemTime,
}

impl Clocks {
    pub(super) fn new(awake: Instant, wall: SystemTime) -> Self {
        Self { awake, wall }
    }

    /// Whether this machine slept since it was last asked.
    fn slept(&mut self, awake: Instant, wall: SystemTime) -> bool {
        let seen = awake.saturating_duration_since(self.awake);
        let passed = wall.duration_since(self.wall).unwrap_or_default();
        *self = Self { awake, wall };
        passed >= seen + SLEEP
    }
}

impl Actor {
    /// Notices a sleep, and closes what has not been heard of since the last change, or for long.
    pub(super) fn look_for_changes(&mut self) {
        self.close_dead();
        let now = Instant::now();
        if self.clocks.slept(now, SystemTime::now()) {
            tracing::info!("this machine slept");
            self.meet_again();
        }
        if let Some(since) = self.changed_at
            && now >= since + SIGN_OF_LIFE
        {
            self.changed_at = None;
            for connection in self.peers.silent_since(since) {
                tracing::debug!(
                    ?connection,
                    "nothing was heard of it since the network changed"
                );
                self.swarm.close_connection(connection);
            }
        }
    }

    /// A connection whose other end went without a word, with its machine or its network, is closed: nobody would dial anew
    /// while it seems to stand, and TCP alone would let it seem so for a quarter of an hour.
    pub(super) fn close_dead(&mut self) {
        let Some(then) = Instant::now().checked_sub(SILENCE) else {
            return;
        };
        let stats = self.swarm.behaviour().bitswap.peer_stats();
        let moved = |peer: &PeerId| {
            let of_peer = stats.iter().find(|stats| stats.peer == *peer);
            of_peer.map_or(0, |stats| stats.bytes_sent + stats.bytes_received)
        };
        for connection in self.peers.dead_since(then, moved) {
            tracing::debug!(?connection, "a connection is dead");
            self.swarm.close_connection(connection);
        }
    }

    /// An address of this machine is gone, and with it whatever was connected through it.
    pub(super) fn on_address_gone(&mut self, network: &if_watch::IpNet) {
        for connection in self.peers.through(network) {
            self.swarm.close_connection(connection);
        }
    }

    /// Everybody worth meeting is dialled again.
    pub(super) fn meet_again(&mut self) {
        self.changed_at = Some(Instant::now());
        self.names.refresh();
        self.swarm.behaviour_mut().trust.hurry();
        if self.swarm.behaviour().kad.is_enabled() {
            self.enter_through_bootstrap();
        }
        self.sessions.hurry();
        for session in self.sessions.hungry() {
            self.look_nearby(session);
        }
    }

    /// Devices of this network, but for those that the person keeps away from.
    pub(super) fn discovered(&mut self, mut found: Vec<(PeerId, Multiaddr)>) {
        let trust = &self.swarm.behaviour().trust;
        found.retain(|(peer, address)| !trust.is_blocked(peer) && !self.reach.is_blocked(address));
        for (peer, address) in &found {
            if self.is_trusted(peer) {
                let (address, _) = address::split_peer(address.clone());
                self.swarm.behaviour_mut().trust.found(peer, vec![address]);
            }
        }
        let new = self.lan.discovered(found);
        self.greet(new);
    }

    /// Devices of this network are asked to make themselves known, to us and to each other.
    pub(super) fn ask_devices(&self) {
        if self.swarm.behaviour().finds_devices() {
            devices::ask(self.swarm.listeners());
        }
    }

    pub(super) fn on_trust(&mut self, event: Event) {
        let Event::Missing(peer) = event;
        self.ask_devices();
        let lan = self.lan.addresses(&peer);
        if !lan.is_empty() {
            self.swarm.behaviour_mut().trust.found(&peer, lan);
        }
        if let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() {
            let query = kad.get_closest_peers(peer);
            self.missing.insert(query, peer);
        }
    }

    /// A search for a trusted peer's addresses came along. Says whether the query was one.
    pub(super) fn on_search_for_trusted(
        &mut self,
        id: QueryId,
        result: &QueryResult,
        last: bool,
    ) -> bool {
        let Some(peer): Option<PeerId> = self.missing.get(&id).copied() else {
            return false;
        };
        if last {
            self.missing.remove(&id);
        }
        if let QueryResult::GetClosestPeers(
            Ok(GetClosestPeersOk { peers, .. }) | Err(GetClosestPeersError::Timeout { peers, .. }),
        ) = result
            && let Some(itself) = peers.iter().find(|info| info.peer_id == peer)
        {
            let addresses = find::believable(Dht::Public, &self.reach, itself.addrs.clone());
            if !addresses.is_empty() {
                self.swarm.behaviour_mut().trust.found(&peer, addresses);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_is_told_from_a_slow_machine_and_from_a_clock_set_back() {
        let (awake, wall) = (Instant::now(), SystemTime::now());
        let second = Duration::from_secs(1);
        let mut clocks = Clocks::new(awake, wall);
        assert!(!clocks.slept(awake + second, wall + second));
        let hour = Duration::from_hours(1);
        assert!(!clocks.slept(awake + hour, wall + hour));
        assert!(clocks.slept(awake + hour + second, wall + 2 * hour));
        assert!(!clocks.slept(awake + hour + 2 * second, wall));
    }
}
