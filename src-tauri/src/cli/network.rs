//! `shoal network`: how others get here, in plain words, and the test of whether they do.

use engine::api::{
    AddressView, CheckRequest, CheckView, MappingView, NetworkView, RelayState, RelayView,
    RouterView, Rung, RungKind, RungState, ServiceKind, ServiceView, Verdict,
};

use super::connect::Connection;
use super::event::Event;
use super::text::{bytes, count};
use super::{Context, OK, Outcome};
use crate::api::NetworkRequest;

/// Show how the running Shoal stands in the network, and where others can reach it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Test whether others can get here; the exit code is 1 when they can't
    #[arg(long)]
    check: bool,
    /// Ask the public checking service too: it learns this computer's addresses
    #[arg(long, requires = "check")]
    public: bool,
}

pub(super) async fn run(Args { check, public }: Args, context: &Context) -> Outcome {
    let out = &context.out;
    let connection = Connection::running(context, "connections").await?;
    if check {
        out.talk("Asking others to try. This takes up to a minute.");
        let check = connection.call(CheckRequest { public }).await?;
        let code = u8::from(!is_reachable(&check));
        if out.is_json() {
            out.event(&Event::Check(check))?;
        } else {
            found(&check)
                .iter()
                .try_for_each(|sentence| out.text(sentence))?;
        }
        return Ok(code);
    }
    let network = connection.call(NetworkRequest).await?;
    if out.is_json() {
        out.event(&Event::Network(Box::new(network)))?;
    } else {
        out.table(lines(network).into_iter())?;
    }
    OK
}

fn is_reachable(check: &CheckView) -> bool {
    let public = check.public.as_ref().map(|public| public.reachable);
    check.reachable == Verdict::Yes || public == Some(Verdict::Yes)
}

/// What a test found, and what can be done about it.
fn found(check: &CheckView) -> Vec<String> {
    let mut sentences = vec![match check.reachable {
        Verdict::Yes => "Others can reach you.".to_owned(),
        Verdict::No => "Others can't reach you.".to_owned(),
        Verdict::Unknown | Verdict::Checking => {
            "Nobody could try whether you can be reached.".to_owned()
        }
    }];
    sentences.extend(
        check
            .addresses
            .iter()
            .map(|address| format!("  {}: {}", address.address, verdict(address))),
    );
    if let Some(public) = &check.public {
        let said = match public.reachable {
            Verdict::Yes => "got through",
            Verdict::No => "didn't get through",
            Verdict::Unknown | Verdict::Checking => "could not try",
        };
        let detail = public.detail.as_deref();
        let detail = detail.map(|detail| format!(": {detail}"));
        sentences.push(format!(
            "The public check {said}{}",
            detail.unwrap_or_default()
        ));
    }
    if !is_reachable(check) {
        sentences.push(match check.reachable {
            Verdict::No => "Next: `shoal network` says which ways there are and what stands in each. Opening a port in the router \
                helps most.".to_owned(),
            _ => "Next: connect to the internet and try again in a minute, or ask the public service with --public.".to_owned(),
        });
    }
    sentences
}

fn lines(network: NetworkView) -> Vec<[String; 2]> {
    let directory = match network.dht_peers {
        None => "off".to_owned(),
        Some(known) => {
            let answers = if network.dht_server {
                ", answering others"
            } else {
                ""
            };
            format!("{}{answers}", count(known, "peer known", "peers known"))
        }
    };
    let mut lines = vec![
        ("me", network.peer),
        ("connected", count(network.peers, "peer", "peers")),
        ("directory", directory),
    ];
    if let Some(known) = network.lan_peers {
        lines.push(("own directory", count(known, "peer known", "peers known")));
    }
    if let Some(data) = network.data {
        let low = if data.low {
            ", which is too little for downloads to go on"
        } else {
            ""
        };
        let said = format!(
            "{}, {} free on its disk{low}",
            bytes(data.bytes),
            bytes(data.free)
        );
        lines.push(("own data", said));
    }
    if network.private_network {
        lines.push(("private", "only those with the same key get in".to_owned()));
    }
    if let Some(fault) = &network.fault {
        let times = count(u64::from(fault.times), "time", "times");
        let what = "the network stopped by a fault in Shoal and was started again";
        lines.push(("fault", format!("{what} ({times}): {}", fault.detail)));
    }
    lines.extend(
        network
            .rungs
            .iter()
            .map(|rung| (way(rung.rung), sentence(rung))),
    );
    lines.extend(
        network
            .router
            .iter()
            .map(|router| ("router", router_line(router))),
    );
    lines.extend(
        network
            .mappings
            .iter()
            .map(|mapping| ("open port", mapping_line(mapping))),
    );
    lines.extend(
        network
            .relays
            .iter()
            .map(|relay| ("relay", relay_line(relay))),
    );
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
    lines.extend(network.addresses.iter().map(|address| {
        (
            "tried",
            format!("{}: {}", address.address, verdict(address)),
        )
    }));
    lines.extend(network.nearby.into_iter().map(|device| {
        let app = device.app.map(|app| format!(" {app}"));
        (
            "nearby",
            format!("{}{}", device.peer, app.unwrap_or_default()),
        )
    }));
    lines.extend(
        network
            .services
            .iter()
            .map(|service| ("web service", service_line(service))),
    );
    lines
        .into_iter()
        .map(|(name, value)| [name.to_owned(), value])
        .collect()
}

fn way(rung: RungKind) -> &'static str {
    match rung {
        RungKind::Direct => "directly",
        RungKind::Port => "by router",
        RungKind::Relay => "by relay",
        RungKind::Local => "on this network",
    }
}

