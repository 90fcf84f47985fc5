//! The ways in which others get here, from the best to the last resort, which of them stand, and
//! why the others don't.
//!
//! Pure: it is given what is known, and says what that means. An address is believed until those
//! who tried it say otherwise: a firewall is the exception, and waiting for testers would keep
//! everybody out for a while at each start.

use libp2p::Multiaddr;

use super::ports::{PortState, Ports};
use crate::address::{self, Scope};
use crate::status::{
    AddressCheck, ReachabilityState, Reason, Relay, RelayState, Rung, RungKind, RungState, Verdict,
};

#[cfg(test)]
mod tests;

/// What is known of how others get here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ladder {
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
    pub(crate) in_grace: bool,
    /// Devices on this network that were seen or are connected.
    pub(crate) nearby: usize,
}

impl Ladder {
    pub(crate) fn reachability(&self) -> ReachabilityState {
        if self.this_machine_only {
            return ReachabilityState::Local;
        }
        if self.is_offline() {
            return ReachabilityState::Offline;
        }
        let [direct, port, relay] = [self.direct(), self.port(), self.relay()];
        for (rung, reach) in [
            (&direct, ReachabilityState::Direct),
            (&port, ReachabilityState::Port),
            (&relay, ReachabilityState::Relay),
        ] {
            if rung.state == RungState::InUse {
                return reach;
            }
        }
        let is_checking = |rung: &Rung| rung.state == RungState::Checking;
        if self.in_grace && [direct, port, relay].iter().any(is_checking) {
            return ReachabilityState::Checking;
        }
        ReachabilityState::Local
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
        self.in_grace && matches!(ports, Some(PortState::Searching | PortState::Off))
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
        if self.in_grace {
            return step(kind, RungState::Checking, Reason::Checking);
        }
        step(kind, RungState::No, Reason::NoRelay)
    }

    fn local(&self) -> Rung {
        let (state, reason) = match self.reachability() {
            _ if self.this_machine_only => (RungState::InUse, Reason::ThisMachineOnly),
            ReachabilityState::Offline => (RungState::No, Reason::Offline),
            _ if self.nearby == 0 && !self.mdns => (RungState::Off, Reason::SwitchedOff),
            ReachabilityState::Local if self.nearby == 0 => {
                (RungState::InUse, Reason::NobodyNearby)
            }
            ReachabilityState::Local => (RungState::InUse, Reason::DevicesNearby),
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
