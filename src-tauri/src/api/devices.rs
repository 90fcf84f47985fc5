//! Calls about devices, and what they offer each other.

use std::time::Duration;

use engine::Engine;
use engine::api::{
    AcceptRequest, DevicesView, ItemId, OffersView, OtherDevice, Problem, SendRequest,
};
use serde::{Deserialize, Serialize};

use super::Call;
use super::problem::told;

/// The longest wait that a call may ask for; a reader that is gone is forgotten after it.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// Other Shoals on this network.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct DevicesRequest;

impl Call for DevicesRequest {
    const NAME: &'static str = "devices";
    type Answer = DevicesView;

    async fn run(self, engine: &Engine) -> Result<DevicesView, Problem> {
        engine.devices().await.map_err(told)
    }
}

/// The device that is meant by its name, its key in short or its peer ID.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FindDeviceRequest {
    pub(crate) to: String,
}

impl Call for FindDeviceRequest {
    const NAME: &'static str = "find-device";
    type Answer = OtherDevice;

    async fn run(self, engine: &Engine) -> Result<OtherDevice, Problem> {
        engine.find_device(&self.to).await.map_err(told)
    }
}

/// Gives the offer's number.
impl Call for SendRequest {
    const NAME: &'static str = "send";
    type Answer = i64;

    async fn run(self, engine: &Engine) -> Result<i64, Problem> {
        engine.send(self).await.map_err(told)
    }
}

/// What was offered, either way, once something of it changed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct OffersRequest {
    /// The revision that is known; 0: none.
    pub(crate) since: u64,
    /// Milliseconds to wait for something newer.
    pub(crate) wait_ms: u64,
}

impl Call for OffersRequest {
    const NAME: &'static str = "offers";
    const ONLY_WAITS: bool = true;
    type Answer = OffersView;

    async fn run(self, engine: &Engine) -> Result<OffersView, Problem> {
        let wait = Duration::from_millis(self.wait_ms).min(MAX_WAIT);
        engine.offers(self.since, wait).await.map_err(told)
    }
}

/// Gives the downloads.
impl Call for AcceptRequest {
    const NAME: &'static str = "accept";
    type Answer = Vec<ItemId>;

    async fn run(self, engine: &Engine) -> Result<Vec<ItemId>, Problem> {
        engine.accept(self).await.map_err(told)
    }
}

/// Say no to an offer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct DeclineRequest {
    pub(crate) id: i64,
}

impl Call for DeclineRequest {
    const NAME: &'static str = "decline";
    type Answer = ();

    async fn run(self, engine: &Engine) -> Result<(), Problem> {
        engine.decline(self.id).await.map_err(told)
    }
}
