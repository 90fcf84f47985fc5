//! Each way in which others get here, with its state and its reason.

use std::time::Instant;

use libp2p::PeerId;

use super::*;
use crate::status::{Mapping, PortProtocol, Router, Transport};

fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn found(text: &str, by: RungKind, verdict: Verdict) -> AddressCheck {
    AddressCheck {
        address: text.parse().unwrap(),
        by,
        verdict,
        tries: 1,
    }
}

/// At home behind a router that does nothing, with everything switched on.
fn home() -> Ladder {
    Ladder {
        mdns: true,
        listen: addresses(&["/ip4/192.168.1.5/tcp/4801"]),
        ports: Some(ports(PortState::NoRouter)),
        relays: Some(Vec::new()),
        ..Ladder::default()
    }
}

fn ports(state: PortState) -> Ports {
    let router = Router {
        name: Some("Box".to_owned()),
        address: "192.168.1.1".parse().unwrap(),
        protocol: PortProtocol::Upnp,
        external: Some("100.64.0.9".parse().unwrap()),
        problem: None,
        words: None,
    };
    let mapping = Mapping {
        transport: Transport::Tcp,
        internal: "192.168.1.5:4801".parse().unwrap(),
        external: "8.8.8.8:4801".parse().unwrap(),
        expires: Instant::now(),
    };
    Ports {
        state,
        router: Some(router),
        mappings: if state == PortState::Opened {
            vec![mapping]
        } else {
            Vec::new()
        },
    }
}

fn relay(state: RelayState) -> Vec<Relay> {
    vec![Relay {
        peer: PeerId::random(),
        address: "/ip4/8.8.4.4/tcp/1".parse().ok(),
        state,
        chosen: false,
    }]
}

fn check(ladder: &Ladder, expected_state: ReachabilityState, expected: [(RungState, Reason); 4]) {
    let rungs = ladder.rungs();
    let kinds: Vec<_> = rungs.iter().map(|rung| rung.kind).collect();
    let order = [
        RungKind::Direct,
        RungKind::Port,
        RungKind::Relay,
        RungKind::Local,
    ];
    assert_eq!(kinds, order);
    let found: Vec<_> = rungs.iter().map(|rung| (rung.state, rung.reason)).collect();
    assert_eq!(found, expected, "{ladder:?}");
    assert_eq!(ladder.reachability(), expected_state, "{ladder:?}");
}

use RungState::{Checking, InUse, No, Off, Ready};

const NO_ADDRESS: (RungState, Reason) = (No, Reason::NoPublicAddress);
const NOBODY: (RungState, Reason) = (Ready, Reason::NobodyNearby);

#[test]
fn a_public_address_is_believed_until_those_who_tried_say_no() {
    let server = "/ip4/8.8.8.8/tcp/4801";
    let mut ladder = Ladder {
        listen: addresses(&[server]),
        ..home()
    };
    for verdict in [Verdict::Unknown, Verdict::Checking, Verdict::Yes] {
        ladder.findings = vec![found(server, RungKind::Direct, verdict)];
        let direct = (InUse, Reason::PublicAddress);
        check(
            &ladder,
            ReachabilityState::Direct,
            [
                direct,
                (Off, Reason::NotNeeded),
                (Off, Reason::NotNeeded),
                NOBODY,
            ],
        );
        assert_eq!(ladder.rungs()[0].detail.as_deref(), Some("8.8.8.8"));
    }
    ladder.findings = vec![found(server, RungKind::Direct, Verdict::No)];
    let rungs = [
        (No, Reason::NotConfirmed),
        (No, Reason::NoRouter),
        (No, Reason::NoRelay),
        (InUse, Reason::NobodyNearby),
    ];
    check(&ladder, ReachabilityState::Local, rungs);
    assert!(ladder.needs_relay());
}

#[test]
fn an_address_that_only_others_see_counts_once_somebody_got_through() {
    let seen = |verdict| Ladder {
        findings: vec![found("/ip4/8.8.8.8/tcp/4801", RungKind::Direct, verdict)],
        in_grace: true,
        ..home()
    };
    let rest = [(No, Reason::NoRouter), (Checking, Reason::Checking), NOBODY];
    check(
        &seen(Verdict::Checking),
        ReachabilityState::Checking,
        [(Checking, Reason::Checking), rest[0], rest[1], rest[2]],
    );
    check(
        &seen(Verdict::No),
        ReachabilityState::Checking,
        [NO_ADDRESS, rest[0], rest[1], rest[2]],
    );
    let others = [(Off, Reason::NotNeeded), (Off, Reason::NotNeeded), NOBODY];
    check(
        &seen(Verdict::Yes),
        ReachabilityState::Direct,
        [
            (InUse, Reason::PublicAddress),
            others[0],
            others[1],
            others[2],
        ],
    );
}

