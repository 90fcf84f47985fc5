//! How others get here, and why not: which of our addresses they can reach, the ports that routers
//! open, relays and their reservations, and hole punching.
//!
//! [`Reachability`] owns what is known of it. It is told what happened, and answers with [`Step`]s
//! for the task that owns the swarm. Whatever was told, what follows from it stands in one place:
//! [`Reachability::changed`].
//!
//! | file | owns |
//! |---|---|
//! | `told` | what [`Reachability`] is told, and what follows from each |
//! | `external` | the addresses that others are asked to try, and those that they are told |
//! | `checks` | tests that somebody waits for |
//! | `probe` `autonat` | which of our addresses others can reach, as others who tried them say |
//! | `dial_back` | others' addresses are tried for them, as far as that is nobody's harm |
//! | `punch` | hole punching, as often as that is nobody's harm |
//! | `observed` `candidates` | where others see us |
//! | `ports` | ports that are kept open on this network's routers |
//! | `relays` | reservations with relays, while no direct connection gets in |
//! | `ladder` | the ways in which others get here, and why the other ways fail |

pub(super) mod autonat;
pub(super) mod candidates;
mod checks;
pub(super) mod dial_back;
mod external;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod ladder;
mod observed;
mod ports;
mod probe;
pub(super) mod punch;
mod relays;
#[cfg(test)]
mod tests;
mod told;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use libp2p::core::transport::ListenerId;
use libp2p::request_response::OutboundRequestId;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::watch;

use self::autonat::DialRequest;
use self::checks::Checks;
use self::ladder::Ladder;
use self::observed::Observed;
use self::ports::{PortMapper, Ports};
use self::probe::Probe;
use self::relays::Relays;
pub(super) use self::told::Observer;
use crate::address::{self, DialPolicy};
use crate::config::RelayConfig;
use crate::status::{AddressCheck, RungKind, Verdict};

/// The grace period after a start or a change of networks, in which an address, a port or a relay
/// may still come before its absence is told.
const GRACE: Duration = Duration::from_secs(12);

/// What is known of how others get here, and who is asked about it.
#[derive(Debug)]
pub(crate) struct Reachability {
    policy: DialPolicy,
    /// Others could reach nothing that we listen at.
    this_machine_only: bool,
    /// End of the grace period: until then an address, a port or a relay that is missing may still
    /// come.
    grace_until: Option<Instant>,
    probe: Probe,
    /// The numbers of questions to other peers that are under way.
    probing: HashMap<OutboundRequestId, u64>,
    observed: Observed,
    /// Where others are told to come, but for relays.
    external: BTreeSet<Multiaddr>,
    /// None: routers are not asked.
    ports: Option<OpenPorts>,
    relays: Relays,
    uses_relays: bool,
    /// Second connections to relays, opened only so that the relay says from which address it sees
    /// them.
    observing: HashSet<ConnectionId>,
    /// Strangers that hold a reservation with our relay service.
    relay_clients: HashSet<PeerId>,
    checks: Checks,
}

/// What [`Reachability`] can't know by itself, as it is now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Here {
    /// Where connections are accepted, through relays too.
    pub(crate) listeners: Vec<Multiaddr>,
    /// Addresses through relays at which others are told to come.
    pub(crate) relayed: Vec<Multiaddr>,
    /// Devices on this network are looked for.
    pub(crate) mdns: bool,
    /// Devices on this network that were seen or are connected.
    pub(crate) nearby: usize,
}

impl Here {
    /// Where connections are accepted straight.
    fn own(&self) -> impl Iterator<Item = &Multiaddr> {
        let own = self.listeners.iter();
        own.filter(|address| !address::is_relayed(address))
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Ask a server to dial an address of ours, and tell [`Reachability::probing`].
    Probe {
        server: PeerId,
        request: DialRequest,
    },
    /// Others see us there: holes may be punched from it.
    Candidate(Multiaddr),
    /// Tell others to come there.
    AddExternal(Multiaddr),
    /// Tell others no more to come there.
    RemoveExternal(Multiaddr),
    /// Others are told other addresses now: the DHT's mode and announcements follow.
    ExternalChanged,
    /// Devices of this network reach us where we listen now.
    TellDevices,
    /// Listen at a relay, and tell [`Reachability::relay_asked`].
    AskRelay {
        relay: PeerId,
        address: Multiaddr,
    },
    /// Dial a relay once more, at one of these, so that it observes our address over that
    /// transport, too; and tell [`Reachability::observing`].
    Observe {
        relay: PeerId,
        addresses: Vec<Multiaddr>,
    },
    Close(ConnectionId),
    Disconnect(PeerId),
    /// How others get here may be another way now.
    TellSummary,
}

/// The task that asks routers for ports, and what came of it.
#[derive(Debug)]
struct OpenPorts {
    mapper: PortMapper,
    state: watch::Receiver<Ports>,
}

impl Reachability {
    pub(crate) fn new(
        policy: DialPolicy,
        this_machine_only: bool,
        relays: &RelayConfig,
        now: Instant,
    ) -> Self {
        let mut reachability = Self {
            policy,
            this_machine_only,
            grace_until: Some(now + GRACE),
            probe: Probe::default(),
            probing: HashMap::new(),
            observed: Observed::default(),
            external: BTreeSet::new(),
            ports: None,
            relays: Relays::default(),
            uses_relays: false,
            observing: HashSet::new(),
            relay_clients: HashSet::new(),
            checks: Checks::default(),
        };
        reachability.use_relays(relays);
        reachability
    }

