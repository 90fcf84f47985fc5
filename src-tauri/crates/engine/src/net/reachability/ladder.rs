//! The ways in which others get here, from the best to the last resort, which of them stand, and why the others don't.
//!
//! Pure: the actor says what it sees, this says what it means. An address is believed until those who tried it say otherwise: a
//! firewall is the exception, and waiting for testers would keep everybody out for a while at each start.

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use super::ports::{PortState, Ports};
use crate::net::address::{self, Scope};
use crate::net::status::{
    AddressCheck, Reachability, Reason, Relay, RelayState, Rung, RungKind, RungState, Verdict,
};

/// What the actor sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ground {
    /// Nothing leaves this machine, or nothing is listened at that others could reach.
    pub(crate) this_machine_only: bool,
    /// Devices on this network are looked for.
    pub(crate) mdns: bool,
    /// Where connections are accepted.
    pub(crate) listen: Vec<Multiaddr>,
    /// What is known of the addresses at which others might get here straight.
    pub(crate) findings: Vec<AddressCheck>,
    /// What routers do for us; `None`: they are not asked.
    pub(crate) ports: Option<Ports>,
    /// Relays that were asked; `None`: none is used.
    pub(crate) relays: Option<Vec<Relay>>,
    /// The router gives each connection another port.
    pub(crate) symmetric: bool,
    /// It has just begun: what isn't there yet may come.
    pub(crate) young: bool,
    /// Devices on this network that were seen or are connected.
    pub(crate) nearby: usize,
}

impl Ground {
    pub(crate) fn reachability(&self) -> Reachability {
        if self.this_machine_only {
            return Reachability::Local;
        }
        if self.is_offline() {
            return Reachability::Offline;
        }
        let [direct, port, relay] = [self.direct(), self.port(), self.relay()];
        for (rung, reach) in [
            (&direct, Reachability::Direct),
            (&port, Reachability::Port),
            (&relay, Reachability::Relay),
        ] {
            if rung.state == RungState::InUse {
                return reach;
            }
        }
        let is_checking = |rung: &Rung| rung.state == RungState::Checking;
        if self.young && [direct, port, relay].iter().any(is_checking) {
            return Reachability::Checking;
        }
        Reachability::Local
    }

    /// Always four, in the order of the ladder.
    pub(crate) fn rungs(&self) -> Vec<Rung> {
        vec![self.direct(), self.port(), self.relay(), self.local()]
    }

    /// Nobody can connect straight, as far as is known.
    pub(crate) fn needs_relay(&self) -> bool {
        !self.this_machine_only && !self.is_offline() && !self.is_straight() && !self.is_searching()
    }

    fn is_offline(&self) -> bool {
        let on_network =
            |address: &Multiaddr| matches!(address::scope(address), Scope::Private | Scope::Public);
        !self.listen.iter().any(on_network)
    }

    fn is_straight(&self) -> bool {
        [self.direct(), self.port()]
            .iter()
            .any(|rung| rung.state == RungState::InUse)
    }

    /// A router may still open a port; it answers within seconds or not at all.
    fn is_searching(&self) -> bool {
        let ports = self.ports.as_ref().map(|ports| ports.state);
        self.young && matches!(ports, Some(PortState::Searching | PortState::Off))
    }

    /// The reason that holds for each rung but the last, if one does.
    fn nowhere(&self, rung: RungKind) -> Option<Rung> {
        if self.this_machine_only {
            return Some(step(rung, RungState::No, Reason::ThisMachineOnly));
        }
        self.is_offline()
            .then(|| step(rung, RungState::No, Reason::Offline))
    }

