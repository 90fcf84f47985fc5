//! Joins the rooms for sessions: peers with their content come from the DHTs, the web and this
//! network, and are dialled by the swarm.

use std::collections::VecDeque;
use std::time::Instant;

use bitswap::{Event, SessionId};
use libp2p::kad;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::DialError;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::oneshot;
use unixfs::cid::Cid;

use super::Network;
use super::follow::Changed;
use crate::address::{self, is_relayed};
use crate::connections::trust::behaviour::Event as TrustEvent;
use crate::dht::News;
use crate::dht::find::{self, DhtKind};
use crate::exchange::dial::Target;
use crate::exchange::serve::Question;
use crate::exchange::session::{Request, Search, Session};
use crate::exchange::{self, Around, Exchange, Step};
use crate::local::devices;
use crate::status::PublicCheck;
use crate::web::{self, WebEvent};
use crate::{Config, NetError};

impl Network {
    /// Tells the exchange something, and does what it answers.
    pub(super) fn with_exchange(
        &mut self,
        tell: impl FnOnce(&mut Exchange, &mut Around<'_>) -> Vec<Step>,
    ) {
        let own = *self.swarm.local_peer_id();
        let behaviour = self.swarm.behaviour_mut();
        let mut around = Around {
            own,
            peers: &self.connections.peers,
            trust: &behaviour.trust,
            bitswap: &mut behaviour.bitswap,
        };
        let mut steps: VecDeque<Step> = tell(&mut self.exchange, &mut around).into();
        while let Some(step) = steps.pop_front() {
            match step {
                Step::Dial(options) => {
                    let id = options.connection_id();
                    self.swarm.behaviour_mut().dials.urgent(id);
                    if let Err(error) = self.swarm.dial(options) {
                        let behaviour = self.swarm.behaviour_mut();
                        let mut around = Around {
                            own,
                            peers: &self.connections.peers,
                            trust: &behaviour.trust,
                            bitswap: &mut behaviour.bitswap,
                        };
                        steps.extend(self.exchange.dial_failed(&mut around, id, &error));
                        steps.extend(self.exchange.dials());
                    }
                }
                Step::Enough(session) => {
                    let mut kads = self.swarm.behaviour_mut().kads();
                    self.dht.finder.forget(&mut kads, session);
                }
                Step::FindPeer(session, peer) => {
                    let mut kads = self.swarm.behaviour_mut().kads();
                    self.dht.finder.find_peer(&mut kads, session, peer);
                }
            }
        }
    }

    pub(super) fn open_session(
        &mut self,
        root: Cid,
        hints: Vec<Multiaddr>,
    ) -> Result<Session, NetError> {
        let bitswap = &mut self.swarm.behaviour_mut().bitswap;
        let opened = self.exchange.open(bitswap, root, hints);
        let (id, session) = opened.ok_or(NetError::TooManySessions)?;
        self.web.gateways.open(id, Instant::now());
        self.look_nearby(id);
        Ok(session)
    }

    /// Goes on with what was open before the network broke.
    pub(super) fn reopen_sessions(&mut self) {
        self.exchange.sessions.begin_anew();
        for id in self.exchange.sessions.ids() {
            let bitswap = &mut self.swarm.behaviour_mut().bitswap;
            self.exchange.reopen(bitswap, id);
            self.web.gateways.open(id, Instant::now());
            self.look_nearby(id);
        }
    }

    pub(super) fn on_exchange(&mut self, event: exchange::Event) {
        let bitswap = &mut self.swarm.behaviour_mut().bitswap;
        match event {
            exchange::Event::Answer(answer) => self.exchange.answered(bitswap, answer),
            exchange::Event::Request(Request::Want { session, wants }) => {
                self.exchange.want(bitswap, session, wants);
            }
            exchange::Event::Request(Request::Unwant { session, cids }) => {
                self.exchange.unwant(bitswap, session, &cids);
            }
            exchange::Event::Request(Request::AddHint { session, address }) => {
                self.with_exchange(|exchange, around| exchange.add_hint(around, session, address));
            }
        }
    }

    /// Sessions that ended, and bytes that others let go of.
    pub(super) fn collect_sessions(&mut self) {
        let behaviour = self.swarm.behaviour_mut();
        let closed = self.exchange.collect(&mut behaviour.bitswap);
        for session in &closed {
            self.dht.finder.forget(&mut behaviour.kads(), *session);
        }
        for session in closed {
            self.web.delegated.forget(session);
            let steps = self.web.gateways.close(session);
            self.take_web_steps(steps);
        }
    }

    pub(super) fn on_bitswap(&mut self, event: Event) {
        match event {
            Event::Block {
                session,
                peer,
                cid,
                data,
            } => {
                let is_peer = !self.web.gateways.contains(&peer);
                self.exchange.received(session, (peer, is_peer), cid, data);
            }
            Event::FindProviders { session } => self.find_providers(session),
            Event::Lookup { ticket, cids, .. } => {
                self.exchange.ask(Question::Find { ticket, cids });
            }
            Event::Read { ticket, peer, cid } => {
                let question = Question::Block { ticket, peer, cid };
                self.exchange.ask(question);
            }
            Event::Misbehaved { peer } => {
                // A gateway is in a back-off; a peer is banned.
                if self.web.gateways.contains(&peer) {
                    let steps = self.web.gateways.misbehaved(&peer);
                    self.take_web_steps(steps);
                } else {
                    let list = &mut self.swarm.behaviour_mut().blocked;
                    self.connections.ban(peer, list, Instant::now());
                }
            }
            Event::Ask {
                gateway,
                blocks,
                cancels,
            } => self.web.gateways.ask(gateway, blocks, &cancels),
        }
    }

    /// Peers that are quickly asked: those in the link, and those on this network.
    pub(super) fn look_nearby(&mut self, session: SessionId) {
        let devices = self.local.devices.targets();
        for target in &devices {
            self.policy.hear_nearby(target.addresses());
        }
        self.with_exchange(|exchange, around| exchange.look_nearby(around, session, devices));
    }

    pub(super) fn find_providers(&mut self, session: SessionId) {
        self.look_nearby(session);
        let Some(root) = self.exchange.sessions.root(session) else {
            return;
        };
        let behaviour = self.swarm.behaviour_mut();
        if behaviour.kad.is_enabled() {
            let mut kads = behaviour.kads();
            let now = Instant::now();
            let known = self.dht.finder.search(&mut kads, session, &root, now);
            self.exchange.sessions.searching(session, Search::Dht);
            self.with_exchange(|exchange, around| exchange.found(around, &[session], &known));
        }
        self.search_web(session, root);
    }

    pub(super) fn on_kad(&mut self, dht: DhtKind, event: kad::Event) {
        let local = find::Local {
            peer: *self.swarm.local_peer_id(),
            policy: &self.policy,
            peers: &self.connections.peers,
            now: Instant::now(),
        };
        let kads = self.swarm.behaviour_mut().kads();
        match self.dht.on_event(kads, &local, dht, event) {
            Some(News::Entered) => self.follow(Changed::WaysToFind),
            Some(News::Found(sessions, targets)) => {
                self.with_exchange(|exchange, around| exchange.found(around, &sessions, &targets));
            }
            Some(News::Trusted(peer, addresses)) => {
                self.swarm.behaviour_mut().trust.found(&peer, addresses);
            }
            None => {}
        }
    }

    /// A peer that can't be reached has no place in the DHTs' tables.
    pub(super) fn on_unreachable(&mut self, peer: PeerId, error: &DialError) {
        let is_its_fault = matches!(
            error,
            DialError::Transport(_) | DialError::WrongPeerId { .. }
        );
        if is_its_fault && !self.connections.peers.contains(&peer) {
            let kads = self.swarm.behaviour_mut().kads();
            self.dht.unreachable(kads, &peer);
            self.follow(Changed::Tables);
        }
    }

    /// A trusted peer is away.
    pub(super) fn on_trust(&mut self, event: TrustEvent) {
        let TrustEvent::Missing(peer) = event;
        self.ask_devices();
        let near = self.local.devices.addresses(&peer);
        self.policy.hear_nearby(&near);
        if !near.is_empty() {
            self.swarm.behaviour_mut().trust.found(&peer, near);
        }
        let kads = self.swarm.behaviour_mut().kads();
        self.dht.find_trusted(kads, peer);
    }

    /// Devices of this network are asked to make themselves known, to us and to each other.
    pub(super) fn ask_devices(&self) {
        if self.swarm.behaviour().finds_devices() {
            devices::ask(self.swarm.listeners());
        }
    }

    /// Devices of this network, but for blocked ones. Whoever of them speaks its DHT's protocol
    /// enters it when it is connected, and whoever is a Shoal says who it is.
    pub(super) fn discovered(&mut self, mut found: Vec<(PeerId, Multiaddr)>) {
        let trust = &self.swarm.behaviour().trust;
        found.retain(|(peer, address)| !trust.is_blocked(peer) && !self.policy.is_blocked(address));
        self.policy
            .hear_nearby(found.iter().map(|(_, address)| address));
        for (peer, address) in &found {
            if self.is_trusted(peer) {
                let (address, _) = address::split_peer(address.clone());
                self.swarm.behaviour_mut().trust.found(peer, vec![address]);
            }
        }
        let peers = &self.connections.peers;
        let devices = &mut self.local.devices;
        let new = devices.discovered(found, |peer| peers.contains(peer));
        if new.is_empty() {
            return;
        }
        let targets = new.iter();
        let targets: Vec<Target> = targets
            .map(|(peer, addresses)| Target::Peer(*peer, addresses.clone()))
            .collect();
        for session in self.exchange.sessions.hungry() {
            self.with_exchange(|exchange, around| exchange.meet(around, session, targets.clone()));
        }
        self.local.new_devices();
        if self.local.take_search(Instant::now()) {
            self.follow(Changed::WaysToFind);
        }
        for (peer, addresses) in new {
            self.expect_device(peer, &addresses);
            self.dial_device(peer, addresses);
        }
    }

    pub(super) fn dial_device(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        let options = DialOpts::peer_id(peer)
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .addresses(addresses);
        if let Err(error) = self.swarm.dial(options.build()) {
            tracing::debug!(%peer, %error, "can't dial");
        }
    }

    /// Where too many places are taken, connections without use are closed.
    pub(super) fn trim(&mut self) {
        if !self.connections.is_to_be_trimmed() {
            return;
        }
        let stats = self.swarm.behaviour().bitswap.peer_stats();
        let is_needed = |peer: &PeerId| {
            self.is_trusted(peer)
                || self.exchange.sessions.uses(peer)
                || self.reachability.uses_relay(peer)
        };
        for peer in self.connections.spare(Instant::now(), &stats, is_needed) {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }

    pub(super) fn use_web(&mut self, config: &Config) {
        let steps = self.web.choose(config);
        self.take_web_steps(steps);
    }

    pub(super) fn on_web(&mut self, event: WebEvent) {
        match event {
            WebEvent::Found {
                session,
                targets,
                gateways,
            } => {
                self.with_exchange(|exchange, around| exchange.found(around, &[session], &targets));
                let steps = self.web.gateways.found(session, &gateways);
                self.take_web_steps(steps);
            }
            WebEvent::Asked { service, result } => {
                self.web.delegated.asked(&service, &result, Instant::now());
            }
            WebEvent::Searched { session } => self.web.delegated.forget(session),
            WebEvent::Block {
                gateway,
                cid,
                request,
                result,
            } => {
                let gateways = &mut self.web.gateways;
                let steps = gateways.answered(gateway, cid, request, result);
                self.take_web_steps(steps);
            }
            WebEvent::Checked(check) => self.reachability.checked_publicly(check),
        }
    }

    /// Asks delegated routing services who has the session's content, and has gateways asked again
    /// that had nothing of it.
    fn search_web(&mut self, session: SessionId, root: Cid) {
        if self.web.delegated.search(session, root, &self.policy) {
            self.exchange.sessions.searching(session, Search::Web);
        }
        self.web.gateways.look_again(session);
        self.update_gateways();
    }

    pub(super) fn update_gateways(&mut self) {
        let steps = self.web.gateways.update(Instant::now());
        self.take_web_steps(steps);
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

    fn take_web_steps(&mut self, steps: Vec<web::Step>) {
        let bitswap = &mut self.swarm.behaviour_mut().bitswap;
        for step in steps {
            if let web::Step::Join(session, _) = step {
                self.exchange.sessions.searching(session, Search::Web);
            }
            step.tell(bitswap);
        }
    }
}
