//! A person's own Shoal as the relay of their devices: it introduces, and the files go past it.

use super::{bytes_from, fetch, link, network_where, reason, share};
use support::Wire;
use support::lab::{Lab, Nat};
use support::shoal::{Ready, Shoal};
use support::trees;

/// Many times what a relay passes on in one connection, 128 KiB.
const SIZE: u64 = 1_000_000;

#[test]
fn ones_own_relay_introduces_over_tcp() {
    check(Wire::TcpTls);
}

#[test]
fn ones_own_relay_introduces_over_quic() {
    check(Wire::Quic);
}

fn check(wire: Wire) {
    let Some(mut lab) = Lab::new() else { return };
    let public = lab.host();
    let mut routers = [(); 2].map(|()| lab.far_router(Nat::Cone));
    let [home, away] = routers.each_mut().map(|router| lab.host_behind(router));
    // One wire alone, so that the hole is punched for that one; and any port, as the routers have seen nobody there.
    let listen = match wire {
        Wire::Quic => "/ip4/0.0.0.0/udp/0/quic-v1",
        _ => "/ip4/0.0.0.0/tcp/0",
    };
    let somebody = |host| Shoal::at(host).with("listen", listen);

    let seed = somebody(&home);
    // It tells who it is, for the relay to trust it.
    let (first, Ready { peer: trusted, .. }) = seed.daemon();
    first.interrupt().expect_code(0);
    let relay = somebody(&public)
        .with("relay.service", "on")
        .with("peers.trusted", &trusted);
    let (_relaying, relay) = relay.daemon();
    let relay_at = relay.address(wire);

    let seed = seed.with("relays", relay_at);
    let (_seeding, _) = seed.daemon();
    network_where(&seed, "relayed", |view| reason(view, "relay") == "relayed");
    let folder = tempfile::tempdir().unwrap();
    let file = trees::file(&folder.path().join("file"), 73, SIZE);
    let (_, id) = share(&seed, &file);
    let before = public.received();
    let done = fetch(&somebody(&away), &link(&seed, &id), &[], &file);
    let passed_on = public.received() - before;
    assert!(bytes_from(&done, &trusted) >= SIZE, "{}", done.stdout);
    assert!(passed_on < SIZE / 4, "{passed_on} bytes came to the relay");
}
