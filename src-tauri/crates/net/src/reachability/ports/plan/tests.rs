//! The plan against routers of all kinds, in virtual time.

use proptest::prelude::*;

use super::*;

const HOUR: Duration = Duration::from_hours(1);

/// A router that does what it is told to, or doesn't, and a plan that talks to it.
struct Scene {
    plan: Plan,
    now: Instant,
    router: FakeRouter,
    /// What was asked, in order.
    asked: Vec<&'static str>,
}

#[derive(Default)]
struct FakeRouter {
    /// It is there.
    on: bool,
    /// It answers searches only.
    mute: bool,
    refuses: bool,
    external: Option<External>,
    table: Vec<Opened>,
    /// The first port outside that it gives when the one asked for is taken.
    taken: Option<u16>,
    lease: Option<Duration>,
}

impl Scene {
    fn new(external: &str) -> Self {
        let router = FakeRouter {
            on: true,
            external: Some(External::Is(external.parse().unwrap())),
            lease: Some(HOUR),
            ..FakeRouter::default()
        };
        Self {
            plan: Plan::default(),
            now: Instant::now(),
            router,
            asked: Vec::new(),
        }
    }

    fn set(&mut self, endpoints: &[Endpoint], network: &str) {
        let networks = vec![network.parse().unwrap()];
        self.plan.set(self.now, endpoints, networks);
        self.settle();
    }

    fn start(&mut self) {
        self.set(&[TCP(), QUIC()], HOME);
    }

    fn settle(&mut self) {
        for _ in 0..100 {
            let Some((ip, job)) = self.plan.next(self.now) else {
                return;
            };
            let outcome = self.work(job);
            self.plan.done(self.now, ip, outcome);
        }
        panic!("the plan asks without pause: {:?}", self.asked);
    }

    /// Lets time pass as the plan wants to be woken.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.asked.clear();
        while let Some(at) = self.plan.wake_at().filter(|at| *at <= end) {
            assert!(at >= self.now, "woken in the past");
            self.now = at;
            self.settle();
        }
        self.now = end;
    }

    fn work(&mut self, job: Job) -> Outcome {
        let router = &mut self.router;
        self.asked.push(match job {
            Job::Find => "find",
            Job::Map { .. } => "map",
            Job::Check(_) => "check",
            Job::Unmap(_) => "unmap",
        });
        match job {
            Job::Find if router.on => Outcome::Found(Facts {
                name: Some("Fake".to_owned()),
                address: "192.168.1.1".parse().unwrap(),
                protocol: PortProtocol::Upnp,
                external: router.external.clone().unwrap(),
            }),
            Job::Find => Outcome::NotFound,
            _ if router.mute || !router.on => Outcome::Lost,
            Job::Map { endpoint, .. } if router.refuses => {
                Outcome::Refused(endpoint, "not for you".to_owned())
            }
            Job::Map { endpoint, external } => {
                let external = router.taken.map_or(external, |taken| match external {
                    port if port == endpoint.address.port() => taken,
                    port => port,
                });
                let opened = Opened { endpoint, external };
                if !router.table.contains(&opened) {
                    router.table.push(opened);
                }
                Outcome::Mapped(Granted {
                    opened,
                    ip: None,
                    lease: router.lease,
                    protocol: PortProtocol::Upnp,
                })
            }
            Job::Check(open) => Outcome::Checked {
                external: router.external.clone().unwrap(),
                gone: open
                    .iter()
                    .filter(|open| !router.table.contains(open))
                    .map(|open| open.endpoint)
                    .collect(),
                unsure: Vec::new(),
            },
            Job::Unmap(opened) => {
                router.table.retain(|known| *known != opened);
                Outcome::Unmapped
            }
        }
    }

    fn state(&self) -> PortState {
        self.plan.ports().state
    }

    fn problem(&self) -> Option<RouterProblem> {
        self.plan.ports().router?.problem
    }

    fn shown(&self) -> Vec<String> {
        let mappings = self.plan.ports().mappings;
        let mut shown: Vec<String> = mappings.iter().map(|it| it.external.to_string()).collect();
        shown.sort();
        shown
    }

    fn count(&self, what: &str) -> usize {
        self.asked.iter().filter(|asked| **asked == what).count()
    }
}

const HOME: &str = "192.168.1.0/24";

fn endpoint(transport: Transport, address: &str) -> Endpoint {
    let address = address.parse().unwrap();
    Endpoint { transport, address }
}

