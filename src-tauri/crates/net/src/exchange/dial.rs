//! The dials that sessions ask for: a bounded number at a time, each session in its turn, the most
//! promising addresses first.
//!
//! What a session's link names, and what is tried again, has its own places: however many others
//! are named by strangers, it doesn't wait for them. On this machine and on the local network TCP
//! goes first and QUIC only if it fails: there nothing is lost on the way, and TCP moves two to
//! three times as many bytes for the same CPU time. Elsewhere the swarm lets them race, QUIC ahead.
//! Pure: it says what to dial and is told what came of it.

mod attempt;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;

use bitswap::client::SessionId;
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{Multiaddr, PeerId};

use self::attempt::Attempt;
use crate::address;
use crate::limits::{
    MAX_DIALS, MAX_DIALS_OF_SESSION, MAX_PEER_ADDRESSES, MAX_URGENT_DIALS, MAX_WAITING_DIALS,
};

/// A peer to connect to, or an address at which whoever is there will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// Without addresses: those that the swarm knows.
    Peer(PeerId, Vec<Multiaddr>),
    Anyone(Multiaddr),
}

impl Target {
    fn peer(&self) -> Option<PeerId> {
        match self {
            Self::Peer(peer, _) => Some(*peer),
            Self::Anyone(_) => None,
        }
    }

    pub(crate) fn addresses(&self) -> &[Multiaddr] {
        match self {
            Self::Peer(_, addresses) => addresses,
            Self::Anyone(address) => std::slice::from_ref(address),
        }
    }
}

/// Groups addresses by the peer that each names.
pub(crate) fn targets(addresses: &[Multiaddr]) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for address in addresses {
        let (bare, named) = address::split_peer(address.clone());
        let Some(peer) = named else {
            targets.push(Target::Anyone(bare));
            continue;
        };
        let known = targets.iter_mut().find_map(|target| match target {
            Target::Peer(other, addresses) if *other == peer => Some(addresses),
            _ => None,
        });
        match known {
            Some(addresses) if addresses.len() < MAX_PEER_ADDRESSES => addresses.push(bare),
            Some(_) => {}
            None => {
                let addresses = if bare.is_empty() { vec![] } else { vec![bare] };
                targets.push(Target::Peer(peer, addresses));
            }
        }
    }
    targets
}

/// Who named a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// The link, the person, or a device nearby.
    Here,
    /// Others: the DHT, the web.
    Elsewhere,
}

/// What is dialled once for all who ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Peer(PeerId),
    Anyone(Multiaddr),
}

impl Key {
    fn of(target: &Target) -> Self {
        match target {
            Target::Peer(peer, _) => Self::Peer(*peer),
            Target::Anyone(address) => Self::Anyone(address.clone()),
        }
    }
}

/// Dials that wait and dials under way, with the sessions that asked for them.
#[derive(Debug, Default)]
pub(crate) struct Dialer {
    waiting: HashMap<Key, Attempt>,
    /// Which of them each session asked for. Some may be under way already.
    queues: BTreeMap<SessionId, Queue>,
    /// Of the session whose turn was last.
    last: u64,
    under_way: HashMap<ConnectionId, UnderWay>,
}

#[derive(Debug, Default)]
struct Queue {
    here: VecDeque<Key>,
    elsewhere: VecDeque<Key>,
}

#[derive(Debug)]
struct UnderWay {
    attempt: Attempt,
    /// Whose turn it was, and for what.
    turn: (SessionId, Named),
}

impl Queue {
    fn of_mut(&mut self, named: Named) -> &mut VecDeque<Key> {
        match named {
            Named::Here => &mut self.here,
            Named::Elsewhere => &mut self.elsewhere,
        }
    }

    fn len(&self) -> usize {
        self.here.len() + self.elsewhere.len()
    }
}

impl Dialer {
    /// Asks for a connection. One that is asked for twice is opened once, at the addresses that
    /// either names.
    pub(crate) fn ask(&mut self, session: SessionId, target: Target, named: Named) {
        let key = Key::of(&target);
        let mut under_way = self.under_way.values_mut();
        let same = under_way.find(|other| Key::of(&other.attempt.target) == key);
        if let Some(UnderWay { attempt, .. }) = same {
            attempt.try_also(target.addresses());
            attempt.serve(session);
            return;
        }
        if let Some(attempt) = self.waiting.get_mut(&key) {
            attempt.merge(target.addresses(), named);
            if attempt.sessions.contains(&session) && named == Named::Elsewhere {
                return;
            }
        }
        let queue = self.queues.entry(session).or_default();
        if queue.len() >= MAX_WAITING_DIALS {
            for named in [Named::Here, Named::Elsewhere] {
                let keys = queue.of_mut(named);
                keys.retain(|key| self.waiting.contains_key(key));
            }
        }
        let is_full = queue.len() >= MAX_WAITING_DIALS;
        let keys = queue.of_mut(named);
        if is_full || keys.contains(&key) {
            return;
        }
        keys.push_back(key.clone());
        let attempt = self.waiting.entry(key);
        attempt
            .or_insert_with(|| Attempt::new(target))
            .serve(session);
    }

