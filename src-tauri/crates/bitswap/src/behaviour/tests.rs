//! What peers do to their connections leaves nothing behind.

use std::collections::BTreeSet;

use libp2p::core::ConnectedPoint;
use proptest::prelude::*;
use unixfs::cid::{RAW, SHA2_256, hash};

use super::*;
use crate::wire::WantType;

fn peer(n: u8) -> PeerId {
    let hash = libp2p::multihash::Multihash::wrap(0x12, &[n; 32]).unwrap();
    PeerId::from_multihash(hash).unwrap()
}

fn block(n: u8) -> (Cid, Bytes) {
    let data = Bytes::from(vec![n; 2000 << (n % 4)]);
    (Cid::new_v1(RAW, hash(SHA2_256, &data).unwrap()), data)
}

fn entry(n: u8, want_type: WantType, cancel: bool) -> WantEntry {
    WantEntry {
        cid: block(n).0,
        priority: 0,
        cancel,
        want_type,
        send_dont_have: true,
    }
}

struct Rig {
    behaviour: Behaviour,
    /// Open connections, in the order of opening.
    open: Vec<(PeerId, ConnectionId)>,
    opened: usize,
    lookups: Vec<(Ticket, usize)>,
    reads: Vec<(Ticket, Cid)>,
    /// Messages with blocks that each connection has and has not written.
    unwritten: Vec<ConnectionId>,
    /// Connections that are told to last.
    held: BTreeSet<ConnectionId>,
    /// Those that are to be closed.
    closing: Vec<ConnectionId>,
}

impl Rig {
    fn new() -> Self {
        Self {
            behaviour: Behaviour::new(Config::new(peer(255))),
            open: Vec::new(),
            opened: 0,
            lookups: Vec::new(),
            reads: Vec::new(),
            unwritten: Vec::new(),
            held: BTreeSet::new(),
            closing: Vec::new(),
        }
    }

    fn connect(&mut self, n: u8) -> ConnectionId {
        self.opened += 1;
        let id = ConnectionId::new_unchecked(self.opened);
        let address: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
        let endpoint = ConnectedPoint::Listener {
            local_addr: address.clone(),
            send_back_addr: address,
        };
        self.behaviour.on_established(peer(n), id, &endpoint);
        self.open.push((peer(n), id));
        self.drain();
        id
    }

    fn close(&mut self, id: ConnectionId) {
        let Some(at) = self.open.iter().position(|(_, open)| *open == id) else {
            return;
        };
        let (peer, _) = self.open.remove(at);
        self.unwritten.retain(|other| *other != id);
        self.held.remove(&id);
        self.behaviour.on_closed(peer, id);
        self.drain();
    }

    fn report(&mut self, id: ConnectionId, report: Report) {
        if let Some((peer, _)) = self.open.iter().find(|(_, open)| *open == id) {
            // What a connection forgets when its peer speaks no Bitswap on it.
            if matches!(report, Report::Unsupported) {
                self.unwritten.retain(|other| *other != id);
            }
            let peer = *peer;
            self.behaviour.on_connection_handler_event(peer, id, report);
            self.drain();
        }
    }

    fn wants(&mut self, id: ConnectionId, wantlist: Vec<WantEntry>, full: bool) {
        let mut received = Received::default();
        (received.wantlist, received.full) = (wantlist, full);
        self.report(id, Report::Received(received));
    }

    fn written(&mut self, id: ConnectionId) {
        if let Some(at) = self.unwritten.iter().position(|other| *other == id) {
            self.unwritten.remove(at);
            self.report(id, Report::Written);
        }
    }

    fn answer_lookup(&mut self, there: bool) {
        if let Some((ticket, count)) = self.lookups.pop() {
            let found = Found {
                size: 2000,
                sure: true,
            };
            let found = vec![there.then_some(found); count];
            self.behaviour.answer_lookup(ticket, found);
            self.drain();
        }
    }

    fn answer_read(&mut self, there: bool) {
        if let Some((ticket, cid)) = self.reads.pop() {
            let data = (0..16).map(block).find(|(other, _)| *other == cid);
            let data = data.filter(|_| there).map(|(_, data)| data);
            self.behaviour.answer_read(ticket, data);
            self.drain();
        }
    }

    /// Does what the behaviour says, as the swarm does, and looks at everything after each step.
    fn drain(&mut self) {
        let now = Instant::now();
        loop {
            self.check();
            if let Some(event) = self.behaviour.events.pop_front() {
                self.on_event(event);
            } else if let Some(action) = self.behaviour.client.poll(now) {
                self.behaviour.on_client_action(action);
            } else if let Some(action) = self.behaviour.server.poll(now) {
                self.behaviour.on_server_action(action);
            } else {
                return;
            }
        }
    }

