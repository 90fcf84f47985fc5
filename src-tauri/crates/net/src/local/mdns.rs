//! mDNS, within bounds: libp2p's keeps all that any device of this network ever multicasts, and
//! looks through all of it for each record.
//!
//! Here it begins anew when it knows too much; what is of use is kept by
//! [`Devices`](super::known::Devices).

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use libp2p::core::Endpoint;
use libp2p::core::transport::{ListenerId, PortUse};
use libp2p::swarm::behaviour::{NewListenAddr, NewListener};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, mdns};

use crate::limits::MAX_MDNS_RECORDS;

type Inner = mdns::tokio::Behaviour;

/// It begins anew no more often than this: each time takes a few sockets.
const ANEW: Duration = Duration::from_secs(10);

pub(crate) struct Mdns {
    inner: Inner,
    local: PeerId,
    /// Where we listen, which it has to be told again.
    listening: Vec<(ListenerId, Multiaddr)>,
    began: Instant,
}

impl Mdns {
    pub(crate) fn new(local: PeerId) -> std::io::Result<Self> {
        Ok(Self {
            inner: Inner::new(mdns::Config::default(), local)?,
            local,
            listening: Vec::new(),
            began: Instant::now(),
        })
    }

    fn begin_anew_if_flooded(&mut self, now: Instant) {
        if self.inner.discovered_nodes().len() <= MAX_MDNS_RECORDS
            || now.saturating_duration_since(self.began) < ANEW
        {
            return;
        }
        tracing::warn!("somebody on this network floods it with made-up devices");
        self.began = now;
        match Inner::new(mdns::Config::default(), self.local) {
            Ok(inner) => self.inner = inner,
            Err(error) => {
                tracing::debug!(%error, "devices are looked for as before");
                return;
            }
        }
        for (listener_id, addr) in &self.listening {
            let listener_id = *listener_id;
            let listener = NewListener { listener_id };
            self.inner.on_swarm_event(FromSwarm::NewListener(listener));
            let address = NewListenAddr { listener_id, addr };
            self.inner.on_swarm_event(FromSwarm::NewListenAddr(address));
        }
    }
}

impl NetworkBehaviour for Mdns {
    type ConnectionHandler = THandler<Inner>;
    type ToSwarm = mdns::Event;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner
            .handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.inner
            .handle_pending_outbound_connection(id, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner
            .handle_established_outbound_connection(id, peer, remote, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match &event {
            FromSwarm::NewListenAddr(new) => {
                self.listening.push((new.listener_id, new.addr.clone()));
            }
            FromSwarm::ExpiredListenAddr(gone) => {
                self.listening
                    .retain(|(id, addr)| (*id, addr) != (gone.listener_id, gone.addr));
            }
            FromSwarm::ListenerClosed(closed) => {
                self.listening.retain(|(id, _)| *id != closed.listener_id);
            }
            _ => {}
        }
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.begin_anew_if_flooded(Instant::now());
        loop {
            match self.inner.poll(cx) {
                // Whoever dials a device is told where it is by us.
                Poll::Ready(ToSwarm::NewExternalAddrOfPeer { .. }) => {}
                other => return other,
            }
        }
    }
}
