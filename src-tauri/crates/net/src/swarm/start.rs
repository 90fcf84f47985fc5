//! Starts the network: transport, swarm and rooms from the settings, and the first listeners.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt};
use libp2p::Multiaddr;
use libp2p::core::transport::ListenerId;
use libp2p::swarm::{self, Swarm, SwarmEvent};

use super::Network;
use super::listening::Listening;
use super::supervise::{Failed, Lasting};
use crate::NetError;
use crate::address::{self, Scope};
use crate::behaviour::{Behaviour, is_private};
use crate::connections::Connections;
use crate::devices::{Desk, Met};
use crate::dht::Dht;
use crate::exchange::Exchange;
use crate::local::Local;
use crate::reachability::Reachability;
use crate::transport::{self, NameSettings, NetworkKey};
use crate::web::Web;

/// An unused connection is closed after this: long enough that the next question finds it open.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// Sockets open at once or not at all; name services and interface lists are fast.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);

impl Network {
    /// Returns once every address is listened at.
    pub(crate) async fn start(lasting: Lasting) -> Result<Box<Self>, Box<Failed>> {
        let config = lasting.config.clone();
        let is_loopback = |address: &Multiaddr| address::scope(address) == Scope::Loopback;
        let addresses = &config.listen.addresses;
        if config.listen.local_only
            && let Some(other) = addresses.iter().find(|address| !is_loopback(address))
        {
            return Err(Failed::new(NetError::NotLocal(other.clone()), lasting));
        }
        let this_machine_only = config.listen.local_only || addresses.iter().all(is_loopback);
        let policy = lasting.policy.clone();
        policy.change(addresses.iter().any(is_loopback), is_private(&config));
        let key = NetworkKey::new(config.trust.network_key);
        let names = NameSettings::default();
        let built = transport::build(
            &lasting.identity,
            policy.clone(),
            &key,
            names.clone(),
            config.listen.channels,
        );
        let (transport, relay_client) = match built {
            Ok(built) => built,
            Err(error) => return Err(Failed::new(error.into(), lasting)),
        };
        let mut swarm = Swarm::new(
            transport,
            Behaviour::new(&config, &lasting.identity, relay_client, &policy),
            lasting.identity.public().to_peer_id(),
            swarm::Config::with_tokio_executor()
                .with_idle_connection_timeout(IDLE_TIMEOUT)
                .with_smart_dial(),
        );
        let now = Instant::now();
        let mut lasting = lasting;
        let open = std::mem::take(&mut lasting.open);
        let bans = std::mem::take(&mut lasting.bans);
        let blocked = &mut swarm.behaviour_mut().blocked;
        let changes = lasting.announcements();
        // The swarm is large: on the heap it is moved no more.
        let mut network = Box::new(Self {
            connections: Connections::new(config.limits.connections, bans, blocked),
            swarm,
            reachability: Reachability::new(policy.clone(), this_machine_only, &config.relays, now),
            chosen: policy.permit(&[]),
            web: Web::new(policy.clone()),
            policy,
            key,
            names,
            listening: Listening::default(),
            bootstrap: config.discovery.bootstrap.clone(),
            dht: Dht::new(&config.discovery.bootstrap, &lasting.memory, changes),
            exchange: Exchange::new(open, (lasting.blocks)(), lasting.meter.clone()),
            local: Local::new(config.listen.local_only, now),
            met: Met::default(),
            desk: Desk::new(lasting.devices.clone()),
            lasting,
        });
        network.set_trust(&config);
        network.use_web(&config);
        if let Err(error) = network.listen(&config.listen.addresses).await {
            return Err(Failed::new(error, network.end()));
        }
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
        network.reopen_sessions();
        Ok(network)
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
