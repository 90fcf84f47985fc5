//! The one task that owns the swarm. It awaits nothing but its own `select!`, and hands what
//! happens to the rooms, each of which owns its part of what is known.
//!
//! What follows from an event, beyond the room that it concerns, stands in [`follow`].

mod configure;
mod devices;
mod follow;
mod listening;
mod reachability;
mod sessions;
mod start;
mod status;
pub(crate) mod supervise;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use futures::StreamExt;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{DialError, Swarm, SwarmEvent};
use libp2p::{Multiaddr, PeerId, dcutr, identify, mdns, ping};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use self::follow::Changed;
use self::listening::Listening;
use self::supervise::{End, Lasting};
use crate::address::{DialPolicy, Permit};
use crate::behaviour::{Behaviour, BehaviourEvent};
use crate::commands::Command;
use crate::connections::Connections;
use crate::devices::{Desk, Met};
use crate::dht::find::DhtKind;
use crate::dht::{self, Dht};
use crate::exchange::Exchange;
use crate::local::Local;
use crate::reachability::Reachability;
use crate::status::Part;
use crate::transport::{NameSettings, NetworkKey};
use crate::web::Web;

/// What has expired is thrown away this often.
const TIDY_INTERVAL: Duration = Duration::from_mins(10);
/// Whether this machine slept is looked at this often. Seldom enough to let an idle processor rest.
const GLANCE_INTERVAL: Duration = Duration::from_secs(5);

pub(crate) struct Network {
    swarm: Swarm<Behaviour>,
    policy: DialPolicy,
    /// Lets what the settings name be dialled.
    chosen: Permit,
    key: NetworkKey,
    names: NameSettings,
    listening: Listening,
    /// The bootstrap peers that the person chose.
    bootstrap: Vec<Multiaddr>,
    connections: Connections,
    dht: Dht,
    exchange: Exchange,
    web: Web,
    local: Local,
    /// Which devices of this network are Shoals.
    met: Met,
    /// What devices ask each other.
    desk: Desk,
    reachability: Reachability,
    /// `open`, `bans` and `listened` are elsewhere while it runs.
    lasting: Lasting,
}

impl Network {
    /// Until it is told to end, or something breaks. It panics where libp2p does.
    async fn run(&mut self) -> End {
        let mut tidy = tokio::time::interval(TIDY_INTERVAL);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut glance = tokio::time::interval(GLANCE_INTERVAL);
        glance.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let nudge = self.exchange.sessions.nudge();
        loop {
            tokio::select! {
                command = self.lasting.commands.recv() => match command {
                    Some(Command::Shutdown { reply }) => return End::Shutdown(reply),
                    Some(command) => self.on_command(command),
                    None => return End::Abandoned,
                },
                event = self.swarm.select_next_some() => self.on_event(event),
                Some(event) = self.exchange.next() => self.on_exchange(event),
                request = self.dht.next() => match request {
                    Some(request) => {
                        let own = *self.swarm.local_peer_id();
                        self.dht.on_request(self.swarm.behaviour_mut().kads(), own, request);
                    }
                    None => return End::Broken(Part::Announcer),
                },
                Some(event) = self.web.next() => self.on_web(event),
                () = nudge.notified() => self.collect_sessions(),
                _ = second.tick(), if self.has_timers() => self.on_second(),
                _ = tidy.tick() => self.tidy(),
                _ = glance.tick(), if self.is_watched() => self.glance(),
                event = self.local.next() => self.follow(Changed::Networks(event)),
                (channel, stands) = self.desk.next() => self.answer_device(channel, stands),
                is_alive = self.reachability.ports_changed() => {
                    if !is_alive {
                        return End::Broken(Part::Ports);
                    }
                    self.tell_reachability(Reachability::changed);
                }
            }
        }
    }

    /// The sockets are closed when this is done.
    async fn shut_down(mut self) {
        let kept = self.remember_peers();
        let ports = self.reachability.take_ports();
        drop(self);
        if let Some(ports) = ports {
            ports.close().await;
        }
        if let Some(kept) = kept {
            let _ = kept.await;
        }
    }

