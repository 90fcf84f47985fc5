//! Other settings while it runs: what changed is applied, and nothing else is touched.

use super::Actor;
use crate::net::NetConfig;

impl Actor {
    pub(super) fn configure(&mut self, config: NetConfig) {
        let behaviour = self.swarm.behaviour_mut();
        behaviour.crowd.set_max(config.max_connections_of_network);
    }
}
