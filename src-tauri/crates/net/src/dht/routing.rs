//! Who may enter the DHT's routing table: peers at addresses that everybody can reach, and few of
//! any one network.
//!
//! Against eclipse attacks: an attacker with one network can make any number of peer IDs (a Sybil
//! attack), and with them surround a key. At most 3 peers of the table may share a network, and 2
//! of a bucket, as in go-libp2p. In a private DHT all share one, and that is fine.

use std::net::IpAddr;

use libp2p::kad::{self, KBucketKey, QueryInfo};
use libp2p::{Multiaddr, PeerId};

use crate::address::{self, DialPolicy};
use crate::dht::records::ProviderStore;
use crate::limits::MAX_PEER_ADDRESSES;

/// Peers of one network in the whole table.
const MAX_OF_NETWORK: usize = 3;
/// Peers of one network in one bucket.
const MAX_OF_NETWORK_IN_BUCKET: usize = 2;

/// Adds a peer that speaks the protocol of this network's DHT, at its addresses here. All share one
/// network, and that is fine.
pub(crate) fn add_local(
    kad: &mut kad::Behaviour<ProviderStore>,
    policy: &DialPolicy,
    peer: &PeerId,
    addresses: &[Multiaddr],
) {
    let near = addresses.iter().filter(|address| policy.is_near(address));
    for address in near.take(MAX_PEER_ADDRESSES) {
        kad.add_address(peer, address.clone());
    }
}

/// Peers in the table.
pub(crate) fn size(kad: &mut kad::Behaviour<ProviderStore>) -> usize {
    kad.kbuckets().map(|bucket| bucket.num_entries()).sum()
}

/// Whether the table is being filled.
pub(crate) fn is_refreshing(kad: &kad::Behaviour<ProviderStore>) -> bool {
    kad.iter_queries()
        .any(|query| matches!(query.info(), QueryInfo::Bootstrap { .. }))
}

/// Adds a peer that speaks the DHT's protocol, if its addresses and its network allow.
pub(crate) fn add(
    kad: &mut kad::Behaviour<ProviderStore>,
    policy: &DialPolicy,
    peer: &PeerId,
    addresses: &[Multiaddr],
) {
    let believed = addresses.iter().filter(|address| policy.believes(address));
    let believed: Vec<&Multiaddr> = believed.take(MAX_PEER_ADDRESSES).collect();
    if !policy.is_private() && !is_diverse(kad, peer, &believed) {
        return;
    }
    for address in believed {
        kad.add_address(peer, address.clone());
    }
}

/// Takes peers, and addresses of others, out of the table.
pub(crate) fn forget(
    kad: &mut kad::Behaviour<ProviderStore>,
    is_peer_gone: impl Fn(&PeerId) -> bool,
    is_address_gone: impl Fn(&Multiaddr) -> bool,
) {
    let (mut peers, mut addresses) = (Vec::new(), Vec::new());
    for bucket in kad.kbuckets() {
        for entry in bucket.iter() {
            let peer = *entry.node.key.preimage();
            if is_peer_gone(&peer) {
                peers.push(peer);
                continue;
            }
            let gone = entry
                .node
                .value
                .iter()
                .filter(|address| is_address_gone(address));
            addresses.extend(gone.map(|address| (peer, address.clone())));
        }
    }
    for peer in peers {
        kad.remove_peer(&peer);
    }
    for (peer, address) in addresses {
        kad.remove_address(&peer, &address);
    }
}

