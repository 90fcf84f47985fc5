//! What web servers of all manners are made of, over loopback.

use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use libp2p::PeerId;
use libp2p::identity::Keypair;
use libp2p::pnet::PreSharedKey;
use rustls::crypto::aws_lc_rs;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use serde_json::json;
use unixfs::cid::{self, Cid};

use super::client::{Clients, NamedBy};
use super::routing::{self, Taker};
use super::server::{Said, Server};
use super::*;
use crate::address::DialPolicy;
use crate::limits::{MAX_LOOKUP_BYTES, MAX_LOOKUP_RECORD};
use crate::tests::store::Store;
use crate::{Session, SessionEvent};

const RAW: &str = "application/vnd.ipld.raw";
const LINES: &str = "application/x-ndjson";
const JSON: &str = "application/json; charset=utf-8";

fn block_of(byte: u8, size: usize) -> (Cid, Bytes) {
    let data = Bytes::from(vec![byte; size]);
    let hash = cid::hash(cid::SHA2_256, &data).unwrap();
    (Cid::new_v1(cid::RAW, hash), data)
}

fn clients() -> Clients {
    Clients::new(DialPolicy::new(true, true, true))
}

async fn fetch(said: Said) -> Result<Bytes, WebError> {
    let server = Server::start(move |_| said.clone()).await;
    let (cid, _) = block_of(1, 1000);
    gateway::block(&clients(), &server.url, NamedBy::Person, cid).await
}

#[tokio::test]
async fn a_block_is_asked_for_as_gateways_want_it() {
    let (cid, data) = block_of(1, 1000);
    let served = data.clone();
    let server = Server::start(move |_| Said::body(RAW, &served)).await;
    let got = gateway::block(&clients(), &server.url, NamedBy::Person, cid).await;
    assert_eq!(got, Ok(data));
    let request = server.asked().remove(0);
    assert!(request.starts_with(&format!("GET /ipfs/{cid}?format=raw HTTP/1.1\r\n")));
    assert!(request.contains(&format!("accept: {RAW}\r\n")), "{request}");
    assert!(request.contains("user-agent: shoal/"));
}

#[tokio::test]
async fn what_is_no_such_block_is_refused() {
    let (_, other) = block_of(2, 1000);
    let huge = vec![0; 3 << 20];
    for (said, expected) in [
        (Said::body(RAW, &other), WebError::Wrong),
        (Said::body(RAW, b""), WebError::Wrong),
        (
            Said::body("text/html", b"<h1>Welcome</h1>"),
            WebError::Wrong,
        ),
        (Said::body(RAW, &huge), WebError::TooLarge),
        (Said::stream(RAW, &huge), WebError::TooLarge),
        (Said::status("404 Not Found", ""), WebError::Lacks),
        (Said::status("410 Gone", ""), WebError::Lacks),
        (Said::status("500 Oh", ""), WebError::Status(500)),
        (Said::status("429 Slow", ""), WebError::Busy(None)),
        (
            Said::status("429 Slow", "Retry-After: 7\r\n"),
            WebError::Busy(Some(Duration::from_secs(7))),
        ),
        (
            Said::status("503 Down", "Retry-After: 60\r\n"),
            WebError::Busy(Some(Duration::from_mins(1))),
        ),
        (Said::status("503 Down", ""), WebError::Status(503)),
    ] {
        let told = String::from_utf8_lossy(&said.bytes[..20]).into_owned();
        assert_eq!(fetch(said).await, Err(expected), "{told}");
    }
    let garbage = Said {
        bytes: b"\x00\xff\x00\xff no HTTP at all\r\n\r\n".to_vec(),
        hangs: false,
    };
    assert!(matches!(
        fetch(garbage).await,
        Err(WebError::Unreachable(_))
    ));
}

#[tokio::test]
async fn a_pause_may_be_told_as_a_date() {
    let date = "Retry-After: Tue, 31 Dec 2199 23:59:59 GMT\r\n";
    let Err(WebError::Busy(Some(pause))) = fetch(Said::status("429 Slow", date)).await else {
        panic!("no pause");
    };
    assert!(pause > Duration::from_hours(24));
}

