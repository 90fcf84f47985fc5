//! The addresses that others are asked to try, and those that they are told.

use std::collections::BTreeSet;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use super::ports::{Endpoint, PortState};
use super::{Here, Reachability};
use crate::address::{self, Scope, is_relayed};
use crate::status::{AddressCheck, Mapping, RungKind, Transport, Verdict};

impl Reachability {
    /// The addresses that others are asked to try.
    pub(super) fn subjects(&self, here: &Here) -> Vec<(Multiaddr, RungKind)> {
        if self.this_machine_only {
            return Vec::new();
        }
        let is_public =
            |address: &Multiaddr| address::scope(address) == Scope::Public && !is_relayed(address);
        let own = here.listeners.iter().filter(|address| is_public(address));
        let own = own.map(|address| (address.clone(), RungKind::Direct));
        let mapped = self.mapped().into_iter();
        let mapped = mapped.map(|address| (address, RungKind::Port));
        let mut subjects: Vec<(Multiaddr, RungKind)> = own.chain(mapped).collect();
        for address in self.observed.candidates(&here.listeners) {
            if is_public(&address) && !subjects.iter().any(|(known, _)| *known == address) {
                subjects.push((address, RungKind::Direct));
            }
        }
        subjects
    }

    /// The addresses that others are told: those that stand by themselves, those that a router
    /// opened, those at which a server got through; but none at which all tries failed. Relays tell
    /// theirs by themselves.
    pub(super) fn external(&self, here: &Here) -> BTreeSet<Multiaddr> {
        let findings = self.probe.findings();
        let is_closed = |address: &Multiaddr| {
            let is_it = |finding: &&AddressCheck| finding.address == *address;
            let finding = findings.iter().find(is_it);
            finding.is_some_and(|finding| finding.verdict == Verdict::No)
        };
        let stands = |address: &&Multiaddr| match address::scope(address) {
            Scope::Public => true,
            Scope::Private => self.policy.is_private(),
            Scope::Loopback => self.policy.is_local_only(),
            Scope::Never => false,
        };
        let own = here.own().filter(stands).cloned();
        let mut external: BTreeSet<Multiaddr> = own.chain(self.mapped()).collect();
        external.retain(|address| !is_closed(address));
        let reached = findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Yes);
        external.extend(reached.map(|finding| finding.address.clone()));
        external
    }

    /// Where a router passes on to us.
    fn mapped(&self) -> Vec<Multiaddr> {
        let Some(ports) = self.ports() else {
            return Vec::new();
        };
        if ports.state != PortState::Opened {
            return Vec::new();
        }
        let address = |mapping: &Mapping| {
            let place = Multiaddr::from(mapping.external.ip());
            let port = mapping.external.port();
            match mapping.transport {
                Transport::Tcp => place.with(Protocol::Tcp(port)),
                _ => place.with(Protocol::Udp(port)).with(Protocol::QuicV1),
            }
        };
        ports.mappings.iter().map(address).collect()
    }
}

/// What a router would be asked to open, so that others get to this address.
pub(super) fn endpoint(address: &Multiaddr) -> Option<Endpoint> {
    let ip = address::ip(address)?;
    let port = address.iter().find_map(|part| match part {
        Protocol::Tcp(port) | Protocol::Udp(port) => Some(port),
        _ => None,
    })?;
    let is_open = matches!(address::scope(address), Scope::Private | Scope::Public);
    is_open.then(|| Endpoint {
        transport: Transport::of(address),
        address: (ip, port).into(),
    })
}
