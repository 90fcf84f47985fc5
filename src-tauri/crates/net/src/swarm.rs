//! The one task that owns the swarm. It awaits nothing but its own `select!`, and hands what
//! happens to the rooms, each of which owns its part of what is known.
//!
//! What follows from an event, beyond the room that it concerns, stands in [`follow`].

mod configure;
mod follow;
mod reachability;
mod sessions;

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt};
use libp2p::core::transport::ListenerId;
use libp2p::identity::Keypair;
use libp2p::kad::Mode;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{self, DialError, Swarm, SwarmEvent};
use libp2p::{Multiaddr, PeerId, dcutr, identify, mdns, ping};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use self::follow::Changed;
use crate::address::{self, DialPolicy, Scope, is_relayed};
use crate::behaviour::{Behaviour, BehaviourEvent, is_private};
use crate::commands::Command;
use crate::connections::Connections;
use crate::dht::announce::Change;
use crate::dht::find::DhtKind;
use crate::dht::{self, Dht, routing};
use crate::exchange::Exchange;
use crate::exchange::serve::Blocks;
use crate::local::Local;
use crate::memory::Memory;
use crate::meter::Meter;
use crate::reachability::Reachability;
use crate::status::{Status, Summary};
use crate::transport::{NameSettings, NetworkKey};
use crate::web::Web;
use crate::{Config, NetError, listen, transport};

/// An unused connection is closed after this: long enough that the next question finds it open.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// What has expired is thrown away this often.
const TIDY_INTERVAL: Duration = Duration::from_mins(10);
/// Whether this machine slept is looked at this often. Seldom enough to let an idle processor rest.
const GLANCE_INTERVAL: Duration = Duration::from_secs(5);
/// Sockets open at once or not at all; name services and interface lists are fast.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct Network {
    swarm: Swarm<Behaviour>,
    commands: mpsc::Receiver<Command>,
    policy: DialPolicy,
    key: NetworkKey,
    names: NameSettings,
    /// Where we were told to listen, with the listener of each.
    listening: Vec<(Multiaddr, ListenerId)>,
    /// The bootstrap peers that the person chose.
    bootstrap: Vec<Multiaddr>,
    connections: Connections,
    dht: Dht,
    exchange: Exchange,
    web: Web,
    local: Local,
    reachability: Reachability,
    /// Told to all who watch it.
    summary: watch::Sender<Summary>,
}

impl Network {
    pub(crate) async fn start(
        config: &Config,
        identity: &Keypair,
        commands: mpsc::Receiver<Command>,
        blocks: Blocks,
        memory: &Memory,
        meter: Meter,
    ) -> Result<(Self, mpsc::Sender<Change>), NetError> {
        let is_loopback = |address: &Multiaddr| address::scope(address) == Scope::Loopback;
        if config.listen.local_only
            && let Some(other) = config
                .listen
                .addresses
                .iter()
                .find(|address| !is_loopback(address))
        {
            return Err(NetError::NotLocal(other.clone()));
        }
        let this_machine_only =
            config.listen.local_only || config.listen.addresses.iter().all(is_loopback);
        let listens_on_loopback = config.listen.addresses.iter().any(is_loopback);
        let policy = DialPolicy::new(
            config.listen.local_only,
            listens_on_loopback,
            is_private(config),
        );
        let key = NetworkKey::new(config.trust.network_key);
        let names = NameSettings::default();
        let (transport, relay_client) = transport::build(
            identity,
            policy.clone(),
            &key,
            names.clone(),
            config.listen.channels,
        )?;
        let swarm = Swarm::new(
            transport,
            Behaviour::new(config, identity, relay_client, &policy),
            identity.public().to_peer_id(),
            swarm::Config::with_tokio_executor()
                .with_idle_connection_timeout(IDLE_TIMEOUT)
                .with_smart_dial(),
        );
        let now = Instant::now();
        let (dht, announcements) = Dht::new(&config.discovery.bootstrap, memory);
        let mut network = Self {
            swarm,
            commands,
            reachability: Reachability::new(policy.clone(), this_machine_only, &config.relays, now),
            policy,
            key,
            names,
            listening: Vec::new(),
            bootstrap: config.discovery.bootstrap.clone(),
            connections: Connections::new(config.limits.connections),
            dht,
            exchange: Exchange::new(blocks, meter),
            web: Web::new(config.listen.local_only),
            local: Local::new(config.listen.local_only, now),
            summary: watch::Sender::default(),
        };
        network.set_trust(config);
        network.use_web(config);
        network.listen(&config.listen.addresses).await?;
        network.tell_reachability(|reachability, here, now| {
            reachability.use_ports(config.ports, here);
            reachability.changed(here, now)
        });
        if config.discovery.dht {
            // Those of the last run may be of another network than the key's.
            if config.trust.network_key.is_none() {
                network.dht.recall().await;
            }
            network.enter_dht();
        }
        Ok((network, announcements))
    }

