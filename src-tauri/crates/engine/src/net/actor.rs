//! The one task that owns the swarm. It awaits nothing but its own `select!`.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt};
use if_watch::IfEvent;
use if_watch::tokio::IfWatcher;
use libp2p::core::transport::ListenerId;
use libp2p::identity::Keypair;
use libp2p::kad::{self, InboundRequest, Mode};
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{self, Swarm, SwarmEvent};
use libp2p::{Multiaddr, identify, mdns, ping};
use tokio::sync::mpsc;

use super::address::{self, Reach, Scope};
use super::behaviour::{Behaviour, BehaviourEvent, KAD_PROTOCOL};
use super::commands::Command;
use super::peers::Peers;
use super::{NetConfig, NetError, NetworkInfo, listen, routing, transport};
use crate::limits::MAX_PEER_ADDRESSES;

/// An unused connection is closed after this: long enough that the next question finds it open.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// What has expired is thrown away this often.
const TIDY_INTERVAL: Duration = Duration::from_mins(10);
/// Sockets open at once or not at all; name services and interface lists are fast.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct Actor {
    swarm: Swarm<Behaviour>,
    commands: mpsc::Receiver<Command>,
    reach: Reach,
    /// Tells when a network comes or goes. Nobody asks on this machine alone.
    interfaces: Option<IfWatcher>,
    peers: Peers,
    /// All bootstrap peers are on this machine or in a private network: so is our DHT.
    private_dht: bool,
}

impl Actor {
    pub(crate) async fn start(
        config: &NetConfig,
        identity: &Keypair,
        commands: mpsc::Receiver<Command>,
    ) -> Result<Self, NetError> {
        let is_loopback = |address: &Multiaddr| address::scope(address) == Scope::Loopback;
        if config.local_only
            && let Some(other) = config.listen.iter().find(|address| !is_loopback(address))
        {
            return Err(NetError::NotLocal(other.clone()));
        }
        let reach = Reach::new(config.local_only, config.listen.iter().any(is_loopback));
        let swarm = Swarm::new(
            transport::build(identity, reach.clone(), config.channels)?,
            Behaviour::new(config, identity),
            identity.public().to_peer_id(),
            swarm::Config::with_tokio_executor()
                .with_idle_connection_timeout(IDLE_TIMEOUT)
                .with_smart_dial(),
        );
        let mut actor = Self {
            swarm,
            commands,
            interfaces: watch_interfaces(config),
            reach,
            peers: Peers::default(),
            private_dht: is_private(&config.bootstrap, config.local_only),
        };
        actor.listen(&config.listen).await?;
        actor.meet(&config.bootstrap);
        Ok(actor)
    }

    /// Listens everywhere and waits until it is so. Fails only if nothing can be listened at.
    async fn listen(&mut self, addresses: &[Multiaddr]) -> Result<(), NetError> {
        let mut opening: HashSet<ListenerId> = HashSet::new();
        let mut failed = None;
        let free: Vec<Multiaddr> = addresses.iter().map(listen::with_free_port).collect();
        for address in free {
            match self.swarm.listen_on(address.clone()) {
                Ok(id) => drop(opening.insert(id)),
                Err(error) => {
                    tracing::warn!(%address, %error, "can't listen");
                    failed = Some((address, std::io::Error::other(error)));
                }
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

    /// Makes the bootstrap peers known to the DHT and enters it through them.
    fn meet(&mut self, bootstrap: &[Multiaddr]) {
        let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() else {
            return;
        };
        for address in bootstrap {
            if let (address, Some(peer)) = address::split_peer(address.clone()) {
                kad.add_address(&peer, address);
            }
        }
        if self.private_dht {
            kad.set_mode(Some(Mode::Server));
        }
        // Fails only while nobody is known, and then there is nobody to ask.
        let _ = kad.bootstrap();
    }

    pub(crate) async fn run(mut self) {
        let mut tidy = tokio::time::interval(TIDY_INTERVAL);
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Shutdown { reply }) => {
                        // The sockets are closed by the time the answer is there.
                        drop(self);
                        let _ = reply.send(());
                        return;
                    }
                    Some(command) => self.on_command(command),
                    None => return,
                },
                event = self.swarm.select_next_some() => self.on_swarm(event),
                _ = tidy.tick() => self.tidy(),
                event = next_interface(self.interfaces.as_mut()) => self.on_interface(event),
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Peers { reply } => drop(reply.send(self.peers.infos())),
            Command::Network { reply } => drop(reply.send(self.network())),
            Command::Dial { address } => self.dial(address),
            Command::Shutdown { .. } => {}
        }
    }

