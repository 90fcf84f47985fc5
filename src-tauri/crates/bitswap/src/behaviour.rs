//! Bitswap as a libp2p behaviour: carries words and blocks between the connections, the two
//! machines and the owner.
//!
//! Invariants: it runs on the swarm's task, so it neither hashes nor copies nor reads; each event
//! costs time in what it carries, not in the number of peers. Bitswap does not run on relayed
//! connections. Which of a peer's connections is used is decided in `links`.

mod crowd;
mod links;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished, DialFailure};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{
    CloseConnection, ConnectionDenied, ConnectionId, DialError, FromSwarm, NetworkBehaviour,
    NotifyHandler, THandler, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::Semaphore;
use tokio::time::Sleep;
use unixfs::cid::Cid;

use self::links::Peer;
use crate::client::{Client, ClientAction, ClientConfig, SessionId, Want};
use crate::handler::{Command, Handler, Protocols, Received, Report, Support};
use crate::held::Total;
use crate::rate::Allowances;
use crate::server::{Found, Server, ServerAction, Ticket};
use crate::wire::{Outgoing, Presence, Version, WantEntry};

/// Finer than this no timer is kept.
const TIMER_GRAIN: Duration = Duration::from_millis(1);

#[derive(Debug, Clone)]
pub struct Config {
    pub client: ClientConfig,
    /// Bytes a second, all peers together.
    pub upload_limit: Option<u64>,
    pub download_limit: Option<u64>,
    /// The newest version to speak.
    pub newest: Version,
    /// The network that whoever is connected from an address belongs to, by an address that stands for all of it: its peers
    /// share what they may say. Those of which none is told share one.
    pub network_of: fn(&Multiaddr) -> Option<IpAddr>,
}

impl Config {
    /// Without limits, with every version.
    pub fn new(local: PeerId) -> Self {
        Self {
            client: ClientConfig::new(local),
            upload_limit: None,
            download_limit: None,
            newest: Version::V1_2,
            network_of: |_| None,
        }
    }
}

/// What the owner of the behaviour is told, or asked.
#[derive(Debug)]
pub enum Event {
    /// A block that the session wanted. To be [released](Behaviour::release).
    Block {
        session: SessionId,
        peer: PeerId,
        cid: Cid,
        data: Bytes,
    },
    /// Find peers that have the session's content: [`Behaviour::add_providers`].
    FindProviders { session: SessionId },
    /// Say which of these blocks may be served, and their sizes: [`Behaviour::answer_lookup`].
    Lookup {
        ticket: Ticket,
        peer: PeerId,
        cids: Vec<Cid>,
    },
    /// Read this block: [`Behaviour::answer_read`].
    Read {
        ticket: Ticket,
        peer: PeerId,
        cid: Cid,
    },
    /// The peer broke the rules too often: disconnect it and keep it away.
    Misbehaved { peer: PeerId },
    /// Ask a gateway for blocks, and no longer for others: [`Behaviour::gateway_block`],
    /// [`Behaviour::gateway_lacks`]. A block may be asked for again that is being asked for
    /// already.
    Ask {
        gateway: PeerId,
        blocks: Vec<Cid>,
        cancels: Vec<Cid>,
    },
}

/// A connected peer that speaks Bitswap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStats {
    pub peer: PeerId,
    pub version: Version,
    /// Bytes of blocks sent to it over this connection and those before, since it was last away.
    pub bytes_sent: u64,
    /// Bytes of wanted blocks received from it.
    pub bytes_received: u64,
    /// Wants that it has with us.
    pub wants: usize,
}

pub struct Behaviour {
    config: Config,
    client: Client,
    server: Server,
    sessions: HashSet<SessionId>,
    /// Peers with a direct connection.
    peers: HashMap<PeerId, Peer>,
    /// Those that the owner can ask now.
    gateways: HashSet<PeerId>,
    hashers: Arc<Semaphore>,
    /// Bytes of messages that are not whole yet, of all connections.
    unfinished: Total,
    allowances: Allowances,
    events: VecDeque<ToSwarm<Event, Command>>,
    timer: Option<Pin<Box<Sleep>>>,
    waker: Option<Waker>,
}

