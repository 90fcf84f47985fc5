//! What is said on the wire, byte by byte: messages as their specifications have them, whatever is in them.

use cid::Cid;
use cid::multihash::Multihash;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use crate::dag::{field, varint};

/// What is wanted of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Block,
    Have,
    Cancel,
}

/// A message with its length before it.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    [varint(message.len() as u64), message.to_vec()].concat()
}

/// A line of the negotiation of what a stream speaks.
pub(super) fn line(text: &str) -> Vec<u8> {
    framed(format!("{text}\n").as_bytes())
}

/// A number in a protobuf message.
fn number(field: u8, value: u64) -> Vec<u8> {
    [vec![field << 3], varint(value)].concat()
}

/// A message of the exchange that says this of these blocks; `full`: and of no others.
pub(super) fn wants(want: Want, blocks: &[Cid], full: bool) -> Vec<u8> {
    let entry = |cid: &Cid| {
        let mut entry = field(1, &cid.to_bytes());
        entry.extend(number(2, 1));
        match want {
            Want::Block => {}
            Want::Have => entry.extend(number(4, 1)),
            Want::Cancel => entry.extend(number(3, 1)),
        }
        // A DONT_HAVE is asked for.
        entry.extend(number(5, 1));
        field(1, &entry)
    };
    let mut list: Vec<u8> = blocks.iter().flat_map(entry).collect();
    list.extend(number(2, u64::from(full)));
    framed(&field(1, &list))
}

/// The CID of a block that nobody has.
pub(super) fn unknown(number: u64) -> Cid {
    const RAW: u64 = 0x55;
    const SHA2_256: u64 = 0x12;
    let mut digest = [0xa5; 32];
    digest[..8].copy_from_slice(&number.to_le_bytes());
    Cid::new_v1(RAW, Multihash::wrap(SHA2_256, &digest).unwrap())
}

/// What a peer says of itself: so many addresses, and so many protocols.
pub(super) fn identify(addresses: u16, protocols: u16) -> Vec<u8> {
    let mut identify = field(5, b"ipfs/0.1.0");
    identify.extend(field(6, b"kubo/0.43.0"));
    for port in 0..addresses {
        let address: Multiaddr = "/ip4/140.254.0.1".parse().unwrap();
        let address = address.with(Protocol::Tcp(port + 1));
        identify.extend(field(2, address.as_ref()));
    }
    for protocol in 0..protocols {
        let name = match protocol {
            0 => "/ipfs/bitswap/1.2.0".to_owned(),
            1 => "/ipfs/id/1.0.0".to_owned(),
            other => format!("/made/up/{other}"),
        };
        identify.extend(field(3, name.as_bytes()));
    }
    identify
}

/// AutoNAT's question whether this address can be dialled.
pub(super) fn dial_request(address: &Multiaddr) -> Vec<u8> {
    let mut request = field(1, address.as_ref());
    // Field 2, a fixed number of 64 bits.
    request.extend([2 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8]);
    framed(&field(1, &request))
}

/// To a relay: to be passed on to that peer, or without one to have a place there.
pub(super) fn hop(to: Option<PeerId>) -> Vec<u8> {
    let Some(peer) = to else {
        return framed(&number(1, 0));
    };
    framed(&[number(1, 1), field(2, &field(1, &peer.to_bytes()))].concat())
}

/// From a relay: that peer wants to be connected.
pub(super) fn stop(from: PeerId) -> Vec<u8> {
    framed(&[number(1, 0), field(2, &field(1, &from.to_bytes()))].concat())
}

/// To punch a hole towards these addresses.
pub(super) fn punch(addresses: &[Multiaddr]) -> Vec<u8> {
    let addresses = addresses.iter().map(|address| field(2, address.as_ref()));
    framed(&[number(1, 100), addresses.collect::<Vec<_>>().concat()].concat())
}

/// To the DHT: that peer has what goes by this key, and is there.
pub(super) fn add_provider(key: &[u8], peer: PeerId, address: &Multiaddr) -> Vec<u8> {
    let provider = [field(1, &peer.to_bytes()), field(2, address.as_ref())].concat();
    framed(&[number(1, 2), field(2, key), field(9, &provider)].concat())
}

/// To the DHT: who has what goes by this key?
pub(super) fn get_providers(key: &[u8]) -> Vec<u8> {
    framed(&[number(1, 3), field(2, key)].concat())
}
