//! Peers that do nothing but answer for the public DHT, well or ill: rust-libp2p's own, not ours.

use std::borrow::Cow;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::identity::Keypair;
use libp2p::kad::store::{Error, MemoryStore, RecordStore};
use libp2p::kad::{self, BucketInserts, KBucketKey, Mode, ProviderRecord, Record, RecordKey};
use libp2p::multiaddr::Protocol;
use libp2p::request_response::{self, Codec, Message, ProtocolSupport};
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{NetworkBehaviour, Swarm, SwarmEvent};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, SwarmBuilder, autonat, identify, noise, tcp, tls, yamux,
};
use rand::seq::SliceRandom;

const DHT: StreamProtocol = StreamProtocol::new("/ipfs/kad/1.0.0");
const PORT: u16 = 4001;
/// As in every table of the DHT.
const BUCKET: usize = 20;
/// Between two tries to reach somebody.
const DIAL_AGAIN: Duration = Duration::from_secs(5);

/// A DHT in which everybody has been for long: the tables are full. Gives the address of each.
pub async fn dht(ips: impl Iterator<Item = Ipv4Addr>) -> Vec<Multiaddr> {
    let mut swarms = Vec::new();
    for (number, ip) in ips.enumerate() {
        swarms.push(listening(ip, Wire::of(number), Honest::new).await);
    }
    let known: Vec<Known> = swarms
        .iter()
        .map(|(_, address)| Known::at(address))
        .collect();
    for (number, (swarm, _)) in swarms.iter_mut().enumerate() {
        let others = [&known[..number], &known[number + 1..]].concat();
        let kad = &mut swarm.behaviour_mut().kad;
        fill_table(kad, &known[number], others);
        // The look around that a new table asks for.
        kad.bootstrap().unwrap();
        keep_quiet(kad);
    }
    let live = |(mut swarm, address): (Swarm<Honest>, Multiaddr)| {
        tokio::spawn(async move {
            loop {
                swarm.select_next_some().await;
                keep_quiet(&mut swarm.behaviour_mut().kad);
            }
        });
        address
    };
    swarms.into_iter().map(live).collect()
}

/// Nothing is asked: whatever is about to be is given up before it is sent.
fn keep_quiet(kad: &mut kad::Behaviour<MemoryStore>) {
    for mut query in kad.iter_queries_mut() {
        query.finish();
    }
}

/// Puts as many of the others into each bucket as it holds.
fn fill_table(kad: &mut kad::Behaviour<MemoryStore>, own: &Known, mut others: Vec<Known>) {
    others.shuffle(&mut rand::rng());
    let mut counts = [0; 256];
    for other in others {
        let bucket = own.key.distance(&other.key).ilog2().unwrap();
        let count = &mut counts[usize::try_from(bucket).unwrap()];
        if *count < BUCKET {
            *count += 1;
            kad.add_address(&other.peer, other.address);
        }
    }
}

/// What the peers of an [`attack`] see of those whom they attack.
#[derive(Clone, Debug, Default)]
pub struct Hostile(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    unmet: AtomicUsize,
    asked: AtomicUsize,
}

impl Hostile {
    /// How many introductions are still to come: of each of them to each victim.
    pub fn unmet(&self) -> usize {
        self.0.unmet.load(Ordering::Relaxed)
    }

    /// How often somebody asked one of them.
    pub fn asked(&self) -> usize {
        self.0.asked.load(Ordering::Relaxed)
    }
}

/// What a hostile peer may notice.
enum Noticed {
    /// This one knows now what it is.
    Met(PeerId),
    Asked,
}

