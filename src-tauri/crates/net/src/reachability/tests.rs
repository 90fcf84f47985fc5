//! What follows from what the room is told.

use super::autonat::Answer;
use super::*;
use crate::limits::MAX_RELAYED_GUESTS;

fn address(text: &str) -> Multiaddr {
    text.parse().unwrap()
}

fn room() -> Room {
    let policy = DialPolicy::new(false, false, false);
    Room::new(policy, false, &RelayConfig::default(), Instant::now())
}

fn listening(at: &str) -> Here {
    Here {
        listeners: vec![address(at)],
        ..Here::default()
    }
}

#[test]
fn a_public_address_is_told_until_those_who_tried_it_say_no() {
    let (mut room, now) = (room(), Instant::now());
    let here = listening("/ip4/8.8.8.8/tcp/4801");
    let own = here.listeners[0].clone();
    let check = |room: &mut Room, expected: &[Step]| {
        assert_eq!(room.changed(&here, now), expected);
    };
    let always = [Step::TellDevices, Step::TellSummary];
    let [devices, summary] = always.clone();
    let told = [
        Step::AddExternal(own.clone()),
        Step::ExternalChanged,
        devices.clone(),
        summary.clone(),
    ];
    check(&mut room, &told);
    check(&mut room, &always);
    room.probe.add_server(PeerId::random());
    let steps = room.changed(&here, now);
    let Step::Probe { request, .. } = &steps[0] else {
        panic!("{steps:?}");
    };
    assert_eq!(request.address, own);
    room.probe.answered(request.nonce, Some(Answer::NotReached));
    let taken_back = [
        Step::RemoveExternal(own),
        Step::ExternalChanged,
        devices,
        summary,
    ];
    check(&mut room, &taken_back);
}

#[test]
fn a_test_that_nobody_can_make_ends_at_once_and_is_kept() {
    let (mut room, now) = (room(), Instant::now());
    let here = listening("/ip4/8.8.8.8/tcp/4801");
    let (reply, mut answer) = tokio::sync::oneshot::channel();
    room.check(reply, &here, now);
    let found = answer.try_recv().unwrap();
    assert_eq!((found.verdict, found.asked), (Verdict::Unknown, 0));
    assert_eq!(room.last_check(), Some(found));
    let public = crate::status::PublicCheck {
        verdict: Verdict::Yes,
        detail: None,
    };
    room.checked_publicly(public.clone());
    assert_eq!(room.last_check().unwrap().public, Some(public));
}

#[test]
fn a_relay_is_to_see_us_over_both_transports() {
    let mut room = room();
    let relay = PeerId::random();
    let (tcp, quic) = ("/ip4/8.8.8.8/tcp/1", "/ip4/8.8.8.8/udp/1/quic-v1");
    let addresses = vec![address(quic), address(tcp)];
    room.relays.offered(relay, addresses);
    let show = |at| Step::Show {
        relay,
        addresses: vec![address(at)],
    };
    let steps = room.reserved(relay, |_| false);
    assert_eq!(steps, [show(tcp), show(quic), Step::TellSummary]);
    let steps = room.reserved(relay, |tcp| tcp);
    assert_eq!(steps, [show(quic), Step::TellSummary]);
}

#[test]
fn strangers_find_places_as_relay_clients_as_long_as_there_are_some() {
    let mut room = room();
    for _ in 0..MAX_RELAYED_GUESTS {
        assert_eq!(room.relay_client_came(PeerId::random(), false), None);
    }
    let (stranger, trusted) = (PeerId::random(), PeerId::random());
    let refused = Some(Step::Disconnect(stranger));
    assert_eq!(room.relay_client_came(stranger, false), refused);
    assert_eq!(room.relay_client_came(trusted, true), None);
    let gone = *room.relay_clients.iter().next().unwrap();
    room.relay_client_left(&gone);
    assert_eq!(room.relay_client_came(stranger, false), None);
}
