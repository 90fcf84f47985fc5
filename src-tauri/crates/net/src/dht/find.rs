//! Where to find who has something: the DHTs.
//!
//! The public DHT and that of this network are asked at once. They name providers, often with
//! addresses; where they don't, they are asked for the peer itself. What strangers say is believed
//! only as far as [`DialPolicy`] goes, and who names many is heard last. When to search again is
//! the exchange's to decide, it knows who is hungry; a search ends early when enough sources are
//! there.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

use std::collections::{HashMap, HashSet};
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
    MAX_ADDRESS_SEARCHES, MAX_NAMED_OF_ANSWER, MAX_NAMELESS, MAX_NAMELESS_OF_ANSWER,
    MAX_PEER_ADDRESSES, MAX_PROVIDERS, MAX_TOLD_ADDRESSES, MAX_WAITING_PROVIDERS,
    PROVIDERS_OF_ANSWER,
};
use crate::rounds::Rounds;

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

#[derive(Debug)]
struct Search {
    sessions: Vec<SessionId>,
    /// Who was named so far, ourselves left out, and where: the first word on that may be a lie.
    named: HashMap<PeerId, Vec<Multiaddr>>,
    /// Whom to dial, for sessions that come later.
    targets: Vec<Target>,
    /// Named by answers that named more than their share: they wait until everybody was heard.
    later: Rounds<Target>,
    /// Named without an address: all, and those of them that wait to be looked up.
    nameless: HashSet<PeerId>,
    waiting: Rounds<(DhtKind, PeerId)>,
    /// How many were looked up.
    looked_up: usize,
    /// When its last query ended.
    ended: Option<Instant>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            sessions: Vec::new(),
            named: HashMap::new(),
            targets: Vec::new(),
            later: Rounds::new(MAX_WAITING_PROVIDERS),
            nameless: HashSet::new(),
            waiting: Rounds::new(MAX_NAMELESS),
            looked_up: 0,
            ended: None,
        }
    }
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
                let kad = dhts.get(dht)?;
                let with_addresses = |peer| {
                    let is_there = local.peers.is_direct(&peer);
                    let known = || {
                        let known = known_addresses(kad, peer);
                        believable(dht, local.policy, known, MAX_TOLD_ADDRESSES)
                    };
                    (peer, (!is_there).then(known))
                };
                let others = named.into_iter().filter(|peer| *peer != local.peer);
                let targets = search.named(dht, others.map(with_addresses));
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
            targets.extend(search.later.take());
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
            && search.looked_up < MAX_NAMELESS
            && let Some((dht, peer)) = search.waiting.next()
        {
            search.looked_up += 1;
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

    /// One peer of the DHT named these, each with the addresses that are worth a dial; `None`: no
    /// dial is needed. A liar may name any number: each answer gets the same small share, so that
    /// providers named by other peers are tried no later.
    fn named(
        &mut self,
        dht: DhtKind,
        providers: impl IntoIterator<Item = (PeerId, Option<Vec<Multiaddr>>)>,
    ) -> Vec<Target> {
        let (mut targets, mut nameless) = (Vec::new(), Vec::new());
        for (peer, addresses) in providers {
            if targets.len() + nameless.len() >= MAX_NAMED_OF_ANSWER {
                break;
            }
            let told = self.named.get(&peer);
            let is_new = told.is_none();
            let addresses = match addresses {
                None if is_new => Vec::new(),
                None => continue,
                Some(addresses) => {
                    let told = told.map_or(&[][..], Vec::as_slice);
                    let room = MAX_TOLD_ADDRESSES.saturating_sub(told.len());
                    let new = |address: &Multiaddr| !told.contains(address);
                    let fresh = addresses.into_iter().filter(new);
                    // More words on one who was named are likelier lies.
                    let share = if is_new {
                        MAX_PEER_ADDRESSES
                    } else {
                        MAX_PEER_ADDRESSES / 2
                    };
                    let fresh: Vec<Multiaddr> = fresh.take(room.min(share)).collect();
                    if fresh.is_empty() {
                        let is_unknown = is_new && !self.nameless.contains(&peer);
                        if is_unknown && nameless.len() < MAX_NAMELESS_OF_ANSWER {
                            nameless.push((dht, peer));
                        }
                        continue;
                    }
                    fresh
                }
            };
            if is_new && self.named.len() >= MAX_PROVIDERS {
                continue;
            }
            let told = self.named.entry(peer).or_default();
            told.extend(addresses.iter().cloned());
            targets.push(Target::Peer(peer, addresses));
        }
        self.nameless.extend(nameless.iter().map(|(_, peer)| *peer));
        for (_, peer) in self.waiting.add(nameless) {
            self.nameless.remove(&peer);
        }
        let later = targets.split_off(targets.len().min(PROVIDERS_OF_ANSWER));
        for target in self.later.add(later) {
            if let Target::Peer(peer, _) = target {
                self.named.remove(&peer);
            }
        }
        targets
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
    let addresses = believable(dht, local.policy, itself.addrs, MAX_PEER_ADDRESSES);
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

/// Those of the addresses that are worth a dial.
pub(crate) fn believable(
    dht: DhtKind,
    policy: &DialPolicy,
    addresses: Vec<Multiaddr>,
    max: usize,
) -> Vec<Multiaddr> {
    let bare = addresses
        .into_iter()
        .map(|address| address::split_peer(address).0);
    let mut believable: Vec<Multiaddr> = Vec::new();
    for address in bare.filter(|address| dht.believes(policy, address)) {
        if believable.len() < max && !believable.contains(&address) {
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
            believable(DhtKind::Public, &policy, told, 10),
            ["/ip4/8.8.8.8/tcp/1".parse().unwrap()]
        );
    }

    fn at(number: usize) -> Vec<Multiaddr> {
        vec![
            format!("/ip4/8.8.{}.{}/tcp/1", number / 256, number % 256)
                .parse()
                .unwrap(),
        ]
    }

    fn lies(many: usize) -> Vec<(PeerId, Option<Vec<Multiaddr>>)> {
        let lie = |number| (PeerId::random(), Some(at(number)));
        (0..many).map(lie).collect()
    }

    #[test]
    fn one_who_names_hundreds_leaves_room_for_those_who_are_heard_later() {
        let mut search = Search::default();
        let mut dialled = 0;
        for _ in 0..100 {
            let targets = search.named(DhtKind::Public, lies(300));
            assert!(targets.len() <= PROVIDERS_OF_ANSWER);
            dialled += targets.len();
            if search.named.len() >= MAX_PROVIDERS - MAX_NAMED_OF_ANSWER {
                break;
            }
        }
        assert!(dialled > 0);
        let honest = PeerId::random();
        let named = search.named(DhtKind::Public, [(honest, Some(at(1)))]);
        assert_eq!(named, [Target::Peer(honest, at(1))]);
    }

    #[test]
    fn a_lie_about_where_a_provider_is_does_not_hide_where_it_is() {
        let mut search = Search::default();
        let provider = PeerId::random();
        let lie = [(provider, Some(at(1)))];
        assert_eq!(
            search.named(DhtKind::Public, lie),
            [Target::Peer(provider, at(1))]
        );
        let all = [at(1), at(2)].concat();
        let truth = [(provider, Some(all.clone()))];
        assert_eq!(
            search.named(DhtKind::Public, truth),
            [Target::Peer(provider, at(2))]
        );
        assert_eq!(search.named(DhtKind::Public, [(provider, Some(all))]), []);
        assert_eq!(search.named(DhtKind::Public, [(provider, None)]), []);
        for number in 0..1000 {
            search.named(DhtKind::Public, [(provider, Some(at(number)))]);
        }
        assert!(search.named[&provider].len() <= MAX_TOLD_ADDRESSES);
    }

    #[test]
    fn those_without_address_are_looked_up_by_turns() {
        let mut search = Search::default();
        let nameless = |many: usize| (0..many).map(|_| (PeerId::random(), Some(Vec::new())));
        for _ in 0..100 {
            assert_eq!(search.named(DhtKind::Public, nameless(300)), []);
        }
        assert!(search.nameless.len() <= MAX_NAMELESS);
        let mut search = Search::default();
        search.named(DhtKind::Public, nameless(300));
        let honest = PeerId::random();
        search.named(DhtKind::Public, [(honest, Some(Vec::new()))]);
        search.waiting.next();
        assert_eq!(search.waiting.next(), Some((DhtKind::Public, honest)));
    }
}