    /// It has broken: what is of use to the next one.
    fn end(self: Box<Self>) -> Lasting {
        let listened = self.swarm.listeners().cloned().collect();
        let Self {
            swarm,
            exchange,
            connections,
            lasting,
            ..
        } = *self;
        // In whatever state it is, nothing more than it can be lost.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(swarm)));
        Lasting {
            open: exchange.into_open(),
            bans: connections.into_bans(),
            listened,
            ..lasting
        }
    }

    #[cfg(debug_assertions)]
    fn break_part(&self, part: Part) {
        match part {
            Part::Task => panic!("broken on request"),
            Part::Announcer => self.dht.break_off(),
            Part::Ports => self.reachability.break_ports(),
        }
    }

    /// On this machine alone nothing changes, but strangers may be here, too.
    fn is_watched(&self) -> bool {
        self.local.is_watched() || self.connections.peers.len() > 0
    }

    /// Nothing wakes an idle program.
    fn has_timers(&self) -> bool {
        !self.exchange.sessions.is_empty()
            || self.dht.has_timers()
            || self.local.has_timers()
            || self.listening.has_timers()
            || self.swarm.behaviour().pressure.is_crowded()
            || self.met.has_timers()
            || self.reachability.has_timers()
            || self.connections.peers.any_relayed()
    }

    fn on_second(&mut self) {
        let now = Instant::now();
        let (trust, kads) = self.swarm.behaviour_mut().trust_and_kads();
        self.dht.tick(kads, trust, now);
        if self.local.take_question(now) {
            self.ask_devices();
        }
        if self.local.take_search(now) {
            self.follow(Changed::WaysToFind);
        }
        if self.listening.take_again(now) {
            self.listen_again();
        }
        self.ask_again_who_they_are(now);
        self.end_relayed(now);
        self.shed(now);
        self.tell_reachability(Reachability::tick);
        self.collect_sessions();
        self.update_gateways();
        let connected = self.connections.peers.len();
        let bitswap = &self.swarm.behaviour().bitswap;
        let is_stuck = |session| bitswap.is_stuck(session);
        self.exchange.sessions.tell_peers(connected, is_stuck);
        for session in self.exchange.sessions.look_again(now) {
            self.look_nearby(session);
        }
    }

    /// Strangers make room where too much memory is held, or hardly a place is left.
    fn shed(&mut self, now: Instant) {
        let behaviour = self.swarm.behaviour();
        let exchanging: HashSet<PeerId> = behaviour
            .bitswap
            .peer_stats()
            .iter()
            .filter(|stats| stats.bytes_sent + stats.bytes_received > 0)
            .map(|stats| stats.peer)
            .collect();
        let sessions = &self.exchange.sessions;
        let is_of_use = |peer: &PeerId| exchanging.contains(peer) || sessions.uses(peer);
        let places = self.swarm.behaviour().subnets.places();
        let pressure = &mut self.swarm.behaviour_mut().pressure;
        let shed = pressure.shed(now, places, is_of_use);
        if !shed.is_empty() {
            tracing::warn!(
                connections = shed.len(),
                "memory or places are short: strangers make room"
            );
        }
        for connection in shed {
            self.swarm.close_connection(connection);
        }
    }

    /// Notices a sleep, and closes what has not been heard of since the last change, or for long.
    fn glance(&mut self) {
        let now = Instant::now();
        self.shed(now);
        if !self.local.is_watched() {
            return;
        }
        let stats = self.swarm.behaviour().bitswap.peer_stats();
        for connection in self.connections.dead(now, &stats) {
            tracing::debug!(?connection, "a connection is dead");
            self.swarm.close_connection(connection);
        }
        if self.local.slept(now) {
            tracing::info!("this machine slept");
            self.follow(Changed::Sleep);
        }
        for connection in self.connections.take_silent(now) {
            tracing::debug!(
                ?connection,
                "nothing was heard of it since the network changed"
            );
            self.swarm.close_connection(connection);
        }
    }

