//! Routers that let connections in over IPv6 when asked with the Port Control Protocol (RFC 6887).
//!
//! A router's IPv6 address is known on its link only, and a question to it would leave from our own
//! address on the link; but PCP opens ports only for the address that asks. crab_nat can't choose
//! that address, so its questions are put here.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use crab_nat::GATEWAY_PORT;
use crab_nat::pcp::ResultCode;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::default_route::DefaultRoute;
use super::plan::{External, Facts, Granted, Opened, Outcome};
use super::{Endpoint, words};
use crate::status::{PortProtocol, Transport};

/// Seconds for which a port is asked for: what outlives a crash.
const LEASE: u32 = 3600;
/// How long an answer is waited for, each time that a question is sent. The router is one hop away.
const TIMEOUTS: [Duration; 3] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
];
const VERSION: u8 = 2;
const ANNOUNCE: u8 = 0;
const MAP: u8 = 1;
/// The bit that tells an answer from a question.
const ANSWER: u8 = 0x80;
const HEADER_BYTES: usize = 24;
const MAP_BYTES: usize = 60;
/// No answer is longer (section 7).
const MAX_BYTES: usize = 1100;

pub(super) type Nonce = [u8; 12];

#[derive(Debug, Clone)]
pub(super) struct Client {
    /// Our address, which it knows us by.
    from: Ipv6Addr,
    route: SocketAddrV6,
    /// What was opened, with the numbers that show that it was us.
    nonces: Vec<(Endpoint, Nonce)>,
}

/// Asks the router there whether it speaks PCP, without opening anything.
pub(super) async fn find(
    client: IpAddr,
    route: DefaultRoute,
    known: Option<Client>,
) -> Option<(Client, Facts)> {
    let (IpAddr::V6(client), IpAddr::V6(address)) = (client, route.address) else {
        return None;
    };
    let route = SocketAddrV6::new(address, GATEWAY_PORT, 0, route.interface);
    let router = known.filter(|known| known.route == route && known.from == client);
    let router = router.unwrap_or_else(|| Client {
        from: client,
        route,
        nonces: Vec::new(),
    });
    let is_answer = |answer: &[u8]| header(answer, ANNOUNCE).map(|_| ());
    let question = question(client, ANNOUNCE, 0);
    router.ask(&question, is_answer).await?;
    let facts = Facts {
        name: None,
        address: address.into(),
        protocol: PortProtocol::Pcp,
        external: External::WithEachPort,
    };
    Some((router, facts))
}

impl Client {
    pub(super) async fn map(&mut self, endpoint: Endpoint) -> Outcome {
        let known = self.nonce(endpoint);
        let nonce = known.unwrap_or_else(rand::random);
        match self.request(endpoint, nonce, LEASE).await {
            None => Outcome::Lost,
            Some(Err(code)) => Outcome::Refused(endpoint, words(&meaning(code))),
            Some(Ok(answer)) => {
                self.nonces.retain(|(known, _)| *known != endpoint);
                self.nonces.push((endpoint, nonce));
                Outcome::Mapped(Granted {
                    opened: Opened {
                        endpoint,
                        external: answer.external.port(),
                    },
                    ip: Some(answer.external.ip()),
                    lease: Some(answer.lease),
                    protocol: PortProtocol::Pcp,
                })
            }
        }
    }

    /// Asks for each port once more, which tells whether the router has forgotten it.
    pub(super) async fn check(&mut self, open: &[Opened]) -> Outcome {
        let mut gone = Vec::new();
        for opened in open {
            match self.map(opened.endpoint).await {
                Outcome::Mapped(granted) if granted.opened == *opened => {}
                Outcome::Lost => return Outcome::Lost,
                _ => gone.push(opened.endpoint),
            }
        }
        Outcome::Checked {
            external: External::WithEachPort,
            gone,
            unsure: Vec::new(),
        }
    }

    pub(super) async fn unmap(&mut self, opened: Opened) -> Outcome {
        let Some(nonce) = self.nonce(opened.endpoint) else {
            return Outcome::Unmapped;
        };
        self.nonces.retain(|(_, known)| *known != nonce);
        match self.request(opened.endpoint, nonce, 0).await {
            Some(_) => Outcome::Unmapped,
            None => Outcome::Lost,
        }
    }

    fn nonce(&self, endpoint: Endpoint) -> Option<Nonce> {
        let mut nonces = self.nonces.iter();
        let known = nonces.find(|(known, _)| *known == endpoint);
        known.map(|(_, nonce)| *nonce)
    }

    async fn request(
        &self,
        endpoint: Endpoint,
        nonce: Nonce,
        lease: u32,
    ) -> Option<Result<Answer, u8>> {
        let question = map_question(self.from, endpoint, nonce, lease);
        self.ask(&question, |answer| map_answer(answer, &question))
            .await
    }

    /// Sends a question until an answer makes sense, three times at most.
    async fn ask<T>(&self, question: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        let own = SocketAddr::from((self.from, 0));
        let socket = UdpSocket::bind(own).await.ok()?;
        // Nobody else's datagrams are taken.
        socket.connect(self.route).await.ok()?;
        let mut buffer = [0; MAX_BYTES];
        for limit in TIMEOUTS {
            socket.send(question).await.ok()?;
            let answer = async {
                loop {
                    let length = socket.recv(&mut buffer).await.ok()?;
                    if let Some(answer) = buffer.get(..length).and_then(&read) {
                        return Some(answer);
                    }
                }
            };
            if let Ok(answer) = timeout(limit, answer).await {
                return answer;
            }
        }
        None
    }
}