#[expect(
    non_snake_case,
    reason = "read like constants, which parsing can't make"
)]
fn TCP() -> Endpoint {
    endpoint(Transport::Tcp, "192.168.1.10:4801")
}

#[expect(
    non_snake_case,
    reason = "read like constants, which parsing can't make"
)]
fn QUIC() -> Endpoint {
    endpoint(Transport::Quic, "192.168.1.10:4802")
}

#[test]
fn ports_are_opened_and_renewed_at_half_of_their_lease() {
    let mut scene = Scene::new("8.8.8.8");
    assert_eq!(scene.state(), PortState::Off);
    scene.start();
    assert_eq!(scene.state(), PortState::Opened);
    assert_eq!(scene.shown(), ["8.8.8.8:4801", "8.8.8.8:4802"]);
    scene.pass(HOUR / 2);
    assert_eq!(scene.count("map"), 2);
    assert!(scene.count("check") >= 30, "{:?}", scene.asked);
    assert_eq!(scene.count("find"), 0);
    let left = scene.plan.ports().mappings[0].expires - scene.now;
    assert!(left > HOUR / 2, "{left:?}");
}

#[test]
fn nothing_is_asked_for_what_no_router_hides() {
    let mut scene = Scene::new("8.8.8.8");
    let others = [
        endpoint(Transport::Tcp, "127.0.0.1:4801"),
        endpoint(Transport::Tcp, "[::1]:4801"),
        endpoint(Transport::Tcp, "0.0.0.0:4801"),
        endpoint(Transport::Tcp, "8.8.4.4:4801"),
        endpoint(Transport::Tcp, "169.254.1.2:4801"),
        endpoint(Transport::Tcp, "[fe80::1]:4801"),
        endpoint(Transport::Tcp, "[fd00::1]:4801"),
        endpoint(Transport::Tcp, "192.168.1.10:0"),
        endpoint(Transport::Other, "192.168.1.10:4801"),
    ];
    scene.set(&others, HOME);
    scene.pass(HOUR);
    assert!(scene.asked.is_empty(), "{:?}", scene.asked);
    assert_eq!(scene.state(), PortState::Off);
}

#[test]
fn a_router_that_restarted_with_nothing_gets_the_same_ports_again_within_a_minute() {
    let mut scene = Scene::new("8.8.8.8");
    scene.router.taken = Some(5000);
    scene.set(&[TCP()], HOME);
    assert_eq!(scene.shown(), ["8.8.8.8:5000"]);
    scene.router.table.clear();
    scene.router.taken = Some(6000);
    scene.pass(Duration::from_mins(1));
    assert_eq!(scene.router.table.len(), 1);
    assert_eq!(scene.shown(), ["8.8.8.8:5000"]);
}

#[test]
fn a_changed_external_address_is_seen_within_a_minute() {
    let mut scene = Scene::new("8.8.8.8");
    scene.start();
    scene.router.external = Some(External::Is("9.9.9.9".parse().unwrap()));
    scene.pass(Duration::from_mins(1));
    assert_eq!(scene.shown(), ["9.9.9.9:4801", "9.9.9.9:4802"]);
}

#[test]
fn without_a_router_it_is_looked_for_ever_more_rarely() {
    let mut scene = Scene::new("8.8.8.8");
    scene.router.on = false;
    scene.start();
    assert_eq!(scene.state(), PortState::NoRouter);
    scene.pass(HOUR);
    assert!((12..=18).contains(&scene.asked.len()), "{:?}", scene.asked);
    scene.router.on = true;
    scene.pass(Duration::from_mins(5));
    assert_eq!(scene.state(), PortState::Opened);
}

#[test]
fn a_new_network_is_searched_at_once() {
    let mut scene = Scene::new("8.8.8.8");
    scene.router.on = false;
    scene.start();
    scene.pass(HOUR);
    scene.router.on = true;
    scene.set(&[TCP(), QUIC()], "192.168.0.0/16");
    assert_eq!(scene.state(), PortState::Opened);
    // A machine that slept has the same networks as before, and a router that may have restarted.
    scene.router.table.clear();
    scene.set(&[TCP(), QUIC()], "192.168.0.0/16");
    assert_eq!(scene.router.table.len(), 2);
}

#[test]
fn a_network_that_changes_during_a_search_is_searched_too() {
    let mut scene = Scene::new("8.8.8.8");
    scene
        .plan
        .set(scene.now, &[TCP()], vec![HOME.parse().unwrap()]);
    let (ip, job) = scene.plan.next(scene.now).unwrap();
    assert_eq!(job, Job::Find);
    let wider = vec!["192.168.0.0/16".parse().unwrap()];
    scene.plan.set(scene.now, &[TCP()], wider);
    scene.plan.done(scene.now, ip, Outcome::NotFound);
    scene.settle();
    assert_eq!(scene.state(), PortState::Opened);
}

