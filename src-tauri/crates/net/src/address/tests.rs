use super::*;
use crate::limits::MAX_NEARBY_ADDRESSES;

fn address(text: &str) -> Multiaddr {
    text.parse().unwrap()
}

#[test]
fn scopes() {
    for (text, expected) in [
        ("/ip4/127.0.0.1/tcp/1", Scope::Loopback),
        ("/ip4/10.1.2.3/tcp/1", Scope::Private),
        ("/ip4/172.31.0.1/udp/1/quic-v1", Scope::Private),
        ("/ip4/192.168.1.1/tcp/1", Scope::Private),
        ("/ip4/169.254.1.1/tcp/1", Scope::Private),
        ("/ip4/100.100.1.1/tcp/1", Scope::Private),
        ("/ip4/8.8.8.8/tcp/1", Scope::Public),
        ("/ip4/0.0.0.0/tcp/1", Scope::Never),
        ("/ip4/224.0.0.1/udp/1", Scope::Never),
        ("/ip4/255.255.255.255/udp/1", Scope::Never),
        ("/ip6/::1/tcp/1", Scope::Loopback),
        ("/ip6/fe80::1/tcp/1", Scope::Never),
        ("/ip6/fd00::1/tcp/1", Scope::Private),
        ("/ip6/2606:4700::1/tcp/1", Scope::Public),
        ("/ip6/::ffff:10.0.0.1/tcp/1", Scope::Private),
        ("/ip6/64:ff9b::c0a8:101/tcp/1", Scope::Private),
        ("/ip6/ff02::1/tcp/1", Scope::Never),
        ("/dns4/example.org/tcp/1", Scope::Never),
        ("/ip6/2002:c0a8:101::1/tcp/1", Scope::Private),
        ("/ip6/2001:0:808:808::1/tcp/1", Scope::Never),
        ("/ip4/8.8.8.8/ip4/192.168.1.1/tcp/1", Scope::Never),
        ("/ip4/8.8.8.8/dns4/example.org/tcp/1", Scope::Never),
    ] {
        assert_eq!(scope(&address(text)), expected, "{text}");
    }
}

#[test]
fn a_strangers_word_leads_neither_home_nor_to_this_machine() {
    let policy = DialPolicy::new(false, true, false);
    for network in ["192.168.1.5/24", "2a00:1:2:3::5/64", "145.7.7.7/24"] {
        policy.network_up(network.parse().unwrap());
    }
    for text in [
        "/ip4/127.0.0.1/tcp/1",
        "/ip4/127.3.2.1/tcp/1",
        "/ip6/::1/tcp/1",
        "/ip6/::ffff:127.0.0.1/tcp/1",
        "/ip4/192.168.1.1/tcp/80",
        "/ip4/192.168.2.1/tcp/80",
        "/ip6/::ffff:192.168.1.1/tcp/80",
        "/ip6/64:ff9b::c0a8:101/tcp/80",
        "/ip6/2002:c0a8:101::1/tcp/80",
        "/ip4/169.254.1.1/tcp/80",
        "/ip6/fe80::1/tcp/80",
        "/ip6/fd00::1/tcp/80",
        "/ip6/2a00:1:2:3::9/tcp/9100",
        "/ip4/145.7.7.8/udp/4001/quic-v1",
        "/ip4/8.8.8.8/ip4/192.168.1.1/tcp/80",
        "/ip4/8.8.8.8/ip4/127.0.0.1/tcp/80",
    ] {
        let told = address(text);
        assert!(!policy.allows(&told) && !policy.believes(&told), "{text}");
    }
    for text in ["/ip4/145.7.8.8/tcp/1", "/ip6/2a00:1:2:4::9/tcp/1"] {
        let told = address(text);
        assert!(policy.allows(&told) && policy.believes(&told), "{text}");
    }
}

#[test]
fn devices_of_this_network_are_dialled_where_they_say_that_they_are() {
    let policy = DialPolicy::new(false, false, false);
    policy.network_up("192.168.1.5/24".parse().unwrap());
    let (home, other) = (
        address("/ip4/192.168.1.7/tcp/1"),
        address("/ip4/192.168.2.7/tcp/1"),
    );
    policy.network_up("145.7.7.7/24".parse().unwrap());
    let neighbour = address("/ip4/145.7.7.8/tcp/1");
    assert!(!policy.allows(&neighbour));
    policy.hear_nearby([&home, &other, &neighbour]);
    assert!(policy.allows(&neighbour));
    assert!(policy.allows(&home) && !policy.allows(&other));
    assert!(!policy.allows(&address("/ip4/192.168.1.7/tcp/2")));
    assert!(!policy.believes(&home) && policy.is_near(&home));
    policy.network_down(&"192.168.1.5/24".parse().unwrap());
    assert!(!policy.allows(&home));
}

