//! Real peers in this process: the network of the engine, without files, windows or commands around it.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bitswap::Want;
use bytes::Bytes;
use engine::config::Settings;
use engine::index::{BlockRow, Index, ItemOptions, NewItem, RowKind};
use engine::library::Source;
use engine::net::{Net, NetConfig, NetworkInfo, SessionEvent};
use engine::types::ItemKind;
use libp2p::Multiaddr;
use libp2p::identity::Keypair;
use tempfile::TempDir;
use unixfs::cid::{self, Cid};

use super::super::process::PATIENCE;
use super::{patiently, pause};

/// One peer in a DHT.
pub(crate) struct Peer {
    net: Net,
    index: Index,
    _data: TempDir,
}

impl Peer {
    /// Listens at this address of the computer whose runtime this is, and joins through these peers.
    pub(crate) async fn join(ip: Ipv4Addr, port: u16, bootstrap: &[String]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let bootstrap = bootstrap.join(",");
        let listen = format!("/ip4/{ip}/tcp/{port},/ip4/{ip}/udp/{port}/quic-v1");
        let settings = Settings::load(data.path().join("settings"), |name| {
            let value = match name {
                "SHOAL_LISTEN" => &listen,
                "SHOAL_BOOTSTRAP" => &bootstrap,
                "SHOAL_DHT" => "on",
                "SHOAL_MDNS" | "SHOAL_NAT" | "SHOAL_RELAY" => "off",
                // Here they all are on one computer.
                "SHOAL_CONNECTIONS_NETWORK" => "256",
                "SHOAL_HTTP_ROUTERS" | "SHOAL_HTTP_GATEWAYS" | "SHOAL_HTTP_CHECK" => "none",
                _ => return None,
            };
            Some(value.to_owned())
        });
        let config = NetConfig::from(&settings.unwrap().config());
        let index = Index::open(data.path()).unwrap().index;
        let source = Source::new(index.clone(), |_| {});
        let identity = Keypair::generate_ed25519();
        let net = Net::start(config, identity, source, index.clone()).await;
        Self {
            net: net.unwrap(),
            index,
            _data: data,
        }
    }

    /// Where it listens over TCP, with its ID.
    pub(crate) fn address(&self) -> impl Future<Output = Multiaddr> + use<> {
        let net = self.net.clone();
        async move { net.listen_addrs().await.swap_remove(0) }
    }

    /// How it stands once it `fits`.
    pub(crate) async fn network_where(
        &self,
        what: &str,
        fits: impl Fn(&NetworkInfo) -> bool,
    ) -> NetworkInfo {
        let mut last = None;
        let looking = async {
            loop {
                let network = self.net.network().await.unwrap();
                if fits(&network) {
                    return network;
                }
                last = Some(network);
                pause().await;
            }
        };
        let come = tokio::time::timeout(2 * PATIENCE, looking).await;
        come.unwrap_or_else(|_| panic!("not {what}: {last:#?}"))
    }

    /// Shares a block and announces it. Says how long it took to be announced.
    pub(crate) async fn announce(&self, data: Bytes) -> (Cid, Duration) {
        let item = self.index.create_item(an_item()).unwrap();
        let cid = Cid::new_v1(cid::RAW, cid::hash(cid::SHA2_256, &data).unwrap());
        let row = BlockRow {
            mh: *cid.hash(),
            kind: RowKind::Inline(data),
        };
        self.index.put_blocks(item, vec![row]).unwrap();
        let start = Instant::now();
        self.net.announce(vec![*cid.hash()]).await;
        let is_out = |(key, at): &(_, i64)| key == cid.hash() && *at > 0;
        patiently("the announcement", async {
            while !self.index.announcements().unwrap().iter().any(is_out) {
                pause().await;
            }
        })
        .await;
        (cid, start.elapsed())
    }

    /// Fetches the one block of a bare CID from whoever is found. Says how long that took from the question to the block.
    pub(crate) async fn find(&self, cid: Cid) -> (Bytes, Duration) {
        let start = Instant::now();
        let mut session = self.net.session(cid, Vec::new()).await.unwrap();
        let want = Want {
            cid,
            size: None,
            priority: 1,
        };
        session.want(vec![want]).await.unwrap();
        let block = async {
            loop {
                if let Some(SessionEvent::Block { data, .. }) = session.events.recv().await {
                    return data;
                }
            }
        };
        let data = patiently("the block", block).await;
        (data, start.elapsed())
    }
}

fn an_item() -> NewItem {
    NewItem {
        kind: ItemKind::Share,
        name: "block".to_owned(),
        root: None,
        profile: String::new(),
        created: 0,
        into: None,
        sources: Vec::new(),
        select: Vec::new(),
        link: None,
        providers: Vec::new(),
        options: ItemOptions::default(),
        part: None,
    }
}
