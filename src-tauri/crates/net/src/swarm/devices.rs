//! Devices of this network: who of those that are connected hears who we are and is asked the same,
//! and whose offers are heard.

use std::net::IpAddr;
use std::time::Instant;

use libp2p::request_response::{self, Message, OutboundFailure, ResponseChannel};
use libp2p::{Multiaddr, PeerId, StreamProtocol};
use tokio::sync::{mpsc, oneshot};

use super::Network;
use crate::devices::{BehaviourEvent, Device, HELLO, Hello, News, Question, Said, Stands};
use crate::{address, now_unix};

impl Network {
    /// Where it is connected straight from within this network. Anybody there may multicast that
    /// somebody else is there: that counts only where the connection shows it too.
    fn nearby_at(&self, peer: &PeerId) -> Option<IpAddr> {
        let is_known = !self.local.devices.addresses(peer).is_empty();
        let is_near = |address: &&Multiaddr| {
            self.policy.is_near(address) || (is_known && self.policy.is_on_own_network(address))
        };
        let mut addresses = self.connections.peers.direct_addresses(peer);
        address::ip(addresses.find(is_near)?)
    }

    /// It made itself known.
    pub(super) fn expect_device(&mut self, peer: PeerId, addresses: &[Multiaddr]) {
        if let Some(ip) = addresses.iter().find_map(address::ip) {
            let peers = &self.connections.peers;
            let is_here = |peer: &PeerId| peers.contains(peer);
            self.met.expect(peer, ip, is_here, Instant::now());
        }
    }

    /// It is connected, and speaks these.
    pub(super) fn meet_if_device(&mut self, peer: PeerId, protocols: &[StreamProtocol]) {
        let Some(ip) = self.nearby_at(&peer) else {
            return;
        };
        let peers = &self.connections.peers;
        let is_here = |peer: &PeerId| peers.contains(peer);
        if protocols.contains(&HELLO) && self.met.meet(peer, ip, is_here, Instant::now()) {
            self.say_hello(&peer);
        }
    }

    fn say_hello(&mut self, peer: &PeerId) {
        let hello = Hello::from(&self.lasting.config.device);
        let devices = &mut self.swarm.behaviour_mut().devices;
        devices.hello.send_request(peer, hello);
    }

    /// Our name or kind is another one now. Whoever is not connected hears it the next time.
    pub(super) fn tell_card(&mut self) {
        for device in self.devices() {
            if self.nearby_at(&device.peer).is_some() {
                self.say_hello(&device.peer);
            }
        }
    }

    pub(super) fn ask_again_who_they_are(&mut self, now: Instant) {
        for peer in self.met.take_due(now) {
            if self.nearby_at(&peer).is_some() {
                self.say_hello(&peer);
                continue;
            }
            self.met.failed(&peer, now);
            let addresses = self.local.devices.addresses(&peer);
            if !addresses.is_empty() {
                self.policy.hear_nearby(&addresses);
                self.dial_device(peer, addresses);
            }
        }
    }

    pub(super) fn on_device(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Hello(event) => self.on_hello(event),
            BehaviourEvent::Offer(event) => self.on_offer(event),
        }
    }

    fn on_hello(&mut self, event: request_response::Event<Hello, Hello>) {
        match event {
            request_response::Event::Message { peer, message, .. } => {
                // It may have gone, or was never near.
                let Some(ip) = self.nearby_at(&peer) else {
                    return;
                };
                match message {
                    Message::Request {
                        request, channel, ..
                    } => {
                        if self.met.may_ask(peer, ip, Instant::now()) {
                            let hello = Hello::from(&self.lasting.config.device);
                            let devices = &mut self.swarm.behaviour_mut().devices;
                            let _ = devices.hello.send_response(channel, hello);
                            self.heard(peer, ip, &request);
                        }
                    }
                    Message::Response { response, .. } => self.heard(peer, ip, &response),
                }
            }
            request_response::Event::OutboundFailure {
                peer,
                error: OutboundFailure::UnsupportedProtocols,
                ..
            } => self.met.forget(|other| *other == peer),
            request_response::Event::OutboundFailure { peer, error, .. } => {
                tracing::debug!(%peer, %error, "a device doesn't say who it is");
                self.met.failed(&peer, Instant::now());
            }
            _ => {}
        }
    }

    fn on_offer(&mut self, event: request_response::Event<Said, Stands>) {
        match event {
            request_response::Event::Message {
                peer,
                message:
                    Message::Request {
                        request, channel, ..
                    },
                ..
            } => {
                // Strangers are not heard.
                if self.nearby_at(&peer).is_none() {
                    return;
                }
                match request.read() {
                    Some(question) => {
                        let card = self.met.card(&peer);
                        let now = Instant::now();
                        self.desk.ask_owner(peer, card, question, channel, now);
                    }
                    None => self.answer_device(channel, Some(Stands::Refused)),
                }
            }
            request_response::Event::Message {
                message:
                    Message::Response {
                        request_id,
                        response,
                    },
                ..
            } => self.desk.answered(request_id, Some(response)),
            request_response::Event::OutboundFailure {
                peer,
                request_id,
                error,
                ..
            } => {
                tracing::debug!(%peer, %error, "a device can't be asked");
                self.desk.answered(request_id, None);
            }
            _ => {}
        }
    }

    pub(super) fn answer_device(
        &mut self,
        channel: ResponseChannel<Stands>,
        stands: Option<Stands>,
    ) {
        if let Some(stands) = stands {
            let devices = &mut self.swarm.behaviour_mut().devices;
            let _ = devices.offer.send_response(channel, stands);
        }
    }

    pub(super) fn tell_devices_to(&mut self, owner: mpsc::Sender<News>) {
        self.desk.set_owner(owner.clone());
        self.lasting.devices = Some(owner);
    }

    /// Wherever it is reached: it is the very device that is meant, and hears us only from this
    /// network.
    pub(super) fn ask_device(
        &mut self,
        peer: PeerId,
        question: Question,
        reply: oneshot::Sender<Option<Stands>>,
    ) {
        let addresses = self.local.devices.addresses(&peer);
        self.policy.hear_nearby(&addresses);
        let offer = &mut self.swarm.behaviour_mut().devices.offer;
        let id = offer.send_request_with_addresses(&peer, question.into(), addresses);
        self.desk.asked(id, reply);
    }

    pub(super) fn device_addresses(&self, peer: &PeerId) -> Vec<Multiaddr> {
        let addresses = self.local.devices.addresses(peer);
        let named = addresses.iter();
        named.map(|bare| address::with_peer(bare, *peer)).collect()
    }

    fn heard(&mut self, peer: PeerId, ip: IpAddr, hello: &Hello) {
        let peers = &self.connections.peers;
        let is_here = |peer: &PeerId| peers.contains(peer);
        let now = Instant::now();
        self.met
            .heard(peer, ip, hello.card(), is_here, now, now_unix());
        self.desk.here(peer);
    }

    pub(super) fn devices(&self) -> Vec<Device> {
        let is_here = |peer: &PeerId| !self.local.devices.addresses(peer).is_empty();
        let is_connected = |peer: &PeerId| self.nearby_at(peer).is_some();
        self.met.list(is_here, is_connected, now_unix())
    }

    pub(super) fn tidy_devices(&mut self) {
        let (peers, devices) = (&self.connections.peers, &self.local.devices);
        let is_here = |peer: &PeerId| peers.contains(peer) || !devices.addresses(peer).is_empty();
        self.met.tidy(is_here, Instant::now());
    }
}