#[test]
fn each_thing_that_a_router_does_has_its_reason() {
    for (state, reason, detail) in [
        (PortState::NoRouter, Reason::NoRouter, None),
        (PortState::Refused, Reason::Refused, Some("Box")),
        (PortState::DoubleNat, Reason::DoubleNat, Some("100.64.0.9")),
        (PortState::Cgnat, Reason::Cgnat, Some("100.64.0.9")),
    ] {
        let ladder = Ladder {
            ports: Some(ports(state)),
            ..home()
        };
        let rungs = [
            NO_ADDRESS,
            (No, reason),
            (No, Reason::NoRelay),
            (InUse, Reason::NobodyNearby),
        ];
        check(&ladder, ReachabilityState::Local, rungs);
        assert_eq!(ladder.rungs()[1].detail.as_deref(), detail);
    }
    let off = Ladder {
        ports: None,
        relays: None,
        ..home()
    };
    let rungs = [
        NO_ADDRESS,
        (Off, Reason::SwitchedOff),
        (Off, Reason::SwitchedOff),
        (InUse, Reason::NobodyNearby),
    ];
    check(&off, ReachabilityState::Local, rungs);
    let mut opened = Ladder {
        ports: Some(ports(PortState::Opened)),
        ..home()
    };
    let rungs = [
        NO_ADDRESS,
        (InUse, Reason::Opened),
        (Off, Reason::NotNeeded),
        NOBODY,
    ];
    check(&opened, ReachabilityState::Port, rungs);
    assert!(!opened.needs_relay());
    opened.findings = vec![found("/ip4/8.8.8.8/tcp/4801", RungKind::Port, Verdict::No)];
    let rungs = [
        NO_ADDRESS,
        (No, Reason::NotConfirmed),
        (No, Reason::NoRelay),
        (InUse, Reason::NobodyNearby),
    ];
    check(&opened, ReachabilityState::Local, rungs);
    let fresh = Ladder {
        ports: Some(ports(PortState::Searching)),
        in_grace: true,
        ..home()
    };
    let rungs = [
        NO_ADDRESS,
        (Checking, Reason::Checking),
        (Checking, Reason::Checking),
        NOBODY,
    ];
    check(&fresh, ReachabilityState::Checking, rungs);
    assert!(!fresh.needs_relay());
}

#[test]
fn relays_come_last_and_say_when_holes_cannot_be_punched() {
    let with = |state, symmetric| Ladder {
        relays: Some(relay(state)),
        symmetric,
        ..home()
    };
    for (ladder, expected_state, expected, local) in [
        (
            with(RelayState::Reserved, false),
            ReachabilityState::Relay,
            (InUse, Reason::Relayed),
            NOBODY,
        ),
        (
            with(RelayState::Reserved, true),
            ReachabilityState::Relay,
            (InUse, Reason::SymmetricNat),
            NOBODY,
        ),
        (
            with(RelayState::Refused, false),
            ReachabilityState::Local,
            (No, Reason::Refused),
            (InUse, Reason::NobodyNearby),
        ),
        (
            with(RelayState::Asking, false),
            ReachabilityState::Local,
            (Checking, Reason::Checking),
            (InUse, Reason::NobodyNearby),
        ),
    ] {
        check(
            &ladder,
            expected_state,
            [NO_ADDRESS, (No, Reason::NoRouter), expected, local],
        );
        assert!(ladder.needs_relay());
    }
}

#[test]
fn without_a_network_nothing_is_possible() {
    let off = Ladder {
        listen: addresses(&["/ip4/127.0.0.1/tcp/1"]),
        ..home()
    };
    let offline = (No, Reason::Offline);
    check(&off, ReachabilityState::Offline, [offline; 4]);
    let alone = Ladder {
        this_machine_only: true,
        ..off
    };
    let machine = (No, Reason::ThisMachineOnly);
    check(
        &alone,
        ReachabilityState::Local,
        [machine, machine, machine, (InUse, Reason::ThisMachineOnly)],
    );
    let seen = Ladder {
        nearby: 2,
        ..home()
    };
    assert_eq!(seen.rungs()[3].reason, Reason::DevicesNearby);
}
