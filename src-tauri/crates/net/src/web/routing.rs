//! Delegated routing (`/routing/v1`, specs.ipfs.tech): what a service's answer says, and reading it
//! piece by piece.
//!
//! Invariants: an answer costs at most [`MAX_LOOKUP_BYTES`] and [`MAX_LOOKUP_RECORDS`], and what it
//! names is believed as far as [`DialPolicy`] goes. Records of kinds that nobody here knows are
//! passed over, as the specification wants.

use bitswap::SessionId;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use unixfs::cid::Cid;
use url::Url;

use super::client::{self, Clients, NamedBy};
use super::{WebError, WebEvent};
use crate::address::DialPolicy;
use crate::dht::find::{DhtKind, believable};
use crate::exchange::dial::Target;
use crate::limits::{
    ENOUGH_PROVIDERS, MAX_FOUND_GATEWAYS, MAX_LOOKUP_BYTES, MAX_LOOKUP_RECORD, MAX_LOOKUP_RECORDS,
    MAX_PEER_ADDRESSES,
};

const LINES: &str = "application/x-ndjson";
/// Either form, the one that comes piece by piece first.
const ACCEPT: &str = "application/x-ndjson, application/json";

const BITSWAP: &str = "transport-bitswap";
const GATEWAY: &str = "transport-ipfs-gateway-http";

/// Who has something, as far as one record says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) targets: Vec<Target>,
    pub(super) gateways: Vec<Url>,
}

/// Where what is found goes, as it comes.
#[derive(Debug, Clone)]
pub(super) struct Taker {
    pub(super) session: SessionId,
    pub(super) events: mpsc::Sender<WebEvent>,
}

impl Taker {
    /// False: no more is taken.
    async fn take(&self, found: Found) -> bool {
        let Found { targets, gateways } = found;
        if targets.is_empty() && gateways.is_empty() {
            return true;
        }
        let session = self.session;
        let found = WebEvent::Found {
            session,
            targets,
            gateways,
        };
        self.events.send(found).await.is_ok()
    }
}

/// Asks a service who has a block, and hands on what it says as it comes.
pub(super) async fn providers(
    clients: &Clients,
    base: &Url,
    cid: &Cid,
    policy: &DialPolicy,
    taker: &Taker,
) -> Result<(), WebError> {
    let url = providers_url(base, cid).ok_or(WebError::NotAllowed)?;
    let response = match clients.get(url, NamedBy::Person, ACCEPT).await {
        // Some say "nobody" in this way.
        Err(WebError::Lacks) => return Ok(()),
        response => response?,
    };
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("");
    if kind.starts_with(LINES) {
        read_lines(response, Lines::new(policy), taker).await
    } else {
        let body = client::body(response, MAX_LOOKUP_BYTES).await?;
        taker.take(listed(&body, policy)?).await;
        Ok(())
    }
}

fn providers_url(base: &Url, cid: &Cid) -> Option<Url> {
    let mut url = base.clone();
    let mut path = url.path_segments_mut().ok()?;
    path.pop_if_empty();
    path.extend(["routing", "v1", "providers", &cid.to_string()]);
    drop(path);
    // IPIP-484: a service that knows it leaves out what is of no use here.
    url.set_query(Some(&format!(
        "filter-protocols={BITSWAP},{GATEWAY},unknown"
    )));
    url.set_fragment(None);
    Some(url)
}

async fn read_lines(
    mut response: Response,
    mut lines: Lines<'_>,
    taker: &Taker,
) -> Result<(), WebError> {
    while let Some(piece) = response.chunk().await.map_err(client::failure)? {
        if !taker.take(lines.read(&piece)?).await || lines.records.are_enough() {
            return Ok(());
        }
    }
    taker.take(lines.end()?).await;
    Ok(())
}

/// What an answer names that came whole.
pub(super) fn listed(body: &[u8], policy: &DialPolicy) -> Result<Found, WebError> {
    // A map, since a structure would be read from a list, too.
    let answer: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
    let listed = answer.and_then(|mut answer| match answer.remove("Providers") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(listed)) => Some(listed),
        Some(_) => None,
    });
    let mut records = Records::new(policy);
    for record in listed.ok_or(WebError::Wrong)? {
        records.add(record);
    }
    Ok(records.found)
}