#[test]
fn one_lost_search_closes_nothing() {
    let mut scene = Scene::new("8.8.8.8");
    scene.start();
    scene.router.on = false;
    scene.set(&[TCP(), QUIC()], "192.168.0.0/16");
    assert_eq!(scene.state(), PortState::Opened);
    scene.pass(Duration::from_secs(5));
    assert_eq!(scene.state(), PortState::NoRouter);
    assert_eq!(scene.shown(), [""; 0]);
}

#[test]
fn behind_a_second_nat_nothing_is_opened_until_that_changes() {
    for (external, state, problem) in [
        ("10.0.0.7", PortState::DoubleNat, RouterProblem::DoubleNat),
        ("172.16.1.1", PortState::DoubleNat, RouterProblem::DoubleNat),
        (
            "192.168.0.2",
            PortState::DoubleNat,
            RouterProblem::DoubleNat,
        ),
        (
            "169.254.3.4",
            PortState::DoubleNat,
            RouterProblem::DoubleNat,
        ),
        ("100.64.0.1", PortState::Cgnat, RouterProblem::Cgnat),
        ("100.127.255.1", PortState::Cgnat, RouterProblem::Cgnat),
        ("192.0.0.2", PortState::Cgnat, RouterProblem::Cgnat),
        (
            "0.0.0.0",
            PortState::Refused,
            RouterProblem::NoExternalAddress,
        ),
        (
            "127.0.0.1",
            PortState::Refused,
            RouterProblem::NoExternalAddress,
        ),
        (
            "224.0.0.1",
            PortState::Refused,
            RouterProblem::NoExternalAddress,
        ),
        ("::1", PortState::Refused, RouterProblem::NoExternalAddress),
    ] {
        let mut scene = Scene::new(external);
        scene.start();
        scene.pass(HOUR);
        assert_eq!(scene.state(), state, "{external}");
        assert_eq!(scene.problem(), Some(problem), "{external}");
        assert!(scene.router.table.is_empty() && scene.shown().is_empty());
        assert!(scene.asked.len() < 40, "{:?}", scene.asked);
        scene.router.external = Some(External::Is("8.8.8.8".parse().unwrap()));
        scene.pass(Duration::from_mins(5));
        assert_eq!(scene.state(), PortState::Opened, "{external}");
    }
}

#[test]
fn a_connected_router_without_a_public_address_is_behind_another_one() {
    let mut scene = Scene::new("8.8.8.8");
    scene.router.external = Some(External::Hidden);
    scene.start();
    assert_eq!(scene.state(), PortState::DoubleNat);
    assert_eq!(scene.problem(), Some(RouterProblem::DoubleNat));
    assert!(scene.router.table.is_empty());
}

#[test]
fn what_was_opened_is_closed_when_it_leads_nowhere_any_more() {
    let mut scene = Scene::new("8.8.8.8");
    scene.start();
    scene.router.external = Some(External::Is("100.64.0.1".parse().unwrap()));
    scene.pass(Duration::from_mins(1));
    assert_eq!(scene.state(), PortState::Cgnat);
    assert!(scene.router.table.is_empty());
}

#[test]
fn a_refusal_is_told_in_the_routers_words_and_tried_again() {
    let mut scene = Scene::new("8.8.8.8");
    scene.router.refuses = true;
    scene.start();
    assert_eq!(scene.state(), PortState::Refused);
    let router = scene.plan.ports().router.unwrap();
    assert_eq!(router.problem, Some(RouterProblem::Refused));
    assert_eq!(router.words.as_deref(), Some("not for you"));
    scene.pass(HOUR);
    assert!((8..=20).contains(&scene.count("map")), "{:?}", scene.asked);
    scene.router.refuses = false;
    scene.pass(Duration::from_mins(5));
    assert_eq!(scene.state(), PortState::Opened);
    assert_eq!(scene.problem(), None);
}

#[test]
fn a_router_that_answers_searches_only_is_left_in_peace() {
    let mut scene = Scene::new("8.8.8.8");
    scene.router.mute = true;
    scene.start();
    scene.pass(HOUR);
    assert_eq!(scene.state(), PortState::Refused);
    assert!(scene.asked.len() < 60, "{:?}", scene.asked);
    scene.router.mute = false;
    scene.pass(Duration::from_mins(10));
    assert_eq!(scene.state(), PortState::Opened);
}

