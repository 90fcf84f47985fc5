//! AutoNAT v2, the answering side: whoever asks is dialled, to see whether others can reach it.
//!
//! libp2p's server dials whatever is named, as often as anybody asks: strangers could look through
//! it at whatever this machine can reach, and their dials could take the places of all others. Here
//! it dials only the very address, as far as its IP goes, at which we see the one who asks, and
//! never within a private network on a stranger's word; a few at a time, fewer for one network, and so
//! many in a minute. Whoever asks for more waits, or hears that it can't be done now, which says
//! nothing of its address.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use either::Either;
use libp2p::autonat::v2::server;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};

use crate::address::{self, DialPolicy, Origin};
use crate::limits::{
    DIAL_BACKS_A_MINUTE, DIAL_BACKS_OF_NETWORK_A_MINUTE, MAX_DIAL_BACKS, MAX_DIAL_BACKS_OF_NETWORK,
    MAX_WAITING_DIAL_BACKS,
};
use crate::quota::Quota;

#[derive(Debug, thiserror::Error)]
#[error("others are dialled only where they are seen")]
struct Elsewhere;

pub(crate) struct Service {
    inner: server::Behaviour,
    policy: DialPolicy,
    quota: Quota<Origin>,
    /// Where those are who may ask, by the connection on which they do.
    seen: HashMap<ConnectionId, IpAddr>,
    /// Questions that wait for a place.
    waiting: VecDeque<Question>,
    /// Who asked for the dials that `inner` will ask for, in order.
    asked: VecDeque<IpAddr>,
    /// Dials under way, and connections that came of them.
    dials: HashMap<ConnectionId, (PeerId, IpAddr)>,
    /// Connections on which all is said.
    done: VecDeque<(PeerId, ConnectionId)>,
}

struct Question {
    peer: PeerId,
    connection: ConnectionId,
    ip: IpAddr,
    /// As the connection's handler put it. Whoever asks hears that it can't be done if it is dropped.
    event: THandlerOutEvent<server::Behaviour>,
}

/// Whether one more may be dialled.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Now,
    Later,
    Never,
}

impl Service {
    pub(crate) fn new(policy: DialPolicy) -> Self {
        Self {
            inner: server::Behaviour::default(),
            policy,
            quota: Quota::new(
                Duration::from_mins(1),
                DIAL_BACKS_OF_NETWORK_A_MINUTE,
                DIAL_BACKS_A_MINUTE,
            ),
            seen: HashMap::new(),
            waiting: VecDeque::new(),
            asked: VecDeque::new(),
            dials: HashMap::new(),
            done: VecDeque::new(),
        }
    }

    /// For one who is seen there; if there is one now, that counts.
    fn place(&mut self, ip: IpAddr, now: Instant) -> Place {
        let dialled = self.dials.values().map(|(_, ip)| ip);
        let under_way = dialled.chain(&self.asked).copied().map(Origin::of_ip);
        let origin = Origin::of_ip(ip);
        let of_origin = under_way.clone().filter(|other| *other == origin);
        if of_origin.count() >= MAX_DIAL_BACKS_OF_NETWORK || under_way.count() >= MAX_DIAL_BACKS {
            return Place::Later;
        }
        // On this machine alone nobody is a stranger.
        if self.policy.is_local_only() || self.quota.take(origin, now) {
            Place::Now
        } else {
            Place::Never
        }
    }

    /// Passes questions on for which there is a place.
    fn pass_on(&mut self, now: Instant) {
        for question in std::mem::take(&mut self.waiting) {
            match self.place(question.ip, now) {
                Place::Now => {
                    self.asked.push_back(question.ip);
                    let Question {
                        peer,
                        connection,
                        event,
                        ..
                    } = question;
                    self.inner
                        .on_connection_handler_event(peer, connection, event);
                }
                Place::Later => self.waiting.push_back(question),
                Place::Never => {}
            }
        }
    }

    /// Has `inner` forget a dial without a verdict on the address.
    fn abandon(&mut self, id: ConnectionId, peer: PeerId) {
        let nowhere = Multiaddr::empty();
        // It hands out the question with a handler. Nobody has it then, and that is what it answers.
        let handler = self.inner.handle_established_outbound_connection(
            id,
            peer,
            &nowhere,
            Endpoint::Dialer,
            PortUse::New,
        );
        drop(handler);
    }
}

/// One who is seen at `ip` may have this dialled.
fn fits(policy: &DialPolicy, address: &Multiaddr, ip: IpAddr) -> bool {
    let is_there = address::ip(address).map(|ip| ip.to_canonical()) == Some(ip.to_canonical());
    is_there && !address::is_relayed(address) && policy.believes(address)
}

