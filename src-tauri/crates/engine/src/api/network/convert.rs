//! What the network says of itself, put into the words of the border: the names of its reasons are written here, and nowhere else.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use libp2p::PeerId;

use super::{
    AddressView, BannedView, CheckView, FaultView, MappingView, NearbyView, NetworkView, PeerView,
    PublicCheck, Reachability, RelayState, RelayView, RouterView, Rung, RungKind, RungState,
    ServiceKind, ServiceView, Spoken, Transport, Verdict,
};
use net::status::{self, Reason, RouterProblem, Status};
use net::{Banned, PeerInfo};

impl From<Status> for NetworkView {
    fn from(status: Status) -> Self {
        let now = Instant::now();
        Self {
            peer: status.peer.to_string(),
            listen: status.listen.iter().map(ToString::to_string).collect(),
            external: status.external.iter().map(ToString::to_string).collect(),
            peers: status.peers as u64,
            dht_peers: status.dht_peers.map(|peers| peers as u64),
            dht_server: status.dht_server,
            reach: status.reachability.into(),
            rungs: status.rungs.into_iter().map(Into::into).collect(),
            nearby: status.nearby.into_iter().map(nearby).collect(),
            lan_peers: status.lan_peers.map(|peers| peers as u64),
            router: status.router.map(Into::into),
            mappings: status
                .mappings
                .iter()
                .map(|mapping| MappingView::new(mapping, now))
                .collect(),
            relays: status.relays.into_iter().map(Into::into).collect(),
            addresses: status.addresses.into_iter().map(Into::into).collect(),
            check: status.check.map(Into::into),
            services: status.services.into_iter().map(Into::into).collect(),
            private_network: status.private_network,
            fault: status.fault.map(Into::into),
            data: None,
        }
    }
}

fn nearby((peer, app): (PeerId, Option<String>)) -> NearbyView {
    NearbyView {
        peer: peer.to_string(),
        app,
    }
}

impl From<status::ReachabilityState> for Reachability {
    fn from(reachability: status::ReachabilityState) -> Self {
        match reachability {
            status::ReachabilityState::Offline => Self::Offline,
            status::ReachabilityState::Checking => Self::Checking,
            status::ReachabilityState::Direct => Self::Direct,
            status::ReachabilityState::Port => Self::Port,
            status::ReachabilityState::Relay => Self::Relay,
            status::ReachabilityState::Local => Self::Local,
        }
    }
}

impl From<status::Rung> for Rung {
    fn from(rung: status::Rung) -> Self {
        Self {
            rung: rung.kind.into(),
            state: rung.state.into(),
            reason: name_of_reason(rung.reason).to_owned(),
            detail: rung.detail,
        }
    }
}

impl From<status::RungKind> for RungKind {
    fn from(kind: status::RungKind) -> Self {
        match kind {
            status::RungKind::Direct => Self::Direct,
            status::RungKind::Port => Self::Port,
            status::RungKind::Relay => Self::Relay,
            status::RungKind::Local => Self::Local,
        }
    }
}

impl From<status::RungState> for RungState {
    fn from(state: status::RungState) -> Self {
        match state {
            status::RungState::InUse => Self::InUse,
            status::RungState::Ready => Self::Ready,
            status::RungState::No => Self::No,
            status::RungState::Off => Self::Off,
            status::RungState::Checking => Self::Checking,
        }
    }
}

fn name_of_reason(reason: Reason) -> &'static str {
    match reason {
        Reason::ThisMachineOnly => "this-machine-only",
        Reason::SwitchedOff => "switched-off",
        Reason::Checking => "checking",
        Reason::Offline => "offline",
        Reason::PublicAddress => "public-address",
        Reason::NoPublicAddress => "no-public-address",
        Reason::NotConfirmed => "not-confirmed",
        Reason::Opened => "opened",
        Reason::NotNeeded => "not-needed",
        Reason::NoRouter => "no-router",
        Reason::Refused => "refused",
        Reason::DoubleNat => "double-nat",
        Reason::Cgnat => "cgnat",
        Reason::Relayed => "relayed",
        Reason::NoRelay => "no-relay",
        Reason::SymmetricNat => "symmetric-nat",
        Reason::DevicesNearby => "devices-nearby",
        Reason::NobodyNearby => "nobody-nearby",
    }
}

impl From<status::Router> for RouterView {
    fn from(router: status::Router) -> Self {
        Self {
            name: router.name,
            address: router.address.to_string(),
            spoken: router.protocol.into(),
            external: router.external.map(|ip| ip.to_string()),
            problem: router
                .problem
                .map(|problem| name_of_problem(problem).to_owned()),
            detail: router.words,
        }
    }
}

fn name_of_problem(problem: RouterProblem) -> &'static str {
    match problem {
        RouterProblem::DoubleNat => "double-nat",
        RouterProblem::Cgnat => "cgnat",
        RouterProblem::NoExternalAddress => "no-external-address",
        RouterProblem::Refused => "refused",
    }
}