    pub(crate) fn summary(&self) -> watch::Receiver<Summary> {
        self.summary.subscribe()
    }

    /// Listens everywhere and waits until it is so. Fails only if nothing can be listened at.
    async fn listen(&mut self, addresses: &[Multiaddr]) -> Result<(), NetError> {
        let mut opening: HashSet<ListenerId> = HashSet::new();
        let mut failed = None;
        for address in self.listenable(addresses) {
            match self.listen_at(address) {
                Ok(id) => drop(opening.insert(id)),
                Err(problem) => failed = Some(problem),
            }
        }
        let opened = async {
            while !opening.is_empty() {
                let event = self.swarm.select_next_some().await;
                match &event {
                    SwarmEvent::NewListenAddr { listener_id, .. }
                    | SwarmEvent::ListenerClosed { listener_id, .. } => {
                        opening.remove(listener_id);
                    }
                    _ => {}
                }
                self.on_event(event);
            }
        };
        if tokio::time::timeout(LISTEN_TIMEOUT, opened).await.is_err() {
            tracing::warn!("some addresses are not listened at yet");
        }
        // 0.0.0.0 stands for several addresses, which come one by one.
        while let Some(event) = self.swarm.select_next_some().now_or_never() {
            self.on_event(event);
        }
        match failed {
            Some((address, source)) if self.swarm.listeners().next().is_none() => {
                Err(NetError::Listen { address, source })
            }
            _ => Ok(()),
        }
    }

