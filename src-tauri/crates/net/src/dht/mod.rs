//! The DHTs, the public one and that of this network: bootstrap, who is in their tables, what they
//! find, what is announced in them, and what others announce to us.
//!
//! [`Dht`] is told what happened and works on both tables, [`Kads`], which libp2p holds. What it
//! finds for others it gives back.
//!
//! | file | owns |
//! |---|---|
//! | `find` | searches for who has something |
//! | `announce` | what is announced and republished, and when |
//! | `routing` `refresh` | who may enter the tables, and when they are refreshed |
//! | `records` | what the DHT gave us to keep |
//! | `lan` | this network's own DHT, closed to everybody outside |
//! | `paced` | how much of a peer's messages is looked at |
//! | `remember` | peers from one run to the next |

pub(crate) mod announce;
pub(crate) mod find;
pub(crate) mod lan;
pub(crate) mod paced;
pub(crate) mod records;
pub(crate) mod refresh;
pub(crate) mod remember;
pub(crate) mod routing;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use bitswap::SessionId;
use libp2p::kad::store::RecordStore as _;
use libp2p::kad::{
    self, Event, GetClosestPeersError, GetClosestPeersOk, InboundRequest, Mode, ProgressStep,
    QueryId, QueryResult, RecordKey,
};
use libp2p::{Multiaddr, PeerId, identify};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use unixfs::cid::Multihash;

use self::announce::{AnnounceState, AnnounceStates, Announcer, Request};
use self::find::{DhtKind, Finder, Kads, Local};
use self::lan::LanDht;
use self::refresh::Refresh;
use crate::address::{self, DialPolicy, is_relayed};
use crate::connections::trust::behaviour::Behaviour as Trust;
use crate::exchange::dial::Target;
use crate::limits::{MAX_PEER_ADDRESSES, WAITING_COMMANDS};
use crate::memory::Memory;

/// Peers that answer on the way to a key and take note of it there, when all is well: then it
/// doesn't matter how many others fail.
const HEARD: u32 = 30;

#[derive(Debug)]
pub(crate) struct Dht {
    pub(crate) finder: Finder,
    /// Announcements under way, with the channels that wait for their outcome.
    announcing: HashMap<(DhtKind, QueryId), oneshot::Sender<bool>>,
    /// Told to the announcer.
    states: watch::Sender<AnnounceStates>,
    /// What the announcer asks.
    requests: mpsc::Receiver<Request>,
    #[cfg(debug_assertions)]
    announcer: JoinHandle<()>,
    /// Peers to enter the DHT through: the person's choice, and those of the last run.
    bootstrap: Vec<Multiaddr>,
    /// DHTs of which we don't know our own neighbourhood yet.
    entering: HashSet<DhtKind>,
    /// Searches for where trusted peers are.
    trusted: HashMap<QueryId, PeerId>,
    refresh: Refresh,
    memory: Memory,
}

/// What came out of a DHT's event.
#[derive(Debug)]
pub(crate) enum News {
    /// Our neighbourhood is known now: searches find more than before.
    Entered,
    /// For these sessions, peers that are said to have their content.
    Found(Vec<SessionId>, Vec<Target>),
    /// Where a trusted peer is.
    Trusted(PeerId, Vec<Multiaddr>),
}

impl Dht {
    /// `changes` says that other keys may be to be announced.
    pub(crate) fn new(bootstrap: &[Multiaddr], memory: &Memory, changes: Arc<Notify>) -> Self {
        let (sender, requests) = mpsc::channel(WAITING_COMMANDS);
        let states = watch::Sender::default();
        let announcer = Announcer::start(memory.clone(), changes, states.subscribe(), sender);
        // Its end is seen by that of its requests.
        #[cfg(not(debug_assertions))]
        drop(announcer);
        Self {
            finder: Finder::default(),
            announcing: HashMap::new(),
            states,
            requests,
            #[cfg(debug_assertions)]
            announcer,
            bootstrap: bootstrap.to_vec(),
            entering: HashSet::new(),
            trusted: HashMap::new(),
            refresh: Refresh::default(),
            memory: memory.clone(),
        }
    }

