//! Addresses that the person named: a provider on the command line, the hints of a link that is fetched, a trusted peer. Exactly
//! those, with their ports: nobody else may add to them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use super::{Scope, Shared, ip, scope};
use crate::limits::MAX_NAMED_ADDRESSES;

#[derive(Debug, Default)]
pub(super) struct Named(RwLock<HashMap<Socket, usize>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Socket {
    ip: IpAddr,
    tcp: bool,
    port: u16,
}

/// As long as it lives, the addresses that it was made of may be dialled.
#[derive(Debug)]
#[must_use = "the addresses may be dialled only as long as it lives"]
pub struct Permit {
    shared: Arc<Shared>,
    sockets: Vec<Socket>,
}

impl Named {
    pub(super) fn contains(&self, address: &Multiaddr) -> bool {
        let named = self.0.read().unwrap_or_else(PoisonError::into_inner);
        socket(address).is_some_and(|socket| named.contains_key(&socket))
    }
}

impl Permit {
    pub(super) fn new(shared: &Arc<Shared>, addresses: &[Multiaddr]) -> Self {
        let private = addresses
            .iter()
            .filter(|address| scope(address) == Scope::Private);
        let sockets: Vec<Socket> = private
            .filter_map(socket)
            .take(MAX_NAMED_ADDRESSES)
            .collect();
        let named = &shared.named.0;
        let mut named = named.write().unwrap_or_else(PoisonError::into_inner);
        for socket in &sockets {
            *named.entry(*socket).or_default() += 1;
        }
        Self {
            shared: Arc::clone(shared),
            sockets,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let named = &self.shared.named.0;
        let mut named = named.write().unwrap_or_else(PoisonError::into_inner);
        for socket in &self.sockets {
            let count = named.entry(*socket).or_default();
            *count = count.saturating_sub(1);
            if *count == 0 {
                named.remove(socket);
            }
        }
    }
}

/// What a dial of the address would open. Over a relay it would be the relay's.
fn socket(address: &Multiaddr) -> Option<Socket> {
    let ip = ip(address)?;
    let (tcp, port) = match address.iter().nth(1)? {
        Protocol::Tcp(port) => (true, port),
        Protocol::Udp(port) => (false, port),
        _ => return None,
    };
    Some(Socket { ip, tcp, port })
}
