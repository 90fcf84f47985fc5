//! The DHT's peers of the last run, so that the next one finds back without the bootstrap peers,
//! which may be down, blocked, or not on our side. A short list of addresses, one a line.

use libp2p::Multiaddr;
use libp2p::kad::{self, NodeStatus};
use tokio::task::JoinHandle;

use crate::address;
use crate::dht::records::ProviderStore;
use crate::limits::{MAX_REMEMBERED_ADDRESSES, MAX_REMEMBERED_PEERS};
use crate::memory::{Functions, Memory};

/// The addresses that were kept. Those that can't be read any more are left out.
pub(crate) async fn recall(memory: &Memory) -> Vec<Multiaddr> {
    let what = "the peers of the last run can't be read";
    let kept = memory.ask(what, |memory| (memory.peers)()).await;
    kept.flatten().map_or_else(Vec::new, |bytes| decode(&bytes))
}

/// Keeps peers of the table, connected ones first. `None`: there are none, and what was kept stays.
pub(crate) fn keep(
    memory: &Memory,
    kad: &mut kad::Behaviour<ProviderStore>,
) -> Option<JoinHandle<()>> {
    let mut peers = Vec::new();
    for bucket in kad.kbuckets() {
        for entry in bucket.iter() {
            let peer = *entry.node.key.preimage();
            let addresses = entry.node.value.iter().take(MAX_REMEMBERED_ADDRESSES);
            let addresses: Vec<_> = addresses
                .map(|known| address::with_peer(known, peer))
                .collect();
            peers.push((entry.status != NodeStatus::Connected, addresses));
        }
    }
    peers.sort_by_key(|(is_away, _)| *is_away);
    peers.truncate(MAX_REMEMBERED_PEERS);
    let addresses: Vec<Multiaddr> = peers
        .into_iter()
        .flat_map(|(_, addresses)| addresses)
        .collect();
    if addresses.is_empty() {
        return None;
    }
    let memory = memory.clone();
    Some(tokio::spawn(async move {
        let keep = move |memory: &Functions| (memory.set_peers)(encode(&addresses));
        let _ = memory.ask("the DHT's peers can't be kept", keep).await;
    }))
}

fn encode(addresses: &[Multiaddr]) -> Vec<u8> {
    let lines: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    lines.join("\n").into_bytes()
}

fn decode(bytes: &[u8]) -> Vec<Multiaddr> {
    let text = String::from_utf8_lossy(bytes);
    let addresses = text.lines().filter_map(|line| line.parse().ok());
    addresses
        .take(MAX_REMEMBERED_PEERS * MAX_REMEMBERED_ADDRESSES)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_what_is_damaged_is_left_out() {
        let addresses: Vec<Multiaddr> = ["/ip4/8.8.8.8/tcp/1", "/ip6/2606:4700::1/udp/1/quic-v1"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let mut bytes = encode(&addresses);
        assert_eq!(decode(&bytes), addresses);
        bytes.extend(b"\nno address\n\xff");
        assert_eq!(decode(&bytes), addresses);
    }
}
