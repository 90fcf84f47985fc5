//! No count ever differs from what it counts, whatever peers do; and what is ready is sent. For the fuzzer and the tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails here has broken a promise"
)]

use std::collections::BTreeMap;

use unixfs::cid::{DAG_PB, IDENTITY, RAW, SHA2_256, hash};

use super::*;
use crate::fuzz_input::Input;
use crate::limits::BATCH_DELAY;

/// A question that waits for its answer.
enum Asked {
    Lookup(Ticket, Vec<Cid>),
    Read(Ticket, Cid),
}

struct Rig {
    server: Server,
    now: Instant,
    blocks: Vec<(Cid, Bytes)>,
    asked: Vec<Asked>,
    /// What became ready and must be sent, unless it is cancelled or its peer leaves.
    owed: BTreeMap<PeerId, Vec<Cid>>,
}

/// Four peers, each with all that it can say, and an owner who may take any time for any answer.
pub(crate) fn server(input: &mut Input<'_>, now: Instant) {
    let mut rig = Rig::new(now);
    for _ in 0..300 {
        if input.is_over() {
            break;
        }
        rig.step(input);
        rig.drain();
    }
    rig.end();
}

impl Rig {
    fn new(now: Instant) -> Self {
        const SIZES: [usize; 8] = [0, 1, 700, 5000, 100_000, 1 << 20, 2 << 20, 300_000];
        let block = |number: u8| {
            let mut data = vec![0; SIZES[usize::from(number % 8)]];
            if let Some(first) = data.first_mut() {
                *first = number;
            }
            let hash = hash(SHA2_256, &data).unwrap();
            (Cid::new_v1(RAW, hash), Bytes::from(data))
        };
        Self {
            server: Server::new(None, now),
            now,
            blocks: (0..24).map(block).collect(),
            asked: Vec::new(),
            owed: BTreeMap::new(),
        }
    }

    fn data(&self, cid: &Cid) -> Bytes {
        let mut blocks = self.blocks.iter();
        let block = blocks.find(|(other, _)| other == cid);
        block.map(|(_, data)| data.clone()).unwrap_or_default()
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let now = self.now;
        let kind = input.byte();
        let peer = peer(kind >> 6);
        match kind & 31 {
            0..4 => {
                let version = Version::ALL[input.below(4)];
                self.server.connected(peer, version, now);
            }
            4 => {
                self.server.disconnected(&peer);
                self.owed.remove(&peer);
            }
            5 => self.server.connection_lost(&peer),
            6..14 => self.wantlist(peer, input),
            14..22 if !self.asked.is_empty() => {
                let at = input.below(self.asked.len());
                self.answer(at, input.byte());
            }
            22..25 => {
                self.server.on_written(peer, now);
            }
            25 => {
                let some = input.some().iter();
                let some = some.map(|number| self.blocks[usize::from(number % 24)].0);
                self.server.available(&some.collect::<Vec<Cid>>());
            }
            26 => self.server.look_again(now),
            27 => self.server.credit(&peer, input.long() >> 16),
            28 => self.server.on_progress(&peer, now),
            29 => {
                let limit = u64::from(input.short()) << 8;
                self.server
                    .set_upload_limit((limit > 0).then_some(limit), now);
            }
            _ => {
                self.now += input.time();
                self.server.on_deadline(self.now);
            }
        }
    }

    fn wantlist(&mut self, peer: PeerId, input: &mut Input<'_>) {
        let full = input.byte() < 25;
        let entries: Vec<WantEntry> = input
            .some()
            .chunks(2)
            .map(|pair| self.entry(pair))
            .collect();
        if full {
            self.owed.remove(&peer);
        }
        for entry in entries.iter().filter(|entry| entry.cancel) {
            let owed = self.owed.entry(peer).or_default();
            owed.retain(|cid| *cid != entry.cid);
        }
        self.server.on_wantlist(peer, &entries, full, self.now);
    }

    fn entry(&self, pair: &[u8]) -> WantEntry {
        let (number, kind) = (pair[0], pair.last().copied().unwrap_or(0));
        let digest = hash(if number & 1 == 0 { IDENTITY } else { SHA2_256 }, &[number]);
        let cid = match self.blocks.get(usize::from(number)) {
            Some((cid, _)) => *cid,
            // Nobody has such a block, or it follows from its CID, or there can be none.
            None => Cid::new_v1(
                [RAW, DAG_PB, 0x72][usize::from(number % 3)],
                digest.unwrap(),
            ),
        };
        WantEntry {
            cid,
            priority: i32::from(kind),
            cancel: kind & 7 == 7,
            want_type: if kind & 4 == 0 {
                WantType::Block
            } else {
                WantType::Have
            },
            send_dont_have: kind & 8 == 0,
        }
    }

    /// With what is there, if it is; or with too little, or something else.
    fn answer(&mut self, at: usize, how: u8) {
        let there = how & 3 != 0;
        match self.asked.swap_remove(at) {
            Asked::Lookup(ticket, cids) => {
                let found = cids.iter().map(|cid| {
                    let size = u32::try_from(self.data(cid).len()).unwrap();
                    let sure = how & 4 == 0;
                    let is_ours = self.blocks.iter().any(|(other, _)| other == cid);
                    (there && is_ours).then_some(Found { size, sure })
                });
                let mut found: Vec<_> = found.collect();
                if how == 0xff {
                    found.pop();
                }
                self.server.on_lookup(ticket, &found, self.now);
            }
            Asked::Read(ticket, cid) => {
                let data = there.then(|| self.data(&cid));
                self.server.on_read(ticket, data, self.now);
            }
        }
    }

    /// Looks at everything after each thing that is done.
    fn drain(&mut self) {
        self.server.check();
        for (peer, ledger) in &self.server.peers {
            let owed = self.owed.entry(*peer).or_default();
            owed.extend(ledger.pipe.ready());
        }
        while let Some(action) = self.server.poll(self.now) {
            match action {
                ServerAction::Lookup { ticket, cids, .. } => {
                    assert!(!cids.is_empty());
                    self.asked.push(Asked::Lookup(ticket, cids));
                }
                ServerAction::Read { ticket, cid, .. } => self.asked.push(Asked::Read(ticket, cid)),
                ServerAction::Send { peer, message } => {
                    assert!(self.server.peers.contains_key(&peer));
                    let owed = self.owed.entry(peer).or_default();
                    for (cid, _) in &message.blocks {
                        owed.retain(|other| other != cid);
                    }
                }
                ServerAction::Drop { .. } => {}
            }
            self.server.check();
        }
    }

    /// Everybody takes what is there, and leaves.
    fn end(&mut self) {
        self.server.set_upload_limit(None, self.now);
        self.drain();
        for _ in 0..10_000 {
            if self.asked.is_empty() {
                break;
            }
            self.answer(0, 1);
            for number in 0..4 {
                while self.server.on_written(peer(number), self.now) > 0 {}
            }
            self.drain();
        }
        self.now += BATCH_DELAY;
        self.server.on_deadline(self.now);
        self.drain();
        assert!(self.owed.values().all(Vec::is_empty), "{:?}", self.owed);
        for number in 0..4 {
            self.server.disconnected(&peer(number));
        }
        self.server.check();
        assert_eq!(self.server.reads.get() + self.server.lookups.get(), 0);
        assert_eq!(self.server.pipes.get(), 0);
        assert!(self.server.waiting.is_empty() && self.server.peers.is_empty());
    }
}

fn peer(number: u8) -> PeerId {
    let hash = libp2p::multihash::Multihash::wrap(SHA2_256, &[number; 32]).unwrap();
    PeerId::from_multihash(hash).unwrap()
}
