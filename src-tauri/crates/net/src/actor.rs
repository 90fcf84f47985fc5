//! The one task that owns the swarm. It awaits nothing but its own `select!`.

mod changes;
mod configure;
mod dht;
mod exchange;
mod http;
mod reach;
mod room;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant, SystemTime};

use futures::{FutureExt, StreamExt};
use if_watch::IfEvent;
use if_watch::tokio::IfWatcher;
use libp2p::core::transport::ListenerId;
use libp2p::identity::Keypair;
use libp2p::kad::{Mode, QueryId};
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{self, DialError, Swarm, SwarmEvent};
use libp2p::{Multiaddr, PeerId, identify, mdns, ping};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use self::changes::Clocks;
use self::dht::LookAround;
use self::reach::tell_punch;
use crate::address::{self, Reach, Scope, is_relayed};
use crate::behaviour::{Behaviour, BehaviourEvent, is_private};
use crate::commands::Command;
use crate::connections::peers::Peers;
use crate::dht::announce::Standings;
use crate::dht::find::{Dht, Finder, Lan};
use crate::dht::{remember, routing};
use crate::exchange::dial::Dialer;
use crate::exchange::serve::Blocks;
use crate::exchange::sessions::Sessions;
use crate::memory::Memory;
use crate::meter::Meter;
use crate::reachability;
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
/// Listeners come one by one, and what answers devices on a new network takes a moment as well.
const SETTLING: Duration = Duration::from_secs(1);
/// Sockets open at once or not at all; name services and interface lists are fast.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct Actor {
    swarm: Swarm<Behaviour>,
    commands: mpsc::Receiver<Command>,
    reach: Reach,
    key: NetworkKey,
    names: NameSettings,
    /// Where we were told to listen, with the listener of each.
    listening: Vec<(Multiaddr, ListenerId)>,
    bootstrap: Vec<Multiaddr>,
    /// Tells when a network comes or goes. Nobody asks on this machine alone.
    interfaces: Option<IfWatcher>,
    peers: Peers,
    kept_away: VecDeque<PeerId>,
    sessions: Sessions,
    dialer: Dialer,
    finder: Finder,
    lan: Lan,
    web: Web,
    blocks: Blocks,
    /// Announcements under way, with who waits for them.
    providing: HashMap<(Dht, QueryId), oneshot::Sender<bool>>,
    /// Told to the announcer.
    standing: watch::Sender<Standings>,
    /// Peers to enter the DHT through: the person's choice, and those of the last run.
    entrances: Vec<Multiaddr>,
    /// DHTs of which we don't know our own neighbourhood yet.
    entering: HashSet<Dht>,
    /// Searches for where trusted peers are.
    missing: HashMap<QueryId, PeerId>,
    clocks: Clocks,
    /// When the network last changed, while it isn't known yet which connections outlived that.
    changed_at: Option<Instant>,
    look_around: LookAround,
    /// When to ask this network's devices to make themselves known.
    ask_devices_at: Option<Instant>,
    memory: Memory,
    reachability: reachability::Room,
    max_connections: u32,
    meter: Meter,
    /// Told to whoever shows it.
    summary: watch::Sender<Summary>,
}

impl Actor {
    pub(crate) async fn start(
        config: &Config,
        identity: &Keypair,
        commands: mpsc::Receiver<Command>,
        blocks: Blocks,
        memory: &Memory,
        meter: Meter,
    ) -> Result<Self, NetError> {
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
        let reach = Reach::new(
            config.listen.local_only,
            listens_on_loopback,
            is_private(config),
        );
        let key = NetworkKey::new(config.trust.network_key);
        let names = NameSettings::default();
        let (transport, relay_client) = transport::build(
            identity,
            reach.clone(),
            &key,
            names.clone(),
            config.listen.channels,
        )?;
        let swarm = Swarm::new(
            transport,
            Behaviour::new(config, identity, relay_client, &reach),
            identity.public().to_peer_id(),
            swarm::Config::with_tokio_executor()
                .with_idle_connection_timeout(IDLE_TIMEOUT)
                .with_smart_dial(),
        );
        let now = Instant::now();
        let policy = reach.clone();
        let reachability = reachability::Room::new(policy, this_machine_only, &config.relays, now);
        let mut actor = Self {
            swarm,
            commands,
            interfaces: watch_interfaces(config),
            reach,
            key,
            names,
            listening: Vec::new(),
            bootstrap: config.discovery.bootstrap.clone(),
            peers: Peers::default(),
            kept_away: VecDeque::new(),
            sessions: Sessions::default(),
            dialer: Dialer::default(),
            finder: Finder::default(),
            lan: Lan::default(),
            web: Web::new(config.listen.local_only),
            blocks,
            providing: HashMap::new(),
            standing: watch::Sender::default(),
            entrances: config.discovery.bootstrap.clone(),
            entering: HashSet::new(),
            missing: HashMap::new(),
            clocks: Clocks::new(now, SystemTime::now()),
            changed_at: None,
            look_around: LookAround::default(),
            ask_devices_at: None,
            memory: memory.clone(),
            reachability,
            max_connections: config.limits.connections,
            meter,
            summary: watch::Sender::default(),
        };
        actor.stand_by(config);
        actor.use_web(config);
        actor.listen(&config.listen.addresses).await?;
        actor.tell_reachability(|room, here, now| {
            room.use_ports(config.ports, here);
            room.changed(here, now)
        });
        if config.discovery.dht {
            // Those of the last run may be of another network than the key's.
            if config.trust.network_key.is_none() {
                actor.entrances.extend(remember::recall(memory).await);
            }
            actor.enter_dht();
        }
        Ok(actor)
    }