impl From<status::PortProtocol> for Spoken {
    fn from(protocol: status::PortProtocol) -> Self {
        match protocol {
            status::PortProtocol::Upnp => Self::Upnp,
            status::PortProtocol::Pcp => Self::Pcp,
            status::PortProtocol::NatPmp => Self::NatPmp,
        }
    }
}

impl MappingView {
    fn new(mapping: &status::Mapping, now: Instant) -> Self {
        Self {
            transport: mapping.transport.into(),
            internal: mapping.internal.to_string(),
            external: mapping.external.to_string(),
            expires: mapping.expires.saturating_duration_since(now).as_secs(),
        }
    }
}

impl From<status::Relay> for RelayView {
    fn from(relay: status::Relay) -> Self {
        Self {
            peer: relay.peer.to_string(),
            address: relay
                .address
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            state: relay.state.into(),
            chosen: relay.chosen,
        }
    }
}

impl From<status::RelayState> for RelayState {
    fn from(state: status::RelayState) -> Self {
        match state {
            status::RelayState::Asking => Self::Asking,
            status::RelayState::Reserved => Self::Reserved,
            status::RelayState::Refused => Self::Refused,
        }
    }
}

impl From<status::AddressCheck> for AddressView {
    fn from(check: status::AddressCheck) -> Self {
        Self {
            transport: status::Transport::of(&check.address).into(),
            address: check.address.to_string(),
            by: check.by.into(),
            reachable: check.verdict.into(),
            tries: check.tries as u64,
        }
    }
}

impl From<status::Verdict> for Verdict {
    fn from(verdict: status::Verdict) -> Self {
        match verdict {
            status::Verdict::Yes => Self::Yes,
            status::Verdict::No => Self::No,
            status::Verdict::Unknown => Self::Unknown,
            status::Verdict::Checking => Self::Checking,
        }
    }
}

impl From<status::Fault> for FaultView {
    fn from(fault: status::Fault) -> Self {
        let part = match fault.part {
            status::Part::Task => "task",
            status::Part::Announcer => "announcer",
            status::Part::Ports => "ports",
        };
        Self {
            at: unix(fault.at),
            part: part.to_owned(),
            detail: fault.words,
            times: fault.times,
        }
    }
}

fn unix(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl From<status::Check> for CheckView {
    fn from(check: status::Check) -> Self {
        Self {
            at: unix(check.at),
            reachable: check.verdict.into(),
            asked: check.asked as u64,
            addresses: check.addresses.into_iter().map(Into::into).collect(),
            public: check.public.map(Into::into),
        }
    }
}

impl From<status::PublicCheck> for PublicCheck {
    fn from(check: status::PublicCheck) -> Self {
        Self {
            reachable: check.verdict.into(),
            detail: check.detail,
        }
    }
}

impl From<status::Service> for ServiceView {
    fn from(service: status::Service) -> Self {
        Self {
            url: service.url.to_string(),
            kind: service.kind.into(),
            works: service.problem.is_none(),
            problem: service.problem.map(|problem| problem.to_string()),
            received: service.received,
        }
    }
}

impl From<status::ServiceKind> for ServiceKind {
    fn from(kind: status::ServiceKind) -> Self {
        match kind {
            status::ServiceKind::Delegated => Self::Router,
            status::ServiceKind::Gateway => Self::Gateway,
        }
    }
}

impl From<status::Transport> for Transport {
    fn from(transport: status::Transport) -> Self {
        match transport {
            status::Transport::Tcp => Self::Tcp,
            status::Transport::Quic => Self::Quic,
            status::Transport::Other => Self::Other,
        }
    }
}

impl From<PeerInfo> for PeerView {
    fn from(peer: PeerInfo) -> Self {
        Self {
            peer: peer.peer.to_string(),
            agent: peer.agent,
            addresses: peer.addresses.iter().map(ToString::to_string).collect(),
            inbound: peer.inbound,
            trusted: peer.trusted,
            rtt_ms: peer
                .rtt
                .map(|rtt| u64::try_from(rtt.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

impl From<Banned> for BannedView {
    fn from(banned: Banned) -> Self {
        Self {
            peer: banned.peer.to_string(),
            seconds: banned.left.as_secs(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_mapping_is_shown_with_the_seconds_that_are_left() {
        let now = Instant::now();
        let mapping = status::Mapping {
            transport: status::Transport::Quic,
            internal: SocketAddr::from(([192, 168, 1, 10], 4801)),
            external: SocketAddr::from(([8, 8, 8, 8], 5000)),
            expires: now + Duration::from_secs(90),
        };
        let view = MappingView::new(&mapping, now);
        assert_eq!(view.internal, "192.168.1.10:4801");
        assert_eq!(view.external, "8.8.8.8:5000");
        assert_eq!(view.expires, 90);
        let later = now + Duration::from_secs(91);
        assert_eq!(MappingView::new(&mapping, later).expires, 0);
    }
}
