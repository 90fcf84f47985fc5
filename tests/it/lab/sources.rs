//! One download from four kinds of source at once, and from whichever of them is left.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{bytes_from, network, network_where};
use support::Wire;
use support::kubo::{Daemon, Kubo};
use support::lab::{Host, Lab, Nat, Router};
use support::shoal::{Running, Shoal, number};
use support::trees;

const SIZE: u64 = 32_000_000;
/// Bytes a second that each source can send: so few that all have their part before one of them is through.
const PACE: u64 = 3_000_000;
const GATEWAY_PORT: u16 = 8080;

#[test]
fn four_kinds_of_source_carry_one_download() {
    check(None);
}

#[test]
fn a_download_ends_well_with_only_another_shoal_left() {
    check(Some(Kind::Shoal));
}

#[test]
fn a_download_ends_well_with_only_kubo_left() {
    check(Some(Kind::Kubo));
}

#[test]
fn a_download_ends_well_with_only_a_device_nearby_left() {
    check(Some(Kind::Nearby));
}

#[test]
fn a_download_ends_well_with_only_a_gateway_left() {
    check(Some(Kind::Gateway));
}

/// All four give; all but the survivor, if there is to be one, are killed midway.
fn check(survivor: Option<Kind>) {
    let Some(place) = Place::new() else { return };
    let fetcher = place.fetcher();
    let (_daemon, _) = fetcher.daemon();
    let mut sources = place.sources();
    let into = place.folder.path().join("into");
    let get = place.get(&fetcher, &sources, &into);
    let ids = sources
        .iter()
        .map(|source| (source.kind, source.id.clone()));
    let ids: Vec<(Kind, String)> = ids.collect();
    if let Some(survivor) = survivor {
        get.event_where("progress", |event| number(event, "done") >= SIZE / 2);
        sources.retain(|source| source.kind == survivor);
    }
    let done = get.finish().expect_code(0);
    trees::assert_same(&place.file, &into.join(&place.cid));
    let view = network(&fetcher);
    let part = |(kind, id): &(Kind, String)| match kind {
        Kind::Gateway => (*kind, received_from_service(&view, id)),
        _ => (*kind, bytes_from(&done, id)),
    };
    let parts: Vec<(Kind, u64)> = ids.iter().map(part).collect();
    // To the stream itself: the test harness hides what a passing test prints.
    let _ = writeln!(std::io::stderr(), "killed but {survivor:?}: {parts:?}");
    assert!(parts.iter().all(|(_, bytes)| *bytes > 0), "{parts:?}");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Shoal,
    Kubo,
    /// Another Shoal, which is found by mDNS alone.
    Nearby,
    /// Kubo as well, which is asked over HTTP alone.
    Gateway,
}

/// A home with two devices behind a router, and three computers outside.
struct Place {
    folder: TempDir,
    file: PathBuf,
    cid: String,
    fetcher: Host,
    shoal: Shoal,
    kubo: Kubo,
    nearby: Shoal,
    gateway: Kubo,
    gateway_url: String,
    _router: Router,
    _lab: Lab,
}

/// A running source: it is killed when dropped.
struct Source<'a> {
    kind: Kind,
    /// Its peer ID, or its URL.
    id: String,
    /// Where the fetcher is told to find it.
    hint: Option<String>,
    _program: Program<'a>,
}

enum Program<'a> {
    Shoal(#[expect(dead_code, reason = "it runs as long as this is kept")] Running),
    Kubo(#[expect(dead_code, reason = "it runs as long as this is kept")] Daemon<'a>),
}

impl Place {
    /// `None` after a loud word where the tools are missing.
    fn new() -> Option<Self> {
        let mut lab = Lab::new()?;
        let mut router = lab.router(Nat::Cone);
        let [shoal, kubo, gateway] = [(); 3].map(|()| lab.host());
        let [nearby, fetcher] = [(); 2].map(|()| lab.host_behind(&mut router));
        for host in [&shoal, &kubo, &gateway, &nearby] {
            host.send_at_most(PACE);
        }
        let web = gateway.address();
        let folder = tempfile::tempdir().unwrap();
        let file = trees::file(&folder.path().join("file"), 70, SIZE);
        let [kubo, gateway] = [
            Kubo::at(&kubo, |_| ())?,
            Kubo::at(&gateway, |config| {
                serve_on_the_web(config, &web.to_string());
            })?,
        ];
        kubo.add(&file, &[]);
        Some(Self {
            cid: gateway.add(&file, &[]),
            folder,
            file,
            fetcher,
            shoal: Shoal::at(&shoal),
            kubo,
            nearby: Shoal::at(&nearby).with("mdns", "on"),
            gateway,
            gateway_url: format!("http://{web}:{GATEWAY_PORT}/"),
            _router: router,
            _lab: lab,
        })
    }

    fn sources(&self) -> Vec<Source<'_>> {
        let (shoal, ready, _) = self.shoal.share(&self.file, &[]);
        let (nearby, ready_nearby, _) = self.nearby.share(&self.file, &[]);
        let (kubo, gateway) = (self.kubo.daemon(), self.gateway.daemon());
        let address = Wire::TcpTls.pick(&kubo.addresses).to_owned();
        let (_, kubo_id) = address.rsplit_once("/p2p/").unwrap();
        vec![
            Source {
                kind: Kind::Shoal,
                id: ready.peer.clone(),
                hint: Some(ready.address(Wire::Quic).to_owned()),
                _program: Program::Shoal(shoal),
            },
            Source {
                kind: Kind::Kubo,
                id: kubo_id.to_owned(),
                hint: Some(address),
                _program: Program::Kubo(kubo),
            },
            Source {
                kind: Kind::Nearby,
                id: ready_nearby.peer,
                hint: None,
                _program: Program::Shoal(nearby),
            },
            Source {
                kind: Kind::Gateway,
                id: self.gateway_url.clone(),
                hint: None,
                _program: Program::Kubo(gateway),
            },
        ]
    }

    fn fetcher(&self) -> Shoal {
        Shoal::at(&self.fetcher)
            .with("mdns", "on")
            .with("http.gateways", &self.gateway_url)
    }

    /// A download that has begun, once the device nearby is known.
    fn get(&self, fetcher: &Shoal, sources: &[Source<'_>], into: &Path) -> Running {
        let nearby = sources.iter().find(|source| source.kind == Kind::Nearby);
        let nearby = &nearby.unwrap().id;
        network_where(fetcher, "next to the other device", |view| {
            let devices = view["nearby"].as_array().unwrap();
            devices
                .iter()
                .any(|device| device["peer"] == nearby.as_str())
        });
        let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> =
            vec![&"get", &self.cid, &"--into", &into];
        for hint in sources.iter().filter_map(|source| source.hint.as_ref()) {
            arguments.push(&"--provider");
            arguments.push(hint);
        }
        fetcher.start(&arguments)
    }
}

/// A gateway that gives what it has, and looks nowhere else.
fn serve_on_the_web(config: &mut Value, address: &str) {
    config["Addresses"]["Gateway"] = json!([format!("/ip4/{address}/tcp/{GATEWAY_PORT}")]);
    config["Gateway"] = json!({ "NoFetch": true, "DeserializedResponses": false });
}

/// Bytes of blocks that came from a web service.
fn received_from_service(view: &Value, url: &str) -> u64 {
    let services = view["services"].as_array().unwrap();
    let found = services.iter().filter(|service| service["url"] == url);
    found.map(|service| number(service, "received")).sum()
}
