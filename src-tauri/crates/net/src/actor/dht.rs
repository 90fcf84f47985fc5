//! The DHTs, the public one and that of this network: who is in their tables, what they find, what is announced in them, and what
//! others announce to us.

use std::time::{Duration, Instant};

use bitswap::pace::Backoff;
use libp2p::kad::store::RecordStore as _;
use libp2p::kad::{
    self, Event, InboundRequest, Mode, ProgressStep, QueryId, QueryResult, RecordKey,
};
use libp2p::swarm::DialError;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId, identify};
use tokio::sync::oneshot;
use unixfs::cid::Multihash;

use super::Actor;
use crate::address::{self, is_relayed};
use crate::dht::announce::Standing;
use crate::dht::find::{Dht, Local};
use crate::dht::routing;
use crate::limits::MAX_PEER_ADDRESSES;

/// Between a new peer in the table and another look around: others come in meanwhile.
const LOOK_AROUND_PAUSE: Duration = Duration::from_secs(1);
/// Looks around in a row while few are known and nobody new comes: after 1, 3, 7, 15, 31 and 63 seconds.
const LOOKS_AROUND: u32 = 6;

/// Peers that answer on the way to a key and take note of it there, when all is well: then it doesn't matter how many others fail.
const HEARD: u32 = 30;

/// When to look around in the DHTs again.
#[derive(Debug, Default)]
pub(super) struct LookAround {
    at: Option<Instant>,
    done: u32,
}

impl LookAround {
    /// Somebody new came in.
    fn begin(&mut self, now: Instant) {
        self.at = Some(now + LOOK_AROUND_PAUSE);
        self.done = 0;
    }

    /// Nobody is known any more.
    fn begin_if_idle(&mut self, now: Instant) {
        if self.at.is_none() && self.done < LOOKS_AROUND {
            self.at = Some(now + LOOK_AROUND_PAUSE);
        }
    }

    pub(super) fn is_planned(&self) -> bool {
        self.at.is_some()
    }

    fn is_due(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// We looked, and it `is_needed` as few are known.
    fn done(&mut self, is_needed: bool, now: Instant) {
        self.done += 1;
        let again = is_needed && self.done < LOOKS_AROUND;
        self.at = again.then(|| now + Backoff::after(LOOK_AROUND_PAUSE, Duration::MAX, self.done));
    }
}

impl Actor {
    /// Makes the known entrances to the DHT known to it.
    pub(super) fn meet(&mut self) {
        let behaviour = self.swarm.behaviour_mut();
        let Some(kad) = behaviour.kad.as_mut() else {
            return;
        };
        for address in &self.entrances {
            if let (address, Some(peer)) = address::split_peer(address.clone())
                && !behaviour.trust.is_blocked(&peer)
            {
                kad.add_address(&peer, address);
            }
        }
    }

    /// Looks around in both DHTs, which fills their tables. One whose table is empty is entered like at the start: peers that can't be
    /// reached leave the table, and all do while there is no network.
    pub(super) fn enter_dht(&mut self) {
        if self.is_outside() {
            self.meet();
        }
        let mut dhts = self.swarm.behaviour_mut().dhts();
        for dht in Dht::BOTH {
            let Some(kad) = dhts.get(dht) else {
                continue;
            };
            if routing::is_looking_around(kad) {
                // Networks come several at once. One look around is enough for all, unless it comes to nothing.
                self.look_around.begin(Instant::now());
            } else if kad.bootstrap().is_ok() {
                // It fails only while nobody is known, and then there is nobody to ask.
                self.entering.insert(dht);
            }
        }
    }

    /// Nobody in the public DHT is known, where some should be.
    pub(super) fn is_outside(&mut self) -> bool {
        let public = self.swarm.behaviour_mut().dhts().public;
        public.is_some_and(|kad| routing::size(kad) == 0)
    }

    /// Looks around once more after somebody new came in, as long as few are known, and a few times more after that. Peers that joined a
    /// young network at the same moment would else not hear of each other for ten minutes; nor would one whose entrance was too
    /// busy to answer.
    pub(super) fn look_around(&mut self, now: Instant) {
        if !self.look_around.is_due(now) {
            return;
        }
        if self.is_outside() {
            self.meet();
        }
        let mut is_needed = false;
        let mut dhts = self.swarm.behaviour_mut().dhts();
        for dht in Dht::BOTH {
            let Some(kad) = dhts.get(dht) else {
                continue;
            };
            if routing::size(kad) >= kad::K_VALUE.get() {
                continue;
            }
            if routing::is_looking_around(kad) {
                is_needed = true;
            } else if kad.bootstrap().is_ok() {
                self.entering.insert(dht);
                is_needed = true;
            }
        }
        self.look_around.done(is_needed, now);
    }

