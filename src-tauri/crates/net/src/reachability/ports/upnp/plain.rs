//! Routers that say where their service is, but not, or not well, what it can do. igd-next passes them over; here they are
//! searched for once more, and asked by what the standard says that every such service can do.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;
use tokio::time::timeout;
use url::Url;

use super::{Gateway, Ssdp, Tokio, description, element};

/// What can open ports for IPv4.
const SERVICES: [&str; 2] = [":WANIPConnection:", ":WANPPPConnection:"];
/// Bytes of an answer to a search.
const MAX_ANSWER: usize = 1500;

/// The arguments of what is asked (WANIPConnection:1, 2.4), in the order that some routers insist on.
const ADD: (&str, [&str; 8]) = (
    "AddPortMapping",
    [
        "NewRemoteHost",
        "NewExternalPort",
        "NewProtocol",
        "NewInternalPort",
        "NewInternalClient",
        "NewEnabled",
        "NewPortMappingDescription",
        "NewLeaseDuration",
    ],
);
const DELETE: (&str, [&str; 3]) = (
    "DeletePortMapping",
    ["NewRemoteHost", "NewExternalPort", "NewProtocol"],
);

/// Gives a router the actions that it did not tell of.
pub(super) fn complete(gateway: &mut Gateway<Tokio>) {
    let actions: [(&str, &[&str]); 2] = [(ADD.0, &ADD.1), (DELETE.0, &DELETE.1)];
    for (action, arguments) in actions {
        let known = gateway.control_schema.entry(action.to_owned());
        known.or_insert_with(|| arguments.iter().map(|name| (*name).to_owned()).collect());
    }
}

/// The first router that answers the search and has such a service, whatever is told of that.
pub(super) async fn find(ip: IpAddr, ssdp: &Ssdp) -> Option<Gateway<Tokio>> {
    let search = async {
        let socket = UdpSocket::bind((ip, 0)).await.ok()?;
        for device in ["InternetGatewayDevice:1", "InternetGatewayDevice:2"] {
            let search = format!(
                "M-SEARCH * HTTP/1.1\r\nHOST: {}\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\n\
                 ST: urn:schemas-upnp-org:device:{device}\r\n\r\n",
                ssdp.v4
            );
            socket.send_to(search.as_bytes(), ssdp.v4).await.ok()?;
        }
        let mut answer = [0; MAX_ANSWER];
        loop {
            let (len, from) = socket.recv_from(&mut answer).await.ok()?;
            let text = String::from_utf8_lossy(&answer[..len]).into_owned();
            let is_trusted = |ip: IpAddr| ip == from.ip() || ssdp.allowed.contains(&ip);
            if let Some(gateway) = gateway(&text, is_trusted).await {
                return Some(gateway);
            }
        }
    };
    timeout(ssdp.timeout, search).await.ok()?
}

async fn gateway(answer: &str, is_trusted: impl Fn(IpAddr) -> bool) -> Option<Gateway<Tokio>> {
    let (addr, location) = location(answer, &is_trusted)?;
    let description = description(addr, location.path()).await?;
    described(addr, location, &description, is_trusted)
}

/// Where a router that answered says that it is described.
pub(super) fn location(
    answer: &str,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<(SocketAddr, Url)> {
    let location = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("location").then(|| value.trim())
    })?;
    let location = Url::parse(location).ok()?;
    let addr = address(&location).filter(|addr| is_trusted(addr.ip()))?;
    Some((addr, location))
}

/// The router that such a description is of.
pub(super) fn described(
    addr: SocketAddr,
    location: Url,
    description: &str,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<Gateway<Tokio>> {
    let root_url = location.path().to_owned();
    let (service_type, control) = service(description)?;
    let base = element(description, "URLBase").and_then(|base| location.join(base.trim()).ok());
    let control = base.unwrap_or(location).join(&control).ok()?;
    address(&control).filter(|addr| is_trusted(addr.ip()))?;
    Some(Gateway {
        addr,
        root_url,
        control_url: control.into(),
        control_schema_url: String::new(),
        control_schema: HashMap::new(),
        service_type,
        ipv6_firewall_control_url: None,
        provider: Tokio,
    })
}

/// The type of the service, and where it is.
fn service(description: &str) -> Option<(String, String)> {
    let mut services = description.split("<service>").skip(1);
    services.find_map(|service| {
        let kind = element(service, "serviceType")?.trim();
        let control = element(service, "controlURL")?.trim();
        let is_wanted = SERVICES.iter().any(|wanted| kind.contains(wanted));
        is_wanted.then(|| (kind.to_owned(), control.to_owned()))
    })
}

fn address(url: &Url) -> Option<SocketAddr> {
    let ip = match (url.scheme(), url.host()?) {
        ("http", url::Host::Ipv4(ip)) => IpAddr::V4(ip),
        _ => return None,
    };
    Some(SocketAddr::new(ip, url.port_or_known_default()?))
}
