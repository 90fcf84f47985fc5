//! How others get here: what is known of our addresses, the ports that routers open, the relays, and the holes that are punched.
//!
//! What each of them says flows into one list of addresses that others are told, see [`Actor::update_external`]; from that follow the
//! DHT's mode, what is announced, and the ladder.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::request_response::{self, Message, OutboundFailure};
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId, StreamProtocol, dcutr, identify, relay};
use tokio::sync::oneshot;

use super::Actor;
use crate::limits::{MAX_CHECKS, MAX_PEER_ADDRESSES, MAX_RELAYED_GUESTS};
use crate::net::address::{self, Scope};
use crate::net::reachability::autonat::{self, Answer, DialRequest};
use crate::net::reachability::ladder::is_relayed;
use crate::net::reachability::ports::{Endpoint, PortMapper, PortState, Ports};
use crate::net::reachability::relays::Step;
use crate::net::status::{self, AddressCheck, Mapping, RungKind, Transport, Verdict};

/// After a start or a change of networks, what isn't there yet may still come.
pub(super) const YOUTH: Duration = Duration::from_secs(12);
/// A direct connection is given this before the relayed one that led to it closes: its other end may not have seen it yet.
const REST: Duration = Duration::from_secs(1);
/// Holes are punched within seconds, in up to three attempts; a relay ends a connection after two minutes.
const PUNCH_TIME: Duration = Duration::from_secs(20);
/// A check ends after this with what it knows: a server takes up to 20 s, and three are asked one after the other at most.
const CHECK_TIME: Duration = Duration::from_secs(45);

/// A check that somebody waits for.
#[derive(Debug)]
pub(super) struct Check {
    until: Instant,
    reply: oneshot::Sender<status::Check>,
}

impl Actor {
    /// Where we are seen, and what a peer can do for us.
    pub(super) fn on_services(&mut self, peer: PeerId, id: ConnectionId, info: &identify::Info) {
        if let Some(observer) = self.peers.dialled(&peer, id) {
            self.on_observed(observer, &info.observed_addr);
            if self.shown.remove(&id) {
                self.swarm.close_connection(id);
            }
            let speaks = |protocol: StreamProtocol| info.protocols.contains(&protocol);
            if speaks(autonat::DIAL_REQUEST) && self.is_far(observer) {
                self.probe.add_server(peer);
            }
            if speaks(relay::HOP_PROTOCOL_NAME) && self.is_far(observer) {
                let believed = info.listen_addrs.iter().filter(|address| {
                    self.reach.believes(address) && !is_relayed(address) && !has_name(address)
                });
                let believed = believed
                    .take(MAX_PEER_ADDRESSES)
                    .map(|address| address::split_peer(address.clone()).0);
                self.relays.offered(peer, believed.collect());
            }
            self.update_reach();
        }
    }

    fn on_observed(&mut self, observer: IpAddr, seen: &Multiaddr) {
        if !self.is_far(observer) {
            return;
        }
        self.observed.add(observer, seen);
        if self.reach.believes(seen) {
            let (seen, _) = address::split_peer(seen.clone());
            self.swarm.behaviour_mut().candidates.seen(seen);
        }
    }

    /// Someone there can tell how we look from outside.
    fn is_far(&self, ip: IpAddr) -> bool {
        let scope = address::scope(&Multiaddr::from(ip));
        scope == Scope::Public || self.reach.is_private()
    }

    pub(super) fn forget_services(&mut self, peer: &PeerId) {
        self.probe.remove_server(peer);
        self.relays.gone(peer);
    }

    /// Something about how others get here has changed, or may have.
    pub(super) fn update_reach(&mut self) {
        let now = Instant::now();
        self.probe.set_subjects(self.subjects(), now);
        self.ask_probes();
        self.update_external();
        self.update_lan_addresses();
        self.update_relays(now);
        self.update_summary();
    }

