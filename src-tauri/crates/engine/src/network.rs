//! The network on top of the store: it starts with blocks out of the person's files, and with what outlives a run in the index.

use libp2p::identity::Keypair;
use unixfs::Cid;
use unixfs::cid;

use crate::serve;
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
) -> Result<Net, NetError> {
    let meter = Meter::default();
    let (source, counted) = (source.clone(), meter.clone());
    let blocks = move || serve::start(&source, &counted);
    let net = Net::start(config, identity, meter, blocks, memory(index)).await?;
    #[cfg(debug_assertions)]
    break_when_told(&net);
    Ok(net)
}

/// Names a file in which tests write which part of the network is to break.
#[cfg(debug_assertions)]
const BREAK: &str = "SHOAL_BREAK";

/// Shows what becomes of a fault. Not in what people run.
#[cfg(debug_assertions)]
fn break_when_told(net: &Net) {
    use net::status::Part;
    let Some(file) = std::env::var_os(BREAK) else {
        return;
    };
    let net = net.clone();
    tokio::spawn(async move {
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(50));
        loop {
            looks.tick().await;
            let told = fs_err::read_to_string(&file).unwrap_or_default();
            let part = match told.as_str() {
                "task" => Part::Task,
                "announcer" => Part::Announcer,
                "ports" => Part::Ports,
                _ => continue,
            };
            if fs_err::remove_file(&file).is_ok() {
                net.break_part(part).await;
            }
        }
    });
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
    let root = tokio::task::spawn_blocking(move || {
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