    /// Whoever can be reached straight answers for the DHT too: a relay passes on too little for that.
    pub(super) fn on_external_addresses(&mut self) {
        let mut external: Vec<Multiaddr> = self.swarm.external_addresses().cloned().collect();
        external.sort_unstable();
        if let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() {
            let reachable = external.iter().any(|address| !is_relayed(address));
            let mode = if reachable {
                Mode::Server
            } else {
                Mode::Client
            };
            kad.set_mode(Some(mode));
            kad.store_mut().set_own_addresses(external.clone());
        }
        self.tell_standing(Dht::Public, |standing| {
            std::mem::replace(&mut standing.addresses, external.clone()) != external
        });
    }

    /// Where devices of this network reach us.
    pub(super) fn update_lan_addresses(&mut self) {
        let own = self.swarm.listeners();
        let mut near: Vec<Multiaddr> = own
            .filter(|address| self.reach.is_near(address))
            .cloned()
            .collect();
        near.sort_unstable();
        let Some(lan) = self.swarm.behaviour_mut().lan_dht.as_mut() else {
            return;
        };
        if lan.own_addresses() != near {
            lan.set_own_addresses(near.clone());
            self.tell_standing(Dht::Local, |standing| {
                standing.addresses = near;
                true
            });
        }
    }

    pub(super) fn update_standing(&mut self) {
        for dht in Dht::BOTH {
            let is_entering = self.entering.contains(&dht);
            let mut dhts = self.swarm.behaviour_mut().dhts();
            let has_peers = dhts
                .get(dht)
                .is_some_and(|kad| !is_entering && routing::size(kad) > 0);
            self.tell_standing(dht, |standing| {
                std::mem::replace(&mut standing.has_peers, has_peers) != has_peers
            });
        }
    }

    fn tell_standing(&self, dht: Dht, change: impl FnOnce(&mut Standing) -> bool) {
        self.standing
            .send_if_modified(|standings| change(standings.of_mut(dht)));
    }

    pub(super) fn on_identified(&mut self, peer: PeerId, info: &identify::Info) {
        self.peers.identified(&peer, &info.agent_version);
        let reach = &self.reach;
        let mut dhts = self.swarm.behaviour_mut().dhts();
        for dht in Dht::BOTH {
            let Some(kad) = dhts.get(dht) else {
                return;
            };
            let mut names = kad.protocol_names().iter();
            if names.any(|name| info.protocols.contains(name)) {
                match dht {
                    Dht::Public => routing::add(kad, reach, &peer, &info.listen_addrs),
                    Dht::Local => routing::add_local(kad, reach, &peer, &info.listen_addrs),
                }
            }
        }
        self.update_standing();
    }

    /// A peer that can't be reached has no place in the tables: it would be asked again and again.
    pub(super) fn on_unreachable(&mut self, peer: PeerId, error: &DialError) {
        let is_its_fault = matches!(
            error,
            DialError::Transport(_) | DialError::WrongPeerId { .. }
        );
        if !is_its_fault || self.peers.contains(&peer) {
            return;
        }
        let mut dhts = self.swarm.behaviour_mut().dhts();
        for dht in Dht::BOTH {
            if let Some(kad) = dhts.get(dht) {
                kad.remove_peer(&peer);
            }
        }
        if self.is_outside() {
            self.look_around.begin_if_idle(Instant::now());
        }
        self.update_standing();
    }

    /// Devices that are new on this network: whoever of them speaks its DHT's protocol enters it when it is connected.
    pub(super) fn greet(&mut self, devices: Vec<(PeerId, Vec<Multiaddr>)>) {
        if !self.swarm.behaviour().lan_dht.is_enabled() {
            return;
        }
        for (peer, addresses) in devices {
            let options = DialOpts::peer_id(peer)
                .condition(PeerCondition::DisconnectedAndNotDialing)
                .addresses(addresses);
            if let Err(error) = self.swarm.dial(options.build()) {
                tracing::debug!(%peer, %error, "can't dial");
            }
        }
    }