    /// Something about how others get here has changed, or may have: all that follows from it, in
    /// this order.
    pub(crate) fn changed(&mut self, here: &Here, now: Instant) -> Vec<Step> {
        self.probe.set_subjects(self.subjects(here), now);
        let mut steps = self.probes();
        steps.extend(self.tell_external(here));
        steps.push(Step::TellDevices);
        steps.extend(self.relay_steps(here, now));
        steps.push(Step::TellSummary);
        self.finish_checks(here, now);
        steps
    }

    /// Questions to other peers that may be asked now.
    fn probes(&mut self) -> Vec<Step> {
        let asked = std::iter::from_fn(|| self.probe.next(rand::random()));
        let step = |(server, request)| Step::Probe { server, request };
        asked.map(step).collect()
    }

    /// Tells others what changed in the list of addresses at which they can get here.
    fn tell_external(&mut self, here: &Here) -> Vec<Step> {
        let external = self.external(here);
        if external == self.external {
            return Vec::new();
        }
        let gone = self.external.difference(&external).cloned();
        let mut steps: Vec<Step> = gone.map(Step::RemoveExternal).collect();
        let new = external.difference(&self.external).cloned();
        steps.extend(new.map(Step::AddExternal));
        steps.push(Step::ExternalChanged);
        self.external = external;
        steps
    }

    fn relay_steps(&mut self, here: &Here, now: Instant) -> Vec<Step> {
        let needed = self.uses_relays && self.ladder(here).needs_relay();
        let step = |step| match step {
            relays::Step::Ask { peer, address } => Step::AskRelay {
                relay: peer,
                address,
            },
            relays::Step::Leave { peer } => Step::Disconnect(peer),
        };
        let steps = self.relays.steps(needed, now).into_iter();
        steps.map(step).collect()
    }

    /// What there is to be said of how others get here.
    pub(crate) fn ladder(&self, here: &Here) -> Ladder {
        Ladder {
            this_machine_only: self.this_machine_only,
            mdns: here.mdns,
            listen: here.own().cloned().collect(),
            findings: self.probe.findings(),
            ports: self.ports(),
            relays: self.uses_relays.then(|| self.relays.statuses()),
            symmetric: self.observed.is_symmetric(),
            in_grace: self.grace_until.is_some(),
            nearby: here.nearby,
        }
    }

    /// What is known of each address at which others might get here.
    pub(crate) fn address_checks(&self, here: &Here) -> Vec<AddressCheck> {
        let mut checks = self.probe.findings();
        checks.extend(here.relayed.iter().map(|address| AddressCheck {
            address: address.clone(),
            by: RungKind::Relay,
            // The relay itself said so.
            verdict: Verdict::Yes,
            tries: 0,
        }));
        checks
    }

    /// Something will be to do by itself.
    pub(crate) fn has_timers(&self) -> bool {
        self.grace_until.is_some() || self.checks.is_waited_for() || self.relays.is_waiting()
    }

    pub(crate) fn is_this_machine_only(&self) -> bool {
        self.this_machine_only
    }

    /// The peer passes connections on to us, or may soon.
    pub(crate) fn uses_relay(&self, peer: &PeerId) -> bool {
        self.relays.is_in_use(peer)
    }

    /// A question is under way.
    pub(crate) fn probing(&mut self, id: OutboundRequestId, nonce: u64) {
        self.probing.insert(id, nonce);
    }

    /// A relay is asked; `None`: it could not even be.
    pub(crate) fn relay_asked(
        &mut self,
        relay: &PeerId,
        listener: Option<ListenerId>,
        now: Instant,
    ) {
        self.relays.asked(relay, listener, now);
    }

    /// A relay is dialled a second time, to observe our address.
    pub(crate) fn observing(&mut self, connection: ConnectionId) {
        self.observing.insert(connection);
    }

    fn ports(&self) -> Option<Ports> {
        let ports = self.ports.as_ref()?;
        Some(ports.state.borrow().clone())
    }

    /// A router did something for us, or does it no more; never, if none is asked.
    pub(crate) async fn ports_changed(&mut self) -> bool {
        match &mut self.ports {
            Some(ports) => ports.state.changed().await.is_ok(),
            None => std::future::pending().await,
        }
    }

    /// As if the task that keeps them open had broken.
    #[cfg(debug_assertions)]
    pub(crate) fn break_ports(&self) {
        if let Some(ports) = &self.ports {
            ports.mapper.break_off();
        }
    }

    /// Nothing is opened any more. What is open is to be closed still.
    pub(crate) fn take_ports(&mut self) -> Option<PortMapper> {
        self.ports.take().map(|ports| ports.mapper)
    }
}