    /// The next dial, if there is a free place.
    pub(crate) fn next(&mut self) -> Option<DialOpts> {
        for (named, places) in [
            (Named::Here, MAX_DIALS + MAX_URGENT_DIALS),
            (Named::Elsewhere, MAX_DIALS),
        ] {
            if self.under_way.len() < places
                && let Some((session, attempt)) = self.take(named)
            {
                let options = attempt.options();
                let turn = (session, named);
                let under_way = UnderWay { attempt, turn };
                self.under_way.insert(options.connection_id(), under_way);
                return Some(options);
            }
        }
        None
    }

    /// What waits longest of the next session that may dial.
    fn take(&mut self, named: Named) -> Option<(SessionId, Attempt)> {
        let last = SessionId(self.last);
        let after = (Bound::Excluded(last), Bound::Unbounded);
        let later = self.queues.range(after).map(|(id, _)| *id);
        let earlier = self.queues.range(..=last).map(|(id, _)| *id);
        let all: Vec<SessionId> = later.chain(earlier).collect();
        for session in all {
            if !self.has_place(session, named) {
                continue;
            }
            let keys = self.queues.get_mut(&session)?.of_mut(named);
            let attempt =
                std::iter::from_fn(|| keys.pop_front()).find_map(|key| self.waiting.remove(&key));
            if self
                .queues
                .get(&session)
                .is_some_and(|queue| queue.len() == 0)
            {
                self.queues.remove(&session);
            }
            if let Some(attempt) = attempt {
                self.last = session.0;
                return Some((session, attempt));
            }
        }
        None
    }

    /// One kind leaves places to the other.
    fn has_place(&self, session: SessionId, named: Named) -> bool {
        let turns = self.under_way.values().map(|under_way| under_way.turn);
        let of_session = turns.filter(|(of, _)| *of == session);
        let of_kind = of_session.clone().filter(|(_, kind)| *kind == named);
        of_session.count() < MAX_DIALS_OF_SESSION && of_kind.count() < MAX_DIALS_OF_SESSION * 3 / 4
    }

    /// A connection stands. Gives the sessions that asked for it, or for its peer.
    pub(crate) fn connected(&mut self, id: ConnectionId, peer: PeerId) -> Vec<SessionId> {
        let dialled = self.under_way.remove(&id);
        let mut sessions = dialled.map_or_else(Vec::new, |dialled| dialled.attempt.sessions);
        if let Some(attempt) = self.waiting.remove(&Key::Peer(peer)) {
            sessions.extend(attempt.sessions);
        }
        sessions
    }

    /// A dial came to nothing. Gives the peer, with the sessions that asked for it, when nothing is
    /// left to try.
    pub(crate) fn failed(&mut self, id: ConnectionId) -> Option<(PeerId, Vec<SessionId>)> {
        let UnderWay { mut attempt, turn } = self.under_way.remove(&id)?;
        let peer = attempt.target.peer()?;
        if !attempt.fall_back() {
            return Some((peer, attempt.sessions));
        }
        let (session, named) = turn;
        // If that session is over, it goes to one that is not.
        let session = if attempt.sessions.contains(&session) {
            session
        } else {
            *attempt.sessions.first()?
        };
        let key = Key::of(&attempt.target);
        let keys = self.queues.entry(session).or_default().of_mut(named);
        keys.push_front(key.clone());
        self.waiting.insert(key, attempt);
        None
    }

    /// The session is over: dials that only it asked for are not begun any more.
    pub(crate) fn forget(&mut self, session: SessionId) {
        let queue = self.queues.remove(&session).unwrap_or_default();
        let under_way = self.under_way.values_mut();
        let under_way = under_way.map(|under_way| &mut under_way.attempt);
        for attempt in self.waiting.values_mut().chain(under_way) {
            attempt.sessions.retain(|other| *other != session);
        }
        self.waiting
            .retain(|_, attempt| !attempt.sessions.is_empty());
        for (named, keys) in [
            (Named::Here, queue.here),
            (Named::Elsewhere, queue.elsewhere),
        ] {
            for key in keys {
                self.hand_on(key, named);
            }
        }
    }

    /// What waited in the queue of a session that is over, and others wait for too, goes into one of
    /// theirs.
    fn hand_on(&mut self, key: Key, named: Named) {
        let Some(attempt) = self.waiting.get(&key) else {
            return;
        };
        let has = |queue: &Queue| queue.here.contains(&key) || queue.elsewhere.contains(&key);
        let mut queues = attempt.sessions.iter().filter_map(|id| self.queues.get(id));
        if let (Some(heir), false) = (attempt.sessions.first(), queues.any(has)) {
            let queue = self.queues.entry(*heir).or_default();
            queue.of_mut(named).push_back(key);
        }
    }
}