    pub(super) fn on_kad(&mut self, dht: Dht, event: Event) {
        match event {
            Event::InboundRequest {
                request:
                    InboundRequest::AddProvider {
                        record: Some(record),
                    },
            } => self.on_provider_record(dht, record),
            Event::RoutingUpdated {
                is_new_peer: true, ..
            } => {
                self.look_around.begin(Instant::now());
                self.update_standing();
            }
            Event::OutboundQueryProgressed {
                id,
                result,
                step,
                stats,
            } => match result {
                // Its first step found our own neighbourhood; the others, minutes long, only round off the table.
                QueryResult::Bootstrap(_) => {
                    if self.entering.remove(&dht) {
                        self.update_standing();
                        self.search_for_hungry();
                    }
                }
                QueryResult::StartProviding(result) => {
                    // The library calls it a success even if nobody could be told.
                    let was_heard = stats.num_successes() > stats.num_failures().min(HEARD);
                    if let Some(reply) = self.providing.remove(&(dht, id)) {
                        let _ = reply.send(result.is_ok() && was_heard);
                    }
                }
                result
                    if dht == Dht::Public && self.on_search_for_trusted(id, &result, step.last) => {
                }
                result => self.on_found(dht, id, result, &step),
            },
            _ => {}
        }
    }

    fn on_found(&mut self, dht: Dht, id: QueryId, result: QueryResult, step: &ProgressStep) {
        let local = Local {
            peer: *self.swarm.local_peer_id(),
            reach: &self.reach,
            peers: &self.peers,
            now: Instant::now(),
        };
        let mut dhts = self.swarm.behaviour_mut().dhts();
        let found = self
            .finder
            .progress(&mut dhts, &local, (dht, id), result, step);
        if let Some((sessions, targets)) = found {
            for session in sessions {
                self.believe(session, &targets);
                self.connect_all(session, targets.clone());
            }
        }
    }

    pub(super) fn provide(&mut self, dht: Dht, key: &Multihash, reply: oneshot::Sender<bool>) {
        let mut dhts = self.swarm.behaviour_mut().dhts();
        let Some(kad) = dhts.get(dht) else {
            let _ = reply.send(false);
            return;
        };
        match kad.start_providing(RecordKey::from(key.to_bytes())) {
            Ok(query) => drop(self.providing.insert((dht, query), reply)),
            Err(error) => {
                tracing::debug!(%error, "can't announce");
                let _ = reply.send(false);
            }
        }
    }

    /// We have these: whoever asks us is told so, announced or not.
    pub(super) fn answer_for(&mut self, keys: &[Multihash]) {
        let peer = *self.swarm.local_peer_id();
        let mut dhts = self.swarm.behaviour_mut().dhts();
        for dht in Dht::BOTH {
            if let Some(kad) = dhts.get(dht) {
                for key in keys {
                    let key = RecordKey::from(key.to_bytes());
                    let record = kad::ProviderRecord {
                        key,
                        provider: peer,
                        expires: None,
                        addresses: Vec::new(),
                    };
                    if let Err(error) = kad.store_mut().add_provider(record) {
                        tracing::debug!(%error, "a provider record of our own was refused");
                    }
                }
            }
        }
    }

    pub(super) fn stop_providing(&mut self, keys: &[Multihash]) {
        let mut dhts = self.swarm.behaviour_mut().dhts();
        for dht in Dht::BOTH {
            if let Some(kad) = dhts.get(dht) {
                for key in keys {
                    kad.stop_providing(&RecordKey::from(key.to_bytes()));
                }
            }
        }
    }

    /// Keeps what another peer says that it provides, with the addresses that are worth telling.
    fn on_provider_record(&mut self, dht: Dht, mut record: kad::ProviderRecord) {
        let reach = &self.reach;
        record
            .addresses
            .retain(|address| dht.believes(reach, address));
        record.addresses.truncate(MAX_PEER_ADDRESSES);
        let mut dhts = self.swarm.behaviour_mut().dhts();
        if let Some(kad) = dhts.get(dht)
            && let Err(error) = kad.store_mut().add_provider(record)
        {
            tracing::debug!(%error, "a provider record was refused");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_known_peers_are_reason_to_look_again_but_not_for_ever() {
        let start = Instant::now();
        let mut look = LookAround::default();
        look.begin(start);
        let mut looks = Vec::new();
        for second in 0..1000 {
            let now = start + Duration::from_secs(second);
            if look.is_due(now) {
                looks.push(second);
                look.done(true, now);
            }
        }
        assert_eq!(looks, [1, 3, 7, 15, 31, 63]);
        look.begin(start);
        look.done(false, start + LOOK_AROUND_PAUSE);
        assert!(!look.is_planned());
    }

    #[test]
    fn who_can_reach_nobody_tries_again_but_not_for_ever() {
        let start = Instant::now();
        let mut look = LookAround::default();
        let mut looks = 0;
        for second in 0..1000 {
            let now = start + Duration::from_secs(second);
            look.begin_if_idle(now);
            if look.is_due(now) {
                looks += 1;
                look.done(true, now);
            }
        }
        assert_eq!(looks, LOOKS_AROUND);
    }
}
