//! A small internet of namespaces: a public network, routers that translate addresses, and what stands behind them.
//!
//! ```text
//!   hosts .100 … ── 192.0.1.0/24 ── [delay] ── router .11 (NAT, maybe miniupnpd) ── 192.168.11.0/24 ── hosts .10 …
//!                        └────── router .12 …
//! ```
//!
//! No packet gets in or out: the namespaces hang together by cables of their own, and nothing leads to this machine's
//! network. A lab goes with its test, also when that panics.

mod delay;
mod inside;
mod moves;
mod names;
mod router;
mod space;
pub mod storm;
pub mod upnp;

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

pub use inside::Inside;
pub use router::{Nat, Router};
pub use space::Space;

use super::process::Process;
use super::tools;
use delay::Delay;

/// Not a range that is kept for documentation or tests: miniupnpd opens no ports on a router that has such an address.
const PUBLIC: [u8; 3] = [192, 0, 1];
const FIRST_ROUTER: u8 = 11;
const FIRST_PUBLIC: u8 = 100;
const FIRST_LAN: u8 = 10;
/// Of the switch of a network.
const BRIDGE: &str = "br0";

/// Public addresses for peers in great numbers.
const CITY: &str = "140.0.0.0/8";

/// One way on the line of a router: a round trip through it takes twice as long.
pub const ONE_WAY_MS: u32 = 25;

#[derive(Debug)]
pub struct Lab {
    number: u64,
    public: Network,
    folder: TempDir,
}

/// A switch and who is plugged in.
#[derive(Debug)]
pub struct Network {
    space: Space,
    prefix: [u8; 3],
    routers: u8,
    hosts: Vec<Host>,
}

/// A computer somewhere in the lab, which it stays in as long as the network it is plugged into.
#[derive(Clone, Debug)]
pub struct Host {
    space: Arc<Space>,
    address: Ipv4Addr,
    _line: Option<Arc<Delay>>,
}

impl Lab {
    /// A public network without anybody; `None` after a loud word where that cannot be made.
    pub fn new() -> Option<Self> {
        static LABS: AtomicU64 = AtomicU64::new(0);
        space::sweep();
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        if let Err(why) = space::possible(number) {
            tools::missing(&why);
            return None;
        }
        Some(Self {
            number,
            public: Network::new(number, PUBLIC),
            folder: tempfile::tempdir().unwrap(),
        })
    }

    /// A computer with a public address.
    pub fn host(&mut self) -> Host {
        self.public.host(self.number, None)
    }

    /// The same at the end of a line that takes [`ONE_WAY_MS`] each way.
    pub fn far_host(&mut self) -> Host {
        self.public.host(self.number, Some(ONE_WAY_MS))
    }

    /// Brings a computer with a public address nothing faster than that.
    pub fn bring_at_most(&self, host: &Host, bytes_a_second: u64) {
        let [.., number] = host.address.octets();
        self.public
            .space
            .pace(&format!("h{number}"), bytes_a_second);
    }

    /// A router with a public address.
    pub fn router(&mut self, nat: Nat) -> Router {
        self.public.router(self.number, nat, None, &self.folder)
    }

    /// The same at the end of a line that takes [`ONE_WAY_MS`] each way.
    pub fn far_router(&mut self, nat: Nat) -> Router {
        self.public
            .router(self.number, nat, Some(ONE_WAY_MS), &self.folder)
    }

    /// A router in the network of another router, as where the provider's box and the person's own both translate.
    pub fn router_behind(&self, outer: &mut Router, nat: Nat) -> Router {
        outer
            .network_mut()
            .router(self.number, nat, None, &self.folder)
    }

    /// A computer in the network of a router.
    pub fn host_behind(&self, router: &mut Router) -> Host {
        router.network_mut().host(self.number, None)
    }
}

impl Network {
    fn new(lab: u64, prefix: [u8; 3]) -> Self {
        let [_, _, last] = prefix;
        let space = Space::new(lab, &format!("net{last}"));
        space.run(&["ip", "link", "add", BRIDGE, "type", "bridge"]);
        space.up(BRIDGE);
        Self {
            space,
            prefix,
            routers: 0,
            hosts: Vec::new(),
        }
    }

