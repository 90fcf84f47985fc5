//! A peer that breaks the rules of the exchange: it sends what nobody asked for, or begins what it never ends.

use std::io;
use std::time::Duration;

use futures::{AsyncRead, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::identity::Keypair;
use libp2p::request_response::{self, Codec, ProtocolSupport};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, StreamProtocol, SwarmBuilder, noise, tcp, yamux};

use super::wait::HUNG;

const BITSWAP: StreamProtocol = StreamProtocol::new("/ipfs/bitswap/1.2.0");
/// In one message: more than anybody forgives.
const BLOCKS: u8 = 40;
/// The length of a message of 4 MiB, all but a byte, and how many of them are begun: more than anybody waits for.
const LARGE: [u8; 4] = [0xff, 0xff, 0xff, 0x01];
const BEGUN: usize = 24;

#[derive(Debug)]
pub struct Nuisance(Keypair);

impl Nuisance {
    pub fn new() -> Self {
        Self(Keypair::generate_ed25519())
    }

    pub fn peer(&self) -> PeerId {
        self.0.public().to_peer_id()
    }

    /// Sends blocks to the one at this address, who has to hang up for that.
    pub fn flood(&self, address: &str) {
        self.send(&blocks(), 1, address);
    }

    /// Begins large messages there, never to end one.
    pub fn hoard(&self, address: &str) {
        self.send(&[&LARGE[..], &[0; 3]].concat(), BEGUN, address);
    }

    /// Sends this on so many streams, until they hang up.
    fn send(&self, message: &[u8], streams: usize, address: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let flood = self.send_until_closed(message, streams, address.parse().unwrap());
        let in_time = async { tokio::time::timeout(HUNG, flood).await };
        runtime.block_on(in_time).expect("nobody hung up");
    }

    async fn send_until_closed(&self, message: &[u8], streams: usize, address: Multiaddr) {
        let message = message.to_vec();
        let mut swarm = SwarmBuilder::with_existing_identity(self.0.clone())
            .with_tokio()
            .with_tcp(
                tcp::Config::default().nodelay(true),
                noise::Config::new,
                yamux::Config::default,
            )
            .unwrap()
            .with_behaviour(|_| {
                let config = request_response::Config::default().with_request_timeout(HUNG);
                request_response::Behaviour::with_codec(
                    Flood(message),
                    [(BITSWAP, ProtocolSupport::Full)],
                    config,
                )
            })
            .unwrap()
            .with_swarm_config(|config| {
                config.with_idle_connection_timeout(Duration::from_hours(1))
            })
            .build();
        swarm.dial(address).unwrap();
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                    for _ in 0..streams {
                        swarm.behaviour_mut().send_request(&peer_id, ());
                    }
                }
                SwarmEvent::ConnectionClosed { .. } => return,
                SwarmEvent::OutgoingConnectionError { error, .. } => panic!("no way in: {error}"),
                _ => {}
            }
        }
    }
}

/// Every request is this; answers are waited for in vain.
#[derive(Clone)]
struct Flood(Vec<u8>);

/// A message full of blocks.
fn blocks() -> Vec<u8> {
    let mut message = Vec::new();
    for number in 0..BLOCKS {
        // Field 3, a block: field 1, its prefix (version 1, raw, sha2-256 of 32 bytes); field 2, its bytes.
        message.extend([0x1a, 9, 0x0a, 4, 1, 0x55, 0x12, 32, 0x12, 1, number]);
    }
    let length = message.len();
    let [low, high] = [length & 0x7f | 0x80, length >> 7].map(|part| u8::try_from(part).unwrap());
    message.splice(..0, [low, high]);
    message
}

impl Codec for Flood {
    type Protocol = StreamProtocol;
    type Request = ();
    type Response = ();

    async fn read_request<T>(&mut self, _: &StreamProtocol, _: &mut T) -> io::Result<()>
    where
        T: AsyncRead + Unpin + Send,
    {
        std::future::pending().await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, _: &mut T) -> io::Result<()>
    where
        T: AsyncRead + Unpin + Send,
    {
        std::future::pending().await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, (): ()) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&self.0).await?;
        io.flush().await?;
        // More might follow.
        std::future::pending().await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, _: &mut T, (): ()) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        Ok(())
    }
}