    /// The addresses that others are asked to try.
    fn subjects(&self) -> Vec<(Multiaddr, RungKind)> {
        if self.this_machine_only {
            return Vec::new();
        }
        let is_public =
            |address: &&Multiaddr| address::scope(address) == Scope::Public && !is_relayed(address);
        let own = self.swarm.listeners().filter(is_public).cloned();
        let mut subjects: Vec<(Multiaddr, RungKind)> =
            own.map(|address| (address, RungKind::Direct)).collect();
        subjects.extend(
            self.mapped()
                .into_iter()
                .map(|address| (address, RungKind::Port)),
        );
        let listen: Vec<Multiaddr> = self.swarm.listeners().cloned().collect();
        for address in self.observed.candidates(&listen) {
            if is_public(&&address) && !subjects.iter().any(|(known, _)| *known == address) {
                subjects.push((address, RungKind::Direct));
            }
        }
        subjects
    }

    /// Where a router passes on to us.
    fn mapped(&self) -> Vec<Multiaddr> {
        let Some(router) = &self.router else {
            return Vec::new();
        };
        let ports = router.ports.borrow();
        if ports.state != PortState::Opened {
            return Vec::new();
        }
        let address = |mapping: &Mapping| {
            let place = Multiaddr::from(mapping.external.ip());
            let port = mapping.external.port();
            match mapping.transport {
                Transport::Tcp => place.with(Protocol::Tcp(port)),
                _ => place.with(Protocol::Udp(port)).with(Protocol::QuicV1),
            }
        };
        ports.mappings.iter().map(address).collect()
    }

    fn ask_probes(&mut self) {
        while let Some((server, request)) = self.probe.next(rand::random()) {
            let nonce = request.nonce;
            let requests = &mut self.swarm.behaviour_mut().dial_requests;
            let id = requests.send_request(&server, request);
            self.probing.insert(id, nonce);
        }
    }

    pub(super) fn on_dial_request(&mut self, event: request_response::Event<DialRequest, Answer>) {
        let (id, answer) = match event {
            request_response::Event::Message {
                message:
                    Message::Response {
                        request_id,
                        response,
                    },
                ..
            } => (request_id, Some(response)),
            request_response::Event::OutboundFailure {
                request_id, error, ..
            } => match error {
                // Where packets are dropped nothing else is ever heard.
                OutboundFailure::Timeout => (request_id, Some(Answer::NotReached)),
                OutboundFailure::ConnectionClosed => (request_id, None),
                _ => (request_id, Some(Answer::Refused)),
            },
            _ => return,
        };
        if let Some(nonce) = self.probing.remove(&id) {
            self.probe.answered(nonce, answer);
            self.update_reach();
            self.finish_checks(Instant::now());
        }
    }

    pub(super) fn on_dial_back(&mut self, event: request_response::Event<u64, ()>) {
        if let request_response::Event::Message {
            message: Message::Request {
                request, channel, ..
            },
            ..
        } = event
        {
            self.probe.heard(request);
            let _ = self
                .swarm
                .behaviour_mut()
                .dial_backs
                .send_response(channel, ());
        }
    }

