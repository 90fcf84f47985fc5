use super::*;

const SESSION: SessionId = SessionId(1);
const OTHER: SessionId = SessionId(2);

fn address(text: &str) -> Multiaddr {
    text.parse().unwrap()
}

fn somebody() -> Target {
    Target::Peer(PeerId::random(), vec![])
}

fn target_of(dialer: &Dialer, dial: &DialOpts) -> Target {
    dialer.under_way[&dial.connection_id()]
        .attempt
        .target
        .clone()
}

#[test]
fn hints_are_grouped_by_peer() {
    let (one, other) = (PeerId::random(), PeerId::random());
    let tcp = address("/ip4/8.8.8.8/tcp/1");
    let quic = address("/ip4/8.8.8.8/udp/1/quic-v1");
    let hints = [
        address::with_peer(&tcp, one),
        tcp.clone(),
        address(&format!("/p2p/{other}")),
        address::with_peer(&quic, one),
    ];
    let expected = [
        Target::Peer(one, vec![tcp.clone(), quic]),
        Target::Anyone(tcp),
        Target::Peer(other, vec![]),
    ];
    assert_eq!(targets(&hints), expected);
}

#[test]
fn near_peers_are_dialled_over_tcp_first() {
    let peer = PeerId::random();
    let quic = address("/ip4/127.0.0.1/udp/1/quic-v1");
    let tcp = address("/ip4/127.0.0.1/tcp/1");
    let mut dialer = Dialer::default();
    let target = Target::Peer(peer, vec![quic.clone(), tcp.clone()]);
    dialer.ask(SESSION, target, Named::Here);
    let first = dialer.next().unwrap();
    assert_eq!(target_of(&dialer, &first), Target::Peer(peer, vec![tcp]));
    assert_eq!(dialer.failed(first.connection_id()), None);
    let second = dialer.next().unwrap();
    assert_eq!(target_of(&dialer, &second), Target::Peer(peer, vec![quic]));
    let given_up = dialer.failed(second.connection_id());
    assert_eq!(given_up, Some((peer, vec![SESSION])));
    assert!(dialer.next().is_none());
}

#[test]
fn a_peer_is_dialled_once_for_all_who_ask() {
    let peer = PeerId::random();
    let mut dialer = Dialer::default();
    dialer.ask(SESSION, Target::Peer(peer, vec![]), Named::Here);
    let dial = dialer.next().unwrap();
    dialer.ask(OTHER, Target::Peer(peer, vec![]), Named::Elsewhere);
    assert!(dialer.next().is_none());
    let sessions = dialer.connected(dial.connection_id(), peer);
    assert_eq!(sessions, [SESSION, OTHER]);
}

#[test]
fn what_others_wait_for_too_is_dialled_when_the_first_who_asked_is_over() {
    let peer = PeerId::random();
    let near = ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/udp/1/quic-v1"].map(address);
    let mut dialer = Dialer::default();
    dialer.ask(SESSION, Target::Peer(peer, near.to_vec()), Named::Here);
    let first = dialer.next().unwrap();
    dialer.ask(OTHER, Target::Peer(peer, vec![]), Named::Elsewhere);
    assert_eq!(dialer.failed(first.connection_id()), None);
    dialer.forget(SESSION);
    let second = dialer.next().expect("the other address is tried");
    let sessions = dialer.connected(second.connection_id(), peer);
    assert_eq!(sessions, [OTHER]);
}

#[test]
fn a_lie_about_an_address_keeps_nobody_from_the_right_one() {
    let peer = PeerId::random();
    let [lie, right, named] = [1, 2, 3].map(|port| address(&format!("/ip4/8.8.8.8/tcp/{port}")));
    let at = |address: &Multiaddr| Target::Peer(peer, vec![address.clone()]);
    let mut dialer = Dialer::default();
    dialer.ask(SESSION, at(&lie), Named::Elsewhere);
    dialer.ask(OTHER, at(&named), Named::Here);
    let first = dialer.next().unwrap();
    let expected = Target::Peer(peer, vec![named.clone(), lie.clone()]);
    assert_eq!(target_of(&dialer, &first), expected);
    dialer.ask(SESSION, at(&right), Named::Elsewhere);
    dialer.ask(SESSION, at(&lie), Named::Elsewhere);
    assert_eq!(dialer.failed(first.connection_id()), None);
    let second = dialer.next().unwrap();
    assert_eq!(target_of(&dialer, &second), at(&right));
    let given_up = dialer.failed(second.connection_id());
    assert_eq!(given_up, Some((peer, vec![SESSION, OTHER])));
}

#[test]
fn one_search_that_names_hundreds_leaves_other_sessions_their_turn() {
    let mut dialer = Dialer::default();
    for _ in 0..300 {
        dialer.ask(SESSION, somebody(), Named::Elsewhere);
    }
    while dialer.next().is_some() {}
    let of = |dialer: &Dialer, session| {
        let under_way = dialer.under_way.values();
        under_way.filter(|dial| dial.turn.0 == session).count()
    };
    assert_eq!(of(&dialer, SESSION), MAX_DIALS_OF_SESSION * 3 / 4);
    dialer.ask(SESSION, somebody(), Named::Here);
    let hint = somebody();
    dialer.ask(OTHER, somebody(), Named::Elsewhere);
    dialer.ask(OTHER, hint.clone(), Named::Here);
    let next = dialer.next().unwrap();
    assert_eq!(target_of(&dialer, &next), hint);
    while dialer.next().is_some() {}
    assert_eq!(of(&dialer, OTHER), 2);
    assert_eq!(of(&dialer, SESSION), MAX_DIALS_OF_SESSION * 3 / 4 + 1);
}

#[test]
fn what_a_link_names_has_a_place_where_others_took_all() {
    let mut dialer = Dialer::default();
    for session in 0..10 {
        for _ in 0..300 {
            dialer.ask(SessionId(session), somebody(), Named::Elsewhere);
        }
    }
    while dialer.next().is_some() {}
    assert_eq!(dialer.under_way.len(), MAX_DIALS);
    let hint = somebody();
    dialer.ask(SessionId(99), hint.clone(), Named::Here);
    let next = dialer.next().unwrap();
    assert_eq!(target_of(&dialer, &next), hint);
}

#[test]
fn sessions_take_turns() {
    let mut dialer = Dialer::default();
    for session in [SESSION, OTHER] {
        for _ in 0..100 {
            dialer.ask(session, somebody(), Named::Elsewhere);
        }
    }
    let mut turns = Vec::new();
    for _ in 0..4 {
        let id = dialer.next().unwrap().connection_id();
        turns.push(dialer.under_way[&id].turn.0.0);
    }
    assert_eq!(turns, [1, 2, 1, 2]);
}

#[test]
fn dials_are_bounded_and_end_with_their_session() {
    let mut dialer = Dialer::default();
    for session in 0..20 {
        for number in 0..MAX_DIALS + 2 * MAX_WAITING_DIALS {
            let named = if number % 2 == 0 {
                Named::Here
            } else {
                Named::Elsewhere
            };
            dialer.ask(SessionId(session), somebody(), named);
            dialer.next();
        }
    }
    assert_eq!(dialer.under_way.len(), MAX_DIALS + MAX_URGENT_DIALS);
    for queue in dialer.queues.values() {
        assert!(queue.len() <= MAX_WAITING_DIALS);
    }
    for session in 0..20 {
        dialer.forget(SessionId(session));
    }
    assert!(dialer.waiting.is_empty() && dialer.queues.is_empty());
}