impl NetworkBehaviour for Service {
    type ConnectionHandler = THandler<server::Behaviour>;
    type ToSwarm = server::Event;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if let Some(ip) = address::ip(remote)
            && fits(&self.policy, remote, ip)
        {
            self.seen.insert(id, ip);
        }
        self.inner
            .handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        _: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if let Some((peer, ip)) = self.dials.get(&id).copied()
            && !addresses
                .iter()
                .all(|address| fits(&self.policy, address, ip))
        {
            self.dials.remove(&id);
            self.abandon(id, peer);
            return Err(ConnectionDenied::new(Elsewhere));
        }
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner
            .handle_established_outbound_connection(id, peer, remote, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match &event {
            FromSwarm::DialFailure(failure) => {
                self.dials.remove(&failure.connection_id);
            }
            FromSwarm::ConnectionClosed(closed) => {
                self.dials.remove(&closed.connection_id);
                self.seen.remove(&closed.connection_id);
                self.waiting
                    .retain(|question| question.connection != closed.connection_id);
            }
            FromSwarm::ListenFailure(failure) => {
                self.seen.remove(&failure.connection_id);
            }
            _ => {}
        }
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match &event {
            // Somebody is to be dialled.
            Either::Right(Either::Left(_)) => {
                if let Some(ip) = self.seen.get(&id).copied()
                    && self.waiting.len() < MAX_WAITING_DIAL_BACKS
                {
                    self.waiting.push_back(Question {
                        peer,
                        connection: id,
                        ip,
                        event,
                    });
                }
                return;
            }
            Either::Left(_) => self.done.push_back((peer, id)),
            Either::Right(Either::Right(_)) => {}
        }
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some((peer_id, id)) = self.done.pop_front() {
            return Poll::Ready(ToSwarm::CloseConnection {
                peer_id,
                connection: CloseConnection::One(id),
            });
        }
        self.pass_on(Instant::now());
        let next = self.inner.poll(cx);
        if let Poll::Ready(ToSwarm::Dial { opts }) = &next
            && let (Some(peer), Some(ip)) = (opts.get_peer_id(), self.asked.pop_front())
        {
            self.dials.insert(opts.connection_id(), (peer, ip));
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_dialled_only_where_it_is_seen_and_that_is_outside() {
        let policy = DialPolicy::new(false, true, false);
        policy.network_up("192.168.1.5/24".parse().unwrap());
        for (address, seen, expected) in [
            ("/ip4/8.8.8.8/tcp/1", "8.8.8.8", true),
            ("/ip4/8.8.8.8/udp/1/quic-v1", "8.8.8.8", true),
            ("/ip4/8.8.8.8/tcp/1", "::ffff:8.8.8.8", true),
            ("/ip4/8.8.4.4/tcp/1", "8.8.8.8", false),
            ("/ip6/2606:4700::1/tcp/1", "8.8.8.8", false),
            ("/dns4/example.org/tcp/1", "8.8.8.8", false),
            ("/ip4/8.8.8.8/ip4/192.168.1.1/tcp/1", "8.8.8.8", false),
            ("/ip4/192.168.1.1/tcp/80", "8.8.8.8", false),
            ("/ip4/192.168.1.1/tcp/80", "192.168.1.1", false),
            ("/ip4/127.0.0.1/tcp/80", "127.0.0.1", false),
        ] {
            let (named, ip) = (address.parse().unwrap(), seen.parse().unwrap());
            assert_eq!(fits(&policy, &named, ip), expected, "{address} {seen}");
        }
    }

    #[test]
    fn dials_are_few_fewer_for_one_network_and_so_many_a_minute() {
        let mut service = Service::new(DialPolicy::new(false, false, false));
        let start = Instant::now();
        let ip = |network: u32, host: u32| {
            IpAddr::from((0x0808_0000 + (network << 8) + host).to_be_bytes())
        };
        let mut taken = Vec::new();
        for network in 0..100 {
            for host in 1..10 {
                if service.place(ip(network, host), start) == Place::Now {
                    taken.push(network);
                    service.asked.push_back(ip(network, host));
                }
            }
        }
        let of_first = taken.iter().filter(|network| **network == 0).count();
        assert_eq!(of_first, MAX_DIAL_BACKS_OF_NETWORK);
        assert_eq!(taken.len(), MAX_DIAL_BACKS);
        assert_eq!(service.place(ip(200, 1), start), Place::Later);
        service.asked.clear();
        let again = (0..100).filter(|_| service.place(ip(0, 1), start) == Place::Now);
        let of_first = of_first + again.count();
        assert_eq!(of_first, DIAL_BACKS_OF_NETWORK_A_MINUTE as usize);
        let others = (100..200).filter(|other| service.place(ip(*other, 1), start) == Place::Now);
        let all = of_first + MAX_DIAL_BACKS - MAX_DIAL_BACKS_OF_NETWORK + others.count();
        assert_eq!(all, DIAL_BACKS_A_MINUTE as usize);
        assert_eq!(service.place(ip(0, 1), start), Place::Never);
        let later = start + Duration::from_mins(1);
        assert_eq!(service.place(ip(0, 1), later), Place::Now);
    }
}
