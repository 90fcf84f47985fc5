//! What [`Reachability`] is told: by peers, routers and relays, by the person, and by this
//! machine's networks.

use std::net::IpAddr;
use std::time::Instant;

use libp2p::core::transport::ListenerId;
use libp2p::request_response::OutboundRequestId;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId, StreamProtocol, identify, relay};
use tokio::sync::oneshot;

use super::autonat::{self, Answer};
use super::external::endpoint;
use super::ports::PortMapper;
use super::{GRACE, Here, OpenPorts, Reachability, Step};
use crate::address::{self, Scope};
use crate::config::RelayConfig;
use crate::limits::{MAX_PEER_ADDRESSES, MAX_STRANGER_RELAY_CLIENTS};
use crate::status::{Check, PublicCheck};

/// A peer that we dialled, and so know where it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observer {
    pub(crate) peer: PeerId,
    pub(crate) connection: ConnectionId,
    pub(crate) ip: IpAddr,
}

impl Reachability {
    /// A peer said where it sees us, and what it does for others.
    pub(crate) fn identified(
        &mut self,
        observer: Observer,
        info: &identify::Info,
        here: &Here,
        now: Instant,
    ) -> Vec<Step> {
        let Observer {
            peer,
            connection,
            ip,
        } = observer;
        let is_far = self.is_far(ip);
        let mut steps = Vec::new();
        if is_far {
            self.observed.add(ip, &info.observed_addr);
            if self.policy.believes(&info.observed_addr) {
                let (seen, _) = address::split_peer(info.observed_addr.clone());
                steps.push(Step::Candidate(seen));
            }
        }
        if self.observing.remove(&connection) {
            steps.push(Step::Close(connection));
        }
        let speaks = |protocol: StreamProtocol| info.protocols.contains(&protocol);
        if speaks(autonat::DIAL_REQUEST) && is_far {
            self.probe.add_server(peer);
        }
        if speaks(relay::HOP_PROTOCOL_NAME) && is_far {
            let believed = info.listen_addrs.iter().filter(|address| {
                self.policy.believes(address) && !address::is_relayed(address) && !has_name(address)
            });
            let believed = believed
                .take(MAX_PEER_ADDRESSES)
                .map(|address| address::split_peer(address.clone()).0);
            self.relays.offered(peer, believed.collect());
        }
        steps.extend(self.changed(here, now));
        steps
    }

    /// Someone there can tell how we look from outside.
    fn is_far(&self, ip: IpAddr) -> bool {
        let scope = address::scope(&Multiaddr::from(ip));
        scope == Scope::Public || self.policy.is_private()
    }

    /// The last connection with a peer closed.
    pub(crate) fn peer_left(&mut self, peer: &PeerId) {
        self.probe.remove_server(peer);
        self.relays.gone(peer);
    }

    /// A connection closed, or could not be opened.
    pub(crate) fn connection_gone(&mut self, connection: ConnectionId) {
        self.observing.remove(&connection);
    }

    /// A server that was asked to dial us answered, or never will.
    pub(crate) fn probed(
        &mut self,
        id: OutboundRequestId,
        answer: Option<Answer>,
        here: &Here,
        now: Instant,
    ) -> Vec<Step> {
        let Some(nonce) = self.probing.remove(&id) else {
            return Vec::new();
        };
        self.probe.answered(nonce, answer);
        self.changed(here, now)
    }

    /// A server that dialled us said the number of a question.
    pub(crate) fn dialled_back(&mut self, nonce: u64) {
        self.probe.heard(nonce);
    }

    /// A relay gave us a reservation. It has to observe our address over TCP and over QUIC, since
    /// hole punching starts from the observed addresses. Once it has, the second connection closes:
    /// a relay may introduce others over either, and libp2p refuses that on the one that the
    /// reservation was not made over. `is_connected`: with the relay, over TCP or else over QUIC.
    pub(crate) fn reserved(
        &mut self,
        relay: PeerId,
        is_connected: impl Fn(bool) -> bool,
    ) -> Vec<Step> {
        tracing::info!(%relay, "others can come here through a relay");
        let addresses = self.relays.accepted(&relay);
        let observe = |tcp: bool| {
            let of_kind = addresses
                .iter()
                .filter(|address| address::is_tcp(address) == tcp);
            let addresses: Vec<Multiaddr> = of_kind.cloned().collect();
            let is_needed = !addresses.is_empty() && !is_connected(tcp);
            is_needed.then_some(Step::Observe { relay, addresses })
        };
        let observations = [true, false].into_iter().filter_map(observe);
        observations.chain([Step::TellSummary]).collect()
    }