    pub(crate) async fn run(mut self) {
        let mut tidy = tokio::time::interval(TIDY_INTERVAL);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut glance = tokio::time::interval(GLANCE_INTERVAL);
        glance.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let nudge = self.exchange.sessions.nudge();
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Shutdown { reply }) => {
                        Box::pin(self.shut_down()).await;
                        let _ = reply.send(());
                        return;
                    }
                    Some(command) => self.on_command(command),
                    None => return,
                },
                event = self.swarm.select_next_some() => self.on_event(event),
                Some(event) = self.exchange.next() => self.on_exchange(event),
                Some(request) = self.dht.next() => {
                    let own = *self.swarm.local_peer_id();
                    self.dht.on_request(self.swarm.behaviour_mut().kads(), own, request);
                }
                Some(event) = self.web.next() => self.on_web(event),
                () = nudge.notified() => self.collect_sessions(),
                _ = second.tick(), if self.has_timers() => self.on_second(),
                _ = tidy.tick() => self.tidy(),
                _ = glance.tick(), if self.local.is_watched() => self.glance(),
                event = self.local.next() => self.follow(Changed::Networks(event)),
                () = self.reachability.ports_changed() => {
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

    /// Nothing wakes an idle program.
    fn has_timers(&self) -> bool {
        !self.exchange.sessions.is_empty()
            || self.dht.has_timers()
            || self.local.has_timers()
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
        self.end_relayed(now);
        self.tell_reachability(Reachability::tick);
        self.collect_sessions();
        self.update_gateways();
        let connected = self.connections.peers.len();
        self.exchange.sessions.tell_peers(connected);
        for session in self.exchange.sessions.look_again(now) {
            self.look_nearby(session);
        }
    }

    /// Notices a sleep, and closes what has not been heard of since the last change, or for long.
    fn glance(&mut self) {
        let now = Instant::now();
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
            Command::SetLimits { upload, download } => bitswap.set_limits(upload, download),
            Command::Configure(config) => self.configure(*config),
            Command::Peers { reply } => {
                let stats = bitswap.peer_stats();
                let _ = reply.send(
                    self.connections
                        .peers
                        .infos(&stats, |peer| self.is_trusted(peer)),
                );
            }
            Command::Holders { root, reply } => {
                drop(reply.send(self.exchange.holders(bitswap, &root)));
            }
            Command::Network { reply } => drop(reply.send(self.status())),
            Command::Check { reply } => {
                self.tell_reachability(|reachability, here, now| {
                    reachability.check(reply, here, now)
                });
            }
            Command::CheckPublicly { cid, reply } => self.check_publicly(cid, reply),
            Command::Gateways { reply } => drop(reply.send(self.web.gateways.names())),
            Command::Dial { address } => self.dial(address),
            Command::Shutdown { .. } => {}
        }
    }

    fn dial(&mut self, address: Multiaddr) {
        if let Err(error) = self.swarm.dial(DialOpts::from(address.clone())) {
            tracing::debug!(%address, %error, "can't dial");
        }
    }

    fn status(&mut self) -> Status {
        let peer = *self.swarm.local_peer_id();
        let own = self
            .swarm
            .listeners()
            .filter(|address| !is_relayed(address));
        let listen = listen::presentable(own, peer);
        let external = listen::presentable(self.swarm.external_addresses(), peer);
        let here = self.here();
        let ladder = self.reachability.ladder(&here);
        let nearby = self.nearby();
        let mut kads = self.swarm.behaviour_mut().kads();
        let lan_peers = kads.get(DhtKind::Local).map(routing::size);
        let kad = kads.public;
        let dht_server = kad.as_ref().is_some_and(|kad| kad.mode() == Mode::Server);
        Status {
            peer,
            listen,
            external,
            peers: self.connections.peers.len(),
            dht_peers: kad.map(routing::size),
            lan_peers,
            dht_server,
            reachability: ladder.reachability(),
            rungs: ladder.rungs(),
            nearby,
            router: ladder.ports.as_ref().and_then(|ports| ports.router.clone()),
            mappings: ladder.ports.map(|ports| ports.mappings).unwrap_or_default(),
            relays: ladder.relays.unwrap_or_default(),
            addresses: self.reachability.address_checks(&here),
            check: self.reachability.last_check(),
            private_network: self.key.is_set(),
            services: self.web.statuses(),
        }
    }

    /// Devices that made themselves known on this network, and connected ones with an address of
    /// it.
    fn nearby(&self) -> Vec<(PeerId, Option<String>)> {
        if self.reachability.is_this_machine_only() {
            return Vec::new();
        }
        let mut nearby: BTreeSet<PeerId> = self.connections.peers.nearby().collect();
        nearby.extend(self.local.devices.peers());
        let agent = |peer| (peer, self.connections.peers.agent(&peer));
        nearby.into_iter().map(agent).collect()
    }

    fn tidy(&mut self) {
        let (trust, kads) = self.swarm.behaviour_mut().trust_and_kads();
        self.dht.tidy(kads, trust);
        self.tell_reachability(Reachability::refresh);
        self.remember_peers();
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
            }) => {
                let peers = &mut self.connections.peers;
                peers.identified(&peer_id, &info.agent_version);
                let kads = self.swarm.behaviour_mut().kads();
                dht::identified(kads, &self.policy, peer_id, &info);
                self.follow(Changed::Tables);
                self.on_services(peer_id, connection_id, &info);
            }
            BehaviourEvent::DialRequests(event) => self.on_dial_request(event),
            BehaviourEvent::DialBacks(event) => self.on_dial_back(event),
            BehaviourEvent::RelayClient(event) => self.on_relay_client(event),
            BehaviourEvent::RelayService(event) => self.on_relay_service(event),
            BehaviourEvent::Dcutr(event) => tell_punch(&event),
            BehaviourEvent::Trust(event) => self.on_trust(event),
            BehaviourEvent::Ping(event) => self.on_ping(event),
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => {
                self.discovered(found);
                self.follow(Changed::WaysToFind);
            }
            BehaviourEvent::Mdns(mdns::Event::Expired(gone)) => self.local.devices.expired(gone),
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
