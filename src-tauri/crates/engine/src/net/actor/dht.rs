//! The DHT: who is in its table, what it finds, what is announced in it, and what others announce to us.

use std::time::{Duration, Instant};

use libp2p::kad::store::RecordStore as _;
use libp2p::kad::{self, Event, InboundRequest, Mode, QueryResult, RecordKey};
use libp2p::{Multiaddr, PeerId, identify};
use tokio::sync::oneshot;
use unixfs::cid::Multihash;

use super::Actor;
use crate::limits::MAX_PEER_ADDRESSES;
use crate::net::address;
use crate::net::ladder::is_relayed;
use crate::net::provide::Standing;
use crate::net::routing;

/// Between a new peer in the table and another look around: others come in meanwhile.
const LOOK_AROUND_PAUSE: Duration = Duration::from_secs(1);

impl Actor {
    /// Makes peers known to the DHT, to enter it through them.
    pub(super) fn meet(&mut self, peers: &[Multiaddr]) {
        let behaviour = self.swarm.behaviour_mut();
        let Some(kad) = behaviour.kad.as_mut() else {
            return;
        };
        for address in peers {
            if let (address, Some(peer)) = address::split_peer(address.clone())
                && !behaviour.trust.is_blocked(&peer)
            {
                kad.add_address(&peer, address);
            }
        }
    }

    /// Looks around in the DHT, which fills the table.
    pub(super) fn enter_dht(&mut self) {
        if let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() {
            // Fails only while nobody is known, and then there is nobody to ask.
            self.is_entering_dht |= kad.bootstrap().is_ok();
        }
    }

    /// Looks around once more after somebody new came in, as long as few are known. Peers that joined a young network at the same
    /// moment would else not hear of each other for ten minutes.
    pub(super) fn look_around(&mut self, now: Instant) {
        if self.look_around_at.is_some_and(|at| at <= now) {
            self.look_around_at = None;
            let kad = self.swarm.behaviour_mut().kad.as_mut();
            let known = kad.map_or(0, |kad| {
                kad.kbuckets().map(|bucket| bucket.num_entries()).sum()
            });
            if known < kad::K_VALUE.get() {
                self.enter_dht();
            }
        }
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
        self.standing.send_if_modified(|standing| {
            let changed = standing.external != external;
            standing.external = external;
            changed
        });
    }

    pub(super) fn update_standing(&mut self) {
        let has_peers = self.peers.any_serves_dht() && !self.is_entering_dht;
        self.standing.send_if_modified(|standing: &mut Standing| {
            std::mem::replace(&mut standing.has_peers, has_peers) != has_peers
        });
    }

    pub(super) fn on_identified(&mut self, peer: PeerId, info: &identify::Info) {
        self.peers.identified(&peer, &info.agent_version);
        let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() else {
            return;
        };
        let is_server = kad
            .protocol_names()
            .iter()
            .any(|name| info.protocols.contains(name));
        if is_server {
            routing::add(kad, &self.reach, &peer, &info.listen_addrs);
            self.peers.serves_dht(&peer);
            self.update_standing();
        }
    }

    pub(super) fn on_kad(&mut self, event: Event) {
        match event {
            Event::InboundRequest {
                request:
                    InboundRequest::AddProvider {
                        record: Some(record),
                    },
            } => self.on_provider_record(record),
            Event::RoutingUpdated {
                is_new_peer: true, ..
            } => self.look_around_at = Some(Instant::now() + LOOK_AROUND_PAUSE),
            Event::OutboundQueryProgressed {
                id, result, step, ..
            } => match result {
                // Its first step found our own neighbourhood; the others, minutes long, only round off the table.
                QueryResult::Bootstrap(_) => {
                    if std::mem::take(&mut self.is_entering_dht) {
                        self.update_standing();
                        self.search_for_hungry();
                    }
                }
                QueryResult::StartProviding(result) => {
                    if let Some(reply) = self.providing.remove(&id) {
                        let _ = reply.send(result.is_ok());
                    }
                }
                result if self.on_search_for_trusted(id, &result, step.last) => {}
                result => {
                    let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() else {
                        return;
                    };
                    let found = self.finder.progress(kad, &self.reach, id, result, &step);
                    if let Some((session, targets)) = found {
                        self.believe(session, &targets);
                        self.connect_all(session, targets);
                    }
                }
            },
            _ => {}
        }
    }

    pub(super) fn provide(&mut self, key: &Multihash, reply: oneshot::Sender<bool>) {
        let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() else {
            let _ = reply.send(false);
            return;
        };
        match kad.start_providing(RecordKey::from(key.to_bytes())) {
            Ok(query) => drop(self.providing.insert(query, reply)),
            Err(error) => {
                tracing::debug!(%error, "can't announce");
                let _ = reply.send(false);
            }
        }
    }

    pub(super) fn stop_providing(&mut self, keys: &[Multihash]) {
        if let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() {
            for key in keys {
                kad.stop_providing(&RecordKey::from(key.to_bytes()));
            }
        }
    }

    /// Keeps what another peer says that it provides, with the addresses that are worth telling.
    fn on_provider_record(&mut self, mut record: kad::ProviderRecord) {
        let reach = &self.reach;
        record.addresses.retain(|address| reach.believes(address));
        record.addresses.truncate(MAX_PEER_ADDRESSES);
        if let Some(kad) = self.swarm.behaviour_mut().kad.as_mut()
            && let Err(error) = kad.store_mut().add_provider(record)
        {
            tracing::debug!(%error, "a provider record was refused");
        }
    }
}
