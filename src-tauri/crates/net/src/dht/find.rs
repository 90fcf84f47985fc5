//! Where to find who has something: the DHT, and the devices on this network.
//!
//! The public DHT and that of this network are asked at once. They name providers, often with addresses; where they don't, they are
//! asked for the peer itself. What strangers say is believed only as far as [`Reach`] goes, and who names many is heard last. When
//! to search again is the exchange's to decide, it knows who is hungry; a search ends early when enough sources are there.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use bitswap::SessionId;
use libp2p::core::Endpoint;
use libp2p::kad::{
    self, GetClosestPeersError, GetClosestPeersOk, GetClosestPeersResult, GetProvidersOk,
    ProgressStep, QueryId, QueryResult, RecordKey,
};
use libp2p::swarm::{ConnectionId, NetworkBehaviour};
use libp2p::{Multiaddr, PeerId};
use unixfs::cid::Cid;

use crate::address::{self, Reach};
use crate::connections::peers::Peers;
use crate::dht::records::ProviderStore;
use crate::exchange::dial::Target;
use crate::limits::{
    MAX_ADDRESS_SEARCHES, MAX_LAN_PEERS, MAX_NAMELESS, MAX_PEER_ADDRESSES, MAX_PROVIDERS,
    PROVIDERS_OF_ANSWER,
};

type Kad = kad::Behaviour<ProviderStore>;

/// How long a search that ended answers for the next one: less than the shortest pause between two searches of one session.
const FRESH: Duration = Duration::from_secs(4);

/// The two DHTs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Dht {
    Public,
    /// That of this network.
    Local,
}

impl Dht {
    pub(crate) const BOTH: [Self; 2] = [Self::Local, Self::Public];

    /// Whether an address that the DHT named is worth a dial.
    pub(crate) fn believes(self, reach: &Reach, address: &Multiaddr) -> bool {
        match self {
            Self::Public => reach.believes(address),
            Self::Local => reach.is_near(address),
        }
    }
}

/// Both DHTs, as far as they are switched on.
pub(crate) struct Dhts<'a> {
    pub(crate) public: Option<&'a mut Kad>,
    pub(crate) local: Option<&'a mut Kad>,
}

impl Dhts<'_> {
    pub(crate) fn get(&mut self, dht: Dht) -> Option<&mut Kad> {
        match dht {
            Dht::Public => self.public.as_deref_mut(),
            Dht::Local => self.local.as_deref_mut(),
        }
    }
}

/// Searches of the DHTs under way, for sessions. Sessions of one root share theirs.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    searches: HashMap<RecordKey, Search>,
    queries: HashMap<(Dht, QueryId), Query>,
}

#[derive(Debug, Default)]
struct Search {
    sessions: Vec<SessionId>,
    /// Who was named so far, ourselves left out.
    named: HashSet<PeerId>,
    /// Whom to dial, for sessions that come later.
    targets: Vec<Target>,
    /// Named by answers that named more than their share: they wait until everybody was heard.
    later: Vec<Target>,
    /// Named without an address: all, and those of them that wait to be looked up.
    nameless: HashSet<PeerId>,
    waiting: VecDeque<(Dht, PeerId)>,
    /// When its last query ended.
    ended: Option<Instant>,
}

#[derive(Debug, Clone)]
enum Query {
    Providers(RecordKey),
    /// The addresses of a provider that was named without any.
    Addresses(RecordKey, PeerId),
    /// The addresses of a peer that a session's link names.
    Hint(SessionId, PeerId),
}

impl Query {
    fn is_of(&self, key: &RecordKey) -> bool {
        match self {
            Self::Providers(other) | Self::Addresses(other, _) => other == key,
            Self::Hint(..) => false,
        }
    }

    fn is_of_session(&self, session: SessionId) -> bool {
        matches!(self, Self::Hint(other, _) if *other == session)
    }
}

