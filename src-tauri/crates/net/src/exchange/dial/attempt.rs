//! One dial: where first, where else, and for whom.

use bitswap::client::SessionId;
use libp2p::Multiaddr;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};

use super::{Named, Target};
use crate::address::{self, Scope};
use crate::limits::MAX_PEER_ADDRESSES;

#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) target: Target,
    /// To be tried if this fails.
    fallback: Option<Vec<Multiaddr>>,
    pub(super) sessions: Vec<SessionId>,
}

impl Attempt {
    pub(super) fn new(target: Target) -> Self {
        let Target::Peer(peer, addresses) = target else {
            return Self {
                target,
                fallback: None,
                sessions: Vec::new(),
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
            sessions: Vec::new(),
        }
    }

    pub(super) fn serve(&mut self, session: SessionId) {
        if !self.sessions.contains(&session) {
            self.sessions.push(session);
        }
    }

    /// Before it began: somebody else knows the peer at these addresses. Those named here come
    /// first.
    pub(super) fn merge(&mut self, addresses: &[Multiaddr], named: Named) {
        let Target::Peer(peer, known) = &self.target else {
            return;
        };
        let known = [known.as_slice(), self.fallback.as_deref().unwrap_or(&[])].concat();
        let both = match named {
            Named::Here => [addresses, &known].concat(),
            Named::Elsewhere => [&known, addresses].concat(),
        };
        let mut all: Vec<Multiaddr> = Vec::new();
        for address in both {
            if all.len() < MAX_PEER_ADDRESSES && !all.contains(&address) {
                all.push(address);
            }
        }
        let merged = Self::new(Target::Peer(*peer, all));
        self.target = merged.target;
        self.fallback = merged.fallback;
    }

    /// While it is under way: these come next.
    pub(super) fn try_also(&mut self, addresses: &[Multiaddr]) {
        let Target::Peer(_, known) = &self.target else {
            return;
        };
        let fallback = self.fallback.as_deref().unwrap_or(&[]);
        let is_new = |address: &&Multiaddr| !known.contains(address) && !fallback.contains(address);
        let room = MAX_PEER_ADDRESSES.saturating_sub(fallback.len());
        let new: Vec<Multiaddr> = addresses
            .iter()
            .filter(is_new)
            .take(room)
            .cloned()
            .collect();
        if !new.is_empty() {
            self.fallback.get_or_insert_default().extend(new);
        }
    }

    /// Says whether there is anything else to try.
    pub(super) fn fall_back(&mut self) -> bool {
        let (Target::Peer(_, addresses), Some(fallback)) = (&mut self.target, self.fallback.take())
        else {
            return false;
        };
        *addresses = fallback;
        true
    }

    pub(super) fn options(&self) -> DialOpts {
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