    /// As if the announcer had broken.
    #[cfg(debug_assertions)]
    pub(crate) fn break_off(&self) {
        self.announcer.abort();
    }

    /// What the announcer asks next. `None`: it has broken.
    pub(crate) async fn next(&mut self) -> Option<Request> {
        self.requests.recv().await
    }

    pub(crate) fn has_timers(&self) -> bool {
        self.refresh.is_planned()
    }

    /// Other bootstrap peers, instead of those known so far.
    pub(crate) fn set_bootstrap(&mut self, peers: &[Multiaddr]) {
        self.bootstrap = peers.to_vec();
    }

    /// Adds the peers of the last run to the bootstrap peers.
    pub(crate) async fn recall(&mut self) {
        let remembered = remember::recall(&self.memory).await;
        self.bootstrap.extend(remembered);
    }

    /// Keeps the public DHT's peers for the next run.
    pub(crate) fn remember(&self, kads: Kads<'_>) -> Option<JoinHandle<()>> {
        remember::keep(&self.memory, kads.public?)
    }

    /// Makes the bootstrap peers known to the public DHT.
    pub(crate) fn bootstrap(&self, kads: &mut Kads<'_>, trust: &Trust) {
        let Some(kad) = kads.public.as_deref_mut() else {
            return;
        };
        for address in &self.bootstrap {
            if let (address, Some(peer)) = address::split_peer(address.clone())
                && !trust.is_blocked(&peer)
            {
                kad.add_address(&peer, address);
            }
        }
    }

    /// Refreshes both tables, which fills them. One whose table is empty is entered like at the
    /// start: peers that can't be reached leave the table, and all do while there is no network.
    pub(crate) fn enter(&mut self, mut kads: Kads<'_>, trust: &Trust) {
        if is_outside(&mut kads) {
            self.bootstrap(&mut kads, trust);
        }
        for dht in DhtKind::BOTH {
            let Some(kad) = kads.get(dht) else {
                continue;
            };
            if routing::is_refreshing(kad) {
                // Networks come several at once. One refresh is enough for all, unless it comes to
                // nothing.
                self.refresh.begin(Instant::now());
            } else if kad.bootstrap().is_ok() {
                // It fails only while the table is empty, and then there is no peer to ask.
                self.entering.insert(dht);
            }
        }
    }

    /// Throws away what expired, and bootstraps again where a table is empty.
    pub(crate) fn tidy(&mut self, mut kads: Kads<'_>, trust: &Trust) {
        for dht in DhtKind::BOTH {
            if let Some(kad) = kads.get(dht) {
                kad.store_mut().expire(Instant::now());
            }
        }
        if is_outside(&mut kads) {
            self.enter(kads, trust);
        }
    }

    /// Refreshes the tables once more after a new peer came in, as long as few are known, and a few
    /// times more after that. Peers that joined a new network at the same moment would else not
    /// hear of each other for ten minutes; nor would one whose bootstrap peer was too busy to
    /// answer.
    pub(crate) fn tick(&mut self, mut kads: Kads<'_>, trust: &Trust, now: Instant) {
        if !self.refresh.is_due(now) {
            return;
        }
        if is_outside(&mut kads) {
            self.bootstrap(&mut kads, trust);
        }
        let mut is_needed = false;
        for dht in DhtKind::BOTH {
            let Some(kad) = kads.get(dht) else {
                continue;
            };
            if routing::size(kad) >= kad::K_VALUE.get() {
                continue;
            }
            if routing::is_refreshing(kad) {
                is_needed = true;
            } else if kad.bootstrap().is_ok() {
                self.entering.insert(dht);
                is_needed = true;
            }
        }
        self.refresh.done(is_needed, now);
    }

