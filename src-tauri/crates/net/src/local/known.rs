//! Devices that made themselves known on this network, with their addresses.
//!
//! Anything on this network may say that any number of devices is there. Each address of it stands
//! for a few at most, and where there are too many, the first to go is the one that is known longest
//! of those with which no connection stands. Pure: it is told who is connected.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use libp2p::{Multiaddr, PeerId};

use crate::address;
use crate::exchange::dial::Target;
use crate::limits::{MAX_DEVICES_OF_ADDRESS, MAX_LAN_PEERS, MAX_PEER_ADDRESSES};

#[derive(Debug, Default)]
pub(crate) struct Devices {
    known: HashMap<PeerId, Vec<Multiaddr>>,
    /// Those that are known longest come first.
    order: VecDeque<PeerId>,
}

impl Devices {
    /// Gives those that are new, with their addresses.
    pub(crate) fn discovered(
        &mut self,
        found: Vec<(PeerId, Multiaddr)>,
        is_connected: impl Fn(&PeerId) -> bool,
    ) -> Vec<(PeerId, Vec<Multiaddr>)> {
        let mut new = Vec::new();
        for (peer, address) in found {
            let (address, _) = address::split_peer(address);
            if !self.known.contains_key(&peer) {
                if !self.make_room(address::ip(&address), &is_connected) {
                    continue;
                }
                self.order.push_back(peer);
                new.push(peer);
            }
            let addresses = self.known.entry(peer).or_default();
            if addresses.len() < MAX_PEER_ADDRESSES && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let with_addresses = |peer| Some((peer, self.known.get(&peer)?.clone()));
        new.into_iter().filter_map(with_addresses).collect()
    }

    /// For one more at that address. Says whether there is any.
    fn make_room(&mut self, ip: Option<IpAddr>, is_connected: impl Fn(&PeerId) -> bool) -> bool {
        let is_there = |peer: &&PeerId| {
            let mut addresses = self.known.get(*peer).into_iter().flatten();
            addresses.any(|address| address::ip(address) == ip)
        };
        let there: Vec<PeerId> = self.order.iter().filter(is_there).copied().collect();
        let crowd: Vec<PeerId> = if there.len() >= MAX_DEVICES_OF_ADDRESS {
            there
        } else if self.known.len() >= MAX_LAN_PEERS {
            self.order.iter().copied().collect()
        } else {
            return true;
        };
        let spare = crowd.iter().find(|peer| !is_connected(peer));
        spare.is_some_and(|peer| {
            self.remove(peer);
            true
        })
    }

    fn remove(&mut self, peer: &PeerId) {
        self.known.remove(peer);
        self.order.retain(|other| other != peer);
    }

    pub(crate) fn expired(&mut self, gone: Vec<(PeerId, Multiaddr)>) {
        for (peer, address) in gone {
            let (address, _) = address::split_peer(address);
            self.forget(|other, known| *other == peer && *known == address);
        }
    }

    pub(crate) fn addresses(&self, peer: &PeerId) -> Vec<Multiaddr> {
        self.known.get(peer).cloned().unwrap_or_default()
    }

    /// Forgets peers, or single addresses of theirs.
    pub(crate) fn forget(&mut self, is_gone: impl Fn(&PeerId, &Multiaddr) -> bool) {
        self.known.retain(|peer, addresses| {
            addresses.retain(|address| !is_gone(peer, address));
            !addresses.is_empty()
        });
        self.order.retain(|peer| self.known.contains_key(peer));
    }

    pub(crate) fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.order.iter().copied()
    }

    /// Those that came last come first: whoever makes up many keeps none from being tried.
    pub(crate) fn targets(&self) -> Vec<Target> {
        let target = |peer: &PeerId| Target::Peer(*peer, self.addresses(peer));
        self.order.iter().rev().map(target).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: usize) -> Multiaddr {
        let ip = format!("/ip4/192.168.{}.{}/tcp/1", number / 250, number % 250 + 1);
        ip.parse().unwrap()
    }

    fn nobody(_: &PeerId) -> bool {
        false
    }

    #[test]
    fn devices_come_and_go_and_are_bounded() {
        let peer = PeerId::random();
        let mut devices = Devices::default();
        let named = address::with_peer(&at(0), peer);
        devices.discovered(vec![(peer, named)], nobody);
        assert_eq!(devices.targets(), [Target::Peer(peer, vec![at(0)])]);
        devices.expired(vec![(peer, at(0))]);
        assert!(devices.targets().is_empty());
        for number in 0..2 * MAX_LAN_PEERS {
            devices.discovered(vec![(PeerId::random(), at(number))], nobody);
        }
        assert_eq!(devices.targets().len(), MAX_LAN_PEERS);
        assert_eq!(devices.known.len(), MAX_LAN_PEERS);
    }

    #[test]
    fn whoever_makes_up_hundreds_keeps_no_real_device_out() {
        let mut devices = Devices::default();
        let first = PeerId::random();
        devices.discovered(vec![(first, at(1))], nobody);
        let is_connected = |peer: &PeerId| *peer == first;
        for number in 2..500 {
            devices.discovered(vec![(PeerId::random(), at(number))], is_connected);
        }
        assert_eq!(devices.addresses(&first), [at(1)]);
        let real = PeerId::random();
        let new = devices.discovered(vec![(real, at(600))], is_connected);
        assert_eq!(new, [(real, vec![at(600)])]);
        assert_eq!(devices.targets()[0], Target::Peer(real, vec![at(600)]));
    }

    #[test]
    fn one_address_stands_for_a_few() {
        let mut devices = Devices::default();
        let connected: Vec<PeerId> = (0..MAX_DEVICES_OF_ADDRESS)
            .map(|_| PeerId::random())
            .collect();
        for peer in &connected {
            devices.discovered(vec![(*peer, at(1))], nobody);
        }
        for _ in 0..100 {
            let made_up = vec![(PeerId::random(), at(1))];
            assert_eq!(
                devices.discovered(made_up, |peer| connected.contains(peer)),
                []
            );
        }
        assert_eq!(devices.targets().len(), MAX_DEVICES_OF_ADDRESS);
    }
}
