//! What this peer speaks, put together: limits first, so that a connection too many is refused
//! before anything else sees it.

use std::num::NonZeroUsize;
use std::time::Duration;

use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::kad::{self, BucketInserts, Mode, StoreInserts};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{Multiaddr, PeerId, StreamProtocol, identify, ping, relay};

use crate::address::{self, DialPolicy, Origin, Scope};
use crate::config::Config;
use crate::connections::{dial_limit, pressure, subnet_limit, trust};
use crate::devices;
use crate::dht::find::Kads;
use crate::dht::lan::LanDht;
use crate::dht::paced::Paced;
use crate::dht::records::ProviderStore;
use crate::limits::{INBOUND_EIGHTHS, MAX_PENDING_CONNECTIONS, MAX_RELAYED};
use crate::local::mdns::Mdns;
use crate::reachability::dial_back::Service;
use crate::reachability::punch::Punching;
use crate::reachability::{autonat, candidates};

/// The public DHT. One that begins at bootstrap peers of its own goes by the same name, so that it
/// matters to nobody how its first peer was started.
const KAD_PROTOCOL: StreamProtocol = StreamProtocol::new("/ipfs/kad/1.0.0");
/// The DHT of one local network. Kubo keeps all private peers in it, those on this machine too.
const LAN_KAD_PROTOCOL: StreamProtocol = StreamProtocol::new("/ipfs/lan/kad/1.0.0");
/// What Kubo calls the network; libp2p itself ignores it.
const IDENTIFY_PROTOCOL: &str = "ipfs/0.1.0";
const AGENT: &str = concat!("shoal/", env!("CARGO_PKG_VERSION"));

/// Peers asked at a time in one query (Amino's alpha).
const KAD_PARALLELISM: NonZeroUsize = NonZeroUsize::new(10).unwrap();
/// Bytes of a DHT message: real nodes send up to 43 KB, go-libp2p accepts 4 MiB.
const KAD_MAX_PACKET: usize = 256 * 1024;
/// A query ends after this with what it has found.
const KAD_QUERY_TIMEOUT: Duration = Duration::from_mins(1);
/// A peer that was asked and is silent for this long is not waited for any more.
const KAD_ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a provider record is kept (Amino).
const PROVIDER_VALIDITY: Duration = Duration::from_hours(48);
/// The routing table is looked through this often (Amino).
const KAD_REFRESH: Duration = Duration::from_mins(10);

#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    limits: connection_limits::Behaviour,
    pub(crate) dials: dial_limit::Behaviour,
    pub(crate) pressure: pressure::Behaviour,
    pub(crate) subnets: subnet_limit::Behaviour,
    pub(crate) trust: trust::behaviour::Behaviour,
    /// Those who broke the rules of the exchange; whom the person blocks is `trust`'s.
    pub(crate) blocked: allow_block_list::Behaviour<BlockedPeers>,
    pub(crate) bitswap: bitswap::Behaviour,
    pub(crate) kad: Toggle<Paced>,
    pub(crate) lan_dht: Toggle<LanDht>,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    mdns: Toggle<Mdns>,
    pub(crate) devices: devices::Behaviour,
    relay_client: relay::client::Behaviour,
    relay_service: Toggle<relay::Behaviour>,
    dcutr: Punching,
    pub(crate) candidates: candidates::Behaviour,
    pub(crate) dial_requests: autonat::DialRequests,
    pub(crate) dial_backs: autonat::DialBacks,
    autonat_service: Service,
}

impl Behaviour {
    pub(crate) fn new(
        config: &Config,
        identity: &Keypair,
        relay_client: relay::client::Behaviour,
        policy: &DialPolicy,
    ) -> Self {
        let local = identity.public().to_peer_id();
        Self {
            limits: connection_limits::Behaviour::new(limits(config)),
            dials: dial_limit::Behaviour::default(),
            pressure: pressure::Behaviour::default(),
            subnets: subnet_limit::Behaviour::new(
                config.limits.connections_of_network,
                inbound_places(config),
            ),
            trust: trust::behaviour::Behaviour::new(policy.clone()),
            blocked: allow_block_list::Behaviour::default(),
            bitswap: bitswap::Behaviour::new(bitswap::Config {
                upload_limit: config.limits.upload,
                download_limit: config.limits.download,
                network_of: |remote| Origin::of(remote).map(Origin::address),
                ..bitswap::Config::new(local)
            }),
            kad: config
                .discovery
                .dht
                .then(|| Paced::new(kademlia(KAD_PROTOCOL, local)))
                .into(),
            lan_dht: config
                .discovery
                .dht
                .then(|| LanDht::new(kademlia(LAN_KAD_PROTOCOL, local), policy.clone()))
                .into(),
            identify: identify::Behaviour::new(
                identify::Config::new(IDENTIFY_PROTOCOL.to_owned(), identity.public())
                    .with_agent_version(AGENT.to_owned())
                    .with_push_listen_addr_updates(true),
            ),
            ping: ping::Behaviour::default(),
            mdns: local_discovery(config, local).into(),
            devices: devices::Behaviour::default(),
            relay_client,
            relay_service: config.relays.service.then(|| relay_service(local)).into(),
            dcutr: Punching::new(local),
            candidates: candidates::Behaviour::default(),
            dial_requests: autonat::dial_requests(),
            dial_backs: autonat::dial_backs(),
            autonat_service: Service::new(policy.clone()),
        }
    }

