//! Routers that open IPv4 ports over the Port Control Protocol or its predecessor, NAT-PMP.
//!
//! They are asked at the default route's router, in datagrams: answers are a few dozen bytes, from
//! that address only, and each question is sent three times at most.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use crab_nat::natpmp::{self, Failure as NatPmpFailure};
use crab_nat::pcp::{self, BaseMapRequest, Failure as PcpFailure};
use crab_nat::{
    GatewayAddress, InternetProtocol, MappingFailure, PortMapping, PortMappingOptions,
    PortMappingType, TimeoutConfig, VersionCode,
};

use super::default_route::DefaultRoute;
use super::plan::{External, Facts, Granted, Opened, Outcome};
use super::{Endpoint, words};
use crate::status::{PortProtocol, Transport};

// The port is fixed, so each router here needs an address of its own, and only Linux has all of
// 127.0.0.0/8.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

/// Seconds for which a port is asked for: what outlives a crash.
const LEASE: u32 = 3600;
/// 250 + 500 + 1000 ms: the router is one hop away.
const TIMEOUTS: TimeoutConfig = TimeoutConfig {
    initial_timeout: Duration::from_millis(250),
    max_retries: 2,
    max_retry_timeout: None,
};

#[derive(Debug, Clone)]
pub(super) struct Client {
    /// Our address, as it has to stand in PCP's questions.
    /// Our address, which it knows us by.
    from: IpAddr,
    route: DefaultRoute,
    /// What was opened. PCP changes a mapping only for who knows the number that it was made with.
    mappings: Vec<(Endpoint, PortMapping)>,
}

/// Asks the router there whether it opens ports, without opening one.
pub(super) async fn find(
    client: IpAddr,
    route: DefaultRoute,
    known: Option<Client>,
) -> Option<(Client, Facts)> {
    let router = known.filter(|known| known.route == route && known.from == client);
    let router = router.unwrap_or_else(|| Client {
        from: client,
        route,
        mappings: Vec::new(),
    });
    let (protocol, external) = router.probe().await?;
    let facts = Facts {
        name: None,
        address: route.address,
        protocol,
        external,
    };
    Some((router, facts))
}

impl Client {
    /// NAT-PMP's question for the external address. A router that speaks only PCP answers that it
    /// doesn't know that version.
    async fn probe(&self) -> Option<(PortProtocol, External)> {
        match natpmp::external_address(self.at(), Some(TIMEOUTS)).await {
            Ok(ip) => Some((PortProtocol::NatPmp, External::Is(ip.into()))),
            Err(NatPmpFailure::Timeout | NatPmpFailure::Socket(_)) => None,
            Err(NatPmpFailure::UnsupportedVersion(_)) => {
                Some((PortProtocol::Pcp, External::WithEachPort))
            }
            Err(failure) => {
                let text = words(&failure.to_string());
                Some((PortProtocol::NatPmp, External::Untold(text)))
            }
        }
    }

    pub(super) async fn map(&mut self, endpoint: Endpoint, external: u16) -> Outcome {
        let known = self.mappings.iter().find(|(known, _)| *known == endpoint);
        let known = known.map(|(_, mapping)| mapping.mapping_type());
        match self.ask(endpoint, external, known).await {
            Ok(mapping) => {
                let granted = granted(endpoint, &mapping);
                self.mappings.retain(|(known, _)| *known != endpoint);
                self.mappings.push((endpoint, mapping));
                Outcome::Mapped(granted)
            }
            Err(failure) if is_silence(&failure) => Outcome::Lost,
            Err(failure) => Outcome::Refused(endpoint, words(&failure.to_string())),
        }
    }

    /// PCP first, as RFC 6886 has it.
    async fn ask(
        &self,
        endpoint: Endpoint,
        external: u16,
        known: Option<PortMappingType>,
    ) -> Result<PortMapping, MappingFailure> {
        let Some(port) = NonZeroU16::new(endpoint.address.port()) else {
            return Err(PcpFailure::MalformedRequest.into());
        };
        let options = PortMappingOptions {
            external_port: NonZeroU16::new(external),
            lifetime_seconds: Some(LEASE),
            timeout_config: Some(TIMEOUTS),
        };
        let protocol = protocol(endpoint);
        let (nonce, ip) = match known {
            Some(PortMappingType::Pcp {
                nonce, external_ip, ..
            }) => (Some(nonce), Some(external_ip)),
            Some(PortMappingType::NatPmp) => {
                let asked = natpmp::port_mapping(self.at(), protocol, port, options).await;
                return Ok(asked?);
            }
            None => (None, None),
        };
        let request = BaseMapRequest::new(self.at(), self.from, protocol, port);
        match pcp::port_mapping(request, nonce, ip, options).await {
            // It knows only NAT-PMP, and says so or leaves it.
            Err(PcpFailure::UnsupportedVersion(VersionCode::NatPmp) | PcpFailure::Timeout)
                if known.is_none() =>
            {
                Ok(natpmp::port_mapping(self.at(), protocol, port, options).await?)
            }
            answer => Ok(answer?),
        }
    }

    /// Asks for each port once more, which tells whether the router has forgotten it, and its
    /// address.
    pub(super) async fn check(&mut self, open: &[Opened]) -> Outcome {
        let Some((_, mut external)) = self.probe().await else {
            return Outcome::Lost;
        };
        let mut gone = Vec::new();
        for opened in open {
            match self.map(opened.endpoint, opened.external).await {
                Outcome::Mapped(granted) if granted.opened == *opened => {
                    if let (Some(ip), External::WithEachPort) = (granted.ip, &external) {
                        external = External::Is(ip);
                    }
                }
                Outcome::Lost => return Outcome::Lost,
                _ => gone.push(opened.endpoint),
            }
        }
        Outcome::Checked {
            external,
            gone,
            unsure: Vec::new(),
        }
    }

    pub(super) async fn unmap(&mut self, opened: Opened) -> Outcome {
        let mut mappings = self.mappings.iter();
        let Some(place) = mappings.position(|(known, _)| *known == opened.endpoint) else {
            return Outcome::Unmapped;
        };
        let (_, mapping) = self.mappings.swap_remove(place);
        match mapping.try_drop().await {
            Err((failure, _)) if is_silence(&failure) => Outcome::Lost,
            Err((failure, _)) => {
                tracing::debug!(%failure, "the router keeps a port open");
                Outcome::Unmapped
            }
            Ok(()) => Outcome::Unmapped,
        }
    }

    fn at(&self) -> GatewayAddress {
        self.route.address.into()
    }
}

fn granted(endpoint: Endpoint, mapping: &PortMapping) -> Granted {
    let (protocol, ip) = match mapping.mapping_type() {
        PortMappingType::NatPmp => (PortProtocol::NatPmp, None),
        PortMappingType::Pcp { external_ip, .. } => (PortProtocol::Pcp, Some(external_ip)),
    };
    Granted {
        opened: Opened {
            endpoint,
            external: mapping.external_port().get(),
        },
        ip,
        lease: Some(Duration::from_secs(mapping.lifetime().into())),
        protocol,
    }
}

fn is_silence(failure: &MappingFailure) -> bool {
    matches!(
        failure,
        MappingFailure::Pcp(PcpFailure::Timeout | PcpFailure::Socket(_))
            | MappingFailure::NatPmp(NatPmpFailure::Timeout | NatPmpFailure::Socket(_))
    )
}

fn protocol(endpoint: Endpoint) -> InternetProtocol {
    match endpoint.transport {
        Transport::Tcp => InternetProtocol::Tcp,
        Transport::Quic | Transport::Other => InternetProtocol::Udp,
    }
}
