//! Tells [`Reachability`] what happened, and carries out the steps that it answers with.

use std::time::{Duration, Instant};

use libp2p::request_response::{self, Message, OutboundFailure};
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{PeerId, identify, relay};

use super::Network;
use super::follow::Changed;
use crate::address::is_relayed;
use crate::reachability::autonat::{Answer, DialRequest};
use crate::reachability::{Here, Observer, Reachability, Step};

/// A direct connection is given this before the relayed one that led to it closes: its other end
/// may not have seen it yet.
const SETTLING: Duration = Duration::from_secs(1);
/// Holes are punched within seconds, in up to three attempts; a relay ends a connection after two
/// minutes.
const PUNCH_TIME: Duration = Duration::from_secs(20);
/// A relayed connection that the other end closes after this was closed because no hole could be
/// punched: its clock started a round trip before ours, and it looks once a second.
const OTHERS_PUNCH_TIME: Duration = Duration::from_secs(18);

impl Network {
    pub(super) fn here(&self) -> Here {
        let external = self.swarm.external_addresses();
        Here {
            listeners: self.swarm.listeners().cloned().collect(),
            relayed: external
                .filter(|address| is_relayed(address))
                .cloned()
                .collect(),
            mdns: self.swarm.behaviour().finds_devices(),
            nearby: self.nearby().len(),
        }
    }

    /// Something happened that may change how others get here: [`Reachability`] is told, and its
    /// steps are carried out.
    pub(super) fn tell_reachability(
        &mut self,
        tell: impl FnOnce(&mut Reachability, &Here, Instant) -> Vec<Step>,
    ) {
        let here = self.here();
        let steps = tell(&mut self.reachability, &here, Instant::now());
        self.take_reachability_steps(steps);
    }

    fn take_reachability_steps(&mut self, steps: impl IntoIterator<Item = Step>) {
        for step in steps {
            self.take_reachability_step(step);
        }
    }

    fn take_reachability_step(&mut self, step: Step) {
        match step {
            Step::Probe { server, request } => {
                let nonce = request.nonce;
                let requests = &mut self.swarm.behaviour_mut().dial_requests;
                let id = requests.send_request(&server, request);
                self.reachability.probing(id, nonce);
            }
            Step::Candidate(address) => self.swarm.behaviour_mut().candidates.seen(address),
            Step::AddExternal(address) => self.swarm.add_external_address(address),
            Step::RemoveExternal(address) => self.swarm.remove_external_address(&address),
            Step::ExternalChanged => self.follow(Changed::External),
            Step::TellDevices => self.follow(Changed::Listeners),
            Step::AskRelay { relay, address } => {
                let listener = self.swarm.listen_on(address.clone());
                if let Err(error) = &listener {
                    tracing::debug!(%address, %error, "a relay can't be asked");
                }
                self.reachability
                    .relay_asked(&relay, listener.ok(), Instant::now());
            }
            Step::Observe { relay, addresses } => {
                let options = DialOpts::peer_id(relay)
                    .condition(PeerCondition::Always)
                    .addresses(addresses)
                    .build();
                let id = options.connection_id();
                match self.swarm.dial(options) {
                    Ok(()) => self.reachability.observing(id),
                    Err(error) => {
                        tracing::debug!(%relay, %error, "a relay can't be reached in both ways");
                    }
                }
            }
            Step::Close(connection) => drop(self.swarm.close_connection(connection)),
            Step::Disconnect(peer) => drop(self.swarm.disconnect_peer_id(peer)),
            Step::TellSummary => self.follow(Changed::Peers),
        }
    }

    /// Where we are seen, and what a peer can do for us.
    pub(super) fn on_services(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        info: &identify::Info,
    ) {
        if let Some(ip) = self.connections.peers.dialled(&peer, connection) {
            let observer = Observer {
                peer,
                connection,
                ip,
            };
            self.tell_reachability(|reachability, here, now| {
                reachability.identified(observer, info, here, now)
            });
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
        self.tell_reachability(|reachability, here, now| {
            reachability.probed(id, answer, here, now)
        });
    }

    pub(super) fn on_dial_back(&mut self, event: request_response::Event<u64, ()>) {
        if let request_response::Event::Message {
            message: Message::Request {
                request, channel, ..
            },
            ..
        } = event
        {
            self.reachability.dialled_back(request);
            let dial_backs = &mut self.swarm.behaviour_mut().dial_backs;
            let _ = dial_backs.send_response(channel, ());
        }
    }

    pub(super) fn on_relay_client(&mut self, event: relay::client::Event) {
        if let relay::client::Event::ReservationReqAccepted {
            relay_peer_id: relay,
            renewal: false,
            ..
        } = event
        {
            let is_connected = |tcp| self.connections.peers.is_connected_over(&relay, tcp);
            let steps = self.reachability.reserved(relay, is_connected);
            self.take_reachability_steps(steps);
        }
    }

    /// We pass connections on for all who ask; trusted peers always find a place.
    pub(super) fn on_relay_service(&mut self, event: relay::Event) {
        match event {
            relay::Event::ReservationReqAccepted { src_peer_id, .. } => {
                let is_trusted = self.is_trusted(&src_peer_id);
                let step = self.reachability.relay_client_came(src_peer_id, is_trusted);
                self.take_reachability_steps(step);
            }
            relay::Event::ReservationClosed { src_peer_id }
            | relay::Event::ReservationTimedOut { src_peer_id } => {
                self.reachability.relay_client_left(&src_peer_id);
            }
            _ => {}
        }
    }

    /// The end that first finds that no hole can be punched closes the connection, and the other
    /// end has to conclude the same.
    pub(super) fn on_relayed_closed(&mut self, peer: &PeerId, connection: ConnectionId) {
        let now = Instant::now();
        if self
            .connections
            .peers
            .is_still_relayed(peer, connection, now, OTHERS_PUNCH_TIME)
        {
            self.exchange.sessions.cannot_reach(peer);
        }
    }

    /// Relayed connections end when a direct one stands, or when none could be made.
    pub(super) fn end_relayed(&mut self, now: Instant) {
        for relayed in self.connections.peers.relayed(now, SETTLING, PUNCH_TIME) {
            if !relayed.is_replaced {
                tracing::info!(peer = %relayed.peer, "can't be reached directly: no hole could be punched");
                self.exchange.sessions.cannot_reach(&relayed.peer);
            }
            self.swarm.close_connection(relayed.connection);
        }
    }
}