fn is_diverse(
    kad: &mut kad::Behaviour<ProviderStore>,
    peer: &PeerId,
    addresses: &[&Multiaddr],
) -> bool {
    let key = KBucketKey::from(*peer);
    let bucket = kad.kbucket(*peer).map(|bucket| bucket.range());
    let mut known = Vec::new();
    for other in kad.kbuckets() {
        let same_bucket = bucket == Some(other.range());
        for entry in other.iter() {
            if *entry.node.key == key {
                continue;
            }
            known.extend(networks(entry.node.value.iter()).map(|network| (network, same_bucket)));
        }
    }
    networks(addresses.iter().copied()).all(|network| {
        let in_table = known.iter().filter(|(other, _)| *other == network);
        let in_bucket = in_table.clone().filter(|(_, same_bucket)| *same_bucket);
        in_table.count() < MAX_OF_NETWORK && in_bucket.count() < MAX_OF_NETWORK_IN_BUCKET
    })
}

/// The networks of a peer, each once.
fn networks<'a>(addresses: impl Iterator<Item = &'a Multiaddr>) -> impl Iterator<Item = u32> {
    let mut networks: Vec<u32> = addresses.filter_map(address::ip).map(network).collect();
    networks.sort_unstable();
    networks.dedup();
    networks.into_iter()
}

/// IPv4: a /16, and a /8 where those were given out whole. IPv6: a /32.
fn network(ip: IpAddr) -> u32 {
    match ip {
        IpAddr::V4(ip) => match ip.octets() {
            [a @ ..128, ..] => u32::from(a),
            [a, b, ..] => u32::from_be_bytes([0, 1, a, b]),
        },
        IpAddr::V6(ip) => {
            let [high, low, ..] = ip.segments();
            u32::from(high) << 16 | u32::from(low)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> kad::Behaviour<ProviderStore> {
        let local = PeerId::random();
        let mut config = kad::Config::default();
        config.set_kbucket_inserts(kad::BucketInserts::Manual);
        kad::Behaviour::with_config(local, ProviderStore::new(local), config)
    }

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    fn peers(kad: &mut kad::Behaviour<ProviderStore>) -> usize {
        kad.kbuckets().map(|bucket| bucket.num_entries()).sum()
    }

    #[test]
    fn one_network_gets_few_places() {
        let policy = DialPolicy::new(false, false, false);
        let mut kad = table();
        for number in 0..100 {
            let of_one = address(&format!("/ip4/200.1.{number}.1/tcp/1"));
            add(&mut kad, &policy, &PeerId::random(), &[of_one]);
        }
        assert!((MAX_OF_NETWORK_IN_BUCKET..=MAX_OF_NETWORK).contains(&peers(&mut kad)));
        for bucket in kad.kbuckets() {
            assert!(bucket.num_entries() <= MAX_OF_NETWORK_IN_BUCKET);
        }
        let before = peers(&mut kad);
        for number in 0..5 {
            let of_another = address(&format!("/ip4/201.{number}.1.1/tcp/1"));
            add(&mut kad, &policy, &PeerId::random(), &[of_another]);
        }
        assert_eq!(peers(&mut kad), before + 5);
    }

    #[test]
    fn a_second_network_does_not_hide_the_first() {
        let policy = DialPolicy::new(false, false, false);
        let mut kad = table();
        for number in 0..100 {
            let addresses = [
                address(&format!("/ip4/200.1.{number}.1/tcp/1")),
                address(&format!("/ip4/200.{number}.1.1/tcp/1")),
            ];
            add(&mut kad, &policy, &PeerId::random(), &addresses);
        }
        assert!(peers(&mut kad) <= MAX_OF_NETWORK);
    }

    #[test]
    fn only_addresses_that_everybody_can_reach_get_in() {
        let mut kad = table();
        let near = [
            address("/ip4/192.168.1.1/tcp/1"),
            address("/ip4/127.0.0.1/tcp/1"),
        ];
        add(
            &mut kad,
            &DialPolicy::new(false, true, false),
            &PeerId::random(),
            &near,
        );
        assert_eq!(peers(&mut kad), 0);
        add(
            &mut kad,
            &DialPolicy::new(true, true, true),
            &PeerId::random(),
            &near,
        );
        assert_eq!(peers(&mut kad), 1);
    }
}