    /// Others are told other addresses. Whoever can be reached straight answers for the DHT too: a
    /// relay passes on too little for that.
    pub(crate) fn external_changed(&mut self, kads: Kads<'_>, mut external: Vec<Multiaddr>) {
        external.sort_unstable();
        if let Some(kad) = kads.public {
            let reachable = external.iter().any(|address| !is_relayed(address));
            let mode = if reachable {
                Mode::Server
            } else {
                Mode::Client
            };
            kad.set_mode(Some(mode));
            kad.store_mut().set_own_addresses(external.clone());
        }
        self.tell(DhtKind::Public, |state| {
            std::mem::replace(&mut state.addresses, external.clone()) != external
        });
    }

    /// Where devices of this network reach us.
    pub(crate) fn near_changed(&mut self, lan: &mut LanDht, mut near: Vec<Multiaddr>) {
        near.sort_unstable();
        if lan.own_addresses() != near {
            lan.set_own_addresses(near.clone());
            self.tell(DhtKind::Local, |state| {
                state.addresses = near;
                true
            });
        }
    }

    /// Somebody entered a table, or left it: whether anything can be announced hangs on that.
    pub(crate) fn tables_changed(&mut self, mut kads: Kads<'_>) {
        for dht in DhtKind::BOTH {
            let is_entering = self.entering.contains(&dht);
            let has_peers = kads
                .get(dht)
                .is_some_and(|kad| !is_entering && routing::size(kad) > 0);
            self.tell(dht, |state| {
                std::mem::replace(&mut state.has_peers, has_peers) != has_peers
            });
        }
    }

    fn tell(&self, dht: DhtKind, change: impl FnOnce(&mut AnnounceState) -> bool) {
        self.states
            .send_if_modified(|states| change(states.of_mut(dht)));
    }

    /// A peer that can't be reached has no place in the tables: it would be asked again and again.
    pub(crate) fn unreachable(&mut self, mut kads: Kads<'_>, peer: &PeerId) {
        for dht in DhtKind::BOTH {
            if let Some(kad) = kads.get(dht) {
                kad.remove_peer(peer);
            }
        }
        if is_outside(&mut kads) {
            self.refresh.begin_if_idle(Instant::now());
        }
    }

    /// A trusted peer is away: the public DHT may know where it is.
    pub(crate) fn find_trusted(&mut self, kads: Kads<'_>, peer: PeerId) {
        if let Some(kad) = kads.public {
            let query = kad.get_closest_peers(peer);
            self.trusted.insert(query, peer);
        }
    }

    pub(crate) fn on_event(
        &mut self,
        mut kads: Kads<'_>,
        local: &Local<'_>,
        dht: DhtKind,
        event: Event,
    ) -> Option<News> {
        match event {
            Event::InboundRequest {
                request:
                    InboundRequest::AddProvider {
                        record: Some(record),
                    },
            } => keep_record(&mut kads, local.policy, dht, record),
            Event::RoutingUpdated {
                is_new_peer: true, ..
            } => {
                self.refresh.begin(Instant::now());
                self.tables_changed(kads);
            }
            Event::OutboundQueryProgressed {
                id,
                result,
                step,
                stats,
            } => match result {
                // Its first step found our own neighbourhood; the others, minutes long, only round
                // off the table.
                QueryResult::Bootstrap(_) => {
                    if self.entering.remove(&dht) {
                        self.tables_changed(kads);
                        return Some(News::Entered);
                    }
                }
                QueryResult::StartProviding(result) => {
                    // The library calls it a success even if no peer could be told.
                    let was_heard = stats.num_successes() > stats.num_failures().min(HEARD);
                    if let Some(reply) = self.announcing.remove(&(dht, id)) {
                        let _ = reply.send(result.is_ok() && was_heard);
                    }
                }
                result if dht == DhtKind::Public && self.trusted.contains_key(&id) => {
                    return self.found_trusted(local.policy, id, &result, &step);
                }
                result => {
                    let query = (dht, id);
                    let found = self.finder.progress(&mut kads, local, query, result, &step);
                    return found.map(|(sessions, targets)| News::Found(sessions, targets));
                }
            },
            _ => {}
        }
        None
    }

