//! Calls about the network: how it stands, who is there, and how each is to be treated.

use engine::Engine;
use engine::api::{
    BannedView, CheckRequest, CheckView, ItemId, NetworkView, PeerView, PersonView, Problem,
    StandingRequest,
};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Call;
use super::problem::told;

/// How others get here, and what stands in their way.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
pub(crate) struct NetworkRequest;

impl Call for NetworkRequest {
    const NAME: &'static str = "network";
    type Answer = NetworkView;

    async fn run(self, engine: &Engine) -> Result<NetworkView, Problem> {
        engine.network().await.map_err(told)
    }
}

/// Takes up to a minute.
impl Call for CheckRequest {
    const NAME: &'static str = "check";
    const ONLY_WAITS: bool = true;
    type Answer = CheckView;

    async fn run(self, engine: &Engine) -> Result<CheckView, Problem> {
        engine.check(self.public).await.map_err(told)
    }
}

/// Connected peers, as the network sees them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct PeersRequest;

impl Call for PeersRequest {
    const NAME: &'static str = "peers";
    type Answer = Vec<PeerView>;

    async fn run(self, engine: &Engine) -> Result<Vec<PeerView>, Problem> {
        engine.peers().await.map_err(told)
    }
}

/// Peers that are kept away for breaking the rules of the exchange.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
pub(crate) struct BannedRequest;

impl Call for BannedRequest {
    const NAME: &'static str = "banned";
    type Answer = Vec<BannedView>;

    async fn run(self, engine: &Engine) -> Result<Vec<BannedView>, Problem> {
        engine.banned().await.map_err(told)
    }
}

/// About one item, or about all there is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
#[ts(rename = "OfAny")]
pub(crate) struct PeopleRequest {
    pub(crate) id: Option<ItemId>,
}

impl Call for PeopleRequest {
    const NAME: &'static str = "people";
    type Answer = Vec<PersonView>;

    async fn run(self, engine: &Engine) -> Result<Vec<PersonView>, Problem> {
        engine.people(self.id).await.map_err(told)
    }
}

impl Call for StandingRequest {
    const NAME: &'static str = "set-standing";
    type Answer = ();

    async fn run(self, engine: &Engine) -> Result<(), Problem> {
        let set = engine.set_standing(&self.peer, self.standing).await;
        set.map_err(told)
    }
}
