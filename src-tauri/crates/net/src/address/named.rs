//! Addresses that somebody named who may lead us into a private network: the person, by a provider on the command line, the hints
//! of a link that is fetched, or a setting; and devices of this network, of themselves and each other. Exactly those, with their
//! ports: nobody else may add to them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use super::Shared;
use crate::limits::{MAX_NAMED_ADDRESSES, MAX_NEARBY_ADDRESSES};

/// For so long a device's word counts. Devices say again every five minutes where they are.
const NEARBY_LIFETIME: Duration = Duration::from_mins(10);

/// What the person named.
#[derive(Debug, Default)]
pub(super) struct Named(RwLock<HashMap<Door, usize>>);

/// What devices of this network named, each with the time.
#[derive(Debug, Default)]
pub(super) struct Nearby(RwLock<HashMap<Door, Instant>>);

/// What a dial opens, or what is resolved for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Door {
    host: Host,
    /// Over TCP or not, and the number. A name alone may stand for any.
    port: Option<(bool, u16)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Host {
    Ip(IpAddr),
    Name(String),
}

/// As long as it lives, the addresses that it was made of may be dialled.
#[derive(Debug)]
#[must_use = "the addresses may be dialled only as long as it lives"]
pub struct Permit {
    shared: Arc<Shared>,
    doors: Vec<Door>,
}

impl Named {
    pub(super) fn contains(&self, address: &Multiaddr) -> bool {
        let named = self.0.read().unwrap_or_else(PoisonError::into_inner);
        door(address).is_some_and(|door| named.contains_key(&door))
    }
}

impl Nearby {
    /// When there are too many, the one that was heard of longest ago goes.
    pub(super) fn heard(&self, address: &Multiaddr, now: Instant) {
        let Some(door) = door(address) else {
            return;
        };
        let mut nearby = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if nearby.len() >= MAX_NEARBY_ADDRESSES && !nearby.contains_key(&door) {
            let oldest = nearby.iter().min_by_key(|(_, at)| **at);
            if let Some(oldest) = oldest.map(|(door, _)| door.clone()) {
                nearby.remove(&oldest);
            }
        }
        nearby.insert(door, now);
    }

    pub(super) fn contains(&self, address: &Multiaddr, now: Instant) -> bool {
        let nearby = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let at = door(address).and_then(|door| nearby.get(&door).copied());
        at.is_some_and(|at| now.saturating_duration_since(at) < NEARBY_LIFETIME)
    }
}

impl Permit {
    pub(super) fn new(shared: &Arc<Shared>, addresses: &[Multiaddr]) -> Self {
        let doors = addresses.iter().filter_map(door);
        let doors: Vec<Door> = doors.take(MAX_NAMED_ADDRESSES).collect();
        let named = &shared.named.0;
        let mut named = named.write().unwrap_or_else(PoisonError::into_inner);
        for door in &doors {
            *named.entry(door.clone()).or_default() += 1;
        }
        Self {
            shared: Arc::clone(shared),
            doors,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let named = &self.shared.named.0;
        let mut named = named.write().unwrap_or_else(PoisonError::into_inner);
        for door in &self.doors {
            if let Some(count) = named.get_mut(door) {
                *count -= 1;
                if *count == 0 {
                    named.remove(door);
                }
            }
        }
    }
}

/// Of an address over a relay it is the relay's.
fn door(address: &Multiaddr) -> Option<Door> {
    let mut parts = address.iter();
    let first = parts.next()?;
    let port = match parts.next() {
        Some(Protocol::Tcp(port)) => Some((true, port)),
        Some(Protocol::Udp(port)) => Some((false, port)),
        _ => None,
    };
    let host = match first {
        Protocol::Ip4(ip) => Host::Ip(ip.into()),
        Protocol::Ip6(ip) => Host::Ip(IpAddr::from(ip).to_canonical()),
        Protocol::Dns(name)
        | Protocol::Dns4(name)
        | Protocol::Dns6(name)
        | Protocol::Dnsaddr(name) => Host::Name(name.to_ascii_lowercase()),
        _ => return None,
    };
    if port.is_none() && matches!(host, Host::Ip(_)) {
        return None;
    }
    Some(Door { host, port })
}