impl Finder {
    /// Looks for providers, unless that is under way or was done just now. Gives who is known already.
    pub(crate) fn search(
        &mut self,
        dhts: &mut Dhts<'_>,
        session: SessionId,
        root: &Cid,
        now: Instant,
    ) -> Vec<Target> {
        self.searches.retain(|_, search| search.is_needed(now));
        let key = key(root);
        if let Some(search) = self.searches.get_mut(&key) {
            if !search.sessions.contains(&session) {
                search.sessions.push(session);
            }
            return search.targets.clone();
        }
        let mut search = Search::default();
        search.sessions.push(session);
        for dht in Dht::BOTH {
            if let Some(kad) = dhts.get(dht) {
                let id = kad.get_providers(key.clone());
                self.queries
                    .insert((dht, id), Query::Providers(key.clone()));
            }
        }
        self.searches.insert(key, search);
        Vec::new()
    }

    /// There are new ways to find peers: what was found out before counts no more.
    pub(crate) fn begin_anew(&mut self) {
        self.searches.retain(|_, search| search.ended.is_none());
    }

    /// Looks for the addresses of a peer that is known by its name only.
    pub(crate) fn find_peer(&mut self, dhts: &mut Dhts<'_>, session: SessionId, peer: PeerId) {
        let mut of_session = self
            .queries
            .values()
            .filter(|query| query.is_of_session(session));
        let same = |query: &Query| matches!(query, Query::Hint(_, other) if *other == peer);
        if of_session.clone().count() < Dht::BOTH.len() * MAX_ADDRESS_SEARCHES
            && !of_session.any(same)
        {
            for dht in Dht::BOTH {
                if let Some(kad) = dhts.get(dht) {
                    let id = kad.get_closest_peers(peer);
                    self.queries.insert((dht, id), Query::Hint(session, peer));
                }
            }
        }
    }

    /// The session has all the sources that it can use, or is over: it searches no more.
    pub(crate) fn forget(&mut self, dhts: &mut Dhts<'_>, session: SessionId) {
        let mut unwanted = Vec::new();
        for (key, search) in &mut self.searches {
            search.sessions.retain(|other| *other != session);
            if search.sessions.is_empty() && search.ended.is_none() {
                unwanted.push(key.clone());
            }
        }
        for key in &unwanted {
            self.searches.remove(key);
        }
        self.queries.retain(|(dht, id), query| {
            let is_unwanted =
                query.is_of_session(session) || unwanted.iter().any(|key| query.is_of(key));
            if is_unwanted
                && let Some(kad) = dhts.get(*dht)
                && let Some(mut query) = kad.query_mut(id)
            {
                query.finish();
            }
            !is_unwanted
        });
    }

    /// A query came along. Gives the sessions that it was for, and whom to dial.
    pub(crate) fn progress(
        &mut self,
        dhts: &mut Dhts<'_>,
        local: &Local<'_>,
        (dht, id): (Dht, QueryId),
        result: QueryResult,
        step: &ProgressStep,
    ) -> Option<(Vec<SessionId>, Vec<Target>)> {
        let query = self.queries.get(&(dht, id))?.clone();
        if step.last {
            self.queries.remove(&(dht, id));
        }
        let (key, mut targets) = match (query, result) {
            (Query::Providers(key), QueryResult::GetProviders(result)) => {
                let named = match result {
                    Ok(GetProvidersOk::FoundProviders { providers, .. }) => providers,
                    _ => HashSet::new(),
                };
                let search = self.searches.get_mut(&key)?;
                let targets = search.named(dhts.get(dht)?, dht, local, named);
                (key, targets)
            }
            (Query::Addresses(key, peer), QueryResult::GetClosestPeers(result)) => {
                (key, target(dht, local, peer, result).into_iter().collect())
            }
            (Query::Hint(session, peer), QueryResult::GetClosestPeers(result)) => {
                let target = target(dht, local, peer, result)?;
                return Some((vec![session], vec![target]));
            }
            _ => return None,
        };
        self.look_up_nameless(dhts, &key);
        let is_over = !self.queries.values().any(|query| query.is_of(&key));
        let search = self.searches.get_mut(&key)?;
        if is_over {
            search.ended = Some(local.now);
            targets.append(&mut search.later);
        }
        search.targets.extend(targets.iter().cloned());
        Some((search.sessions.clone(), targets))
    }