    /// A listener closed, which may have been at a relay.
    pub(crate) fn listener_closed(
        &mut self,
        listener: ListenerId,
        here: &Here,
        now: Instant,
    ) -> Vec<Step> {
        if self.relays.closed(listener, now) {
            self.changed(here, now)
        } else {
            Vec::new()
        }
    }

    /// A peer made a reservation with us: trusted peers always find a place, strangers as long as
    /// one is free.
    pub(crate) fn relay_client_came(&mut self, peer: PeerId, is_trusted: bool) -> Option<Step> {
        if !is_trusted {
            self.relay_clients.insert(peer);
        }
        if self.relay_clients.len() <= MAX_STRANGER_RELAY_CLIENTS
            || !self.relay_clients.remove(&peer)
        {
            return None;
        }
        tracing::debug!(%peer, "the places for strangers are taken");
        Some(Step::Disconnect(peer))
    }

    pub(crate) fn relay_client_left(&mut self, peer: &PeerId) {
        self.relay_clients.remove(peer);
    }

    /// What is listened at has changed.
    pub(crate) fn listeners_changed(&mut self, here: &Here, now: Instant) -> Vec<Step> {
        self.set_endpoints(here);
        self.changed(here, now)
    }

    /// This machine is somewhere else now: what was known may be wrong.
    pub(crate) fn begin_anew(&mut self, here: &Here, now: Instant) -> Vec<Step> {
        self.grace_until = Some(now + GRACE);
        self.observed.forget();
        self.probe.again(now);
        self.listeners_changed(here, now)
    }

    /// A second has passed.
    pub(crate) fn tick(&mut self, here: &Here, now: Instant) -> Vec<Step> {
        self.grace_until = self.grace_until.filter(|until| *until > now);
        self.changed(here, now)
    }

    /// Minutes have passed: what was found long ago is tried again.
    pub(crate) fn refresh(&mut self, here: &Here, now: Instant) -> Vec<Step> {
        self.probe.refresh(now);
        self.changed(here, now)
    }

    /// We listen on this machine alone from now on, or no more.
    pub(crate) fn set_this_machine_only(&mut self, this_machine_only: bool) {
        self.this_machine_only = this_machine_only;
    }

    pub(crate) fn use_relays(&mut self, config: &RelayConfig) {
        self.relays.choose(&config.chosen);
        self.uses_relays = config.enabled;
    }

    /// Begins or ends to ask routers for ports. On this machine alone there is nothing to open.
    pub(crate) fn use_ports(&mut self, wanted: bool, here: &Here) {
        let wanted = wanted && !self.this_machine_only;
        if wanted == self.ports.is_some() {
            return;
        }
        if wanted {
            let (mapper, state) = PortMapper::start();
            self.ports = Some(OpenPorts { mapper, state });
            self.set_endpoints(here);
        } else if let Some(mapper) = self.take_ports() {
            tokio::spawn(mapper.close());
        }
    }

    /// Tells routers' ports what is listened at, and this machine's networks.
    fn set_endpoints(&self, here: &Here) {
        if let Some(ports) = &self.ports {
            let endpoints = here.own().filter_map(endpoint).collect();
            ports.mapper.set(endpoints, self.policy.networks());
        }
    }

    /// Others are asked to try each of our addresses now.
    pub(crate) fn check(
        &mut self,
        reply: oneshot::Sender<Check>,
        here: &Here,
        now: Instant,
    ) -> Vec<Step> {
        if self.checks.is_full() {
            return Vec::new();
        }
        if !self.checks.is_waited_for() {
            self.probe.again(now);
        }
        self.checks.add(reply, now);
        self.changed(here, now)
    }

    /// The public checking service said something, which belongs to the last test.
    pub(crate) fn checked_publicly(&mut self, check: PublicCheck) {
        self.checks.add_public(check);
    }
}

/// It has to be looked up before it can be judged.
fn has_name(address: &Multiaddr) -> bool {
    address::ip(address).is_none()
}
