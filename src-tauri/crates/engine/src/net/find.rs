//! Where to find who has something: the DHT, and the devices on this network.
//!
//! The DHT names providers, often with addresses; where it doesn't, the DHT is asked for the peer itself. What strangers say is
//! believed only as far as [`Reach`] goes, and each search ends as soon as it has found enough. When to search again is the
//! exchange's to decide: it knows who is hungry.

use std::collections::{HashMap, HashSet};

use bitswap::SessionId;
use libp2p::core::Endpoint;
use libp2p::kad::{
    self, GetClosestPeersError, GetClosestPeersOk, GetProvidersOk, ProgressStep, QueryId,
    QueryResult, RecordKey,
};
use libp2p::swarm::{ConnectionId, NetworkBehaviour};
use libp2p::{Multiaddr, PeerId};
use unixfs::cid::Cid;

use super::address::{self, Reach};
use super::dial::Target;
use super::kad_store::ProviderStore;
use crate::limits::{ENOUGH_PROVIDERS, MAX_ADDRESS_SEARCHES, MAX_LAN_PEERS, MAX_PEER_ADDRESSES};

type Kad = kad::Behaviour<ProviderStore>;

/// Searches of the DHT under way, for sessions.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    searches: HashMap<SessionId, Search>,
    queries: HashMap<QueryId, Query>,
}

#[derive(Debug)]
struct Search {
    providers: QueryId,
    found: HashSet<PeerId>,
    address_searches: usize,
}

#[derive(Debug, Clone, Copy)]
enum Query {
    Providers(SessionId),
    /// The addresses of a provider that was named without any.
    Addresses(SessionId, PeerId),
}

impl Query {
    fn session(&self) -> SessionId {
        let (Self::Providers(session) | Self::Addresses(session, _)) = self;
        *session
    }
}

impl Finder {
    /// Starts to look for providers, unless that is under way.
    pub(crate) fn search(&mut self, kad: &mut Kad, session: SessionId, root: &Cid) {
        self.searches.entry(session).or_insert_with(|| {
            let providers = kad.get_providers(key(root));
            self.queries.insert(providers, Query::Providers(session));
            Search {
                providers,
                found: HashSet::new(),
                address_searches: 0,
            }
        });
    }

    /// Looks for the addresses of a peer that is known by its name only.
    pub(crate) fn find_peer(&mut self, kad: &mut Kad, session: SessionId, peer: PeerId) {
        let same = |query: &Query| matches!(query, Query::Addresses(_, other) if *other == peer);
        let mut of_session = self
            .queries
            .values()
            .filter(|query| query.session() == session);
        if of_session.clone().count() <= MAX_ADDRESS_SEARCHES && !of_session.any(same) {
            let query = kad.get_closest_peers(peer);
            self.queries.insert(query, Query::Addresses(session, peer));
        }
    }

    /// The session is over, and so are its searches.
    pub(crate) fn forget(&mut self, kad: &mut Kad, session: SessionId) {
        self.searches.remove(&session);
        self.queries.retain(|id, query| {
            let is_its = query.session() == session;
            if is_its && let Some(mut query) = kad.query_mut(id) {
                query.finish();
            }
            !is_its
        });
    }

    /// A query came along. Gives the session that it was for, and whom to dial.
    pub(crate) fn progress(
        &mut self,
        kad: &mut Kad,
        reach: &Reach,
        id: QueryId,
        result: QueryResult,
        step: &ProgressStep,
    ) -> Option<(SessionId, Vec<Target>)> {
        let query = *self.queries.get(&id)?;
        if step.last {
            self.queries.remove(&id);
        }
        match (query, result) {
            (Query::Providers(session), QueryResult::GetProviders(result)) => {
                let found = match result {
                    Ok(GetProvidersOk::FoundProviders { providers, .. }) => providers,
                    _ => HashSet::new(),
                };
                let targets = self.found(kad, reach, session, found);
                if step.last {
                    self.searches.remove(&session);
                }
                Some((session, targets))
            }
            (Query::Addresses(session, peer), QueryResult::GetClosestPeers(result)) => {
                let (Ok(GetClosestPeersOk { peers, .. })
                | Err(GetClosestPeersError::Timeout { peers, .. })) = result;
                let itself = peers.into_iter().find(|info| info.peer_id == peer)?;
                let addresses = believable(reach, itself.addrs);
                let targets = (!addresses.is_empty()).then(|| Target::Peer(peer, addresses));
                Some((session, targets.into_iter().collect()))
            }
            _ => None,
        }
    }

