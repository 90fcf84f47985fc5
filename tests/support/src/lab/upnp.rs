//! A real miniupnpd on a router, as most home routers have it.

use std::net::Ipv4Addr;
use std::path::Path;

use crate::process::Process;

use super::Space;
use super::router::{LAN, WAN};

/// What a router can be asked for a port in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    Upnp,
    /// PCP, and NAT-PMP for those who know nothing newer.
    Pcp,
}

#[derive(Debug)]
pub(super) struct Daemon {
    speaks: Speaks,
    external: Option<Ipv4Addr>,
    _process: Process,
}

impl Daemon {
    /// Its list of open ports, in its folder.
    pub(super) const LEASES: &'static str = "leases";
    pub(super) const HTTP_PORT: u16 = 5000;

    pub(super) fn start(
        router: &Space,
        folder: &Path,
        inside: Ipv4Addr,
        speaks: Speaks,
        external: Option<Ipv4Addr>,
    ) -> Self {
        let file = folder.join("miniupnpd.conf");
        fs_err::write(&file, config(folder, inside, speaks, external)).unwrap();
        let mut command = router.command("miniupnpd");
        // "-d": it stays in the foreground, so that it ends with this test.
        command
            .args(["-d", "-f"])
            .arg(&file)
            .arg("-P")
            .arg(folder.join("pid"));
        let process = Process::start(&mut command).unwrap();
        let listens = |talk: &str| match speaks {
            Speaks::Upnp => talk.contains("HTTP listening"),
            Speaks::Pcp => talk.contains("NAT-PMP/PCP traffic"),
        };
        process.wait_for_talk("its sockets", listens).unwrap();
        Self {
            speaks,
            external,
            _process: process,
        }
    }

    pub(super) fn settings(&self) -> (Speaks, Option<Ipv4Addr>) {
        (self.speaks, self.external)
    }
}

fn config(folder: &Path, inside: Ipv4Addr, speaks: Speaks, external: Option<Ipv4Addr>) -> String {
    let yes = |on| if on { "yes" } else { "no" };
    let (upnp, pcp) = (yes(speaks == Speaks::Upnp), yes(speaks == Speaks::Pcp));
    let leases = folder.join(Daemon::LEASES);
    let port = Daemon::HTTP_PORT;
    let told = external.map_or_else(String::new, |external| format!("ext_ip={external}\n"));
    format!(
        "ext_ifname={WAN}\n\
         listening_ip={LAN}\n\
         http_port={port}\n\
         enable_natpmp={pcp}\n\
         enable_upnp={upnp}\n\
         secure_mode=yes\n\
         system_uptime=yes\n\
         notify_interval=60\n\
         uuid=11111111-2222-3333-4444-555555555555\n\
         friendly_name=LabRouter\n\
         manufacturer_name=Lab\n\
         model_name=LabModel\n\
         upnp_table_name=filter\n\
         upnp_nat_table_name=nat\n\
         upnp_forward_chain=miniupnpd\n\
         upnp_nat_chain=prerouting_miniupnpd\n\
         upnp_nat_postrouting_chain=postrouting_miniupnpd\n\
         lease_file={}\n\
         {told}\
         allow 1024-65535 {inside}/24 1024-65535\n\
         deny 0-65535 0.0.0.0/0 0-65535\n",
        leases.display()
    )
}
