//! Rendezvous hashing: how downloaders of the same content share out the work without talking about
//! it.
//!
//! A block that only complete sources have should leave them once. So every downloader ranks itself
//! and the fellow downloaders it knows for each such block by a hash of peer and block: all come to
//! the same order, rank 0 fetches the block from the source, and the others hear of it by their
//! standing want-haves. Rank 1 steps in only when the owner will not come to it soon, judged by how
//! often it announces new blocks, then rank 2, and so on; and helpers begin where owners end. A
//! wrong view of the swarm costs a duplicate upload, never progress.

use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::peer::PeerSlot;

/// Finaliser of SplitMix64: every bit of the input moves every bit of the output.
pub(super) fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

pub(super) fn peer_number(id: &PeerId) -> u64 {
    id.to_bytes().chunks(8).fold(0, |number, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        mix(number ^ u64::from_le_bytes(word))
    })
}

/// Our rank for a block among the fellows, and the fellow that owns it if we don't.
pub(super) fn rank(
    block: u64,
    me: u64,
    fellows: impl Iterator<Item = (PeerSlot, u64)>,
) -> (u8, Option<PeerSlot>) {
    let mine = mix(block ^ me);
    let mut rank = 0u8;
    let mut best = (mine, None);
    for (slot, number) in fellows {
        let score = mix(block ^ number);
        if score > mine {
            rank = rank.saturating_add(1);
        }
        if score > best.0 {
            best = (score, Some(slot));
        }
    }
    (rank, best.1)
}

/// How fast a fellow announces blocks that it did not have when we asked: an average that forgets.
#[derive(Debug)]
pub(super) struct News {
    since: Instant,
    weight: f64,
    at: Instant,
    /// Silence after which nothing more is expected.
    silence: Duration,
}

impl News {
    /// Seconds.
    const MEMORY: f64 = 5.0;
    /// Time in which a fellow should have fetched a first block.
    const FIRST_BLOCK: Duration = Duration::from_secs(3);
    const NEVER: Duration = Duration::from_hours(1);

    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            weight: 0.0,
            at: now,
            silence: Self::NEVER,
        }
    }

    pub(super) fn add(&mut self, bytes: u32, now: Instant) {
        self.weight = self.faded(now) + f64::from(bytes);
        let rate = self.weight / self.age(now);
        let usual = Duration::try_from_secs_f64(f64::from(bytes) / rate).unwrap_or(Self::NEVER);
        self.silence = Duration::from_secs(2) + usual.saturating_mul(4);
        self.at = self.at.max(now);
    }

    /// It never announced anything.
    pub(super) fn is_none(&self) -> bool {
        self.weight <= 0.0
    }

    /// Time in which the fellow will probably have announced `bytes` more.
    pub(super) fn eta(&self, bytes: u64, now: Instant) -> Duration {
        let rate = self.faded(now) / self.age(now);
        if rate < 1.0 && now.saturating_duration_since(self.since) < Self::FIRST_BLOCK {
            // Who just came gets the benefit of the doubt.
            return Duration::from_secs(1);
        }
        if rate < 1.0 || now.saturating_duration_since(self.at) > self.silence {
            return Self::NEVER;
        }
        Duration::try_from_secs_f64(bytes as f64 / rate)
            .map_or(Self::NEVER, |eta| eta.min(Self::NEVER))
    }

    /// Seconds over which the weight was gathered.
    fn age(&self, now: Instant) -> f64 {
        now.saturating_duration_since(self.since)
            .as_secs_f64()
            .clamp(0.5, Self::MEMORY)
    }

    fn faded(&self, now: Instant) -> f64 {
        self.weight * (-now.saturating_duration_since(self.at).as_secs_f64() / Self::MEMORY).exp()
    }
}
