//! Starts the network: transport, swarm and rooms from the settings, and the first listeners.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt};
use libp2p::Multiaddr;
use libp2p::core::transport::ListenerId;
use libp2p::identity::Keypair;
use libp2p::swarm::{self, Swarm, SwarmEvent};
use tokio::sync::{mpsc, watch};

use super::Network;
use crate::address::{self, DialPolicy, Scope};
use crate::behaviour::{Behaviour, is_private};
use crate::commands::Command;
use crate::connections::Connections;
use crate::dht::Dht;
use crate::dht::announce::Changed;
use crate::exchange::Exchange;
use crate::exchange::serve::Blocks;
use crate::local::Local;
use crate::memory::Memory;
use crate::meter::Meter;
use crate::reachability::Reachability;
use crate::transport::{self, NameSettings, NetworkKey};
use crate::web::Web;
use crate::{Config, NetError};

/// An unused connection is closed after this: long enough that the next question finds it open.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// Sockets open at once or not at all; name services and interface lists are fast.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);

impl Network {
    /// Returns once every address is listened at, with the channel for announcements.
    pub(crate) async fn start(
        config: &Config,
        identity: &Keypair,
        commands: mpsc::Receiver<Command>,
        blocks: Blocks,
        memory: &Memory,
        meter: Meter,
    ) -> Result<(Self, mpsc::Sender<Changed>), NetError> {
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
        let web_policy = policy.clone();
        let (dht, announcements) = Dht::new(&config.discovery.bootstrap, memory);
        let mut network = Self {
            swarm,
            commands,
            reachability: Reachability::new(policy.clone(), this_machine_only, &config.relays, now),
            chosen: policy.permit(&[]),
            policy,
            key,
            names,
            listening: Vec::new(),
            bootstrap: config.discovery.bootstrap.clone(),
            connections: Connections::new(config.limits.connections),
            dht,
            exchange: Exchange::new(blocks, meter),
            web: Web::new(web_policy),
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
}
