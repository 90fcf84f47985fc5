//! Routers of all kinds, on 127.0.0.1.

use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

use super::*;

/// What a router says to a request: its path or SOAP action, and the body.
type Script = fn(&str, &str) -> Say;

enum Say {
    Body(String),
    Code(u16, &'static str),
    /// Bytes without end.
    Endless,
    HangUp,
}

struct Fake {
    ssdp: Ssdp,
    heard: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

impl Fake {
    async fn start(script: Script) -> Self {
        let http = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let location = format!("http://{}/desc.xml", http.local_addr().unwrap());
        Self::start_at(script, http, &location).await
    }

    async fn start_at(script: Script, http: TcpListener, location: &str) -> Self {
        let udp = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
        let ssdp = Ssdp {
            v4: udp.local_addr().unwrap(),
            allowed: vec![LOOPBACK],
            timeout: Duration::from_millis(500),
        };
        let heard = Arc::new(Mutex::new(Vec::new()));
        let answer = format!("HTTP/1.1 200 OK\r\nLOCATION: {location}\r\n\r\n");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((_, from)) = udp.recv_from(&mut buffer).await {
                let _ = udp.send_to(answer.as_bytes(), from).await;
            }
        });
        let hears = Arc::clone(&heard);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = http.accept().await {
                connections.spawn(serve(stream, script, Arc::clone(&hears)));
            }
        });
        Self {
            ssdp,
            heard,
            _tasks: tasks,
        }
    }

    async fn find(&self) -> Option<(Client, Facts)> {
        find(LOOPBACK, None, &self.ssdp).await
    }

    fn heard(&self, what: &str) -> bool {
        let heard = self.heard.lock().unwrap();
        heard.iter().any(|heard| heard.contains(what))
    }
}

async fn serve(mut stream: TcpStream, script: Script, heard: Arc<Mutex<Vec<String>>>) {
    let mut request = Vec::new();
    let (head, body) = loop {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1).unwrap_or("0");
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if body.len() >= length {
            break (head.to_owned(), body.to_owned());
        }
    };
    let lower = head.to_ascii_lowercase();
    let action = lower.split("soapaction: ").nth(1);
    let what = match action {
        Some(action) => {
            let action = action.lines().next().unwrap();
            let name = action.split('#').nth(1).unwrap().trim_end_matches('"');
            name.to_owned()
        }
        None => head.split(' ').nth(1).unwrap().to_owned(),
    };
    heard.lock().unwrap().push(format!("{what} {body}"));
    let text = match script(&what, &body) {
        Say::Body(body) => body,
        Say::Code(code, text) => envelope(&format!(
            "<s:Fault><detail><UPnPError><errorCode>{code}</errorCode>\
             <errorDescription>{text}</errorDescription></UPnPError></detail></s:Fault>"
        )),
        Say::Endless => {
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
            return;
        }
        Say::HangUp => return,
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    let _ = stream.write_all((head + &text).as_bytes()).await;
}

fn envelope(body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>"
    )
}

fn answer(action: &str, body: &str) -> Say {
    Say::Body(envelope(&format!(
        "<u:{action} xmlns:u=\"x\">{body}</u:{action}>"
    )))
}

/// A router that does what it is asked to.
fn good(what: &str, _body: &str) -> Say {
    match what {
        "/desc.xml" => Say::Body(
            "<root><device><friendlyName>Tom &amp; Jerry\n's</friendlyName><serviceList><service>\
             <serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>\
             <SCPDURL>/scpd.xml</SCPDURL><controlURL>/ctl</controlURL>\
             </service></serviceList></device></root>"
                .to_owned(),
        ),
        "/scpd.xml" => {
            let argument = |name: &str| {
                format!("<argument><name>{name}</name><direction>in</direction></argument>")
            };
            let action = |name: &str, arguments: &[&str]| {
                let arguments: String = arguments.iter().map(|name| argument(name)).collect();
                format!(
                    "<action><name>{name}</name><argumentList>{arguments}</argumentList></action>"
                )
            };
            let whole = [
                "NewRemoteHost",
                "NewExternalPort",
                "NewProtocol",
                "NewInternalPort",
                "NewInternalClient",
                "NewEnabled",
                "NewPortMappingDescription",
                "NewLeaseDuration",
            ];
            Say::Body(format!(
                "<scpd><actionList>{}{}{}</actionList></scpd>",
                action("AddPortMapping", &whole),
                action("AddAnyPortMapping", &whole),
                action("DeletePortMapping", &whole[..3])
            ))
        }
        "getexternalipaddress" => answer(
            "GetExternalIPAddressResponse",
            "<NewExternalIPAddress>8.8.8.8</NewExternalIPAddress>",
        ),
        "addportmapping" => answer("AddPortMappingResponse", ""),
        "addanyportmapping" => answer(
            "AddAnyPortMappingResponse",
            "<NewReservedPort>5000</NewReservedPort>",
        ),
        "deleteportmapping" => answer("DeletePortMappingResponse", ""),
        "getspecificportmappingentry" => answer(
            "GetSpecificPortMappingEntryResponse",
            "<NewInternalPort dt=\"ui2\">4801</NewInternalPort><NewInternalClient>192.168.1.10</NewInternalClient>",
        ),
        _ => Say::HangUp,
    }
}

