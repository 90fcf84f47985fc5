//! Addresses of all kinds at the fence, for the fuzzer and the tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

use super::*;
use crate::fuzz_input::Input;

/// A peer by its number.
pub(crate) fn peer(number: u8) -> PeerId {
    let hash = libp2p::multihash::Multihash::wrap(0x12, &[number; 32]).unwrap();
    PeerId::from_multihash(hash).unwrap()
}

/// An address such as anybody may name.
pub(crate) fn any(input: &mut Input<'_>) -> Multiaddr {
    let mut address = Multiaddr::empty();
    let kind = input.byte();
    if kind < 200 {
        // As most are.
        address.push(host(input));
        let port = u16::from(input.byte() % 4);
        if kind & 1 == 0 {
            address.push(Protocol::Tcp(port));
        } else {
            address.push(Protocol::Udp(port));
            address.push(Protocol::QuicV1);
        }
        return match kind % 10 {
            0 => address.with(Protocol::P2p(peer(kind))),
            1 => address
                .with(Protocol::P2p(peer(1)))
                .with(Protocol::P2pCircuit),
            _ => address,
        };
    }
    if kind > 250 {
        return Multiaddr::try_from(input.some().to_vec()).unwrap_or(address);
    }
    for _ in 0..input.below(5) {
        address.push(match input.below(8) {
            0 | 1 => host(input),
            2 => Protocol::Tcp(input.short()),
            3 => Protocol::Udp(input.short()),
            4 => Protocol::QuicV1,
            5 => Protocol::P2p(peer(input.byte())),
            6 => Protocol::P2pCircuit,
            _ => Protocol::Dns(format!("h{}.example", input.byte() % 4).into()),
        });
    }
    address
}

fn host(input: &mut Input<'_>) -> Protocol<'static> {
    const V4: [[u8; 3]; 10] = [
        [8, 8, 8],
        [9, 9, 9],
        [10, 0, 0],
        [127, 0, 0],
        [192, 168, 1],
        [100, 64, 0],
        [169, 254, 1],
        [224, 0, 0],
        [203, 0, 113],
        [0, 0, 0],
    ];
    const V6: [[u16; 4]; 6] = [
        [0x2600, 1, 2, 3],
        [0x2600, 1, 2, 4],
        [0xfd00, 0, 0, 1],
        [0xfe80, 0, 0, 0],
        [0, 0, 0, 0],
        [0x2001, 0xdb8, 0, 0],
    ];
    let (kind, last) = (input.byte(), input.byte());
    let [first, second, third] = V4[usize::from(kind) % V4.len()];
    let v4 = Ipv4Addr::new(first, second, third, last);
    let high = u16::from_be_bytes([first, second]);
    let low = u16::from_be_bytes([third, last]);
    match kind >> 5 {
        0..4 => Protocol::Ip4(v4),
        4 => {
            let mut parts = [0; 8];
            parts[..4].copy_from_slice(&V6[usize::from(kind) % V6.len()]);
            parts[7] = last.into();
            Protocol::Ip6(parts.into())
        }
        5 => Protocol::Ip6(v4.to_ipv6_mapped()),
        6 => Protocol::Ip6([0x64, 0xff9b, 0, 0, 0, 0, high, low].into()),
        _ => Protocol::Ip6([0x2002, high, low, 0, 0, 0, 0, 1].into()),
    }
}

/// What strangers name leads nowhere inside; what is blocked is never dialled; who named something opens that and nothing else, as
/// long as the permit lives; and an address means the same in each of its forms.
pub(crate) fn addresses(bytes: &[u8]) {
    const NETWORKS: [&str; 5] = [
        "192.168.1.0/24",
        "10.0.0.0/8",
        "2600:1:2:3::/64",
        "fd00::/16",
        "9.9.9.0/24",
    ];
    let mut input = Input::new(bytes);
    let flags = input.byte();
    let (local_only, is_private) = (flags & 1 == 1, flags & 2 == 2);
    let policy = DialPolicy::new(local_only, flags & 4 == 4, is_private);
    for (number, network) in NETWORKS.iter().enumerate() {
        if (flags >> 3) & (1 << number) != 0 {
            policy.network_up(network.parse().unwrap());
        }
    }
    if input.flag() {
        policy.block(&[
            "8.8.8.0/24".parse().unwrap(),
            "2600:1:2:4::/64".parse().unwrap(),
        ]);
    }
    let mut permits: Vec<(Permit, Multiaddr)> = Vec::new();
    let mut heard = false;
    for _ in 0..100 {
        if input.is_over() {
            break;
        }
        let address = any(&mut input);
        match input.below(5) {
            0 => permits.push((
                policy.permit(std::slice::from_ref(&address)),
                address.clone(),
            )),
            1 => permits.truncate(input.below(4)),
            2 => {
                policy.hear_nearby([&address]);
                heard = true;
            }
            _ => {}
        }
        check(&policy, &address, is_private);
        let is_named = permits.iter().any(|(_, named)| named == &address);
        assert!(!is_named || policy.is_named(&address) || !has_door(&address));
        if policy.allows(&address) && !policy.believes(&address) {
            assert!(policy.is_named(&address) || heard);
        }
    }
    drop(permits);
    let after = any(&mut input);
    assert!(!policy.is_named(&after));
    assert!(heard || policy.allows(&after) == policy.believes(&after));
}

fn has_door(address: &Multiaddr) -> bool {
    let mut parts = address.iter();
    let host = parts.next();
    let has_port = matches!(parts.next(), Some(Protocol::Tcp(_) | Protocol::Udp(_)));
    match host {
        Some(Protocol::Ip4(_) | Protocol::Ip6(_)) => has_port,
        Some(Protocol::Dns(_)) => true,
        _ => false,
    }
}

fn check(policy: &DialPolicy, address: &Multiaddr, is_private: bool) {
    let (allows, believes) = (policy.allows(address), policy.believes(address));
    let scope = scope(address);
    assert!(allows || !believes);
    if policy.is_blocked(address) || scope == Scope::Never {
        assert!(!allows && !believes && !policy.is_near(address));
    }
    if policy.is_local_only() && (allows || policy.is_near(address)) {
        assert_eq!(scope, Scope::Loopback);
    }
    if believes && !is_private && !policy.is_local_only() {
        assert_eq!(scope, Scope::Public);
        let ip = ip(address).unwrap().to_canonical();
        assert!(
            !policy
                .networks()
                .iter()
                .any(|network| network.contains(&ip))
        );
    }
    if policy.is_near(address) {
        assert!(matches!(scope, Scope::Loopback | Scope::Private) && !is_relayed(address));
    }
    let bare = split_peer(address.clone()).0;
    let named = with_peer(address, peer(3));
    assert_eq!(split_peer(named), (bare, Some(peer(3))));
    let origin = Origin::of(address);
    let counts = matches!(scope, Scope::Private | Scope::Public) && !is_relayed(address);
    assert_eq!(origin.is_some(), counts);
    // The same address in its longer form.
    if let Some(Protocol::Ip4(v4)) = address.iter().next() {
        let rest = address.iter().skip(1);
        let mapped: Multiaddr = [Protocol::Ip6(v4.to_ipv6_mapped())]
            .into_iter()
            .chain(rest)
            .collect();
        assert_eq!(super::scope(&mapped), scope);
        assert_eq!(
            (policy.allows(&mapped), policy.believes(&mapped)),
            (allows, believes)
        );
        assert_eq!(Origin::of(&mapped), origin);
    }
}
