//! `shoal peers`

use engine::PeerView;

use super::reach::Reach;
use super::{Context, OK, Outcome};
use crate::api::types::{Event, Request};

/// List the peers that the running Shoal is connected to
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(Args {}: Args, context: &Context) -> Outcome {
    let out = &context.out;
    let reach = Reach::running(context, "peers").await?;
    let peers: Vec<PeerView> = reach.call(Request::Peers).await?;
    if out.is_json() {
        peers
            .into_iter()
            .try_for_each(|peer| out.event(&Event::Peer(peer)))?;
        return OK;
    }
    if peers.is_empty() {
        out.talk("No one is connected yet.");
    }
    out.table(peers.into_iter().map(row))?;
    OK
}

fn row(peer: PeerView) -> [String; 4] {
    let rtt = peer.rtt_ms.map(|rtt| format!("{rtt} ms"));
    let address = peer.addresses.into_iter().next();
    [
        peer.peer,
        rtt.unwrap_or_default(),
        peer.agent.unwrap_or_default(),
        address.unwrap_or_default(),
    ]
}