    fn direct(&self) -> Rung {
        let kind = RungKind::Direct;
        if let Some(nowhere) = self.nowhere(kind) {
            return nowhere;
        }
        let own = |finding: &&AddressCheck| finding.by == kind;
        let listens = |finding: &AddressCheck| self.listen.contains(&finding.address);
        let stands = |finding: &&AddressCheck| match finding.verdict {
            Verdict::Yes => true,
            Verdict::No => false,
            Verdict::Unknown | Verdict::Checking => listens(finding),
        };
        let findings = || self.findings.iter().filter(own);
        if let Some(best) = findings().find(stands) {
            let detail = address::ip(&best.address).map(|ip| ip.to_string());
            return Rung {
                detail,
                ..step(kind, RungState::InUse, Reason::PublicAddress)
            };
        }
        if let Some(closed) = findings().find(|finding| listens(finding)) {
            let detail = address::ip(&closed.address).map(|ip| ip.to_string());
            return Rung {
                detail,
                ..step(kind, RungState::No, Reason::NotConfirmed)
            };
        }
        if findings().any(|finding| finding.verdict == Verdict::Checking) {
            return step(kind, RungState::Checking, Reason::Checking);
        }
        step(kind, RungState::No, Reason::NoPublicAddress)
    }

    fn port(&self) -> Rung {
        let kind = RungKind::Port;
        if let Some(nowhere) = self.nowhere(kind) {
            return nowhere;
        }
        let Some(ports) = &self.ports else {
            return step(kind, RungState::Off, Reason::SwitchedOff);
        };
        let is_direct = self.direct().state == RungState::InUse;
        let router = ports.router.as_ref();
        let name = || router.and_then(|router| router.name.clone());
        let address = || router.map(|router| router.address.to_string());
        let name = || name().or_else(address);
        let external = || Some(router?.external?.to_string());
        let (state, reason, detail) = match ports.state {
            PortState::Opened => {
                let mut opened = self.findings.iter().filter(|finding| finding.by == kind);
                let is_closed = opened.clone().next().is_some()
                    && opened.all(|finding| finding.verdict == Verdict::No);
                let external = ports.mappings.first().map(|mapping| mapping.external);
                let detail = external.map(|external| external.to_string());
                match (is_closed, is_direct) {
                    (true, _) => (RungState::No, Reason::NotConfirmed, detail),
                    (false, true) => (RungState::Ready, Reason::Opened, detail),
                    (false, false) => (RungState::InUse, Reason::Opened, detail),
                }
            }
            _ if is_direct => (RungState::Off, Reason::NotNeeded, None),
            PortState::Off | PortState::Searching => (RungState::Checking, Reason::Checking, None),
            PortState::NoRouter => (RungState::No, Reason::NoRouter, None),
            PortState::Refused => (RungState::No, Reason::Refused, name()),
            PortState::DoubleNat => (RungState::No, Reason::DoubleNat, external()),
            PortState::Cgnat => (RungState::No, Reason::Cgnat, external()),
        };
        Rung {
            detail,
            ..step(kind, state, reason)
        }
    }

    fn relay(&self) -> Rung {
        let kind = RungKind::Relay;
        if let Some(nowhere) = self.nowhere(kind) {
            return nowhere;
        }
        let Some(relays) = &self.relays else {
            return step(kind, RungState::Off, Reason::SwitchedOff);
        };
        if self.is_straight() {
            return step(kind, RungState::Off, Reason::NotNeeded);
        }
        let in_state = |state| relays.iter().find(|relay| relay.state == state);
        if let Some(relay) = in_state(RelayState::Reserved) {
            let reason = if self.symmetric {
                Reason::SymmetricNat
            } else {
                Reason::Relayed
            };
            return Rung {
                detail: Some(relay.peer.to_string()),
                ..step(kind, RungState::InUse, reason)
            };
        }
        if in_state(RelayState::Asking).is_some() {
            return step(kind, RungState::Checking, Reason::Checking);
        }
        if let Some(relay) = in_state(RelayState::Refused) {
            return Rung {
                detail: Some(relay.peer.to_string()),
                ..step(kind, RungState::No, Reason::Refused)
            };
        }
        if self.young {
            return step(kind, RungState::Checking, Reason::Checking);
        }
        step(kind, RungState::No, Reason::NoRelay)
    }