/// An answer of a record a line, in pieces.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    records: Records<'a>,
    /// The line that goes on in the next piece.
    line: Vec<u8>,
    bytes: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(policy: &'a DialPolicy) -> Self {
        Self {
            records: Records::new(policy),
            line: Vec::new(),
            bytes: 0,
        }
    }

    /// What the next piece names.
    pub(super) fn read(&mut self, piece: &[u8]) -> Result<Found, WebError> {
        self.bytes += piece.len();
        if self.bytes > MAX_LOOKUP_BYTES {
            return Err(WebError::TooLarge);
        }
        let mut parts = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            if self.line.len() + part.len() > MAX_LOOKUP_RECORD {
                return Err(WebError::TooLarge);
            }
            self.line.extend_from_slice(part);
            // The last part goes on in the next piece.
            if parts.peek().is_some() {
                self.records.add_line(&std::mem::take(&mut self.line))?;
            }
        }
        Ok(std::mem::take(&mut self.records.found))
    }

    /// What the last line names, after which nothing came.
    pub(super) fn end(mut self) -> Result<Found, WebError> {
        self.records.add_line(&self.line)?;
        Ok(self.records.found)
    }
}

/// The schemas `peer` and, before it, `bitswap`.
#[derive(Debug, Deserialize)]
struct Record {
    #[serde(rename = "Schema")]
    schema: String,
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Addrs", default)]
    addrs: Option<Vec<Value>>,
    #[serde(rename = "Protocols", default)]
    protocols: Option<Vec<String>>,
}

/// What an answer's records say, counted.
#[derive(Debug)]
struct Records<'a> {
    policy: &'a DialPolicy,
    found: Found,
    seen: usize,
    peers: usize,
    gateways: usize,
}

impl<'a> Records<'a> {
    fn new(policy: &'a DialPolicy) -> Self {
        Self {
            policy,
            found: Found::default(),
            seen: 0,
            peers: 0,
            gateways: 0,
        }
    }

    fn are_enough(&self) -> bool {
        self.seen >= MAX_LOOKUP_RECORDS || self.peers >= ENOUGH_PROVIDERS
    }

    fn add_line(&mut self, line: &[u8]) -> Result<(), WebError> {
        let line = line.trim_ascii();
        if !line.is_empty() {
            self.add(serde_json::from_slice(line).map_err(|_| WebError::Wrong)?);
        }
        Ok(())
    }

    fn add(&mut self, record: Value) {
        if self.are_enough() {
            return;
        }
        self.seen += 1;
        if !record.is_object() {
            return;
        }
        let Ok(record) = serde_json::from_value::<Record>(record) else {
            return;
        };
        if !matches!(record.schema.as_str(), "peer" | "bitswap") {
            return;
        }
        let protocols = record.protocols.unwrap_or_default();
        let speaks = |name: &str| protocols.iter().any(|protocol| protocol == name);
        let addresses = record.addrs.unwrap_or_default();
        let addresses = addresses.iter().filter_map(Value::as_str);
        let addresses: Vec<Multiaddr> = addresses.filter_map(|text| text.parse().ok()).collect();
        if speaks(GATEWAY) {
            let gateways = addresses.iter().filter_map(gateway);
            let gateways = gateways.take(MAX_FOUND_GATEWAYS - self.gateways);
            let before = self.found.gateways.len();
            self.found.gateways.extend(gateways);
            self.gateways += self.found.gateways.len() - before;
        }
        // A service that doesn't know how a peer is spoken to names no protocol.
        if let Ok(peer) = record.id.parse::<PeerId>()
            && (speaks(BITSWAP) || protocols.is_empty() || record.schema == "bitswap")
        {
            self.peers += 1;
            let to_peer = addresses.into_iter().filter(|address| !is_web(address));
            let target = Target::Peer(
                peer,
                believable(
                    DhtKind::Public,
                    self.policy,
                    to_peer.collect(),
                    MAX_PEER_ADDRESSES,
                ),
            );
            self.found.targets.push(target);
        }
    }
}

fn is_web(address: &Multiaddr) -> bool {
    let mut parts = address.iter();
    parts.any(|part| matches!(part, Protocol::Http | Protocol::Https))
}

