//! Other settings while it runs: what changed is applied, and nothing else is touched.

use std::collections::HashSet;
use std::time::Instant;

use libp2p::core::transport::ListenerId;
use libp2p::pnet::PreSharedKey;
use libp2p::{Multiaddr, PeerId};

use super::Network;
use crate::address::{self, Scope};
use crate::behaviour::is_private;
use crate::config::LimitConfig;
use crate::dht::find::DhtKind;
use crate::dht::routing;
use crate::{Config, listen};

impl Network {
    pub(super) fn configure(&mut self, config: Config) {
        let has_other_card = self.lasting.config.device != config.device;
        // Rates are told apart from all else.
        let LimitConfig {
            upload, download, ..
        } = self.lasting.config.limits;
        self.lasting.config = Config {
            limits: LimitConfig {
                upload,
                download,
                ..config.limits.clone()
            },
            ..config.clone()
        };
        if has_other_card {
            self.tell_card();
        }
        self.swarm.behaviour_mut().set_limits(&config);
        self.connections.set_max(config.limits.connections);
        self.set_trust(&config);
        let has_other_key = self.set_key(config.trust.network_key);
        self.listen_only_at(&config);
        self.bootstrap_through(&config.discovery.bootstrap, has_other_key);
        self.reachability.use_relays(&config.relays);
        self.use_web(&config);
        self.tell_reachability(|reachability, here, now| {
            reachability.use_ports(config.ports, here);
            reachability.changed(here, now)
        });
    }

    /// Sets the trusted peers and the blocklist, and forgets the addresses of banned peers.
    pub(super) fn set_trust(&mut self, config: &Config) {
        self.policy.block(&config.trust.blocked_networks);
        let named = [
            &config.trust.trusted,
            &config.relays.chosen,
            &config.discovery.bootstrap,
        ];
        let named: Vec<Multiaddr> = named.into_iter().flatten().cloned().collect();
        self.chosen = self.policy.permit(&named);
        let behaviour = self.swarm.behaviour_mut();
        behaviour.trust(&config.trust.trusted);
        behaviour.trust.block(&config.trust.blocked);
        let (trust, policy) = (&behaviour.trust, &self.policy);
        self.local
            .devices
            .forget(|peer, address| trust.is_blocked(peer) || policy.is_blocked(address));
        self.met.forget(|peer| trust.is_blocked(peer));
        let (trust, mut kads) = behaviour.trust_and_kads();
        for dht in DhtKind::BOTH {
            if let Some(kad) = kads.get(dht) {
                kad.store_mut()
                    .forget(|peer, address| trust.is_blocked(peer) || policy.is_blocked(address));
                routing::forget(
                    kad,
                    |peer| trust.is_blocked(peer),
                    |address| policy.is_blocked(address),
                );
            }
        }
    }

    pub(super) fn is_trusted(&self, peer: &PeerId) -> bool {
        self.swarm.behaviour().trust.is_trusted(peer)
    }

    /// Another network: everybody of the last one goes, and what was known of it. Says whether it
    /// is another one.
    fn set_key(&mut self, key: Option<PreSharedKey>) -> bool {
        if !self.key.set(key) {
            return false;
        }
        tracing::info!(private = key.is_some(), "another network key holds now");
        let behaviour = self.swarm.behaviour_mut();
        behaviour.trust.renounce_earlier();
        behaviour.trust.retry_now();
        let mut kads = behaviour.kads();
        for dht in DhtKind::BOTH {
            if let Some(kad) = kads.get(dht) {
                routing::forget(kad, |_| true, |_| false);
            }
        }
        let connected: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in connected {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        true
    }

    /// Listens where it did not, and no more where it shall not.
    fn listen_only_at(&mut self, config: &Config) {
        let is_loopback = |address: &Multiaddr| address::scope(address) == Scope::Loopback;
        let wanted = self.listenable(&config.listen.addresses);
        if config.listen.local_only && !wanted.iter().all(is_loopback) {
            tracing::warn!("only this machine's own addresses can be listened at now");
            return;
        }
        for id in self.listening.take_others(&wanted) {
            self.swarm.remove_listener(id);
        }
        self.listen_at_all(wanted);
        let is_alone = config.listen.local_only || config.listen.addresses.iter().all(is_loopback);
        self.reachability.set_this_machine_only(is_alone);
        let listens_on_loopback = config.listen.addresses.iter().any(is_loopback);
        self.policy.change(listens_on_loopback, is_private(config));
    }

    /// At what closed by itself, and what could not be opened.
    pub(super) fn listen_again(&mut self) {
        let wanted = self.listenable(&self.lasting.config.listen.addresses);
        self.listen_at_all(wanted);
    }

    fn listen_at_all(&mut self, wanted: Vec<Multiaddr>) {
        let mut is_complete = true;
        for address in wanted {
            if !self.listening.is_at(&address) {
                is_complete &= self.listen_at(address).is_ok();
            }
        }
        if is_complete {
            self.listening.is_complete();
        }
    }

    /// Those of the addresses at which one can listen in this network: in a private one, those over
    /// TCP.
    pub(super) fn listenable(&self, addresses: &[Multiaddr]) -> Vec<Multiaddr> {
        let mut seen = HashSet::new();
        let listenable = addresses
            .iter()
            .filter(|address| !self.key.is_set() || address::is_tcp(address))
            .filter(|address| seen.insert(*address));
        listenable.cloned().collect()
    }

    pub(super) fn listen_at(
        &mut self,
        address: Multiaddr,
    ) -> Result<ListenerId, (Multiaddr, std::io::Error)> {
        let before = listen::as_before(&address, &self.lasting.listened);
        let free = listen::with_free_port(&before);
        match self.swarm.listen_on(free.clone()) {
            Ok(id) => {
                self.listening.opened(address, id);
                Ok(id)
            }
            Err(error) => {
                tracing::warn!(address = %free, %error, "can't listen");
                self.listening.failed(Instant::now());
                Err((free, std::io::Error::other(error)))
            }
        }
    }

    /// Bootstraps through these peers, if they are others than before, or if it is another network.
    fn bootstrap_through(&mut self, bootstrap: &[Multiaddr], anew: bool) {
        if anew || self.bootstrap != bootstrap {
            self.bootstrap = bootstrap.to_vec();
            self.dht.set_bootstrap(bootstrap);
            self.enter_through_bootstrap();
        }
    }

    /// Enters the DHTs anew, the public one through its bootstrap peers too.
    pub(super) fn enter_through_bootstrap(&mut self) {
        let (trust, mut kads) = self.swarm.behaviour_mut().trust_and_kads();
        self.dht.bootstrap(&mut kads, trust);
        self.enter_dht();
    }

    pub(super) fn enter_dht(&mut self) {
        let (trust, kads) = self.swarm.behaviour_mut().trust_and_kads();
        self.dht.enter(kads, trust);
    }
}
