//! Where to find who has something: the DHTs.
//!
//! The public DHT and that of this network are asked at once. They name providers, often with
//! addresses; where they don't, they are asked for the peer itself. What strangers say is believed
//! only as far as [`DialPolicy`] goes, and who names many is heard last. When to search again is
//! the exchange's to decide, it knows who is hungry; a search ends early when enough sources are
//! there.

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

use crate::address::{self, DialPolicy};
use crate::connections::peers::Peers;
use crate::dht::records::ProviderStore;
use crate::exchange::dial::Target;
use crate::limits::{
    MAX_ADDRESS_SEARCHES, MAX_NAMELESS, MAX_PEER_ADDRESSES, MAX_PROVIDERS, PROVIDERS_OF_ANSWER,
};

type Kad = kad::Behaviour<ProviderStore>;

/// How long a search that ended answers for the next one: less than the shortest pause between two
/// searches of one session.
const FRESH: Duration = Duration::from_secs(4);

/// The two DHTs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum DhtKind {
    Public,
    /// That of this network.
    Local,
}

impl DhtKind {
    pub(crate) const BOTH: [Self; 2] = [Self::Local, Self::Public];

    /// Whether an address that the DHT named is worth a dial.
    pub(crate) fn believes(self, policy: &DialPolicy, address: &Multiaddr) -> bool {
        match self {
            Self::Public => policy.believes(address),
            Self::Local => policy.is_near(address),
        }
    }
}

/// Both DHTs, as far as they are switched on.
pub(crate) struct Kads<'a> {
    pub(crate) public: Option<&'a mut Kad>,
    pub(crate) local: Option<&'a mut Kad>,
}

impl Kads<'_> {
    pub(crate) fn get(&mut self, dht: DhtKind) -> Option<&mut Kad> {
        match dht {
            DhtKind::Public => self.public.as_deref_mut(),
            DhtKind::Local => self.local.as_deref_mut(),
        }
    }
}

/// Searches of the DHTs under way, for sessions. Sessions of one root share theirs.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    searches: HashMap<RecordKey, Search>,
    queries: HashMap<(DhtKind, QueryId), Query>,
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
    waiting: VecDeque<(DhtKind, PeerId)>,
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
    /// Looks for providers, unless that is under way or was done just now. Gives the providers that
    /// are known already.
    pub(crate) fn search(
        &mut self,
        dhts: &mut Kads<'_>,
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
        for dht in DhtKind::BOTH {
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
    pub(crate) fn find_peer(&mut self, dhts: &mut Kads<'_>, session: SessionId, peer: PeerId) {
        let mut of_session = self
            .queries
            .values()
            .filter(|query| query.is_of_session(session));
        let same = |query: &Query| matches!(query, Query::Hint(_, other) if *other == peer);
        if of_session.clone().count() < DhtKind::BOTH.len() * MAX_ADDRESS_SEARCHES
            && !of_session.any(same)
        {
            for dht in DhtKind::BOTH {
                if let Some(kad) = dhts.get(dht) {
                    let id = kad.get_closest_peers(peer);
                    self.queries.insert((dht, id), Query::Hint(session, peer));
                }
            }
        }
    }

    /// The session has all the sources that it can use, or is over: it searches no more.
    pub(crate) fn forget(&mut self, dhts: &mut Kads<'_>, session: SessionId) {
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
        dhts: &mut Kads<'_>,
        local: &Local<'_>,
        (dht, id): (DhtKind, QueryId),
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
    fn look_up_nameless(&mut self, dhts: &mut Kads<'_>, key: &RecordKey) {
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
    pub(crate) policy: &'a DialPolicy,
    pub(crate) peers: &'a Peers,
    pub(crate) now: Instant,
}

impl Search {
    fn is_needed(&self, now: Instant) -> bool {
        self.ended.is_none_or(|ended| now < ended + FRESH)
    }

    /// One peer of the DHT named these. A liar may name any number: each answer gets the same small
    /// share of dials at first, so that providers named by other peers are tried no later.
    fn named(
        &mut self,
        kad: &mut Kad,
        dht: DhtKind,
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
                let known = believable(dht, local.policy, known_addresses(kad, peer));
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
    dht: DhtKind,
    local: &Local<'_>,
    peer: PeerId,
    result: GetClosestPeersResult,
) -> Option<Target> {
    let (Ok(GetClosestPeersOk { peers, .. }) | Err(GetClosestPeersError::Timeout { peers, .. })) =
        result;
    let itself = peers.into_iter().find(|info| info.peer_id == peer)?;
    let addresses = believable(dht, local.policy, itself.addrs);
    (!addresses.is_empty()).then_some(Target::Peer(peer, addresses))
}

/// What the DHT calls a block: its multihash.
pub(crate) fn key(cid: &Cid) -> RecordKey {
    RecordKey::from(cid.hash().to_bytes())
}

/// The addresses that running queries have brought up for a peer. The event names providers without
/// them, and they are gone when the query ends; but a dial would be given them, so this asks what a
/// dial would be given.
fn known_addresses(kad: &mut Kad, peer: PeerId) -> Vec<Multiaddr> {
    let no_connection = ConnectionId::new_unchecked(0);
    kad.handle_pending_outbound_connection(no_connection, Some(peer), &[], Endpoint::Dialer)
        .unwrap_or_default()
}

pub(crate) fn believable(
    dht: DhtKind,
    policy: &DialPolicy,
    addresses: Vec<Multiaddr>,
) -> Vec<Multiaddr> {
    let bare = addresses
        .into_iter()
        .map(|address| address::split_peer(address).0);
    let mut believable: Vec<Multiaddr> = Vec::new();
    for address in bare.filter(|address| dht.believes(policy, address)) {
        if believable.len() < MAX_PEER_ADDRESSES && !believable.contains(&address) {
            believable.push(address);
        }
    }
    if dht == DhtKind::Local {
        policy.hear_nearby(&believable);
    }
    believable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_believed_about_public_addresses_only() {
        let policy = DialPolicy::new(false, true, false);
        let texts = [
            "/ip4/8.8.8.8/tcp/1",
            "/ip4/127.0.0.1/tcp/1",
            "/ip4/192.168.1.2/tcp/1",
            "/ip4/8.8.8.8/tcp/1",
        ];
        let told = texts.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(
            believable(DhtKind::Public, &policy, told),
            ["/ip4/8.8.8.8/tcp/1".parse().unwrap()]
        );
    }
}
