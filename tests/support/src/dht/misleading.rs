//! A peer that would have others knock at doors in their own homes: it names addresses there in every way that it knows.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::identity::Keypair;
use libp2p::kad::{self, store::MemoryStore};
use libp2p::multiaddr::Protocol;
use libp2p::request_response::{self, Codec, Message, ProtocolSupport};
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{NetworkBehaviour, Swarm, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

use super::simulated::{Known, Wire, identify, kademlia, listening};

const DIAL_REQUEST: StreamProtocol = StreamProtocol::new("/libp2p/autonat/2/dial-request");
/// Bytes that a server may want to have first: 100,000 at most.
const DUMMY_FRAMES: usize = 30;
const DUMMY_BYTES: u16 = 4000;
/// Made-up peers at each address.
const PEERS: usize = 2;

/// A door, at all addresses of its computer, over TCP and UDP.
#[derive(Debug)]
pub struct Door {
    pub tcp: u16,
    pub udp: u16,
    knocks: Arc<AtomicUsize>,
}

impl Door {
    pub async fn new() -> Self {
        let tcp = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
        let udp = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
        let ports = [tcp.local_addr(), udp.local_addr()].map(|address| address.unwrap().port());
        let knocks = Arc::new(AtomicUsize::new(0));
        let (at_tcp, at_udp) = (Arc::clone(&knocks), Arc::clone(&knocks));
        tokio::spawn(async move {
            while tcp.accept().await.is_ok() {
                at_tcp.fetch_add(1, Ordering::Relaxed);
            }
        });
        tokio::spawn(async move {
            while udp.recv_from(&mut [0; 2000]).await.is_ok() {
                at_udp.fetch_add(1, Ordering::Relaxed);
            }
        });
        let [tcp, udp] = ports;
        Self { tcp, udp, knocks }
    }

    /// How often somebody has knocked.
    pub fn knocks(&self) -> usize {
        self.knocks.load(Ordering::Relaxed)
    }

    /// Ways to it by that address of its computer, in all spellings.
    pub fn at(&self, ip: Ipv4Addr) -> Vec<Multiaddr> {
        let tcp = Protocol::Tcp(self.tcp);
        let elsewhere = Multiaddr::from(Ipv4Addr::new(8, 8, 8, 8));
        vec![
            Multiaddr::from(ip).with(tcp.clone()),
            Multiaddr::from(ip)
                .with(Protocol::Udp(self.udp))
                .with(Protocol::QuicV1),
            Multiaddr::from(ip.to_ipv6_mapped()).with(tcp.clone()),
            elsewhere.with(Protocol::Ip4(ip)).with(tcp),
        ]
    }
}

#[derive(Debug)]
pub struct Misleading {
    pub peer: PeerId,
    answers: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Misleading {
    /// Comes to the one at `victim`, names `doors` to it, and says that peers are there; it says so as well of `open`, where nothing
    /// is wrong.
    pub async fn come(
        ip: Ipv4Addr,
        victim: &Multiaddr,
        doors: &[Multiaddr],
        open: &Multiaddr,
    ) -> Self {
        let (mut swarm, _) = listening(ip, Wire::Tcp, Behaviour::new).await;
        let peer = *swarm.local_peer_id();
        for address in doors.iter().chain([open]) {
            for _ in 0..PEERS {
                let kad = &mut swarm.behaviour_mut().kad;
                kad.add_address(&PeerId::random(), address.clone());
            }
        }
        for address in doors {
            swarm.add_external_address(address.clone());
        }
        let answers = Arc::new(AtomicUsize::new(0));
        let task = mislead(
            swarm,
            Known::at(victim),
            doors.to_vec(),
            Arc::clone(&answers),
        );
        let task = tokio::spawn(task);
        Self {
            peer,
            answers,
            task,
        }
    }

    /// How many doors it has asked for by AutoNAT, and has got an answer or been sent away for.
    pub fn answers(&self) -> usize {
        self.answers.load(Ordering::Relaxed)
    }

    /// Hangs up, and is no more.
    pub async fn leave(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn mislead(
    mut swarm: Swarm<Behaviour>,
    victim: Known,
    doors: Vec<Multiaddr>,
    answers: Arc<AtomicUsize>,
) {
    let to = DialOpts::peer_id(victim.peer).addresses(vec![victim.address]);
    swarm.dial(to.build()).unwrap();
    let mut doors = doors.into_iter();
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { .. } => {}
            SwarmEvent::Behaviour(BehaviourEvent::Asks(
                request_response::Event::Message {
                    message: Message::Response { .. },
                    ..
                }
                | request_response::Event::OutboundFailure { .. },
            )) => {
                answers.fetch_add(1, Ordering::Relaxed);
            }
            _ => continue,
        }
        // One after the other: whoever is asked for too many at once may not look at them.
        if let Some(door) = doors.next() {
            swarm.behaviour_mut().asks.send_request(&victim.peer, door);
        }
    }
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: libp2p::identify::Behaviour,
    kad: kad::Behaviour<MemoryStore>,
    asks: request_response::Behaviour<Ask>,
}

impl Behaviour {
    fn new(identity: &Keypair) -> Self {
        let peer = identity.public().to_peer_id();
        let asks = [(DIAL_REQUEST, ProtocolSupport::Outbound)];
        Self {
            identify: identify(identity),
            kad: kademlia(peer, MemoryStore::new(peer)),
            asks: request_response::Behaviour::with_codec(
                Ask,
                asks,
                request_response::Config::default(),
            ),
        }
    }
}

/// AutoNAT's question whether an address can be dialled, with all the dummy data that may be asked for.
#[derive(Clone, Copy)]
struct Ask;

fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![tag << 3 | 2];
    field.extend(varint(bytes.len()));
    field.extend(bytes);
    field
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut varint = Vec::new();
    while number >= 0x80 {
        varint.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    varint.push(u8::try_from(number).unwrap());
    varint
}

fn framed(message: &[u8]) -> Vec<u8> {
    [varint(message.len()), message.to_vec()].concat()
}

impl Codec for Ask {
    type Protocol = StreamProtocol;
    type Request = Multiaddr;
    type Response = ();

    async fn read_request<T>(&mut self, _: &StreamProtocol, _: &mut T) -> io::Result<Multiaddr>
    where
        T: AsyncRead + Unpin + Send,
    {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<()>
    where
        T: AsyncRead + Unpin + Send,
    {
        io.read_to_end(&mut Vec::new()).await?;
        Ok(())
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        address: Multiaddr,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        // Field 1, a dial request: field 1, an address; field 2, a fixed number of 64 bits.
        let mut request = field(1, address.as_ref());
        request.extend([2 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8]);
        io.write_all(&framed(&field(1, &request))).await?;
        // Field 4, dummy data: field 1, bytes.
        let dummy = vec![0; usize::from(DUMMY_BYTES)];
        let dummy = framed(&field(4, &field(1, &dummy)));
        for _ in 0..DUMMY_FRAMES {
            io.write_all(&dummy).await?;
        }
        Ok(())
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, _: &mut T, (): ()) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        Err(io::ErrorKind::Unsupported.into())
    }
}