impl Behaviour {
    pub fn new(config: Config) -> Self {
        let now = Instant::now();
        let mut client = Client::new(
            config.client.clone(),
            RandomState::new().build_hasher().finish(),
        );
        client.set_download_limit(config.download_limit, now);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            client,
            server: Server::new(config.upload_limit, now),
            config,
            sessions: HashSet::new(),
            peers: HashMap::new(),
            gateways: HashSet::new(),
            hashers: Arc::new(Semaphore::new(cores)),
            unfinished: Total::default(),
            allowances: Allowances::new(now),
            events: VecDeque::new(),
            timer: None,
            waker: None,
        }
    }

    pub fn open_session(&mut self, id: SessionId) {
        self.client.open(id, Instant::now());
        if self.sessions.insert(id) && self.sessions.len() == 1 {
            self.tell_interest(true);
        }
        self.wake();
    }

    pub fn close_session(&mut self, id: SessionId) {
        self.client.close(id, Instant::now());
        if self.sessions.remove(&id) && self.sessions.is_empty() {
            self.tell_interest(false);
        }
        self.wake();
    }

    pub fn want(&mut self, session: SessionId, wants: Vec<Want>) {
        self.client.want(session, wants, Instant::now());
        self.wake();
    }

    pub fn unwant(&mut self, session: SessionId, cids: &[Cid]) {
        self.client.unwant(session, cids, Instant::now());
        self.wake();
    }

    /// The consumer is done with so many bytes of delivered blocks: as many more may be asked for.
    pub fn release(&mut self, bytes: u64) {
        self.client.release(bytes, Instant::now());
        self.wake();
    }

    /// Peers believed to have the session's content, connected or not.
    pub fn add_providers(&mut self, session: SessionId, peers: &[PeerId]) {
        self.client.add_providers(session, peers, Instant::now());
        self.wake();
    }

    /// A source that is no peer can be asked by [`Event::Ask`]. `id` must be one that no peer can
    /// have.
    pub fn gateway_connected(&mut self, id: PeerId) {
        self.gateways.insert(id);
        self.client.gateway_connected(id, Instant::now());
    }

    /// It cannot be asked any more, and what it was asked for is asked of others.
    pub fn gateway_disconnected(&mut self, id: &PeerId) {
        if self.gateways.remove(id) {
            self.client.disconnected(*id, Instant::now());
            self.wake();
        }
    }

    /// A gateway that can be asked takes part in a session from now on.
    pub fn join_gateway(&mut self, session: SessionId, id: &PeerId) {
        self.client.join_gateway(session, id, Instant::now());
        self.wake();
    }

    /// A gateway gave a block whose bytes are what the CID says.
    pub fn gateway_block(&mut self, id: PeerId, cid: Cid, data: Bytes) {
        self.client.on_block(id, cid, data, Instant::now());
        self.wake();
    }

    /// A gateway does not have a block.
    pub fn gateway_lacks(&mut self, id: PeerId, cid: Cid) {
        let lacks = [(cid, Presence::DontHave)];
        self.client.on_presences(id, &lacks, Instant::now());
        self.wake();
    }

    /// In bytes a second, each direction over all peers.
    pub fn set_limits(&mut self, upload: Option<u64>, download: Option<u64>) {
        let now = Instant::now();
        self.server.set_upload_limit(upload, now);
        self.client.set_download_limit(download, now);
        self.wake();
    }

    /// We have these blocks now: peers that want one are answered.
    pub fn available(&mut self, cids: &[Cid]) {
        self.server.available(cids);
        self.wake();
    }

    /// Any block may be here now, or again: peers that want one are answered if it is.
    pub fn look_again(&mut self) {
        self.server.look_again(Instant::now());
        self.wake();
    }

    /// Answers [`Event::Lookup`]: what was found of each block in the order asked, `None` where it
    /// may not be served.
    pub fn answer_lookup(&mut self, ticket: Ticket, found: Vec<Option<Found>>) {
        self.server.on_lookup(ticket, &found, Instant::now());
        self.wake();
    }

    /// Answers [`Event::Read`]: bytes that match the CID, or `None`.
    pub fn answer_read(&mut self, ticket: Ticket, data: Option<Bytes>) {
        self.server.on_read(ticket, data, Instant::now());
        self.wake();
    }

    pub fn peer_stats(&self) -> Vec<PeerStats> {
        let stats = self.peers.iter().filter_map(|(id, peer)| {
            let (_, version) = peer.chosen?;
            Some(PeerStats {
                peer: *id,
                version,
                bytes_sent: peer.bytes_sent,
                bytes_received: peer.bytes_received,
                wants: self.server.wants_of(id),
            })
        });
        stats.collect()
    }

    /// Who takes part in a session, and what part of it each has, 0 to 1, as far as its answers
    /// tell.
    pub fn holdings(&self, session: SessionId) -> Vec<(PeerId, Option<f64>)> {
        self.client.holdings(session)
    }

    /// Nothing is on its way for a session: everybody who takes part said that they have none of what
    /// it looks for.
    pub fn is_stuck(&self, session: SessionId) -> bool {
        self.client.is_stuck(session, Instant::now())
    }

    /// The connection over which Bitswap is spoken with the peer: close all but this one freely.
    pub fn connection_in_use(&self, peer: &PeerId) -> Option<ConnectionId> {
        self.peers.get(peer)?.chosen.map(|(id, _)| id)
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn tell_interest(&mut self, interest: bool) {
        for (peer, state) in &self.peers {
            for link in &state.links {
                self.events
                    .push_back(notify(*peer, link.id, Command::Interest(interest)));
            }
        }
    }

    fn new_handler(&mut self, remote: &Multiaddr, is_relayed: bool) -> THandler<Self> {
        let (protocols, interest) = if is_relayed {
            (Protocols::none(), false)
        } else {
            (
                Protocols::up_to(self.config.newest),
                !self.sessions.is_empty(),
            )
        };
        let network = (self.config.network_of)(remote);
        let allowance = self.allowances.of(network, Instant::now());
        let unfinished = self.unfinished.account();
        let hashers = Arc::clone(&self.hashers);
        Handler::new(protocols, hashers, unfinished, allowance, interest)
    }

    fn on_report(&mut self, peer: PeerId, id: ConnectionId, report: Report) {
        let now = Instant::now();
        match report {
            Report::Ready(version) => {
                self.set_support(peer, id, Support::Yes(version));
            }
            Report::Unsupported => {
                self.set_support(peer, id, Support::No);
                self.client.dial_failed(peer, now);
            }
            Report::Received(received) => {
                if received.full {
                    self.follow(peer, id);
                }
                self.on_received(peer, received, now);
            }
            // What was handed to a connection that is used no more counts as lost already.
            Report::Written | Report::Progress if self.connection_in_use(&peer) != Some(id) => {}
            Report::Written => {
                let bytes = self.server.on_written(peer, now);
                if let Some(state) = self.peers.get_mut(&peer) {
                    state.bytes_sent += bytes;
                }
                self.update_hold(peer);
            }
            Report::Progress => self.server.on_progress(&peer, now),
            Report::Bad => self.client.on_bad_message(peer, now),
            Report::Broken => self.close(peer, id),
            Report::Unfinished(account) => self.set_unfinished(peer, id, account),
            Report::Crowded => self.make_way(now),
            Report::Suspect if self.client.expects(&peer, now) => {}
            Report::Suspect => {
                tracing::debug!(%peer, "sends a message that nobody asked for, and never ends it");
                self.close(peer, id);
            }
        }
    }

    fn close(&mut self, peer: PeerId, id: ConnectionId) {
        let connection = CloseConnection::One(id);
        self.events.push_back(ToSwarm::CloseConnection {
            peer_id: peer,
            connection,
        });
    }

    fn on_received(&mut self, peer: PeerId, received: Received, now: Instant) {
        if received.full || !received.wantlist.is_empty() {
            self.server
                .on_wantlist(peer, &received.wantlist, received.full, now);
            let wanted: Vec<Cid> = received
                .wantlist
                .iter()
                .filter(|e| !e.cancel)
                .map(|e| e.cid)
                .collect();
            self.client.on_wanted(peer, &wanted, now);
            self.update_hold(peer);
        }
        if !received.presences.is_empty() {
            self.client.on_presences(peer, &received.presences, now);
        }
        for (cid, data) in received.blocks {
            self.client.on_block(peer, cid, data, now);
        }
    }

    /// False: there is nobody to send it to.
    fn send(&mut self, peer: PeerId, message: Outgoing) -> bool {
        let Some(connection) = self.connection_in_use(&peer) else {
            return false;
        };
        // A little faster than the limit: the server keeps the mean, this only keeps a block from
        // leaving in one burst.
        let pace = self
            .server
            .upload_limit()
            .map(|rate| rate.saturating_add(rate / 16));
        self.events
            .push_back(notify(peer, connection, Command::Send { message, pace }));
        true
    }

    fn ask_gateway(&mut self, gateway: PeerId, entries: &[WantEntry]) {
        let (cancels, blocks): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.cancel);
        let cids = |entries: Vec<&WantEntry>| entries.iter().map(|entry| entry.cid).collect();
        self.events.push_back(ToSwarm::GenerateEvent(Event::Ask {
            gateway,
            blocks: cids(blocks),
            cancels: cids(cancels),
        }));
    }

    fn on_client_action(&mut self, action: ClientAction) {
        match action {
            ClientAction::Send {
                peer,
                entries,
                full,
            } => {
                if self.gateways.contains(&peer) {
                    return self.ask_gateway(peer, &entries);
                }
                self.send(
                    peer,
                    Outgoing {
                        wantlist: entries,
                        full,
                        ..Outgoing::default()
                    },
                );
            }
            ClientAction::Deliver {
                session,
                peer,
                cid,
                data,
            } => {
                let bytes = data.len() as u64;
                self.server.credit(&peer, bytes);
                if let Some(state) = self.peers.get_mut(&peer) {
                    state.bytes_received += bytes;
                }
                self.events.push_back(ToSwarm::GenerateEvent(Event::Block {
                    session,
                    peer,
                    cid,
                    data,
                }));
            }
            ClientAction::FindProviders { session } => {
                self.events
                    .push_back(ToSwarm::GenerateEvent(Event::FindProviders { session }));
            }
            ClientAction::Dial { peer } => self.dial(peer),
            ClientAction::Misbehaved { peer } => {
                self.events
                    .push_back(ToSwarm::GenerateEvent(Event::Misbehaved { peer }));
            }
        }
    }

    fn dial(&mut self, peer: PeerId) {
        let links = self.peers.get(&peer).map_or(&[][..], |state| &state.links);
        if links.iter().any(|link| link.support == Support::Unknown) {
            // Connected; it will turn out whether it speaks Bitswap.
            return;
        }
        if !links.is_empty() {
            self.client.dial_failed(peer, Instant::now());
            return;
        }
        let opts = DialOpts::peer_id(peer)
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .build();
        self.events.push_back(ToSwarm::Dial { opts });
    }

    fn on_server_action(&mut self, action: ServerAction) {
        let event = match action {
            ServerAction::Lookup { ticket, peer, cids } => Event::Lookup { ticket, peer, cids },
            ServerAction::Read { ticket, peer, cid } => Event::Read { ticket, peer, cid },
            ServerAction::Send { peer, message } => {
                if !self.send(peer, message) {
                    self.server.connection_lost(&peer);
                }
                return;
            }
            ServerAction::Drop { peer } => {
                if let Some(id) = self.connection_in_use(&peer) {
                    self.close(peer, id);
                }
                return;
            }
        };
        self.events.push_back(ToSwarm::GenerateEvent(event));
    }

    /// Ready when a machine has something to do.
    fn poll_timer(&mut self, now: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let deadlines = self
            .client
            .deadline()
            .into_iter()
            .chain(self.server.deadline());
        let Some(at) = deadlines.min() else {
            self.timer = None;
            return Poll::Pending;
        };
        let at = tokio::time::Instant::from_std(at.max(now + TIMER_GRAIN));
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        // A timer that goes off too early costs less than setting it anew for each event.
        if at < timer.deadline() {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx).map(|()| self.timer = None)
    }
}

