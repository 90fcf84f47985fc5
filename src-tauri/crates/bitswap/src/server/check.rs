//! Whether all tables tell the same story. For tests.

use std::collections::BTreeSet;

use libp2p::PeerId;

use super::{Job, Server};
use crate::limits::{MAX_ALL_READS, MAX_BLOCK_BYTES, MAX_LOOKUPS, MAX_PIPES_BYTES};

#[cfg(test)]
impl Server {
    pub(crate) fn knows(&self, peer: &PeerId) -> bool {
        self.peers.contains_key(peer)
    }

    /// Peers that are known.
    pub(crate) fn count(&self) -> usize {
        self.peers.len()
    }

    /// Bytes that count as held for all peers.
    pub(crate) fn bytes(&self) -> u64 {
        self.pipes.get()
    }
}

impl Server {
    /// Panics unless every count is the sum of what is there, and every table names what the others
    /// name. For tests: it looks at everything.
    pub fn check(&self) {
        let mut left = 0;
        let (mut reads, mut lookups) = (0, 0);
        for job in self.jobs.values() {
            match job {
                Job::Lookup { .. } => lookups += 1,
                Job::Read {
                    peer,
                    epoch,
                    reading,
                    ..
                } => {
                    reads += 1;
                    if self
                        .peers
                        .get(peer)
                        .is_none_or(|ledger| ledger.epoch != *epoch)
                    {
                        left += reading.bytes();
                    }
                }
            }
        }
        assert_eq!((self.reads.get(), self.lookups.get()), (reads, lookups));
        assert!(reads <= MAX_ALL_READS && lookups <= MAX_LOOKUPS);
        let pipes = self.peers.values().map(|ledger| ledger.pipe.bytes());
        assert_eq!(self.pipes.get(), pipes.sum::<u64>() + left);
        assert!(self.pipes.get() <= MAX_PIPES_BYTES + 2 * MAX_BLOCK_BYTES as u64);
        for (peer, ledger) in &self.peers {
            let reading = self.jobs.values().filter_map(|job| match job {
                Job::Read { epoch, size, .. } if *epoch == ledger.epoch => Some(*size),
                _ => None,
            });
            ledger.check(&reading.collect::<Vec<u32>>());
            let places = |queue: &mut dyn Iterator<Item = &PeerId>| {
                queue.filter(|other| *other == peer).count()
            };
            assert_eq!(places(&mut self.turns.iter()), usize::from(ledger.has_turn));
            assert_eq!(
                places(&mut self.to_look_up.iter()),
                usize::from(ledger.will_look_up)
            );
        }
        for peer in self.turns.iter().chain(&self.to_look_up) {
            assert!(self.peers.contains_key(peer));
        }
        let waiting = self.peers.iter().flat_map(|(peer, ledger)| {
            let waiting = ledger
                .wants
                .iter()
                .filter(|(_, want)| want.state.is_waiting());
            waiting.map(|(cid, _)| (*cid, *peer))
        });
        let named = self
            .waiting
            .iter()
            .flat_map(|(cid, peers)| peers.iter().map(|peer| (*cid, *peer)));
        let named: Vec<_> = named.collect();
        let waiting: BTreeSet<_> = waiting.collect();
        assert_eq!(named.len(), waiting.len());
        assert!(named.into_iter().all(|pair| waiting.contains(&pair)));
    }
}
