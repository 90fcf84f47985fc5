use std::net::Ipv4Addr;

use super::super::Kind;
use super::*;

fn at(number: u8) -> IpAddr {
    Ipv4Addr::new(192, 168, 1, number).into()
}

fn nobody(_: &PeerId) -> bool {
    false
}

fn card(name: &str) -> Card {
    Card::new(name, Kind::Desktop)
}

fn names(met: &Met) -> Vec<String> {
    let list = met.list(nobody, nobody, 0);
    list.into_iter().map(|device| device.card.name).collect()
}

#[test]
fn a_device_is_asked_until_it_answers() {
    let (mut met, peer, start) = (Met::default(), PeerId::random(), Instant::now());
    assert!(met.meet(peer, at(2), nobody, start));
    let mut now = start;
    for pause in PAUSES {
        met.failed(&peer, now);
        assert!(met.has_timers());
        assert!(met.take_due(now).is_empty());
        now += pause;
        assert_eq!(met.take_due(now), [peer]);
        assert!(!met.has_timers() && !met.meet(peer, at(2), nobody, now));
    }
    met.failed(&peer, now);
    assert!(!met.has_timers());
    assert_eq!(names(&met), [""; 0]);
    // It comes back.
    assert!(met.meet(peer, at(2), nobody, now));
    met.heard(peer, at(2), card("Ben"), nobody, now, 7);
    assert!(!met.has_timers() && !met.meet(peer, at(2), nobody, now));
    let device = Device {
        peer,
        card: card("Ben"),
        here: false,
        connected: false,
        seen: 7,
    };
    let known = met.list(nobody, nobody, 9);
    assert_eq!(known, std::slice::from_ref(&device));
    let connected = Device {
        here: true,
        connected: true,
        seen: 9,
        ..device
    };
    assert_eq!(met.list(nobody, |_| true, 9), [connected]);
    assert!(met.meet(peer, at(2), nobody, now + FRESH));
}

#[test]
fn a_device_that_is_expected_is_asked_once_it_is_connected() {
    let (mut met, peer, start) = (Met::default(), PeerId::random(), Instant::now());
    met.expect(peer, at(2), nobody, start);
    assert!(met.has_timers());
    assert!(met.meet(peer, at(2), nobody, start));
    assert!(!met.has_timers() && !met.meet(peer, at(2), nobody, start));
    met.expect(peer, at(2), nobody, start);
    assert!(!met.has_timers());
    met.heard(peer, at(2), card("Ben"), nobody, start, 0);
    met.expect(peer, at(2), nobody, start);
    assert!(!met.has_timers());
    met.forget(|_| true);
    assert!(met.known.is_empty());
}

#[test]
fn who_is_gone_for_an_hour_is_forgotten() {
    let (mut met, peer, start) = (Met::default(), PeerId::random(), Instant::now());
    met.heard(peer, at(2), card("Ben"), nobody, start, 0);
    met.left(&peer, start + Duration::from_mins(10), 600);
    met.tidy(nobody, start + REMEMBERED);
    assert_eq!(names(&met), ["Ben"]);
    met.tidy(|_| true, start + 3 * REMEMBERED);
    assert_eq!(names(&met), ["Ben"]);
    met.tidy(nobody, start + 3 * REMEMBERED);
    assert_eq!(names(&met), [""; 0]);
}

#[test]
fn whoever_makes_up_hundreds_hides_nobody() {
    let (mut met, start) = (Met::default(), Instant::now());
    let [real, other] = [(); 2].map(|()| PeerId::random());
    met.heard(real, at(2), card("Ben"), nobody, start, 0);
    let is_here = |peer: &PeerId| *peer == real || *peer == other;
    for _ in 0..500 {
        met.heard(PeerId::random(), at(9), card("Ben"), is_here, start, 0);
    }
    assert_eq!(met.known.len(), 1 + MAX_DEVICES_OF_ADDRESS);
    for number in 10..200 {
        met.heard(PeerId::random(), at(number), card("Eve"), is_here, start, 0);
    }
    assert_eq!(met.known.len(), MAX_LAN_PEERS);
    assert!(met.known.contains_key(&real));
    met.heard(other, at(3), card("Ann"), is_here, start, 0);
    assert!(names(&met).contains(&"Ann".to_owned()));
    assert_eq!(met.known.len(), MAX_LAN_PEERS);
}

#[test]
fn how_often_others_may_ask_is_bounded() {
    let (mut met, now) = (Met::default(), Instant::now());
    let count = |allowed: bool| u32::from(allowed);
    let peer = PeerId::random();
    let one: u32 = (0..100).map(|_| count(met.may_ask(peer, at(2), now))).sum();
    assert_eq!(one, HELLOS_OF_PEER_A_MINUTE);
    let many: u32 = (0..1000)
        .map(|_| count(met.may_ask(PeerId::random(), at(3), now)))
        .sum();
    assert_eq!(many, HELLOS_OF_ADDRESS_A_MINUTE);
    assert!(met.may_ask(PeerId::random(), at(4), now));
    assert!(met.may_ask(peer, at(2), now + Duration::from_mins(1)));
}