fn notify(peer_id: PeerId, connection: ConnectionId, command: Command) -> ToSwarm<Event, Command> {
    ToSwarm::NotifyHandler {
        peer_id,
        handler: NotifyHandler::One(connection),
        event: command,
    }
}

fn is_relayed(address: &Multiaddr) -> bool {
    address
        .iter()
        .any(|part| part == libp2p::multiaddr::Protocol::P2pCircuit)
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.new_handler(remote, is_relayed(local) || is_relayed(remote)))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        address: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.new_handler(address, is_relayed(address)))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { peer_id, connection_id, endpoint, .. }) => {
                self.on_established(peer_id, connection_id, endpoint);
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) => {
                self.on_closed(peer_id, connection_id);
            }
            FromSwarm::DialFailure(DialFailure { peer_id: Some(peer), error, .. })
                // Somebody else is dialling it, or has: that will show.
                if !matches!(error, DialError::DialPeerConditionFalse(_)) =>
            {
                self.client.dial_failed(peer, Instant::now());
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, report: Report) {
        // Nothing is heard from relayed connections, which are in nobody's list.
        let links = self.peers.get(&peer).map_or(&[][..], |state| &state.links);
        if links.iter().any(|link| link.id == id) {
            self.on_report(peer, id, report);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Event, Command>> {
        let now = Instant::now();
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(event);
            }
            if let Some(action) = self.client.poll(now) {
                self.on_client_action(action);
            } else if let Some(action) = self.server.poll(now) {
                self.on_server_action(action);
            } else if self.poll_timer(now, cx).is_ready() {
                let now = Instant::now();
                self.client.on_deadline(now);
                self.server.on_deadline(now);
            } else {
                self.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
    }
}

impl std::fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Behaviour")
            .field("peers", &self.peers)
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}