    /// Applies to new connections.
    pub(crate) fn set_limits(&mut self, config: &Config) {
        *self.limits.limits_mut() = limits(config);
        let max = config.limits.connections_of_network;
        self.subnets.set_max(max, inbound_places(config));
    }

    /// These are trusted from now on, and no others: no limit holds for them.
    pub(crate) fn trust(&mut self, peers: &[Multiaddr]) {
        for peer in self.trust.trust(peers) {
            if self.trust.is_trusted(&peer) {
                self.limits.bypass_peer_id(&peer);
            } else {
                self.limits.remove_peer_id(&peer);
            }
        }
        self.subnets.set_trusted(self.trust.trusted().collect());
        self.dials.set_trusted(self.trust.trusted().collect());
        self.pressure.set_trusted(self.trust.trusted().collect());
    }

    /// Both DHTs, and who has no place in them.
    pub(crate) fn trust_and_kads(&mut self) -> (&trust::behaviour::Behaviour, Kads<'_>) {
        let dhts = Kads {
            public: self.kad.as_mut().map(|dht| &mut dht.kad),
            local: self.lan_dht.as_mut().map(|dht| &mut dht.kad.kad),
        };
        (&self.trust, dhts)
    }

    /// The public DHT and that of this network.
    pub(crate) fn kads(&mut self) -> Kads<'_> {
        self.trust_and_kads().1
    }

    /// Devices on this network are looked for.
    pub(crate) fn finds_devices(&self) -> bool {
        self.mdns.is_enabled()
    }
}

/// Connections that others may open.
fn inbound_places(config: &Config) -> u32 {
    config.limits.connections * INBOUND_EIGHTHS / 8
}

fn limits(config: &Config) -> ConnectionLimits {
    let all = config.limits.connections;
    ConnectionLimits::default()
        .with_max_pending_incoming(Some(MAX_PENDING_CONNECTIONS))
        .with_max_established_incoming(Some(inbound_places(config)))
        .with_max_established(Some(all))
        .with_max_established_per_peer(Some(config.limits.connections_of_peer))
}

/// Passes connections on: 128 KiB and two minutes each, enough to be introduced.
fn relay_service(local: PeerId) -> relay::Behaviour {
    let config = relay::Config {
        max_reservations: MAX_RELAYED,
        max_circuits: MAX_RELAYED,
        ..relay::Config::default()
    };
    relay::Behaviour::new(local, config)
}

/// The DHT: who enters the routing table, what is stored and when to announce again is decided by
/// us, not by libp2p.
fn kademlia(protocol: StreamProtocol, local: PeerId) -> kad::Behaviour<ProviderStore> {
    let mut config = kad::Config::new(protocol);
    config
        .set_parallelism(KAD_PARALLELISM)
        .set_max_packet_size(KAD_MAX_PACKET)
        .set_query_timeout(KAD_QUERY_TIMEOUT)
        .set_substreams_timeout(KAD_ANSWER_TIMEOUT)
        .set_provider_record_ttl(Some(PROVIDER_VALIDITY))
        .set_provider_publication_interval(None)
        .set_publication_interval(None)
        .set_replication_interval(None)
        .set_record_filtering(StoreInserts::FilterBoth)
        .set_kbucket_inserts(BucketInserts::Manual)
        .set_periodic_bootstrap_interval(Some(KAD_REFRESH));
    let mut kad = kad::Behaviour::with_config(local, ProviderStore::new(local), config);
    kad.set_mode(Some(Mode::Client));
    kad
}

/// All bootstrap peers are in private networks: so is our DHT. Without any it is nobody's, and what
/// strangers say of private networks counts for nothing.
pub(crate) fn is_private(config: &Config) -> bool {
    let is_private = |address| matches!(address::scope(address), Scope::Private | Scope::Loopback);
    let bootstrap = &config.discovery.bootstrap;
    config.listen.local_only || (!bootstrap.is_empty() && bootstrap.iter().all(is_private))
}

/// Without multicast there is no local discovery, but everything else works.
fn local_discovery(config: &Config, local: PeerId) -> Option<Mdns> {
    if !config.discovery.mdns || config.listen.local_only {
        return None;
    }
    Mdns::new(local)
        .inspect_err(|error| tracing::warn!(%error, "devices on this network can't be found"))
        .ok()
}
