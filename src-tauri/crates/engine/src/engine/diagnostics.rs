//! A report that may be handed to strangers who help: what runs, in numbers and codes, without
//! names, paths or addresses.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::api::NetworkView;
use crate::api::Rates;
use crate::api::{ItemKind, ItemView, State};

/// What the report is made of.
pub(crate) struct Facts<'a> {
    pub(crate) items: &'a [ItemView],
    /// Absent without a network.
    pub(crate) network: Option<&'a NetworkView>,
    pub(crate) rates: &'a Rates,
    pub(crate) is_paused: bool,
    /// Settings that are not the default, without what would tell of this machine.
    pub(crate) settings: &'a [String],
}

pub(crate) fn report(facts: &Facts<'_>) -> String {
    let mut lines = vec![
        format!("Shoal {}", env!("CARGO_PKG_VERSION")),
        format!(
            "system: {} on {}, {} cores",
            std::env::consts::OS,
            std::env::consts::ARCH,
            std::thread::available_parallelism().map_or(1, usize::from)
        ),
    ];
    lines.extend(items(facts.items));
    if facts.is_paused {
        lines.push("everything is paused".to_owned());
    }
    let Rates { down, up, .. } = facts.rates;
    lines.push(format!("rates: {down} B/s in, {up} B/s out"));
    match facts.network {
        Some(view) => lines.extend(network(view)),
        None => lines.push("network: none".to_owned()),
    }
    lines.push("settings that are not the default:".to_owned());
    lines.extend(facts.settings.iter().map(|setting| format!("  {setting}")));
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

fn items(items: &[ItemView]) -> Vec<String> {
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    let mut problems: BTreeMap<&str, usize> = BTreeMap::new();
    for item in items {
        let kind = match item.kind {
            ItemKind::Share => "share",
            ItemKind::Download => "download",
        };
        *states
            .entry(format!("{kind} {}", item.state.name()))
            .or_default() += 1;
        if let State::NeedsYou(problem) = &item.state {
            *problems.entry(&problem.code).or_default() += 1;
        }
    }
    let bytes: u64 = items.iter().map(|item| item.total).sum();
    let files: u64 = items.iter().map(|item| item.files).sum();
    let mut lines = vec![format!(
        "items: {}, with {files} files and {bytes} bytes",
        items.len()
    )];
    lines.extend(
        states
            .iter()
            .map(|(state, count)| format!("  {state}: {count}")),
    );
    lines.extend(
        problems
            .iter()
            .map(|(code, count)| format!("  problem {code}: {count}")),
    );
    lines
}

fn network(view: &NetworkView) -> Vec<String> {
    let mut directory = String::from("off");
    if let Some(peers) = view.dht_peers {
        let role = if view.dht_server { "server" } else { "client" };
        directory.clear();
        // Writing into a String can't fail.
        let _ = write!(directory, "{role}, {peers} peers known");
    }
    let mut lines = vec![
        format!("network: {:?}, {} connected", view.reach, view.peers),
        format!(
            "  addresses: {} listened at, {} others are told",
            view.listen.len(),
            view.external.len()
        ),
        format!("  directory: {directory}"),
        format!("  devices nearby: {}", view.nearby.len()),
    ];
    let rung =
        |rung: &crate::api::Rung| format!("  {:?}: {:?}, {}", rung.rung, rung.state, rung.reason);
    lines.extend(view.rungs.iter().map(rung));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::tests::view;
    use store::index::ItemId;

    #[test]
    fn it_counts_and_names_nothing() {
        let mut broken = view(2);
        broken.name = "secret plans".to_owned();
        broken.path = Some("/home/ada/secret plans".into());
        broken.state = State::NeedsYou(crate::items::ItemError::UnknownItem(ItemId(2)).problem());
        let items = [view(1), broken, view(3)];
        let report = report(&Facts {
            items: &items,
            network: None,
            rates: &Rates::default(),
            is_paused: true,
            settings: &["mdns = off".to_owned()],
        });
        for line in [
            "items: 3, with 0 files and 0 bytes",
            "  share sharing: 2",
            "  share needs-you: 1",
            "  problem unknown-item: 1",
            "everything is paused",
            "  mdns = off",
        ] {
            assert!(report.lines().any(|said| said == line), "{line}\n{report}");
        }
        assert!(!report.contains("secret"));
    }
}
