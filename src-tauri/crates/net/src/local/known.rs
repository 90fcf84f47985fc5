//! Devices that made themselves known on this network, with their addresses.

use std::collections::HashMap;

use libp2p::{Multiaddr, PeerId};

use crate::address;
use crate::exchange::dial::Target;
use crate::limits::{MAX_LAN_PEERS, MAX_PEER_ADDRESSES};

#[derive(Debug, Default)]
pub(crate) struct Devices(HashMap<PeerId, Vec<Multiaddr>>);

impl Devices {
    /// Gives those that are new, with their addresses.
    pub(crate) fn discovered(
        &mut self,
        found: Vec<(PeerId, Multiaddr)>,
    ) -> Vec<(PeerId, Vec<Multiaddr>)> {
        let mut new = Vec::new();
        for (peer, address) in found {
            if self.0.len() >= MAX_LAN_PEERS && !self.0.contains_key(&peer) {
                continue;
            }
            if !self.0.contains_key(&peer) {
                new.push(peer);
            }
            let addresses = self.0.entry(peer).or_default();
            let (address, _) = address::split_peer(address);
            if addresses.len() < MAX_PEER_ADDRESSES && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let with_addresses = |peer| Some((peer, self.0.get(&peer)?.clone()));
        new.into_iter().filter_map(with_addresses).collect()
    }

    pub(crate) fn expired(&mut self, gone: Vec<(PeerId, Multiaddr)>) {
        for (peer, address) in gone {
            let (address, _) = address::split_peer(address);
            if let Some(addresses) = self.0.get_mut(&peer) {
                addresses.retain(|known| *known != address);
                if addresses.is_empty() {
                    self.0.remove(&peer);
                }
            }
        }
    }

    pub(crate) fn addresses(&self, peer: &PeerId) -> Vec<Multiaddr> {
        self.0.get(peer).cloned().unwrap_or_default()
    }

    /// Forgets peers, or single addresses of theirs.
    pub(crate) fn forget(&mut self, is_gone: impl Fn(&PeerId, &Multiaddr) -> bool) {
        self.0.retain(|peer, addresses| {
            addresses.retain(|address| !is_gone(peer, address));
            !addresses.is_empty()
        });
    }

    pub(crate) fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.0.keys().copied()
    }

    pub(crate) fn targets(&self) -> Vec<Target> {
        let target = |(peer, addresses): (&PeerId, &Vec<_>)| Target::Peer(*peer, addresses.clone());
        self.0.iter().map(target).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_come_and_go_and_are_bounded() {
        let address: Multiaddr = "/ip4/192.168.1.2/tcp/1".parse().unwrap();
        let peer = PeerId::random();
        let mut devices = Devices::default();
        devices.discovered(vec![(peer, address::with_peer(&address, peer))]);
        assert_eq!(
            devices.targets(),
            [Target::Peer(peer, vec![address.clone()])]
        );
        devices.expired(vec![(peer, address.clone())]);
        assert!(devices.targets().is_empty());
        for _ in 0..2 * MAX_LAN_PEERS {
            devices.discovered(vec![(PeerId::random(), address.clone())]);
        }
        assert_eq!(devices.targets().len(), MAX_LAN_PEERS);
    }
}
