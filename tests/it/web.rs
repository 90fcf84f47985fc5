//! Web servers as helpers: gateways give blocks, routers say who has them, and everybody's part in a download shows.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::lab::{network, network_where};
use support::Wire;
use support::kubo::{Daemon, Kubo};
use support::shoal::{Done, Shoal, number, text};
use support::trees::{self, Kinds};

const MB: u64 = 1_000_000;

fn gateway(profile: &str) -> Option<Kubo> {
    Kubo::new(profile, Wire::TcpTls).map(Kubo::on_the_web)
}

/// Bytes that each source gave, by its name.
fn part(done: &Done, source: &str) -> u64 {
    let sources = done.event("done")["sources"].as_array().unwrap();
    let its = sources.iter().filter(|part| part["peer"] == source);
    its.map(|part| number(part, "bytes")).sum()
}

#[test]
fn a_folder_comes_from_a_gateway_alone() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 60, Kinds::All);
    trees::crowd(&tree.join("crowd"), 500);
    for profile in ["unixfs-v1-2025", "unixfs-v0-2015"] {
        let Some(kubo) = gateway(profile) else {
            return;
        };
        let cid = kubo.add(&tree, &[]);
        let kubo = kubo.daemon();
        let url = kubo.gateway();
        let out = folder.path().join(profile);
        let fetcher = Shoal::new().with("http.gateways", &url);
        let done = fetcher.ok(&[&"get", &cid, &"--into", &out]);
        trees::assert_same(&tree, &out.join(&cid));
        let sources = done.event("done")["sources"].as_array().unwrap();
        assert_eq!(sources.len(), 1, "{sources:?}");
        assert!(part(&done, &url) > 0, "{sources:?}");
    }
}

/// A file that a Shoal and a gateway have, and a Shoal that fetches it slowly enough to be watched.
struct Pair {
    folder: TempDir,
    file: PathBuf,
    cid: String,
    kubo: Kubo,
}

impl Pair {
    const SIZE: u64 = 24 * MB;

    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let file = trees::file(&folder.path().join("file"), 61, Self::SIZE);
        let kubo = gateway("unixfs-v1-2025")?;
        Some(Self {
            cid: kubo.add(&file, &[]),
            folder,
            file,
            kubo,
        })
    }

    /// Fetches it from both; as soon as both gave something, `then` may end one of them.
    fn fetch(&self, then: impl FnOnce(&mut Option<Daemon<'_>>, &mut Option<Shared>)) {
        let sharer = Shoal::new().with("upload.limit", &(4 * MB).to_string());
        let (share, ready, shared) = sharer.share(&self.file, &[]);
        assert_eq!(text(&shared, "cid"), self.cid);
        let (peer, address) = (ready.peer.clone(), ready.address(Wire::TcpTls).to_owned());
        let mut share = Some(Shared { _running: share });
        let mut kubo = Some(self.kubo.daemon());
        let url = kubo.as_ref().unwrap().gateway();
        let fetcher = Shoal::new()
            .with("http.gateways", &url)
            .with("download.limit", &(5 * MB).to_string());
        let (_daemon, _) = fetcher.daemon();
        let into = self.folder.path().join("into");
        let get = fetcher.start(&[&"get", &self.cid, &"--into", &into, &"--provider", &address]);
        network_where(&fetcher, "fetching from the gateway", |view| {
            received_from_service(view, &url) > 0
        });
        get.event_where("progress", |event| number(event, "done") > 0);
        then(&mut kubo, &mut share);
        let done = get.finish().expect_code(0);
        trees::assert_same(&self.file, &into.join(&self.cid));
        let (from_peer, from_web) = (part(&done, &peer), part(&done, &url));
        // To the stream itself: the test harness hides what a passing test prints.
        let parts = format!("from the peer: {from_peer}, from the gateway: {from_web}");
        let _ = writeln!(std::io::stderr(), "{parts}");
        assert!(from_peer > 0 && from_web > 0, "{:?}", done.event("done"));
        // Nothing came twice, but for what was under way at the end.
        assert!(from_peer + from_web < Self::SIZE + 4 * MB);
        // A gateway is nobody who is connected.
        let people = fetcher.ok(&[&"peers"]);
        assert!(!people.stdout.contains("http"), "{}", people.stdout);
    }
}

struct Shared {
    _running: support::shoal::Running,
}

fn received_from_service(view: &Value, url: &str) -> u64 {
    let services = view["services"].as_array().unwrap();
    let its = services.iter().filter(|service| service["url"] == url);
    its.map(|service| number(service, "received")).sum()
}

#[test]
fn a_peer_and_a_gateway_give_at_once() {
    let Some(pair) = Pair::new() else { return };
    pair.fetch(|_, _| {});
}

#[test]
fn a_peer_goes_on_when_the_gateway_is_killed() {
    let Some(pair) = Pair::new() else { return };
    pair.fetch(|kubo, _| drop(kubo.take()));
}

#[test]
fn a_gateway_goes_on_when_the_peer_is_killed() {
    let Some(pair) = Pair::new() else { return };
    pair.fetch(|_, share| drop(share.take()));
}

#[test]
fn a_gateway_without_the_content_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 62, 6 * MB);
    let Some(kubo) = gateway("unixfs-v1-2025") else {
        return;
    };
    let kubo = kubo.daemon();
    let sharer = Shoal::new().with("upload.limit", &(2 * MB).to_string());
    let (_share, _, shared) = sharer.share(&file, &[]);
    let fetcher = Shoal::new().with("http.gateways", &kubo.gateway());
    let into = folder.path().join("into");
    let done = fetcher.ok(&[&"get", &text(&shared, "link"), &"--into", &into]);
    trees::assert_same(&file, &into.join("file"));
    assert_eq!(part(&done, &kubo.gateway()), 0);
}

/// A router that names one peer for everything that it is asked about.
fn router(peer: &str, address: &str) -> String {
    let (address, _) = address.rsplit_once("/p2p/").unwrap();
    let record = json!({"Schema": "peer", "ID": peer, "Protocols": ["transport-bitswap"], "Addrs": [address]});
    let body = format!("{record}\n");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    // Ends with the test's process.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let asked = lines.next().unwrap_or_default();
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let status = if asked.starts_with("GET /routing/v1/providers/") {
                "200 OK"
            } else {
                "404 Not Found"
            };
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    url
}

#[test]
fn a_router_leads_to_a_peer() {
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 63, 3 * MB);
    let (_share, ready, shared) = Shoal::new().share(&file, &[]);
    let url = router(&ready.peer, ready.address(Wire::TcpTls));
    let fetcher = Shoal::new().with("http.routers", &url);
    let done = fetch(&fetcher, &text(&shared, "cid"), folder.path());
    assert!(part(&done, &ready.peer) > 0);
    let known = fetcher.daemon();
    let view = network(&fetcher);
    assert_eq!(view["services"][0]["url"], url.as_str());
    assert_eq!(view["services"][0]["kind"], "router");
    drop(known);
}

fn fetch(fetcher: &Shoal, cid: &str, folder: &Path) -> Done {
    let into = folder.join("into");
    fetcher.ok(&[&"get", &cid, &"--into", &into])
}
