//! Calls about devices.

use engine::Engine;
use engine::api::{DevicesView, Problem};
use serde::{Deserialize, Serialize};

use super::Call;
use super::problem::told;

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