    fn found(
        &mut self,
        kad: &mut Kad,
        reach: &Reach,
        session: SessionId,
        providers: HashSet<PeerId>,
    ) -> Vec<Target> {
        let Some(search) = self.searches.get_mut(&session) else {
            return Vec::new();
        };
        let mut targets = Vec::new();
        for peer in providers {
            if search.found.len() >= ENOUGH_PROVIDERS {
                if let Some(mut query) = kad.query_mut(&search.providers) {
                    query.finish();
                }
                break;
            }
            if !search.found.insert(peer) {
                continue;
            }
            let addresses = believable(reach, known_addresses(kad, peer));
            if !addresses.is_empty() {
                targets.push(Target::Peer(peer, addresses));
            } else if search.address_searches < MAX_ADDRESS_SEARCHES {
                search.address_searches += 1;
                let query = kad.get_closest_peers(peer);
                self.queries.insert(query, Query::Addresses(session, peer));
            }
        }
        targets
    }
}

/// What the DHT calls a block: its multihash.
pub(crate) fn key(cid: &Cid) -> RecordKey {
    RecordKey::from(cid.hash().to_bytes())
}

/// The addresses that running queries have brought up for a peer. The event names providers without them, and they are
/// gone when the query ends; but a dial would be given them, so this asks what a dial would be given.
fn known_addresses(kad: &mut Kad, peer: PeerId) -> Vec<Multiaddr> {
    let no_connection = ConnectionId::new_unchecked(0);
    kad.handle_pending_outbound_connection(no_connection, Some(peer), &[], Endpoint::Dialer)
        .unwrap_or_default()
}

pub(crate) fn believable(reach: &Reach, addresses: Vec<Multiaddr>) -> Vec<Multiaddr> {
    let bare = addresses
        .into_iter()
        .map(|address| address::split_peer(address).0);
    let mut believable: Vec<Multiaddr> = Vec::new();
    for address in bare.filter(|address| reach.believes(address)) {
        if believable.len() < MAX_PEER_ADDRESSES && !believable.contains(&address) {
            believable.push(address);
        }
    }
    believable
}

/// Devices that made themselves known on this network.
#[derive(Debug, Default)]
pub(crate) struct Lan(HashMap<PeerId, Vec<Multiaddr>>);

impl Lan {
    pub(crate) fn discovered(&mut self, found: Vec<(PeerId, Multiaddr)>) {
        for (peer, address) in found {
            if self.0.len() >= MAX_LAN_PEERS && !self.0.contains_key(&peer) {
                continue;
            }
            let addresses = self.0.entry(peer).or_default();
            let (address, _) = address::split_peer(address);
            if addresses.len() < MAX_PEER_ADDRESSES && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }

    pub(crate) fn expired(&mut self, gone: Vec<(PeerId, Multiaddr)>) {
        for (peer, address) in gone {
            let (address, _) = address::split_peer(address);
            if let Some(addresses) = self.0.get_mut(&peer) {
                addresses.retain(|known| *known != address);
                if addresses.is_empty() {
                    self.0.remove(&peer);
                }
            }
        }
    }

    pub(crate) fn addresses(&self, peer: &PeerId) -> Vec<Multiaddr> {
        self.0.get(peer).cloned().unwrap_or_default()
    }

    /// Forgets peers, or single addresses of theirs.
    pub(crate) fn forget(&mut self, is_gone: impl Fn(&PeerId, &Multiaddr) -> bool) {
        self.0.retain(|peer, addresses| {
            addresses.retain(|address| !is_gone(peer, address));
            !addresses.is_empty()
        });
    }

    pub(crate) fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.0.keys().copied()
    }

    pub(crate) fn targets(&self) -> Vec<Target> {
        let target = |(peer, addresses): (&PeerId, &Vec<_>)| Target::Peer(*peer, addresses.clone());
        self.0.iter().map(target).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_come_and_go_and_are_bounded() {
        let address: Multiaddr = "/ip4/192.168.1.2/tcp/1".parse().unwrap();
        let peer = PeerId::random();
        let mut lan = Lan::default();
        lan.discovered(vec![(peer, address::with_peer(&address, peer))]);
        assert_eq!(lan.targets(), [Target::Peer(peer, vec![address.clone()])]);
        lan.expired(vec![(peer, address.clone())]);
        assert!(lan.targets().is_empty());
        for _ in 0..2 * MAX_LAN_PEERS {
            lan.discovered(vec![(PeerId::random(), address.clone())]);
        }
        assert_eq!(lan.targets().len(), MAX_LAN_PEERS);
    }

    #[test]
    fn strangers_are_believed_about_public_addresses_only() {
        let reach = Reach::new(false, true, false);
        let texts = [
            "/ip4/8.8.8.8/tcp/1",
            "/ip4/127.0.0.1/tcp/1",
            "/ip4/192.168.1.2/tcp/1",
            "/ip4/8.8.8.8/tcp/1",
        ];
        let told = texts.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(
            believable(&reach, told),
            ["/ip4/8.8.8.8/tcp/1".parse().unwrap()]
        );
    }
}
