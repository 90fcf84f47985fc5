//! Routers that speak UPnP: the Internet Gateway Device, and its firewall for IPv6.
//!
//! The only file that names `igd_next`. The crate takes no description and no answer above 1 MiB,
//! waits for none longer than ten seconds, and asks only whom it found; here the search as a whole
//! is bounded too, and what is found is cut to size.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use igd_next::aio::tokio::Tokio;
use igd_next::aio::{Gateway, Ipv6FirewallGateway, Provider as _};
use igd_next::{
    AddAnyPortError, AddPortError, GetExternalIpError, PinholeError, PortMappingProtocol,
    RemovePortError, RequestError, SearchOptions,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::default_route::DefaultRoute;
use super::plan::{External, Facts, Granted, Opened, Outcome};
use super::{Endpoint, words};
use crate::limits::{MAX_ROUTER_DESCRIPTION, ROUTER_NAME_TIME, ROUTER_SEARCH_TIME};
use crate::status::{PortProtocol, Transport};

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod plain;
#[cfg(test)]
mod tests;

/// What routers show as the reason for an open port.
const DESCRIPTION: &str = "Shoal";
/// Seconds for which a port is asked for: what outlives a crash, and what a router that forgets
/// leases can't keep open.
const LEASE: u32 = 3600;
/// The error codes that igd-next leaves as they are (WANIPConnection:2, 2.5): no such entry; only
/// leases without an end.
const NO_SUCH_ENTRY: &str = "714";
const ONLY_PERMANENT: u16 = 725;

/// Where routers are asked to answer.
#[derive(Debug, Clone)]
pub(super) struct Ssdp {
    pub(super) v4: SocketAddr,
    /// Addresses that routers may have although none does.
    pub(super) allowed: Vec<IpAddr>,
    pub(super) timeout: Duration,
}

impl Default for Ssdp {
    fn default() -> Self {
        Self {
            v4: SocketAddr::from(([239, 255, 255, 250], 1900)),
            allowed: Vec::new(),
            timeout: ROUTER_SEARCH_TIME,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Client {
    Nat(Gateway<Tokio>),
    Firewall(Firewall),
}

/// A router whose firewall lets nothing in over IPv6 unless asked to.
#[derive(Debug, Clone)]
pub(super) struct Firewall {
    gateway: Ipv6FirewallGateway<Tokio>,
    /// What was opened, by the names that the router gave.
    pinholes: Vec<(Endpoint, u16)>,
}

/// Looks for a router on the network that the address is on.
pub(super) async fn find(
    ip: IpAddr,
    route: Option<DefaultRoute>,
    ssdp: &Ssdp,
) -> Option<(Client, Facts)> {
    match ip {
        IpAddr::V4(_) => find_nat(ip, ssdp).await,
        IpAddr::V6(_) => find_firewall(ip, route?.interface, ssdp).await,
    }
}

async fn find_nat(ip: IpAddr, ssdp: &Ssdp) -> Option<(Client, Facts)> {
    let options = options(ip, ssdp.v4, ssdp);
    let search = igd_next::aio::tokio::search_gateway(options);
    let (found, plain) = tokio::join!(search, plain::find(ip, ssdp));
    let found = found.inspect_err(|error| tracing::debug!(%ip, %error, "no UPnP router"));
    let mut gateway = found.ok().or(plain)?;
    plain::complete(&mut gateway);
    let name = name(gateway.addr, &gateway.root_url);
    let (name, external) = tokio::join!(name, external(&gateway));
    let facts = Facts {
        name,
        address: gateway.addr.ip(),
        protocol: PortProtocol::Upnp,
        external: external?,
    };
    Some((Client::Nat(gateway), facts))
}

async fn find_firewall(ip: IpAddr, interface: u32, ssdp: &Ssdp) -> Option<(Client, Facts)> {
    // Of this link only, and so of this interface.
    let group = SocketAddrV6::new(igd_next::IPV6_SSDP_LINK_LOCAL, 1900, 0, interface);
    let options = options(ip, group.into(), ssdp);
    let found = igd_next::aio::tokio::search_ipv6_firewall_gateway(options).await;
    let gateway = found
        .inspect_err(|error| tracing::debug!(%ip, %error, "no UPnP firewall"))
        .ok()?;
    let facts = Facts {
        name: name(gateway.addr, &gateway.root_url).await,
        address: gateway.addr.ip(),
        protocol: PortProtocol::Upnp,
        external: External::WithEachPort,
    };
    let pinholes = Vec::new();
    Some((Client::Firewall(Firewall { gateway, pinholes }), facts))
}

fn options(ip: IpAddr, group: SocketAddr, ssdp: &Ssdp) -> SearchOptions {
    let mut options = SearchOptions::default();
    options.bind_addr = SocketAddr::new(ip, 0);
    options.broadcast_address = group;
    options.timeout = Some(ssdp.timeout);
    options.single_search_timeout = Some(ssdp.timeout);
    options.allowed_gateway_ips.clone_from(&ssdp.allowed);
    options
}

impl Client {
    pub(super) async fn map(&mut self, endpoint: Endpoint, external: u16) -> Outcome {
        let answer = match self {
            Self::Nat(gateway) => map(gateway, endpoint, external).await,
            Self::Firewall(firewall) => firewall.open(endpoint).await,
        };
        match answer {
            Ok(granted) => Outcome::Mapped(granted),
            Err(Failure::Refused(text)) => Outcome::Refused(endpoint, words(&text)),
            Err(Failure::Lost) => Outcome::Lost,
        }
    }

    pub(super) async fn check(&mut self, open: &[Opened]) -> Outcome {
        match self {
            Self::Nat(gateway) => check(gateway, open).await,
            Self::Firewall(firewall) => firewall.check(open).await,
        }
    }

    pub(super) async fn unmap(&mut self, opened: Opened) -> Outcome {
        match self {
            Self::Nat(gateway) => {
                let protocol = protocol(opened.endpoint);
                match gateway.remove_port(protocol, opened.external).await {
                    Ok(()) | Err(RemovePortError::NoSuchPortMapping) => Outcome::Unmapped,
                    Err(RemovePortError::RequestError(error)) if !is_answer(&error) => {
                        Outcome::Lost
                    }
                    Err(error) => {
                        tracing::debug!(%error, "the router keeps a port open");
                        Outcome::Unmapped
                    }
                }
            }
            Self::Firewall(firewall) => firewall.close(opened).await,
        }
    }
}

/// Why a port isn't open.
enum Failure {
    /// The router said so.
    Refused(String),
    /// It said nothing, or nothing that makes sense.
    Lost,
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::ErrorCode(code, text) => Self::Refused(format!("{text} ({code})")),
            error if is_answer(&error) => Self::Refused(error.to_string()),
            _ => Self::Lost,
        }
    }
}

impl From<AddPortError> for Failure {
    fn from(error: AddPortError) -> Self {
        match error {
            AddPortError::RequestError(error) => error.into(),
            error => Self::Refused(error.to_string()),
        }
    }
}

impl From<PinholeError> for Failure {
    fn from(error: PinholeError) -> Self {
        match error {
            PinholeError::RequestError(error) => error.into(),
            error => Self::Refused(error.to_string()),
        }
    }
}

/// The router answered, if only to say no.
fn is_answer(error: &RequestError) -> bool {
    matches!(
        error,
        RequestError::ErrorCode(..) | RequestError::UnsupportedAction(_)
    )
}

/// The same port outside if it can be had, else any.
async fn map(
    gateway: &Gateway<Tokio>,
    endpoint: Endpoint,
    external: u16,
) -> Result<Granted, Failure> {
    let mut lease = LEASE;
    let mut answer = add(gateway, endpoint, external, lease).await;
    if matches!(answer, Err(AddPortError::OnlyPermanentLeasesSupported)) {
        lease = 0;
        answer = add(gateway, endpoint, external, lease).await;
    }
    let own = endpoint.address.port();
    let port = match answer {
        Ok(()) => external,
        Err(AddPortError::SamePortValuesRequired) if external != own => {
            add(gateway, endpoint, own, lease).await?;
            own
        }
        // Not this port; many say it by other codes than those of a conflict.
        Err(error) if !is_silence(&error) => {
            let any = match add_any(gateway, endpoint, lease).await {
                Err(
                    AddAnyPortError::OnlyPermanentLeasesSupported
                    | AddAnyPortError::RequestError(RequestError::ErrorCode(ONLY_PERMANENT, _)),
                ) => {
                    lease = 0;
                    add_any(gateway, endpoint, lease).await
                }
                any => any,
            };
            // Of two refusals the first tells why.
            any.map_err(|_| Failure::from(error))?
        }
        Err(error) => return Err(error.into()),
    };
    if port == 0 {
        return Err(Failure::Lost);
    }
    Ok(Granted {
        opened: Opened {
            endpoint,
            external: port,
        },
        ip: None,
        lease: (lease != 0).then(|| Duration::from_secs(lease.into())),
        protocol: PortProtocol::Upnp,
    })
}

fn is_silence(error: &AddPortError) -> bool {
    matches!(error, AddPortError::RequestError(error) if !is_answer(error))
}

async fn add(
    gateway: &Gateway<Tokio>,
    endpoint: Endpoint,
    external: u16,
    lease: u32,
) -> Result<(), AddPortError> {
    let (protocol, local) = (protocol(endpoint), endpoint.address);
    gateway
        .add_port(protocol, external, local, lease, DESCRIPTION)
        .await
}

async fn add_any(
    gateway: &Gateway<Tokio>,
    endpoint: Endpoint,
    lease: u32,
) -> Result<u16, AddAnyPortError> {
    let (protocol, local) = (protocol(endpoint), endpoint.address);
    gateway
        .add_any_port(protocol, local, lease, DESCRIPTION)
        .await
}

async fn check(gateway: &Gateway<Tokio>, open: &[Opened]) -> Outcome {
    let Some(external) = external(gateway).await else {
        return Outcome::Lost;
    };
    let (mut gone, mut unsure) = (Vec::new(), Vec::new());
    for opened in open {
        match is_open(gateway, opened).await {
            Some(true) => {}
            Some(false) => gone.push(opened.endpoint),
            None => unsure.push(opened.endpoint),
        }
    }
    Outcome::Checked {
        external,
        gone,
        unsure,
    }
}

/// What the router says its address is; nothing if it doesn't answer.
async fn external(gateway: &Gateway<Tokio>) -> Option<External> {
    match gateway.get_external_ip().await {
        Ok(ip) if ip.is_unspecified() => Some(without_address(gateway).await),
        Ok(ip) => Some(External::Is(ip)),
        Err(GetExternalIpError::RequestError(RequestError::InvalidResponse(text)))
            if text.contains("NewExternalIPAddress") =>
        {
            Some(without_address(gateway).await)
        }
        Err(GetExternalIpError::RequestError(error)) => match error.into() {
            Failure::Refused(text) => Some(External::Untold(words(&text))),
            Failure::Lost => None,
        },
        Err(error @ GetExternalIpError::ActionNotAuthorized) => {
            Some(External::Untold(words(&error.to_string())))
        }
    }
}

/// miniupnpd, which most home routers run, names no address when its own is private; but it says
/// that it is connected.
async fn without_address(gateway: &Gateway<Tokio>) -> External {
    let answer = ask(gateway, "GetStatusInfo", "").await;
    let status = answer
        .as_deref()
        .and_then(|xml| element(xml, "NewConnectionStatus"));
    match status.map(str::trim) {
        Some("Connected") => External::Hidden,
        Some(status) => External::Untold(words(status)),
        None => External::Untold("no external address".to_owned()),
    }
}

/// Asks whether a port leads to us; nothing is learnt from routers that can't be asked.
async fn is_open(gateway: &Gateway<Tokio>, opened: &Opened) -> Option<bool> {
    let arguments = format!(
        "<NewRemoteHost></NewRemoteHost><NewExternalPort>{}</NewExternalPort><NewProtocol>{}</NewProtocol>",
        opened.external,
        protocol(opened.endpoint),
    );
    let answer = ask(gateway, "GetSpecificPortMappingEntry", &arguments).await?;
    if element(&answer, "errorCode").map(str::trim) == Some(NO_SUCH_ENTRY) {
        return Some(false);
    }
    let client: IpAddr = element(&answer, "NewInternalClient")?.trim().parse().ok()?;
    let port: u16 = element(&answer, "NewInternalPort")?.trim().parse().ok()?;
    Some(SocketAddr::new(client, port) == opened.endpoint.address)
}

/// Asks what igd-next has no question for.
async fn ask(gateway: &Gateway<Tokio>, action: &str, arguments: &str) -> Option<String> {
    let service = &gateway.service_type;
    let header = format!("\"{service}#{action}\"");
    let body = format!(
        "<?xml version=\"1.0\"?>\r\n\
         <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>\
         <u:{action} xmlns:u=\"{service}\">{arguments}</u:{action}></s:Body></s:Envelope>"
    );
    Tokio::send_async(&gateway.to_string(), &header, &body)
        .await
        .ok()
}

impl Firewall {
    async fn open(&mut self, endpoint: Endpoint) -> Result<Granted, Failure> {
        let SocketAddr::V6(address) = endpoint.address else {
            return Err(Failure::Lost);
        };
        let protocol = protocol(endpoint);
        let name = self.gateway.add_pinhole(protocol, address, LEASE).await?;
        self.pinholes.retain(|(known, _)| *known != endpoint);
        self.pinholes.push((endpoint, name));
        Ok(Granted {
            opened: Opened {
                endpoint,
                external: address.port(),
            },
            ip: Some(IpAddr::V6(*address.ip())),
            lease: Some(Duration::from_secs(LEASE.into())),
            protocol: PortProtocol::Upnp,
        })
    }

    /// There is no question without side effects that all routers answer, so each lease is begun
    /// anew.
    async fn check(&self, open: &[Opened]) -> Outcome {
        let mut gone = Vec::new();
        for opened in open {
            let Some(name) = self.name(opened.endpoint) else {
                gone.push(opened.endpoint);
                continue;
            };
            match self.gateway.update_pinhole(name, LEASE).await {
                Ok(()) => {}
                Err(PinholeError::RequestError(error)) if !is_answer(&error) => {
                    return Outcome::Lost;
                }
                Err(_) => gone.push(opened.endpoint),
            }
        }
        Outcome::Checked {
            external: External::WithEachPort,
            gone,
            unsure: Vec::new(),
        }
    }

    async fn close(&mut self, opened: Opened) -> Outcome {
        let Some(name) = self.name(opened.endpoint) else {
            return Outcome::Unmapped;
        };
        self.pinholes.retain(|(_, known)| *known != name);
        match self.gateway.remove_pinhole(name).await {
            Err(PinholeError::RequestError(error)) if !is_answer(&error) => Outcome::Lost,
            Ok(()) | Err(_) => Outcome::Unmapped,
        }
    }

    fn name(&self, endpoint: Endpoint) -> Option<u16> {
        let mut pinholes = self.pinholes.iter();
        let pinhole = pinholes.find(|(known, _)| *known == endpoint);
        pinhole.map(|(_, name)| *name)
    }
}

fn protocol(endpoint: Endpoint) -> PortMappingProtocol {
    match endpoint.transport {
        Transport::Tcp => PortMappingProtocol::TCP,
        Transport::Quic | Transport::Other => PortMappingProtocol::UDP,
    }
}

/// What the router calls itself: the first name in its description, which is that of the device as
/// a whole. It is only shown, so a router that takes long has none.
async fn name(router: SocketAddr, path: &str) -> Option<String> {
    let description = timeout(ROUTER_NAME_TIME, description(router, path));
    friendly_name(&description.await.ok()??)
}

fn friendly_name(description: &str) -> Option<String> {
    let name = words(&unescaped(element(description, "friendlyName")?));
    (!name.is_empty()).then_some(name)
}

/// What the router answers to a request for its description, with the head of the answer.
async fn description(router: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(router).await.ok()?;
    // In HTTP/1.0 the answer comes in one piece, and ends where the connection does.
    let request = format!("GET {path} HTTP/1.0\r\nHost: {router}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    let mut bounded = stream.take(MAX_ROUTER_DESCRIPTION);
    bounded.read_to_end(&mut answer).await.ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// The text of the first element of that name, whatever attributes it has.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = xml;
    loop {
        let start = rest.find(&format!("<{name}"))?;
        rest = rest.get(start + 1 + name.len()..)?;
        // Else it is another name that begins with this one.
        if rest.starts_with(|next: char| next == '>' || next.is_whitespace()) {
            let (_, text) = rest.split_once('>')?;
            return text.split_once(&format!("</{name}>")).map(|(text, _)| text);
        }
    }
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    let text = text.replace("&quot;", "\"").replace("&apos;", "'");
    text.replace("&amp;", "&")
}