    fn dial(&mut self, address: Multiaddr) {
        if let Err(error) = self.swarm.dial(DialOpts::from(address.clone())) {
            tracing::debug!(%address, %error, "can't dial");
        }
    }

    fn network(&mut self) -> NetworkInfo {
        let peer = *self.swarm.local_peer_id();
        let listen = listen::presentable(self.swarm.listeners(), peer);
        let external = listen::presentable(self.swarm.external_addresses(), peer);
        let kad = self.swarm.behaviour_mut().kad.as_mut();
        let dht_server = kad.as_ref().is_some_and(|kad| kad.mode() == Mode::Server);
        NetworkInfo {
            peer,
            listen,
            external,
            peers: self.peers.len(),
            dht_peers: kad.map(|kad| kad.kbuckets().map(|bucket| bucket.num_entries()).sum()),
            dht_server,
        }
    }

    fn tidy(&mut self) {
        if let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() {
            kad.store_mut().expire(Instant::now());
        }
    }

    fn on_interface(&mut self, event: IfEvent) {
        match event {
            IfEvent::Up(network) => self.reach.network_up(network),
            IfEvent::Down(network) => self.reach.network_down(&network),
        }
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
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                ..
            } => self.peers.disconnected(&peer_id, connection_id),
            SwarmEvent::NewListenAddr { address, .. } => self.on_listening(address),
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.swarm.remove_external_address(&address);
            }
            SwarmEvent::OutgoingConnectionError { peer_id, error, .. } => {
                tracing::debug!(peer = ?peer_id, %error, "a dial failed");
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::debug!(%error, "a listener has a problem");
            }
            _ => {}
        }
    }

    /// An address of this machine that everybody can reach is one that others may be told. So is any in a DHT that is private.
    fn on_listening(&mut self, address: Multiaddr) {
        let reachable = match address::scope(&address) {
            Scope::Public => true,
            Scope::Private => self.private_dht,
            Scope::Loopback => self.reach.is_local_only(),
            Scope::Never => false,
        };
        if reachable {
            self.swarm.add_external_address(address);
            self.serve_dht();
        }
    }

    /// Whoever can be reached answers for the DHT too.
    fn serve_dht(&mut self) {
        if let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() {
            kad.set_mode(Some(Mode::Server));
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                self.peers.identified(&peer_id, &info.agent_version);
                let kad = self.swarm.behaviour_mut().kad.as_mut();
                if let Some(kad) = kad
                    && info.protocols.contains(&KAD_PROTOCOL)
                {
                    routing::add(kad, &self.reach, &peer_id, &info.listen_addrs);
                }
            }
            BehaviourEvent::Ping(ping::Event {
                peer,
                result: Ok(rtt),
                ..
            }) => self.peers.pinged(&peer, rtt),
            BehaviourEvent::Kad(kad::Event::InboundRequest {
                request:
                    InboundRequest::AddProvider {
                        record: Some(record),
                    },
            }) => self.on_provider_record(record),
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => {
                tracing::debug!(peers = found.len(), "found on this network");
            }
            _ => {}
        }
    }

    /// Keeps what another peer says that it provides, with the addresses that are worth telling.
    fn on_provider_record(&mut self, mut record: kad::ProviderRecord) {
        let reach = &self.reach;
        record.addresses.retain(|address| reach.believes(address));
        record.addresses.truncate(MAX_PEER_ADDRESSES);
        if let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() {
            let stored = kad::store::RecordStore::add_provider(kad.store_mut(), record);
            if let Err(error) = stored {
                tracing::debug!(%error, "a provider record was refused");
            }
        }
    }
}

fn is_private(bootstrap: &[Multiaddr], local_only: bool) -> bool {
    let is_private = |address| matches!(address::scope(address), Scope::Private | Scope::Loopback);
    local_only || (!bootstrap.is_empty() && bootstrap.iter().all(is_private))
}

fn watch_interfaces(config: &NetConfig) -> Option<IfWatcher> {
    if config.local_only {
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
