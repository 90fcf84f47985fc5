//! `shoal peers`: who is connected and how, and how each is to be treated.

use engine::api::{BannedView, How, PersonView, Standing, StandingRequest};

use super::connect::Connection;
use super::event::Event;
use super::{Context, OK, Outcome};
use crate::api::{BannedRequest, PeersRequest, PeopleRequest};

/// List the peers that the running Shoal is connected to; or trust one, or keep away from it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Be always connected with this peer
    #[arg(long, value_name = "ID", group = "standing")]
    trust: Option<String>,
    /// Keep away from this peer
    #[arg(long, value_name = "ID", group = "standing")]
    block: Option<String>,
    /// Treat this peer like any other again
    #[arg(long, value_name = "ID", group = "standing")]
    forget: Option<String>,
}

impl Args {
    fn standing(self) -> Option<StandingRequest> {
        let ways = [
            (self.trust, Standing::Trusted),
            (self.block, Standing::Blocked),
            (self.forget, Standing::Usual),
        ];
        ways.into_iter()
            .find_map(|(peer, standing)| peer.map(|peer| StandingRequest { peer, standing }))
    }
}

pub(super) async fn run(args: Args, context: &Context) -> Outcome {
    let out = &context.out;
    if let Some(request) = args.standing() {
        let said = match request.standing {
            Standing::Trusted => "Shoal stays connected with this peer from now on.",
            Standing::Blocked => "Shoal keeps away from this peer from now on.",
            Standing::Usual => "This peer is like any other again.",
        };
        let connection = Connection::any(context).await?;
        let set = connection.call(request.clone()).await;
        connection.leave().await;
        set?;
        out.talk(said);
        let StandingRequest { peer, standing } = request;
        if out.is_json() {
            out.event(&Event::Standing { peer, standing })?;
        }
        return OK;
    }
    let connection = Connection::running(context, "peers").await?;
    if out.is_json() {
        let peers = connection.call(PeersRequest).await?;
        peers
            .into_iter()
            .try_for_each(|peer| out.event(&Event::Peer(peer)))?;
        let banned = connection.call(BannedRequest).await?;
        banned
            .into_iter()
            .try_for_each(|peer| out.event(&Event::Banned(peer)))?;
        return OK;
    }
    let people = connection.call(PeopleRequest { id: None }).await?;
    if people.is_empty() {
        out.talk("No one is connected yet.");
    }
    out.table(people.into_iter().map(row))?;
    let banned = connection.call(BannedRequest).await?;
    if !banned.is_empty() {
        out.talk("Kept away for breaking the rules of the exchange (`shoal peers --forget ID` lets one in again):");
    }
    out.table(banned.into_iter().map(banned_row))?;
    OK
}

pub(super) fn banned_row(banned: BannedView) -> [String; 2] {
    let minutes = banned.seconds.div_ceil(60);
    [banned.peer, format!("{minutes} min left")]
}

fn row(person: PersonView) -> [String; 6] {
    let rtt = person.rtt_ms.map(|rtt| format!("{rtt} ms"));
    let how = match person.how {
        How::Direct => "direct",
        How::Nearby => "nearby",
        How::Relay => "by relay",
    };
    let trusted = if person.trusted { "trusted" } else { "" };
    [
        person.peer,
        trusted.to_owned(),
        how.to_owned(),
        rtt.unwrap_or_default(),
        person.app.unwrap_or_default(),
        person.address.unwrap_or_default(),
    ]
}
