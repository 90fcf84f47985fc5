//! Virtual time and links.
//!
//! A node has one uplink, on which the peers' connections take turns message by message, and one
//! downlink; a connection has a latency and keeps the order of messages.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use bitswap::client::{ClientAction, SessionId, Want};
use bitswap::server::{Found, ServerAction};
use bitswap::wire::Cid;
use bytes::Bytes;
use libp2p::PeerId;
use unixfs::Multihash;

use crate::liars::{Manners, answer};
use crate::node::{Link, MIB, Msg, Node, NodeId, Spec, cid_of, scramble};

pub(crate) const SESSION: SessionId = SessionId(7);

enum Event {
    Arrive {
        from: NodeId,
        to: NodeId,
        msg: Msg,
        bytes: u64,
        epoch: u64,
    },
    Received {
        from: NodeId,
        to: NodeId,
        msg: Msg,
        epoch: u64,
    },
    Sent {
        from: NodeId,
        to: NodeId,
        written: bool,
        epoch: u64,
    },
    Wake {
        node: NodeId,
    },
    Script(Box<dyn FnOnce(&mut World)>),
}

/// Events between two looks at all tables.
const CHECK_EVERY: u64 = 1009;

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    pub(crate) nodes: Vec<Node>,
    pub(crate) block_size: u32,
    /// Extra delay of up to this, at random, for each message: what loss looks like above TCP.
    pub(crate) jitter: Duration,
    /// Whether nodes learn from wantlists who else is fetching what they fetch.
    pub(crate) overhear: bool,
    queue: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    events: Vec<Option<Event>>,
    free: Vec<usize>,
    count: u64,
    random: u64,
    zeros: Bytes,
    index: HashMap<Multihash, u64>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let now = Instant::now();
        Self {
            now,
            start: now,
            nodes: Vec::new(),
            block_size: MIB,
            jitter: Duration::ZERO,
            overhear: true,
            queue: BinaryHeap::new(),
            events: Vec::new(),
            free: Vec::new(),
            count: 0,
            random: scramble(seed),
            zeros: Bytes::from(vec![0; 2 * MIB as usize]),
            index: HashMap::new(),
        }
    }

    pub(crate) fn random(&mut self) -> u64 {
        self.random = scramble(self.random);
        self.random
    }

    pub(crate) fn add(&mut self, spec: Spec) -> NodeId {
        let chance = [self.random(), self.random(), self.random()];
        self.nodes.push(Node::new(spec, chance, self.now));
        self.nodes.len() - 1
    }

    /// A node that has these blocks.
    pub(crate) fn add_holder(
        &mut self,
        spec: Spec,
        blocks: impl IntoIterator<Item = u64>,
    ) -> NodeId {
        let node = self.add(spec);
        self.nodes[node].have.extend(blocks);
        node
    }

    pub(crate) fn connect(&mut self, a: NodeId, b: NodeId, latency_ms: f64) {
        self.link(a, b, latency_ms);
        for (x, y) in [(a, b), (b, a)] {
            let (peer, now) = (self.nodes[y].id, self.now);
            let version = self.nodes[x].spec.version.min(self.nodes[y].spec.version);
            self.nodes[x].client.connected(peer, version, now);
            self.nodes[x].server.connected(peer, version, now);
        }
        self.drive(a);
        self.drive(b);
    }

    /// `gateway` is no peer to `node`, but a source that it asks by other means.
    pub(crate) fn add_gateway(&mut self, node: NodeId, gateway: NodeId, latency_ms: f64) {
        self.link(node, gateway, latency_ms);
        let (asked, asking, now) = (self.nodes[gateway].id, self.nodes[node].id, self.now);
        self.nodes[node].client.gateway_connected(asked, now);
        let version = self.nodes[gateway].spec.version;
        self.nodes[gateway].server.connected(asking, version, now);
    }

    pub(crate) fn join_gateway(&mut self, node: NodeId, gateway: NodeId) {
        let (id, now) = (self.nodes[gateway].id, self.now);
        self.nodes[node].client.join_gateway(SESSION, &id, now);
        self.drive(node);
    }

    fn link(&mut self, a: NodeId, b: NodeId, latency_ms: f64) {
        self.count += 1;
        for (x, y) in [(a, b), (b, a)] {
            let link = Link {
                latency: Duration::from_secs_f64(latency_ms / 1000.0),
                last_arrival: self.now,
                epoch: self.count,
                outgoing: VecDeque::new(),
            };
            self.nodes[x].links.insert(y, link);
        }
    }

    pub(crate) fn disconnect(&mut self, a: NodeId, b: NodeId) {
        for (x, y) in [(a, b), (b, a)] {
            if self.nodes[x].links.remove(&y).is_none() {
                continue;
            }
            let (peer, now) = (self.nodes[y].id, self.now);
            self.nodes[x].server.disconnected(&peer);
            self.nodes[x].client.disconnected(peer, now);
            self.drive(x);
        }
    }

    /// Cuts a node off.
    pub(crate) fn kill(&mut self, node: NodeId) {
        let peers: Vec<NodeId> = self.nodes[node].links.keys().copied().collect();
        for peer in peers {
            self.disconnect(node, peer);
        }
    }

    /// Begins a download of `blocks` at `node`.
    pub(crate) fn fetch(
        &mut self,
        node: NodeId,
        blocks: impl IntoIterator<Item = u64>,
        providers: &[NodeId],
    ) {
        let providers: Vec<PeerId> = providers.iter().map(|&p| self.nodes[p].id).collect();
        let (now, size) = (self.now, self.block_size);
        let state = &mut self.nodes[node];
        let mut wants = Vec::new();
        for block in blocks {
            let cid = cid_of(block);
            self.index.insert(*cid.hash(), block);
            wants.push(Want {
                cid,
                size: Some(size),
                priority: 0,
            });
            state.missing.insert(block);
        }
        state.client.open(SESSION, now);
        state.client.add_providers(SESSION, &providers, now);
        state.client.want(SESSION, wants, now);
        self.drive(node);
    }

    pub(crate) fn at(&mut self, secs: f64, script: impl FnOnce(&mut World) + 'static) {
        let at = self.start + Duration::from_secs_f64(secs);
        self.push(at, Event::Script(Box::new(script)));
    }

    /// Runs until every download is finished, or the time is over.
    pub(crate) fn run(&mut self, max_secs: f64) {
        let end = self.start + Duration::from_secs_f64(max_secs);
        while self.nodes.iter().any(|node| !node.missing.is_empty()) {
            let Some(&Reverse((at, _, slot))) = self.queue.peek() else {
                break;
            };
            if at > end {
                self.now = end;
                break;
            }
            self.queue.pop();
            if self.count.is_multiple_of(CHECK_EVERY) {
                self.nodes.iter().for_each(|node| node.server.check());
            }
            self.now = at;
            self.free.push(slot);
            if let Some(event) = self.events[slot].take() {
                self.handle(event);
            }
        }
    }

    pub(crate) fn finished_secs(&self, node: NodeId) -> f64 {
        let state = &self.nodes[node];
        let secs = |at: Instant| (at - self.start).as_secs_f64();
        let missing = state.missing.len();
        secs(state.count.finished.unwrap_or_else(|| {
            panic!(
                "node {node} still lacks {missing} blocks after {:.1} s",
                secs(self.now)
            )
        }))
    }

    /// Blocks that a node sent, in parts of the `blocks` that it shares.
    pub(crate) fn copies_sent(&self, node: NodeId, blocks: u64) -> f64 {
        self.nodes[node].count.sent_blocks as f64 / blocks as f64
    }

    fn push(&mut self, at: Instant, event: Event) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            self.events.len() - 1
        });
        self.events[slot] = Some(event);
        self.count += 1;
        self.queue.push(Reverse((at, self.count, slot)));
    }

    fn is_linked(&self, from: NodeId, to: NodeId, epoch: u64) -> bool {
        self.nodes[from]
            .links
            .get(&to)
            .is_some_and(|link| link.epoch == epoch)
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrive {
                from,
                to,
                msg,
                bytes,
                epoch,
            } => {
                // Cut through: what comes while the downlink is busy waits its turn.
                let receiver = &mut self.nodes[to];
                let took = Duration::from_secs_f64(bytes as f64 / receiver.spec.down);
                let done = self.now.max(receiver.down_free + took);
                receiver.down_free = done;
                self.push(
                    done,
                    Event::Received {
                        from,
                        to,
                        msg,
                        epoch,
                    },
                );
            }
            Event::Received {
                from,
                to,
                msg,
                epoch,
            } => {
                if self.is_linked(to, from, epoch) {
                    self.receive(from, to, msg);
                }
            }
            Event::Sent {
                from,
                to,
                written,
                epoch,
            } => {
                self.nodes[from].sending = false;
                if written && self.is_linked(from, to, epoch) {
                    let (peer, now) = (self.nodes[to].id, self.now);
                    self.nodes[from].server.on_written(peer, now);
                }
                self.drive(from);
            }
            Event::Wake { node } => {
                if self.nodes[node].woken_at == Some(self.now) {
                    self.nodes[node].woken_at = None;
                    let now = self.now;
                    self.nodes[node].client.on_deadline(now);
                    self.nodes[node].server.on_deadline(now);
                    self.drive(node);
                }
            }
            Event::Script(script) => script(self),
        }
    }

    fn receive(&mut self, from: NodeId, to: NodeId, msg: Msg) {
        let now = self.now;
        let peer = self.nodes[from].id;
        let node = &mut self.nodes[to];
        match msg {
            Msg::Wants(entries, full) if node.spec.manners == Manners::Honest => {
                node.server.on_wantlist(peer, &entries, full, now);
                node.count.longest_list = node.count.longest_list.max(node.server.wants_of(&peer));
                if self.overhear {
                    let wanted: Vec<Cid> = entries
                        .iter()
                        .filter(|e| !e.cancel)
                        .map(|e| e.cid)
                        .collect();
                    node.client.on_wanted(peer, &wanted, now);
                }
            }
            Msg::Wants(entries, _) => {
                let manners = node.spec.manners;
                let chance = self.random();
                if let Some(lie) = answer(manners, &entries, chance) {
                    self.send(to, from, lie);
                }
            }
            Msg::Answers {
                blocks, presences, ..
            } => {
                let data = self.zeros.slice(..self.block_size as usize);
                for block in blocks {
                    if node.missing.contains(&block) {
                        node.server.credit(&peer, data.len() as u64);
                    } else {
                        node.count.duplicate_blocks += 1;
                    }
                    node.client.on_block(peer, cid_of(block), data.clone(), now);
                }
                if !presences.is_empty() {
                    node.client.on_presences(peer, &presences, now);
                }
            }
        }
        self.drive(to);
    }

    /// Does what the node's machines say, and sets its alarm.
    pub(crate) fn drive(&mut self, node: NodeId) {
        let now = self.now;
        loop {
            if let Some(action) = self.nodes[node].client.poll(now) {
                self.do_client(node, action);
            } else if let Some(action) = self.nodes[node].server.poll(now) {
                self.do_server(node, action);
            } else {
                break;
            }
        }
        self.pump(node);
        let state = &mut self.nodes[node];
        if let Some(at) = state
            .client
            .deadline()
            .into_iter()
            .chain(state.server.deadline())
            .min()
        {
            let at = at.max(now);
            if state.woken_at.is_none_or(|old| at < old || old < now) {
                state.woken_at = Some(at);
                self.push(at, Event::Wake { node });
            }
        }
    }

    fn do_client(&mut self, node: NodeId, action: ClientAction) {
        let now = self.now;
        match action {
            ClientAction::Send {
                peer,
                entries,
                full,
            } => {
                self.nodes[node].count.want_entries += entries.len() as u64;
                if let Some(to) = self.find(&peer) {
                    self.send(node, to, Msg::Wants(entries, full));
                }
            }
            ClientAction::Deliver { cid, data, .. } => self.delivered(node, cid, data.len() as u64),
            ClientAction::FindProviders { .. } => {
                let at = now - self.start;
                self.nodes[node].count.searches.push(at);
            }
            ClientAction::Dial { peer } => {
                self.nodes[node].count.dials += 1;
                self.nodes[node].client.dial_failed(peer, now);
            }
            ClientAction::Misbehaved { peer } => {
                if let Some(liar) = self.find(&peer) {
                    self.nodes[node].count.reported.push(liar);
                    self.disconnect(node, liar);
                }
            }
        }
    }

    fn do_server(&mut self, node: NodeId, action: ServerAction) {
        let now = self.now;
        let size = self.block_size;
        let state = &mut self.nodes[node];
        match action {
            ServerAction::Lookup { ticket, cids, .. } => {
                let has = |cid: &Cid| {
                    self.index
                        .get(cid.hash())
                        .is_some_and(|block| state.have.contains(block))
                };
                let found = Found { size, sure: true };
                let found: Vec<Option<Found>> =
                    cids.iter().map(|cid| has(cid).then_some(found)).collect();
                state.server.on_lookup(ticket, &found, now);
            }
            ServerAction::Drop { .. } => panic!("no simulated peer refuses what it asked for"),
            ServerAction::Read { ticket, .. } => {
                let data = self.zeros.slice(..size as usize);
                state.server.on_read(ticket, Some(data), now);
            }
            ServerAction::Send { peer, message } => {
                let on_disk = |block| {
                    let is_rotten = state.rotten.contains(&block);
                    if is_rotten { u64::MAX - block } else { block }
                };
                let blocks = message.blocks.iter();
                let blocks = blocks
                    .map(|(cid, _)| on_disk(self.index[cid.hash()]))
                    .collect();
                let msg = Msg::Answers {
                    blocks,
                    presences: message.presences,
                    from_server: true,
                };
                if let Some(to) = self.find(&peer) {
                    self.send(node, to, msg);
                }
            }
        }
    }

    fn delivered(&mut self, node: NodeId, cid: Cid, bytes: u64) {
        let block = self.index[cid.hash()];
        let now = self.now;
        let state = &mut self.nodes[node];
        assert!(
            state.missing.remove(&block),
            "delivered twice, or never wanted"
        );
        if state.release {
            state.client.release(bytes, now);
        } else {
            state.count.unreleased += bytes;
        }
        if state.missing.is_empty() {
            state.count.finished = Some(now);
        }
        state.have.insert(block);
        state.server.available(&[cid]);
    }

    fn find(&self, peer: &PeerId) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.id == *peer)
    }

    fn send(&mut self, from: NodeId, to: NodeId, msg: Msg) {
        if let Some(link) = self.nodes[from].links.get_mut(&to) {
            link.outgoing.push_back(msg);
            self.pump(from);
        }
    }

    /// Puts the next message on the node's uplink, connections taking turns.
    fn pump(&mut self, node: NodeId) {
        let state = &mut self.nodes[node];
        if state.sending {
            return;
        }
        let waiting = |(&peer, link): (&NodeId, &Link)| (!link.outgoing.is_empty()).then_some(peer);
        let later = state.links.range(state.last_served + 1..).find_map(waiting);
        let Some(peer) = later.or_else(|| state.links.iter().find_map(waiting)) else {
            return;
        };
        state.last_served = peer;
        if let Some(msg) = state
            .links
            .get_mut(&peer)
            .and_then(|link| link.outgoing.pop_front())
        {
            self.transmit(node, peer, msg);
        }
    }

    fn transmit(&mut self, from: NodeId, to: NodeId, msg: Msg) {
        let (bytes, blocks, written) = match &msg {
            Msg::Wants(entries, _) => (50 * entries.len() as u64, 0, false),
            Msg::Answers {
                blocks,
                presences,
                from_server,
            } => {
                let blocks = blocks.len() as u64;
                let bytes =
                    blocks * (u64::from(self.block_size) + 60) + 44 * presences.len() as u64;
                (bytes, blocks, blocks > 0 && *from_server)
            }
        };
        let jitter = self.jitter.mul_f64((self.random() % 1000) as f64 / 1000.0);
        let now = self.now;
        let sender = &mut self.nodes[from];
        sender.count.sent_blocks += blocks;
        sender.sending = true;
        let sent = now + Duration::from_secs_f64(bytes as f64 / sender.spec.up);
        let Some(link) = sender.links.get_mut(&to) else {
            return;
        };
        let epoch = link.epoch;
        let arrives = (sent + link.latency + jitter).max(link.last_arrival);
        link.last_arrival = arrives;
        self.push(
            sent,
            Event::Sent {
                from,
                to,
                written,
                epoch,
            },
        );
        self.push(
            arrives,
            Event::Arrive {
                from,
                to,
                msg,
                bytes,
                epoch,
            },
        );
    }
}
