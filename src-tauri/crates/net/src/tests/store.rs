//! Whoever keeps blocks, and what outlives a run: here nothing but memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::thread;

use bitswap::Found;
use bytes::Bytes;
use libp2p::identity::Keypair;
use parking_lot::Mutex;
use unixfs::cid::{self, Cid, Multihash};

use crate::{Answer, Blocks, Config, Functions, Memory, Meter, Net, NetError, Question, Server};

/// Clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    blocks: HashMap<Multihash, Bytes>,
    to_announce: HashSet<Multihash>,
    announced: HashMap<Multihash, i64>,
    peers: Option<Vec<u8>>,
}

pub(crate) fn cid_of(data: &Bytes) -> Cid {
    Cid::new_v1(cid::RAW, cid::hash(cid::SHA2_256, data).unwrap())
}

impl Store {
    /// A network that serves what is kept here.
    pub(crate) async fn join(&self, config: Config, identity: Keypair) -> Result<Net, NetError> {
        let store = self.clone();
        let blocks = move || store.serve();
        Net::start(config, identity, Meter::default(), blocks, self.memory()).await
    }

    pub(crate) fn put(&self, blocks: &[Bytes]) -> Vec<Cid> {
        let cids: Vec<Cid> = blocks.iter().map(cid_of).collect();
        let hashes = cids.iter().map(|cid| *cid.hash());
        let mut kept = self.0.lock();
        kept.blocks.extend(hashes.zip(blocks.iter().cloned()));
        cids
    }

    /// Each with the time at which it was announced last; 0: not yet.
    pub(crate) fn announcements(&self) -> Vec<(Multihash, i64)> {
        let kept = self.0.lock();
        let announced = kept.announced.iter();
        announced.map(|(key, time)| (*key, *time)).collect()
    }

    /// From now on these are to be announced.
    pub(crate) fn announce(&self, cids: &[Cid]) {
        self.0.lock().to_announce = cids.iter().map(|cid| *cid.hash()).collect();
    }

    pub(crate) fn memory(&self) -> Memory {
        let of = || self.clone();
        let wanted = of();
        let (all, set, forget, peers, set_peers) = (of(), of(), of(), of(), of());
        Memory::new(Functions {
            to_announce: Box::new(move || {
                Ok(wanted.0.lock().to_announce.iter().copied().collect())
            }),
            announcements: Box::new(move || Ok(all.announcements())),
            set_announced: Box::new(move |keys| {
                set.0.lock().announced.extend(keys);
                Ok(())
            }),
            forget_announced: Box::new(move |keys| {
                let mut kept = forget.0.lock();
                kept.announced.retain(|key, _| !keys.contains(key));
                Ok(())
            }),
            peers: Box::new(move || Ok(peers.0.lock().peers.clone())),
            set_peers: Box::new(move |bytes| {
                set_peers.0.lock().peers = Some(bytes);
                Ok(())
            }),
        })
    }

    fn serve(&self) -> Blocks {
        let (blocks, Server { questions, answers }) = Blocks::channel();
        let store = self.clone();
        thread::spawn(move || {
            for question in questions {
                if answers.blocking_send(store.answer(question)).is_err() {
                    return;
                }
            }
        });
        blocks
    }

    fn answer(&self, question: Question) -> Answer {
        let kept = self.0.lock();
        let block = |cid: &Cid| kept.blocks.get(cid.hash()).cloned();
        match question {
            Question::Find { ticket, cids } => {
                let find = |cid| {
                    let size = u32::try_from(block(cid)?.len()).unwrap();
                    Some(Found { size, sure: true })
                };
                let found = cids.iter().map(find).collect();
                Answer::Found { ticket, found }
            }
            Question::Block { ticket, cid, .. } => {
                let data = block(&cid);
                Answer::Block { ticket, data }
            }
        }
    }
}