#[tokio::test]
async fn redirects_lead_to_no_other_server() {
    let (cid, data) = block_of(1, 1000);
    let served = data.clone();
    let other = Server::start(move |_| Said::body(RAW, &served)).await;
    let away = format!("Location: {}ipfs/{cid}\r\n", other.url);
    let server = Server::start(move |path| match path {
        "/within" => Said::body(RAW, &data),
        path if path.starts_with("/sub/") => Said::status("302 Found", "Location: /within\r\n"),
        _ => Said::status("302 Found", &away),
    })
    .await;
    let clients = clients();
    let got = gateway::block(&clients, &server.url, NamedBy::Person, cid).await;
    assert_eq!(got, Err(WebError::Status(302)));
    assert!(other.asked().is_empty());
    let within = server.url.join("/sub/").unwrap();
    assert!(
        gateway::block(&clients, &within, NamedBy::Person, cid)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_server_that_can_not_prove_its_name_is_asked_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let (certificate, key) =
        libp2p_tls::certificate::generate(&Keypair::generate_ed25519()).unwrap();
    let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let certified = CertifiedKey::new(vec![certificate], key);
    let config = rustls::ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    let heard = tokio::task::spawn_blocking(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut tls = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut request = String::new();
        let mut stream = rustls::Stream::new(&mut tls, &mut socket);
        // The handshake fails.
        let _ = stream.read_to_string(&mut request);
        request
    });
    let (cid, _) = block_of(1, 1000);
    let got = gateway::block(&clients(), &url.parse().unwrap(), NamedBy::Person, cid).await;
    assert!(matches!(got, Err(WebError::Unreachable(_))), "{got:?}");
    assert_eq!(heard.await.unwrap(), "");
}

/// What a delegated routing service's answer leads to, and the peers in it that came before its
/// end.
async fn look_up(said: Said) -> (Result<(), WebError>, Vec<PeerId>) {
    let hangs = said.hangs;
    let server = Server::start(move |_| said.clone()).await;
    let (events, mut found) = mpsc::channel(1000);
    let taker = Taker {
        session: SessionId(1),
        events,
    };
    let (cid, _) = block_of(1, 1);
    let (clients, policy) = (clients(), DialPolicy::new(true, true, true));
    let asking = routing::providers(&clients, &server.url, &cid, &policy, &taker);
    let first = if hangs {
        tokio::select! {
            result = asking => panic!("{result:?}"),
            first = found.recv() => (Ok(()), first),
        }
    } else {
        (asking.await, None)
    };
    let request = server.asked().remove(0);
    assert!(
        request.starts_with(&format!("GET /routing/v1/providers/{cid}?")),
        "{request}"
    );
    drop(taker);
    let mut peers = Vec::new();
    let mut next = first.1;
    loop {
        if let Some(WebEvent::Found { targets, .. }) = next {
            for target in targets {
                let Target::Peer(peer, addresses) = target else {
                    panic!("{target:?}")
                };
                assert_eq!(addresses, ["/ip4/127.0.0.1/tcp/1".parse().unwrap()]);
                peers.push(peer);
            }
        }
        next = match found.try_recv() {
            Ok(event) => Some(event),
            Err(_) => return (first.0, peers),
        };
    }
}

fn record(peer: &PeerId) -> serde_json::Value {
    json!({"Schema": "peer", "ID": peer.to_string(), "Protocols": ["transport-bitswap"],
        "Addrs": ["/ip4/127.0.0.1/tcp/1", "/ip4/8.8.8.8/tcp/1"]})
}

#[tokio::test]
async fn routers_answer_in_lines_or_as_a_whole() {
    let peers: Vec<PeerId> = (0..3).map(|_| PeerId::random()).collect();
    let records: Vec<_> = peers.iter().map(record).collect();
    let lines: Vec<String> = records.iter().map(ToString::to_string).collect();
    let lines = lines.join("\n") + "\n";
    let whole = json!({"Providers": records, "More": true}).to_string();
    for said in [
        Said::stream(LINES, lines.as_bytes()),
        Said::body(LINES, lines.trim_end().as_bytes()),
        Said::body(LINES, lines.replace('\n', "\r\n\r\n").as_bytes()),
        Said::stream(LINES, lines.as_bytes()).and_hangs(),
        Said::body(JSON, whole.as_bytes()),
    ] {
        assert_eq!(look_up(said).await, (Ok(()), peers.clone()));
    }
    for said in [
        Said::status("404 Not Found", ""),
        Said::body(LINES, b""),
        Said::body(JSON, b"{\"Providers\": null}"),
        Said::body(JSON, b"{}"),
    ] {
        assert_eq!(look_up(said).await, (Ok(()), Vec::new()));
    }
}

