//! The network on top of the store: it starts with blocks out of the person's files, and with what outlives a run in the index.

use libp2p::identity::Keypair;
use unixfs::Cid;
use unixfs::cid;

use crate::faults::Faults;
use crate::serve;
use crate::util::blocking;
use net::status::Check;
use net::{self, Functions, Memory, Meter, Net, NetError};
use store::Source;
use store::index::{Index, ItemKind};

/// Under which the index keeps the DHT's peers.
const PEERS: &str = "dht peers";

/// Joins the network. What `index` says may be served is served from `source`.
pub(crate) async fn start(
    config: net::Config,
    identity: Keypair,
    source: &Source,
    index: &Index,
    faults: &Faults,
) -> Result<Net, NetError> {
    let meter = Meter::default();
    let (source, counted, faults) = (source.clone(), meter.clone(), faults.clone());
    let blocks = move || serve::start(&source, &counted, &faults);
    Net::start(config, identity, meter, blocks, memory(index)).await
}

fn memory(index: &Index) -> Memory {
    let of = || index.clone();
    let (announcements, set_announced, forget_announced) = (of(), of(), of());
    let (to_announce, peers, set_peers) = (of(), of(), of());
    Memory::new(Functions {
        to_announce: Box::new(move || Ok(to_announce.to_announce()?)),
        announcements: Box::new(move || Ok(announcements.announcements()?)),
        set_announced: Box::new(move |keys| Ok(set_announced.set_announced(&keys)?)),
        forget_announced: Box::new(move |keys| Ok(forget_announced.forget_announced(&keys)?)),
        peers: Box::new(move || Ok(peers.meta(PEERS)?)),
        set_peers: Box::new(move |bytes| Ok(set_peers.set_meta(PEERS, &bytes)?)),
    })
}

/// Tests whether others can get here. `public`: the public checking service is asked too.
pub(crate) async fn check(net: &Net, index: &Index, public: bool) -> Result<Check, NetError> {
    let mut check = net.check().await?;
    if public {
        let cid = something_shared(index.clone()).await;
        check.public = Some(net.check_publicly(cid).await?);
    }
    Ok(check)
}

/// The root of a share, or else the block of no bytes, which everybody has.
async fn something_shared(index: Index) -> Cid {
    let root = blocking(move || {
        let items = index.items().ok()?;
        let mut shares = items
            .into_iter()
            .filter(|item| item.kind == ItemKind::Share);
        shares.find_map(|share| share.root)
    });
    let nothing = || {
        let hash = cid::hash(cid::SHA2_256, &[]).unwrap_or_default();
        Cid::new_v1(cid::RAW, hash)
    };
    root.await.ok().flatten().unwrap_or_else(nothing)
}
