//! Routers of all kinds, each on an address of its own within this machine.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::*;

/// What a router answers; nothing, if it keeps silent.
type Script = fn(&[u8]) -> Option<Vec<u8>>;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const OUTSIDE: [u8; 4] = [8, 8, 8, 8];

async fn start(script: Script) -> (DefaultRoute, JoinSet<()>) {
    let socket = loop {
        let [a, b, c]: [u8; 3] = rand::random();
        let address = Ipv4Addr::new(127, a.max(1), b, c.clamp(1, 254));
        if let Ok(socket) = UdpSocket::bind((address, crab_nat::GATEWAY_PORT)).await {
            break socket;
        }
    };
    let route = DefaultRoute {
        address: socket.local_addr().unwrap().ip(),
        interface: 1,
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            if let Some(answer) = script(&buffer[..length]) {
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    (route, tasks)
}

fn endpoint() -> Endpoint {
    Endpoint {
        transport: Transport::Tcp,
        address: SocketAddr::from(([127, 0, 0, 1], 4801)),
    }
}

/// Knows NAT-PMP only, and gives the port after the one that is wished for.
fn nat_pmp(question: &[u8]) -> Option<Vec<u8>> {
    match question {
        [0, 0] => Some([&[0, 128, 0, 0, 0, 0, 0, 9], &OUTSIDE[..]].concat()),
        [0, op, _, _, port1, port2, wish1, wish2, lease @ ..] => {
            let wish = u16::from_be_bytes([*wish1, *wish2]);
            let given = if lease == [0; 4] { 0 } else { wish + 1 };
            let head = [0, 128 | op, 0, 0, 0, 0, 0, 9, *port1, *port2];
            Some([&head[..], &given.to_be_bytes(), lease].concat())
        }
        [2, ..] => Some(vec![0, 129, 0, 1, 0, 0, 0, 9]),
        _ => None,
    }
}

/// Knows PCP only.
fn pcp_only(question: &[u8]) -> Vec<u8> {
    if question.first() != Some(&2) {
        let mut answer = vec![2, 128, 0, 1];
        answer.resize(24, 0);
        return answer;
    }
    let mut answer = question.to_vec();
    answer[1] |= 128;
    answer[8..24].fill(0);
    answer[44..60].copy_from_slice(&Ipv4Addr::from(OUTSIDE).to_ipv6_mapped().octets());
    answer
}

#[tokio::test]
async fn a_port_is_opened_and_closed_over_nat_pmp() {
    let (route, _tasks) = start(nat_pmp).await;
    let (mut router, facts) = find(CLIENT, route, None).await.unwrap();
    assert_eq!(facts.external, External::Is(OUTSIDE.into()));
    let Outcome::Mapped(granted) = router.map(endpoint(), 4801).await else {
        panic!("not opened");
    };
    assert_eq!(
        (granted.opened.external, granted.protocol),
        (4802, PortProtocol::NatPmp)
    );
    assert_eq!(granted.lease, Some(Duration::from_hours(1)));
    assert_eq!(router.unmap(granted.opened).await, Outcome::Unmapped);
}

#[tokio::test]
async fn a_port_is_opened_and_kept_over_pcp() {
    let (route, _tasks) = start(|question| Some(pcp_only(question))).await;
    let (mut router, facts) = find(CLIENT, route, None).await.unwrap();
    assert_eq!(
        (facts.protocol, facts.external),
        (PortProtocol::Pcp, External::WithEachPort)
    );
    let Outcome::Mapped(granted) = router.map(endpoint(), 4801).await else {
        panic!("not opened");
    };
    assert_eq!(
        (granted.ip, granted.protocol),
        (Some(OUTSIDE.into()), PortProtocol::Pcp)
    );
    // Found again, it still knows the number that the port was opened with.
    let (mut router, _) = find(CLIENT, route, Some(router)).await.unwrap();
    let before = router.mappings[0].1.mapping_type();
    let checked = Outcome::Checked {
        external: External::Is(OUTSIDE.into()),
        gone: Vec::new(),
        unsure: Vec::new(),
    };
    assert_eq!(router.check(&[granted.opened]).await, checked);
    let after = router.mappings[0].1.mapping_type();
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
    assert_eq!(router.unmap(granted.opened).await, Outcome::Unmapped);
}

#[tokio::test]
async fn a_refusal_is_told_in_words() {
    let (route, _tasks) = start(|question| {
        let mut answer = pcp_only(question);
        if question[0] == 2 {
            answer[3] = 2;
        }
        Some(answer)
    })
    .await;
    let (mut router, _) = find(CLIENT, route, None).await.unwrap();
    match router.map(endpoint(), 4801).await {
        Outcome::Refused(_, words) => assert!(words.contains("Not authorized"), "{words}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nobody_there_is_no_router() {
    let (route, tasks) = start(nat_pmp).await;
    drop(tasks);
    assert!(find(CLIENT, route, None).await.is_none());
}

#[tokio::test]
async fn answers_that_make_no_sense_open_nothing() {
    // Cut short, for another port, without a port, and noise.
    let scripts: [Script; 4] = [
        |question| {
            let mut answer = pcp_only(question);
            answer.truncate(40);
            Some(answer)
        },
        |question| {
            let mut answer = pcp_only(question);
            if let Some(port) = answer.get_mut(41) {
                *port ^= 1;
            }
            Some(answer)
        },
        |question| {
            let mut answer = pcp_only(question);
            if let Some(port) = answer.get_mut(42..44) {
                port.fill(0);
            }
            Some(answer)
        },
        |question| match question {
            [0, ..] => Some(pcp_only(question)),
            _ => Some(rand::random::<[u8; 32]>().repeat(30)),
        },
    ];
    for script in scripts {
        let (route, _tasks) = start(script).await;
        let (mut router, _) = find(CLIENT, route, None).await.unwrap();
        match router.map(endpoint(), 4801).await {
            Outcome::Refused(..) | Outcome::Lost => {}
            other => panic!("{other:?}"),
        }
        assert!(router.mappings.is_empty());
    }
}