#[tokio::test]
async fn what_a_router_says_is_bounded() {
    let peer = PeerId::random();
    let good = format!("{}\n", record(&peer));
    let then = |rest: &[u8]| Said::stream(LINES, &[good.as_bytes(), rest].concat());
    let long_line = vec![b' '; MAX_LOOKUP_RECORD + 1];
    let many_lines = b"{\"Schema\": \"x\"}    \n".repeat(MAX_LOOKUP_BYTES / 20 + 1);
    // Its records end it before its bytes do; blank lines are bytes only.
    assert_eq!(look_up(then(&many_lines)).await, (Ok(()), vec![peer]));
    let blank = b"\n".repeat(MAX_LOOKUP_BYTES + 1);
    assert_eq!(
        look_up(then(&blank)).await,
        (Err(WebError::TooLarge), vec![peer])
    );
    assert_eq!(look_up(then(&long_line)).await.0, Err(WebError::TooLarge));
    let (result, _) = look_up(then(b"no json\n")).await;
    assert_eq!(result, Err(WebError::Wrong));
    let huge = vec![b' '; MAX_LOOKUP_BYTES + 1];
    for said in [Said::body(JSON, &huge), Said::stream(JSON, &huge)] {
        assert_eq!(look_up(said).await, (Err(WebError::TooLarge), Vec::new()));
    }
    for body in ["[]", "{\"Providers\": 7}", "<h1>", ""] {
        let said = Said::body(JSON, body.as_bytes());
        assert_eq!(look_up(said).await, (Err(WebError::Wrong), Vec::new()));
    }
    let busy = Said::status("429 Slow", "Retry-After: 3\r\n");
    let expected = WebError::Busy(Some(Duration::from_secs(3)));
    assert_eq!(look_up(busy).await.0, Err(expected));
}

#[tokio::test]
async fn the_public_test() {
    let address: Multiaddr = "/ip4/8.8.8.8/tcp/1".parse().unwrap();
    let (cid, _) = block_of(1, 1);
    let check = async |said: Said| {
        let server = Server::start(move |_| said.clone()).await;
        let base = server.url.join("/base/").unwrap();
        let check = public_check(&clients(), &base, &address, &cid).await;
        (check, server.asked())
    };
    let reached = json!({"ConnectionError": "", "ConnectionMaddrs": ["/ip4/8.8.8.8/tcp/1"],
        "DataAvailableOverBitswap": {"Enabled": true, "Found": true, "Responded": true, "Error": ""}});
    let (answer, asked) = check(Said::body(JSON, reached.to_string().as_bytes())).await;
    assert_eq!(
        (answer.verdict, answer.detail.as_deref()),
        (Verdict::Yes, Some("/ip4/8.8.8.8/tcp/1"))
    );
    let line = format!(
        "GET /base/check?cid={cid}&multiaddr=%2Fip4%2F8.8.8.8%2Ftcp%2F1&timeoutSeconds=60 "
    );
    assert!(asked[0].starts_with(&line), "{}", asked[0]);
    for said in [
        Said::status("500 Oh", ""),
        Said::body(JSON, b"[]"),
        Said::body(JSON, &vec![b' '; 300_000]),
    ] {
        let (answer, _) = check(said).await;
        assert_eq!(answer.verdict, Verdict::Unknown);
        assert!(answer.detail.unwrap().starts_with("http://127.0.0.1"));
    }
}

/// A table with one gateway of the person's, and the ID that it got.
fn table(url: &Url) -> (Gateways, mpsc::Receiver<WebEvent>, PeerId) {
    let (sender, events) = mpsc::channel(64);
    let mut gateways = Gateways::new(clients(), sender);
    let steps = gateways.choose(std::slice::from_ref(url));
    let [Step::Connect(id)] = steps[..] else {
        panic!("{steps:?}")
    };
    (gateways, events, id)
}

async fn answer(gateways: &mut Gateways, events: &mut mpsc::Receiver<WebEvent>) -> Vec<Step> {
    let Some(WebEvent::Block {
        gateway,
        cid,
        request,
        result,
    }) = events.recv().await
    else {
        panic!("no answer")
    };
    gateways.answered(gateway, cid, request, result)
}

#[tokio::test]
async fn a_gateway_that_lies_rests_and_says_why() {
    let (cid, data) = block_of(1, 1000);
    let (lied, _) = block_of(2, 1000);
    let served = data.clone();
    let server = Server::start(move |path| match path {
        // The very same bytes under every CID.
        path if path.starts_with("/ipfs/") => Said::body(RAW, &served),
        _ => Said::status("404 Not Found", ""),
    })
    .await;
    let (mut gateways, mut events, id) = table(&server.url);
    gateways.ask(id, vec![cid, cid], &[]);
    let steps = answer(&mut gateways, &mut events).await;
    assert_eq!(steps, [Step::Block(id, cid, data)]);
    let service = gateways.statuses().remove(0);
    assert_eq!((service.problem, service.received), (None, 1000));
    gateways.ask(id, vec![lied], &[]);
    let steps = answer(&mut gateways, &mut events).await;
    assert_eq!(steps, [Step::Lacks(id, lied), Step::Disconnect(id)]);
    let service = gateways.statuses().remove(0);
    assert!(service.problem.is_some());
    // It comes back, but not at once.
    let now = Instant::now();
    assert_eq!(gateways.update(now + Duration::from_secs(30)), []);
    assert_eq!(
        gateways.update(now + Duration::from_hours(1)),
        [Step::Connect(id)]
    );
    assert_eq!(server.asked().len(), 2, "one block was asked for twice");
}