    /// Asks for the addresses of those who were named without, a few at a time.
    fn look_up_nameless(&mut self, dhts: &mut Dhts<'_>, key: &RecordKey) {
        let is_address =
            |query: &&Query| matches!(query, Query::Addresses(other, _) if other == key);
        let mut under_way = self.queries.values().filter(is_address).count();
        let Some(search) = self.searches.get_mut(key) else {
            return;
        };
        while under_way < MAX_ADDRESS_SEARCHES
            && let Some((dht, peer)) = search.waiting.pop_front()
        {
            if let Some(kad) = dhts.get(dht) {
                let id = kad.get_closest_peers(peer);
                self.queries
                    .insert((dht, id), Query::Addresses(key.clone(), peer));
                under_way += 1;
            }
        }
    }
}

/// What the finder has to know of us.
pub(crate) struct Local<'a> {
    pub(crate) peer: PeerId,
    pub(crate) reach: &'a Reach,
    pub(crate) peers: &'a Peers,
    pub(crate) now: Instant,
}

impl Search {
    fn is_needed(&self, now: Instant) -> bool {
        self.ended.is_none_or(|ended| now < ended + FRESH)
    }

    /// One peer of the DHT named these. A liar may name any number: each answer gets the same small share of dials at first,
    /// so that who was named by others is tried no later.
    fn named(
        &mut self,
        kad: &mut Kad,
        dht: Dht,
        local: &Local<'_>,
        providers: HashSet<PeerId>,
    ) -> Vec<Target> {
        let mut now = Vec::new();
        for peer in providers {
            if self.named.len() >= MAX_PROVIDERS {
                break;
            }
            if peer == local.peer || self.named.contains(&peer) {
                continue;
            }
            let addresses = if local.peers.is_direct(&peer) {
                Vec::new()
            } else {
                let known = believable(dht, local.reach, known_addresses(kad, peer));
                if known.is_empty() {
                    if self.nameless.len() < MAX_NAMELESS && self.nameless.insert(peer) {
                        self.waiting.push_back((dht, peer));
                    }
                    continue;
                }
                known
            };
            self.named.insert(peer);
            let target = Target::Peer(peer, addresses);
            if now.len() < PROVIDERS_OF_ANSWER {
                now.push(target);
            } else {
                self.later.push(target);
            }
        }
        now
    }
}

/// The peer that was looked up, if it was found at addresses worth a dial.
fn target(
    dht: Dht,
    local: &Local<'_>,
    peer: PeerId,
    result: GetClosestPeersResult,
) -> Option<Target> {
    let (Ok(GetClosestPeersOk { peers, .. }) | Err(GetClosestPeersError::Timeout { peers, .. })) =
        result;
    let itself = peers.into_iter().find(|info| info.peer_id == peer)?;
    let addresses = believable(dht, local.reach, itself.addrs);
    (!addresses.is_empty()).then_some(Target::Peer(peer, addresses))
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

pub(crate) fn believable(dht: Dht, reach: &Reach, addresses: Vec<Multiaddr>) -> Vec<Multiaddr> {
    let bare = addresses
        .into_iter()
        .map(|address| address::split_peer(address).0);
    let mut believable: Vec<Multiaddr> = Vec::new();
    for address in bare.filter(|address| dht.believes(reach, address)) {
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
    /// Gives those that are new, with their addresses.
    pub(crate) fn discovered(
        &mut self,
        found: Vec<(PeerId, Multiaddr)>,
    ) -> Vec<(PeerId, Vec<Multiaddr>)> {
        let mut new = Vec::new();
        for (peer, address) in found {
            if self.0.len() >= MAX_LAN_PEERS && !self.0.contains_key(&peer) {
                continue;
            }
            if !self.0.contains_key(&peer) {
                new.push(peer);
            }
            let addresses = self.0.entry(peer).or_default();
            let (address, _) = address::split_peer(address);
            if addresses.len() < MAX_PEER_ADDRESSES && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let with_addresses = |peer| Some((peer, self.0.get(&peer)?.clone()));
        new.into_iter().filter_map(with_addresses).collect()
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
            believable(Dht::Public, &reach, told),
            ["/ip4/8.8.8.8/tcp/1".parse().unwrap()]
        );
    }
}
