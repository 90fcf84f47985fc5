//! Decides what is asked of which router, and when: pure, and told the time.
//!
//! Each address of this machine is a [`Line`] of its own: it has one router, and one [`Job`] at a
//! time. The plan knows which addresses have something to open, keeps the lines apart, and says
//! what all of them come to.
//!
//! Invariants: nothing is asked for loopback addresses or for public IPv4 addresses; a port is
//! shown as opened only while a router that is on our network says that it is, at an address that
//! everybody can reach.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use if_watch::IpNet;

use super::{Endpoint, PortState, Ports};
use crate::address::{self, Scope};
use crate::limits::{MAX_PORTS_PER_LINE, MAX_ROUTER_LINES};
use crate::status::{PortProtocol, RouterProblem, Transport};

mod line;
#[cfg(test)]
mod tests;

use line::Line;

/// What is to be done with a line's router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Job {
    /// Find the router of the network that the line's address is on.
    Find,
    /// Open a port, outside the one named if it is free. Asked again for an open port, it stays
    /// open for longer.
    Map { endpoint: Endpoint, external: u16 },
    /// See whether what was opened is open, and under which address.
    Check(Vec<Opened>),
    /// Close a port.
    Unmap(Opened),
}

/// A port that was opened, and its number outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) endpoint: Endpoint,
    pub(super) external: u16,
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Found(Facts),
    NotFound,
    Mapped(Granted),
    /// The router won't open this one, and said so in these words.
    Refused(Endpoint, String),
    Checked {
        external: External,
        /// The router no longer knows these.
        gone: Vec<Endpoint>,
        /// It didn't say whether it does: they are asked for once more.
        unsure: Vec<Endpoint>,
    },
    Unmapped,
    /// The router didn't answer, or nothing that makes sense.
    Lost,
}

/// A router, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) name: Option<String>,
    pub(super) address: IpAddr,
    pub(super) protocol: PortProtocol,
    pub(super) external: External,
}

impl Facts {
    /// Asked in the same way, the same router answers: what it opened, it still knows. PCP is the
    /// successor of NAT-PMP, and which of the two a router speaks shows only when it opens
    /// something.
    fn is_the_same_as(&self, other: &Self) -> bool {
        let is_upnp = |facts: &Self| facts.protocol == PortProtocol::Upnp;
        self.address == other.address && is_upnp(self) == is_upnp(other)
    }
}

/// A router's address as seen from the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum External {
    Is(IpAddr),
    /// It is told with each port that is opened.
    WithEachPort,
    /// The router is connected, and has none that it would name: it is behind another one.
    Hidden,
    /// The router doesn't tell; what it said.
    Untold(String),
}

/// A port that the router opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) opened: Opened,
    /// Its address outside, if not the router's.
    pub(super) ip: Option<IpAddr>,
    /// For how long; none: until it is closed.
    pub(super) lease: Option<Duration>,
    pub(super) protocol: PortProtocol,
}

#[derive(Debug, Default)]
pub(super) struct Plan {
    lines: Vec<(IpAddr, Line)>,
    networks: Vec<IpNet>,
}

impl Plan {
    /// What is listened at, and the networks that this machine is on, as of now.
    pub(super) fn set(&mut self, now: Instant, endpoints: &[Endpoint], networks: Vec<IpNet>) {
        let moved = self.networks != networks;
        self.networks = networks;
        let mut wanted: Vec<(IpAddr, Vec<Endpoint>)> = Vec::new();
        for endpoint in endpoints.iter().filter(|endpoint| is_opened_for(endpoint)) {
            let ip = endpoint.address.ip();
            if !self.is_on_a_network(ip) {
                continue;
            }
            match wanted.iter().position(|(known, _)| *known == ip) {
                Some(place) => {
                    let (_, ports) = &mut wanted[place];
                    if ports.len() < MAX_PORTS_PER_LINE && !ports.contains(endpoint) {
                        ports.push(*endpoint);
                    }
                }
                None if wanted.len() < MAX_ROUTER_LINES => wanted.push((ip, vec![*endpoint])),
                None => {}
            }
        }
        let mut lines = std::mem::take(&mut self.lines);
        for (ip, line) in &mut lines {
            let place = wanted.iter().position(|(known, _)| known == ip);
            let ports = place.map(|place| wanted.remove(place).1);
            line.set(now, ports.unwrap_or_default(), moved);
            // What was opened for it is out of reach, and in another network its router's address
            // may be anybody's.
            if !self.is_on_a_network(*ip) {
                line.abandon();
            }
        }
        let new = wanted
            .into_iter()
            .map(|(ip, ports)| (ip, Line::new(now, ports)));
        lines.extend(new);
        self.lines = lines;
        self.tidy();
    }

