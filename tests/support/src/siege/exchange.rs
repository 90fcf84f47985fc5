//! What strangers do to the exchange.

use std::io;
use std::time::Duration;

use cid::Cid;
use futures::AsyncWriteExt;

use super::Attacker;
use super::stranger::{Blocks, Line, Stranger};
use super::words::{self, Want};

const BITSWAP: &str = "/ipfs/bitswap/1.2.0";
/// Wants that are kept of one peer.
const WANTLIST: usize = 1024;
/// What somebody asks again for meanwhile, and how soon.
const AGAIN: usize = 20;
const SOON: Duration = Duration::from_millis(1);
/// Streams of one connection.
const STREAMS: usize = 24;
/// The length of a message of 4 MiB, all but a byte.
const LARGE: [u8; 4] = [0xff, 0xff, 0xff, 0x01];
/// What comes of it, in pieces: all but a little.
static PIECE: [u8; 64 * 1024] = [0; 64 * 1024];
const PIECES: usize = 60;
/// What a slow reader takes in a second.
const SIP: usize = 1024;
/// What a peer with two connections asks for.
const ASKED: usize = 3;
/// The while in which an answer may come.
const MOMENT: Duration = Duration::from_millis(100);

impl Attacker {
    /// Each in one of three ways.
    pub(super) async fn want(&self) -> io::Result<()> {
        let line = Stranger::new(self.from)
            .connect(self.way(), Blocks::Taken)
            .await?;
        let mut stream = line.open(BITSWAP).await?;
        let blocks = &self.target.blocks[..2];
        let ask = words::wants(Want::Block, blocks, false);
        let back = words::wants(Want::Cancel, blocks, false);
        match self.number % 3 {
            0 => {
                let small = words::wants(Want::Have, &blocks[..1], false);
                loop {
                    stream.write_all(&ask).await?;
                    for _ in 0..AGAIN {
                        stream.write_all(&small).await?;
                        stream.flush().await?;
                        tokio::time::sleep(SOON).await;
                        self.strike();
                    }
                }
            }
            1 => {
                let nobody_has = self.unknown();
                let asks = words::wants(Want::Have, &nobody_has, false);
                let takes_back = words::wants(Want::Cancel, &nobody_has, false);
                loop {
                    stream.write_all(&asks).await?;
                    stream.write_all(&takes_back).await?;
                    stream.flush().await?;
                    self.strike();
                }
            }
            _ => loop {
                for message in [&ask, &back] {
                    stream.write_all(message).await?;
                    stream.flush().await?;
                    tokio::time::sleep(SOON).await;
                    self.strike();
                }
            },
        }
    }

    fn unknown(&self) -> Vec<Cid> {
        let first = self.number * WANTLIST;
        let numbers = first..first + WANTLIST;
        numbers
            .map(|number| words::unknown(number as u64))
            .collect()
    }

    pub(super) async fn send_by_half(&self) -> io::Result<()> {
        let line = Stranger::new(self.from)
            .connect(self.way(), Blocks::Taken)
            .await?;
        let mut standing = line.open(BITSWAP).await?;
        standing
            .write_all(&words::wants(
                Want::Have,
                &[words::unknown(self.number as u64)],
                false,
            ))
            .await?;
        standing.flush().await?;
        // Whichever is let no further waits, as do those that were.
        let pushes = futures::future::join_all((0..STREAMS).map(|_| self.push(&line)));
        tokio::select! {
            () = line.closed() => {}
            _ = pushes => {}
        }
        Ok(())
    }

    async fn push(&self, line: &Line) -> io::Result<()> {
        let mut stream = line.open(BITSWAP).await?;
        stream.write_all(&LARGE).await?;
        self.strike();
        for _ in 0..PIECES {
            stream.write_all(&PIECE).await?;
        }
        stream.flush().await?;
        line.closed().await;
        Ok(())
    }

    pub(super) async fn sip(&self) -> io::Result<()> {
        let sipped = Blocks::Sipped(SIP);
        // TCP lets hundreds of kilobytes come before it tells anybody that they were read.
        let way = &self.target.quic;
        let line = Stranger::new(self.from).connect(way, sipped).await?;
        let mut stream = line.open(BITSWAP).await?;
        stream
            .write_all(&words::wants(Want::Block, &self.target.blocks, false))
            .await?;
        stream.flush().await?;
        self.strike();
        line.closed().await;
        Ok(())
    }

    pub(super) async fn ask_without_listening(&self) -> io::Result<()> {
        let way = &self.target.quic;
        // A little, so that nobody takes it for dead.
        let deaf = Blocks::Sipped(SIP);
        let line = Stranger::new(self.from).connect(way, deaf).await?;
        let mut stream = line.open(BITSWAP).await?;
        let mut numbers = (self.number as u64) << 32..;
        loop {
            let next: Vec<Cid> = numbers
                .by_ref()
                .take(WANTLIST)
                .map(words::unknown)
                .collect();
            let asks = words::wants(Want::Have, &next, false);
            stream.write_all(&asks).await?;
            stream.flush().await?;
            self.strike();
        }
    }

    pub(super) async fn come_twice(&self) -> io::Result<()> {
        let stranger = Stranger::new(self.from);
        let first = stranger.connect(self.way(), Blocks::Taken).await?;
        let mut over_first = first.open(BITSWAP).await?;
        over_first
            .write_all(&words::wants(
                Want::Have,
                &[words::unknown(self.number as u64)],
                true,
            ))
            .await?;
        over_first.flush().await?;
        let second = stranger.connect(self.way(), Blocks::Refused).await?;
        let mut over_second = second.open(BITSWAP).await?;
        let asked = &self.target.blocks[..ASKED];
        for _ in 0..2 {
            let afresh = words::wants(Want::Block, asked, true);
            over_second.write_all(&afresh).await?;
            over_second.flush().await?;
            tokio::time::sleep(MOMENT).await;
        }
        self.strike();
        Ok(())
    }
}
