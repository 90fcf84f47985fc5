//! A DHT that strangers can't keep busy: of what one peer sends, and of what comes from one network, so
//! much a second is looked at. What is more waits for its turn, and whoever waits for answers can't
//! ask on; beyond a bound it goes.
//!
//! Peers that we connected to, to ask them something, count by themselves only: no crowd of strangers
//! keeps their answers from us.

mod pace;

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::FutureExt;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::kad;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use tokio::time::{Sleep, sleep};

use self::pace::{Pace, STRETCH};
use crate::address::Origin;
use crate::dht::records::ProviderStore;

type Kad = kad::Behaviour<ProviderStore>;

pub(crate) struct Paced {
    pub(crate) kad: Kad,
    pace: Pace<THandlerOutEvent<Kad>>,
    /// Until what waits may have its turn.
    turn: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    pub(crate) fn new(kad: Kad) -> Self {
        Self {
            kad,
            pace: Pace::new(),
            turn: None,
        }
    }

    fn look_at_what_waits(&mut self, cx: &mut Context<'_>) {
        while self.pace.is_waiting() {
            let turn = self.turn.get_or_insert_with(|| Box::pin(sleep(STRETCH)));
            if turn.poll_unpin(cx).is_pending() {
                return;
            }
            self.turn = None;
            for (peer, id, event) in self.pace.take_turns(Instant::now()) {
                self.kad.on_connection_handler_event(peer, id, event);
            }
        }
        self.turn = None;
    }
}

impl NetworkBehaviour for Paced {
    type ConnectionHandler = THandler<Kad>;
    type ToSwarm = kad::Event;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let handler = self
            .kad
            .handle_established_inbound_connection(id, peer, local, remote)?;
        self.pace.opened(id, Origin::of(remote));
        Ok(handler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.kad
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
        self.kad
            .handle_established_outbound_connection(id, peer, remote, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        let gone = match &event {
            FromSwarm::ConnectionClosed(closed) => Some(closed.connection_id),
            FromSwarm::ListenFailure(failure) => Some(failure.connection_id),
            _ => None,
        };
        if let Some(gone) = gone {
            self.pace.gone(gone);
        }
        self.kad.on_swarm_event(event);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        if let Some(event) = self.pace.admit(peer, id, event, Instant::now()) {
            self.kad.on_connection_handler_event(peer, id, event);
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.look_at_what_waits(cx);
        self.kad.poll(cx)
    }
}
