//! `shoal network`

use engine::NetworkView;

use super::reach::Reach;
use super::text::count;
use super::{Context, OK, Outcome};
use crate::api::types::{Event, Request};

/// Show how the running Shoal stands in the network, and where others can reach it
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(Args {}: Args, context: &Context) -> Outcome {
    let out = &context.out;
    let reach = Reach::running(context, "connections").await?;
    let network: NetworkView = reach.call(Request::Network).await?;
    if out.is_json() {
        out.event(&Event::Network(network))?;
    } else {
        out.table(lines(network).into_iter())?;
    }
    OK
}

fn lines(network: NetworkView) -> Vec<[String; 2]> {
    let directory = match network.dht_peers {
        None => "off".to_owned(),
        Some(known) => count(known, "peer known", "peers known"),
    };
    let mut lines = vec![
        ("me", network.peer),
        ("connected", count(network.peers, "peer", "peers")),
        ("directory", directory),
    ];
    lines.extend(
        network
            .listen
            .into_iter()
            .map(|address| ("listening", address)),
    );
    lines.extend(
        network
            .external
            .into_iter()
            .map(|address| ("reachable", address)),
    );
    lines
        .into_iter()
        .map(|(name, value)| [name.to_owned(), value])
        .collect()
}