    /// Nothing is listened at any more.
    pub(super) fn close(&mut self, now: Instant) {
        self.set(now, &[], self.networks.clone());
    }

    /// What to do now. Each job's outcome is told to [`Plan::done`].
    pub(super) fn next(&mut self, now: Instant) -> Option<(IpAddr, Job)> {
        self.lines
            .iter_mut()
            .find_map(|(ip, line)| line.next(now).map(|job| (*ip, job)))
    }

    /// When [`Plan::next`] has something anew, if nothing happens before.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.lines
            .iter()
            .filter_map(|(_, line)| line.wake_at())
            .min()
    }

    pub(super) fn done(&mut self, now: Instant, ip: IpAddr, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Found(facts) if !self.is_on_our_network(facts.address) => {
                tracing::debug!(router = %facts.address, "a router that isn't on our network is ignored");
                Outcome::NotFound
            }
            outcome => outcome,
        };
        if let Some((_, line)) = self.lines.iter_mut().find(|(known, _)| *known == ip) {
            line.done(now, outcome);
        }
        self.tidy();
    }

    /// The address has something to open or to close still.
    pub(super) fn has(&self, ip: IpAddr) -> bool {
        self.lines.iter().any(|(known, _)| *known == ip)
    }

    /// What the routers do for us.
    pub(super) fn ports(&self) -> Ports {
        // Of equals the first.
        let best = self
            .lines
            .iter()
            .rev()
            .filter(|(_, line)| line.is_wanted())
            .max_by_key(|(_, line)| rank(line.state()));
        let mappings = self.lines.iter().flat_map(|(_, line)| line.mappings());
        Ports {
            state: best.map_or(PortState::Off, |(_, line)| line.state()),
            router: best.and_then(|(_, line)| line.router()),
            mappings: mappings.collect(),
        }
    }

    /// Whoever answered a search may name any address; asking it would be knocking at doors
    /// elsewhere.
    fn is_on_our_network(&self, router: IpAddr) -> bool {
        let link_local = matches!(router, IpAddr::V6(ip) if ip.is_unicast_link_local());
        link_local || self.is_on_a_network(router)
    }

    fn is_on_a_network(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }

    /// Forgets the lines that have nothing left to close, and gives up the oldest when there are
    /// too many.
    fn tidy(&mut self) {
        self.lines.retain(|(_, line)| !line.is_over());
        let surplus = self.lines.len().saturating_sub(2 * MAX_ROUTER_LINES);
        let over = self.lines.iter().filter(|(_, line)| !line.is_wanted());
        let over: Vec<IpAddr> = over.map(|(ip, _)| *ip).take(surplus).collect();
        self.lines.retain(|(ip, _)| !over.contains(ip));
    }
}

/// What of several lines tells the most.
fn rank(state: PortState) -> u8 {
    match state {
        PortState::Opened => 6,
        PortState::Searching => 5,
        PortState::Cgnat => 4,
        PortState::DoubleNat => 3,
        PortState::Refused => 2,
        PortState::NoRouter => 1,
        PortState::Off => 0,
    }
}

/// Behind a router: a private IPv4 address that its NAT hides, or an IPv6 address that its firewall
/// does.
fn is_opened_for(endpoint: &Endpoint) -> bool {
    let ip = endpoint.address.ip();
    let hidden = match ip {
        IpAddr::V4(v4) => scope(ip) == Scope::Private && !v4.is_link_local(),
        IpAddr::V6(_) => scope(ip) == Scope::Public,
    };
    hidden && endpoint.address.port() != 0 && endpoint.transport != Transport::Other
}

/// What is wrong with an address that a router says others see; nothing, if everybody can reach it.
fn trouble(external: IpAddr) -> Option<RouterProblem> {
    match (external, scope(external)) {
        (_, Scope::Public) => None,
        // RFC 6598; and 192.0.0.0/29 is where a DS-Lite line ends, whose IPv4 the provider
        // translates (RFC 6333).
        (IpAddr::V4(ip), _) if matches!(ip.octets(), [100, 64..=127, ..] | [192, 0, 0, 0..=7]) => {
            Some(RouterProblem::Cgnat)
        }
        (_, Scope::Private) => Some(RouterProblem::DoubleNat),
        (_, Scope::Loopback | Scope::Never) => Some(RouterProblem::NoExternalAddress),
    }
}

fn scope(ip: IpAddr) -> Scope {
    address::scope(&ip.into())
}
