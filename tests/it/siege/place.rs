//! Where it happens: the computers, and what is to run on them.

use serde_json::json;
use tempfile::TempDir;

use support::dht::{self, simulated};
use support::kubo::Kubo;
use support::lab::{Host, Inside, Lab, Nat, Router};
use support::shoal::Shoal;
use support::siege;
use support::siege::web::Liars;

use super::{Assault, Enemy};

/// Peers that answer for the DHT, beside the besieged.
pub(super) const DHT_PEERS: usize = 30;
/// Devices that mean harm.
const DEVICES: usize = 3;

pub(super) struct Place {
    pub(super) folder: TempDir,
    pub(super) besieged: Shoal,
    besieged_host: Host,
    pub(super) honest: Shoal,
    honest_host: Host,
    pub(super) kubo: Kubo,
    kubo_host: Host,
    pub(super) enemies: Vec<Host>,
    pub(super) liars: Option<Liars>,
    /// Where honest peers of the DHT are.
    pub(super) dht: Option<Inside>,
    router: Option<Router>,
    lab: Lab,
}

impl Place {
    /// `None` after a loud word where the tools are missing.
    pub(super) fn new(enemy: Enemy) -> Option<Self> {
        let mut lab = Lab::new()?;
        let at_home = enemy == Enemy::Devices;
        let mut router = at_home.then(|| lab.router(Nat::Cone));
        let mut host = || match &mut router {
            Some(router) => lab.host_behind(router),
            None => lab.host(),
        };
        let [besieged_host, honest_host, kubo_host] = [(); 3].map(|()| host());
        let many = if at_home { DEVICES } else { 1 };
        let enemies: Vec<Host> = (0..many).map(|_| host()).collect();
        if !at_home {
            enemies[0].be_many();
            siege::be_silent(&enemies[0]);
            for host in [&honest_host, &kubo_host, &besieged_host] {
                host.know_the_way_to(&enemies[0]);
            }
        }
        let liars = (enemy == Enemy::Services).then(|| Liars::new(&enemies[0]));
        let mut shoal = Shoal::at(&besieged_host);
        if let Some(liars) = &liars {
            let urls = liars.urls.join(",");
            shoal = shoal
                .with("http.gateways", &urls)
                .with("http.routers", &urls);
        }
        let mut honest = Shoal::at(&honest_host);
        let mut dht_inside = None;
        if matches!(enemy, Enemy::Strangers(Assault::Records) | Enemy::Directory) {
            let inside = enemies[0].inside();
            let peers = inside.run(simulated::dht((0..DHT_PEERS).map(dht::address)));
            dht_inside = Some(inside);
            let entrances: Vec<String> = peers[..4].iter().map(ToString::to_string).collect();
            let entrances = entrances.join(",");
            let come_in = |shoal: Shoal| shoal.with("dht", "on").with("bootstrap", &entrances);
            (shoal, honest) = (come_in(shoal), come_in(honest));
        }
        shoal = match enemy {
            Enemy::Strangers(Assault::Relaying) => shoal.with("relay.service", "on"),
            // So few places that dozens of strangers take them all.
            Enemy::Strangers(Assault::Squatters) => shoal.with("connections.max", "48"),
            Enemy::Devices => shoal.with("mdns", "on"),
            _ => shoal,
        };
        Some(Self {
            folder: tempfile::tempdir().unwrap(),
            besieged: shoal,
            besieged_host,
            honest,
            honest_host,
            kubo: Kubo::at(&kubo_host, |config| {
                // It asks whoever is connected, and not only neighbours and who gave it something before.
                let everybody = json!({ "BroadcastControl": { "Enable": false } });
                config["Internal"]["Bitswap"] = everybody;
            })?,
            kubo_host,
            enemies,
            liars,
            dht: dht_inside,
            router,
            lab,
        })
    }

    /// Honest lines carry no more than that.
    pub(super) fn be_far(&self, bytes_a_second: u64) {
        self.honest_host.send_at_most(bytes_a_second);
        if self.router.is_some() {
            // Half for each.
            self.besieged_host.send_at_most(2 * bytes_a_second);
            return;
        }
        for host in [&self.honest_host, &self.kubo_host] {
            self.lab.bring_at_most(host, bytes_a_second);
        }
    }
}