    fn local(&self) -> Rung {
        let (state, reason) = match self.reachability() {
            _ if self.this_machine_only => (RungState::InUse, Reason::ThisMachineOnly),
            Reachability::Offline => (RungState::No, Reason::Offline),
            _ if self.nearby == 0 && !self.mdns => (RungState::Off, Reason::SwitchedOff),
            Reachability::Local if self.nearby == 0 => (RungState::InUse, Reason::NobodyNearby),
            Reachability::Local => (RungState::InUse, Reason::DevicesNearby),
            _ if self.nearby == 0 => (RungState::Ready, Reason::NobodyNearby),
            _ => (RungState::Ready, Reason::DevicesNearby),
        };
        step(RungKind::Local, state, reason)
    }
}

fn step(kind: RungKind, state: RungState, reason: Reason) -> Rung {
    Rung {
        kind,
        state,
        reason,
        detail: None,
    }
}

/// It leads over a relay.
pub(crate) fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use libp2p::PeerId;

    use super::*;
    use crate::net::status::{Mapping, PortProtocol, Router, Transport};

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
    fn home() -> Ground {
        Ground {
            mdns: true,
            listen: addresses(&["/ip4/192.168.1.5/tcp/4801"]),
            ports: Some(ports(PortState::NoRouter)),
            relays: Some(Vec::new()),
            ..Ground::default()
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

    fn check(ground: &Ground, reach: Reachability, expected: [(RungState, Reason); 4]) {
        let rungs = ground.rungs();
        let kinds: Vec<_> = rungs.iter().map(|rung| rung.kind).collect();
        let order = [
            RungKind::Direct,
            RungKind::Port,
            RungKind::Relay,
            RungKind::Local,
        ];
        assert_eq!(kinds, order);
        let found: Vec<_> = rungs.iter().map(|rung| (rung.state, rung.reason)).collect();
        assert_eq!(found, expected, "{ground:?}");
        assert_eq!(ground.reachability(), reach, "{ground:?}");
    }

    use RungState::{Checking, InUse, No, Off, Ready};

    const NO_ADDRESS: (RungState, Reason) = (No, Reason::NoPublicAddress);
    const NOBODY: (RungState, Reason) = (Ready, Reason::NobodyNearby);

    #[test]
    fn a_public_address_is_believed_until_those_who_tried_say_no() {
        let server = "/ip4/8.8.8.8/tcp/4801";
        let mut ground = Ground {
            listen: addresses(&[server]),
            ..home()
        };
        for verdict in [Verdict::Unknown, Verdict::Checking, Verdict::Yes] {
            ground.findings = vec![found(server, RungKind::Direct, verdict)];
            let direct = (InUse, Reason::PublicAddress);
            check(
                &ground,
                Reachability::Direct,
                [
                    direct,
                    (Off, Reason::NotNeeded),
                    (Off, Reason::NotNeeded),
                    NOBODY,
                ],
            );
            assert_eq!(ground.rungs()[0].detail.as_deref(), Some("8.8.8.8"));
        }
        ground.findings = vec![found(server, RungKind::Direct, Verdict::No)];
        let rungs = [
            (No, Reason::NotConfirmed),
            (No, Reason::NoRouter),
            (No, Reason::NoRelay),
            (InUse, Reason::NobodyNearby),
        ];
        check(&ground, Reachability::Local, rungs);
        assert!(ground.needs_relay());
    }

    #[test]
    fn an_address_that_only_others_see_counts_once_somebody_got_through() {
        let seen = |verdict| Ground {
            findings: vec![found("/ip4/8.8.8.8/tcp/4801", RungKind::Direct, verdict)],
            young: true,
            ..home()
        };
        let rest = [(No, Reason::NoRouter), (Checking, Reason::Checking), NOBODY];
        check(
            &seen(Verdict::Checking),
            Reachability::Checking,
            [(Checking, Reason::Checking), rest[0], rest[1], rest[2]],
        );
        check(
            &seen(Verdict::No),
            Reachability::Checking,
            [NO_ADDRESS, rest[0], rest[1], rest[2]],
        );
        let others = [(Off, Reason::NotNeeded), (Off, Reason::NotNeeded), NOBODY];
        check(
            &seen(Verdict::Yes),
            Reachability::Direct,
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
            let ground = Ground {
                ports: Some(ports(state)),
                ..home()
            };
            let rungs = [
                NO_ADDRESS,
                (No, reason),
                (No, Reason::NoRelay),
                (InUse, Reason::NobodyNearby),
            ];
            check(&ground, Reachability::Local, rungs);
            assert_eq!(ground.rungs()[1].detail.as_deref(), detail);
        }
        let off = Ground {
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
        check(&off, Reachability::Local, rungs);
        let mut opened = Ground {
            ports: Some(ports(PortState::Opened)),
            ..home()
        };
        let rungs = [
            NO_ADDRESS,
            (InUse, Reason::Opened),
            (Off, Reason::NotNeeded),
            NOBODY,
        ];
        check(&opened, Reachability::Port, rungs);
        assert!(!opened.needs_relay());
        opened.findings = vec![found("/ip4/8.8.8.8/tcp/4801", RungKind::Port, Verdict::No)];
        let rungs = [
            NO_ADDRESS,
            (No, Reason::NotConfirmed),
            (No, Reason::NoRelay),
            (InUse, Reason::NobodyNearby),
        ];
        check(&opened, Reachability::Local, rungs);
        let young = Ground {
            ports: Some(ports(PortState::Searching)),
            young: true,
            ..home()
        };
        let rungs = [
            NO_ADDRESS,
            (Checking, Reason::Checking),
            (Checking, Reason::Checking),
            NOBODY,
        ];
        check(&young, Reachability::Checking, rungs);
        assert!(!young.needs_relay());
    }

    #[test]
    fn relays_come_last_and_say_when_holes_cannot_be_punched() {
        let with = |state, symmetric| Ground {
            relays: Some(relay(state)),
            symmetric,
            ..home()
        };
        for (ground, reach, expected, local) in [
            (
                with(RelayState::Reserved, false),
                Reachability::Relay,
                (InUse, Reason::Relayed),
                NOBODY,
            ),
            (
                with(RelayState::Reserved, true),
                Reachability::Relay,
                (InUse, Reason::SymmetricNat),
                NOBODY,
            ),
            (
                with(RelayState::Refused, false),
                Reachability::Local,
                (No, Reason::Refused),
                (InUse, Reason::NobodyNearby),
            ),
            (
                with(RelayState::Asking, false),
                Reachability::Local,
                (Checking, Reason::Checking),
                (InUse, Reason::NobodyNearby),
            ),
        ] {
            check(
                &ground,
                reach,
                [NO_ADDRESS, (No, Reason::NoRouter), expected, local],
            );
            assert!(ground.needs_relay());
        }
    }

    #[test]
    fn without_a_network_nothing_is_possible() {
        let off = Ground {
            listen: addresses(&["/ip4/127.0.0.1/tcp/1"]),
            ..home()
        };
        let offline = (No, Reason::Offline);
        check(&off, Reachability::Offline, [offline; 4]);
        let alone = Ground {
            this_machine_only: true,
            ..off
        };
        let machine = (No, Reason::ThisMachineOnly);
        check(
            &alone,
            Reachability::Local,
            [machine, machine, machine, (InUse, Reason::ThisMachineOnly)],
        );
        let seen = Ground {
            nearby: 2,
            ..home()
        };
        assert_eq!(seen.rungs()[3].reason, Reason::DevicesNearby);
    }
}