#[tokio::test]
async fn what_is_taken_back_is_heard_of_no_more() {
    let server = Server::start(|_| Said::default().and_hangs()).await;
    let (mut gateways, _events, id) = table(&server.url);
    let (cid, data) = block_of(1, 1000);
    gateways.ask(id, vec![cid], &[]);
    gateways.ask(id, vec![], &[cid]);
    // An answer that was on its way.
    assert_eq!(gateways.answered(id, cid, 1, Ok(data.clone())), []);
    gateways.ask(id, vec![cid], &[]);
    assert_eq!(gateways.answered(id, cid, 1, Ok(data)), []);
    assert_eq!(gateways.choose(&[]), [Step::Disconnect(id)]);
    assert_eq!(gateways.names()[&id], server.url.as_str());
    assert!(gateways.statuses().is_empty());
}

#[test]
fn gateways_join_a_session_that_lasts() {
    let url: Url = "http://127.0.0.1:1".parse().unwrap();
    let found: Url = "https://found.example".parse().unwrap();
    let (mut gateways, _events, id) = table(&url);
    let (one, other) = (SessionId(1), SessionId(2));
    let now = Instant::now();
    gateways.open(one, now);
    gateways.open(other, now);
    assert_eq!(gateways.update(now), []);
    let later = now + Duration::from_secs(2);
    let mut steps = gateways.update(later);
    steps.sort_by_key(|step| format!("{step:?}"));
    assert_eq!(steps, [Step::Join(one, id), Step::Join(other, id)]);
    assert_eq!(gateways.update(later), []);
    // One that was found is for its session alone, and gone with it.
    let steps = gateways.found(one, std::slice::from_ref(&found));
    let [Step::Connect(new)] = steps[..] else {
        panic!("{steps:?}")
    };
    let mut steps = gateways.update(later);
    steps.retain(|step| matches!(step, Step::Join(_, id) if *id == new));
    assert_eq!(steps, [Step::Join(one, new)]);
    assert_eq!(gateways.close(other), []);
    assert_eq!(gateways.close(one), [Step::Disconnect(new)]);
    assert!(gateways.found(one, &[found]).is_empty());
}

/// The first block of a session, from whom it came.
async fn first_block(session: &mut Session) -> (Cid, PeerId) {
    let reading = async {
        loop {
            let event = session.events.recv().await.unwrap();
            if let SessionEvent::Block { peer, cid, .. } = event {
                return (cid, peer);
            }
        }
    };
    let limit = Duration::from_mins(1);
    tokio::time::timeout(limit, reading).await.unwrap()
}

#[tokio::test]
async fn services_change_while_the_network_runs() {
    let (cid, data) = block_of(1, 1000);
    let server = Server::start(move |_| Said::body(RAW, &data)).await;
    let key = Keypair::generate_ed25519();
    let config = Config::local();
    let net = Store::default().join(config.clone(), key).await.unwrap();
    let mut session = net.session(cid, Vec::new()).await.unwrap();
    let want = bitswap::Want {
        cid,
        size: None,
        priority: 0,
    };
    session.want(vec![want]).await.unwrap();
    let mut with_gateway = config.clone();
    with_gateway.web.gateways = vec![server.url.clone()];
    net.configure(with_gateway.clone()).await;
    let (got, from) = first_block(&mut session).await;
    assert_eq!(got, cid);
    assert_eq!(net.gateways().await[&from], server.url.as_str());
    // It is nobody who is connected.
    assert!(net.peers().await.is_empty());
    let services = net.network().await.unwrap().services;
    assert_eq!((services.len(), services[0].received), (1, 1000));
    // In a private network nobody outside is told what its people fetch.
    let mut private = with_gateway;
    private.trust.network_key = Some(PreSharedKey::new([1; 32]));
    net.configure(private).await;
    assert!(net.network().await.unwrap().services.is_empty());
    net.configure(config).await;
    assert!(net.network().await.unwrap().services.is_empty());
    // What came from it can still be told.
    assert_eq!(net.gateways().await[&from], server.url.as_str());
    net.shutdown().await;
}