/// Peers that try to keep others from finding anything: some swallow what is announced to them and name made-up providers and each
/// other, some take a question and never answer, some answer with noise. All of them enter the tables of those at `victims`.
pub async fn attack(ips: impl Iterator<Item = Ipv4Addr>, victims: Vec<Multiaddr>) -> Hostile {
    let (mut liars, mut others) = (Vec::new(), Vec::new());
    for (number, ip) in ips.enumerate() {
        match number % 3 {
            0 => liars.push(listening(ip, Wire::of(number), Liar::new).await),
            1 => others.push(useless(ip, Wire::of(number), Answer::Never).await),
            _ => others.push(useless(ip, Wire::of(number), Answer::Noise).await),
        }
    }
    let hostile = Hostile::default();
    let introductions = (liars.len() + others.len()) * victims.len();
    hostile.0.unmet.store(introductions, Ordering::Relaxed);
    let of_others = others.iter().map(|(_, address)| address.clone());
    let of_liars = liars.iter().map(|(_, address)| address.clone());
    let conspiracy: Vec<Known> = of_liars
        .chain(of_others)
        .map(|address| Known::at(&address))
        .collect();
    let victims: Vec<Known> = victims.iter().map(Known::at).collect();
    for (mut swarm, _) in liars {
        for other in &conspiracy {
            let kad = &mut swarm.behaviour_mut().kad;
            kad.add_address(&other.peer, other.address.clone());
        }
        let notice = |_: &mut Liar, event| match event {
            LiarEvent::Identify(identify::Event::Sent { peer_id, .. }) => {
                Some(Noticed::Met(peer_id))
            }
            LiarEvent::Kad(kad::Event::InboundRequest { .. }) => Some(Noticed::Asked),
            _ => None,
        };
        tokio::spawn(intrude(swarm, victims.clone(), hostile.clone(), notice));
    }
    for (swarm, _) in others {
        let notice = |behaviour: &mut Useless, event| match event {
            UselessEvent::Identify(identify::Event::Sent { peer_id, .. }) => {
                Some(Noticed::Met(peer_id))
            }
            UselessEvent::Answers(request_response::Event::Message {
                message: Message::Request { channel, .. },
                ..
            }) => {
                let _ = behaviour.answers.send_response(channel, ());
                Some(Noticed::Asked)
            }
            _ => None,
        };
        tokio::spawn(intrude(swarm, victims.clone(), hostile.clone(), notice));
    }
    hostile
}

/// Dials each victim until it knows this peer: on a busy machine a first try may fail.
async fn intrude<B: NetworkBehaviour>(
    mut swarm: Swarm<B>,
    mut victims: Vec<Known>,
    hostile: Hostile,
    mut notice: impl FnMut(&mut B, B::ToSwarm) -> Option<Noticed>,
) {
    let mut again = tokio::time::interval(DIAL_AGAIN);
    loop {
        tokio::select! {
            _ = again.tick() => for victim in &victims {
                let to = DialOpts::peer_id(victim.peer).addresses(vec![victim.address.clone()]);
                // An error says that it is connected, or about to be.
                let _ = swarm.dial(to.build());
            },
            event = swarm.select_next_some() => {
                let SwarmEvent::Behaviour(event) = event else {
                    continue;
                };
                match notice(swarm.behaviour_mut(), event) {
                    Some(Noticed::Asked) => {
                        hostile.0.asked.fetch_add(1, Ordering::Relaxed);
                    }
                    Some(Noticed::Met(peer)) => {
                        let before = victims.len();
                        victims.retain(|victim| victim.peer != peer);
                        let met = before - victims.len();
                        hostile.0.unmet.fetch_sub(met, Ordering::Relaxed);
                    }
                    None => {}
                }
            }
        }
    }
}

/// A peer as others know it.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) peer: PeerId,
    key: KBucketKey<PeerId>,
    pub(super) address: Multiaddr,
}

impl Known {
    pub(super) fn at(address: &Multiaddr) -> Self {
        let mut address = address.clone();
        let Some(Protocol::P2p(peer)) = address.pop() else {
            panic!("{address} has no peer ID");
        };
        let key = KBucketKey::from(peer);
        Self { peer, key, address }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Wire {
    Tcp,
    Quic,
}

impl Wire {
    fn of(number: usize) -> Self {
        if number.is_multiple_of(2) {
            Self::Tcp
        } else {
            Self::Quic
        }
    }

    fn at(self, ip: Ipv4Addr) -> Multiaddr {
        let address = Multiaddr::from(ip);
        match self {
            Self::Tcp => address.with(Protocol::Tcp(PORT)),
            Self::Quic => address.with(Protocol::Udp(PORT)).with(Protocol::QuicV1),
        }
    }
}

/// A peer that listens, and where.
pub(super) async fn listening<B: NetworkBehaviour>(
    ip: Ipv4Addr,
    wire: Wire,
    behaviour: impl FnOnce(&Keypair) -> B,
) -> (Swarm<B>, Multiaddr) {
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(
            tcp::Config::default().nodelay(true),
            (tls::Config::new, noise::Config::new),
            yamux::Config::default,
        )
        .unwrap()
        .with_quic()
        .with_behaviour(behaviour)
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(10)))
        .build();
    swarm.listen_on(wire.at(ip)).unwrap();
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            swarm.add_external_address(address.clone());
            let address = address.with(Protocol::P2p(*swarm.local_peer_id()));
            return (swarm, address);
        }
    }
}

