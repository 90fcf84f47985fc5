//! Strangers who mean harm: who they are, what they do, and how often they have done it. Each keeps at it, and comes again when it
//! is sent away, until the whole siege is lifted.

mod asks;
mod crowd;
mod exchange;
mod stranger;
pub mod web;
mod words;

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cid::Cid;
use libp2p::Multiaddr;
use tokio::task::JoinSet;

use super::lab::storm::storm;
use super::lab::{Host, Inside};

/// Before somebody who was sent away comes again.
const AGAIN: Duration = Duration::from_millis(500);
/// How the addresses of all of them begin, in networks of a /24: part of [`Host::be_many`]'s city, where nobody else is.
const QUARTER: [u8; 2] = [140, 252];
/// Where nobody answers, not even to say so.
const SILENT_PORT: u16 = 9;

/// What they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assault {
    /// Ask for what nobody has, take back what they asked for, and ask again for what is just being read for them.
    Wants,
    /// Begin large messages, on many streams, and never end one.
    HalfSent,
    /// Ask for everything and take a kilobyte a second.
    SlowReaders,
    /// Ask for ever more that nobody has, and don't listen to what is said of it.
    Deaf,
    /// Start afresh over a second connection on which they refuse the exchange.
    SecondConnections,
    /// Come, ask for what nobody has, and stay for it.
    Squatters,
    /// Begin to come, and never say who they are.
    Handshakes,
    /// Come as somebody, ask for something, and leave.
    Comers,
    /// Say again and again what they are: always something else.
    Identities,
    /// Ask to have addresses tried at which nobody answers.
    DialRequests,
    /// Tell the DHT of content that nobody has, and ask it for some.
    Records,
    /// Ask to be passed on, pass others on, and have holes punched towards a home network.
    Relaying,
}

/// Whom they are after.
#[derive(Clone, Debug)]
pub struct Target {
    pub tcp: Multiaddr,
    pub quic: Multiaddr,
    /// Blocks that it has: a small one first, then large ones.
    pub blocks: Vec<Cid>,
}

/// How many they are.
#[derive(Clone, Copy, Debug)]
pub struct Force {
    pub strangers: usize,
    /// They share so many networks.
    pub networks: usize,
}

/// A siege that goes on as long as this is kept.
#[derive(Debug)]
pub struct Siege {
    blows: Arc<AtomicU64>,
    /// Where they are, whose end is theirs.
    insides: Vec<Inside>,
}

impl Siege {
    /// All of them begin at once, from that computer, which has to be many.
    pub fn lay(from: &Host, assault: Assault, force: Force, target: &Target) -> Self {
        let siege = Self::quiet(from);
        let target = Arc::new(target.clone());
        let strangers: Vec<Attacker> = (0..force.strangers)
            .map(|number| Attacker {
                number,
                from: address(number, force.networks),
                target: Arc::clone(&target),
                blows: Arc::clone(&siege.blows),
            })
            .collect();
        siege.insides[0].run(async move {
            for attacker in strangers {
                tokio::spawn(attacker.persist(assault));
            }
        });
        siege
    }

    /// Devices flood their network with others that they make up, so many at a time.
    pub fn storm(devices: &[Host], made_up: usize) -> Self {
        let blows = Arc::new(AtomicU64::new(0));
        let rage = |device: &Host| {
            let (inside, from, blows) = (device.inside(), device.address(), Arc::clone(&blows));
            inside.run(async move {
                tokio::spawn(async move {
                    loop {
                        storm(from, made_up).await;
                        blows.fetch_add(made_up as u64, Ordering::Relaxed);
                        tokio::time::sleep(AGAIN).await;
                    }
                });
            });
            inside
        };
        let insides = devices.iter().map(rage).collect();
        Self { blows, insides }
    }

    fn quiet(from: &Host) -> Self {
        Self {
            blows: Arc::default(),
            insides: vec![from.inside()],
        }
    }

    /// What they have done so far: messages, streams or visits, as the assault counts them.
    pub fn blows(&self) -> u64 {
        self.blows.load(Ordering::Relaxed)
    }
}

/// Whether that is an address of one of them.
pub fn is_hostile(address: &str) -> bool {
    let [a, b] = QUARTER;
    address.contains(&format!("/ip4/{a}.{b}."))
}

/// Has nobody answer at [`SILENT_PORT`] of a computer.
pub fn be_silent(host: &Host) {
    let rules = format!(
        "table inet siege {{ chain silence {{ type filter hook input priority 0; tcp dport {SILENT_PORT} drop; }}; }}"
    );
    host.space().run(&["nft", &rules]);
}

fn address(number: usize, networks: usize) -> Ipv4Addr {
    let [a, b] = QUARTER;
    let part = |part: usize| u8::try_from(part).unwrap();
    Ipv4Addr::new(a, b, part(number % networks), part(1 + number / networks))
}

/// One of them.
struct Attacker {
    number: usize,
    from: Ipv4Addr,
    target: Arc<Target>,
    blows: Arc<AtomicU64>,
}

impl Attacker {
    async fn persist(self, assault: Assault) {
        loop {
            // Whatever it comes to: sent away, hung up on, refused.
            let _ = self.come(assault).await;
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn come(&self, assault: Assault) -> io::Result<()> {
        match assault {
            Assault::Wants => self.want().await,
            Assault::HalfSent => self.send_by_half().await,
            Assault::SlowReaders => self.sip().await,
            Assault::Deaf => self.ask_without_listening().await,
            Assault::SecondConnections => self.come_twice().await,
            Assault::Squatters => self.stay().await,
            Assault::Handshakes => self.stand_in_the_door().await,
            Assault::Comers => self.come_and_go().await,
            Assault::Identities => self.be_somebody_else().await,
            Assault::DialRequests => self.have_doors_tried().await,
            Assault::Records => self.tell_the_dht().await,
            Assault::Relaying => self.be_passed_on().await,
        }
    }

    /// Half of them come over TCP, the others over QUIC.
    fn way(&self) -> &Multiaddr {
        if self.number.is_multiple_of(2) {
            &self.target.tcp
        } else {
            &self.target.quic
        }
    }

    fn strike(&self) {
        self.blows.fetch_add(1, Ordering::Relaxed);
    }

    /// Until one of these ends, which none does that is let.
    async fn until_one_ends(mut all: JoinSet<io::Result<()>>) -> io::Result<()> {
        match all.join_next().await {
            Some(ended) => ended.map_err(io::Error::other)?,
            None => Ok(()),
        }
    }
}
