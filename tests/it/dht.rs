//! Finding content by its CID alone: through the DHT, with Kubo in it.
//!
//! On this machine Shoal and Kubo meet in the local DHT (`/ipfs/lan/kad/1.0.0`), for Kubo keeps private addresses out of the public one.

use crate::support::kubo::{Daemon, Kubo};
use crate::support::shoal::{Shoal, text};
use crate::support::trees::{self, Kinds};

#[test]
fn kubo_and_shoal_find_each_others_content_through_the_dht_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ours = trees::sample(&folder.path().join("ours"), 92, Kinds::FilesAndFolders);
    let theirs = trees::sample(&folder.path().join("theirs"), 93, Kinds::All);
    let (_meeting_point, ready) = Shoal::new().with("dht", "on").daemon();
    let entrance = &*ready.listen[0];
    let neighbour = || {
        let shoal = Shoal::new().with("dht", "on");
        shoal.with("bootstrap", entrance)
    };
    let (Some(giver), Some(taker)) = (Kubo::in_dht(&[entrance]), Kubo::in_dht(&[entrance])) else {
        return;
    };

    let (_share, _, shared) = neighbour().share(&ours, &[]);
    let cid = text(&shared, "cid");
    let taking = taker.daemon();
    let out = folder.path().join("out");
    taking.get(&cid, &out);
    trees::assert_same(&ours, &out);

    let cid = giver.add(&theirs, &[]);
    let giving = giver.daemon();
    announce(&giving, &cid);
    let into = folder.path().join("into");
    neighbour().ok(&[&"get", &cid, &"--into", &into, &"--timeout", &"100"]);
    trees::assert_same(&theirs, &into.join(&cid));
}

/// Kubo announces only once it knows somebody.
fn announce(kubo: &Daemon<'_>, cid: &str) {
    kubo.wait_for_lan_peers(1);
    kubo.announce(cid);
}