    /// Tells others the addresses at which we can be reached: those that stand by themselves, those that a router opened, those at
    /// which somebody got through; but none at which others tried in vain. Relays tell theirs by themselves.
    pub(super) fn update_external(&mut self) {
        let findings = self.probe.findings();
        let is_closed = |address: &Multiaddr| {
            let is_it = |finding: &&AddressCheck| finding.address == *address;
            findings
                .iter()
                .find(is_it)
                .is_some_and(|finding| finding.verdict == Verdict::No)
        };
        let stands = |address: &&Multiaddr| match address::scope(address) {
            Scope::Public => true,
            Scope::Private => self.reach.is_private(),
            Scope::Loopback => self.reach.is_local_only(),
            Scope::Never => false,
        };
        let own = self
            .swarm
            .listeners()
            .filter(stands)
            .filter(|address| !is_relayed(address));
        let mut external: BTreeSet<Multiaddr> = own.cloned().chain(self.mapped()).collect();
        external.retain(|address| !is_closed(address));
        let reached = findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Yes);
        external.extend(reached.map(|finding| finding.address.clone()));
        if external == self.external {
            return;
        }
        for gone in self.external.difference(&external) {
            self.swarm.remove_external_address(gone);
        }
        for new in external.difference(&self.external) {
            self.swarm.add_external_address(new.clone());
        }
        self.external = external;
        self.on_external_addresses();
    }

    fn update_relays(&mut self, now: Instant) {
        let needed = self.uses_relays && self.ground().needs_relay();
        for step in self.relays.steps(needed, now) {
            match step {
                Step::Ask { peer, address } => {
                    let listener = self.swarm.listen_on(address.clone());
                    if let Err(error) = &listener {
                        tracing::debug!(%address, %error, "a relay can't be asked");
                    }
                    self.relays.asked(&peer, listener.ok(), now);
                }
                Step::Leave { peer } => drop(self.swarm.disconnect_peer_id(peer)),
            }
        }
    }

    pub(super) fn on_relay_client(&mut self, event: relay::client::Event) {
        if let relay::client::Event::ReservationReqAccepted {
            relay_peer_id,
            renewal: false,
            ..
        } = event
        {
            tracing::info!(relay = %relay_peer_id, "others can come here through a relay");
            let addresses = self.relays.accepted(&relay_peer_id);
            self.show_both_transports(relay_peer_id, &addresses);
            self.update_summary();
        }
    }

    /// A relay is to see us over TCP and over QUIC: holes are punched where we were seen. Once it has, the second connection closes: a
    /// relay may introduce others over either, and libp2p refuses that on the one that the place was not asked over.
    fn show_both_transports(&mut self, relay: PeerId, addresses: &[Multiaddr]) {
        for tcp in [true, false] {
            let of_kind: Vec<Multiaddr> = addresses
                .iter()
                .filter(|address| address::is_tcp(address) == tcp)
                .cloned()
                .collect();
            if of_kind.is_empty() || self.peers.is_connected_over(&relay, tcp) {
                continue;
            }
            let options = DialOpts::peer_id(relay)
                .condition(PeerCondition::Always)
                .addresses(of_kind)
                .build();
            let id = options.connection_id();
            match self.swarm.dial(options) {
                Ok(()) => drop(self.shown.insert(id)),
                Err(error) => {
                    tracing::debug!(%relay, %error, "a relay can't be reached in both ways");
                }
            }
        }
    }

    /// A listener is no more: says whether it was a relay's.
    pub(super) fn on_listener_closed(&mut self, listener: ListenerId) {
        if self.relays.closed(listener, Instant::now()) {
            self.update_reach();
        }
    }

    /// We pass connections on to whoever asks, but trusted peers always find room.
    pub(super) fn on_relay_service(&mut self, event: relay::Event) {
        match event {
            relay::Event::ReservationReqAccepted { src_peer_id, .. } => {
                if !self.is_trusted(&src_peer_id) {
                    self.guests.insert(src_peer_id);
                }
                if self.guests.len() > MAX_RELAYED_GUESTS && self.guests.remove(&src_peer_id) {
                    tracing::debug!(peer = %src_peer_id, "the places for strangers are taken");
                    let _ = self.swarm.disconnect_peer_id(src_peer_id);
                }
            }
            relay::Event::ReservationClosed { src_peer_id }
            | relay::Event::ReservationTimedOut { src_peer_id } => {
                self.guests.remove(&src_peer_id);
            }
            _ => {}
        }
    }

    /// Relayed connections end when a direct one stands, or when none could be made.
    pub(super) fn end_relayed(&mut self, now: Instant) {
        for relayed in self.peers.relayed(now, REST, PUNCH_TIME) {
            if !relayed.is_replaced {
                tracing::info!(peer = %relayed.peer, "can't be reached directly: no hole could be punched");
                self.sessions.cannot_reach(&relayed.peer);
            }
            self.swarm.close_connection(relayed.connection);
        }
    }

    /// What is listened at has changed, or this machine's networks.
    pub(super) fn update_router(&mut self) {
        if let Some(router) = &self.router {
            let endpoints = self
                .swarm
                .listeners()
                .filter(|address| !is_relayed(address))
                .filter_map(endpoint);
            router
                .mapper
                .set(endpoints.collect(), self.reach.networks());
        }
    }

    /// Begins or ends to ask routers for ports.
    pub(super) fn use_router(&mut self, wanted: bool) {
        if wanted == self.router.is_some() {
            return;
        }
        if wanted {
            let (mapper, ports) = PortMapper::start();
            self.router = Some(Router { mapper, ports });
            self.update_router();
        } else if let Some(router) = self.router.take() {
            tokio::spawn(router.mapper.close());
        }
        self.update_reach();
    }

    /// Others are asked to try each of our addresses now.
    pub(super) fn check(&mut self, reply: oneshot::Sender<status::Check>) {
        let now = Instant::now();
        if self.checks.len() >= MAX_CHECKS {
            return;
        }
        if self.checks.is_empty() {
            self.probe.again(now);
        }
        self.checks.push(Check {
            until: now + CHECK_TIME,
            reply,
        });
        self.update_reach();
        self.finish_checks(now);
    }

    /// Answers those who wait, once there is nothing more to learn, or it took too long.
    pub(super) fn finish_checks(&mut self, now: Instant) {
        let is_settled = self.probe.is_settled();
        let (over, open): (Vec<_>, Vec<_>) = std::mem::take(&mut self.checks)
            .into_iter()
            .partition(|check| is_settled || check.until <= now);
        self.checks = open;
        if over.is_empty() {
            return;
        }
        let found = self.found();
        self.last_check = Some(found.clone());
        for check in over {
            let _ = check.reply.send(found.clone());
        }
    }

    /// What the test that ends now has found.
    fn found(&self) -> status::Check {
        let addresses = self.address_checks();
        let any = |verdict| {
            addresses
                .iter()
                .any(|address| address.by != RungKind::Relay && address.verdict == verdict)
        };
        let verdict = if any(Verdict::Yes) {
            Verdict::Yes
        } else if self.probe.asked() == 0 || any(Verdict::Unknown) || any(Verdict::Checking) {
            Verdict::Unknown
        } else {
            Verdict::No
        };
        status::Check {
            at: SystemTime::now(),
            verdict,
            asked: self.probe.asked(),
            addresses,
            public: None,
        }
    }

    /// What is known of each address at which others might get here.
    pub(super) fn address_checks(&self) -> Vec<AddressCheck> {
        let mut checks = self.probe.findings();
        let relayed = self
            .swarm
            .external_addresses()
            .filter(|address| is_relayed(address));
        checks.extend(relayed.map(|address| AddressCheck {
            address: address.clone(),
            by: RungKind::Relay,
            // The relay itself said so.
            verdict: Verdict::Yes,
            tries: 0,
        }));
        checks
    }
}

pub(super) fn tell_punch(event: &dcutr::Event) {
    let peer = event.remote_peer_id;
    match &event.result {
        Ok(_) => tracing::debug!(%peer, "a hole is punched"),
        Err(error) => tracing::debug!(%peer, %error, "no hole could be punched"),
    }
}

fn endpoint(address: &Multiaddr) -> Option<Endpoint> {
    let ip = address::ip(address)?;
    let port = address.iter().find_map(|part| match part {
        Protocol::Tcp(port) | Protocol::Udp(port) => Some(port),
        _ => None,
    })?;
    let is_open = matches!(address::scope(address), Scope::Private | Scope::Public);
    is_open.then(|| Endpoint {
        transport: Transport::of(address),
        address: (ip, port).into(),
    })
}

/// It has to be looked up before it can be judged.
fn has_name(address: &Multiaddr) -> bool {
    address::ip(address).is_none()
}

/// The task that asks routers for ports, and what came of it.
#[derive(Debug)]
pub(super) struct Router {
    pub(super) mapper: PortMapper,
    pub(super) ports: tokio::sync::watch::Receiver<Ports>,
}