    fn on_command(&mut self, command: Command) {
        let bitswap = &mut self.swarm.behaviour_mut().bitswap;
        match command {
            Command::OpenSession { root, hints, reply } => {
                drop(reply.send(self.open_session(root, hints)));
            }
            Command::Available { cids } => bitswap.available(&cids),
            Command::LookAgain => bitswap.look_again(),
            Command::SetLimits { upload, download } => {
                bitswap.set_limits(upload, download);
                let limits = &mut self.lasting.config.limits;
                (limits.upload, limits.download) = (upload, download);
            }
            Command::Configure(config) => self.configure(*config),
            Command::Peers { reply } => {
                let stats = bitswap.peer_stats();
                let _ = reply.send(
                    self.connections
                        .peers
                        .infos(&stats, |peer| self.is_trusted(peer)),
                );
            }
            Command::Banned { reply } => {
                let now = Instant::now();
                self.end_bans(now);
                let _ = reply.send(self.connections.banned(now));
            }
            Command::Forgive { peer } => {
                let list = &mut self.swarm.behaviour_mut().blocked;
                self.connections.forgive(peer, list);
            }
            Command::Holders { root, reply } => {
                drop(reply.send(self.exchange.holders(bitswap, &root)));
            }
            Command::Network { reply } => drop(reply.send(self.status())),
            Command::Devices { reply } => drop(reply.send(self.devices())),
            Command::HearDevices { owner } => self.tell_devices_to(owner),
            Command::AskDevice {
                peer,
                question,
                reply,
            } => self.ask_device(peer, question, reply),
            Command::DeviceAddresses { peer, reply } => {
                drop(reply.send(self.device_addresses(&peer)));
            }
            Command::Check { reply } => {
                self.tell_reachability(|reachability, here, now| {
                    reachability.check(reply, here, now)
                });
            }
            Command::CheckPublicly { cid, reply } => self.check_publicly(cid, reply),
            Command::Gateways { reply } => drop(reply.send(self.web.gateways.names())),
            Command::Dial { address } => self.dial(address),
            #[cfg(debug_assertions)]
            Command::Break(part) => self.break_part(part),
            Command::Shutdown { .. } => {}
        }
    }

    fn dial(&mut self, address: Multiaddr) {
        let options = DialOpts::from(address.clone());
        let dials = &mut self.swarm.behaviour_mut().dials;
        dials.urgent(options.connection_id());
        if let Err(error) = self.swarm.dial(options) {
            tracing::debug!(%address, %error, "can't dial");
        }
    }

    fn end_bans(&mut self, now: Instant) {
        let list = &mut self.swarm.behaviour_mut().blocked;
        self.connections.end_bans(list, now);
    }

    fn tidy(&mut self) {
        self.end_bans(Instant::now());
        let (trust, kads) = self.swarm.behaviour_mut().trust_and_kads();
        self.dht.tidy(kads, trust);
        self.tell_reachability(Reachability::refresh);
        self.remember_peers();
        self.tidy_devices();
    }