/// As most of the public DHT's peers are: it answers, and dials others' addresses for them.
#[derive(NetworkBehaviour)]
struct Honest {
    identify: identify::Behaviour,
    kad: kad::Behaviour<MemoryStore>,
    autonat: autonat::v2::server::Behaviour,
}

impl Honest {
    fn new(identity: &Keypair) -> Self {
        let peer = identity.public().to_peer_id();
        Self {
            identify: identify(identity),
            kad: kademlia(peer, MemoryStore::new(peer)),
            autonat: autonat::v2::server::Behaviour::default(),
        }
    }
}

#[derive(NetworkBehaviour)]
struct Liar {
    identify: identify::Behaviour,
    kad: kad::Behaviour<Lies>,
}

impl Liar {
    fn new(identity: &Keypair) -> Self {
        Self {
            identify: identify(identity),
            kad: kademlia(identity.public().to_peer_id(), Lies),
        }
    }
}

#[derive(NetworkBehaviour)]
struct Useless {
    identify: identify::Behaviour,
    answers: request_response::Behaviour<Answer>,
}

async fn useless(ip: Ipv4Addr, wire: Wire, answer: Answer) -> (Swarm<Useless>, Multiaddr) {
    let behaviour = |identity: &Keypair| Useless {
        identify: identify(identity),
        answers: request_response::Behaviour::with_codec(
            answer,
            [(DHT, ProtocolSupport::Inbound)],
            request_response::Config::default(),
        ),
    };
    listening(ip, wire, behaviour).await
}

pub(super) fn identify(identity: &Keypair) -> identify::Behaviour {
    let config = identify::Config::new("ipfs/0.1.0".to_owned(), identity.public());
    identify::Behaviour::new(config)
}

/// It answers, and does nothing by itself.
pub(super) fn kademlia<S: RecordStore + Send + 'static>(
    peer: PeerId,
    store: S,
) -> kad::Behaviour<S> {
    let mut config = kad::Config::new(DHT);
    config
        .set_kbucket_inserts(BucketInserts::Manual)
        .set_periodic_bootstrap_interval(None)
        .set_provider_publication_interval(None)
        .set_publication_interval(None)
        .set_replication_interval(None);
    let mut kad = kad::Behaviour::with_config(peer, store, config);
    kad.set_mode(Some(Mode::Server));
    kad
}

/// Keeps nothing, and says of every key that peers have it who don't exist.
struct Lies;

impl RecordStore for Lies {
    type RecordsIter<'a> = std::iter::Empty<Cow<'a, Record>>;
    type ProvidedIter<'a> = std::iter::Empty<Cow<'a, ProviderRecord>>;

    fn get(&self, _: &RecordKey) -> Option<Cow<'_, Record>> {
        None
    }

    fn put(&mut self, _: Record) -> kad::store::Result<()> {
        Err(Error::MaxRecords)
    }

    fn remove(&mut self, _: &RecordKey) {}

    fn records(&self) -> Self::RecordsIter<'_> {
        std::iter::empty()
    }

    fn add_provider(&mut self, _: ProviderRecord) -> kad::store::Result<()> {
        Ok(())
    }

    fn providers(&self, key: &RecordKey) -> Vec<ProviderRecord> {
        let made_up = |number: u8| {
            let nobody = Ipv4Addr::new(140, 255, number, 1);
            let address = Wire::Tcp.at(nobody);
            ProviderRecord::new(key.clone(), PeerId::random(), vec![address])
        };
        (0..20).map(made_up).collect()
    }

    fn provided(&self) -> Self::ProvidedIter<'_> {
        std::iter::empty()
    }

    fn remove_provider(&mut self, _: &RecordKey, _: &PeerId) {}
}

/// What becomes of a question.
#[derive(Clone, Copy)]
enum Answer {
    Never,
    Noise,
}

impl Codec for Answer {
    type Protocol = StreamProtocol;
    type Request = ();
    type Response = ();

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<()>
    where
        T: AsyncRead + Unpin + Send,
    {
        io.read_exact(&mut [0; 8]).await?;
        match self {
            Self::Never => std::future::pending().await,
            Self::Noise => Ok(()),
        }
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, _: &mut T) -> io::Result<()>
    where
        T: AsyncRead + Unpin + Send,
    {
        Ok(())
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, _: &mut T, (): ()) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        Ok(())
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, (): ()) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let mut noise = vec![100];
        noise.extend((0..100u8).map(|byte| byte.wrapping_mul(151)));
        io.write_all(&noise).await
    }
}
