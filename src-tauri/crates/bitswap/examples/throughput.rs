//! How fast blocks go from one process to another over loopback TCP, with Noise and stock Yamux:
//!
//!     cargo run --release -p bitswap --example throughput -- [BLOCK_BYTES [COUNT]]
//!
//! The program starts itself a second time as the server. Blocks are made up in memory, so that no
//! disk is measured.

use std::collections::HashMap;
use std::io::{BufRead as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bitswap::{Behaviour, Config, Event, Found, SessionId, Want};
use bytes::Bytes;
use futures::StreamExt as _;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, Swarm, SwarmBuilder, noise, tcp};
use unixfs::cid::{Cid, RAW, SHA2_256, hash};

const SESSION: SessionId = SessionId(1);

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |index: usize, default| {
        arguments
            .get(index)
            .map_or(Ok(default), |text| text.parse())
    };
    let (size, count) = (number(1, 1 << 20)?, number(2, 1024)?);
    if arguments.get(3).is_some_and(|role| role == "serve") {
        serve(size, count).await
    } else {
        fetch(size, count).await
    }
}

fn new_swarm() -> anyhow::Result<Swarm<Behaviour>> {
    Ok(SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(
            tcp::Config::default().nodelay(true),
            noise::Config::new,
            libp2p_yamux::Config::default,
        )?
        .with_behaviour(|key| Behaviour::new(Config::new(key.public().to_peer_id())))?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_mins(1)))
        .build())
}

fn blocks(size: usize, count: usize) -> impl Iterator<Item = (Cid, Bytes)> {
    (0..count).filter_map(move |index| {
        let mut data = vec![0; size.max(8)];
        data[..8].copy_from_slice(&index.to_le_bytes());
        Some((Cid::new_v1(RAW, hash(SHA2_256, &data)?), data.into()))
    })
}

async fn serve(size: usize, count: usize) -> anyhow::Result<()> {
    let store: HashMap<Cid, Bytes> = blocks(size, count).collect();
    let mut swarm = new_swarm()?;
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    while let Some(event) = swarm.next().await {
        match event {
            SwarmEvent::NewListenAddr { address, .. } => writeln!(std::io::stdout(), "{address}")?,
            SwarmEvent::Behaviour(Event::Lookup { ticket, cids, .. }) => {
                let size = |cid| {
                    let size = u32::try_from(store.get(cid)?.len()).ok()?;
                    Some(Found { size, sure: true })
                };
                swarm
                    .behaviour_mut()
                    .answer_lookup(ticket, cids.iter().map(size).collect());
            }
            SwarmEvent::Behaviour(Event::Read { ticket, cid, .. }) => {
                swarm
                    .behaviour_mut()
                    .answer_read(ticket, store.get(&cid).cloned());
            }
            SwarmEvent::ConnectionClosed { .. } => break,
            _ => {}
        }
    }
    Ok(())
}

async fn fetch(size: usize, count: usize) -> anyhow::Result<()> {
    let mut server = Command::new(std::env::current_exe()?)
        .args([size.to_string(), count.to_string(), "serve".to_owned()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    std::io::BufReader::new(server.stdout.take().context("no output")?).read_line(&mut line)?;
    let cids: Vec<Cid> = blocks(size, count).map(|(cid, _)| cid).collect();

    let mut swarm = new_swarm()?;
    swarm.dial(line.trim().parse::<Multiaddr>()?)?;
    let mut begun = Instant::now();
    let mut missing = count;
    while missing > 0 {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                begun = Instant::now();
                let want = |cid: &Cid| Want {
                    cid: *cid,
                    size: u32::try_from(size).ok(),
                    priority: 0,
                };
                swarm.behaviour_mut().open_session(SESSION);
                swarm.behaviour_mut().add_providers(SESSION, &[peer_id]);
                swarm
                    .behaviour_mut()
                    .want(SESSION, cids.iter().map(want).collect());
            }
            SwarmEvent::Behaviour(Event::Block { data, .. }) => {
                swarm.behaviour_mut().release(data.len() as u64);
                missing -= 1;
            }
            _ => {}
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let megabytes = (size * count) as f64 / 1e6;
    writeln!(
        std::io::stdout(),
        "{count} blocks of {size} bytes in {seconds:.2} s: {:.0} MB/s, {:.0} blocks/s",
        megabytes / seconds,
        count as f64 / seconds
    )?;
    drop(swarm);
    server.wait()?;
    Ok(())
}