    /// Those of a private network are of no use to anybody outside.
    fn remember_peers(&mut self) -> Option<JoinHandle<()>> {
        if self.key.is_set() {
            return None;
        }
        self.dht.remember(self.swarm.behaviour_mut().kads())
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                tracing::debug!(peer = %peer_id, address = %endpoint.get_remote_address(), "connected");
                let peers = &mut self.connections.peers;
                peers.connected(peer_id, connection_id, &endpoint);
                self.with_exchange(|exchange, around| {
                    exchange.connected(around, connection_id, peer_id)
                });
                self.trim();
                if !endpoint.is_relayed() {
                    self.exchange.sessions.reached(&peer_id);
                }
                self.follow(Changed::Peers);
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                num_established,
                ..
            } => {
                self.on_relayed_closed(&peer_id, connection_id);
                let peers = &mut self.connections.peers;
                peers.disconnected(&peer_id, connection_id);
                self.reachability.connection_gone(connection_id);
                if num_established == 0 {
                    self.met.left(&peer_id, Instant::now(), crate::now_unix());
                    self.exchange.sessions.peer_left(&peer_id);
                    self.reachability.peer_left(&peer_id);
                    self.follow(Changed::Tables);
                    self.follow(Changed::Peers);
                }
            }
            SwarmEvent::NewListenAddr { .. } | SwarmEvent::ExpiredListenAddr { .. } => {
                self.local.listeners_changed(Instant::now());
                self.tell_reachability(Reachability::listeners_changed);
            }
            SwarmEvent::ListenerClosed { listener_id, .. } => {
                self.listening.closed(listener_id, Instant::now());
                self.tell_reachability(|reachability, here, now| {
                    reachability.listener_closed(listener_id, here, now)
                });
            }
            SwarmEvent::ExternalAddrConfirmed { .. } | SwarmEvent::ExternalAddrExpired { .. } => {
                self.follow(Changed::External);
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id,
                connection_id,
                error,
            } => {
                tracing::debug!(peer = ?peer_id, %error, "a dial failed");
                self.reachability.connection_gone(connection_id);
                if let Some(peer) = peer_id {
                    self.on_unreachable(peer, &error);
                }
                if matches!(error, DialError::Denied { .. }) {
                    self.trim();
                }
                self.with_exchange(|exchange, around| {
                    let mut steps = exchange.dial_failed(around, connection_id, &error);
                    steps.extend(exchange.dials());
                    steps
                });
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::debug!(%error, "a listener has a problem");
            }
            _ => {}
        }
    }

    /// Failures are left to [`Connections::dead`]: libp2p keeps the first one to itself, and calls
    /// the second one something else.
    fn on_ping(&mut self, event: ping::Event) {
        match event.result {
            Ok(rtt) => self
                .connections
                .peers
                .pinged(&event.peer, event.connection, rtt),
            Err(ping::Failure::Unsupported) => {
                self.connections
                    .peers
                    .answers_no_pings(&event.peer, event.connection);
            }
            Err(_) => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Bitswap(event) => self.on_bitswap(event),
            BehaviourEvent::Kad(event) => self.on_kad(DhtKind::Public, event),
            BehaviourEvent::LanDht(event) => self.on_kad(DhtKind::Local, event),
            BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                connection_id,
                info,
            }) if self.connections.may_identify(peer_id, Instant::now()) => {
                let peers = &mut self.connections.peers;
                peers.identified(&peer_id, &info.agent_version);
                let kads = self.swarm.behaviour_mut().kads();
                dht::identified(kads, &self.policy, peer_id, &info);
                self.follow(Changed::Tables);
                self.meet_if_device(peer_id, &info.protocols);
                self.on_services(peer_id, connection_id, &info);
            }
            BehaviourEvent::DialRequests(event) => self.on_dial_request(event),
            BehaviourEvent::DialBacks(event) => self.on_dial_back(event),
            BehaviourEvent::RelayClient(event) => self.on_relay_client(event),
            BehaviourEvent::RelayService(event) => self.on_relay_service(event),
            BehaviourEvent::Dcutr(event) => tell_punch(&event),
            BehaviourEvent::Trust(event) => self.on_trust(event),
            BehaviourEvent::Ping(event) => self.on_ping(event),
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => self.discovered(found),
            BehaviourEvent::Mdns(mdns::Event::Expired(gone)) => self.local.devices.expired(gone),
            BehaviourEvent::Devices(event) => self.on_device(event),
            _ => {}
        }
    }
}

fn tell_punch(event: &dcutr::Event) {
    let peer = event.remote_peer_id;
    match &event.result {
        Ok(_) => tracing::debug!(%peer, "a hole is punched"),
        Err(error) => tracing::debug!(%peer, %error, "no hole could be punched"),
    }
}