#[test]
fn a_lease_of_a_moment_or_without_end_is_neither_believed_nor_feared() {
    for lease in [
        Some(Duration::ZERO),
        Some(Duration::from_secs(u32::MAX.into())),
        None,
    ] {
        let mut scene = Scene::new("8.8.8.8");
        scene.router.lease = lease;
        scene.start();
        scene.pass(HOUR);
        assert_eq!(scene.state(), PortState::Opened);
        assert!(scene.asked.len() < 1000, "{lease:?}: {}", scene.asked.len());
    }
}

#[test]
fn a_router_elsewhere_is_not_asked() {
    let mut scene = Scene::new("8.8.8.8");
    scene.set(&[TCP()], "192.168.1.8/29");
    assert_eq!(scene.state(), PortState::NoRouter);
    assert!(scene.router.table.is_empty());
}

#[test]
fn what_is_no_longer_listened_at_is_closed() {
    let mut scene = Scene::new("8.8.8.8");
    scene.start();
    scene.set(&[QUIC()], HOME);
    assert_eq!(scene.shown(), ["8.8.8.8:4802"]);
    assert_eq!(scene.router.table.len(), 1);
    scene.set(&[], HOME);
    assert!(scene.router.table.is_empty());
    assert_eq!(scene.state(), PortState::Off);
    assert!(!scene.plan.has("192.168.1.10".parse().unwrap()));
    assert_eq!(scene.plan.wake_at(), None);
}

#[test]
fn a_search_broken_off_at_the_end_leaves_nothing_open() {
    let mut scene = Scene::new("8.8.8.8");
    scene.start();
    let networks = vec!["192.168.0.0/16".parse().unwrap()];
    scene.plan.set(scene.now, &[TCP(), QUIC()], networks);
    let (ip, job) = scene.plan.next(scene.now).unwrap();
    assert_eq!(job, Job::Find);
    scene.plan.close(scene.now);
    scene.plan.done(scene.now, ip, Outcome::NotFound);
    scene.settle();
    assert!(scene.router.table.is_empty() && !scene.plan.has(ip));
}

#[test]
fn the_addresses_and_ports_that_are_asked_for_are_bounded() {
    let mut plan = Plan::default();
    let many: Vec<Endpoint> = (1..=80u8)
        .flat_map(|host| (1..=20u16).map(move |port| (host, port)))
        .map(|(host, port)| endpoint(Transport::Tcp, &format!("192.168.1.{host}:{port}")))
        .collect();
    for start in 0..many.len() {
        plan.set(Instant::now(), &many[start..], vec![HOME.parse().unwrap()]);
        while plan.next(Instant::now()).is_some() {}
        let wanted = plan.lines.iter().filter(|(_, line)| line.is_wanted());
        assert!(wanted.count() <= MAX_ROUTER_LINES);
        assert!(plan.lines.len() <= 2 * MAX_ROUTER_LINES);
    }
}

#[test]
fn an_address_that_is_gone_is_let_go_without_asking_anybody() {
    let mut scene = Scene::new("8.8.8.8");
    scene.start();
    scene.asked.clear();
    let cafe = endpoint(Transport::Tcp, "10.0.0.7:4801");
    scene.router.on = false;
    scene.set(&[cafe], "10.0.0.7/8");
    assert_eq!(scene.asked, ["find"]);
    assert_eq!(scene.state(), PortState::NoRouter);
    assert!(!scene.plan.has("192.168.1.10".parse().unwrap()));
}

#[test]
fn an_ipv6_port_is_shown_at_its_own_address() {
    let mut plan = Plan::default();
    let now = Instant::now();
    let endpoint = endpoint(Transport::Quic, "[2606:4700::7]:4801");
    plan.set(now, &[endpoint], vec!["2606:4700::7/64".parse().unwrap()]);
    let (ip, job) = plan.next(now).unwrap();
    assert_eq!(job, Job::Find);
    let facts = Facts {
        name: None,
        address: "fe80::1".parse().unwrap(),
        protocol: PortProtocol::Pcp,
        external: External::WithEachPort,
    };
    plan.done(now, ip, Outcome::Found(facts));
    assert_eq!(plan.ports().state, PortState::Searching);
    let (ip, _) = plan.next(now).unwrap();
    let opened = Opened {
        endpoint,
        external: 4801,
    };
    plan.done(
        now,
        ip,
        Outcome::Mapped(Granted {
            opened,
            ip: Some(ip),
            lease: Some(HOUR),
            protocol: PortProtocol::Pcp,
        }),
    );
    let ports = plan.ports();
    assert_eq!(ports.state, PortState::Opened);
    assert_eq!(ports.mappings[0].external, endpoint.address);
}