    /// A search for a trusted peer's addresses came along.
    fn found_trusted(
        &mut self,
        policy: &DialPolicy,
        id: QueryId,
        result: &QueryResult,
        step: &ProgressStep,
    ) -> Option<News> {
        let peer = *self.trusted.get(&id)?;
        if step.last {
            self.trusted.remove(&id);
        }
        let QueryResult::GetClosestPeers(
            Ok(GetClosestPeersOk { peers, .. }) | Err(GetClosestPeersError::Timeout { peers, .. }),
        ) = result
        else {
            return None;
        };
        let itself = peers.iter().find(|info| info.peer_id == peer)?;
        let addresses = itself.addrs.clone();
        let addresses = find::believable(DhtKind::Public, policy, addresses, MAX_PEER_ADDRESSES);
        (!addresses.is_empty()).then_some(News::Trusted(peer, addresses))
    }

    pub(crate) fn on_request(&mut self, mut kads: Kads<'_>, own: PeerId, request: Request) {
        match request {
            Request::Announce { dht, key, reply } => self.announce(&mut kads, dht, &key, reply),
            Request::AnswerFor { keys } => answer_for(&mut kads, own, &keys),
            Request::Stop { keys } => {
                for dht in DhtKind::BOTH {
                    if let Some(kad) = kads.get(dht) {
                        for key in &keys {
                            kad.stop_providing(&RecordKey::from(key.to_bytes()));
                        }
                    }
                }
            }
        }
    }

    fn announce(
        &mut self,
        kads: &mut Kads<'_>,
        dht: DhtKind,
        key: &Multihash,
        reply: oneshot::Sender<bool>,
    ) {
        let Some(kad) = kads.get(dht) else {
            let _ = reply.send(false);
            return;
        };
        match kad.start_providing(RecordKey::from(key.to_bytes())) {
            Ok(query) => drop(self.announcing.insert((dht, query), reply)),
            Err(error) => {
                tracing::debug!(%error, "can't announce");
                let _ = reply.send(false);
            }
        }
    }
}

/// Nobody in the public DHT is known, where some should be.
fn is_outside(kads: &mut Kads<'_>) -> bool {
    let public = kads.public.as_deref_mut();
    public.is_some_and(|kad| routing::size(kad) == 0)
}

/// Whoever speaks a DHT's protocol enters its table, as far as its addresses allow.
pub(crate) fn identified(
    mut kads: Kads<'_>,
    policy: &DialPolicy,
    peer: PeerId,
    info: &identify::Info,
) {
    for dht in DhtKind::BOTH {
        let Some(kad) = kads.get(dht) else {
            return;
        };
        let mut names = kad.protocol_names().iter();
        if names.any(|name| info.protocols.contains(name)) {
            match dht {
                DhtKind::Public => routing::add(kad, policy, &peer, &info.listen_addrs),
                DhtKind::Local => routing::add_local(kad, policy, &peer, &info.listen_addrs),
            }
        }
    }
}

/// We have these: a peer that asks us is told so, announced or not.
fn answer_for(kads: &mut Kads<'_>, own: PeerId, keys: &[Multihash]) {
    for dht in DhtKind::BOTH {
        if let Some(kad) = kads.get(dht) {
            for key in keys {
                let key = RecordKey::from(key.to_bytes());
                let record = kad::ProviderRecord {
                    key,
                    provider: own,
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

/// Keeps what another peer says that it provides, with the addresses that are worth telling.
fn keep_record(
    kads: &mut Kads<'_>,
    policy: &DialPolicy,
    dht: DhtKind,
    mut record: kad::ProviderRecord,
) {
    record
        .addresses
        .retain(|address| dht.believes(policy, address));
    record.addresses.truncate(MAX_PEER_ADDRESSES);
    if let Some(kad) = kads.get(dht)
        && let Err(error) = kad.store_mut().add_provider(record)
    {
        tracing::debug!(%error, "a provider record was refused");
    }
}