/// What a way is worth and why, in a sentence, with what it is about.
fn sentence(rung: &Rung) -> String {
    let state = match rung.state {
        RungState::InUse => "in use",
        RungState::Ready => "ready",
        RungState::No => "no",
        RungState::Off => "off",
        RungState::Checking => "checking",
    };
    let reason = reason(rung.rung, &rung.reason);
    match &rung.detail {
        Some(detail) => format!("{state}: {reason} ({detail})"),
        None => format!("{state}: {reason}"),
    }
}

/// Every reason that the ladder has, in words. A newer engine's are shown as they are.
fn reason(rung: RungKind, code: &str) -> &str {
    match (rung, code) {
        (_, "this-machine-only") => "Shoal was told to stay on this computer",
        (_, "switched-off") => "switched off in the settings",
        (_, "checking") => "it is being found out",
        (_, "offline") => "this computer has no network",
        (_, "public-address") => "this computer has an address that everybody can reach",
        (_, "no-public-address") => "this computer has no address of its own on the internet",
        (RungKind::Direct, "not-confirmed") => "nobody gets through: a firewall may be in the way",
        (_, "not-confirmed") => "the router opened a port, but nobody gets through",
        (_, "opened") => "the router opened a port",
        (_, "not-needed") => "not needed: others get here without it",
        (_, "no-router") => "no router answered that can open ports",
        (RungKind::Relay, "refused") => "the relays that were asked have no room",
        (_, "refused") => "the router refuses; switch on UPnP or open the port there",
        (_, "double-nat") => "there is a second router behind the first; open the port there too",
        (_, "cgnat") => "the provider shares one address among many customers",
        (_, "relayed") => "others are introduced by a relay, then connect directly",
        (_, "no-relay") => "no relay was found",
        (_, "symmetric-nat") => "a relay answers, but this router lets nobody connect directly",
        (_, "devices-nearby") => "devices on this network were found",
        (_, "nobody-nearby") => "nobody else is on this network",
        (_, other) => other,
    }
}

fn router_line(router: &RouterView) -> String {
    let mut parts = vec![
        router
            .name
            .clone()
            .unwrap_or_else(|| "without a name".to_owned()),
    ];
    parts.push(format!("at {}", router.address));
    parts.extend(
        router
            .external
            .iter()
            .map(|address| format!("outside {address}")),
    );
    if let Some(problem) = &router.problem {
        let problem = match problem.as_str() {
            "no-external-address" => "it has no address of its own",
            other => reason(RungKind::Port, other),
        };
        parts.push(problem.to_owned());
    }
    parts.extend(router.detail.iter().map(|said| format!("it said {said:?}")));
    parts.join(", ")
}

fn mapping_line(mapping: &MappingView) -> String {
    let transport = match mapping.transport {
        engine::api::Transport::Tcp => "TCP",
        engine::api::Transport::Quic => "QUIC",
        engine::api::Transport::Other => "other",
    };
    let minutes = count(mapping.expires.div_ceil(60), "minute", "minutes");
    format!(
        "{} leads to {} ({transport}), {minutes} left",
        mapping.external, mapping.internal
    )
}

fn relay_line(relay: &RelayView) -> String {
    let state = match relay.state {
        RelayState::Asking => "being asked",
        RelayState::Reserved => "ready",
        RelayState::Refused => "refused",
    };
    let chosen = if relay.chosen { ", chosen by you" } else { "" };
    format!("{} {state}{chosen}", relay.address)
}

fn verdict(address: &AddressView) -> String {
    let tried = count(address.tries, "try", "tries");
    match address.reachable {
        Verdict::Yes => format!("reachable ({tried})"),
        Verdict::No => format!("not reachable ({tried})"),
        Verdict::Unknown => "nobody could try".to_owned(),
        Verdict::Checking => "being tried".to_owned(),
    }
}

fn service_line(service: &ServiceView) -> String {
    let does = match service.kind {
        ServiceKind::Router => "says who has what",
        ServiceKind::Gateway => "gives blocks",
    };
    let mut parts = vec![format!("{} {does}", service.url)];
    if service.received > 0 {
        parts.push(format!("{} so far", bytes(service.received)));
    }
    if !service.works {
        let problem = service.problem.as_deref().unwrap_or("no answer");
        parts.push(format!("but doesn't work: {problem}"));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_words() {
        let every = ["this-machine-only", "switched-off", "checking", "offline"];
        let of = |rung| match rung {
            RungKind::Direct => &["public-address", "no-public-address", "not-confirmed"][..],
            RungKind::Port => &[
                "opened",
                "not-needed",
                "no-router",
                "refused",
                "double-nat",
                "cgnat",
                "not-confirmed",
            ],
            RungKind::Relay => &[
                "relayed",
                "not-needed",
                "no-relay",
                "refused",
                "symmetric-nat",
            ],
            RungKind::Local => &["devices-nearby", "nobody-nearby"],
        };
        for rung in [
            RungKind::Direct,
            RungKind::Port,
            RungKind::Relay,
            RungKind::Local,
        ] {
            for code in every.iter().chain(of(rung)) {
                assert_ne!(reason(rung, code), *code);
            }
        }
    }

    #[test]
    fn a_test_that_failed_says_what_to_do_next() {
        let check = CheckView {
            at: 0,
            reachable: Verdict::No,
            asked: 3,
            addresses: Vec::new(),
            public: None,
        };
        assert!(found(&check).last().unwrap().starts_with("Next: "));
        let reached = CheckView {
            reachable: Verdict::Yes,
            ..check
        };
        assert_eq!(found(&reached), ["Others can reach you."]);
    }
}
