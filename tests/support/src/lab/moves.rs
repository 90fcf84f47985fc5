//! What happens to a computer's line while programs run on it.

use super::{FIRST_LAN, Host, Router};

impl Host {
    /// Takes its only interface away, as when a Wi-Fi is out of reach: its address goes with it, and the way out.
    pub fn unplug(&self) {
        self.space.run(&["ip", "link", "delete", "eth0"]);
    }

    /// Plugs it into a router's network, which gives it an address there and a way out.
    pub fn plug_into(&mut self, router: &mut Router) {
        let network = router.network_mut();
        let number = FIRST_LAN + u8::try_from(network.hosts.len()).unwrap();
        let port = format!("h{number}");
        self.space.cable("eth0", &network.space, &port);
        network.plug(&port);
        self.address = network.give(&self.space, "eth0", number);
        let ways = [
            ["default", "via", &network.gateway()],
            ["224.0.0.0/4", "dev", "eth0"],
        ];
        for way in ways {
            self.space
                .run(&[&["ip", "route", "add"], &way[..]].concat());
        }
        network.hosts.push(self.clone());
    }

    /// Lets no packet in or out any more. Nobody is told: every interface stays up, and every connection seems to stand.
    pub fn fall_silent(&self) {
        for hook in ["input", "output"] {
            let chain = format!("{{ type filter hook {hook} priority -300; policy drop; }}");
            self.space.run(&["nft", "add", "table", "inet", "silence"]);
            self.space
                .run(&["nft", "add", "chain", "inet", "silence", hook, &chain]);
        }
    }
    /// Ends the silence.
    pub fn speak_again(&self) {
        self.space
            .run(&["nft", "delete", "table", "inet", "silence"]);
    }
}
