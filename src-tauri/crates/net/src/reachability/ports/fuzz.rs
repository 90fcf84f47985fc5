//! Routers that say anything at any time, for the fuzzer and the tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

use std::collections::{HashMap, VecDeque};
use std::net::Ipv6Addr;
use std::time::Duration;

use super::plan::{External, Granted};
use super::*;
use crate::address::{Scope, scope};
use crate::fuzz_input::Input;
use crate::limits::{MAX_PORTS_PER_LINE, MAX_ROUTER_LINES};
use crate::status::PortProtocol;

pub(crate) use super::upnp::fuzz::answers as router_answers;

/// An answer that is taken is one to that question: of its port, from who was told its number.
pub(crate) fn pcp_answers(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let client = Ipv6Addr::new(0x2606, 0x4700, 0, 0, 0, 0, 0, input.byte().into());
    let endpoint = endpoint(&mut input, client.into());
    let nonce = std::array::from_fn(|_| input.byte());
    let lease = u32::from(input.short());
    let question = pinhole::map_question(client, endpoint, nonce, lease);
    let mut answer = input.rest().to_vec();
    // As a router begins that wants to be believed.
    if answer.first() == Some(&0xff) && answer.len() >= 60 {
        answer[..2].copy_from_slice(&[2, 0x81]);
        answer[24..42].copy_from_slice(&question[24..42]);
    }
    match pinhole::map_answer(&answer, &question) {
        None => {}
        Some(Err(code)) => assert!(code != 0 && answer[3] == code),
        Some(Ok(opened)) => {
            assert!(
                answer.len() >= 60
                    && answer[..2] == [2, 0x81]
                    && answer[24..42] == question[24..42]
            );
            assert_eq!(opened.external.port().to_be_bytes(), answer[42..44]);
            assert!(opened.external.port() != 0 || lease == 0);
        }
    }
    assert_eq!(
        pinhole::map_answer(&question, &question),
        None,
        "an echo is no answer"
    );
}

/// Whatever routers say and however often networks change: one job at a time for each address, few in a minute, and no port is shown
/// as open but at an address that everybody can reach.
pub(crate) fn port_plan(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut now = Instant::now();
    let mut plan = Plan::default();
    let mut under_way: HashMap<IpAddr, Job> = HashMap::new();
    let mut begun: HashMap<IpAddr, VecDeque<Instant>> = HashMap::new();
    for _ in 0..300 {
        if input.is_over() {
            break;
        }
        match input.below(8) {
            0 => {
                set(&mut plan, &mut input, now);
                begun.clear();
            }
            1 | 2 => now += input.time(),
            3 => now = plan.wake_at().map_or(now, |at| at.max(now)),
            _ => {
                let ips = under_way.keys().copied();
                let mut ips: Vec<IpAddr> = ips.collect();
                ips.sort();
                if !ips.is_empty() {
                    let ip = ips[input.below(ips.len())];
                    let job = under_way.remove(&ip).unwrap();
                    plan.done(now, ip, outcome(job, &mut input));
                }
            }
        }
        // More than all addresses can have to do at once.
        for round in 0.. {
            let Some((ip, job)) = plan.next(now) else {
                break;
            };
            assert!(round < 1000, "it asks without pause");
            assert!(plan.has(ip));
            assert!(under_way.insert(ip, job).is_none(), "two jobs at a time");
            let begun = begun.entry(ip).or_default();
            begun.push_back(now);
            // Forty in one minute, and what is to be closed.
            if let Some(first) = begun.len().checked_sub(200).map(|at| begun[at]) {
                assert!(
                    now >= first + Duration::from_mins(1),
                    "it asks without pause"
                );
            }
        }
        check(&plan);
    }
    plan.close(now);
    check(&plan);
    assert!(plan.ports().mappings.is_empty());
}

fn check(plan: &Plan) {
    let ports = plan.ports();
    for mapping in &ports.mappings {
        assert_eq!(scope(&mapping.external.ip().into()), Scope::Public);
        assert!(mapping.external.port() != 0 && mapping.internal.port() != 0);
    }
    assert!(ports.mappings.len() <= 3 * MAX_ROUTER_LINES * MAX_PORTS_PER_LINE);
    assert_eq!(ports.state == PortState::Opened, !ports.mappings.is_empty());
}

const IPS: [&str; 8] = [
    "192.168.1.2",
    "10.0.0.2",
    "8.8.8.8",
    "2600:1:2:3::2",
    "fd00::2",
    "100.64.0.1",
    "0.0.0.0",
    "127.0.0.1",
];

fn ip(input: &mut Input<'_>) -> IpAddr {
    IPS[input.below(IPS.len())].parse().unwrap()
}

fn endpoint(input: &mut Input<'_>, ip: IpAddr) -> Endpoint {
    Endpoint {
        transport: [Transport::Tcp, Transport::Quic, Transport::Other][input.below(3)],
        address: SocketAddr::new(ip, u16::from(input.byte() % 4) * 1000),
    }
}

fn set(plan: &mut Plan, input: &mut Input<'_>, now: Instant) {
    const NETWORKS: [&str; 4] = [
        "192.168.1.0/24",
        "10.0.0.0/8",
        "2600:1:2:3::/64",
        "8.8.8.0/24",
    ];
    let some = input.byte();
    let networks = NETWORKS.iter().enumerate();
    let networks = networks.filter(|(number, _)| some & (1 << number) != 0);
    let networks = networks
        .map(|(_, network)| network.parse().unwrap())
        .collect();
    let endpoints: Vec<Endpoint> = (0..input.below(12))
        .map(|_| {
            let ip = ip(input);
            endpoint(input, ip)
        })
        .collect();
    plan.set(now, &endpoints, networks);
}

/// What could become of a job.
fn outcome(job: Job, input: &mut Input<'_>) -> Outcome {
    let kind = input.byte();
    if kind > 200 {
        return Outcome::Lost;
    }
    match job {
        Job::Find if kind < 50 => Outcome::NotFound,
        Job::Find => Outcome::Found(Facts {
            name: None,
            address: ip(input),
            protocol: [PortProtocol::Upnp, PortProtocol::Pcp, PortProtocol::NatPmp][input.below(3)],
            external: external(input),
        }),
        Job::Map { endpoint, .. } if kind < 50 => Outcome::Refused(endpoint, "no".to_owned()),
        Job::Map { endpoint, external } => Outcome::Mapped(Granted {
            opened: Opened {
                endpoint,
                external: if kind & 1 == 0 {
                    external
                } else {
                    1 + input.short() % 9
                },
            },
            ip: (kind & 2 == 2).then(|| ip(input)),
            lease: (kind & 4 == 4)
                .then(|| Duration::from_secs(u64::from(input.short()) << (kind >> 3))),
            protocol: PortProtocol::Pcp,
        }),
        Job::Check(open) => {
            let some = |bit: usize| {
                let some = open.iter().enumerate();
                let some = some.filter(|(number, _)| usize::from(kind) >> (number + bit) & 1 == 1);
                some.map(|(_, opened)| opened.endpoint).collect()
            };
            Outcome::Checked {
                gone: some(0),
                unsure: some(4),
                external: external(input),
            }
        }
        Job::Unmap(_) => Outcome::Unmapped,
    }
}

fn external(input: &mut Input<'_>) -> External {
    match input.below(8) {
        0 => External::WithEachPort,
        1 => External::Hidden,
        2 => External::Untold("words".to_owned()),
        _ => External::Is(ip(input)),
    }
}
