//! The ways in which others get here, from the best to the last resort, and which of them stand.
//!
//! Pure: the actor says what it sees, this says what it means. Opening a port and relays are rungs that this version doesn't
//! climb; they are told all the same, so that a person sees what is missing.

use libp2p::Multiaddr;

use super::address::{self, Scope};
use crate::requests::{Rung, RungKind, RungState};
use crate::view::Reach;

/// What the actor sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ground {
    /// Nothing leaves this machine, or nothing is listened at that others could reach.
    pub(crate) this_machine_only: bool,
    /// Devices on this network are looked for.
    pub(crate) mdns: bool,
    /// Where connections are accepted.
    pub(crate) listen: Vec<Multiaddr>,
    /// Where others are told to come.
    pub(crate) external: Vec<Multiaddr>,
    /// Devices on this network that were seen or are connected.
    pub(crate) nearby: usize,
}

impl Ground {
    pub(crate) fn reach(&self) -> Reach {
        if self.this_machine_only {
            return Reach::Local;
        }
        let on_network =
            |address: &Multiaddr| matches!(address::scope(address), Scope::Private | Scope::Public);
        if !self.listen.iter().any(on_network) {
            return Reach::Offline;
        }
        match self.public() {
            Some(_) => Reach::Direct,
            None => Reach::Local,
        }
    }

    /// Always four, in the order of the ladder.
    pub(crate) fn rungs(&self) -> Vec<Rung> {
        let later = |rung| step(rung, RungState::Off, "not-in-this-version");
        vec![
            self.direct(),
            later(RungKind::Port),
            later(RungKind::Relay),
            self.local(),
        ]
    }

    fn direct(&self) -> Rung {
        if self.this_machine_only {
            return step(RungKind::Direct, RungState::No, "this-machine-only");
        }
        match self.public().and_then(address::ip) {
            Some(ip) => Rung {
                detail: Some(ip.to_string()),
                ..step(RungKind::Direct, RungState::InUse, "public-address")
            },
            None => step(RungKind::Direct, RungState::No, "no-public-address"),
        }
    }

    fn local(&self) -> Rung {
        let (state, reason) = match self.reach() {
            _ if self.this_machine_only => (RungState::InUse, "this-machine-only"),
            Reach::Offline => (RungState::No, "nobody-nearby"),
            _ if self.nearby == 0 && !self.mdns => (RungState::Off, "switched-off"),
            Reach::Local if self.nearby == 0 => (RungState::InUse, "nobody-nearby"),
            Reach::Local => (RungState::InUse, "devices-nearby"),
            _ if self.nearby == 0 => (RungState::Ready, "nobody-nearby"),
            _ => (RungState::Ready, "devices-nearby"),
        };
        step(RungKind::Local, state, reason)
    }

    fn public(&self) -> Option<&Multiaddr> {
        let is_public = |address: &&Multiaddr| address::scope(address) == Scope::Public;
        self.external.iter().find(is_public)
    }
}

fn step(rung: RungKind, state: RungState, reason: &str) -> Rung {
    Rung {
        rung,
        state,
        reason: reason.to_owned(),
        detail: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground(listen: &[&str], external: &[&str]) -> Ground {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Ground {
            mdns: true,
            listen: parse(listen),
            external: parse(external),
            ..Ground::default()
        }
    }

    fn check(ground: &Ground, reach: Reach, direct: &str, local: (RungState, &str)) {
        let rungs = ground.rungs();
        let kinds: Vec<_> = rungs.iter().map(|rung| rung.rung).collect();
        assert_eq!(
            kinds,
            [
                RungKind::Direct,
                RungKind::Port,
                RungKind::Relay,
                RungKind::Local
            ]
        );
        assert_eq!(ground.reach(), reach);
        assert_eq!(rungs[0].reason, direct);
        assert_eq!((rungs[3].state, rungs[3].reason.as_str()), local);
    }

    #[test]
    fn the_best_way_in_is_named_and_each_has_its_reason() {
        let home = &["/ip4/192.168.1.5/tcp/4801"];
        let server = &["/ip4/8.8.8.8/tcp/4801"];
        check(
            &ground(server, server),
            Reach::Direct,
            "public-address",
            (RungState::Ready, "nobody-nearby"),
        );
        check(
            &ground(home, &[]),
            Reach::Local,
            "no-public-address",
            (RungState::InUse, "nobody-nearby"),
        );
        let seen = Ground {
            nearby: 2,
            ..ground(home, &[])
        };
        check(
            &seen,
            Reach::Local,
            "no-public-address",
            (RungState::InUse, "devices-nearby"),
        );
        let blind = Ground {
            mdns: false,
            ..ground(server, server)
        };
        check(
            &blind,
            Reach::Direct,
            "public-address",
            (RungState::Off, "switched-off"),
        );
        check(
            &ground(&["/ip4/127.0.0.1/tcp/1"], &[]),
            Reach::Offline,
            "no-public-address",
            (RungState::No, "nobody-nearby"),
        );
        let alone = Ground {
            this_machine_only: true,
            ..ground(&["/ip4/127.0.0.1/tcp/1"], &[])
        };
        check(
            &alone,
            Reach::Local,
            "this-machine-only",
            (RungState::InUse, "this-machine-only"),
        );
        let detail = &ground(server, server).rungs()[0].detail;
        assert_eq!(detail.as_deref(), Some("8.8.8.8"));
    }
}