#[test]
fn a_private_dht_leads_to_its_own_networks() {
    let policy = DialPolicy::new(false, false, true);
    policy.network_up("192.168.1.5/24".parse().unwrap());
    for (text, expected) in [
        ("/ip4/192.168.1.7/tcp/1", true),
        ("/ip4/192.168.2.7/tcp/1", false),
        ("/ip4/127.0.0.1/tcp/1", false),
    ] {
        let told = address(text);
        assert_eq!(policy.believes(&told), expected, "{text}");
        assert_eq!(policy.allows(&told), expected, "{text}");
    }
}

#[test]
fn of_what_devices_name_the_oldest_is_forgotten() {
    let policy = DialPolicy::new(false, false, false);
    policy.network_up("10.0.0.1/8".parse().unwrap());
    let told = |number: usize| address(&format!("/ip4/10.1.0.1/tcp/{}", number + 1));
    for number in 0..=MAX_NEARBY_ADDRESSES {
        policy.hear_nearby([&told(number)]);
    }
    let known = (0..=MAX_NEARBY_ADDRESSES).filter(|number| policy.allows(&told(*number)));
    assert_eq!(known.count(), MAX_NEARBY_ADDRESSES);
    assert!(policy.allows(&told(MAX_NEARBY_ADDRESSES)));
}

#[test]
fn what_the_person_named_is_dialled_beyond_a_router_and_nothing_else_there() {
    let policy = DialPolicy::new(false, false, false);
    policy.network_up("192.168.1.5/24".parse().unwrap());
    let at_home = address("/ip4/192.168.1.7/tcp/1");
    assert!(!policy.allows(&at_home));
    let _home = policy.permit(std::slice::from_ref(&at_home));
    assert!(policy.allows(&at_home));
    let name = address("/dns4/NAS.home/tcp/1");
    let _name = policy.permit(std::slice::from_ref(&name));
    assert!(policy.is_named(&address("/dns4/nas.home/tcp/1")));
    assert!(!policy.is_named(&address("/dns4/nas.home/tcp/2")));
    let named = address("/ip4/10.1.0.2/tcp/4801");
    let with_peer = with_peer(&named, PeerId::random());
    let permit = policy.permit(std::slice::from_ref(&with_peer));
    let again = policy.permit(&[with_peer.clone(), address("/ip4/127.0.0.1/tcp/1")]);
    assert!(policy.allows(&named) && policy.allows(&with_peer));
    assert!(!policy.believes(&named) && !policy.is_near(&named));
    for other in [
        "/ip4/10.1.0.2/tcp/80",
        "/ip4/10.1.0.2/udp/4801/quic-v1",
        "/ip4/10.1.0.3/tcp/4801",
        "/ip4/127.0.0.1/tcp/1",
    ] {
        assert!(!policy.allows(&address(other)), "{other}");
    }
    policy.block(&["10.0.0.0/8".parse().unwrap()]);
    assert!(!policy.allows(&named));
    policy.block(&[]);
    drop(permit);
    assert!(policy.allows(&named));
    drop(again);
    assert!(!policy.allows(&named));
}

#[test]
fn a_blocked_network_is_neither_dialled_nor_believed() {
    let policy = DialPolicy::new(false, true, false);
    let here = ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.2/tcp/1"].map(address);
    let _permit = policy.permit(&here);
    policy.block(&[
        "8.8.0.0/16".parse().unwrap(),
        "127.0.0.2/32".parse().unwrap(),
    ]);
    for (text, allowed) in [
        ("/ip4/8.8.4.4/tcp/1", false),
        ("/ip6/::ffff:8.8.4.4/tcp/1", false),
        ("/ip4/8.9.4.4/tcp/1", true),
        ("/ip4/127.0.0.2/tcp/1", false),
        ("/ip4/127.0.0.1/tcp/1", true),
    ] {
        assert_eq!(policy.allows(&address(text)), allowed, "{text}");
    }
    assert!(!policy.believes(&address("/ip4/8.8.4.4/tcp/1")));
    policy.block(&[]);
    assert!(policy.believes(&address("/ip4/8.8.4.4/tcp/1")));
}

#[test]
fn local_only_leaves_this_machine_for_nobody() {
    let policy = DialPolicy::new(true, false, true);
    policy.network_up("192.168.1.5/24".parse().unwrap());
    for (text, allowed) in [
        ("/ip4/127.0.0.1/tcp/1", true),
        ("/ip6/::1/tcp/1", true),
        ("/ip4/192.168.1.7/tcp/1", false),
        ("/ip4/8.8.8.8/tcp/1", false),
        ("/dnsaddr/bootstrap.libp2p.io", false),
    ] {
        assert_eq!(policy.allows(&address(text)), allowed, "{text}");
    }
}