    fn host(&mut self, lab: u64, delay: Option<u32>) -> Host {
        let first = if self.prefix == PUBLIC {
            FIRST_PUBLIC
        } else {
            FIRST_LAN
        };
        let number = first + u8::try_from(self.hosts.len()).unwrap();
        let [_, _, net] = self.prefix;
        let space = Space::new(lab, &format!("host{net}-{number}"));
        let port = format!("h{number}");
        let line = delay.map(|one_way| Delay::new(&self.space, &port, &space, "eth0", one_way));
        if line.is_none() {
            space.cable("eth0", &self.space, &port);
        }
        self.plug(&port);
        let address = self.give(&space, "eth0", number);
        if self.prefix != PUBLIC {
            space.run(&["ip", "route", "add", "default", "via", &self.gateway()]);
        }
        // Devices find each other by multicast, which without a route of its own would go to the default one, or nowhere.
        space.run(&["ip", "route", "add", "224.0.0.0/4", "dev", "eth0"]);
        let space = Arc::new(space);
        let host = Host {
            space,
            address,
            _line: line.map(Arc::new),
        };
        self.hosts.push(host.clone());
        host
    }

    fn router(&mut self, lab: u64, nat: Nat, delay: Option<u32>, folder: &TempDir) -> Router {
        let number = if self.prefix == PUBLIC {
            FIRST_ROUTER
        } else {
            // Behind another router, past its hosts.
            FIRST_PUBLIC
        } + self.routers;
        self.routers += 1;
        let [_, _, net] = self.prefix;
        let inside = if self.prefix == PUBLIC {
            number
        } else {
            net + FIRST_PUBLIC
        };
        let space = Space::new(lab, &format!("router{net}-{number}"));
        let port = format!("r{number}");
        let line =
            delay.map(|one_way| Delay::new(&self.space, &port, &space, router::WAN, one_way));
        if line.is_none() {
            space.cable(router::WAN, &self.space, &port);
        }
        self.plug(&port);
        let address = self.give(&space, router::WAN, number);
        if self.prefix != PUBLIC {
            space.run(&["ip", "route", "add", "default", "via", &self.gateway()]);
        }
        let lan = Network::new(lab, [192, 168, inside]);
        space.cable(router::LAN, &lan.space, "router");
        lan.plug("router");
        lan.give(&space, router::LAN, 1);
        let folder = folder.path().join(format!("router{net}-{number}"));
        Router::new(space, address, lan, nat, line, folder)
    }

    fn plug(&self, port: &str) {
        self.space
            .run(&["ip", "link", "set", port, "master", BRIDGE]);
    }

    fn give(&self, space: &Space, interface: &str, number: u8) -> Ipv4Addr {
        let [a, b, c] = self.prefix;
        let address = Ipv4Addr::new(a, b, c, number);
        // In the public network everybody has a line of their own: nobody is a neighbour.
        let bits = if self.prefix == PUBLIC { 32 } else { 24 };
        let own = format!("{address}/{bits}");
        space.run(&["ip", "address", "add", &own, "dev", interface]);
        if self.prefix == PUBLIC {
            let all = format!("{a}.{b}.{c}.0/24");
            space.run(&["ip", "route", "add", &all, "dev", interface]);
        }
        address
    }

    fn gateway(&self) -> String {
        let [a, b, c] = self.prefix;
        Ipv4Addr::new(a, b, c, 1).to_string()
    }
}

impl Host {
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Runs code of this process there.
    pub fn inside(&self) -> Inside {
        Inside::new(&self.space)
    }

    /// Gives it all addresses of [`CITY`], as if it were millions of computers.
    pub fn be_many(&self) {
        self.space
            .run(&["ip", "route", "add", "local", CITY, "dev", "lo"]);
    }

    /// Tells it where [`CITY`] is.
    pub fn know_the_way_to(&self, many: &Self) {
        let gateway = many.address.to_string();
        self.space
            .run(&["ip", "route", "add", CITY, "via", &gateway]);
    }

    /// Bytes that came in so far.
    pub fn received(&self) -> u64 {
        let count = "/sys/class/net/eth0/statistics/rx_bytes";
        self.space.run(&["cat", count]).trim().parse().unwrap()
    }

    /// Lets nothing out faster than that.
    pub fn send_at_most(&self, bytes_a_second: u64) {
        self.space.pace("eth0", bytes_a_second);
    }

    /// Starts a Python program there.
    pub fn python(&self, script: &Path, arguments: &[&str]) -> Process {
        let mut command = self.space.command("python3");
        Process::start(command.arg(script).args(arguments)).unwrap()
    }
}
