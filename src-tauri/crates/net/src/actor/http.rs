//! Web services: who they say has something, and the blocks that they give.

use std::time::Instant;

use bitswap::SessionId;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::oneshot;
use unixfs::cid::Cid;

use super::Actor;
use crate::address::is_relayed;
use crate::exchange::session::Search;
use crate::status::PublicCheck;
use crate::web::{Step, WebEvent};
use crate::{Config, address};

impl Actor {
    pub(super) fn use_web(&mut self, config: &Config) {
        let steps = self.web.choose(config);
        self.take_steps(steps);
    }

    pub(super) fn on_web(&mut self, event: WebEvent) {
        match event {
            WebEvent::Found {
                session,
                targets,
                gateways,
            } => {
                self.believe(session, &targets);
                self.connect_all(session, targets);
                let steps = self.web.gateways.found(session, &gateways);
                self.take_steps(steps);
            }
            WebEvent::Asked { router, result } => {
                self.web.routers.asked(&router, &result, Instant::now());
            }
            WebEvent::Searched { session } => self.web.routers.forget(session),
            WebEvent::Block {
                gateway,
                cid,
                request,
                result,
            } => {
                let gateways = &mut self.web.gateways;
                let steps = gateways.answered(gateway, cid, request, result);
                self.take_steps(steps);
            }
            WebEvent::Checked(check) => self.reachability.checked_publicly(check),
        }
    }

    /// Asks routers who has the session's content, and has gateways asked again that had nothing of it.
    pub(super) fn search_web(&mut self, session: SessionId, root: Cid) {
        if self.web.routers.search(session, root, &self.reach) {
            self.sessions.searching(session, Search::Web);
        }
        self.web.gateways.look_again(session);
        self.update_gateways();
    }

    pub(super) fn update_gateways(&mut self) {
        let steps = self.web.gateways.update(Instant::now());
        self.take_steps(steps);
    }

    /// The session is over.
    pub(super) fn leave_web(&mut self, session: SessionId) {
        self.web.routers.forget(session);
        let steps = self.web.gateways.close(session);
        self.take_steps(steps);
    }

    /// A source that broke the rules of the exchange: is it a gateway? Then it rests.
    pub(super) fn rest_gateway(&mut self, peer: &PeerId) -> bool {
        let is_gateway = self.web.gateways.contains(peer);
        if is_gateway {
            let steps = self.web.gateways.misbehaved(peer);
            self.take_steps(steps);
        }
        is_gateway
    }

    /// Has the public test made at the best address that others are told.
    pub(super) fn check_publicly(&mut self, cid: Cid, reply: oneshot::Sender<PublicCheck>) {
        let own = *self.swarm.local_peer_id();
        let mut external: Vec<&Multiaddr> = self.swarm.external_addresses().collect();
        external.sort_by_key(|address| is_relayed(address));
        let address = match external.first() {
            Some(best) => address::with_peer(best, own),
            // The service looks it up.
            None => Multiaddr::empty().with(Protocol::P2p(own)),
        };
        self.web.check(address, cid, reply);
    }

    fn take_steps(&mut self, steps: Vec<Step>) {
        let bitswap = &mut self.swarm.behaviour_mut().bitswap;
        for step in steps {
            match step {
                Step::Connect(gateway) => bitswap.gateway_connected(gateway),
                Step::Disconnect(gateway) => bitswap.gateway_disconnected(&gateway),
                Step::Join(session, gateway) => {
                    bitswap.join_gateway(session, &gateway);
                    self.sessions.searching(session, Search::Web);
                }
                Step::Block(gateway, cid, data) => bitswap.gateway_block(gateway, cid, data),
                Step::Lacks(gateway, cid) => bitswap.gateway_lacks(gateway, cid),
            }
        }
    }
}
