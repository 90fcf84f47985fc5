//! A router: it lets its own network out under its one address, and nothing in that was not asked for.

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;

use super::delay::Delay;
use super::upnp::{Daemon, Speaks};
use super::{Network, Space};

pub(super) const WAN: &str = "wan";
pub(super) const LAN: &str = "lan";

/// How a router picks the port under which a connection goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nat {
    /// The same as inside, whoever it goes to: two of them can meet half-way.
    Cone,
    /// Another one for each destination: nobody can tell it beforehand.
    Symmetric,
}

#[derive(Debug)]
pub struct Router {
    /// First, so that it ends before its namespace does.
    daemon: Option<Daemon>,
    _line: Option<Delay>,
    space: Space,
    external: Ipv4Addr,
    lan: Network,
    folder: PathBuf,
}

impl Router {
    pub(super) fn new(
        space: Space,
        external: Ipv4Addr,
        lan: Network,
        nat: Nat,
        line: Option<Delay>,
        folder: PathBuf,
    ) -> Self {
        fs_err::create_dir(&folder).unwrap();
        let router = Self {
            daemon: None,
            _line: line,
            space,
            external,
            lan,
            folder,
        };
        router
            .space
            .run(&["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
        router.load(&rules(nat));
        router
    }

    /// Has the router open ports for those who ask, as most do at home.
    pub fn opens_ports(mut self, speaks: Speaks) -> Self {
        self.start(speaks, None);
        self
    }

    /// The same, where somebody told the router that its address is `external`.
    pub fn opens_ports_as(mut self, speaks: Speaks, external: Ipv4Addr) -> Self {
        self.start(speaks, Some(external));
        self
    }

    /// The same, which hangs up on whoever wants to know what its service can do.
    pub fn describes_no_service(self) -> Self {
        /// The 64 bits of `GET /WAN`, as the paths of miniupnpd's descriptions begin.
        const ASKED: &str = "@ih,0,64 0x474554202f57414e";
        let port = Daemon::HTTP_PORT;
        self.load(&format!(
            "insert rule inet filter input tcp dport {port} {ASKED} reject with tcp reset\n"
        ));
        self
    }

    /// The address that the public network sees.
    pub fn external(&self) -> Ipv4Addr {
        self.external
    }

    /// Switches it off and on: the daemon starts anew and has forgotten every port.
    pub fn restart(&mut self) {
        let (speaks, external) = self.daemon.as_ref().unwrap().settings();
        self.daemon = None;
        fs_err::remove_dir_all(&self.folder).unwrap();
        fs_err::create_dir(&self.folder).unwrap();
        self.load(
            "flush chain inet filter miniupnpd\n\
             flush chain inet nat prerouting_miniupnpd\n\
             flush chain inet nat postrouting_miniupnpd\n",
        );
        self.start(speaks, external);
    }

    /// The ports that are open now, from the rules that packets go by: `tcp 4801 192.168.11.10:4801`, sorted.
    pub fn open_ports(&self) -> Vec<String> {
        let rules = self.space.run(&[
            "nft",
            "list",
            "chain",
            "inet",
            "nat",
            "prerouting_miniupnpd",
        ]);
        let mut ports: Vec<String> = rules.lines().filter_map(open_port).collect();
        ports.sort();
        ports
    }

    /// The daemon's own list: `TCP:4801:192.168.11.10:4801:EXPIRY:NAME` a line.
    pub fn leases(&self) -> String {
        fs_err::read_to_string(self.folder.join(Daemon::LEASES)).unwrap_or_default()
    }

    pub(super) fn network_mut(&mut self) -> &mut Network {
        &mut self.lan
    }

    fn start(&mut self, speaks: Speaks, external: Option<Ipv4Addr>) {
        let [a, b, c] = self.lan.prefix;
        let inside = Ipv4Addr::new(a, b, c, 0);
        self.daemon = Some(Daemon::start(
            &self.space,
            &self.folder,
            inside,
            speaks,
            external,
        ));
    }

    fn load(&self, rules: &str) {
        let mut nft = self
            .space
            .command("nft")
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        nft.stdin
            .take()
            .unwrap()
            .write_all(rules.as_bytes())
            .unwrap();
        assert!(nft.wait().unwrap().success(), "nft refused:\n{rules}");
    }
}

/// Out under the router's address; in only what answers, or what miniupnpd lets through.
fn rules(nat: Nat) -> String {
    let masquerade = match nat {
        Nat::Cone => "masquerade",
        Nat::Symmetric => "masquerade random,fully-random",
    };
    format!(
        r#"
table inet filter {{
    chain miniupnpd {{ }}
    chain input {{
        type filter hook input priority 0; policy drop;
        iif lo accept
        ct state established,related accept
        iifname "{LAN}" accept
        icmp type echo-request accept
    }}
    chain forward {{
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        iifname "{LAN}" oifname "{WAN}" accept
        jump miniupnpd
    }}
}}
table inet nat {{
    chain prerouting_miniupnpd {{ }}
    chain postrouting_miniupnpd {{ }}
    chain prerouting {{
        type nat hook prerouting priority -100; policy accept;
        jump prerouting_miniupnpd
    }}
    chain postrouting {{
        type nat hook postrouting priority 100; policy accept;
        jump postrouting_miniupnpd
        oifname "{WAN}" {masquerade}
    }}
}}
"#
    )
}

/// A rule in short. nft shows miniupnpd's as `iif "wan" @nh,72,8 0x11 th dport 4801 dnat ip to 192.168.11.10:4801`: the byte
/// at bit 72 of an IPv4 header is the protocol, 17 for UDP.
fn open_port(rule: &str) -> Option<String> {
    let words: Vec<&str> = rule.split_whitespace().collect();
    let after = |word| {
        let at = words.iter().position(|other| *other == word)?;
        words.get(at + 1).copied()
    };
    let udp = ["0x11", "17", "udp"];
    let protocol = if words.iter().any(|word| udp.contains(word)) {
        "udp"
    } else {
        "tcp"
    };
    Some(format!("{protocol} {} {}", after("dport")?, after("to")?))
}