/// The web address that a multiaddr such as `/dns4/HOST/tcp/443/https` stands for, if a stranger
/// may name it.
fn gateway(address: &Multiaddr) -> Option<Url> {
    let mut parts = address.iter();
    let host = match parts.next()? {
        Protocol::Dns(host) | Protocol::Dns4(host) | Protocol::Dns6(host) => host.into_owned(),
        _ => return None,
    };
    let Protocol::Tcp(port) = parts.next()? else {
        return None;
    };
    let rest: Vec<Protocol<'_>> = parts
        .filter(|part| !matches!(part, Protocol::Sni(_) | Protocol::P2p(_)))
        .collect();
    if !matches!(
        rest[..],
        [Protocol::Https] | [Protocol::Tls, Protocol::Http]
    ) {
        return None;
    }
    let mut url = Url::parse("https://host").ok()?;
    url.set_host(Some(&host)).ok()?;
    url.set_port(Some(port)).ok()?;
    client::is_strangers(&url).then_some(url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PEER: &str = "12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8";

    fn found(records: &[Value]) -> Found {
        let policy = DialPolicy::new(false, false, false);
        let mut all = Records::new(&policy);
        for record in records {
            all.add(record.clone());
        }
        all.found
    }

    #[test]
    fn peers_with_the_addresses_that_are_believed() {
        let record = json!({
            "Schema": "peer", "ID": PEER, "Protocols": ["transport-bitswap"], "Extra": {"x": 1},
            "Addrs": ["/ip4/8.8.8.8/tcp/1", "/ip4/127.0.0.1/tcp/1", "/ip4/192.168.1.1/tcp/1", "no address", 7,
                format!("/ip4/8.8.4.4/udp/1/quic-v1/p2p/{PEER}"), "/ip4/8.8.8.8/tcp/443/tls/http"],
        });
        let addresses = ["/ip4/8.8.8.8/tcp/1", "/ip4/8.8.4.4/udp/1/quic-v1"];
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        let found = found(&[record]);
        assert_eq!(
            found.targets,
            [Target::Peer(PEER.parse().unwrap(), addresses)]
        );
        assert!(found.gateways.is_empty());
    }

    #[test]
    fn what_nobody_here_knows_is_passed_over() {
        let records = [
            json!({"Schema": "graph", "ID": PEER, "Addrs": ["/ip4/8.8.8.8/tcp/1"]}),
            json!({"Schema": "peer", "ID": PEER, "Protocols": ["transport-graphsync-filecoinv1"]}),
            json!({"Schema": "peer", "ID": "nobody", "Protocols": ["transport-bitswap"]}),
            json!({"ID": PEER}),
            json!(["peer", PEER]),
            json!(null),
        ];
        assert_eq!(found(&records), Found::default());
        let unknown = json!({"Schema": "peer", "ID": PEER, "Addrs": null});
        let older = json!({"Schema": "bitswap", "Protocol": "transport-bitswap", "ID": PEER});
        assert_eq!(found(&[unknown, older]).targets.len(), 2);
    }

    #[test]
    fn gateways_by_name_over_https_only() {
        for (address, expected) in [
            ("/dns4/a.example/tcp/443/https", Some("https://a.example/")),
            (
                "/dns/a.example/tcp/8443/tls/http",
                Some("https://a.example:8443/"),
            ),
            (
                "/dns4/a.example/tcp/443/tls/sni/a.example/http",
                Some("https://a.example/"),
            ),
            ("/dns4/a.example/tcp/80/http", None),
            ("/dns4/a.example/tcp/443/https/p2p-circuit", None),
            ("/dns4/a.example/tcp/443/wss", None),
            ("/dns4/localhost/tcp/443/https", None),
            ("/dns4/127.0.0.1/tcp/443/https", None),
            ("/ip4/8.8.8.8/tcp/443/https", None),
            ("/ip4/127.0.0.1/tcp/443/https", None),
        ] {
            let record = json!({"Schema": "peer", "ID": PEER, "Addrs": [address],
                "Protocols": ["transport-ipfs-gateway-http"]});
            let found = found(&[record]);
            let urls: Vec<&str> = found.gateways.iter().map(Url::as_str).collect();
            assert_eq!(urls, Vec::from_iter(expected), "{address}");
            assert!(found.targets.is_empty());
        }
    }

    #[test]
    fn records_are_bounded() {
        let peer = || json!({"Schema": "peer", "ID": PeerId::random().to_string()});
        let many: Vec<Value> = (0..500).map(|_| peer()).collect();
        assert_eq!(found(&many).targets.len(), ENOUGH_PROVIDERS);
        let gateways: Vec<Value> = (0..100)
            .map(|number| {
                json!({"Schema": "peer", "ID": PEER, "Protocols": [GATEWAY],
                    "Addrs": [format!("/dns4/h{number}.example/tcp/443/https")]})
            })
            .collect();
        assert_eq!(found(&gateways).gateways.len(), MAX_FOUND_GATEWAYS);
        let mut junk = vec![json!({"Schema": "x"}); MAX_LOOKUP_RECORDS];
        junk.push(peer());
        assert_eq!(found(&junk), Found::default());
    }
}