#[test]
fn of_several_routers_the_one_that_opened_something_is_shown() {
    let mut scene = Scene::new("8.8.8.8");
    let networks = ["10.0.0.5/24", "192.168.1.10/24"].map(|text| text.parse().unwrap());
    let inner = endpoint(Transport::Tcp, "10.0.0.5:4801");
    scene.plan.set(scene.now, &[inner, TCP()], networks.into());
    while let Some((ip, job)) = scene.plan.next(scene.now) {
        let outcome = if ip == inner.address.ip() {
            Outcome::NotFound
        } else {
            scene.work(job)
        };
        scene.plan.done(scene.now, ip, outcome);
    }
    assert_eq!(scene.state(), PortState::Opened);
    assert_eq!(
        scene.plan.ports().router.unwrap().address,
        IpAddr::from([192, 168, 1, 1])
    );
    assert_eq!(scene.shown(), ["8.8.8.8:4801"]);
}

/// Any answer that a router may give to a job.
fn any_outcome(job: Job, dice: [u8; 4]) -> Outcome {
    let [kind, a, b, c] = dice;
    let ip = [
        "8.8.8.8",
        "9.9.9.9",
        "10.0.0.1",
        "100.64.0.1",
        "0.0.0.0",
        "127.0.0.1",
        "255.255.255.255",
    ][usize::from(a) % 7];
    let ip: IpAddr = ip.parse().unwrap();
    let external = match b % 8 {
        0 => External::WithEachPort,
        1 => External::Hidden,
        2 => External::Untold(String::new()),
        _ => External::Is(ip),
    };
    let protocol =
        [PortProtocol::Upnp, PortProtocol::Pcp, PortProtocol::NatPmp][usize::from(c) % 3];
    match (kind % 8, job) {
        (0, _) => Outcome::Lost,
        (1, Job::Map { endpoint, .. }) => Outcome::Refused(endpoint, String::new()),
        (1, Job::Find) => Outcome::NotFound,
        (_, Job::Find) => Outcome::Found(Facts {
            name: None,
            address: IpAddr::from([192, 168, 1, c % 2]),
            protocol,
            external,
        }),
        (_, Job::Map { endpoint, external }) => Outcome::Mapped(Granted {
            opened: Opened {
                endpoint,
                external: external.wrapping_add(u16::from(a % 2)),
            },
            ip: (b % 2 == 0).then_some(ip),
            lease: [None, Some(Duration::ZERO), Some(HOUR)][usize::from(c) % 3],
            protocol,
        }),
        (_, Job::Check(open)) => {
            let asked = |bit: u8| {
                let open = open.iter().map(|open| open.endpoint);
                open.filter(|_| c & bit != 0).collect()
            };
            Outcome::Checked {
                external,
                gone: asked(1),
                unsure: asked(2),
            }
        }
        (_, Job::Unmap(_)) => Outcome::Unmapped,
    }
}

proptest! {
    /// Whatever a router says: it can't keep us busy, and what is shown as open could be reached by
    /// everybody.
    #[test]
    fn no_router_can_mislead_or_occupy_us(answers in prop::collection::vec(any::<[u8; 4]>(), 1..600)) {
        let start = Instant::now();
        let (mut now, mut plan) = (start, Plan::default());
        let home = vec![HOME.parse().unwrap()];
        plan.set(now, &[TCP(), QUIC()], home);
        let mut asked = 0;
        for dice in answers {
            let Some((ip, job)) = plan.next(now) else {
                let at = plan.wake_at().expect("something is always to come");
                prop_assert!(at > now, "woken for nothing");
                now = at;
                continue;
            };
            asked += 1;
            plan.done(now, ip, any_outcome(job, dice));
            let shown = plan.ports();
            prop_assert!(shown.mappings.len() <= 2);
            for mapping in &shown.mappings {
                prop_assert_eq!(scope(mapping.external.ip()), Scope::Public);
            }
            prop_assert_eq!(shown.state == PortState::Opened, !shown.mappings.is_empty());
        }
        let minutes = (now - start).as_secs() / 60 + 1;
        prop_assert!(asked <= 40 * minutes, "{asked} jobs in {minutes} minutes");
    }
}
