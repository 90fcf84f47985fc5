//! Whom a person keeps away from, and private networks, with the real program.

use support::Wire;
use support::kubo::Kubo;
use support::shoal::{Shoal, text};
use support::trees::{self, Kinds};
use support::wait::{HUNG_SECONDS, until};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const OTHER_KEY: &str = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Seconds after which a download ends of which nobody has anything: no more than the test has to wait.
const IN_VAIN: &str = "5";
/// The same where somebody has it at first, and a busy machine may need a while to get there.
const IN_VAIN_LATER: &str = "20";

#[test]
fn kubo_and_shoal_meet_in_a_private_network_and_nobody_else_gets_in() {
    let folder = tempfile::tempdir().unwrap();
    let tree = trees::sample(&folder.path().join("tree"), 60, Kinds::All);
    let Some(kubo) = Kubo::new("unixfs-v1-2025", Wire::TcpTls) else {
        return;
    };
    let swarm_key = kubo.keep_private(KEY);
    let cid = kubo.add(&tree, &[]);
    let kubo = kubo.daemon();
    let address = Wire::TcpTls.pick(&kubo.addresses);
    // The key comes out of the file that Kubo has.
    let shoal = Shoal::new();
    shoal.ok(&[&"settings", &"network.key", &swarm_key]);
    let out = folder.path().join("from-kubo");
    let get = |shoal: &Shoal, patience: &str| {
        shoal.run(&[
            &"get",
            &cid,
            &"--provider",
            &address,
            &"--into",
            &out,
            &"--timeout",
            &patience,
        ])
    };
    for stranger in [Shoal::new(), Shoal::new().with("network.key", OTHER_KEY)] {
        get(&stranger, IN_VAIN).expect_code(3);
    }
    get(&shoal, HUNG_SECONDS).expect_code(0);
    trees::assert_same(&tree, &out.join(&cid));
    let (_share, ready, shared) = shoal.share(&tree, &[]);
    assert!(ready.listen.iter().all(|address| address.contains("/tcp/")));
    kubo.connect(ready.address(Wire::TcpTls));
    let out = folder.path().join("from-shoal");
    kubo.get(&text(&shared, "cid"), &out);
    trees::assert_same(&tree, &out);
}

#[test]
fn a_fetch_from_a_peer_ends_when_that_peer_is_blocked() {
    let folder = tempfile::tempdir().unwrap();
    // Equal blocks would be fetched once: then it is there before anybody can be blocked.
    let file = trees::file(&folder.path().join("file"), 61, 20_000_000);
    let slow = Shoal::new().with("upload.limit", "500000");
    let (_share, ready, shared) = slow.share(&file, &[]);
    let here = Shoal::new();
    let (_daemon, _) = here.daemon();
    let get = here.start(&[&"get", &text(&shared, "link"), &"--timeout", &IN_VAIN_LATER]);
    get.event_where("progress", |event| event["done"].as_u64() > Some(0));
    here.ok(&[&"peers", &"--block", &ready.peer]);
    let is_gone = || here.ok(&[&"peers"]).events.is_empty().then_some(());
    until("the blocked peer stays", is_gone);
    // Whom it fetched from is gone, and nobody else has it.
    get.finish().expect_code(3);
    let settings = here.ok(&[&"settings", &"peers.blocked"]);
    assert_eq!(text(settings.event("setting"), "value"), ready.peer);
    here.ok(&[&"peers", &"--forget", &ready.peer]);
    let settings = here.ok(&[&"settings", &"peers.blocked"]);
    assert_eq!(text(settings.event("setting"), "value"), "none");
}