/// A port that was opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) external: SocketAddr,
    lease: Duration,
}

/// The beginning of each question (section 7.1).
fn question(client: Ipv6Addr, code: u8, lease: u32) -> Vec<u8> {
    let mut question = vec![VERSION, code, 0, 0];
    question.extend(lease.to_be_bytes());
    question.extend(client.octets());
    question
}

/// Section 11.1. The address and port outside that are wished for are ours.
pub(super) fn map_question(
    client: Ipv6Addr,
    endpoint: Endpoint,
    nonce: Nonce,
    lease: u32,
) -> Vec<u8> {
    let port = endpoint.address.port();
    let protocol = match endpoint.transport {
        Transport::Tcp => 6,
        Transport::Quic | Transport::Other => 17,
    };
    let (external, external_ip) = if lease == 0 {
        (0, Ipv6Addr::UNSPECIFIED)
    } else {
        (port, client)
    };
    let mut question = question(client, MAP, lease);
    question.extend(nonce);
    question.extend([protocol, 0, 0, 0]);
    question.extend(port.to_be_bytes());
    question.extend(external.to_be_bytes());
    question.extend(external_ip.octets());
    question
}

/// The code of the result, and the lease in seconds (section 7.2).
fn header(answer: &[u8], code: u8) -> Option<(u8, u32)> {
    let header: &[u8; HEADER_BYTES] = answer.first_chunk()?;
    let [version, op, _, result, a, b, c, d, ..] = *header;
    (version == VERSION && op == ANSWER | code)
        .then_some((result, u32::from_be_bytes([a, b, c, d])))
}

/// What became of a question for a port; an error is the code of the result. Nothing, if it isn't
/// an answer to that question.
pub(super) fn map_answer(answer: &[u8], question: &[u8]) -> Option<Result<Answer, u8>> {
    // Nonce, protocol and our port (section 11.1).
    const ASKED: std::ops::Range<usize> = HEADER_BYTES..42;
    let (result, lease) = header(answer, MAP)?;
    if answer.get(ASKED)? != question.get(ASKED)? {
        return None;
    }
    if result != 0 {
        return Some(Err(result));
    }
    let rest: [u8; 18] = answer.get(ASKED.end..MAP_BYTES)?.try_into().ok()?;
    let (port, ip) = rest.split_first_chunk::<2>()?;
    let ip: [u8; 16] = ip.try_into().ok()?;
    let port = u16::from_be_bytes(*port);
    // The seconds that the question wishes for.
    if port == 0 && question.get(4..8)? != [0; 4] {
        return None;
    }
    Some(Ok(Answer {
        external: SocketAddr::new(Ipv6Addr::from(ip).to_canonical(), port),
        lease: Duration::from_secs(lease.into()),
    }))
}

fn meaning(code: u8) -> String {
    match ResultCode::try_from(code) {
        Ok(code) => code.to_string(),
        Err(_) => format!("error {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: Nonce = [7; 12];

    fn client() -> Ipv6Addr {
        "2606:4700::7".parse().unwrap()
    }

    fn asked(lease: u32) -> Vec<u8> {
        let endpoint = Endpoint {
            transport: Transport::Quic,
            address: SocketAddr::from((client(), 4801)),
        };
        map_question(client(), endpoint, NONCE, lease)
    }

    fn answered() -> Vec<u8> {
        let mut answer = asked(LEASE);
        answer[1] = ANSWER | MAP;
        // The epoch and reserved bytes stand where the question has our address.
        answer[8..HEADER_BYTES].fill(0);
        answer
    }

    #[test]
    fn a_question_for_a_port() {
        let mut expected = vec![2, 1, 0, 0, 0, 0, 0x0e, 0x10];
        expected.extend(client().octets());
        expected.extend(NONCE);
        expected.extend([17, 0, 0, 0, 0x12, 0xc1, 0x12, 0xc1]);
        expected.extend(client().octets());
        assert_eq!(asked(LEASE), expected);
        assert_eq!(asked(LEASE).len(), MAP_BYTES);
        assert_eq!(asked(0)[42..], [0; 18]);
    }

    #[test]
    fn an_answer_opens_the_port_that_was_asked_for_and_no_other() {
        let question = asked(LEASE);
        let answer = Answer {
            external: SocketAddr::from((client(), 4801)),
            lease: Duration::from_hours(1),
        };
        assert_eq!(map_answer(&answered(), &question), Some(Ok(answer)));
        for (place, what) in [
            (0, "version"),
            (1, "code"),
            (24, "nonce"),
            (36, "protocol"),
            (41, "port"),
        ] {
            let mut other = answered();
            other[place] ^= 1;
            assert_eq!(map_answer(&other, &question), None, "{what}");
        }
        let mut refused = answered();
        refused[3] = 2;
        assert_eq!(map_answer(&refused, &question), Some(Err(2)));
        for length in 0..MAP_BYTES {
            assert_eq!(map_answer(&answered()[..length], &question), None);
        }
    }

    #[test]
    fn no_port_is_opened_by_the_number_0() {
        let mut answer = answered();
        answer[42..44].fill(0);
        assert_eq!(map_answer(&answer, &asked(LEASE)), None);
        // What is closed has none.
        assert!(matches!(map_answer(&answer, &asked(0)), Some(Ok(_))));
    }

    #[test]
    fn a_refusal_is_told_in_words() {
        assert!(meaning(2).contains("authorize"), "{}", meaning(2));
        assert_eq!(meaning(200), "error 200");
    }
}