fn endpoint() -> Endpoint {
    Endpoint {
        transport: Transport::Tcp,
        address: "192.168.1.10:4801".parse().unwrap(),
    }
}

fn opened(external: u16) -> Opened {
    Opened {
        endpoint: endpoint(),
        external,
    }
}

async fn mapped(script: Script) -> Outcome {
    let fake = Fake::start(script).await;
    let (mut router, _) = fake.find().await.unwrap();
    router.map(endpoint(), 4801).await
}

async fn checked(script: Script) -> Outcome {
    let fake = Fake::start(script).await;
    let (mut router, _) = fake.find().await.unwrap();
    router.check(&[opened(4801)]).await
}

fn port_and_lease(outcome: Outcome) -> (u16, Option<Duration>) {
    match outcome {
        Outcome::Mapped(granted) => (granted.opened.external, granted.lease),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_port_is_opened_seen_and_closed() {
    let fake = Fake::start(good).await;
    let (mut router, facts) = fake.find().await.unwrap();
    assert_eq!(facts.name.as_deref(), Some("Tom & Jerry 's"));
    assert_eq!(facts.external, External::Is("8.8.8.8".parse().unwrap()));
    let outcome = router.map(endpoint(), 4801).await;
    assert_eq!(
        port_and_lease(outcome),
        (4801, Some(Duration::from_hours(1)))
    );
    assert!(fake.heard("<NewPortMappingDescription>Shoal<"));
    let checked = Outcome::Checked {
        external: External::Is("8.8.8.8".parse().unwrap()),
        gone: Vec::new(),
        unsure: Vec::new(),
    };
    assert_eq!(router.check(&[opened(4801)]).await, checked);
    assert_eq!(router.unmap(opened(4801)).await, Outcome::Unmapped);
    assert!(fake.heard("deleteportmapping"));
}

#[tokio::test]
async fn a_router_that_knows_only_leases_without_end_gives_one() {
    let outcome = mapped(|what, body| match what {
        "addportmapping" if !body.contains("<NewLeaseDuration>0<") => {
            Say::Code(725, "OnlyPermanentLeasesSupported")
        }
        what => good(what, body),
    });
    assert_eq!(port_and_lease(outcome.await), (4801, None));
}

#[tokio::test]
async fn any_port_outside_is_taken_when_ours_is_not_free() {
    let scripts: [Script; 2] = [
        |what, body| match what {
            "addportmapping" => Say::Code(718, "ConflictInMappingEntry"),
            what => good(what, body),
        },
        |what, body| match what {
            "addportmapping" => Say::Code(501, "ActionFailed"),
            what => good(what, body),
        },
    ];
    for script in scripts {
        assert_eq!(port_and_lease(mapped(script).await).0, 5000);
    }
}

#[tokio::test]
async fn a_refusal_comes_with_what_the_router_said_first() {
    let outcome = mapped(|what, body| match what {
        "addportmapping" => Say::Code(501, "Not  while\nI am watching"),
        "addanyportmapping" => Say::Code(728, "NoPortMapsAvailable"),
        what => good(what, body),
    });
    let said = "Not while I am watching (501)".to_owned();
    assert_eq!(outcome.await, Outcome::Refused(endpoint(), said));
    let outcome = mapped(|what, body| match what {
        "addportmapping" | "addanyportmapping" => Say::Code(606, "Action not authorized"),
        what => good(what, body),
    });
    assert!(matches!(outcome.await, Outcome::Refused(..)));
}

#[tokio::test]
async fn what_was_forgotten_or_leads_to_others_is_gone() {
    let forgotten: Script = |what, body| match what {
        "getspecificportmappingentry" => Say::Code(714, "NoSuchEntryInArray"),
        what => good(what, body),
    };
    let stolen: Script = |what, body| match what {
        "getspecificportmappingentry" => answer(
            "GetSpecificPortMappingEntryResponse",
            "<NewInternalPort>4801</NewInternalPort><NewInternalClient>192.168.1.99</NewInternalClient>",
        ),
        what => good(what, body),
    };
    for script in [forgotten, stolen] {
        match checked(script).await {
            Outcome::Checked { gone, .. } => assert_eq!(gone, [endpoint()]),
            other => panic!("{other:?}"),
        }
    }
    let dumb: Script = |what, body| match what {
        "getspecificportmappingentry" => Say::Code(401, "Invalid Action"),
        what => good(what, body),
    };
    match checked(dumb).await {
        Outcome::Checked { gone, unsure, .. } => {
            assert_eq!((gone, unsure), (Vec::new(), vec![endpoint()]));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_router_without_an_external_address_says_why() {
    let none: Script = |what, body| match what {
        "getexternalipaddress" => answer(
            "GetExternalIPAddressResponse",
            "<NewExternalIPAddress></NewExternalIPAddress>",
        ),
        what => good(what, body),
    };
    let zero: Script = |what, body| match what {
        "getexternalipaddress" => answer(
            "GetExternalIPAddressResponse",
            "<NewExternalIPAddress>0.0.0.0</NewExternalIPAddress>",
        ),
        "getstatusinfo" => answer(
            "GetStatusInfoResponse",
            "<NewConnectionStatus>Disconnected</NewConnectionStatus>",
        ),
        what => good(what, body),
    };
    let hidden: Script = |what, body| match what {
        "getexternalipaddress" => answer("GetExternalIPAddressResponse", "<NewExternalIPAddress/>"),
        "getstatusinfo" => answer(
            "GetStatusInfoResponse",
            "<NewConnectionStatus>Connected</NewConnectionStatus>",
        ),
        what => good(what, body),
    };
    let fails: Script = |what, body| match what {
        "getexternalipaddress" => Say::Code(501, "Line is down"),
        what => good(what, body),
    };
    let untold = |text: &str| External::Untold(text.to_owned());
    for (script, expected) in [
        (none, untold("no external address")),
        (zero, untold("Disconnected")),
        (hidden, External::Hidden),
        (fails, untold("Line is down (501)")),
    ] {
        let (_, facts) = Fake::start(script).await.find().await.unwrap();
        assert_eq!(facts.external, expected);
    }
}

#[tokio::test]
async fn endless_broken_and_missing_answers_are_none() {
    let scripts: [Script; 4] = [
        |what, body| match what {
            "addportmapping" => Say::Endless,
            what => good(what, body),
        },
        |what, body| match what {
            "addportmapping" => Say::Body("<s:Envelope><s:Body><".repeat(9)),
            what => good(what, body),
        },
        |what, body| match what {
            "addportmapping" => Say::Body("<a>".repeat(100_000)),
            what => good(what, body),
        },
        |what, body| match what {
            "addportmapping" => Say::HangUp,
            what => good(what, body),
        },
    ];
    for script in scripts {
        assert_eq!(mapped(script).await, Outcome::Lost);
    }
}

#[tokio::test]
async fn a_description_without_end_or_sense_is_no_router() {
    let scripts: [Script; 3] = [
        |_, _| Say::Endless,
        |_, _| Say::Body("<!DOCTYPE x [<!ENTITY a \"b\">]><root>&a;</root>".to_owned()),
        |_, _| Say::HangUp,
    ];
    for script in scripts {
        assert!(Fake::start(script).await.find().await.is_none());
    }
}

/// Only Linux has all of 127.0.0.0/8.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn whoever_answers_can_send_us_to_nobody_else() {
    let elsewhere = IpAddr::from([127, 0, 0, 2]);
    let http = TcpListener::bind((elsewhere, 0)).await.unwrap();
    let location = format!("http://{}/desc.xml", http.local_addr().unwrap());
    let mut fake = Fake::start_at(good, http, &location).await;
    assert!(fake.find().await.is_none());
    assert!(!fake.heard("desc.xml"));
    fake.ssdp.allowed.push(elsewhere);
    assert!(fake.find().await.is_some());
}

#[test]
fn elements_are_found_by_their_whole_name() {
    assert_eq!(element("<ab>1</ab><a x=\"1\">2</a>", "a"), Some("2"));
    assert_eq!(element("<a>1", "a"), None);
    assert_eq!(element("<a", "a"), None);
    assert_eq!(element("<a/><a>é</a>", "a"), Some("é"));
}

#[tokio::test]
async fn a_router_whose_service_is_not_described_opens_ports_all_the_same() {
    fn gone(what: &str, body: &str) -> Say {
        match what {
            "/scpd.xml" => Say::HangUp,
            _ => good(what, body),
        }
    }
    fn garbage(what: &str, body: &str) -> Say {
        match what {
            "/scpd.xml" => Say::Body("<html><h1>404 Not Found</html>".to_owned()),
            _ => good(what, body),
        }
    }
    fn nothing_in_it(what: &str, body: &str) -> Say {
        match what {
            "/scpd.xml" => Say::Body("<scpd><actionList></actionList></scpd>".to_owned()),
            _ => good(what, body),
        }
    }
    for script in [gone as Script, garbage, nothing_in_it] {
        let fake = Fake::start(script).await;
        let (mut router, facts) = fake.find().await.unwrap();
        assert_eq!(facts.name.as_deref(), Some("Tom & Jerry 's"));
        let outcome = router.map(endpoint(), 4801).await;
        let Outcome::Mapped(granted) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(granted.opened, opened(4801));
        assert!(fake.heard("<NewInternalClient>192.168.1.10<"));
        assert!(matches!(
            router.unmap(opened(4801)).await,
            Outcome::Unmapped
        ));
        assert!(fake.heard("deleteportmapping"));
    }
}
