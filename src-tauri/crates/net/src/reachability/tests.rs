//! What follows from what [`Reachability`] is told.

use super::autonat::Answer;
use super::*;
use crate::limits::MAX_STRANGER_RELAY_CLIENTS;

fn address(text: &str) -> Multiaddr {
    text.parse().unwrap()
}

fn reachability() -> Reachability {
    let policy = DialPolicy::new(false, false, false);
    Reachability::new(policy, false, &RelayConfig::default(), Instant::now())
}

fn listening(at: &str) -> Here {
    Here {
        listeners: vec![address(at)],
        ..Here::default()
    }
}

#[test]
fn a_public_address_is_told_until_those_who_tried_it_say_no() {
    let (mut reachability, now) = (reachability(), Instant::now());
    let here = listening("/ip4/8.8.8.8/tcp/4801");
    let own = here.listeners[0].clone();
    let check = |reachability: &mut Reachability, expected: &[Step]| {
        assert_eq!(reachability.changed(&here, now), expected);
    };
    let always = [Step::TellDevices, Step::TellSummary];
    let [devices, summary] = always.clone();
    let told = [
        Step::AddExternal(own.clone()),
        Step::ExternalChanged,
        devices.clone(),
        summary.clone(),
    ];
    check(&mut reachability, &told);
    check(&mut reachability, &always);
    reachability.probe.add_server(PeerId::random());
    let steps = reachability.changed(&here, now);
    let Step::Probe { request, .. } = &steps[0] else {
        panic!("{steps:?}");
    };
    assert_eq!(request.address, own);
    reachability
        .probe
        .answered(request.nonce, Some(Answer::NotReached));
    let taken_back = [
        Step::RemoveExternal(own),
        Step::ExternalChanged,
        devices,
        summary,
    ];
    check(&mut reachability, &taken_back);
}

#[test]
fn a_test_that_nobody_can_make_ends_at_once_and_is_kept() {
    let (mut reachability, now) = (reachability(), Instant::now());
    let here = listening("/ip4/8.8.8.8/tcp/4801");
    let (reply, mut answer) = tokio::sync::oneshot::channel();
    reachability.check(reply, &here, now);
    let found = answer.try_recv().unwrap();
    assert_eq!((found.verdict, found.asked), (Verdict::Unknown, 0));
    assert_eq!(reachability.last_check(), Some(found));
    let public = crate::status::PublicCheck {
        verdict: Verdict::Yes,
        detail: None,
    };
    reachability.checked_publicly(public.clone());
    assert_eq!(reachability.last_check().unwrap().public, Some(public));
}

#[test]
fn a_relay_is_to_see_us_over_both_transports() {
    let mut reachability = reachability();
    let relay = PeerId::random();
    let (tcp, quic) = ("/ip4/8.8.8.8/tcp/1", "/ip4/8.8.8.8/udp/1/quic-v1");
    let addresses = vec![address(quic), address(tcp)];
    reachability.relays.offered(relay, addresses);
    let observe = |at| Step::Observe {
        relay,
        addresses: vec![address(at)],
    };
    let steps = reachability.reserved(relay, |_| false);
    assert_eq!(steps, [observe(tcp), observe(quic), Step::TellSummary]);
    let steps = reachability.reserved(relay, |tcp| tcp);
    assert_eq!(steps, [observe(quic), Step::TellSummary]);
}

#[test]
fn strangers_find_places_as_relay_clients_as_long_as_there_are_some() {
    let mut reachability = reachability();
    for _ in 0..MAX_STRANGER_RELAY_CLIENTS {
        assert_eq!(
            reachability.relay_client_came(PeerId::random(), false),
            None
        );
    }
    let (stranger, trusted) = (PeerId::random(), PeerId::random());
    let refused = Some(Step::Disconnect(stranger));
    assert_eq!(reachability.relay_client_came(stranger, false), refused);
    assert_eq!(reachability.relay_client_came(trusted, true), None);
    let gone = *reachability.relay_clients.iter().next().unwrap();
    reachability.relay_client_left(&gone);
    assert_eq!(reachability.relay_client_came(stranger, false), None);
}
