//! Somebody who speaks a device's protocols as he likes: one question and one answer a stream, in CBOR.

use std::time::Duration;

use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::request_response::{self, Message, ProtocolSupport, cbor};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, StreamProtocol, SwarmBuilder, noise, tcp, yamux};
use serde_json::Value;

use super::wait::HUNG;

pub const HELLO: &str = "/shoal/hello/1";
pub const OFFER: &str = "/shoal/offer/1";

/// One question and one answer, any CBOR.
type Talk = cbor::Behaviour<Value, Value>;

/// A peer with a key of its own.
#[derive(Clone, Debug)]
pub struct Asker(Keypair);

/// How two of them meet.
#[derive(Debug)]
enum Way {
    To(Multiaddr),
    At(Multiaddr),
}

impl Asker {
    pub fn new() -> Self {
        Self(Keypair::generate_ed25519())
    }

    pub fn peer(&self) -> PeerId {
        self.0.public().to_peer_id()
    }

    /// Asks the one at that address, one question after the other. `None`: no answer.
    pub async fn ask(
        &self,
        address: Multiaddr,
        protocol: &'static str,
        questions: Vec<Value>,
    ) -> Vec<Option<Value>> {
        let talk = self.talk(Way::To(address), protocol, questions);
        let answers = tokio::time::timeout(HUNG, talk).await;
        answers.expect("the talk hung")
    }

    /// The same of whoever comes to that address.
    pub async fn ask_who_comes(
        &self,
        at: Multiaddr,
        protocol: &'static str,
        questions: Vec<Value>,
    ) -> Vec<Option<Value>> {
        let talk = self.talk(Way::At(at), protocol, questions);
        let answers = tokio::time::timeout(HUNG, talk).await;
        answers.expect("nobody came, or the talk hung")
    }

    async fn talk(
        &self,
        way: Way,
        protocol: &'static str,
        questions: Vec<Value>,
    ) -> Vec<Option<Value>> {
        let protocols = [(StreamProtocol::new(protocol), ProtocolSupport::Full)];
        let config = request_response::Config::default().with_request_timeout(HUNG);
        let mut swarm = SwarmBuilder::with_existing_identity(self.0.clone())
            .with_tokio()
            .with_tcp(
                tcp::Config::default().nodelay(true),
                noise::Config::new,
                yamux::Config::default,
            )
            .unwrap()
            .with_behaviour(|_| Talk::new(protocols, config))
            .unwrap()
            .with_swarm_config(|config| {
                config.with_idle_connection_timeout(Duration::from_hours(1))
            })
            .build();
        match way {
            Way::To(address) => swarm.dial(address).unwrap(),
            Way::At(address) => drop(swarm.listen_on(address).unwrap()),
        }
        let mut questions = questions.into_iter();
        let mut answers = Vec::new();
        let mut with = None;
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::ConnectionEstablished { peer_id, .. } if with.is_none() => {
                    with = Some(peer_id);
                }
                SwarmEvent::Behaviour(request_response::Event::Message {
                    message: Message::Response { response, .. },
                    ..
                }) => answers.push(Some(response)),
                SwarmEvent::Behaviour(request_response::Event::OutboundFailure { .. }) => {
                    answers.push(None);
                }
                SwarmEvent::OutgoingConnectionError { error, .. } => panic!("no way in: {error}"),
                _ => continue,
            }
            let Some(question) = questions.next() else {
                return answers;
            };
            let peer = with.expect("a connection");
            swarm.behaviour_mut().send_request(&peer, question);
        }
    }
}