    fn on_event(&mut self, event: ToSwarm<Event, Command>) {
        match event {
            ToSwarm::NotifyHandler {
                handler: NotifyHandler::One(id),
                event,
                ..
            } => {
                let is_open = self.open.iter().any(|(_, open)| *open == id);
                match event {
                    Command::Send { message, .. } if is_open && !message.blocks.is_empty() => {
                        self.unwritten.push(id);
                    }
                    Command::Hold(true) if is_open => {
                        self.held.insert(id);
                    }
                    Command::Hold(false) => {
                        self.held.remove(&id);
                    }
                    _ => {}
                }
            }
            ToSwarm::CloseConnection {
                connection: CloseConnection::One(id),
                ..
            } => self.closing.push(id),
            ToSwarm::GenerateEvent(Event::Lookup { ticket, cids, .. }) => {
                self.lookups.push((ticket, cids.len()));
            }
            ToSwarm::GenerateEvent(Event::Read { ticket, cid, .. }) => {
                self.reads.push((ticket, cid));
            }
            _ => {}
        }
    }

    fn check(&self) {
        let behaviour = &self.behaviour;
        behaviour.server.check();
        let mut used = 0;
        for (id, state) in &behaviour.peers {
            assert!(!state.links.is_empty(), "nothing is kept of who is gone");
            let speaks = |link: &&links::Link| matches!(link.support, Support::Yes(_));
            assert_eq!(
                state.chosen.is_some(),
                state.links.iter().any(|link| speaks(&link))
            );
            if let Some((chosen, version)) = state.chosen {
                let link = state.links.iter().find(|link| link.id == chosen);
                assert_eq!(link.map(|link| link.support), Some(Support::Yes(version)));
                used += 1;
            }
            assert_eq!(state.chosen.is_some(), behaviour.server.knows(id));
            assert_eq!(state.chosen.is_some(), behaviour.client.knows(id));
        }
        assert_eq!(behaviour.server.count(), used);
        let open: BTreeSet<_> = self.open.iter().map(|(peer, _)| *peer).collect();
        assert_eq!(behaviour.peers.len(), open.len());
    }
}

/// Two connections, of which the peer says on the second that it speaks no Bitswap, and starts
/// afresh there all the same.
#[test]
fn who_starts_afresh_where_it_speaks_nothing_leaves_nothing_behind() {
    let mut rig = Rig::new();
    for _ in 0..40 {
        let (first, second) = (rig.connect(1), rig.connect(1));
        rig.report(first, Report::Ready(Version::V1_2));
        rig.report(second, Report::Ready(Version::V1_2));
        rig.wants(second, vec![], true);
        rig.report(second, Report::Unsupported);
        let blocks: Vec<_> = (0..16).map(|n| entry(n, WantType::Block, false)).collect();
        rig.wants(second, blocks, true);
        for _ in 0..100 {
            rig.answer_lookup(true);
            rig.answer_read(true);
        }
        rig.close(first);
        rig.close(second);
        assert_eq!(rig.behaviour.server.bytes(), 0);
    }
    // Others are served as before.
    let honest = rig.connect(2);
    rig.report(honest, Report::Ready(Version::V1_2));
    rig.wants(honest, vec![entry(1, WantType::Block, false)], true);
    rig.answer_lookup(true);
    rig.answer_read(true);
    assert_eq!(rig.unwritten, [honest]);
}

#[test]
fn a_connection_that_is_used_no_more_is_not_held() {
    let mut rig = Rig::new();
    let (first, second) = (rig.connect(1), rig.connect(1));
    rig.report(first, Report::Ready(Version::V1_2));
    rig.wants(first, vec![entry(1, WantType::Have, false)], true);
    assert_eq!(rig.held, BTreeSet::from([first]));
    rig.report(second, Report::Ready(Version::V1_2));
    rig.report(first, Report::Unsupported);
    assert_eq!(rig.held, BTreeSet::from([second]));
}