    pub(crate) fn standing(&self) -> watch::Receiver<Standings> {
        self.standing.subscribe()
    }

    pub(crate) fn summary(&self) -> watch::Receiver<Summary> {
        self.summary.subscribe()
    }

    fn update_summary(&self) {
        let now = Summary {
            peers: u32::try_from(self.peers.len()).unwrap_or(u32::MAX),
            reachability: self.reachability.ladder(&self.here()).reachability(),
        };
        self.summary
            .send_if_modified(|seen| std::mem::replace(seen, now) != now);
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
                self.on_swarm(event);
            }
        };
        if tokio::time::timeout(LISTEN_TIMEOUT, opened).await.is_err() {
            tracing::warn!("some addresses are not listened at yet");
        }
        // 0.0.0.0 stands for several addresses, which come one by one.
        while let Some(event) = self.swarm.select_next_some().now_or_never() {
            self.on_swarm(event);
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
        let nudge = self.sessions.nudge();
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Shutdown { reply }) => {
                        // The sockets are closed by the time the answer is there.
                        let kept = self.remember_peers();
                        let ports = self.reachability.take_ports();
                        drop(self);
                        if let Some(ports) = ports {
                            ports.close().await;
                        }
                        if let Some(kept) = kept {
                            let _ = kept.await;
                        }
                        let _ = reply.send(());
                        return;
                    }
                    Some(command) => self.on_command(command),
                    None => return,
                },
                event = self.swarm.select_next_some() => self.on_swarm(event),
                Some(answer) = self.blocks.next() => self.on_answer(answer),
                Some(event) = self.web.next() => self.on_web(event),
                () = nudge.notified() => self.collect_sessions(),
                _ = second.tick(), if self.has_timers() => self.on_second(),
                _ = tidy.tick() => self.tidy(),
                _ = glance.tick(), if self.interfaces.is_some() => self.look_for_changes(),
                event = next_interface(self.interfaces.as_mut()) => self.on_interface(event),
                () = self.reachability.ports_changed() => {
                    self.tell_reachability(reachability::Room::changed);
                }
            }
        }
    }

    /// Nothing wakes an idle program.
    fn has_timers(&self) -> bool {
        !self.sessions.is_empty()
            || self.look_around.is_planned()
            || self.ask_devices_at.is_some()
            || self.reachability.has_timers()
            || self.peers.any_relayed()
    }

    fn on_second(&mut self) {
        let now = Instant::now();
        self.look_around(now);
        if self.ask_devices_at.take_if(|at| *at <= now).is_some() {
            self.ask_devices();
        }
        self.end_relayed(now);
        self.tell_reachability(reachability::Room::tick);
        self.collect_sessions();
        self.update_gateways();
        self.sessions.tell_peers(self.peers.len());
        for session in self.sessions.look_again(now) {
            self.look_nearby(session);
        }
    }

    fn on_command(&mut self, command: Command) {
        let bitswap = &mut self.swarm.behaviour_mut().bitswap;
        match command {
            Command::OpenSession {
                root,
                hints,
                commands,
                reply,
            } => drop(reply.send(self.open_session(root, hints, commands))),
            Command::Want { session, wants } => bitswap.want(session, wants),
            Command::Unwant { session, cids } => bitswap.unwant(session, &cids),
            Command::AddHint { session, address } => self.add_hint(session, address),
            Command::Available { cids } => bitswap.available(&cids),
            Command::Provide { dht, key, reply } => self.provide(dht, &key, reply),
            Command::AnswerFor { keys } => self.answer_for(&keys),
            Command::StopProviding { keys } => self.stop_providing(&keys),
            Command::SetLimits { upload, download } => bitswap.set_limits(upload, download),
            Command::Configure(config) => self.configure(*config),
            Command::Peers { reply } => {
                let stats = bitswap.peer_stats();
                let _ = reply.send(self.peers.infos(&stats, |peer| self.is_trusted(peer)));
            }
            Command::Holders { root, reply } => drop(reply.send(self.holders(&root))),
            Command::Network { reply } => drop(reply.send(self.status())),
            Command::Check { reply } => {
                self.tell_reachability(|room, here, now| room.check(reply, here, now));
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
        let mut dhts = self.swarm.behaviour_mut().dhts();
        let lan_peers = dhts.get(Dht::Local).map(routing::size);
        let kad = dhts.public;
        let dht_server = kad.as_ref().is_some_and(|kad| kad.mode() == Mode::Server);
        Status {
            peer,
            listen,
            external,
            peers: self.peers.len(),
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

    /// Devices that made themselves known on this network, and connected ones with an address of it.
    fn nearby(&self) -> Vec<(PeerId, Option<String>)> {
        if self.reachability.is_this_machine_only() {
            return Vec::new();
        }
        let mut nearby: BTreeSet<PeerId> = self.peers.nearby().collect();
        nearby.extend(self.lan.peers());
        let agent = |peer| (peer, self.peers.agent(&peer));
        nearby.into_iter().map(agent).collect()
    }

    fn tidy(&mut self) {
        let mut dhts = self.swarm.behaviour_mut().dhts();
        for dht in Dht::BOTH {
            if let Some(kad) = dhts.get(dht) {
                kad.store_mut().expire(Instant::now());
            }
        }
        if self.is_outside() {
            self.enter_dht();
        }
        self.tell_reachability(reachability::Room::refresh);
        self.remember_peers();
    }

    /// Those of a private network are of no use to anybody outside.
    fn remember_peers(&mut self) -> Option<JoinHandle<()>> {
        if self.key.is_set() {
            return None;
        }
        let kad = self.swarm.behaviour_mut().kad.as_mut()?;
        remember::keep(&self.memory, kad)
    }

    fn on_interface(&mut self, event: IfEvent) {
        match event {
            IfEvent::Up(network) => {
                self.reach.network_up(network);
                self.enter_dht();
                self.search_for_hungry();
            }
            IfEvent::Down(network) => {
                self.reach.network_down(&network);
                self.on_address_gone(&network);
            }
        }
        self.meet_again();
        self.begin_anew();
    }

    /// This machine is somewhere else now: what was known of how others get here may be wrong.
    fn begin_anew(&mut self) {
        self.web.begin_anew();
        self.tell_reachability(reachability::Room::begin_anew);
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                tracing::debug!(peer = %peer_id, address = %endpoint.get_remote_address(), "connected");
                self.peers.connected(peer_id, connection_id, &endpoint);
                self.on_connected(connection_id, peer_id);
                self.make_room();
                if !endpoint.is_relayed() {
                    self.sessions.reached(&peer_id);
                }
                self.update_summary();
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                num_established,
                ..
            } => {
                self.on_relayed_closed(&peer_id, connection_id);
                self.peers.disconnected(&peer_id, connection_id);
                self.reachability.connection_gone(connection_id);
                if num_established == 0 {
                    self.sessions.peer_left(&peer_id);
                    self.reachability.peer_left(&peer_id);
                    self.update_standing();
                    self.update_summary();
                }
            }
            SwarmEvent::NewListenAddr { .. } | SwarmEvent::ExpiredListenAddr { .. } => {
                self.ask_devices_at = Some(Instant::now() + SETTLING);
                self.tell_reachability(reachability::Room::listeners_changed);
            }
            SwarmEvent::ListenerClosed { listener_id, .. } => {
                self.tell_reachability(|room, here, now| {
                    room.listener_closed(listener_id, here, now)
                });
            }
            SwarmEvent::ExternalAddrConfirmed { .. } | SwarmEvent::ExternalAddrExpired { .. } => {
                self.on_external_addresses();
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
                    self.make_room();
                }
                self.on_dial_failed(connection_id, &error);
                self.dial_waiting();
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::debug!(%error, "a listener has a problem");
            }
            _ => {}
        }
    }

    /// Failures are left to [`Actor::close_dead`]: libp2p keeps the first one to itself, and calls the second one something else.
    fn on_ping(&mut self, event: ping::Event) {
        match event.result {
            Ok(rtt) => self.peers.pinged(&event.peer, event.connection, rtt),
            Err(ping::Failure::Unsupported) => {
                self.peers.answers_no_pings(&event.peer, event.connection);
            }
            Err(_) => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Bitswap(event) => self.on_bitswap(event),
            BehaviourEvent::Kad(event) => self.on_kad(Dht::Public, event),
            BehaviourEvent::LanDht(event) => self.on_kad(Dht::Local, event),
            BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                connection_id,
                info,
            }) => {
                self.on_identified(peer_id, &info);
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
                self.search_for_hungry();
            }
            BehaviourEvent::Mdns(mdns::Event::Expired(gone)) => self.lan.expired(gone),
            _ => {}
        }
    }
}

fn watch_interfaces(config: &Config) -> Option<IfWatcher> {
    if config.listen.local_only {
        return None;
    }
    IfWatcher::new()
        .inspect_err(|error| tracing::warn!(%error, "this machine's networks are unknown"))
        .ok()
}

/// The next network that comes or goes; never, if nobody watches.
async fn next_interface(watcher: Option<&mut IfWatcher>) -> IfEvent {
    match watcher {
        Some(watcher) => loop {
            if let Ok(event) = watcher.select_next_some().await {
                return event;
            }
        },
        None => std::future::pending().await,
    }
}
