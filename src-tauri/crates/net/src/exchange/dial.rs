//! The dials that sessions ask for: a bounded number at a time, the most promising addresses first.
//!
//! On this machine and on the local network TCP goes first and QUIC only if it fails: there nothing
//! is lost on the way, and TCP moves two to three times as many bytes for the same CPU time.
//! Elsewhere the swarm lets them race, QUIC ahead. Pure: it says what to dial and is told what came
//! of it.

use std::collections::{HashMap, VecDeque};

use bitswap::client::SessionId;
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId};

use crate::address::{self, Scope};
use crate::limits::{MAX_DIALS, MAX_PEER_ADDRESSES, MAX_WAITING_DIALS};

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

/// Dials that wait and dials under way, with the sessions that asked for them.
#[derive(Debug, Default)]
pub(crate) struct Dialer {
    waiting: VecDeque<Attempt>,
    under_way: HashMap<ConnectionId, Attempt>,
}

#[derive(Debug)]
struct Attempt {
    target: Target,
    /// To be tried if this fails.
    fallback: Option<Vec<Multiaddr>>,
    sessions: Vec<SessionId>,
}

impl Dialer {
    /// Asks for a connection. One that is asked for twice is opened once.
    pub(crate) fn ask(&mut self, session: SessionId, target: Target) {
        let mut attempts = self.waiting.iter_mut().chain(self.under_way.values_mut());
        let same = attempts.find(|attempt| match target.peer() {
            Some(peer) => attempt.target.peer() == Some(peer),
            None => attempt.target == target,
        });
        if let Some(attempt) = same {
            if !attempt.sessions.contains(&session) {
                attempt.sessions.push(session);
            }
            return;
        }
        if self.waiting.len() < MAX_WAITING_DIALS {
            self.waiting.push_back(Attempt::new(target, session));
        }
    }

    /// The next dial, if there is a free place.
    pub(crate) fn next(&mut self) -> Option<DialOpts> {
        if self.under_way.len() >= MAX_DIALS {
            return None;
        }
        let attempt = self.waiting.pop_front()?;
        let options = attempt.options();
        self.under_way.insert(options.connection_id(), attempt);
        Some(options)
    }

    /// A connection stands. Gives the sessions that asked for it, or for its peer.
    pub(crate) fn connected(&mut self, id: ConnectionId, peer: PeerId) -> Vec<SessionId> {
        let dialled = self.under_way.remove(&id);
        let mut sessions = dialled.map(|attempt| attempt.sessions).unwrap_or_default();
        self.waiting.retain(|attempt| {
            let other = attempt.target.peer() != Some(peer);
            if !other {
                sessions.extend(&attempt.sessions);
            }
            other
        });
        sessions
    }

    /// A dial came to nothing. Gives the peer, with the sessions that asked for it, when nothing is
    /// left to try.
    pub(crate) fn failed(&mut self, id: ConnectionId) -> Option<(PeerId, Vec<SessionId>)> {
        let mut attempt = self.under_way.remove(&id)?;
        let peer = attempt.target.peer()?;
        match attempt.fallback.take() {
            Some(addresses) => {
                attempt.target = Target::Peer(peer, addresses);
                self.waiting.push_front(attempt);
                None
            }
            None => Some((peer, attempt.sessions)),
        }
    }

    /// The session is over: dials that only it asked for are not begun any more.
    pub(crate) fn forget(&mut self, session: SessionId) {
        for attempt in self.waiting.iter_mut().chain(self.under_way.values_mut()) {
            attempt.sessions.retain(|other| *other != session);
        }
        self.waiting.retain(|attempt| !attempt.sessions.is_empty());
    }
}

impl Attempt {
    fn new(target: Target, session: SessionId) -> Self {
        let sessions = vec![session];
        let Target::Peer(peer, addresses) = target else {
            return Self {
                target,
                fallback: None,
                sessions,
            };
        };
        let is_near = |address: &Multiaddr| {
            let scope = address::scope(address);
            matches!(scope, Scope::Loopback | Scope::Private) && address::is_tcp(address)
        };
        let (near, other): (Vec<_>, Vec<_>) = addresses.into_iter().partition(is_near);
        let (first, fallback) = match (near.is_empty(), other.is_empty()) {
            (true, _) => (other, None),
            (false, true) => (near, None),
            (false, false) => (near, Some(other)),
        };
        Self {
            target: Target::Peer(peer, first),
            fallback,
            sessions,
        }
    }

    fn options(&self) -> DialOpts {
        match &self.target {
            Target::Anyone(address) => DialOpts::unknown_peer_id().address(address.clone()).build(),
            Target::Peer(peer, addresses) => {
                let options = DialOpts::peer_id(*peer).condition(PeerCondition::Disconnected);
                if addresses.is_empty() {
                    return options.build();
                }
                options.addresses(addresses.clone()).build()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: SessionId = SessionId(1);

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    #[test]
    fn hints_are_grouped_by_peer() {
        let (one, other) = (PeerId::random(), PeerId::random());
        let tcp = address("/ip4/8.8.8.8/tcp/1");
        let quic = address("/ip4/8.8.8.8/udp/1/quic-v1");
        let hints = [
            address::with_peer(&tcp, one),
            tcp.clone(),
            address(&format!("/p2p/{other}")),
            address::with_peer(&quic, one),
        ];
        let expected = [
            Target::Peer(one, vec![tcp.clone(), quic]),
            Target::Anyone(tcp),
            Target::Peer(other, vec![]),
        ];
        assert_eq!(targets(&hints), expected);
    }

    #[test]
    fn near_peers_are_dialled_over_tcp_first() {
        let peer = PeerId::random();
        let quic = address("/ip4/127.0.0.1/udp/1/quic-v1");
        let tcp = address("/ip4/127.0.0.1/tcp/1");
        let mut dialer = Dialer::default();
        dialer.ask(SESSION, Target::Peer(peer, vec![quic.clone(), tcp.clone()]));
        let first = dialer.next().unwrap();
        let (_, attempt) = dialer.under_way.iter().next().unwrap();
        assert_eq!(attempt.target, Target::Peer(peer, vec![tcp]));
        assert_eq!(dialer.failed(first.connection_id()), None);
        let second = dialer.next().unwrap();
        let (_, attempt) = dialer.under_way.iter().next().unwrap();
        assert_eq!(attempt.target, Target::Peer(peer, vec![quic]));
        let given_up = dialer.failed(second.connection_id());
        assert_eq!(given_up, Some((peer, vec![SESSION])));
        assert!(dialer.next().is_none());
    }

    #[test]
    fn a_peer_is_dialled_once_for_all_who_ask() {
        let peer = PeerId::random();
        let mut dialer = Dialer::default();
        dialer.ask(SESSION, Target::Peer(peer, vec![]));
        let dial = dialer.next().unwrap();
        dialer.ask(SessionId(2), Target::Peer(peer, vec![]));
        assert!(dialer.next().is_none());
        let sessions = dialer.connected(dial.connection_id(), peer);
        assert_eq!(sessions, [SESSION, SessionId(2)]);
    }

    #[test]
    fn dials_are_bounded_and_end_with_their_session() {
        let mut dialer = Dialer::default();
        for _ in 0..MAX_DIALS + 2 * MAX_WAITING_DIALS {
            dialer.ask(SESSION, Target::Peer(PeerId::random(), vec![]));
            dialer.next();
        }
        assert_eq!(dialer.under_way.len(), MAX_DIALS);
        assert_eq!(dialer.waiting.len(), MAX_WAITING_DIALS);
        dialer.forget(SESSION);
        assert!(dialer.waiting.is_empty());
    }
}