/// Whoever holds the most of what nobody asked for goes; who was asked, or holds little, stays.
#[test]
fn who_holds_too_much_of_unfinished_messages_makes_way() {
    use crate::held::Total;
    use crate::limits::MAX_UNFINISHED_BYTES;

    let mut rig = Rig::new();
    let all = Total::default();
    let begin = |rig: &mut Rig, n: u8, bytes: u64| {
        let id = rig.connect(n);
        rig.report(id, Report::Ready(Version::V1_2));
        let account = Arc::new(all.account());
        rig.report(id, Report::Unfinished(Arc::clone(&account)));
        (id, account.hold(bytes))
    };
    let asked = begin(&mut rig, 1, 2 * MAX_UNFINISHED_BYTES);
    rig.behaviour.open_session(SessionId(1));
    rig.behaviour.add_providers(SessionId(1), &[peer(1)]);
    let want = Want {
        cid: block(1).0,
        size: None,
        priority: 0,
    };
    rig.behaviour.want(SessionId(1), vec![want]);
    rig.drain();
    let small = begin(&mut rig, 2, 1000);
    let large = begin(&mut rig, 3, MAX_UNFINISHED_BYTES - 1000);
    rig.report(small.0, Report::Crowded);
    assert_eq!(rig.closing, []);
    let larger = begin(&mut rig, 4, MAX_UNFINISHED_BYTES);
    rig.report(small.0, Report::Crowded);
    assert_eq!(rig.closing, [larger.0]);

    // Who sends what nobody asked for, and never ends it.
    rig.closing.clear();
    rig.report(asked.0, Report::Suspect);
    assert_eq!(rig.closing, []);
    rig.report(large.0, Report::Suspect);
    assert_eq!(rig.closing, [large.0]);
}

#[derive(Debug, Clone)]
enum Step {
    Connect(u8),
    Close(u8),
    Ready(u8, bool),
    Unsupported(u8),
    Full(u8, u8),
    Want(u8, u8),
    Have(u8, u8),
    Cancel(u8, u8),
    Lookup(bool),
    Read(bool),
    Written(u8),
    Broken(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let link = any::<u8>();
    let block = 0..16_u8;
    let both = (link, block);
    prop_oneof![
        3 => (0..3_u8).prop_map(Step::Connect),
        1 => link.prop_map(Step::Close),
        4 => (link, prop::bool::weighted(0.8)).prop_map(|(l, new)| Step::Ready(l, new)),
        2 => link.prop_map(Step::Unsupported),
        4 => both.clone().prop_map(|(l, b)| Step::Full(l, b)),
        6 => both.clone().prop_map(|(l, b)| Step::Want(l, b)),
        2 => both.clone().prop_map(|(l, b)| Step::Have(l, b)),
        2 => both.prop_map(|(l, b)| Step::Cancel(l, b)),
        6 => prop::bool::weighted(0.8).prop_map(Step::Lookup),
        6 => prop::bool::weighted(0.8).prop_map(Step::Read),
        4 => link.prop_map(Step::Written),
        1 => link.prop_map(Step::Broken),
    ]
}

impl Rig {
    fn apply(&mut self, step: &Step) {
        let open: Vec<ConnectionId> = self.open.iter().map(|(_, id)| *id).collect();
        let pick = |n: &u8| open.get(usize::from(*n) % open.len().max(1)).copied();
        let wish = |n: &u8, kind, cancel| vec![entry(*n, kind, cancel)];
        match step {
            Step::Connect(n) if open.len() < 8 => drop(self.connect(*n)),
            Step::Connect(_) => {}
            Step::Lookup(there) => self.answer_lookup(*there),
            Step::Read(there) => self.answer_read(*there),
            Step::Close(n)
            | Step::Ready(n, _)
            | Step::Unsupported(n)
            | Step::Full(n, _)
            | Step::Want(n, _)
            | Step::Have(n, _)
            | Step::Cancel(n, _)
            | Step::Written(n)
            | Step::Broken(n) => {
                let Some(id) = pick(n) else {
                    return;
                };
                match step {
                    Step::Close(_) => self.close(id),
                    Step::Ready(_, true) => self.report(id, Report::Ready(Version::V1_2)),
                    Step::Ready(_, false) => self.report(id, Report::Ready(Version::V1_1)),
                    Step::Unsupported(_) => self.report(id, Report::Unsupported),
                    Step::Full(_, n) => self.wants(id, wish(n, WantType::Block, false), true),
                    Step::Want(_, n) => self.wants(id, wish(n, WantType::Block, false), false),
                    Step::Have(_, n) => self.wants(id, wish(n, WantType::Have, false), false),
                    Step::Cancel(_, n) => self.wants(id, wish(n, WantType::Block, true), false),
                    Step::Written(_) => self.written(id),
                    _ => self.report(id, Report::Broken),
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn connections_leave_nothing_behind(steps in prop::collection::vec(step(), 1..120)) {
        let mut rig = Rig::new();
        for step in &steps {
            rig.apply(step);
        }
        for (_, id) in rig.open.clone() {
            rig.close(id);
        }
        while !rig.lookups.is_empty() || !rig.reads.is_empty() {
            rig.answer_lookup(true);
            rig.answer_read(true);
        }
        prop_assert_eq!(rig.behaviour.server.bytes(), 0);
        prop_assert_eq!(rig.behaviour.server.count(), 0);
    }
}
