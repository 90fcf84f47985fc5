//! Through which of this machine's interfaces others most likely get here: of many private addresses a link has room for few.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use libp2p::Multiaddr;
use netdev::Interface;
use netdev::interface::state::OperState;
use netdev::interface::types::InterfaceType;

use crate::address;

/// How likely others are on the network of an interface, the likeliest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It leads out: somebody runs a network there.
    Out,
    /// A network without a way out, or an address that is on no interface.
    Closed,
    /// Containers and virtual machines on this very computer.
    Inside,
    /// Nothing is plugged in.
    Dead,
}

/// Names of interfaces that are made for containers and virtual machines, by how they begin.
const INSIDE: [&str; 16] = [
    "bridge",
    "br-",
    "cali",
    "cilium",
    "cni",
    "docker",
    "flannel",
    "lxc",
    "lxdbr",
    "podman",
    "vboxnet",
    "veth",
    "vethernet",
    "virbr",
    "vmenet",
    "vmnet",
];

/// The addresses, those on the likeliest networks first; in their order otherwise. Where that can't be told they stay as they are.
pub(crate) async fn likeliest_first(mut addresses: Vec<Multiaddr>) -> Vec<Multiaddr> {
    // It reads the system's tables, which may take a moment.
    let ranks = tokio::task::spawn_blocking(ranks).await.unwrap_or_default();
    addresses.sort_by_key(|address| {
        let known = address::ip(address).and_then(|ip| ranks.get(&ip));
        known.copied().unwrap_or(Rank::Closed)
    });
    addresses
}

fn ranks() -> HashMap<IpAddr, Rank> {
    let mut ranks = HashMap::new();
    for interface in netdev::get_interfaces() {
        let rank = rank(&interface, is_bridge(&interface.name));
        ranks.extend(interface.ip_addrs().into_iter().map(|ip| (ip, rank)));
    }
    ranks
}

fn rank(interface: &Interface, is_bridge: bool) -> Rank {
    let name = interface.friendly_name.as_ref().unwrap_or(&interface.name);
    let name = name.to_lowercase();
    let is_dead = matches!(
        interface.oper_state,
        OperState::Down | OperState::LowerLayerDown | OperState::NotPresent
    );
    let is_inside = is_bridge
        || interface.if_type == InterfaceType::Bridge
        || INSIDE.iter().any(|inside| name.starts_with(inside));
    match interface.gateway {
        _ if is_dead => Rank::Dead,
        // A bridge that leads out is how virtual machines share this computer's own network.
        Some(_) => Rank::Out,
        None if is_inside => Rank::Inside,
        None => Rank::Closed,
    }
}

/// Linux calls a bridge an Ethernet like others.
fn is_bridge(name: &str) -> bool {
    cfg!(target_os = "linux")
        && Path::new("/sys/class/net")
            .join(name)
            .join("bridge")
            .exists()
}

#[cfg(test)]
mod tests {
    use netdev::NetworkDevice;

    use super::*;

    #[test]
    fn networks_that_lead_out_come_before_those_inside_this_computer() {
        let interface = |name: &str, oper_state, leads_out: bool| Interface {
            name: name.to_owned(),
            oper_state,
            gateway: leads_out.then(NetworkDevice::new),
            ..Interface::dummy()
        };
        for (interface, is_bridge, expected) in [
            (interface("eth0", OperState::Up, true), false, Rank::Out),
            (interface("br0", OperState::Up, true), true, Rank::Out),
            (interface("eth1", OperState::Up, false), false, Rank::Closed),
            (
                interface("tun0", OperState::Unknown, false),
                false,
                Rank::Closed,
            ),
            (
                interface("docker0", OperState::Up, false),
                true,
                Rank::Inside,
            ),
            (
                interface("vmnet8", OperState::Unknown, false),
                false,
                Rank::Inside,
            ),
            (
                interface("docker0", OperState::Down, false),
                true,
                Rank::Dead,
            ),
            (interface("eth2", OperState::Down, true), false, Rank::Dead),
        ] {
            assert_eq!(rank(&interface, is_bridge), expected, "{}", interface.name);
        }
    }
}
